//! More than one at work on a state.

use super::*;
use std::fs;

fn without_lock(dir: &Path) -> Result<Box<dyn Session>, StateError> {
    backend(dir).open(&OpenOptions { lock: false, ..options() })
}

fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    names(dir).into_iter().map(|n| (n.clone(), fs::read(dir.join(n)).unwrap())).collect()
}

#[test]
fn without_the_lock_a_live_journal_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    // Nothing is under way yet: whoever says so goes on without the lock.
    without_lock(dir.path()).unwrap().close().unwrap();
    for record in [create("1", "a.b"), set(Some("1"), false, "a.b", Some("x")), create("2", "a.c")] {
        session.journal().append(&record).unwrap();
    }
    let before = content(dir.path());
    let error = without_lock(dir.path()).err().unwrap();
    assert!(
        matches!(&error, StateError::Busy { info: Some(info), .. } if info.who == "me@here"),
        "{error:?}"
    );
    assert_eq!(ids(&backend(dir.path()).peek().unwrap().state), ["a.b=x"]);
    assert_eq!(content(dir.path()), before);
    session.close().unwrap();
    // Left behind by nobody who lives, it is taken over.
    let session = without_lock(dir.path()).unwrap();
    assert_eq!(tokens(session.pending()), ["2"]);
    assert_eq!(ids(session.state()), ["a.b=x"]);
}

#[test]
fn the_journal_of_a_run_without_the_lock_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = without_lock(dir.path()).unwrap();
    session.journal().append(&create("1", "a.b")).unwrap();
    let before = content(dir.path());
    for lock in [true, false] {
        let error = backend(dir.path()).open(&OpenOptions { lock, ..options() }).err().unwrap();
        assert!(matches!(error, StateError::Busy { .. }), "{error:?}");
    }
    let held = |c: &[(String, Vec<u8>)]| {
        c.iter().filter(|(n, _)| n.ends_with("journal")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(held(&content(dir.path())), held(&before));
    let mut state = State::default();
    let done = set(Some("1"), false, "a.b", Some("x"));
    session.journal().append(&done).unwrap();
    done.apply_to(&mut state);
    session.fold(&state).unwrap();
    session.close().unwrap();
    assert_eq!(ids(open(dir.path()).state()), ["a.b=x"]);
}

#[test]
fn two_that_began_without_a_journal_do_not_share_one() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let mut second = without_lock(dir.path()).unwrap();
    first.journal().append(&create("1", "a.b")).unwrap();
    let before = content(dir.path());
    second.journal().append(&create("2", "a.c")).unwrap_err();
    second.fold(&State::default()).unwrap_err();
    assert_eq!(content(dir.path()), before);
}

#[test]
fn reading_the_state_in_this_process_keeps_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let session = open(dir.path());
    drop(fs::read(dir.path().join("terraform.tfstate")).unwrap());
    assert_eq!(local::python(dir.path(), "try_lock").as_deref().unwrap_or("locked"), "locked");
    session.close().unwrap();
    assert_eq!(local::python(dir.path(), "try_lock").as_deref().unwrap_or("free"), "free");
}

#[test]
fn a_link_stands_for_the_state_it_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let (real, links) = (dir.path().join("real"), dir.path().join("links"));
    fs::create_dir(&real).unwrap();
    fs::create_dir(&links).unwrap();
    // Even before there is anything at its end.
    std::os::unix::fs::symlink("../real/terraform.tfstate", links.join("middle")).unwrap();
    std::os::unix::fs::symlink("middle", links.join("terraform.tfstate")).unwrap();
    let session = open(&links);
    session.journal().append(&create("1", "a.b")).unwrap();
    assert!(matches!(backend(&real).open(&options()).err().unwrap(), StateError::Locked { .. }));
    assert_eq!(names(&links), ["middle", "terraform.tfstate"]);
    session.close().unwrap();
    assert_eq!(tokens(open(&real).pending()), ["1"]);
    assert_eq!(tokens(open(&links).pending()), ["1"]);
}

#[test]
fn objects_kept_apart_know_their_provider() {
    let addr = address("a.b[\"x\"]");
    let other = address("a.b[\"y\"]");
    let keyed: formwork_addr::Str = "provider[\"registry.terraform.io/hashicorp/null\"].by[\"x\"]".into();
    let common: formwork_addr::Str = "provider[\"registry.terraform.io/hashicorp/null\"]".into();
    for providers in [[&keyed, &common], [&keyed, &keyed], [&common, &common]] {
        let mut state = State::default();
        for (addr, provider) in [&addr, &other].into_iter().zip(providers) {
            state.set(addr, None, provider, Some(object("1")));
        }
        let codec = crate::store::Codec::new("here", Arc::new(crate::Clear));
        let mut read = crate::store::Stored::default();
        for addr in [&addr, &other] {
            for bytes in codec.instance_to_bytes(&state, addr).unwrap() {
                codec.object_from_bytes(&bytes, &mut read).unwrap();
            }
        }
        assert_eq!(read.state.resources, state.resources);
    }
}
