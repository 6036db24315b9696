//! What a plan was made from.

use super::Planner;
use crate::cells::{Content, Status};
use formwork_addr::{
    InstanceAddr, InstanceKey, ModuleInstance, ModulePath, ModuleStep, ResourceAddr, ResourceMode, Str,
    Target,
};
use formwork_plan::{Mode, Seen, digest};
use std::collections::{BTreeMap, BTreeSet};

impl Planner<'_> {
    /// What was looked at. `outputs` were compared with those of the state.
    pub(super) fn seen(&self, outputs: BTreeSet<Str>) -> Seen {
        let mut seen =
            Seen { outputs, files: self.files.clone(), asked: self.asked.clone(), ..Seen::default() };
        let all = !self.options.is_partial();
        for prior in &self.priors {
            if all || self.ev.cells.get(prior.cell).status != Status::Idle {
                let old = self.previous.get(&prior.addr).unwrap_or(&prior.addr);
                seen.instances.insert(old.clone());
            }
        }
        let absent = |addr: &InstanceAddr| self.state.instance(addr).is_none();
        let managed = |addr: &InstanceAddr| addr.resource.resource.mode == ResourceMode::Managed;
        let planned = self.drafts.iter().map(|d| &d.change.addr);
        seen.absent.extend(planned.filter(|a| managed(a) && absent(a)).cloned());
        if self.options.mode != Mode::Destroy {
            self.sets(&mut seen.sets);
        }
        for cell in self.ev.providers.values() {
            if let Content::Provider(handle) = &self.ev.cells.get(*cell).content {
                seen.environment.extend(handle.environment.iter().map(|n| (*n).to_owned()));
            }
        }
        seen
    }

    /// Whose instances count, whichever they are: what is declared, what is in the state and is not, and the old
    /// addresses of what moves or is removed.
    fn sets(&self, sets: &mut BTreeSet<Target>) {
        for (path, module) in &self.caller.setup.config.modules {
            let here = instance(path);
            let resources = module.resources.values().filter(|b| b.resource.mode == ResourceMode::Managed);
            sets.extend(resources.map(|b| {
                Target::Resource(ResourceAddr { module: here.clone(), resource: b.resource.clone() })
            }));
            let old = module.moved.iter().map(|m| &m.from).chain(module.removed.iter().map(|r| &r.from));
            sets.extend(old.map(|from| below(&here, from)));
        }
        let priors = self.priors.iter().filter(|p| self.selected(&p.addr));
        sets.extend(priors.map(|p| Target::Resource(p.addr.resource.without_keys())));
    }

    /// Whose objects each known provider configuration means.
    pub(super) fn providers(&self) -> BTreeMap<Str, String> {
        let mut providers = BTreeMap::new();
        for cell in self.ev.providers.values() {
            if let Content::Provider(handle) = &self.ev.cells.get(*cell).content
                && handle.known
            {
                providers.insert(handle.name.clone(), digest(handle.identity.as_bytes()));
            }
        }
        providers
    }
}

/// Any instance of a module.
fn instance(path: &ModulePath) -> ModuleInstance {
    let step = |name: &Str| ModuleStep { name: name.clone(), key: InstanceKey::None };
    ModuleInstance::new(path.0.iter().map(step).collect::<Vec<_>>())
}

/// An address within a module, as one from the root.
fn below(module: &ModuleInstance, target: &Target) -> Target {
    let join = |inner: &ModuleInstance| ModuleInstance::new([module.steps(), inner.steps()].concat());
    let resource = |r: &ResourceAddr| ResourceAddr { module: join(&r.module), resource: r.resource.clone() };
    match target {
        Target::Module(m) => Target::Module(join(m)),
        Target::Resource(r) => Target::Resource(resource(r)),
        Target::Instance(i) => Target::Instance(resource(&i.resource).instance(i.key.clone())),
    }
}
