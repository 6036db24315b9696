//! What the fuzzers begin with, and what they found: each target bears each of its seeds. `cargo xtask fuzz` looks for more.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;
use targets::seeds::{TARGETS, seeds};

fn check(target: &str, run: fn(&[u8])) {
    assert!(TARGETS.contains(&target));
    let seeds = seeds(&common::repository(""), target);
    assert!(seeds.len() >= 3, "{target} has {} seeds", seeds.len());
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(&seed));
        assert!(outcome.is_ok(), "{target}: {}", String::from_utf8_lossy(&seed));
    }
}

#[test]
fn parser() {
    check("parser", targets::parser);
}

#[test]
fn evaluator() {
    check("evaluator", targets::evaluator);
}

#[test]
fn json() {
    check("json", targets::json);
}

#[test]
fn yamldecode() {
    check("yamldecode", targets::yamldecode);
}

#[test]
fn regex() {
    check("regex", targets::regex);
}

#[test]
fn formatdate() {
    check("formatdate", targets::formatdate);
}

#[test]
fn state() {
    check("state", targets::state);
}

#[test]
fn plan() {
    check("plan", targets::plan);
}

#[test]
fn each_target_is_a_program() {
    let programs = common::repository("fuzz/fuzz_targets");
    for target in TARGETS {
        assert!(Path::new(&programs).join(format!("{target}.rs")).is_file(), "{target}");
    }
}
