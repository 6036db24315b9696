//! Who may write, and when.

use super::{Bench, intent, open, open_as, result, same, spawn_owner, state, synced, tokens};
use formwork_state::{Backend, LockInfo, OpenOptions, StateError};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Who holds it, from an error that says so.
fn owner(error: &StateError) -> Option<LockInfo> {
    match error {
        StateError::Locked { info, .. } | StateError::LockedElsewhere { info, .. } => info.clone(),
        other => panic!("not locked: {other}"),
    }
}

pub(super) fn contention(bench: &dyn Bench) {
    let first = open_as(&*bench.backend("contention"), "first@here", Duration::ZERO).unwrap();
    let second = bench.backend("contention");
    let error = open(&*second).err().expect("it is locked");
    let info = owner(&error).expect("it says by whom");
    assert_eq!((&*info.who, &*info.operation), ("first@here", "conformance"));
    assert!(info.created.starts_with("2026-01-01T00:00:00"), "{info:?}");
    assert!(!info.id.is_empty() && error.to_string().contains("first@here"), "{error}");
    assert_eq!(second.holder().unwrap().flatten().map(|i| i.id), Some(info.id));
    // Whoever only looks needs no lock.
    second.peek().unwrap();
    first.close().unwrap();
    assert!(second.holder().unwrap().is_none());
    open(&*second).unwrap().close().unwrap();
}

pub(super) fn waits(bench: &dyn Bench) {
    let first = open_as(&*bench.backend("waits"), "first@here", Duration::ZERO).unwrap();
    let told = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let wait = |info: &LockInfo| {
                assert_eq!(info.who, "first@here");
                told.fetch_add(1, Ordering::Relaxed);
            };
            let backend = bench.backend("waits");
            let session = backend.open(&OpenOptions {
                operation: "conformance".into(),
                who: "second@here".into(),
                now: "2026-01-01T00:00:00Z".into(),
                lock: true,
                lock_timeout: Duration::from_secs(30),
                wait: Some(&wait),
                stop: None,
            });
            session.unwrap().close().unwrap();
        });
        std::thread::sleep(Duration::from_millis(700));
        assert!(!waiting.is_finished());
        first.close().unwrap();
        waiting.join().unwrap();
    });
    assert_eq!(told.into_inner(), 1, "told once for each owner");
}

pub(super) fn many_at_once(bench: &dyn Bench) {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 3;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let backend = bench.backend("many");
                    let mut session = open_as(&*backend, "one@here", Duration::from_secs(120)).unwrap();
                    let address = format!("null_resource.w{writer}[{round}]");
                    session.journal().append(&intent(&address, &address)).unwrap();
                    synced(&*session).unwrap();
                    let made = result(Some(&address), false, &address, "1");
                    session.journal().append(&made).unwrap();
                    let mut state = session.state().clone();
                    made.apply_to(&mut state);
                    session.fold(&state).unwrap();
                    session.close().unwrap();
                }
            });
        }
    });
    let seen = bench.backend("many").peek().unwrap();
    assert_eq!(seen.state.instances().count(), WRITERS * ROUNDS);
    assert!(seen.state.serial >= (WRITERS * ROUNDS) as u64 && seen.pending.is_empty());
}

pub(super) fn without_lock(bench: &dyn Bench) {
    let unlocked = |backend: &dyn Backend| {
        backend.open(&OpenOptions {
            operation: "conformance".into(),
            who: "bold@here".into(),
            now: "2026-01-01T00:00:00Z".into(),
            lock: false,
            lock_timeout: Duration::ZERO,
            wait: None,
            stop: None,
        })
    };
    let mut session = unlocked(&*bench.backend("unlocked")).unwrap();
    session.fold(&state(&[("null_resource.a", "1")])).unwrap();
    session.close().unwrap();
    let first = open(&*bench.backend("unlocked")).unwrap();
    first.journal().append(&intent("t", "null_resource.b")).unwrap();
    synced(&*first).unwrap();
    let error = unlocked(&*bench.backend("unlocked")).err().expect("somebody is at work");
    assert!(matches!(error, StateError::Busy { .. }), "{error}");
    first.close().unwrap();
}

pub(super) fn killed_owner(bench: &dyn Bench) {
    let mut owner_process = spawn_owner(bench, "killed");
    let backend = bench.backend("killed");
    let info = owner(&open(&*backend).err().expect("its owner lives"));
    assert_eq!(info.map(|i| i.who).as_deref(), Some("owner@there"));
    owner_process.kill().unwrap();
    owner_process.wait().unwrap();
    let start = Instant::now();
    let session = match bench.promises().frees {
        Some(within) => {
            let session = open_as(&*backend, "next@here", within).unwrap();
            assert!(start.elapsed() <= within);
            session
        }
        None => {
            let info = owner(&open(&*backend).err().expect("it stays locked")).unwrap();
            assert!(backend.force_unlock("another-id").is_err());
            backend.force_unlock(&info.id).unwrap();
            open(&*backend).unwrap()
        }
    };
    println!("  free after {:.1} s", start.elapsed().as_secs_f64());
    assert_eq!(tokens(&*session), ["killed"], "its intent is known");
    session.close().unwrap();
}

pub(super) fn forced(bench: &dyn Bench) {
    let mut first = open_as(&*bench.backend("forced"), "first@here", Duration::ZERO).unwrap();
    first.fold(&state(&[("null_resource.a", "1")])).unwrap();
    let backend = bench.backend("forced");
    let info = backend.holder().unwrap().flatten().expect("it is locked");
    if !bench.promises().fences {
        let error = backend.force_unlock(&info.id).expect_err("never taken from one that lives");
        assert!(!error.help().is_empty());
        return first.close().unwrap();
    }
    assert!(backend.force_unlock("another-id").is_err());
    backend.force_unlock(&info.id).unwrap();
    let theirs = state(&[("null_resource.a", "1"), ("null_resource.b", "2")]);
    let mut second = open_as(&*backend, "second@here", Duration::ZERO).unwrap();
    second.journal().append(&intent("t", "null_resource.c")).unwrap();
    synced(&*second).unwrap();
    // The first wakes up.
    let late = first.journal().append(&intent("late", "null_resource.late"));
    let late = late.and_then(|()| synced(&*first)).expect_err("it was superseded");
    assert!(matches!(late, StateError::Superseded { .. }), "{late}");
    let late = first.fold(&state(&[("null_resource.late", "9")])).expect_err("it was superseded");
    assert!(matches!(late, StateError::Superseded { .. }), "{late}");
    drop(first);
    second.journal().append(&result(None, false, "null_resource.d", "4")).unwrap();
    synced(&*second).unwrap();
    second.fold(&theirs).unwrap();
    second.close().unwrap();
    let seen = bench.backend("forced").peek().unwrap();
    assert!(same(&seen.state, &theirs));
    assert_eq!(seen.pending.len(), 1);
}
