//! Reading a state before its turn, while somebody else reads the configuration.

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
        let is_large = std::fs::metadata(&state).is_ok_and(|m| m.is_file() && m.len() >= LARGE);
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
