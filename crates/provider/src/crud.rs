//! Resource types declared as structs: `#[derive(Resource)]` for the data, [`Crud`] for the behaviour, and
//! [`CrudResource`], which makes a [`ManagedResource`] of the two.

use crate::compare::same;
use crate::retry::{Backoff, patience, retry, told, worth_it};
use crate::{
    Call, CallError, Clock, Effects, Interrupted, ManagedResource, Model, Object, Operation, PlanRequest,
    PlanResponse, Problem, Recorder, Recovered, Schema, Slot, default_plan,
};
use async_trait::async_trait;
use formwork_value::{Path, Value};
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What the behaviour of a resource type is given with each call.
pub struct Cx<'a, C> {
    /// The configured provider.
    pub client: &'a C,
    /// The attempt's token: pass it where the other side takes one. After an interruption it is the interrupted
    /// attempt's. Empty for reads and plans.
    pub token: &'a str,
    /// The time.
    pub clock: &'a Clock,
    /// The call's place under the limit.
    pub slot: &'a Slot,
    /// See [`Recorder::may_go_on`].
    pub recorder: &'a dyn Recorder,
}

impl<C> Cx<'_, C> {
    /// Nanoseconds since the Unix epoch.
    pub fn now(&self) -> i128 {
        (self.clock)()
    }

    /// Pauses, without holding a place under the limit.
    pub async fn sleep(&self, pause: Duration) {
        self.slot.released(tokio::time::sleep(pause)).await;
    }
}

/// The behaviour of a resource type. Each function does one thing, once: recording, waiting, retrying and reading
/// back are done around it.
#[async_trait]
pub trait Crud: Model {
    /// What the provider's `configure` makes.
    type Client: Send + Sync + 'static;

    /// Whether it does anything outside the state.
    const EFFECTS: Effects = Effects::Outside;

    /// Whether an object can differ from what was recorded.
    const DRIFTS: bool = matches!(Self::EFFECTS, Effects::Outside);

    /// Whether repeating `create` with the same token, or the same `update`, does nothing more.
    const IDEMPOTENT: bool = false;

    /// Whether [`Crud::plan`] does anything.
    const PLANS: bool = false;

    /// Types whose objects can become objects of this type.
    const PREDECESSORS: &'static [&'static str] = &[];

    /// How many objects one [`Crud::read_many`] can take.
    const PAGE: usize = 1;

    /// How long an object may take to become ready, to be seen, or to go.
    const PATIENCE: Duration = Duration::from_secs(20 * 60);

    /// How long after an interruption its effect can still land.
    const QUIET: Duration = Duration::from_secs(10);

    /// [`Crud::QUIET`], unless the provider's configuration says otherwise.
    fn quiet(_cx: &Cx<'_, Self::Client>) -> Duration {
        Self::QUIET
    }

    /// Checks a configuration in which values may be unknown.
    fn validate(_config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Refines the plan that follows from the schema's flags.
    async fn plan(
        _cx: &Cx<'_, Self::Client>,
        _request: &PlanRequest<'_>,
        plan: PlanResponse,
    ) -> Result<PlanResponse, CallError> {
        Ok(plan)
    }

    /// What the reader of a plan should know about the removal of the object, such as what stays behind.
    fn removal(&self) -> Vec<String> {
        Vec::new()
    }

    /// Makes the object that `self` plans, and returns it with at least its identity filled in.
    async fn create(&self, cx: &Cx<'_, Self::Client>) -> Result<Self, CallError>;

    /// Goes on with a new object once its identity is recorded: what making it takes besides `create`, such as calls
    /// that set what the first could not. `self` is what was planned. It may be called again for the same object.
    async fn finish(&self, _created: &Self, _cx: &Cx<'_, Self::Client>) -> Result<(), CallError> {
        Ok(())
    }

    /// Whether a created or updated object is ready for use.
    async fn ready(&self, _cx: &Cx<'_, Self::Client>) -> Result<bool, CallError> {
        Ok(true)
    }

    /// The object as it is now, or `None` when it is gone. What the other side does not tell is taken from `self`.
    async fn read(&self, cx: &Cx<'_, Self::Client>) -> Result<Option<Self>, CallError>;

    /// Reads up to [`Crud::PAGE`] objects; as many results, in the same order.
    async fn read_many(priors: &[Self], cx: &Cx<'_, Self::Client>) -> Vec<Result<Option<Self>, CallError>> {
        let mut out = Vec::with_capacity(priors.len());
        for prior in priors {
            out.push(prior.read(cx).await);
        }
        out
    }

    /// Changes `prior` into what `self` plans, and returns it as far as it is known.
    async fn update(&self, _prior: &Self, _cx: &Cx<'_, Self::Client>) -> Result<Self, CallError> {
        let detail = format!("Objects of the type {} cannot be changed in place.", Self::type_name());
        Err(CallError::new("Update is not possible", detail))
    }

    /// Removes the object. That it was gone already is not an error.
    async fn delete(&self, cx: &Cx<'_, Self::Client>) -> Result<(), CallError>;

    /// Whether the object itself is still there: what [`Crud::read`] answers, where that tells of nothing more.
    async fn present(&self, cx: &Cx<'_, Self::Client>) -> Result<bool, CallError> {
        Ok(self.read(cx).await?.is_some())
    }

    /// Whether a deleted object has really gone.
    async fn gone(&self, _cx: &Cx<'_, Self::Client>) -> Result<bool, CallError> {
        Ok(true)
    }

    /// Looks for what an interrupted create of `self` left, by `cx.token`, by name or by natural key.
    async fn find(&self, _cx: &Cx<'_, Self::Client>) -> Result<Option<Self>, CallError> {
        Ok(None)
    }

    /// The object that an id names.
    async fn import(id: &str, _cx: &Cx<'_, Self::Client>) -> Result<Self, CallError> {
        Err(CallError::new(
            "Import is not possible",
            format!("The resource type {} cannot be imported (id \"{id}\").", Self::type_name()),
        ))
    }

    /// What an object of this one of the [`Crud::PREDECESSORS`] becomes.
    fn succeed(from: &str, _prior: &Value) -> Result<Self, String> {
        Err(format!("an object of {from} cannot become one of {}", Self::type_name()))
    }

    /// Lifts attributes that were stored under an older schema version.
    fn upgrade(_version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        Ok(attributes)
    }
}

/// A [`Crud`] type as a [`ManagedResource`].
pub struct CrudResource<T> {
    // Made when first asked for: most runs use few of the types that there are.
    schema: OnceLock<Schema>,
    model: PhantomData<fn() -> T>,
}

impl<T: Crud> CrudResource<T> {
    /// The adapter.
    #[expect(clippy::new_ret_no_self, reason = "an adapter is only ever used through the trait object")]
    pub fn new() -> Arc<dyn ManagedResource> {
        Arc::new(CrudResource::<T> { schema: OnceLock::new(), model: PhantomData })
    }

    fn cx<'a>(call: &Call<'a>) -> Result<Cx<'a, T::Client>, CallError> {
        Ok(Cx {
            client: client(call, T::type_name())?,
            token: call.token,
            clock: call.clock,
            slot: call.slot,
            recorder: call.recorder,
        })
    }

    fn model(value: &Value) -> Result<T, CallError> {
        T::from_value(value)
            .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))
    }

    /// Waits until `done` says so, without holding a place under the limit.
    async fn wait<'f>(
        call: &Call<'_>,
        what: &str,
        done: impl Fn() -> crate::retry::Pending<'f, bool>,
    ) -> Result<(), CallError> {
        if retry(call, true, &done).await? {
            return Ok(());
        }
        let mut backoff = Backoff::new(T::PATIENCE);
        while call.slot.released(backoff.wait()).await {
            if retry(call, true, &done).await? {
                return Ok(());
            }
        }
        let minutes = T::PATIENCE.as_secs().div_ceil(60);
        let detail = format!("It was waited for {minutes} minutes until the object {what}.");
        Err(CallError::uncertain("The object took too long", detail))
    }

    /// Waits until an object is ready and can be seen, and returns it as it is then.
    async fn settled(
        call: &Call<'_>,
        cx: &Cx<'_, T::Client>,
        object: T,
        private: &[u8],
    ) -> Result<Object, CallError> {
        if T::EFFECTS == Effects::StateOnly {
            return Ok(Object { value: object.to_value(), private: private.to_vec() });
        }
        Self::wait(call, "is ready", || object.ready(cx)).await?;
        let mut backoff = Backoff::new(Duration::from_secs(60).min(T::PATIENCE));
        loop {
            if let Some(seen) = retry(call, true, || object.read(cx)).await? {
                return Ok(Object { value: seen.to_value(), private: private.to_vec() });
            }
            if !call.slot.released(backoff.wait()).await {
                let detail = "It was made, but a minute later the other side still does not know it.";
                return Err(CallError::uncertain("The object cannot be found", detail));
            }
        }
    }

    /// Goes on where an interrupted create stopped: finishes it, and waits until the object is ready. What cannot be
    /// finished is not an error here: the object is found, and incomplete.
    async fn gone_on(
        call: &Call<'_>,
        cx: &Cx<'_, T::Client>,
        mut found: T,
        interrupted: &Interrupted,
        private: Vec<u8>,
    ) -> Result<Recovered, CallError> {
        let mut ready = true;
        if interrupted.operation == Operation::Create {
            let wanted = Self::model(&interrupted.arguments)?;
            ready = retry(call, true, || wanted.finish(&found, cx)).await.is_ok();
            if let Some(finished) = retry(call, true, || found.read(cx)).await? {
                found = finished;
            }
        }
        ready = ready && Self::wait(call, "is ready", || found.ready(cx)).await.is_ok();
        let value = match retry(call, true, || found.read(cx)).await? {
            Some(seen) => seen.to_value(),
            None => found.to_value(),
        };
        let complete = ready && Self::has(&value, &interrupted.arguments);
        Ok(Recovered::Found { object: Object { value: known(value), private }, complete })
    }

    /// What became of an interrupted delete. It may take effect late: only what is still there after that time stays.
    async fn removed(
        call: &Call<'_>,
        cx: &Cx<'_, T::Client>,
        model: &T,
        prior: &Object,
    ) -> Result<Recovered, CallError> {
        let mut backoff = Backoff::new(T::quiet(cx));
        while retry(call, true, || model.present(cx)).await? {
            if !call.slot.released(backoff.wait()).await {
                return Ok(Recovered::Found { object: prior.clone(), complete: true });
            }
        }
        // What is not seen any more may still be going, and hold what others need.
        Self::wait(call, "is gone", || model.gone(cx)).await?;
        Ok(Recovered::Absent)
    }

    /// Whether an object has everything that was asked for. What was null then was left to the other side.
    fn has(object: &Value, arguments: &Value) -> bool {
        match (object.as_map(), arguments.as_map(), object.as_slice(), arguments.as_slice()) {
            _ if arguments.is_null() || same(object, arguments) => true,
            (Some(object), Some(arguments), ..) => arguments
                .iter()
                .all(|(name, wanted)| object.get(name).is_some_and(|found| Self::has(found, wanted))),
            (_, _, Some(object), Some(arguments)) => {
                object.len() == arguments.len() && object.iter().zip(arguments).all(|(o, a)| Self::has(o, a))
            }
            _ => false,
        }
    }
}

/// The client that a call brings, as the type that it must have.
pub(crate) fn client<'a, C: 'static>(call: &Call<'a>, type_name: &str) -> Result<&'a C, CallError> {
    (**call.client).downcast_ref().ok_or_else(|| {
        let detail = format!("The type {type_name} was called with another provider's client.");
        CallError::new("Provider and resource type do not belong together", detail)
    })
}

/// An object is wholly known; what is not known yet is null in it.
fn known(value: Value) -> Value {
    value.map_deep(&mut |v| if v.is_known() { v } else { Value::null(v.ty()) })
}

#[async_trait]
impl<T: Crud> ManagedResource for CrudResource<T> {
    fn type_name(&self) -> &str {
        T::type_name()
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(T::schema)
    }

    fn effects(&self) -> Effects {
        T::EFFECTS
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        T::validate(config)
    }

    fn plans(&self) -> bool {
        T::PLANS
    }

    async fn plan(&self, call: &Call<'_>, request: &PlanRequest<'_>) -> Result<PlanResponse, CallError> {
        let plan = default_plan(self.schema(), request);
        if !T::PLANS {
            return Ok(plan);
        }
        T::plan(&Self::cx(call)?, request, plan).await
    }

    fn removal(&self, prior: &Object) -> Vec<String> {
        Self::model(&prior.value).map(|model| model.removal()).unwrap_or_default()
    }

    fn drifts(&self) -> bool {
        T::DRIFTS
    }

    async fn read(&self, call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError> {
        let (cx, model) = (Self::cx(call)?, Self::model(&prior.value)?);
        let found = retry(call, true, || model.read(&cx)).await?;
        Ok(found.map(|m| Object { value: m.to_value(), private: prior.private.clone() }))
    }

    fn page(&self) -> usize {
        T::PAGE
    }

    async fn read_many(&self, call: &Call<'_>, priors: &[Object]) -> Vec<Result<Option<Object>, CallError>> {
        if T::PAGE == 1 {
            let mut out = Vec::with_capacity(priors.len());
            for prior in priors {
                out.push(self.read(call, prior).await);
            }
            return out;
        }
        let models: Result<Vec<T>, CallError> = priors.iter().map(|p| Self::model(&p.value)).collect();
        let (cx, models) = match (Self::cx(call), models) {
            (Ok(cx), Ok(models)) => (cx, models),
            (Err(error), _) | (_, Err(error)) => return vec![Err(error); priors.len()],
        };
        let mut backoff = None;
        loop {
            let found = T::read_many(&models, &cx).await;
            let again = found.iter().filter_map(|r| r.as_ref().err()).find(|e| worth_it(e, true));
            told(call, again);
            let wait = match again {
                Some(error) => {
                    let backoff = backoff.get_or_insert_with(|| Backoff::new(patience(error)));
                    call.slot.released(backoff.wait()).await
                }
                None => false,
            };
            if !wait {
                return found
                    .into_iter()
                    .zip(priors)
                    .map(|(result, prior)| {
                        let object = |m: T| Object { value: m.to_value(), private: prior.private.clone() };
                        result.map(|found| found.map(object))
                    })
                    .collect();
            }
        }
    }

    async fn create(&self, call: &Call<'_>, planned: &Value, private: &[u8]) -> Result<Object, CallError> {
        let (cx, planned) = (Self::cx(call)?, Self::model(planned)?);
        let created = retry(call, T::IDEMPOTENT, || planned.create(&cx)).await?;
        let first = Object { value: known(created.to_value()), private: private.to_vec() };
        let partial =
            |error: CallError| CallError { partial: Some(first.clone()), no_effect: false, ..error };
        if T::EFFECTS == Effects::Outside {
            call.recorder.created(&first).await.map_err(partial)?;
            retry(call, true, || planned.finish(&created, &cx)).await.map_err(partial)?;
        }
        Self::settled(call, &cx, created, private).await.map_err(partial)
    }

    async fn update(
        &self,
        call: &Call<'_>,
        prior: &Object,
        planned: &Value,
        private: &[u8],
    ) -> Result<Object, CallError> {
        let (cx, planned, before) = (Self::cx(call)?, Self::model(planned)?, Self::model(&prior.value)?);
        let changed = retry(call, T::IDEMPOTENT, || planned.update(&before, &cx)).await?;
        let value = known(changed.to_value());
        Self::settled(call, &cx, changed, private).await.map_err(|error| CallError {
            partial: Some(Object { value, private: private.to_vec() }),
            no_effect: false,
            ..error
        })
    }

    async fn delete(&self, call: &Call<'_>, prior: &Object) -> Result<(), CallError> {
        let (cx, model) = (Self::cx(call)?, Self::model(&prior.value)?);
        retry(call, true, || model.delete(&cx)).await?;
        Self::wait(call, "is gone", || model.gone(&cx)).await
    }

    async fn recover(&self, call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError> {
        let cx = Self::cx(call)?;
        if T::EFFECTS == Effects::StateOnly {
            let prior = interrupted.prior.clone().filter(|_| interrupted.operation != Operation::Create);
            return Ok(prior.map_or(Recovered::Absent, |object| Recovered::Found { object, complete: true }));
        }
        // An object whose identity is known can simply be looked at.
        if let Some(prior) = &interrupted.prior {
            let model = Self::model(&prior.value)?;
            if interrupted.operation == Operation::Delete {
                return Self::removed(call, &cx, &model, prior).await;
            }
            if let Some(seen) = retry(call, true, || model.read(&cx)).await? {
                return Self::gone_on(call, &cx, seen, interrupted, prior.private.clone()).await;
            }
            if interrupted.operation != Operation::Create {
                return Ok(Recovered::Absent);
            }
        }
        let wanted = Self::model(&interrupted.arguments)?;
        let mut backoff = Backoff::new(T::quiet(&cx));
        loop {
            if let Some(found) = retry(call, true, || wanted.find(&cx)).await? {
                return Self::gone_on(call, &cx, found, interrupted, Vec::new()).await;
            }
            if !call.slot.released(backoff.wait()).await {
                return Ok(Recovered::Absent);
            }
        }
    }

    async fn import(&self, call: &Call<'_>, id: &str) -> Result<Object, CallError> {
        let cx = Self::cx(call)?;
        let named = retry(call, true, || T::import(id, &cx)).await?;
        if T::EFFECTS == Effects::StateOnly {
            return Ok(Object::new(known(named.to_value())));
        }
        match retry(call, true, || named.read(&cx)).await? {
            Some(found) => Ok(Object::new(found.to_value())),
            None => {
                let detail = format!("There is no {} with the id \"{id}\".", T::type_name());
                Err(CallError::new("Nothing to import", detail).on(Path::root()))
            }
        }
    }

    fn predecessors(&self) -> &'static [&'static str] {
        T::PREDECESSORS
    }

    fn succeed(&self, from: &str, prior: &Object) -> Result<Object, String> {
        T::succeed(from, &prior.value).map(|heir| Object::new(known(heir.to_value())))
    }

    fn upgrade(&self, version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        T::upgrade(version, attributes)
    }
}

#[cfg(test)]
#[path = "crud_tests.rs"]
mod tests;
