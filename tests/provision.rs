//! The whole program with provisioners on a machine that is reached by SSH: a server of the test's own, on loopback.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_testkit::{Ran, Sandbox, Sshd};
use std::process::Command;
use std::time::{Duration, Instant};

/// A sandbox with the keys in it, and how to connect in `locals`.
fn sandbox(sshd: &Sshd) -> Sandbox {
    let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
    sandbox.write("key", &sshd.read("key")).expect("a file");
    sandbox
}

/// A resource `terraform_data.a` with these blocks in it and a connection.
fn config(sshd: &Sshd, blocks: &str) -> String {
    format!(
        "variable \"secret\" {{\n  default   = \"hunter2\"\n  sensitive = true\n}}\n\n\
         resource \"terraform_data\" \"a\" {{\n  input = \"{}\"\n\n  connection {{\n    host        = \"127.0.0.1\"\n    \
         port        = {}\n    user        = \"{}\"\n    agent       = false\n    private_key = sensitive(file(\"key\"))\n    \
         timeout     = \"20s\"\n  }}\n\n{blocks}\n}}\n",
        sshd.home().display(),
        sshd.port(),
        Sshd::USER
    )
}

fn run(sandbox: &Sandbox, args: &[&str]) -> Ran {
    sandbox.formwork(args).expect("it runs")
}

/// The lines that provisioners said.
fn said(output: &str) -> Vec<&str> {
    output.lines().filter_map(|l| l.strip_prefix("terraform_data.a (")).collect()
}

#[test]
fn provisioners_come_with_the_object_and_go_with_it() {
    let Some(sshd) = Sshd::start() else { return };
    let sandbox = sandbox(&sshd);
    let connecting = format!("Connecting to {}@127.0.0.1:{} by SSH...", Sshd::USER, sshd.port());
    let blocks = r#"  provisioner "file" {
    content     = "hello"
    destination = "${self.input}/greeting"
  }

  provisioner "remote-exec" {
    inline = ["cat greeting; printf '\\n\\033[31mred\\a\\n'"]
  }

  provisioner "remote-exec" {
    inline = ["echo ${var.secret} > secret; cat secret"]
  }

  provisioner "remote-exec" {
    inline     = ["exit 7"]
    on_failure = continue
  }

  provisioner "remote-exec" {
    when   = destroy
    inline = ["echo bye from ${self.output}; rm greeting secret"]
  }"#;
    sandbox.write("main.tf", &config(&sshd, blocks)).expect("a file");
    let output = run(&sandbox, &["apply", "-auto-approve"]).expect(0).expect("it applies");
    let remote = |line: &str| format!("remote-exec): {line}");
    let mut expected = vec![format!("file): {connecting}"), "file): Connected!".to_owned()];
    expected.extend([&*connecting, "Connected!", "hello", "[31mred"].map(remote));
    expected.push(remote("(output suppressed due to sensitive value in config)"));
    expected.extend([&*connecting, "Connected!"].map(remote));
    assert_eq!(said(&output), expected, "{output}");
    assert!(!output.contains("hunter2"));
    assert_eq!(std::fs::read_to_string(sshd.home().join("secret")).expect("it is there"), "hunter2\n");
    let output = run(&sandbox, &["destroy", "-auto-approve"]).expect(0).expect("it goes");
    let bye = format!("bye from {}", sshd.home().display());
    assert_eq!(said(&output), [&*connecting, "Connected!", &bye].map(remote), "{output}");
    assert!(!sshd.home().join("greeting").exists());
}

#[test]
fn what_cannot_say_farewell_stays() {
    let Some(mut sshd) = Sshd::start() else { return };
    let sandbox = sandbox(&sshd);
    let blocks = "  provisioner \"remote-exec\" {\n    when   = destroy\n    inline = [\"true\"]\n  }";
    let text = config(&sshd, blocks).replace("\"20s\"", "\"1s\"");
    sandbox.write("main.tf", &text).expect("a file");
    run(&sandbox, &["apply", "-auto-approve"]).expect(0).expect("it applies");
    sshd.stop();
    let output = run(&sandbox, &["destroy", "-auto-approve"]).expect(1).expect("it fails");
    assert!(output.contains("Error: Machine cannot be reached"), "{output}");
    let left = run(&sandbox, &["state", "list"]).expect(0).expect("it lists");
    assert_eq!(left, "terraform_data.a\n");
    // It is not to be replaced: nothing happened to it.
    run(&sandbox, &["plan", "-detailed-exitcode"]).expect(0).expect("nothing is to be done");
}

#[test]
fn a_killed_run_leaves_what_is_replaced() {
    let Some(sshd) = Sshd::start() else { return };
    let sandbox = sandbox(&sshd);
    let script = |line: &str| {
        format!("  provisioner \"remote-exec\" {{\n    inline = [\"touch begun; {line}\"]\n  }}")
    };
    sandbox.write("main.tf", &config(&sshd, &script("sleep 30"))).expect("a file");
    let mut child = Command::new(common::program())
        .args(["apply", "-auto-approve"])
        .current_dir(sandbox.dir())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let begun = Instant::now();
    while !sshd.home().join("begun").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the script does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    let output = run(&sandbox, &["plan"]).expect(0).expect("it plans");
    assert!(output.contains("terraform_data.a is tainted, so must be replaced"), "{output}");
    sandbox.write("main.tf", &config(&sshd, &script("echo again"))).expect("a file");
    let output = run(&sandbox, &["apply", "-auto-approve"]).expect(0).expect("it applies");
    assert_eq!(said(&output).last(), Some(&"remote-exec): again"), "{output}");
    assert!(output.contains("1 added, 0 changed, 1 destroyed"), "{output}");
    run(&sandbox, &["plan", "-detailed-exitcode"]).expect(0).expect("nothing is to be done");
}
