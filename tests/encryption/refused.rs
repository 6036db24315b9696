//! What does not fit is refused, with a reason, and nothing is changed by it.

use crate::{
    A, B, CANARY, PASSPHRASE, both, configure, files, flat, refusal, run, run_with, sandbox, things,
};
use std::process::Command;

#[test]
fn nothing_is_overwritten_that_cannot_be_read() {
    let sandbox = sandbox();
    configure(&sandbox, "red", &both(&[A]));
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    let state = sandbox.dir().join("terraform.tfstate");
    let good = std::fs::read(&state).expect("the state");
    let check = |stored: &[u8], env: &[(&str, &str)], targets: &str, expected: &[&str]| {
        std::fs::write(&state, stored).expect("the state");
        configure(&sandbox, "blue", targets);
        let before = files(&sandbox);
        for args in [
            &["plan"][..],
            &["apply", "-auto-approve"],
            &["state", "list"],
            &["output"],
            &["state", "rm", "toy_thing.a"],
        ] {
            let output = run_with(&sandbox, args, env).expect(1).unwrap_or_else(|e| panic!("{args:?}: {e}"));
            let flat = flat(&output);
            for words in expected {
                assert!(flat.contains(words), "{args:?}: {words} is not in:\n{output}");
            }
            assert!(!output.contains(PASSPHRASE) && !output.contains(CANARY), "{output}");
        }
        assert!(files(&sandbox) == before, "something was changed");
    };
    check(
        &good,
        &[("TF_VAR_passphrase", "wrong horse battery staple")],
        &both(&[A]),
        &["is not the right one", "terraform.tfstate", "fallback block"],
    );
    check(
        &good,
        &[],
        &both(&[B]),
        &["it is encrypted with key_provider.pbkdf2.a", "encrypted_metadata_alias"],
    );
    check(&good, &[], "", &["it is encrypted, and no encryption is configured", "TF_ENCRYPTION"]);
    check(&good, &[("TF_VAR_passphrase", "short")], &both(&[A]), &["has less than 16 bytes"]);
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] = if damaged[middle] == b'A' { b'B' } else { b'A' };
    check(&damaged, &[], &both(&[A]), &["the text was changed since", "restore it from its backup"]);
    let enforced = both(&[A, "method.unencrypted.clear"]).replacen("state {", "state {\nenforced = true", 1);
    check(&good, &[], &enforced, &["Unencrypted method is forbidden"]);
}

#[test]
fn a_variable_without_a_value_and_a_wrong_reference_are_told_where_they_stand() {
    let sandbox = sandbox();
    let check = |targets: &str, from: &str, to: &str, expected: &str| {
        configure(&sandbox, "red", targets);
        let text = std::fs::read_to_string(sandbox.dir().join("main.tf")).expect("main.tf");
        assert!(text.contains(from));
        sandbox.write("main.tf", &text.replace(from, to)).expect("main.tf");
        let output = refusal(&sandbox, &["plan"]);
        assert!(output.contains(expected) && output.contains("main.tf"), "{expected} is not in:\n{output}");
    };
    let targets = both(&[A]);
    check(
        &targets,
        "= method.aes_gcm.a",
        "= method.aes_gcm.c",
        "The encryption configuration has no method.aes_gcm.c",
    );
    check(&targets, "= local.passphrase", "= local.passphrases", "declares no local value \"passphrases\"");
    check(&targets, "= local.passphrase", "= toy_thing.a.id", "Not known before the state is read");
    check(&targets, "iterations = 200000", "iterations = 1000", "200000 at least");
    check(
        &targets,
        "\"unencrypted\" \"clear\" {}",
        "\"rot13\" \"clear\" {}",
        "no encryption method \"rot13\"",
    );
    let clear = "method \"unencrypted\" \"clear\" {}";
    let kms = format!("{clear}\nkey_provider \"gcp_kms\" \"g\" {{}}");
    check(&targets, clear, &kms, "\"gcp_kms\" is not supported here");
    check(&targets, "state {", "states {", "Blocks of type \"states\" are not expected");
    // Whoever does not use a variable does not need it.
    sandbox.write("main.tf", &things("red")).expect("main.tf");
    let list = sandbox.formwork(&["state", "list"]).expect("the program runs");
    assert!(list.output.contains("No state file"), "{}", list.output);
}

#[test]
fn terraform_does_not_overwrite_an_encrypted_state() {
    let found = Command::new("terraform").arg("version").env("CHECKPOINT_DISABLE", "1").output();
    if !found.is_ok_and(|o| o.status.success()) {
        println!("skipped: there is no terraform");
        return;
    }
    let sandbox = sandbox();
    let plain = "resource \"terraform_data\" \"a\" {\n  input = 1\n}\n";
    let encryption = crate::block(&both(&[B])).replace("local.passphrase", &format!("\"{PASSPHRASE}\""));
    sandbox.write("main.tf", &(plain.to_owned() + &encryption)).expect("main.tf");
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    sandbox.write("main.tf", plain).expect("main.tf");
    let before = std::fs::read(sandbox.dir().join("terraform.tfstate")).expect("the state");
    sandbox.shell("CHECKPOINT_DISABLE=1 terraform init -input=false").expect("terraform runs");
    for line in ["terraform plan -input=false", "terraform apply -auto-approve -input=false"] {
        let ran = sandbox.shell(&format!("CHECKPOINT_DISABLE=1 {line}")).expect("terraform runs");
        assert_ne!(ran.code, Some(0), "{line}: {}", ran.output);
    }
    let after = std::fs::read(sandbox.dir().join("terraform.tfstate")).expect("the state");
    assert!(before == after, "terraform wrote the state");
}
