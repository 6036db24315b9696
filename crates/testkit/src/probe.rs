//! A probe that counts, tells, and kills.

use formwork_state::{Phase, Probe};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The phases by the names that the kill order and the log use, in the order in which an operation meets them.
pub const PHASES: [&str; 6] =
    ["before-intent", "intent-written", "request-sent", "effect-done", "result-unsynced", "folding"];

/// The line that the log has for each fsync of the journal.
pub const FSYNC: &str = "fsync";

/// Counts how often each phase was reached, writes one line for each to a file if asked to, and kills its own
/// process with SIGKILL when a chosen phase is reached for the n-th time.
#[derive(Debug, Default)]
pub struct KillProbe {
    counts: [AtomicU64; PHASES.len()],
    kill: Option<(usize, u64)>,
    log: Option<Mutex<File>>,
}

impl KillProbe {
    /// `kill` is `phase:n`, `n` counted from 1; `log` is the file that lines are appended to.
    pub fn new(kill: Option<&str>, log: Option<&Path>) -> Result<Self, String> {
        let kill = kill.map(parse_order).transpose()?;
        let log = log
            .map(|path| {
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(path)
                    .map(Mutex::new)
                    .map_err(|e| format!("cannot open the probe's log {}: {e}", path.display()))
            })
            .transpose()?;
        Ok(KillProbe { kill, log, ..KillProbe::default() })
    }

    /// A test reads the log; when it cannot be written, the test finds too few lines and says so.
    fn tell(&self, line: &str) {
        if let Some(log) = &self.log {
            let mut log = log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let _ = writeln!(log, "{line}");
        }
    }

    /// How often each phase was reached so far, in the order of [`PHASES`].
    pub fn counts(&self) -> [u64; PHASES.len()] {
        std::array::from_fn(|i| self.counts[i].load(Ordering::SeqCst))
    }
}

fn parse_order(text: &str) -> Result<(usize, u64), String> {
    let wrong = || format!("{text:?} is no order to kill: it must be <phase>:<n>, phases are {PHASES:?}");
    let (phase, n) = text.split_once(':').ok_or_else(wrong)?;
    let phase = PHASES.iter().position(|p| *p == phase).ok_or_else(wrong)?;
    match n.parse() {
        Ok(n) if n > 0 => Ok((phase, n)),
        _ => Err(wrong()),
    }
}

fn index(phase: &Phase) -> usize {
    match phase {
        Phase::BeforeIntent => 0,
        Phase::IntentWritten => 1,
        Phase::RequestSent => 2,
        Phase::EffectDone => 3,
        Phase::ResultUnsynced => 4,
        Phase::Folding(_) => 5,
    }
}

impl Probe for KillProbe {
    fn at(&self, phase: Phase) {
        let index = index(&phase);
        let n = self.counts[index].fetch_add(1, Ordering::SeqCst) + 1;
        self.tell(PHASES[index]);
        if self.kill == Some((index, n)) {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // The signal is on its way; nothing may happen in between.
            loop {
                std::thread::park();
            }
        }
    }

    fn syncing(&self) {
        self.tell(FSYNC);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_checked() {
        assert_eq!(parse_order("folding:3"), Ok((5, 3)));
        for wrong in ["", "folding", "folding:0", "folding:x", "lunch:1"] {
            assert!(parse_order(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts_by_phase() {
        let probe = KillProbe::default();
        probe.at(Phase::Folding(1));
        probe.at(Phase::Folding(2));
        probe.at(Phase::EffectDone);
        assert_eq!(probe.counts(), [0, 0, 0, 1, 0, 2]);
    }
}
