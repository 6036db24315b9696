//! What the engine works with, and what it gives back.

use crate::EventSink;
use formwork_addr::{InstanceAddr, Pattern, Resource, ResourceMode, Str};
use formwork_config::Config;
use formwork_diag::Diagnostic;
use formwork_lang::World;
use formwork_plan::{Mode, Plan, Seen};
use formwork_provider::{
    Clock, DataSource, EphemeralResource, Function, ManagedResource, Provider, Provisioner, Schema,
};
use formwork_state::{Intent, Probe, State};
use formwork_value::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// All providers in the binary, by source address.
#[derive(Clone, Default)]
pub struct Registry {
    providers: BTreeMap<Str, Arc<dyn Provider>>,
    resources: BTreeMap<Str, (Arc<dyn Provider>, Arc<dyn ManagedResource>)>,
    data: BTreeMap<Str, (Arc<dyn Provider>, Arc<dyn DataSource>)>,
    /// By source address and name.
    functions: BTreeMap<Str, BTreeMap<&'static str, Function>>,
    ephemeral: BTreeMap<Str, (Arc<dyn Provider>, Arc<dyn EphemeralResource>)>,
    provisioners: BTreeMap<Str, Arc<dyn Provisioner>>,
}

impl Registry {
    /// Of these providers.
    pub fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Self {
        let mut registry = Registry::default();
        for provider in providers {
            for r in provider.resources() {
                registry.resources.insert(r.type_name().into(), (provider.clone(), r));
            }
            for d in provider.data_sources() {
                registry.data.insert(d.type_name().into(), (provider.clone(), d));
            }
            let functions = provider.functions().into_iter().map(|f| (f.signature.name, f));
            registry.functions.insert(provider.source().into(), functions.collect());
            for e in provider.ephemeral_resources() {
                registry.ephemeral.insert(e.type_name().into(), (provider.clone(), e));
            }
            for p in provider.provisioners() {
                registry.provisioners.insert(p.name().into(), p);
            }
            registry.providers.insert(provider.source().into(), provider);
        }
        registry
    }

    /// All providers, by source address.
    pub fn providers(&self) -> &BTreeMap<Str, Arc<dyn Provider>> {
        &self.providers
    }

    /// A managed resource type and its family.
    pub fn resource(&self, type_name: &str) -> Option<(&Arc<dyn Provider>, &Arc<dyn ManagedResource>)> {
        self.resources.get(type_name).map(|(p, r)| (p, r))
    }

    /// A data source and its family.
    pub fn data(&self, type_name: &str) -> Option<(&Arc<dyn Provider>, &Arc<dyn DataSource>)> {
        self.data.get(type_name).map(|(p, d)| (p, d))
    }

    /// The schema of what a block declares.
    pub fn schema(&self, resource: &Resource) -> Option<&Schema> {
        Some(match resource.mode {
            ResourceMode::Managed => self.resource(&resource.type_name)?.1.schema(),
            ResourceMode::Data => self.data(&resource.type_name)?.1.schema(),
            ResourceMode::Ephemeral => self.ephemeral(&resource.type_name)?.1.schema(),
        })
    }

    /// The functions of the provider with this source address, by name.
    pub fn functions(&self, source: &str) -> Option<&BTreeMap<&'static str, Function>> {
        self.functions.get(source)
    }

    /// An ephemeral resource type and its family.
    pub fn ephemeral(&self, type_name: &str) -> Option<(&Arc<dyn Provider>, &Arc<dyn EphemeralResource>)> {
        self.ephemeral.get(type_name).map(|(p, e)| (p, e))
    }

    /// The names of all ephemeral resource types.
    pub fn ephemeral_types(&self) -> impl Iterator<Item = &str> {
        self.ephemeral.keys().map(|k| &**k)
    }

    /// A kind of provisioner.
    pub fn provisioner(&self, name: &str) -> Option<&Arc<dyn Provisioner>> {
        self.provisioners.get(name)
    }

    /// The names of all kinds of provisioners.
    pub fn provisioner_names(&self) -> impl Iterator<Item = &str> {
        self.provisioners.keys().map(|k| &**k)
    }

    /// The names of all managed resource types.
    pub fn resource_types(&self) -> impl Iterator<Item = &str> {
        self.resources.keys().map(|k| &**k)
    }

    /// The names of all data sources.
    pub fn data_types(&self) -> impl Iterator<Item = &str> {
        self.data.keys().map(|k| &**k)
    }
}

/// The user's wish to stop: raised once, running calls end and nothing new begins.
#[derive(Clone, Default)]
pub struct Cancel(Arc<(AtomicU8, Notify)>);

impl Cancel {
    /// Raises it by one: 1 stops after the running calls, 2 stops at once.
    pub fn raise(&self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    /// How often it was raised.
    pub fn level(&self) -> u8 {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Returns when it was raised at least `level` times.
    pub async fn reached(&self, level: u8) {
        loop {
            let notified = self.0.1.notified();
            if self.level() >= level {
                return;
            }
            notified.await;
        }
    }
}

/// What the engine works with.
#[derive(Clone)]
pub struct Setup {
    /// The configuration.
    pub config: Arc<Config>,
    /// The providers.
    pub registry: Arc<Registry>,
    /// Values given for the root module's variables, already of their declared types.
    pub variables: BTreeMap<Str, Value>,
    /// Why what was given for others of them is no value of theirs: told when one of them is asked for.
    pub unfit: BTreeMap<Str, Diagnostic>,
    /// The workspace.
    pub workspace: Str,
    /// Files and time for expressions.
    pub world: Arc<dyn World>,
    /// Time for providers.
    pub clock: Clock,
    /// Where events go.
    pub events: EventSink,
    /// How many calls may be under way at once.
    pub parallelism: usize,
    /// The user's wish to stop.
    pub cancel: Cancel,
    /// Told of each phase of each operation; for tests that kill the program.
    pub probe: Arc<dyn Probe>,
    /// What recovery found unmade.
    pub unmade: Unmade,
    /// Whether recovery looks where providers lead today for what was interrupted elsewhere: the place is gone, or has another name.
    pub settle_here: bool,
}

/// Creations that were interrupted and of which recovery found nothing, by instance. Whoever makes the same thing again does it
/// under the same token: should the first request land after all, both are one to a provider that knows tokens.
pub type Unmade = Arc<Mutex<BTreeMap<InstanceAddr, Intent>>>;

/// What to plan.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// What the plan is for.
    pub mode: Mode,
    /// Whether to read the objects first.
    pub refresh: bool,
    /// Only these, and what they depend on; empty for everything.
    pub targets: Vec<Pattern>,
    /// Everything but these, and what depends on them; never together with targets.
    pub excludes: Vec<Pattern>,
    /// Replace these even if nothing changed.
    pub replace: Vec<InstanceAddr>,
    /// Whether what depends on an unknown `count`, `for_each` or provider configuration waits for a later plan. Otherwise an
    /// unknown repetition is an error, and an unknown provider is planned for without being asked.
    pub defer: bool,
    /// Whether it is noted what was looked at, for a plan that is saved.
    pub note: bool,
}

impl Default for PlanOptions {
    fn default() -> Self {
        PlanOptions {
            mode: Mode::Normal,
            refresh: true,
            targets: Vec::new(),
            excludes: Vec::new(),
            replace: Vec::new(),
            defer: true,
            note: false,
        }
    }
}

impl PlanOptions {
    /// Whether only a part of the configuration is planned.
    pub fn is_partial(&self) -> bool {
        !self.targets.is_empty() || !self.excludes.is_empty()
    }
}

/// A plan, and what was noticed while making it.
#[derive(Clone, Debug)]
pub struct PlanOutcome {
    /// The plan; `errored` when there are errors below.
    pub plan: Plan,
    /// The state after refreshing.
    pub refreshed: State,
    /// What was looked at, if that was to be noted.
    pub seen: Seen,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// There are errors whatever the values and the objects are: the plan, as far as it came, says nothing.
    pub baseless: bool,
}

/// How to apply.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {}

/// What apply has done.
#[derive(Clone, Debug)]
pub struct ApplyOutcome {
    /// The state afterwards: already recorded, if `recorded` says so.
    pub state: State,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// Objects made (replacements included), changed and removed.
    pub counts: (usize, usize, usize),
    /// Objects that became ours by import.
    pub imported: usize,
    /// Instances that were not reached, because something they wait for failed or the user stopped the run.
    pub skipped: Vec<Skipped>,
    /// Instances that something failed for.
    pub failed: Vec<InstanceAddr>,
    /// The state was written where it belongs. If not, a diagnostic says why, and what is left of it.
    pub recorded: bool,
}

/// An instance that an apply did not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The instance.
    pub addr: InstanceAddr,
    /// What it waits for and failed; `None` when it only was not its turn yet.
    pub because: Option<InstanceAddr>,
}
