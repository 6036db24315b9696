//! What becomes of states and journals.

use super::{Bench, intent, object, open, result, same, state, synced, tokens};
use formwork_state::{Backend, Record, State, snapshot};

pub(super) fn nothing_at_first(bench: &dyn Bench) {
    let backend = bench.backend("first");
    assert!(backend.is_absent().unwrap());
    assert!(backend.peek().unwrap().state.is_empty());
    assert!(backend.holder().unwrap().is_none());
    // Whoever opens it and does nothing leaves nothing that could be taken for a state.
    open(&*backend).unwrap().close().unwrap();
    assert_eq!(backend.peek().unwrap().state, State::default());
    assert!(backend.holder().unwrap().is_none());
}

pub(super) fn folds(bench: &dyn Bench) {
    let one = state(&[("null_resource.a", "1")]);
    let two = state(&[("null_resource.a", "2"), ("module.m[\"x y\"].null_resource.b[0]", "3")]);
    let mut session = open(&*bench.backend("folds")).unwrap();
    session.fold(&one).unwrap();
    let (serial, lineage) = (session.state().serial, session.state().lineage.clone());
    assert_eq!(serial, 1);
    assert!(!lineage.is_empty());
    session.fold(&one).unwrap();
    assert_eq!(session.state().serial, serial, "nothing had changed");
    session.close().unwrap();

    let backend = bench.backend("folds");
    let seen = backend.peek().unwrap().state;
    assert!(same(&seen, &one) && seen.serial == serial && seen.lineage == lineage);
    let mut session = open(&*backend).unwrap();
    assert!(same(session.state(), &one) && !session.recovered());
    session.fold(&one).unwrap();
    assert_eq!(session.state().serial, serial, "nothing had changed");
    session.fold(&two).unwrap();
    assert_eq!((session.state().serial, &session.state().lineage), (serial + 1, &lineage));
    session.close().unwrap();
    let seen = bench.backend("folds").peek().unwrap().state;
    assert!(same(&seen, &two) && seen.serial == serial + 1);
    // Less than before, down to nothing.
    let mut session = open(&*bench.backend("folds")).unwrap();
    session.fold(&State::default()).unwrap();
    session.close().unwrap();
    let seen = bench.backend("folds").peek().unwrap().state;
    assert!(seen.is_empty() && seen.serial == serial + 2);
}

pub(super) fn replaces(bench: &dyn Bench) {
    let mut session = open(&*bench.backend("replaces")).unwrap();
    session.fold(&state(&[("null_resource.a", "1")])).unwrap();
    let other = State { serial: 77, lineage: "elsewhere".into(), ..state(&[("null_resource.b", "2")]) };
    session.replace(&other).unwrap();
    assert_eq!(*session.state(), other);
    session.close().unwrap();
    assert_eq!(bench.backend("replaces").peek().unwrap().state, other);
}

pub(super) fn foreign(bench: &dyn Bench) {
    let theirs = State { serial: 5, lineage: "theirs".into(), ..state(&[("null_resource.a", "1")]) };
    bench.put_foreign("foreign", &snapshot::render(&theirs));
    let backend = bench.backend("foreign");
    assert_eq!(backend.peek().unwrap().state, theirs);
    let mut session = open(&*backend).unwrap();
    assert_eq!(*session.state(), theirs);
    let next = state(&[("null_resource.a", "1"), ("null_resource.b", "2")]);
    session.fold(&next).unwrap();
    session.close().unwrap();
    let seen = bench.backend("foreign").peek().unwrap().state;
    assert!(same(&seen, &next) && seen.serial == 6 && seen.lineage == "theirs");
}

pub(super) fn replays(bench: &dyn Bench) {
    let mut session = open(&*bench.backend("replays")).unwrap();
    session.fold(&state(&[("null_resource.a", "1")])).unwrap();
    let serial = session.state().serial;
    let journal = session.journal();
    journal.append(&intent("t1", "null_resource.b")).unwrap();
    journal.append(&intent("t2", "null_resource.c")).unwrap();
    synced(&*session).unwrap();
    journal.append(&result(Some("t1"), false, "null_resource.b", "2")).unwrap();
    // Not folded, as if it had been killed here, but for the lock.
    session.close().unwrap();

    let seen = bench.backend("replays").peek().unwrap();
    assert_eq!(seen.pending.len(), 1);
    assert!(!seen.foreign);
    assert!(seen.state.instance(&"null_resource.b".parse().unwrap()).is_some());
    let session = open(&*bench.backend("replays")).unwrap();
    assert_eq!(tokens(&*session), ["t2"]);
    assert!(session.state().instance(&"null_resource.b".parse().unwrap()).is_some());
    assert!(session.state().serial > serial, "a plan that was made before is stale");
    let (serial, state) = (session.state().serial, session.state().clone());
    session.close().unwrap();
    // Opening again changes nothing any more.
    let session = open(&*bench.backend("replays")).unwrap();
    assert_eq!((session.state().serial, tokens(&*session)), (serial, vec!["t2".to_owned()]));
    assert_eq!(*session.state(), state);
    session.close().unwrap();
}

pub(super) fn carries(bench: &dyn Bench) {
    let mut session = open(&*bench.backend("carries")).unwrap();
    session.journal().append(&intent("t1", "null_resource.a")).unwrap();
    session.journal().append(&intent("t2", "null_resource.b")).unwrap();
    session.journal().append(&result(Some("t1"), true, "null_resource.a", "half")).unwrap();
    synced(&*session).unwrap();
    let mut known = session.state().clone();
    result(Some("t1"), true, "null_resource.a", "half").apply_to(&mut known);
    session.fold(&known).unwrap();
    assert_eq!(tokens(&*session), ["t1", "t2"]);
    session.close().unwrap();

    let mut session = open(&*bench.backend("carries")).unwrap();
    assert_eq!(tokens(&*session), ["t1", "t2"]);
    assert_eq!(session.pending()[0].partial.as_deref(), Some(&*object("half")));
    session.journal().append(&Record::NoEffect { token: "t2".into() }).unwrap();
    synced(&*session).unwrap();
    session.journal().append(&result(Some("t1"), false, "null_resource.a", "whole")).unwrap();
    synced(&*session).unwrap();
    let mut known = session.state().clone();
    result(None, false, "null_resource.a", "whole").apply_to(&mut known);
    session.fold(&known).unwrap();
    assert!(session.pending().is_empty());
    session.close().unwrap();
    let seen = bench.backend("carries").peek().unwrap();
    assert!(seen.pending.is_empty() && same(&seen.state, &known));
}

pub(super) fn all_records(bench: &dyn Bench) {
    let mut known = state(&[("null_resource.a[0]", "1"), ("null_resource.b", "2"), ("null_resource.c", "3")]);
    let mut session = open(&*bench.backend("records")).unwrap();
    session.fold(&known).unwrap();
    let at = |text: &str| text.parse().unwrap();
    let records = [
        Record::Depose { address: at("null_resource.b"), key: "00000001".into() },
        result(None, false, "null_resource.b", "4"),
        Record::Move { from: at("null_resource.a[0]"), to: at("module.m.null_resource.a[\"k\"]") },
        Record::Depose { address: at("null_resource.c"), key: "00000002".into() },
        Record::Restore { address: at("null_resource.c"), key: "00000002".into(), token: None },
        Record::Set {
            token: None,
            partial: false,
            address: at("null_resource.c"),
            deposed: None,
            provider: "provider[\"registry.terraform.io/hashicorp/null\"].other".into(),
            object: Some(object("5")),
        },
        Record::Set {
            token: None,
            partial: false,
            address: at("null_resource.b"),
            deposed: Some("00000001".into()),
            provider: super::PROVIDER.into(),
            object: None,
        },
    ];
    for record in &records {
        session.journal().append(record).unwrap();
        record.apply_to(&mut known);
        synced(&*session).unwrap();
    }
    session.close().unwrap();
    let seen = bench.backend("records").peek().unwrap().state;
    assert!(same(&seen, &known), "{}", snapshot::render(&seen));
    let session = open(&*bench.backend("records")).unwrap();
    assert!(same(session.state(), &known));
    session.close().unwrap();
}

pub(super) fn groups(bench: &dyn Bench) {
    const RECORDS: usize = 200;
    let session = open(&*bench.backend("groups")).unwrap();
    let journal = session.journal();
    let before = journal.fsyncs();
    for i in 0..RECORDS {
        journal.append(&intent(&format!("t{i:03}"), &format!("null_resource.a[{i}]"))).unwrap();
    }
    synced(&*session).unwrap();
    let groups = journal.fsyncs() - before;
    assert!((1..=RECORDS as u64 / 4).contains(&groups), "{groups} groups for {RECORDS} records");
    session.close().unwrap();
    let session = open(&*bench.backend("groups")).unwrap();
    let expected: Vec<String> = (0..RECORDS).map(|i| format!("t{i:03}")).collect();
    assert_eq!(tokens(&*session), expected, "in the order in which they were written");
    session.close().unwrap();
}

/// 10 MB, or as many as `FORMWORK_CONFORMANCE_MB` says.
pub(super) fn large(bench: &dyn Bench) {
    let megabytes = std::env::var("FORMWORK_CONFORMANCE_MB").ok().and_then(|v| v.parse().ok()).unwrap_or(10);
    let objects: usize = megabytes * 20;
    let mut big = State::default();
    let text = "x".repeat(50_000);
    for i in 0..objects {
        let mut object = (*object("big")).clone();
        object.attributes = format!("{{\"id\":\"{i}\",\"text\":\"{text}\"}}").into();
        let address = format!("null_resource.big[{i}]").parse().unwrap();
        big.set(&address, None, &super::PROVIDER.into(), Some(object.into()));
    }
    let mut session = open(&*bench.backend("large")).unwrap();
    session.fold(&big).unwrap();
    session.journal().append(&intent("t", "null_resource.more")).unwrap();
    synced(&*session).unwrap();
    session.close().unwrap();
    let backend: Box<dyn Backend> = bench.backend("large");
    let seen = backend.peek().unwrap();
    assert!(same(&seen.state, &big) && seen.pending.len() == 1);
}
