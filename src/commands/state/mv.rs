//! `state mv`

use super::edit::{self, Place};
use crate::commands::options::switch_parser;
use crate::context::Context;
use clap::Args;
use formwork_addr::Pattern;
use formwork_diag::Diagnostic;
use formwork_state::{Moved, State};
use std::path::PathBuf;

/// Give what is in the state another address, or move it to another state
///
/// Moves a resource instance, a resource with all its instances, or a module with all that is in it. In a pattern, each *
/// stands for any characters, and for the same ones in the destination:
/// formwork state mv 'aws_instance.web[*]' 'module.web.aws_instance.web[*]'
#[derive(Debug, Args)]
pub struct Mv {
    /// Only say what would be moved.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
    /// Move into this state file, which may be new.
    #[arg(long, value_name = "FILE")]
    state_out: Option<PathBuf>,
    /// Where the previous state of -state-out is kept. [default: its name with the time and .backup behind]
    #[arg(long, value_name = "FILE")]
    backup_out: Option<PathBuf>,
    /// What is moved: an address, or a pattern.
    source: String,
    /// Its new address.
    destination: String,
}

impl Mv {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> Result<(), Diagnostic> {
        self.place.look.set(cx);
        let source = self
            .source
            .parse::<Pattern>()
            .map_err(|e| Diagnostic::error("Invalid source address", format!("{e}.")))?;
        let path = self.place.path(cx);
        let out = self.state_out.as_ref().filter(|out| {
            let Some(path) = &path else { return true };
            let same = |a: Option<PathBuf>, b: Option<PathBuf>| a.is_some() && a == b;
            *out != path && !same(out.canonicalize().ok(), path.canonicalize().ok())
        });
        if self.dry_run {
            let mut state = self.place.look_at(cx)?;
            let mut other = match out {
                Some(out) => Some(cx.peek(Some(out))?.state),
                None => None,
            };
            for (from, to) in state.move_to(other.as_mut(), &source, &self.destination)? {
                cx.screen.line(&format!("Would move {from:?} to {to:?}"));
            }
            return Ok(());
        }
        let target = out.map(|out| edit::in_file(cx, out, self.backup_out.as_deref()));
        if let (Some(target), Some(path)) = (&target, &path) {
            let source = edit::in_file(cx, path, self.place.backup.as_deref());
            source.spares(target, "-backup")?;
            target.spares(&source, "-backup-out")?;
        }
        let mut session = self.place.open(cx, "state mv")?;
        let mut state = session.state().clone();
        let moved = match target {
            None => {
                let moved = state.move_to(None, &source, &self.destination)?;
                settled(session.pending(), session.state(), &state)?;
                session.fold(&state)?;
                moved
            }
            Some(target) => {
                let mut target = cx.open(&target, "state mv", self.place.locking.lock())?;
                let mut other = target.state().clone();
                let moved = state.move_to(Some(&mut other), &source, &self.destination)?;
                settled(session.pending(), session.state(), &state)?;
                settled(target.pending(), target.state(), &other)?;
                // First where it goes to: whoever is killed in between has it twice, not nowhere, and the same command
                // finishes the work.
                target.fold(&other)?;
                session.fold(&state)?;
                target.close()?;
                moved
            }
        };
        session.close()?;
        self.tell(cx, &moved);
        Ok(())
    }

    fn tell(&self, cx: &Context, moved: &[Moved]) {
        for (from, to) in moved {
            cx.screen.line(&format!("Move {from:?} to {to:?}"));
        }
        cx.screen.line(&format!("Successfully moved {} object(s).", moved.len()));
    }
}

/// No operation is open on what differs between the two states.
fn settled(pending: &[formwork_state::Pending], before: &State, after: &State) -> Result<(), Diagnostic> {
    edit::settled(pending, |addr| before.instance(addr) != after.instance(addr))
}
