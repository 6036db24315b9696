//! `terraform_data`.

use crate::values::with;
use async_trait::async_trait;
use formwork_provider::{
    CallError, Computed, Crud, CrudResource, Cx, Effects, ManagedResource, PlanRequest, PlanResponse,
    Resource,
};
use formwork_value::{Type, Value};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![CrudResource::<TerraformData>::new()]
}

/// Stores a value in the state, gives it back as `output`, and follows the life of other resources: it is replaced
/// when `triggers_replace` changes.
#[derive(Resource)]
#[resource(name = "terraform_data")]
struct TerraformData {
    /// A value to store, of any type.
    input: Option<Value>,
    /// The stored value. Unknown whenever `input` changes, so that what uses it runs after the change.
    #[attr(copies = "input")]
    output: Computed<Value>,
    /// A value of any type; when it changes, the resource is replaced.
    #[attr(replace)]
    triggers_replace: Option<Value>,
    /// A random identifier.
    id: Computed<String>,
}

impl TerraformData {
    fn stored(&self) -> Computed<Value> {
        self.input.clone().into()
    }
}

#[async_trait]
impl Crud for TerraformData {
    type Client = ();
    const EFFECTS: Effects = Effects::StateOnly;
    const PLANS: bool = true;
    const PREDECESSORS: &'static [&'static str] = &["null_resource"];

    async fn plan(
        _: &Cx<'_, ()>,
        request: &PlanRequest<'_>,
        mut plan: PlanResponse,
    ) -> Result<PlanResponse, CallError> {
        let fresh = request.prior.is_none() || !plan.replace.is_empty();
        let input = plan.planned.get("input").cloned().unwrap_or(Value::NULL);
        let before = request.prior.and_then(|p| p.value.get("input"));
        let changed = before.is_none_or(|before| *before != input && !(before.is_null() && input.is_null()));
        if fresh {
            plan.planned = with(plan.planned, "id", Value::unknown_not_null(Type::String));
        }
        if fresh || changed {
            let output = if fresh && input.is_null() { input } else { Value::unknown(input.ty()) };
            plan.planned = with(plan.planned, "output", output);
        }
        Ok(plan)
    }

    async fn create(&self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(TerraformData {
            input: self.input.clone(),
            output: self.stored(),
            triggers_replace: self.triggers_replace.clone(),
            id: Uuid::new_v4().to_string().into(),
        })
    }

    async fn read(&self, _: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
        Ok(Some(TerraformData {
            input: self.input.clone(),
            output: self.output.clone(),
            triggers_replace: self.triggers_replace.clone(),
            id: self.id.clone(),
        }))
    }

    async fn update(&self, prior: &Self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(TerraformData {
            input: self.input.clone(),
            output: self.stored(),
            triggers_replace: self.triggers_replace.clone(),
            id: prior.id.clone(),
        })
    }

    async fn delete(&self, _: &Cx<'_, ()>) -> Result<(), CallError> {
        Ok(())
    }

    async fn import(id: &str, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(TerraformData { input: None, output: Computed::Null, triggers_replace: None, id: id.into() })
    }
    fn succeed(_from: &str, prior: &Value) -> Result<Self, String> {
        // An object, as a configuration gives it: of another type it would be another value, and need a new object.
        let triggers = prior.get("triggers").and_then(Value::as_map);
        Ok(TerraformData {
            input: None,
            output: Computed::Null,
            triggers_replace: triggers
                .map(|all| Value::object(all.iter().map(|(name, v)| (name.clone(), v.clone())))),
            id: prior.get("id").and_then(Value::as_str).map_or(Computed::Null, Into::into),
        })
    }
}
