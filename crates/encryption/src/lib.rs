//! Encryption at rest, in OpenTofu's format: what its block `encryption` says, and texts sealed and unsealed by it.
//!
//! The format is documented by OpenTofu's page "State and Plan Encryption" and by its code, package
//! `internal/encryption`; `state/encrypted.schema.json` describes it. Nothing here does I/O: whoever has an account
//! at AWS lends a [`Kms`].

mod aes;
mod envelope;
mod keys;
mod sealer;
mod secret;
mod settings;

pub use keys::{AwsKms, DataKey, Kms};
pub use sealer::{Sealer, Unsealed};
pub use secret::Secret;
pub use settings::{Component, Encryption, Settings, Target};

/// Why something cannot be sealed or unsealed. Nothing secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong, as a sentence that begins with "it": what is meant is for the caller to say.
    pub problem: String,
    /// What to do, as a sentence.
    pub help: String,
}

impl Failure {
    fn new(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Failure { problem: problem.into(), help: help.into() }
    }
}

#[cfg(test)]
mod tests;
