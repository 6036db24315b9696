//! With encryption on, a secret is in no file at all.

use crate::{A, CANARY, PASSPHRASE, both, configure, files, holding, pulled, run, run_with, sandbox};

use std::cell::RefCell;

#[test]
fn no_secret_is_in_any_file() {
    let sandbox = sandbox();
    let look = |what: &str| {
        for secret in [CANARY, PASSPHRASE] {
            assert_eq!(holding(&sandbox, secret), [""; 0], "{what}: {secret}");
        }
    };
    let printed = RefCell::new(String::new());
    let step = |color: &str, args: &[&str]| {
        configure(&sandbox, color, &both(&[A]));
        printed.borrow_mut().push_str(&run(&sandbox, 0, args));
        look(&args.join(" "));
    };
    step("red", &["plan", "-out=saved.plan"]);
    step("red", &["show", "saved.plan"]);
    step("red", &["graph", "-plan", "saved.plan"]);
    step("red", &["apply", "saved.plan"]);
    step("blue", &["apply", "-auto-approve"]);
    step("green", &["apply", "-auto-approve"]);
    step("green", &["state", "mv", "terraform_data.c", "terraform_data.d"]);
    step("green", &["state", "history"]);
    step("green", &["show"]);
    step("green", &["show", "terraform.tfstate"]);
    step("green", &["output"]);
    let told = printed.borrow().clone();
    assert!(!told.contains(CANARY) && !told.contains(PASSPHRASE), "{told}");
    let names: Vec<String> = files(&sandbox).into_iter().map(|(name, _)| name).collect();
    for kind in ["saved.plan", "terraform.tfstate", "terraform.tfstate.backup", ".terraform.tfstate.history/"]
    {
        assert!(names.iter().any(|n| n.starts_with(kind)), "{kind} is not among {names:?}");
    }
    let state = pulled(&sandbox).to_string();
    assert!(state.contains(CANARY), "it is in the state, for those who have the key");
    // Ephemeral values are stored nowhere, encrypted or not.
    assert!(!state.contains(PASSPHRASE));
    let plan = run(&sandbox, 0, &["show", "-json", "saved.plan"]);
    assert!(plan.contains(CANARY) && !plan.contains(PASSPHRASE), "{plan}");
    // What an interrupted run leaves is no exception.
    configure(&sandbox, "white", &both(&[A]));
    let killed = run_with(&sandbox, &["apply", "-auto-approve"], &[("FORMWORK_TOY_KILL", "effect-done:1")]);
    assert_eq!(killed.signal, Some(9), "{}", killed.output);
    assert!(sandbox.dir().join(".terraform.tfstate.journal").is_file());
    look("a kill");
    run_with(&sandbox, &["recover"], &[]);
    look("recover");
    step("white", &["apply", "-auto-approve"]);
    step("white", &["state", "restore", "-dry-run", "4"]);
    step("white", &["destroy", "-auto-approve"]);
}
