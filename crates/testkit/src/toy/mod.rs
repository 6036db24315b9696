//! The toy cloud: objects are files in a folder, so that a test can look at it, change it behind the engine's back,
//! and make it fail.
//!
//! - `<folder>/<id>.json` is an object: `{ "id", "type", "token", "attributes" }`.
//! - `<folder>/.faults/*.json` order failures, latency and late effects: see [`fault::Fault`].
//! - `<folder>/.calls` is the log: one line a call, `operation type id token`.
//! - `<folder>/.at-once` has the number of changing calls that it bears at once; more are throttled, and logged as such.
//! - `<folder>/.late/<id>.json` are effects on their way.
//! - `<folder>/.ends/<id>/` names the links which ever ended at an object.

mod data;
mod fault;
mod lease;
mod resource;
mod schema;
mod store;

pub use store::{ToyObject, objects};

use async_trait::async_trait;
use data::ThingByName;
use formwork_provider::{
    Call, CallError, Client, DataSource, EphemeralResource, ManagedResource, Provider, Retry, Schema, retry,
};
use formwork_state::{Phase, Probe};
use formwork_value::Value;
use resource::ToyResource;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::{Change, Store};

/// The provider `toy`.
pub struct Toy {
    schema: Schema,
    probe: Arc<dyn Probe>,
}

impl Toy {
    /// A toy cloud whose calls tell `probe` when the request is sent and when the effect is done.
    pub fn new(probe: Arc<dyn Probe>) -> Self {
        Toy { schema: schema::provider(), probe }
    }
}

#[async_trait]
impl Provider for Toy {
    fn name(&self) -> &str {
        "toy"
    }

    fn source(&self) -> &str {
        "registry.terraform.io/formwork/toy"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn resources(&self) -> Vec<Arc<dyn ManagedResource>> {
        vec![Arc::new(ToyResource::thing()), Arc::new(ToyResource::link()), Arc::new(ToyResource::vault())]
    }

    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        vec![Arc::new(lease::Lease::new())]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        vec![Arc::new(ThingByName::new())]
    }

    async fn configure(&self, config: &Value) -> Result<Client, CallError> {
        let millis = |name: &str| {
            let n = config.get(name).and_then(Value::as_number).and_then(|n| n.to_i64()).unwrap_or(0);
            Duration::from_millis(n.clamp(0, 60_000) as u64)
        };
        let folder = config.get("folder").and_then(Value::as_str).unwrap_or_default();
        if folder.is_empty() {
            return Err(CallError::new("Missing folder", "The toy cloud needs the name of its folder."));
        }
        let store = Store::open(PathBuf::from(folder))?;
        Ok(Arc::new(Cloud {
            store,
            latency: millis("latency_ms"),
            quiet: millis("quiet_ms"),
            probe: self.probe.clone(),
            busy: AtomicUsize::new(0),
        }))
    }

    fn environment(&self, _config: &Value) -> &'static [&'static str] {
        &["FORMWORK_TOY_PLACE"]
    }

    async fn reached(&self, _client: &Client) -> Value {
        match std::env::var("FORMWORK_TOY_PLACE") {
            Ok(place) => Value::object([("place", Value::from(place.as_str()))]),
            Err(_) => Value::NULL,
        }
    }

    fn identity(&self, config: &Value) -> Value {
        config.clone()
    }
}

/// The client: one folder.
pub(crate) struct Cloud {
    store: Store,
    latency: Duration,
    quiet: Duration,
    probe: Arc<dyn Probe>,
    /// Changing calls under way.
    busy: AtomicUsize,
}

/// A changing call under way.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let grown = |n: usize| (n < most).then_some(n + 1);
        count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, grown).ok().map(|_| Busy(count))
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The client of a call.
fn cloud<'a>(call: &Call<'a>) -> Result<&'a Cloud, CallError> {
    call.client.downcast_ref::<Cloud>().ok_or_else(|| {
        CallError::new("Wrong client", "The toy cloud was called with the client of another provider.")
    })
}

/// The time in milliseconds since the epoch.
fn now(call: &Call<'_>) -> u64 {
    ((call.clock)() / 1_000_000).max(0) as u64
}

impl Cloud {
    /// Takes a call that changes something; one that was throttled is made again.
    async fn change(&self, call: &Call<'_>, change: &Change<'_>) -> Result<(), CallError> {
        retry(call, false, || Box::pin(self.change_once(call, change))).await
    }

    /// Takes a call that changes something, with all that may disturb it.
    async fn change_once(&self, call: &Call<'_>, change: &Change<'_>) -> Result<(), CallError> {
        let _at_work = match self.store.at_once()? {
            None => None,
            Some(most) => match Busy::enter(&self.busy, most) {
                Some(busy) => Some(busy),
                None => {
                    self.store.log("throttled", change.kind, change.id, call.token)?;
                    return Err(CallError {
                        retry: Retry::Throttled,
                        ..CallError::new("Toy cloud throttled", format!("More than {most} calls at once."))
                    });
                }
            },
        };
        let operation = change.operation();
        let disturbance = self.store.disturb(operation, change.kind, change.name)?;
        self.store.log(operation, change.kind, change.id, call.token)?;
        tokio::time::sleep(self.latency + disturbance.latency).await;
        disturbance.fail_before()?;
        if disturbance.late.is_zero() {
            self.probe.at(Phase::RequestSent);
            self.store.carry_out(now(call), change)?;
        } else {
            let lands = now(call) + disturbance.late.as_millis() as u64;
            self.store.schedule(now(call), lands, change)?;
            self.probe.at(Phase::RequestSent);
            tokio::time::sleep(disturbance.late + Duration::from_millis(1)).await;
            self.store.get(now(call), change.id)?;
        }
        self.probe.at(Phase::EffectDone);
        disturbance.fail_after()
    }

    /// The object of this id.
    async fn get(&self, call: &Call<'_>, kind: &str, id: &str) -> Result<Option<ToyObject>, CallError> {
        let disturbance = self.store.disturb("read", kind, "")?;
        self.store.log("read", kind, id, "-")?;
        tokio::time::sleep(self.latency + disturbance.latency).await;
        disturbance.fail_before()?;
        let object = self.store.get(now(call), id)?;
        disturbance.fail_after()?;
        Ok(object.filter(|o| o.kind == kind))
    }

    /// Objects of these ids, with one call.
    async fn get_many(
        &self,
        call: &Call<'_>,
        kind: &str,
        ids: &[&str],
    ) -> Result<Vec<Option<ToyObject>>, CallError> {
        let disturbance = self.store.disturb("read", kind, "")?;
        self.store.log("read_many", kind, &ids.len().to_string(), "-")?;
        tokio::time::sleep(self.latency + disturbance.latency).await;
        disturbance.fail_before()?;
        let found: Result<Vec<_>, _> = ids.iter().map(|id| self.store.get(now(call), id)).collect();
        Ok(found?.into_iter().map(|o| o.filter(|o| o.kind == kind)).collect())
    }

    /// Asks again until `done`, or until the quiet period is over: an effect can land seconds after its caller died.
    async fn settled(
        &self,
        call: &Call<'_>,
        id: &str,
        done: impl Fn(Option<&ToyObject>) -> bool,
    ) -> Result<Option<ToyObject>, CallError> {
        let until = now(call) + self.quiet.as_millis() as u64;
        loop {
            let found = self.store.get(now(call), id)?;
            if done(found.as_ref()) || now(call) >= until {
                return Ok(found);
            }
            call.slot.released(tokio::time::sleep(Duration::from_millis(20))).await;
        }
    }
}

#[cfg(test)]
mod tests;
