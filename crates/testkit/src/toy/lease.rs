//! `ephemeral "toy_lease"`: a key that has to be renewed.

use super::{cloud, schema};
use async_trait::async_trait;
use formwork_provider::{Call, CallError, EphemeralResource, Opened, Schema};
use formwork_value::{Number, Value};

pub(crate) struct Lease(Schema);

impl Lease {
    pub fn new() -> Self {
        Lease(schema::lease())
    }
}

/// When a lease that is opened or renewed now runs out.
fn runs_out(call: &Call<'_>, value: &Value) -> Option<i128> {
    let millis = value.get("millis").and_then(Value::as_number).and_then(Number::to_i64)?;
    Some((call.clock)() + i128::from(millis) * 1_000_000)
}

fn tell(call: &Call<'_>, what: &str, value: &Value) -> Result<(), CallError> {
    let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
    cloud(call)?.store.log(what, "toy_lease", name, "-")
}

#[async_trait]
impl EphemeralResource for Lease {
    fn type_name(&self) -> &str {
        "toy_lease"
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn open(&self, call: &Call<'_>, config: &Value) -> Result<Opened, CallError> {
        tell(call, "open", config)?;
        let mut attributes = config.as_map().cloned().unwrap_or_default();
        let name = config.get("name").and_then(Value::as_str).unwrap_or_default();
        attributes.insert("key".into(), Value::string(format!("key-of-{name}")));
        let renew_at = runs_out(call, config);
        Ok(Opened { renew_at, ..Opened::new(Value::from(attributes)) })
    }

    async fn renew(&self, call: &Call<'_>, opened: &Opened) -> Result<Opened, CallError> {
        tell(call, "renew", &opened.value)?;
        Ok(Opened { renew_at: runs_out(call, &opened.value), ..opened.clone() })
    }

    async fn close(&self, call: &Call<'_>, opened: &Opened) -> Result<(), CallError> {
        tell(call, "close", &opened.value)
    }
}
