//! Sealers, as backends know them.

use formwork_encryption::{Encryption, Failure, Sealer, Unsealed as Open};
use formwork_state::{Cipher, Clear, StateError, Stored, Unsealed};
use std::sync::Arc;

/// What the state is encrypted with.
pub fn of_state(encryption: &Encryption) -> Arc<dyn Cipher> {
    of(encryption.state.as_ref())
}

/// What is encrypted by a sealer, if there is one.
pub fn of(sealer: Option<&Arc<Sealer>>) -> Arc<dyn Cipher> {
    match sealer {
        Some(sealer) => Arc::new(Sealed(sealer.clone())),
        None => Arc::new(Clear),
    }
}

/// Refuses to read and to write, for this reason.
pub fn refusing(error: StateError) -> Arc<dyn Cipher> {
    Arc::new(Refusing(error))
}

struct Sealed(Arc<Sealer>);

impl Cipher for Sealed {
    fn seal(&self, what: Stored, text: Vec<u8>) -> Result<Vec<u8>, StateError> {
        let sealed = match what {
            Stored::Snapshot => self.0.seal_state(text),
            Stored::Record => self.0.seal(text),
        };
        sealed.map_err(failed)
    }

    fn unseal<'a>(&self, what: Stored, stored: &'a [u8]) -> Result<Unsealed<'a>, StateError> {
        let Open { text, renew } = match what {
            Stored::Snapshot => self.0.unseal_state(stored),
            Stored::Record => self.0.unseal(stored),
        }
        .map_err(failed)?;
        Ok(Unsealed { text, renew })
    }
}

fn failed(failure: Failure) -> StateError {
    StateError::encryption(failure.problem, failure.help)
}

struct Refusing(StateError);

impl Cipher for Refusing {
    fn seal(&self, _: Stored, _: Vec<u8>) -> Result<Vec<u8>, StateError> {
        Err(self.0.clone())
    }

    fn unseal<'a>(&self, _: Stored, _: &'a [u8]) -> Result<Unsealed<'a>, StateError> {
        Err(self.0.clone())
    }
}
