//! A consumer of plans that nobody here wrote: Checkov, from PyPI, reads what `show -json` prints.
//!
//! `planted/` violates some of its checks, `planted.txt` lists which and where, and `mended/` violates none. Checkov runs all
//! of its checks on both. `FORMWORK_CHECKOV` names the program; `cargo xtask test` installs it.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

#[path = "../common/mod.rs"]
mod common;

use formwork_testkit::{Sandbox, copy_dir};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks that no configuration can pass, because our types have nothing that could say it. They are run all the same,
/// and each of them must fail in `mended/`: one that could be passed has no place here.
const OUT_OF_REACH: [(&str, &str); 3] = [
    ("CKV_AWS_91", "access logs of load balancers: aws_lb has no block access_logs"),
    ("CKV2_AWS_11", "flow logs of networks: there is no type aws_flow_log"),
    ("CKV2_AWS_12", "what a network's first security group lets in: no type aws_default_security_group"),
];

/// The program, if it is there.
fn checkov() -> Option<PathBuf> {
    let program = std::env::var_os("FORMWORK_CHECKOV").map(PathBuf::from);
    if program.is_none() || cfg!(not(feature = "aws")) {
        let why = "no checkov: name it with FORMWORK_CHECKOV, and have the feature aws";
        assert!(std::env::var_os("FORMWORK_MUST").is_none(), "{why}");
        eprintln!("skipped: {why}");
        return None;
    }
    program
}

/// What Checkov makes of one of the configurations.
struct Outcome {
    /// Lines with the id of a check and the address where it failed, but for those that are out of reach.
    failed: BTreeSet<String>,
    /// Which of those that are out of reach failed.
    out_of_reach: BTreeSet<String>,
    /// How many objects passed a check, over all checks.
    passed: usize,
}

/// Plans a configuration, and has the plan checked.
fn outcome(checkov: &Path, name: &str) -> Outcome {
    let sandbox = Sandbox::new(Path::new(env!("CARGO_BIN_EXE_formwork"))).expect("a sandbox");
    copy_dir(&common::repository("tests/checkov").join(name), &sandbox.dir()).expect("a copy");
    let run = |line: &str| {
        let ran = sandbox.shell(line).expect("a shell");
        ran.expect(0).unwrap_or_else(|e| panic!("{line}: {e}"))
    };
    run("formwork init");
    let said = run("formwork plan -input=false -no-color -out=plan");
    run("formwork show -json plan > plan.json");
    let text = std::fs::read_to_string(sandbox.dir().join("plan.json")).expect("the plan");
    let plan: Json = serde_json::from_str(&text).expect("the plan is JSON");
    let mut addresses = BTreeSet::new();
    collect(&plan["planned_values"]["root_module"], &mut addresses);
    // Both readers of the plan, the screen's and Checkov, must have seen all of it.
    let count = addresses.len();
    assert!(said.contains(&format!("Plan: {count} to add, 0 to change, 0 to destroy.")), "{count}: {said}");
    let report = check(checkov, &sandbox.dir());
    let summary = &report["summary"];
    assert_eq!(summary["resource_count"].as_u64(), Some(count as u64), "{summary}");
    assert_eq!(summary["parsing_errors"], 0, "{summary}");
    let (mut failed, mut out_of_reach) = (BTreeSet::new(), BTreeSet::new());
    for (id, address) in pairs(&report, "failed_checks") {
        if OUT_OF_REACH.iter().any(|(known, _)| *known == id) {
            out_of_reach.insert(id);
        } else {
            failed.insert(format!("{id} {address}"));
        }
    }
    let passed = pairs(&report, "passed_checks");
    let provider = "aws.default";
    let strange = passed.iter().find(|(_, address)| address != provider && !addresses.contains(address));
    assert_eq!(strange, None, "an address that is not in the plan");
    Outcome { failed, out_of_reach, passed: passed.len() }
}

/// The addresses of all objects in a module of `planned_values`.
fn collect(module: &Json, addresses: &mut BTreeSet<String>) {
    let list = |name: &str| module[name].as_array().into_iter().flatten();
    addresses.extend(list("resources").filter_map(|r| r["address"].as_str().map(str::to_owned)));
    list("child_modules").for_each(|child| collect(child, addresses));
}

/// Runs Checkov on `plan.json`, without this machine's settings. It looks for news of itself and of its checks unless it is
/// told not to; should it call somebody all the same, nobody is there.
fn check(program: &Path, folder: &Path) -> Json {
    let nobody = "http://127.0.0.1:9";
    let output = Command::new(program)
        .args(["--framework", "terraform_plan", "--file", "plan.json", "--output", "json"])
        .args(["--compact", "--skip-download", "--soft-fail"])
        .current_dir(folder)
        .env_clear()
        .envs([("CKV_SKIP_PACKAGE_UPDATE_CHECK", "true"), ("http_proxy", nobody), ("https_proxy", nobody)])
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}\n{out}{err}"))
}

/// The ids of checks and the addresses of one list of the report.
fn pairs(report: &Json, list: &str) -> Vec<(String, String)> {
    let records = report["results"][list].as_array().unwrap_or_else(|| panic!("no {list} in {report}"));
    let text = |record: &Json, key: &str| record[key].as_str().expect("text").to_owned();
    records.iter().map(|r| (text(r, "check_id"), text(r, "resource"))).collect()
}

#[test]
fn what_is_planted_is_found_and_nothing_else() {
    let Some(checkov) = checkov() else { return };
    let outcome = outcome(&checkov, "planted");
    let found: String = outcome.failed.iter().map(|line| format!("{line}\n")).collect();
    let list = common::repository("tests/checkov/planted.txt");
    if common::updating() {
        std::fs::write(&list, &found).expect("the list");
    }
    let planted = std::fs::read_to_string(&list).expect("the list");
    assert_eq!(found, planted, "found, and planted according to {}", list.display());
    assert!(outcome.passed > 100, "{} passed", outcome.passed);
}

#[test]
fn nothing_is_found_in_what_was_mended() {
    let Some(checkov) = checkov() else { return };
    let outcome = outcome(&checkov, "mended");
    assert_eq!(outcome.failed, BTreeSet::new());
    assert!(outcome.passed > 100, "{} passed", outcome.passed);
    let known: BTreeSet<String> = OUT_OF_REACH.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(outcome.out_of_reach, known, "what is out of reach fails");
}
