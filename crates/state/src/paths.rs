//! The files that belong to one state, and durable ways to write them.

use crate::StateError;
use crate::disk::{self as fs, File, MetadataExt, OpenOptions, OpenOptionsExt};
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
    /// Where older versions had journal and copy of a state whose name begins with a dot: the names that they have for the
    /// state without it.
    pub(crate) former: Option<(PathBuf, PathBuf)>,
}

impl Paths {
    /// The files beside the state that `state` is, or is a link to: all who name the same state must find the same ones.
    pub(crate) fn new(state: &Path) -> Self {
        let state = followed(state);
        let name = state.file_name().unwrap_or_default().to_string_lossy();
        let bare = name.trim_start_matches('.');
        let beside = |name: &str, suffix: &str| state.with_file_name(format!(".{name}.{suffix}"));
        Paths {
            state: state.clone(),
            journal: beside(&name, "journal"),
            copy: beside(&name, "new"),
            history: beside(&name, "history"),
            lock_info: beside(name.strip_prefix('.').unwrap_or(&name), "lock.info"),
            former: (bare != name).then(|| (beside(bare, "journal"), beside(bare, "new"))),
        }
    }

    /// Names for messages about a state that is not in files.
    pub(crate) fn elsewhere(place: &str) -> Self {
        let with = |suffix: &str| PathBuf::from(format!("{place}{suffix}"));
        let (state, journal) = (with(""), with(" (its journal)"));
        let none = PathBuf::new;
        Paths { state, journal, copy: none(), history: none(), lock_info: none(), former: None }
    }

    /// What else would be overwritten by a backup in this file: words that the name of the state follows.
    pub(crate) fn taken_by(&self, backup: &Path) -> Option<&'static str> {
        let taken = [
            (&self.state, "the state"),
            (&self.journal, "the journal of the state"),
            (&self.copy, "the file that is to replace the state"),
            (&self.lock_info, "the file that says who holds the lock of the state"),
        ];
        taken.into_iter().find(|(path, _)| same_file(path, backup)).map(|(_, what)| what)
    }

    /// Where a journal of another snapshot is kept.
    pub(crate) fn kept(&self, serial: u64) -> PathBuf {
        self.journal.with_extension(format!("journal.kept-{serial}-{}", uuid::Uuid::new_v4().simple()))
    }
}

/// Whether two paths lead to one file, or would, as soon as there is one.
fn same_file(a: &Path, b: &Path) -> bool {
    let inode = |path: &Path| fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
    if inode(a).is_some_and(|inode_of_a| inode(b) == Some(inode_of_a)) {
        return true;
    }
    let place = |path: &Path| {
        let path = followed(path);
        let folder = folder(&path);
        (fs::canonicalize(folder).unwrap_or_else(|_| folder.into()), path.file_name().map(Into::into))
    };
    let (a, b): ((PathBuf, Option<PathBuf>), _) = (place(a), place(b));
    a == b
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

/// Gives a file another name durably, where it is and nothing has that name; that it is not is fine.
pub(crate) fn take_over(from: &Path, to: &Path) -> io::Result<()> {
    if !fs::exists(from)? || fs::exists(to)? {
        return Ok(());
    }
    fs::rename(from, to)?;
    sync_folder(to)
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
