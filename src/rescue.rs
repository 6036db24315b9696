//! When a state elsewhere cannot be written, it is written here, with what is known of the intents there: whoever puts it in
//! place settles them.

use formwork_addr::Str;
use formwork_state::{Cipher, Journal, Pending, Record, Session, State, StateError, Stored, snapshot};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, PoisonError};

/// Terraform's name for it.
const FILE: &str = "errored.tfstate";
/// The field with the intents. Terraform passes over it.
const FIELD: &str = "formwork_intents";

/// The intents that the run which wrote the file knew of, by token.
#[derive(Default)]
pub struct Intents {
    /// Those whose outcome is in the state.
    pub settled: Vec<Str>,
    /// Those whose outcome nobody knew.
    pub open: Vec<Str>,
}

impl Intents {
    /// What the text of a state says of them: most say nothing.
    pub fn of(text: &str) -> Intents {
        let document: Json = serde_json::from_str(text).unwrap_or_default();
        let tokens = |which: &str| -> Vec<Str> {
            let tokens = document[FIELD][which].as_array();
            tokens.into_iter().flatten().filter_map(|token| token.as_str().map(Str::from)).collect()
        };
        Intents { settled: tokens("settled"), open: tokens("open") }
    }

    /// Whether the state knows of this one.
    pub fn contains(&self, token: &Str) -> bool {
        self.settled.contains(token) || self.open.contains(token)
    }
}

/// Whether each intent is settled, by token.
type Outcomes = Arc<Mutex<BTreeMap<Str, bool>>>;

/// A journal that notes which intents are settled, for the file.
struct Noted {
    journal: Arc<dyn Journal>,
    outcomes: Outcomes,
}

impl Journal for Noted {
    fn append(&self, record: &Record) -> Result<(), StateError> {
        let outcome = match record {
            Record::Intent(intent) => Some((&intent.token, false)),
            Record::Set { token: Some(token), partial: false, .. }
            | Record::Restore { token: Some(token), .. }
            | Record::NoEffect { token } => Some((token, true)),
            _ => None,
        };
        if let Some((token, settled)) = outcome {
            let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.insert(token.clone(), settled);
        }
        self.journal.append(record)
    }

    fn sync(&self, done: Box<dyn FnOnce(Result<(), StateError>) + Send>) {
        self.journal.sync(done);
    }

    fn in_doubt(&self) -> bool {
        self.journal.in_doubt()
    }

    fn len_bytes(&self) -> u64 {
        self.journal.len_bytes()
    }

    fn fsyncs(&self) -> u64 {
        self.journal.fsyncs()
    }
}

/// A session whose state goes into a file if it cannot be written where it belongs.
pub struct Rescued {
    session: Box<dyn Session>,
    cipher: Arc<dyn Cipher>,
    outcomes: Outcomes,
}

impl Rescued {
    /// The file is encrypted as the state is.
    pub fn new(session: Box<dyn Session>, cipher: Arc<dyn Cipher>) -> Self {
        let outcomes = session.pending().iter().map(|p| (p.intent.token.clone(), false)).collect();
        Rescued { session, cipher, outcomes: Arc::new(Mutex::new(outcomes)) }
    }

    /// The text of the file.
    fn text(&self, state: &State) -> String {
        let mut text = snapshot::render(state);
        let mut intents = Intents::default();
        for (token, settled) in &*self.outcomes.lock().unwrap_or_else(PoisonError::into_inner) {
            if *settled { &mut intents.settled } else { &mut intents.open }.push(token.clone());
        }
        let tokens = |of: &[Str]| of.iter().map(|token| json!(&**token)).collect::<Json>();
        let intents = json!({ "settled": tokens(&intents.settled), "open": tokens(&intents.open) });
        if let Some(end) = text.rfind("\n}") {
            text.insert_str(end, &format!(",\n  \"{FIELD}\": {intents}"));
        }
        text
    }

    fn rescue(&self, error: StateError, state: &State, exactly: bool) -> StateError {
        let mut state = state.clone();
        let superseded = matches!(error, StateError::Superseded { .. });
        if !exactly || superseded {
            // Whoever wrote meanwhile found what was on its way here, and has gone on from there: that must not be replaced by
            // what was known before, unless somebody has looked.
            state.serial = if superseded { self.session.state().serial } else { self.session.next_serial() };
            state.lineage = self.session.lineage();
        }
        let sealed = self.cipher.seal(Stored::Snapshot, self.text(&state).into_bytes());
        let written =
            sealed.map_err(|e| e.to_string()).and_then(|text| write(&text).map_err(|e| e.to_string()));
        let word = match written {
            Ok(()) if superseded => format!(
                "The state as this run knew it is in the file {FILE} here, to be compared with what the other run has made of it: \
                 formwork plan says whether anything is missing. In the place of the other's it would lose what that run did."
            ),
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

    fn lineage(&self) -> String {
        self.session.lineage()
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
        Arc::new(Noted { journal: self.session.journal(), outcomes: self.outcomes.clone() })
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
