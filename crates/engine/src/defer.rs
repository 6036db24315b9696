//! What has to wait for a later plan, because nobody can say yet what it is.

use crate::cells::{CellId, Content, Kind};
use crate::deps::Deps;
use crate::evaluator::Evaluator;
use crate::prepare::Prepared;
use formwork_addr::{InstanceAddr, InstanceKey, ModuleInstance, ModulePath, ResourceAddr, ResourceMode};
use formwork_config::Repetition;
use formwork_plan::{Cause, Deferred};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// How many objects a reason names before it counts the others.
const NAMED: usize = 3;

/// The key of instances whose keys nobody knows.
const ANY: &str = "*";

impl Evaluator {
    /// What is said of a block whose repetition is not known, which was made from `deps`.
    pub(crate) fn unknown_instances(
        &self,
        addr: &impl fmt::Display,
        repetition: &Repetition,
        deps: &Deps,
    ) -> Deferred {
        let argument = match repetition {
            Repetition::Count(_) => "count",
            Repetition::ForEach(_) => "for_each",
            Repetition::Enabled(_) => "enabled",
            Repetition::Single => "repetition",
        };
        let mut deps_of = Deps::default();
        deps.instances.iter().for_each(|id| deps_of.add_instance(*id));
        deps_of.groups.extend(deps.groups.iter().cloned());
        let reason = self.awaiting(&format!("its \"{argument}\""), &Arc::new(deps_of));
        Deferred { address: addr.to_string(), cause: Cause::InstanceCountUnknown, reason, within: Vec::new() }
    }

    /// What the blocks of a module declare that is called nobody knows how often.
    pub(crate) fn within_calls(&self, path: &ModulePath, addr: ModuleInstance) -> Vec<InstanceAddr> {
        let key = |repetition: &Repetition| match repetition {
            Repetition::Count(_) | Repetition::ForEach(_) => InstanceKey::Str(ANY.into()),
            Repetition::Single | Repetition::Enabled(_) => InstanceKey::None,
        };
        let (mut found, mut open) = (Vec::new(), vec![(path.clone(), addr)]);
        while let Some((path, addr)) = open.pop() {
            let Some(module) = self.setup.config.module(&path) else { continue };
            for (resource, block) in &module.resources {
                if resource.mode != ResourceMode::Ephemeral {
                    let all = ResourceAddr { module: addr.clone(), resource: resource.clone().into() };
                    found.push(all.instance(key(&block.repetition)));
                }
            }
            for (name, call) in &module.calls {
                open.push((path.child(name.clone()), addr.child(name.clone(), key(&call.repetition))));
            }
        }
        found.sort();
        found
    }

    /// Whether an instance has to wait, and why: for what it was made from, or for its provider.
    pub(crate) fn has_to_wait(&self, addr: &InstanceAddr, prepared: &Prepared) -> Option<Deferred> {
        if !self.deferring {
            return None;
        }
        let deferred =
            |cause, reason| Some(Deferred { address: addr.to_string(), cause, reason, within: Vec::new() });
        if !self.deferred.is_empty()
            && let Some(reason) = self.waits_for(&prepared.inputs)
        {
            return deferred(Cause::DeferredPrereq, reason);
        }
        if !prepared.provider.known && prepared.info.managed().is_some_and(|r| r.drifts()) {
            let behind = self.cells.get(prepared.provider_cell).deps.clone().unwrap_or_default();
            let reason = self
                .awaiting(&format!("the configuration of its provider {}", prepared.provider.name), &behind);
            return deferred(Cause::ProviderConfigUnknown, reason);
        }
        None
    }

    /// That something in the set has to wait, if so.
    fn waits_for(&self, inputs: &Deps) -> Option<String> {
        let shared = self.waiting_in(&inputs.groups);
        let address = |id: &CellId| self.deferred.get(id).map_or("", |found| &*found.address);
        let own: BTreeSet<&str> = inputs
            .instances
            .iter()
            .filter(|id| self.deferred.contains_key(*id))
            .map(address)
            .filter(|own| shared.binary_search_by(|id| address(id).cmp(own)).is_err())
            .collect();
        let count = own.len() + shared.len();
        let mut first: Vec<&str> =
            shared.iter().take(NAMED).map(address).chain(own.into_iter().take(NAMED)).collect();
        first.sort_unstable();
        let verb = if count == 1 { "has" } else { "have" };
        (count > 0)
            .then(|| format!("it depends on {}, which {verb} to wait", listed(first.into_iter(), count)))
    }

    /// What has to wait in sets that many share, in the order of addresses, each address once. The same sets are looked through
    /// once: what is in them is filled, so nothing of it begins to wait later.
    fn waiting_in(&self, groups: &[Arc<Deps>]) -> Arc<[CellId]> {
        if groups.is_empty() {
            return Arc::from([]);
        }
        let place: Vec<*const Deps> = groups.iter().map(Arc::as_ptr).collect();
        if let Some((_, known)) = self.waiting.borrow().get(&place) {
            return known.clone();
        }
        let mut found = BTreeMap::new();
        for group in groups {
            group.each(&mut |id| {
                if let Some(deferred) = self.deferred.get(&id) {
                    found.entry(&*deferred.address).or_insert(id);
                }
            });
        }
        let found: Arc<[CellId]> = found.into_values().collect();
        self.waiting.borrow_mut().insert(place, (groups.to_vec(), found.clone()));
        found
    }

    /// That `what` is not known because of those of its sources that are not.
    pub(crate) fn awaiting(&self, what: &str, deps: &Arc<Deps>) -> String {
        let mut unknown = BTreeSet::new();
        deps.each(&mut |id| {
            let cell = self.cells.get(id);
            match (&cell.kind, &cell.content) {
                _ if self.deferred.contains_key(&id) => {
                    unknown.insert(self.deferred[&id].address.clone());
                }
                (Kind::Instance(info), Content::Value(value)) if !value.is_wholly_known() => {
                    unknown.insert(info.addr.to_string());
                }
                _ => {}
            }
        });
        if unknown.is_empty() {
            return format!("{what} is only known after apply");
        }
        let verb = if unknown.len() == 1 { "is" } else { "are" };
        let sources = listed(unknown.iter().map(String::as_str), unknown.len());
        format!("{what} depends on {sources}, which {verb} not known before apply")
    }

    /// Whether an instance may be one of those that wait because nobody knows which there are.
    pub(crate) fn may_be_waiting(&self, addr: &InstanceAddr) -> bool {
        if self.deferred.is_empty() {
            return false;
        }
        let module = &addr.resource.module;
        let keys = self.by_addr.get(module).and_then(|id| self.keys_cell(*id, &addr.resource.resource));
        let steps = module.steps();
        keys.is_some_and(|cell| self.deferred.contains_key(&cell))
            || (0..steps.len()).any(|depth| {
                let outer = ModuleInstance::new(steps[..depth].to_vec());
                let id = self.by_addr.get(&outer);
                let call = id.and_then(|id| self.module(*id).calls.get(&steps[depth].name));
                call.is_some_and(|cell| self.deferred.contains_key(cell))
            })
    }
}

/// The first of so many names.
fn listed<'a>(names: impl Iterator<Item = &'a str>, count: usize) -> String {
    let mut out = String::new();
    for (i, name) in names.take(NAMED).enumerate() {
        match i {
            0 => {}
            _ if i + 1 == count => out.push_str(" and "),
            _ => out.push_str(", "),
        }
        out.push_str(name);
    }
    if count > NAMED {
        out.push_str(&format!(" and {} more", count - NAMED));
    }
    out
}
