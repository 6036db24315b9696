//! Data sources.

mod ami;
mod identity;
mod region;
mod zones;

use crate::tags;
use formwork_provider::{DataSource, LookupSource, Nested};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The data sources.
pub(crate) fn sources() -> Vec<Arc<dyn DataSource>> {
    vec![
        LookupSource::<ami::Image>::new(),
        LookupSource::<zones::Zones>::new(),
        LookupSource::<identity::CallerIdentity>::new(),
        LookupSource::<region::Region>::new(),
    ]
}

/// What has to hold for what is looked for.
#[derive(Clone, Nested)]
struct Filter {
    /// Name of a property, as EC2's reference has it for the call that lists.
    name: String,
    /// Values that it may have. `*` stands for any text, `?` for any character.
    values: BTreeSet<String>,
}

impl Filter {
    fn request(&self) -> aws_sdk_ec2::types::Filter {
        tags::filter(self.name.as_str(), self.values.iter().cloned())
    }
}
