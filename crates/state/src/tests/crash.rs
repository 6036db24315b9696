use super::*;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

/// Copies the folder as it is at each step: what a `kill -9` at that moment leaves.
struct Camera {
    from: PathBuf,
    to: PathBuf,
    taken: Mutex<Vec<(Phase, PathBuf)>>,
}

impl Probe for Camera {
    fn at(&self, phase: Phase) {
        let mut taken = self.taken.lock().unwrap();
        let to = self.to.join(taken.len().to_string());
        copy(&self.from, &to);
        taken.push((phase, to));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for name in names(from) {
        // The lock file's content is not what counts; nobody holds a lock on the copy.
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

fn filmed(dir: &Path, to: &Path) -> (Arc<Camera>, LocalBackend) {
    let camera = Arc::new(Camera { from: dir.into(), to: to.into(), taken: Mutex::default() });
    let backend = backend(dir).with_probe(camera.clone());
    (camera, backend)
}

/// A folder with a snapshot.
fn prepared(dir: &Path) -> State {
    let mut session = open(dir);
    let mut state = session.state().clone();
    set(None, false, "a.old", Some("old")).apply_to(&mut state);
    session.fold(&state).unwrap();
    let state = session.state().clone();
    session.close().unwrap();
    state
}

const RECORDS: fn() -> Vec<Record> = || {
    vec![
        create("1", "a.new[\"k\\\"\"]"),
        set(Some("1"), false, "a.new[\"k\\\"\"]", Some("new")),
        Record::Intent(intent("2", "a.old", Operation::Delete)),
        set(Some("2"), false, "a.old", None),
        create("3", "module.m[0].a.half"),
        set(Some("3"), true, "module.m[0].a.half", Some("half")),
    ]
};

#[test]
fn folding_survives_a_kill_at_every_step() {
    for fresh in [true, false] {
        let (dir, film) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let old = if fresh { State::default() } else { prepared(dir.path()) };
        let (camera, backend) = filmed(dir.path(), film.path());
        let mut session = backend.open(&options()).unwrap();
        let mut state = session.state().clone();
        for record in RECORDS() {
            session.journal().append(&record).unwrap();
            record.apply_to(&mut state);
        }
        session.fold(&state).unwrap();
        let folded = session.state().clone();
        session.close().unwrap();

        let taken = camera.taken.lock().unwrap();
        let phases: Vec<Phase> = taken.iter().map(|t| t.0).filter(|p| *p != Phase::ResultUnsynced).collect();
        assert_eq!(phases, (1..=9).map(Phase::Folding).collect::<Vec<_>>());
        for (phase, dir) in taken.iter().filter(|t| t.0 != Phase::ResultUnsynced) {
            let text = fs::read(dir.join("terraform.tfstate")).unwrap();
            // Whoever else reads the snapshot finds a whole one, or no JSON at all: never an empty or mixed state.
            let whole = [snapshot::render(&old).into_bytes(), snapshot::render(&folded).into_bytes()];
            let is_whole = whole.contains(&text) || (fresh && text.is_empty());
            assert!(is_whole || serde_json::from_slice::<serde_json::Value>(&text).is_err(), "{phase:?}");
            for peek_first in [true, false] {
                let again = tempfile::tempdir().unwrap();
                let dir = {
                    copy(dir, &again.path().join("d"));
                    again.path().join("d")
                };
                let expected = ids(&state);
                if peek_first {
                    let before = names(&dir);
                    let peeked = super::backend(&dir).peek().unwrap();
                    assert_eq!(ids(&peeked.state), expected, "{phase:?}");
                    assert_eq!(tokens(&peeked.pending), ["3{\"id\":\"half\"}"], "{phase:?}");
                    assert_eq!(names(&dir), before, "peeking changes nothing");
                }
                let mut session = open(&dir);
                assert_eq!(ids(session.state()), expected, "{phase:?}");
                assert_eq!(tokens(session.pending()), ["3{\"id\":\"half\"}"], "{phase:?}");
                assert!(!session.foreign(), "{phase:?}");
                // And life goes on.
                let done = set(Some("3"), false, "module.m[0].a.half", Some("half"));
                session.journal().append(&done).unwrap();
                let mut state = session.state().clone();
                done.apply_to(&mut state);
                session.fold(&state).unwrap();
                assert_eq!(ids(session.state()), expected, "{phase:?}");
                session.close().unwrap();
                let left = names(&dir);
                assert!(left.iter().all(|n| !n.starts_with('.')), "{phase:?}: {left:?}");
                assert_eq!(super::backend(&dir).peek().unwrap().pending, [], "{phase:?}");
            }
        }
    }
}

#[test]
fn a_journal_torn_at_any_byte_counts_up_to_there() {
    let dir = tempfile::tempdir().unwrap();
    prepared(dir.path());
    let session = open(dir.path());
    let mut state = session.state().clone();
    // What the state is after so many bytes.
    let mut stages = vec![(0, ids(&state), 0)];
    let mut open_intents = 0;
    for record in RECORDS() {
        session.journal().append(&record).unwrap();
        record.apply_to(&mut state);
        match &record {
            Record::Intent(_) => open_intents += 1,
            Record::Set { partial: false, .. } => open_intents -= 1,
            _ => {}
        }
        stages.push((session.journal().len_bytes() as usize, ids(&state), open_intents));
    }
    session.close().unwrap();
    let path = dir.path().join(".terraform.tfstate.journal");
    let journal = fs::read(&path).unwrap();
    let snapshot = fs::read(dir.path().join("terraform.tfstate")).unwrap();
    assert_eq!(journal.len(), stages.last().unwrap().0);
    for cut in 0..=journal.len() {
        let (_, expected, open_intents) = stages.iter().rfind(|s| s.0 <= cut).unwrap();
        for tail in [&b""[..], &[0; 40]] {
            fs::write(&path, [&journal[..cut], tail].concat()).unwrap();
            let found = backend(dir.path()).peek().unwrap();
            assert_eq!(&ids(&found.state), expected, "cut at {cut}");
            assert_eq!(found.pending.len(), *open_intents, "cut at {cut}");
            if cut % 17 != 0 {
                continue;
            }
            // What is appended now stands behind what counts.
            let mut session = open(dir.path());
            session.journal().append(&set(None, false, "a.more", Some("more"))).unwrap();
            session.close().unwrap();
            session = open(dir.path());
            assert!(ids(session.state()).contains(&"a.more=more".to_string()), "cut at {cut}");
            assert_eq!(session.state().instances().count(), expected.len() + 1);
            assert_eq!(session.pending().len(), *open_intents, "cut at {cut}");
            session.close().unwrap();
            fs::write(dir.path().join("terraform.tfstate"), &snapshot).unwrap();
        }
    }
}

#[test]
fn a_damaged_journal_is_kept_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    for i in 0..3 {
        session.journal().append(&create(&i.to_string(), "a.b")).unwrap();
        sync(&*session.journal()).unwrap();
    }
    session.close().unwrap();
    let path = dir.path().join(".terraform.tfstate.journal");
    let mut journal = fs::read(&path).unwrap();
    journal[40] ^= 1;
    fs::write(&path, &journal).unwrap();
    let error = backend(dir.path()).open(&options()).err().unwrap();
    assert!(matches!(error, StateError::Journal { .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), journal);
}

#[test]
fn another_tool_that_wrote_meanwhile_wins_over_the_copy() {
    let (dir, film) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = prepared(dir.path());
    let (camera, backend) = filmed(dir.path(), film.path());
    let mut session = backend.open(&options()).unwrap();
    let mut state = session.state().clone();
    for record in RECORDS() {
        session.journal().append(&record).unwrap();
        record.apply_to(&mut state);
    }
    session.fold(&state).unwrap();
    session.close().unwrap();
    let taken = camera.taken.lock().unwrap();
    // Killed when the copy was complete, and nothing of it in place.
    let (_, killed) = taken.iter().find(|t| t.0 == Phase::Folding(3)).unwrap();
    let mut theirs = State { serial: old.serial + 1, ..old };
    set(None, false, "a.theirs", Some("theirs")).apply_to(&mut theirs);
    fs::write(killed.join("terraform.tfstate"), snapshot::render(&theirs)).unwrap();
    let session = open(killed);
    assert_eq!(session.state(), &theirs);
    assert!(session.foreign());
    assert_eq!(tokens(session.pending()), ["1{\"id\":\"new\"}", "3{\"id\":\"half\"}"]);
}

#[test]
fn who_goes_on_from_the_new_snapshot_has_decided_about_what_it_has() {
    const NEW: &str = "a.new[\"k\\\"\"]";
    for fresh in [true, false] {
        let (dir, film) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        if !fresh {
            prepared(dir.path());
        }
        let (camera, backend) = filmed(dir.path(), film.path());
        let mut session = backend.open(&options()).unwrap();
        let mut state = session.state().clone();
        for record in RECORDS() {
            session.journal().append(&record).unwrap();
            record.apply_to(&mut state);
        }
        session.fold(&state).unwrap();
        let folded = State { serial: session.state().serial + 1, ..session.state().clone() };
        session.close().unwrap();

        let mut moved = folded.clone();
        moved.rename(&address(NEW), &address("a.moved"));
        let mut both = moved.clone();
        both.rename(&address("module.m[0].a.half"), &address("a.whole"));
        let mut forgotten = folded.clone();
        set(None, false, NEW, None).apply_to(&mut forgotten);
        // As if the snapshot had never been there: what was missing was made again.
        let mut again = forgotten.clone();
        set(None, false, NEW, Some("again")).apply_to(&mut again);
        let half = "3{\"id\":\"half\"}";
        let cases: [(&State, &[&str]); 4] =
            [(&moved, &[half]), (&both, &[]), (&forgotten, &[half]), (&again, &["1{\"id\":\"new\"}", half])];
        let taken = camera.taken.lock().unwrap();
        // The snapshot is in place, and the journal is still there.
        for step in [6, 7] {
            let (_, killed) = taken.iter().find(|t| t.0 == Phase::Folding(step)).unwrap();
            for (theirs, expected) in cases {
                fs::write(killed.join("terraform.tfstate"), snapshot::render(theirs)).unwrap();
                let peeked = super::backend(killed).peek().unwrap();
                assert_eq!(&peeked.state, theirs, "step {step}");
                assert_eq!(tokens(&peeked.pending), expected, "step {step}: {:?}", ids(theirs));
            }
        }
    }
}

#[test]
fn an_object_of_another_snapshot_is_known_at_any_address_of_its_provider() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    for (token, addr, id) in [("1", "a.here", "x"), ("2", "a.moved", "y"), ("3", "a.lost", "z")] {
        session.journal().append(&create(token, addr)).unwrap();
        session.journal().append(&set(Some(token), false, addr, Some(id))).unwrap();
    }
    session.close().unwrap();
    let mut other = State { serial: 7, lineage: "other".into(), ..State::default() };
    let elsewhere = "provider[\"example.org/a/b\"].west".into();
    other.set(&address("a.here"), None, &elsewhere, Some(object("x")));
    set(None, false, "module.m.a.there", Some("y")).apply_to(&mut other);
    // Of another account, of another type, or only read: no one of them is it.
    other.set(&address("a.same"), None, &elsewhere, Some(object("z")));
    set(None, false, "b.same", Some("z")).apply_to(&mut other);
    set(None, false, "data.a.same", Some("z")).apply_to(&mut other);
    fs::write(dir.path().join("terraform.tfstate"), snapshot::render(&other)).unwrap();
    assert_eq!(tokens(&backend(dir.path()).peek().unwrap().pending), ["3{\"id\":\"z\"}"]);
}

#[test]
fn a_full_disk_loses_nothing() {
    // /dev/full takes the place of the disk where there is one.
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: no /dev/full");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let old = prepared(dir.path());
    let mut session = open(dir.path());
    let mut state = session.state().clone();
    for record in RECORDS() {
        session.journal().append(&record).unwrap();
        record.apply_to(&mut state);
    }
    let temporary = dir.path().join("full");
    std::os::unix::fs::symlink("/dev/full", &temporary).unwrap();
    let error = fs::write(&temporary, "x").unwrap_err();
    let error = StateError::io("write the new state", &temporary, &error, crate::error::IN_JOURNAL);
    assert!(error.help().contains("Make room"), "{}", error.help());
    fs::remove_file(&temporary).unwrap();

    // The copy cannot be made: a folder stands in its place.
    fs::create_dir(dir.path().join(".terraform.tfstate.new")).unwrap();
    session.fold(&state).unwrap_err();
    session.journal().append(&set(None, false, "a.late", Some("late"))).unwrap();
    session.close().unwrap();
    fs::remove_dir(dir.path().join(".terraform.tfstate.new")).unwrap();
    let mut expected = ids(&state);
    expected.push("a.late=late".into());
    expected.sort();
    let session = open(dir.path());
    let mut found = ids(session.state());
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(session.state().serial, old.serial + 1, "what was only in the journal is a new version");
}

/// What a machine that loses power may leave: any of the blocks that were not durable are gone.
#[test]
fn lost_and_reordered_writes_cost_only_what_was_not_durable() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    let journal = session.journal();
    let mut crashes = Vec::new();
    let mut durable = (0, 0);
    for i in 0..40 {
        journal.append(&create(&i.to_string(), "a.b")).unwrap();
        crashes.push((journal.len_bytes() as usize, durable));
        if i % 7 == 6 {
            sync(&*journal).unwrap();
            durable = (journal.len_bytes() as usize, i + 1);
        }
    }
    session.close().unwrap();
    let paths = crate::paths::Paths::new(&dir.path().join("terraform.tfstate"));
    let whole = fs::read(&paths.journal).unwrap();
    let mut random = 1u64;
    for (length, (durable, count)) in crashes {
        for _ in 0..250 {
            let mut bytes = whole[..length].to_vec();
            for block in bytes[durable..].chunks_mut(64) {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if random >> 62 == 0 {
                    block.fill(0);
                }
            }
            let files = crate::replay::Files { journal: Some(bytes), ..Default::default() };
            let found = crate::replay::interpret(&paths, &crate::Clear, &files).unwrap();
            assert!(found.opened.pending.len() >= count);
        }
    }
}

#[test]
fn a_settled_journal_becomes_a_version_as_soon_as_it_is_opened() {
    for lock in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let old = prepared(dir.path());
        let session = open(dir.path());
        for record in &RECORDS()[..4] {
            session.journal().append(record).unwrap();
        }
        session.close().unwrap();
        let session = backend(dir.path()).open(&OpenOptions { lock, ..options() }).unwrap();
        assert!(session.recovered());
        assert_eq!((session.state().serial, &session.state().lineage), (old.serial + 1, &old.lineage));
        session.close().unwrap();
        assert_eq!(names(dir.path()), ["terraform.tfstate", "terraform.tfstate.backup"]);
        let session = open(dir.path());
        assert!(!session.recovered());
        assert_eq!(session.state().serial, old.serial + 1, "only once");
    }
}

#[test]
fn an_object_that_was_put_aside_is_at_no_moment_in_both_places() {
    let dir = tempfile::tempdir().unwrap();
    prepared(dir.path());
    let session = open(dir.path());
    let key: formwork_addr::Str = "00000001".into();
    let records = [
        Record::Depose { address: address("a.old"), key: key.clone() },
        Record::Restore { address: address("a.old"), key: key.clone(), token: None },
        // Nothing there any more; and what is current stays.
        Record::Restore { address: address("a.old"), key: key.clone(), token: None },
        Record::Depose { address: address("a.old"), key: key.clone() },
        set(None, false, "a.old", Some("new")),
        Record::Restore { address: address("a.old"), key, token: None },
    ];
    let expected = [
        "a.old(00000001)=old",
        "a.old=old",
        "a.old=old",
        "a.old(00000001)=old",
        "a.old=new a.old(00000001)=old",
        "a.old=new a.old(00000001)=old",
    ];
    for (record, expected) in records.iter().zip(expected) {
        session.journal().append(record).unwrap();
        assert_eq!(ids(&backend(dir.path()).peek().unwrap().state).join(" "), expected);
    }
}

#[test]
fn a_restored_object_of_another_snapshot_is_not_listed_as_deposed() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    for record in [
        create("1", "a.b"),
        set(Some("1"), false, "a.b", Some("x")),
        Record::Depose { address: address("a.b"), key: "00000001".into() },
        Record::Restore { address: address("a.b"), key: "00000001".into(), token: None },
    ] {
        session.journal().append(&record).unwrap();
    }
    session.close().unwrap();
    let other = State { serial: 7, lineage: "other".into(), ..State::default() };
    fs::write(dir.path().join("terraform.tfstate"), snapshot::render(&other)).unwrap();
    let pending = backend(dir.path()).peek().unwrap().pending;
    assert_eq!(tokens(&pending), ["1{\"id\":\"x\"}"]);
    assert_eq!(pending[0].intent.deposed, None);
}

#[test]
fn closing_is_an_error_when_nobody_says_that_it_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    let journal = session.journal();
    journal.append(&create("1", "a.b")).unwrap();
    // While the first is being served, the second, which ends the thread, and that of `close` wait behind it.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    journal.sync(Box::new(move |_| wait.recv().unwrap()));
    std::thread::sleep(Duration::from_millis(100));
    journal.sync(Box::new(|_| panic!("on purpose")));
    let closing = std::thread::spawn(move || session.close());
    std::thread::sleep(Duration::from_millis(500));
    go.send(()).unwrap();
    let error = closing.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("sync the journal"), "{error}");
}
