//! What the journal of another snapshot knows and the state does not.
//!
//! Somebody wrote the state after the snapshot that the journal goes on from, so nothing of the journal is replayed. What is
//! left of it is looked up at the provider, one by one:
//!
//! - Intents without an outcome: nobody else can know of them. But a creation whose object the state has at another address
//!   is settled: it was in a snapshot, and somebody has moved it from there.
//! - Objects that were created and that the state does not have. It has one if it is at the address of the journal, or at
//!   any other of its type and provider configuration: at two addresses at once, the plan would destroy it for one of them.
//!
//! An object that the state does not have was not lost where its writer went on from a snapshot that had it: they have
//! forgotten or destroyed it, and it stays so. That is so where the journal announces that snapshot behind the creation, and
//! the state is of its lineage with a larger serial. Nothing says that the announced snapshot ever was in place: somebody
//! may have gone on from the one before it, and have written more than once. They will have made the missing object again,
//! since their configuration has it, so where another object is at its address, it counts as lost all the same.

use crate::ledger::Ledger;
use crate::wire::Entry;
use crate::{Intent, Operation, Pending, Record, State, StoredObject, json};
use formwork_addr::{InstanceAddr, ResourceMode, Str};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What of these entries of a journal is to be looked up, where the state is this.
pub(crate) fn ledger(entries: &[Entry], state: &State) -> Ledger {
    let mut ledger = Ledger::default();
    let mut known = State::default();
    let mut creates: BTreeMap<Str, (usize, Pending)> = BTreeMap::new();
    // Which creation each object comes from.
    let mut origins: BTreeMap<(InstanceAddr, Option<Str>), Str> = BTreeMap::new();
    // Where each creation was recorded last, and the last announcement of a snapshot that the state has left behind.
    let mut recorded: BTreeMap<Str, usize> = BTreeMap::new();
    let mut passed: Option<usize> = None;
    for (i, entry) in entries.iter().enumerate() {
        let record = match entry {
            Entry::Record(record) => record,
            Entry::Carried { pending, .. } => {
                ledger.carry(pending.clone(), true);
                if pending.intent.operation == Operation::Create {
                    creates.insert(pending.intent.token.clone(), (i, pending.clone()));
                }
                continue;
            }
            Entry::Folding { serial: Some(serial), lineage: Some(lineage), .. } => {
                if *lineage == state.lineage && *serial < state.serial {
                    passed = Some(i);
                }
                continue;
            }
            Entry::Header(_) | Entry::Folding { .. } => continue,
        };
        match record {
            Record::Intent(intent) if intent.operation == Operation::Create => {
                let pending = Pending { intent: intent.clone(), partial: None };
                creates.insert(intent.token.clone(), (i, pending));
                if let Some(key) = &intent.puts_aside
                    && let Some(origin) = origins.remove(&(intent.address.clone(), None))
                {
                    origins.insert((intent.address.clone(), Some(key.clone())), origin);
                }
            }
            Record::Set { token, address, deposed, object, .. } => {
                let slot = (address.clone(), deposed.clone());
                match (token, object) {
                    (_, None) => {
                        origins.remove(&slot);
                    }
                    (Some(token), Some(_)) if creates.contains_key(token) => {
                        origins.insert(slot, token.clone());
                        recorded.insert(token.clone(), i);
                    }
                    _ => {}
                }
            }
            Record::Depose { address, key } => {
                if let Some(origin) = origins.remove(&(address.clone(), None)) {
                    origins.insert((address.clone(), Some(key.clone())), origin);
                }
            }
            Record::Restore { address, key, .. } => {
                let slot = (address.clone(), None);
                if let Some(origin) = origins.remove(&(address.clone(), Some(key.clone()))) {
                    origins.entry(slot).or_insert(origin);
                }
            }
            Record::Move { from, to } => {
                let moved: Vec<_> = origins.keys().filter(|(a, _)| a == from).cloned().collect();
                for slot in moved {
                    if let Some(origin) = origins.remove(&slot) {
                        origins.insert((to.clone(), slot.1), origin);
                    }
                }
            }
            _ => {}
        }
        record.apply_to(&mut known);
        ledger.note(record);
    }
    let places = Places::of(state, creates.values().map(|(_, pending)| &pending.intent));
    let mut open: Vec<Pending> = ledger.pending();
    open.retain(|p| !was_moved(p, &places));
    let mut lost: Vec<(usize, Pending)> = Vec::new();
    for ((address, deposed), token) in origins {
        let object = known.instance(&address).and_then(|i| match &deposed {
            None => i.current.clone(),
            Some(key) => i.deposed.get(key).cloned(),
        });
        let (Some(object), Some((i, pending))) = (object, creates.remove(&token)) else { continue };
        let is_open = open.iter().any(|p| p.intent.token == token);
        let is_known = places.find(&address, &pending.intent.provider, &object).is_some();
        let was_there = recorded.get(&token).is_some_and(|at| passed.is_some_and(|mark| *at < mark));
        let is_decided = was_there && state.instance(&address).is_none();
        if !is_open && !is_known && !is_decided {
            let intent = Intent { deposed, ..pending.intent };
            lost.push((i, Pending { intent, partial: Some(object) }));
        }
    }
    lost.sort_by_key(|(i, _)| *i);
    let mut out = Ledger::default();
    for pending in lost.into_iter().map(|(_, p)| p).chain(open) {
        out.carry(pending, true);
    }
    out
}

/// Whether an intent is a creation whose object is at another address by now.
fn was_moved(pending: &Pending, places: &Places) -> bool {
    let Pending { intent, partial: Some(object) } = pending else { return false };
    intent.operation == Operation::Create
        && places.find(&intent.address, &intent.provider, object).is_some_and(|at| *at != intent.address)
}

/// What tells an object from others of its type: its id, or else all of its attributes.
type Identity = (bool, String);

fn identity(object: &StoredObject) -> Identity {
    #[derive(Deserialize)]
    struct Id {
        id: Option<serde_json::Value>,
    }
    let id =
        serde_json::from_str::<Id>(&object.attributes).ok().and_then(|i| i.id).filter(|id| !id.is_null());
    match id {
        Some(id) => (true, id.to_string()),
        None => (false, json::compacted(&object.attributes).to_string()),
    }
}

/// Where the objects of a state are, each with its provider configuration.
struct Places(BTreeMap<(Str, Identity), Vec<(InstanceAddr, Str)>>);

impl Places {
    /// Of the types that these intents are about.
    fn of<'a>(state: &State, intents: impl Iterator<Item = &'a Intent>) -> Places {
        let types: BTreeSet<&Str> = intents.map(|i| &i.address.resource.resource.type_name).collect();
        let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (address, resource) in &state.resources {
            let ty = &address.resource.type_name;
            if address.resource.mode != ResourceMode::Managed || !types.contains(ty) {
                continue;
            }
            for (key, instance) in &resource.instances {
                for object in instance.current.iter().chain(instance.deposed.values()) {
                    let place = (address.instance(key.clone()), resource.provider_of(object).clone());
                    places.entry((ty.clone(), identity(object))).or_default().push(place);
                }
            }
        }
        Places(places)
    }

    /// Where an object is: at its address, whoever manages it there by now; or at another under the provider configuration
    /// that made it, since in two accounts two objects may have one id.
    fn find(&self, address: &InstanceAddr, provider: &Str, object: &StoredObject) -> Option<&InstanceAddr> {
        let all = self.0.get(&(address.resource.resource.type_name.clone(), identity(object)))?;
        let found = all.iter().find(|(at, _)| at == address);
        found.or_else(|| all.iter().find(|(_, managed)| managed == provider)).map(|(at, _)| at)
    }
}
