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
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::Notify;

/// All providers in the binary, by source address.
#[derive(Clone, Default)]
pub struct Registry {
    providers: BTreeMap<Str, Arc<dyn Provider>>,
    /// What each of them has.
    families: Vec<Family>,
    provisioners: OnceLock<BTreeMap<Str, Arc<dyn Provisioner>>>,
}

/// A provider, and what it has: found out when somebody asks for it, since most runs need few of the providers.
#[derive(Clone)]
struct Family {
    provider: Arc<dyn Provider>,
    resources: OnceLock<BTreeMap<Str, Arc<dyn ManagedResource>>>,
    data: OnceLock<BTreeMap<Str, Arc<dyn DataSource>>>,
    ephemeral: OnceLock<BTreeMap<Str, Arc<dyn EphemeralResource>>>,
    functions: OnceLock<BTreeMap<&'static str, Function>>,
}

impl Family {
    fn new(provider: Arc<dyn Provider>) -> Self {
        Family {
            provider,
            resources: OnceLock::new(),
            data: OnceLock::new(),
            ephemeral: OnceLock::new(),
            functions: OnceLock::new(),
        }
    }

    fn resources(&self) -> &BTreeMap<Str, Arc<dyn ManagedResource>> {
        let all = || self.provider.resources().into_iter().map(|r| (r.type_name().into(), r)).collect();
        self.resources.get_or_init(all)
    }

    fn data(&self) -> &BTreeMap<Str, Arc<dyn DataSource>> {
        let all = || self.provider.data_sources().into_iter().map(|d| (d.type_name().into(), d)).collect();
        self.data.get_or_init(all)
    }

    fn ephemeral(&self) -> &BTreeMap<Str, Arc<dyn EphemeralResource>> {
        let all =
            || self.provider.ephemeral_resources().into_iter().map(|e| (e.type_name().into(), e)).collect();
        self.ephemeral.get_or_init(all)
    }
}

impl Registry {
    /// Of these providers.
    pub fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Self {
        let providers: BTreeMap<Str, _> = providers.into_iter().map(|p| (p.source().into(), p)).collect();
        let families = providers.values().cloned().map(Family::new).collect();
        Registry { providers, families, provisioners: OnceLock::new() }
    }

    /// All providers, by source address.
    pub fn providers(&self) -> &BTreeMap<Str, Arc<dyn Provider>> {
        &self.providers
    }

    /// The families, those first that a type's name begins with: mostly it is theirs, and the others are not looked at.
    fn families<'r>(&'r self, type_name: &str) -> impl Iterator<Item = &'r Family> {
        let begin = type_name.split_once('_').map_or(type_name, |(begin, _)| begin);
        let is_likely = move |family: &&Family| family.provider.name() == begin;
        let others = self.families.iter().filter(move |family| !is_likely(family));
        self.families.iter().filter(is_likely).chain(others)
    }

    /// A managed resource type and its family.
    pub fn resource(&self, type_name: &str) -> Option<(&Arc<dyn Provider>, &Arc<dyn ManagedResource>)> {
        self.families(type_name).find_map(|f| Some((&f.provider, f.resources().get(type_name)?)))
    }

    /// A data source and its family.
    pub fn data(&self, type_name: &str) -> Option<(&Arc<dyn Provider>, &Arc<dyn DataSource>)> {
        self.families(type_name).find_map(|f| Some((&f.provider, f.data().get(type_name)?)))
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
        let family = self.families.iter().find(|family| family.provider.source() == source)?;
        let all = || family.provider.functions().into_iter().map(|f| (f.signature.name, f)).collect();
        Some(family.functions.get_or_init(all))
    }

    /// An ephemeral resource type and its family.
    pub fn ephemeral(&self, type_name: &str) -> Option<(&Arc<dyn Provider>, &Arc<dyn EphemeralResource>)> {
        self.families(type_name).find_map(|f| Some((&f.provider, f.ephemeral().get(type_name)?)))
    }

    /// The names of all ephemeral resource types.
    pub fn ephemeral_types(&self) -> impl Iterator<Item = &str> {
        sorted(self.families.iter().flat_map(|f| f.ephemeral().keys()))
    }

    /// A kind of provisioner.
    pub fn provisioner(&self, name: &str) -> Option<&Arc<dyn Provisioner>> {
        self.provisioners().get(name)
    }

    fn provisioners(&self) -> &BTreeMap<Str, Arc<dyn Provisioner>> {
        self.provisioners.get_or_init(|| {
            let all = self.providers.values().flat_map(|provider| provider.provisioners());
            all.map(|p| (p.name().into(), p)).collect()
        })
    }

    /// The names of all kinds of provisioners.
    pub fn provisioner_names(&self) -> impl Iterator<Item = &str> {
        self.provisioners().keys().map(|k| &**k)
    }

    /// The names of all managed resource types.
    pub fn resource_types(&self) -> impl Iterator<Item = &str> {
        sorted(self.families.iter().flat_map(|f| f.resources().keys()))
    }

    /// The names of all data sources.
    pub fn data_types(&self) -> impl Iterator<Item = &str> {
        sorted(self.families.iter().flat_map(|f| f.data().keys()))
    }
}

fn sorted<'n>(names: impl Iterator<Item = &'n Str>) -> impl Iterator<Item = &'n str> {
    let mut names: Vec<&str> = names.map(|name| &**name).collect();
    names.sort_unstable();
    names.into_iter()
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
