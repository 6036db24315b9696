//! When a state elsewhere cannot be written, it is written here.

use formwork_state::{Cipher, Journal, Pending, Session, State, StateError, Stored, snapshot};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

/// Terraform's name for it.
const FILE: &str = "errored.tfstate";

/// A session whose state goes into a file if it cannot be written where it belongs.
pub struct Rescued {
    session: Box<dyn Session>,
    cipher: Arc<dyn Cipher>,
}

impl Rescued {
    /// The file is encrypted as the state is.
    pub fn new(session: Box<dyn Session>, cipher: Arc<dyn Cipher>) -> Self {
        Rescued { session, cipher }
    }

    fn rescue(&self, error: StateError, state: &State, exactly: bool) -> StateError {
        let mut state = state.clone();
        if !exactly {
            let base = self.session.state();
            // A store that is rewritten with each group may have had another serial for each.
            state.serial = base.serial + self.session.journal().fsyncs() + 1;
            state.lineage = Some(base.lineage.clone())
                .filter(|l| !l.is_empty())
                .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        }
        let sealed = self.cipher.seal(Stored::Snapshot, snapshot::render(&state).into_bytes());
        let written =
            sealed.map_err(|e| e.to_string()).and_then(|text| write(&text).map_err(|e| e.to_string()));
        let word = match written {
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

/// Writes the file. One that an earlier run left is kept beside it: it may be all there is of a state.
fn write(text: &[u8]) -> std::io::Result<()> {
    if std::fs::exists(FILE)? {
        let free = (1..).map(|n| format!("{FILE}.{n}")).find(|name| !std::fs::exists(name).unwrap_or(true));
        std::fs::rename(FILE, free.unwrap_or_default())?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(FILE)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::File::open(".")?.sync_all()
}

impl Session for Rescued {
    fn state(&self) -> &State {
        self.session.state()
    }

    fn pending(&self) -> &[Pending] {
        self.session.pending()
    }

    fn foreign(&self) -> bool {
        self.session.foreign()
    }

    fn recovered(&self) -> bool {
        self.session.recovered()
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.session.journal()
    }

    fn fold(&mut self, state: &State) -> Result<(), StateError> {
        self.session.fold(state).map_err(|e| self.rescue(e, state, false))
    }

    fn replace(&mut self, state: &State) -> Result<(), StateError> {
        self.session.replace(state).map_err(|e| self.rescue(e, state, true))
    }

    fn close(self: Box<Self>) -> Result<(), StateError> {
        self.session.close()
    }
}
