//! The suite that all backends pass, on local files.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_state::{Backend, Cipher, LocalBackend};
use formwork_testkit::conformance::{self, Bench, Promises};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

struct Files(PathBuf);

impl Bench for Files {
    fn promises(&self) -> Promises {
        // The kernel frees the lock, and nobody can take it from one that lives.
        Promises { frees: Some(Duration::from_secs(60)), fences: false }
    }

    fn sealed(&self, name: &str, cipher: Arc<dyn Cipher>) -> Box<dyn Backend> {
        Box::new(LocalBackend::new(self.0.join(name)).with_cipher(cipher))
    }

    fn raw(&self, name: &str) -> Vec<u8> {
        let files = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let is_of = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().contains(name);
        files
            .filter(|path| path.is_file() && is_of(path))
            .flat_map(|path| std::fs::read(path).unwrap())
            .collect()
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
