//! State in a file, as Terraform's local backend has it.

use crate::disk::{self as fs, MetadataExt};
use crate::error::{IN_HISTORY, UNCHANGED};
use crate::history::{self, Version};
use crate::hold::{self, Hold};
use crate::journal_file;
use crate::paths::{self, Paths};
use crate::replay::{self, Files, Found, Start};
use crate::session::{LocalSession, overwrite};
use crate::{Ahead, Backend, Cipher, Clear, LockInfo, OpenOptions, Opened, Probe, Session, StateError};
use std::cell::Cell;
use std::io::ErrorKind::NotFound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A state file, with its journal, lock and backup beside it.
#[derive(Clone)]
pub struct LocalBackend {
    paths: Paths,
    /// The path by which it was named: backups stand beside it.
    named: PathBuf,
    backup: Option<PathBuf>,
    history: usize,
    probe: Arc<dyn Probe>,
    cipher: Arc<dyn Cipher>,
    ahead: Ahead,
}

impl LocalBackend {
    /// The state in this file, backed up beside it under the same name with `.backup` behind.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let mut backup = path.as_os_str().to_owned();
        backup.push(".backup");
        LocalBackend {
            paths: Paths::new(path),
            named: path.into(),
            backup: Some(backup.into()),
            history: 0,
            probe: Arc::new(()),
            cipher: Arc::new(Clear),
            ahead: Ahead::default(),
        }
    }

    /// Backed up in this file, or not at all.
    #[must_use]
    pub fn with_backup(mut self, backup: Option<PathBuf>) -> Self {
        self.backup = backup;
        self
    }

    /// With the last `keep` snapshots kept in a folder beside the state; 0 for none.
    #[must_use]
    pub fn with_history(mut self, keep: usize) -> Self {
        self.history = keep;
        self
    }

    /// The snapshots that were kept, the newest first.
    pub fn history(&self) -> Result<Vec<Version>, StateError> {
        history::list(&self.paths, &self.cipher)
    }

    /// Puts a version of the history in place of a state file that cannot be read, or that holds no state any more; what
    /// was there is kept in a file with `.damaged` behind. Whether that was necessary. The journal stays: what it says of that
    /// version counts.
    pub fn put_back(&self, version: &Version, options: &OpenOptions<'_>) -> Result<bool, StateError> {
        match self.peek() {
            Err(StateError::Format { path, .. } | StateError::Encryption { path, .. })
                if path == self.paths.state => {}
            _ => return Ok(false),
        }
        let text = version.stored()?;
        let mut hold = Hold::take(&self.paths, options)?;
        let damaged = hold::read(&self.paths.state)?;
        if !damaged.is_empty() {
            let name = |n: u32| {
                let mut name = self.paths.state.as_os_str().to_owned();
                name.push(".damaged");
                if n > 0 {
                    name.push(format!(".{n}"));
                }
                PathBuf::from(name)
            };
            // An earlier one may be all there is of a state.
            let path = (0..).map(name).find(|path| !is_there(path)).unwrap_or_default();
            paths::replace(&path, &[&damaged])
                .map_err(|e| StateError::io("keep the damaged state", &path, &e, UNCHANGED))?;
        }
        overwrite(&*hold.file()?, &text, &*self.probe)
            .map_err(|e| StateError::io("write the state", &self.paths.state, &e, IN_HISTORY))?;
        Ok(true)
    }

    /// Tells `probe` of each step.
    #[must_use]
    pub fn with_probe(mut self, probe: Arc<dyn Probe>) -> Self {
        self.probe = probe;
        self
    }

    /// Encrypted, and decrypted, by `cipher`; else as it is.
    #[must_use]
    pub fn with_cipher(mut self, cipher: Arc<dyn Cipher>) -> Self {
        self.cipher = cipher;
        self
    }

    /// With what was read of it before its turn, if that is still the same.
    #[must_use]
    pub fn with_ahead(mut self, ahead: Ahead) -> Self {
        self.ahead = ahead;
        self
    }

    /// The state file.
    pub fn path(&self) -> &Path {
        &self.paths.state
    }

    fn read(&self, to_write: bool) -> Result<Files, StateError> {
        let journal = paths::read("read the journal", &self.paths.journal)?;
        let snapshot = hold::read(&self.paths.state)?;
        let copy = paths::read("read the copy", &self.paths.copy)?;
        let early = Cell::new(self.ahead.take(&self.paths.state, &snapshot));
        Ok(Files { snapshot, journal, copy, to_write, early })
    }

    /// The files with those that an older version left under the names that it had for them, and what they mean, if they are
    /// of this state: the journal must go on from its snapshot. They may as well be of the state whose name has no dot; those
    /// of this version are.
    fn former(&self, files: &Files) -> Result<Option<Found>, StateError> {
        let Some((journal, copy)) = &self.paths.former else { return Ok(None) };
        let found = Files {
            snapshot: files.snapshot.clone(),
            journal: match &files.journal {
                Some(journal) => Some(journal.clone()),
                None => paths::read("read the journal", journal)?,
            },
            copy: match &files.copy {
                Some(copy) => Some(copy.clone()),
                None => paths::read("read the copy", copy)?,
            },
            to_write: files.to_write,
            early: Cell::default(),
        };
        if (&found.journal, &found.copy) == (&files.journal, &files.copy) {
            return Ok(None);
        }
        // What cannot be understood is not ours to judge.
        let found = replay::interpret(&self.paths, &*self.cipher, &found).ok();
        let is_ours =
            |f: &Found| matches!(f.start, Start::Continue(_)) && f.unsummed && !f.base.lineage.is_empty();
        Ok(found.filter(is_ours))
    }

    /// What the files mean.
    fn interpreted(&self, files: &Files) -> Result<Found, StateError> {
        match self.former(files)? {
            Some(found) => Ok(found),
            None => replay::interpret(&self.paths, &*self.cipher, files),
        }
    }

    /// What the files mean, to write to them; those that an older version left have their names by now.
    fn found(&self) -> Result<Found, StateError> {
        let files = self.read(true)?;
        let Some((journal, copy)) = &self.paths.former else { return self.interpreted(&files) };
        if journal_file::is_written(journal)? {
            return replay::interpret(&self.paths, &*self.cipher, &files);
        }
        let Some(found) = self.former(&files)? else {
            return replay::interpret(&self.paths, &*self.cipher, &files);
        };
        let moved = [(copy, &self.paths.copy), (journal, &self.paths.journal)];
        let is_of_use = found.unfinished.is_some() || found.copied.is_some();
        for (from, to) in moved.into_iter().skip(usize::from(!is_of_use)) {
            let taken = paths::take_over(from, to);
            taken.map_err(|e| StateError::io("take over the journal", from, &e, UNCHANGED))?;
        }
        Ok(found)
    }

    /// What tells one journal from the next, and the new snapshot from the old.
    fn versions(&self) -> [Option<(u64, u64, i64)>; 3] {
        let of = |path: &Path| {
            let m = fs::metadata(path).ok()?;
            Some((m.ino(), m.size(), m.mtime_nsec()))
        };
        // It grows all the time; what was read of it stays true.
        let journal = of(&self.paths.journal).map(|(inode, ..)| (inode, 0, 0));
        [journal, of(&self.paths.state), of(&self.paths.copy)]
    }
}

/// Whether this is a backup of the state NAME with the time in its name that was not finished.
fn is_left_over(name: &str, state: &str) -> bool {
    let time = name.strip_prefix(state).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".backup.tmp"));
    time.is_some_and(|time| !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether there is such a file, as far as can be seen.
fn is_there(path: &Path) -> bool {
    fs::exists(path).unwrap_or(false)
}

impl LocalBackend {
    /// Refuses to keep the backup where it would destroy something.
    fn check_backup(&self) -> Result<(), StateError> {
        self.check_backup_beside(&self.paths, "-backup")
    }

    /// Refuses to keep the backup where it would destroy something of another state, which the same command reads or
    /// writes; `flag` is what another file for the backup can be named with.
    pub fn spares(&self, other: &LocalBackend, flag: &str) -> Result<(), StateError> {
        self.check_backup_beside(&other.paths, flag)
    }

    fn check_backup_beside(&self, paths: &Paths, flag: &str) -> Result<(), StateError> {
        let Some(backup) = &self.backup else { return Ok(()) };
        match paths.taken_by(backup) {
            None => Ok(()),
            Some(what) => Err(StateError::Store {
                action: "keep the previous state",
                place: backup.display().to_string(),
                problem: format!("it is {what} {}", paths.state.display()),
                help: format!("Name another file with {flag}."),
                safe: UNCHANGED.into(),
            }),
        }
    }

    /// Removes what runs that were killed left of backups: nobody else writes one while the lock is ours.
    fn clear_left_over(&self) {
        let Some(state) = self.named.file_name().and_then(|name| name.to_str()) else { return };
        for entry in fs::read_dir(paths::folder(&self.named)).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| is_left_over(name, state)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Backend for LocalBackend {
    fn open(&self, options: &OpenOptions<'_>) -> Result<Box<dyn Session>, StateError> {
        self.check_backup()?;
        let hold = if options.lock { Some(Hold::take(&self.paths, options)?) } else { None };
        if hold.is_some() {
            self.clear_left_over();
        }
        if hold.is_none()
            && (is_there(&self.paths.journal) || is_there(&self.paths.copy))
            && let Some(info) = hold::holder(&self.paths)?
        {
            return Err(StateError::Busy { path: self.paths.journal.clone(), info });
        }
        // Its writer may have no lock on the state.
        if journal_file::is_written(&self.paths.journal)? {
            return Err(StateError::Busy { path: self.paths.journal.clone(), info: None });
        }
        let found = self.found()?;
        found.opened.state.usable().map_err(|e| e.in_file(&self.paths.state))?;
        options.go_on(&self.place())?;
        let session = LocalSession::new(
            self.paths.clone(),
            self.backup.clone(),
            self.history,
            self.probe.clone(),
            self.cipher.clone(),
            hold,
            found,
        )?;
        Ok(Box::new(session))
    }

    fn peek(&self) -> Result<Opened, StateError> {
        let mut tries = 0;
        loop {
            let before = self.versions();
            let found = self.read(false).and_then(|files| self.interpreted(&files));
            // Somebody is at work: files of different moments say nothing, or the wrong thing.
            if self.versions() == before || tries == 40 {
                return found.map(|Found { opened, .. }| opened);
            }
            tries += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn place(&self) -> String {
        self.paths.state.display().to_string()
    }

    fn is_absent(&self) -> Result<bool, StateError> {
        let Paths { state, journal, copy, .. } = &self.paths;
        let gone = |path: &Path| fs::symlink_metadata(path).is_err_and(|e| e.kind() == NotFound);
        Ok([state, journal, copy].into_iter().all(|path| gone(path)))
    }

    fn holder(&self) -> Result<Option<Option<LockInfo>>, StateError> {
        hold::holder(&self.paths)
    }

    fn force_unlock(&self, id: &str) -> Result<(), StateError> {
        let problem = match self.holder()? {
            None => "nobody holds the lock, so there is nothing to unlock".to_owned(),
            Some(owner) => {
                let other = owner.as_ref().is_some_and(|o| !o.id.is_empty() && o.id != id);
                let other = if other { "; that is another lock than the one that was named" } else { "" };
                let owner = owner.map_or_else(|| "by another process".to_owned(), |o| o.to_string());
                format!("it is locked {owner}{other}")
            }
        };
        Err(StateError::Store {
            action: "unlock the state",
            place: self.place(),
            problem,
            help: "The lock on a local state is the kernel's: it frees itself when its owner ends, and is never taken \
                   from a process that lives. Wait until that process has finished, or end it."
                .into(),
            safe: String::new(),
        })
    }
}
