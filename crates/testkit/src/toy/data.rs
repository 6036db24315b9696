//! The data source.

use super::resource::to_value;
use super::{cloud, schema};
use async_trait::async_trait;
use formwork_provider::{Call, CallError, DataSource, Schema};
use formwork_value::{Path, Value};

/// `data "toy_thing"`.
pub(crate) struct ThingByName(Schema);

impl ThingByName {
    pub fn new() -> Self {
        ThingByName(schema::thing_by_name())
    }
}

#[async_trait]
impl DataSource for ThingByName {
    fn type_name(&self) -> &str {
        "toy_thing"
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn read(&self, call: &Call<'_>, config: &Value) -> Result<Value, CallError> {
        let cloud = cloud(call)?;
        let name = config.get("name").and_then(Value::as_str).unwrap_or_default();
        let disturbance = cloud.store.disturb("read", "data.toy_thing", name)?;
        cloud.store.log("read", "data.toy_thing", "-", "-")?;
        tokio::time::sleep(cloud.latency + disturbance.latency).await;
        disturbance.fail_before()?;
        let named = |o: &super::ToyObject| {
            o.kind == "toy_thing" && o.attributes.get("name").and_then(|n| n.as_str()) == Some(name)
        };
        let found: Vec<_> = cloud.store.all(super::now(call))?.into_iter().filter(named).collect();
        match found.as_slice() {
            [one] => to_value(one, &self.0.block.ty()),
            none_or_many => Err(CallError::new(
                "No single thing of that name",
                format!(
                    "{} things in the toy cloud are named {name:?}; there must be one.",
                    none_or_many.len()
                ),
            )
            .on(Path::root().attr("name"))),
        }
    }
}
