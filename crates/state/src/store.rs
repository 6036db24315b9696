//! What a store of states elsewhere has to offer. The forms in which it can keep them are those of [`Codec`].
//!
//! [`StoreBackend`](crate::StoreBackend) makes a [`Backend`](crate::Backend) of a [`Store`]: it waits for the lock, groups
//! what is appended, and decides on serials. A store only reads and writes.

pub use crate::codec::{Codec, Replayed, Snapshot};
use crate::ledger::Ledger;
use crate::{LockInfo, Pending, Record, State, StateError};
pub use formwork_addr::InstanceAddr as Address;
use formwork_addr::{InstanceAddr, Str};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a store holds of one state.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The state with all that is recorded, under the serial and lineage of the last snapshot.
    pub state: State,
    /// Intents that are not settled, oldest first, and whether each comes from a journal of another snapshot.
    pub pending: Vec<(Pending, bool)>,
    /// A journal has changed the state since the last snapshot.
    pub dirty: bool,
    /// Some of it is stored in another way than it would be now (another key, or in clear): see [`Unsealed`](crate::Unsealed).
    pub renew: bool,
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

/// Tells at any moment, and without waiting, whether the lock may be somebody else's by now.
pub type Doubt = Arc<dyn Fn() -> bool + Send + Sync>;

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

    /// Whether the lock is lost for now, where that can be seen within a second.
    fn is_lost(&mut self) -> bool {
        false
    }

    /// What tells whether the lock is in doubt, where one is lost by not being renewed.
    fn doubt(&self) -> Option<Doubt> {
        None
    }

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
    /// The lineage that the next snapshot gets, where the last has none. It is to be stored with the group: whoever opens
    /// the state next goes on under it. In a state that is rewritten, it is there already.
    pub new_lineage: Option<&'a str>,
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
                Record::Restore { token, .. } => token.as_ref(),
                Record::Depose { .. } | Record::Move { .. } => None,
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
    /// The lineage that this snapshot gets, where the last has none.
    pub fn new_lineage(&self) -> Option<&str> {
        self.base.lineage.is_empty().then_some(&*self.state.lineage)
    }

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
