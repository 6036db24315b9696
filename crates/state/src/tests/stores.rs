//! States that are kept elsewhere: a store in memory, which holds either one document or a snapshot with a journal.

use super::*;
use crate::store::{Attempt, Codec, Fold, Group, Store, Stored, Writer};
use std::sync::Mutex;

/// What the store has.
#[derive(Default)]
struct Held {
    snapshot: Vec<u8>,
    journal: Vec<u8>,
    /// Writes that are still taken; after them, the store fails.
    taken: Option<usize>,
}

#[derive(Clone)]
struct Memory {
    held: Arc<Mutex<Held>>,
    codec: Codec,
    rewrites: bool,
}

impl Memory {
    fn new(rewrites: bool) -> Memory {
        Memory { held: Arc::default(), codec: Codec::new("memory", Arc::new(Clear)), rewrites }
    }

    fn open(&self) -> Box<dyn Session> {
        StoreBackend::new(self.clone()).open(&options()).unwrap()
    }

    /// Another with the same content.
    fn copied(&self) -> Memory {
        let held = self.held.lock().unwrap();
        let held = Held { snapshot: held.snapshot.clone(), journal: held.journal.clone(), taken: None };
        Memory { held: Arc::new(Mutex::new(held)), ..self.clone() }
    }

    fn fail_after(&self, writes: Option<usize>) {
        self.held.lock().unwrap().taken = writes;
    }

    fn write(&self, write: impl FnOnce(&mut Held)) -> Result<(), StateError> {
        let mut held = self.held.lock().unwrap();
        if held.taken == Some(0) {
            return Err(StateError::Store {
                action: "write the state",
                place: "memory".into(),
                problem: "it is full".into(),
                help: String::new(),
                safe: String::new(),
            });
        }
        held.taken = held.taken.map(|left| left - 1);
        write(&mut held);
        Ok(())
    }

    fn stored(&self) -> Result<Option<Stored>, StateError> {
        let held = self.held.lock().unwrap();
        if self.rewrites {
            return self.codec.document_from_bytes(&held.snapshot);
        }
        if held.snapshot.is_empty() && held.journal.is_empty() {
            return Ok(None);
        }
        self.codec.replayed(&held.snapshot, &held.journal).map(|found| Some(found.stored))
    }
}

impl Store for Memory {
    fn place(&self) -> String {
        "memory".into()
    }

    fn lock_help(&self) -> String {
        String::new()
    }

    fn try_lock(&self, info: &LockInfo) -> Result<Attempt, StateError> {
        self.unlocked(info).map(Attempt::Taken)
    }

    fn unlocked(&self, _: &LockInfo) -> Result<Box<dyn Writer>, StateError> {
        Ok(Box::new(self.clone()))
    }

    fn peek(&self) -> Result<Option<Stored>, StateError> {
        self.stored()
    }

    fn holder(&self) -> Result<Option<Option<LockInfo>>, StateError> {
        Ok(None)
    }

    fn force_unlock(&self, _: &str) -> Result<(), StateError> {
        Ok(())
    }
}

impl Writer for Memory {
    fn read(&mut self) -> Result<Option<Stored>, StateError> {
        self.stored()
    }

    fn append(&mut self, group: &Group<'_>) -> Result<(), StateError> {
        if self.rewrites {
            let document = self.codec.document_to_bytes(group.state, group.pending())?;
            return self.write(|held| held.snapshot = document);
        }
        let mut bytes = Vec::new();
        let held = self.held.clone();
        if held.lock().unwrap().journal.is_empty() {
            let sha256 = self.codec.replayed(&held.lock().unwrap().snapshot, &[])?.sha256;
            let (before, lineage) = (group.before, group.new_lineage);
            bytes = self.codec.journal_head(before, &sha256, lineage, group.pending())?;
        }
        bytes.extend(self.codec.journal_records(group.records)?);
        self.write(|held| held.journal.extend(bytes))
    }

    fn fold(&mut self, fold: &Fold<'_>) -> Result<(), StateError> {
        if self.rewrites {
            let document = self.codec.document_to_bytes(fold.state, fold.pending())?;
            return self.write(|held| held.snapshot = document);
        }
        let snapshot = self.codec.snapshot(fold.state)?;
        let head = self.codec.journal_head(fold.state, snapshot.sha256(), None, fold.pending())?;
        self.write(|held| (held.snapshot, held.journal) = (snapshot.bytes, head))
    }

    fn release(&mut self) -> Result<(), StateError> {
        Ok(())
    }

    fn rewrites(&self) -> bool {
        self.rewrites
    }
}

#[test]
fn the_lineage_of_a_new_state_is_the_same_for_groups_folding_and_who_saves_it_elsewhere() {
    for rewrites in [true, false] {
        for taken in [0, 1, 2, 3] {
            let store = Memory::new(rewrites);
            store.fail_after(Some(taken));
            let mut session = store.open();
            let lineage = session.lineage();
            assert!(!lineage.is_empty());
            // A plan that was made from it is of a state that was never written, whoever opens it next.
            assert_eq!(session.state(), &State::default());
            let journal = session.journal();
            let mut state = State::default();
            let records = [
                create("1", "a.b"),
                set(Some("1"), false, "a.b", Some("x")),
                set(None, false, "a.c", Some("y")),
            ];
            for record in records {
                record.apply_to(&mut state);
                let _ = journal.append(&record).and_then(|()| sync(&*journal));
            }
            session.fold(&state).unwrap_err();
            let saved = State { serial: session.next_serial(), lineage: session.lineage(), ..state };
            assert_eq!(saved.lineage, lineage);
            drop(session);
            // Whoever came in between, and changed anything, has a state that must not be replaced by it.
            let other = store.copied();
            other.fail_after(None);
            let mut session = other.open();
            let mut theirs = session.state().clone();
            set(None, false, "a.t", Some("t")).apply_to(&mut theirs);
            session.fold(&theirs).unwrap();
            if !rewrites {
                assert!(saved.must_not_replace(session.state()).is_some(), "taken: {taken}");
            }
            drop(session);

            // As `state push` does with what was saved.
            store.fail_after(None);
            let mut session = store.open();
            let what = format!("rewrites: {rewrites}, taken: {taken}");
            if taken > 0 {
                assert_eq!(session.lineage(), lineage, "{what}");
            }
            assert_eq!(saved.must_not_replace(session.state()), None, "{what}");
            session.replace(&saved).unwrap();
            session.close().unwrap();
            assert_eq!(store.open().state(), &saved, "{what}");
        }
    }
}

#[test]
fn a_run_that_was_killed_is_gone_on_with_under_its_lineage() {
    for rewrites in [true, false] {
        let store = Memory::new(rewrites);
        let session = store.open();
        let lineage = session.lineage();
        let journal = session.journal();
        journal.append(&create("1", "a.b")).unwrap();
        sync(&*journal).unwrap();
        // Nothing but an intent, so there is nothing to fold when it is opened.
        drop(session);
        let session = store.open();
        assert_eq!((session.lineage(), tokens(session.pending())), (lineage.clone(), vec!["1".into()]));
        let journal = session.journal();
        journal.append(&set(Some("1"), false, "a.b", Some("x"))).unwrap();
        sync(&*journal).unwrap();
        drop(session);
        let session = store.open();
        assert_eq!((&session.state().lineage, session.pending()), (&lineage, &[][..]));
        assert_eq!((session.state().serial > 0, ids(session.state())), (true, vec!["a.b=x".into()]));
    }
}

#[test]
fn a_journal_elsewhere_is_not_replayed_over_another_snapshot_with_its_serial() {
    let store = Memory::new(false);
    let mut session = store.open();
    let mut state = State::default();
    set(None, false, "a.k", Some("k")).apply_to(&mut state);
    session.fold(&state).unwrap();
    let ours = session.state().clone();
    let journal = session.journal();
    journal.append(&create("lost", "a.l")).unwrap();
    journal.append(&set(Some("lost"), false, "a.l", Some("l"))).unwrap();
    sync(&*journal).unwrap();
    drop(session);
    let mut theirs = State { resources: Default::default(), ..ours };
    set(None, false, "a.t", Some("t")).apply_to(&mut theirs);
    store.held.lock().unwrap().snapshot = snapshot::render(&theirs).into_bytes();
    let session = store.open();
    assert_eq!((session.state(), session.foreign(), session.recovered()), (&theirs, true, false));
    assert_eq!(tokens(session.pending()), ["lost{\"id\":\"l\"}"]);
}

#[test]
fn a_state_elsewhere_that_no_version_can_follow_is_read_and_not_written() {
    for rewrites in [true, false] {
        let store = Memory::new(rewrites);
        let mut last = State { serial: i64::MAX as u64, lineage: "l".into(), ..State::default() };
        set(None, false, "a.k", Some("k")).apply_to(&mut last);
        let text = snapshot::render(&last).into_bytes();
        store.held.lock().unwrap().snapshot = text.clone();
        let mut session = store.open();
        assert_eq!(session.state(), &last);
        let mut next = last.clone();
        set(None, false, "a.l", Some("l")).apply_to(&mut next);
        assert!(session.fold(&next).unwrap_err().to_string().contains("no version can follow it"));
        assert!(session.replace(&next).unwrap_err().to_string().contains("no version can follow it"));
        if rewrites {
            session.journal().append(&set(None, false, "a.l", Some("l"))).unwrap();
            assert!(sync(&*session.journal()).is_err());
        }
        assert_eq!(store.held.lock().unwrap().snapshot, text, "rewrites: {rewrites}");
        let smaller = State { serial: 7, ..next };
        session.replace(&smaller).unwrap();
        session.close().unwrap();
        assert_eq!(store.open().state(), &smaller);
    }
}

#[test]
fn what_was_put_aside_is_current_again_when_its_successor_is_not_made() {
    for rewrites in [true, false] {
        // With and without the successor's having been recorded half made.
        for partial in [true, false] {
            let store = Memory::new(rewrites);
            let session = store.open();
            let journal = session.journal();
            let Record::Intent(mut replacing) = create("t", "a.b") else { unreachable!() };
            replacing.puts_aside = Some("00000001".into());
            let (old, half) =
                (set(None, false, "a.b", Some("old")), set(Some("t"), true, "a.b", Some("half")));
            let records = [Some(old), Some(Record::Intent(replacing)), partial.then_some(half)];
            records.iter().flatten().for_each(|record| journal.append(record).unwrap());
            sync(&*journal).unwrap();
            drop(session);

            let session = store.open();
            let what = format!("rewrites: {rewrites}, partial: {partial}");
            let mut expected = vec!["a.b(00000001)=old".to_owned()];
            expected.extend(partial.then(|| "a.b=half".into()));
            let mut found = ids(session.state());
            found.sort();
            assert_eq!((found, session.pending().len()), (expected, 1), "{what}");
            let restored =
                Record::Restore { address: address("a.b"), key: "00000001".into(), token: Some("t".into()) };
            session.journal().append(&restored).unwrap();
            sync(&*session.journal()).unwrap();
            drop(session);
            let session = store.open();
            assert_eq!(
                (ids(session.state()), session.pending().len()),
                (vec!["a.b=old".into()], 0),
                "{what}"
            );
        }
    }
}
