//! Fetching modules: registries, git repositories, archives, folders.
//!
//! [`install`] reads a configuration, fetches what its modules come from into the data folder, and keeps a lock of what was
//! fetched. Git is the program of that name; it is never let to ask for a password. Nothing here prints, and no message
//! holds credentials.

mod accounts;
mod archive;
mod fetch;
mod git;
mod hash;
mod helper;
mod http;
mod install;
mod lock;
mod registry;
mod tree;
mod zip;

pub use accounts::Accounts;
pub use fetch::Tools;
pub use install::{Event, Options, install};
pub use lock::LOCK_FILE;
