//! What is stored passes through the cipher, all of it.

use super::{Bench, PROVIDER, intent, object, open, result, same, synced, tokens};
use formwork_state::{Backend, Cipher, Clear, Record, State, StateError, Stored, StoredObject, Unsealed};
use std::sync::Arc;

const CANARY: &str = "canary-93b1";

/// Stands for a real cipher: what it seals nobody reads at a glance, and it tells its keys apart.
struct Toy {
    /// Seals, and unseals.
    key: u8,
    /// Unseals; 0 stands for text in clear.
    old: Vec<u8>,
}

fn refused(problem: &str) -> StateError {
    StateError::encryption(problem, "Give the key.")
}

impl Cipher for Toy {
    fn seal(&self, what: Stored, text: Vec<u8>) -> Result<Vec<u8>, StateError> {
        let hex: String = text.iter().map(|byte| format!("{:02x}", byte ^ self.key)).collect();
        let mut sealed = serde_json::json!({
            "meta": { "key": self.key }, "encrypted_data": hex, "encryption_version": "v0",
        });
        if what == Stored::Snapshot {
            let head: serde_json::Value = serde_json::from_slice(&text).unwrap();
            sealed["serial"] = head["serial"].clone();
            sealed["lineage"] = head["lineage"].clone();
        }
        Ok(sealed.to_string().into_bytes())
    }

    fn unseal<'a>(&self, _: Stored, stored: &'a [u8]) -> Result<Unsealed<'a>, StateError> {
        if !formwork_state::is_sealed(stored) {
            return match self.old.contains(&0) {
                true => Ok(Unsealed { text: stored.into(), renew: true }),
                false => Err(refused("it is in clear.")),
            };
        }
        let sealed: serde_json::Value = serde_json::from_slice(stored).unwrap();
        let key = sealed["meta"]["key"].as_u64().unwrap() as u8;
        if key != self.key && !self.old.contains(&key) {
            return Err(refused("it is sealed with another key."));
        }
        let hex = sealed["encrypted_data"].as_str().unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap() ^ key;
        let text: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        Ok(Unsealed { text: text.into(), renew: key != self.key })
    }
}

fn cipher(key: u8, old: &[u8]) -> Arc<dyn Cipher> {
    Arc::new(Toy { key, old: old.to_vec() })
}

fn secret(id: &str) -> Arc<StoredObject> {
    let mut object = (*object(id)).clone();
    object.attributes = format!("{{\"id\":\"{id}\",\"secret\":\"{CANARY}\"}}").into();
    object.private = CANARY.into();
    object.into()
}

fn secrets(ids: &[&str]) -> State {
    let mut state = State::default();
    for id in ids {
        let address = format!("null_resource.a[\"{id}\"]").parse().unwrap();
        state.set(&address, None, &PROVIDER.into(), Some(secret(id)));
    }
    let output = formwork_state::OutputState { value: CANARY.into(), sensitive: true };
    state.outputs.insert("secret".into(), output);
    state
}

fn hidden(bench: &dyn Bench, name: &str) {
    let raw = bench.raw(name);
    let raw = String::from_utf8_lossy(&raw);
    assert!(raw.contains("encrypted_data"), "{raw}");
    for part in [CANARY, "null_resource", "\"outputs\"", "\"t1\"", "\"t2\""] {
        assert!(!raw.contains(part), "{part:?} is stored in clear: {raw}");
    }
}

fn refuses(backend: &dyn Backend) {
    let peeked = backend.peek().expect_err("it cannot be read");
    assert!(peeked.to_string().contains(&backend.place()), "{peeked}");
    assert!(open(backend).is_err());
    // A lock that was taken was freed.
    assert!(backend.holder().unwrap().is_none());
}

/// Everything is sealed: snapshots, intents, results, and what is carried over.
pub(super) fn stores_sealed(bench: &dyn Bench) {
    let name = "sealed";
    let with = |cipher: Arc<dyn Cipher>| bench.sealed(name, cipher);
    let mut session = open(&*with(cipher(1, &[]))).unwrap();
    session.fold(&secrets(&["1"])).unwrap();
    hidden(bench, name);
    let journal = session.journal();
    let Record::Intent(mut first) = intent("t1", "null_resource.b") else { unreachable!() };
    first.arguments = format!("{{\"secret\":\"{CANARY}\"}}").into();
    journal.append(&Record::Intent(first)).unwrap();
    journal.append(&intent("t2", "null_resource.c")).unwrap();
    let Record::Set { token, partial, address, deposed, provider, .. } =
        result(Some("t1"), true, "null_resource.b", "2")
    else {
        unreachable!()
    };
    let object = Some(secret("2"));
    journal.append(&Record::Set { token, partial, address, deposed, provider, object }).unwrap();
    synced(&*session).unwrap();
    hidden(bench, name);
    session.close().unwrap();
    hidden(bench, name);

    refuses(&*with(Arc::new(Clear)));
    refuses(&*with(cipher(2, &[])));
    let seen = with(cipher(1, &[])).peek().unwrap();
    assert_eq!(seen.pending.len(), 2);
    let mut session = open(&*with(cipher(1, &[]))).unwrap();
    assert_eq!(tokens(&*session), ["t1", "t2"]);
    let b = "null_resource.b".parse().unwrap();
    assert_eq!(session.state().instance(&b).unwrap().current.as_deref(), Some(&*secret("2")));
    let known = session.state().clone();
    session.fold(&known).unwrap();
    assert_eq!(tokens(&*session), ["t1", "t2"], "carried over");
    session.close().unwrap();
    hidden(bench, name);
}

/// A new key, the first and none at all: everything is written anew, though nothing has changed.
pub(super) fn renews(bench: &dyn Bench) {
    let name = "renewed";
    let known = secrets(&["1", "2", "3"]);
    let write = |cipher: Arc<dyn Cipher>| {
        let mut session = open(&*bench.sealed(name, cipher)).unwrap();
        session.fold(&known).unwrap();
        let serial = session.state().serial;
        session.close().unwrap();
        serial
    };
    let read = |cipher: Arc<dyn Cipher>| {
        let seen = bench.sealed(name, cipher).peek().unwrap().state;
        assert!(same(&seen, &known));
    };
    assert_eq!(write(Arc::new(Clear)), 1);
    refuses(&*bench.sealed(name, cipher(1, &[])));
    // Reading alone changes nothing.
    read(cipher(1, &[0]));
    read(Arc::new(Clear));
    assert_eq!(write(cipher(1, &[0])), 2);
    hidden(bench, name);
    read(cipher(1, &[]));
    assert_eq!(write(cipher(1, &[0])), 2, "nothing is to be renewed any more");
    assert_eq!(write(cipher(2, &[1])), 3);
    read(cipher(2, &[]));
    refuses(&*bench.sealed(name, cipher(1, &[])));
}
