//! Power cuts: sessions on a simulated disk that stops at any change, and keeps any of what was not synced.

use super::disk::{Lie, Simulated};
use super::seeded::{Random, rounds};
use super::*;
use crate::ledger::Ledger;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What the state is after each record, and how much of it was reported as durable.
struct Truth {
    stages: Vec<Stage>,
    /// The first stage that may be found.
    durable: usize,
    /// The last stage that the journal said it has, in memory or on the disk.
    written: usize,
    serial: u64,
    lineage: String,
    tokens: usize,
}

#[derive(Clone, Default)]
struct Stage {
    state: State,
    ledger: Ledger,
    ids: Vec<String>,
    open: Vec<String>,
}

/// All objects, in an order that does not depend on how the state came about.
fn sorted(state: &State) -> Vec<String> {
    let mut ids = ids(state);
    ids.sort();
    ids
}

impl Stage {
    fn of(state: State, ledger: Ledger) -> Stage {
        let (ids, open) = (sorted(&state), tokens(&ledger.pending()));
        Stage { state, ledger, ids, open }
    }
}

/// What the rounds met, so that rounds in which nothing happens fail.
#[derive(Default)]
struct Met {
    cut_while_opening: AtomicUsize,
    cut_while_appending: AtomicUsize,
    cut_while_syncing: AtomicUsize,
    cut_while_folding: AtomicUsize,
    lost: AtomicUsize,
    kept: AtomicUsize,
}

impl Truth {
    fn last(&self) -> usize {
        self.stages.len() - 1
    }

    fn append(&mut self, record: &Record) {
        let Stage { mut state, mut ledger, .. } = self.stages[self.last()].clone();
        record.apply_to(&mut state);
        ledger.note(record);
        self.stages.push(Stage::of(state, ledger));
    }

    /// Which stage this is: the latest that it can be.
    fn stage(&self, state: &State, pending: &[Pending], earliest: usize) -> Result<usize, String> {
        let (ids, open) = (sorted(state), tokens(pending));
        let found = self.stages.iter().rposition(|s| s.ids == ids && s.open == open);
        found.filter(|n| *n >= earliest).ok_or_else(|| {
            let known: Vec<_> = self.stages.iter().map(|s| (&s.ids, &s.open)).collect();
            format!(
                "it is at {ids:?} with {open:?}, which is stage {found:?}; stages are {known:#?}, and {earliest} is the \
                 first that it may be"
            )
        })
    }

    /// Goes on from a stage.
    fn restart(&mut self, stage: usize) {
        self.stages.truncate(stage + 1);
        self.written = stage;
    }

    /// A record that could come next.
    fn record(&mut self, random: &mut Random) -> Record {
        let address = format!("a.x{}", random.below(4));
        let now = &self.stages[self.last()];
        let pending = now.ledger.pending();
        let pick = (!pending.is_empty()).then(|| pending[random.below(pending.len())].intent.clone());
        self.tokens += 1;
        let new = self.tokens.to_string();
        let id = format!("id{new}-{}", "x".repeat(random.below(200)));
        let key = "00000001";
        match (random.below(10), pick) {
            (0..=2, Some(intent)) => {
                let gone = intent.operation == Operation::Delete;
                set(Some(&intent.token), false, &intent.address.to_string(), (!gone).then_some(&*id))
            }
            (3, Some(intent)) => set(Some(&intent.token), true, &intent.address.to_string(), Some(&id)),
            (4, Some(intent)) => Record::NoEffect { token: intent.token },
            (5, _) => set(None, false, &address, random.one_in(2).then_some(&*id)),
            (6, _) => Record::Depose { address: super::address(&address), key: key.into() },
            (7, _) => Record::Restore { address: super::address(&address), key: key.into(), token: None },
            (8, _) => {
                Record::Move { from: super::address(&address), to: super::address(&format!("b.y{new}")) }
            }
            (n, _) => {
                let operation = [Operation::Create, Operation::Update, Operation::Delete][n % 3];
                Record::Intent(intent(&new, &address, operation))
            }
        }
    }
}

struct Round<'a> {
    random: Random,
    disk: Simulated,
    backend: LocalBackend,
    truth: Truth,
    met: &'a Met,
}

impl Round<'_> {
    /// Whether a failure is the power cut; else it is one that must not be.
    fn excused(&self, doing: &str, error: &StateError, count: &AtomicUsize) -> Result<(), String> {
        if self.disk.is_on() {
            return Err(format!("cannot {doing}: {error}"));
        }
        count.fetch_add(1, Relaxed);
        Ok(())
    }

    /// One process, until it ends or its disk does.
    fn live(&mut self) -> Result<(), String> {
        let lock = !self.random.one_in(5);
        let mut session = match self.backend.open(&OpenOptions { lock, ..options() }) {
            Ok(session) => session,
            Err(e) => return self.excused("open the state", &e, &self.met.cut_while_opening),
        };
        let found = self.truth.stage(session.state(), session.pending(), self.truth.written)?;
        self.truth.restart(found);
        let journal = session.journal();
        // What a process that died had not synced counts for nothing until this one appends something itself: no call
        // was made because of it.
        let mut touched = false;
        for _ in 0..self.random.below(14) {
            match self.random.below(8) {
                0 => {
                    let durable = if touched { self.truth.last() } else { self.truth.durable };
                    if self.random.one_in(2) {
                        let record = self.truth.record(&mut self.random);
                        self.truth.append(&record);
                        touched = true;
                        let journal = journal.clone();
                        self.disk.meanwhile(move || {
                            let _ = journal.append(&record);
                        });
                    }
                    if let Err(e) = sync(&*session.journal()) {
                        return self.excused("sync", &e, &self.met.cut_while_syncing);
                    }
                    // There was nothing to sync: then it happens now.
                    if let Some(work) = self.disk.left_over() {
                        work();
                    }
                    if !self.disk.is_on() {
                        return Ok(());
                    }
                    self.truth.written = self.truth.last();
                    self.truth.durable = self.truth.durable.max(durable);
                }
                1 if self.random.one_in(2) => {
                    let state = self.truth.stages[self.truth.last()].state.clone();
                    if let Err(e) = session.fold(&state) {
                        return self.excused("fold", &e, &self.met.cut_while_folding);
                    }
                    self.folded(&*session)?;
                }
                2 if self.random.one_in(6) => {
                    let stage = &self.truth.stages[self.truth.last()];
                    let state = State {
                        serial: session.state().serial + 5,
                        lineage: "pushed".into(),
                        ..stage.state.clone()
                    };
                    self.truth.lineage = "?".into();
                    if let Err(e) = session.replace(&state) {
                        return self.excused("replace", &e, &self.met.cut_while_folding);
                    }
                    self.folded(&*session)?;
                }
                _ => {
                    let record = self.truth.record(&mut self.random);
                    self.truth.append(&record);
                    touched = true;
                    if let Err(e) = journal.append(&record) {
                        return self.excused("append", &e, &self.met.cut_while_appending);
                    }
                    self.truth.written = self.truth.last();
                }
            }
        }
        if self.random.one_in(2) {
            if let Err(e) = session.close() {
                return self.excused("close", &e, &self.met.cut_while_syncing);
            }
            if touched {
                self.truth.durable = self.truth.last();
            }
        }
        Ok(())
    }

    /// A folding was reported as done: everything is durable.
    fn folded(&mut self, session: &dyn Session) -> Result<(), String> {
        let truth = &mut self.truth;
        let state = session.state();
        if state.serial < truth.serial {
            return Err(format!("serial {} follows {}", state.serial, truth.serial));
        }
        (truth.serial, truth.lineage) = (state.serial, state.lineage.clone());
        truth.durable = truth.last();
        truth.written = truth.last();
        Ok(())
    }

    /// After the disk stopped, or only the process: what is there?
    fn look(&mut self, power: bool) -> Result<(), String> {
        let earliest = if power { self.truth.durable } else { self.truth.written };
        if power {
            self.disk.power_failed(&mut self.random);
        } else {
            self.disk.process_died();
        }
        let files = self.disk.files();
        let peeked = self.backend.peek().map_err(|e| format!("unreadable: {e}; {:?}", files.keys()))?;
        if peeked.foreign {
            return Err("its own journal is a stranger".into());
        }
        let found = self.truth.stage(&peeked.state, &peeked.pending, earliest)?;
        let count = if found < self.truth.last() { &self.met.lost } else { &self.met.kept };
        count.fetch_add(1, Relaxed);
        if peeked.state.serial < self.truth.serial {
            return Err(format!("serial {} after {}", peeked.state.serial, self.truth.serial));
        }
        let known = ["", "?", &peeked.state.lineage].contains(&&*self.truth.lineage);
        if !known {
            return Err(format!("lineage {:?} after {:?}", peeked.state.lineage, self.truth.lineage));
        }
        self.truth.restart(found);
        if power {
            self.truth.durable = found;
            (self.truth.serial, self.truth.lineage) = (peeked.state.serial, peeked.state.lineage);
        }
        for (name, content) in &files {
            let text = String::from_utf8_lossy(content);
            let is_state = name == "terraform.tfstate" || name == "terraform.tfstate.backup";
            // What other tools read: a whole snapshot, or nothing that they would take for one.
            if is_state
                && serde_json::from_str::<serde_json::Value>(&text).is_ok()
                && let Err(e) = snapshot::parse(&text)
            {
                return Err(format!("{name} is JSON, and no state: {e}"));
            }
            if name == "terraform.tfstate.backup" && snapshot::parse(&text).is_err() {
                return Err("the backup is damaged".into());
            }
        }
        for version in self.backend.history().map_err(|e| e.to_string())? {
            version.read().map_err(|e| format!("the history: {e}"))?;
        }
        Ok(())
    }

    /// In the end everything is settled, and nothing is left but the state.
    fn settle(&mut self) -> Result<(), String> {
        let ended = |e: StateError| format!("in the end: {e}");
        let mut session = self.backend.open(&options()).map_err(ended)?;
        let found = self.truth.stage(session.state(), session.pending(), self.truth.written)?;
        self.truth.restart(found);
        for pending in session.pending().to_vec() {
            let record = Record::NoEffect { token: pending.intent.token };
            self.truth.append(&record);
            session.journal().append(&record).map_err(ended)?;
        }
        let expected = self.truth.stages[self.truth.last()].state.clone();
        session.fold(&expected).map_err(ended)?;
        session.close().map_err(ended)?;
        let session = self.backend.open(&options()).map_err(ended)?;
        if sorted(session.state()) != sorted(&expected) || !session.pending().is_empty() {
            return Err(format!("in the end it is at {:?}", ids(session.state())));
        }
        drop(session);
        let left: Vec<String> = self.disk.files().into_keys().collect();
        let known = |name: &String| {
            // A version of the history, a journal that was torn before it began, a temporary file: all of no use to
            // anybody, and in nobody's way.
            ["terraform.tfstate", "terraform.tfstate.backup"].contains(&name.as_str())
                || name.starts_with(".terraform.tfstate.history/")
                || name.ends_with(".tmp")
                || name == ".terraform.tfstate.lock.info"
        };
        match left.iter().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => Err(format!("{name} is left behind, of {left:?}")),
        }
    }
}

fn round(seed: u64, lie: Option<Lie>, met: &Met) -> Result<(), String> {
    let mut random = Random::new(seed);
    let disk = Simulated::new(lie);
    let keep = if random.one_in(2) { 2 } else { 0 };
    let backend = LocalBackend::new(disk.path("terraform.tfstate")).with_history(keep);
    let truth = Truth {
        stages: vec![Stage::default()],
        durable: 0,
        written: 0,
        serial: 0,
        lineage: String::new(),
        tokens: 0,
    };
    let mut round = Round { random, disk, backend, truth, met };
    for _ in 0..1 + round.random.below(4) {
        let changes = round.random.below(70);
        round.disk.stop_after(changes);
        round.live()?;
        let power = round.random.below(4) > 0;
        round.look(power)?;
    }
    round.settle()
}

#[test]
fn a_power_cut_at_any_moment_costs_only_what_was_not_durable() {
    let met = Met::default();
    if !rounds(10_000, |seed| round(seed, None, &met)) {
        return;
    }
    let counts = [
        ("cut while opening", &met.cut_while_opening),
        ("while appending", &met.cut_while_appending),
        ("while syncing", &met.cut_while_syncing),
        ("while folding", &met.cut_while_folding),
        ("something not durable was lost", &met.lost),
        ("nothing was lost", &met.kept),
    ];
    let counts = counts.map(|(what, count)| (what, count.load(Relaxed)));
    println!("| {counts:?}");
    assert!(counts.iter().all(|(_, count)| *count > 100), "the rounds do not do enough: {counts:?}");
}

#[test]
fn a_disk_that_lies_about_syncing_is_found_out() {
    for lie in [Lie::Content, Lie::Folders] {
        let met = Met::default();
        let found = (0..3_000).any(|seed| round(seed, Some(lie), &met).is_err());
        assert!(found, "{lie:?}: rounds that cannot fail prove nothing");
    }
}
