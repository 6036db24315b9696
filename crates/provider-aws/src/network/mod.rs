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

use formwork_provider::{CrudResource, ManagedResource};
use std::sync::Arc;

/// The types of this family.
pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        CrudResource::<vpc::Vpc>::new(),
        CrudResource::<subnet::Subnet>::new(),
        CrudResource::<gateway::InternetGateway>::new(),
        CrudResource::<route_table::RouteTable>::new(),
        CrudResource::<association::RouteTableAssociation>::new(),
        CrudResource::<group::SecurityGroup>::new(),
        CrudResource::<rule::Ingress>::new(),
        CrudResource::<rule::Egress>::new(),
    ]
}
