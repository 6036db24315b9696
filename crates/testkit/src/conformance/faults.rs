//! What a bad network and a bad server do.

use super::{Bench, Fault, Proxy, intent, open_as, result, same, state, synced, tokens};
use formwork_state::Backend;
use std::time::Duration;

fn proxied(bench: &dyn Bench, name: &str) -> Option<(Proxy, Box<dyn Backend>)> {
    let proxy = Proxy::start(&bench.server()?);
    let backend = bench.through(&proxy, name)?;
    Some((proxy, backend))
}

/// One run, with the fault striking once at each of its writes. It goes on as if nothing had been, and nothing is lost or there
/// twice.
fn survives(bench: &dyn Bench, name: &str, fault: Fault) {
    let Some((proxy, backend)) = proxied(bench, name) else { return };
    let mut session = open_as(&*backend, "somebody@here", Duration::from_secs(30)).unwrap();
    session.fold(&state(&[("null_resource.a", "1")])).unwrap();
    let serial = session.state().serial;
    for round in 0..3 {
        let token = format!("t{round}");
        proxy.strike(fault);
        session.journal().append(&intent(&token, "null_resource.b")).unwrap();
        synced(&*session).unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert!(proxy.struck(), "{fault:?} had no chance to strike");
        proxy.strike(fault);
        session.journal().append(&result(Some(&token), false, "null_resource.b", &token)).unwrap();
        synced(&*session).unwrap_or_else(|e| panic!("{fault:?}: {e}"));
    }
    session.journal().append(&intent("open", "null_resource.c")).unwrap();
    synced(&*session).unwrap();
    proxy.strike(fault);
    let next = state(&[("null_resource.a", "1"), ("null_resource.b", "t2")]);
    session.fold(&next).unwrap_or_else(|e| panic!("{fault:?}: {e}"));
    assert!(proxy.struck(), "{fault:?} had no chance to strike");
    proxy.strike(fault);
    session.close().unwrap_or_else(|e| panic!("{fault:?}: {e}"));
    proxy.heal();
    let seen = bench.backend(name).peek().unwrap();
    assert!(same(&seen.state, &next) && seen.state.serial > serial);
    // Taking the lock and reading survive it, too.
    proxy.strike(fault);
    let session = open_as(&*backend, "somebody@here", Duration::from_secs(60))
        .unwrap_or_else(|e| panic!("{fault:?}: {e}"));
    assert!(proxy.struck(), "{fault:?} had no chance to strike");
    assert_eq!(tokens(&*session), ["open"]);
    session.close().unwrap();
    assert!(bench.backend(name).holder().unwrap().is_none());
}

/// A group is committed, and the answer is lost for longer than anybody waits. What is written after that is another thing, and
/// must get there.
pub fn lost_commit(bench: &dyn Bench) {
    let Some((proxy, backend)) = proxied(bench, "lost-commit") else { return };
    let mut session = open_as(&*backend, "somebody@here", Duration::from_secs(30)).unwrap();
    session.fold(&state(&[("null_resource.a", "1")])).unwrap();
    proxy.strike(Fault::CommitThenGone);
    session.journal().append(&intent("t", "null_resource.b")).unwrap();
    synced(&*session).unwrap_err();
    proxy.heal();
    let seen = bench.backend("lost-commit").peek().unwrap();
    assert_eq!(seen.pending.len(), 1, "it was committed");
    let next = state(&[("null_resource.a", "1"), ("null_resource.b", "2")]);
    session.fold(&next).unwrap();
    assert!(same(&bench.backend("lost-commit").peek().unwrap().state, &next));
    session.close().unwrap();
}

pub(super) fn cut(bench: &dyn Bench) {
    survives(bench, "cut-request", Fault::CutRequest);
    survives(bench, "cut-answer", Fault::LoseAnswer);
}

pub(super) fn slow_and_failing(bench: &dyn Bench) {
    survives(bench, "slow", Fault::Slow(Duration::from_secs(2)));
    if bench.is_http() {
        survives(bench, "failing", Fault::Answer500);
    }
}
