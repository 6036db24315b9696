//! The journal: what is going to be done, and what came of it.

use crate::{State, StoredObject};
use formwork_addr::{InstanceAddr, ResourceAddr, Str};
use std::sync::Arc;

/// What an operation is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Make a new object.
    Create,
    /// Change an object in place.
    Update,
    /// Remove an object.
    Delete,
}

/// Written, and durable, before a call that has effects outside the state.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Random, one for each attempt.
    pub token: Str,
    /// The instance.
    pub address: InstanceAddr,
    /// The deposed object of the instance, when it is about one.
    pub deposed: Option<Str>,
    /// Of a creation: the key under which the current object is put aside for the new one.
    pub puts_aside: Option<Str>,
    /// What is going to be done.
    pub operation: Operation,
    /// The provider configuration: `provider["registry.terraform.io/hashicorp/aws"].west`.
    pub provider: Str,
    /// Whose objects are meant (account, region, endpoint): JSON.
    pub identity: Arc<str>,
    /// Version of the schema that `arguments` follow.
    pub schema_version: u64,
    /// The arguments sent, as a JSON object; what was unknown is null.
    pub arguments: Arc<str>,
    /// Resources that the object is made from.
    pub dependencies: Arc<[ResourceAddr]>,
}

/// One record of the journal.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// An operation begins.
    Intent(Intent),
    /// The object of an instance is now this (or gone, with `None`). With a token that is not `partial`, the intent of that
    /// token is settled.
    Set {
        /// The intent that led here; `None` where the call had no effect outside the state.
        token: Option<Str>,
        /// More is to come under the same token.
        partial: bool,
        /// The instance.
        address: InstanceAddr,
        /// Which deposed object, if not the current one.
        deposed: Option<Str>,
        /// The provider configuration.
        provider: Str,
        /// The object.
        object: Option<Arc<StoredObject>>,
    },
    /// The operation had no effect: its intent is settled.
    NoEffect {
        /// The intent.
        token: Str,
    },
    /// An instance has another address now, because the configuration says so.
    Move {
        /// The old address.
        from: InstanceAddr,
        /// The new address.
        to: InstanceAddr,
    },
    /// The current object of an instance was put aside, for one that has no intent.
    Depose {
        /// The instance.
        address: InstanceAddr,
        /// Its key.
        key: Str,
    },
    /// The object that was put aside under this key is the current one again. Nothing happens when there is none, or when
    /// the instance has another current object; but what this intent recorded half made is none, it is not there any more.
    Restore {
        /// The instance.
        address: InstanceAddr,
        /// Its key.
        key: Str,
        /// The intent that had put it aside, and that is settled by this.
        token: Option<Str>,
    },
}

impl Record {
    /// Does to the state what the record says.
    pub fn apply_to(&self, state: &mut State) {
        match self {
            Record::Intent(Intent { address, puts_aside: Some(key), .. }) => state.depose(address, key),
            Record::Intent(_) | Record::NoEffect { .. } => {}
            Record::Set { address, deposed, provider, object, .. } => {
                state.set(address, deposed.as_ref(), provider, object.clone());
            }
            Record::Depose { address, key } => state.depose(address, key),
            Record::Restore { address, key, token: None } => state.restore(address, key),
            Record::Restore { address, key, token: Some(_) } => state.reinstate(address, key),
            Record::Move { from, to } => state.rename(from, to),
        }
    }
}
