//! Beginning steps, and taking in how they went.

use super::call::{Called, End, Left, Operating, What};
use super::provision::ToProvision;
use super::{Applier, Aside, Done, Progress};
use crate::body::attribute_span;
use crate::cells::{CellId, Content, InstanceInfo, Status as CellStatus};
use crate::evaluator::Ran;
use crate::event::Verb;
use crate::instance::{decode, encode};
use crate::planner::ignored::ignore_changes;
use crate::planner::lifecycle::postconditions;
use crate::prepare::{Prepared, call_failed, prepare};
use crate::provide::{TypeInfo, Worker, first_attribute};
use formwork_addr::{InstanceAddr, ResourceAddr, Str};
use formwork_config::When;
use formwork_diag::Diagnostic;
use formwork_plan::{Action, Part, PlannedChange, StepKind};
use formwork_provider::{Object, check_applied};
use formwork_state::{Record, Status, StoredObject};
use formwork_value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Applier<'_> {
    fn change(&self, step: u32) -> &PlannedChange {
        match self.plan.steps[step as usize].kind {
            StepKind::Change(change, _) => &self.plan.changes[change as usize],
            // Gates are never asked; the first change stands in.
            StepKind::Gate => &self.plan.changes[0],
        }
    }

    /// Evaluates the instance of a released step, and begins the call.
    pub(super) fn prepare(&mut self, step: u32, cell: CellId, instance: &Arc<InstanceInfo>) {
        let prepared = match prepare(&mut self.ev, instance) {
            Ran::Done(prepared, _) => prepared,
            Ran::Missing(missing) => return self.ev.cells.wait(cell, &missing),
            Ran::Failed => {
                self.fail(step);
                return self.ev.cells.fail(cell);
            }
        };
        let change = self.change(step).clone();
        if let (Action::NoOp, Some(value)) = (change.action, &change.after) {
            // Its preconditions hold, then; the others are judged by what it is.
            return self.conclude(step, &change.addr, value.clone());
        }
        let (config, marks) = prepared.config.clone().unmark_paths();
        let what = match &prepared.info.worker {
            Worker::Data(_) | Worker::Ephemeral(_) => What::Read { config, marks },
            Worker::Managed(_) => {
                let prior = match (change.action, &change.prior) {
                    (Action::Update, Some(stored)) => match decode(&instance.addr, &prepared.info, stored) {
                        Ok(object) => Some(object),
                        Err(d) => {
                            self.ev.diags.push(d);
                            self.fail(step);
                            return self.ev.cells.fail(cell);
                        }
                    },
                    _ => None,
                };
                let marks = crate::write_only::kept(&prepared.info.schema, marks);
                let written = config.clone();
                let config = crate::write_only::without(&prepared.info.schema, config);
                let (config, marks) = match &change.before {
                    // A new object has no changes that could be ignored.
                    Some(before) if change.action == Action::Update => {
                        ignore_changes(&mut self.ev, instance, config, marks, before)
                    }
                    _ => (config, marks),
                };
                let planned = change.after.clone().map_or(formwork_value::Value::NULL, |v| v.unmark_deep().0);
                What::Apply { config, written, prior, planned, marks, private: change.private.clone() }
            }
        };
        let operating = Operating {
            caller: self.caller.clone(),
            journal: self.journal.clone(),
            step,
            addr: instance.addr.clone(),
            deposed: None,
            puts_aside: self.aside(step).map(|aside| aside.key.clone()),
            intended: self.aside(step).map(|aside| aside.intended.clone()).unwrap_or_default(),
            info: prepared.info.clone(),
            provider: prepared.provider.clone(),
            what,
            dependencies: self.dependencies(&change.dependencies, &prepared, &instance.addr),
            create_before_destroy: change.create_before_destroy,
            announced: false,
        };
        self.jobs.push(Box::pin(async move { Done::Called(Box::new(operating.run().await)) }));
    }

    /// What an instance was made from: what the plan says, and what it came to be made from since. Behind data, only the plan
    /// looks.
    fn dependencies(
        &self,
        planned: &Arc<[ResourceAddr]>,
        prepared: &Prepared,
        addr: &InstanceAddr,
    ) -> Arc<[ResourceAddr]> {
        let found = self.ev.resources_in(&prepared.inputs, &addr.resource);
        if found.iter().all(|one| planned.binary_search(one).is_ok()) {
            return planned.clone();
        }
        let all: BTreeSet<&ResourceAddr> = planned.iter().chain(found.iter()).collect();
        all.into_iter().cloned().collect()
    }

    pub(super) fn delete(&mut self, step: u32, index: u32) {
        let change = &self.plan.changes[index as usize];
        let addr = change.addr.clone();
        let aside = self.deposed.get(&index).map(|aside| aside.key.clone());
        let deposed = aside.or_else(|| change.deposed.clone());
        let stored = self.state.instance(&addr).and_then(|i| match &deposed {
            None => i.current.clone(),
            Some(key) => i.deposed.get(key).cloned(),
        });
        let Some(stored) = stored else { return self.done(step) };
        let recorded = self.state.resources.get(&addr.resource).map(|r| r.provider_of(&stored));
        let provider_cell = match self.ev.managing(&addr, recorded.unwrap_or(&change.provider)) {
            Ok(cell) => cell,
            Err(d) => {
                self.ev.diags.push(d);
                return self.fail(step);
            }
        };
        match self.ev.cells.get(provider_cell).status {
            CellStatus::Ready => {}
            CellStatus::Failed => return self.fail(step),
            _ => {
                self.ev.cells.demand(provider_cell);
                // Tried again as soon as it is known whether the provider is there.
                self.waiting_for_provider.push((step, provider_cell));
                return;
            }
        }
        let Some(info) = self.ev.type_info(&addr.resource.resource) else { return self.fail(step) };
        let object = match decode(&addr, &info, &stored) {
            Ok(object) => object,
            Err(d) => {
                self.ev.diags.push(d);
                return self.fail(step);
            }
        };
        // What was never whole, or was put aside for its successor, does not take leave.
        if deposed.is_none() && stored.status == Status::Ready && !self.taken_leave.contains(&step) {
            let value = crate::instance::marked(&info, &stored, &object.value);
            if self.take_leave(step, &addr, value) {
                return;
            }
        }
        let Some(provider) = self.ev.provider_of(provider_cell) else { return self.fail(step) };
        let operating = Operating {
            caller: self.caller.clone(),
            journal: self.journal.clone(),
            step,
            addr,
            deposed,
            puts_aside: None,
            intended: Arc::default(),
            info,
            provider,
            what: What::Delete { prior: object },
            dependencies: stored.dependencies.clone(),
            create_before_destroy: stored.create_before_destroy,
            announced: self.taken_leave.contains(&step),
        };
        self.jobs.push(Box::pin(async move { Done::Called(Box::new(operating.run().await)) }));
    }

    /// Puts the current object of an instance aside. It is journalled with what happens next, the intent of its successor: were
    /// it to stay aside without one, the next plan would remove it.
    pub(super) fn depose(&mut self, step: u32, index: u32) {
        let addr = &self.plan.changes[index as usize].addr;
        let key: Str = uuid::Uuid::new_v4().simple().to_string()[..8].into();
        self.state.depose(addr, &key);
        self.deposed.insert(index, Aside { key, intended: Arc::default() });
        self.done(step);
    }

    /// What was put aside for the object that a step makes.
    fn aside(&self, step: u32) -> Option<&Aside> {
        match self.plan.steps[step as usize].kind {
            StepKind::Change(index, Part::Apply) => self.deposed.get(&index),
            _ => None,
        }
    }

    /// What was put aside for objects that nobody has begun to make is current again.
    pub(super) fn restore_the_rest(&mut self) {
        let begun = |aside: &Aside| aside.intended.load(Ordering::Relaxed);
        let rest: Vec<u32> =
            self.deposed.iter().filter(|(_, aside)| !begun(aside)).map(|(index, _)| *index).collect();
        for index in rest {
            let addr = self.plan.changes[index as usize].addr.clone();
            // Of what needs no intent, the new object may be there.
            if self.state.instance(&addr).is_some_and(|i| i.current.is_none()) {
                self.restore(index, &addr);
            }
        }
    }

    pub(super) fn forget(&mut self, step: u32, index: u32) {
        let change = &self.plan.changes[index as usize];
        let record = set(None, &change.addr, change.deposed.as_ref(), &change.provider, None);
        self.record(&record);
        self.done(step);
    }

    /// Takes in how an operation went.
    pub(super) fn called(&mut self, called: Called) {
        let StepKind::Change(index, part) = self.plan.steps[called.step as usize].kind else { return };
        let change = &self.plan.changes[index as usize];
        let addr = change.addr.clone();
        let Some(info) = self.ev.type_info(&addr.resource.resource) else { return };
        if part == Part::Delete {
            return self.was_deleted(called, index, &addr, &info);
        }
        match called.end {
            End::Done(Some(ref object)) => {
                let object = object.clone();
                self.was_applied(&called, index, &addr, &info, &object);
            }
            End::Done(None) => self.failed_step(called.step, &addr),
            End::Failed { ref error, ref left } => {
                self.report(&addr, |i| call_failed(i, &addr, error));
                match left {
                    Left::Nothing => match (called.token.clone(), self.deposed.remove(&index)) {
                        // One record: were it settled first, nobody would ask any more what becomes of the old one.
                        (Some(token), Some(Aside { key, .. })) => {
                            self.record(&Record::Restore { address: addr.clone(), key, token: Some(token) });
                        }
                        (token, aside) => {
                            if let Some(aside) = aside {
                                self.deposed.insert(index, aside);
                            }
                            self.restore(index, &addr);
                            self.no_effect(token.as_ref());
                        }
                    },
                    Left::Object(object) => {
                        let status = if change.action == Action::Update {
                            change.prior.as_ref().map_or(Status::Ready, |p| p.status)
                        } else {
                            Status::Tainted
                        };
                        self.keep(&called, index, &addr, &info, object, status);
                    }
                    Left::Gone => {
                        let record = set(called.token.clone(), &addr, None, &change.provider, None);
                        self.record(&record);
                    }
                    Left::Unknown => self.left_open(&addr),
                }
                self.failed_step(called.step, &addr);
            }
            End::Inconsistent(ref path) => {
                let path = path.clone();
                self.report(&addr, |i| inconsistent(i, &addr, &path));
                self.restore(index, &addr);
                self.failed_step(called.step, &addr);
            }
            End::NotBegun => {
                self.restore(index, &addr);
                self.progress[called.step as usize] = Progress::Waiting;
            }
            End::Unrecorded(error) => {
                self.broken.get_or_insert(error);
                self.restore(index, &addr);
                self.failed_step(called.step, &addr);
            }
        }
    }

    fn was_applied(
        &mut self,
        called: &Called,
        index: u32,
        addr: &InstanceAddr,
        info: &Arc<TypeInfo>,
        object: &Object,
    ) {
        let change = &self.plan.changes[index as usize];
        let managed = info.managed().is_some();
        let problems = match &called.planned {
            Some(planned) if managed => check_applied(&info.schema, planned, &object.value),
            _ => Vec::new(),
        };
        let whole = problems.is_empty() || change.action == Action::Update;
        let created = managed && change.action != Action::Update;
        let provisioners = created && problems.is_empty() && self.has_provisioners(addr);
        // Until its provisioners have run, it is not whole: should this run end before, the next one replaces it.
        let status = if whole && !provisioners { Status::Ready } else { Status::Tainted };
        if !self.keep(called, index, addr, info, object, status) {
            return self.failed_step(called.step, addr);
        }
        if provisioners {
            let value = info.mark(object.value.clone().mark_paths(&called.marks));
            return self.provision(ToProvision {
                step: called.step,
                addr: addr.clone(),
                when: When::Create,
                value,
            });
        }
        let verb = match (managed, change.action) {
            (false, _) => Verb::Read,
            (true, Action::Update) => Verb::Update,
            _ => Verb::Create,
        };
        if !called.idle {
            self.finished(addr, verb, &info.mark(object.value.clone()));
        }
        if !problems.is_empty() {
            for p in problems {
                self.report(addr, |i| match i {
                    Some(i) => crate::prepare::problem(i, &p),
                    None => Diagnostic::error(p.summary.clone(), p.detail.clone()).said_of(addr),
                });
            }
            return self.failed_step(called.step, addr);
        }
        let marked = info.mark(object.value.clone().mark_paths(&called.marks));
        self.conclude(called.step, addr, marked);
    }

    /// Tells that an object was made or changed, and counts it.
    pub(super) fn finished(&mut self, addr: &InstanceAddr, verb: Verb, marked: &Value) {
        self.caller.finished(addr, None, verb, crate::calls::shown_id(marked));
        match verb {
            Verb::Create => self.counts.0 += 1,
            Verb::Update => self.counts.1 += 1,
            _ => {}
        }
    }

    /// Checks the postconditions of an object that is recorded, and lets those go on that wait for it.
    pub(super) fn conclude(&mut self, step: u32, addr: &InstanceAddr, value: Value) {
        let Some(cell) = self.ev.instances.get(addr).copied() else { return self.done(step) };
        if let crate::cells::Kind::Instance(instance) = self.ev.cells.get(cell).kind.clone() {
            match postconditions(&mut self.ev, &instance, &value) {
                Ran::Done(..) => {}
                Ran::Missing(missing) => {
                    missing.into_iter().for_each(|id| self.ev.cells.demand(id));
                    return self.concluding.push((step, addr.clone(), value));
                }
                Ran::Failed => return self.failed_step(step, addr),
            }
        }
        self.ev.cells.complete(cell, Content::Value(value), None);
        self.done(step);
    }

    /// Records an object; `false` when it cannot be stored, which has been reported.
    fn keep(
        &mut self,
        called: &Called,
        index: u32,
        addr: &InstanceAddr,
        info: &Arc<TypeInfo>,
        object: &Object,
        status: Status,
    ) -> bool {
        let change = &self.plan.changes[index as usize];
        let marked = object.value.clone().mark_paths(&called.marks);
        let encoded = encode(
            info,
            marked,
            object.private.clone(),
            change.dependencies.clone(),
            status,
            change.create_before_destroy,
        );
        match encoded {
            Ok(stored) => {
                let record = set(called.token.clone(), addr, None, &change.provider, Some(Arc::new(stored)));
                self.record(&record);
                true
            }
            Err(reason) => {
                // It exists all the same: what can be stored of it is.
                let stored = StoredObject {
                    schema_version: info.schema.version,
                    attributes: super::call::encode_known(&object.value, info).into(),
                    sensitive: Vec::new(),
                    private: object.private.clone(),
                    dependencies: change.dependencies.clone(),
                    status: Status::Tainted,
                    create_before_destroy: change.create_before_destroy,
                    provider: None,
                    extra: Vec::new(),
                };
                let record = set(called.token.clone(), addr, None, &change.provider, Some(Arc::new(stored)));
                self.record(&record);
                self.report(addr, |i| {
                    let d = Diagnostic::error(
                        "Provider returned an invalid object",
                        format!("What was made cannot be stored as it is: {reason}. This is a bug in the provider."),
                    )
                    .about(addr);
                    match i {
                        Some(i) => d.at(i.block.block().span),
                        None => d,
                    }
                });
                false
            }
        }
    }

    fn was_deleted(&mut self, called: Called, index: u32, addr: &InstanceAddr, info: &Arc<TypeInfo>) {
        let change = &self.plan.changes[index as usize];
        let aside = self.deposed.get(&index).map(|aside| aside.key.clone());
        let deposed = aside.or_else(|| change.deposed.clone());
        match called.end {
            End::Done(_) => {
                let record = set(called.token, addr, deposed.as_ref(), &change.provider, None);
                self.record(&record);
                self.caller.finished(addr, deposed.as_ref(), Verb::Delete, None);
                self.counts.2 += 1;
                self.done(called.step);
            }
            End::Failed { error, left } => {
                self.report(addr, |i| call_failed(i, addr, &error));
                match left {
                    Left::Nothing => self.no_effect(called.token.as_ref()),
                    Left::Object(object) => {
                        let old = self.state.instance(addr).and_then(|i| match &deposed {
                            None => i.current.clone(),
                            Some(key) => i.deposed.get(key).cloned(),
                        });
                        if let Some(old) = old {
                            let mut stored = (*old).clone();
                            stored.attributes = super::call::encode_known(&object.value, info).into();
                            stored.private = object.private;
                            let record = set(
                                called.token,
                                addr,
                                deposed.as_ref(),
                                &change.provider,
                                Some(Arc::new(stored)),
                            );
                            self.record(&record);
                        }
                    }
                    Left::Gone => {}
                    Left::Unknown => self.left_open(addr),
                }
                self.failed_step(called.step, addr);
            }
            End::Inconsistent(_) => self.failed_step(called.step, addr),
            End::NotBegun => self.progress[called.step as usize] = Progress::Waiting,
            End::Unrecorded(error) => {
                self.broken.get_or_insert(error);
                self.failed_step(called.step, addr);
            }
        }
    }

    fn no_effect(&mut self, token: Option<&Str>) {
        if let Some(token) = token {
            self.record(&Record::NoEffect { token: token.clone() });
        }
    }

    /// A replacement that came to nothing: the object that was put aside is the current one again.
    fn restore(&mut self, index: u32, addr: &InstanceAddr) {
        let Some(Aside { key, .. }) = self.deposed.remove(&index) else { return };
        // One record: between two, a kill would leave the object in both places, and the next run would delete it.
        self.record(&Record::Restore { address: addr.clone(), key, token: None });
    }

    fn left_open(&mut self, addr: &InstanceAddr) {
        self.ev.diags.push(
            Diagnostic::warning(
                "Outcome not known",
                format!("Whether the operation on {addr} had its effect could not be found out."),
            )
            .help(
                "Nothing is lost: it is in the journal, and the next run asks again before it does anything.",
            )
            .about(addr),
        );
    }

    pub(super) fn failed_step(&mut self, step: u32, addr: &InstanceAddr) {
        self.progress[step as usize] = Progress::Failed;
        if let StepKind::Change(_, Part::Apply) = self.plan.steps[step as usize].kind
            && let Some(cell) = self.ev.instances.get(addr).copied()
        {
            self.ev.cells.fail(cell);
        }
    }

    /// Reports with the place in the configuration, where there is one.
    fn report(&mut self, addr: &InstanceAddr, make: impl FnOnce(Option<&InstanceInfo>) -> Diagnostic) {
        let instance = self.ev.instances.get(addr).and_then(|cell| match &self.ev.cells.get(*cell).kind {
            crate::cells::Kind::Instance(info) => Some(info.clone()),
            _ => None,
        });
        let d = make(instance.as_deref());
        self.ev.diags.push(d);
    }
}

pub(super) fn set(
    token: Option<Str>,
    addr: &InstanceAddr,
    deposed: Option<&Str>,
    provider: &Str,
    object: Option<Arc<StoredObject>>,
) -> Record {
    Record::Set {
        token,
        partial: false,
        address: addr.clone(),
        deposed: deposed.cloned(),
        provider: provider.clone(),
        object,
    }
}

fn inconsistent(
    instance: Option<&InstanceInfo>,
    addr: &InstanceAddr,
    path: &formwork_value::Path,
) -> Diagnostic {
    let d = Diagnostic::error(
        "Apply would not do what was planned",
        format!("Now that everything is known, {addr}{path} would get a value other than the plan showed."),
    )
    .help("Nothing was done to it. Plan again: the new plan shows what is wanted now.")
    .about(addr);
    match instance {
        Some(i) => {
            let block = i.block.block();
            let at = first_attribute(path).and_then(|name| attribute_span(&block.body, name));
            d.at(at.unwrap_or(block.span))
        }
        None => d,
    }
}
