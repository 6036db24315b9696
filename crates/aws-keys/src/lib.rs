//! Keys of AWS, for what speaks to it without its SDK: a state in a bucket, and encryption by the Key Management Service.
//!
//! Keys that stand somewhere as they are (in a block, in the environment, in the files that AWS's own tools share) are found
//! here. What has to be asked for (roles, single sign-on, machine identities) is the matter of [`World::ask`], for which the
//! program lends what its AWS provider has; a program without one says that it cannot.

mod account;
mod files;
mod keys;
pub mod sign;

pub use account::{Account, Key, Role, WebRole, seconds};
pub use keys::Keys;

use std::path::PathBuf;

/// What is asked of the program: nothing here reads the environment or the clock.
pub trait World: Send + Sync {
    /// A variable of the environment that is not empty.
    fn variable(&self, name: &str) -> Option<String>;

    /// The user's home directory.
    fn home(&self) -> Option<PathBuf>;

    /// Seconds since 1970 in UTC.
    fn unix_time(&self) -> i64;

    /// Asks for a key whatever gives keys out; the error is a sentence without its end. `None`: this program cannot ask.
    fn ask(&self, account: &Account) -> Option<Result<Key, String>>;
}
