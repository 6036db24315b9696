//! Calls to providers, as futures that own all they need.

use crate::Setup;
use crate::event::{Event, Verb};
use crate::provide::ProviderHandle;
use async_trait::async_trait;
use formwork_addr::{InstanceAddr, Str};
use formwork_provider::{Call, CallError, Object, Recorder, Slot, Throttle};
use formwork_value::Value;
use rustc_hash::FxHashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::Semaphore;

/// What every call needs.
#[derive(Clone)]
pub(crate) struct Caller {
    pub setup: Arc<Setup>,
    pub limit: Arc<Semaphore>,
    /// What each provider configuration bears, by its name.
    throttles: Arc<Mutex<FxHashMap<Str, Arc<Throttle>>>>,
}

impl Caller {
    pub fn new(setup: Setup) -> Self {
        let limit = Arc::new(Semaphore::new(setup.parallelism.max(1)));
        Caller { setup: Arc::new(setup), limit, throttles: Arc::default() }
    }

    fn throttle(&self, provider: &ProviderHandle) -> Arc<Throttle> {
        let mut all = self.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(throttle) = all.get(&provider.name) {
            return throttle.clone();
        }
        let throttle = Throttle::new(self.setup.parallelism);
        all.insert(provider.name.clone(), throttle.clone());
        throttle
    }

    /// Runs `work` with a slot.
    pub async fn with<T>(
        &self,
        provider: &ProviderHandle,
        token: &str,
        recorder: &dyn Recorder,
        work: impl AsyncFnOnce(&Call<'_>) -> T,
    ) -> T {
        let slot = Slot::acquire_of(self.limit.clone(), self.throttle(provider)).await;
        let call = Call {
            client: &provider.client,
            token,
            recorder,
            slot: &slot,
            clock: &self.setup.clock,
            about: "",
        };
        work(&call).await
    }

    pub fn started(&self, addr: &InstanceAddr, deposed: Option<&Str>, verb: Verb, id: Option<Str>) {
        (self.setup.events)(Event::Started { addr: addr.clone(), deposed: deposed.cloned(), verb, id });
    }

    pub fn finished(&self, addr: &InstanceAddr, deposed: Option<&Str>, verb: Verb, id: Option<Str>) {
        (self.setup.events)(Event::Finished { addr: addr.clone(), deposed: deposed.cloned(), verb, id });
    }

    pub fn failed(&self, addr: &InstanceAddr, verb: Verb) {
        (self.setup.events)(Event::Failed { addr: addr.clone(), verb });
    }
}

/// The name that configurations have for the data source of an instance: `module.name[0]`, without its type.
pub(crate) fn data_source(addr: &InstanceAddr) -> String {
    let module: String = addr.resource.module.steps().iter().map(|step| format!("{}.", step.name)).collect();
    format!("{module}{}{}", addr.resource.resource.name, addr.key)
}

/// Begins a call. Many have nothing to wait for, and are over at once; the others come back, to be waited for.
pub(crate) fn begin<T>(
    mut job: Pin<Box<dyn Future<Output = T>>>,
) -> Result<T, Pin<Box<dyn Future<Output = T>>>> {
    // However many calls are begun in a row, each may go as far as it can.
    let mut work = tokio::task::unconstrained(job.as_mut());
    match Pin::new(&mut work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done),
        // Whoever waits for it polls it again, with a waker that wakes.
        Poll::Pending => Err(job),
    }
}

/// A recorder for calls that create nothing.
pub(crate) struct NoRecorder;

#[async_trait]
impl Recorder for NoRecorder {
    async fn created(&self, _object: &Object) -> Result<(), CallError> {
        Ok(())
    }
}

/// The `id` attribute, when it may be shown.
pub(crate) fn shown_id(value: &Value) -> Option<Str> {
    let id = value.get("id")?;
    if id.marks_deep().is_empty() { id.as_str().map(Str::from) } else { None }
}
