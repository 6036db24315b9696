//! Ephemeral resources: opened for each run, never stored.

use crate::{Call, CallError, Problem, Schema};
use async_trait::async_trait;
use formwork_value::Value;

/// Something that is open.
#[derive(Clone, Debug)]
pub struct Opened {
    /// An object of the schema's type, wholly known, without marks.
    pub value: Value,
    /// Opaque to everyone but the provider.
    pub private: Vec<u8>,
    /// When it has to be renewed to stay usable: nanoseconds since the Unix epoch.
    pub renew_at: Option<i128>,
}

impl Opened {
    /// What needs no renewal.
    pub fn new(value: Value) -> Self {
        Opened { value, private: Vec::new(), renew_at: None }
    }
}

/// An ephemeral resource type.
#[async_trait]
pub trait EphemeralResource: Send + Sync {
    /// Such as `random_password`.
    fn type_name(&self) -> &str;

    /// Its schema.
    fn schema(&self) -> &Schema;

    /// Checks a configuration in which values may be unknown.
    fn validate(&self, _config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Opens it. `config` is wholly known.
    async fn open(&self, call: &Call<'_>, config: &Value) -> Result<Opened, CallError>;

    /// Keeps it usable; asked for when `renew_at` comes. Its value stays as it is.
    async fn renew(&self, _call: &Call<'_>, opened: &Opened) -> Result<Opened, CallError> {
        Ok(Opened { renew_at: None, ..opened.clone() })
    }

    /// Ends it. Called once for everything that was opened, also when the run failed.
    async fn close(&self, _call: &Call<'_>, _opened: &Opened) -> Result<(), CallError> {
        Ok(())
    }
}
