//! What all resource types have in common. An [`AwsType`] says what is special about one; [`Adapter`] makes the rest of
//! it: reading many at once, tags, the `timeouts` block, finding what an interrupted create left, and importing.

use crate::client::{Aws, Context};
use crate::error::{Failed, Operation};
use crate::planned::named;
use crate::tags::{self, by_token, filter, plan_tags};
use crate::timeouts;
use crate::waiting::delete_within;
use async_trait::async_trait;
use aws_sdk_ec2::types::Filter;
use formwork_provider::{
    CallError, Crud, CrudResource, ManagedResource, Model, PlanRequest, PlanResponse, Problem, Schema,
};
use formwork_value::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How many ids one filter takes, with room to spare.
pub(crate) const PAGE: usize = 100;

/// What is to be listed.
pub(crate) enum Wanted<'a, T> {
    /// Those of these ids that there are.
    Ids(Vec<String>),
    /// What a create of this object may have made: what carries the attempt's token, or has the name or the place that
    /// the object is to have.
    Made(&'a T),
}

impl<T> Wanted<'_, T> {
    /// As EC2's lists take it: ids as values of the filter `key`, what was made by the tag that holds the token. Asking
    /// for ids without a filter would fail for all if one is not there.
    pub fn filter(self, key: &str, cx: &Context<'_>) -> Filter {
        match self {
            Wanted::Ids(ids) => filter(key, ids),
            Wanted::Made(_) => by_token(cx),
        }
    }
}

/// Where in its life an object is that AWS lists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not ready for use yet.
    Coming,
    /// Ready.
    There,
    /// As good as gone.
    Gone,
}

/// What is special about a resource type. The struct has the fields `tags` and `tags_all`, unless it is not
/// [`AwsType::TAGGED`], and may have a block `timeouts`.
#[async_trait]
pub(crate) trait AwsType: Model + Clone {
    /// What AWS lists.
    type Found: Send + Sync;

    /// The codes with which the call of [`delete`] says that the object has gone already.
    const GONE: &'static [&'static str] = &[];

    /// Whether it carries tags.
    const TAGGED: bool = true;

    /// Whether [`AwsType::plan`] is asked: it is where there are tags.
    const PLANS: bool = Self::TAGGED;

    /// Whether repeating `create` with the same token, or the same `change`, does nothing more.
    const IDEMPOTENT: bool = false;

    /// Whether an object may be listed, become ready, or go some time after the call that makes or deletes it. Where it
    /// does not, nothing is waited for but that it can be read.
    const LAGS: bool = true;

    /// Whether repeating `create` makes another object: neither a client token nor a name or place that is unique keeps it from
    /// that. Then a request of an interrupted run that takes effect late, after this run has looked for it and made the object
    /// anew under the same token, leaves a twin, which is removed.
    const TWINS: bool = false;

    /// How many ids one list takes.
    const PAGE: usize = PAGE;

    /// How long an object may take to become ready, or to go.
    const PATIENCE: Duration = Duration::from_secs(5 * 60);

    /// Lists objects. What is not there is left out.
    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Self::Found>, CallError>;

    /// The id of one that was listed.
    fn found_id(found: &Self::Found) -> Option<&str>;

    /// How far one is that was listed, for `self`.
    fn stage(&self, _found: &Self::Found) -> Stage {
        Stage::There
    }

    /// Whether one that was listed as made is what `self` asks for, and this attempt made it.
    fn is_made(&self, _found: &Self::Found, _cx: &Context<'_>) -> bool {
        true
    }

    /// `self`, with what was found in it. `None`, if it has gone since it was listed.
    async fn filled(&self, found: &Self::Found, cx: &Context<'_>) -> Result<Option<Self>, CallError>;

    /// Checks a configuration in which values may be unknown. `timeouts` is checked already.
    fn check(_config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Refines the plan that follows from the schema's flags. `tags_all` is planned afterwards.
    fn plan(_request: &PlanRequest<'_>, plan: PlanResponse) -> PlanResponse {
        plan
    }

    /// Makes the object, tagged with the attempt's token, and returns it with at least its id filled in.
    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError>;

    /// Sets what `create` could not. It may be called again for the same object.
    async fn finish(&self, _created: &Self, _cx: &Context<'_>) -> Result<(), CallError> {
        Ok(())
    }

    /// Changes `prior` into what `self` plans, but for its tags, and returns it as far as it is known.
    async fn change(&self, _prior: &Self, _cx: &Context<'_>) -> Result<Self, CallError> {
        Ok(self.clone())
    }

    /// Deletes the object; [`delete`] does so until nothing uses it. That it was gone already is not an error.
    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError>;

    /// Whether a new or changed object is ready for use.
    async fn ready(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        if !Self::LAGS {
            return Ok(true);
        }
        let found = listed::<Self>(&self.key(), cx).await?;
        Ok(found.is_some_and(|found| self.stage(&found) == Stage::There))
    }

    /// Whether a deleted object has really gone.
    async fn gone(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        if !Self::LAGS {
            return Ok(true);
        }
        let found = listed::<Self>(&self.key(), cx).await?;
        Ok(found.is_none_or(|found| self.stage(&found) == Stage::Gone))
    }

    /// Reads up to [`AwsType::PAGE`] objects; as many results, in the same order.
    async fn read_many(priors: &[&Self], cx: &Context<'_>) -> Vec<Result<Option<Self>, CallError>> {
        many(priors, cx).await
    }

    /// The object that an id names, as far as its id tells; the rest is read.
    async fn import(id: &str, _cx: &Context<'_>) -> Result<Self, CallError> {
        named(id)
    }

    /// Lifts attributes that were stored under an older schema version.
    fn upgrade(_version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        Ok(attributes)
    }

    /// The object's id; empty, as long as there is none.
    fn key(&self) -> String {
        self.id().unwrap_or_default()
    }

    /// The id by which it is tagged.
    fn tagged_id(&self) -> String {
        self.key()
    }
}

/// What is there under an id.
pub(crate) async fn listed<T: AwsType>(id: &str, cx: &Context<'_>) -> Result<Option<T::Found>, CallError> {
    let found = T::list(Wanted::Ids(vec![id.to_owned()]), cx).await?;
    Ok(found.into_iter().find(|found| T::found_id(found) == Some(id)))
}

/// Reads many objects by one list.
pub(crate) async fn many<T: AwsType>(priors: &[&T], cx: &Context<'_>) -> Vec<Result<Option<T>, CallError>> {
    let ids: Vec<String> = priors.iter().filter_map(|prior| prior.id()).collect();
    if ids.is_empty() {
        return priors.iter().map(|_| Ok(None)).collect();
    }
    let found = match T::list(Wanted::Ids(ids), cx).await {
        Ok(found) => found,
        Err(error) => return priors.iter().map(|_| Err(error.clone())).collect(),
    };
    let by_id: HashMap<&str, &T::Found> =
        found.iter().filter_map(|found| Some((T::found_id(found)?, found))).collect();
    let mut out = Vec::with_capacity(priors.len());
    for prior in priors {
        out.push(match prior.id().and_then(|id| by_id.get(id.as_str()).copied()) {
            Some(found) => seen(*prior, found, cx).await,
            None => Ok(None),
        });
    }
    out
}

/// `prior` as it was found; `None`, if that is as good as gone.
async fn seen<T: AwsType>(prior: &T, found: &T::Found, cx: &Context<'_>) -> Result<Option<T>, CallError> {
    match prior.stage(found) {
        Stage::Gone => Ok(None),
        Stage::Coming | Stage::There => prior.filled(found, cx).await,
    }
}

/// What there is in the place that an object is to have, of types whose names or places are unique.
pub(crate) enum Place<T> {
    /// The object, made by this attempt.
    Made(T),
    /// An object that somebody else made, or another run.
    Taken,
    /// Nothing that can be seen.
    Free,
}

/// What there is in the place that `wanted` is to have.
pub(crate) async fn place<T: AwsType>(wanted: &T, cx: &Context<'_>) -> Result<Place<T>, CallError> {
    let found = T::list(Wanted::Made(wanted), cx).await?;
    let Some(found) = found.first() else { return Ok(Place::Free) };
    if !wanted.is_made(found, cx) {
        return Ok(Place::Taken);
    }
    Ok(seen(wanted, found, cx).await?.map_or(Place::Free, Place::Made))
}

/// Removes what the same attempt made besides `id`. What fails here fails nothing else: the object itself is there.
async fn without_twins<T: AwsType>(wanted: &T, id: &str, cx: &Context<'_>) {
    // Another run may have made the other one, under the token that it found in the state.
    if !cx.recorder.may_go_on() {
        return;
    }
    let made = T::list(Wanted::Made(wanted), cx).await.unwrap_or_default();
    for twin in made.iter().filter(|found| T::found_id(found) != Some(id) && wanted.is_made(found, cx)) {
        if let Ok(Some(twin)) = wanted.filled(twin, cx).await {
            let _ = twin.delete(cx).await;
        }
    }
}

/// Deletes an object by a call that is made again as long as something uses the object, for as long as its `timeouts`
/// say. `what` is as in [`crate::error::failed`].
pub(crate) async fn delete<K: AwsType, T, E: Operation, F>(
    object: &K,
    what: &str,
    cx: &Context<'_>,
    call: impl Fn() -> F,
) -> Result<(), CallError>
where
    F: Future<Output = Result<T, Failed<E>>>,
{
    delete_within(cx, what, timeouts::for_delete(object), K::GONE, call).await
}

/// A type as the program takes it.
pub(crate) fn resource<T: AwsType>() -> Arc<dyn ManagedResource> {
    CrudResource::<Adapter<T>>::new()
}

/// The behaviour of an [`AwsType`].
struct Adapter<T>(T);

impl<T: Model> Model for Adapter<T> {
    fn type_name() -> &'static str {
        T::type_name()
    }

    fn schema() -> Schema {
        let mut schema = T::schema();
        schema.block.take_empty_for_nothing();
        schema
    }

    fn from_value(value: &Value) -> Result<Self, Problem> {
        T::from_value(value).map(Adapter)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn id(&self) -> Option<String> {
        self.0.id()
    }
}

#[async_trait]
impl<T: AwsType> Crud for Adapter<T> {
    type Client = Aws;
    const IDEMPOTENT: bool = T::IDEMPOTENT;
    const PLANS: bool = T::PLANS;
    const PAGE: usize = T::PAGE;
    const PATIENCE: Duration = T::PATIENCE;

    fn quiet(cx: &Context<'_>) -> Duration {
        cx.client.settings.recovery_wait
    }

    fn validate(config: &Value) -> Vec<Problem> {
        let mut problems = timeouts::check(config);
        problems.extend(T::check(config));
        problems
    }

    async fn plan(
        cx: &Context<'_>,
        request: &PlanRequest<'_>,
        plan: PlanResponse,
    ) -> Result<PlanResponse, CallError> {
        let plan = T::plan(request, plan);
        Ok(if T::TAGGED { plan_tags(cx, plan) } else { plan })
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let made = self.0.create(cx).await?;
        if T::TWINS && !cx.token.is_empty() {
            without_twins(&self.0, &made.key(), cx).await;
        }
        Ok(Adapter(made))
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        self.0.finish(&created.0, cx).await
    }

    async fn ready(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        self.0.ready(cx).await
    }

    async fn read(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let mut read = T::read_many(&[&self.0], cx).await;
        Ok(read.pop().unwrap_or(Ok(None))?.map(Adapter))
    }

    async fn read_many(priors: &[Self], cx: &Context<'_>) -> Vec<Result<Option<Self>, CallError>> {
        let priors: Vec<&T> = priors.iter().map(|prior| &prior.0).collect();
        let read = T::read_many(&priors, cx).await;
        read.into_iter().map(|seen| Ok(seen?.map(Adapter))).collect()
    }

    async fn update(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        let changed = self.0.change(&prior.0, cx).await?;
        if T::TAGGED {
            let [before, after] = [tags::all(&prior.0, cx), tags::planned_all(&self.0, cx)];
            tags::update(cx, &prior.0.tagged_id(), &before, &after).await?;
        }
        Ok(Adapter(changed))
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        self.0.delete(cx).await
    }

    async fn gone(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        self.0.gone(cx).await
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        // What carries no token was made by nobody's attempt.
        if T::TAGGED && cx.token.is_empty() {
            return Ok(None);
        }
        for found in T::list(Wanted::Made(&self.0), cx).await? {
            if self.0.is_made(&found, cx)
                && let Some(made) = seen(&self.0, &found, cx).await?
            {
                if T::TWINS {
                    without_twins(&self.0, &made.key(), cx).await;
                }
                return Ok(Some(Adapter(made)));
            }
        }
        Ok(None)
    }

    async fn import(id: &str, cx: &Context<'_>) -> Result<Self, CallError> {
        T::import(id, cx).await.map(Adapter)
    }

    fn upgrade(version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        T::upgrade(version, attributes)
    }
}
