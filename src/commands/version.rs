//! `version`

use super::options::switch_parser;
use crate::context::Context;
use crate::environment::platform;
use clap::Args;
use formwork_state::COMPATIBLE_VERSION;
use serde_json::json;

/// Show the version, and the version of Terraform that it is compatible with
#[derive(Debug, Default, Args)]
pub struct Version {
    /// As JSON.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    json: bool,
}

impl Version {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        let version = env!("CARGO_PKG_VERSION");
        let platform = platform();
        cx.screen.line(&if self.json {
            let report = json!({
                "terraform_version": COMPATIBLE_VERSION,
                "formwork_version": version,
                "platform": platform,
                "provider_selections": {},
                "terraform_outdated": false,
            });
            format!("{report:#}")
        } else {
            format!("Formwork v{version}\non {platform}\ncompatible with Terraform v{COMPATIBLE_VERSION}")
        });
        0
    }
}
