//! What the tests share.

use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Client, Clock, Interrupted, ManagedResource, Object, Operation, PlanRequest,
    PlanResponse, Recorder, Recovered, Slot, check_applied, check_planned, check_refines,
};
use formwork_value::{Value, json};
use serde_json::json as js;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

/// The etcd that is there.
pub struct Facts {
    facts: serde_json::Value,
}

impl Facts {
    /// `None` where there is none.
    pub fn find() -> Option<Self> {
        let text = std::env::var("FORMWORK_ETCD_STATE").ok().and_then(|path| fs::read_to_string(path).ok());
        let state: Option<serde_json::Value> = text.and_then(|text| serde_json::from_str(&text).ok());
        let facts = state.and_then(|state| state.get("etcd")?.get("facts").cloned());
        if facts.is_none() {
            eprintln!("skipped: no etcd runs; start one and name its state.json with FORMWORK_ETCD_STATE");
        }
        facts.map(|facts| Facts { facts })
    }

    pub fn get(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_else(|| panic!("state.json says no {name}"))
    }

    pub fn etcdctl(&self, endpoint: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.get("etcdctl"));
        command.env("ETCDCTL_API", "3").args(["--endpoints", endpoint]).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What etcdctl says of a snapshot file.
    pub fn status(&self, path: &std::path::Path) -> serde_json::Value {
        let path = path.display().to_string();
        let text = self.etcdctl("127.0.0.1:1", &["snapshot", "status", &path, "-w", "json"]);
        serde_json::from_str(&text).unwrap()
    }
}

/// What the recorder was told.
#[derive(Default)]
pub struct Told {
    pub created: Mutex<Vec<Object>>,
    pub progress: Mutex<Vec<String>>,
}

#[async_trait]
impl Recorder for Told {
    async fn created(&self, object: &Object) -> Result<(), CallError> {
        self.created.lock().unwrap().push(object.clone());
        Ok(())
    }

    fn progress(&self, what: &str) {
        self.progress.lock().unwrap().push(what.to_owned());
    }
}

/// A folder, a configured provider, and the resource type.
pub struct Bench {
    pub folder: tempfile::TempDir,
    client: Client,
    pub resource: Arc<dyn ManagedResource>,
    pub told: Told,
}

impl Bench {
    pub async fn new(arguments: serde_json::Value) -> Self {
        let provider = formwork_provider_etcd::provider();
        let mut all = js!({});
        for name in provider.schema().block.names() {
            all[name] = arguments.get(name).cloned().unwrap_or_default();
        }
        let config = json::decode(&all.to_string(), &provider.schema().block.ty()).unwrap();
        let client = provider.configure(&config).await.unwrap();
        let resource = provider.resources().remove(0);
        Bench { folder: tempfile::tempdir().unwrap(), client, resource, told: Told::default() }
    }

    pub async fn at(endpoints: &[&str]) -> Self {
        Self::new(js!({ "endpoints": endpoints })).await
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is in the folder.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A configuration for `a.db`, with what is given besides.
    pub fn config(&self, more: serde_json::Value) -> Value {
        let mut config = js!({});
        for name in self.resource.schema().block.names() {
            config[name] = more.get(name).cloned().unwrap_or_default();
        }
        if config["path"].is_null() {
            config["path"] = self.path("a.db").display().to_string().into();
        }
        json::decode(&config.to_string(), &self.resource.schema().block.ty()).unwrap()
    }

    pub async fn call<T>(
        &self,
        token: &str,
        recorder: &dyn Recorder,
        work: impl AsyncFnOnce(&Call<'_>) -> T,
    ) -> T {
        let slot = Slot::acquire(Arc::new(Semaphore::new(1))).await;
        let clock: Clock =
            Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i128);
        work(&Call { client: &self.client, token, recorder, slot: &slot, clock: &clock, about: "" }).await
    }

    pub async fn plan(&self, config: &Value, prior: Option<&Object>, token: &str) -> PlanResponse {
        let schema = self.resource.schema();
        let found = self.resource.validate(config);
        assert!(found.is_empty(), "{found:?}");
        let before = prior.map(|p| &p.value);
        let request = PlanRequest { config, prior };
        let work = async |call: &Call<'_>| self.resource.plan(call, &request).await;
        let plan = self.call(token, &self.told, work).await.unwrap();
        let wrong = check_planned(schema, config, before, &plan.planned);
        assert!(wrong.is_empty(), "{wrong:?}");
        plan
    }

    /// Plans and carries it out, as the engine does.
    pub async fn apply(&self, config: &Value, prior: Option<&Object>) -> Result<Object, CallError> {
        self.apply_with(config, prior, "t0k3n", &self.told).await
    }

    pub async fn apply_with(
        &self,
        config: &Value,
        prior: Option<&Object>,
        token: &str,
        recorder: &dyn Recorder,
    ) -> Result<Object, CallError> {
        let shown = self.plan(config, prior, "").await;
        let planned = self.plan(config, prior, token).await;
        assert_eq!(check_refines(&shown.planned, &planned.planned), Ok(()));
        let object = self
            .call(token, recorder, async |call| match prior {
                None => self.resource.create(call, &planned.planned, &planned.private).await,
                Some(prior) => self.resource.update(call, prior, &planned.planned, &planned.private).await,
            })
            .await?;
        let wrong = check_applied(self.resource.schema(), &planned.planned, &object.value);
        assert!(wrong.is_empty(), "{wrong:?}");
        Ok(object)
    }

    pub async fn read(&self, prior: &Object) -> Option<Object> {
        self.call("", &self.told, async |call| self.resource.read(call, prior).await).await.unwrap()
    }

    pub async fn delete(&self, prior: &Object) -> Result<(), CallError> {
        self.call("t0k3n", &self.told, async |call| self.resource.delete(call, prior).await).await
    }

    /// Recovers an operation on what `config` wanted.
    pub async fn recover(
        &self,
        operation: Operation,
        config: &Value,
        token: &str,
        prior: Option<Object>,
    ) -> Recovered {
        // As the journal has them: with defaults, and null for what was not known.
        let arguments = self.plan(config, None, "").await.planned;
        let arguments = arguments.map_deep(&mut |v| if v.is_known() { v } else { Value::null(v.ty()) });
        let interrupted = Interrupted { operation, token: token.into(), arguments, prior };
        let work = async |call: &Call<'_>| self.resource.recover(call, &interrupted).await;
        self.call(token, &self.told, work).await.unwrap()
    }
}

pub fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.value.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("{name} is no string"))
}

pub fn number(object: &Object, name: &str) -> i64 {
    object.value.get(name).and_then(Value::as_number).and_then(|n| n.to_i64()).unwrap()
}
