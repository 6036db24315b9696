//! The examples of the reference: there is one for each block of the language and each type, and each works.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_config::language::{BlockKind, DYNAMIC, TOP_LEVEL};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the examples leave out, because it does nothing here, or only in places where they cannot be.
const LEFT_OUT: [&str; 10] = [
    "terraform.experiments",
    "terraform.cloud",
    "terraform.provider_meta",
    "provider.version",
    "module.version",
    "output.ephemeral",
    "import.provider",
    "removed.connection",
    "provisioner.connection",
    "dynamic.labels",
];

/// Families whose objects need nothing outside, so that the examples can be carried out.
const ALONE: [&str; 6] = ["terraform", "null", "random", "local", "tls", "time"];

fn examples(kind: &str) -> Vec<PathBuf> {
    let folder = common::repository("docs/examples").join(kind);
    let mut all: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

fn name(example: &Path) -> String {
    example.file_stem().unwrap().to_string_lossy().into_owned()
}

/// All files of an example, one after the other.
fn text(example: &Path) -> String {
    if example.is_file() {
        return std::fs::read_to_string(example).unwrap();
    }
    let inside = std::fs::read_dir(example).unwrap().map(|e| text(&e.unwrap().path()));
    inside.collect::<Vec<_>>().join("\n")
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        copy(&path, &to.join(path.file_name().unwrap()));
    }
}

/// Runs commands in a folder that has nothing but the example, and returns what went wrong or was warned of.
fn run(example: &Path, commands: &[&[&str]]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let into = if example.is_file() { folder.path().join("main.tf") } else { folder.path().to_owned() };
    copy(example, &into);
    let mut wrong = Vec::new();
    for arguments in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_formwork"))
            .args(*arguments)
            .arg("-no-color")
            .current_dir(folder.path())
            .env_clear()
            .envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        // A type that is itself deprecated cannot be shown without a warning, nor a check of what is still to be made.
        let warned = said.contains("Warning:") && !["null_data_source", "check"].contains(&&*name(example));
        if !output.status.success() || warned {
            wrong.push(format!("{}: {}: {said}", example.display(), arguments.join(" ")));
        }
    }
    wrong
}

const WHOLE_LIFE: [&[&str]; 5] = [
    &["init"],
    &["validate"],
    &["plan", "-input=false"],
    &["apply", "-auto-approve", "-input=false"],
    &["destroy", "-auto-approve", "-input=false"],
];

fn check(examples: &[(PathBuf, &[&[&str]])]) {
    assert!(!examples.is_empty());
    let wrong = common::parallel(2, examples, |(example, commands)| run(example, commands)).concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Whether a word stands in a text, with nothing of a name beside it.
fn says(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "_-".contains(c);
    text.split(|c| !part(c)).any(|found| found == word)
}

fn left_out(kind: &BlockKind, text: &str, out: &mut Vec<String>) {
    for name in kind.names() {
        let full = format!("{}.{name}", kind.name);
        // The escaping block is the same everywhere: one example is enough.
        let elsewhere = name == "_" && kind.name != "resource";
        if !says(text, name) && !LEFT_OUT.contains(&&*full) && !elsewhere {
            out.push(full);
        }
    }
    // A fallback may have a fallback, which takes the same.
    let others = kind.blocks.iter().filter(|inner| !std::ptr::eq(**inner, kind));
    for inner in others.filter(|inner| says(text, inner.name)) {
        left_out(inner, text, out);
    }
}

#[test]
fn each_block_has_an_example_of_all_that_it_takes() {
    let all = examples("blocks");
    let names: Vec<String> = all.iter().map(|path| name(path)).collect();
    let provisioner = text(all.iter().find(|path| name(path) == "provisioner").unwrap());
    let mut missing = Vec::new();
    for kind in TOP_LEVEL.into_iter().chain([&DYNAMIC]) {
        let example = all.iter().find(|path| name(path) == kind.name);
        let text = text(example.unwrap_or_else(|| panic!("{} has no example among {names:?}", kind.name)));
        left_out(kind, &if kind.name == "resource" { text + &provisioner } else { text }, &mut missing);
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn examples_of_blocks_work() {
    // What is at an address outside cannot be reached.
    let examples = examples("blocks").into_iter().map(|path| match &*name(&path) {
        "provisioner" => (path, &WHOLE_LIFE[..3]),
        _ => (path, &WHOLE_LIFE[..]),
    });
    check(&examples.collect::<Vec<_>>());
}

#[test]
fn each_type_has_an_example_that_works() {
    let mut wanted: BTreeSet<(PathBuf, bool)> = BTreeSet::new();
    let folder = common::repository("docs/examples");
    for provider in formwork::providers() {
        let alone = ALONE.contains(&provider.name());
        let mut add = |kind: &str, name: &str| {
            wanted.insert((folder.join(kind).join(format!("{name}.tf")), alone));
        };
        if provider.schema().block.names().next().is_some() {
            add("providers", provider.name());
        }
        provider.resources().iter().for_each(|r| add("resources", r.type_name()));
        provider.data_sources().iter().for_each(|d| add("data-sources", d.type_name()));
        provider.ephemeral_resources().iter().for_each(|e| add("ephemeral", e.type_name()));
    }
    let missing: Vec<_> = wanted.iter().filter(|(path, _)| !path.is_file()).collect();
    assert!(missing.is_empty(), "there is no example in {missing:?}");
    let examples = wanted
        .into_iter()
        .map(|(path, alone)| (path, if alone { &WHOLE_LIFE[..] } else { &WHOLE_LIFE[..2] }));
    check(&examples.collect::<Vec<_>>());
}
