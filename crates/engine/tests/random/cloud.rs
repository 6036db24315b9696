//! A cloud in memory: it remembers what was made from what, in which order, and fails when told to.

use async_trait::async_trait;
use formwork_provider::{
    Attribute, Block, Call, CallError, Client, DataSource, EphemeralResource, Interrupted, ManagedResource,
    Object, Operation, Provider, Recovered, Schema,
};
use formwork_value::{Map, Str, Type, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What has happened, in order.
#[derive(Clone, Debug)]
pub enum Entry {
    Created { id: String, name: String, needs: Vec<String> },
    Updated { id: String, needs: Vec<String> },
    Deleted { id: String },
}

#[derive(Default)]
pub struct Cloud(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, (Value, String)>,
    log: Vec<Entry>,
    next: u64,
    failing: f64,
    rng: Option<StdRng>,
}

/// How a call goes wrong.
enum Fault {
    Before,
    After,
}

impl Cloud {
    pub fn fail_with(&self, probability: f64, seed: u64) {
        let mut inner = self.0.lock().unwrap();
        inner.failing = probability;
        inner.rng = Some(StdRng::seed_from_u64(seed));
    }

    pub fn ids(&self) -> Vec<String> {
        self.0.lock().unwrap().objects.keys().cloned().collect()
    }

    pub fn log(&self) -> Vec<Entry> {
        self.0.lock().unwrap().log.clone()
    }
}

impl Inner {
    fn fault(&mut self) -> Option<Fault> {
        let failing = self.failing;
        let rng = self.rng.as_mut()?;
        if !rng.random_bool(failing) {
            return None;
        }
        Some(if rng.random_bool(0.5) { Fault::Before } else { Fault::After })
    }
}

fn needs(value: &Value) -> Vec<String> {
    let all = value.get("needs").and_then(Value::as_slice).unwrap_or_default();
    // Ids of all instances are joined without a separator: each is eight characters.
    let joined: String = all.iter().filter_map(Value::as_str).collect();
    joined.as_bytes().chunks(8).map(|c| String::from_utf8_lossy(c).into_owned()).collect()
}

fn with_id(value: &Value, id: &str) -> Value {
    let mut attrs: Map = value.as_map().cloned().unwrap_or_default();
    attrs.insert("id".into(), Value::string(id));
    Value::from(attrs)
}

/// A provider of one resource type, over what its client is.
pub struct MemProvider {
    pub client: Client,
    pub resource: Arc<dyn ManagedResource>,
    pub schema: Schema,
    /// What it has besides.
    pub data: Vec<Arc<dyn DataSource>>,
    pub ephemeral: Vec<Arc<dyn EphemeralResource>>,
}

impl MemProvider {
    pub fn new(cloud: Arc<Cloud>) -> Self {
        Self::of(Arc::new(Thing::new()), cloud)
    }

    pub fn of(resource: Arc<dyn ManagedResource>, client: Client) -> Self {
        MemProvider { client, resource, schema: Schema::default(), data: Vec::new(), ephemeral: Vec::new() }
    }
}

#[async_trait]
impl Provider for MemProvider {
    fn name(&self) -> &str {
        "mem"
    }

    fn source(&self) -> &str {
        "registry.terraform.io/hashicorp/mem"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn resources(&self) -> Vec<Arc<dyn ManagedResource>> {
        vec![self.resource.clone()]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        self.data.clone()
    }

    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        self.ephemeral.clone()
    }

    async fn configure(&self, _config: &Value) -> Result<Client, CallError> {
        Ok(self.client.clone())
    }
}

struct Thing(Schema);

impl Thing {
    fn new() -> Self {
        let attribute = |ty, f: &dyn Fn(&mut Attribute)| {
            let mut a = Attribute::new(ty);
            f(&mut a);
            a
        };
        let attributes: [(&str, Attribute); 5] = [
            ("id", attribute(Type::String, &|a| a.computed = true)),
            ("name", attribute(Type::String, &|a| a.required = true)),
            ("colour", attribute(Type::String, &|a| (a.optional, a.replace) = (true, true))),
            ("size", attribute(Type::Number, &|a| a.optional = true)),
            ("needs", attribute(Type::list(Type::String), &|a| a.optional = true)),
        ];
        let attributes = attributes.into_iter().map(|(n, a)| (Str::from(n), a)).collect();
        Thing(Schema { version: 0, block: Block { attributes, ..Block::default() } })
    }
}

fn cloud<'a>(call: &'a Call<'_>) -> &'a Cloud {
    call.client.downcast_ref().expect("the client is the cloud")
}

#[async_trait]
impl ManagedResource for Thing {
    fn type_name(&self) -> &str {
        "mem_thing"
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn read(&self, call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError> {
        let inner = cloud(call).0.lock().unwrap();
        let id = prior.value.get("id").and_then(Value::as_str).unwrap_or_default();
        Ok(inner.objects.get(id).map(|(v, _)| Object::new(v.clone())))
    }

    async fn create(&self, call: &Call<'_>, planned: &Value, _private: &[u8]) -> Result<Object, CallError> {
        tokio::task::yield_now().await;
        let mut inner = cloud(call).0.lock().unwrap();
        let fault = inner.fault();
        if let Some(Fault::Before) = fault {
            return Err(CallError::new("Refused", "The call was refused."));
        }
        inner.next += 1;
        let id = format!("i{:07}", inner.next);
        let value = with_id(planned, &id);
        inner.objects.insert(id.clone(), (value.clone(), call.token.to_owned()));
        let name = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        inner.log.push(Entry::Created { id, name, needs: needs(&value) });
        match fault {
            Some(_) => Err(CallError::uncertain("Connection lost", "Nobody knows.")),
            None => Ok(Object::new(value)),
        }
    }

    async fn update(
        &self,
        call: &Call<'_>,
        prior: &Object,
        planned: &Value,
        _: &[u8],
    ) -> Result<Object, CallError> {
        tokio::task::yield_now().await;
        let mut inner = cloud(call).0.lock().unwrap();
        let fault = inner.fault();
        if let Some(Fault::Before) = fault {
            return Err(CallError::new("Refused", "The call was refused."));
        }
        let id = prior.value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let value = with_id(planned, &id);
        let token = inner.objects.get(&id).map(|(_, t)| t.clone()).unwrap_or_default();
        inner.objects.insert(id.clone(), (value.clone(), token));
        inner.log.push(Entry::Updated { id, needs: needs(&value) });
        match fault {
            Some(_) => Err(CallError::uncertain("Connection lost", "Nobody knows.")),
            None => Ok(Object::new(value)),
        }
    }

    async fn delete(&self, call: &Call<'_>, prior: &Object) -> Result<(), CallError> {
        tokio::task::yield_now().await;
        let mut inner = cloud(call).0.lock().unwrap();
        let fault = inner.fault();
        if let Some(Fault::Before) = fault {
            return Err(CallError::new("Refused", "The call was refused."));
        }
        let id = prior.value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        inner.objects.remove(&id);
        inner.log.push(Entry::Deleted { id });
        match fault {
            Some(_) => Err(CallError::uncertain("Connection lost", "Nobody knows.")),
            None => Ok(()),
        }
    }

    async fn recover(&self, call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError> {
        let inner = cloud(call).0.lock().unwrap();
        let found = match (&interrupted.prior, interrupted.operation) {
            (Some(prior), _) => {
                prior.value.get("id").and_then(Value::as_str).and_then(|id| inner.objects.get(id))
            }
            (None, Operation::Create) => inner.objects.values().find(|(_, t)| *t == *interrupted.token),
            (None, _) => None,
        };
        Ok(match found {
            Some((value, _)) => Recovered::Found { object: Object::new(value.clone()), complete: true },
            None => Recovered::Absent,
        })
    }
}
