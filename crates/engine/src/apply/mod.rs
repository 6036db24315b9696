//! Applying a plan: its steps, in its order, each journalled before and after.

mod call;
mod finish;
mod providers;
mod provision;
mod step;

use crate::calls::Caller;
use crate::cells::{CellId, Content, Kind, Status};
use crate::ephemeral::{OpenSet, WasOpened};
use crate::evaluator::Evaluator;
use crate::graph::Graph;
use crate::provide::ProviderHandle;
use crate::{ApplyOutcome, Event, Setup, Verb};
use call::Called;
pub(crate) use call::encode_known;
use formwork_addr::{InstanceAddr, ModuleInstance, ResourceAddr, ResourceMode, Str};
use formwork_diag::Diagnostic;
use formwork_plan::{Action, Cause, Part, Plan, StepKind};
use formwork_provider::CallError;
use formwork_state::{Journal, Record, Session, State, StateError, StoredObject};
use formwork_value::Value;
use futures_util::stream::{FuturesUnordered, StreamExt};
use provision::{Provisioned, ToProvision};
use rustc_hash::{FxHashMap, FxHashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Applies a plan to `state` (the refreshed state that came with it). Everything done is in the journal as it happens, and
/// folded into the snapshot at the end, also when something failed.
pub async fn apply(setup: &Setup, plan: &Plan, state: State, session: &mut dyn Session) -> ApplyOutcome {
    let (_, diags) = Graph::new(&setup.config, &setup.registry);
    let mut applier = Applier::new(setup.clone(), plan, state, session.journal());
    applier.ev.diags.extend(diags.into_iter().filter(Diagnostic::is_error));
    if applier.ev.diags.is_empty() {
        if !applier.providers_are_the_same().await {
            return applier.refused().await;
        }
        applier.run().await;
    }
    applier.finish(session).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Waits for other steps.
    Waiting,
    /// May begin, or is under way.
    Released,
    Done,
    Failed,
}

type Job = Pin<Box<dyn Future<Output = Done>>>;

/// A call that has come back.
enum Done {
    Configured(CellId, Result<ProviderHandle, CallError>),
    Called(Box<Called>),
    Provisioned(Box<Provisioned>),
    Opened(Box<WasOpened>),
    Scoped(Box<crate::scoped::WasRead>),
}

/// An object that was put aside for its successor.
struct Aside {
    key: Str,
    /// The intent to make the successor was appended, and with it that this one is aside.
    intended: Arc<AtomicBool>,
}

/// What an apply of a part has to look at.
#[derive(Default)]
struct Reached {
    resources: FxHashSet<ResourceAddr>,
    /// Calls of modules, by the module instance that they stand in.
    calls: FxHashSet<(ModuleInstance, Str)>,
}

impl Reached {
    fn by<'a>(instances: impl Iterator<Item = &'a InstanceAddr>) -> Self {
        let mut reached = Reached::default();
        for addr in instances {
            if !reached.resources.insert(addr.resource.clone()) {
                continue;
            }
            let steps = addr.resource.module.steps();
            for (depth, step) in steps.iter().enumerate() {
                reached.calls.insert((ModuleInstance::new(steps[..depth].to_vec()), step.name.clone()));
            }
        }
        reached
    }
}

struct Applier<'a> {
    ev: Evaluator,
    caller: Caller,
    plan: &'a Plan,
    state: State,
    journal: Arc<dyn Journal>,
    jobs: FuturesUnordered<Job>,
    /// How many steps each step still waits for, who waits for it, and how it goes.
    waits: Vec<u32>,
    before: Vec<Vec<u32>>,
    progress: Vec<Progress>,
    /// The apply step of each instance.
    step_of: FxHashMap<InstanceAddr, u32>,
    /// The change of each instance that is not about a deposed object.
    change_of: FxHashMap<InstanceAddr, u32>,
    /// In an apply of a part: the resources that have apply steps, and the calls around them.
    reached: Reached,
    /// Steps that may begin.
    ready: Vec<u32>,
    /// Released apply steps whose instance is not known to the evaluator yet.
    parked: Vec<u32>,
    /// Instance cells that were asked for before their step was released.
    asked: FxHashSet<CellId>,
    /// Objects that were put aside, by change.
    deposed: FxHashMap<u32, Aside>,
    counts: (usize, usize, usize),
    imported: usize,
    seen_modules: usize,
    /// Deletions whose provider is being configured.
    waiting_for_provider: Vec<(u32, CellId)>,
    /// What is ephemeral and open.
    open: OpenSet,
    /// Objects whose provisioners wait for something that they refer to.
    provisioning: Vec<ToProvision>,
    /// Removals whose provisioners have run.
    taken_leave: FxHashSet<u32>,
    /// Objects that are recorded, and whose postconditions wait for something.
    concluding: Vec<(u32, InstanceAddr, Value)>,
    /// The journal cannot be written: nothing new may begin.
    broken: Option<StateError>,
}

impl<'a> Applier<'a> {
    fn new(setup: Setup, plan: &'a Plan, state: State, journal: Arc<dyn Journal>) -> Self {
        let mut before = vec![Vec::new(); plan.steps.len()];
        let mut step_of = FxHashMap::default();
        for (i, step) in plan.steps.iter().enumerate() {
            for other in &step.after {
                before[*other as usize].push(i as u32);
            }
            if let StepKind::Change(change, Part::Apply) = step.kind {
                step_of.insert(plan.changes[change as usize].addr.clone(), i as u32);
            }
        }
        let change_of = plan
            .changes
            .iter()
            .enumerate()
            .filter(|(_, c)| c.deposed.is_none())
            .map(|(i, c)| (c.addr.clone(), i as u32))
            .collect();
        let mut ev = Evaluator::new(setup.clone());
        ev.lenient = plan.mode == formwork_plan::Mode::RefreshOnly;
        let unknown = plan.deferred.iter().filter(|d| d.cause == Cause::InstanceCountUnknown);
        ev.held = unknown.map(|d| d.address.clone()).collect();
        Applier {
            ev,
            caller: Caller::new(setup),
            plan,
            state,
            journal,
            jobs: FuturesUnordered::new(),
            waits: plan.steps.iter().map(|s| s.after.len() as u32).collect(),
            before,
            progress: vec![Progress::Waiting; plan.steps.len()],
            reached: if plan.is_partial() { Reached::by(step_of.keys()) } else { Reached::default() },
            step_of,
            change_of,
            ready: Vec::new(),
            parked: Vec::new(),
            asked: FxHashSet::default(),
            deposed: FxHashMap::default(),
            counts: (0, 0, 0),
            imported: 0,
            seen_modules: 0,
            waiting_for_provider: Vec::new(),
            open: OpenSet::default(),
            provisioning: Vec::new(),
            taken_leave: FxHashSet::default(),
            concluding: Vec::new(),
            broken: None,
        }
    }

    async fn run(&mut self) {
        let calls = self.plan.steps.iter().filter(|s| self.acts(s.kind)).count();
        (self.caller.setup.events)(Event::Total { steps: calls });
        for change in &self.plan.changes {
            if let (Some(from), None) = (&change.previous_addr, &change.deposed) {
                if from.resource.resource.type_name == change.addr.resource.resource.type_name {
                    self.record(&Record::Move { from: from.clone(), to: change.addr.clone() });
                } else {
                    self.succeeded(from, &change.addr);
                }
            }
        }
        self.take_imports();
        let free: Vec<u32> =
            (0..self.waits.len() as u32).rev().filter(|i| self.waits[*i as usize] == 0).collect();
        self.ready = free;
        self.drain().await;
    }

    /// Works until nothing is left to do, or nothing more may begin.
    async fn drain(&mut self) {
        let cancel = self.caller.setup.cancel.clone();
        loop {
            self.work();
            if self.jobs.is_empty() {
                return;
            }
            let level = cancel.level();
            tokio::select! {
                biased;
                done = self.jobs.next() => match done {
                    Some(Done::Configured(cell, result)) => {
                        let result = self.as_planned(result);
                        self.ev.configured(cell, result);
                    }
                    Some(Done::Called(called)) => self.called(*called),
                    Some(Done::Scoped(was)) => crate::scoped::was_read(&mut self.ev, *was),
                    Some(Done::Opened(was)) => self.open.opened(&mut self.ev, *was),
                    Some(Done::Provisioned(provisioned)) => self.provisioned(*provisioned),
                    None => return,
                },
                () = self.open.tend(&self.caller) => {}
                () = cancel.reached(level + 1) => {
                    if cancel.level() >= 2 {
                        // What is under way stays in the journal, for the next run to find out about.
                        self.jobs.clear();
                        return;
                    }
                }
            }
        }
    }

    /// Records the objects of an instance that came from another type, as they are by now. Only then the old ones go: between the
    /// two a kill leaves both, and nothing that cannot be read.
    fn succeeded(&mut self, from: &InstanceAddr, addr: &InstanceAddr) {
        let Some(resource) = self.state.resources.get(&addr.resource) else { return };
        let Some(instance) = resource.instances.get(&addr.key) else { return };
        let current = instance.current.iter().map(|o| (None, o));
        let deposed = instance.deposed.iter().map(|(key, o)| (Some(key), o));
        let of = |(deposed, object): (Option<&Str>, &Arc<StoredObject>)| {
            step::set(None, addr, deposed, resource.provider_of(object), Some(object.clone()))
        };
        let records: Vec<Record> = current.chain(deposed).map(of).collect();
        let gone: Vec<Record> = records
            .iter()
            .filter_map(|record| match record {
                Record::Set { deposed, provider, .. } => {
                    Some(step::set(None, from, deposed.as_ref(), provider, None))
                }
                _ => None,
            })
            .collect();
        for record in records.iter().chain(&gone) {
            self.record(record);
        }
    }

    /// Records what is imported, before anything happens to it.
    fn take_imports(&mut self) {
        for change in &self.plan.changes {
            let Some(id) = self.plan.imports.get(&change.addr).filter(|_| change.deposed.is_none()) else {
                continue;
            };
            let shown = Some(id.clone());
            self.caller.started(&change.addr, None, Verb::Import, shown.clone());
            self.record(&Record::Set {
                token: None,
                partial: false,
                address: change.addr.clone(),
                deposed: None,
                provider: change.provider.clone(),
                object: change.prior.clone(),
            });
            self.caller.finished(&change.addr, None, Verb::Import, shown);
            self.imported += 1;
        }
    }

    /// Whether a step changes or reads something: some only bring others into order, or judge conditions.
    fn acts(&self, kind: StepKind) -> bool {
        match kind {
            StepKind::Gate => false,
            StepKind::Change(change, _) => self.plan.changes[change as usize].action != Action::NoOp,
        }
    }

    fn stopped(&self) -> bool {
        self.broken.is_some() || self.caller.setup.cancel.level() > 0
    }

    /// Does all that needs no waiting.
    fn work(&mut self) {
        loop {
            let mut worked = false;
            while let Some(step) = self.ready.pop() {
                worked = true;
                self.release(step);
            }
            self.demand_new();
            while let Some(cell) = self.ev.cells.pop() {
                worked = true;
                self.cell(cell);
            }
            for (step, provider) in std::mem::take(&mut self.waiting_for_provider) {
                if matches!(self.ev.cells.get(provider).status, Status::Ready | Status::Failed) {
                    worked = true;
                    self.ready.push(step);
                } else {
                    self.waiting_for_provider.push((step, provider));
                }
            }
            let provisioning = std::mem::take(&mut self.provisioning);
            let before = provisioning.len();
            for waiting in provisioning {
                self.provision(waiting);
            }
            worked |= self.provisioning.len() < before;
            let concluding = std::mem::take(&mut self.concluding);
            let before = concluding.len();
            for (step, addr, value) in concluding {
                self.conclude(step, &addr, value);
            }
            worked |= self.concluding.len() < before;
            if !self.parked.is_empty() {
                let parked = std::mem::take(&mut self.parked);
                let before = parked.len();
                for step in parked {
                    self.begin(step);
                }
                worked |= self.parked.len() < before;
            }
            if !worked {
                return;
            }
        }
    }

    /// Asks for the expansions of module instances that have become known.
    fn demand_new(&mut self) {
        while self.seen_modules < self.ev.modules.len() {
            let id = self.seen_modules as u32;
            self.seen_modules += 1;
            let wanted: Vec<CellId> = self.ev.blocks_of(id);
            for cell in wanted {
                if self.has_steps(cell) {
                    self.ev.cells.demand(cell);
                }
            }
        }
    }

    /// Whether anything that a block or call stands for has a step. With targets, the rest may not even be known.
    fn has_steps(&self, cell: CellId) -> bool {
        if !self.plan.is_partial() {
            return true;
        }
        match &self.ev.cells.get(cell).kind {
            Kind::Keys(module, block) => self.reached.resources.contains(&ResourceAddr {
                module: self.ev.module(*module).addr.clone(),
                resource: block.block().resource.clone(),
            }),
            Kind::Calls(module, name) => {
                self.reached.calls.contains(&(self.ev.module(*module).addr.clone(), name.clone()))
            }
            _ => false,
        }
    }

    /// A step has nothing left to wait for.
    fn release(&mut self, step: u32) {
        self.progress[step as usize] = Progress::Released;
        match self.plan.steps[step as usize].kind {
            StepKind::Gate => self.done(step),
            _ if self.stopped() => self.progress[step as usize] = Progress::Waiting,
            StepKind::Change(change, Part::Delete) => self.delete(step, change),
            StepKind::Change(change, Part::Depose) => self.depose(step, change),
            StepKind::Change(change, Part::Forget) => self.forget(step, change),
            StepKind::Change(_, Part::Apply) => self.begin(step),
        }
    }

    /// Has the instance of a released apply step evaluated.
    fn begin(&mut self, step: u32) {
        let StepKind::Change(change, _) = self.plan.steps[step as usize].kind else { return };
        let addr = &self.plan.changes[change as usize].addr;
        match self.ev.instances.get(addr).copied() {
            None => self.parked.push(step),
            Some(cell) if self.asked.remove(&cell) => self.ev.cells.again(cell),
            Some(cell) => self.ev.cells.demand(cell),
        }
    }

    fn done(&mut self, step: u32) {
        self.progress[step as usize] = Progress::Done;
        for next in std::mem::take(&mut self.before[step as usize]) {
            self.waits[next as usize] -= 1;
            if self.waits[next as usize] == 0 {
                self.ready.push(next);
            }
        }
    }

    fn fail(&mut self, step: u32) {
        self.progress[step as usize] = Progress::Failed;
    }

    /// Fills a cell.
    fn cell(&mut self, cell: CellId) {
        let Kind::Instance(info) = self.ev.cells.get(cell).kind.clone() else {
            if let Some(configuring) = self.ev.run(cell) {
                let (cell, handle, future) = (configuring.cell, configuring.handle, configuring.future);
                self.jobs.push(Box::pin(async move { Done::Configured(cell, future.await.map(handle)) }));
            }
            return;
        };
        if info.scoped() {
            let reading = crate::scoped::read(&mut self.ev, &self.caller, cell, &info, |_| false);
            if let Some(reading) = reading {
                self.jobs.push(Box::pin(async move { Done::Scoped(Box::new(reading.await)) }));
            }
            return;
        }
        if info.addr.resource.resource.mode == ResourceMode::Ephemeral {
            let opening = crate::ephemeral::open(&mut self.ev, &self.caller, cell, &info, |_| false);
            if let Some(opening) = opening {
                self.jobs.push(Box::pin(async move { Done::Opened(Box::new(opening.await)) }));
            }
            return;
        }
        if let Some(step) = self.step_of.get(&info.addr).copied() {
            match self.progress[step as usize] {
                Progress::Released => self.prepare(step, cell, &info),
                Progress::Failed => self.ev.cells.fail(cell),
                _ => {
                    self.asked.insert(cell);
                }
            }
            return;
        }
        // Nothing happens to it: it is as planned, or as the state has it.
        let planned = self.change_of.get(&info.addr).map(|i| &self.plan.changes[*i as usize]);
        let value = match planned {
            Some(change) if matches!(change.action, Action::NoOp | Action::Defer) => change.after.clone(),
            // A provider's configuration may need what is about to go.
            Some(change) if matches!(change.action, Action::Delete | Action::Forget) => change.before.clone(),
            Some(_) => None,
            None => self.stored_value(&info.addr),
        };
        match value {
            Some(value) => self.ev.cells.complete(cell, Content::Value(value), None),
            None => self.ev.cells.fail(cell),
        }
    }

    fn stored_value(&self, addr: &InstanceAddr) -> Option<Value> {
        let info = self.ev.type_info(&addr.resource.resource)?;
        let stored = self.state.instance(addr)?.current.as_ref()?;
        let object = crate::instance::decode(addr, &info, stored).ok()?;
        Some(crate::instance::marked(&info, stored, &object.value))
    }

    /// Journals what has happened, and makes it so in the state. Without the journal nothing more may begin.
    fn record(&mut self, record: &Record) {
        record.apply_to(&mut self.state);
        if let Err(error) = self.journal.append(record) {
            self.broken.get_or_insert(error);
        }
    }
}
