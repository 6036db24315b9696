//! Ephemeral resources that are made anew each time, as the managed type of the same name makes its objects.

use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, EphemeralResource, ManagedResource, Opened, PlanRequest, Problem, Schema,
};
use formwork_value::Value;
use std::sync::{Arc, OnceLock};

struct Fresh {
    managed: Arc<dyn ManagedResource>,
    left_out: &'static [&'static str],
    schema: OnceLock<Schema>,
}

/// The managed type as an ephemeral one, without the attributes that make sense only for what is stored.
pub(crate) fn fresh(
    managed: Arc<dyn ManagedResource>,
    left_out: &'static [&'static str],
) -> Arc<dyn EphemeralResource> {
    Arc::new(Fresh { managed, left_out, schema: OnceLock::new() })
}

impl Fresh {
    /// A configuration as the managed type has it.
    fn whole(&self, config: &Value) -> Value {
        let attributes = self.managed.schema().block.attributes.iter();
        Value::object(attributes.map(|(name, a)| {
            (name.clone(), config.get(name).cloned().unwrap_or_else(|| Value::null(a.ty.clone())))
        }))
    }
}

#[async_trait]
impl EphemeralResource for Fresh {
    fn type_name(&self) -> &str {
        self.managed.type_name()
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| {
            let mut schema = Schema { version: 0, block: self.managed.schema().block.clone() };
            schema.block.attributes.retain(|name, _| !self.left_out.contains(&&**name));
            schema
        })
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        self.managed.validate(&self.whole(config))
    }

    async fn open(&self, call: &Call<'_>, config: &Value) -> Result<Opened, CallError> {
        let config = self.whole(config);
        let request = PlanRequest { config: &config, prior: None };
        let plan = self.managed.plan(call, &request).await?;
        let made = self.managed.create(call, &plan.planned, &plan.private).await?.value;
        let kept = self.schema().block.attributes.iter().map(|(name, a)| {
            (name.clone(), made.get(name).cloned().unwrap_or_else(|| Value::null(a.ty.clone())))
        });
        Ok(Opened::new(Value::object(kept)))
    }
}
