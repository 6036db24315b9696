//! Tests of the whole crate.

// What is skipped, because the machine lacks it, is said aloud.
#![allow(clippy::disallowed_macros)]

mod crash;
pub(crate) mod disk;
mod format;
mod lease;
mod local;
mod power;
mod rearrange;
mod sealed;
mod seeded;
mod shared;
mod stores;

use crate::*;
use formwork_addr::InstanceAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn address(text: &str) -> InstanceAddr {
    text.parse().unwrap()
}

fn object(id: &str) -> Arc<StoredObject> {
    Arc::new(StoredObject {
        schema_version: 1,
        attributes: format!("{{\"id\":\"{id}\"}}").into(),
        sensitive: vec![],
        private: b"p".to_vec(),
        dependencies: Arc::new(["a.b".parse().unwrap()]),
        status: Status::Ready,
        create_before_destroy: false,
        provider: None,
        extra: vec![],
    })
}

fn intent(token: &str, addr: &str, operation: Operation) -> Intent {
    Intent {
        token: token.into(),
        address: address(addr),
        deposed: None,
        puts_aside: None,
        operation,
        provider: "provider[\"example.org/a/b\"]".into(),
        identity: "{\"region\":\"x\"}".into(),
        schema_version: 1,
        arguments: "{\"name\":\"n\"}".into(),
        dependencies: std::sync::Arc::from(["toy_thing.a".parse().unwrap()]),
    }
}

fn set(token: Option<&str>, partial: bool, addr: &str, id: Option<&str>) -> Record {
    Record::Set {
        token: token.map(Into::into),
        partial,
        address: address(addr),
        deposed: None,
        provider: "provider[\"example.org/a/b\"]".into(),
        object: id.map(object),
    }
}

fn create(token: &str, addr: &str) -> Record {
    Record::Intent(intent(token, addr, Operation::Create))
}

fn options() -> OpenOptions<'static> {
    OpenOptions {
        operation: "apply".into(),
        who: "me@here".into(),
        now: "2026-01-01T00:00:00Z".into(),
        lock: true,
        lock_timeout: Duration::ZERO,
        wait: None,
        stop: None,
    }
}

fn backend(dir: &Path) -> LocalBackend {
    LocalBackend::new(dir.join("terraform.tfstate"))
}

fn open(dir: &Path) -> Box<dyn Session> {
    backend(dir).open(&options()).unwrap()
}

fn sync(journal: &dyn Journal) -> Result<(), StateError> {
    let (send, receive) = std::sync::mpsc::channel();
    journal.sync(Box::new(move |result| send.send(result).unwrap()));
    receive.recv().unwrap()
}

/// The ids of all objects, by address; deposed ones with their key.
fn ids(state: &State) -> Vec<String> {
    let id = |o: &StoredObject| {
        let attributes: serde_json::Value = serde_json::from_str(&o.attributes).unwrap();
        attributes["id"].as_str().unwrap().to_string()
    };
    let mut out = Vec::new();
    for (addr, _, instance) in state.instances() {
        out.extend(instance.current.iter().map(|o| format!("{addr}={}", id(o))));
        out.extend(instance.deposed.iter().map(|(k, o)| format!("{addr}({k})={}", id(o))));
    }
    out
}

fn tokens(pending: &[Pending]) -> Vec<String> {
    let id = |p: &Pending| p.partial.as_ref().map(|o| o.attributes.to_string()).unwrap_or_default();
    pending.iter().map(|p| format!("{}{}", p.intent.token, id(p))).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
