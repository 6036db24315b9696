//! The forms in which a store elsewhere can keep a state: as one document, as rows, or as a snapshot with a journal.

use crate::cipher::{Cipher, Stored as What};
use crate::paths::Paths;
use crate::replay::{self, Files, Sums};
use crate::store::Stored;
use crate::wire::{self, Base, Entry};
use crate::{Pending, Record, State, StateError, frame, json, snapshot};
use formwork_addr::InstanceAddr;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// Name of the field of a snapshot that holds intents.
const JOURNAL: &str = "formwork_journal";

/// From what a state means to what is stored of it, and back. Everything that a store writes or reads of a state passes
/// through here, and so through the cipher.
#[derive(Clone)]
pub struct Codec {
    place: String,
    cipher: Arc<dyn Cipher>,
}

impl Codec {
    /// For the state that messages call `place`.
    pub fn new(place: impl Into<String>, cipher: Arc<dyn Cipher>) -> Codec {
        Codec { place: place.into(), cipher }
    }

    /// How messages call the state.
    pub fn place(&self) -> &str {
        &self.place
    }

    fn seal(&self, what: What, text: Vec<u8>) -> Result<Vec<u8>, StateError> {
        self.cipher.seal(what, text).map_err(|e| e.in_file(Path::new(&self.place)))
    }

    fn unseal<'a>(&self, what: What, bytes: &'a [u8], renew: &mut bool) -> Result<Cow<'a, [u8]>, StateError> {
        let unsealed = self.cipher.unseal(what, bytes).map_err(|e| e.in_file(Path::new(&self.place)))?;
        *renew |= unsealed.renew;
        Ok(unsealed.text)
    }

    fn unwritable(&self, problem: impl std::fmt::Display) -> StateError {
        StateError::Store {
            action: "write the state",
            place: self.place.clone(),
            problem: format!("a record cannot be written: {problem}"),
            help: "This is a bug in Formwork.".into(),
            safe: "Nothing of it was written.".into(),
        }
    }

    fn unreadable(&self, problem: impl std::fmt::Display) -> StateError {
        StateError::format(
            format!("what the store holds is damaged: {problem}."),
            "Restore an earlier version of it, if the store keeps any, or from a backup of your own.",
        )
        .in_file(Path::new(&self.place))
    }

    /// An entry of a journal as it is stored: compact JSON, as in `state/journal.schema.json`, unless it is encrypted.
    fn entry(&self, entry: &Entry) -> Result<Vec<u8>, StateError> {
        self.seal(What::Record, wire::encode(entry).map_err(|e| self.unwritable(e))?)
    }

    /// An intent, for a row of its own.
    pub fn pending_to_bytes(&self, pending: &Pending, foreign: bool) -> Result<Vec<u8>, StateError> {
        self.entry(&Entry::Carried { pending: pending.clone(), foreign })
    }

    /// Adds what [`Codec::pending_to_bytes`] wrote.
    pub fn pending_from_bytes(&self, bytes: &[u8], into: &mut Stored) -> Result<(), StateError> {
        let text = self.unseal(What::Record, bytes, &mut into.renew)?;
        into.pending.push(self.intent(&text)?);
        Ok(())
    }

    fn intent(&self, text: &[u8]) -> Result<(Pending, bool), StateError> {
        match wire::decode(text) {
            Ok(Entry::Carried { pending, foreign }) => Ok((pending, foreign)),
            Ok(_) => Err(self.unreadable("a record is not an intent")),
            Err(e) => Err(self.unreadable(e)),
        }
    }

    /// All objects of an instance, for a row each.
    pub fn instance_to_bytes(
        &self,
        state: &State,
        address: &InstanceAddr,
    ) -> Result<Vec<Vec<u8>>, StateError> {
        let Some(instance) = state.instance(address) else { return Ok(Vec::new()) };
        let provider = state.resources.get(&address.resource).map(|r| r.provider.clone()).unwrap_or_default();
        let current = instance.current.iter().map(|object| (None, object));
        let deposed = instance.deposed.iter().map(|(key, object)| (Some(key.clone()), object));
        let objects = current.chain(deposed).map(|(deposed, object)| {
            let record = Record::Set {
                token: None,
                partial: false,
                address: address.clone(),
                deposed,
                provider: object.provider.clone().unwrap_or_else(|| provider.clone()),
                object: Some(object.clone()),
            };
            self.entry(&Entry::Record(record))
        });
        objects.collect()
    }

    /// Adds an object that [`Codec::instance_to_bytes`] wrote.
    pub fn object_from_bytes(&self, bytes: &[u8], into: &mut Stored) -> Result<(), StateError> {
        let text = self.unseal(What::Record, bytes, &mut into.renew)?;
        match wire::decode(&text) {
            Ok(Entry::Record(record @ Record::Set { .. })) => {
                record.apply_to(&mut into.state);
                Ok(())
            }
            Ok(_) => Err(self.unreadable("a record is not an object")),
            Err(e) => Err(self.unreadable(e)),
        }
    }

    /// A snapshot that a journal is to continue, or that holds all of one.
    pub fn snapshot(&self, state: &State) -> Result<Snapshot, StateError> {
        let sealed = replay::sealed(&*self.cipher, snapshot::render(state).into_bytes());
        let (bytes, sums) = sealed.map_err(|e| e.in_file(Path::new(&self.place)))?;
        Ok(Snapshot { bytes, sums, serial: state.serial, lineage: state.lineage.clone() })
    }

    /// A snapshot as it is stored.
    pub fn snapshot_to_bytes(&self, state: &State) -> Result<Vec<u8>, StateError> {
        self.seal(What::Snapshot, snapshot::render(state).into_bytes())
    }

    /// A state without its resources: what is left of a snapshot when instances are kept apart.
    pub fn frame_to_bytes(&self, state: &State) -> Result<Vec<u8>, StateError> {
        let State { serial, lineage, outputs, check_results, .. } = state;
        let (serial, lineage) = (*serial, lineage.clone());
        let (outputs, check_results) = (outputs.clone(), check_results.clone());
        self.snapshot_to_bytes(&State { serial, lineage, outputs, check_results, ..State::default() })
    }

    /// Reads a snapshot; bytes without content are no state.
    pub fn snapshot_from_bytes(&self, bytes: &[u8]) -> Result<Option<Stored>, StateError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let mut stored = Stored::default();
        let text = self.unseal(What::Snapshot, bytes, &mut stored.renew)?;
        stored.state = self.parsed(&text)?;
        Ok(Some(stored))
    }

    fn parsed(&self, text: &[u8]) -> Result<State, StateError> {
        let help = "Restore it from its backup, or an earlier version of it, if the store keeps any.";
        let text = std::str::from_utf8(text).map_err(|_| StateError::format("it is not UTF-8 text.", help));
        text.and_then(snapshot::parse).map_err(|e| e.in_file(Path::new(&self.place)))
    }

    /// A snapshot that carries the intents that are not settled, for stores that hold one document. Who does not know the
    /// field passes over it.
    pub fn document_to_bytes<'p>(
        &self,
        state: &State,
        pending: impl Iterator<Item = (&'p Pending, bool)>,
    ) -> Result<Vec<u8>, StateError> {
        let mut text = snapshot::render(state);
        let mut first = true;
        for (pending, foreign) in pending {
            if std::mem::take(&mut first) {
                text.truncate(text.trim_end().len() - 1);
                text.truncate(text.trim_end().len());
                text.push(',');
                json::newline(&mut text, 1);
                text.push_str(&format!("\"{JOURNAL}\": ["));
            } else {
                text.push(',');
            }
            json::newline(&mut text, 2);
            let entry = Entry::Carried { pending: pending.clone(), foreign };
            let bytes = wire::encode(&entry).map_err(|e| self.unwritable(e))?;
            text.push_str(std::str::from_utf8(&bytes).map_err(|e| self.unwritable(e))?);
        }
        if !first {
            json::newline(&mut text, 1);
            text.push_str("]\n}\n");
        }
        self.seal(What::Snapshot, text.into_bytes())
    }

    /// Reads what [`Codec::document_to_bytes`] wrote, or any snapshot; `None` for one without content.
    pub fn document_from_bytes(&self, bytes: &[u8]) -> Result<Option<Stored>, StateError> {
        #[derive(Deserialize)]
        struct Journal<'a> {
            #[serde(borrow, default)]
            formwork_journal: Vec<&'a RawValue>,
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let mut stored = Stored::default();
        let text = self.unseal(What::Snapshot, bytes, &mut stored.renew)?;
        stored.state = self.parsed(&text)?;
        let journal: Journal<'_> =
            serde_json::from_slice(&text).map_err(|_| self.unreadable("its journal"))?;
        let pending = journal.formwork_journal.iter().map(|raw| self.intent(raw.get().as_bytes()));
        stored.pending = pending.collect::<Result<_, _>>()?;
        Ok(Some(stored))
    }

    fn framed(&self, entry: &Entry) -> Result<Vec<u8>, StateError> {
        frame::encode(&self.entry(entry)?, 0).ok_or_else(|| self.unwritable("it is too large"))
    }

    /// The beginning of a journal: which snapshot it continues (`state` has its serial and lineage, `sha256` is that of its
    /// text), the lineage that the next one gets if this has none, and the intents that are carried over.
    pub fn journal_head<'p>(
        &self,
        state: &State,
        sha256: &str,
        new_lineage: Option<&str>,
        pending: impl Iterator<Item = (&'p Pending, bool)>,
    ) -> Result<Vec<u8>, StateError> {
        let base = Base {
            serial: state.serial,
            lineage: state.lineage.clone(),
            sha256: Some(sha256.into()),
            new_lineage: new_lineage.map(Into::into),
        };
        let mut out = self.framed(&Entry::Header(base))?;
        for (pending, foreign) in pending {
            out.extend(self.framed(&Entry::Carried { pending: pending.clone(), foreign })?);
        }
        Ok(out)
    }

    /// Records as they are appended to a journal.
    pub fn journal_records(&self, records: &[Record]) -> Result<Vec<u8>, StateError> {
        let mut out = Vec::new();
        for record in records {
            out.extend(self.framed(&Entry::Record(record.clone()))?);
        }
        Ok(out)
    }

    /// What is appended before a snapshot is written: everything up to here is in the one that is stored as these bytes.
    pub fn journal_mark(&self, snapshot: &Snapshot) -> Result<Vec<u8>, StateError> {
        self.framed(&Entry::Folding {
            sha256: snapshot.sums.stored.clone(),
            serial: Some(snapshot.serial),
            lineage: Some(snapshot.lineage.clone()),
        })
    }

    /// From a snapshot and its journal, both as they are stored, to the state.
    pub fn replayed(&self, snapshot: &[u8], journal: &[u8]) -> Result<Replayed, StateError> {
        let (snapshot, journal) = (snapshot.to_vec(), Some(journal.to_vec()));
        let files = Files { snapshot, journal, to_write: true, ..Files::default() };
        let found = replay::interpret(&Paths::elsewhere(&self.place), &*self.cipher, &files)?;
        let continues = matches!(found.start, replay::Start::Continue(_)) && !found.folded;
        // A snapshot that was announced may still be on its way: the next one must differ from the last.
        let dirty = (continues && found.announced) || found.base != found.opened.state;
        let pending = found.ledger.iter().cloned().collect();
        let stored = Stored { state: found.opened.state, pending, dirty, renew: found.renew };
        Ok(Replayed { stored, continues, sha256: found.sha256 })
    }
}

/// A snapshot as it is stored.
pub struct Snapshot {
    /// What is stored.
    pub bytes: Vec<u8>,
    sums: Sums,
    serial: u64,
    lineage: String,
}

impl Snapshot {
    /// SHA-256 of its text, by which a journal knows it.
    pub fn sha256(&self) -> &str {
        &self.sums.text
    }
}

/// What a snapshot and its journal mean together.
pub struct Replayed {
    /// The state.
    pub stored: Stored,
    /// The journal continues this snapshot; otherwise it has to begin anew, after it was kept.
    pub continues: bool,
    /// SHA-256 of the snapshot's text, for the next journal.
    pub sha256: String,
}
