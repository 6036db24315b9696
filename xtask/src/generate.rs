//! `docs/reference`, from the code.

use crate::Failure;
use crate::steps::{Steps, build, quietly, root, target};
use crate::tidy::walk;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Writes the reference, or looks whether it is as it would be written.
pub fn run(check: bool) -> Result<(), Failure> {
    Steps::new().step("reference", || work(check))
}

/// The same, without a word.
pub fn work(check: bool) -> Result<(), Failure> {
    let fresh = target().join("reference");
    remove(&fresh)?;
    quietly(&mut build(&["--example", "formwork-reference"]))?;
    let program = target().join("debug/examples/formwork-reference");
    quietly(std::process::Command::new(program).arg(&fresh))?;
    let written = root().join("docs/reference");
    if !check {
        remove(&written)?;
        return crate::steps::copy(&fresh, &written);
    }
    let (fresh, written) = (pages(&fresh)?, pages(&written)?);
    let stale: Vec<String> = fresh
        .iter()
        .filter(|(name, text)| written.get(*name) != Some(text))
        .map(|(name, _)| format!("  {} is missing or stale", name.display()))
        .chain(
            written
                .keys()
                .filter(|name| !fresh.contains_key(*name))
                .map(|name| format!("  {} is about nothing that exists", name.display())),
        )
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!(
        "docs/reference is not what the code says (`cargo xtask generate` mends it):\n{}",
        stale.join("\n")
    ))
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", folder.display())),
        _ => Ok(()),
    }
}

fn pages(folder: &Path) -> Result<BTreeMap<PathBuf, String>, Failure> {
    let mut found = BTreeMap::new();
    if folder.exists() {
        walk(folder, &mut |path| {
            let name = path.strip_prefix(folder).unwrap_or(path).to_owned();
            found.insert(name, std::fs::read_to_string(path)?);
            Ok(())
        })
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    Ok(found)
}
