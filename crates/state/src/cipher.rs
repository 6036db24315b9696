//! What protects stored text: the door between what a backend stores and what it means.
//!
//! Every backend passes all text that it stores through its [`Cipher`]: snapshots (and what is kept of old ones: backups,
//! history, copies) and, one by one, the records of its journal. Nothing else may be stored that comes from a state.

use crate::StateError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// What kind of text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A snapshot. Its serial and lineage stay readable.
    Snapshot,
    /// One record of a journal, or a group of them that is stored as one object.
    Record,
}

/// Text as it was before it was stored.
#[derive(Debug, PartialEq)]
pub struct Unsealed<'a> {
    /// The text.
    pub text: Cow<'a, [u8]>,
    /// It was not stored as [`Cipher::seal`] would store it now (another key, or in clear): write it anew at the next
    /// opportunity, even if nothing changed.
    pub renew: bool,
}

/// Seals text that is stored, and unseals what was stored. Errors carry no place: see [`StateError::in_file`].
pub trait Cipher: Send + Sync {
    /// What is stored in place of `text`: one JSON object, or `text` itself. Two calls with the same text give different
    /// results.
    fn seal(&self, what: Stored, text: Vec<u8>) -> Result<Vec<u8>, StateError>;

    /// The text that was stored.
    fn unseal<'a>(&self, what: Stored, stored: &'a [u8]) -> Result<Unsealed<'a>, StateError>;

    /// Whether [`Cipher::seal`] gives every text back as it is.
    fn is_clear(&self) -> bool {
        false
    }
}

/// No encryption is configured: text is stored as it is, and what was stored encrypted is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clear;

impl Cipher for Clear {
    fn seal(&self, _: Stored, text: Vec<u8>) -> Result<Vec<u8>, StateError> {
        Ok(text)
    }

    fn unseal<'a>(&self, _: Stored, stored: &'a [u8]) -> Result<Unsealed<'a>, StateError> {
        if is_sealed(stored) {
            return Err(StateError::encryption(
                "it is encrypted, and no encryption is configured.",
                "Give the configuration that it was encrypted with: the block \"encryption\" inside of \"terraform\", or the \
                 environment variable TF_ENCRYPTION.",
            ));
        }
        Ok(Unsealed { text: Cow::Borrowed(stored), renew: false })
    }

    fn is_clear(&self) -> bool {
        true
    }
}

/// How far into a text its kind shows. The metadata of an envelope, which may come first, are small.
const LOOKED_AT: usize = 1 << 16;

/// Whether this is an envelope with encrypted text in it, by whichever tool.
pub fn is_sealed(stored: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(rename = "encrypted_data")]
        _data: IgnoredAny,
        #[serde(rename = "encryption_version")]
        _version: IgnoredAny,
    }
    let beginning = &stored[..stored.len().min(LOOKED_AT)];
    let name = b"\"encrypted_data\"";
    beginning.windows(name.len()).any(|w| w == name) && serde_json::from_slice::<Envelope>(stored).is_ok()
}
