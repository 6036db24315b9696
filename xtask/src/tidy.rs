//! Files that are too long.

use crate::Failure;
use crate::steps::root;
use std::path::{Path, PathBuf};

/// From here on it is said.
const LONG: usize = 800;
/// From here on it is an error.
const TOO_LONG: usize = 1_000;

/// Names the files that are long, and fails for those that are too long.
pub fn run() -> Result<(), Failure> {
    check()?;
    let long = longer_than(LONG)?;
    for (path, lines) in &long {
        println!("{}: {lines} lines", path.display());
    }
    println!("{} files have more than {LONG} lines, none more than {TOO_LONG}", long.len());
    Ok(())
}

/// Fails when there are files that are too long.
pub fn check() -> Result<(), Failure> {
    let long = longer_than(TOO_LONG)?;
    if long.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = long.iter().map(|(p, n)| format!("  {}: {n} lines", p.display())).collect();
    Err(format!("files with more than {TOO_LONG} lines, to be divided by purpose:\n{}", names.join("\n")))
}

fn longer_than(limit: usize) -> Result<Vec<(PathBuf, usize)>, Failure> {
    let mut found = Vec::new();
    for folder in ["crates", "src", "tests", "xtask"] {
        walk(&root().join(folder), &mut |path| {
            if path.extension().is_some_and(|e| e == "rs") {
                let lines = std::fs::read_to_string(path)?.lines().count();
                if lines > limit {
                    found.push((path.strip_prefix(root()).unwrap_or(path).to_owned(), lines));
                }
            }
            Ok(())
        })
        .map_err(|e| format!("{folder}: {e}"))?;
    }
    found.sort();
    Ok(found)
}

/// Calls `f` with each file below a folder.
pub fn walk(folder: &Path, f: &mut dyn FnMut(&Path) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() { walk(&path, f)? } else { f(&path)? }
    }
    Ok(())
}
