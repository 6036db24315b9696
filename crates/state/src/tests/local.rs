use super::*;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

#[test]
fn a_session_from_nothing_to_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    assert_eq!(names(dir.path()), [".terraform.tfstate.lock.info", "terraform.tfstate"]);
    assert_eq!(session.state(), &State::default());
    session.close().unwrap();
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn an_apply_is_journalled_and_folded() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = open(dir.path());
    let journal = session.journal();
    let mut state = session.state().clone();
    for record in
        [create("1", "a.b"), set(Some("1"), true, "a.b", Some("x")), set(Some("1"), false, "a.b", Some("y"))]
    {
        journal.append(&record).unwrap();
        record.apply_to(&mut state);
    }
    sync(&*journal).unwrap();
    sync(&*journal).unwrap();
    assert_eq!(journal.fsyncs(), 1, "nothing new, nothing to sync");
    assert_eq!(ids(&backend(dir.path()).peek().unwrap().state), ["a.b=y"]);

    let inode = fs::metadata(dir.path().join("terraform.tfstate")).unwrap().ino();
    session.fold(&state).unwrap();
    assert_eq!(names(dir.path()), [".terraform.tfstate.lock.info", "terraform.tfstate"]);
    assert_eq!((session.state().serial, session.state().lineage.len()), (1, 36));
    session.fold(&state).unwrap();
    assert_eq!(session.state().serial, 1, "the same content is the same snapshot");
    let lineage = session.state().lineage.clone();
    journal.append(&set(None, false, "a.b", None)).unwrap();
    session.fold(&State::default()).unwrap();
    assert_eq!((session.state().serial, &session.state().lineage), (2, &lineage));
    session.close().unwrap();
    assert!(journal.append(&create("2", "a.b")).is_err(), "nothing goes to a state that is closed");

    assert_eq!(names(dir.path()), ["terraform.tfstate"]);
    let metadata = fs::metadata(dir.path().join("terraform.tfstate")).unwrap();
    assert_eq!((metadata.ino(), metadata.permissions().mode() & 0o777), (inode, 0o600));
}

#[test]
fn the_backup_is_the_state_before_the_session() {
    let dir = tempfile::tempdir().unwrap();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../state/golden/outputs.tfstate");
    let before = fs::read(golden).unwrap();
    fs::write(dir.path().join("terraform.tfstate"), &before).unwrap();
    let mut session = open(dir.path());
    let mut state = session.state().clone();
    for id in ["x", "y"] {
        set(None, false, "a.b", Some(id)).apply_to(&mut state);
        session.fold(&state).unwrap();
    }
    session.close().unwrap();
    assert_eq!(names(dir.path()), ["terraform.tfstate", "terraform.tfstate.backup"]);
    assert_eq!(fs::read(dir.path().join("terraform.tfstate.backup")).unwrap(), before);
    let serial = snapshot::parse(std::str::from_utf8(&before).unwrap()).unwrap().serial;
    assert_eq!(open(dir.path()).state().serial, serial + 2);
}

#[test]
fn intents_that_are_not_settled_are_carried_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = open(dir.path());
    let mut state = session.state().clone();
    for record in [
        create("1", "a.b"),
        create("2", "a.c"),
        set(Some("2"), true, "a.c", Some("c")),
        create("3", "a.d"),
        Record::NoEffect { token: "3".into() },
        set(None, false, "a.e", Some("e")),
    ] {
        session.journal().append(&record).unwrap();
        record.apply_to(&mut state);
    }
    session.fold(&state).unwrap();
    session.fold(&state).unwrap();
    let expected = ["1", "2{\"id\":\"c\"}"];
    assert_eq!(tokens(session.pending()), expected);
    session.close().unwrap();

    let mut session = open(dir.path());
    assert_eq!(tokens(session.pending()), expected);
    assert!(!session.foreign());
    assert_eq!(session.pending()[0].intent, intent("1", "a.b", Operation::Create));
    assert_eq!(ids(session.state()), ["a.c=c", "a.e=e"]);
    let state = session.state().clone();
    for record in [Record::NoEffect { token: "1".into() }, set(Some("2"), false, "a.c", Some("c"))] {
        session.journal().append(&record).unwrap();
    }
    session.fold(&state).unwrap();
    session.close().unwrap();
    assert_eq!(names(dir.path()), ["terraform.tfstate"]);
}

#[test]
fn a_journal_of_another_snapshot_is_listed_and_not_applied() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    for record in [
        create("known", "a.k"),
        set(Some("known"), false, "a.k", Some("k")),
        create("lost", "a.l"),
        set(Some("lost"), false, "a.l", Some("l")),
        Record::Intent(intent("change", "a.l", Operation::Update)),
        set(Some("change"), false, "a.l", Some("l2")),
        create("gone", "a.g"),
        set(Some("gone"), false, "a.g", Some("g")),
        Record::Intent(intent("delete", "a.g", Operation::Delete)),
        set(Some("delete"), false, "a.g", None),
        create("aside", "a.s"),
        set(Some("aside"), false, "a.s", Some("s")),
        Record::Depose { address: address("a.s"), key: "00000001".into() },
        create("open", "a.o"),
    ] {
        session.journal().append(&record).unwrap();
    }
    session.close().unwrap();
    let mut other = State { serial: 7, lineage: "other".into(), ..State::default() };
    set(None, false, "a.k", Some("k")).apply_to(&mut other);
    fs::write(dir.path().join("terraform.tfstate"), snapshot::render(&other)).unwrap();

    let expected = ["lost{\"id\":\"l2\"}", "aside{\"id\":\"s\"}", "open"];
    let peeked = backend(dir.path()).peek().unwrap();
    assert!(peeked.foreign);
    assert_eq!(tokens(&peeked.pending), expected);
    assert_eq!(peeked.pending[1].intent.deposed.as_deref(), Some("00000001"));
    assert_eq!(peeked.state, other);

    let session = open(dir.path());
    session.journal().append(&Record::NoEffect { token: "open".into() }).unwrap();
    session.close().unwrap();
    let mut session = open(dir.path());
    assert_eq!((session.state(), session.foreign()), (&other, true));
    assert_eq!(tokens(session.pending()), expected[..2]);
    for token in ["lost", "aside"] {
        session.journal().append(&Record::NoEffect { token: token.into() }).unwrap();
    }
    session.fold(&other).unwrap();
    assert!(!session.foreign());
    session.close().unwrap();
    let left = names(dir.path());
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].starts_with(".terraform.tfstate.journal.kept-7-"), "{left:?}");
}

#[test]
fn a_journal_of_another_snapshot_with_the_same_serial_is_not_applied() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("terraform.tfstate");
    let mut session = open(dir.path());
    let mut state = State::default();
    set(None, false, "a.k", Some("k")).apply_to(&mut state);
    session.fold(&state).unwrap();
    let ours = session.state().clone();
    for record in [
        Record::Intent(intent("change", "a.k", Operation::Update)),
        set(Some("change"), false, "a.k", Some("k2")),
        create("lost", "a.l"),
        set(Some("lost"), false, "a.l", Some("l")),
    ] {
        session.journal().append(&record).unwrap();
    }
    session.close().unwrap();
    // Somebody put an older state back, and another tool went on with it as far as this one had come.
    let mut theirs = State { resources: Default::default(), ..ours.clone() };
    set(None, false, "a.t", Some("t")).apply_to(&mut theirs);
    fs::write(&path, snapshot::render(&theirs)).unwrap();
    let peeked = backend(dir.path()).peek().unwrap();
    assert_eq!((&peeked.state, peeked.foreign), (&theirs, true));
    assert_eq!(tokens(&peeked.pending), ["lost{\"id\":\"l\"}"]);
    let mut session = open(dir.path());
    assert_eq!((session.state(), session.foreign(), session.recovered()), (&theirs, true, false));
    session.journal().append(&Record::NoEffect { token: "lost".into() }).unwrap();
    session.fold(&theirs).unwrap();
    session.close().unwrap();
    let left = names(dir.path());
    assert!(left[0].starts_with(".terraform.tfstate.journal.kept-1-"), "{left:?}");
    // With the snapshot that it belongs to, it counts again.
    fs::write(&path, snapshot::render(&ours)).unwrap();
    fs::rename(dir.path().join(&left[0]), dir.path().join(".terraform.tfstate.journal")).unwrap();
    assert_eq!(ids(open(dir.path()).state()), ["a.k=k2", "a.l=l"]);
}

#[test]
fn a_snapshot_in_another_layout_has_journals_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("terraform.tfstate");
    let mut state = State { serial: 4, lineage: "l".into(), ..State::default() };
    set(None, false, "a.k", Some("k")).apply_to(&mut state);
    let json: serde_json::Value = serde_json::from_str(&snapshot::render(&state)).unwrap();
    for text in [format!("{json}"), format!("\n{json:#}\n\n")] {
        fs::write(&path, &text).unwrap();
        let mut session = open(dir.path());
        let found = session.state().clone();
        session.journal().append(&create("open", "a.o")).unwrap();
        // Nothing is new, so the file stays, and the journal that begins here goes on from it.
        session.fold(&found).unwrap();
        session.journal().append(&set(None, false, "a.n", Some("n"))).unwrap();
        session.close().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let mut session = open(dir.path());
        assert_eq!((tokens(session.pending()), session.foreign()), (vec!["open".into()], false));
        assert_eq!(ids(session.state()), ["a.k=k", "a.n=n"]);
        session.journal().append(&Record::NoEffect { token: "open".into() }).unwrap();
        session.fold(&session.state().clone()).unwrap();
        session.close().unwrap();
    }
}

#[test]
fn a_state_that_no_version_can_follow_is_read_and_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("terraform.tfstate");
    let mut last = State { serial: i64::MAX as u64, lineage: "l".into(), ..State::default() };
    set(None, false, "a.k", Some("k")).apply_to(&mut last);
    let text = snapshot::render(&last);
    fs::write(&path, &text).unwrap();
    assert_eq!(backend(dir.path()).peek().unwrap().state, last);
    let mut session = open(dir.path());
    // Nothing is new, so nothing is written.
    session.fold(&last).unwrap();
    let mut next = last.clone();
    set(None, false, "a.l", Some("l")).apply_to(&mut next);
    for error in [session.fold(&next).unwrap_err(), session.replace(&next).unwrap_err()] {
        assert!(error.to_string().contains("no version can follow it"), "{error}");
        assert!(error.help().contains("state push -force"), "{}", error.help());
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(names(dir.path()), [".terraform.tfstate.lock.info", "terraform.tfstate"]);
    let smaller = State { serial: 7, ..next };
    session.replace(&smaller).unwrap();
    session.close().unwrap();
    assert_eq!(open(dir.path()).state(), &smaller);
}

#[test]
fn states_whose_names_differ_by_a_dot_share_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| LocalBackend::new(dir.path().join(name)).with_history(2);
    let mut state = State::default();
    for name in ["x.tfstate", ".x.tfstate", "..x.tfstate"] {
        set(None, false, "a.k", Some(name)).apply_to(&mut state);
        let mut session = at(name).open(&options()).unwrap();
        session.fold(&state).unwrap();
        session.journal().append(&create(name, "a.o")).unwrap();
        session.close().unwrap();
    }
    for name in ["x.tfstate", ".x.tfstate", "..x.tfstate"] {
        let peeked = at(name).peek().unwrap();
        assert_eq!((tokens(&peeked.pending), peeked.foreign), (vec![name.to_owned()], false));
        assert_eq!(at(name).history().unwrap().len(), 1, "{name}");
        assert!(dir.path().join(format!(".{name}.journal")).exists());
    }
    // One that is new takes nothing that belongs to the other.
    fs::remove_file(dir.path().join("..x.tfstate.journal")).unwrap();
    fs::write(dir.path().join(".x.tfstate"), "").unwrap();
    assert_eq!(at(".x.tfstate").peek().unwrap().pending, []);
    at(".x.tfstate").open(&options()).unwrap().close().unwrap();
    assert_eq!(tokens(at("x.tfstate").open(&options()).unwrap().pending()), ["x.tfstate"]);
}

#[test]
fn a_journal_under_the_name_that_older_versions_had_for_it_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../state/golden-journals/");
    let put = |name: &str, to: &str| {
        fs::copy(format!("{golden}{name}"), dir.path().join(to)).unwrap();
    };
    let backend = LocalBackend::new(dir.path().join(".x.tfstate"));
    put("serial-and-lineage.tfstate", ".x.tfstate");
    for (journal, expected) in [("sha256.journal", 1), ("serial-and-lineage.journal", 3)] {
        put(journal, ".x.tfstate.journal");
        assert_eq!(backend.peek().unwrap().state.instances().count(), expected, "{journal}");
        let session = backend.open(&options()).unwrap();
        assert_eq!(session.state().instances().count(), expected, "{journal}");
        session.close().unwrap();
        // What this version writes under that name belongs to the state without the dot.
        assert_eq!(dir.path().join(".x.tfstate.journal").exists(), expected == 1, "{journal}");
    }
    assert_eq!(names(dir.path()), [".x.tfstate", ".x.tfstate.backup"]);
}

#[test]
fn what_is_left_of_a_dated_backup_goes_with_the_next_run_that_holds_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let stay = ["terraform.tfstate.1700000000.backup", "terraform.tfstate.x.backup.tmp", "t.1.backup.tmp"];
    for name in stay.iter().chain(&["terraform.tfstate.1700000000.backup.tmp"]) {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    backend(dir.path()).open(&OpenOptions { lock: false, ..options() }).unwrap().close().unwrap();
    assert_eq!(names(dir.path()).len(), 4);
    open(dir.path()).close().unwrap();
    let mut left = stay.map(String::from);
    left.sort();
    assert_eq!(names(dir.path()), left);
}

#[test]
fn a_backup_over_the_state_or_what_belongs_to_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    let mut session = open(dir.path());
    let mut state = State::default();
    set(None, false, "a.b", Some("x")).apply_to(&mut state);
    session.fold(&state).unwrap();
    session.close().unwrap();
    std::os::unix::fs::symlink("terraform.tfstate", dir.path().join("link")).unwrap();
    let before = names(dir.path());
    for (backup, what) in [
        ("terraform.tfstate", "it is the state /"),
        ("sub/../terraform.tfstate", "it is the state /"),
        ("link", "it is the state /"),
        (".terraform.tfstate.journal", "the journal of the state /"),
        ("sub/../.terraform.tfstate.new", "that is to replace the state /"),
        (".terraform.tfstate.lock.info", "who holds the lock of the state /"),
    ] {
        let backend = backend(dir.path()).with_backup(Some(dir.path().join(backup)));
        let error = backend.open(&options()).err().unwrap();
        assert!(error.to_string().contains(what), "{backup}: {error}");
    }
    assert_eq!(names(dir.path()), before);
    backend(dir.path()).with_backup(Some(dir.path().join("sub/terraform.tfstate"))).open(&options()).unwrap();
}

#[test]
fn nobody_is_sent_to_a_journal_that_is_not_there() {
    for journalled in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut session = open(dir.path());
        if journalled {
            session.journal().append(&create("1", "a.b")).unwrap();
        }
        // The next snapshot cannot be written beside it.
        fs::create_dir(dir.path().join(".terraform.tfstate.new.tmp")).unwrap();
        let mut state = State::default();
        set(None, false, "a.b", Some("x")).apply_to(&mut state);
        let error = session.fold(&state).unwrap_err().to_string();
        assert_eq!(error.contains("is in the journal"), journalled, "{error}");
        assert_eq!(error.contains("Nothing was changed"), !journalled, "{error}");
    }
}

#[test]
fn one_fsync_serves_all_who_wait() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    let done = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for worker in 0..4 {
            let (journal, done) = (session.journal(), done.clone());
            scope.spawn(move || {
                for i in 0..100 {
                    journal.append(&create(&format!("{worker}-{i}"), "a.b")).unwrap();
                    let done = done.clone();
                    journal.sync(Box::new(move |result| {
                        result.unwrap();
                        done.fetch_add(1, Ordering::SeqCst);
                    }));
                }
            });
        }
    });
    let journal = session.journal();
    session.close().unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 400);
    assert!(journal.fsyncs() < 400, "{} fsyncs", journal.fsyncs());
    assert_eq!(open(dir.path()).pending().len(), 400);
}

#[test]
fn who_is_told_to_stop_waits_no_longer_and_holds_no_lock() {
    let dir = tempfile::tempdir().unwrap();
    let stop = || true;
    let stopped = || OpenOptions { lock_timeout: Duration::from_secs(600), stop: Some(&stop), ..options() };
    let is_told = |opened: Result<Box<dyn Session>, StateError>| {
        let error = opened.err().unwrap();
        assert!(matches!(error, StateError::Interrupted { .. }), "{error:?}");
    };
    let session = open(dir.path());
    is_told(backend(dir.path()).open(&stopped()));
    session.close().unwrap();
    is_told(backend(dir.path()).open(&stopped()));
    open(dir.path()).close().unwrap();
}

#[test]
fn one_process_locks_only_once_and_peeking_does_not_free_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    backend(dir.path()).peek().unwrap();
    let error = backend(dir.path()).open(&options()).err().unwrap();
    assert!(error.to_string().contains("by me@here"), "{error}");
    assert_eq!(python(dir.path(), "try_lock").as_deref().unwrap_or("locked"), "locked");
    session.close().unwrap();
    assert_eq!(python(dir.path(), "try_lock").as_deref().unwrap_or("free"), "free");
}

const PYTHON: &str = r#"
import fcntl, sys, time
f = open(sys.argv[1], "r+" if sys.argv[2] == "hold" else "a+")
try:
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("free", flush=True)
except OSError:
    print("locked", flush=True)
if sys.argv[2] == "hold":
    time.sleep(60)
"#;

fn start_python(dir: &Path, mode: &str) -> Option<(std::process::Child, String)> {
    let mut command = Command::new("python3");
    command.args(["-c", PYTHON]).arg(dir.join("terraform.tfstate")).arg(mode).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: no python3 to be the other process");
        return None;
    };
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Some((child, line.trim().to_string()))
}

pub(super) fn python(dir: &Path, mode: &str) -> Option<String> {
    let (mut child, line) = start_python(dir, mode)?;
    child.wait().unwrap();
    Some(line)
}

#[test]
fn another_process_keeps_us_out_until_it_dies() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("terraform.tfstate"), "").unwrap();
    let info = r#"{"ID":"i","Operation":"OperationTypeApply","Info":"","Who":"you@there","Version":"1.11.4","Created":"2026-01-01T10:00:00Z","Path":"terraform.tfstate"}"#;
    fs::write(dir.path().join(".terraform.tfstate.lock.info"), info).unwrap();
    let Some((mut child, line)) = start_python(dir.path(), "hold") else { return };
    assert_eq!(line, "free");
    let error = backend(dir.path()).open(&options()).err().unwrap();
    let StateError::Locked { info: Some(info), .. } = &error else { panic!("{error:?}") };
    assert_eq!(
        (&*info.who, &*info.created, info.pid),
        ("you@there", "2026-01-01T10:00:00Z", Some(child.id()))
    );
    // Looking at the state needs no lock.
    backend(dir.path()).peek().unwrap();

    let told = AtomicUsize::new(0);
    let wait = |_: &LockInfo| {
        told.fetch_add(1, Ordering::SeqCst);
    };
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(150));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let options = OpenOptions { lock_timeout: Duration::from_secs(20), wait: Some(&wait), ..options() };
    backend(dir.path()).open(&options).unwrap().close().unwrap();
    killer.join().unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[test]
fn an_empty_file_is_not_removed_under_somebody_who_waits_with_it_open() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    let Some((mut child, line)) = start_python(dir.path(), "hold") else { return };
    assert_eq!(line, "locked");
    session.close().unwrap();
    assert_eq!(names(dir.path()), ["terraform.tfstate"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_vanished_empty_file_is_made_again_and_a_replaced_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("terraform.tfstate");
    let mut session = open(dir.path());
    fs::remove_file(&path).unwrap();
    let mut state = State::default();
    set(None, false, "a.b", Some("x")).apply_to(&mut state);
    session.fold(&state).unwrap();
    assert_eq!(ids(&backend(dir.path()).peek().unwrap().state), ["a.b=x"]);
    assert_eq!(python(dir.path(), "try_lock").as_deref().unwrap_or("locked"), "locked");

    fs::rename(&path, dir.path().join("moved")).unwrap();
    fs::write(&path, "").unwrap();
    set(None, false, "a.c", Some("y")).apply_to(&mut state);
    let error = session.fold(&state).unwrap_err();
    assert!(matches!(error, StateError::Replaced { .. }), "{error:?}");
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let check = |path: &str, summary: &str, help: &str| {
        let error = LocalBackend::new(dir.path().join(path)).open(&options()).err().unwrap();
        let diagnostic: formwork_diag::Diagnostic = error.into();
        assert_eq!(diagnostic.summary, summary);
        assert!(diagnostic.detail.contains(path), "{diagnostic:?}");
        assert!(diagnostic.help.as_ref().unwrap().contains(help), "{diagnostic:?}");
    };
    fs::create_dir(dir.path().join("folder")).unwrap();
    fs::write(dir.path().join("plan"), "PK").unwrap();
    check("folder", "The state cannot be locked", "Name a file");
    check("nowhere/state", "The state cannot be locked", "Create the folder");
    check("plan", "The state cannot be understood", "backup");
}

/// A Terraform at work, in a folder with a configuration of its own.
fn terraform(dir: &Path, args: &[&str]) -> Option<std::process::Child> {
    let mut command = Command::new("terraform");
    command.args(args).current_dir(dir).env_remove("TF_CLI_CONFIG_FILE").env("CHECKPOINT_DISABLE", "1");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    if child.is_err() {
        eprintln!("skipped: no terraform to compare with");
    }
    child.ok()
}

#[test]
fn terraform_and_we_keep_each_other_out_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("main.tf"), "resource \"terraform_data\" \"a\" {}\nterraform {}\n").unwrap();
    let mut session = open(dir.path());
    let apply = ["apply", "-auto-approve", "-input=false", "-no-color"];
    let Some(kept_out) = terraform(dir.path(), &apply) else { return };
    let output = kept_out.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("Error acquiring the state lock") && text.contains("me@here"), "{text}");

    // It waits with the file open while we write to it, and then must see what we wrote.
    let waiting = terraform(dir.path(), &[&apply[..], &["-lock-timeout=30s"]].concat()).unwrap();
    thread::sleep(Duration::from_millis(700));
    let mut state = session.state().clone();
    let record = Record::Set {
        token: None,
        partial: false,
        address: address("terraform_data.a"),
        deposed: None,
        provider: "provider[\"terraform.io/builtin/terraform\"]".into(),
        object: Some(Arc::new(StoredObject {
            schema_version: 0,
            attributes: r#"{"id":"ours","input":null,"output":null,"triggers_replace":null}"#.into(),
            dependencies: Arc::new([]),
            private: vec![],
            ..(*object("x")).clone()
        })),
    };
    record.apply_to(&mut state);
    session.fold(&state).unwrap();
    let folded = session.state().clone();
    session.close().unwrap();
    let output = waiting.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Resources: 0 added, 0 changed, 0 destroyed"), "{text}");
    assert_eq!(open(dir.path()).state(), &folded);

    // A fresh folder: it waits for the lock on an empty file, which must not vanish under it.
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("main.tf"), "resource \"terraform_data\" \"a\" {}\n").unwrap();
    let session = open(dir.path());
    let waiting = terraform(dir.path(), &[&apply[..], &["-lock-timeout=30s"]].concat()).unwrap();
    thread::sleep(Duration::from_millis(700));
    session.close().unwrap();
    assert!(waiting.wait_with_output().unwrap().status.success());
    assert_eq!(open(dir.path()).state().instances().count(), 1, "its write went to a file without a name");
}
