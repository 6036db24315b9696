//! The suite that all backends pass, on local files.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_state::{Backend, LocalBackend};
use formwork_testkit::conformance::{self, Bench, Promises};
use std::path::PathBuf;
use std::time::Duration;

struct Files(PathBuf);

impl Bench for Files {
    fn promises(&self) -> Promises {
        // The kernel frees the lock, and nobody can take it from one that lives.
        Promises { frees: Some(Duration::from_secs(60)), fences: false }
    }

    fn backend(&self, name: &str) -> Box<dyn Backend> {
        Box::new(LocalBackend::new(self.0.join(name)))
    }

    fn put_foreign(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn spec(&self) -> String {
        self.0.display().to_string()
    }
}

#[test]
fn holds_what_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    conformance::run(&Files(folder.path().to_path_buf()));
}

#[test]
fn child() {
    conformance::child(|spec| Files(spec.into()));
}
