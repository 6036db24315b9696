//! The files that belong to one state, and durable ways to write them.

use crate::StateError;
use crate::disk::{self as fs, File, OpenOptions, OpenOptionsExt};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Names of the files of one state.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The snapshot.
    pub(crate) state: PathBuf,
    /// The journal.
    pub(crate) journal: PathBuf,
    /// The next snapshot, complete, while it is copied into the place of the last.
    pub(crate) copy: PathBuf,
    /// The folder of the last snapshots.
    pub(crate) history: PathBuf,
    /// Who holds the lock: Terraform's name for it.
    pub(crate) lock_info: PathBuf,
}

impl Paths {
    /// The files beside the state that `state` is, or is a link to: all who name the same state must find the same ones.
    pub(crate) fn new(state: &Path) -> Self {
        let state = followed(state);
        let name = state.file_name().unwrap_or_default().to_string_lossy();
        let beside =
            |suffix: &str| state.with_file_name(format!(".{}.{suffix}", name.trim_start_matches('.')));
        Paths {
            state: state.clone(),
            journal: beside("journal"),
            copy: beside("new"),
            history: beside("history"),
            lock_info: beside("lock.info"),
        }
    }

    /// Names for messages about a state that is not in files.
    pub(crate) fn elsewhere(place: &str) -> Self {
        let with = |suffix: &str| PathBuf::from(format!("{place}{suffix}"));
        let (state, journal) = (with(""), with(" (its journal)"));
        Paths { state, journal, copy: PathBuf::new(), history: PathBuf::new(), lock_info: PathBuf::new() }
    }

    /// Where a journal of another snapshot is kept.
    pub(crate) fn kept(&self, serial: u64) -> PathBuf {
        self.journal.with_extension(format!("journal.kept-{serial}-{}", uuid::Uuid::new_v4().simple()))
    }
}

/// Where links lead, even if nothing is there yet.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    // As many links as the kernel follows: a circle is for it to refuse.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&path) else { break };
        path = folder(&path).join(target);
    }
    path
}

/// A file's folder.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// Makes creations, renames and removals in the file's folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// Replaces a file (other than the snapshot) durably: temporary file, fsync, rename, fsync of the folder. Returns the
/// file, open for reading and writing.
pub(crate) fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    let write = || {
        let _ = fs::remove_file(&temporary);
        let mut file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&temporary)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder(path)?;
        Ok(file)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Removes a file durably; that it is gone already is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// The content of a file, or `None` when there is no such file.
pub(crate) fn read(action: &'static str, path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StateError::io(action, path, &e, crate::error::UNCHANGED)),
    }
}
