//! Networks: VPCs, subnets, gateways, routes, security groups.

mod association;
mod cidr;
mod gateway;
mod group;
mod permissions;
mod route;
mod route_table;
mod rule;
mod subnet;
mod vpc;

use crate::resource::resource;
use formwork_provider::ManagedResource;
use std::sync::Arc;

/// The types of this family.
pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        resource::<vpc::Vpc>(),
        resource::<subnet::Subnet>(),
        resource::<gateway::InternetGateway>(),
        resource::<route_table::RouteTable>(),
        resource::<association::RouteTableAssociation>(),
        resource::<group::SecurityGroup>(),
        resource::<rule::Ingress>(),
        resource::<rule::Egress>(),
    ]
}
