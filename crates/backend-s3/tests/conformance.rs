//! The suite that all backends pass, on the stern cloud's S3 (or on any store that FORMWORK_S3_ENDPOINT names).

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_state::{
    Backend, Cipher, Clear, Kinds, OpenOptions, Outside, Remote, Settings, State, StateError,
};
use formwork_testkit::conformance::{self, Bench, Fault, Promises, Proxy};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A machine without a home, which may have slept: its clock is so many seconds further than it was.
#[derive(Default)]
struct Asleep(AtomicI64);

impl Outside for Asleep {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }

    fn unix_time(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.unwrap().as_secs() as i64 + self.0.load(Ordering::Relaxed)
    }
}

struct Store {
    address: String,
    bucket: String,
}

fn remote(address: &str, bucket: &str, key: &str) -> Arc<dyn Remote> {
    remote_of(Arc::new(Asleep::default()), address, bucket, key)
}

fn remote_of(outside: Arc<dyn Outside>, address: &str, bucket: &str, key: &str) -> Arc<dyn Remote> {
    let settings: Settings = serde_json::json!({
        "bucket": bucket, "key": key, "region": "us-east-1", "access_key": "test", "secret_key": "test",
        "max_retries": 5,
        "endpoints": { "s3": format!("http://{address}") },
    })
    .as_object()
    .unwrap()
    .clone()
    .into_iter()
    .collect();
    let kinds = Kinds::new(vec![formwork_backend_s3::kind(|_| None)], outside);
    match kinds.configure("s3", &settings) {
        Some(Ok(remote)) => remote,
        Some(Err(wrong)) => panic!("{wrong:?}"),
        None => panic!("there is no such kind"),
    }
}

/// The server, as `host:port`, and a new bucket in it.
fn store() -> Option<Store> {
    let endpoint =
        ["FORMWORK_S3_ENDPOINT", "FORMWORK_AWS_ENDPOINT"].iter().find_map(|name| std::env::var(name).ok());
    let Some(endpoint) = endpoint else {
        eprintln!("skipped: no S3 runs; start one and name it with FORMWORK_S3_ENDPOINT=http://HOST:PORT");
        return None;
    };
    let address = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let bucket = format!("states-{}", uuid::Uuid::new_v4().simple());
    let store = Store { address, bucket };
    store.ask("PUT", "", "");
    Some(store)
}

impl Store {
    /// One request, about the bucket or what is in it; the body of the answer. The stern cloud is busy at times.
    fn ask(&self, method: &str, target: &str, body: &str) -> Vec<u8> {
        let mut tries = (0..20).map(|_| self.try_to_ask(method, target, body));
        let (head, body) = tries.find(|(head, _)| !head.contains(" 503 ")).expect("an answer");
        assert!(head.contains(" 200 "), "{method} {target}: {head}{}", String::from_utf8_lossy(&body));
        body
    }

    fn try_to_ask(&self, method: &str, target: &str, body: &str) -> (String, Vec<u8>) {
        use std::io::{Read, Write};
        let Store { address, bucket } = self;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "{method} /{bucket}{target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, \
             Signature=0\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        (head, answer.split_off(end))
    }
}

impl Bench for Store {
    fn promises(&self) -> Promises {
        Promises { frees: Some(Duration::from_secs(60)), fences: true }
    }

    fn sealed(&self, name: &str, cipher: Arc<dyn Cipher>) -> Box<dyn Backend> {
        remote(&self.address, &self.bucket, name).state("default", cipher).unwrap()
    }

    fn raw(&self, name: &str) -> Vec<u8> {
        let list = self.ask("GET", &format!("?list-type=2&prefix={name}"), "");
        let list = String::from_utf8(list).unwrap();
        let keys = list.split("<Key>").skip(1).filter_map(|part| part.split("</Key>").next());
        keys.flat_map(|key| self.ask("GET", &format!("/{key}"), "")).collect()
    }

    fn through(&self, proxy: &Proxy, name: &str) -> Option<Box<dyn Backend>> {
        Some(remote(&proxy.address, &self.bucket, name).state("default", Arc::new(Clear)).unwrap())
    }

    fn server(&self) -> Option<String> {
        Some(self.address.clone())
    }

    fn is_http(&self) -> bool {
        true
    }

    fn put_foreign(&self, name: &str, text: &str) {
        self.ask("PUT", &format!("/{name}"), text);
    }

    fn spec(&self) -> String {
        format!("{} {}", self.address, self.bucket)
    }
}

#[test]
fn holds_what_it_promises() {
    if let Some(store) = store() {
        conformance::run(&store);
    }
}

#[test]
fn child() {
    conformance::child(|spec| {
        let (address, bucket) = spec.split_once(' ').unwrap();
        Store { address: address.into(), bucket: bucket.into() }
    });
}

/// Takes the lock, loses the answer to a beat, waits for two more, and writes.
fn lose_a_beat(store: &Store, key: &str) -> Result<(), StateError> {
    let proxy = Proxy::start(&store.address);
    // A beat is tried once: when it fails, the next one finds a tag that it does not know.
    let remote = remote(&proxy.address, &store.bucket, key);
    let backend = remote.state("default", Arc::new(Clear)).unwrap();
    let mut session = backend.open(&OpenOptions {
        operation: "conformance".into(),
        who: "somebody@here".into(),
        now: "2026-01-01T00:00:00Z".into(),
        lock: true,
        lock_timeout: Duration::ZERO,
        wait: None,
        stop: None,
    })?;
    let lock = || store.ask("GET", &format!("/{key}.tflock"), "");
    let wait_for = |what: &str, happened: &dyn Fn() -> bool| {
        let begin = std::time::Instant::now();
        while !happened() {
            assert!(begin.elapsed() < Duration::from_secs(60), "{what} does not happen");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let taken = lock();
    proxy.strike(Fault::LoseAnswer);
    wait_for("a beat", &|| proxy.struck());
    wait_for("its effect", &|| lock() != taken);
    let lost = lock();
    wait_for("a beat after the one that looks back", &|| lock() != lost);
    session.fold(&State::default())?;
    session.close()
}

#[test]
fn a_beat_whose_answer_was_lost_is_known_as_its_own() {
    let Some(store) = store() else { return };
    lose_a_beat(&store, "beat").unwrap();
}

#[test]
fn workspaces_are_where_terraform_has_them() {
    let Some(store) = store() else { return };
    let remote = remote(&store.address, &store.bucket, "net/terraform.tfstate");
    assert_eq!(remote.workspaces().unwrap(), Some(vec!["default".to_owned()]));
    remote.create("blue").unwrap();
    assert_eq!(remote.workspaces().unwrap(), Some(vec!["default".to_owned(), "blue".to_owned()]));
    let blue = remote.state("blue", Arc::new(Clear)).unwrap();
    assert_eq!(blue.place(), format!("s3://{}/env:/blue/net/terraform.tfstate", store.bucket));
    assert!(blue.is_absent().unwrap());
    remote.delete("blue").unwrap();
    assert_eq!(remote.workspaces().unwrap(), Some(vec!["default".to_owned()]));
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let Some(store) = store() else { return };
    let backend = remote(&store.address, "no-such-bucket", "key").state("default", Arc::new(Clear)).unwrap();
    let error = backend.peek().unwrap_err();
    assert!(matches!(error, StateError::Store { .. }), "{error}");
    assert!(error.to_string().contains("NoSuchBucket") && error.help().contains("bucket"), "{error}");
}

fn opened(backend: &dyn Backend) -> Box<dyn formwork_state::Session> {
    let options = OpenOptions {
        operation: "test".into(),
        who: "test".into(),
        now: String::new(),
        lock: true,
        lock_timeout: Duration::ZERO,
        wait: None,
        stop: None,
    };
    backend.open(&options).unwrap()
}

#[test]
fn who_slept_begins_nothing_before_the_lock_was_renewed() {
    let Some(store) = store() else { return };
    let proxy = Proxy::start(&store.address);
    let machine = Arc::new(Asleep::default());
    let remote = remote_of(machine.clone(), &proxy.address, &store.bucket, "asleep");
    let backend = remote.state("default", Arc::new(Clear)).unwrap();
    let mut session = opened(&*backend);
    session.fold(&State::default()).unwrap();
    assert!(!session.journal().in_doubt());
    machine.0.store(31, Ordering::Relaxed);
    assert!(session.journal().in_doubt(), "it must not even be tried once more");
    // Nobody has taken it: the store says so.
    let changed = |serial| State { serial, lineage: "l".into(), ..State::default() };
    session.replace(&changed(7)).unwrap();
    assert!(!session.journal().in_doubt());
    // While nobody answers, nothing is written.
    machine.0.store(62, Ordering::Relaxed);
    proxy.strike(Fault::Gone);
    session.replace(&changed(8)).unwrap_err();
    assert!(session.journal().in_doubt());
    proxy.heal();
    // Somebody else has it: it is over.
    store.ask("PUT", "/asleep.tflock", "{\"ID\":\"another\"}");
    let error = session.replace(&changed(9)).unwrap_err();
    assert!(matches!(error, StateError::Superseded { .. }), "{error}");
    assert!(session.journal().in_doubt());
    session.close().unwrap();
    assert_eq!(store.ask("GET", "/asleep.tflock", ""), b"{\"ID\":\"another\"}", "it is not ours to free");
}

#[test]
fn a_store_that_passes_over_conditions_is_refused() {
    let Some(store) = store() else { return };
    let proxy = Proxy::start(&store.address);
    proxy.strike(Fault::DropConditions);
    let remote = remote(&proxy.address, &store.bucket, "unconditional");
    let backend = remote.state("default", Arc::new(Clear)).unwrap();
    let mut session = opened(&*backend);
    let error = session.fold(&State { serial: 1, lineage: "l".into(), ..State::default() }).unwrap_err();
    assert!(error.to_string().contains("passes over the condition If-Match"), "{error}");
}
