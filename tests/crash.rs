//! Kills the program at the n-th event of each phase, for each n, and looks whether the next plain `apply` mends
//! everything: no object that the state does not know, none twice, a readable state that equals the cloud.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_testkit::{PHASES, Ran, Sandbox, objects};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Every phase is hit at least this often by the whole suite.
const AT_LEAST: usize = 20;

/// A run that gets killed.
struct Scenario {
    name: &'static str,
    /// The configuration that is there before; empty for none.
    before: String,
    /// The configuration that the killed run has.
    after: String,
    /// The command that gets killed.
    command: &'static str,
    /// Every effect lands so much later than its request; 0 for at once.
    late_ms: u64,
    /// A call that fails in the killed run, as the toy cloud is told; empty for none.
    fault: &'static str,
}

/// A configuration: four things, of which the last may be replaced with the new one first, three links between
/// them, and one object without effects outside the state.
fn config(size: u32, color: &str, things: &[&str], links: &[(&str, &str)], quiet_ms: u64) -> String {
    let mut text = format!(
        "terraform {{\n  required_providers {{\n    toy = {{ source = \"formwork/toy\" }}\n  }}\n}}\n\n\
         provider \"toy\" {{\n  folder   = \"cloud\"\n  quiet_ms = {quiet_ms}\n}}\n\n\
         resource \"terraform_data\" \"size\" {{\n  input = {size}\n}}\n\n"
    );
    for name in things {
        let order = if name.ends_with("cbd") { "true" } else { "false" };
        text.push_str(&format!(
            "resource \"toy_thing\" \"{name}\" {{\n  name  = \"{name}\"\n  size  = terraform_data.size.output\n  \
             color = \"{color}\"\n  lifecycle {{\n    create_before_destroy = {order}\n  }}\n}}\n\n"
        ));
    }
    for (from, to) in links {
        text.push_str(&format!(
            "resource \"toy_link\" \"{from}_{to}\" {{\n  from = toy_thing.{from}.id\n  to   = toy_thing.{to}.id\n}}\n\n"
        ));
    }
    text
}

fn scenarios() -> Vec<Scenario> {
    let things = ["a", "b", "c", "d_cbd", "e_cbd"];
    let links = [("a", "b"), ("b", "c"), ("d_cbd", "e_cbd")];
    let whole = |size, color| config(size, color, &things, &links, 0);
    let late = |size, color| config(size, color, &things, &links, 250);
    let fewer = config(2, "red", &["a", "b", "f"], &[("a", "f")], 0);
    let scenario =
        |name, before, after, command| Scenario { name, before, after, command, late_ms: 0, fault: "" };
    vec![
        scenario("create", String::new(), whole(1, "red"), "apply"),
        scenario("update", whole(1, "red"), whole(2, "red"), "apply"),
        scenario("replace", whole(1, "red"), whole(1, "blue"), "apply"),
        scenario("replace and update", whole(1, "red"), whole(2, "blue"), "apply"),
        scenario("shrink", whole(1, "red"), fewer, "apply"),
        scenario("destroy", whole(1, "red"), whole(1, "red"), "destroy"),
        Scenario { late_ms: 60, ..scenario("create, late", String::new(), late(1, "red"), "apply") },
        Scenario { late_ms: 60, ..scenario("replace, late", late(1, "red"), late(1, "blue"), "apply") },
        Scenario {
            fault: r#"{"on": "create", "fail": "before", "times": 0}"#,
            ..scenario("replace, refused", whole(1, "red"), whole(1, "blue"), "apply")
        },
        Scenario {
            fault: r#"{"on": "create", "fail": "after"}"#,
            ..scenario("replace, answer lost", whole(1, "red"), whole(1, "blue"), "apply")
        },
        Scenario {
            fault: r#"{"on": "create", "fail": "partial"}"#,
            ..scenario("create, half made", String::new(), whole(1, "red"), "apply")
        },
        Scenario {
            fault: r#"{"on": "delete", "fail": "before"}"#,
            ..scenario("destroy, refused", whole(1, "red"), whole(1, "red"), "destroy")
        },
    ]
}

/// A folder in which the scenario's command can run.
fn prepare(scenario: &Scenario) -> Result<Sandbox, String> {
    let sandbox = Sandbox::new(&common::program()).map_err(|e| e.to_string())?;
    if !scenario.before.is_empty() {
        sandbox.write("main.tf", &scenario.before).map_err(|e| e.to_string())?;
        run(&sandbox, &["apply", "-auto-approve"], &[])?.expect(0)?;
    }
    sandbox.write("main.tf", &scenario.after).map_err(|e| e.to_string())?;
    if scenario.late_ms > 0 {
        let fault = format!("{{\"late_ms\": {}, \"times\": 0}}", scenario.late_ms);
        sandbox.write("cloud/.faults/late.json", &fault).map_err(|e| e.to_string())?;
    }
    if !scenario.fault.is_empty() {
        sandbox.write("cloud/.faults/fault.json", scenario.fault).map_err(|e| e.to_string())?;
    }
    Ok(sandbox)
}

fn run(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> Result<Ran, String> {
    sandbox.formwork_with(args, env).map_err(|e| format!("formwork {}: {e}", args.join(" ")))
}

/// How often the scenario's command meets each phase when nothing kills it.
fn count(scenario: &Scenario, prepared: &Sandbox) -> Result<[usize; PHASES.len()], String> {
    let sandbox = Sandbox::copy_of(prepared).map_err(|e| e.to_string())?;
    let log = sandbox.dir().join("probe.log").display().to_string();
    let ran = run(&sandbox, &[scenario.command, "-auto-approve"], &[("FORMWORK_TOY_PROBE", &log)])?;
    if scenario.fault.is_empty() {
        ran.expect(0)?;
    }
    let log = std::fs::read_to_string(&log).map_err(|e| e.to_string())?;
    Ok(PHASES.map(|phase| log.lines().filter(|l| *l == phase).count()))
}

/// Kills once, goes on, and looks.
fn kill(scenario: &Scenario, prepared: &Sandbox, phase: &str, n: usize) -> Result<(), String> {
    let sandbox = Sandbox::copy_of(prepared).map_err(|e| e.to_string())?;
    let order = format!("{phase}:{n}");
    let killed = run(&sandbox, &[scenario.command, "-auto-approve"], &[("FORMWORK_TOY_KILL", &order)])?;
    if killed.signal != Some(9) {
        return Err(format!("was not killed: exit code {:?}\n{}", killed.code, killed.output));
    }
    if !scenario.fault.is_empty() {
        std::fs::remove_file(sandbox.dir().join("cloud/.faults/fault.json")).map_err(|e| e.to_string())?;
    }
    let apply = run(&sandbox, &["apply", "-auto-approve", "-input=false"], &[])?;
    apply.expect(0).map_err(|e| format!("the next apply: {e}"))?;
    compare(&sandbox)?;
    let plan = run(&sandbox, &["plan", "-detailed-exitcode", "-input=false"], &[])?;
    plan.expect(0).map_err(|e| format!("the plan after it: {e}"))?;
    let left: Vec<String> = std::fs::read_dir(sandbox.dir())
        .map_err(|e| e.to_string())?
        .filter_map(|e| e.ok().map(|e| e.file_name().to_string_lossy().into_owned()))
        .filter(|name| {
            ![
                "main.tf",
                "cloud",
                "terraform.tfstate",
                "terraform.tfstate.backup",
                ".terraform.tfstate.history",
            ]
            .contains(&name.as_str())
        })
        .collect();
    if !left.is_empty() {
        return Err(format!("files left behind: {left:?}"));
    }
    Ok(())
}

/// Holds the state against the cloud.
fn compare(sandbox: &Sandbox) -> Result<(), String> {
    let text = std::fs::read_to_string(sandbox.dir().join("terraform.tfstate"))
        .map_err(|e| format!("the state cannot be read: {e}"))?;
    let state: Json = serde_json::from_str(&text).map_err(|e| format!("the state is no JSON: {e}"))?;
    let mut known: BTreeMap<String, Json> = BTreeMap::new();
    for resource in state["resources"].as_array().into_iter().flatten() {
        if !resource["type"].as_str().unwrap_or_default().starts_with("toy_") {
            continue;
        }
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let address = format!("{}.{}", resource["type"], resource["name"]).replace('"', "");
            if !instance["deposed"].is_null() || !instance["status"].is_null() {
                return Err(format!("{address} is deposed or tainted in the state: {instance}"));
            }
            let id = instance["attributes"]["id"].as_str().unwrap_or_default().to_owned();
            if known.insert(id.clone(), instance["attributes"].clone()).is_some() {
                return Err(format!("{id} is twice in the state"));
            }
        }
    }
    let cloud = objects(&sandbox.dir().join("cloud")).map_err(|e| format!("the cloud: {e}"))?;
    let mut names = BTreeSet::new();
    for object in &cloud {
        let Some(attributes) = known.remove(&object.id) else {
            return Err(format!("orphan: {} is in the cloud, and not in the state", object.id));
        };
        if attributes != Json::Object(object.attributes.clone()) {
            return Err(format!(
                "{}: the state says {attributes}, the cloud {:?}",
                object.id, object.attributes
            ));
        }
        let ends = ["name", "from", "to"].map(|a| object.attributes.get(a).map(Json::to_string));
        if !names.insert((object.kind.clone(), ends.clone())) {
            return Err(format!("duplicate: two objects of type {} are {ends:?}", object.kind));
        }
    }
    match known.keys().next() {
        None => Ok(()),
        Some(id) => Err(format!("lost: {id} is in the state, and not in the cloud")),
    }
}

#[test]
fn nothing_is_lost_at_any_kill() {
    let begun = Instant::now();
    let scenarios = scenarios();
    let prepared = common::parallel(2, &scenarios, |s| {
        prepare(s).and_then(|p| count(s, &p).map(|c| (p, c))).map_err(|e| format!("{}: {e}", s.name))
    });
    let prepared: Vec<_> = prepared.into_iter().map(|p| p.unwrap_or_else(|e| panic!("{e}"))).collect();
    let mut kills = Vec::new();
    for (scenario, (sandbox, counts)) in scenarios.iter().zip(&prepared) {
        for (phase, count) in PHASES.iter().zip(counts) {
            kills.extend((1..=*count).map(|n| (scenario, sandbox, *phase, n)));
        }
    }
    // More than two at once, since effects that land late are waited for, not worked for.
    let outcomes =
        common::parallel(6, &kills, |(scenario, sandbox, phase, n)| kill(scenario, sandbox, phase, *n));

    println!("{:22}{}", "kills", PHASES.map(|p| format!("{p:>16}")).concat());
    for (scenario, (_, counts)) in scenarios.iter().zip(&prepared) {
        println!("{:22}{}", scenario.name, counts.map(|c| format!("{c:>16}")).concat());
    }
    let total = PHASES.map(|phase| kills.iter().filter(|k| k.2 == phase).count());
    println!("{:22}{}", "all", total.map(|c| format!("{c:>16}")).concat());
    let failures: Vec<String> = kills
        .iter()
        .zip(outcomes)
        .filter_map(|((s, _, phase, n), outcome)| {
            outcome.err().map(|e| format!("{}, killed at {phase}:{n}: {e}", s.name))
        })
        .collect();
    println!(
        "{} kills in {:.1} s, {} not mended",
        kills.len(),
        begun.elapsed().as_secs_f64(),
        failures.len()
    );
    let shown = failures.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {} kills were not mended:\n{shown}", failures.len(), kills.len());
    for (phase, count) in PHASES.iter().zip(total) {
        assert!(count >= AT_LEAST, "the phase {phase} was hit {count} times, which is less than {AT_LEAST}");
    }
}

#[test]
fn a_failing_call_stops_only_what_needs_it() {
    let things = ["a", "b", "c"];
    // An answer that got lost is looked for at once: that apply need not fail.
    for (fail, code) in [("before", 1), ("partial", 1), ("after", 0)] {
        let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
        sandbox.write("main.tf", &config(1, "red", &things, &[("a", "b")], 0)).expect("main.tf");
        let fault = format!("{{\"on\": \"create\", \"name\": \"b\", \"fail\": \"{fail}\"}}");
        sandbox.write("cloud/.faults/b.json", &fault).expect("the fault");
        let first = run(&sandbox, &["apply", "-auto-approve"], &[]).and_then(|r| r.expect(code));
        let output = first.unwrap_or_else(|e| panic!("fail {fail}: {e}"));
        assert!(code == 0 || output.contains("the toy cloud was asked to fail"), "fail {fail}: {output}");
        let cloud = objects(&sandbox.dir().join("cloud")).expect("the cloud");
        for name in ["a", "c"] {
            assert!(
                cloud.iter().any(|o| o.attributes.get("name") == Some(&name.into())),
                "fail {fail}: {name} was not made"
            );
        }
        let mended = run(&sandbox, &["apply", "-auto-approve"], &[])
            .and_then(|r| r.expect(0))
            .and_then(|_| compare(&sandbox))
            .and_then(|()| run(&sandbox, &["plan", "-detailed-exitcode"], &[])?.expect(0))
            .and_then(|_| run(&sandbox, &["destroy", "-auto-approve"], &[])?.expect(0));
        mended.unwrap_or_else(|e| panic!("fail {fail}: {e}"));
        assert_eq!(objects(&sandbox.dir().join("cloud")).expect("the cloud"), [], "fail {fail}");
    }
}

#[test]
fn a_saved_plan_applies_once() {
    let scenario = &scenarios()[0];
    let prepared = prepare(scenario).unwrap_or_else(|e| panic!("{e}"));
    let counts = count(scenario, &prepared).unwrap_or_else(|e| panic!("{e}"));
    let mut kills = Vec::new();
    for (phase, count) in PHASES.iter().zip(counts) {
        kills.extend((1..=count).map(|n| (*phase, n)));
    }
    let outcomes = common::parallel(4, &kills, |(phase, n)| {
        let sandbox = Sandbox::copy_of(&prepared).map_err(|e| e.to_string())?;
        run(&sandbox, &["plan", "-out=saved"], &[])?.expect(0)?;
        let order = format!("{phase}:{n}");
        run(&sandbox, &["apply", "saved"], &[("FORMWORK_TOY_KILL", &order)])?;
        // Refused, unless nothing had happened yet; either way, nothing is made twice.
        run(&sandbox, &["apply", "saved"], &[])?;
        run(&sandbox, &["apply", "-auto-approve"], &[])?.expect(0)?;
        compare(&sandbox)
    });
    let failures: Vec<String> = kills
        .iter()
        .zip(outcomes)
        .filter_map(|((phase, n), outcome)| outcome.err().map(|e| format!("killed at {phase}:{n}: {e}")))
        .collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), kills.len(), failures.join("\n\n"));
}

#[test]
fn a_journal_of_another_snapshot_loses_nothing() {
    let text = |color| config(1, color, &["d_cbd"], &[], 0);
    let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
    let steps = || -> Result<(), String> {
        sandbox.write("main.tf", &text("red")).map_err(|e| e.to_string())?;
        run(&sandbox, &["apply", "-auto-approve"], &[])?.expect(0)?;
        sandbox.write("main.tf", &text("blue")).map_err(|e| e.to_string())?;
        run(&sandbox, &["apply", "-auto-approve"], &[("FORMWORK_TOY_KILL", "effect-done:1")])?;
        // Somebody else writes the state in between: the journal belongs to another snapshot now.
        let path = sandbox.dir().join("terraform.tfstate");
        let state = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
        let newer = state.replacen("\"serial\": 1,", "\"serial\": 2,", 1);
        if newer == state {
            return Err(format!("the state has another serial than expected: {state}"));
        }
        std::fs::write(&path, newer).map_err(|e| e.to_string())?;
        run(&sandbox, &["apply", "-auto-approve"], &[])?.expect(0)?;
        compare(&sandbox)?;
        run(&sandbox, &["plan", "-detailed-exitcode"], &[])?.expect(0).map(|_| ())
    };
    steps().unwrap_or_else(|e| panic!("{e}"));
}
