//! An open local state.

use crate::disk::{self, File, FileExt, Permissions, PermissionsExt};
use crate::error::{IN_COPY, IN_JOURNAL, UNCHANGED};
use crate::history;
use crate::hold::{self, Hold};
use crate::journal_file::JournalFile;
use crate::paths::{self, Paths};
use crate::replay::{self, Found, TORN};
use crate::wire::Base;
use crate::{Cipher, Journal, Pending, Phase, Probe, Session, State, StateError, Stored, snapshot};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A session on a local state file.
pub(crate) struct LocalSession {
    paths: Paths,
    backup: Option<PathBuf>,
    /// How many snapshots are kept.
    history: usize,
    probe: Arc<dyn Probe>,
    cipher: Arc<dyn Cipher>,
    /// The snapshot alone.
    base: State,
    /// SHA-256 of its text.
    sha256: String,
    /// The snapshot with the journal.
    state: State,
    pending: Vec<Pending>,
    foreign: bool,
    recovered: bool,
    journal: Arc<JournalFile>,
    /// What is complete beside the snapshot, but not in its place yet.
    unfinished: Option<Vec<u8>>,
    /// The snapshot is to be written anew even if nothing changes, because it is stored in another way than it would be now.
    renew: bool,
    /// Last, so that it is dropped last.
    hold: Option<Hold>,
}

impl LocalSession {
    pub(crate) fn new(
        paths: Paths,
        backup: Option<PathBuf>,
        history: usize,
        probe: Arc<dyn Probe>,
        cipher: Arc<dyn Cipher>,
        hold: Option<Hold>,
        found: Found,
    ) -> Result<Self, StateError> {
        let base = base_of(&found.base, &found.sha256);
        let journal = JournalFile::new(
            paths.clone(),
            probe.clone(),
            cipher.clone(),
            base.clone(),
            found.ledger,
            found.start,
        );
        let mut session = LocalSession {
            paths,
            backup,
            history,
            probe,
            cipher,
            base: found.base,
            sha256: found.sha256,
            state: found.opened.state,
            pending: found.opened.pending,
            foreign: found.opened.foreign,
            recovered: found.unfinished.is_some(),
            journal: Arc::new(journal),
            unfinished: found.unfinished,
            renew: found.renew,
            hold,
        };
        session.finish()?;
        if found.folded || found.copied.is_some() {
            session.sync_in_place()?;
        }
        if found.folded {
            session.journal.lock().restart(base)?;
        }
        session.retire_copy(found.copied.as_deref())?;
        // What an interrupted run did is a version of the state of its own: a plan that was made before it is stale.
        if !same(&session.base, &session.state) {
            let state = session.state.clone();
            session.write(&state, false)?;
            session.recovered = true;
        }
        Ok(session)
    }

    fn io(&self, action: &'static str, error: &io::Error, safe: &'static str) -> StateError {
        StateError::io(action, &self.paths.state, error, safe)
    }

    /// The copy has done its work: it becomes a part of the history if it is the snapshot, of which this is the SHA-256.
    fn retire_copy(&self, sha256: Option<&str>) -> Result<(), StateError> {
        if let Some(sha256) = sha256
            && history::keep(&self.paths, self.history, self.base.serial, sha256)
        {
            return paths::sync_folder(&self.paths.copy)
                .map_err(|e| StateError::io("remove the copy", &self.paths.copy, &e, IN_COPY));
        }
        paths::remove(&self.paths.copy)
            .map_err(|e| StateError::io("remove the copy", &self.paths.copy, &e, IN_COPY))
    }

    /// Copies a complete text into place that an earlier attempt did not.
    fn finish(&mut self) -> Result<(), StateError> {
        if let Some(text) = self.unfinished.take() {
            // Whoever wrote it beside may have died before its name was durable, and the snapshot is about to be torn.
            if let Err(e) = paths::sync_folder(&self.paths.copy) {
                self.unfinished = Some(text);
                return Err(StateError::io("write the new state", &self.paths.copy, &e, IN_JOURNAL));
            }
            self.copy_or_remember(text)?;
        }
        Ok(())
    }

    /// Whoever put the snapshot in place may have died before it was durable; what could replace it is about to go.
    fn sync_in_place(&mut self) -> Result<(), StateError> {
        let synced = match &mut self.hold {
            Some(hold) => hold.file()?.sync_all(),
            None => hold::with_unlocked(&self.paths.state, File::sync_all).flatten(),
        };
        synced.map_err(|e| self.io("write the state", &e, IN_COPY))
    }

    fn copy_or_remember(&mut self, text: Vec<u8>) -> Result<(), StateError> {
        let result = self.copy_in_place(&text);
        if result.is_err() {
            self.unfinished = Some(text);
        }
        result
    }

    fn copy_in_place(&mut self, text: &[u8]) -> Result<(), StateError> {
        let probe = self.probe.clone();
        let copied = match &mut self.hold {
            Some(hold) => overwrite(&*hold.file()?, text, &*probe),
            None => hold::with_unlocked(&self.paths.state, |file| overwrite(file, text, &*probe)).flatten(),
        };
        copied.map_err(|e| self.io("write the state", &e, IN_COPY))?;
        if let Some(hold) = &mut self.hold {
            hold.file()?;
        }
        Ok(())
    }

    /// Keeps what the session found, before it writes for the first time.
    fn keep_backup(&mut self, previous: &[u8], safe: &'static str) -> Result<(), StateError> {
        if let Some(path) = self.backup.as_ref().filter(|_| !previous.is_empty()) {
            let sealed = renewed(&*self.cipher, previous)?;
            paths::replace(path, &[sealed.as_deref().unwrap_or(previous)])
                .map_err(|e| StateError::io("write the backup", path, &e, safe))?;
        }
        self.backup = None;
        Ok(())
    }

    /// Whether the file holds this content already.
    fn is_stored(&self, file: &[u8], body: &str) -> bool {
        self.cipher.unseal(Stored::Snapshot, file).is_ok_and(|u| u.text.ends_with(body.as_bytes()))
    }

    fn write(&mut self, state: &State, exactly: bool) -> Result<(), StateError> {
        let journal = self.journal.clone();
        // Without the lock, somebody may have begun since this was opened.
        if self.hold.is_none()
            && disk::exists(&self.paths.journal).unwrap_or(false)
            && !journal.lock().has_file()
        {
            let info = hold::holder(&self.paths)?.flatten();
            return Err(StateError::Busy { path: self.paths.journal.clone(), info });
        }
        self.finish()?;
        // Nobody appends while the journal is replaced.
        let mut records = journal.lock();
        let safe = if records.has_file() { IN_JOURNAL } else { UNCHANGED };
        let previous = hold::read(&self.paths.state)?;
        let body = snapshot::body(state);
        let next = |state: &State| state.serial_after().map_err(|e| e.in_file(&self.paths.state));
        let (serial, lineage) = if exactly {
            // Whoever cannot be followed is not put in place.
            next(state)?;
            (state.serial, state.lineage.clone())
        } else if self.base.lineage.is_empty() {
            (next(&self.base)?, uuid::Uuid::new_v4().to_string())
        } else if !self.renew
            && !previous.is_empty()
            && (self.is_stored(&previous, &body) || same(&self.base, state))
        {
            (self.base.serial, self.base.lineage.clone())
        } else {
            (next(&self.base)?, self.base.lineage.clone())
        };
        let mut written = None;
        if (serial, &lineage) != (self.base.serial, &self.base.lineage) || exactly {
            let text = snapshot::head(serial, &lineage) + &body;
            drop(body);
            let sealed = replay::sealed(&*self.cipher, text.into_bytes());
            let (text, sums) = sealed.map_err(|e| e.in_file(&self.paths.state))?;
            let head = replay::copy_head(replay::sha256(&previous), sums.stored.clone())
                .map_err(|e| self.io("prepare the state", &io::Error::other(e), safe))?;
            self.keep_backup(&previous, safe)?;
            if self.renew {
                history::renew(&self.paths, &*self.cipher)?;
            }
            self.probe.at(Phase::Folding(1));
            records.mark(&sums.stored, serial, &lineage)?;
            self.probe.at(Phase::Folding(2));
            paths::replace(&self.paths.copy, &[head.as_bytes(), &text])
                .map_err(|e| StateError::io("write the new state", &self.paths.copy, &e, safe))?;
            self.probe.at(Phase::Folding(3));
            self.base = State { serial, lineage, ..state.clone() };
            self.sha256 = sums.text;
            self.renew = false;
            self.copy_or_remember(text)?;
            written = Some(sums.stored);
            self.probe.at(Phase::Folding(7));
        }
        records.restart(base_of(&self.base, &self.sha256))?;
        self.probe.at(Phase::Folding(8));
        self.retire_copy(written.as_deref())?;
        self.probe.at(Phase::Folding(9));
        self.pending = records.ledger().pending();
        self.foreign = records.ledger().foreign();
        self.state = self.base.clone();
        Ok(())
    }
}

fn base_of(state: &State, sha256: &str) -> Base {
    Base {
        serial: state.serial,
        lineage: state.lineage.clone(),
        sha256: Some(sha256.into()),
        new_lineage: None,
    }
}

/// What is stored, as it would be stored now; nothing where that is no different.
pub(crate) fn renewed(cipher: &dyn Cipher, stored: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
    // What cannot be read is kept as it is.
    match cipher.unseal(Stored::Snapshot, stored) {
        Ok(unsealed) if unsealed.renew => cipher.seal(Stored::Snapshot, unsealed.text.into_owned()).map(Some),
        _ => Ok(None),
    }
}

fn same(a: &State, b: &State) -> bool {
    a.outputs == b.outputs && a.resources == b.resources && a.check_results == b.check_results
}

/// Puts a text into a file without changing its inode. From the first step to the last, what is there is no JSON: nobody
/// takes a mixture of two states, or an empty file, for a state.
pub(crate) fn overwrite(file: &File, text: &[u8], probe: &dyn Probe) -> io::Result<()> {
    let Some((first, rest)) = text.split_first() else { return Ok(()) };
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        // Not ours to change if the file is somebody else's.
        let _ = file.set_permissions(Permissions::from_mode(0o600));
    }
    file.write_all_at(&[TORN], 0)?;
    file.sync_data()?;
    probe.at(Phase::Folding(4));
    file.write_all_at(rest, 1)?;
    file.set_len(text.len() as u64)?;
    probe.at(Phase::Folding(5));
    file.sync_all()?;
    file.write_all_at(&[*first], 0)?;
    probe.at(Phase::Folding(6));
    file.sync_all()
}

impl Session for LocalSession {
    fn state(&self) -> &State {
        &self.state
    }

    fn pending(&self) -> &[Pending] {
        &self.pending
    }

    fn foreign(&self) -> bool {
        self.foreign
    }

    fn recovered(&self) -> bool {
        self.recovered
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.journal.clone()
    }

    fn fold(&mut self, state: &State) -> Result<(), StateError> {
        self.write(state, false)
    }

    fn replace(&mut self, state: &State) -> Result<(), StateError> {
        self.write(state, true)
    }

    fn close(self: Box<Self>) -> Result<(), StateError> {
        self.journal.flush()
    }
}

impl Drop for LocalSession {
    fn drop(&mut self) {
        self.journal.lock().retire();
    }
}
