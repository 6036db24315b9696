//! The routes of a route table.

use crate::client::Context;
use crate::error::{absent, failed, is, lagging};
use aws_sdk_ec2::types::{Route as Found, RouteOrigin};
use formwork_provider::{CallError, Nested};
use std::collections::BTreeSet;

/// The gateway of the VPC's own route.
const LOCAL: &str = "local";

/// A route: one destination, and one target.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct Route {
    /// Destination: IPv4 addresses, such as `0.0.0.0/0`.
    cidr_block: Option<String>,
    /// Destination: IPv6 addresses, such as `::/0`.
    ipv6_cidr_block: Option<String>,
    /// Destination: a managed list of addresses.
    destination_prefix_list_id: Option<String>,
    /// Target: an internet gateway, a virtual private gateway, or `local`.
    gateway_id: Option<String>,
    /// Target: a NAT gateway.
    nat_gateway_id: Option<String>,
    /// Target: a network interface.
    network_interface_id: Option<String>,
    /// Target: a transit gateway.
    transit_gateway_id: Option<String>,
    /// Target: a peering connection to another VPC.
    vpc_peering_connection_id: Option<String>,
    /// Target: a gateway load balancer's endpoint.
    vpc_endpoint_id: Option<String>,
    /// Target: an egress-only internet gateway, for IPv6.
    egress_only_gateway_id: Option<String>,
    /// Target: a carrier gateway.
    carrier_gateway_id: Option<String>,
    /// Target: an Outpost's local gateway.
    local_gateway_id: Option<String>,
    /// Target: ARN of a core network.
    core_network_arn: Option<String>,
}

/// Attributes that say where a route leads from.
pub(crate) const DESTINATIONS: [&str; 3] = ["cidr_block", "ipv6_cidr_block", "destination_prefix_list_id"];
/// Attributes that say where it leads to.
pub(crate) const TARGETS: [&str; 10] = [
    "gateway_id",
    "nat_gateway_id",
    "network_interface_id",
    "transit_gateway_id",
    "vpc_peering_connection_id",
    "vpc_endpoint_id",
    "egress_only_gateway_id",
    "carrier_gateway_id",
    "local_gateway_id",
    "core_network_arn",
];

/// Sets destination and target of a call that makes or changes a route.
macro_rules! with {
    ($call:expr, $route:expr) => {
        $call
            .set_destination_cidr_block($route.cidr_block.clone())
            .set_destination_ipv6_cidr_block($route.ipv6_cidr_block.clone())
            .set_destination_prefix_list_id($route.destination_prefix_list_id.clone())
            .set_gateway_id($route.gateway_id.clone())
            .set_nat_gateway_id($route.nat_gateway_id.clone())
            .set_network_interface_id($route.network_interface_id.clone())
            .set_transit_gateway_id($route.transit_gateway_id.clone())
            .set_vpc_peering_connection_id($route.vpc_peering_connection_id.clone())
            .set_vpc_endpoint_id($route.vpc_endpoint_id.clone())
            .set_egress_only_internet_gateway_id($route.egress_only_gateway_id.clone())
            .set_carrier_gateway_id($route.carrier_gateway_id.clone())
            .set_local_gateway_id($route.local_gateway_id.clone())
            .set_core_network_arn($route.core_network_arn.clone())
    };
}

impl Route {
    /// The route, if it is one that a table's owner makes: none that AWS or a VPN puts in, and the VPC's own only if
    /// `known` has it.
    pub(crate) fn of(found: &Found, known: &BTreeSet<Route>) -> Option<Self> {
        let gateway = found.gateway_id.clone();
        let endpoint = gateway.as_deref().is_some_and(|id| id.starts_with("vpce-"));
        let told = [
            &found.destination_cidr_block,
            &found.destination_ipv6_cidr_block,
            &found.destination_prefix_list_id,
        ];
        let adopted =
            || known.iter().map(Route::plain).any(|route| route.local() && route.destination() == told);
        if (gateway.as_deref() == Some(LOCAL) && !adopted())
            || found.origin() == Some(&RouteOrigin::EnableVgwRoutePropagation)
            || (endpoint && found.destination_prefix_list_id.is_some())
        {
            return None;
        }
        // An interface is told beside a NAT gateway, too.
        let interface = found.network_interface_id.clone().filter(|_| found.nat_gateway_id.is_none());
        let route = Route {
            cidr_block: found.destination_cidr_block.clone(),
            ipv6_cidr_block: found.destination_ipv6_cidr_block.clone(),
            destination_prefix_list_id: found.destination_prefix_list_id.clone(),
            gateway_id: gateway.clone().filter(|_| !endpoint),
            nat_gateway_id: found.nat_gateway_id.clone(),
            network_interface_id: interface,
            transit_gateway_id: found.transit_gateway_id.clone(),
            vpc_peering_connection_id: found.vpc_peering_connection_id.clone(),
            vpc_endpoint_id: gateway.filter(|_| endpoint),
            egress_only_gateway_id: found.egress_only_internet_gateway_id.clone(),
            carrier_gateway_id: found.carrier_gateway_id.clone(),
            local_gateway_id: found.local_gateway_id.clone(),
            core_network_arn: found.core_network_arn.clone(),
        };
        // As it was written, if that means the same.
        Some(known.iter().find(|known| known.plain() == route).cloned().unwrap_or(route))
    }

    /// The route with nothing in place of empty texts, which states of Terraform's have.
    fn plain(&self) -> Route {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Route {
            cidr_block: text(&self.cidr_block),
            ipv6_cidr_block: text(&self.ipv6_cidr_block),
            destination_prefix_list_id: text(&self.destination_prefix_list_id),
            gateway_id: text(&self.gateway_id),
            nat_gateway_id: text(&self.nat_gateway_id),
            network_interface_id: text(&self.network_interface_id),
            transit_gateway_id: text(&self.transit_gateway_id),
            vpc_peering_connection_id: text(&self.vpc_peering_connection_id),
            vpc_endpoint_id: text(&self.vpc_endpoint_id),
            egress_only_gateway_id: text(&self.egress_only_gateway_id),
            carrier_gateway_id: text(&self.carrier_gateway_id),
            local_gateway_id: text(&self.local_gateway_id),
            core_network_arn: text(&self.core_network_arn),
        }
    }

    /// Whether it is the VPC's own, which cannot be made or removed.
    fn local(&self) -> bool {
        self.gateway_id.as_deref() == Some(LOCAL)
    }

    fn destination(&self) -> [&Option<String>; 3] {
        [&self.cidr_block, &self.ipv6_cidr_block, &self.destination_prefix_list_id]
    }

    fn name(&self) -> &str {
        self.destination().into_iter().flatten().next().map_or("", String::as_str)
    }

    async fn set(&self, table: &str, cx: &Context<'_>) -> Result<(), CallError> {
        let ec2 = &cx.client.ec2;
        let call = with!(ec2.create_route().route_table_id(table), self).send().await;
        let what = format!("The route to {} could not be set", self.name());
        match call {
            Ok(_) => Ok(()),
            Err(error) if is(&error, &["RouteAlreadyExists"]) => self.replace(table, cx).await,
            Err(error) => Err(lagging(&what, error)),
        }
    }

    async fn replace(&self, table: &str, cx: &Context<'_>) -> Result<(), CallError> {
        let what = format!("The route to {} could not be changed", self.name());
        let call = with!(cx.client.ec2.replace_route().route_table_id(table), self);
        // Where it led elsewhere, it is not given its old target again, but reset.
        let call = if self.local() { call.set_gateway_id(None).local_target(true) } else { call };
        call.send().await.map(drop).map_err(|e| failed(&what, e))
    }

    async fn remove(&self, table: &str, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.ec2.delete_route().route_table_id(table);
        let call = call
            .set_destination_cidr_block(self.cidr_block.clone())
            .set_destination_ipv6_cidr_block(self.ipv6_cidr_block.clone())
            .set_destination_prefix_list_id(self.destination_prefix_list_id.clone());
        let what = format!("The route to {} could not be deleted", self.name());
        absent(call.send().await, &["InvalidRoute.NotFound"]).map(drop).map_err(|e| failed(&what, e))
    }
}

/// Brings the routes of a table from `before` to `after`. Doing it again does nothing more.
pub(crate) async fn change(
    table: &str,
    before: &BTreeSet<Route>,
    after: &BTreeSet<Route>,
    cx: &Context<'_>,
) -> Result<(), CallError> {
    let plain = |routes: &BTreeSet<Route>| routes.iter().map(Route::plain).collect::<BTreeSet<_>>();
    let (before, after) = (&plain(before), &plain(after));
    let same = |a: &Route, b: &Route| a.destination() == b.destination();
    for gone in before.iter().filter(|old| !old.local() && !after.iter().any(|new| same(old, new))) {
        gone.remove(table, cx).await?;
    }
    for new in after.iter().filter(|new| !before.contains(new)) {
        if before.iter().any(|old| same(old, new)) {
            new.replace(table, cx).await?;
        } else if !new.local() {
            new.set(table, cx).await?;
        }
    }
    Ok(())
}
