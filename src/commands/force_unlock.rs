//! `force-unlock`

use super::options::{Look, switch_parser};
use crate::context::Context;
use clap::Args;
use formwork_diag::Diagnostic;

/// Free the lock of a state whose owner is gone
///
/// The lock on a local state is the kernel's: it frees itself when its owner ends, and is never taken from one that
/// lives. So there is nothing to free by force; the command says who holds it.
#[derive(Debug, Args)]
pub struct ForceUnlock {
    /// Do not ask.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    force: bool,
    #[command(flatten)]
    look: Look,
    /// The ID of the lock, as those who wait for it are told.
    lock_id: String,
}

impl ForceUnlock {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let backend = cx.backend(None);
        let path = backend.path().display().to_string();
        let d = match backend.holder() {
            Err(e) => return cx.refuse(e),
            Ok(None) => Diagnostic::error(
                "Failed to unlock state",
                format!("Nobody holds the lock on {path}: there is nothing to unlock."),
            ),
            Ok(Some(owner)) => {
                let who = owner.as_ref().map_or_else(|| "by another process".to_owned(), ToString::to_string);
                let other = owner.filter(|o| !o.id.is_empty() && o.id != self.lock_id);
                let other = other.map_or("", |_| " That is another lock than the one that was named.");
                Diagnostic::error(
                    "Local state cannot be unlocked by another process",
                    format!("{path} is locked {who}.{other}"),
                )
                .help(if self.force {
                    "Not even -force takes the lock from a process that lives. Wait until it has finished, or end it."
                } else {
                    "Wait until that process has finished, or end it: the lock frees itself with its owner."
                })
            }
        };
        cx.refuse(d)
    }
}
