//! `aws_vpc`.

use super::cidr::{self, Family};
use crate::client::Context;
use crate::error::{Operation, absent, failed, lagging};
use crate::planned::{in_place, replaced, unknown};
use crate::resource::{AwsType, Stage, Wanted, delete};
use crate::tags::{Tags, filter, seen, specification};
use crate::waiting::calm;
use async_trait::async_trait;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, ResourceType, Tenancy, Vpc as Found, VpcAttributeName, VpcCidrBlockStateCode,
    VpcIpv6CidrBlockAssociation, VpcState,
};
use formwork_provider::{CallError, Computed, PlanRequest, PlanResponse, Problem, Resource};
use formwork_value::Value;

/// A virtual private cloud: a network of one's own. Imported by its id.
#[derive(Clone, Resource)]
#[resource(name = "aws_vpc", version = 1)]
pub(crate) struct Vpc {
    /// IPv4 addresses of the network, such as `10.0.0.0/16`; a prefix of 16 to 28 bits. Needed, unless
    /// `ipv4_ipam_pool_id` is given.
    #[attr(replace, optional)]
    cidr_block: Computed<String>,
    /// Pool of the address manager to take the IPv4 addresses from.
    #[attr(replace)]
    ipv4_ipam_pool_id: Option<String>,
    /// Length of the prefix to take from that pool, in bits.
    #[attr(replace)]
    ipv4_netmask_length: Option<i64>,
    /// Whether instances run on hardware of their own: `default` or `dedicated`. Going to `dedicated` needs a new VPC.
    #[attr(default = "default")]
    instance_tenancy: String,
    /// Whether the VPC's DNS server resolves names.
    #[attr(default = true)]
    enable_dns_support: bool,
    /// Whether instances with public addresses get public names.
    #[attr(optional)]
    enable_dns_hostnames: Computed<bool>,
    /// Whether the use of addresses is measured.
    #[attr(optional)]
    enable_network_address_usage_metrics: Computed<bool>,
    /// Whether AWS chooses a /56 of its IPv6 addresses for the network.
    assign_generated_ipv6_cidr_block: Option<bool>,
    /// The zones from which AWS announces the IPv6 addresses.
    #[attr(optional)]
    ipv6_cidr_block_network_border_group: Computed<String>,
    /// Pool of the address manager to take IPv6 addresses from.
    #[attr(replace)]
    ipv6_ipam_pool_id: Option<String>,
    /// Length of the prefix to take from that pool, in bits.
    #[attr(replace)]
    ipv6_netmask_length: Option<i64>,
    /// The IPv6 addresses of the network. May be chosen from `ipv6_ipam_pool_id`.
    #[attr(optional)]
    ipv6_cidr_block: Computed<String>,
    /// Id of the association of the IPv6 addresses.
    #[attr(volatile)]
    ipv6_association_id: Computed<String>,
    /// Tags, values by key.
    tags: Option<Tags>,
    /// All tags, with the provider's default tags.
    tags_all: Computed<Tags>,
    /// ARN of the VPC.
    arn: Computed<String>,
    /// Account that the VPC belongs to.
    owner_id: Computed<String>,
    /// DHCP options that are in force.
    dhcp_options_id: Computed<String>,
    /// The network access list that subnets have at first.
    default_network_acl_id: Computed<String>,
    /// The security group of whatever is given none.
    default_security_group_id: Computed<String>,
    /// The route table that the VPC was made with.
    default_route_table_id: Computed<String>,
    /// The route table of subnets that are associated with none.
    main_route_table_id: Computed<String>,
    /// Id of the VPC: `vpc-…`.
    id: Computed<String>,
}

fn switch(on: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(on).build()
}

fn bits(length: Option<i64>) -> Option<i32> {
    length.and_then(|bits| i32::try_from(bits).ok())
}

/// The IPv6 addresses in use.
fn ipv6(found: &Found) -> Option<&VpcIpv6CidrBlockAssociation> {
    use VpcCidrBlockStateCode::{Disassociated, Disassociating, Failed, Failing};
    found.ipv6_cidr_block_association_set().iter().find(|association| {
        let state = association.ipv6_cidr_block_state().and_then(|s| s.state());
        !matches!(state, Some(Disassociated | Disassociating | Failed | Failing))
    })
}

impl Vpc {
    async fn attribute(
        id: &str,
        name: VpcAttributeName,
        cx: &Context<'_>,
    ) -> Result<Option<bool>, CallError> {
        let call = cx.client.ec2.describe_vpc_attribute().vpc_id(id).attribute(name).send().await;
        let found = absent(call, Self::GONE).map_err(|e| failed("The VPC could not be read", e))?;
        Ok(found.and_then(|f| {
            let given =
                [f.enable_dns_support, f.enable_dns_hostnames, f.enable_network_address_usage_metrics];
            given.into_iter().flatten().next()?.value
        }))
    }

    /// Sets what differs from `before`.
    async fn switches(&self, before: &Switches, id: &str, cx: &Context<'_>) -> Result<(), CallError> {
        fn told<E: Operation>(error: crate::error::Failed<E>) -> CallError {
            lagging("The VPC's attributes could not be set", error)
        }
        // One call each: AWS takes no two of these together.
        let call = || cx.client.ec2.modify_vpc_attribute().vpc_id(id);
        if self.enable_dns_support != before.support {
            call().enable_dns_support(switch(self.enable_dns_support)).send().await.map_err(told)?;
        }
        if let Some(on) = self.enable_dns_hostnames.get().filter(|on| **on != before.hostnames) {
            call().enable_dns_hostnames(switch(*on)).send().await.map_err(told)?;
        }
        if let Some(on) = self.enable_network_address_usage_metrics.get().filter(|on| **on != before.metrics)
        {
            call().enable_network_address_usage_metrics(switch(*on)).send().await.map_err(told)?;
        }
        Ok(())
    }

    /// Takes or gives back AWS's IPv6 addresses.
    async fn generated_ipv6(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        let (before, after) = [prior, self].map(|v| v.assign_generated_ipv6_cidr_block == Some(true)).into();
        if let Some(id) = prior.ipv6_association_id.get().filter(|_| before && !after) {
            let call = cx.client.ec2.disassociate_vpc_cidr_block().association_id(id).send().await;
            absent(call, &["InvalidVpcCidrBlockAssociationID.NotFound"])
                .map_err(|e| failed("The VPC's IPv6 addresses could not be given back", e))?;
        }
        if after && !before {
            let group = self.ipv6_cidr_block_network_border_group.get().cloned();
            let call = cx.client.ec2.associate_vpc_cidr_block().vpc_id(self.key());
            let call =
                call.amazon_provided_ipv6_cidr_block(true).set_ipv6_cidr_block_network_border_group(group);
            call.send().await.map_err(|e| failed("The VPC could not be given IPv6 addresses", e))?;
        }
        Ok(())
    }
}

/// What can be switched.
struct Switches {
    support: bool,
    hostnames: bool,
    metrics: bool,
}

impl Switches {
    /// As AWS makes VPCs.
    const NEW: Switches = Switches { support: true, hostnames: false, metrics: false };

    fn of(vpc: &Vpc) -> Self {
        Switches {
            support: vpc.enable_dns_support,
            hostnames: vpc.enable_dns_hostnames.get() == Some(&true),
            metrics: vpc.enable_network_address_usage_metrics.get() == Some(&true),
        }
    }
}

#[async_trait]
impl AwsType for Vpc {
    type Found = Found;
    const GONE: &[&str] = &["InvalidVpcID.NotFound"];
    const TWINS: bool = true;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let call = cx.client.ec2.describe_vpcs().filters(wanted.filter("vpc-id", cx));
        call.into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| failed("VPCs could not be listed", e))
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.vpc_id()
    }

    fn stage(&self, found: &Found) -> Stage {
        let addresses = ipv6(found).and_then(|a| a.ipv6_cidr_block_state()).and_then(|s| s.state());
        let ready = found.state() == Some(&VpcState::Available)
            && addresses != Some(&VpcCidrBlockStateCode::Associating);
        if ready { Stage::There } else { Stage::Coming }
    }

    async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let id = found.vpc_id().unwrap_or_default();
        let of_vpc = || filter("vpc-id", [id]);
        let ec2 = &cx.client.ec2;
        let groups = || async {
            let call =
                ec2.describe_security_groups().filters(of_vpc()).filters(filter("group-name", ["default"]));
            call.send().await.map_err(|e| failed("The VPC's security group could not be read", e))
        };
        let tables = || async {
            let call =
                ec2.describe_route_tables().filters(of_vpc()).filters(filter("association.main", ["true"]));
            call.send().await.map_err(|e| failed("The VPC's route table could not be read", e))
        };
        let lists = || async {
            let call = ec2.describe_network_acls().filters(of_vpc()).filters(filter("default", ["true"]));
            call.send().await.map_err(|e| failed("The VPC's network access list could not be read", e))
        };
        let (support, hostnames, metrics, groups, tables, lists) = tokio::try_join!(
            calm(cx, || Self::attribute(id, VpcAttributeName::EnableDnsSupport, cx)),
            calm(cx, || Self::attribute(id, VpcAttributeName::EnableDnsHostnames, cx)),
            calm(cx, || Self::attribute(id, VpcAttributeName::EnableNetworkAddressUsageMetrics, cx)),
            calm(cx, groups),
            calm(cx, tables),
            calm(cx, lists),
        )?;
        // Gone since it was listed.
        let (Some(support), Some(hostnames)) = (support, hostnames) else { return Ok(None) };
        let owner = found.owner_id().unwrap_or_default();
        let (tags, tags_all) = seen(cx, &self.tags, found.tags());
        let main = tables.route_tables().first().and_then(|table| table.route_table_id.clone());
        let ipv6 = ipv6(found);
        let generated = ipv6.is_some_and(|a| a.ipv6_pool().is_none_or(|pool| pool == "Amazon"));
        let wanted = self.assign_generated_ipv6_cidr_block;
        Ok(Some(Vpc {
            cidr_block: found.cidr_block.clone().into(),
            instance_tenancy: found.instance_tenancy().map_or("default", Tenancy::as_str).to_owned(),
            enable_dns_support: support,
            enable_dns_hostnames: hostnames.into(),
            enable_network_address_usage_metrics: metrics.unwrap_or(false).into(),
            assign_generated_ipv6_cidr_block: if generated { Some(true) } else { wanted.map(|_| false) },
            ipv6_cidr_block_network_border_group: ipv6.and_then(|a| a.network_border_group.clone()).into(),
            ipv6_cidr_block: ipv6.and_then(|a| a.ipv6_cidr_block.clone()).into(),
            ipv6_association_id: ipv6.and_then(|a| a.association_id.clone()).into(),
            tags,
            tags_all: tags_all.into(),
            arn: cx.client.arn("ec2", owner, &format!("vpc/{id}")).into(),
            owner_id: owner.into(),
            dhcp_options_id: found.dhcp_options_id.clone().into(),
            default_network_acl_id: lists
                .network_acls()
                .first()
                .and_then(|l| l.network_acl_id.clone())
                .into(),
            default_security_group_id: groups
                .security_groups()
                .first()
                .and_then(|g| g.group_id.clone())
                .into(),
            default_route_table_id: main.clone().into(),
            main_route_table_id: main.into(),
            id: id.into(),
            ..self.clone()
        }))
    }

    fn check(config: &Value) -> Vec<Problem> {
        cidr::check(config, &[("cidr_block", Family::V4), ("ipv6_cidr_block", Family::V6)])
    }

    fn plan(request: &PlanRequest<'_>, plan: PlanResponse) -> PlanResponse {
        let Some(prior) = in_place(request, &plan) else { return plan };
        let differs = |name: &str| prior.get(name) != plan.planned.get(name);
        let tenancy = plan.planned.get("instance_tenancy").and_then(Value::as_str);
        if differs("instance_tenancy") && tenancy != Some("default") {
            replaced::<Self>(request, plan, &["instance_tenancy"])
        } else if differs("assign_generated_ipv6_cidr_block") {
            unknown(request, plan, &["ipv6_cidr_block", "ipv6_cidr_block_network_border_group"])
        } else {
            plan
        }
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let call = cx.client.ec2.create_vpc();
        let call = call
            .set_cidr_block(self.cidr_block.get().cloned())
            .instance_tenancy(self.instance_tenancy.as_str().into())
            .set_ipv4_ipam_pool_id(self.ipv4_ipam_pool_id.clone())
            .set_ipv4_netmask_length(bits(self.ipv4_netmask_length))
            .set_amazon_provided_ipv6_cidr_block(self.assign_generated_ipv6_cidr_block)
            .set_ipv6_cidr_block_network_border_group(
                self.ipv6_cidr_block_network_border_group.get().cloned(),
            )
            .set_ipv6_ipam_pool_id(self.ipv6_ipam_pool_id.clone())
            .set_ipv6_netmask_length(bits(self.ipv6_netmask_length))
            .set_ipv6_cidr_block(self.ipv6_cidr_block.get().cloned())
            .tag_specifications(specification(ResourceType::Vpc, &self.tags, cx));
        let made = call.send().await.map_err(|e| failed("The VPC could not be created", e))?;
        Ok(Vpc { id: made.vpc.and_then(|v| v.vpc_id).into(), ..self.clone() })
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        self.switches(&Switches::NEW, &created.key(), cx).await
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        if self.instance_tenancy != prior.instance_tenancy {
            let call =
                cx.client.ec2.modify_vpc_tenancy().vpc_id(self.key()).instance_tenancy("default".into());
            call.send().await.map_err(|e| failed("The VPC's tenancy could not be changed", e))?;
        }
        self.switches(&Switches::of(prior), &self.key(), cx).await?;
        self.generated_ipv6(prior, cx).await?;
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.ec2.delete_vpc().vpc_id(self.key());
        delete(self, "The VPC could not be deleted", cx, || call.clone().send()).await
    }
}
