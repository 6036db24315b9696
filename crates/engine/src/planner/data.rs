//! Data sources: read while planning, or left for apply when that is not possible yet.

use super::lifecycle::postconditions;
use super::{Done, Planner, instance::Waiting};
use crate::calls::NoRecorder;
use crate::cells::{CellId, Content, InstanceInfo, Kind};
use crate::deps::Deps;
use crate::evaluator::Ran;
use crate::event::Verb;
use crate::graph::Object;
use crate::instance::{decode, encode, marked};
use crate::prepare::{Prepared, call_failed, prepare};
use crate::provide::Worker;
use formwork_addr::{InstanceAddr, Resource, ResourceMode};
use formwork_diag::{Diagnostic, Severity};
use formwork_plan::{Action, Mode, PlannedChange, Reason};
use formwork_provider::{Call, CallError, PlanRequest, default_plan};
use formwork_state::Status as ObjectStatus;
use formwork_value::Value;
use std::sync::Arc;

impl Planner<'_> {
    pub(super) fn data(&mut self, cell: CellId, instance: &Arc<InstanceInfo>) {
        let prepared = match prepare(&mut self.ev, instance) {
            Ran::Done(prepared, _) => prepared,
            Ran::Missing(missing) => return self.ev.cells.wait(cell, &missing),
            Ran::Failed => return self.ev.cells.fail(cell),
        };
        if let Some(deferred) = self.ev.has_to_wait(&instance.addr, &prepared) {
            return self.defer(cell, instance, prepared, deferred);
        }
        let Worker::Data(source) = prepared.info.worker.clone() else { return self.ev.cells.fail(cell) };
        let (config, marks) = prepared.config.clone().unmark_paths();
        let mut refused = false;
        for p in source.validate(&config) {
            refused |= p.severity == Severity::Error;
            self.ev.diags.push(prepared.problem(instance, &p));
        }
        if refused {
            return self.ev.cells.fail(cell);
        }
        let reason = if !config.is_wholly_known() || !prepared.provider.known {
            Some(Reason::ReadBecauseConfigUnknown)
        } else if self.is_awaiting(instance, &prepared.explicit) || self.named_pending(instance, &prepared) {
            Some(Reason::ReadBecauseDependencyPending)
        } else {
            None
        };
        if reason.is_some() && self.options.mode == Mode::RefreshOnly {
            // Nothing is going to be done that it could wait for: it stays as it was read last.
            return self.as_it_was_read(cell, instance, prepared);
        }
        if let Some(reason) = reason {
            let schema = &prepared.info.schema;
            let request = PlanRequest { config: &config, prior: None };
            let after = default_plan(schema, &request).planned;
            let after = prepared.info.mark(after.mark_paths(&marks));
            // Most cannot be told before it is read, and some can.
            let holds = match postconditions(&mut self.ev, instance, &after) {
                Ran::Done(..) => true,
                Ran::Missing(missing) => return self.ev.cells.wait(cell, &missing),
                Ran::Failed => false,
            };
            let change = PlannedChange {
                addr: instance.addr.clone(),
                deposed: None,
                previous_addr: None,
                provider: prepared.provider.name.clone(),
                action: Action::Read,
                reason: Some(reason),
                before: None,
                after: Some(after.clone()),
                replace_paths: Vec::new(),
                prior: None,
                private: Vec::new(),
                schema_version: schema.version,
                dependencies: self.ev.resources_in(&prepared.inputs, &instance.addr.resource),
                create_before_destroy: false,
                notes: Vec::new(),
                span: Some(instance.block.block().span),
            };
            self.record(cell, change, prepared.inputs.clone(), prepared.provider_cell);
            if !holds {
                return self.ev.cells.fail(cell);
            }
            return self.ev.cells.complete(cell, Content::Value(after), Some(prepared.inputs));
        }
        let caller = self.caller.clone();
        let (provider, addr) = (prepared.provider.clone(), instance.addr.clone());
        let for_call = config.clone();
        let waiting = Waiting {
            instance: instance.clone(),
            prepared,
            config,
            marks,
            prior: None,
            replacing: None,
            elsewhere: None,
        };
        self.waiting.insert(cell, waiting);
        self.jobs.push(Box::pin(async move {
            let result = caller
                .with(&provider, "", &NoRecorder, async |call| {
                    caller.started(&addr, None, Verb::Read, None);
                    source.read(&Call { about: &crate::calls::data_source(&addr), ..*call }, &for_call).await
                })
                .await;
            match &result {
                Ok(value) => caller.finished(&addr, None, Verb::Read, crate::calls::shown_id(value)),
                Err(_) => caller.failed(&addr, Verb::Read),
            }
            Done::Data(cell, result)
        }));
    }

    /// What a plan that only looks cannot read again.
    fn as_it_was_read(&mut self, cell: CellId, instance: &InstanceInfo, prepared: Prepared) {
        let info = &prepared.info;
        let stored = self.state.instance(&instance.addr).and_then(|i| i.current.as_ref());
        let value = match stored.map(|stored| (stored, decode(&instance.addr, info, stored))) {
            Some((stored, Ok(object))) => marked(info, stored, &object.value),
            _ => Value::unknown(info.ty.clone()),
        };
        match postconditions(&mut self.ev, instance, &value) {
            Ran::Done(..) => {}
            Ran::Missing(missing) => return self.ev.cells.wait(cell, &missing),
            Ran::Failed => return self.ev.cells.fail(cell),
        }
        self.ev.cells.complete(cell, Content::Value(value), Some(prepared.inputs));
    }

    /// Whether anything in what `depends_on` names is going to change. All of it is planned, and all instances of a block have
    /// the same.
    fn is_awaiting(&mut self, instance: &InstanceInfo, explicit: &Arc<Deps>) -> bool {
        if let Some(known) = self.awaiting.get(&instance.keys) {
            return *known;
        }
        let awaiting =
            super::pending(&self.drafts, &self.draft_of, explicit) || self.loses(explicit, &instance.addr);
        self.awaiting.insert(instance.keys, awaiting);
        awaiting
    }

    /// Whether an instance of a resource in the set is going to be removed, because the configuration has it no more.
    fn loses(&mut self, explicit: &Arc<Deps>, own: &InstanceAddr) -> bool {
        if self.options.mode != Mode::Normal || explicit.is_empty() {
            return false;
        }
        if self.priors_of.is_empty() {
            for (i, prior) in self.priors.iter().enumerate().filter(|(_, p)| p.deposed.is_none()) {
                self.priors_of.entry(prior.addr.resource.without_keys()).or_default().push(i);
            }
        }
        let resources = self.ev.resources_in(explicit, &own.resource);
        let mut priors = resources.iter().filter_map(|resource| self.priors_of.get(resource)).flatten();
        priors.any(|i| self.goes(&self.priors[*i].addr))
    }

    /// Whether a managed instance is going to change that the block names itself: what is there to be read may depend on
    /// it, even where the configuration does not change by it. Of what is behind locals, variables and outputs only
    /// values count, unless there are conditions: those may hold only after the change.
    fn named_pending(&mut self, instance: &InstanceInfo, prepared: &Prepared) -> bool {
        let Planner { ev, graph, drafts, draft_of, pending, .. } = self;
        let (ev, drafts, draft_of) = (&*ev, &*drafts, &*draft_of);
        let block = instance.block.block();
        let lifecycle = &block.lifecycle;
        if !lifecycle.preconditions.is_empty() || !lifecycle.postconditions.is_empty() {
            let waits = |id| super::changes(drafts, draft_of, id);
            return pending.any(instance.keys, &prepared.inputs, &waits);
        }
        let path = ev.module(instance.module).module.path.clone();
        let object = Object::Resource(path.clone(), (*block.resource).clone());
        let named: Vec<&Resource> = graph
            .named_by(&object)
            .filter_map(|o| match o {
                Object::Resource(p, r) if *p == path && r.mode == ResourceMode::Managed => Some(r),
                _ => None,
            })
            .collect();
        let changes = |id: CellId| match (draft_of.get(&id), &ev.cells.get(id).kind) {
            (Some(draft), Kind::Instance(info)) => {
                info.module == instance.module
                    && named.iter().any(|r| **r == *info.block.block().resource)
                    && drafts[*draft].change.is_change()
            }
            _ => false,
        };
        pending.any(instance.keys, &prepared.inputs, &changes)
    }

    pub(super) fn data_was_read(&mut self, cell: CellId, result: Result<Value, CallError>) {
        let Some(waiting) = self.waiting.remove(&cell) else { return };
        let instance = &waiting.instance;
        let info = &waiting.prepared.info;
        let value = match result {
            Ok(value) => value,
            Err(error) => {
                let error = waiting.prepared.discreet(error);
                self.ev.diags.push(call_failed(Some(instance), &instance.addr, &error));
                return self.ev.cells.fail(cell);
            }
        };
        if let Worker::Data(source) = &info.worker {
            if source.is_asked_again() {
                self.asked.insert(instance.addr.clone());
            } else {
                self.files.extend(source.files(&waiting.config));
            }
        }
        let marked = info.mark(value.mark_paths(&waiting.marks));
        let dependencies = self.ev.resources_in(&waiting.prepared.inputs, &instance.addr.resource);
        match encode(info, marked.clone(), Vec::new(), dependencies, ObjectStatus::Ready, false) {
            Ok(stored) => {
                let provider = &waiting.prepared.provider.name;
                self.refreshed.set(&instance.addr, None, provider, Some(Arc::new(stored)));
            }
            Err(e) => {
                self.ev.diags.push(
                    Diagnostic::error(
                        "Provider returned an invalid object",
                        format!("It cannot be stored: {e}."),
                    )
                    .at(instance.block.block().span)
                    .about(&instance.addr),
                );
                return self.ev.cells.fail(cell);
            }
        }
        match postconditions(&mut self.ev, instance, &marked) {
            Ran::Failed => self.ev.cells.fail(cell),
            Ran::Missing(missing) => self.ev.cells.wait(cell, &missing),
            // What refers to it was made from what it was made from.
            Ran::Done(..) => {
                let inputs = waiting.prepared.inputs.clone();
                self.ev.cells.complete(cell, Content::Value(marked), Some(inputs));
            }
        }
    }
}
