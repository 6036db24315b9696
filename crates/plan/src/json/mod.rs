//! Plans and states as Terraform's JSON (<https://developer.hashicorp.com/terraform/internals/json-format>), for the
//! tools that read it: `show -json`.
//!
//! Values are given as they are, secret ones too, with `sensitive_values` and its like beside them, as Terraform does.
//! The `_text` functions keep every number exact and every key in Terraform's order; the others give a
//! [`serde_json::Value`], which cannot hold numbers beyond a double's precision.

mod change;
mod checks;
mod module;
mod plan;
mod state;
mod value;

pub use checks::check_results;
pub use plan::{Configuration, PriorState, plan, plan_text};
pub use state::{Decode, state, state_text};

use serde::Serialize;

/// The version of Terraform that the format is compatible with.
pub const TERRAFORM_VERSION: &str = "1.11.4";

/// JSON text in which, as in Go's, no character could be taken for HTML.
fn to_text(document: &impl Serialize) -> String {
    // Writing to memory, with only strings as keys, does not fail.
    let text = serde_json::to_string(document).unwrap_or_default();
    // These characters occur only within strings.
    let special = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.as_str();
    while let Some(at) = rest.find(special) {
        out.push_str(&rest[..at]);
        let mut chars = rest[at..].chars();
        if let Some(c) = chars.next() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}
