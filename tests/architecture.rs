//! Holds the table of arrows in `docs/architecture.md` against what Cargo says.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Rows of the form ``| `crate` | purpose | may import |``; several crates may share a row.
fn allowed(text: &str) -> Result<Arrows, String> {
    let mut arrows = Arrows::new();
    for (number, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [crates, _, imports] = cells.as_slice() else { continue };
        if !crates.starts_with('`') {
            continue;
        }
        let names = |cell: &str| -> Vec<String> {
            cell.split(|c: char| c.is_whitespace() || c == ',')
                .map(|w| w.trim_matches('`').to_owned())
                .filter(|w| !w.is_empty() && !["–", "-", "—"].contains(&w.as_str()))
                .collect()
        };
        for name in names(crates) {
            if arrows.insert(name.clone(), names(imports).into_iter().collect()).is_some() {
                return Err(format!("line {}: {name} has a second row", number + 1));
            }
        }
    }
    Ok(arrows)
}

/// What the crates of the workspace import from each other, without development dependencies.
fn actual() -> Arrows {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(common::repository(""))
        .output()
        .expect("cargo metadata runs");
    let metadata: Json = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let mut arrows = Arrows::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(name) = package["name"].as_str().and_then(|n| n.strip_prefix("formwork-")) else { continue };
        let imports = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|d| d["kind"] != "dev")
            .filter_map(|d| d["name"].as_str()?.strip_prefix("formwork-"))
            .map(str::to_owned);
        arrows.insert(name.to_owned(), imports.collect());
    }
    arrows
}

/// Every difference, as a sentence.
fn differences(allowed: &Arrows, actual: &Arrows) -> Vec<String> {
    let mut found = Vec::new();
    for (name, imports) in actual {
        match allowed.get(name) {
            None => found.push(format!("`{name}` has no row in the table")),
            Some(may) => found.extend(
                imports
                    .difference(may)
                    .map(|i| format!("`{name}` imports `{i}`, which its row does not allow")),
            ),
        }
    }
    let gone = allowed.keys().filter(|name| !actual.contains_key(*name));
    found.extend(gone.map(|name| format!("`{name}` has a row, and is no crate")));
    for (name, may) in allowed {
        found.extend(
            may.iter()
                .filter(|i| !actual.contains_key(*i))
                .map(|i| format!("the row of `{name}` allows `{i}`, which is no crate")),
        );
    }
    found
}

#[test]
fn crates_import_what_the_table_allows() {
    let path = common::repository("docs/architecture.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let allowed = allowed(&text).expect("the table");
    assert!(allowed.len() > 5, "docs/architecture.md has no table of crates, or its form has changed");
    let found = differences(&allowed, &actual());
    assert!(found.is_empty(), "docs/architecture.md and Cargo differ:\n{}", found.join("\n"));
}

#[test]
fn a_wrong_arrow_is_found() {
    let table =
        "| crate | purpose | may import |\n|---|---|---|\n| `a` | x | – |\n| `b`, `c` | x | a, `b` |\n";
    let allowed = allowed(table).expect("the table");
    let arrows = |rows: &[(&str, &[&str])]| -> Arrows {
        rows.iter().map(|(n, i)| ((*n).into(), i.iter().map(|i| (*i).into()).collect())).collect()
    };
    assert_eq!(allowed, arrows(&[("a", &[]), ("b", &["a", "b"]), ("c", &["a", "b"])]));
    let good = arrows(&[("a", &[]), ("b", &["a"]), ("c", &["b"])]);
    assert_eq!(differences(&allowed, &good), Vec::<String>::new());
    let bad = arrows(&[("a", &["b"]), ("b", &[]), ("d", &[])]);
    assert_eq!(
        differences(&allowed, &bad),
        [
            "`a` imports `b`, which its row does not allow",
            "`d` has no row in the table",
            "`c` has a row, and is no crate"
        ]
    );
}
