//! Planning one managed instance.

use super::ignored::ignore_changes;
use super::lifecycle::postconditions;
use super::{Done, Draft, Planner};
use crate::calls::NoRecorder;
use crate::cells::{CellId, Content, InstanceInfo, Kind, Status};
use crate::checks;
use crate::deps::Deps;
use crate::evaluator::Ran;
use crate::instance::Refreshed;
use crate::prepare::{Prepared, call_failed, prepare, problem};
use crate::refresh::as_stored;
use formwork_addr::{InstanceAddr, ResourceAddr, Str};
use formwork_diag::Severity;
use formwork_plan::{Action, Cause, Deferred, Mode, PlannedChange, Reason, ReplaceOrder};
use formwork_provider::{CallError, PlanRequest, PlanResponse, check_planned, default_plan};
use formwork_state::{Status as ObjectStatus, StoredObject};
use formwork_value::{Marks, Path, Value};
use std::sync::Arc;

/// An instance that waits for its provider.
pub(super) struct Waiting {
    pub instance: Arc<InstanceInfo>,
    pub prepared: Prepared,
    /// The configuration without marks, and its marks, `ignore_changes` applied to both.
    pub config: Value,
    pub marks: Vec<(Path, Marks)>,
    pub prior: Option<Arc<Refreshed>>,
    /// Set when the object has to be replaced, or would have to be if it were there: why, and by which paths. The plan asked for
    /// is that of the new object.
    pub replacing: Option<(Reason, Vec<Path>)>,
    /// Said when the object is where another provider configuration leads to.
    pub elsewhere: Option<String>,
}

impl Planner<'_> {
    pub(super) fn instance(&mut self, cell: CellId, instance: &Arc<InstanceInfo>) {
        let prepared = match prepare(&mut self.ev, instance) {
            Ran::Done(prepared, _) => prepared,
            Ran::Missing(missing) => return self.ev.cells.wait(cell, &missing),
            Ran::Failed => return self.ev.cells.fail(cell),
        };
        let needed = self.needed.get(&instance.addr).map(|user| Deferred {
            address: instance.addr.to_string(),
            cause: Cause::DeferredPrereq,
            reason: format!("it is to be replaced, but {user} was made from it, and has to wait"),
            within: Vec::new(),
        });
        if let Some(deferred) = needed.or_else(|| self.ev.has_to_wait(&instance.addr, &prepared)) {
            return self.defer(cell, instance, prepared, deferred);
        }
        let mut prior = instance.refresh.and_then(|id| match &self.ev.cells.get(id).content {
            Content::Object(found) => found.clone(),
            _ => None,
        });
        // What the state knows is not imported, even if it turns out to be gone.
        if instance.refresh.is_none() {
            match self.wanted_import(cell, instance, &prepared) {
                Ran::Done(found, _) => prior = found,
                Ran::Missing(missing) if missing.is_empty() => return,
                Ran::Missing(missing) => return self.ev.cells.wait(cell, &missing),
                Ran::Failed => return self.ev.cells.fail(cell),
            }
        }
        let (config, marks) = prepared.config.clone().unmark_paths();
        let Some(resource) = prepared.info.managed().cloned() else { return self.ev.cells.fail(cell) };
        let mut refused = false;
        for p in resource.validate(&config) {
            refused |= p.severity == Severity::Error;
            self.ev.diags.push(prepared.problem(instance, &p));
        }
        if refused {
            return self.ev.cells.fail(cell);
        }
        let marks = crate::write_only::kept(&prepared.info.schema, marks);
        let config = crate::write_only::without(&prepared.info.schema, config);
        let elsewhere = match self.elsewhere(instance, &prepared) {
            Ran::Done(elsewhere, _) => elsewhere,
            Ran::Missing(missing) => return self.ev.cells.wait(cell, &missing),
            Ran::Failed => return self.ev.cells.fail(cell),
        };
        let triggered = self.is_triggered(&prepared.triggers);
        let replacing = match &prior {
            // It is the reason of the whole block, also where there is nothing yet to be replaced.
            None if triggered => Some((Reason::ReplaceByTriggers, Vec::new())),
            Some(_) if elsewhere.is_some() => Some((Reason::ReplaceBecauseCannotUpdate, Vec::new())),
            Some(_) if triggered => Some((Reason::ReplaceByTriggers, Vec::new())),
            Some(p) if p.stored.status == ObjectStatus::Tainted => {
                Some((Reason::ReplaceBecauseTainted, Vec::new()))
            }
            Some(_) if self.options.replace.contains(&instance.addr) => {
                Some((Reason::ReplaceByRequest, Vec::new()))
            }
            _ => None,
        };
        // A new object has no changes that could be ignored.
        let (config, marks) = match &prior {
            Some(prior) if replacing.is_none() => {
                ignore_changes(&mut self.ev, instance, config, marks, &prior.marked)
            }
            _ => (config, marks),
        };
        let instance = instance.clone();
        let waiting = Waiting { instance, prepared, config, marks, prior, replacing, elsewhere };
        self.ask(cell, waiting);
    }

    /// Asks for the provider's plan.
    fn ask(&mut self, cell: CellId, waiting: Waiting) {
        let prior = match (&waiting.replacing, &waiting.prior) {
            (None, Some(prior)) => Some(prior.object.clone()),
            _ => None,
        };
        let info = waiting.prepared.info.clone();
        let Some(resource) = info.managed().cloned() else { return self.ev.cells.fail(cell) };
        let config = waiting.config.clone();
        if resource.plans() {
            self.files.extend(resource.files(&config));
        }
        let provider = waiting.prepared.provider.clone();
        self.waiting.insert(cell, waiting);
        if !resource.plans() || !provider.known {
            let request = PlanRequest { config: &config, prior: prior.as_ref() };
            let mut response = default_plan(&info.schema, &request);
            if resource.plans() {
                response
                    .notes
                    .push("not checked by the provider, because its configuration is not known yet".into());
            }
            return self.was_planned(cell, Ok(response));
        }
        let caller = self.caller.clone();
        self.start(Box::pin(async move {
            let result = caller
                .with(&provider, "", &NoRecorder, async |call| {
                    let request = PlanRequest { config: &config, prior: prior.as_ref() };
                    resource.plan(call, &request).await
                })
                .await;
            Done::Planned(cell, result)
        }));
    }

    /// Takes in the provider's plan.
    pub(super) fn was_planned(&mut self, cell: CellId, result: Result<PlanResponse, CallError>) {
        let Some(mut waiting) = self.waiting.remove(&cell) else { return };
        let instance = waiting.instance.clone();
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                let error = waiting.prepared.discreet(error);
                self.ev.diags.push(call_failed(Some(&instance), &instance.addr, &error));
                return self.ev.cells.fail(cell);
            }
        };
        let info = waiting.prepared.info.clone();
        let asked_about = match (&waiting.replacing, &waiting.prior) {
            (None, Some(prior)) => Some(&prior.object.value),
            _ => None,
        };
        if let Some(prior) = asked_about {
            let changed: Vec<Path> = response
                .replace
                .iter()
                .filter(|path| prior.at(path) != response.planned.at(path))
                .cloned()
                .collect();
            if !changed.is_empty() {
                waiting.replacing = Some((Reason::ReplaceBecauseCannotUpdate, changed));
                let (whole, marks) = waiting.prepared.config.clone().unmark_paths();
                waiting.marks = crate::write_only::kept(&info.schema, marks);
                waiting.config = crate::write_only::without(&info.schema, whole);
                return self.ask(cell, waiting);
            }
        }
        let problems = check_planned(&info.schema, &waiting.config, asked_about, &response.planned);
        if !problems.is_empty() {
            for p in &problems {
                self.ev.diags.push(problem(&instance, p));
            }
            return self.ev.cells.fail(cell);
        }
        let after = info.mark(response.planned.clone().mark_paths(&waiting.marks));
        let before = waiting.prior.as_ref().map(|p| p.marked.clone());
        let (action, reason, replace_paths) = match (&before, waiting.replacing.take()) {
            (None, replacing) => (Action::Create, replacing.map(|(reason, _)| reason), Vec::new()),
            // The order is settled when everything is planned.
            (Some(before), Some((reason, mut paths))) => {
                if paths.is_empty() && reason != Reason::ReplaceBecauseTainted && waiting.elsewhere.is_none()
                {
                    paths = changed_paths(&info.schema, &waiting.prepared.config, before, &after);
                    // A change that is ignored is no cause, although the new object has it.
                    if let Some(prior) = &waiting.prior {
                        let config = &waiting.config;
                        let old = &prior.object.value;
                        let (ignored, _) =
                            ignore_changes(&mut self.ev, &instance, config.clone(), Vec::new(), old);
                        paths.retain(|path| ignored.at(path) == config.at(path));
                    }
                }
                (Action::Replace(ReplaceOrder::DestroyFirst), Some(reason), paths)
            }
            (Some(before), None) if *before == after => (Action::NoOp, None, Vec::new()),
            (Some(_), None) => (Action::Update, None, Vec::new()),
        };
        let own = &instance.addr.resource;
        let dependencies = self.ev.resources_in(&waiting.prepared.inputs, own);
        let mut notes = response.notes;
        notes.extend(waiting.elsewhere.take());
        if let (Action::Replace(_), Some(prior), Some(resource)) = (action, &waiting.prior, info.managed()) {
            notes.extend(resource.removal(&prior.object));
        }
        let mut change = PlannedChange {
            addr: instance.addr.clone(),
            deposed: None,
            previous_addr: self.previous.get(&instance.addr).cloned(),
            provider: waiting.prepared.provider.name.clone(),
            action,
            reason,
            before,
            after: Some(after.clone()),
            replace_paths,
            prior: waiting.prior.as_ref().map(|p| p.stored.clone()),
            private: response.private,
            schema_version: info.schema.version,
            dependencies,
            create_before_destroy: false,
            notes,
            span: Some(instance.block.block().span),
        };
        let moved = waiting
            .prior
            .as_ref()
            .is_some_and(|p| self.recorded(&instance.addr, &p.stored) != Some(&change.provider));
        if action == Action::NoOp && (self.stale_dependencies(&mut change) || moved) {
            let provider = change.provider.clone();
            self.refreshed.set(&instance.addr, None, &provider, change.prior.clone());
        }
        let after = info.read_by_others(after);
        match postconditions(&mut self.ev, &instance, &after) {
            Ran::Done(..) => {}
            Ran::Missing(missing) => {
                // They may speak of other objects: planned again when those are there.
                self.ev.cells.wait(cell, &missing);
                return;
            }
            Ran::Failed => return self.ev.cells.fail(cell),
        }
        self.record(cell, change, waiting.prepared.inputs.clone(), waiting.prepared.provider_cell);
        self.ev.cells.complete(cell, Content::Value(after), None);
    }

    /// Leaves an instance for a later plan. Its value is what the configuration says so far.
    pub(super) fn defer(
        &mut self,
        cell: CellId,
        instance: &Arc<InstanceInfo>,
        prepared: Prepared,
        deferred: Deferred,
    ) {
        let info = &prepared.info;
        let prior = instance.refresh.and_then(|id| match &self.ev.cells.get(id).content {
            Content::Object(found) => found.clone(),
            _ => None,
        });
        let (config, marks) = prepared.config.clone().unmark_paths();
        let mut marks = crate::write_only::kept(&info.schema, marks);
        let mut config = crate::write_only::without(&info.schema, config);
        if let Some(prior) = &prior {
            (config, marks) = ignore_changes(&mut self.ev, instance, config, marks, &prior.marked);
        }
        let request = PlanRequest { config: &config, prior: prior.as_ref().map(|p| &p.object) };
        let planned = default_plan(&info.schema, &request).planned;
        let after = info.mark(planned.mark_paths(&marks));
        let change = PlannedChange {
            addr: instance.addr.clone(),
            deposed: None,
            previous_addr: self.previous.get(&instance.addr).cloned(),
            provider: prepared.provider.name.clone(),
            action: Action::Defer,
            reason: None,
            before: prior.as_ref().map(|p| p.marked.clone()),
            after: Some(after.clone()),
            replace_paths: Vec::new(),
            prior: prior.as_ref().map(|p| p.stored.clone()),
            private: Vec::new(),
            schema_version: info.schema.version,
            dependencies: self.ev.resources_in(&prepared.inputs, &instance.addr.resource),
            create_before_destroy: false,
            notes: Vec::new(),
            span: Some(instance.block.block().span),
        };
        self.record(cell, change, prepared.inputs.clone(), prepared.provider_cell);
        self.ev.deferred.insert(cell, deferred);
        self.ev.cells.complete(cell, Content::Value(after), None);
    }

    /// The provider configuration that the state names for an object.
    fn recorded<'a>(&'a self, addr: &InstanceAddr, stored: &'a StoredObject) -> Option<&'a Str> {
        stored.provider.as_ref().or_else(|| self.state.resources.get(&addr.resource).map(|r| &r.provider))
    }

    /// Whether the object of an instance is where another provider configuration than its own leads to, as can be when either
    /// is one of several that a `for_each` makes: it cannot follow, but has to be made anew. Says so.
    fn elsewhere(&mut self, instance: &InstanceInfo, prepared: &Prepared) -> Ran<Option<String>> {
        let here = Ran::Done(None, Deps::default());
        let recorded = self.state.instance(&instance.addr).and_then(|i| {
            let stored = i.current.as_ref()?;
            self.recorded(&instance.addr, stored).filter(|r| **r != prepared.provider.name).cloned()
        });
        let (Some(recorded), true) = (recorded, prepared.info.managed().is_some_and(|r| r.drifts())) else {
            return here;
        };
        let key = match crate::recover::managing(&self.caller.setup.config, &instance.addr, &recorded) {
            Ok(key) => key,
            Err(d) => {
                self.ev.diags.push(d);
                return Ran::Failed;
            }
        };
        let cell = self.ev.provider_cell(key);
        match self.ev.cells.get(cell).status {
            Status::Ready => {}
            Status::Failed => return Ran::Failed,
            _ => return Ran::Missing(vec![cell]),
        }
        let Some(there) = self.ev.provider_of(cell).filter(|p| p.known && prepared.provider.known) else {
            return here;
        };
        if there.identity == prepared.provider.identity {
            return here;
        }
        let note = format!(
            "it is managed by {}, and its block uses {}: it has to be made anew there",
            there.name, prepared.provider.name
        );
        Ran::Done(Some(note), Deps::default())
    }

    pub(super) fn record(
        &mut self,
        cell: CellId,
        change: PlannedChange,
        inputs: Arc<Deps>,
        provider: CellId,
    ) {
        self.draft_of.insert(cell, self.drafts.len());
        let seq = self.drafts.len();
        if seq == self.drafts.capacity() {
            // For what is known to come, or half as much again: drafts are large.
            let known = self.ev.instances.len().saturating_sub(seq);
            self.drafts.reserve_exact(known.max(seq / 2 + 4));
        }
        self.drafts.push(Draft { change, cell: Some(cell), inputs, provider: Some(provider), seq });
    }

    /// Brings what the state says about where an unchanged object came from up to date.
    fn stale_dependencies(&self, change: &mut PlannedChange) -> bool {
        let Some(prior) = &change.prior else { return false };
        let same: &[ResourceAddr] = &prior.dependencies;
        if *same == *change.dependencies {
            return false;
        }
        let mut stored = (**prior).clone();
        stored.dependencies = change.dependencies.clone();
        change.prior = Some(Arc::new(stored));
        true
    }

    /// An instance of a destroy or refresh-only plan: its value is the object as it is.
    pub(super) fn as_it_is(&mut self, cell: CellId, instance: &Arc<InstanceInfo>) {
        let Some(info) = self.ev.type_info(&instance.addr.resource.resource) else {
            return self.ev.cells.fail(cell);
        };
        let value = match instance.refresh {
            None => Value::unknown(info.ty.clone()),
            Some(refresh) => {
                let found = self.ev.cells.get(refresh);
                match (found.status, &found.content) {
                    (Status::Ready, Content::Object(Some(object))) => object.marked.clone(),
                    (Status::Ready, _) => Value::unknown(info.ty.clone()),
                    (Status::Failed, _) => return self.ev.cells.fail(cell),
                    _ => return self.ev.cells.wait(cell, &[refresh]),
                }
            }
        };
        // What the configuration no longer has is nothing that its conditions speak of.
        let declared = self.ev.instances.get(&instance.addr) == Some(&cell);
        if self.options.mode == Mode::RefreshOnly && declared {
            match self.conditions(instance, &value) {
                Ran::Done(..) => {}
                Ran::Missing(missing) => return self.ev.cells.wait(cell, &missing),
                Ran::Failed => return self.ev.cells.fail(cell),
            }
        }
        self.ev.cells.complete(cell, Content::Value(value), None);
    }

    /// What no target needs is told as the state has it; nobody is asked for it.
    pub(super) fn as_it_was(&mut self, cell: CellId, instance: &Arc<InstanceInfo>) {
        let stored = || {
            let Kind::Refresh(index) = self.ev.cells.get(instance.refresh?).kind else { return None };
            let info = self.ev.type_info(&instance.addr.resource.resource)?;
            as_stored(&info, &self.priors[index as usize]).ok()
        };
        match stored() {
            Some(old) => self.ev.cells.complete(cell, Content::Value(old.marked), None),
            None => self.ev.cells.fail(cell),
        }
    }

    /// Looks whether what there is fulfils the conditions of its block.
    fn conditions(&mut self, instance: &InstanceInfo, value: &Value) -> Ran<()> {
        let list = &instance.block.block().lifecycle.preconditions;
        let each = Some((instance.key(), instance.each.as_ref()));
        let before = checks::conditions(
            &mut self.ev,
            instance.module,
            each,
            None,
            list,
            &instance.addr,
            "precondition",
        );
        match before {
            Ran::Done(..) => postconditions(&mut self.ev, instance, value),
            other => other,
        }
    }
}

/// Attributes marked `replace` in the schema that differ, because the configuration says something else now: what the
/// provider chooses anew for a new object is no cause of it.
fn changed_paths(
    schema: &formwork_provider::Schema,
    config: &Value,
    before: &Value,
    after: &Value,
) -> Vec<Path> {
    let left_open = |name: &str| config.get(name).is_none_or(Value::is_null);
    schema
        .block
        .attributes
        .iter()
        .filter(|(name, a)| {
            a.replace && before.get(name) != after.get(name) && !(a.computed && left_open(name))
        })
        .map(|(name, _)| Path::root().attr(name.clone()))
        .collect()
}
