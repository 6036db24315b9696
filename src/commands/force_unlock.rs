//! `force-unlock`

use super::options::{Look, switch_parser};
use crate::context::Context;
use crate::ui::Screen;
use clap::Args;
use formwork_diag::Diagnostic;
use formwork_state::{Backend, StateError};

/// Free the lock of a state whose owner is gone
///
/// The lock on a local state is the kernel's: it frees itself when its owner ends, and is never taken from one that
/// lives; the command then says who holds it. Those of pg and s3 free themselves, too, within a minute. A lock on a web
/// server stays until it is freed by this.
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
        let backend = match cx.backend(None) {
            Ok(backend) => backend,
            Err(e) => return cx.refuse(e),
        };
        let place = backend.place();
        if cx.is_remote() && !self.force {
            let question = format!(
                "Do you really want to force-unlock?\n  The lock {} on {place} will be freed. If its owner still works, two runs may \
                 write at once.\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: ",
                self.lock_id
            );
            if !Screen::can_ask() {
                return cx.refuse(
                    Diagnostic::error(
                        "Nobody can be asked",
                        "A lock is taken from its owner only on demand.",
                    )
                    .help("Give -force if it is to be freed."),
                );
            }
            if cx.screen.ask(&question).as_deref() != Some("yes") {
                cx.screen.line("force-unlock cancelled.");
                return 1;
            }
        }
        if !cx.is_remote() {
            return cx.refuse(self.local(&*backend).unwrap_or_else(Diagnostic::from));
        }
        match backend.force_unlock(&self.lock_id) {
            Ok(()) => {
                cx.screen.line("Formwork state has been successfully unlocked!");
                0
            }
            Err(e) => cx.refuse(e),
        }
    }

    /// Why a lock on a file here is never freed by force.
    fn local(&self, backend: &dyn Backend) -> Result<Diagnostic, StateError> {
        let place = backend.place();
        let Some(owner) = backend.holder()? else {
            let detail = format!("Nobody holds the lock on {place}: there is nothing to unlock.");
            return Ok(Diagnostic::error("Failed to unlock state", detail));
        };
        let who = owner.as_ref().map_or_else(|| "by another process".to_owned(), ToString::to_string);
        let other = owner.filter(|o| !o.id.is_empty() && o.id != self.lock_id);
        let other = other.map_or("", |_| " That is another lock than the one that was named.");
        let d = Diagnostic::error(
            "Local state cannot be unlocked by another process",
            format!("{place} is locked {who}.{other}"),
        );
        Ok(d.help(if self.force {
            "Not even -force takes the lock from a process that lives. Wait until it has finished, or end it."
        } else {
            "Wait until that process has finished, or end it: the lock frees itself with its owner."
        }))
    }
}
