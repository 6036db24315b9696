//! Instances, key pairs and Elastic IPs.

mod address;
mod association;
pub(crate) mod common;
mod instance;
mod key_pair;

use formwork_provider::{CrudResource, ManagedResource};
use std::sync::Arc;

/// The types of this family.
pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        CrudResource::<key_pair::KeyPair>::new(),
        CrudResource::<instance::Instance>::new(),
        CrudResource::<address::Address>::new(),
        CrudResource::<association::Association>::new(),
    ]
}
