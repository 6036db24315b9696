//! State: snapshot, journal, lock, backend.
//!
//! The snapshot is Terraform's state format, version 4. During an apply it is not rewritten: each operation appends
//! an intent and a result to the journal. Nothing here knows configuration, schemas or providers.

mod ahead;
mod backend;
mod cipher;
mod codec;
mod disk;
mod error;
mod foreign;
mod frame;
mod history;
mod hold;
mod journal;
mod journal_file;
mod json;
pub mod lease;
mod ledger;
mod local;
mod lock;
mod model;
mod object;
mod origins;
mod paths;
mod probe;
mod rearrange;
mod record_lock;
mod remote;
mod replay;
mod session;
mod shared;
pub mod snapshot;
mod wire;

pub mod store;

pub use ahead::Ahead;
pub use backend::{Backend, Journal, OpenOptions, Opened, Pending, Session};
pub use cipher::{Cipher, Clear, Stored, Unsealed, is_sealed};
pub use error::StateError;
pub use history::Version;
pub use journal::{Intent, Operation, Record};
pub use local::LocalBackend;
pub use lock::LockInfo;
pub use model::{OutputState, ResourceInstance, ResourceState, State, Status, StoredObject};
pub use origins::{Origins, add_origins, behind};
pub use probe::{Phase, Probe};
pub use rearrange::Moved;
pub use remote::{Argument, Expects, Kind, Kinds, Outside, Remote, Settings, Wrong, checked};
pub use shared::StoreBackend;

/// The version of Terraform whose behaviour this is, and which snapshots name as their writer.
pub const COMPATIBLE_VERSION: &str = "1.11.4";

#[cfg(test)]
mod tests;
