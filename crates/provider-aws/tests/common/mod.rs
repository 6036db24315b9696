//! Drives the provider, through its public trait objects, against the cloud that `FORMWORK_AWS_ENDPOINT` names.

#![allow(dead_code, reason = "each test program uses its part of this")]

use async_trait::async_trait;
use formwork_provider::{
    Block, Call, CallError, Client, DataSource, Interrupted, ManagedResource, Nesting, Object, Operation,
    PlanRequest, PlanResponse, Provider, Recorder, Recovered, Slot, check_applied, check_planned,
};
use formwork_value::{Kind, Type, Value, json};
use serde_json::{Map, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{MutexGuard, Semaphore};

/// JSON, as configurations and requests are written here.
pub type Json = serde_json::Value;

// One test at a time: faults hit whoever comes first.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The provider, configured for the cloud.
pub struct World {
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// What `configure` made.
    pub client: Client,
    /// The cloud's address.
    pub endpoint: String,
    /// What creates recorded, in order.
    pub recorded: Arc<Mutex<Vec<Object>>>,
    limit: Arc<Semaphore>,
    _turn: MutexGuard<'static, ()>,
}

struct Records(Arc<Mutex<Vec<Object>>>);

#[async_trait]
impl Recorder for Records {
    async fn created(&self, object: &Object) -> Result<(), CallError> {
        self.0.lock().expect("no panic while it is held").push(object.clone());
        Ok(())
    }
}

/// The provider for the cloud that the environment names, with faults and log cleared. `None`, and a word on why, if it
/// names none.
pub async fn world() -> Option<World> {
    world_with(json!({})).await
}

/// [`world`], with more in the provider block.
pub async fn world_with(more: Json) -> Option<World> {
    let Ok(endpoint) = std::env::var("FORMWORK_AWS_ENDPOINT") else {
        let must = std::env::var_os("FORMWORK_MUST").is_some();
        assert!(!must, "FORMWORK_AWS_ENDPOINT is not set, and FORMWORK_MUST is");
        println!("skipped: FORMWORK_AWS_ENDPOINT is not set");
        return None;
    };
    let turn = TURN.lock().await;
    let provider = formwork_provider_aws::provider();
    let mut block = json!({
        "region": "us-east-1", "access_key": "test", "secret_key": "test", "recovery_wait": 3,
        "endpoints": [{"ec2": endpoint, "elbv2": endpoint, "sts": endpoint}],
    });
    merge(&mut block, &more);
    let client = provider.configure(&value(&provider.schema().block, &block)).await.expect("configures");
    let (recorded, limit) = (Arc::default(), Arc::new(Semaphore::new(10)));
    let world = World { provider, client, endpoint, recorded, limit, _turn: turn };
    world.stern("DELETE faults", json!({}));
    world.stern("DELETE log", json!({}));
    world.stern("POST traits", json!({"throttle": {"rate": 20, "burst": 100}}));
    Some(world)
}

fn merge(into: &mut Json, more: &Json) {
    if let (Some(into), Some(more)) = (into.as_object_mut(), more.as_object()) {
        into.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// A token or a name that nothing else has.
pub fn unique(prefix: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
    format!("{prefix}-{now:x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// JSON as an object of a block's type: what it does not name is null, or no blocks.
pub fn value(block: &Block, json: &Json) -> Value {
    let empty = Map::new();
    let given = json.as_object().unwrap_or(&empty);
    for name in given.keys() {
        assert!(block.names().any(|known| known == name), "there is no argument {name}");
    }
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let value = match given.get(&**name) {
            None | Some(Json::Null) => Value::null(attribute.ty.clone()),
            Some(given) if given == "<unknown>" => Value::unknown(attribute.ty.clone()),
            Some(given) => json::decode(&with_nulls(given, &attribute.ty).to_string(), &attribute.ty)
                .unwrap_or_else(|e| panic!("{name}: {e}")),
        };
        (name.clone(), value)
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        let items = given.get(&**name).and_then(Json::as_array).cloned().unwrap_or_default();
        let items: Vec<Value> = items.iter().map(|item| value(&nested.block, item)).collect();
        let value = match nested.nesting {
            Nesting::Set => Value::set(nested.block.ty(), items),
            Nesting::List => Value::list(nested.block.ty(), items),
            _ => items.into_iter().next().unwrap_or_else(|| Value::null(nested.block.ty())),
        };
        (name.clone(), value)
    });
    Value::object(attributes.chain(blocks).collect::<Vec<_>>())
}

/// Attributes of objects that are not named, as null.
fn with_nulls(json: &Json, ty: &Type) -> Json {
    match (json, ty) {
        (Json::Array(items), _) => {
            let element = ty.element();
            items.iter().map(|item| element.map_or(item.clone(), |ty| with_nulls(item, ty))).collect()
        }
        (Json::Object(given), Type::Object(object)) => object
            .attrs
            .iter()
            .map(|(name, ty)| {
                (name.to_string(), given.get(&**name).map_or(Json::Null, |v| with_nulls(v, ty)))
            })
            .collect::<Map<_, _>>()
            .into(),
        _ => json.clone(),
    }
}

/// An object as JSON.
pub fn shown(object: &Object) -> Json {
    json::to_serde(&object.value)
}

/// The attribute of an object, as text.
pub fn text(object: &Object, name: &str) -> String {
    let value = object.value.get(name).unwrap_or_else(|| panic!("there is no attribute {name}"));
    value.as_str().unwrap_or_else(|| panic!("{name} is {value:?}")).to_owned()
}

impl World {
    /// The resource type.
    pub fn resource(&self, type_name: &str) -> Arc<dyn ManagedResource> {
        let all = self.provider.resources();
        let found = all.into_iter().find(|r| r.type_name() == type_name);
        found.unwrap_or_else(|| panic!("there is no type {type_name}"))
    }

    /// Runs something with a call.
    pub async fn call<T>(&self, token: &str, run: impl AsyncFnOnce(&Call<'_>) -> T) -> T {
        let slot = Slot::acquire(self.limit.clone()).await;
        let records = Records(self.recorded.clone());
        let clock: formwork_provider::Clock =
            Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i128));
        run(&Call { client: &self.client, token, recorder: &records, slot: &slot, clock: &clock, about: "" })
            .await
    }

    /// Plans, and checks the plan.
    pub async fn plan(&self, type_name: &str, prior: Option<&Object>, config: Json) -> PlanResponse {
        let resource = self.resource(type_name);
        let schema = resource.schema();
        let config = value(&schema.block, &config);
        let wanted: Vec<_> = resource.validate(&config).into_iter().map(|p| p.detail).collect();
        assert!(wanted.is_empty(), "{type_name} does not validate: {wanted:?}");
        let request = PlanRequest { config: &config, prior };
        let plan = self.call("", async |call| resource.plan(call, &request).await).await.expect("plans");
        let before = prior.filter(|_| plan.replace.is_empty()).map(|p| &p.value);
        let wrong = check_planned(schema, &config, before, &plan.planned);
        assert!(wrong.is_empty(), "{type_name}: {wrong:?}");
        plan
    }

    /// Whether the configuration leaves the object as it is.
    pub async fn unchanged(&self, type_name: &str, prior: &Object, config: Json) {
        let plan = self.plan(type_name, Some(prior), config).await;
        assert_eq!(json::to_serde(&plan.planned), shown(prior), "{type_name} should have no changes");
    }

    /// Plans and creates under a token.
    pub async fn try_create(&self, type_name: &str, config: Json, token: &str) -> Result<Object, CallError> {
        let plan = self.plan(type_name, None, config).await;
        let resource = self.resource(type_name);
        let made = self.call(token, async |c| resource.create(c, &plan.planned, &plan.private).await).await?;
        let wrong = check_applied(resource.schema(), &plan.planned, &made.value);
        assert!(wrong.is_empty(), "{type_name}: {wrong:?}");
        Ok(made)
    }

    /// Plans and creates; what is planned from the result is no change.
    pub async fn create(&self, type_name: &str, config: Json) -> Object {
        let made = self.try_create(type_name, config.clone(), &unique("token")).await;
        let made = made.unwrap_or_else(|e| panic!("{type_name}: {}: {}", e.summary, e.detail));
        let read = self.read(type_name, &made).await.expect("is there");
        assert_eq!(shown(&read), shown(&made), "{type_name} should be read as it was made");
        self.unchanged(type_name, &made, config).await;
        made
    }

    /// Plans and changes in place.
    pub async fn update(&self, type_name: &str, prior: &Object, config: Json) -> Object {
        let plan = self.plan(type_name, Some(prior), config.clone()).await;
        assert!(plan.replace.is_empty(), "{type_name} should not be replaced: {:?}", plan.replace);
        let resource = self.resource(type_name);
        let changed = self
            .call(&unique("token"), async |call| {
                resource.update(call, prior, &plan.planned, &plan.private).await
            })
            .await
            .unwrap_or_else(|e| panic!("{type_name}: {}: {}", e.summary, e.detail));
        let wrong = check_applied(resource.schema(), &plan.planned, &changed.value);
        assert!(wrong.is_empty(), "{type_name}: {wrong:?}");
        self.unchanged(type_name, &changed, config).await;
        changed
    }

    /// Reads.
    pub async fn read(&self, type_name: &str, prior: &Object) -> Option<Object> {
        let resource = self.resource(type_name);
        let read = self.call("", async |call| resource.read(call, prior).await).await;
        read.unwrap_or_else(|e| panic!("{type_name}: {}: {}", e.summary, e.detail))
    }

    /// Reads many with one call.
    pub async fn read_many(&self, type_name: &str, priors: &[Object]) -> Vec<Option<Object>> {
        let resource = self.resource(type_name);
        let read = self.call("", async |call| resource.read_many(call, priors).await).await;
        read.into_iter().map(|r| r.unwrap_or_else(|e| panic!("{type_name}: {}", e.detail))).collect()
    }

    /// Deletes, twice: that it was gone is not an error. Afterwards it is not there.
    pub async fn delete(&self, type_name: &str, object: &Object) {
        let resource = self.resource(type_name);
        for _ in 0..2 {
            let gone = self.call(&unique("token"), async |call| resource.delete(call, object).await).await;
            gone.unwrap_or_else(|e| panic!("{type_name}: {}: {}", e.summary, e.detail));
        }
        assert!(self.read(type_name, object).await.is_none(), "{type_name} should be gone");
    }

    /// Settles a create that was interrupted before anything was recorded.
    pub async fn recover(&self, type_name: &str, config: Json, token: &str) -> Recovered {
        let planned = self.plan(type_name, None, config).await.planned;
        let arguments = planned.map_deep(&mut |v| if v.is_known() { v } else { Value::null(v.ty()) });
        let interrupted =
            Interrupted { operation: Operation::Create, token: token.into(), arguments, prior: None };
        let resource = self.resource(type_name);
        let found = self.call(token, async |call| resource.recover(call, &interrupted).await).await;
        found.unwrap_or_else(|e| panic!("{type_name}: {}: {}", e.summary, e.detail))
    }

    /// Lets `fault` hit the call `action` of a create, and returns what recovery then finds: the one object that the
    /// create left, or nothing, if it left none.
    pub async fn interrupted(
        &self,
        type_name: &str,
        config: Json,
        action: &str,
        fault: &str,
    ) -> Option<Object> {
        self.stern("POST faults", json!({"kind": fault, "action": action}));
        let token = unique("token");
        let failed = self.try_create(type_name, config.clone(), &token).await;
        let error = failed.expect_err("the fault hits");
        assert!(!error.no_effect, "{type_name}: nobody knows whether it happened: {}", error.detail);
        match self.recover(type_name, config, &token).await {
            Recovered::Found { object, .. } => Some(object),
            Recovered::Absent => None,
        }
    }

    /// Imports.
    pub async fn import(&self, type_name: &str, id: &str) -> Object {
        let resource = self.resource(type_name);
        let found = self.call("", async |call| resource.import(call, id).await).await;
        found.unwrap_or_else(|e| panic!("{type_name}: {}: {}", e.summary, e.detail))
    }

    /// Reads a data source.
    pub async fn data(&self, type_name: &str, config: Json) -> Result<Value, CallError> {
        let all: Vec<Arc<dyn DataSource>> = self.provider.data_sources();
        let found = all.into_iter().find(|d| d.type_name() == type_name);
        let source = found.unwrap_or_else(|| panic!("there is no data source {type_name}"));
        let config = value(&source.schema().block, &config);
        let read = self.call("", async |call| source.read(call, &config).await).await?;
        assert!(
            matches!(read.kind(), Kind::Object(_)) && read.is_wholly_known(),
            "{type_name} is wholly known"
        );
        Ok(read)
    }

    /// Asks the cloud itself: `POST faults`, `GET log?since=0`.
    pub fn stern(&self, request: &str, body: Json) -> Json {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let text = self.http(method, &format!("/stern/{path}"), &body.to_string(), "application/json");
        let lines: Vec<Json> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        serde_json::from_str(&text).unwrap_or(Json::Array(lines))
    }

    /// How often an action was called since the log was cleared.
    pub fn calls(&self, action: &str) -> usize {
        let log = self.http("GET", "/stern/log?since=0", "", "application/json");
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        lines.filter(|line| line["action"] == action).count()
    }

    /// One HTTP request to the cloud; its body.
    pub fn http(&self, method: &str, path: &str, body: &str, kind: &str) -> String {
        self.send(method, path, body, kind, "")
    }

    /// One call of a service's API, behind the provider's back; the body of the answer.
    pub fn http_as(&self, service: &str, body: &str) -> String {
        let scope = format!("Credential=test/20260101/us-east-1/{service}/aws4_request");
        let header = format!("Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n");
        let text = self.send("POST", "/", body, "application/x-www-form-urlencoded", &header);
        assert!(!text.contains("<Errors>"), "{text}");
        text
    }

    fn send(&self, method: &str, path: &str, body: &str, kind: &str, header: &str) -> String {
        let address = self.endpoint.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).expect("the cloud listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n{header}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("it takes it");
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).expect("it answers");
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().expect("a length");
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).expect("it answers");
        String::from_utf8(body).expect("text")
    }
}
