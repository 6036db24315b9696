//! The same expressions and configurations, to Terraform and to us.
//!
//! Terraform's answers are recorded beside the questions. Where a `terraform` 1.11 is on `PATH`, a sample of the
//! questions is asked anew each time; with `FORMWORK_ORACLE=all` all of them are, and with `UPDATE_EXPECT=1` the
//! records are written anew.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

#[path = "../common/mod.rs"]
mod common;
mod configs;
mod expressions;
mod histories;
mod names;
mod plans;
mod sessions;

use formwork_testkit::Terraform;
use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Whom to ask.
struct Oracle {
    terraform: Option<Terraform>,
    all: bool,
    update: bool,
}

impl Oracle {
    fn new() -> Self {
        let all = std::env::var_os("FORMWORK_ORACLE").is_some_and(|v| v == "all");
        Oracle { terraform: Terraform::find(), all, update: common::updating() }
    }

    /// Terraform, if question number `index` is among those asked anew: each `every`-th is.
    fn fresh(&self, index: usize, every: usize) -> Option<&Terraform> {
        self.terraform.as_ref().filter(|_| self.all || self.update || index.is_multiple_of(every))
    }
}

/// Files of this extension in a folder, in the order of their names.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> =
        entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    paths.sort();
    paths
}

fn name(kind: &str, path: &Path) -> String {
    format!("{kind}::{}", path.file_stem().unwrap_or_default().to_string_lossy())
}

fn main() -> ExitCode {
    let folder = common::repository("tests/differential");
    let mut trials = Vec::new();
    for path in files(&folder.join("expressions"), "txt") {
        trials.push(Trial::test(name("expressions", &path), move || {
            Ok(expressions::check(&path, &Oracle::new())?)
        }));
    }
    trials.push(Trial::test("expressions::examples-of-providers", || Ok(expressions::examples()?)));
    for (index, path) in files(&folder.join("configs"), "case").into_iter().enumerate() {
        trials.push(Trial::test(name("configs", &path), move || {
            Ok(configs::check(&path, index, &Oracle::new())?)
        }));
    }
    for (index, path) in files(&folder.join("histories"), "case").into_iter().enumerate() {
        trials.push(Trial::test(name("histories", &path), move || {
            Ok(histories::check(&path, index, &Oracle::new())?)
        }));
    }
    for path in files(&folder.join("sessions"), "case") {
        trials
            .push(Trial::test(name("sessions", &path), move || Ok(sessions::check(&path, &Oracle::new())?)));
    }
    for path in files(&folder.join("plans"), "case") {
        trials.push(Trial::test(name("plans", &path), move || Ok(plans::check(&path, &Oracle::new())?)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
