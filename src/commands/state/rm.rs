//! `state rm`

use super::edit::{self, Place};
use crate::commands::options::switch_parser;
use crate::context::Context;
use clap::Args;
use formwork_addr::Pattern;
use formwork_diag::Diagnostic;

/// Forget resource instances, without destroying them
///
/// The address of a resource or a module stands for all that is in it; in a pattern, each * stands for any characters:
/// formwork state rm 'module.a.*'
#[derive(Debug, Args)]
pub struct Rm {
    /// Only say what would be forgotten.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
    /// What is forgotten: addresses, or patterns.
    #[arg(required = true)]
    addresses: Vec<String>,
}

impl Rm {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> Result<(), Diagnostic> {
        self.place.look.set(cx);
        let patterns: Result<Vec<Pattern>, _> = self.addresses.iter().map(|a| a.parse::<Pattern>()).collect();
        let patterns = patterns.map_err(|e| Diagnostic::error("Invalid address", format!("{e}.")))?;
        if self.dry_run {
            for addr in self.place.look_at(cx)?.forget(&patterns)? {
                cx.screen.line(&format!("Would remove {addr}"));
            }
            return Ok(());
        }
        let mut session = self.place.open(cx, "state rm")?;
        edit::settled(session.pending(), |addr| patterns.iter().any(|p| p.contains(addr)))?;
        let mut state = session.state().clone();
        let forgotten = state.forget(&patterns)?;
        session.fold(&state)?;
        session.close()?;
        for addr in &forgotten {
            cx.screen.line(&format!("Removed {addr}"));
        }
        cx.screen.line(&format!("Successfully removed {} resource instance(s).", forgotten.len()));
        Ok(())
    }
}
