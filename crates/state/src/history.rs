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
        // It stays the version that it is, with its time.
        let written = fs::metadata(path).and_then(|m| m.modified());
        let head = replay::copy_head(String::new(), replay::sha256(&new))
            .map_err(|e| fail(&std::io::Error::other(e)))?;
        let file = paths::replace(path, &[head.as_bytes(), &new]).map_err(|e| fail(&e))?;
        written.and_then(|written| file.set_modified(written)).map_err(|e| fail(&e))
    };
    for file in files(paths)? {
        renew(&file.path)?;
    }
    Ok(())
}

/// All versions, the newest first. Files that are not versions are passed over.
pub(crate) fn list(paths: &Paths, cipher: &Arc<dyn Cipher>) -> Result<Vec<Version>, StateError> {
    let found = files(paths)?.into_iter();
    Ok(found
        .map(|KeptFile { serial, written, path, .. }| Version {
            serial,
            written,
            path,
            cipher: cipher.clone(),
        })
        .collect())
}

/// A file of the history. Its name: SERIAL-SHA256-NUMBER.snapshot; older versions left the number out.
struct KeptFile {
    serial: u64,
    /// Counts what was kept here: clocks go back, and serials begin anew with another lineage.
    number: u64,
    written: SystemTime,
    path: PathBuf,
}

/// The files of all versions, the newest first.
fn files(paths: &Paths) -> Result<Vec<KeptFile>, StateError> {
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
            let mut parts = name.to_str()?.strip_suffix(".snapshot")?.split('-');
            let serial = parts.next()?.parse().ok()?;
            let number = parts.nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
            let written = entry.metadata().ok()?.modified().ok()?;
            Some(KeptFile { serial, number, written, path: entry.path() })
        })
        .collect();
    found.sort_by_key(|file| std::cmp::Reverse((file.number, file.written, file.serial)));
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
    // Where nobody can say what is there, nothing is dropped either.
    let before = files(paths).unwrap_or_default();
    let number = before.first().map_or(0, |newest| newest.number).saturating_add(1);
    let version = format!("{serial:010}-{}", sha256.get(..12).unwrap_or(sha256));
    let moved = fs::rename(&paths.copy, paths.history.join(format!("{version}-{number}.snapshot"))).is_ok();
    // The same version once more: a state that was put in place again.
    let is_same = |file: &KeptFile| {
        let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        moved && name.strip_prefix(&version).is_some_and(|rest| rest.starts_with(['-', '.']))
    };
    let (same, others): (Vec<_>, Vec<_>) = before.into_iter().partition(is_same);
    for old in same.iter().chain(others.iter().skip(keep - usize::from(moved))) {
        let _ = fs::remove_file(&old.path);
    }
    moved
}
