//! A derived type through the object-safe trait, against a world of one map.

use super::*;
use crate::{Client, Computed, Recorder, Resource, Retry, Slot};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A thing.
#[derive(Clone, Resource)]
#[resource(name = "test_thing", id = key)]
struct Thing {
    /// Its name.
    name: String,
    /// Its key.
    key: Computed<String>,
}

#[derive(Default)]
struct World {
    things: Mutex<BTreeMap<String, String>>,
    calls: AtomicUsize,
    /// For how many looks what was deleted is still going.
    going: AtomicUsize,
    /// What the next calls fail with.
    failures: Mutex<Vec<CallError>>,
    /// Whether what `read` tells of is not the object any more, but something that is left of it.
    outlived: AtomicBool,
}

#[async_trait]
impl Crud for Thing {
    type Client = World;
    const QUIET: Duration = Duration::from_secs(10);

    async fn create(&self, cx: &Cx<'_, World>) -> Result<Self, CallError> {
        cx.client.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(failure) = cx.client.failures.lock().unwrap().pop() {
            return Err(failure);
        }
        cx.client.things.lock().unwrap().insert(cx.token.to_owned(), self.name.clone());
        Ok(Thing { key: cx.token.into(), ..self.clone() })
    }

    async fn read(&self, cx: &Cx<'_, World>) -> Result<Option<Self>, CallError> {
        let things = cx.client.things.lock().unwrap();
        let name = self.key.get().and_then(|key| things.get(key));
        Ok(name.map(|name| Thing { name: name.clone(), key: self.key.clone() }))
    }

    async fn present(&self, cx: &Cx<'_, World>) -> Result<bool, CallError> {
        Ok(self.read(cx).await?.is_some() && !cx.client.outlived.load(Ordering::Relaxed))
    }

    async fn delete(&self, cx: &Cx<'_, World>) -> Result<(), CallError> {
        cx.client.things.lock().unwrap().remove(self.key.get().unwrap());
        Ok(())
    }

    async fn gone(&self, cx: &Cx<'_, World>) -> Result<bool, CallError> {
        let one_less = |n: usize| n.checked_sub(1);
        Ok(cx.client.going.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err())
    }

    async fn find(&self, cx: &Cx<'_, World>) -> Result<Option<Self>, CallError> {
        Thing { name: String::new(), key: cx.token.into() }.read(cx).await
    }
}

#[derive(Default)]
struct Records(Mutex<Vec<Value>>);

#[async_trait]
impl Recorder for Records {
    async fn created(&self, object: &Object) -> Result<(), CallError> {
        self.0.lock().unwrap().push(object.value.clone());
        Ok(())
    }
}

struct Bench {
    world: Arc<World>,
    client: Client,
    slot: Slot,
    clock: Clock,
    records: Records,
}

impl Bench {
    async fn new() -> Self {
        let world = Arc::new(World::default());
        let slot = Slot::acquire(Arc::new(tokio::sync::Semaphore::new(1))).await;
        Bench { client: world.clone(), world, slot, clock: Arc::new(|| 0), records: Records::default() }
    }

    fn call(&self) -> Call<'_> {
        let (client, slot, clock) = (&self.client, &self.slot, &self.clock);
        Call { client, token: "t1", recorder: &self.records, slot, clock, about: "" }
    }
}

fn planned() -> Value {
    Thing { name: "a".into(), key: Computed::Unknown }.to_value()
}

#[tokio::test(start_paused = true)]
async fn creating_records_reads_back_and_recovers() {
    let bench = Bench::new().await;
    let (call, things) = (bench.call(), CrudResource::<Thing>::new());
    let made = things.create(&call, &planned(), b"p").await.unwrap();
    assert_eq!(made.value, Thing { name: "a".into(), key: "t1".into() }.to_value());
    assert_eq!(made.private, b"p");
    assert_eq!(*bench.records.0.lock().unwrap(), std::slice::from_ref(&made.value));

    let arguments = known(planned());
    let mut interrupted =
        Interrupted { operation: Operation::Create, token: "t1".into(), arguments, prior: None };
    let found = things.recover(&call, &interrupted).await.unwrap();
    assert!(matches!(found, Recovered::Found { object, complete: true } if object.value == made.value));
    interrupted.arguments = Thing { name: "b".into(), key: Computed::Null }.to_value();
    let found = things.recover(&call, &interrupted).await.unwrap();
    assert!(matches!(found, Recovered::Found { complete: false, .. }));

    things.delete(&call, &made).await.unwrap();
    assert!(things.read(&call, &made).await.unwrap().is_none());
    assert!(matches!(things.recover(&call, &interrupted).await.unwrap(), Recovered::Absent));
    assert!(things.update(&call, &made, &planned(), &[]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_removal_is_waited_for() {
    let bench = Bench::new().await;
    bench.world.going.store(3, Ordering::Relaxed);
    let prior = Object::new(Thing { name: "a".into(), key: "t0".into() }.to_value());
    let interrupted = Interrupted {
        operation: Operation::Delete,
        token: "t1".into(),
        arguments: prior.value.clone(),
        prior: Some(prior),
    };
    let found = CrudResource::<Thing>::new().recover(&bench.call(), &interrupted).await.unwrap();
    assert!(matches!(found, Recovered::Absent));
    assert_eq!(bench.world.going.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_removal_may_take_effect_late() {
    let bench = Bench::new().await;
    let thing = Thing { name: "a".into(), key: "t0".into() };
    let prior = Object::new(thing.to_value());
    let interrupted = Interrupted {
        operation: Operation::Delete,
        token: "t1".into(),
        arguments: prior.value.clone(),
        prior: Some(prior),
    };
    let there = || bench.world.things.lock().unwrap().insert("t0".into(), "a".into());
    let (things, call) = (CrudResource::<Thing>::new(), bench.call());
    there();
    let found = things.recover(&call, &interrupted).await.unwrap();
    assert!(matches!(found, Recovered::Found { .. }));
    let late = async {
        tokio::time::sleep(Thing::QUIET / 2).await;
        bench.world.things.lock().unwrap().clear();
    };
    let (found, ()) = tokio::join!(things.recover(&call, &interrupted), late);
    assert!(matches!(found.unwrap(), Recovered::Absent));
    // What still answers for the object when it is gone does not count.
    there();
    bench.world.outlived.store(true, Ordering::Relaxed);
    let found = things.recover(&call, &interrupted).await.unwrap();
    assert!(matches!(found, Recovered::Absent));
}

#[tokio::test(start_paused = true)]
async fn only_what_cannot_have_happened_is_tried_again() {
    let check = async |failure: CallError, calls: usize, works: bool| {
        let bench = Bench::new().await;
        bench.world.failures.lock().unwrap().push(failure);
        let made = CrudResource::<Thing>::new().create(&bench.call(), &planned(), &[]).await;
        assert_eq!((made.is_ok(), bench.world.calls.load(Ordering::Relaxed)), (works, calls));
    };
    check(CallError::new("x", ""), 1, false).await;
    check(CallError { retry: Retry::Throttled, ..CallError::new("x", "") }, 2, true).await;
    check(CallError { retry: Retry::Transient, ..CallError::new("x", "") }, 2, true).await;
    check(CallError::uncertain("x", ""), 1, false).await;
}

#[tokio::test(start_paused = true)]
async fn failures_while_waiting_are_ridden_out() {
    let bench = Bench::new().await;
    bench.world.going.store(3, Ordering::Relaxed);
    let throttled = || CallError { retry: Retry::Throttled, ..CallError::new("x", "") };
    let call = bench.call();
    let waits = async {
        // Twice inside each other, as a retried look while waiting does.
        call.slot.released(call.slot.released(tokio::time::sleep(std::time::Duration::from_secs(1)))).await;
        let tries = AtomicUsize::new(0);
        crate::retry::retry(&call, true, || {
            let n = tries.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { if n < 2 { Err(throttled()) } else { Ok(n) } })
        })
        .await
    };
    let done = tokio::time::timeout(std::time::Duration::from_secs(600), waits).await;
    assert_eq!(done.expect("it ends").unwrap(), 2);
}
