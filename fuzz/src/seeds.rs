//! What each target begins with: what the project has anyway, and `fuzz/seeds`, where inputs that were found go too.

use std::path::{Path, PathBuf};

/// The targets.
pub const TARGETS: [&str; 8] =
    ["parser", "evaluator", "json", "yamldecode", "regex", "formatdate", "state", "plan"];

/// In a file of seeds, the line between two of them.
const BETWEEN: &str = "\n====\n";

/// The seeds of a target, in the repository at `root`.
pub fn seeds(root: &Path, target: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut take = |folder: &str, ending: &str, split: &str| {
        for path in files(&root.join(folder), ending) {
            let Ok(bytes) = std::fs::read(&path) else { continue };
            match std::str::from_utf8(&bytes) {
                Ok(text) if !split.is_empty() => {
                    all.extend(text.split(split).map(|part| part.as_bytes().to_vec()))
                }
                _ => all.push(bytes),
            }
        }
    };
    take(&format!("fuzz/seeds/{target}"), "", BETWEEN);
    match target {
        "parser" => {
            ["docs/examples", "examples", "modules"].into_iter().for_each(|from| take(from, ".tf", ""))
        }
        "evaluator" => {
            take("tests/differential/expressions", ".txt", "\n");
            all.retain(|line| !line.starts_with(b"#"));
            all.iter_mut().filter(|line| line.starts_with(b"! ")).for_each(|line| drop(line.drain(..2)));
        }
        "state" => take("state/golden", ".tfstate", ""),
        _ => {}
    }
    all
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path, ending)),
            false if path.to_string_lossy().ends_with(ending) => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}
