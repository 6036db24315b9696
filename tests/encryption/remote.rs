//! States of other configurations that are encrypted.

use crate::{A, B, both, configure, flat, run, run_with, sandbox};

#[test]
fn states_of_other_configurations_are_decrypted_by_name() {
    let sandbox = sandbox();
    configure(&sandbox, "red", &both(&[A]));
    run(&sandbox, 0, &["apply", "-auto-approve"]);
    let user = |targets: &str| {
        let data = |name: &str| {
            format!(
                "data \"terraform_remote_state\" \"{name}\" {{\n  count   = var.{name}\n  backend = \"local\"\n  config  = {{ path = \
                 \"../terraform.tfstate\" }}\n}}\n\nvariable \"{name}\" {{\n  default = 0\n}}\n\noutput \"{name}\" {{\n  value = \
                 length(data.terraform_remote_state.{name}) + length(one(data.terraform_remote_state.{name}[*].outputs.canary) \
                 == null ? [] : [1])\n}}\n"
            )
        };
        let passphrase = "variable \"passphrase\" {}\nlocals {\n  passphrase = var.passphrase\n}\n";
        let encryption = crate::block(targets);
        let text = format!("{}{}{passphrase}{encryption}", data("one"), data("two"));
        sandbox.write("user/main.tf", &text).expect("main.tf");
    };
    let plan = |code: i32, name: &str| {
        let given = format!("{name}=1");
        let ran = run_with(&sandbox, &["-chdir=user", "plan", "-var", &given], &[]).expect(code);
        flat(&ran.unwrap_or_else(|e| panic!("{name}: {e}")))
    };
    user(&format!("remote_state_data_sources {{\n default {{\n method = {A}\n}}\n}}\n"));
    assert!(plan(0, "one").contains("one = 2"));
    user(&format!(
        "remote_state_data_sources {{\n default {{\n method = {B}\n}}\n remote_state_data_source \"one\" {{\n method = {A}\n}}\n}}\n"
    ));
    assert!(plan(0, "one").contains("one = 2"));
    let refused = plan(1, "two");
    assert!(refused.contains("had no part in it") && refused.contains("terraform.tfstate"), "{refused}");
    user("");
    let refused = plan(1, "one");
    assert!(refused.contains("it is encrypted, and no encryption is configured"), "{refused}");
}
