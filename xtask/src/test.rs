//! Everything that must hold, as CI runs it.

use crate::steps::{Steps, cargo, quietly};
use crate::{Failure, generate, tidy};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Crates whose clean build takes minutes: linted only when their own files changed.
const HEAVY: [&str; 1] = ["formwork-provider-aws"];

/// Runs all checks; the tests come last, so that their summary is the last line.
pub fn run() -> Result<(), Failure> {
    let steps = Steps::new();
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if quietly(&mut cargo(&[tool, "--version"])).is_err() {
            let mut add = Command::new("rustup");
            add.args(["component", "add", component]);
            steps.command(&format!("install {component}"), &mut add)?;
        }
    }
    steps.command("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    steps.step("tidy", tidy::check)?;
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets"]);
    for heavy in HEAVY {
        let folder = heavy.replacen("formwork-", "crates/", 1);
        if crate::steps::root().join(&folder).exists() && !changed(&folder) {
            clippy.args(["--exclude", heavy]);
        }
    }
    steps.command("clippy", clippy.args(["--", "-D", "warnings"]))?;
    steps.command("build", &mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
    steps.command("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    steps.step("reference", || generate::work(true))?;
    let nextest = quietly(&mut cargo(&["nextest", "--version"])).is_ok();
    if nextest {
        steps
            .command("documentation's examples", &mut cargo(&["test", "--quiet", "--workspace", "--doc"]))?;
        steps.announce("tests");
        return crate::steps::loudly(&mut cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]));
    }
    steps.announce("tests");
    counted(cargo(&["test", "--workspace", "--no-fail-fast"]).env("RUST_TEST_THREADS", threads()))
}

fn threads() -> String {
    std::thread::available_parallelism().map_or(1, usize::from).to_string()
}

/// Whether files in the folder differ from the last commit's parent, or from the last commit.
fn changed(folder: &str) -> bool {
    let differs = |from: &str| {
        let mut git = Command::new("git");
        git.current_dir(crate::steps::root()).args(["diff", "--quiet", from, "--", folder]);
        quietly(&mut git).is_err()
    };
    differs("HEAD") || differs("HEAD~1")
}

/// Runs `cargo test`, lets its lines through, and adds up its summaries.
fn counted(command: &mut Command) -> Result<(), Failure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| crate::steps::cannot(command, &e))?;
    let (mut passed, mut failed) = (0, 0);
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            println!("{line}");
            let (p, f) = summary(&line);
            passed += p;
            failed += f;
        }
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    println!("{passed} passed, {failed} failed");
    if status.success() { Ok(()) } else { Err(format!("the tests ended with {status}")) }
}

/// Numbers passed and failed of a line `test result: ok. 3 passed; 0 failed; …`.
fn summary(line: &str) -> (u64, u64) {
    let Some(rest) = line.strip_prefix("test result: ") else { return (0, 0) };
    let count = |word: &str| {
        rest.split([';', '.'])
            .filter_map(|part| part.trim().strip_suffix(word))
            .find_map(|n| n.trim().parse().ok())
            .unwrap_or(0)
    };
    (count("passed"), count("failed"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn summaries_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(super::summary(line), (12, 3));
        assert_eq!(super::summary("test a ... ok"), (0, 0));
    }
}
