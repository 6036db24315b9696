//! Secrets are in the state, and nowhere that a person or a log sees.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_testkit::Sandbox;
use serde_json::Value as Json;

const CANARY: &str = "canary-5e0c9b71";

const CONFIG: &str = r#"
terraform {
  required_providers {
    toy = { source = "formwork/toy" }
  }
}

provider "toy" {
  folder = "cloud"
}

variable "password" {
  type      = string
  sensitive = true
}

variable "size" {
  type    = number
  default = 1
}

resource "toy_thing" "kept" {
  name   = "kept"
  size   = var.size
  secret = "secret-${var.password}"
  note   = "note-${var.password}"
  tags   = { (nonsensitive("key")) = "tag-${var.password}" }
}

resource "toy_thing" "broken" {
  name   = "broken"
  secret = var.password
  note   = "${toy_thing.kept.note}!"
}

resource "terraform_data" "kept" {
  triggers_replace = { nested = [var.password, "plain"], size = var.size }
}

resource "random_password" "made" {
  length = 24
}

resource "tls_private_key" "made" {
  algorithm = "ED25519"
}

resource "local_sensitive_file" "made" {
  filename = "secret.txt"
  content  = random_password.made.result
}

output "password" {
  value     = random_password.made.result
  sensitive = true
}

output "key" {
  value     = tls_private_key.made.private_key_pem
  sensitive = true
}

output "derived" {
  value     = "${upper(terraform_data.kept.triggers_replace.nested[1])} ${var.password}"
  sensitive = true
}

output "public" {
  value = tls_private_key.made.public_key_openssh
}
"#;

/// A configuration whose every expression is wrong somewhere near a secret.
const WRONG: &str = r#"
variable "password" {
  type      = string
  sensitive = true

  validation {
    condition     = length(var.password) > 100
    error_message = "Too short."
  }
}

output "leak" {
  value = var.password
}

output "not_a_number" {
  value     = tonumber(var.password)
  sensitive = true
}

output "no_such_key" {
  value     = { a = 1 }[var.password]
  sensitive = true
}

resource "terraform_data" "each" {
  for_each = toset([var.password])
}

resource "terraform_data" "parse" {
  input = jsondecode(var.password)
}

data "local_file" "none" {
  filename = "no-such-${var.password}"
}

resource "local_file" "mode" {
  filename        = "mode.txt"
  content         = "x"
  file_permission = var.password
}
"#;

struct Watch {
    sandbox: Sandbox,
    secrets: Vec<String>,
    printed: String,
}

impl Watch {
    fn new(config: &str) -> Self {
        let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
        sandbox.write("main.tf", config).expect("main.tf");
        Watch { sandbox, secrets: vec![CANARY.into()], printed: String::new() }
    }

    fn run(&mut self, code: i32, args: &[&str]) {
        let env = [("TF_VAR_password", CANARY), ("TF_LOG", "trace"), ("RUST_LOG", "trace")];
        let ran = self.sandbox.formwork_with(args, &env).expect("the program runs");
        self.printed.push_str(&format!("$ formwork {}\n{}", args.join(" "), ran.output));
        assert_eq!(ran.code, Some(code), "{}", self.printed);
    }

    /// Adds what was made at random.
    fn learn(&mut self) {
        let text = std::fs::read_to_string(self.sandbox.dir().join("terraform.tfstate")).expect("the state");
        let state: Json = serde_json::from_str(&text).expect("the state is JSON");
        for resource in state["resources"].as_array().into_iter().flatten() {
            let attributes = &resource["instances"][0]["attributes"];
            let made = match resource["type"].as_str() {
                Some("random_password") => vec![&attributes["result"], &attributes["bcrypt_hash"]],
                Some("tls_private_key") => vec![
                    &attributes["private_key_pem"],
                    &attributes["private_key_openssh"],
                    &attributes["private_key_pem_pkcs8"],
                ],
                _ => Vec::new(),
            };
            for secret in made.into_iter().filter_map(Json::as_str) {
                let lines = secret.lines().filter(|l| l.len() > 12 && !l.starts_with("-----"));
                self.secrets.extend(lines.map(str::to_owned));
            }
        }
    }

    fn check(&self) {
        let mut command = "";
        for line in self.printed.lines() {
            if line.starts_with("$ ") {
                command = line;
            }
            assert!(
                !self.secrets.iter().any(|s| line.contains(s)),
                "{command}: a secret was printed: {line}"
            );
        }
    }
}

#[test]
fn no_secret_is_printed_or_logged() {
    let mut watch = Watch::new(CONFIG);
    // A provider may quote what it was given.
    let message = format!("no room for {CANARY}");
    let fault =
        serde_json::json!({ "on": "create", "name": "broken", "fail": "partial", "message": message });
    watch.sandbox.write("cloud/.faults/broken.json", &fault.to_string()).expect("the fault");
    watch.run(0, &["validate"]);
    watch.run(0, &["plan"]);
    watch.run(0, &["plan", "-out=saved.plan"]);
    watch.run(0, &["show", "saved.plan"]);
    watch.run(1, &["apply", "-auto-approve"]);
    watch.run(0, &["apply", "-auto-approve"]);
    watch.learn();
    assert!(watch.secrets.len() > 3, "{} secrets were made", watch.secrets.len());
    watch.run(0, &["show"]);
    watch.run(0, &["output"]);
    watch.run(0, &["state", "list"]);
    watch.run(0, &["state", "show", "toy_thing.kept"]);
    watch.run(0, &["state", "show", "tls_private_key.made"]);
    watch.run(0, &["graph"]);
    watch.run(0, &["plan", "-var", "size=2"]);
    watch.run(0, &["apply", "-auto-approve", "-var", "size=2"]);
    watch.run(0, &["plan", "-destroy"]);
    watch.run(0, &["destroy", "-auto-approve"]);
    watch.check();
}

#[test]
fn a_copy_of_a_secret_is_secret() {
    let mut watch = Watch::new(
        r#"
variable "password" {
  sensitive = true
}

resource "terraform_data" "copy" {
  input = { nested = [var.password] }
}
"#,
    );
    watch.run(0, &["apply", "-auto-approve"]);
    watch.run(0, &["show"]);
    watch.check();
}

#[test]
fn no_secret_is_in_a_diagnostic() {
    let mut watch = Watch::new(WRONG);
    watch.run(1, &["plan"]);
    watch.check();
    watch.run(1, &["plan", "-json"]);
    watch.check();
}

#[test]
fn files_with_secrets_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let mut watch = Watch::new(CONFIG);
    watch.run(0, &["plan", "-out=saved.plan"]);
    watch.run(0, &["apply", "-auto-approve"]);
    watch.run(0, &["apply", "-auto-approve", "-var", "size=2"]);
    for name in ["saved.plan", "terraform.tfstate", "terraform.tfstate.backup"] {
        let mode = std::fs::metadata(watch.sandbox.dir().join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
