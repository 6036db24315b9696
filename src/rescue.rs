//! When a state elsewhere cannot be written, it is written here.

use formwork_state::{Journal, Pending, Session, State, StateError, snapshot};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

/// Terraform's name for it.
const FILE: &str = "errored.tfstate";

/// A session whose state goes into a file if it cannot be written where it belongs.
pub struct Rescued(pub Box<dyn Session>);

impl Rescued {
    fn rescue(&self, error: StateError, state: &State, exactly: bool) -> StateError {
        let mut state = state.clone();
        if !exactly {
            let base = self.0.state();
            // A store that is rewritten with each group may have had another serial for each.
            state.serial = base.serial + self.0.journal().fsyncs() + 1;
            state.lineage = Some(base.lineage.clone())
                .filter(|l| !l.is_empty())
                .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        }
        let write = || {
            let _ = std::fs::remove_file(FILE);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(FILE)?;
            file.write_all(snapshot::render(&state).as_bytes())?;
            file.sync_all()
        };
        let word = match write() {
            Ok(()) => format!(
                "The whole state is in the file {FILE} here. When the cause is mended, put it in place with formwork state push \
                 {FILE}."
            ),
            Err(e) => format!("It could not be written here either: {FILE}: {e}."),
        };
        match error {
            StateError::Store { action, place, problem, help, safe } => {
                let safe = if safe.is_empty() { word } else { format!("{safe} {word}") };
                StateError::Store { action, place, problem, help, safe }
            }
            StateError::Superseded { place, problem } => StateError::Superseded {
                place,
                problem: format!("{problem}. {}", word.trim_end_matches('.')),
            },
            other => other,
        }
    }
}

impl Session for Rescued {
    fn state(&self) -> &State {
        self.0.state()
    }

    fn pending(&self) -> &[Pending] {
        self.0.pending()
    }

    fn foreign(&self) -> bool {
        self.0.foreign()
    }

    fn recovered(&self) -> bool {
        self.0.recovered()
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.0.journal()
    }

    fn fold(&mut self, state: &State) -> Result<(), StateError> {
        self.0.fold(state).map_err(|e| self.rescue(e, state, false))
    }

    fn replace(&mut self, state: &State) -> Result<(), StateError> {
        self.0.replace(state).map_err(|e| self.rescue(e, state, true))
    }

    fn close(self: Box<Self>) -> Result<(), StateError> {
        self.0.close()
    }
}
