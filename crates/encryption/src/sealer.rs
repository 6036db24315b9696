//! Texts sealed and unsealed, with one method for new ones and all that old ones may have been sealed with.

use crate::aes::Cipher;
use crate::envelope::{self, Envelope, Head, Meta};
use crate::keys::Providers;
use crate::{Failure, aes};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A block `method`.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    /// `method.aes_gcm.name`
    pub(crate) address: String,
    pub(crate) kind: MethodKind,
}

#[derive(Clone, Debug)]
pub(crate) enum MethodKind {
    AesGcm {
        /// The key provider, by its place in the list.
        keys: usize,
        aad: Vec<u8>,
    },
    Unencrypted,
}

/// A text as it was before it was sealed.
#[derive(Debug, PartialEq, Eq)]
pub struct Unsealed<'a> {
    /// The text.
    pub text: Cow<'a, [u8]>,
    /// It was sealed by a fallback, or not at all: sealed anew, it would be sealed in another way.
    pub renew: bool,
}

/// Seals one kind of text: states, or plans. Keys are made, or asked for, once.
pub struct Sealer {
    /// The one that seals, then the fallbacks; never empty.
    methods: Vec<Method>,
    providers: Arc<Providers>,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    /// What new texts are sealed with.
    new: Option<(Arc<Cipher>, Arc<Meta>)>,
    /// What old texts were sealed with, by method and metadata.
    old: BTreeMap<(usize, Meta), Arc<Cipher>>,
}

/// What a state says of itself.
#[derive(Deserialize)]
struct StateHead {
    serial: Option<u64>,
    lineage: Option<String>,
}

impl Sealer {
    pub(crate) fn new(methods: Vec<Method>, providers: Arc<Providers>) -> Sealer {
        Sealer { methods, providers, keys: Mutex::default() }
    }

    /// Whether new texts are encrypted.
    pub fn encrypts(&self) -> bool {
        self.methods.first().is_some_and(|m| !matches!(m.kind, MethodKind::Unencrypted))
    }

    /// Seals a text. Two seals of one text differ.
    pub fn seal(&self, text: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.seal_with(text, Head::default())
    }

    /// Seals a state, whose serial and lineage stay readable.
    pub fn seal_state(&self, text: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let head = if self.encrypts() { head(&text)? } else { Head::default() };
        self.seal_with(text, head)
    }

    /// The text that was sealed.
    pub fn unseal<'a>(&self, stored: &'a [u8]) -> Result<Unsealed<'a>, Failure> {
        self.open(stored).map(|(_, unsealed)| unsealed)
    }

    /// The state that was sealed. Its serial and lineage are those that stayed readable.
    pub fn unseal_state<'a>(&self, stored: &'a [u8]) -> Result<Unsealed<'a>, Failure> {
        let (outer, unsealed) = self.open(stored)?;
        if let Some(outer) = outer {
            let inner = head(&unsealed.text)?;
            let differs = (outer.serial.is_some() && outer.serial != inner.serial)
                || (outer.lineage.as_ref().is_some_and(|l| !l.is_empty()) && outer.lineage != inner.lineage);
            if differs {
                return Err(Failure::new(
                    "the serial or lineage that it shows is not the one that was encrypted with it: somebody changed it.",
                    "Restore it from its backup, or from the history (state history), and find out who changed it.",
                ));
            }
        }
        Ok(unsealed)
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seal_with(&self, text: Vec<u8>, head: Head) -> Result<Vec<u8>, Failure> {
        let Some(Method { address, kind: MethodKind::AesGcm { keys: provider, aad } }) = self.methods.first()
        else {
            return Ok(text);
        };
        let mut keys = self.keys();
        let (cipher, meta) = match &keys.new {
            Some(new) => new.clone(),
            None => {
                let mut meta = Meta::new();
                let key = self.providers.new_key(*provider, &mut meta)?;
                let cipher =
                    Cipher::new(&key, aad).ok_or_else(|| wrong_length(address, key.expose().len()))?;
                let new = (Arc::new(cipher), Arc::new(meta));
                keys.new = Some(new.clone());
                new
            }
        };
        drop(keys);
        let sealed = cipher.seal(&text)?;
        drop(text);
        Ok(envelope::write(head, &meta, &sealed))
    }

    fn open<'a>(&self, stored: &'a [u8]) -> Result<(Option<Head>, Unsealed<'a>), Failure> {
        if !envelope::is_sealed(stored) {
            return match self.methods.iter().position(|m| matches!(m.kind, MethodKind::Unencrypted)) {
                Some(at) => Ok((None, Unsealed { text: Cow::Borrowed(stored), renew: at > 0 })),
                None => Err(Failure::new(
                    "it is not encrypted, and the configuration wants it to be.",
                    "If this is the first run with encryption, allow it for this run: declare method \"unencrypted\" \
                     \"old\" {}, and add fallback { method = method.unencrypted.old } to the block \"state\" or \"plan\". \
                     Otherwise somebody put another file in its place.",
                )),
            };
        }
        let Envelope { head, meta, data } = envelope::read(stored)?;
        let mut reasons = Vec::new();
        let mut fits = false;
        for (i, method) in self.methods.iter().enumerate() {
            let MethodKind::AesGcm { keys: provider, aad } = &method.kind else { continue };
            let named = &self.providers.list[*provider].address;
            let Some(cipher) = self.old_key(i, method, *provider, aad, &meta)? else {
                reasons.push(format!("{} has its key from {named}, which had no part in it", method.address));
                continue;
            };
            fits = true;
            if let Some(text) = cipher.open(&data) {
                if i == 0 && self.providers.is_current(*provider, &meta) {
                    self.keys().new.get_or_insert_with(|| (cipher, Arc::new(meta)));
                }
                return Ok((Some(head), Unsealed { text: Cow::Owned(text), renew: i > 0 }));
            }
            reasons.push(format!(
                "the key that {} has from {named} is not the right one, or the text was changed since",
                method.address
            ));
        }
        Err(self.refused(&meta, &reasons, fits))
    }

    fn old_key(
        &self,
        index: usize,
        method: &Method,
        provider: usize,
        aad: &[u8],
        meta: &Meta,
    ) -> Result<Option<Arc<Cipher>>, Failure> {
        let slot = (index, meta.clone());
        if let Some(cipher) = self.keys().old.get(&slot) {
            return Ok(Some(cipher.clone()));
        }
        let Some(key) = self.providers.old_key(provider, meta)? else { return Ok(None) };
        let cipher =
            Cipher::new(&key, aad).ok_or_else(|| wrong_length(&method.address, key.expose().len()))?;
        let cipher = Arc::new(cipher);
        self.keys().old.insert(slot, cipher.clone());
        Ok(Some(cipher))
    }

    fn refused(&self, meta: &Meta, reasons: &[String], fits: bool) -> Failure {
        let names: Vec<&str> = meta.keys().map(String::as_str).collect();
        let names = if names.is_empty() { "a key that it does not name".into() } else { names.join(" and ") };
        let mut problem = format!("it is encrypted with {names}, and cannot be decrypted");
        if reasons.is_empty() {
            problem.push_str(": the configuration has no method that decrypts");
        }
        for (i, reason) in reasons.iter().enumerate() {
            problem.push_str(if i == 0 { ": " } else { "; " });
            problem.push_str(reason);
        }
        problem.push('.');
        let help = if fits {
            "Give the passphrase, or key, that it was encrypted with. After a change of keys, the old one belongs in a \
             fallback block until everything is written anew. If the key is right, the text is damaged: restore it from its \
             backup."
        } else {
            "Declare the key provider that it names as it was, with a method that uses it, and refer to that method in a \
             fallback block. A provider under a new name needs encrypted_metadata_alias, with the old name."
        };
        Failure::new(problem, help)
    }
}

fn wrong_length(method: &str, length: usize) -> Failure {
    let [a, b, c] = aes::LENGTHS;
    Failure::new(
        format!("{method} takes keys of {a}, {b} or {c} bytes, and its key provider gives {length}."),
        "Set key_length of the key provider to 32.",
    )
}

fn head(text: &[u8]) -> Result<Head, Failure> {
    let head: StateHead = serde_json::from_slice(text).map_err(|_| {
        Failure::new(
            "what was encrypted is not a state.",
            "Check that the path names a state, and not a plan or some other file.",
        )
    })?;
    Ok(Head { serial: head.serial, lineage: head.lineage })
}
