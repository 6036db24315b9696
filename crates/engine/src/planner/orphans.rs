//! Prior instances that the configuration no longer has: only where it is certain that it does not.

use super::{Draft, Planner};
use crate::cells::{CellId, Content, Status};
use crate::deps::Deps;
use crate::expand::Expansion;
use crate::instance::Refreshed;
use crate::refresh::Prior;
use formwork_addr::{InstanceAddr, InstanceKey, ModuleInstance, ResourceAddr, ResourceMode};
use formwork_diag::Diagnostic;
use formwork_plan::{Action, Cause, Deferred, Mode, PlannedChange, Reason};
use formwork_state::{Origins, add_origins, behind};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Planner<'_> {
    /// Plans the removal of what is no longer wanted; in a destroy, of everything.
    pub(super) async fn orphans(&mut self) {
        if self.options.mode == Mode::RefreshOnly {
            return;
        }
        let mut found: Vec<(usize, Option<Reason>)> = Vec::new();
        for (i, prior) in self.priors.iter().enumerate() {
            if prior.deposed.is_some()
                || !self.selected(&prior.addr)
                || self.excluded.is_not_removed(&prior.addr)
            {
                continue;
            }
            if self.options.mode == Mode::Destroy {
                found.push((i, None));
            } else if let Some(reason) = self.orphaned(&prior.addr) {
                found.push((i, Some(reason)));
            }
        }
        for (i, _) in &found {
            self.ev.cells.demand(self.priors[*i].cell);
        }
        self.drain(false).await;
        let kept = self.stood_on();
        for (i, reason) in found {
            match kept.get(&self.priors[i].addr.resource.without_keys()) {
                Some(user) => self.keep(i, "it is no longer in the configuration", user),
                None => self.remove(i, reason).await,
            }
        }
        self.drop_data();
    }

    /// Whether the removal of what is at a prior address is going to be planned.
    pub(super) fn goes(&self, addr: &InstanceAddr) -> bool {
        self.selected(addr) && !self.excluded.is_not_removed(addr) && self.orphaned(addr).is_some()
    }

    /// Resources that objects which have to wait stand on, through whatever lies between, each with one of those. They stay as
    /// they are until those have been planned.
    pub(super) fn stood_on(&self) -> BTreeMap<ResourceAddr, InstanceAddr> {
        let mut found = BTreeMap::new();
        let waiting = self.waiting_objects();
        if waiting.is_empty() {
            return found;
        }
        let mut origins = Origins::new();
        add_origins(&mut origins, self.state);
        let mut seen = FxHashSet::default();
        for user in waiting {
            if seen.insert(Arc::as_ptr(&user.stored.dependencies)) {
                for resource in behind(&origins, user.stored.dependencies.iter()) {
                    found.entry(resource).or_insert_with(|| user.addr.clone());
                }
            }
        }
        found
    }

    /// Objects of instances that have to wait.
    pub(super) fn waiting_objects(&self) -> Vec<&Prior> {
        if self.ev.deferred.is_empty() || self.options.mode != Mode::Normal {
            return Vec::new();
        }
        self.priors.iter().filter(|p| self.waits(&p.addr)).collect()
    }

    /// Whether an instance has to wait.
    fn waits(&self, addr: &InstanceAddr) -> bool {
        let cell = self.ev.instances.get(addr);
        cell.is_some_and(|c| self.ev.deferred.contains_key(c)) || self.ev.may_be_waiting(addr)
    }

    /// Adds objects whose replacement would remove them first, although something was made from them that has to wait: it would
    /// take away what that stands on. Not those for which others wait: there is no other way.
    pub(super) async fn undermined(&mut self, needed: &mut FxHashMap<InstanceAddr, InstanceAddr>) {
        let stood_on = self.stood_on();
        if stood_on.is_empty() {
            return;
        }
        let said = self.ev.diags.len();
        let create_first = self.create_before_destroy().await;
        // It is asked again, and then its answers count.
        self.ev.diags.truncate(said);
        let mut awaited = FxHashSet::default();
        for id in self.ev.deferred.keys() {
            if let Some(deps) = &self.ev.cells.get(*id).deps {
                deps.each(&mut |id| {
                    awaited.insert(id);
                });
            }
        }
        for draft in self.drafts.iter().filter(|d| matches!(d.change.action, Action::Replace(_))) {
            let own = draft.change.addr.resource.without_keys();
            let resource = &draft.change.addr.resource;
            if draft.cell.is_some_and(|cell| awaited.contains(&cell))
                || create_first.contains(&(resource.module.path(), (*resource.resource).clone()))
            {
                continue;
            }
            if let Some(user) = stood_on.get(&own) {
                needed.insert(draft.change.addr.clone(), user.clone());
            }
        }
    }

    /// Leaves an object that would be removed for a later plan.
    fn keep(&mut self, index: usize, why: &str, user: &InstanceAddr) {
        let reason = format!("{why}, but {user} was made from it, and has to wait");
        self.put_off(index, Cause::DeferredPrereq, reason);
    }

    /// Leaves the removal of an object for a later plan. What is gone already needs none.
    fn put_off(&mut self, index: usize, cause: Cause, reason: String) {
        let Some(object) = self.object_of(index) else { return };
        let prior = &self.priors[index];
        // Where there are several objects, the current one tells that they have moved.
        let previous = self.previous.get(&prior.addr).filter(|_| prior.deposed.is_none());
        let change = PlannedChange {
            addr: prior.addr.clone(),
            deposed: prior.deposed.clone(),
            previous_addr: previous.cloned(),
            provider: prior.provider.clone(),
            action: Action::Defer,
            reason: None,
            before: Some(object.marked.clone()),
            after: None,
            replace_paths: Vec::new(),
            prior: Some(object.stored.clone()),
            private: Vec::new(),
            schema_version: object.stored.schema_version,
            dependencies: object.stored.dependencies.clone(),
            create_before_destroy: object.stored.create_before_destroy,
            notes: Vec::new(),
            span: None,
        };
        self.kept.push(Deferred { address: change.subject(), cause, reason, within: Vec::new() });
        let (seq, inputs) = (self.drafts.len(), Arc::new(Deps::default()));
        self.drafts.push(Draft { change, cell: None, inputs, provider: None, seq });
    }

    /// The object at a prior address as it was found; `None` where it is gone, or could not be read.
    fn object_of(&self, index: usize) -> Option<Arc<Refreshed>> {
        let cell = self.ev.cells.get(self.priors[index].cell);
        match (cell.status, &cell.content) {
            (Status::Ready, Content::Object(object)) => object.clone(),
            _ => None,
        }
    }

    /// Plans the removal of deposed objects.
    pub(super) async fn deposed(&mut self) {
        if self.options.mode == Mode::RefreshOnly {
            return;
        }
        let kept = self.stood_on();
        for i in 0..self.priors.len() {
            let addr = self.priors[i].addr.clone();
            if self.priors[i].deposed.is_none() || !self.selected(&addr) || self.excluded.is_not_read(&addr) {
                continue;
            }
            self.ev.cells.demand(self.priors[i].cell);
            self.drain(false).await;
            if let Some(user) = kept.get(&addr.resource.without_keys()) {
                self.keep(i, "it was replaced", user);
            } else if self.options.mode == Mode::Normal && self.waits(&addr) {
                let reason = "it was replaced, and its instance has to wait".into();
                self.put_off(i, Cause::DeferredPrereq, reason);
            } else {
                self.remove(i, None).await;
            }
        }
    }

    async fn remove(&mut self, index: usize, reason: Option<Reason>) {
        let Some(object) = self.object_of(index) else { return };
        let prior = &self.priors[index];
        let provider = match self.ev.managing(&prior.addr, &prior.provider) {
            Ok(provider) => provider,
            Err(d) => return self.ev.diags.push(d),
        };
        let (addr, deposed) = (prior.addr.clone(), prior.deposed.clone());
        self.ev.cells.demand(provider);
        self.drain(false).await;
        let handle = self.ev.provider_of(provider);
        let Some(handle) = handle else { return };
        if !handle.known && self.options.mode == Mode::Normal {
            return self.not_reached(index, provider, &handle.name);
        }
        let config = &self.caller.setup.config;
        let forget = self.options.mode == Mode::Normal
            && crate::moves::removed(config, &addr).is_some_and(|(_, r)| !r.destroy);
        let span = config
            .module(&addr.resource.module.path())
            .and_then(|m| m.resources.get(&*addr.resource.resource))
            .map(|b| b.span);
        let previous_addr = self.previous.get(&addr).cloned();
        let info = self.ev.type_info(&addr.resource.resource);
        let notes = match info.as_ref().and_then(|info| info.managed()) {
            Some(resource) if !forget => resource.removal(&object.object),
            _ => Vec::new(),
        };
        let change = PlannedChange {
            addr,
            deposed,
            previous_addr,
            provider: handle.name.clone(),
            action: if forget { Action::Forget } else { Action::Delete },
            reason,
            before: Some(object.marked.clone()),
            after: None,
            replace_paths: Vec::new(),
            prior: Some(object.stored.clone()),
            private: object.object.private.clone(),
            schema_version: object.stored.schema_version,
            dependencies: object.stored.dependencies.clone(),
            create_before_destroy: object.stored.create_before_destroy,
            notes,
            span,
        };
        let seq = self.drafts.len();
        let inputs = Arc::new(Deps::default());
        self.drafts.push(Draft { change, cell: None, inputs, provider: Some(provider), seq });
    }

    /// An object that is to be removed, and nobody can say yet where it is: the configuration of its provider will be known
    /// later. Removed with that, it might be looked for in another place.
    fn not_reached(&mut self, index: usize, provider: CellId, name: &str) {
        let behind = self.ev.cells.get(provider).deps.clone().unwrap_or_default();
        let reason = self.ev.awaiting(&format!("the configuration of its provider {name}"), &behind);
        if self.ev.deferring {
            return self.put_off(
                index,
                Cause::ProviderConfigUnknown,
                format!("it is to be removed, and {reason}"),
            );
        }
        let addr = &self.priors[index].addr;
        self.ev.diags.push(
            Diagnostic::error(
                "Provider configuration not known yet",
                format!("{addr} is to be removed, and {reason}. It may be elsewhere than that will say."),
            )
            .help("Let it wait (without -allow-deferral=false), or apply first what the provider's configuration needs, with -target.")
            .about(addr),
        );
    }

    /// Data that is no longer read leaves the state.
    fn drop_data(&mut self) {
        let mut gone = Vec::new();
        for (addr, resource, _) in self.state.instances() {
            if addr.resource.resource.mode == ResourceMode::Data
                && self.selected(&addr)
                && self.options.mode != Mode::Destroy
                && self.orphaned(&addr).is_some()
            {
                gone.push((addr, resource.provider.clone()));
            }
        }
        for (addr, provider) in gone {
            self.refreshed.set(&addr, None, &provider, None);
        }
    }

    /// Why an instance of the state is certainly not in the configuration any more.
    fn orphaned(&self, addr: &InstanceAddr) -> Option<Reason> {
        let config = &self.caller.setup.config;
        let module = &addr.resource.module;
        // Of an instance that nobody can speak of yet, nothing is deleted.
        if self.module_waits(module) {
            return None;
        }
        let declared = config.module(&module.path());
        if !declared.is_some_and(|m| m.resources.contains_key(&*addr.resource.resource)) {
            return Some(match self.previous.contains_key(addr) {
                true => Reason::DeleteBecauseNoMoveTarget,
                false => Reason::DeleteBecauseNoResourceConfig,
            });
        }
        let Some(id) = self.ev.by_addr.get(module).copied() else {
            return self.module_gone(module).then_some(Reason::DeleteBecauseNoModule);
        };
        let keys = self.ev.keys_cell(id, &addr.resource.resource)?;
        // Not expanded: nothing can be said, and nothing is deleted.
        let expansion = self.ev.expansion(keys)?;
        if expansion.get(&addr.key).is_some() {
            return None;
        }
        Some(match (&*expansion, &addr.key) {
            (Expansion::Unknown, _) => return None,
            (Expansion::Absent, _) => Reason::DeleteBecauseEnabledFalse,
            (Expansion::Count(_), InstanceKey::Int(_)) => Reason::DeleteBecauseCountIndex,
            (Expansion::ForEach(_), InstanceKey::Str(_)) => Reason::DeleteBecauseEachKey,
            _ => Reason::DeleteBecauseWrongRepetition,
        })
    }

    /// Whether it is not known which instances there are of a module around this one, or of itself.
    fn module_waits(&self, module: &ModuleInstance) -> bool {
        let steps = module.steps();
        (0..steps.len()).any(|depth| {
            let outer = ModuleInstance::new(steps[..depth].to_vec());
            let call =
                self.ev.by_addr.get(&outer).and_then(|id| self.ev.module(*id).calls.get(&steps[depth].name));
            call.is_some_and(|cell| match &self.ev.cells.get(*cell).content {
                Content::Calls(expansion) => matches!(**expansion, Expansion::Unknown),
                _ => false,
            })
        })
    }

    /// Whether a module instance is certainly not there: some call above it was expanded, and lacks the key.
    fn module_gone(&self, module: &ModuleInstance) -> bool {
        let steps = module.steps();
        for depth in 0..steps.len() {
            let outer = ModuleInstance::new(steps[..depth].to_vec());
            let Some(id) = self.ev.by_addr.get(&outer) else { return false };
            let Some(cell) = self.ev.module(*id).calls.get(&steps[depth].name) else { return true };
            let expanded: &CellId = cell;
            match &self.ev.cells.get(*expanded).content {
                Content::Calls(expansion) if matches!(**expansion, Expansion::Unknown) => return false,
                Content::Calls(expansion) => {
                    if expansion.get(&steps[depth].key).is_none() {
                        return true;
                    }
                }
                _ => return false,
            }
        }
        false
    }
}
