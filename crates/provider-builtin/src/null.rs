//! `null_resource` and `null_data_source`.

use async_trait::async_trait;
use formwork_provider::{
    CallError, Computed, Crud, CrudResource, Cx, DataSource, Effects, Lookup, LookupSource, ManagedResource,
    Resource,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![CrudResource::<NullResource>::new()]
}

pub(crate) fn data_sources() -> Vec<Arc<dyn DataSource>> {
    vec![LookupSource::<NullDataSource>::new()]
}

/// A resource that does nothing, and is replaced when one of its triggers changes.
#[derive(Clone, Resource)]
#[resource(name = "null_resource")]
struct NullResource {
    /// Arbitrary values; when one changes, the resource is replaced.
    #[attr(replace)]
    triggers: Option<BTreeMap<String, Option<String>>>,
    /// A random number, as text.
    id: Computed<String>,
}

#[async_trait]
impl Crud for NullResource {
    type Client = ();
    const EFFECTS: Effects = Effects::StateOnly;

    async fn create(&self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(NullResource { id: number().into(), ..self.clone() })
    }

    async fn read(&self, _: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
        Ok(Some(self.clone()))
    }

    async fn update(&self, _prior: &Self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(self.clone())
    }

    async fn delete(&self, _: &Cx<'_, ()>) -> Result<(), CallError> {
        Ok(())
    }

    async fn import(id: &str, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(NullResource { triggers: None, id: id.into() })
    }
}

/// Returns its inputs as its outputs.
#[derive(Clone, Resource)]
#[resource(name = "null_data_source")]
struct NullDataSource {
    /// Values to return.
    #[attr(deprecated = "Local values, or the terraform_data resource, do the same.")]
    inputs: Option<BTreeMap<String, Option<String>>>,
    /// Any text, which is given back; `default` if not set.
    #[attr(optional)]
    has_computed_default: Computed<String>,
    /// The values of `inputs`.
    outputs: Computed<BTreeMap<String, Option<String>>>,
    /// A random number, as text.
    random: Computed<String>,
    /// Always `static`.
    id: Computed<String>,
}

#[async_trait]
impl Lookup for NullDataSource {
    type Client = ();

    async fn lookup(&self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        let default = self.has_computed_default.get().cloned().unwrap_or_else(|| "default".into());
        Ok(NullDataSource {
            inputs: self.inputs.clone(),
            has_computed_default: default.into(),
            outputs: self.inputs.clone().into(),
            random: number().into(),
            id: "static".into(),
        })
    }
}

/// A positive random number, as text.
fn number() -> String {
    rand::random_range(0..=i64::MAX).to_string()
}
