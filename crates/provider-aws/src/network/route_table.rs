//! `aws_route_table`.

use super::route::{self, DESTINATIONS, Route, TARGETS};
use crate::client::Context;
use crate::error::{absent, failed, lagging};
use crate::resource::{AwsType, Wanted, delete, listed};
use crate::tags::{Tags, seen, specification};
use crate::timeouts::Timeouts;
use crate::waiting::until;
use async_trait::async_trait;
use aws_sdk_ec2::types::{ResourceType, RouteTable as Found};
use formwork_provider::{CallError, Computed, Problem, Resource};
use formwork_value::{Path, Value};
use std::collections::BTreeSet;

/// A table of routes. Imported by its id.
#[derive(Clone, Resource)]
#[resource(name = "aws_route_table")]
pub(crate) struct RouteTable {
    /// The VPC.
    #[attr(replace)]
    vpc_id: String,
    /// All routes, but for the VPC's own and those that AWS puts in: `cidr_block`, `ipv6_cidr_block` or
    /// `destination_prefix_list_id` is the destination, and one of `gateway_id`, `nat_gateway_id`,
    /// `network_interface_id`, `transit_gateway_id`, `vpc_peering_connection_id`, `vpc_endpoint_id`,
    /// `egress_only_gateway_id`, `carrier_gateway_id`, `local_gateway_id` and `core_network_arn` the target. May be
    /// written as blocks. If it is not given, the routes are left as they are; `route = []` removes them.
    #[attr(optional)]
    route: Computed<BTreeSet<Route>>,
    /// Virtual private gateways whose routes are taken over.
    #[attr(optional)]
    propagating_vgws: Computed<BTreeSet<String>>,
    /// Tags, values by key.
    tags: Option<Tags>,
    /// All tags, with the provider's default tags.
    tags_all: Computed<Tags>,
    /// ARN of the table.
    arn: Computed<String>,
    /// Account that the table belongs to.
    owner_id: Computed<String>,
    /// Id of the table: `rtb-…`.
    id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    timeouts: Option<Timeouts>,
}

impl RouteTable {
    /// Sets the routes that differ from `before`'s, if the plan has any.
    async fn routes(&self, before: &Self, id: &str, cx: &Context<'_>) -> Result<(), CallError> {
        let none = BTreeSet::new();
        if let Some(wanted) = self.route.get().filter(|_| self.route != before.route) {
            route::change(id, before.route.get().unwrap_or(&none), wanted, cx).await?;
            until(cx, || {
                Box::pin(async move {
                    let found = listed::<Self>(id, cx).await?;
                    Ok(found.is_some_and(|found| routes(&found, wanted) == *wanted))
                })
            })
            .await?;
        }
        let Some(wanted) = self.propagating_vgws.get() else { return Ok(()) };
        let none = BTreeSet::new();
        let given = before.propagating_vgws.get().unwrap_or(&none);
        let what = "The routes of the virtual private gateway could not be taken over";
        for gateway in given.difference(wanted) {
            let call = cx.client.ec2.disable_vgw_route_propagation().route_table_id(id).gateway_id(gateway);
            call.send().await.map_err(|e| failed("The routes of a gateway could not be given up", e))?;
        }
        for gateway in wanted.difference(given) {
            let call = cx.client.ec2.enable_vgw_route_propagation().route_table_id(id).gateway_id(gateway);
            call.send().await.map_err(|e| lagging(what, e))?;
        }
        Ok(())
    }
}

/// The routes that a table has, if it is known to have `known`.
fn routes(found: &Found, known: &BTreeSet<Route>) -> BTreeSet<Route> {
    found.routes().iter().filter_map(|found| Route::of(found, known)).collect()
}

#[async_trait]
impl AwsType for RouteTable {
    type Found = Found;
    const GONE: &[&str] = &["InvalidRouteTableID.NotFound"];
    const IDEMPOTENT: bool = true;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let call = cx.client.ec2.describe_route_tables().filters(wanted.filter("route-table-id", cx));
        call.into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| failed("Route tables could not be listed", e))
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.route_table_id()
    }

    async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let id = found.route_table_id().unwrap_or_default();
        let owner = found.owner_id().unwrap_or_default();
        let (tags, tags_all) = seen(cx, &self.tags, found.tags());
        let vgws = found.propagating_vgws().iter().filter_map(|vgw| vgw.gateway_id.clone());
        Ok(Some(RouteTable {
            vpc_id: found.vpc_id().unwrap_or_default().to_owned(),
            route: routes(found, self.route.get().unwrap_or(&BTreeSet::new())).into(),
            propagating_vgws: vgws.collect::<BTreeSet<_>>().into(),
            tags,
            tags_all: tags_all.into(),
            arn: cx.client.arn("ec2", owner, &format!("route-table/{id}")).into(),
            owner_id: owner.into(),
            id: id.into(),
            timeouts: self.timeouts.clone(),
        }))
    }

    /// Each known route has one destination and one target.
    fn check(config: &Value) -> Vec<Problem> {
        let Some(routes) = config.get("route").and_then(Value::as_slice) else { return Vec::new() };
        let mut problems = Vec::new();
        for route in routes.iter().filter(|route| route.as_map().is_some()) {
            for (names, what) in [(&DESTINATIONS[..], "destination"), (&TARGETS[..], "target")] {
                let is_given = |v: &Value| !v.is_null() && v.as_str() != Some("");
                let given = names.iter().filter(|name| route.get(name).is_some_and(is_given)).count();
                if given != 1 {
                    let found = if given == 0 { "none" } else { "more than one" };
                    let names = names.join(", ");
                    let detail =
                        format!("A route needs one {what}, and one here has {found}. Set one of {names}.");
                    problems.push(Problem::error(Path::root().attr("route"), "Invalid route", detail));
                }
            }
        }
        problems
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let call = cx.client.ec2.create_route_table().vpc_id(&self.vpc_id).client_token(cx.token);
        let call = call.tag_specifications(specification(ResourceType::RouteTable, &self.tags, cx));
        let made = call.send().await.map_err(|e| failed("The route table could not be created", e))?;
        let id = made.route_table.and_then(|table| table.route_table_id);
        Ok(RouteTable { id: id.into(), ..self.clone() })
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        let blank = RouteTable { route: Computed::Null, propagating_vgws: Computed::Null, ..created.clone() };
        self.routes(&blank, &created.key(), cx).await
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        self.routes(prior, &self.key(), cx).await?;
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        // What was associated with it by others would keep it.
        let found = listed::<Self>(&self.key(), cx).await?;
        let associations = found.iter().flat_map(Found::associations).filter(|a| a.main != Some(true));
        for id in associations.filter_map(|a| a.route_table_association_id()) {
            let call = cx.client.ec2.disassociate_route_table().association_id(id).send().await;
            absent(call, &["InvalidAssociationID.NotFound"])
                .map_err(|e| failed("The route table could not be disassociated", e))?;
        }
        let call = cx.client.ec2.delete_route_table().route_table_id(self.key());
        let what = "The route table could not be deleted";
        delete(self, what, cx, || call.clone().send()).await
    }
}
