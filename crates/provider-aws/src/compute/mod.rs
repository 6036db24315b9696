//! Instances, volumes, key pairs and Elastic IPs.

mod address;
mod association;
pub(crate) mod common;
mod instance;
mod key_pair;
mod volume;

use crate::resource::resource;
use formwork_provider::ManagedResource;
use std::sync::Arc;

/// The types of this family.
pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        resource::<key_pair::KeyPair>(),
        resource::<instance::Instance>(),
        resource::<address::Address>(),
        resource::<association::Association>(),
        resource::<volume::Volume>(),
    ]
}
