//! The planner: reads what exists, evaluates what is wanted, and records what has to change.

mod data;
mod exclude;
mod existing;
pub(crate) mod ignored;
mod import;
mod instance;
pub(crate) mod lifecycle;
mod moved;
mod orphans;
pub(crate) mod outcome;
mod seen;
mod told;

use crate::calls::Caller;
use crate::cells::{CellId, Content, Kind, Status};
use crate::deps::{Answers, Deps};
use crate::ephemeral::{OpenSet, WasOpened};
use crate::evaluator::{Evaluator, Ran};
use crate::graph::Graph;
use crate::instance::Refreshed;
use crate::provide::{ProviderHandle, TypeInfo};
use crate::refresh::{Prior, ReadResults, Reading, as_found, as_stored, read_page};
use crate::{PlanOptions, PlanOutcome, Setup, moves};
use formwork_addr::{InstanceAddr, ModuleInstance, ModulePath, Resource, ResourceAddr, ResourceMode};
use formwork_diag::{Diagnostic, has_errors};
use formwork_plan::{Action, Deferred, Mode, PlannedChange};
use formwork_provider::{CallError, PlanResponse};
use formwork_state::State;
use formwork_syntax::Expr;
use formwork_value::{Path, Value};
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

/// Makes a plan. The state is not changed.
pub async fn plan(setup: &Setup, state: &State, options: &PlanOptions) -> PlanOutcome {
    let (graph, diags) = Graph::new(&setup.config, &setup.registry);
    let mut diags = diags;
    let (moved, previous) = moves::follow(&setup.config, &setup.registry, state, &mut diags);
    diags.extend(moved::left_out(&previous, options));
    if !has_errors(&diags) {
        diags.extend(crate::validate::provisioners(setup));
    }
    let broken = has_errors(&diags);
    let mut baseless = broken;
    let mut planner = Planner::new(setup.clone(), &moved, options, graph);
    planner.previous = previous.clone();
    planner.ev.diags.extend(diags.iter().cloned());
    if !broken {
        planner.run().await;
        let mut needed = FxHashMap::default();
        let mut closed = Vec::new();
        loop {
            let before = needed.len();
            planner.undermined(&mut needed).await;
            if needed.len() == before {
                break;
            }
            // Once more, with that put off too: it is replaced together with what was made from it.
            let (graph, _) = Graph::new(&setup.config, &setup.registry);
            let mut again = Planner::new(setup.clone(), &moved, options, graph);
            again.previous = previous.clone();
            again.needed = needed.clone();
            again.ev.diags.extend(diags.iter().cloned());
            again.run().await;
            // Unless nothing would be left to be done that could make known what the others wait for.
            let counts = again.drafts.iter().any(|d| d.change.is_change());
            let mut given_up = if counts { std::mem::replace(&mut planner, again) } else { again };
            closed.extend(given_up.open.close(&given_up.caller).await);
            if !counts {
                break;
            }
        }
        planner.ev.diags.extend(closed);
        planner.expand_for_moves().await;
        let refused = moves::refuse(&planner.ev);
        baseless |= has_errors(&refused);
        planner.ev.diags.extend(refused);
        // A plan of a part does not look at the rest.
        if options.mode == Mode::Normal && !options.is_partial() && !has_errors(&planner.ev.diags) {
            let found = crate::validate::without_instances(&planner.ev);
            planner.ev.diags.extend(found);
        }
    }
    let mut outcome = planner.finish(broken).await;
    if outcome.plan.errored {
        // What could not be reached may have mistakes too: all of them at once.
        let found = crate::validate(setup);
        baseless |= has_errors(&found);
        told::add(&mut outcome.diagnostics, found);
    }
    outcome.baseless = baseless;
    outcome
}

/// Makes a plan, and gives what it was made with: everything has its planned value. Also what is wrong.
pub(crate) async fn planned(
    setup: &Setup,
    state: &State,
    options: &PlanOptions,
) -> (Evaluator, Vec<Diagnostic>) {
    let (graph, mut diags) = Graph::new(&setup.config, &setup.registry);
    let (moved, _) = moves::follow(&setup.config, &setup.registry, state, &mut diags);
    let mut planner = Planner::new(setup.clone(), &moved, options, graph);
    if !has_errors(&diags) {
        planner.run().await;
        diags.extend(moves::refuse(&planner.ev));
    }
    let closed = planner.open.close(&planner.caller).await;
    let Planner { mut ev, .. } = planner;
    diags.append(&mut ev.diags);
    diags.extend(closed);
    (ev, diags)
}

/// A change, and what the order of steps is made from.
pub(crate) struct Draft {
    pub change: PlannedChange,
    /// The cell of the instance, when it is in the configuration.
    pub cell: Option<CellId>,
    /// Instances that the new object is made from.
    pub inputs: Arc<Deps>,
    /// The cell of the provider configuration.
    pub provider: Option<CellId>,
    /// When it was planned: what it is made from was planned before.
    pub seq: usize,
}

/// Whether an instance can have been made from a resource in this module: of modules around both, only from the instances
/// that are around itself.
fn meets(module: &ModuleInstance, addr: &InstanceAddr) -> bool {
    let around = module.steps().iter().zip(addr.resource.module.steps());
    around.take_while(|(a, b)| a.name == b.name).all(|(a, b)| a.key == b.key)
}

/// Whether anything in a set of dependencies is going to change.
fn pending(drafts: &[Draft], of: &FxHashMap<CellId, usize>, deps: &Arc<Deps>) -> bool {
    let mut pending = false;
    deps.each(&mut |id| pending = pending || changes(drafts, of, id));
    pending
}

/// Whether an instance is going to change, now or later.
fn changes(drafts: &[Draft], of: &FxHashMap<CellId, usize>, id: CellId) -> bool {
    let waits = |change: &PlannedChange| change.is_change() || change.action == Action::Defer;
    of.get(&id).is_some_and(|i| waits(&drafts[*i].change))
}

/// As many prior objects are worth a second thread.
const MANY: usize = 200;

type Job = Pin<Box<dyn Future<Output = Done>>>;

/// A call that has come back.
enum Done {
    Configured(CellId, Result<ProviderHandle, CallError>),
    Read(ReadResults),
    Planned(CellId, Result<PlanResponse, CallError>),
    Data(CellId, Result<Value, CallError>),
    Imported(CellId, Result<formwork_provider::Object, CallError>),
    Opened(Box<WasOpened>),
    Scoped(Box<crate::scoped::WasRead>),
}

struct Planner<'a> {
    ev: Evaluator,
    caller: Caller,
    state: &'a State,
    refreshed: State,
    options: &'a PlanOptions,
    graph: Arc<Graph>,
    jobs: FuturesUnordered<Job>,
    priors: Vec<Prior>,
    /// Prior objects that were decoded before anyone asked, by index.
    decoded: Vec<Option<Arc<Refreshed>>>,
    /// Prior objects waiting to be read, by type and provider configuration.
    reads: BTreeMap<(Arc<str>, CellId), Vec<Reading>>,
    drafts: Vec<Draft>,
    /// The draft of each instance cell.
    draft_of: FxHashMap<CellId, usize>,
    /// Instances whose provider is asked for a plan, or whose data is read.
    waiting: FxHashMap<CellId, instance::Waiting>,
    /// Old addresses of instances that have moved.
    previous: BTreeMap<InstanceAddr, InstanceAddr>,
    /// Objects that are to be imported, by the cell of the instance that each becomes.
    imported: FxHashMap<CellId, Arc<crate::instance::Refreshed>>,
    /// The ID that each instance is imported by.
    imports: BTreeMap<InstanceAddr, formwork_addr::Str>,
    /// Objects that must not be replaced yet, each with one that was made from it and has to wait.
    needed: FxHashMap<InstanceAddr, InstanceAddr>,
    /// Objects that are no longer wanted, and stay because of something that has to wait.
    kept: Vec<Deferred>,
    /// Whether anything changes at a path in any instance of a resource (`Keys`), where `replace_triggered_by` has asked.
    triggered: FxHashMap<CellId, Vec<(Path, bool)>>,
    /// Whether something that is going to change is among what data of a block (`Keys`) names.
    pending: Answers,
    /// Whether the data of a block (`Keys`) waits for something that its `depends_on` names.
    awaiting: FxHashMap<CellId, bool>,
    /// Prior objects by resource, once somebody has asked; deposed ones are left out.
    priors_of: FxHashMap<ResourceAddr, Vec<usize>>,
    /// What is ephemeral and open.
    open: OpenSet,
    /// Files of which data sources said that they read them.
    files: std::collections::BTreeSet<String>,
    /// Data that was read, and has to be the same when the plan is applied.
    asked: std::collections::BTreeSet<InstanceAddr>,
    seen_modules: usize,
    seen_expanded: usize,
    /// With `-target` in a destroy: the instances that depend on the targets, and so go too.
    doomed: FxHashSet<InstanceAddr>,
    /// With `-target` in a plan that only looks: the blocks that the targets need.
    behind: FxHashSet<(ModulePath, Resource)>,
    /// With `-exclude`: the prior instances that stay.
    excluded: exclude::Kept,
    /// With `-target`, all that was asked for is planned: nothing more is, only because an output speaks of it.
    only_telling: bool,
    /// Outputs that were compared with those of the state.
    compared: std::collections::BTreeSet<formwork_addr::Str>,
}

impl<'a> Planner<'a> {
    fn new(setup: Setup, state: &'a State, options: &'a PlanOptions, graph: Graph) -> Self {
        let graph = Arc::new(graph);
        let mut ev = Evaluator::new(setup.clone());
        ev.planning = true;
        ev.texts.graph = Some(graph.clone());
        ev.lenient = options.mode == Mode::RefreshOnly;
        ev.deferring = options.defer || options.mode != Mode::Normal;
        let managed = state.resources.iter().filter(|(addr, _)| addr.resource.mode != ResourceMode::Data);
        let objects = managed.flat_map(|(_, resource)| resource.instances.values());
        let known = objects.map(|i| i.deposed.len() + i.current.iter().len()).sum();
        let mut priors = Vec::with_capacity(known);
        ev.cells.reserve(known);
        for (addr, resource, instance) in state.instances() {
            if addr.resource.resource.mode == ResourceMode::Data {
                continue;
            }
            let deposed = instance.deposed.iter().map(|(k, o)| (Some(k.clone()), o));
            let current = instance.current.iter().map(|o| (None, o));
            for (deposed, stored) in current.chain(deposed) {
                let cell = ev.cells.add(Kind::Refresh(priors.len() as u32));
                if deposed.is_none() {
                    ev.refreshes.insert(addr.clone(), cell);
                }
                priors.push(Prior {
                    addr: addr.clone(),
                    deposed,
                    stored: stored.clone(),
                    provider: resource.provider_of(stored).clone(),
                    cell,
                });
            }
        }
        Planner {
            caller: Caller::new(setup),
            ev,
            state,
            refreshed: state.clone(),
            options,
            graph,
            jobs: FuturesUnordered::new(),
            priors,
            decoded: Vec::new(),
            reads: BTreeMap::new(),
            drafts: Vec::new(),
            draft_of: FxHashMap::default(),
            waiting: FxHashMap::default(),
            previous: BTreeMap::new(),
            imported: FxHashMap::default(),
            imports: BTreeMap::new(),
            needed: FxHashMap::default(),
            kept: Vec::new(),
            triggered: FxHashMap::default(),
            pending: Answers::default(),
            awaiting: FxHashMap::default(),
            priors_of: FxHashMap::default(),
            open: OpenSet::default(),
            files: Default::default(),
            asked: Default::default(),
            seen_modules: 0,
            seen_expanded: 0,
            doomed: FxHashSet::default(),
            behind: FxHashSet::default(),
            excluded: exclude::Kept::default(),
            only_telling: false,
            compared: std::collections::BTreeSet::new(),
        }
    }

    async fn run(&mut self) {
        self.doom();
        self.look_behind();
        self.keep_excluded();
        let wanted = |addr: &InstanceAddr| self.selected(addr) && !self.excluded.is_not_read(addr);
        let selected: Vec<usize> = (0..self.priors.len()).filter(|i| wanted(&self.priors[*i].addr)).collect();
        self.decode(&selected);
        for index in selected {
            self.ev.cells.demand(self.priors[index].cell);
        }
        self.drain(self.options.mode != Mode::Destroy).await;
        self.lost_imports().await;
        self.orphans().await;
        self.deposed().await;
    }

    /// Decodes prior objects that are going to be looked at, half of them on a second thread.
    fn decode(&mut self, selected: &[usize]) {
        if selected.len() < MANY {
            return;
        }
        let infos: Vec<_> =
            selected.iter().map(|i| self.ev.type_info(&self.priors[*i].addr.resource.resource)).collect();
        let priors = &self.priors;
        let decoded = |from: &[usize], infos: &[Option<Arc<TypeInfo>>]| -> Vec<Option<Arc<Refreshed>>> {
            // What cannot be read is told of when it is asked for.
            let one = |(i, info): (&usize, &Option<Arc<TypeInfo>>)| {
                as_stored(info.as_ref()?, &priors[*i]).ok().map(Arc::new)
            };
            from.iter().zip(infos).map(one).collect()
        };
        let (first, second) = selected.split_at(selected.len() / 2);
        let (here, there) = infos.split_at(first.len());
        let both = std::thread::scope(|scope| {
            let second = scope.spawn(|| decoded(second, there));
            (decoded(first, here), second.join())
        });
        let (mut all, second) = both;
        match second {
            Ok(second) => all.extend(second),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        self.decoded.resize_with(self.priors.len(), || None);
        for (index, decoded) in selected.iter().zip(all) {
            self.decoded[*index] = decoded;
        }
    }

    /// With `-target`, a destroy takes along whatever depends on the targets.
    fn doom(&mut self) {
        if self.options.mode != Mode::Destroy || self.options.targets.is_empty() {
            return;
        }
        let mut resources: FxHashMap<ResourceAddr, Vec<ModuleInstance>> = FxHashMap::default();
        loop {
            let before = self.doomed.len();
            for (addr, _, instance) in self.state.instances() {
                let depends = instance
                    .current
                    .iter()
                    .chain(instance.deposed.values())
                    .flat_map(|o| o.dependencies.iter())
                    .any(|d| resources.get(d).is_some_and(|all| all.iter().any(|m| meets(m, &addr))));
                if depends || self.options.targets.iter().any(|t| t.selects(&addr)) {
                    let modules = resources.entry(addr.resource.without_keys()).or_default();
                    if !modules.contains(&addr.resource.module) {
                        modules.push(addr.resource.module.clone());
                    }
                    self.doomed.insert(addr);
                }
            }
            if self.doomed.len() == before {
                return;
            }
        }
    }

    /// Whether the user asked for this instance, or what was asked for cannot go without it.
    fn selected(&self, addr: &InstanceAddr) -> bool {
        if !self.options.excludes.is_empty() {
            return !self.is_excluded(addr);
        }
        self.options.targets.is_empty()
            || self.options.targets.iter().any(|t| t.selects(addr))
            || self.doomed.contains(addr)
            || self.is_behind(&addr.resource)
    }

    /// Whether a module instance holds, or may hold, something that the user asked for.
    fn selected_module(&self, module: &ModuleInstance) -> bool {
        self.options.targets.is_empty()
            || self.options.targets.iter().any(|t| t.may_reach(module))
            || self.leads_behind(module)
    }

    /// Asks for everything in module instances and resource blocks that have become known.
    fn demand_new(&mut self) -> bool {
        let mut any = false;
        let all = self.options.targets.is_empty();
        while self.seen_modules < self.ev.modules.len() {
            let id = self.seen_modules as u32;
            self.seen_modules += 1;
            if !self.selected_module(&self.ev.module(id).addr) {
                continue;
            }
            any = true;
            for cell in self.ev.blocks_of(id) {
                if self.leaves_out(&self.ev.cells.get(cell).kind) {
                    continue;
                }
                let wanted = match &self.ev.cells.get(cell).kind {
                    Kind::Keys(_, block) => {
                        let addr = ResourceAddr {
                            module: self.ev.module(id).addr.clone(),
                            resource: block.block().resource.clone(),
                        };
                        self.wants_resource(&addr)
                    }
                    _ => true,
                };
                if wanted {
                    self.ev.cells.demand(cell);
                }
            }
            if all {
                let node = self.ev.module(id);
                let mut cells: Vec<CellId> = node.variables.values().copied().collect();
                cells.extend(node.locals.values());
                cells.extend(node.outputs.values());
                cells.sort_unstable();
                for cell in cells {
                    self.ev.cells.demand(cell);
                }
            }
        }
        while self.seen_expanded < self.ev.expanded.len() {
            let keys = self.ev.expanded[self.seen_expanded];
            self.seen_expanded += 1;
            let Some(expansion) = self.ev.expansion(keys) else { continue };
            // What stands in a check is read when the check asks for it.
            if matches!(&self.ev.cells.get(keys).kind, Kind::Keys(_, b) if b.block().check.is_some()) {
                continue;
            }
            let mut asked = self.options.mode != Mode::Normal;
            for (_, cell) in expansion.iter() {
                let Kind::Instance(info) = &self.ev.cells.get(*cell).kind else { continue };
                if self.selected(&info.addr) {
                    any = true;
                    // First whom they all wait for: otherwise each is evaluated in vain before it is ready.
                    if !std::mem::replace(&mut asked, true) {
                        let info = info.clone();
                        self.ev.demand_provider_of(&info);
                    }
                    self.ev.cells.demand(*cell);
                }
            }
        }
        any
    }

    fn wants_resource(&self, addr: &ResourceAddr) -> bool {
        self.options.targets.is_empty()
            || self.options.targets.iter().any(|t| t.may_select(addr))
            || self.is_behind(addr)
    }

    /// Works until nothing is left to do. With `everything`, the whole configuration is asked for on the way.
    async fn drain(&mut self, everything: bool) {
        loop {
            if everything {
                self.demand_new();
            }
            let mut worked = false;
            while let Some(cell) = self.ev.cells.pop() {
                worked = true;
                self.step(cell);
            }
            if worked {
                continue;
            }
            self.flush_reads();
            if self.caller.setup.cancel.level() > 0 {
                // Whoever comes here again after that finds it told.
                let d = Diagnostic::error("Interrupted", "Planning was stopped as asked.");
                if !self.ev.diags.contains(&d) {
                    self.ev.diags.push(d);
                }
                self.jobs.clear();
                return;
            }
            let done = tokio::select! {
                biased;
                done = self.jobs.next() => done,
                () = self.open.tend(&self.caller) => continue,
            };
            match done {
                Some(done) => self.done(done),
                None => return,
            }
        }
    }

    fn step(&mut self, cell: CellId) {
        match self.ev.cells.get(cell).kind.clone() {
            Kind::Instance(info) if self.only_telling => self.as_it_was(cell, &info),
            kind if self.leaves_out(&kind) => self.ev.cells.fail(cell),
            Kind::Instance(info) if info.scoped() => {
                let (drafts, of) = (&self.drafts, &self.draft_of);
                let pending = |deps: &Arc<Deps>| pending(drafts, of, deps);
                let reading = crate::scoped::read(&mut self.ev, &self.caller, cell, &info, pending);
                if let Some(reading) = reading {
                    self.jobs.push(Box::pin(async move { Done::Scoped(Box::new(reading.await)) }));
                }
            }
            Kind::Instance(info) => match (self.options.mode, info.addr.resource.resource.mode) {
                (_, ResourceMode::Data) => self.data(cell, &info),
                (_, ResourceMode::Ephemeral) => {
                    let (drafts, of) = (&self.drafts, &self.draft_of);
                    let pending = |deps: &Arc<Deps>| pending(drafts, of, deps);
                    let opening = crate::ephemeral::open(&mut self.ev, &self.caller, cell, &info, pending);
                    if let Some(opening) = opening {
                        self.jobs.push(Box::pin(async move { Done::Opened(Box::new(opening.await)) }));
                    }
                }
                (Mode::Destroy | Mode::RefreshOnly, _) => self.as_it_is(cell, &info),
                (Mode::Normal, _) => self.instance(cell, &info),
            },
            Kind::Refresh(index) => self.refresh(cell, index),
            Kind::Keys(module, block)
                if self.options.mode == Mode::RefreshOnly
                    && block.block().resource.mode == ResourceMode::Managed =>
            {
                self.expand_as_it_is(cell, module, &block)
            }
            _ => {
                if let Some(configuring) = self.ev.run(cell) {
                    let (cell, handle, future) = (configuring.cell, configuring.handle, configuring.future);
                    self.start(Box::pin(async move { Done::Configured(cell, future.await.map(handle)) }));
                }
            }
        }
    }

    /// Begins a call.
    fn start(&mut self, job: Job) {
        match crate::calls::begin(job) {
            Ok(done) => self.done(done),
            Err(job) => self.jobs.push(job),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Configured(cell, result) => self.ev.configured(cell, result),
            Done::Read(results) => {
                for (index, result) in results {
                    self.was_read(index, result);
                }
            }
            Done::Planned(cell, result) => self.was_planned(cell, result),
            Done::Data(cell, result) => self.data_was_read(cell, result),
            Done::Imported(cell, result) => self.was_found(cell, result),
            Done::Scoped(was) => crate::scoped::was_read(&mut self.ev, *was),
            Done::Opened(was) => self.open.opened(&mut self.ev, *was),
        }
    }

    fn refresh(&mut self, cell: CellId, index: u32) {
        let prior = &self.priors[index as usize];
        let resource = &prior.addr.resource.resource;
        let info = self.ev.type_info(resource);
        let Some(info) = info else {
            self.ev.diags.push(
                Diagnostic::error(
                    "Unknown resource type in the state",
                    format!("The state holds an object of type \"{}\", which no provider here knows.", resource.type_name),
                )
                .help("It is kept as it is. Use a version of the program that knows the type, or remove the object from the state.")
                .about(&prior.addr),
            );
            return self.ev.cells.fail(cell);
        };
        let early = self.decoded.get_mut(index as usize).and_then(Option::take);
        let old = match early.map_or_else(|| as_stored(&info, prior).map(Arc::new), Ok) {
            Ok(old) => old,
            Err(d) => {
                self.ev.diags.push(d);
                return self.ev.cells.fail(cell);
            }
        };
        let Some(resource) = info.managed() else { return self.ev.cells.fail(cell) };
        if !self.options.refresh || !resource.drifts() {
            return self.ev.cells.complete(cell, Content::Object(Some(old)), None);
        }
        let provider = match self.ev.managing(&prior.addr, &prior.provider) {
            Ok(provider) => provider,
            Err(d) => {
                self.ev.diags.push(d);
                return self.ev.cells.fail(cell);
            }
        };
        match self.ev.cells.get(provider).status {
            Status::Ready if !self.ev.provider_of(provider).is_some_and(|p| p.known) => {
                // It cannot be asked yet: the state's word has to do.
                return self.ev.cells.complete(cell, Content::Object(Some(old)), None);
            }
            Status::Ready => {}
            Status::Failed => return self.ev.cells.fail(cell),
            _ => return self.ev.cells.wait(cell, &[provider]),
        }
        let reading = Reading {
            index,
            addr: prior.addr.clone(),
            deposed: prior.deposed.clone(),
            object: old.object.clone(),
        };
        self.reads
            .entry((prior.addr.resource.resource.type_name.clone(), provider))
            .or_default()
            .push(reading);
    }

    fn flush_reads(&mut self) {
        for ((type_name, provider), mut readings) in std::mem::take(&mut self.reads) {
            let Some(info) = self.ev.types.managed(&self.caller.setup.registry, &type_name) else { continue };
            let Some(handle) = self.ev.provider_of(provider) else { continue };
            let page = info.managed().map_or(1, |r| r.page().max(1));
            while !readings.is_empty() {
                let rest = readings.split_off(page.min(readings.len()));
                let work = read_page(self.caller.clone(), info.clone(), handle.clone(), readings);
                self.jobs.push(Box::pin(async move { Done::Read(work.await) }));
                readings = rest;
            }
        }
    }

    fn was_read(&mut self, index: u32, result: Result<Option<formwork_provider::Object>, CallError>) {
        let prior = &self.priors[index as usize];
        let cell = prior.cell;
        let Some(info) = self.ev.type_info(&prior.addr.resource.resource) else { return };
        let found = match result {
            Err(error) => Err(crate::prepare::call_failed(None, &prior.addr, &error)),
            Ok(None) => Ok(None),
            Ok(Some(mut object)) => {
                object.value = crate::write_only::without(&info.schema, object.value);
                as_stored(&info, prior).and_then(|old| as_found(&info, prior, &old, object)).map(Some)
            }
        };
        match found {
            Ok(found) => {
                let found = found.map(Arc::new);
                let stored = found.as_ref().map(|f| f.stored.clone());
                self.refreshed.set(&prior.addr, prior.deposed.as_ref(), &prior.provider, stored);
                self.ev.cells.complete(cell, Content::Object(found), None);
            }
            Err(mut d) => {
                let config = &self.caller.setup.config;
                let block = config
                    .module(&prior.addr.resource.module.path())
                    .and_then(|m| m.resources.get(&*prior.addr.resource.resource));
                d.span = d.span.or(block.map(|b| b.span));
                self.ev.diags.push(d);
                self.ev.cells.fail(cell);
            }
        }
    }

    /// Evaluates an expression now, waiting for whatever it needs.
    async fn now(
        &mut self,
        module: u32,
        expr: &Expr,
        each: Option<(&formwork_addr::InstanceKey, Option<&Value>)>,
    ) -> Option<(Value, Deps)> {
        loop {
            let evaluated = self.ev.evaluate(
                |_, diags, scope| crate::evaluator::value_of(expr, scope, diags),
                module,
                each,
                None,
            );
            match evaluated {
                Ran::Done(value, deps) => return Some((value, deps)),
                Ran::Failed => return None,
                Ran::Missing(missing) => {
                    for cell in missing {
                        self.ev.cells.demand(cell);
                    }
                    self.drain(false).await;
                    if self.caller.setup.cancel.level() > 0 {
                        return None;
                    }
                }
            }
        }
    }
}
