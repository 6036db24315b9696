//! Kills the program at the n-th event of each phase, for each n, and looks whether the next plain `apply` mends
//! everything: no object that the state does not know, none twice, a readable state that equals the cloud.
//!
//! `FORMWORK_CRASH_ROUNDS` and `FORMWORK_CRASH_SEED` (`cargo xtask crash`) draw so many kills instead.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod beside;
mod cancel;
#[path = "../common/mod.rs"]
mod common;
mod elsewhere;
mod scenario;

use common::schedule::{self, Order};
use formwork_testkit::{PHASES, Sandbox, objects};
use scenario::{compare, config, run, scenarios};
use std::time::Instant;

/// Every phase is hit at least this often by the whole suite.
const AT_LEAST: usize = 20;

#[test]
fn nothing_is_lost_at_any_kill() {
    let begun = Instant::now();
    let scenarios = scenarios();
    let prepared = common::parallel(2, &scenarios, |s| {
        s.prepare().and_then(|p| s.count(&p).map(|c| (p, c))).map_err(|e| format!("{}: {e}", s.name))
    });
    let prepared: Vec<_> = prepared.into_iter().map(|p| p.unwrap_or_else(|e| panic!("{e}"))).collect();
    let counts: Vec<_> = prepared.iter().map(|(_, counts)| *counts).collect();
    let order = Order::get();
    let kills = order.map_or_else(|| schedule::every(&counts), |order| order.draw(&counts));
    // More than two at once, since effects that land late are waited for, not worked for.
    let outcomes = common::parallel(6, &kills, |kill| {
        scenarios[kill.run].kill(&prepared[kill.run].0, PHASES[kill.phase], kill.n)
    });

    let hits = schedule::hits(&kills, scenarios.len());
    let rows: Vec<_> = scenarios.iter().map(|s| s.name).zip(hits).collect();
    let total = schedule::table("kills", &rows);
    let failures: Vec<String> = kills
        .iter()
        .zip(outcomes)
        .filter_map(|(kill, outcome)| {
            let (name, phase) = (scenarios[kill.run].name, PHASES[kill.phase]);
            outcome.err().map(|e| format!("{name}, killed at {phase}:{}: {e}", kill.n))
        })
        .collect();
    let seed = order.map_or(String::new(), |order| format!(" (seed {})", order.seed));
    println!(
        "| {} kills in {:.1} s, {} not mended{seed}",
        kills.len(),
        begun.elapsed().as_secs_f64(),
        failures.len()
    );
    let shown = failures.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(
        failures.is_empty(),
        "{} of {} kills were not mended{seed}:\n{shown}",
        failures.len(),
        kills.len()
    );
    let least = order.map_or(AT_LEAST, |order| order.at_least());
    for (phase, count) in PHASES.iter().zip(total) {
        assert!(count >= least, "the phase {phase} was hit {count} times, which is less than {least}");
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

/// The token in a text that has one object.
fn token(text: &str) -> String {
    let rest = text.split("\"token\":").nth(1).unwrap_or_else(|| panic!("no token in {text}"));
    rest.trim_start().trim_start_matches('"').split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn what_was_not_made_is_made_under_the_same_token() {
    let made = |color: &str| {
        let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
        sandbox.write("main.tf", &config(1, "red", &["a"], &[], 0)).expect("main.tf");
        let kill = [("FORMWORK_TOY_KILL", "intent-written:1")];
        run(&sandbox, &["apply", "-auto-approve"], &kill).expect("it is killed");
        let journal = std::fs::read(sandbox.dir().join(".terraform.tfstate.journal")).expect("a journal");
        sandbox.write("main.tf", &config(1, color, &["a"], &[], 0)).expect("main.tf");
        run(&sandbox, &["apply", "-auto-approve"], &[]).and_then(|r| r.expect(0)).expect("applied");
        let cloud = std::fs::read_dir(sandbox.dir().join("cloud")).expect("the cloud").flatten();
        let mut things = cloud.filter(|f| f.file_name().to_string_lossy().starts_with("thing-"));
        let thing = std::fs::read_to_string(things.next().expect("a thing").path()).expect("its file");
        assert!(things.next().is_none());
        token(&String::from_utf8_lossy(&journal)) == token(&thing)
    };
    assert!(made("red"));
    // Something else is another creation.
    assert!(!made("blue"));
}

#[test]
fn a_saved_plan_applies_once() {
    let scenario = &scenarios()[0];
    let prepared = scenario.prepare().unwrap_or_else(|e| panic!("{e}"));
    let counts = scenario.count(&prepared).unwrap_or_else(|e| panic!("{e}"));
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
