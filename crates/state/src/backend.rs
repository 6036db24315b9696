//! What every place that can hold a state offers.

use crate::{Intent, LockInfo, Record, State, StateError, StoredObject};
use std::sync::Arc;
use std::time::Duration;

/// How to open a state.
pub struct OpenOptions<'a> {
    /// What it is opened for, as others are told who wait: `apply`.
    pub operation: String,
    /// Who opens it: `user@host`.
    pub who: String,
    /// The time, as RFC 3339 writes it.
    pub now: String,
    /// Whether to take the lock.
    pub lock: bool,
    /// How long to wait for the lock.
    pub lock_timeout: Duration,
    /// Told whom we wait for, once for each owner of the lock.
    pub wait: Option<&'a dyn Fn(&LockInfo)>,
    /// Whether to give up, with the lock freed; asked while it waits, and once more when the state was read.
    pub stop: Option<&'a dyn Fn() -> bool>,
}

impl OpenOptions<'_> {
    /// Fails when it is to be given up.
    pub(crate) fn go_on(&self, place: &str) -> Result<(), StateError> {
        match self.stop {
            Some(stop) if stop() => Err(StateError::Interrupted { place: place.into() }),
            _ => Ok(()),
        }
    }
}

/// An intent whose outcome is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The intent.
    pub intent: Intent,
    /// The object as far as the journal knows it.
    pub partial: Option<Arc<StoredObject>>,
}

/// A state as it was found.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// The snapshot, with the journal replayed on it.
    pub state: State,
    /// Intents whose outcome is to be found out, oldest first.
    pub pending: Vec<Pending>,
    /// Some of `pending` comes from a journal that another snapshot belongs to: another tool wrote the state in
    /// between. None of what that journal says is in `state`.
    pub foreign: bool,
}

/// A place that holds one state.
pub trait Backend: Send + Sync {
    /// Locks it (where asked to) and reads it, to write it. What an interrupted run recorded becomes the next snapshot.
    /// Without the lock it is refused while somebody else has a journal there.
    fn open(&self, options: &OpenOptions<'_>) -> Result<Box<dyn Session>, StateError>;

    /// Reads it as it is at this moment, without a lock and without changing anything.
    fn peek(&self) -> Result<Opened, StateError>;

    /// How messages call it: a path, or an address without secrets.
    fn place(&self) -> String;

    /// Whether there is nothing at all: no snapshot, no journal.
    fn is_absent(&self) -> Result<bool, StateError>;

    /// Whether somebody holds the lock; the inner value is who, as far as is known.
    fn holder(&self) -> Result<Option<Option<LockInfo>>, StateError>;

    /// Frees the lock of this ID whose owner is gone.
    fn force_unlock(&self, id: &str) -> Result<(), StateError>;
}

/// A state that is open.
pub trait Session: Send {
    /// The state as last opened or folded. What was appended since is not in it.
    fn state(&self) -> &State;

    /// The lineage of the state; of one that was never written, the one that it is going to have, if that is known.
    fn lineage(&self) -> String {
        self.state().lineage.clone()
    }

    /// The serial for a state that is saved elsewhere, since it could not be written here: the one after the last that this
    /// session may have written.
    fn next_serial(&self) -> u64 {
        self.state().serial + 1
    }

    /// Intents whose outcome was not known when it was opened, oldest first.
    fn pending(&self) -> &[Pending];

    /// Whether some of [`Session::pending`] comes from another snapshot's journal: see [`Opened::foreign`].
    fn foreign(&self) -> bool;

    /// Whether what an interrupted run had recorded was put into the snapshot when it was opened.
    fn recovered(&self) -> bool;

    /// Where to append what happens.
    fn journal(&self) -> Arc<dyn Journal>;

    /// Makes `state` the snapshot, with the next serial if its content differs, and empties the journal. Everything that
    /// was appended must be in `state`; intents that are not settled are carried over. The serial and lineage of
    /// `state` do not matter.
    fn fold(&mut self, state: &State) -> Result<(), StateError>;

    /// Like [`Session::fold`], but `state` keeps its own lineage and serial, whatever they were before.
    fn replace(&mut self, state: &State) -> Result<(), StateError>;

    /// Makes sure that everything appended is durable, and frees the lock. The journal stays if it was not folded.
    fn close(self: Box<Self>) -> Result<(), StateError>;
}

/// Where records go.
pub trait Journal: Send + Sync {
    /// Writes a record behind all earlier ones. It survives the death of this process, but the machine's only after
    /// [`Journal::sync`].
    fn append(&self, record: &Record) -> Result<(), StateError>;

    /// Calls `done`, on another thread, as soon as everything appended before this call is durable. Whoever waits at the
    /// same time shares one fsync. `done` must not block.
    fn sync(&self, done: Box<dyn FnOnce(Result<(), StateError>) + Send>);

    /// Whether the state may be somebody else's by now, so that nothing may be begun, not even once more. Asked at any time, and
    /// answered within a second; whoever appends finds out for certain.
    fn in_doubt(&self) -> bool {
        false
    }

    /// Its length.
    fn len_bytes(&self) -> u64;

    /// How many times it was synced.
    fn fsyncs(&self) -> u64;
}
