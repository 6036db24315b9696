//! The last snapshots, kept beside the state.
//!
//! Each snapshot is written whole beside the state before it is copied into place. Instead of removing that file
//! afterwards, it is moved into the history: keeping it costs one rename, whatever the size of the state.

use crate::paths::Paths;
use crate::replay::CopyHead;
use crate::{State, StateError, snapshot};
use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::SystemTime;

/// A snapshot of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its serial.
    pub serial: u64,
    /// When it was written.
    pub written: SystemTime,
    path: PathBuf,
}

impl Version {
    /// Reads it, and makes sure that it is what was written.
    pub fn read(&self) -> Result<State, StateError> {
        let fail =
            |e: &std::io::Error| StateError::io("read the history", &self.path, e, crate::error::UNCHANGED);
        let damaged = || {
            let problem = "it is not what was written: its checksum differs.";
            StateError::format(problem, "Take another version: the command \"state history\" lists them.")
                .in_file(&self.path)
        };
        let mut file = BufReader::new(fs::File::open(&self.path).map_err(|e| fail(&e))?);
        let (mut line, mut text) = (String::new(), String::new());
        file.read_line(&mut line).and_then(|_| file.read_to_string(&mut text)).map_err(|e| fail(&e))?;
        let head: CopyHead = serde_json::from_str(&line).map_err(|_| damaged())?;
        if !head.is_of(text.as_bytes()) {
            return Err(damaged());
        }
        snapshot::parse(&text).map_err(|e| e.in_file(&self.path))
    }
}

/// All versions, the newest first. Files that are not versions are passed over.
pub(crate) fn list(paths: &Paths) -> Result<Vec<Version>, StateError> {
    let entries = match fs::read_dir(&paths.history) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => {
            return Err(StateError::io("read the history", &paths.history, &e, crate::error::UNCHANGED));
        }
    };
    let mut found: Vec<Version> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let serial = name.to_str()?.strip_suffix(".snapshot")?.split('-').next()?.parse().ok()?;
            let written = entry.metadata().ok()?.modified().ok()?;
            Some(Version { serial, written, path: entry.path() })
        })
        .collect();
    found.sort_by_key(|version| std::cmp::Reverse((version.written, version.serial)));
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
    for old in list(paths).unwrap_or_default().iter().skip(keep) {
        let _ = fs::remove_file(&old.path);
    }
    moved
}
