//! One operation on one object: intent, call, and what became of it.

use crate::calls::Caller;
use crate::event::{Event, Verb};
use crate::identity;
use crate::prepare::hide;
use crate::provide::{ProviderHandle, TypeInfo};
use crate::write_only;
use async_trait::async_trait;
use formwork_addr::{InstanceAddr, ResourceAddr, Str};
use formwork_provider::{
    Call, CallError, Effects, Interrupted, ManagedResource, Object, Operation, PlanRequest, Recorder,
    Recovered, check_refines, default_plan,
};
use formwork_state::{Intent, Journal, Phase, Record, Status, StoredObject};
use formwork_value::{Marks, Path, Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use tokio::sync::oneshot;

/// An operation to be done.
pub(super) struct Operating {
    pub caller: Caller,
    pub journal: Arc<dyn Journal>,
    pub step: u32,
    pub addr: InstanceAddr,
    pub deposed: Option<Str>,
    /// The key under which the current object is put aside for a new one, as soon as its creation begins.
    pub puts_aside: Option<Str>,
    /// Set when its intent was appended.
    pub intended: Arc<AtomicBool>,
    pub info: Arc<TypeInfo>,
    pub provider: Arc<ProviderHandle>,
    pub what: What,
    pub dependencies: Arc<[ResourceAddr]>,
    pub create_before_destroy: bool,
    /// That it begins was told already.
    pub announced: bool,
}

pub(super) enum What {
    /// Make or change: configuration, prior object, what was planned (both without marks), and the marks.
    Apply {
        config: Value,
        /// The configuration with its write-only arguments.
        written: Value,
        prior: Option<Object>,
        planned: Value,
        marks: Vec<(Path, Marks)>,
        private: Vec<u8>,
    },
    /// Remove.
    Delete { prior: Object },
    /// Read data.
    Read { config: Value, marks: Vec<(Path, Marks)> },
}

/// How an operation went.
pub(super) struct Called {
    pub step: u32,
    pub token: Option<Str>,
    pub marks: Vec<(Path, Marks)>,
    /// What was planned at the last moment.
    pub planned: Option<Value>,
    /// What was not known in the plan turned out to be what there is: nothing had to be done, and nothing was told.
    pub idle: bool,
    pub end: End,
}

pub(super) enum End {
    /// The object is now this, or gone.
    Done(Option<Object>),
    /// It failed. What exists all the same, if that is known; the intent stays open when nothing is known.
    Failed { error: CallError, left: Left },
    /// The last moment's plan is not what was planned: nothing was done.
    Inconsistent(Path),
    /// The user wants to stop: nothing was done.
    NotBegun,
    /// The journal refused: nothing was done.
    Unrecorded(formwork_state::StateError),
}

pub(super) enum Left {
    /// Nothing happened.
    Nothing,
    /// This object exists.
    Object(Object),
    /// The object is gone.
    Gone,
    /// Nobody knows: the next run finds out.
    Unknown,
}

impl Operating {
    pub async fn run(self) -> Called {
        let mut called = self.operate().await;
        let verb = self.verb();
        if let End::Failed { error, .. } = &mut called.end {
            hide(error, &self.given());
        }
        match &called.end {
            // The state and the event come together, in `called`.
            End::Done(_) | End::NotBegun => {}
            _ => self.caller.failed(&self.addr, verb),
        }
        called
    }

    /// What the provider was given, with marks.
    fn given(&self) -> Value {
        let marked = |value: &Value, marks: &[(Path, Marks)]| value.clone().mark_paths(marks);
        self.info.mark(match &self.what {
            // What is ignored of the configuration was not given; instead of it, what was there.
            What::Apply { config, written, marks, .. } => {
                let schema = &self.info.schema;
                write_only::secret(schema, marked(&write_only::with(schema, config.clone(), written), marks))
            }
            What::Read { config, marks } => marked(config, marks),
            What::Delete { prior } => prior.value.clone(),
        })
    }

    pub fn verb(&self) -> Verb {
        match &self.what {
            What::Apply { prior: None, .. } => Verb::Create,
            What::Apply { .. } => Verb::Update,
            What::Delete { .. } => Verb::Delete,
            What::Read { .. } => Verb::Read,
        }
    }

    fn end(&self, token: Option<Str>, planned: Option<Value>, end: End) -> Called {
        let marks = match &self.what {
            What::Apply { marks, .. } | What::Read { marks, .. } => marks.clone(),
            What::Delete { .. } => Vec::new(),
        };
        Called { step: self.step, token, marks, planned, idle: false, end }
    }

    async fn operate(&self) -> Called {
        let token = self.unmade().unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string().into());
        let recorder = Created { operating: self, token };
        let token = recorder.token.clone();
        self.caller
            .with(&self.provider, &token, &recorder, async |call| match &self.what {
                // It may have waited long for its slot.
                _ if self.caller.setup.cancel.level() > 0 => self.end(None, None, End::NotBegun),
                What::Read { config, .. } => self.read(call, config).await,
                What::Delete { prior } => match self.info.managed() {
                    Some(resource) => self.delete(call, &token, resource, prior).await,
                    None => self.end(None, None, End::Done(None)),
                },
                What::Apply { config, written, prior, planned, private, .. } => match self.info.managed() {
                    Some(r) => {
                        self.apply(call, &token, r, (config, written), prior.as_ref(), planned, private).await
                    }
                    None => self.end(None, None, End::Done(None)),
                },
            })
            .await
    }

    /// The token of an interrupted creation of the same thing: see [`crate::Setup::unmade`].
    fn unmade(&self) -> Option<Str> {
        let What::Apply { prior: None, planned, .. } = &self.what else { return None };
        let mut unmade = self.caller.setup.unmade.lock().unwrap_or_else(PoisonError::into_inner);
        let intent = unmade.remove(&self.addr)?;
        let same = self.deposed.is_none()
            && intent.provider == self.provider.name
            && identity::same_configuration(&intent.identity, &self.provider.identity)
            && intent.schema_version == self.info.schema.version
            && *intent.arguments == *encode_known(planned, &self.info);
        same.then_some(intent.token)
    }

    async fn read(&self, call: &Call<'_>, config: &Value) -> Called {
        self.caller.started(&self.addr, None, Verb::Read, None);
        let crate::provide::Worker::Data(source) = &self.info.worker else {
            return self.end(None, None, End::Done(None));
        };
        let call = &Call { about: &crate::calls::data_source(&self.addr), ..*call };
        match source.read(call, config).await {
            Ok(value) => self.end(None, None, End::Done(Some(Object::new(value)))),
            Err(error) => self.end(None, None, End::Failed { error, left: Left::Nothing }),
        }
    }

    #[allow(clippy::too_many_arguments)]
    async fn apply(
        &self,
        call: &Call<'_>,
        token: &Str,
        resource: &Arc<dyn ManagedResource>,
        (config, written): (&Value, &Value),
        prior: Option<&Object>,
        planned: &Value,
        private: &[u8],
    ) -> Called {
        // Plan again, now that everything is known: it must be what was shown.
        let request = PlanRequest { config, prior };
        let response = if resource.plans() {
            match resource.plan(call, &request).await {
                Ok(response) => response,
                Err(error) => return self.end(None, None, End::Failed { error, left: Left::Nothing }),
            }
        } else {
            default_plan(&self.info.schema, &request)
        };
        if let Err(path) = check_refines(planned, &response.planned) {
            return self.end(None, None, End::Inconsistent(path));
        }
        let id = prior.and_then(|p| crate::calls::shown_id(&self.info.mark(p.value.clone())));
        // Only what is sensitive has changed, or what was not known turned out to be what there is: nothing is to be done out
        // there.
        if let Some(prior) = prior.filter(|prior| prior.value == response.planned) {
            if !planned.is_wholly_known() {
                let called = self.end(None, Some(response.planned), End::Done(Some(prior.clone())));
                return Called { idle: true, ..called };
            }
            self.caller.started(&self.addr, self.deposed.as_ref(), self.verb(), id);
            return self.end(None, Some(response.planned), End::Done(Some(prior.clone())));
        }
        let private = if response.private.is_empty() { private } else { &response.private };
        let operation = if prior.is_some() { Operation::Update } else { Operation::Create };
        let outside = match self.intend(token, resource, operation, &response.planned).await {
            Ok(outside) => outside,
            Err(error) => return self.end(None, None, End::Unrecorded(error)),
        };
        self.caller.started(&self.addr, self.deposed.as_ref(), self.verb(), id);
        // What is write-only reaches the provider, and is not in what it gives back.
        let whole = write_only::with(&self.info.schema, response.planned.clone(), written);
        let result = match prior {
            None => resource.create(call, &whole, private).await,
            Some(prior) => resource.update(call, prior, &whole, private).await,
        };
        let result = result.map(|object| self.stored(object)).map_err(|mut error| {
            error.partial = error.partial.map(|object| self.stored(object));
            error
        });
        let token = outside.then(|| token.clone());
        let end = match result {
            Ok(object) => End::Done(Some(object)),
            Err(error) => {
                let interrupted = (operation, response.planned.clone(), prior.cloned());
                self.settle(call, resource, error, interrupted, outside).await
            }
        };
        self.end(token, Some(response.planned), end)
    }

    /// An object without what is write-only.
    fn stored(&self, object: Object) -> Object {
        Object { value: write_only::without(&self.info.schema, object.value), private: object.private }
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        token: &Str,
        resource: &Arc<dyn ManagedResource>,
        prior: &Object,
    ) -> Called {
        let outside = match self.intend(token, resource, Operation::Delete, &prior.value).await {
            Ok(outside) => outside,
            Err(error) => return self.end(None, None, End::Unrecorded(error)),
        };
        let id = crate::calls::shown_id(&self.info.mark(prior.value.clone()));
        if !self.announced {
            self.caller.started(&self.addr, self.deposed.as_ref(), Verb::Delete, id);
        }
        let end = match resource.delete(call, prior).await {
            Ok(()) => End::Done(None),
            Err(error) => {
                let interrupted = (Operation::Delete, prior.value.clone(), Some(prior.clone()));
                self.settle(call, resource, error, interrupted, outside).await
            }
        };
        self.end(outside.then(|| token.clone()), None, end)
    }

    /// Finds out at once what a failed call left, so that this run can go on from what is.
    async fn settle(
        &self,
        call: &Call<'_>,
        resource: &Arc<dyn ManagedResource>,
        error: CallError,
        (operation, arguments, prior): (Operation, Value, Option<Object>),
        outside: bool,
    ) -> End {
        if let Some(object) = error.partial.clone() {
            return End::Failed { error, left: Left::Object(object) };
        }
        if error.no_effect || !outside {
            return End::Failed { error, left: Left::Nothing };
        }
        let interrupted = Interrupted { operation, token: call.token.into(), arguments, prior };
        let recovered = resource.recover(call, &interrupted).await.map(|found| match found {
            Recovered::Found { object, complete } => {
                Recovered::Found { object: self.stored(object), complete }
            }
            absent => absent,
        });
        match (recovered, operation) {
            (Ok(Recovered::Found { object, complete: true }), Operation::Create | Operation::Update) => {
                End::Done(Some(object))
            }
            (Ok(Recovered::Absent), Operation::Delete) => End::Done(None),
            (Ok(Recovered::Found { object, .. }), _) => End::Failed { error, left: Left::Object(object) },
            (Ok(Recovered::Absent), Operation::Update) => End::Failed { error, left: Left::Gone },
            (Ok(Recovered::Absent), Operation::Create) => End::Failed { error, left: Left::Nothing },
            (Err(_), _) => End::Failed { error, left: Left::Unknown },
        }
    }

    /// Makes the intent durable, where the operation has effects outside the state.
    async fn intend(
        &self,
        token: &Str,
        resource: &Arc<dyn ManagedResource>,
        operation: Operation,
        arguments: &Value,
    ) -> Result<bool, formwork_state::StateError> {
        if resource.effects() == Effects::StateOnly {
            if let Some(key) = self.puts_aside.clone() {
                self.journal.append(&Record::Depose { address: self.addr.clone(), key })?;
            }
            return Ok(false);
        }
        let probe = &self.caller.setup.probe;
        probe.at(Phase::BeforeIntent);
        let operation = match operation {
            Operation::Create => formwork_state::Operation::Create,
            Operation::Update => formwork_state::Operation::Update,
            Operation::Delete => formwork_state::Operation::Delete,
        };
        let identity = identity::whole(&*self.info.family, &self.provider).await;
        self.journal.append(&Record::Intent(Intent {
            token: token.clone(),
            address: self.addr.clone(),
            deposed: self.deposed.clone(),
            puts_aside: self.puts_aside.clone(),
            operation,
            provider: self.provider.name.clone(),
            identity,
            schema_version: self.info.schema.version,
            arguments: encode_known(arguments, &self.info).into(),
            dependencies: self.dependencies.clone(),
        }))?;
        self.intended.store(true, Ordering::Relaxed);
        self.sync().await?;
        probe.at(Phase::IntentWritten);
        Ok(true)
    }

    async fn sync(&self) -> Result<(), formwork_state::StateError> {
        let (done, waits) = oneshot::channel();
        self.journal.sync(Box::new(move |result| {
            let _ = done.send(result);
        }));
        waits.await.unwrap_or_else(|_| {
            let problem = "Its writer has ended without an answer, so nothing more can be promised.".into();
            Err(formwork_state::StateError::Journal { path: Default::default(), problem })
        })
    }
}

/// JSON of a value by its type, with null for what is unknown.
pub(crate) fn encode_known(value: &Value, info: &TypeInfo) -> String {
    let known = value.clone().map_deep(&mut |v| match v.as_unknown() {
        Some(u) => Value::null(u.ty.clone()),
        None => v,
    });
    json::encode(&known, &info.ty).unwrap_or_else(|_| "{}".into())
}

/// Records that an object exists as soon as the provider knows its identity.
struct Created<'a> {
    operating: &'a Operating,
    token: Str,
}

#[async_trait]
impl Recorder for Created<'_> {
    async fn created(&self, object: &Object) -> Result<(), CallError> {
        let o = self.operating;
        let stored = StoredObject {
            schema_version: o.info.schema.version,
            attributes: encode_known(&write_only::without(&o.info.schema, object.value.clone()), &o.info)
                .into(),
            sensitive: Vec::new(),
            private: object.private.clone(),
            dependencies: o.dependencies.clone(),
            status: Status::Tainted,
            create_before_destroy: o.create_before_destroy,
            provider: None,
            extra: Vec::new(),
        };
        let record = Record::Set {
            token: Some(self.token.clone()),
            partial: true,
            address: o.addr.clone(),
            deposed: o.deposed.clone(),
            provider: o.provider.name.clone(),
            object: Some(Arc::new(stored)),
        };
        o.journal.append(&record).map_err(unrecorded)?;
        o.sync().await.map_err(unrecorded)
    }

    fn may_go_on(&self) -> bool {
        !self.operating.journal.in_doubt()
    }

    fn progress(&self, what: &str) {
        let o = self.operating;
        (o.caller.setup.events)(Event::Progress {
            addr: o.addr.clone(),
            deposed: o.deposed.clone(),
            verb: o.verb(),
            what: what.to_owned(),
        });
    }
}

fn unrecorded(error: formwork_state::StateError) -> CallError {
    CallError::uncertain(error.summary(), error.to_string())
}
