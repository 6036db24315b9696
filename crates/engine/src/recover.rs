//! Finding out what interrupted operations left, before anything new is planned.

use crate::Setup;
use crate::calls::{Caller, NoRecorder};
use crate::cells::{CellId, Content, InstanceInfo, Kind};
use crate::evaluator::{Evaluator, Ran};
use crate::event::{Event, Verb};
use crate::graph::Graph;
use crate::identity;
use crate::instance::{decode, marked};
use crate::prepare::prepare;
use crate::provide::{ProviderHandle, TypeInfo};
use formwork_addr::{InstanceAddr, InstanceKey, ModulePath, ResourceAddr, Str};
use formwork_config::{Config, ProviderKey, When, normalise_source};
use formwork_diag::{Diagnostic, has_errors};
use formwork_provider::{Call, CallError, Interrupted, Object, Operation, Recovered};
use formwork_state::{Intent, Pending, Record, Session, Status, StoredObject};
use formwork_value::{Value, json};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::sync::{Arc, PoisonError};

/// The provider configuration that a state's `provider["…"].alias` means here; the nearest one, if that is gone.
pub(crate) fn provider_key(config: &Config, text: &str) -> Option<ProviderKey> {
    let at = text.find("provider[\"")?;
    let module: Vec<Str> = text[..at]
        .split('.')
        .filter(|s| !s.is_empty() && *s != "module")
        .map(|s| s.split('[').next().unwrap_or(s).into())
        .collect();
    let rest = &text[at + "provider[\"".len()..];
    let (source, rest) = rest.split_once("\"]")?;
    let (alias, key) = match rest.strip_prefix('.') {
        None => (None, None),
        // An alias with a key is written like a resource with one.
        Some(rest) if rest.ends_with(']') => {
            let named: InstanceAddr = format!("provider.{rest}").parse().ok()?;
            let InstanceKey::Str(key) = named.key else { return None };
            (Some(named.resource.resource.name.clone()), Some(key))
        }
        Some(rest) => (Some(rest.into()), None),
    };
    let source = normalise_source(source).ok()?;
    let path = ModulePath(module);
    let (path, holder) = match config.module(&path) {
        Some(holder) => (path, holder),
        None => (ModulePath::default(), config.root()),
    };
    let local = holder.provider_local(&source);
    Some(ProviderKey { module: path, local, source, alias, key })
}

/// The provider configuration that a state names, when the configuration has it: another one may lead to another account.
pub(crate) fn present_provider(config: &Config, text: &str) -> Result<ProviderKey, Diagnostic> {
    let key = provider_key(config, text).filter(|key| {
        let block = config.provider_block(key).is_some();
        let default = key.module.0.is_empty() && key.alias.is_none();
        // Whether that one of a `for_each` is still there is known when it is evaluated.
        let several = config.provider_block(key).is_some_and(|b| b.for_each.is_some());
        key.to_string() == text && (block || default) && several == key.key.is_some()
    });
    key.ok_or_else(|| {
        Diagnostic::error(
            "Provider configuration not present",
            format!("The object is managed by {text}, which the configuration no longer has."),
        )
        .help("Put that provider block back until the object is removed: without it, nobody knows where the object is.")
    })
}

/// The provider configuration that manages an object which the state says is managed by `recorded`: the one that its block
/// uses now. Where that is one of several that a `for_each` makes, or was, only the state knows which: with another one the
/// object would not be found, and seem to be gone.
pub(crate) fn managing(
    config: &Config,
    addr: &InstanceAddr,
    recorded: &str,
) -> Result<ProviderKey, Diagnostic> {
    let block = config
        .module(&addr.resource.module.path())
        .and_then(|m| Some((m, m.resources.get(&*addr.resource.resource)?)));
    if let Some((module, block)) = block {
        let now = config.provider_of(module, block);
        let several = config.provider_block(&now).is_some_and(|b| b.for_each.is_some());
        let was_one_of_several = provider_key(config, recorded).is_some_and(|key| key.key.is_some());
        if !several && !was_one_of_several {
            return Ok(now);
        }
    }
    present_provider(config, recorded).map_err(|d| d.about(addr))
}

impl Evaluator {
    /// The cell of the provider configuration of a prior object, as [`managing`] finds it. Instances of one resource come one
    /// after the other, so the last answer is kept.
    pub(crate) fn managing(&mut self, addr: &InstanceAddr, recorded: &Str) -> Result<CellId, Diagnostic> {
        if let Some((resource, name, cell)) = &self.managed
            && *resource == addr.resource
            && name == recorded
        {
            return Ok(*cell);
        }
        let cell = self.provider_cell(managing(&self.setup.config, addr, recorded)?);
        self.managed = Some((addr.resource.clone(), recorded.clone(), cell));
        Ok(cell)
    }
}

/// Settles every operation that an earlier run began and did not record the end of. To be called as soon as the state is
/// open. What cannot be settled is an error, and stays in the journal.
pub async fn recover(setup: &Setup, session: &mut dyn Session) -> Vec<Diagnostic> {
    let pending: Vec<Pending> = session.pending().to_vec();
    if pending.is_empty() {
        return Vec::new();
    }
    let (_, diags) = Graph::new(&setup.config, &setup.registry);
    let mut recovery = Recovery::new(setup, session.state().clone());
    // With a configuration that cannot be evaluated, the journal's own word on the provider has to do.
    let usable = !has_errors(&diags);
    let foreign = session.foreign();
    let mut diags = Vec::new();
    // All at once: each may have to wait until nothing of it can take effect any more.
    let mut asked = FuturesUnordered::new();
    for p in &pending {
        match recovery.question(p, usable).await {
            Ok(question) => asked.push(question.ask(recovery.caller.clone(), p)),
            Err(d) => diags.push(d),
        }
    }
    while let Some((p, answer)) = asked.next().await {
        match answer {
            Ok(answer) => {
                if matches!(
                    (operation_of(&p.intent), &answer.recovered),
                    (Operation::Create, Recovered::Absent)
                ) && p.partial.is_none()
                    && p.intent.deposed.is_none()
                    && !foreign
                {
                    let mut unmade = setup.unmade.lock().unwrap_or_else(PoisonError::into_inner);
                    unmade.insert(p.intent.address.clone(), p.intent.clone());
                }
                let (records, what) = recovery.settle(p, answer, foreign);
                let journal = session.journal();
                for record in &records {
                    record.apply_to(&mut recovery.state);
                    if let Err(error) = journal.append(record) {
                        diags.push(error.into());
                        return diags;
                    }
                }
                (setup.events)(Event::Recovered { addr: p.intent.address.clone(), what });
            }
            Err(d) => diags.push(d),
        }
    }
    if let Err(error) = session.fold(&recovery.state) {
        diags.push(error.into());
    }
    diags
}

/// What is to be asked about one interrupted operation.
struct Question {
    info: Arc<TypeInfo>,
    provider: Arc<ProviderHandle>,
    interrupted: Interrupted,
    /// The object as it was recorded before.
    stored: Option<Arc<StoredObject>>,
}

/// What the provider said to it.
struct Answer {
    info: Arc<TypeInfo>,
    stored: Option<Arc<StoredObject>>,
    recovered: Recovered,
}

impl Question {
    /// Asks the provider.
    async fn ask(self, caller: Caller, pending: &Pending) -> (&Pending, Result<Answer, Diagnostic>) {
        let Question { info, provider, interrupted, stored } = self;
        let intent = &pending.intent;
        let addr = &intent.address;
        caller.started(addr, intent.deposed.as_ref(), Verb::Recover, None);
        let result = match info.managed() {
            Some(resource) => {
                let work = async |call: &Call<'_>| resource.recover(call, &interrupted).await;
                caller.with(&provider, &intent.token, &NoRecorder, work).await
            }
            None => Ok(Recovered::Absent),
        };
        match &result {
            Ok(_) => caller.finished(addr, intent.deposed.as_ref(), Verb::Recover, None),
            Err(_) => caller.failed(addr, Verb::Recover),
        }
        let recovered = result.map_err(|error: CallError| {
            Diagnostic::error(
                "Interrupted operation could not be settled",
                format!("What became of {addr} could not be found out: {}: {}", error.summary, error.detail),
            )
            .help("Nothing is lost: it stays in the journal. Run again when the cause is gone.")
            .about(addr)
        });
        (pending, recovered.map(|recovered| Answer { info, stored, recovered }))
    }
}

fn operation_of(intent: &Intent) -> Operation {
    match intent.operation {
        formwork_state::Operation::Create => Operation::Create,
        formwork_state::Operation::Update => Operation::Update,
        formwork_state::Operation::Delete => Operation::Delete,
    }
}

/// Asks providers about objects, as the configuration and the state have them.
pub(crate) struct Recovery {
    pub(crate) ev: Evaluator,
    caller: Caller,
    state: formwork_state::State,
    /// Whether instances that have no object are unknown. Otherwise nothing can be made from them.
    unmade_is_unknown: bool,
}

/// Where an instance is in the configuration.
pub(crate) enum Place {
    /// In this cell.
    There(CellId),
    /// Nowhere: the configuration does not have it.
    Absent,
    /// That is not known yet.
    Unknown,
}

impl Recovery {
    pub(crate) fn new(setup: &Setup, state: formwork_state::State) -> Self {
        let (ev, caller) = (Evaluator::new(setup.clone()), Caller::new(setup.clone()));
        Recovery { ev, caller, state, unmade_is_unknown: false }
    }

    /// The same, for questions of which much may stay open.
    pub(crate) fn with_unknowns(setup: &Setup, state: formwork_state::State) -> Self {
        let mut recovery = Recovery::new(setup, state);
        recovery.ev.planning = true;
        recovery.ev.deferring = true;
        recovery.unmade_is_unknown = true;
        recovery
    }

    /// What there is to ask, and whom.
    async fn question(&mut self, pending: &Pending, usable: bool) -> Result<Question, Diagnostic> {
        let intent = &pending.intent;
        let addr = &intent.address;
        let Some(info) =
            self.ev.types.managed(&self.caller.setup.registry, &addr.resource.resource.type_name)
        else {
            return Err(Diagnostic::error(
                "Interrupted operation of an unknown type",
                format!("The journal tells of an operation on {addr}, whose type no provider here knows."),
            )
            .help("Use a version of the program that knows the type; the journal stays until then.")
            .about(addr));
        };
        let provider = self.provider(pending, &info, usable).await?;
        let unreadable = |e: String| {
            Diagnostic::error(
                "Journal cannot be understood",
                format!("The arguments of the operation on {addr} do not fit the schema: {e}."),
            )
            .about(addr)
        };
        let arguments = json::decode(&intent.arguments, &info.ty).map_err(unreadable)?;
        let stored = pending.partial.clone().or_else(|| {
            self.state.instance(addr).and_then(|i| match &intent.deposed {
                None => i.current.clone(),
                Some(key) => i.deposed.get(key).cloned(),
            })
        });
        let operation = operation_of(intent);
        let known = if operation == Operation::Create { pending.partial.clone() } else { stored.clone() };
        let prior = match &known {
            Some(stored) => Some(decode(addr, &info, stored)?),
            None => None,
        };
        let interrupted = Interrupted { operation, token: intent.token.clone(), arguments, prior };
        Ok(Question { info, provider, interrupted, stored })
    }

    /// What is to be recorded, and what to tell.
    fn settle(&self, pending: &Pending, answer: Answer, foreign: bool) -> (Vec<Record>, String) {
        let Answer { info, stored, recovered } = answer;
        let intent = &pending.intent;
        let addr = &intent.address;
        let set = |object: Option<StoredObject>| Record::Set {
            token: Some(intent.token.clone()),
            partial: false,
            address: addr.clone(),
            deposed: intent.deposed.clone(),
            provider: intent.provider.clone(),
            object: object.map(Arc::new),
        };
        let settled = Record::NoEffect { token: intent.token.clone() };
        match (operation_of(intent), recovered) {
            (Operation::Create, Recovered::Absent) => {
                let half = !foreign && self.has_half_of(pending);
                let there = self.state.instance(addr).filter(|i| half || i.current.is_none());
                let aside = intent.puts_aside.clone().filter(|_| !foreign);
                let aside = aside.filter(|key| there.is_some_and(|i| i.deposed.contains_key(key)));
                if let Some(key) = aside {
                    // What it was to replace is the current one again.
                    let restored =
                        Record::Restore { address: addr.clone(), key, token: Some(intent.token.clone()) };
                    (vec![restored], "its creation had been interrupted, and it does not exist".into())
                } else if half {
                    (vec![set(None)], "its creation had been interrupted, and it does not exist".into())
                } else {
                    (vec![settled], "its creation had been interrupted before it had any effect".into())
                }
            }
            (Operation::Create, Recovered::Found { object, complete }) => {
                // Nobody knows whether its provisioners would have run.
                let complete = complete && !self.provisioned(addr);
                let status = if complete { Status::Ready } else { Status::Tainted };
                let stored = self.store(&info, &object, None, status, intent);
                if self.taken(pending, &info, &object) {
                    // Another run has made another one meanwhile: both exist, and this one is to go.
                    let key =
                        intent.token.chars().filter(char::is_ascii_hexdigit).take(8).collect::<String>();
                    let record = Record::Set {
                        token: Some(intent.token.clone()),
                        partial: false,
                        address: addr.clone(),
                        deposed: Some(key.into()),
                        provider: intent.provider.clone(),
                        object: Some(Arc::new(stored)),
                    };
                    let what = "its creation had been interrupted, and another object took its place meanwhile: to be removed";
                    return (vec![record], what.into());
                }
                let what = if complete {
                    "its creation had been interrupted after it was made: adopted"
                } else {
                    "its creation had been interrupted half way: adopted, to be replaced"
                };
                (vec![set(Some(stored))], what.into())
            }
            (Operation::Update, Recovered::Found { object, .. }) => {
                let status = stored.as_ref().map_or(Status::Ready, |s| s.status);
                let stored = self.store(&info, &object, stored.as_deref(), status, intent);
                (vec![set(Some(stored))], "its change had been interrupted: read again".into())
            }
            (Operation::Update, Recovered::Absent) => {
                (vec![set(None)], "its change had been interrupted, and it does not exist any more".into())
            }
            (Operation::Delete, Recovered::Absent) => {
                (vec![set(None)], "its removal had been interrupted after it was gone".into())
            }
            (Operation::Delete, Recovered::Found { .. }) => {
                (vec![settled], "its removal had been interrupted before it had any effect".into())
            }
        }
    }

    /// Whether provisioners run after an instance was made.
    fn provisioned(&self, addr: &InstanceAddr) -> bool {
        let module = self.caller.setup.config.module(&addr.resource.module.path());
        let block = module.and_then(|m| m.resources.get(&*addr.resource.resource));
        block.is_some_and(|b| b.provisioners.iter().any(|p| p.when == When::Create))
    }

    /// Whether the object that the state has is what the interrupted creation itself recorded half made.
    fn has_half_of(&self, pending: &Pending) -> bool {
        let Intent { address: addr, deposed, .. } = &pending.intent;
        let there = self.state.instance(addr).and_then(|i| match deposed {
            None => i.current.as_ref(),
            Some(key) => i.deposed.get(key),
        });
        // The state's copy also says whose it is.
        there.is_some_and(|there| {
            let recorded = pending
                .partial
                .as_ref()
                .map(|p| StoredObject { provider: there.provider.clone(), ..(**p).clone() });
            recorded.as_ref() == Some(&**there)
        })
    }

    /// Whether the place of an object is taken by another one.
    fn taken(&self, pending: &Pending, info: &TypeInfo, object: &Object) -> bool {
        let Intent { address: addr, deposed, .. } = &pending.intent;
        let Some(instance) = self.state.instance(addr) else { return false };
        let there = match deposed {
            None => instance.current.as_ref(),
            Some(key) => instance.deposed.get(key),
        };
        // What the operation itself recorded half way is no other.
        let Some(there) = there.filter(|_| !self.has_half_of(pending)) else { return false };
        let (Ok(there), Some(resource)) = (decode(addr, info, there), info.managed()) else { return false };
        !resource.is_same(&there.value, &object.value)
    }

    fn store(
        &self,
        info: &TypeInfo,
        object: &Object,
        old: Option<&StoredObject>,
        status: Status,
        intent: &Intent,
    ) -> StoredObject {
        let template = StoredObject {
            schema_version: info.schema.version,
            attributes: "{}".into(),
            sensitive: old.map(|o| o.sensitive.clone()).unwrap_or_default(),
            private: object.private.clone(),
            dependencies: old.map_or_else(|| intent.dependencies.clone(), |o| o.dependencies.clone()),
            status,
            create_before_destroy: old.is_some_and(|o| o.create_before_destroy),
            provider: None,
            extra: old.map(|o| o.extra.clone()).unwrap_or_default(),
        };
        let object = &Object {
            value: crate::write_only::without(&info.schema, object.value.clone()),
            private: object.private.clone(),
        };
        let value = marked(info, &template, &object.value);
        let (_, paths) = value.unmark_paths();
        StoredObject {
            attributes: crate::apply::encode_known(&object.value, info).into(),
            sensitive: paths.into_iter().map(|(p, _)| p).collect(),
            ..template
        }
    }

    /// A provider that reaches the object: as the configuration has it, or as the journal describes it.
    async fn provider(
        &mut self,
        pending: &Pending,
        info: &TypeInfo,
        usable: bool,
    ) -> Result<Arc<ProviderHandle>, Diagnostic> {
        let intent = &pending.intent;
        let was = match self.caller.setup.settle_here {
            true => identity::Reached::new(),
            false => identity::split(&intent.identity).1,
        };
        if usable && let Some(key) = provider_key(&self.caller.setup.config.clone(), &intent.provider) {
            let cell = self.ev.provider_cell(key);
            self.fill(cell).await;
            if let Some(handle) = self.ev.provider_of(cell)
                && identity::same_configuration(&handle.identity, &intent.identity)
                && identity::difference(&was, &identity::reached(&*info.family, &handle.client).await)
                    .is_none()
            {
                return Ok(handle);
            }
        }
        let identity = json::decode_implied(&intent.identity).unwrap_or(Value::NULL);
        let empty = crate::body::empty(&info.family.schema().block);
        let config = match (empty.as_map(), identity.as_map()) {
            (Some(all), Some(known)) => {
                let mut all = all.clone();
                for (name, value) in known {
                    if let Some(slot) = all.get_mut(name)
                        && let Ok(value) = formwork_value::convert(value, &slot.ty())
                    {
                        *slot = value;
                    }
                }
                // What the environment had said is as good as an argument.
                for (name, slot) in all.iter_mut().filter(|(_, slot)| slot.is_null()) {
                    if let Some(value) = identity::argument(&was, name)
                        && let Ok(value) = formwork_value::convert(&value, &slot.ty())
                    {
                        *slot = value;
                    }
                }
                Value::from(all)
            }
            _ => empty.clone(),
        };
        match info.family.configure(&config).await {
            Ok(client) => {
                let is = identity::reached(&*info.family, &client).await;
                if let Some(other) = identity::difference(&was, &is) {
                    return Err(elsewhere(intent, &other));
                }
                Ok(Arc::new(ProviderHandle {
                    client,
                    identity: intent.identity.clone(),
                    whole: Default::default(),
                    name: intent.provider.clone(),
                    environment: &[],
                    known: true,
                }))
            }
            Err(error) => Err(Diagnostic::error(
                "Interrupted operation could not be settled",
                format!(
                    "The provider of {}, as the journal describes it, cannot be reached: {}: {}",
                    intent.address, error.summary, error.detail
                ),
            )
            .help("Put its provider block back into the configuration, and run again.")
            .about(&intent.address)),
        }
    }

    /// The cell of an instance that the configuration has, by what it says now and what the state has.
    pub(crate) async fn instance(&mut self, addr: &InstanceAddr) -> Place {
        let mut module = 0;
        for step in addr.resource.module.steps() {
            let Some(calls) = self.ev.module(module).calls.get(&step.name).copied() else {
                return Place::Absent;
            };
            self.fill(calls).await;
            let child = match &self.ev.cells.get(calls).content {
                Content::Calls(expansion) if !self.ev.deferred.contains_key(&calls) => {
                    expansion.get(&step.key).copied()
                }
                _ => return Place::Unknown,
            };
            let Some(child) = child else { return Place::Absent };
            module = child;
        }
        let Some(keys) = self.ev.keys_cell(module, &addr.resource.resource) else { return Place::Absent };
        self.fill(keys).await;
        match self.ev.expansion(keys) {
            Some(expansion) if !self.ev.deferred.contains_key(&keys) => {
                expansion.get(&addr.key).map_or(Place::Absent, |cell| Place::There(*cell))
            }
            _ => Place::Unknown,
        }
    }

    /// The cell of the provider configuration of an instance; `None` where it cannot be told.
    pub(crate) async fn provider_of_instance(&mut self, cell: CellId) -> Option<CellId> {
        let Kind::Instance(instance) = self.ev.cells.get(cell).kind.clone() else { return None };
        loop {
            match self.ev.provider_cell_of(&instance) {
                Ran::Done(cell, _) => return Some(cell),
                Ran::Failed => return None,
                Ran::Missing(missing) => {
                    for cell in missing {
                        self.fill(cell).await;
                    }
                }
            }
        }
    }

    /// The resources that an instance is made from, as far as its configuration can be evaluated.
    pub(crate) async fn dependencies(&mut self, cell: CellId) -> Arc<[ResourceAddr]> {
        let Kind::Instance(instance) = self.ev.cells.get(cell).kind.clone() else { return Arc::from([]) };
        loop {
            match prepare(&mut self.ev, &instance) {
                Ran::Done(prepared, _) => {
                    return self.ev.resources_in(&prepared.inputs, &instance.addr.resource);
                }
                Ran::Failed => return Arc::from([]),
                Ran::Missing(missing) => {
                    for cell in missing {
                        self.fill(cell).await;
                    }
                }
            }
        }
    }

    /// What an instance without an object is, where anything may be said of it.
    fn unmade(&self, instance: &InstanceInfo) -> Option<Value> {
        let info = self.ev.type_info(&instance.addr.resource.resource).filter(|_| self.unmade_is_unknown)?;
        Some(Value::unknown(info.ty.clone()))
    }

    /// Fills a cell, such as a provider's; objects that it refers to are as the state has them.
    pub(crate) async fn fill(&mut self, wanted: CellId) {
        self.ev.cells.demand(wanted);
        while let Some(cell) = self.ev.cells.pop() {
            match self.ev.cells.get(cell).kind.clone() {
                Kind::Instance(instance) => {
                    let value = self.state.instance(&instance.addr).and_then(|i| {
                        let stored = i.current.as_ref()?;
                        let info = self.ev.type_info(&instance.addr.resource.resource)?;
                        let object = decode(&instance.addr, &info, stored).ok()?;
                        Some(marked(&info, stored, &object.value))
                    });
                    match value.or_else(|| self.unmade(&instance)) {
                        Some(value) => self.ev.cells.complete(cell, Content::Value(value), None),
                        None => self.ev.cells.fail(cell),
                    }
                }
                _ => {
                    if let Some(configuring) = self.ev.run(cell) {
                        let result = configuring.future.await.map(&configuring.handle);
                        self.ev.configured(configuring.cell, result);
                    }
                }
            }
        }
    }
}

/// Nothing is looked for where it cannot be: what is not there would count as gone.
fn elsewhere(intent: &Intent, other: &str) -> Diagnostic {
    Diagnostic::error(
        "Interrupted operation could not be settled",
        format!("When the operation on {} began, it was in {other}.", intent.address),
    )
    .help(
        "Run again with the credentials and the environment of that time: what it left can be found only there. If that place is \
         gone, or has another name by now, set FORMWORK_RECOVER_HERE=1 for one run: it looks where the provider leads today.",
    )
    .about(&intent.address)
}
