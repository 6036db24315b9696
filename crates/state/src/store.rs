//! What a store of states elsewhere has to offer, and the forms in which it can keep them.
//!
//! [`StoreBackend`](crate::StoreBackend) makes a [`Backend`](crate::Backend) of a [`Store`]: it waits for the lock, groups
//! what is appended, and decides on serials. A store only reads and writes.

use crate::ledger::Ledger;
use crate::paths::Paths;
use crate::replay::{self, Files};
use crate::wire::{self, Base, Entry};
use crate::{Clear, LockInfo, Pending, Record, State, StateError, frame, json, snapshot};
pub use formwork_addr::InstanceAddr as Address;
use formwork_addr::{InstanceAddr, Str};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// What a store holds of one state.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The state with all that is recorded, under the serial and lineage of the last snapshot.
    pub state: State,
    /// Intents that are not settled, oldest first, and whether each comes from a journal of another snapshot.
    pub pending: Vec<(Pending, bool)>,
    /// A journal has changed the state since the last snapshot.
    pub dirty: bool,
}

/// One try to take a lock.
pub enum Attempt {
    /// It is ours.
    Taken(Box<dyn Writer>),
    /// It is somebody else's.
    Held(Option<LockInfo>),
}

/// A place that holds one state.
pub trait Store: Send + Sync {
    /// How messages call it: an address without secrets.
    fn place(&self) -> String;

    /// What becomes of the lock when its owner is gone, and what to do: help for who finds it locked.
    fn lock_help(&self) -> String;

    /// Tries to take the lock, once.
    fn try_lock(&self, info: &LockInfo) -> Result<Attempt, StateError>;

    /// A writer without the lock.
    fn unlocked(&self, info: &LockInfo) -> Result<Box<dyn Writer>, StateError>;

    /// Reads without changing anything; `None` if there is nothing at all.
    fn peek(&self) -> Result<Option<Stored>, StateError>;

    /// Whether somebody holds the lock; the inner value is who, as far as is known.
    fn holder(&self) -> Result<Option<Option<LockInfo>>, StateError>;

    /// Frees the lock of this ID.
    fn force_unlock(&self, id: &str) -> Result<(), StateError>;
}

/// Who writes a state. Dropped without a word, it leaves the lock as a killed process would, but for what ends with it.
pub trait Writer: Send {
    /// Reads the state, and makes sure that nobody who wrote it before can write to it any more, where the store can do so.
    /// `None` if there is nothing at all.
    fn read(&mut self) -> Result<Option<Stored>, StateError>;

    /// Records a group, durably.
    fn append(&mut self, group: &Group<'_>) -> Result<(), StateError>;

    /// Makes a state the snapshot. The journal then holds the intents that are not settled, and nothing else.
    fn fold(&mut self, fold: &Fold<'_>) -> Result<(), StateError>;

    /// Frees the lock, if there is one.
    fn release(&mut self) -> Result<(), StateError>;

    /// Whether [`Writer::append`] writes the state anew, so that a changed one has the next serial.
    fn rewrites(&self) -> bool {
        false
    }
}

/// Records that are written together.
pub struct Group<'a> {
    /// What happened, in order.
    pub records: &'a [Record],
    /// Serial and lineage of the last snapshot.
    pub before: &'a State,
    /// The state after it. Where the store [rewrites](Writer::rewrites) it, with its own serial and lineage.
    pub state: &'a State,
    /// Instances that it may have changed.
    pub touched: &'a BTreeSet<InstanceAddr>,
    pub(crate) ledger: &'a Ledger,
}

impl Group<'_> {
    /// Intents that are not settled, oldest first, and whether each comes from a journal of another snapshot.
    pub fn pending(&self) -> impl Iterator<Item = (&Pending, bool)> {
        self.ledger.iter().map(|(pending, foreign)| (pending, *foreign))
    }

    /// Tokens that the group speaks of, each with its intent if that is not settled.
    pub fn tokens(&self) -> Vec<(Str, Option<(&Pending, bool)>)> {
        let mut seen = BTreeSet::new();
        let mut out = Vec::new();
        for record in self.records {
            let token = match record {
                Record::Intent(intent) => Some(&intent.token),
                Record::Set { token, .. } => token.as_ref(),
                Record::NoEffect { token } => Some(token),
                Record::Depose { .. } | Record::Restore { .. } | Record::Move { .. } => None,
            };
            if let Some(token) = token.filter(|t| seen.insert((*t).clone())) {
                out.push((token.clone(), self.ledger.of(token).map(|(p, foreign)| (p, *foreign))));
            }
        }
        out
    }
}

/// A state that becomes the snapshot.
pub struct Fold<'a> {
    /// What the store has now, groups included; `None` when that is not known, because a group failed.
    pub before: Option<&'a State>,
    /// Serial and lineage of the last snapshot.
    pub base: &'a State,
    /// What it is to have.
    pub state: &'a State,
    /// Whether an empty journal is all that is new: content, serial and lineage are what they were.
    pub same: bool,
    pub(crate) ledger: &'a Ledger,
}

impl Fold<'_> {
    /// Intents that are not settled, oldest first, and whether each comes from a journal of another snapshot.
    pub fn pending(&self) -> impl Iterator<Item = (&Pending, bool)> {
        self.ledger.iter().map(|(pending, foreign)| (pending, *foreign))
    }

    /// Instances that differ between the two; `None` when that is not known.
    pub fn touched(&self) -> Option<BTreeSet<InstanceAddr>> {
        let before = self.before?;
        let mut out = BTreeSet::new();
        for (one, other) in [(before, self.state), (self.state, before)] {
            for (address, resource) in &one.resources {
                let there = other.resources.get(address);
                if there == Some(resource) {
                    continue;
                }
                let moved = there.is_some_and(|t| t.provider != resource.provider);
                for (key, instance) in &resource.instances {
                    if moved || there.and_then(|t| t.instances.get(key)) != Some(instance) {
                        out.insert(address.instance(key.clone()));
                    }
                }
            }
        }
        Some(out)
    }
}

fn unwritable(place: &str, problem: impl std::fmt::Display) -> StateError {
    StateError::Store {
        action: "write the state",
        place: place.into(),
        problem: format!("a record cannot be written: {problem}"),
        help: "This is a bug in Formwork.".into(),
        safe: "Nothing of it was written.".into(),
    }
}

fn unreadable(place: &str, problem: impl std::fmt::Display) -> StateError {
    StateError::format(
        format!("what the store holds is damaged: {problem}."),
        "Restore an earlier version of it, if the store keeps any, or from a backup of your own.",
    )
    .in_file(std::path::Path::new(place))
}

/// An intent as text: compact JSON, as in `state/journal.schema.json`.
pub fn pending_to_bytes(place: &str, pending: &Pending, foreign: bool) -> Result<Vec<u8>, StateError> {
    wire::encode(&Entry::Carried { pending: pending.clone(), foreign }).map_err(|e| unwritable(place, e))
}

/// What [`pending_to_bytes`] wrote.
pub fn pending_from_bytes(place: &str, bytes: &[u8]) -> Result<(Pending, bool), StateError> {
    match wire::decode(bytes) {
        Ok(Entry::Carried { pending, foreign }) => Ok((pending, foreign)),
        Ok(_) => Err(unreadable(place, "a record is not an intent")),
        Err(e) => Err(unreadable(place, e)),
    }
}

/// All objects of an instance, each as text: compact JSON, as in `state/journal.schema.json`.
pub fn instance_to_bytes(
    place: &str,
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
        wire::encode(&Entry::Record(record)).map_err(|e| unwritable(place, e))
    });
    objects.collect()
}

/// Puts into a state what [`instance_to_bytes`] wrote.
pub fn object_from_bytes(place: &str, bytes: &[u8], state: &mut State) -> Result<(), StateError> {
    match wire::decode(bytes) {
        Ok(Entry::Record(record @ Record::Set { .. })) => {
            record.apply_to(state);
            Ok(())
        }
        Ok(_) => Err(unreadable(place, "a record is not an object")),
        Err(e) => Err(unreadable(place, e)),
    }
}

/// A state without its resources, as text: what is left of a snapshot when instances are kept apart.
pub fn frame_of(state: &State) -> String {
    let State { serial, lineage, outputs, check_results, .. } = state;
    let (serial, lineage) = (*serial, lineage.clone());
    let (outputs, check_results) = (outputs.clone(), check_results.clone());
    snapshot::render(&State { serial, lineage, outputs, check_results, ..State::default() })
}

/// Reads a snapshot; text without content is no state.
pub fn snapshot_from_bytes(place: &str, bytes: &[u8]) -> Result<Option<State>, StateError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let help = "Restore it from its backup, or an earlier version of it, if the store keeps any.";
    let text = std::str::from_utf8(bytes).map_err(|_| StateError::format("it is not UTF-8 text.", help));
    text.and_then(snapshot::parse).map(Some).map_err(|e| e.in_file(std::path::Path::new(place)))
}

/// Name of the field of a snapshot that holds intents.
const JOURNAL: &str = "formwork_journal";

/// A snapshot that carries the intents that are not settled, for stores that hold one document. Who does not know the field
/// passes over it.
pub fn document<'p>(
    place: &str,
    state: &State,
    pending: impl Iterator<Item = (&'p Pending, bool)>,
) -> Result<String, StateError> {
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
        let bytes = pending_to_bytes(place, pending, foreign)?;
        text.push_str(std::str::from_utf8(&bytes).map_err(|e| unwritable(place, e))?);
    }
    if !first {
        json::newline(&mut text, 1);
        text.push_str("]\n}\n");
    }
    Ok(text)
}

/// Reads what [`document`] wrote, or any snapshot; `None` for one without content.
pub fn document_from_bytes(place: &str, bytes: &[u8]) -> Result<Option<Stored>, StateError> {
    #[derive(Deserialize)]
    struct Journal<'a> {
        #[serde(borrow, default)]
        formwork_journal: Vec<&'a RawValue>,
    }
    let Some(state) = snapshot_from_bytes(place, bytes)? else { return Ok(None) };
    let journal: Journal<'_> = serde_json::from_slice(bytes).map_err(|_| unreadable(place, "its journal"))?;
    let pending = journal.formwork_journal.iter().map(|raw| pending_from_bytes(place, raw.get().as_bytes()));
    Ok(Some(Stored { state, pending: pending.collect::<Result<_, _>>()?, dirty: false }))
}

fn framed(place: &str, entry: &Entry) -> Result<Vec<u8>, StateError> {
    let payload = wire::encode(entry).map_err(|e| unwritable(place, e))?;
    frame::encode(&payload, 0).ok_or_else(|| unwritable(place, "it is too large"))
}

/// The beginning of a journal: which snapshot it continues, and the intents that are carried over.
pub fn journal_head<'p>(
    place: &str,
    state: &State,
    pending: impl Iterator<Item = (&'p Pending, bool)>,
) -> Result<Vec<u8>, StateError> {
    let base = Base { serial: state.serial, lineage: state.lineage.clone() };
    let mut out = framed(place, &Entry::Header(base))?;
    for (pending, foreign) in pending {
        out.extend(framed(place, &Entry::Carried { pending: pending.clone(), foreign })?);
    }
    Ok(out)
}

/// Records as they are appended to a journal.
pub fn journal_records(place: &str, records: &[Record]) -> Result<Vec<u8>, StateError> {
    let mut out = Vec::new();
    for record in records {
        out.extend(framed(place, &Entry::Record(record.clone()))?);
    }
    Ok(out)
}

/// What is appended before a snapshot is written: everything up to here is in the one that has this text.
pub fn journal_mark(place: &str, text: &[u8]) -> Result<Vec<u8>, StateError> {
    framed(place, &Entry::Folding { sha256: replay::sha256(text) })
}

/// From a snapshot and its journal to the state. The second value says whether the journal continues this snapshot;
/// otherwise it has to begin anew, after it was kept.
pub fn replayed(place: &str, snapshot: &[u8], journal: &[u8]) -> Result<(Stored, bool), StateError> {
    let files = Files { snapshot: snapshot.to_vec(), journal: Some(journal.to_vec()), copy: None };
    let found = replay::interpret(&Paths::elsewhere(place), &Clear, &files)?;
    let continues = matches!(found.start, replay::Start::Continue(_)) && !found.folded;
    // A snapshot that was announced may still be on its way: the next one must differ from the last.
    let announced = continues
        && frame::scan(journal).is_ok_and(|frames| {
            frames.iter().any(|f| matches!(wire::decode(f.payload), Ok(Entry::Folding { .. })))
        });
    let dirty = announced || found.base != found.opened.state;
    let pending = found.ledger.iter().cloned().collect();
    Ok((Stored { state: found.opened.state, pending, dirty }, continues))
}
