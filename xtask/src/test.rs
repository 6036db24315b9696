//! Everything that must hold, as CI runs it.

use crate::components::{self, Ahead, Facts};
use crate::steps::{Steps, build, cargo, quietly};
use crate::{Failure, generate, tidy};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What may be left out without being a failure: no release of it can be had everywhere.
const MAY_BE_SKIPPED: [&str; 1] = ["terraform"];

/// The crate that takes minutes to check, and its folder: linted and documented only when its own files changed.
const HEAVY: (&str, &str) = ("formwork-provider-aws", "crates/provider-aws");

/// Runs all checks; the tests come last, so that their summary is the last line. With `real`, the components are
/// prepared while Cargo builds, run while tests run, and are left as they were found.
pub fn run(real: bool) -> Result<(), Failure> {
    crate::interrupt::notice()?;
    let steps = Steps::new();
    if real && !components::is_root() {
        return Err("the tests on real components need root, for network namespaces; as somebody else, run \
                    `cargo xtask test --without-components`"
            .into());
    }
    let ahead = if real { Some(Ahead::begin(&steps)?) } else { None };
    cargo_checks(&steps)?;
    let Some(ahead) = ahead else {
        steps.announce("tests (those that need components are left out)");
        return tests(&Settings::default());
    };
    ahead.wait(&steps)?;
    components::need(&steps, "the test that watches the traffic", &[("strace", "strace")])?;
    components::need(&steps, "the tests of completions", &[("zsh", "zsh"), ("fish", "fish")])?;
    // The tests start servers of their own. Debian keeps the programs of each version in a folder that is not on PATH.
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut programs = versions.map(|version| version.path().join("bin/initdb"));
    if !programs.any(|program| program.exists()) {
        components::need(&steps, "the tests of states in PostgreSQL", &[("initdb", "postgresql")])?;
    }
    steps.announce("the stern cloud's tests");
    components::test()?;
    let oracle = components::oracle_python(&steps)?;
    let checkov = components::checkov_program(&steps)?;
    let started = components::start_everything(&steps)?;
    steps.announce("tests");
    let outcome = Settings::of(&started.facts)
        .and_then(|settings| tests(&settings.with_oracle(oracle).with_checkov(&checkov)));
    crate::interrupt::forget();
    if !started.new.is_empty() {
        let stopped = components::stop(&Steps::new(), &started.new);
        return outcome.and(stopped);
    }
    outcome
}

/// What needs nothing but Cargo.
fn cargo_checks(steps: &Steps) -> Result<(), Failure> {
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if quietly(&mut cargo(&[tool, "--version"])).is_err() {
            let mut add = Command::new("rustup");
            add.args(["component", "add", component]);
            steps.command(&format!("install {component}"), &mut add)?;
        }
    }
    steps.command("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    steps.step("tidy", tidy::check)?;
    let light = if changed(HEAVY.1) { &[][..] } else { &["--exclude", HEAVY.0, "--no-default-features"] };
    let mut clippy = cargo(&[&["clippy", "--workspace", "--all-targets"], light].concat());
    steps.command("clippy", clippy.args(["--", "-D", "warnings"]))?;
    steps.command("build", &mut build(&["--all-targets"]))?;
    // With an example, so that dependencies are checked with the same features as for clippy, and not once more.
    let targets = ["--lib", "--bin", "xtask", "--example", "formwork-reference"];
    let mut doc = cargo(&[&["doc", "--workspace", "--no-deps"], &targets[..], light].concat());
    steps.command("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    steps.step("reference", || generate::work(true))
}

/// Whether files in the folder differ from the last commit, or did in it. Without a history, they count as changed.
fn changed(folder: &str) -> bool {
    ["HEAD", "HEAD~1"].iter().any(|from| {
        let mut git = Command::new("git");
        git.current_dir(crate::steps::root()).args(["diff", "--quiet", from, "--", folder]);
        quietly(&mut git).is_err()
    })
}

/// What the tests are told of the components, as environment variables.
#[derive(Default)]
struct Settings(Vec<(&'static str, String)>);

impl Settings {
    /// With `FORMWORK_MUST`, a test that does not find its component fails.
    fn of(facts: &Facts) -> Result<Settings, Failure> {
        let fact = |component, key| facts.get(component, key).map(str::to_owned);
        let state = facts.file.display().to_string();
        Ok(Settings(vec![
            ("FORMWORK_MUST", "1".into()),
            ("FORMWORK_COMPONENTS_STATE", state.clone()),
            ("FORMWORK_ETCD_STATE", state),
            ("FORMWORK_AWS_ENDPOINT", fact("cloud", "endpoint")?),
            ("FORMWORK_KUBECONFIG", fact("kubernetes", "kubeconfig")?),
            ("FORMWORK_ANSIBLE", fact("ansible", "playbook")?),
            // The system of the SSH hosts has the server that tests of SSH start for themselves.
            ("FORMWORK_SSHD_ROOT", facts.file.with_file_name("hosts").join("base").display().to_string()),
        ]))
    }

    /// With the Python of the provider that Terraform is asked about the toy cloud with.
    fn with_oracle(mut self, python: Option<PathBuf>) -> Settings {
        self.0.extend(python.map(|python| ("FORMWORK_TOY_ORACLE", python.display().to_string())));
        self
    }

    /// With the reader of plans that nobody here wrote.
    fn with_checkov(mut self, program: &Path) -> Settings {
        self.0.push(("FORMWORK_CHECKOV", program.display().to_string()));
        self
    }

    fn must(&self) -> bool {
        !self.0.is_empty()
    }
}

/// What tests are told of the components, for chores that run some of them.
pub fn environment(facts: &Facts) -> Result<Vec<(&'static str, String)>, Failure> {
    Settings::of(facts).map(|settings| settings.0)
}

/// Runs `cargo test`, shows its lines and what was left out, and adds up its summaries.
fn tests(settings: &Settings) -> Result<(), Failure> {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    command.env("RUST_TEST_THREADS", threads()).envs(settings.0.iter().cloned());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| crate::steps::cannot(&command, &e))?;
    let mut said = Said::default();
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if said.hear(&line) {
                println!("{line}");
            }
        }
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    let skipped: Vec<&String> =
        said.skipped.iter().filter(|s| !MAY_BE_SKIPPED.iter().any(|m| s.contains(m))).collect();
    for line in &said.skipped {
        println!("{line}");
    }
    println!("{} passed, {} failed, {} left out", said.passed, said.failed, said.skipped.len());
    if !status.success() {
        return Err(format!("the tests ended with {status}"));
    }
    if settings.must() && !skipped.is_empty() {
        return Err(format!("{} tests did not find their component, though it runs", skipped.len()));
    }
    Ok(())
}

fn threads() -> String {
    std::thread::available_parallelism().map_or(1, usize::from).to_string()
}

/// What is heard while tests run with `--show-output`.
#[derive(Default)]
struct Said {
    passed: u64,
    failed: u64,
    /// Lines that say what a test left out, and why.
    skipped: Vec<String>,
    /// Whether the output of tests that went well is being repeated.
    repeating: bool,
    /// The test whose output that is.
    test: String,
}

impl Said {
    /// Takes one line in; says whether it is worth showing. Of tests that went well, tables are.
    fn hear(&mut self, line: &str) -> bool {
        match line {
            "successes:" => self.repeating = true,
            "failures:" => self.repeating = false,
            _ if line.starts_with("test result: ") => self.repeating = false,
            _ => {}
        }
        if let Some(test) = line.strip_prefix("---- ").and_then(|l| l.strip_suffix(" stdout ----")) {
            test.clone_into(&mut self.test);
        }
        if line.starts_with("skipped: ") {
            self.skipped.push(if self.repeating {
                format!("{line} ({})", self.test)
            } else {
                line.to_owned()
            });
            return false;
        }
        let (passed, failed) = summary(line);
        self.passed += passed;
        self.failed += failed;
        !self.repeating || line.starts_with("| ")
    }
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
    use super::*;

    #[test]
    fn summaries_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(summary(line), (12, 3));
        assert_eq!(summary("test a ... ok"), (0, 0));
    }

    #[test]
    fn what_was_left_out_is_heard() {
        let mut said = Said::default();
        let text = "test a ... ok\n\nsuccesses:\n\n---- a stdout ----\nskipped: no moon\nchatter\n| a | table |\n\n\
                    successes:\n    a\n\ntest result: ok. 2 passed; 0 failed; 0 ignored";
        let shown: Vec<&str> = text.lines().filter(|line| said.hear(line)).collect();
        assert_eq!(said.skipped, ["skipped: no moon (a)"]);
        assert_eq!(shown.last(), Some(&"test result: ok. 2 passed; 0 failed; 0 ignored"));
        assert!(shown.contains(&"| a | table |") && !shown.contains(&"chatter"), "{shown:?}");
        assert_eq!((said.passed, said.failed), (2, 0));
    }
}
