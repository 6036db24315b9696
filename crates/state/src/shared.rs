//! A backend on a store elsewhere: waiting for the lock, grouping what is appended, serials.

use crate::ledger::Ledger;
use crate::store::{Attempt, Doubt, Fold, Group, Store, Stored, Writer};
use crate::{
    Backend, Journal, LockInfo, OpenOptions, Opened, Pending, Phase, Probe, Record, Session, State,
    StateError,
};
use formwork_addr::InstanceAddr;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long to wait between two looks at a lock.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(crate::lease::ASK_AGAIN_MS);

/// A [`Backend`] on a [`Store`].
pub struct StoreBackend<S> {
    store: S,
    probe: Arc<dyn Probe>,
}

impl<S: Store> StoreBackend<S> {
    /// On this store.
    pub fn new(store: S) -> Self {
        StoreBackend { store, probe: Arc::new(()) }
    }

    /// Waits for the lock as long as the options say.
    fn lock(&self, options: &OpenOptions<'_>, info: &LockInfo) -> Result<Box<dyn Writer>, StateError> {
        let (mut waited, mut pause) = (Duration::ZERO, PAUSE);
        let mut told: Option<String> = None;
        loop {
            options.go_on(&info.path)?;
            let owner = match self.store.try_lock(info)? {
                Attempt::Taken(writer) => return Ok(writer),
                Attempt::Held(owner) => owner,
            };
            if waited >= options.lock_timeout {
                let (place, help) = (self.store.place(), self.store.lock_help());
                return Err(StateError::LockedElsewhere { place, info: owner, help });
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
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl<S: Store> Backend for StoreBackend<S> {
    fn open(&self, options: &OpenOptions<'_>) -> Result<Box<dyn Session>, StateError> {
        let info = LockInfo::of(options, self.store.place());
        let mut writer = if options.lock {
            self.lock(options, &info)?
        } else {
            let begun = |stored: Stored| stored.dirty || !stored.pending.is_empty();
            if self.store.peek()?.is_some_and(begun)
                && let Some(info) = self.store.holder()?
            {
                return Err(StateError::Busy { path: PathBuf::from(self.store.place()), info });
            }
            self.store.unlocked(&info)?
        };
        let place = PathBuf::from(self.store.place());
        let read = writer.read().and_then(|stored| {
            let stored = stored.unwrap_or_default();
            stored.state.usable().map_err(|e| e.in_file(&place))?;
            options.go_on(&info.path)?;
            Ok(stored)
        });
        let stored = match read {
            Ok(stored) => stored,
            Err(error) => {
                // The first error is the one that matters.
                let _ = writer.release();
                return Err(error);
            }
        };
        let mut session = StoreSession::new(writer, stored, self.probe.clone(), place);
        // What an interrupted run did is a version of the state of its own: a plan that was made before it is stale.
        if session.dirty {
            let state = session.state.clone();
            session.write(&state, Serial::Next)?;
            session.recovered = true;
        }
        Ok(Box::new(session))
    }

    fn peek(&self) -> Result<Opened, StateError> {
        let stored = self.store.peek()?.unwrap_or_default();
        let foreign = stored.pending.iter().any(|(_, foreign)| *foreign);
        Ok(Opened {
            state: stored.state,
            pending: stored.pending.into_iter().map(|(pending, _)| pending).collect(),
            foreign,
        })
    }

    fn place(&self) -> String {
        self.store.place()
    }

    fn is_absent(&self) -> Result<bool, StateError> {
        Ok(self.store.peek()?.is_none())
    }

    fn holder(&self) -> Result<Option<Option<LockInfo>>, StateError> {
        self.store.holder()
    }

    fn force_unlock(&self, id: &str) -> Result<(), StateError> {
        self.store.force_unlock(id)
    }
}

/// Which serial a snapshot gets.
#[derive(Clone, Copy, PartialEq)]
enum Serial {
    /// The next one, whatever has changed.
    Next,
    /// The next one if the content differs.
    Fitting,
    /// The state's own.
    Own,
}

struct StoreSession {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// As last opened or folded.
    state: State,
    pending: Vec<Pending>,
    foreign: bool,
    recovered: bool,
    dirty: bool,
    /// It is stored in another way than it would be now.
    renew: bool,
    closed: bool,
}

/// What the session and the thread that writes groups have in common. Who takes both locks takes `writer` first.
struct Shared {
    writer: Mutex<Box<dyn Writer>>,
    inner: Mutex<Inner>,
    /// Something is to be written, or the session ends.
    work: Condvar,
    probe: Arc<dyn Probe>,
    place: PathBuf,
    doubt: Option<Doubt>,
}

type Done = Box<dyn FnOnce(Result<(), StateError>) + Send>;

struct Inner {
    /// What the store has: the last snapshot with all groups that were written.
    stored: State,
    /// The lineage that the first snapshot gets, if there is none: whoever saves the state elsewhere has to know it, and
    /// so has the next who opens it.
    new_lineage: String,
    ledger: Ledger,
    queue: Vec<Record>,
    waiting: Vec<Done>,
    failed: Option<StateError>,
    /// A group failed, so what the store has is not known; or it has it in another way than it would be stored now. All of
    /// it is to be written anew.
    uncertain: bool,
    ended: bool,
    appended: u64,
    groups: u64,
    /// Anything was appended since the last snapshot, or was there when it was opened.
    journalled: bool,
    /// A group that changes the state was written since the last snapshot: whoever opens it next makes the next one.
    changed: bool,
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn same(a: &State, b: &State) -> bool {
    a.outputs == b.outputs && a.resources == b.resources && a.check_results == b.check_results
}

impl StoreSession {
    fn new(writer: Box<dyn Writer>, stored: Stored, probe: Arc<dyn Probe>, place: PathBuf) -> Self {
        let mut ledger = Ledger::default();
        let journalled = stored.dirty || !stored.pending.is_empty();
        for (pending, foreign) in stored.pending {
            ledger.carry(pending, foreign);
        }
        let inner = Inner {
            stored: stored.state.clone(),
            new_lineage: uuid::Uuid::new_v4().to_string(),
            ledger,
            queue: Vec::new(),
            waiting: Vec::new(),
            failed: None,
            uncertain: stored.renew,
            ended: false,
            appended: 0,
            groups: 0,
            journalled,
            changed: false,
        };
        let shared = Arc::new(Shared {
            doubt: writer.doubt(),
            writer: Mutex::new(writer),
            inner: Mutex::new(inner),
            work: Condvar::new(),
            probe,
            place,
        });
        let served = shared.clone();
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || served.serve());
        let mut session = StoreSession {
            shared,
            thread: thread.ok(),
            state: stored.state,
            pending: Vec::new(),
            foreign: false,
            recovered: false,
            dirty: stored.dirty,
            renew: stored.renew,
            closed: false,
        };
        session.look();
        session
    }

    /// Takes over which intents are open.
    fn look(&mut self) {
        let inner = lock(&self.shared.inner);
        (self.pending, self.foreign) = (inner.ledger.pending(), inner.ledger.foreign());
    }

    fn write(&mut self, state: &State, serial: Serial) -> Result<(), StateError> {
        let shared = self.shared.clone();
        let mut writer = lock(&shared.writer);
        let mut inner = lock(&shared.inner);
        let next = |state: &State| state.serial_after().map_err(|e| e.in_file(&shared.place));
        let unchanged = same(&inner.stored, state) && serial == Serial::Fitting;
        let (number, lineage) = match serial {
            Serial::Own => {
                next(state)?;
                (state.serial, state.lineage.clone())
            }
            _ if inner.stored.lineage.is_empty() => (next(&inner.stored)?, inner.new_lineage.clone()),
            // Groups may have changed it already without another serial.
            _ if unchanged && !self.renew && same(&self.state, state) => {
                (inner.stored.serial, inner.stored.lineage.clone())
            }
            _ if unchanged && !self.renew && writer.rewrites() => {
                (inner.stored.serial, inner.stored.lineage.clone())
            }
            _ => (next(&inner.stored)?, inner.stored.lineage.clone()),
        };
        // What was not written yet is in the state.
        inner.queue.clear();
        let waiting = std::mem::take(&mut inner.waiting);
        let is_same = !inner.uncertain
            && same(&inner.stored, state)
            && (number, &lineage) == (inner.stored.serial, &inner.stored.lineage);
        let next = State { serial: number, lineage, ..state.clone() };
        let result = if is_same && !inner.journalled {
            Ok(())
        } else {
            shared.probe.at(Phase::Folding(1));
            let before = (!inner.uncertain).then_some(&inner.stored);
            let fold =
                Fold { before, base: &inner.stored, state: &next, same: is_same, ledger: &inner.ledger };
            writer.fold(&fold)
        };
        for done in waiting {
            done(result.clone());
        }
        result?;
        shared.probe.at(Phase::Folding(9));
        inner.journalled = !inner.ledger.is_empty();
        inner.changed = false;
        (inner.failed, inner.uncertain) = (None, false);
        inner.stored = next.clone();
        drop(inner);
        drop(writer);
        self.state = next;
        (self.dirty, self.renew) = (false, false);
        self.look();
        Ok(())
    }

    /// Lets the thread write what there is, and end.
    fn end(&mut self) -> Option<StateError> {
        {
            let mut inner = lock(&self.shared.inner);
            inner.ended = true;
            self.shared.work.notify_all();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let mut inner = lock(&self.shared.inner);
        let failed = inner.failed.clone();
        inner.failed.get_or_insert(StateError::Journal {
            path: self.shared.place.clone(),
            problem: "the state was closed; nothing can be appended any more.".into(),
        });
        failed
    }
}

impl Session for StoreSession {
    fn state(&self) -> &State {
        &self.state
    }

    fn lineage(&self) -> String {
        match self.state.lineage.is_empty() {
            true => lock(&self.shared.inner).new_lineage.clone(),
            false => self.state.lineage.clone(),
        }
    }

    fn next_serial(&self) -> u64 {
        // Not while a group is on its way, which has it in hand.
        let _writer = lock(&self.shared.writer);
        let inner = lock(&self.shared.inner);
        // Any more, and it would be newer than what somebody else has made of it meanwhile.
        inner.stored.serial + 1 + u64::from(inner.changed)
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
        Arc::new(StoreJournal(self.shared.clone()))
    }

    fn fold(&mut self, state: &State) -> Result<(), StateError> {
        self.write(state, Serial::Fitting)
    }

    fn replace(&mut self, state: &State) -> Result<(), StateError> {
        self.write(state, Serial::Own)
    }

    fn close(mut self: Box<Self>) -> Result<(), StateError> {
        let failed = self.end();
        self.closed = true;
        let released = lock(&self.shared.writer).release();
        failed.map_or(released, Err)
    }
}

impl Drop for StoreSession {
    fn drop(&mut self) {
        if !self.closed {
            self.end();
            // Nobody is left to be told.
            let _ = lock(&self.shared.writer).release();
        }
    }
}

impl Shared {
    /// Writes groups until the session ends. While one is being written, the next gathers.
    fn serve(&self) {
        loop {
            {
                let mut inner = lock(&self.inner);
                while inner.queue.is_empty() && inner.waiting.is_empty() && !inner.ended {
                    inner = self.work.wait(inner).unwrap_or_else(PoisonError::into_inner);
                }
                if inner.ended && inner.queue.is_empty() && inner.waiting.is_empty() {
                    return;
                }
            }
            self.write_group();
        }
    }

    fn write_group(&self) {
        let mut writer = lock(&self.writer);
        let (mut stored, new_lineage, ledger, records, waiting, mut result) = {
            let mut inner = lock(&self.inner);
            let records = std::mem::take(&mut inner.queue);
            let waiting = std::mem::take(&mut inner.waiting);
            let result = inner.failed.clone().map_or(Ok(()), Err);
            // Nobody else touches it while the writer is ours.
            let stored = std::mem::take(&mut inner.stored);
            (stored, inner.new_lineage.clone(), inner.ledger.clone(), records, waiting, result)
        };
        let mut changed = false;
        if result.is_ok() && !records.is_empty() {
            let last = State { serial: stored.serial, lineage: stored.lineage.clone(), ..State::default() };
            let mut touched = BTreeSet::new();
            for record in &records {
                touch(record, &stored, &mut touched);
                changed |= match record {
                    Record::Intent(intent) => intent.puts_aside.is_some(),
                    Record::NoEffect { .. } => false,
                    _ => true,
                };
                record.apply_to(&mut stored);
            }
            if writer.rewrites() && stored.lineage.is_empty() {
                stored.lineage.clone_from(&new_lineage);
                changed = true;
            }
            if writer.rewrites() && changed {
                match stored.serial_after() {
                    Ok(serial) => stored.serial = serial,
                    Err(e) => result = Err(e.in_file(&self.place)),
                }
            }
            let group = Group {
                records: &records,
                before: &last,
                new_lineage: last.lineage.is_empty().then_some(&*new_lineage),
                state: &stored,
                touched: &touched,
                ledger: &ledger,
            };
            result = result.and_then(|()| writer.append(&group));
        }
        let mut inner = lock(&self.inner);
        inner.stored = stored;
        inner.groups += u64::from(!records.is_empty());
        inner.changed |= changed && result.is_ok() && !writer.rewrites();
        if let Err(error) = &result {
            inner.uncertain = true;
            inner.failed.get_or_insert(error.clone());
        }
        drop(inner);
        drop(writer);
        for done in waiting {
            done(result.clone());
        }
    }
}

/// The instances that a record may change, seen from before it.
fn touch(record: &Record, before: &State, touched: &mut BTreeSet<InstanceAddr>) {
    match record {
        Record::Intent(intent) if intent.puts_aside.is_some() => {
            touched.insert(intent.address.clone());
        }
        Record::Intent(_) | Record::NoEffect { .. } => {}
        Record::Set { address, provider, .. } => {
            // The provider configuration is the whole resource's.
            if let Some(resource) = before.resources.get(&address.resource)
                && resource.provider != *provider
            {
                touched.extend(resource.instances.keys().map(|key| address.resource.instance(key.clone())));
            }
            touched.insert(address.clone());
        }
        Record::Depose { address, .. } | Record::Restore { address, .. } => {
            touched.insert(address.clone());
        }
        Record::Move { from, to } => touched.extend([from.clone(), to.clone()]),
    }
}

struct StoreJournal(Arc<Shared>);

impl Journal for StoreJournal {
    fn append(&self, record: &Record) -> Result<(), StateError> {
        let mut inner = lock(&self.0.inner);
        if let Some(error) = &inner.failed {
            return Err(error.clone());
        }
        inner.ledger.note(record);
        inner.appended += size(record);
        inner.queue.push(record.clone());
        inner.journalled = true;
        self.0.work.notify_all();
        drop(inner);
        if matches!(record, Record::Set { .. }) {
            self.0.probe.at(Phase::ResultUnsynced);
        }
        Ok(())
    }

    fn sync(&self, done: Done) {
        let mut inner = lock(&self.0.inner);
        if inner.ended {
            let result = inner.failed.clone().map_or(Ok(()), Err);
            drop(inner);
            return done(result);
        }
        inner.waiting.push(done);
        self.0.work.notify_all();
    }

    fn in_doubt(&self) -> bool {
        match &self.0.doubt {
            Some(doubt) => doubt(),
            // Where something is being written, that shows it.
            None => self.0.writer.try_lock().is_ok_and(|mut writer| writer.is_lost()),
        }
    }

    fn len_bytes(&self) -> u64 {
        lock(&self.0.inner).appended
    }

    fn fsyncs(&self) -> u64 {
        lock(&self.0.inner).groups
    }
}

/// About how long a record is.
fn size(record: &Record) -> u64 {
    let length = match record {
        Record::Intent(intent) => intent.arguments.len() + intent.identity.len(),
        Record::Set { object: Some(object), .. } => object.attributes.len() + object.private.len(),
        _ => 0,
    };
    length as u64 + 200
}
