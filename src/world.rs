//! The real world, as expressions see it: the disk, the clock, randomness.

use formwork_addr::Str;
use formwork_lang::{World, matching};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What expressions read of the disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Contents of files.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Files that were looked for, and whether they are there.
    pub present: BTreeMap<PathBuf, bool>,
    /// The files below folders that patterns match: by folder and pattern.
    pub lists: BTreeMap<(PathBuf, String), Vec<PathBuf>>,
}

/// The disk and the clock; what travels in a saved plan comes before what is on the disk.
#[derive(Debug, Default)]
pub struct RealWorld {
    carried: Disk,
    /// What was read, for a plan that is to be saved.
    read: Option<Mutex<Disk>>,
    /// The time of the plan; absent while planning has not told it.
    planned_at: Option<Str>,
    /// Whether time and randomness may be used: while planning they are unknown.
    applying: bool,
}

impl RealWorld {
    /// While planning. `recording` keeps what was read.
    pub fn planning(recording: bool, now: Str) -> Self {
        RealWorld { read: recording.then(Mutex::default), planned_at: Some(now), ..RealWorld::default() }
    }

    /// For a console: it is now, and there is no plan.
    pub fn console() -> Self {
        RealWorld { applying: true, ..RealWorld::default() }
    }

    /// While applying a plan made at `planned_at`, with files that it carries.
    pub fn applying(planned_at: Str, carried: Disk) -> Self {
        RealWorld { carried, planned_at: Some(planned_at), applying: true, ..RealWorld::default() }
    }

    /// What was read.
    pub fn recorded(&self) -> Disk {
        self.read.as_ref().map_or_else(Disk::default, |read| lock(read).clone())
    }

    fn record(&self, what: impl FnOnce(&mut Disk)) {
        if let Some(read) = &self.read {
            what(&mut lock(read));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The error in words, without the path.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "it may not be read by this user".into(),
        io::ErrorKind::IsADirectory => "it is a folder, not a file".into(),
        _ => error.to_string(),
    }
}

/// The time as expressions see it: whole seconds, in UTC.
pub fn now() -> Str {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into()
}

/// Whether a file is there.
fn look_for(path: &Path) -> Result<bool, String> {
    match std::fs::metadata(path) {
        Ok(m) if m.is_file() => Ok(true),
        Ok(m) if m.is_dir() => Err("it is a folder, not a file".into()),
        Ok(_) => Err("it is neither a file nor a folder".into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(words(&e)),
    }
}

/// All files below a folder, sorted; none where there is no folder.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let here = dir.join(&below);
        let here = if here.as_os_str().is_empty() { PathBuf::from(".") } else { here };
        let entries = match std::fs::read_dir(&here) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(words(&e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| words(&e))?;
            let path = below.join(entry.file_name());
            let link = entry.file_type().is_ok_and(|t| t.is_symlink());
            match std::fs::metadata(entry.path()) {
                Ok(m) if m.is_file() => found.push(path),
                // A link to a folder could lead in circles.
                Ok(m) if m.is_dir() && !link => open.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

impl World for RealWorld {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        if let Some(bytes) = self.carried.files.get(path) {
            return Ok(bytes.clone());
        }
        let bytes = std::fs::read(path).map_err(|e| {
            if e.kind() == io::ErrorKind::NotFound {
                self.record(|disk| _ = disk.present.insert(path.to_path_buf(), false));
            }
            words(&e)
        })?;
        self.record(|disk| _ = disk.files.insert(path.to_path_buf(), bytes.clone()));
        Ok(bytes)
    }

    fn exists(&self, path: &Path) -> Result<bool, String> {
        if self.carried.files.contains_key(path) {
            return Ok(true);
        }
        if let Some(present) = self.carried.present.get(path) {
            return Ok(*present);
        }
        let found = look_for(path)?;
        self.record(|disk| _ = disk.present.insert(path.to_path_buf(), found));
        Ok(found)
    }

    fn walk(&self, dir: &Path) -> Result<Vec<PathBuf>, String> {
        files_below(dir)
    }

    fn list(&self, dir: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
        let place = (dir.to_path_buf(), pattern.to_owned());
        if let Some(files) = self.carried.lists.get(&place) {
            return Ok(files.clone());
        }
        let found = matching(pattern, files_below(dir)?);
        self.record(|disk| _ = disk.lists.insert(place, found.clone()));
        Ok(found)
    }

    fn timestamp(&self) -> Option<Str> {
        self.applying.then(now)
    }

    fn plan_timestamp(&self) -> Option<Str> {
        self.planned_at.clone()
    }

    fn uuid(&self) -> Option<Str> {
        self.applying.then(|| uuid::Uuid::new_v4().to_string().into())
    }

    fn cwd(&self) -> PathBuf {
        std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir().filter(|h| !h.as_os_str().is_empty())
    }
}

/// What a plan read, as it is on this disk now: the contents of a file, or the names in a folder.
pub fn look(path: &str) -> Option<Vec<u8>> {
    if let Ok(entries) = std::fs::read_dir(path) {
        let mut names: Vec<_> = entries.flatten().map(|e| e.file_name().into_encoded_bytes()).collect();
        names.sort_unstable();
        return Some(names.join(&0));
    }
    std::fs::read(path).ok()
}

/// The files below a folder that a pattern matches, as they are now.
pub fn list(dir: &str, pattern: &str) -> Vec<String> {
    let found = matching(pattern, files_below(Path::new(dir)).unwrap_or_default());
    found.iter().map(|f| f.display().to_string()).collect()
}
