//! Everything that is stored goes through the cipher.

use super::{backend, create, ids, options, set, sync, tokens};
use crate::{Backend, Cipher, LocalBackend, OpenOptions, Phase, Probe, State, StateError, Stored, Unsealed};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A cipher that nobody should use: every byte in hex, with a key added. `old` keys open, too; key 0 is clear text.
struct Toy {
    key: u8,
    old: Vec<u8>,
}

const HEAD: &str = "{\"encryption_version\":\"toy\",\"key\":";

impl Cipher for Toy {
    fn seal(&self, _: Stored, text: Vec<u8>) -> Result<Vec<u8>, StateError> {
        if self.key == 0 {
            return Ok(text);
        }
        let data: String = text.iter().map(|b| format!("{:02x}", b.wrapping_add(self.key))).collect();
        Ok(format!("{HEAD}{},\"encrypted_data\":\"{data}\"}}", self.key).into_bytes())
    }

    fn unseal<'a>(&self, what: Stored, stored: &'a [u8]) -> Result<Unsealed<'a>, StateError> {
        let refused = || StateError::encryption(format!("it does not open: {what:?}."), "Give the key.");
        let (key, text) = match stored.strip_prefix(HEAD.as_bytes()) {
            None => (0, Cow::Borrowed(stored)),
            Some(rest) => {
                let rest = std::str::from_utf8(rest).map_err(|_| refused())?;
                let (key, rest) = rest.split_once(",\"encrypted_data\":\"").ok_or_else(refused)?;
                let (key, data) = (key.parse().map_err(|_| refused())?, rest.trim_end_matches("\"}"));
                let byte = |i: usize| u8::from_str_radix(&data[i..i + 2], 16).map(|b| b.wrapping_sub(key));
                let text = (0..data.len()).step_by(2).map(byte).collect::<Result<Vec<u8>, _>>();
                (key, Cow::Owned(text.map_err(|_| refused())?))
            }
        };
        if key != self.key && !self.old.contains(&key) {
            return Err(refused());
        }
        Ok(Unsealed { text, renew: key != self.key })
    }
}

fn with(dir: &Path, key: u8, old: &[u8]) -> LocalBackend {
    backend(dir).with_history(4).with_cipher(Arc::new(Toy { key, old: old.to_vec() }))
}

fn state(ids: &[&str]) -> State {
    let mut state = State::default();
    for id in ids {
        set(None, false, &format!("a.{id}"), Some(&format!("canary-{id}"))).apply_to(&mut state);
    }
    state
}

/// Files in which the word stands in clear.
fn clear(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(clear(&path));
        } else if fs::read(&path).unwrap().windows(6).any(|w| w == b"canary") {
            found.push(path);
        }
    }
    found
}

fn write(backend: &LocalBackend, ids: &[&str]) -> (u64, String) {
    let mut session = backend.open(&options()).unwrap();
    session.fold(&state(ids)).unwrap();
    let written = (session.state().serial, session.state().lineage.clone());
    session.close().unwrap();
    written
}

/// Looks at the folder at each phase.
struct Look(PathBuf, Mutex<usize>);

impl Probe for Look {
    fn at(&self, phase: Phase) {
        assert_eq!(clear(&self.0), Vec::<PathBuf>::new(), "{phase:?}");
        *self.1.lock().unwrap() += 1;
    }
}

#[test]
fn nothing_is_in_clear_at_any_step_and_everything_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let look = Arc::new(Look(dir.path().into(), Mutex::new(0)));
    let backend = with(dir.path(), 7, &[]).with_probe(look.clone());
    write(&backend, &["one"]);
    write(&backend, &["one", "two"]);
    let session = backend.open(&options()).unwrap();
    session.journal().append(&create("t", "a.three")).unwrap();
    session.journal().append(&set(Some("t"), false, "a.three", Some("canary-three"))).unwrap();
    session.journal().append(&create("u", "a.four")).unwrap();
    sync(&*session.journal()).unwrap();
    session.close().unwrap();
    assert_eq!(clear(dir.path()), Vec::<PathBuf>::new());
    let expected = ["a.one=canary-one", "a.three=canary-three", "a.two=canary-two"];
    let opened = backend.peek().unwrap();
    assert_eq!(
        (ids(&opened.state), tokens(&opened.pending)),
        (expected.map(String::from).into(), vec!["u".into()])
    );
    let session = backend.open(&options()).unwrap();
    assert!(session.recovered());
    session.close().unwrap();
    assert_eq!(backend.history().unwrap().len(), 3);
    for version in backend.history().unwrap() {
        version.read().unwrap();
    }
    assert!(*look.1.lock().unwrap() >= 27, "the folder was looked at {} times", look.1.lock().unwrap());
}

#[test]
fn the_wrong_key_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(&with(dir.path(), 7, &[]), &["one"]);
    let session = with(dir.path(), 7, &[]).open(&options()).unwrap();
    session.journal().append(&create("t", "a.two")).unwrap();
    session.close().unwrap();
    let before = super::names(dir.path());
    for backend in [with(dir.path(), 8, &[]), with(dir.path(), 0, &[]), backend(dir.path())] {
        for lock in [true, false] {
            let error = backend.open(&OpenOptions { lock, ..options() }).err().unwrap();
            assert_eq!(error.summary(), "The state's encryption failed");
            assert!(error.to_string().contains("terraform.tfstate"), "{error}");
        }
        assert!(backend.peek().is_err());
        assert!(backend.history().unwrap().iter().all(|v| v.read().is_err()));
    }
    assert_eq!(super::names(dir.path()), before);
    assert_eq!(tokens(&with(dir.path(), 7, &[]).peek().unwrap().pending), ["t"]);
    // Clear text where none is expected is no state, either.
    let dir = tempfile::tempdir().unwrap();
    write(&with(dir.path(), 0, &[]), &["one"]);
    assert!(with(dir.path(), 7, &[]).peek().is_err());
}

#[test]
fn what_a_fallback_opened_is_stored_anew_even_if_nothing_changes() {
    for (from, to) in [(0, 7), (7, 8), (7, 0)] {
        let dir = tempfile::tempdir().unwrap();
        write(&with(dir.path(), from, &[]), &["one"]);
        let (serial, lineage) = write(&with(dir.path(), from, &[]), &["one", "two"]);
        let mixed = with(dir.path(), to, &[from]);
        // To open it is not to write it.
        mixed.open(&options()).unwrap().close().unwrap();
        assert!(with(dir.path(), from, &[]).peek().is_ok());
        assert_eq!(write(&mixed, &["one", "two"]), (serial + 1, lineage.clone()));
        assert_eq!(write(&mixed, &["one", "two"]), (serial + 1, lineage), "once");
        let strict = with(dir.path(), to, &[]);
        assert_eq!(ids(&strict.peek().unwrap().state), ["a.one=canary-one", "a.two=canary-two"]);
        let kept: Vec<_> = strict.history().unwrap().iter().map(|v| (v.serial, v.read().is_ok())).collect();
        assert_eq!(kept, [(3, true), (2, true), (1, true)]);
        let backup = fs::read(dir.path().join("terraform.tfstate.backup")).unwrap();
        let toy = Toy { key: to, old: vec![] };
        assert!(toy.unseal(Stored::Snapshot, &backup).is_ok(), "the backup, too");
        assert_eq!(clear(dir.path()).is_empty(), to != 0);
    }
}

#[test]
fn a_journal_knows_its_snapshot_under_whichever_key_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("terraform.tfstate");
    let first = with(dir.path(), 7, &[]);
    write(&first, &["one"]);
    let session = first.open(&options()).unwrap();
    session.journal().append(&create("t", "a.two")).unwrap();
    session.close().unwrap();
    // The same text, as it comes from a history or a backup that was renewed meanwhile.
    let toy = Toy { key: 8, old: vec![7] };
    let text = toy.unseal(Stored::Snapshot, &fs::read(&path).unwrap()).unwrap().text.into_owned();
    let other = String::from_utf8(text.clone()).unwrap().replace("canary-one", "canary-two");
    for (text, foreign) in [(text, false), (other.into_bytes(), true)] {
        fs::write(&path, toy.seal(Stored::Snapshot, text).unwrap()).unwrap();
        let peeked = with(dir.path(), 8, &[7]).peek().unwrap();
        assert_eq!((tokens(&peeked.pending), peeked.foreign), (vec!["t".into()], foreign));
    }
}

#[test]
fn a_sealed_journal_torn_at_any_byte_counts_up_to_there() {
    let dir = tempfile::tempdir().unwrap();
    let backend = with(dir.path(), 7, &[]);
    write(&backend, &["one"]);
    let session = backend.open(&options()).unwrap();
    let journal = session.journal();
    let mut ends = Vec::new();
    for i in 0..4 {
        journal.append(&create(&i.to_string(), "a.two")).unwrap();
        ends.push(journal.len_bytes() as usize);
    }
    session.close().unwrap();
    let path = dir.path().join(".terraform.tfstate.journal");
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let opened = backend.peek().unwrap();
        assert_eq!(opened.pending.len(), ends.iter().filter(|e| **e <= cut).count(), "cut at {cut}");
    }
}
