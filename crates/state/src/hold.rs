//! The hold on a local state file: the kernel's record lock, which Terraform takes too.
//!
//! On systems where it belongs to the process and the inode, closing *any* descriptor of the file frees it. So all
//! opening and closing of state files goes through here: a file that is held is never opened a second time.

use crate::disk::{self as fs, File, FileExt, Metadata, MetadataExt, OpenOptionsExt, record_lock};
use crate::error::UNCHANGED;
use crate::paths::{self, Paths};
use crate::record_lock::Holder;
use crate::{LockInfo, OpenOptions, StateError};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Inode = (u64, u64);

/// What stands before the process in the lock's info.
const PROCESS: &str = "process ";

/// The state files that this process holds.
static HELD: Mutex<BTreeMap<Inode, (Arc<File>, LockInfo)>> = Mutex::new(BTreeMap::new());

fn held() -> MutexGuard<'static, BTreeMap<Inode, (Arc<File>, LockInfo)>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inode(metadata: &Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

/// A lock that is held. Dropping it frees it.
pub(crate) struct Hold {
    file: Arc<File>,
    inode: Inode,
    /// The file was not there before.
    created: bool,
    info: LockInfo,
    paths: Paths,
}

impl Hold {
    /// Takes the lock, waiting for it as long as the options say.
    pub(crate) fn take(paths: &Paths, options: &OpenOptions<'_>) -> Result<Hold, StateError> {
        let info = LockInfo {
            id: uuid::Uuid::new_v4().to_string(),
            operation: options.operation.clone(),
            // The kernel does not tell whose process a lock of this kind is.
            info: format!("{PROCESS}{}", std::process::id()),
            who: options.who.clone(),
            version: concat!("formwork ", env!("CARGO_PKG_VERSION")).into(),
            created: options.now.clone(),
            path: paths.state.display().to_string(),
            pid: Some(std::process::id()),
        };
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(20);
        let mut told: Option<String> = None;
        loop {
            let owner = match Self::attempt(paths, &info)? {
                Ok(hold) => return Ok(hold),
                Err(owner) => owner,
            };
            options.go_on(&info.path)?;
            if waited >= options.lock_timeout {
                return Err(StateError::Locked { path: paths.state.clone(), info: owner });
            }
            let owner = owner.unwrap_or_default();
            if let Some(wait) = options.wait
                && told.as_ref() != Some(&owner.id)
            {
                wait(&owner);
                told = Some(owner.id);
            }
            let step = pause.min(options.lock_timeout - waited);
            std::thread::sleep(step);
            waited += step;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// One try; the inner error is the owner.
    fn attempt(paths: &Paths, info: &LockInfo) -> Result<Result<Hold, Option<LockInfo>>, StateError> {
        let fail = |e: io::Error| StateError::io("lock the state", &paths.state, &e, UNCHANGED);
        // Whoever removes an empty file does it while we wait, so look again whether ours is the one at the path.
        for _ in 0..100 {
            let mut all = held();
            let before = fs::metadata(&paths.state).ok();
            if let Some((_, owner)) = before.as_ref().and_then(|m| all.get(&inode(m))) {
                return Ok(Err(Some(owner.clone())));
            }
            if before.as_ref().is_some_and(Metadata::is_dir) {
                return Err(fail(ErrorKind::IsADirectory.into()));
            }
            let mut open = fs::OpenOptions::new();
            let file =
                open.read(true).write(true).create(true).truncate(false).mode(0o600).open(&paths.state);
            let file = file.map_err(fail)?;
            if !record_lock::try_lock(&file).map_err(fail)? {
                return Ok(Err(owner(paths, record_lock::holder(&file).ok().flatten())));
            }
            let here = inode(&file.metadata().map_err(fail)?);
            if fs::metadata(&paths.state).ok().map(|m| inode(&m)) != Some(here) {
                continue;
            }
            let file = Arc::new(file);
            all.insert(here, (file.clone(), info.clone()));
            let hold = Hold {
                file,
                inode: here,
                created: before.is_none(),
                info: info.clone(),
                paths: paths.clone(),
            };
            drop(all);
            hold.announce();
            return Ok(Ok(hold));
        }
        Ok(Err(None))
    }

    /// Leaves word for those who will wait. Whether it can be written does not decide who holds the lock.
    fn announce(&self) {
        if let Ok(text) = serde_json::to_vec(&self.info) {
            let _ = fs::remove_file(&self.paths.lock_info);
            let mut open = fs::OpenOptions::new();
            let file = open.write(true).create(true).truncate(true).mode(0o600).open(&self.paths.lock_info);
            let _ = file.and_then(|f| f.write_all_at(&text, 0));
        }
    }

    /// The file that is held. If it was removed meanwhile (Terraform does so with an empty one that it made), a new one
    /// takes its place.
    pub(crate) fn file(&mut self) -> Result<Arc<File>, StateError> {
        match fs::metadata(&self.paths.state) {
            Ok(m) if inode(&m) == self.inode => Ok(self.file.clone()),
            Err(e) if e.kind() == ErrorKind::NotFound => match Self::attempt(&self.paths, &self.info)? {
                Ok(hold) => {
                    let created = self.created;
                    drop(std::mem::replace(self, hold));
                    self.created |= created;
                    Ok(self.file.clone())
                }
                Err(info) => Err(StateError::Locked { path: self.paths.state.clone(), info }),
            },
            Ok(_) => Err(StateError::Replaced { path: self.paths.state.clone() }),
            Err(e) => {
                Err(StateError::io("look at the state", &self.paths.state, &e, crate::error::IN_JOURNAL))
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut all = held();
        all.remove(&self.inode);
        // Another process may stand at the file, waiting for the lock: it would write to a file without a name.
        let is_ours = fs::metadata(&self.paths.state).is_ok_and(|m| inode(&m) == self.inode);
        if is_ours {
            let _ = fs::remove_file(&self.paths.lock_info);
        }
        let is_empty = self.file.metadata().is_ok_and(|m| m.len() == 0);
        if is_ours && is_empty && self.created && !open_elsewhere(&self.paths.state) {
            let _ = fs::remove_file(&self.paths.state);
        }
        let _ = record_lock::unlock(&self.file);
    }
}

/// Whether somebody holds the lock on the state; the inner value is who, as far as is known.
pub(crate) fn holder(paths: &Paths) -> Result<Option<Option<LockInfo>>, StateError> {
    let fail = |e: io::Error| StateError::io("look at the state's lock", &paths.state, &e, UNCHANGED);
    let all = held();
    let metadata = match fs::metadata(&paths.state) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(fail(e)),
    };
    if let Some((_, info)) = all.get(&inode(&metadata)) {
        return Ok(Some(Some(info.clone())));
    }
    let file = fs::OpenOptions::new().read(true).open(&paths.state).map_err(fail)?;
    let holder = record_lock::holder(&file).map_err(fail)?;
    Ok(holder.map(|holder| owner(paths, Some(holder))))
}

fn owner(paths: &Paths, holder: Option<Holder>) -> Option<LockInfo> {
    let pid = holder.and_then(|h| h.pid);
    let written = fs::read(&paths.lock_info).ok().and_then(|t| serde_json::from_slice::<LockInfo>(&t).ok());
    match (written, pid) {
        (None, None) => None,
        (Some(info), None) => {
            let pid = info.info.strip_prefix(PROCESS).and_then(|pid| pid.parse().ok());
            Some(LockInfo { pid, ..info })
        }
        (written, pid) => Some(LockInfo { pid, ..written.unwrap_or_default() }),
    }
}

/// Whether another process has the file open, as far as this system lets us see.
fn open_elsewhere(path: &Path) -> bool {
    use std::fs;
    let (Ok(path), Ok(processes)) = (fs::canonicalize(path), fs::read_dir("/proc")) else { return false };
    let own = std::process::id().to_string();
    processes
        .flatten()
        .filter(|p| p.file_name().to_str().is_some_and(|n| n != own && n.bytes().all(|b| b.is_ascii_digit())))
        .filter_map(|p| fs::read_dir(p.path().join("fd")).ok())
        .flat_map(|fds| fds.flatten())
        .any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path))
}

/// Reads a state file, whether it is held or not. A file that is not there is empty.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, StateError> {
    let fail = |e: io::Error| StateError::io("read the state", path, &e, UNCHANGED);
    let all = held();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(fail(e)),
    };
    match all.get(&inode(&metadata)) {
        Some((file, _)) => read_all(file).map_err(fail),
        None => fs::read(path).map_err(fail),
    }
}

fn read_all(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?];
    let mut at = 0;
    while at < bytes.len() {
        match file.read_at(&mut bytes[at..], at as u64) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(at);
    Ok(bytes)
}

/// Calls `write` with the state file, for those who hold no lock on it.
pub(crate) fn with_unlocked<T>(path: &Path, write: impl FnOnce(&File) -> T) -> io::Result<T> {
    let all = held();
    let known = fs::metadata(path).ok().and_then(|m| all.get(&inode(&m)));
    match known {
        Some((file, _)) => Ok(write(file)),
        None => {
            let mut open = fs::OpenOptions::new();
            let file = open.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
            paths::sync_folder(path)?;
            Ok(write(&file))
        }
    }
}
