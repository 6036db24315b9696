//! The traits.

use crate::{
    Call, CallError, EphemeralResource, Function, Interrupted, Object, Problem, Provisioner, Schema,
    default_plan,
};
use async_trait::async_trait;
use formwork_value::{Path, Value};
use std::any::Any;
use std::sync::Arc;

/// What a configured provider works with: connections, credentials. Each family knows its own type.
pub type Client = Arc<dyn Any + Send + Sync>;

/// A family of resource types with one configuration.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name that configurations call it by unless they choose another: `random`.
    fn name(&self) -> &str;

    /// Its source address: `registry.terraform.io/hashicorp/random`.
    fn source(&self) -> &str;

    /// Schema of the `provider` block.
    fn schema(&self) -> &Schema;

    /// Its managed resource types.
    fn resources(&self) -> Vec<Arc<dyn ManagedResource>>;

    /// Its data sources.
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        Vec::new()
    }

    /// Its functions. They are called without a configuration.
    fn functions(&self) -> Vec<Function> {
        Vec::new()
    }

    /// Its ephemeral resource types.
    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        Vec::new()
    }

    /// Its kinds of provisioners.
    fn provisioners(&self) -> Vec<Arc<dyn Provisioner>> {
        Vec::new()
    }

    /// Makes a client of a wholly known configuration. Does not call out unless it must.
    async fn configure(&self, config: &Value) -> Result<Client, CallError>;

    /// The part of a configuration that says whose objects are meant (account, region, endpoint), without secrets:
    /// journalled with each intent, so that `recover` finds them again.
    fn identity(&self, _config: &Value) -> Value {
        Value::NULL
    }

    /// What a client turned out to reach, where the configuration leaves that to the environment: an account, a region, a
    /// server; an object of names and texts. Asked before the first call that changes anything, and again by `recover`, which
    /// looks for nothing in another account. A name that is an argument too is given to it there. What cannot be found out is
    /// left out.
    async fn reached(&self, _client: &Client) -> Value {
        Value::NULL
    }

    /// Environment variables, other than secrets, that have a say in whose objects are meant, because the configuration
    /// leaves it to them: a saved plan is applied only while they are what they were.
    fn environment(&self, _config: &Value) -> &'static [&'static str] {
        &[]
    }
}

/// Whether creating, changing and deleting does anything outside the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effects {
    /// It calls out: intents are durable before each call.
    Outside,
    /// Everything there is, is in the state: repeating an interrupted call is harmless and leaves nothing behind.
    StateOnly,
}

/// What a plan is asked for.
pub struct PlanRequest<'a> {
    /// The configuration: null where it says nothing, unknown where it is not known yet. Without marks.
    pub config: &'a Value,
    /// The object as it is now; `None` for a new one.
    pub prior: Option<&'a Object>,
}

/// A plan for one object.
#[derive(Clone, Debug)]
pub struct PlanResponse {
    /// The object as it will be; unknown where that cannot be known yet.
    pub planned: Value,
    /// The attributes whose change needs a new object.
    pub replace: Vec<Path>,
    /// Private data to hand to apply.
    pub private: Vec<u8>,
    /// What the reader of the plan should know, such as why a server could not check it.
    pub notes: Vec<String>,
}

/// What became of an interrupted operation.
#[derive(Clone, Debug)]
pub enum Recovered {
    /// It had no effect, or its object is gone.
    Absent,
    /// The object exists, as it is now. After a create, `complete` says whether the create had finished all it does;
    /// otherwise the object is recorded as tainted.
    Found {
        /// The object.
        object: Object,
        /// Nothing of the operation is missing.
        complete: bool,
    },
}

/// A resource type.
#[async_trait]
pub trait ManagedResource: Send + Sync {
    /// Such as `random_password`.
    fn type_name(&self) -> &str;

    /// Its schema.
    fn schema(&self) -> &Schema;

    /// Whether it does anything outside the state.
    fn effects(&self) -> Effects {
        Effects::Outside
    }

    /// Checks a configuration in which values may be unknown.
    fn validate(&self, _config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Where an object of this type holds secrets that the schema cannot tell of, because it depends on its content.
    fn secrets(&self, _object: &Value) -> Vec<Path> {
        Vec::new()
    }

    /// Whether [`ManagedResource::plan`] does more than [`default_plan`]; if not, it is not called.
    fn plans(&self) -> bool {
        false
    }

    /// Plans one object. The default follows the schema's flags.
    async fn plan(&self, _call: &Call<'_>, request: &PlanRequest<'_>) -> Result<PlanResponse, CallError> {
        Ok(default_plan(self.schema(), request))
    }

    /// Files on this machine that its plan reads with this configuration, and folders whose lists of files it reads. A saved plan
    /// holds only as long as they are what they were.
    fn files(&self, _config: &Value) -> Vec<String> {
        Vec::new()
    }

    /// What the reader of a plan should know about the removal of an object, such as what stays behind.
    fn removal(&self, _prior: &Object) -> Vec<String> {
        Vec::new()
    }

    /// Whether an object can differ from what was last recorded; if not, `read` is not called.
    fn drifts(&self) -> bool {
        self.effects() == Effects::Outside
    }

    /// The object as it is now, or `None` when it is gone.
    async fn read(&self, call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError>;

    /// How many objects one [`ManagedResource::read_many`] can take.
    fn page(&self) -> usize {
        1
    }

    /// Reads up to [`ManagedResource::page`] objects, with one call where the other side can.
    async fn read_many(&self, call: &Call<'_>, priors: &[Object]) -> Vec<Result<Option<Object>, CallError>> {
        let mut out = Vec::with_capacity(priors.len());
        for prior in priors {
            out.push(self.read(call, prior).await);
        }
        out
    }

    /// Makes an object. `planned` may still hold unknowns: what the provider is to choose.
    async fn create(&self, call: &Call<'_>, planned: &Value, private: &[u8]) -> Result<Object, CallError>;

    /// Changes an object in place.
    async fn update(
        &self,
        call: &Call<'_>,
        prior: &Object,
        planned: &Value,
        private: &[u8],
    ) -> Result<Object, CallError>;

    /// Removes an object. That it was gone already is not an error.
    async fn delete(&self, call: &Call<'_>, prior: &Object) -> Result<(), CallError>;

    /// Finds out what an interrupted operation left. Not-found counts only after a quiet period where effects can
    /// land late. `call.token` is the interrupted operation's.
    async fn recover(&self, call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError>;

    /// Whether two objects, as they were recorded or found, are one and the same. Without ids that tell, they are if they
    /// are alike.
    fn is_same(&self, a: &Value, b: &Value) -> bool {
        match (a.get("id"), b.get("id")) {
            (Some(a), Some(b)) if !a.is_null() && !b.is_null() => a == b,
            _ => a == b,
        }
    }

    /// The object that an id names, for `import`.
    async fn import(&self, _call: &Call<'_>, id: &str) -> Result<Object, CallError> {
        Err(CallError::new(
            "Import is not possible",
            format!("The resource type {} cannot be imported (id \"{id}\").", self.type_name()),
        ))
    }

    /// Types whose objects can become objects of this type, by a `moved` block from one to the other.
    fn predecessors(&self) -> &'static [&'static str] {
        &[]
    }

    /// What an object of this one of the [`ManagedResource::predecessors`] becomes.
    fn succeed(&self, from: &str, _prior: &Object) -> Result<Object, String> {
        Err(format!("an object of {from} cannot become one of {}", self.type_name()))
    }

    /// Lifts attributes that were stored under an older schema version.
    fn upgrade(&self, _version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        Ok(attributes)
    }
}

/// A data source.
#[async_trait]
pub trait DataSource: Send + Sync {
    /// Such as `local_file`.
    fn type_name(&self) -> &str;

    /// Its schema.
    fn schema(&self) -> &Schema;

    /// Checks a configuration in which values may be unknown.
    fn validate(&self, _config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Where an object of this type holds secrets that the schema cannot tell of, because it depends on its content.
    fn secrets(&self, _object: &Value) -> Vec<Path> {
        Vec::new()
    }

    /// The files on this machine that reading it with this configuration reads. A saved plan holds only as long as they
    /// are what they were.
    fn files(&self, _config: &Value) -> Vec<String> {
        Vec::new()
    }

    /// Whether a saved plan holds only as long as reading it again gives the same, instead of as long as its
    /// [`DataSource::files`] are what they were: for what others give out on purpose, and asking for is cheap.
    fn is_asked_again(&self) -> bool {
        false
    }

    /// Reads it. `config` is wholly known.
    async fn read(&self, call: &Call<'_>, config: &Value) -> Result<Value, CallError>;
}
