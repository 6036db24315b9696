//! The journal as a file beside the snapshot.

use crate::disk::{self as fs, File, FileExt, OpenOptions, OpenOptionsExt, record_lock};
use crate::error::IN_JOURNAL;
use crate::ledger::Ledger;
use crate::paths::{self, Paths};
use crate::replay::Start;
use crate::wire::{self, Base, Entry};
use crate::{Cipher, Journal, Phase, Probe, Record, StateError, Stored, frame};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};

/// What holds when it is not known what the disk has.
const MAYBE_LOST: &str = "What was not yet durable may be lost if the machine fails; the records are in the journal as far as \
                          the disk took them.";

type Done = Box<dyn FnOnce(Result<(), StateError>) + Send>;

/// A journal in a file. The file is made when the first record is appended.
pub(crate) struct JournalFile {
    shared: Arc<Shared>,
    queue: OnceLock<Option<mpsc::Sender<Done>>>,
}

struct Shared {
    paths: Paths,
    probe: Arc<dyn Probe>,
    inner: Mutex<Inner>,
    fsyncs: AtomicU64,
}

/// What the lock of the journal guards.
pub(crate) struct Inner {
    paths: Paths,
    cipher: Arc<dyn Cipher>,
    base: Base,
    ledger: Ledger,
    start: Start,
    file: Option<Arc<File>>,
    length: u64,
    durable: u64,
    /// After a failed fsync nobody knows what is on the disk: nothing may follow.
    failed: Option<StateError>,
}

/// Whether somebody has this journal open to write to it.
pub(crate) fn is_written(path: &Path) -> Result<bool, StateError> {
    let look = || match File::open(path) {
        Ok(file) => Ok(record_lock::holder(&file)?.is_some()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    };
    look().map_err(|e| StateError::io("look at the journal", path, &e, crate::error::UNCHANGED))
}

impl JournalFile {
    pub(crate) fn new(
        paths: Paths,
        probe: Arc<dyn Probe>,
        cipher: Arc<dyn Cipher>,
        base: Base,
        ledger: Ledger,
        start: Start,
    ) -> JournalFile {
        let length = if let Start::Continue(length) = start { length } else { 0 };
        let inner = Inner {
            paths: paths.clone(),
            cipher,
            base,
            ledger,
            start,
            file: None,
            length,
            durable: 0,
            failed: None,
        };
        let shared = Shared { paths, probe, inner: Mutex::new(inner), fsyncs: AtomicU64::new(0) };
        JournalFile { shared: Arc::new(shared), queue: OnceLock::new() }
    }

    /// Keeps others from appending until it is dropped.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock()
    }

    /// Waits until everything appended is durable.
    pub(crate) fn flush(&self) -> Result<(), StateError> {
        if self.lock().file.is_none() {
            return Ok(());
        }
        let (send, receive) = mpsc::sync_channel(1);
        self.sync(Box::new(move |result| {
            let _ = send.send(result);
        }));
        receive.recv().unwrap_or_else(|_| {
            let ended = io::Error::other("the thread that does it ended");
            Err(StateError::io("sync the journal", &self.shared.paths.journal, &ended, MAYBE_LOST))
        })
    }

    fn queue(&self) -> Option<&mpsc::Sender<Done>> {
        let start = || {
            let (send, receive) = mpsc::channel::<Done>();
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("journal".into());
            thread.spawn(move || shared.serve(&receive)).ok().map(|_| send)
        };
        self.queue.get_or_init(start).as_ref()
    }
}

impl Journal for JournalFile {
    fn append(&self, record: &Record) -> Result<(), StateError> {
        self.lock().append(record)?;
        if matches!(record, Record::Set { .. }) {
            self.shared.probe.at(Phase::ResultUnsynced);
        }
        Ok(())
    }

    fn sync(&self, done: Done) {
        let unsent = match self.queue() {
            Some(queue) => queue.send(done).err().map(|mpsc::SendError(done)| done),
            None => Some(done),
        };
        // No thread to be had: do it here.
        if let Some(done) = unsent {
            done(self.shared.sync_now());
        }
    }

    fn len_bytes(&self) -> u64 {
        self.lock().length
    }

    fn fsyncs(&self) -> u64 {
        self.shared.fsyncs.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everyone who asked while an fsync was running shares the next.
    fn serve(&self, queue: &mpsc::Receiver<Done>) {
        while let Ok(first) = queue.recv() {
            let batch: Vec<Done> = std::iter::once(first).chain(queue.try_iter()).collect();
            let result = self.sync_now();
            for done in batch {
                done(result.clone());
            }
        }
    }

    fn sync_now(&self) -> Result<(), StateError> {
        let (file, length) = {
            let inner = self.lock();
            if let Some(error) = &inner.failed {
                return Err(error.clone());
            }
            match &inner.file {
                Some(file) if inner.durable < inner.length => (file.clone(), inner.length),
                _ => return Ok(()),
            }
        };
        self.fsyncs.fetch_add(1, Ordering::Relaxed);
        self.probe.syncing();
        let result = file.sync_data();
        let mut inner = self.lock();
        match result {
            Ok(()) => {
                if inner.file.as_ref().is_some_and(|f| Arc::ptr_eq(f, &file)) {
                    inner.durable = inner.durable.max(length);
                }
                Ok(())
            }
            Err(e) => {
                let error = StateError::io("sync the journal", &self.paths.journal, &e, MAYBE_LOST);
                inner.failed = Some(error.clone());
                Err(error)
            }
        }
    }
}

impl Inner {
    fn error(&self, action: &'static str, error: &io::Error) -> StateError {
        StateError::io(action, &self.paths.journal, error, IN_JOURNAL)
    }

    fn append(&mut self, record: &Record) -> Result<(), StateError> {
        self.write(&Entry::Record(record.clone()))?;
        self.ledger.note(record);
        Ok(())
    }

    fn write(&mut self, entry: &Entry) -> Result<(), StateError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let payload = self.payload(entry)?;
        let file = self.ready()?;
        let bytes =
            frame::encode(&payload, self.durable).ok_or_else(|| self.unwritable("it is too large".into()))?;
        if let Err(e) = file.write_all_at(&bytes, self.length) {
            let error = self.error("write the journal", &e);
            // Half a record must not stand before whole ones.
            if file.set_len(self.length).is_err() {
                self.failed = Some(error.clone());
            }
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// An entry as it is stored.
    fn payload(&self, entry: &Entry) -> Result<Vec<u8>, StateError> {
        let text = wire::encode(entry).map_err(|e| self.unwritable(e))?;
        self.cipher.seal(Stored::Record, text).map_err(|e| e.in_file(&self.paths.journal))
    }

    fn unwritable(&self, problem: String) -> StateError {
        let problem = format!("a record cannot be written: {problem}. Nothing of it was written.");
        StateError::Journal { path: self.paths.journal.clone(), problem }
    }

    /// The file, ready for the next record.
    fn ready(&mut self) -> Result<Arc<File>, StateError> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        match self.start {
            Start::Fresh => self.create(),
            Start::Continue(valid) => self.reopen(valid),
            Start::Rewrite { keep } => self.rewrite(keep),
        }
    }

    fn create(&mut self) -> Result<Arc<File>, StateError> {
        let bytes = self.beginning()?;
        let path = &self.paths.journal;
        let create = || {
            let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
            let written = file.write_all_at(&bytes, 0).and_then(|()| paths::sync_folder(path));
            written.inspect_err(|_| {
                let _ = fs::remove_file(path);
            })?;
            Ok(file)
        };
        let file =
            create().map_err(|e| StateError::io("create the journal", path, &e, crate::error::UNCHANGED))?;
        self.begin(file, bytes.len(), 0)
    }

    fn reopen(&mut self, valid: u64) -> Result<Arc<File>, StateError> {
        let path = &self.paths.journal;
        let reopen = || {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            if file.metadata()?.len() != valid {
                file.set_len(valid)?;
            }
            paths::sync_folder(path)?;
            Ok(file)
        };
        let file = reopen().map_err(|e| self.error("open the journal", &e))?;
        self.begin(file, valid as usize, 0)
    }

    /// Puts a new journal in the place of the one there is. It holds the intents that are not settled.
    fn rewrite(&mut self, keep: bool) -> Result<Arc<File>, StateError> {
        let bytes = self.beginning()?;
        let path = &self.paths.journal;
        let rewrite = || {
            if keep {
                let kept = self.paths.kept(self.base.serial);
                fs::hard_link(path, &kept).or_else(|_| fs::copy(path, &kept).map(|_| ()))?;
            }
            paths::replace(path, &[&bytes])
        };
        let file = rewrite().map_err(|e| self.error("replace the journal", &e))?;
        self.begin(file, bytes.len(), bytes.len())
    }

    /// Goes on with this file. Its lock tells others that somebody writes to it, even where nobody has a lock on the state.
    fn begin(&mut self, file: File, length: usize, durable: usize) -> Result<Arc<File>, StateError> {
        let is_ours = record_lock::try_lock(&file).map_err(|e| self.error("lock the journal", &e))?;
        if !is_ours {
            return Err(StateError::Busy { path: self.paths.journal.clone(), info: None });
        }
        let file = Arc::new(file);
        (self.length, self.durable) = (length as u64, durable as u64);
        self.start = Start::Continue(self.length);
        self.file = Some(file.clone());
        Ok(file)
    }

    /// Header, and the intents that are carried over.
    fn beginning(&self) -> Result<Vec<u8>, StateError> {
        let carried = self
            .ledger
            .iter()
            .map(|(pending, foreign)| Entry::Carried { pending: pending.clone(), foreign: *foreign });
        let mut bytes = Vec::new();
        for entry in std::iter::once(Entry::Header(self.base.clone())).chain(carried) {
            let payload = self.payload(&entry)?;
            let frame =
                frame::encode(&payload, 0).ok_or_else(|| self.unwritable("it is too large".into()))?;
            bytes.extend_from_slice(&frame);
        }
        Ok(bytes)
    }

    /// Before a snapshot is put in place: says which one holds everything up to here.
    pub(crate) fn mark(&mut self, sha256: &str, serial: u64, lineage: &str) -> Result<(), StateError> {
        if !matches!(self.start, Start::Continue(_)) {
            return Ok(());
        }
        let (serial, lineage) = (Some(serial), Some(lineage.into()));
        self.write(&Entry::Folding { sha256: sha256.into(), serial, lineage })?;
        let file = self.ready()?;
        file.sync_data().map_err(|e| self.error("sync the journal", &e))?;
        self.durable = self.length;
        Ok(())
    }

    /// After a snapshot is in place: removes what it holds. Intents that are not settled stay.
    pub(crate) fn restart(&mut self, base: Base) -> Result<(), StateError> {
        self.base = base;
        if self.ledger.is_empty() {
            match self.start {
                Start::Fresh => return Ok(()),
                // Even then what it said about objects that were not settled by intents stays readable.
                Start::Rewrite { keep: true } => {
                    let kept = self.paths.kept(self.base.serial);
                    fs::rename(&self.paths.journal, kept)
                        .and_then(|()| paths::sync_folder(&self.paths.journal))
                        .map_err(|e| self.error("put the journal aside", &e))?;
                }
                _ => {}
            }
            paths::remove(&self.paths.journal).map_err(|e| self.error("remove the journal", &e))?;
            self.file = None;
            (self.length, self.durable) = (0, 0);
            self.start = Start::Fresh;
        } else if self.start != Start::Fresh {
            self.file = None;
            let keep = self.start == Start::Rewrite { keep: true };
            self.rewrite(keep)?;
        }
        Ok(())
    }

    /// After the state was closed, nothing may be appended.
    pub(crate) fn retire(&mut self) {
        if let Some(file) = self.file.take() {
            // A sync that is under way may still hold it.
            let _ = record_lock::unlock(&file);
        }
        let problem = "the state was closed; nothing can be appended any more.".to_string();
        self.failed.get_or_insert(StateError::Journal { path: self.paths.journal.clone(), problem });
    }

    /// Whether the journal at the path, if any, was there when this was opened, or was made by it.
    pub(crate) fn has_file(&self) -> bool {
        self.start != Start::Fresh
    }

    /// Intents that are not settled.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
