//! `state replace-provider`

use super::edit::{self, Place};
use crate::commands::options::switch_parser;
use crate::context::Context;
use clap::Args;
use formwork_config::normalise_source;
use formwork_diag::Diagnostic;

/// Give resources in the state to another provider
#[derive(Debug, Args)]
pub struct ReplaceProvider {
    /// Do not ask.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    auto_approve: bool,
    /// Only say what would be changed.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
    /// The provider that they have, such as hashicorp/aws.
    from: String,
    /// The provider that they get.
    to: String,
}

fn source(which: &str, text: &str) -> Result<String, Diagnostic> {
    normalise_source(text).map(|s| s.to_string()).map_err(|e| {
        Diagnostic::error(format!("Invalid \"{which}\" provider {text:?}"), format!("{e}."))
            .help("A provider is written as NAMESPACE/NAME or HOST/NAMESPACE/NAME.")
    })
}

impl ReplaceProvider {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> Result<(), Diagnostic> {
        self.place.look.set(cx);
        let (from, to) = (source("from", &self.from)?, source("to", &self.to)?);
        let (session, mut state) = if self.dry_run {
            (None, self.place.look_at(cx)?)
        } else {
            let session = self.place.open(cx, "state replace-provider")?;
            let state = session.state().clone();
            (Some(session), state)
        };
        let changed = state.replace_provider(&from, &to);
        if changed.is_empty() {
            cx.screen.line("No matching resources found.");
            return Ok(());
        }
        let list: String = changed.iter().map(|addr| format!("  {addr}\n")).collect();
        cx.screen.line(&format!(
            "Formwork will perform the following actions:\n\n  ~ Updating provider:\n    - {from}\n    + {to}\n\n\
             Changing {} resources:\n\n{list}",
            changed.len()
        ));
        let Some(mut session) = session else { return Ok(()) };
        edit::settled(session.pending(), |addr| changed.contains(&addr.resource))?;
        if !self.auto_approve {
            let question = "Do you want to make these changes?\nOnly 'yes' will be accepted to continue.\n\nEnter a value: ";
            match cx.screen.ask_unless(question, || cx.signals.stopping()) {
                Some(answer) if answer.trim() == "yes" => cx.screen.line(""),
                Some(_) => {
                    cx.screen.line("Cancelled replacing providers.");
                    return Ok(());
                }
                None if cx.signals.stopping() => {
                    return Err(Diagnostic::error(
                        "Interrupted",
                        "The program was asked to stop before the change was approved. Nothing was changed.",
                    ));
                }
                None => {
                    return Err(Diagnostic::error(
                        "Nobody can approve the change",
                        "The change has to be approved, but standard input is closed.",
                    )
                    .help("Approve it beforehand with -auto-approve."));
                }
            }
        }
        session.fold(&state)?;
        session.close()?;
        cx.screen.line(&format!("Successfully replaced provider for {} resources.", changed.len()));
        Ok(())
    }
}
