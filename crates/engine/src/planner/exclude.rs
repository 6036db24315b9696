//! `-exclude`: what is left out, and all that depends on it, keeps its prior instances.
//!
//! An excluded instance has no value, as if it had failed without an error: whatever is made from it has none either.
//! What the configuration no longer has, and what a destroy would remove, goes by the dependencies that the state holds.

use super::Planner;
use crate::cells::{CellId, Kind, ModuleId, Status};
use formwork_addr::{InstanceAddr, InstanceKey, ResourceAddr, Str};
use formwork_diag::Diagnostic;
use formwork_plan::{LeftOut, Mode};
use formwork_state::ResourceInstance;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// Prior instances that `-exclude` keeps.
#[derive(Default)]
pub(super) struct Kept {
    /// They are neither read nor removed.
    kept: FxHashSet<InstanceAddr>,
    /// They are not removed, because something that is kept depends on them.
    pinned: FxHashSet<InstanceAddr>,
}

impl Kept {
    pub fn is_not_read(&self, addr: &InstanceAddr) -> bool {
        self.kept.contains(addr)
    }

    pub fn is_not_removed(&self, addr: &InstanceAddr) -> bool {
        self.kept.contains(addr) || self.pinned.contains(addr)
    }
}

fn dependencies(instance: &ResourceInstance) -> impl Iterator<Item = ResourceAddr> {
    let objects = instance.current.iter().chain(instance.deposed.values());
    objects.flat_map(|o| o.dependencies.iter().map(ResourceAddr::without_keys))
}

impl Planner<'_> {
    /// Whether the user excluded this instance by name.
    pub(super) fn is_excluded(&self, addr: &InstanceAddr) -> bool {
        self.options.excludes.iter().any(|e| e.selects(addr))
    }

    /// Whether the user excluded a block whole. Then it need not even be known how many instances it has.
    pub(super) fn is_excluded_block(&self, kind: &Kind) -> bool {
        let excludes = &self.options.excludes;
        match kind {
            Kind::Keys(module, block) => {
                let module = self.ev.module(*module).addr.clone();
                let addr = ResourceAddr { module, resource: block.block().resource.clone() };
                excludes.iter().any(|e| e.covers(&addr))
            }
            Kind::Calls(module, name) => {
                let addr = self.ev.module(*module).addr.child(name.clone(), InstanceKey::None);
                excludes.iter().any(|e| e.covers_module(&addr))
            }
            _ => false,
        }
    }

    /// Whether a cell has no value because it is excluded. A destroy needs the values for its providers.
    pub(super) fn leaves_out(&self, kind: &Kind) -> bool {
        if self.options.excludes.is_empty() || self.options.mode == Mode::Destroy {
            return false;
        }
        match kind {
            Kind::Instance(info) => self.is_excluded(&info.addr),
            other => self.is_excluded_block(other),
        }
    }

    /// Finds the prior instances that are kept, by the dependencies that the state holds.
    pub(super) fn keep_excluded(&mut self) {
        if self.options.excludes.is_empty() {
            return;
        }
        let mut kept: FxHashSet<InstanceAddr> =
            self.state.instances().map(|(addr, ..)| addr).filter(|addr| self.is_excluded(addr)).collect();
        if self.options.mode != Mode::Destroy {
            // Whatever was made from it.
            self.spread(&mut kept, |instance, _, resources| {
                dependencies(instance).any(|d| resources.contains(&d))
            });
        }
        let mut pinned = kept.clone();
        loop {
            let mut needed: FxHashSet<ResourceAddr> = FxHashSet::default();
            for (addr, _, instance) in self.state.instances() {
                if pinned.contains(&addr) {
                    needed.extend(dependencies(instance));
                }
            }
            let before = pinned.len();
            let all = self.state.instances().map(|(addr, ..)| addr);
            pinned.extend(all.filter(|a| needed.contains(&a.resource.without_keys())));
            if pinned.len() == before {
                break;
            }
        }
        self.excluded = Kept { kept, pinned };
    }

    /// Adds instances to a set until none is to be added any more.
    fn spread(
        &self,
        set: &mut FxHashSet<InstanceAddr>,
        belongs: impl Fn(&ResourceInstance, &InstanceAddr, &FxHashSet<ResourceAddr>) -> bool,
    ) {
        loop {
            let resources: FxHashSet<ResourceAddr> = set.iter().map(|a| a.resource.without_keys()).collect();
            let before = set.len();
            for (addr, _, instance) in self.state.instances() {
                if !set.contains(&addr) && belongs(instance, &addr, &resources) {
                    set.insert(addr);
                }
            }
            if set.len() == before {
                return;
            }
        }
    }

    /// What was left out: by name, or because it depends on that. Also warns of names that stand for nothing.
    pub(super) fn left_out(&mut self) -> Vec<LeftOut> {
        if self.options.excludes.is_empty() {
            return Vec::new();
        }
        let mut found: BTreeMap<String, bool> = BTreeMap::new();
        let mut note = |address: String, named: bool| {
            let known = found.entry(address).or_insert(named);
            *known |= named;
        };
        for prior in &self.priors {
            let named = self.is_excluded(&prior.addr);
            let gone = !self.ev.instances.contains_key(&prior.addr);
            let destroyed = self.options.mode == Mode::Destroy;
            if named || (self.excluded.is_not_removed(&prior.addr) && (gone || destroyed)) {
                note(prior.addr.to_string(), named);
            }
        }
        let mut blocks = Vec::new();
        if self.options.mode != Mode::Destroy {
            for (addr, cell) in &self.ev.instances {
                let named = self.is_excluded(addr);
                if named || self.ev.cells.get(*cell).status == Status::Failed {
                    note(addr.to_string(), named);
                }
            }
            for module in 0..self.ev.modules.len() as ModuleId {
                for cell in self.ev.blocks_of(module) {
                    let named = self.is_excluded_block(&self.ev.cells.get(cell).kind);
                    if (named && !self.has_instances(cell))
                        || self.ev.cells.get(cell).status == Status::Failed
                    {
                        blocks.push((self.address_of(module, cell), named));
                    }
                }
            }
        }
        for (address, named) in blocks {
            // Where its instances are known, they tell it better.
            let inside = |known: &String| {
                known
                    .strip_prefix(&address)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
            };
            if !found.keys().any(inside) {
                found.insert(address, named);
            }
        }
        for pattern in &self.options.excludes {
            let prior = self.priors.iter().any(|p| pattern.selects(&p.addr));
            let wanted = || self.ev.instances.keys().any(|a| pattern.selects(a));
            let block = || {
                (0..self.ev.modules.len() as ModuleId).flat_map(|m| self.ev.blocks_of(m)).any(|cell| {
                    let kind = &self.ev.cells.get(cell).kind;
                    match kind {
                        Kind::Keys(module, block) => pattern.covers(&ResourceAddr {
                            module: self.ev.module(*module).addr.clone(),
                            resource: block.block().resource.clone(),
                        }),
                        Kind::Calls(module, name) => pattern.covers_module(
                            &self.ev.module(*module).addr.child(name.clone(), InstanceKey::None),
                        ),
                        _ => false,
                    }
                })
            };
            if !prior && !wanted() && !block() {
                self.ev.diags.push(
                    Diagnostic::warning(
                        "Nothing is excluded by an address",
                        format!(
                            "Neither the configuration nor the state has anything at {pattern}, so it excludes nothing."
                        ),
                    )
                    .help("Look for a typing mistake, also in keys and their quotes."),
                );
            }
        }
        found.into_iter().map(|(address, named)| LeftOut { address, named }).collect()
    }

    fn has_instances(&self, cell: CellId) -> bool {
        self.ev.cells.get(cell).status == Status::Ready
    }

    fn address_of(&self, module: ModuleId, cell: CellId) -> String {
        let outer = &self.ev.module(module).addr;
        match &self.ev.cells.get(cell).kind {
            Kind::Keys(_, block) => {
                ResourceAddr { module: outer.clone(), resource: block.block().resource.clone() }.to_string()
            }
            Kind::Calls(_, name) => outer.child(Str::clone(name), InstanceKey::None).to_string(),
            _ => outer.to_string(),
        }
    }
}
