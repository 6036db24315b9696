//! Real providers whose calls a probe can cut short.

use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Client, DataSource, Effects, EphemeralResource, Interrupted, ManagedResource, Object,
    PlanRequest, PlanResponse, Problem, Provider, Provisioner, Recovered, Schema,
};
use formwork_state::{Phase, Probe};
use formwork_value::{Path, Value};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The calls tell their phases after so many waits, in turn: the first request may not even be out yet, or an object
/// made and not yet described.
const WAITS: usize = 4;

/// The same provider; what creates, changes and deletes something outside the state tells the probe when it is under
/// way ([`Phase::RequestSent`]), and when it has ended and nobody has heard of it ([`Phase::EffectDone`]).
pub fn probed(inner: Arc<dyn Provider>, probe: Arc<dyn Probe>) -> Arc<dyn Provider> {
    Arc::new(Probed { inner, teller: Teller { probe, calls: Arc::default() } })
}

struct Probed {
    inner: Arc<dyn Provider>,
    teller: Teller,
}

#[async_trait]
impl Provider for Probed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn source(&self) -> &str {
        self.inner.source()
    }

    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn resources(&self) -> Vec<Arc<dyn ManagedResource>> {
        let probed = |inner: Arc<dyn ManagedResource>| -> Arc<dyn ManagedResource> {
            match inner.effects() {
                Effects::Outside => Arc::new(ProbedResource { inner, teller: self.teller.clone() }),
                Effects::StateOnly => inner,
            }
        };
        self.inner.resources().into_iter().map(probed).collect()
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        self.inner.data_sources()
    }

    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        self.inner.ephemeral_resources()
    }

    fn provisioners(&self) -> Vec<Arc<dyn Provisioner>> {
        self.inner.provisioners()
    }

    async fn configure(&self, config: &Value) -> Result<Client, CallError> {
        self.inner.configure(config).await
    }

    fn environment(&self, config: &Value) -> &'static [&'static str] {
        self.inner.environment(config)
    }

    async fn reached(&self, client: &Client) -> Value {
        self.inner.reached(client).await
    }

    fn identity(&self, config: &Value) -> Value {
        self.inner.identity(config)
    }
}

#[derive(Clone)]
struct Teller {
    probe: Arc<dyn Probe>,
    calls: Arc<AtomicUsize>,
}

impl Teller {
    async fn tell<T>(&self, call: impl Future<Output = T>) -> T {
        let mut left = Some(self.calls.fetch_add(1, Ordering::Relaxed) % WAITS);
        let mut call = pin!(call);
        let outcome = poll_fn(|cx| {
            let polled = call.as_mut().poll(cx);
            if polled.is_pending() {
                match left {
                    Some(0) => {
                        left = None;
                        self.probe.at(Phase::RequestSent);
                    }
                    Some(n) => left = Some(n - 1),
                    None => {}
                }
            }
            polled
        })
        .await;
        if left.is_some() {
            self.probe.at(Phase::RequestSent);
        }
        self.probe.at(Phase::EffectDone);
        outcome
    }
}

struct ProbedResource {
    inner: Arc<dyn ManagedResource>,
    teller: Teller,
}

#[async_trait]
impl ManagedResource for ProbedResource {
    fn type_name(&self) -> &str {
        self.inner.type_name()
    }

    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn effects(&self) -> Effects {
        self.inner.effects()
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        self.inner.validate(config)
    }

    fn secrets(&self, object: &Value) -> Vec<Path> {
        self.inner.secrets(object)
    }

    fn plans(&self) -> bool {
        self.inner.plans()
    }

    async fn plan(&self, call: &Call<'_>, request: &PlanRequest<'_>) -> Result<PlanResponse, CallError> {
        self.inner.plan(call, request).await
    }

    fn removal(&self, prior: &Object) -> Vec<String> {
        self.inner.removal(prior)
    }

    fn drifts(&self) -> bool {
        self.inner.drifts()
    }

    async fn read(&self, call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError> {
        self.inner.read(call, prior).await
    }

    fn page(&self) -> usize {
        self.inner.page()
    }

    async fn read_many(&self, call: &Call<'_>, priors: &[Object]) -> Vec<Result<Option<Object>, CallError>> {
        self.inner.read_many(call, priors).await
    }

    async fn create(&self, call: &Call<'_>, planned: &Value, private: &[u8]) -> Result<Object, CallError> {
        self.teller.tell(self.inner.create(call, planned, private)).await
    }

    async fn update(
        &self,
        call: &Call<'_>,
        prior: &Object,
        planned: &Value,
        private: &[u8],
    ) -> Result<Object, CallError> {
        self.teller.tell(self.inner.update(call, prior, planned, private)).await
    }

    async fn delete(&self, call: &Call<'_>, prior: &Object) -> Result<(), CallError> {
        self.teller.tell(self.inner.delete(call, prior)).await
    }

    async fn recover(&self, call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError> {
        self.inner.recover(call, interrupted).await
    }

    fn is_same(&self, a: &Value, b: &Value) -> bool {
        self.inner.is_same(a, b)
    }

    async fn import(&self, call: &Call<'_>, id: &str) -> Result<Object, CallError> {
        self.inner.import(call, id).await
    }

    fn upgrade(&self, version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        self.inner.upgrade(version, attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KillProbe;

    #[tokio::test]
    async fn each_call_tells_both_phases_once() {
        let probe = Arc::new(KillProbe::default());
        let teller = Teller { probe: probe.clone(), calls: Arc::default() };
        for waits in 0..6 {
            let call = async {
                for _ in 0..waits {
                    tokio::task::yield_now().await;
                }
                waits
            };
            assert_eq!(teller.tell(call).await, waits);
        }
        assert_eq!(probe.counts(), [0, 0, 6, 6, 0, 0]);
    }
}
