//! Reading a state before its turn, while somebody else reads the configuration.

use crate::disk as fs;
use crate::paths::Paths;
use crate::replay::Sums;
use crate::{State, hold, is_sealed, snapshot};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Smaller files are read when their turn comes, in less time than a thread takes to begin.
const LARGE: u64 = 1 << 15;

/// A state file that is being read on a thread of its own, without a lock and without any say: what was read is used only
/// where the file turns out to hold the same when it is opened. Whatever is wrong with it is found then, too.
#[derive(Clone, Default)]
pub struct Ahead(Arc<Mutex<Option<Begun>>>);

struct Begun {
    state: PathBuf,
    reader: JoinHandle<Option<Early>>,
}

/// A snapshot that was read early.
pub(crate) struct Early {
    pub(crate) snapshot: Vec<u8>,
    pub(crate) state: State,
    pub(crate) sums: Sums,
}

impl std::fmt::Debug for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ahead").finish_non_exhaustive()
    }
}

impl Ahead {
    /// Begins to read the state in this file, if that is worth it.
    pub fn start(path: &Path) -> Ahead {
        let state = Paths::new(path).state;
        let is_large = fs::metadata(&state).is_ok_and(|m| !m.is_dir() && m.len() >= LARGE);
        let from = state.clone();
        let reader = is_large.then(|| Builder::new().name("state".into()).spawn(move || read(&from)));
        let begun = reader.and_then(Result::ok).map(|reader| Begun { state, reader });
        Ahead(Arc::new(Mutex::new(begun)))
    }

    /// What was read of this file, once, and if it still holds `snapshot`.
    pub(crate) fn take(&self, state: &Path, snapshot: &[u8]) -> Option<Early> {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).take_if(|b| b.state == state)?;
        begun.reader.join().ok()?.filter(|early| early.snapshot == snapshot)
    }
}

fn read(path: &Path) -> Option<Early> {
    // Through `hold`, since closing a file that is locked would free the lock.
    let snapshot = hold::read(path).ok().filter(|stored| !is_sealed(stored))?;
    let state = snapshot::parse(std::str::from_utf8(&snapshot).ok()?).ok()?;
    let sums = Sums::of(&snapshot, &snapshot);
    Some(Early { snapshot, state, sums })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backend, LocalBackend};

    /// A snapshot with this serial, of more than so many bytes.
    fn text(serial: u64, size: u64) -> String {
        let head = format!(r#"{{"version":4,"terraform_version":"1.11.4","serial":{serial},"lineage":"l""#);
        format!("{head},\"outputs\":{{}},\"resources\":[]{}}}", " ".repeat(size as usize))
    }

    /// A file that holds this, read ahead to its end.
    fn begun(path: &Path, text: &str) -> Ahead {
        std::fs::write(path, text).unwrap();
        let ahead = Ahead::start(path);
        let is_over = |begun: &Begun| begun.reader.is_finished();
        while !ahead.0.lock().unwrap().as_ref().is_none_or(is_over) {
            std::thread::yield_now();
        }
        ahead
    }

    #[test]
    fn what_was_read_counts_once_and_as_long_as_it_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("terraform.tfstate");
        let first = text(7, LARGE);
        let early = begun(&path, &first);
        assert!(early.take(&dir.path().join("other"), first.as_bytes()).is_none());
        assert_eq!(early.take(&path, first.as_bytes()).map(|e| e.state.serial), Some(7));
        assert!(early.take(&path, first.as_bytes()).is_none());

        let early = begun(&path, &first);
        std::fs::write(&path, text(8, LARGE)).unwrap();
        let opened = LocalBackend::new(&path).with_ahead(early).peek().unwrap();
        assert_eq!(opened.state.serial, 8);
    }

    #[test]
    fn what_is_small_or_wrong_is_left_for_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("terraform.tfstate");
        for text in [text(7, 0), format!("{{{}", " ".repeat(LARGE as usize))] {
            assert!(begun(&path, &text).take(&path, text.as_bytes()).is_none());
        }
        assert!(Ahead::start(&dir.path().join("none")).0.lock().unwrap().is_none());
    }
}
