//! The last snapshots, kept beside the state.
//!
//! Each snapshot is written whole beside the state before it is copied into place. Instead of removing that file
//! afterwards, it is moved into the history: keeping it costs one rename, whatever the size of the state.

use crate::disk::{self as fs, DirBuilder, DirBuilderExt};
use crate::paths::{self, Paths};
use crate::replay::{self, CopyHead};
use crate::session::renewed;
use crate::{Cipher, State, StateError};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// A snapshot of the history.
#[derive(Clone)]
pub struct Version {
    /// Its serial.
    pub serial: u64,
    /// When it was written.
    pub written: SystemTime,
    path: PathBuf,
    cipher: Arc<dyn Cipher>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("serial", &self.serial)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Version {
    /// Reads it, and makes sure that it is what was written.
    pub fn read(&self) -> Result<State, StateError> {
        replay::read_snapshot(&*self.cipher, &self.stored()?).map_err(|e| e.in_file(&self.path))
    }

    /// The snapshot as it was stored.
    pub(crate) fn stored(&self) -> Result<Vec<u8>, StateError> {
        let bytes = fs::read(&self.path)
            .map_err(|e| StateError::io("read the history", &self.path, &e, crate::error::UNCHANGED))?;
        text(&bytes).map(<[u8]>::to_vec).ok_or_else(|| {
            let problem = "it is not what was written: its checksum differs.";
            StateError::format(problem, "Take another version: the command \"state history\" lists them.")
                .in_file(&self.path)
        })
    }
}

/// The snapshot in a file of the history, if it is what was written.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let head: CopyHead = serde_json::from_slice(&bytes[..end]).ok()?;
    let text = &bytes[end + 1..];
    head.is_of(text).then_some(text)
}

/// Stores all versions as they would be stored now: what is in clear, or under an old key, must not stay so.
pub(crate) fn renew(paths: &Paths, cipher: &dyn Cipher) -> Result<(), StateError> {
    let renew = |path: &Path| -> Result<(), StateError> {
        let fail =
            |e: &std::io::Error| StateError::io("write the history", path, e, crate::error::IN_JOURNAL);
        let bytes = fs::read(path).map_err(|e| fail(&e))?;
        let Some(old) = text(&bytes) else { return Ok(()) };
        let Some(new) = renewed(cipher, old).map_err(|e| e.in_file(path))? else { return Ok(()) };
        // Versions are told apart by when they were written.
        let written = fs::metadata(path).and_then(|m| m.modified());
        let head = replay::copy_head(String::new(), replay::sha256(&new))
            .map_err(|e| fail(&std::io::Error::other(e)))?;
        let file = paths::replace(path, &[head.as_bytes(), &new]).map_err(|e| fail(&e))?;
        written.and_then(|written| file.set_modified(written)).map_err(|e| fail(&e))
    };
    for (_, _, path) in files(paths)? {
        renew(&path)?;
    }
    Ok(())
}

/// All versions, the newest first. Files that are not versions are passed over.
pub(crate) fn list(paths: &Paths, cipher: &Arc<dyn Cipher>) -> Result<Vec<Version>, StateError> {
    let found = files(paths)?.into_iter();
    Ok(found
        .map(|(serial, written, path)| Version { serial, written, path, cipher: cipher.clone() })
        .collect())
}

/// The files of all versions, the newest first: serial, and when each was written.
fn files(paths: &Paths) -> Result<Vec<(u64, SystemTime, PathBuf)>, StateError> {
    let entries = match fs::read_dir(&paths.history) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => {
            return Err(StateError::io("read the history", &paths.history, &e, crate::error::UNCHANGED));
        }
    };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let serial = name.to_str()?.strip_suffix(".snapshot")?.split('-').next()?.parse().ok()?;
            let written = entry.metadata().ok()?.modified().ok()?;
            Some((serial, written, entry.path()))
        })
        .collect();
    found.sort_by_key(|(serial, written, _)| std::cmp::Reverse((*written, *serial)));
    Ok(found)
}

/// Moves the copy of the snapshot that was just put into place into the history, and drops the oldest versions beyond
/// `keep`. Whether it was moved: a history that cannot be written must not stop anybody from working.
pub(crate) fn keep(paths: &Paths, keep: usize, serial: u64, sha256: &str) -> bool {
    if keep == 0 {
        return false;
    }
    let mut builder = DirBuilder::new();
    if builder.recursive(true).mode(0o700).create(&paths.history).is_err() {
        return false;
    }
    let name = format!("{serial:010}-{}.snapshot", sha256.get(..12).unwrap_or(sha256));
    let moved = fs::rename(&paths.copy, paths.history.join(name)).is_ok();
    for (_, _, old) in files(paths).unwrap_or_default().iter().skip(keep) {
        let _ = fs::remove_file(old);
    }
    moved
}
