//! The method `aes_gcm`: nonce, ciphertext and tag in one piece.

use crate::{Failure, Secret};
use aws_lc_rs::aead::{
    AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use aws_lc_rs::rand;

/// Lengths of keys, in bytes.
pub(crate) const LENGTHS: [usize; 3] = [16, 24, 32];

/// A key in use. The library that holds it overwrites it when it is dropped.
pub(crate) struct Cipher {
    key: LessSafeKey,
    aad: Vec<u8>,
}

impl Cipher {
    /// Nothing for a key of another length than [`LENGTHS`].
    pub(crate) fn new(key: &Secret, aad: &[u8]) -> Option<Cipher> {
        let algorithm = match key.expose().len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            _ => return None,
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key.expose()).ok()?);
        Some(Cipher { key, aad: aad.to_vec() })
    }

    /// Nonces are random, as in OpenTofu: 2^32 texts may be sealed with one key.
    pub(crate) fn seal(&self, text: &[u8]) -> Result<Vec<u8>, Failure> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut out = Vec::with_capacity(NONCE_LEN + text.len() + 16);
        out.extend_from_slice(&nonce);
        let mut body = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(&self.aad), &mut body).map_err(|_| {
            Failure::new("it is too large to be encrypted.", "Split the configuration into smaller ones.")
        })?;
        out.append(&mut body);
        Ok(out)
    }

    /// Nothing if the key is another one, or the text was changed.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.key.open_in_place(nonce, Aad::from(&self.aad), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills with random bytes.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Failure> {
    rand::fill(bytes).map_err(|_| {
        Failure::new(
            "it cannot be encrypted: the system gives no randomness.",
            "Make sure that this process may use the system's source of randomness, and run again.",
        )
    })
}
