use super::*;
use crate::KillProbe;
use async_trait::async_trait;
use formwork_provider::{Clock, Interrupted, Object, Operation, Recorder, Recovered, Slot};
use formwork_value::{Map, Type};
use std::path::Path;
use std::time::SystemTime;
use tokio::sync::Semaphore;

struct NoRecorder;

#[async_trait]
impl Recorder for NoRecorder {
    async fn created(&self, _: &Object) -> Result<(), CallError> {
        Ok(())
    }
}

struct World {
    folder: tempfile::TempDir,
    client: Client,
    slot: Slot,
    clock: Clock,
    thing: ToyResource,
    link: ToyResource,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Value::object([
            ("folder", Value::from(folder.path().to_string_lossy().into_owned())),
            ("region", Value::null(Type::String)),
            ("latency_ms", Value::null(Type::Number)),
            ("quiet_ms", Value::from(200)),
        ]);
        let toy = Toy::new(Arc::new(KillProbe::default()));
        let client = toy.configure(&config).await.unwrap();
        let slot = Slot::acquire(Arc::new(Semaphore::new(1))).await;
        let epoch = SystemTime::UNIX_EPOCH;
        let clock: Clock = Arc::new(move || epoch.elapsed().unwrap_or_default().as_nanos() as i128);
        World { folder, client, slot, clock, thing: ToyResource::thing(), link: ToyResource::link() }
    }

    fn call<'a>(&'a self, token: &'a str) -> Call<'a> {
        Call {
            client: &self.client,
            token,
            recorder: &NoRecorder,
            slot: &self.slot,
            clock: &self.clock,
            about: "",
        }
    }

    fn fault(&self, text: &str) {
        let folder = self.folder.path().join(".faults");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("fault.json"), text).unwrap();
    }

    fn objects(&self) -> Vec<ToyObject> {
        objects(Path::new(self.folder.path())).unwrap()
    }
}

fn planned(schema: &Schema, set: &[(&str, &str)]) -> Value {
    let mut value = Map::new();
    for (name, a) in &schema.block.attributes {
        let given = set.iter().find(|(n, _)| *n == &**name).map(|(_, v)| Value::string(*v));
        let rest = if a.computed { Value::unknown(a.ty.clone()) } else { Value::null(a.ty.clone()) };
        value.insert(name.clone(), given.unwrap_or(rest));
    }
    for (name, block) in &schema.block.blocks {
        value.insert(name.clone(), Value::list(block.block.ty(), Vec::new()));
    }
    Value::from(value)
}

#[tokio::test]
async fn a_repeated_create_makes_one_object() {
    let world = World::new().await;
    let planned = planned(world.thing.schema(), &[("name", "a")]);
    let first = world.thing.create(&world.call("t1"), &planned, &[]).await.unwrap();
    let again = world.thing.create(&world.call("t1"), &planned, &[]).await.unwrap();
    assert_eq!(first, again);
    assert!(first.value.is_wholly_known());
    assert_eq!(world.objects().len(), 1);
    world.thing.create(&world.call("t2"), &planned, &[]).await.unwrap();
    assert_eq!(world.objects().len(), 2);
}

#[tokio::test]
async fn links_hold_things() {
    let world = World::new().await;
    let thing = world
        .thing
        .create(&world.call("t"), &planned(world.thing.schema(), &[("name", "a")]), &[])
        .await
        .unwrap();
    let id = thing.value.get("id").unwrap().as_str().unwrap().to_owned();
    let missing = planned(world.link.schema(), &[("from", &id), ("to", "thing-none")]);
    assert_eq!(world.link.create(&world.call("l1"), &missing, &[]).await.unwrap_err().summary, "NotFound");
    let good = planned(world.link.schema(), &[("from", &id), ("to", &id)]);
    let link = world.link.create(&world.call("l2"), &good, &[]).await.unwrap();
    let refused = world.thing.delete(&world.call("d1"), &thing).await.unwrap_err();
    assert_eq!(refused.summary, "DependencyViolation");
    world.link.delete(&world.call("d2"), &link).await.unwrap();
    world.thing.delete(&world.call("d3"), &thing).await.unwrap();
    world.thing.delete(&world.call("d4"), &thing).await.unwrap();
    assert_eq!(world.objects(), []);
}

#[tokio::test]
async fn faults_strike_the_call_they_name() {
    let world = World::new().await;
    world.fault(r#"{"on": "create", "nth": 2, "fail": "after"}"#);
    let planned = planned(world.thing.schema(), &[("name", "a")]);
    world.thing.create(&world.call("t1"), &planned, &[]).await.unwrap();
    let error = world.thing.create(&world.call("t2"), &planned, &[]).await.unwrap_err();
    assert!(!error.no_effect);
    assert_eq!(world.objects().len(), 2);
    world.fault(r#"{"on": "create", "nth": 3, "fail": "partial"}"#);
    let error = world.thing.create(&world.call("t3"), &planned, &[]).await.unwrap_err();
    assert!(error.partial.is_some());
    world.fault(r#"{"on": "create", "nth": 4, "fail": "before"}"#);
    assert!(world.thing.create(&world.call("t4"), &planned, &[]).await.unwrap_err().no_effect);
    assert_eq!(world.objects().len(), 3);
}

#[tokio::test]
async fn recovery_waits_for_effects_that_land_late() {
    let world = World::new().await;
    world.fault(r#"{"on": "create", "late_ms": 80}"#);
    let value = planned(world.thing.schema(), &[("name", "a")]);
    let interrupted = Interrupted {
        operation: Operation::Create,
        token: "t1".into(),
        arguments: value.clone(),
        prior: None,
    };
    let call = world.call("t1");
    {
        let create = world.thing.create(&call, &value, &[]);
        // The caller dies while it waits for the answer.
        assert!(tokio::time::timeout(Duration::from_millis(20), create).await.is_err());
    }
    assert_eq!(world.objects(), []);
    let found = world.thing.recover(&call, &interrupted).await.unwrap();
    assert!(matches!(found, Recovered::Found { complete: true, .. }), "{found:?}");
    let never = Interrupted { token: "t9".into(), ..interrupted };
    let nothing = world.thing.recover(&world.call("t9"), &never).await.unwrap();
    assert!(matches!(nothing, Recovered::Absent), "{nothing:?}");
}
