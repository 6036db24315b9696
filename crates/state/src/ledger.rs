//! Which intents are not settled.

use crate::{Pending, Record};
use formwork_addr::Str;
use std::collections::{BTreeMap, HashMap};

/// Intents that wait for their outcome, in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    open: BTreeMap<u64, (Pending, bool)>,
    numbers: HashMap<Str, u64>,
    next: u64,
}

impl Ledger {
    /// Takes note of a record.
    pub(crate) fn note(&mut self, record: &Record) {
        match record {
            Record::Intent(intent) => self.carry(Pending { intent: intent.clone(), partial: None }, false),
            Record::Set { token: Some(token), partial: true, object, .. } => {
                let number = self.numbers.get(token);
                if let Some((pending, _)) = number.and_then(|n| self.open.get_mut(n)) {
                    pending.partial = object.clone();
                }
            }
            Record::Set { token: Some(token), partial: false, .. }
            | Record::Restore { token: Some(token), .. }
            | Record::NoEffect { token } => {
                if let Some(number) = self.numbers.remove(token) {
                    self.open.remove(&number);
                }
            }
            Record::Set { token: None, .. }
            | Record::Depose { .. }
            | Record::Restore { token: None, .. }
            | Record::Move { .. } => {}
        }
    }

    /// Adds an intent.
    pub(crate) fn carry(&mut self, pending: Pending, foreign: bool) {
        if let Some(before) = self.numbers.insert(pending.intent.token.clone(), self.next) {
            self.open.remove(&before);
        }
        self.open.insert(self.next, (pending, foreign));
        self.next += 1;
    }

    /// The intent of a token, and whether it comes from a journal of another snapshot.
    pub(crate) fn of(&self, token: &str) -> Option<&(Pending, bool)> {
        self.open.get(self.numbers.get(token)?)
    }

    /// The intents, oldest first, and whether each comes from a journal of another snapshot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Pending, bool)> {
        self.open.values()
    }

    /// The intents, oldest first.
    pub(crate) fn pending(&self) -> Vec<Pending> {
        self.iter().map(|(p, _)| p.clone()).collect()
    }

    /// Whether any comes from a journal of another snapshot.
    pub(crate) fn foreign(&self) -> bool {
        self.iter().any(|(_, foreign)| *foreign)
    }

    /// Whether all are settled.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
