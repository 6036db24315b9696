//! Whatever the bytes of a configuration are, the answer is diagnostics: never a panic, never a hang.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_config::MemoryFiles;
use formwork_testkit::Sandbox;
use std::path::Path;

const CONFIG: &str = r#"
terraform {
  required_version = ">= 1.5"
}

variable "names" {
  type        = map(object({ size = optional(number, 1), tags = list(string) }))
  default     = { "a" = { tags = [] } }
  description = <<-EOT
    Names, $${not} a template.
  EOT

  validation {
    condition     = alltrue([for k, v in var.names : v.size > 0 && length(k) < 10])
    error_message = "Wrong."
  }
}

locals {
  text = "%{for n in keys(var.names)}${n}, %{endfor}é\u00e9\t\"${1 + 2 * -3 % 4}\""
  pick = var.names["a"].size >= 1 ? [for s in ["x"] : upper(s) if s != ""] : null
}

resource "terraform_data" "each" {
  for_each = var.names
  input    = { key = each.key, all = values(var.names)[*].tags, raw = <<EOT
heredoc ${each.value.size ~}
EOT
  }
  lifecycle {
    create_before_destroy = true
  }
}

output "ids" {
  value = { for k, r in terraform_data.each : k => r.id... }
}
"#;

/// Numbers that look random and are the same each time (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// The configuration, damaged.
fn damaged(random: &mut Random) -> Vec<u8> {
    const PIECES: [&str; 20] = [
        "{", "}", "\"", "${", "%{", "<<EOT\n", "\r\n", "[", "]", "(", "\0", "\u{feff}", "é", "1e999", "...",
        "=", "for", "null", "/*", "\\u",
    ];
    let mut bytes = CONFIG.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => {
                let end = (at + random.below(20)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            3 => {
                let byte = random.below(256) as u8;
                bytes.insert(at, byte);
            }
            _ => {
                let end = (at + random.below(60)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.extend(copy);
            }
        }
    }
    bytes
}

fn load(bytes: Vec<u8>) -> formwork_config::Loaded {
    let files = MemoryFiles([("main.tf".into(), bytes)].into());
    formwork_config::load(Path::new(""), &files)
}

#[test]
fn damaged_configurations_give_diagnostics() {
    let whole = load(CONFIG.into());
    assert!(whole.config.is_some() && whole.diagnostics.is_empty(), "{:?}", whole.diagnostics);
    let mut random = Random(1);
    for round in 0..2_000 {
        let bytes = damaged(&mut random);
        let loaded = load(bytes);
        let told = loaded.diagnostics.iter().any(|d| d.is_error());
        assert!(told || loaded.config.is_some(), "round {round}: neither a configuration nor an error");
        for span in loaded.diagnostics.iter().filter_map(|d| d.span) {
            let file = loaded.sources.get(span.file).expect("the file of a diagnostic exists");
            assert!(
                span.start <= span.end && span.end as usize <= file.text.len(),
                "round {round}: {span:?}"
            );
        }
    }
}

#[test]
fn every_beginning_gives_diagnostics() {
    for end in 0..CONFIG.len() {
        load(CONFIG.as_bytes()[..end].to_vec());
    }
}

#[test]
fn noise_gives_diagnostics() {
    let mut random = Random(2);
    for _ in 0..500 {
        let length = random.below(300);
        load((0..length).map(|_| random.below(256) as u8).collect());
    }
}

#[test]
fn deep_nesting_gives_diagnostics() {
    for (open, close) in [("[", "]"), ("(", ")"), ("{ a = ", "}"), ("\"${", "}\""), ("!", ""), ("f(", ")")] {
        for depth in [50, 500, 5_000] {
            let text = format!("locals {{\n  a = {}1{}\n}}\n", open.repeat(depth), close.repeat(depth));
            load(text.into_bytes());
        }
    }
    let blocks = format!("{}{}", "a {\n".repeat(1_000), "}\n".repeat(1_000));
    load(blocks.into_bytes());
}

#[test]
fn the_program_survives_damage_too() {
    let mut random = Random(3);
    let inputs: Vec<Vec<u8>> = (0..40).map(|_| damaged(&mut random)).collect();
    common::parallel(2, &inputs, |bytes| {
        let sandbox = Sandbox::new(&common::program()).expect("a sandbox");
        std::fs::write(sandbox.dir().join("main.tf"), bytes).expect("main.tf");
        let ran = sandbox.formwork(&["plan", "-input=false"]).expect("the program runs");
        assert!(matches!(ran.code, Some(0 | 1)), "{:?}\n{}", ran.code, ran.output);
        for word in ["panicked", "internal error", "RUST_BACKTRACE"] {
            assert!(!ran.output.contains(word), "{}", ran.output);
        }
    });
}
