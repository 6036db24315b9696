//! Encryption at rest, end to end: what is stored, what is refused, rotations and migrations, and kills in between.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

#[path = "../common/mod.rs"]
mod common;

mod canary;
mod givers;
mod kill;
mod kms;
mod migration;
mod refused;
mod remote;
mod roles;

use formwork_testkit::{Ran, Sandbox};
use serde_json::Value as Json;

/// Stands in every secret place.
const CANARY: &str = "canary-9d41f7c2";
const PASSPHRASE: &str = "correct horse battery staple";
const OTHER: &str = "another passphrase, longer";

/// What a run knows.
const ENV: [(&str, &str); 4] = [
    ("TF_VAR_canary", CANARY),
    ("TF_VAR_passphrase", PASSPHRASE),
    ("TF_LOG", "trace"),
    ("FORMWORK_STATE_HISTORY", "5"),
];

/// A block `encryption`: key providers `a` and `b` with a passphrase each, a method for each of the same name, and `clear`.
fn block(targets: &str) -> String {
    format!(
        r#"
terraform {{
  encryption {{
    key_provider "pbkdf2" "a" {{
      passphrase = local.passphrase
      iterations = 200000
    }}
    key_provider "pbkdf2" "b" {{
      passphrase = "{OTHER}"
      iterations = 200000
    }}
    method "aes_gcm" "a" {{
      keys = key_provider.pbkdf2.a
    }}
    method "aes_gcm" "b" {{
      keys = key_provider.pbkdf2.b
    }}
    method "unencrypted" "clear" {{}}
{targets}
  }}
}}
"#
    )
}

/// State and plan with this method, and these fallbacks.
fn both(methods: &[&str]) -> String {
    let mut inner = String::new();
    for method in methods.iter().skip(1).rev() {
        inner = format!("fallback {{\n method = {method}\n {inner}\n}}\n");
    }
    let body = format!("method = {}\n{inner}", methods[0]);
    format!("state {{\n{body}}}\nplan {{\n{body}}}\n")
}

const A: &str = "method.aes_gcm.a";
const B: &str = "method.aes_gcm.b";
const CLEAR: &str = "method.unencrypted.clear";

/// Things in the toy cloud, with canaries in them, and the variables that `block` needs.
fn things(color: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    toy = {{ source = "formwork/toy" }}
  }}
}}

provider "toy" {{
  folder = "cloud"
}}

variable "passphrase" {{
  type      = string
  sensitive = true
  ephemeral = true
  default   = "not the passphrase, really"
}}

variable "canary" {{
  type      = string
  sensitive = true
}}

locals {{
  passphrase = trimspace(" ${{var.passphrase}} ")
}}

resource "toy_thing" "a" {{
  name   = "a"
  color  = "{color}"
  secret = var.canary
}}

resource "toy_thing" "b" {{
  name   = "b"
  color  = "{color}"
  secret = "${{toy_thing.a.secret}}!"
  lifecycle {{
    create_before_destroy = true
  }}
}}

resource "terraform_data" "c" {{
  input = {{ nested = [var.canary] }}
}}

output "canary" {{
  value     = terraform_data.c.output
  sensitive = true
}}
"#
    )
}

fn sandbox() -> Sandbox {
    Sandbox::new(&common::program()).expect("a sandbox")
}

fn run_with(sandbox: &Sandbox, args: &[&str], more: &[(&str, &str)]) -> Ran {
    let env = [&ENV[..], more].concat();
    sandbox.formwork_with(args, &env).expect("the program runs")
}

/// Runs the program; its output.
fn run(sandbox: &Sandbox, code: i32, args: &[&str]) -> String {
    let ran = run_with(sandbox, args, &[]).expect(code);
    ran.unwrap_or_else(|e| panic!("formwork {}: {e}", args.join(" ")))
}

fn configure(sandbox: &Sandbox, color: &str, targets: &str) {
    let encryption = if targets.is_empty() { String::new() } else { block(targets) };
    sandbox.write("main.tf", &(things(color) + &encryption)).expect("main.tf");
}

/// A message without the lines and frames that it is set in.
fn flat(output: &str) -> String {
    output.split_whitespace().filter(|w| !w.starts_with(['│', '╵', '╷'])).collect::<Vec<_>>().join(" ")
}

/// Runs the program, which is to refuse; what it says.
fn refusal(sandbox: &Sandbox, args: &[&str]) -> String {
    flat(&run(sandbox, 1, args))
}

/// The state, as the program gives it out.
fn pulled(sandbox: &Sandbox) -> Json {
    let ran = sandbox.formwork_with(&["state", "pull"], &ENV[..2]).expect("the program runs");
    let text = ran.expect(0).unwrap_or_else(|e| panic!("state pull: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("state pull gave no JSON: {e}\n{text}"))
}

/// Files that the program wrote, below the folder: all but the configuration and the cloud.
fn files(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    fn walk(dir: &std::path::Path, base: &std::path::Path, out: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(dir).expect("the folder").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(base).expect("below").display().to_string();
            if name == "cloud" || name == "main.tf" {
                continue;
            }
            if path.is_dir() {
                walk(&path, base, out);
            } else if let Ok(bytes) = std::fs::read(&path) {
                out.push((name, bytes));
            }
        }
    }
    let mut out = Vec::new();
    walk(&sandbox.dir(), &sandbox.dir(), &mut out);
    out.sort();
    out
}

/// Names of files in which a text stands, in clear.
fn holding(sandbox: &Sandbox, text: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    files(sandbox).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name).collect()
}
