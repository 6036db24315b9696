//! Snapshot files: what one holds, and how one is put in place. Everything here blocks.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Length of the hash at the end of a snapshot.
pub(crate) const HASH: usize = 32;
/// Databases are made of whole blocks of this size, so that etcd can tell whether a hash follows.
pub(crate) const BLOCK: u64 = 512;

/// The hash of a snapshot as its bytes go by, all but the last [`HASH`] of them.
#[derive(Default)]
pub(crate) struct Sum {
    hash: Sha256,
    tail: Vec<u8>,
    len: u64,
}

impl Sum {
    /// Takes in the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        if let Some(more) = self.tail.len().checked_sub(HASH) {
            self.hash.update(&self.tail[..more]);
            self.tail.drain(..more);
        }
    }

    /// How many bytes there were.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The hash in hexadecimal digits, and whether the file is a whole snapshot: then it is the database's; otherwise
    /// it is that of all bytes.
    pub fn finish(mut self) -> (String, bool) {
        let database = self.hash.clone().finalize();
        let whole = self.len > HASH as u64
            && (self.len - HASH as u64).is_multiple_of(BLOCK)
            && self.tail == database.as_slice();
        if !whole {
            self.hash.update(&self.tail);
        }
        (hex(&if whole { database } else { self.hash.finalize() }), whole)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What can be seen of a file without reading it. The same again: nobody has changed it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    size: u64,
    inode: u64,
    changed: (i64, i64),
}

impl From<&Metadata> for Seen {
    fn from(of: &Metadata) -> Self {
        Seen { size: of.len(), inode: of.ino(), changed: (of.ctime(), of.ctime_nsec()) }
    }
}

/// A file that was read from its beginning to its end.
pub(crate) struct Look {
    /// See [`Sum::finish`].
    pub sha256: String,
    /// See [`Sum::finish`].
    pub whole: bool,
    pub size: u64,
    pub seen: Seen,
}

fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A glance at a file; `None` when there is none.
pub(crate) fn seen(path: &Path) -> io::Result<Option<Seen>> {
    Ok(absent(fs::metadata(path))?.as_ref().map(Seen::from))
}

/// Whether anything at all is there, be it a link to nothing.
pub(crate) fn occupied(path: &Path) -> io::Result<bool> {
    Ok(absent(fs::symlink_metadata(path))?.is_some())
}

/// What a new file would find in its place.
pub(crate) enum InTheWay {
    Nothing,
    /// A whole snapshot with this hash.
    Snapshot(String),
    /// Anything else.
    Other,
}

/// Looks at the place of a new file.
pub(crate) fn in_the_way(path: &Path) -> io::Result<InTheWay> {
    match absent(fs::symlink_metadata(path))? {
        None => Ok(InTheWay::Nothing),
        Some(found) if !found.is_file() => Ok(InTheWay::Other),
        Some(_) => Ok(match look(path)? {
            None => InTheWay::Nothing,
            Some(found) if found.whole => InTheWay::Snapshot(found.sha256),
            Some(_) => InTheWay::Other,
        }),
    }
}

/// Reads a file; `None` when there is none.
pub(crate) fn look(path: &Path) -> io::Result<Option<Look>> {
    // What is not a file, such as a pipe, might never let itself be opened.
    match absent(fs::metadata(path))? {
        None => return Ok(None),
        Some(found) if !found.is_file() => {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
        }
        Some(_) => {}
    }
    let Some(mut file) = absent(File::open(path))? else { return Ok(None) };
    let seen = Seen::from(&file.metadata()?);
    let (mut sum, mut buffer) = (Sum::default(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => sum.add(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let size = sum.len();
    let (sha256, whole) = sum.finish();
    Ok(Some(Look { sha256, whole, size, seen }))
}

/// A file that is being written, beside the place that it is for. It is removed unless it is put there.
pub(crate) struct Part {
    path: PathBuf,
    target: PathBuf,
}

impl Part {
    /// Where the attempt with a token writes.
    fn at(target: &Path, token: &str) -> PathBuf {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{token}.part"));
        target.with_file_name(name)
    }

    /// Begins a file that only its owner can read. Missing folders are made.
    pub fn create(target: &Path, token: &str) -> io::Result<(Part, File)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder(target))?;
        let path = Self::at(target, token);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((Part { path, target: target.to_owned() }, file))
    }

    /// Puts the file in its place, where nothing may be yet.
    pub fn place(self) -> io::Result<()> {
        match renameat_with(CWD, &self.path, CWD, &self.target, RenameFlags::NOREPLACE) {
            // Not every file system can; a second name for the file can be made everywhere else.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::hard_link(&self.path, &self.target)?,
            result => result?,
        }
        // It has no reader yet: what is not durable had better not be there.
        sync(&self.target).inspect_err(|_| {
            let _ = fs::remove_file(&self.target);
        })
    }

    /// Puts the file in the place of the one that is there.
    pub fn replace(self) -> io::Result<()> {
        fs::rename(&self.path, &self.target)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what an interrupted attempt left beside its place.
pub(crate) fn sweep(target: &Path, token: &str) -> io::Result<()> {
    if token.is_empty() {
        return Ok(());
    }
    absent(fs::remove_file(Part::at(target, token))).map(drop)
}

/// Where a file is kept that took a snapshot's place.
pub(crate) fn aside(path: &str, sha256: &str) -> String {
    format!("{path}.kept-{}", sha256.get(..12).unwrap_or(sha256))
}

/// Gives a file its second name, under which it stays.
pub(crate) fn keep(path: &Path, sha256: &str) -> io::Result<()> {
    let aside = aside(&path.to_string_lossy(), sha256);
    match fs::hard_link(path, &aside) {
        // The name says what is in it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }?;
    sync(path)
}

/// Removes a file, durably; that there is none is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match absent(fs::remove_file(path))? {
        Some(()) => sync(path),
        None => Ok(()),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the names in a file's folder durable.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}
