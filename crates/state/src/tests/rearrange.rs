use super::*;
use std::fs;

/// A state with one object at each address, whose ID is the address.
fn state(addresses: &str) -> State {
    let mut state = State { serial: 3, lineage: "l".into(), ..State::default() };
    for addr in addresses.split_whitespace() {
        let stored =
            StoredObject { attributes: format!("{{\"id\":{addr:?}}}").into(), ..(*object("")).clone() };
        let provider = "module.p.provider[\"registry.terraform.io/a/b\"].west".into();
        state.set(&address(addr), None, &provider, Some(Arc::new(stored)));
    }
    state
}

fn shown(state: &State) -> String {
    state.instances().map(|(addr, ..)| addr.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn things_move_as_in_terraform() {
    let check = |from: &str, to: &str, expected: Result<&str, &str>| {
        let before = state(
            "a.one a.many[0] a.many[1] data.d.x module.m.a.b[\"k\"] module.m.module.n.a.c module.o[1].a.b",
        );
        let mut after = before.clone();
        let moved = after.move_to(None, &from.parse().unwrap(), to);
        match (moved, expected) {
            (Ok(moved), Ok(expected)) => {
                let told: Vec<String> = moved.iter().map(|(from, to)| format!("{from}>{to}")).collect();
                assert_eq!(told.join(" "), expected, "{from} {to}");
                let (lost, new): (Vec<_>, Vec<_>) = moved.into_iter().unzip();
                let is_in = |list: &[String], addr: &str| list.iter().any(|l| addr.starts_with(l.as_str()));
                assert!(after.instances().any(|(a, ..)| is_in(&new, &a.to_string())), "{from} {to}");
                assert!(
                    !after
                        .instances()
                        .any(|(a, ..)| is_in(&lost, &a.to_string()) && !is_in(&new, &a.to_string())),
                    "{from} {to}"
                );
                assert_eq!(after.instances().count(), before.instances().count(), "{from} {to}");
            }
            (Err(d), Err(expected)) => {
                assert!(d.detail.contains(expected), "{from} {to}: {}", d.detail);
                assert_eq!(after, before, "{from} {to}");
            }
            (found, _) => panic!("{from} {to}: {found:?}"),
        }
    };
    check("a.one", "a.other", Ok("a.one>a.other"));
    check("a.one", "a.many[2]", Ok("a.one>a.many[2]"));
    check("a.many", "module.x[\"k\"].a.many", Ok("a.many>module.x[\"k\"].a.many"));
    check("a.many[1]", "a.single", Ok("a.many[1]>a.single"));
    check("module.m", "module.q", Ok("module.m>module.q module.m.module.n>module.q.module.n"));
    check(
        "module.m",
        "module.m.module.q",
        Ok("module.m>module.m.module.q module.m.module.n>module.m.module.q.module.n"),
    );
    check("a.many[*]", "a.new[*]", Ok("a.many[0]>a.new[0] a.many[1]>a.new[1]"));
    check("module.m.a.*", "a.*", Ok("module.m.a.b[\"k\"]>a.b[\"k\"]"));
    check("a.none", "a.x", Err("does not match anything"));
    check("module.o", "module.x", Err("does not match anything"));
    check("a.many[7]", "a.x", Err("does not match anything"));
    check("a.many", "a.x[0]", Err("must also be a whole resource"));
    check("a.many[0]", "module.x", Err("must also be a resource instance"));
    check("module.m", "a.x", Err("must also be a module"));
    check("a.many", "a.one", Err("already a resource at"));
    check("a.one", "a.many[0]", Err("already a resource instance at"));
    check("a.one", "b.one", Err("types don't match"));
    check("data.d.x", "d.x", Err("only to another data resource"));
    check("a.one", "data.a.one", Err("only to another managed resource"));
    check("module.m", "module.o[1]", Err("already a"));
    check("a.many[*]", "a.one", Err("same number of stars"));
    check("a.*", "a.x*", Ok("a.many[0]>a.xmany[0] a.many[1]>a.xmany[1] a.one>a.xone"));
    check("zzz*", "a*", Err("does not match anything"));
}

#[test]
fn a_move_between_states_that_was_cut_short_is_finished() {
    let (mut from, mut to) = (state("a.one a.two"), state("a.three"));
    let pattern = "a.one".parse().unwrap();
    from.clone().move_to(Some(&mut to), &pattern, "a.one").unwrap();
    // Killed here: the object is in both.
    assert_eq!((shown(&from), shown(&to)), ("a.one a.two".into(), "a.one a.three".into()));
    from.move_to(Some(&mut to), &pattern, "a.one").unwrap();
    assert_eq!((shown(&from), shown(&to)), ("a.two".into(), "a.one a.three".into()));
    assert!(from.move_to(Some(&mut to), &"a.two".parse().unwrap(), "a.three").is_err());
}

#[test]
fn what_is_forgotten_and_what_is_not() {
    let check = |patterns: &str, expected: Option<&str>| {
        let mut state = state("a.one a.many[0] a.many[1] module.m[0].a.b module.m[0].module.n.a.c");
        let before = state.clone();
        let patterns: Vec<_> = patterns.split(' ').map(|p| p.parse().unwrap()).collect();
        match (state.forget(&patterns), expected) {
            (Ok(gone), Some(left)) => {
                assert_eq!(shown(&state), left, "{patterns:?}");
                assert_eq!(gone.len() + state.instances().count(), 5, "{patterns:?}");
            }
            (Err(_), None) => assert_eq!(state, before, "{patterns:?}"),
            (found, _) => panic!("{patterns:?}: {found:?}"),
        }
    };
    check("a.one a.many", Some("module.m[0].a.b module.m[0].module.n.a.c"));
    check("module.m", Some("a.many[0] a.many[1] a.one"));
    check("a.many[*] a.many", Some("a.one module.m[0].a.b module.m[0].module.n.a.c"));
    check("*.a.*", Some("a.many[0] a.many[1] a.one"));
    check("a.one a.none", None);
}

#[test]
fn a_state_is_not_overwritten_by_a_stranger_or_an_older_one() {
    let there = state("a.one");
    let check = |new: State, there: &State, expected: Option<&str>| {
        let found = new.must_not_replace(there);
        assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
        assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()));
    };
    check(there.clone(), &there, None);
    check(State { serial: 4, ..state("a.two") }, &there, None);
    check(State { lineage: String::new(), serial: 1, ..state("a.two") }, &there, None);
    check(State { lineage: "other".into(), serial: 9, ..there.clone() }, &State::default(), None);
    check(State { lineage: "other".into(), serial: 9, ..there.clone() }, &there, Some("unrelated"));
    check(State { serial: 2, ..there.clone() }, &there, Some("serial 2 over newer state with serial 3"));
    check(state("a.two"), &there, Some("same serial"));
}

#[test]
fn a_provider_is_replaced_in_every_module_and_alias() {
    let mut state = state("a.one module.m.a.b");
    assert!(state.replace_provider("registry.terraform.io/a", "x/y/z").is_empty());
    assert_eq!(state.replace_provider("registry.terraform.io/a/b", "x/y/z").len(), 2);
    assert!(state.resources.values().all(|r| &*r.provider == "module.p.provider[\"x/y/z\"].west"));
}

#[test]
fn the_last_snapshots_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let backend = backend(dir.path()).with_history(2);
    for name in ["a.one", "a.two", "a.three"] {
        let mut session = backend.open(&options()).unwrap();
        session.fold(&state(name)).unwrap();
        session.fold(&state(name)).unwrap();
        session.close().unwrap();
    }
    let kept: Vec<(u64, String)> =
        backend.history().unwrap().iter().map(|v| (v.serial, shown(&v.read().unwrap()))).collect();
    assert_eq!(kept, [(3, "a.three".into()), (2, "a.two".into())]);
    // Nothing of it counts for the state itself.
    assert_eq!(shown(&backend.peek().unwrap().state), "a.three");
    assert!(!dir.path().join(".terraform.tfstate.new").exists());
    // What was tampered with is not taken for a version.
    let folder = dir.path().join(".terraform.tfstate.history");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("a.", "b.").replace("\"type\": \"a\"", "\"type\": \"b\"")).unwrap();
    assert_eq!(backend.history().unwrap().iter().filter(|v| v.read().is_err()).count(), 1);
}

#[test]
fn what_was_kept_last_is_the_newest_whatever_clock_and_serial_say() {
    let dir = tempfile::tempdir().unwrap();
    let backend = backend(dir.path()).with_history(2);
    let fold = |name: &str| {
        let mut session = backend.open(&options()).unwrap();
        session.fold(&state(name)).unwrap();
        session.close().unwrap();
    };
    let serials = || backend.history().unwrap().iter().map(|v| v.serial).collect::<Vec<_>>();
    fold("a.one");
    fold("a.two");
    // As older versions named them; and then the clock goes back by decades.
    let folder = dir.path().join(".terraform.tfstate.history");
    for name in names(&folder) {
        let older = folder.join(format!("{}.snapshot", name.rsplit_once('-').unwrap().0));
        fs::rename(folder.join(name), &older).unwrap();
        let file = fs::File::options().write(true).open(&older).unwrap();
        let later = std::time::Duration::from_secs(4_000_000_000);
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + later).unwrap();
    }
    fold("a.three");
    assert_eq!(serials(), [3, 2]);
    fold("a.four");
    assert_eq!(serials(), [4, 3]);
    // A state of another lineage, and the same one once more.
    let mut session = backend.open(&options()).unwrap();
    let other = State { serial: 1, lineage: "other".into(), ..state("a.other") };
    session.replace(&other).unwrap();
    session.replace(&other).unwrap();
    session.close().unwrap();
    assert_eq!(serials(), [1, 4]);
}

/// Copies the folder, and the history in it, as it is at each step.
struct Camera(std::path::PathBuf, std::sync::Mutex<Vec<(Phase, tempfile::TempDir)>>);

impl Probe for Camera {
    fn at(&self, phase: Phase) {
        let to = tempfile::tempdir().unwrap();
        copy(&self.0, to.path());
        self.1.lock().unwrap().push((phase, to));
    }
}

fn copy(from: &Path, to: &Path) {
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn a_kill_at_any_step_leaves_the_old_or_the_new_state_and_a_whole_history() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = backend(dir.path()).with_history(5).open(&options()).unwrap();
    session.fold(&state("a.one a.two")).unwrap();
    session.close().unwrap();
    let camera = Arc::new(Camera(dir.path().into(), Default::default()));
    let filmed = backend(dir.path()).with_history(5).with_probe(camera.clone());
    let mut session = filmed.open(&options()).unwrap();
    let mut moved = session.state().clone();
    moved.move_to(None, &"a.one".parse().unwrap(), "a.three").unwrap();
    session.fold(&moved).unwrap();
    session.close().unwrap();
    let taken = camera.1.lock().unwrap();
    assert_eq!(taken.len(), 9);
    for (phase, left) in taken.iter() {
        let backend = backend(left.path()).with_history(5);
        let found = shown(&backend.peek().unwrap().state);
        // Once the whole of it is on the disk, the new one counts.
        let expected = if *phase < Phase::Folding(3) { "a.one a.two" } else { "a.three a.two" };
        assert_eq!(found, expected, "{phase:?}");
        let session = backend.open(&options()).unwrap();
        assert_eq!(shown(session.state()), expected, "{phase:?}");
        session.close().unwrap();
        let kept: Vec<String> =
            backend.history().unwrap().iter().map(|v| shown(&v.read().unwrap())).collect();
        let all: &[&str] =
            if *phase < Phase::Folding(3) { &["a.one a.two"] } else { &["a.three a.two", "a.one a.two"] };
        assert_eq!(kept, all, "{phase:?}");
    }
}

/// A state of objects, each with what it was made from.
fn made_from(objects: &[(&str, &[&str])]) -> State {
    let mut state = State::default();
    for (addr, from) in objects {
        let mut object = (*object("1")).clone();
        object.dependencies = from.iter().map(|f| f.parse().unwrap()).collect();
        state.set(
            &address(addr),
            None,
            &"provider[\"registry.terraform.io/a/b\"]".into(),
            Some(Arc::new(object)),
        );
    }
    state
}

#[test]
fn what_goes_hands_on_what_it_was_made_from() {
    let check = |before: &[(&str, &[&str])], gone: &[&str], after: &[(&str, &[&str])]| {
        let before = made_from(before);
        let mut state = before.clone();
        for addr in gone {
            state.set(&address(addr), None, &"provider[\"registry.terraform.io/a/b\"]".into(), None);
        }
        state.hand_on(&before);
        assert_eq!(state, made_from(after));
    };
    let chain: &[(&str, &[&str])] =
        &[("t.a", &[]), ("t.b", &["t.a"]), ("t.c", &["t.b"]), ("t.d", &["t.c", "t.z"])];
    check(chain, &["t.b"], &[("t.a", &[]), ("t.c", &["t.a"]), ("t.d", &["t.c", "t.z"])]);
    check(chain, &["t.b", "t.c"], &[("t.a", &[]), ("t.d", &["t.a", "t.z"])]);
    check(chain, &["t.d"], &chain[..3]);
    check(chain, &[], chain);
    // As long as an instance is left, so is what leads through it.
    check(
        &[("t.b[0]", &["t.a"]), ("t.b[1]", &["t.a"]), ("t.c", &["t.b"])],
        &["t.b[0]"],
        &[("t.b[1]", &["t.a"]), ("t.c", &["t.b"])],
    );
    // In a ring, which only an odd state has, nobody depends on itself.
    check(&[("t.a", &["t.b"]), ("t.b", &["t.a"])], &["t.b"], &[("t.a", &[])]);
}

#[test]
fn dependencies_follow_what_moves() {
    let mut state = made_from(&[("t.a", &[]), ("t.b[0]", &[]), ("t.b[1]", &[]), ("t.c", &["t.a", "t.b"])]);
    state.move_to(None, &"t.a".parse().unwrap(), "module.m.t.x").unwrap();
    state.move_to(None, &"t.b[0]".parse().unwrap(), "t.y").unwrap();
    let expected: &[(&str, &[&str])] =
        &[("module.m.t.x", &[]), ("t.b[1]", &[]), ("t.y", &[]), ("t.c", &["t.b", "t.y", "module.m.t.x"])];
    assert_eq!(state, made_from(expected));
    // Into another state, it takes along what leads to it.
    let mut state = made_from(&[("t.a", &[]), ("t.b", &["t.a"]), ("t.c", &["t.b"])]);
    let mut other = State::default();
    state.move_to(Some(&mut other), &"t.b".parse().unwrap(), "t.b").unwrap();
    assert_eq!(state, made_from(&[("t.a", &[]), ("t.c", &["t.a"])]));
}
