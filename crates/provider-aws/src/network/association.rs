//! `aws_route_table_association`.

use crate::client::Context;
use crate::error::{failed, lagging};
use crate::planned::imported;
use crate::resource::{AwsType, Stage, Wanted, delete, many};
use crate::tags::filter;
use crate::timeouts::Timeouts;
use async_trait::async_trait;
use aws_sdk_ec2::types::{RouteTableAssociation as Found, RouteTableAssociationStateCode as State};
use formwork_provider::{CallError, Computed, Problem, Resource};
use formwork_value::{Path, Value};

/// Makes a route table that of a subnet or a gateway. Imported by the id of the subnet or gateway, and that of the
/// route table: `subnet-…/rtb-…`.
#[derive(Clone, Resource)]
#[resource(name = "aws_route_table_association")]
pub(crate) struct RouteTableAssociation {
    /// The route table.
    route_table_id: String,
    /// The subnet. Either this or `gateway_id` is needed.
    #[attr(replace)]
    subnet_id: Option<String>,
    /// The gateway.
    #[attr(replace)]
    gateway_id: Option<String>,
    /// Id of the association: `rtbassoc-…`. It changes with the route table.
    #[attr(volatile)]
    id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    timeouts: Option<Timeouts>,
}

impl RouteTableAssociation {
    /// Whether an association is of this subnet or gateway, with whatever route table.
    fn is_at(&self, found: &Found) -> bool {
        found.subnet_id == self.subnet_id && found.gateway_id == self.gateway_id
    }

    /// The association of this subnet or gateway: there is one at most. It has another id after each change.
    async fn by_target(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        for found in Self::list(Wanted::Made(self), cx).await? {
            if self.is_at(&found) && self.stage(&found) != Stage::Gone {
                return self.filled(&found, cx).await;
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl AwsType for RouteTableAssociation {
    type Found = Found;
    const GONE: &[&str] = &["InvalidAssociationID.NotFound"];
    const TAGGED: bool = false;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let filter = match wanted {
            Wanted::Ids(ids) => filter("association.route-table-association-id", ids),
            Wanted::Made(wanted) => match (&wanted.subnet_id, &wanted.gateway_id) {
                (Some(subnet), _) => filter("association.subnet-id", [subnet]),
                (None, Some(gateway)) => filter("association.gateway-id", [gateway]),
                (None, None) => return Ok(Vec::new()),
            },
        };
        let pages = cx.client.ec2.describe_route_tables().filters(filter).into_paginator().items().send();
        let tables: Vec<_> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| failed("Associations of route tables could not be listed", e))?;
        Ok(tables.into_iter().flat_map(|table| table.associations.unwrap_or_default()).collect())
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.route_table_association_id()
    }

    fn stage(&self, found: &Found) -> Stage {
        match found.association_state().and_then(|state| state.state()) {
            None | Some(State::Associated) => Stage::There,
            Some(State::Disassociating | State::Disassociated | State::Failed) => Stage::Gone,
            Some(_) => Stage::Coming,
        }
    }

    fn is_made(&self, found: &Found, _cx: &Context<'_>) -> bool {
        self.is_at(found) && found.route_table_id() == Some(&self.route_table_id)
    }

    async fn filled(&self, found: &Found, _cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        Ok(Some(RouteTableAssociation {
            route_table_id: found.route_table_id().unwrap_or_default().to_owned(),
            subnet_id: found.subnet_id.clone(),
            gateway_id: found.gateway_id.clone(),
            id: found.route_table_association_id.clone().into(),
            timeouts: self.timeouts.clone(),
        }))
    }

    fn check(config: &Value) -> Vec<Problem> {
        let given = ["subnet_id", "gateway_id"].map(|name| config.get(name).is_some_and(|v| !v.is_null()));
        let mut problems = Vec::new();
        if given[0] == given[1] {
            let detail = if given[0] {
                "subnet_id and gateway_id are both set. Set one of them."
            } else {
                "Neither subnet_id nor gateway_id is set. Set one of them."
            };
            let at = Path::root().attr("subnet_id");
            problems.push(Problem::error(at, "Invalid route table association", detail));
        }
        problems
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let call = cx.client.ec2.associate_route_table().route_table_id(&self.route_table_id);
        let call = call.set_subnet_id(self.subnet_id.clone()).set_gateway_id(self.gateway_id.clone());
        let made = call.send().await.map_err(|e| failed("The route table could not be associated", e))?;
        Ok(RouteTableAssociation { id: made.association_id.into(), ..self.clone() })
    }

    async fn read_many(priors: &[&Self], cx: &Context<'_>) -> Vec<Result<Option<Self>, CallError>> {
        let mut seen = many(priors, cx).await;
        for (seen, prior) in seen.iter_mut().zip(priors) {
            if matches!(seen, Ok(None)) {
                *seen = prior.by_target(cx).await;
            }
        }
        seen
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        if self.route_table_id == prior.route_table_id {
            return Ok(RouteTableAssociation { id: prior.id.clone(), ..self.clone() });
        }
        let call = cx.client.ec2.replace_route_table_association().association_id(prior.key());
        let call = call.route_table_id(&self.route_table_id).send().await;
        let changed = call.map_err(|e| lagging("The route table could not be exchanged for another", e))?;
        Ok(RouteTableAssociation { id: changed.new_association_id.into(), ..self.clone() })
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.ec2.disassociate_route_table().association_id(self.key());
        let what = "The route table could not be disassociated";
        delete(self, what, cx, || call.clone().send()).await
    }

    async fn import(id: &str, cx: &Context<'_>) -> Result<Self, CallError> {
        let Some((target, table)) = id.split_once('/') else {
            let detail = format!(
                "\"{id}\" is not the id of a subnet or gateway and that of a route table, as in subnet-1234/rtb-5678."
            );
            return Err(CallError::new("Invalid import id", detail));
        };
        let name = if target.starts_with("subnet-") { "subnet_id" } else { "gateway_id" };
        let named: Self =
            imported(&[(name, Value::string(target)), ("route_table_id", Value::string(table))])?;
        let found = named.by_target(cx).await?.filter(|found| found.route_table_id == table);
        found.ok_or_else(|| {
            let detail = format!("The route table {table} is not associated with {target}.");
            CallError::new("Nothing to import", detail)
        })
    }
}
