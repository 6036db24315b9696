//! The suite that all backends pass, on a web server of the tests' own.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_state::{Backend, Cipher, Clear, Kinds, Outside, Settings};
use formwork_testkit::HttpStore;
use formwork_testkit::conformance::{self, Bench, Promises, Proxy};
use std::path::PathBuf;
use std::sync::Arc;

struct Nowhere;

impl Outside for Nowhere {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }

    fn unix_time(&self) -> i64 {
        0
    }
}

struct Web {
    server: String,
    /// In the process that has it.
    store: Option<HttpStore>,
}

fn at(address: &str, name: &str, cipher: Arc<dyn Cipher>) -> Box<dyn Backend> {
    let url = format!("http://{address}/{name}");
    let settings: Settings = [("address", &url), ("lock_address", &url), ("unlock_address", &url)]
        .map(|(name, value)| (name.to_owned(), value.clone().into()))
        .into();
    let kinds = Kinds::new(vec![formwork_backend_http::kind()], Arc::new(Nowhere));
    let Some(Ok(remote)) = kinds.configure("http", &settings) else { panic!("{settings:?}") };
    remote.state("default", cipher).unwrap()
}

impl Bench for Web {
    fn promises(&self) -> Promises {
        Promises { frees: None, fences: true }
    }

    fn sealed(&self, name: &str, cipher: Arc<dyn Cipher>) -> Box<dyn Backend> {
        at(&self.server, name, cipher)
    }

    fn raw(&self, name: &str) -> Vec<u8> {
        self.store.as_ref().unwrap().text(name).unwrap_or_default().into_bytes()
    }

    fn through(&self, proxy: &Proxy, name: &str) -> Option<Box<dyn Backend>> {
        Some(at(&proxy.address, name, Arc::new(Clear)))
    }

    fn server(&self) -> Option<String> {
        Some(self.server.clone())
    }

    fn is_http(&self) -> bool {
        true
    }

    fn put_foreign(&self, name: &str, text: &str) {
        self.store.as_ref().unwrap().put(name, text);
    }

    fn spec(&self) -> String {
        self.server.clone()
    }
}

#[test]
fn holds_what_it_promises() {
    let store = HttpStore::start();
    let bench = Web { server: store.address.clone(), store: Some(store) };
    conformance::run(&bench);
}

#[test]
fn child() {
    conformance::child(|spec| Web { server: spec.into(), store: None });
}

#[test]
fn says_what_is_wrong_with_its_arguments() {
    let kinds = Kinds::new(vec![formwork_backend_http::kind()], Arc::new(Nowhere));
    let check = |given: &[(&str, &str)], problem: &str| {
        let settings = given.iter().map(|(n, v)| ((*n).to_owned(), (*v).into())).collect();
        let Some(Err(wrong)) = kinds.configure("http", &settings) else { panic!("{settings:?}") };
        assert_eq!(wrong[0].problem, problem);
    };
    check(&[], "The backend \"http\" needs \"address\".");
    check(&[("address", "state")], "\"address\" is not the address of a web server.");
    check(&[("adress", "http://x/")], "The backend \"http\" has no argument \"adress\".");
    let two = [("address", "http://x/"), ("client_certificate_pem", "x")];
    check(&two, "\"client_certificate_pem\" is set, and \"client_private_key_pem\" is not.");
}
