//! What is done about files, without a server.

use super::*;
use crate::bolt::tests::database;
use formwork_provider::{Clock, Recorder, Slot, check_planned};
use formwork_value::json;
use sha2::{Digest, Sha256};
use std::fs;
use std::sync::Arc;
use tokio::sync::Semaphore;

struct Deaf;

#[async_trait]
impl Recorder for Deaf {
    async fn created(&self, _object: &Object) -> Result<(), CallError> {
        Ok(())
    }
}

async fn call<T>(work: impl AsyncFnOnce(&Call<'_>) -> T) -> T {
    let client: formwork_provider::Client = Arc::new(());
    let slot = Slot::acquire(Arc::new(Semaphore::new(1))).await;
    let clock: Clock = Arc::new(|| 0);
    work(&Call { client: &client, token: "t0k3n", recorder: &Deaf, slot: &slot, clock: &clock, about: "" })
        .await
}

/// A snapshot whose last revision is `last`.
fn snapshot(last: i64) -> Vec<u8> {
    let mut bytes = database(last, 0);
    bytes.extend(Sha256::digest(&bytes).as_slice());
    bytes
}

/// A folder with a snapshot of revision 5, and the object for it.
struct Bench {
    folder: tempfile::TempDir,
    object: Object,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db").display().to_string();
        fs::write(&path, snapshot(5)).unwrap();
        let value = serde_json::json!({ "path": path, "delete_on_destroy": true, "timeout": 60, "id": path,
            "triggers": { "at": "1" }, "taken_at": "2025-01-31T12:00:00Z" });
        let model =
            model(&json::decode(&value.to_string(), &Snapshot::schema().block.ty()).unwrap()).unwrap();
        let found = file::look(std::path::Path::new(&path)).unwrap().unwrap();
        let private = Memory { sha256: found.sha256.clone(), seen: None }.write();
        let object = Object { value: as_found(&model, &found).to_value(), private };
        Bench { folder, object }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    async fn read(&self, prior: &Object) -> Option<Object> {
        call(async |call| SnapshotFile::new().read(call, prior).await).await.unwrap()
    }

    async fn plan(&self, config: &Value, prior: Option<&Object>) -> PlanResponse {
        let resource = SnapshotFile::new();
        let before = prior.map(|p| &p.value);
        let request = PlanRequest { config, prior };
        let plan = call(async |call| resource.plan(call, &request).await).await.unwrap();
        let wrong = check_planned(resource.schema(), config, before, &plan.planned);
        assert!(wrong.is_empty(), "{wrong:?}");
        plan
    }

    fn config(&self, trigger: &str) -> Value {
        let path = self.path("a.db").display().to_string();
        let config = serde_json::json!({ "path": path, "delete_on_destroy": true, "timeout": 60, "triggers": { "at": trigger } });
        json::decode(&config.to_string(), &Snapshot::schema().block.ty()).unwrap()
    }

    async fn recover(&self, operation: Operation, prior: Option<&Object>) -> (Option<Object>, bool) {
        let interrupted = Interrupted {
            operation,
            token: "t0k3n".into(),
            arguments: self.config("2"),
            prior: prior.cloned(),
        };
        match call(async |call| SnapshotFile::new().recover(call, &interrupted).await).await.unwrap() {
            Recovered::Absent => (None, false),
            Recovered::Found { object, complete } => (Some(object), complete),
        }
    }
}

fn number(object: &Object, name: &str) -> Option<i64> {
    object.value.get(name).and_then(Value::as_number).and_then(|n| n.to_i64())
}

#[tokio::test]
async fn a_file_that_is_as_it_was_changes_nothing() {
    let bench = Bench::new();
    let read = bench.read(&bench.object).await.unwrap();
    assert_eq!(read.value, bench.object.value);
    assert!(Memory::of(&read).seen.is_some(), "the next look is only a glance");
    let plan = bench.plan(&bench.config("1"), Some(&read)).await;
    assert_eq!((plan.planned, plan.notes), (read.value, vec![]));
    fs::remove_file(bench.path("a.db")).unwrap();
    assert!(bench.read(&bench.object).await.is_none());
}

#[tokio::test]
async fn another_trigger_takes_a_new_snapshot_and_another_timeout_does_not() {
    let bench = Bench::new();
    let plan = bench.plan(&bench.config("2"), Some(&bench.object)).await;
    assert!(RESULTS.iter().all(|name| !plan.planned.get(name).unwrap().is_known()));
    let mut config = bench.config("1").as_map().unwrap().clone();
    config.insert("timeout".into(), Value::from(5_i64));
    let plan = bench.plan(&config.into(), Some(&bench.object)).await;
    assert!(RESULTS.iter().all(|name| plan.planned.get(name) == bench.object.value.get(name)));
}

#[tokio::test]
async fn another_file_in_its_place_is_drift_and_is_kept() {
    let bench = Bench::new();
    let read = bench.read(&bench.object).await.unwrap();
    fs::write(bench.path("a.db"), b"somebody's notes").unwrap();
    let drifted = bench.read(&read).await.unwrap();
    assert_eq!((number(&drifted, "size_bytes"), number(&drifted, "revision")), (Some(16), None));
    let plan = bench.plan(&bench.config("1"), Some(&drifted)).await;
    assert!(!plan.planned.get("sha256").unwrap().is_known());
    assert!(plan.notes[0].contains("kept with .kept-"), "{:?}", plan.notes);
    // A snapshot with a flipped bit is not the one that was written either.
    let mut damaged = snapshot(5);
    damaged[9000] ^= 1;
    fs::write(bench.path("a.db"), damaged).unwrap();
    assert_ne!(bench.read(&read).await.unwrap().value.get("sha256"), read.value.get("sha256"));
    // And when it is back, all is well.
    fs::write(bench.path("a.db"), snapshot(5)).unwrap();
    assert_eq!(bench.read(&drifted).await.unwrap().value, read.value);
}

#[tokio::test]
async fn destroying_removes_what_the_plan_showed_and_nothing_else() {
    let bench = Bench::new();
    assert_eq!(
        SnapshotFile::new().removal(&bench.object),
        ["the file is removed: delete_on_destroy is true"]
    );
    let delete =
        async |object: &Object| call(async |call| SnapshotFile::new().delete(call, object).await).await;
    fs::write(bench.path("a.db"), b"somebody's notes").unwrap();
    assert_eq!(delete(&bench.object).await.unwrap_err().summary, "File changed since it was planned");
    assert_eq!(bench.names(), ["a.db"]);
    assert_eq!(
        bench.recover(Operation::Delete, Some(&bench.object)).await,
        (Some(bench.object.clone()), true)
    );
    fs::write(bench.path("a.db"), snapshot(5)).unwrap();
    delete(&bench.object).await.unwrap();
    delete(&bench.object).await.unwrap();
    assert_eq!(bench.names(), [""; 0]);
    assert_eq!(bench.recover(Operation::Delete, Some(&bench.object)).await, (None, false));
}

#[tokio::test]
async fn a_create_is_taken_over_when_its_file_is_the_one_that_was_recorded() {
    let bench = Bench::new();
    fs::write(bench.path("a.db.t0k3n.part"), b"half").unwrap();
    let (found, complete) = bench.recover(Operation::Create, Some(&bench.object)).await;
    assert_eq!((found.unwrap().value, complete), (bench.object.value.clone(), true));
    assert_eq!(bench.names(), ["a.db"], "no part is left");
    // Of a create without a record nothing is in place; what is there is somebody's.
    fs::write(bench.path("a.db.t0k3n.part"), b"half").unwrap();
    assert_eq!(bench.recover(Operation::Create, None).await, (None, false));
    fs::write(bench.path("a.db"), snapshot(6)).unwrap();
    assert_eq!(bench.recover(Operation::Create, Some(&bench.object)).await, (None, false));
    assert_eq!(bench.names(), ["a.db"]);
}

#[tokio::test]
async fn after_an_interrupted_update_the_old_or_the_new_file_is_ours() {
    let bench = Bench::new();
    fs::write(bench.path("a.db.t0k3n.part"), snapshot(6)).unwrap();
    let (found, _) = bench.recover(Operation::Update, Some(&bench.object)).await;
    assert_eq!(found.unwrap().value, bench.object.value);
    assert_eq!(bench.names(), ["a.db"]);
    fs::write(bench.path("a.db"), snapshot(6)).unwrap();
    let (found, _) = bench.recover(Operation::Update, Some(&bench.object)).await;
    let found = found.unwrap();
    assert_eq!((number(&found, "revision"), drifted(&found)), (Some(6), None));
    let plan = bench.plan(&bench.config("2"), Some(&found)).await;
    assert!(plan.notes.is_empty() && !plan.planned.get("sha256").unwrap().is_known());
    fs::write(bench.path("a.db"), b"somebody's notes").unwrap();
    let (found, _) = bench.recover(Operation::Update, Some(&bench.object)).await;
    assert!(drifted(&found.unwrap()).is_some());
}

#[tokio::test]
async fn a_file_in_the_way_is_said_in_the_plan_and_refused_unless_it_is_a_snapshot() {
    let bench = Bench::new();
    let plan = bench.plan(&bench.config("1"), None).await;
    assert!(plan.notes[0].contains("it is kept with .kept-"), "{:?}", plan.notes);
    fs::write(bench.path("a.db"), b"somebody's notes").unwrap();
    let plan = bench.plan(&bench.config("1"), None).await;
    assert!(plan.notes[0].contains("apply refuses"), "{:?}", plan.notes);
    let refused = call(async |call| SnapshotFile::new().create(call, &bench.object.value, &[]).await)
        .await
        .unwrap_err();
    assert_eq!((refused.summary.as_str(), refused.no_effect), ("File exists already", true));
    assert_eq!(fs::read(bench.path("a.db")).unwrap(), b"somebody's notes");
}
