//! `random_bytes`, `random_id`, `random_integer`, `random_password`, `random_pet`, `random_shuffle`,
//! `random_string` and `random_uuid`.
//!
//! A `seed` makes results repeatable here; the results are not those that HashiCorp's provider draws from the same
//! seed, which it does not promise between its own versions either.

mod bytes;
mod choice;
mod dice;
mod text;
mod words;

use crate::fresh::fresh;
use formwork_provider::{CrudResource, EphemeralResource, ManagedResource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Arbitrary values whose change asks for a new result.
type Keepers = BTreeMap<String, Option<String>>;

pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        CrudResource::<bytes::Bytes>::new(),
        CrudResource::<bytes::Id>::new(),
        CrudResource::<choice::Integer>::new(),
        CrudResource::<text::Password>::new(),
        CrudResource::<choice::Pet>::new(),
        CrudResource::<choice::Shuffle>::new(),
        CrudResource::<text::Text>::new(),
        CrudResource::<bytes::RandomUuid>::new(),
    ]
}

pub(crate) fn ephemeral_resources() -> Vec<Arc<dyn EphemeralResource>> {
    vec![fresh(CrudResource::<text::Password>::new(), &["id", "keepers", "number"])]
}

/// The behaviour that all these types share: everything there is, is in the state.
macro_rules! drawn {
    ($ty:ty, |$planned:ident| $create:expr, $(plan: |$config:ident| $plan:expr,)? $(validate: $validate:expr,)? $(upgrade: $upgrade:expr,)? import: |$id:ident| $import:expr) => {
        #[async_trait::async_trait]
        impl formwork_provider::Crud for $ty {
            type Client = ();
            const EFFECTS: formwork_provider::Effects = formwork_provider::Effects::StateOnly;

            $(
                const PLANS: bool = true;

                async fn plan(
                    _: &formwork_provider::Cx<'_, ()>,
                    request: &formwork_provider::PlanRequest<'_>,
                    _plan: formwork_provider::PlanResponse,
                ) -> Result<formwork_provider::PlanResponse, formwork_provider::CallError> {
                    let $config = request.config;
                    let config = $plan;
                    let request = formwork_provider::PlanRequest { config: &config, ..*request };
                    let schema = <Self as formwork_provider::Model>::schema();
                    Ok(formwork_provider::default_plan(&schema, &request))
                }
            )?

            $(fn validate(config: &formwork_value::Value) -> Vec<formwork_provider::Problem> {
                ($validate)(config)
            })?

            async fn create(&self, _: &formwork_provider::Cx<'_, ()>) -> Result<Self, formwork_provider::CallError> {
                let $planned = self;
                $create
            }

            async fn read(
                &self,
                _: &formwork_provider::Cx<'_, ()>,
            ) -> Result<Option<Self>, formwork_provider::CallError> {
                Ok(Some(self.clone()))
            }

            async fn update(
                &self,
                _prior: &Self,
                _: &formwork_provider::Cx<'_, ()>,
            ) -> Result<Self, formwork_provider::CallError> {
                Ok(self.clone())
            }

            async fn delete(&self, _: &formwork_provider::Cx<'_, ()>) -> Result<(), formwork_provider::CallError> {
                Ok(())
            }

            async fn import(
                $id: &str,
                _: &formwork_provider::Cx<'_, ()>,
            ) -> Result<Self, formwork_provider::CallError> {
                $import
            }

            $(fn upgrade(version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
                ($upgrade)(version, attributes)
            })?
        }
    };
}
pub(crate) use drawn;

/// An import id that does not have the expected form.
fn malformed(id: &str, form: &str) -> formwork_provider::CallError {
    let detail = format!("\"{id}\" does not have the form {form}.");
    formwork_provider::CallError::new("Malformed import id", detail)
}
