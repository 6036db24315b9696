//! The provider contract: schemas, traits, default planning, checks.
//!
//! A provider is code in this binary. The object-safe primitive is [`ManagedResource`]; `#[derive(Resource)]`
//! with [`Crud`] is the usual way to make one. Nothing here knows configuration files, states or plans.

extern crate self as formwork_provider;

mod call;
mod compare;
mod contract;
mod crud;
mod empties;
mod ephemeral;
mod function;
mod limit;
mod lookup;
mod model;
mod object;
mod planning;
mod provisioner;
mod resource;
mod retry;
mod schema;

pub use call::{Call, CallError, Clock, Interrupted, Operation, Problem, Recorder, Retry, Slot};
pub use contract::{check_applied, check_planned, check_refines};
pub use crud::{Crud, CrudResource, Cx};
pub use ephemeral::{EphemeralResource, Opened};
pub use formwork_macros::{Nested, Resource, function};
pub use formwork_value::function::{FnError, FnResult, Signature};
pub use function::Function;
pub use limit::{Place, Throttle};
pub use lookup::{Lookup, LookupSource};
pub use model::{Computed, FromValue, Model, Nested, ToValue, derived};
pub use object::Object;
pub use planning::{default_plan, planned_data};
pub use provisioner::{Provisioner, Provisioning, connection_schema};
pub use resource::{
    Client, DataSource, Effects, ManagedResource, PlanRequest, PlanResponse, Provider, Recovered,
};
pub use retry::{Pending, retry};
pub use schema::{Attribute, Block, NestedBlock, Nesting, Schema};
