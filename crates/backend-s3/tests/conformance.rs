//! The suite that all backends pass, on the stern cloud's S3 (or on any store that FORMWORK_S3_ENDPOINT names).

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_state::{Backend, Kinds, Outside, Remote, Settings, StateError};
use formwork_testkit::conformance::{self, Bench, Promises, Proxy};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

struct Nowhere;

impl Outside for Nowhere {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }

    fn unix_time(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.unwrap().as_secs() as i64
    }
}

struct Store {
    address: String,
    bucket: String,
}

fn remote(address: &str, bucket: &str, key: &str) -> Arc<dyn Remote> {
    let settings: Settings = serde_json::json!({
        "bucket": bucket, "key": key, "region": "us-east-1", "access_key": "test", "secret_key": "test",
        "endpoints": { "s3": format!("http://{address}") },
    })
    .as_object()
    .unwrap()
    .clone()
    .into_iter()
    .collect();
    let kinds = Kinds::new(vec![formwork_backend_s3::kind()], Arc::new(Nowhere));
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
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let request = format!(
        "PUT /{bucket} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n"
    );
    use std::io::{Read, Write};
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
    Some(Store { address, bucket })
}

impl Bench for Store {
    fn promises(&self) -> Promises {
        Promises { frees: Some(Duration::from_secs(60)), fences: true }
    }

    fn backend(&self, name: &str) -> Box<dyn Backend> {
        remote(&self.address, &self.bucket, name).state("default").unwrap()
    }

    fn through(&self, proxy: &Proxy, name: &str) -> Option<Box<dyn Backend>> {
        Some(remote(&proxy.address, &self.bucket, name).state("default").unwrap())
    }

    fn server(&self) -> Option<String> {
        Some(self.address.clone())
    }

    fn is_http(&self) -> bool {
        true
    }

    fn put_foreign(&self, name: &str, text: &str) {
        use std::io::{Read, Write};
        let Store { address, bucket } = self;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "PUT /{bucket}/{name} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, \
             Signature=0\r\n\r\n",
            text.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
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

#[test]
fn workspaces_are_where_terraform_has_them() {
    let Some(store) = store() else { return };
    let remote = remote(&store.address, &store.bucket, "net/terraform.tfstate");
    assert_eq!(remote.workspaces().unwrap(), Some(vec!["default".to_owned()]));
    remote.create("blue").unwrap();
    assert_eq!(remote.workspaces().unwrap(), Some(vec!["default".to_owned(), "blue".to_owned()]));
    let blue = remote.state("blue").unwrap();
    assert_eq!(blue.place(), format!("s3://{}/env:/blue/net/terraform.tfstate", store.bucket));
    assert!(blue.is_absent().unwrap());
    remote.delete("blue").unwrap();
    assert_eq!(remote.workspaces().unwrap(), Some(vec!["default".to_owned()]));
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let Some(store) = store() else { return };
    let backend = remote(&store.address, "no-such-bucket", "key").state("default").unwrap();
    let error = backend.peek().unwrap_err();
    assert!(matches!(error, StateError::Store { .. }), "{error}");
    assert!(error.to_string().contains("NoSuchBucket") && error.help().contains("bucket"), "{error}");
}
