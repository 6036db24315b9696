//! Plans that only look: whoever names a resource is told what there is of it, whatever the configuration makes of it by now.

use super::Planner;
use crate::cells::{BlockRef, CellId, Content, InstanceInfo, Kind, ModuleId, Status};
use crate::expand::Expansion;
use crate::graph::Object;
use formwork_addr::{InstanceAddr, InstanceKey, ModuleInstance, ModulePath, Resource, ResourceAddr};
use formwork_plan::Mode;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// An index in a state that is greater than this is not counted up to.
const HIGHEST: u64 = 1 << 20;

impl Planner<'_> {
    /// Fills the cell of a block's instances with those that there are. Others of the configuration have conditions, too, but
    /// nobody is told of them.
    pub(super) fn expand_as_it_is(&mut self, cell: CellId, module: ModuleId, block: &BlockRef) {
        let resource = ResourceAddr {
            module: self.ev.module(module).addr.clone(),
            resource: block.block().resource.clone(),
        };
        let there = match self.existing(&resource) {
            Ok(there) => there,
            Err(missing) => return self.ev.cells.wait(cell, &missing),
        };
        self.ev.run(cell);
        // Without one, it waits, or has failed.
        let Some(declared) = self.ev.expansion(cell) else { return };
        if declared.iter().map(|(key, _)| key).eq(there.iter().cloned()) {
            return;
        }
        let mut told = |key: InstanceKey| match declared.get(&key) {
            Some(known) => *known,
            None => {
                let addr = resource.instance(key);
                let refresh = self.ev.refreshes.get(&addr).copied();
                let block = block.clone();
                let info = InstanceInfo { addr, module, block, each: None, refresh, keys: cell };
                self.ev.cells.add(Kind::Instance(Arc::new(info)))
            }
        };
        let expansion = match &*declared {
            Expansion::Count(_) => {
                let index = |key: &InstanceKey| match key {
                    InstanceKey::Int(i) => Some(*i),
                    _ => None,
                };
                let highest = there.iter().filter_map(index).max();
                if highest.is_some_and(|i| i > HIGHEST) {
                    return;
                }
                let all = 0..highest.map_or(0, |i| i + 1);
                Expansion::Count(all.map(|i| told(InstanceKey::Int(i))).collect())
            }
            Expansion::ForEach(_) => {
                let keys = there.iter().filter_map(|key| match key {
                    InstanceKey::Str(key) => Some(key.clone()),
                    _ => None,
                });
                Expansion::ForEach(keys.map(|key| (key.clone(), told(InstanceKey::Str(key)))).collect())
            }
            Expansion::Absent if there.contains(&InstanceKey::None) => {
                Expansion::Single(told(InstanceKey::None))
            }
            // Of the only one, nothing is known where it is not there.
            Expansion::Single(_) | Expansion::Absent | Expansion::Unknown => return,
        };
        for (key, only_declared) in declared.iter().filter(|(key, _)| expansion.get(key).is_none()) {
            if !self.only_telling && self.selected(&resource.instance(key)) {
                self.ev.cells.demand(*only_declared);
            }
        }
        self.ev.may_need_gate(cell, expansion.iter().count());
        self.ev.cells.get_mut(cell).content = Content::Keys(Arc::new(expansion));
    }

    /// The keys of the instances of a resource that are there, in their order; otherwise, which objects have to be read first.
    fn existing(&self, resource: &ResourceAddr) -> Result<Vec<InstanceKey>, Vec<CellId>> {
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        let instances = self.state.resources.get(resource).into_iter().flat_map(|r| &r.instances);
        for (key, _) in instances.filter(|(_, instance)| instance.current.is_some()) {
            let addr = resource.instance(key.clone());
            let Some(refresh) = self.ev.refreshes.get(&addr).copied() else { continue };
            let found = self.ev.cells.get(refresh);
            let is_read = self.selected(&addr) && !self.excluded.is_not_read(&addr);
            match (found.status, &found.content) {
                (Status::Ready, Content::Object(None)) => {}
                (Status::Idle | Status::Busy, _) if is_read => missing.push(refresh),
                _ => there.push(key.clone()),
            }
        }
        if missing.is_empty() { Ok(there) } else { Err(missing) }
    }

    /// With `-target`, finds what the targets need: a plan that only looks does not ask for it on the way, because it does not
    /// evaluate them.
    pub(super) fn look_behind(&mut self) {
        if self.options.mode != Mode::RefreshOnly || self.options.targets.is_empty() {
            return;
        }
        let targets: FxHashSet<(ModulePath, Resource)> = self
            .state
            .instances()
            .map(|(addr, ..)| addr)
            .filter(|a| self.selected(a))
            .map(block_of)
            .collect();
        let graph = self.graph.clone();
        for (path, resource) in targets {
            let target = Object::Resource(path, resource);
            for needed in graph.needs(&target).into_iter().filter(|o| **o != target) {
                if let Object::Resource(path, resource) = needed {
                    self.behind.insert((path.clone(), resource.clone()));
                }
            }
        }
    }

    /// Whether targets need an instance.
    pub(super) fn is_behind(&self, addr: &ResourceAddr) -> bool {
        !self.behind.is_empty() && self.behind.contains(&(addr.module.path(), (*addr.resource).clone()))
    }

    /// Whether targets may need something in a module instance.
    pub(super) fn leads_behind(&self, module: &ModuleInstance) -> bool {
        let names = module.path().0;
        self.behind.iter().any(|(path, _)| path.0.starts_with(&names))
    }
}

/// The block of an instance.
fn block_of(addr: InstanceAddr) -> (ModulePath, Resource) {
    (addr.resource.module.path(), (*addr.resource.resource).clone())
}
