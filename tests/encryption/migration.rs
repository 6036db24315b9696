//! From clear text and back, from one key to the next, and by the environment.

use crate::{
    A, B, CANARY, CLEAR, ENV, OTHER, PASSPHRASE, both, common, configure, files, flat, holding, pulled,
    refusal, run, run_with, sandbox, things,
};
use formwork_testkit::Sandbox;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::Command;

/// Which key providers had a part in the state.
fn keys(sandbox: &Sandbox) -> Vec<String> {
    let text = std::fs::read(sandbox.dir().join("terraform.tfstate")).expect("the state");
    let envelope: Json = serde_json::from_slice(&text).expect("JSON");
    envelope["meta"].as_object().into_iter().flat_map(|meta| meta.keys().cloned()).collect()
}

#[test]
fn a_state_in_clear_is_encrypted_by_the_next_apply_with_all_that_is_kept_of_it() {
    let sandbox = sandbox();
    configure(&sandbox, "red", "");
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    configure(&sandbox, "blue", "");
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    assert!(
        holding(&sandbox, CANARY).len() >= 3,
        "state, backup and history: {:?}",
        holding(&sandbox, CANARY)
    );
    let before = pulled(&sandbox);
    configure(&sandbox, "blue", &both(&[A]));
    let refused = refusal(&sandbox, &["plan"]);
    assert!(refused.contains("it is not encrypted, and the configuration wants it to be"), "{refused}");
    configure(&sandbox, "blue", &both(&[A, CLEAR]));
    assert_eq!(pulled(&sandbox), before, "reading changes nothing");
    run(&sandbox, 0, &["plan"]);
    assert_eq!(keys(&sandbox), [""; 0], "nor does planning");
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    assert_eq!(keys(&sandbox), ["key_provider.pbkdf2.a"]);
    assert_eq!(holding(&sandbox, CANARY), [""; 0]);
    let after = pulled(&sandbox);
    assert_eq!((&after["resources"], &after["lineage"]), (&before["resources"], &before["lineage"]));
    // The fallback is no longer needed: not for the state, nor for its history.
    configure(&sandbox, "blue", &both(&[A]));
    run(&sandbox, 0, &["plan", "-detailed-exitcode"]);
    let history = run(&sandbox, 0, &["state", "history"]);
    assert!(history.lines().count() >= 3 && !history.contains("damaged"), "{history}");
    // And back again.
    configure(&sandbox, "blue", &both(&[CLEAR, A]));
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    configure(&sandbox, "blue", "");
    run(&sandbox, 0, &["plan", "-detailed-exitcode"]);
    assert!(!holding(&sandbox, CANARY).is_empty());
}

#[test]
fn a_key_is_rotated_by_a_fallback() {
    let sandbox = sandbox();
    configure(&sandbox, "red", &both(&[A]));
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    run(&sandbox, 0, &["plan", "-out=old.plan"]);
    configure(&sandbox, "red", &both(&[B]));
    let refused = refusal(&sandbox, &["plan"]);
    assert!(refused.contains("key_provider.pbkdf2.a"), "{refused}");
    configure(&sandbox, "red", &both(&[B, A]));
    run(&sandbox, 0, &["show", "old.plan"]);
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    assert_eq!(keys(&sandbox), ["key_provider.pbkdf2.b"]);
    configure(&sandbox, "red", &both(&[B]));
    run(&sandbox, 0, &["plan", "-detailed-exitcode"]);
    run(&sandbox, 1, &["show", "old.plan"]);
    let history = run(&sandbox, 0, &["state", "history"]);
    assert!(!history.contains("damaged"), "{history}");
}

#[test]
fn the_environment_is_laid_over_the_block() {
    let hcl = format!(
        "key_provider \"pbkdf2\" \"e\" {{\n passphrase = \"{PASSPHRASE}\"\n iterations = 200000\n}}\nmethod \"aes_gcm\" \"e\" \
         {{\n keys = key_provider.pbkdf2.e\n}}\nstate {{\n method = method.aes_gcm.e\n}}\n"
    );
    let json = format!(
        r#"{{"key_provider": {{"pbkdf2": {{"e": {{"passphrase": "{PASSPHRASE}", "iterations": 200000}}}}}},
            "method": {{"aes_gcm": {{"e": {{"keys": "${{key_provider.pbkdf2.e}}"}}}}}},
            "state": {{"method": "${{method.aes_gcm.e}}", "enforced": true}}}}"#
    );
    let sandbox = sandbox();
    let with = |text: &str, code: i32, args: &[&str]| {
        let ran = run_with(&sandbox, args, &[("TF_ENCRYPTION", text)]).expect(code);
        ran.unwrap_or_else(|e| panic!("{}: {e}", args.join(" ")))
    };
    configure(&sandbox, "red", "");
    with(&hcl, 0, &["apply", "-auto-approve"]);
    assert_eq!(
        (keys(&sandbox), holding(&sandbox, CANARY)),
        (vec!["key_provider.pbkdf2.e".to_owned()], vec![])
    );
    with(&json, 0, &["plan", "-detailed-exitcode"]);
    let refused = refusal(&sandbox, &["plan"]);
    assert!(refused.contains("it is encrypted, and no encryption is configured"), "{refused}");
    // An enforced block alone is an error; with the environment over it, it is not.
    let enforced = "terraform {\n encryption {\n state {\n enforced = true\n}\n}\n}\n";
    sandbox.write("main.tf", &(things("red") + enforced)).expect("main.tf");
    let refused = refusal(&sandbox, &["plan"]);
    assert!(refused.contains("Encryption method required"), "{refused}");
    with(&hcl, 0, &["plan", "-detailed-exitcode"]);
    // What is wrong in it is told, and not shown.
    let broken = format!("key_provider \"pbkdf2\" \"e\" {{ passphrase = \"{PASSPHRASE}\" what }}");
    let refused = flat(&with(&broken, 1, &["plan"]));
    assert!(refused.contains("TF_ENCRYPTION") && !refused.contains(PASSPHRASE), "{refused}");
    // One argument of a block is replaced, the others stay.
    configure(&sandbox, "red", &both(&[B]));
    let one = format!("key_provider \"pbkdf2\" \"b\" {{\n passphrase = \"{PASSPHRASE}\"\n}}\n");
    let fallback = format!("{hcl}{one}state {{\n fallback {{\n method = method.aes_gcm.e\n}}\n}}\n")
        .replacen("state {\n method = method.aes_gcm.e\n}\n", "", 1);
    with(&fallback, 0, &["apply", "-auto-approve"]);
    assert_eq!(keys(&sandbox), ["key_provider.pbkdf2.b"]);
    let refused = refusal(&sandbox, &["plan"]);
    assert!(refused.contains("is not the right one") && !refused.contains(OTHER), "{refused}");
    with(&one, 0, &["plan", "-detailed-exitcode"]);
}

#[test]
fn another_implementation_opens_what_is_written_here() {
    // The stern cloud's Python has it, too.
    let components = std::env::var_os("FORMWORK_COMPONENTS").map(PathBuf::from);
    let components = components.unwrap_or_else(|| common::repository("target/components"));
    let cloud = components.join("cloud/venv/bin/python");
    let python = if cloud.is_file() { cloud } else { PathBuf::from("python3") };
    let available = Command::new(&python).args(["-c", "import cryptography"]).status();
    if !available.is_ok_and(|s| s.success()) {
        println!("skipped: there is no python3 with the package cryptography");
        return;
    }
    let sandbox = sandbox();
    configure(&sandbox, "red", &both(&[A]));
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    let opened = Command::new(&python)
        .arg(common::repository("state/golden-encrypted/make.py"))
        .args(["decrypt", "terraform.tfstate", "a", PASSPHRASE])
        .current_dir(sandbox.dir())
        .output()
        .expect("python3 runs");
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    let state: Json = serde_json::from_slice(&opened.stdout).expect("a state");
    assert_eq!(state, pulled(&sandbox));
    assert_eq!(files(&sandbox).iter().filter(|(name, _)| name == "terraform.tfstate").count(), 1);
}

#[test]
fn a_state_that_another_implementation_wrote_is_used() {
    let sandbox = sandbox();
    let golden = common::repository("state/golden-encrypted/pbkdf2.tfstate");
    std::fs::copy(golden, sandbox.dir().join("terraform.tfstate")).expect("a copy");
    let text = r#"
terraform {
  encryption {
    key_provider "pbkdf2" "main" {
      passphrase = "correct horse battery staple"
    }
    method "aes_gcm" "any" {
      keys = key_provider.pbkdf2.main
    }
    state {
      method   = method.aes_gcm.any
      enforced = true
    }
  }
}
"#;
    sandbox.write("main.tf", text).expect("main.tf");
    let outputs = sandbox.formwork_with(&["output", "-json"], &ENV[3..]).expect("the program runs");
    let outputs: Json = serde_json::from_str(&outputs.expect(0).expect("outputs")).expect("JSON");
    let plain = std::fs::read(common::repository("state/golden/outputs.tfstate")).expect("the golden state");
    let plain: Json = serde_json::from_slice(&plain).expect("JSON");
    assert_eq!(outputs["nested"]["value"], plain["outputs"]["nested"]["value"]);
}
