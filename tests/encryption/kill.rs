//! Kills with encryption on: the next run mends everything, and nothing is in clear in between.

use crate::{A, B, CANARY, CLEAR, both, common, configure, holding, pulled, run_with, sandbox};
use formwork_testkit::{PHASES, Sandbox, objects};
use serde_json::Value as Json;
use std::collections::BTreeSet;

struct Scenario {
    name: &'static str,
    /// Methods before and in the killed run; empty for a first run.
    before: &'static [&'static str],
    after: &'static [&'static str],
    command: &'static str,
    /// Whether clear text may be left by a kill, because it was there before.
    clear: bool,
}

const SCENARIOS: [Scenario; 5] = [
    Scenario { name: "create", before: &[], after: &[A], command: "apply", clear: false },
    Scenario { name: "replace", before: &[A], after: &[A], command: "apply", clear: false },
    Scenario { name: "destroy", before: &[A], after: &[A], command: "destroy", clear: false },
    Scenario { name: "rotate", before: &[A], after: &[B, A], command: "apply", clear: false },
    Scenario { name: "migrate", before: &[CLEAR], after: &[A, CLEAR], command: "apply", clear: true },
];

fn prepare(scenario: &Scenario) -> Sandbox {
    let sandbox = sandbox();
    if !scenario.before.is_empty() {
        configure(&sandbox, "red", &both(scenario.before));
        crate::run(&sandbox, 0, &["apply", "-auto-approve"]);
    }
    configure(&sandbox, "blue", &both(scenario.after));
    sandbox
}

fn counts(scenario: &Scenario, prepared: &Sandbox) -> [usize; PHASES.len()] {
    let sandbox = Sandbox::copy_of(prepared).expect("a copy");
    let log = sandbox.dir().join("probe.log").display().to_string();
    let ran = run_with(&sandbox, &[scenario.command, "-auto-approve"], &[("FORMWORK_TOY_PROBE", &log)]);
    ran.expect(0).unwrap_or_else(|e| panic!("{}: {e}", scenario.name));
    let log = std::fs::read_to_string(&log).expect("the log");
    PHASES.map(|phase| log.lines().filter(|l| *l == phase).count())
}

/// The ids of the toy cloud's objects, by the state and by the cloud.
fn compare(sandbox: &Sandbox) -> Result<(), String> {
    let state = pulled(sandbox);
    let mut known = Vec::new();
    for resource in state["resources"].as_array().into_iter().flatten() {
        if resource["type"] == "toy_thing" {
            let instances = resource["instances"].as_array().into_iter().flatten();
            known.extend(instances.filter_map(|i| i["attributes"]["id"].as_str().map(str::to_owned)));
        }
    }
    let cloud = objects(&sandbox.dir().join("cloud")).map_err(|e| e.to_string())?;
    let there: Vec<String> = cloud.into_iter().map(|o| o.id).collect();
    let sets = [&known, &there].map(|ids| ids.iter().cloned().collect::<BTreeSet<_>>());
    if sets[0] == sets[1] && known.len() == sets[0].len() && there.len() == sets[1].len() {
        return Ok(());
    }
    Err(format!("the state knows {known:?}, and the cloud has {there:?}"))
}

fn kill(scenario: &Scenario, prepared: &Sandbox, phase: &str, n: usize) -> Result<(), String> {
    let sandbox = Sandbox::copy_of(prepared).map_err(|e| e.to_string())?;
    let order = format!("{phase}:{n}");
    let killed = run_with(&sandbox, &[scenario.command, "-auto-approve"], &[("FORMWORK_TOY_KILL", &order)]);
    if killed.signal != Some(9) {
        return Err(format!("was not killed: exit code {:?}\n{}", killed.code, killed.output));
    }
    let open = holding(&sandbox, CANARY);
    if !scenario.clear && !open.is_empty() {
        return Err(format!("in clear after the kill: {open:?}"));
    }
    run_with(&sandbox, &["apply", "-auto-approve", "-input=false"], &[]).expect(0)?;
    compare(&sandbox)?;
    let open = holding(&sandbox, CANARY);
    if !open.is_empty() {
        return Err(format!("in clear after the next run: {open:?}"));
    }
    run_with(&sandbox, &["plan", "-detailed-exitcode", "-input=false"], &[]).expect(0)?;
    let text = std::fs::read(sandbox.dir().join("terraform.tfstate")).map_err(|e| e.to_string())?;
    let envelope: Json = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
    if envelope["encryption_version"] != "v0" || envelope["serial"] != pulled(&sandbox)["serial"] {
        return Err("the state is not an envelope that shows its serial".into());
    }
    Ok(())
}

#[test]
fn nothing_is_lost_or_in_clear_at_any_kill() {
    let prepared = common::parallel(2, &SCENARIOS, |s| {
        let sandbox = prepare(s);
        let counts = counts(s, &sandbox);
        (sandbox, counts)
    });
    let mut kills = Vec::new();
    for (scenario, (sandbox, counts)) in SCENARIOS.iter().zip(&prepared) {
        for (phase, count) in PHASES.iter().zip(counts) {
            assert!(*count > 0 || *phase == "result-unsynced", "{}: {phase} is never reached", scenario.name);
            kills.extend((1..=*count).map(|n| (scenario, sandbox, *phase, n)));
        }
    }
    let outcomes =
        common::parallel(4, &kills, |(scenario, sandbox, phase, n)| kill(scenario, sandbox, phase, *n));
    let failures: Vec<String> = kills
        .iter()
        .zip(outcomes)
        .filter_map(|((s, _, phase, n), outcome)| {
            outcome.err().map(|e| format!("{}, killed at {phase}:{n}: {e}", s.name))
        })
        .collect();
    println!("{} kills with encryption on, {} not mended", kills.len(), failures.len());
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), kills.len(), failures.join("\n\n"));
    assert!(kills.len() >= 60, "only {} kills", kills.len());
}
