//! `state push`

use super::edit::{Locking, settled};
use crate::commands::options::{Look, switch_parser};
use crate::context::Context;
use crate::rescue::Intents;
use clap::Args;
use formwork_diag::Diagnostic;
use formwork_state::{Pending, Record, snapshot};
use std::io::Read;
use std::path::PathBuf;

/// Put a state in the place of the current one
///
/// Refused when the other state is of another lineage, or older, unless -force is given.
#[derive(Debug, Args)]
pub struct Push {
    /// Even if it is of another lineage, or older.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    force: bool,
    /// Only say whether it could be done.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    dry_run: bool,
    #[command(flatten)]
    locking: Locking,
    #[command(flatten)]
    look: Look,
    /// The state file; "-" is standard input.
    path: PathBuf,
}

impl Push {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> Result<(), Diagnostic> {
        self.look.set(cx);
        let mut text = String::new();
        let read = if self.path.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text).map(|_| ())
        } else {
            std::fs::read_to_string(&self.path).map(|read| text = read)
        };
        read.map_err(|e| {
            Diagnostic::error(
                "The state to push cannot be read",
                format!("Could not read {}: {e}.", self.path.display()),
            )
            .help("Name a state file, or - for standard input.")
        })?;
        let text = cx.state_text(text.as_bytes()).map_err(|e| e.in_file(&self.path))?;
        let state = snapshot::parse(&text).map_err(|e| e.in_file(&self.path))?;
        state.serial_after().map_err(|e| e.in_file(&self.path))?;
        let intents = Intents::of(&text);
        let refused = |why: String| {
            Diagnostic::error("Failed to write state", format!("{why}."))
                .help("If it shall replace the state all the same, use -force.")
        };
        if self.dry_run {
            let there = cx.peek(None)?.state;
            return match state.must_not_replace(&there).filter(|_| !self.force) {
                Some(why) => Err(refused(why)),
                None => {
                    cx.screen.line(&format!(
                        "Would write version {} over version {}.",
                        state.serial, there.serial
                    ));
                    Ok(())
                }
            };
        }
        let backend = cx.backend(None)?;
        let mut session = match cx.is_remote() {
            true => cx.open_remote(&*backend, "state push", self.locking.lock())?,
            false => cx.open(&*backend, "state push", self.locking.lock())?,
        };
        if let Some(why) = state.must_not_replace(session.state()).filter(|_| !self.force) {
            return Err(refused(why));
        }
        let (known, unknown): (Vec<Pending>, Vec<Pending>) =
            session.pending().iter().cloned().partition(|p| intents.contains(&p.intent.token));
        if !self.force {
            settled(&unknown, |_| true)?;
        }
        session.replace(&state)?;
        let settled = known.into_iter().map(|p| p.intent.token).filter(|t| intents.settled.contains(t));
        let settled: Vec<Record> = settled.map(|token| Record::NoEffect { token }).collect();
        if !settled.is_empty() {
            // The outcome is in the state by now: killed before this, the next run finds it out once more.
            let journal = session.journal();
            settled.iter().try_for_each(|record| journal.append(record))?;
            session.fold(&session.state().clone())?;
        }
        Ok(session.close()?)
    }
}
