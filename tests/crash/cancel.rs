//! Signals: the first lets calls finish and begins none, the second ends at once, and the way in which CI systems cancel
//! a job always ends with a saved state and a free lock.

use crate::common;
use crate::scenario::{compare, run};
use formwork_testkit::{Sandbox, objects};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Things of which each takes so long, and a chain that waits for the first.
fn config(latency_ms: u64) -> String {
    let mut text = format!(
        "terraform {{\n  required_providers {{\n    toy = {{ source = \"formwork/toy\" }}\n  }}\n}}\n\n\
         provider \"toy\" {{\n  folder     = \"cloud\"\n  latency_ms = {latency_ms}\n}}\n\n\
         resource \"terraform_data\" \"quick\" {{\n  input = \"saved\"\n}}\n\n"
    );
    for name in ["a", "b", "c"] {
        text.push_str(&format!(
            "resource \"toy_thing\" \"{name}\" {{\n  name = \"{name}\"\n  size = 1\n  color = \"red\"\n}}\n\n"
        ));
    }
    text.push_str("resource \"toy_link\" \"ab\" {\n  from = toy_thing.a.id\n  to   = toy_thing.b.id\n}\n");
    text
}

/// An apply that is under way, and whose three calls have begun.
struct Running {
    sandbox: Sandbox,
    child: Child,
}

impl Running {
    fn begin(latency_ms: u64) -> Result<Running, String> {
        let sandbox = Sandbox::new(&common::program()).map_err(|e| e.to_string())?;
        sandbox.write("main.tf", &config(latency_ms)).map_err(|e| e.to_string())?;
        let mut command = Command::new(common::program());
        command.args(["apply", "-auto-approve", "-input=false"]).current_dir(sandbox.dir());
        command.env("HOME", sandbox.dir()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|e| e.to_string())?;
        let running = Running { sandbox, child };
        let begun = Instant::now();
        while running.calls() < 3 {
            if begun.elapsed() > Duration::from_secs(60) {
                return Err("no call began within a minute".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    /// How many objects were asked for so far.
    fn calls(&self) -> usize {
        let log = std::fs::read_to_string(self.sandbox.dir().join("cloud/.calls")).unwrap_or_default();
        log.lines().filter(|line| line.starts_with("create ")).count()
    }

    fn send(&self, signal: Signal) -> Result<(), String> {
        let pid = Pid::from_raw(self.child.id() as i32).ok_or("no process")?;
        kill_process(pid, signal).map_err(|e| e.to_string())
    }

    /// How it ended, if it did within this time.
    fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>, String> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if let Some(status) = self.child.try_wait().map_err(|e| e.to_string())? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(None)
    }

    /// The state is saved and readable, nobody holds the lock, and the next apply mends everything.
    fn mended(&self) -> Result<(), String> {
        let state = run(&self.sandbox, &["state", "list"], &[])?.expect(0)?;
        if !state.contains("terraform_data.quick") {
            return Err(format!("what was done before is not in the state: {state:?}"));
        }
        self.sandbox.write("main.tf", &config(0)).map_err(|e| e.to_string())?;
        run(&self.sandbox, &["apply", "-auto-approve", "-input=false", "-lock-timeout=0s"], &[])?
            .expect(0)?;
        compare(&self.sandbox)?;
        run(&self.sandbox, &["plan", "-detailed-exitcode"], &[])?.expect(0).map(drop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_signal_lets_calls_finish_and_begins_none() {
    let test = |signal: Signal| -> Result<(), String> {
        let mut running = Running::begin(2_500)?;
        running.send(signal)?;
        let status = running.wait(Duration::from_secs(60))?.ok_or("it did not end")?;
        if status.code() != Some(1) {
            return Err(format!("it ended with {status}"));
        }
        if running.calls() != 3 {
            return Err("a call was begun after the signal".into());
        }
        let made = objects(&running.sandbox.dir().join("cloud")).map_err(|e| e.to_string())?;
        if made.len() != 3 {
            return Err(format!("calls under way were not waited for: {made:?}"));
        }
        // Saved, in the state and not only in the journal.
        let journal = running.sandbox.dir().join(".terraform.tfstate.journal");
        if journal.exists() {
            return Err("the journal was not folded".into());
        }
        compare(&running.sandbox)?;
        running.mended()
    };
    for signal in [Signal::INT, Signal::TERM] {
        test(signal).unwrap_or_else(|e| panic!("{signal:?}: {e}"));
    }
}

#[test]
fn the_second_signal_saves_at_once() {
    let test = || -> Result<(), String> {
        let mut running = Running::begin(45_000)?;
        running.send(Signal::INT)?;
        if running.wait(Duration::from_millis(1_500))?.is_some() {
            return Err("it did not wait for its calls after the first signal".into());
        }
        running.send(Signal::INT)?;
        let status = running.wait(Duration::from_secs(20))?.ok_or("it did not end")?;
        if status.code() != Some(1) {
            return Err(format!("it ended with {status}"));
        }
        running.mended()
    };
    test().unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn a_cancel_by_the_pipeline_ends_with_a_saved_state_and_a_free_lock() {
    // Calls that end before SIGTERM, after it, and not at all; then what GitHub's runner does.
    let outcomes = common::parallel(3, &[1_000, 8_500, 45_000], |latency_ms| {
        let mut running = Running::begin(*latency_ms)?;
        running.send(Signal::INT)?;
        let mut ended = running.wait(Duration::from_millis(7_500))?;
        if ended.is_none() {
            running.send(Signal::TERM)?;
            ended = running.wait(Duration::from_millis(2_500))?;
        }
        if ended.is_none() {
            running.send(Signal::KILL)?;
            running.wait(Duration::from_secs(20))?;
            return Err(format!("latency {latency_ms} ms: it had to be killed"));
        }
        running.mended().map_err(|e| format!("latency {latency_ms} ms: {e}"))
    });
    let failures: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
