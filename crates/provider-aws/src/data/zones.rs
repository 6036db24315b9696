//! `aws_availability_zones`.

use super::Filter;
use crate::client::{Aws, Context};
use crate::error::failed;
use crate::tags;
use async_trait::async_trait;
use formwork_provider::{CallError, Computed, Lookup, Resource};
use std::collections::BTreeSet;

/// The region's zones.
#[derive(Clone, Resource)]
#[resource(name = "aws_availability_zones")]
pub(super) struct Zones {
    /// Whether zones are listed that the account has not opted into.
    all_availability_zones: Option<bool>,
    /// Names of zones that are left out.
    exclude_names: Option<BTreeSet<String>>,
    /// IDs of zones that are left out.
    exclude_zone_ids: Option<BTreeSet<String>>,
    /// What has to hold for a zone (DescribeAvailabilityZones).
    #[block(set)]
    filter: Vec<Filter>,
    /// `available`, `information`, `impaired` or `unavailable`. If not set, zones in any state are listed.
    state: Option<String>,
    /// Groups that the zones belong to.
    group_names: Computed<BTreeSet<String>>,
    /// Names, such as `eu-central-1a`, sorted.
    names: Computed<Vec<String>>,
    /// IDs, such as `euc1-az2`, in the order of the names. They mean the same zones in every account.
    zone_ids: Computed<Vec<String>>,
    /// The region.
    id: Computed<String>,
}

#[async_trait]
impl Lookup for Zones {
    type Client = Aws;

    async fn lookup(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let mut filters: Vec<_> = self.filter.iter().map(Filter::request).collect();
        filters.extend(self.state.as_ref().map(|state| tags::filter("state", [state.clone()])));
        let call = cx.client.ec2.describe_availability_zones();
        let call = call.set_all_availability_zones(self.all_availability_zones);
        let answer = call.set_filters((!filters.is_empty()).then_some(filters)).send().await;
        let answer = answer.map_err(|e| failed("The availability zones could not be read", e))?;
        let mut zones = answer.availability_zones.unwrap_or_default();
        let excluded = |names: &Option<BTreeSet<String>>, name: &Option<String>| {
            names.as_ref().zip(name.as_ref()).is_some_and(|(names, name)| names.contains(name))
        };
        zones.retain(|zone| {
            !excluded(&self.exclude_names, &zone.zone_name)
                && !excluded(&self.exclude_zone_ids, &zone.zone_id)
        });
        zones.sort_by(|a, b| a.zone_name.cmp(&b.zone_name));
        Ok(Zones {
            group_names: Computed::Known(zones.iter().filter_map(|zone| zone.group_name.clone()).collect()),
            names: Computed::Known(zones.iter().filter_map(|zone| zone.zone_name.clone()).collect()),
            zone_ids: Computed::Known(zones.iter().filter_map(|zone| zone.zone_id.clone()).collect()),
            id: cx.client.region.as_str().into(),
            ..self.clone()
        })
    }
}
