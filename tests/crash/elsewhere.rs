//! Signals while the lock of a state elsewhere is held: it outlives the process, so it has to be freed before.

use crate::common;
use formwork_testkit::{HttpStore, Sandbox};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where a command is slow, it is so for this long.
const SLOW: Duration = Duration::from_secs(3);

/// A state on a web server, with one object in it.
fn prepared() -> (HttpStore, Sandbox) {
    let store = HttpStore::start();
    let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
    let url = store.url("s");
    let config = format!(
        "terraform {{\n  backend \"http\" {{\n    address = \"{url}\"\n    lock_address = \"{url}\"\n    unlock_address = \
         \"{url}\"\n  }}\n}}\n\nresource \"terraform_data\" \"a\" {{}}\n"
    );
    sandbox.write("main.tf", &config).expect("main.tf");
    let applied = sandbox.formwork(&["apply", "-auto-approve"]).expect("it runs").expect(0);
    applied.unwrap_or_else(|e| panic!("{e}"));
    (store, sandbox)
}

/// What a command has said so far.
fn said(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.dir().join("said")).unwrap_or_default()
}

/// Runs a command whose questions nobody answers, sends SIGINT as soon as it is ready, and gives its exit code.
fn interrupted(sandbox: &Sandbox, args: &[&str], ready: impl Fn() -> bool) -> Option<i32> {
    let mut command = Command::new(common::program());
    command.args(args).current_dir(sandbox.dir()).env("HOME", sandbox.dir()).stdin(Stdio::piped());
    let out = File::create(sandbox.dir().join("said")).expect("a file");
    command.stderr(out.try_clone().expect("a file")).stdout(out);
    let mut child = command.spawn().expect("it starts");
    let begun = Instant::now();
    while !ready() {
        if begun.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!("{args:?} was not ready within a minute: {}", said(sandbox));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = Pid::from_raw(child.id() as i32).expect("a process");
    kill_process(pid, Signal::INT).expect("it is there");
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status.code();
        }
        if begun.elapsed() > Duration::from_secs(20) {
            let _ = child.kill();
            panic!("{args:?} did not end: {}", said(sandbox));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the last request was this one.
fn is_last(store: &HttpStore, request: &str) -> bool {
    store.requests().last().is_some_and(|last| last == request)
}

#[test]
fn a_signal_while_the_state_is_read_frees_the_lock() {
    for args in [
        &["plan"][..],
        &["apply", "-auto-approve"],
        &["taint", "terraform_data.a"],
        &["state", "mv", "terraform_data.a", "terraform_data.b"],
        &["state", "rm", "terraform_data.a"],
    ] {
        let (store, sandbox) = prepared();
        let before = store.text("s");
        store.slow("GET", SLOW);
        let code = interrupted(&sandbox, args, || store.is_locked("s") && is_last(&store, "GET /s"));
        assert_eq!(code, Some(1), "{args:?}: {}", said(&sandbox));
        assert!(!store.is_locked("s"), "{args:?}: {}", said(&sandbox));
        assert_eq!(store.text("s"), before, "{args:?}");
    }
}

#[test]
fn a_signal_while_the_state_is_written_lets_that_end() {
    let (store, sandbox) = prepared();
    store.slow("POST", SLOW);
    let args = ["state", "rm", "terraform_data.a"];
    let code = interrupted(&sandbox, &args, || is_last(&store, "POST /s"));
    assert_eq!(code, Some(0), "{}", said(&sandbox));
    assert!(!store.is_locked("s"), "{}", said(&sandbox));
    assert!(!store.text("s").expect("a state").contains("terraform_data"));
}

#[test]
fn a_signal_is_the_answer_to_a_question() {
    let (store, sandbox) = prepared();
    let before = store.text("s");
    let args = ["state", "replace-provider", "terraform.io/builtin/terraform", "example.org/a/b"];
    let code = interrupted(&sandbox, &args, || said(&sandbox).contains("Enter a value:"));
    assert_eq!(code, Some(1), "{}", said(&sandbox));
    assert!(!store.is_locked("s"), "{}", said(&sandbox));
    assert_eq!(store.text("s"), before);
}

#[test]
fn a_signal_ends_waiting_for_a_lock() {
    let (store, sandbox) = prepared();
    let lock =
        format!("printf '{{\"ID\":\"theirs\"}}' | curl -s -X LOCK --data-binary @- {}", store.url("s"));
    let locked = sandbox.shell(&lock).expect("it runs").expect(0);
    locked.unwrap_or_else(|e| panic!("{e}"));
    for args in [&["plan", "-lock-timeout=5m"][..], &["state", "rm", "-lock-timeout=5m", "terraform_data.a"]]
    {
        let waits = || said(&sandbox).contains("Waiting for the state lock");
        assert_eq!(interrupted(&sandbox, args, waits), Some(1), "{args:?}: {}", said(&sandbox));
        assert!(store.is_locked("s"), "it is somebody else's");
    }
}
