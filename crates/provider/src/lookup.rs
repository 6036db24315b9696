//! Data sources declared as structs: `#[derive(Resource)]` for the data, [`Lookup`] for the reading.

use crate::crud::client;
use crate::retry::retry;
use crate::{Call, CallError, Cx, DataSource, Model, Problem, Schema};
use async_trait::async_trait;
use formwork_value::{Path, Value};
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

/// How a data source is read.
#[async_trait]
pub trait Lookup: Model {
    /// What the provider's `configure` makes.
    type Client: Send + Sync + 'static;

    /// Checks a configuration in which values may be unknown.
    fn validate(_config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Where an object holds secrets that the schema cannot tell of.
    fn secrets(_object: &Value) -> Vec<Path> {
        Vec::new()
    }

    /// The files on this machine that reading it with this configuration reads.
    fn files(_config: &Value) -> Vec<String> {
        Vec::new()
    }

    /// As [`DataSource::is_asked_again`].
    fn is_asked_again() -> bool {
        false
    }

    /// Reads what `self` asks for, and returns it with everything filled in.
    async fn lookup(&self, cx: &Cx<'_, Self::Client>) -> Result<Self, CallError>;
}

/// A [`Lookup`] type as a [`DataSource`].
pub struct LookupSource<T> {
    schema: OnceLock<Schema>,
    model: PhantomData<fn() -> T>,
}

impl<T: Lookup> LookupSource<T> {
    /// The adapter.
    #[expect(clippy::new_ret_no_self, reason = "an adapter is only ever used through the trait object")]
    pub fn new() -> Arc<dyn DataSource> {
        Arc::new(LookupSource::<T> { schema: OnceLock::new(), model: PhantomData })
    }
}

#[async_trait]
impl<T: Lookup> DataSource for LookupSource<T> {
    fn type_name(&self) -> &str {
        T::type_name()
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(T::schema)
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        T::validate(config)
    }

    fn secrets(&self, object: &Value) -> Vec<Path> {
        T::secrets(object)
    }

    fn files(&self, config: &Value) -> Vec<String> {
        T::files(config)
    }

    fn is_asked_again(&self) -> bool {
        T::is_asked_again()
    }

    async fn read(&self, call: &Call<'_>, config: &Value) -> Result<Value, CallError> {
        let client = client(call, T::type_name())?;
        let cx =
            Cx { client, token: call.token, clock: call.clock, slot: call.slot, recorder: call.recorder };
        let asked = T::from_value(config)
            .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))?;
        let found = retry(call, true, || asked.lookup(&cx)).await?;
        Ok(found.to_value())
    }
}
