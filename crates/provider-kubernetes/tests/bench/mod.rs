//! A namespace on a real server, the provider, and a plain connection beside it to look and to meddle with.

use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Client, Clock, Interrupted, ManagedResource, Object, Operation, PlanRequest,
    PlanResponse, Provider, Recorder, Recovered, Slot, check_applied, check_planned, check_refines,
};
use formwork_value::{Map, Type, Value, json as values};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

/// What the recorder was told.
#[derive(Default)]
pub struct Told {
    pub created: Mutex<Vec<Object>>,
}

#[async_trait]
impl Recorder for Told {
    async fn created(&self, object: &Object) -> Result<(), CallError> {
        self.created.lock().unwrap().push(object.clone());
        Ok(())
    }
}

pub struct Bench {
    pub ns: String,
    pub told: Told,
    pub resource: Arc<dyn ManagedResource>,
    provider: Arc<dyn Provider>,
    client: Client,
    plain: kube::Client,
    endpoint: String,
}

/// The value of a text inside.
pub fn text(value: &Value, place: &str) -> String {
    let found = place.split('.').try_fold(value, |at, name| at.get(name));
    found.and_then(Value::as_str).unwrap_or_else(|| panic!("{place} is not a text")).to_owned()
}

/// A part of an object as JSON.
pub fn map(value: &Value, name: &str) -> Json {
    values::to_serde(value.get(name).unwrap())
}

/// Without unknowns, as a journal holds it.
pub fn known(value: &Value) -> Value {
    value.clone().map_deep(&mut |v| if v.is_known() { v } else { Value::null(v.ty()) })
}

/// Sets a block of one element, of which only these arguments are set.
pub fn block(all: &mut Map, name: &str, set: &[(&str, Value)]) {
    let resource = formwork_provider_kubernetes::provider().resources().remove(0);
    let block = &resource.schema().block.blocks[name].block;
    let mut element = empty(block);
    element.extend(set.iter().map(|(name, value)| ((*name).into(), value.clone())));
    all.insert(name.into(), Value::list(block.ty(), vec![element.into()]));
}

fn empty(block: &formwork_provider::Block) -> Map {
    let attributes = block.attributes.iter().map(|(name, a)| (name.clone(), Value::null(a.ty.clone())));
    let blocks = block.blocks.iter().map(|(name, b)| match b.ty() {
        Type::List(element) => (name.clone(), Value::list((*element).clone(), Vec::new())),
        ty => (name.clone(), Value::null(ty)),
    });
    attributes.chain(blocks).collect()
}

/// A certificate for a client that no cluster knows, and its key.
pub fn self_signed() -> Option<(Value, Value)> {
    let args =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "-", "-subj", "/CN=jane", "-days", "1"];
    let Ok(output) = std::process::Command::new("openssl").args(args).output() else {
        eprintln!("skipped: there is no openssl");
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let begin = text.find("-----BEGIN CERTIFICATE-----").unwrap();
    let key = text.find("-----BEGIN PRIVATE KEY-----").unwrap();
    Some((Value::string(&text[begin..]), Value::string(&text[key..])))
}

impl Bench {
    pub async fn new(name: &str) -> Option<Self> {
        let Ok(kubeconfig) = std::env::var("FORMWORK_KUBECONFIG") else {
            eprintln!("skipped: FORMWORK_KUBECONFIG does not name a kubeconfig");
            return None;
        };
        let provider = formwork_provider_kubernetes::provider();
        let file = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.unwrap();
        let endpoint = config.cluster_url.to_string();
        let plain = kube::Client::try_from(config).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let bench = Bench {
            ns: format!("fwk-{name}-{:x}", now.as_millis() & 0xffff_ffff),
            told: Told::default(),
            resource: provider.resources().remove(0),
            client: Arc::new(()),
            provider,
            plain,
            endpoint,
        };
        let client = bench.client(&[("config_path", Value::string(kubeconfig))]).await;
        let bench = Bench { client, ..bench };
        let ns = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": bench.ns } });
        bench.post(&ns).await;
        Some(bench)
    }

    pub async fn end(&self) {
        let ns = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.ns } });
        self.api(&ns).delete(&self.ns, &Default::default()).await.unwrap();
    }

    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// A provider with these arguments.
    pub async fn client(&self, set: &[(&str, Value)]) -> Client {
        let mut all = empty(&self.provider.schema().block);
        all.extend(set.iter().map(|(name, value)| ((*name).into(), value.clone())));
        self.provider.configure(&all.into()).await.unwrap()
    }

    pub fn config(&self, manifest: &Json) -> Value {
        self.config_with(manifest, |_| {})
    }

    pub fn config_with(&self, manifest: &Json, change: impl FnOnce(&mut Map)) -> Value {
        let mut all = empty(&self.resource.schema().block);
        all.insert("manifest".into(), values::decode_implied(&manifest.to_string()).unwrap());
        change(&mut all);
        let config: Value = all.into();
        let problems = self.resource.validate(&config);
        assert!(problems.is_empty(), "{problems:?}");
        config
    }

    async fn call<T>(&self, client: &Client, token: &str, f: impl AsyncFnOnce(&Call<'_>) -> T) -> T {
        let slot = Slot::acquire(Arc::new(Semaphore::new(1))).await;
        let clock: Clock = Arc::new(|| {
            i128::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
        });
        f(&Call { client, token, recorder: &self.told, slot: &slot, clock: &clock, about: "" }).await
    }

    /// A call in the year 2096.
    async fn late<T>(&self, client: &Client, f: impl AsyncFnOnce(&Call<'_>) -> T) -> T {
        let slot = Slot::acquire(Arc::new(Semaphore::new(1))).await;
        let clock: Clock = Arc::new(|| 4_000_000_000_000_000_000);
        f(&Call { client, token: "", recorder: &self.told, slot: &slot, clock: &clock, about: "" }).await
    }

    /// How reading an object in the year 2096 fails.
    pub async fn read_late(&self, client: &Client, manifest: &Json) -> CallError {
        let object = Object::new(self.config(manifest));
        self.late(client, async |call| self.resource.read(call, &object).await).await.unwrap_err()
    }

    pub async fn plan(&self, config: &Value, prior: Option<&Object>) -> Result<PlanResponse, CallError> {
        self.plan_with(&self.client, config, prior).await
    }

    pub async fn plan_with(
        &self,
        client: &Client,
        config: &Value,
        prior: Option<&Object>,
    ) -> Result<PlanResponse, CallError> {
        self.planned(client, "", config, prior).await
    }

    async fn planned(
        &self,
        client: &Client,
        token: &str,
        config: &Value,
        prior: Option<&Object>,
    ) -> Result<PlanResponse, CallError> {
        let schema = self.resource.schema();
        let request = PlanRequest { config, prior };
        let plan = self.call(client, token, async |call| self.resource.plan(call, &request).await).await?;
        let problems = check_planned(schema, config, prior.map(|p| &p.value), &plan.planned);
        assert!(problems.is_empty(), "{problems:?}");
        Ok(plan)
    }

    pub async fn no_changes(&self, config: &Value, prior: &Object) {
        let plan = self.plan(config, Some(prior)).await.unwrap();
        assert_eq!(plan.planned, prior.value);
        assert!(plan.replace.is_empty() && plan.notes.is_empty(), "{:?}", plan.notes);
    }

    /// As the engine does it: plans again, checks that this is what was planned, and that the result is.
    async fn carry_out(
        &self,
        config: &Value,
        prior: Option<&Object>,
        plan: &PlanResponse,
    ) -> Result<Object, CallError> {
        let again = self.planned(&self.client, "token", config, prior).await?;
        check_refines(&plan.planned, &again.planned)
            .unwrap_or_else(|at| panic!("not what was planned: {at}"));
        let done = self
            .call(&self.client, "token", async |call| match prior {
                None => self.resource.create(call, &again.planned, &[]).await,
                Some(prior) => self.resource.update(call, prior, &again.planned, &[]).await,
            })
            .await?;
        let problems = check_applied(self.resource.schema(), &again.planned, &done.value);
        assert!(problems.is_empty(), "{problems:?}");
        Ok(done)
    }

    pub async fn create(&self, config: &Value, plan: &PlanResponse) -> Result<Object, CallError> {
        self.carry_out(config, None, plan).await
    }

    pub async fn update(
        &self,
        config: &Value,
        prior: &Object,
        plan: &PlanResponse,
    ) -> Result<Object, CallError> {
        self.carry_out(config, Some(prior), plan).await
    }

    /// Plans and makes a new object.
    pub async fn apply_new(&self, manifest: &Json) -> Object {
        let config = self.config(manifest);
        let plan = self.plan(&config, None).await.unwrap();
        self.create(&config, &plan).await.unwrap()
    }

    pub async fn read(&self, prior: &Object) -> Option<Object> {
        self.call(&self.client, "", async |call| self.resource.read(call, prior).await).await.unwrap()
    }

    pub async fn delete(&self, prior: &Object) -> Result<(), CallError> {
        self.call(&self.client, "token", async |call| self.resource.delete(call, prior).await).await
    }

    pub async fn import(&self, id: &str) -> Result<Object, CallError> {
        self.call(&self.client, "", async |call| self.resource.import(call, id).await).await
    }

    pub async fn recover(&self, interrupted: &Interrupted) -> Recovered {
        self.call(&self.client, "t", async |call| self.resource.recover(call, interrupted).await)
            .await
            .unwrap()
    }

    pub async fn lookup(&self, name: &str, set: &[(&str, Value)]) -> Result<Value, CallError> {
        let source = self.provider.data_sources().into_iter().find(|s| s.type_name() == name).unwrap();
        let mut all = empty(&source.schema().block);
        all.extend(set.iter().map(|(name, value)| ((*name).into(), value.clone())));
        self.call(&self.client, "", async |call| source.read(call, &all.into()).await).await
    }

    // Beside the provider.

    fn api(&self, object: &Json) -> kube::Api<DynamicObject> {
        let version = object["apiVersion"].as_str().unwrap();
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let gvk = GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
        let resource = ApiResource::from_gvk(&gvk);
        match object["metadata"]["namespace"].as_str() {
            Some(ns) => kube::Api::namespaced_with(self.plain.clone(), ns, &resource),
            None => kube::Api::all_with(self.plain.clone(), &resource),
        }
    }

    fn name(object: &Json) -> &str {
        object["metadata"]["name"].as_str().unwrap()
    }

    pub async fn live(&self, object: &Json) -> Option<Json> {
        let found = self.api(object).get_opt(Self::name(object)).await.unwrap();
        found.map(|o| serde_json::to_value(o).unwrap())
    }

    pub async fn until(&self, object: &Json, done: impl Fn(&Json) -> bool) {
        for _ in 0..150 {
            if self.live(object).await.is_some_and(|live| done(&live)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("waited 30 s in vain");
    }

    pub async fn post(&self, object: &Json) {
        let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
        let json = serde_json::to_value(&object).unwrap();
        self.api(&json).create(&Default::default(), &object).await.unwrap();
    }

    pub async fn patch(&self, object: &Json, patch: Json) {
        let patch = kube::api::Patch::Merge(patch);
        self.api(object).patch(Self::name(object), &Default::default(), &patch).await.unwrap();
    }

    pub async fn apply_as(&self, manager: &str, object: &Json) {
        let params = kube::api::PatchParams::apply(manager);
        self.api(object).patch(Self::name(object), &params, &kube::api::Patch::Apply(object)).await.unwrap();
    }

    pub async fn remove(&self, object: &Json) {
        self.api(object).delete(Self::name(object), &Default::default()).await.unwrap();
        for _ in 0..50 {
            if self.live(object).await.is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it does not go");
    }

    /// Makes the namespace's pods ready, as a node would.
    pub async fn pods_ready(&self) {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "namespace": self.ns } });
        let pods = self.api(&pod).list(&Default::default()).await.unwrap();
        assert!(!pods.items.is_empty());
        for pod_found in pods {
            let name = pod_found.metadata.name.unwrap();
            let ready =
                json!({ "type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z" });
            let patch =
                kube::api::Patch::Merge(json!({ "status": { "phase": "Running", "conditions": [ready] } }));
            self.api(&pod).patch_status(&name, &Default::default(), &patch).await.unwrap();
        }
    }

    /// The life of a certificate request.
    pub async fn certificate(&self) {
        let resource = self.provider.resources().remove(1);
        let name = self.ns.clone();
        let tls = |request: &str| -> Value {
            let block = resource.schema().block.clone();
            let mut all = empty(&block);
            let mut metadata = empty(&block.blocks["metadata"].block);
            metadata.insert("name".into(), Value::string(name.clone()));
            let mut spec = empty(&block.blocks["spec"].block);
            spec.insert("request".into(), request.into());
            spec.insert("signer_name".into(), "kubernetes.io/kube-apiserver-client".into());
            spec.insert("usages".into(), Value::set(Type::String, vec!["client auth".into()]));
            all.insert(
                "metadata".into(),
                Value::list(block.blocks["metadata"].block.ty(), vec![metadata.into()]),
            );
            all.insert("spec".into(), Value::list(block.blocks["spec"].block.ty(), vec![spec.into()]));
            all.into()
        };
        let output = std::process::Command::new("openssl")
            .args([
                "req",
                "-new",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                "/dev/null",
                "-subj",
                "/CN=jane",
            ])
            .output();
        let Ok(output) = output else { return eprintln!("skipped: there is no openssl") };
        let config = tls(std::str::from_utf8(&output.stdout).unwrap());
        assert!(resource.validate(&config).is_empty());
        let schema = resource.schema();
        let plan = |prior: Option<&Object>| {
            let request = PlanRequest { config: &config, prior };
            formwork_provider::default_plan(schema, &request).planned
        };
        let planned = plan(None);
        let call = async |token: &str, client: &Client| {
            self.call(client, token, async |call| resource.create(call, &planned, &[]).await).await
        };
        let made = call("t", &self.client).await.unwrap();
        let problems = check_applied(schema, &planned, &made.value);
        assert!(problems.is_empty(), "{problems:?}");
        assert!(text(&made.value, "certificate").starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(plan(Some(&made)), made.value);
        // An interrupted create finds it by its name and its key.
        let interrupted = Interrupted {
            operation: Operation::Create,
            token: "t".into(),
            arguments: known(&planned),
            prior: None,
        };
        let found =
            self.call(&self.client, "t", async |call| resource.recover(call, &interrupted).await).await;
        assert!(matches!(found.unwrap(), Recovered::Found { complete: true, .. }));
        // Forgotten by the cluster, it is no change; when the certificate has ended, it is.
        let csr = json!({ "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": { "name": name } });
        self.remove(&csr).await;
        let read = self
            .call(&self.client, "", async |call| resource.read(call, &made).await)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(plan(Some(&read)), read.value);
        let read = self.late(&self.client, async |call| resource.read(call, &made).await).await;
        assert!(read.unwrap().is_none());
        self.call(&self.client, "", async |call| resource.delete(call, &made).await).await.unwrap();
    }
}
