//! `aws_subnet`.

use super::cidr::{self, Family};
use crate::client::Context;
use crate::error::{Failed, Operation, absent, failed, lagging};
use crate::resource::{AwsType, Stage, Wanted, delete};
use crate::tags::{Tags, seen, specification};
use crate::timeouts::Timeouts;
use async_trait::async_trait;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, HostnameType, ResourceType, Subnet as Found, SubnetCidrBlockStateCode,
    SubnetIpv6CidrBlockAssociation, SubnetState,
};
use formwork_provider::{CallError, Computed, Problem, Resource};
use formwork_value::Value;

/// A part of a VPC's addresses, in one availability zone. Imported by its id.
#[derive(Clone, Resource)]
#[resource(name = "aws_subnet", version = 1)]
pub(crate) struct Subnet {
    /// The VPC.
    #[attr(replace)]
    vpc_id: String,
    /// IPv4 addresses of the subnet, such as `10.0.1.0/24`, within the VPC's.
    #[attr(replace, optional)]
    cidr_block: Computed<String>,
    /// Zone, such as `eu-central-1a`. AWS chooses one if neither this nor `availability_zone_id` is given.
    #[attr(replace, optional)]
    availability_zone: Computed<String>,
    /// Id of the zone, such as `euc1-az2`: the same zone in every account.
    #[attr(replace, optional)]
    availability_zone_id: Computed<String>,
    /// IPv6 addresses of the subnet: a /64 within the VPC's.
    #[attr(optional)]
    ipv6_cidr_block: Computed<String>,
    /// Whether the subnet has IPv6 addresses only.
    #[attr(replace, default = false)]
    ipv6_native: bool,
    /// Whether network interfaces in it get an IPv6 address.
    #[attr(default = false)]
    assign_ipv6_address_on_creation: bool,
    /// Whether instances in it get a public IPv4 address.
    #[attr(default = false)]
    map_public_ip_on_launch: bool,
    /// Whether the DNS server makes IPv6 addresses up for names that have IPv4 addresses only.
    #[attr(default = false)]
    enable_dns64: bool,
    /// Whether names of instances by resource get A records.
    #[attr(default = false)]
    enable_resource_name_dns_a_record_on_launch: bool,
    /// Whether names of instances by resource get AAAA records.
    #[attr(default = false)]
    enable_resource_name_dns_aaaa_record_on_launch: bool,
    /// What instances' names are made of: `ip-name` or `resource-name`.
    #[attr(optional)]
    private_dns_hostname_type_on_launch: Computed<String>,
    /// Position of the local network interface, of Outposts servers.
    enable_lni_at_device_index: Option<i64>,
    /// Whether network interfaces get an address of the customer's own, on an Outpost.
    map_customer_owned_ip_on_launch: Option<bool>,
    /// Pool of the customer's own addresses, on an Outpost.
    customer_owned_ipv4_pool: Option<String>,
    /// ARN of the Outpost that the subnet is on.
    #[attr(replace)]
    outpost_arn: Option<String>,
    /// Tags, values by key.
    tags: Option<Tags>,
    /// All tags, with the provider's default tags.
    tags_all: Computed<Tags>,
    /// ARN of the subnet.
    arn: Computed<String>,
    /// Account that the subnet belongs to.
    owner_id: Computed<String>,
    /// Id of the association of the IPv6 addresses.
    #[attr(volatile)]
    ipv6_cidr_block_association_id: Computed<String>,
    /// Id of the subnet: `subnet-…`.
    id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    timeouts: Option<Timeouts>,
}

fn switch(on: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(on).build()
}

/// The IPv6 addresses in use.
fn ipv6(found: &Found) -> Option<&SubnetIpv6CidrBlockAssociation> {
    use SubnetCidrBlockStateCode::{Disassociated, Disassociating, Failed, Failing};
    found.ipv6_cidr_block_association_set().iter().find(|association| {
        let state = association.ipv6_cidr_block_state().and_then(|s| s.state());
        !matches!(state, Some(Disassociated | Disassociating | Failed | Failing))
    })
}

/// As AWS makes subnets, as far as that can be changed afterwards.
fn blank(of: &Subnet) -> Subnet {
    Subnet {
        assign_ipv6_address_on_creation: false,
        map_public_ip_on_launch: false,
        enable_dns64: false,
        enable_resource_name_dns_a_record_on_launch: false,
        enable_resource_name_dns_aaaa_record_on_launch: false,
        private_dns_hostname_type_on_launch: Computed::Null,
        enable_lni_at_device_index: None,
        map_customer_owned_ip_on_launch: None,
        customer_owned_ipv4_pool: None,
        ..of.clone()
    }
}

impl Subnet {
    /// Sets what differs from `before`: one call each, as AWS takes no two of these together.
    async fn switches(&self, before: &Self, id: &str, cx: &Context<'_>) -> Result<(), CallError> {
        fn told<E: Operation>(error: Failed<E>) -> CallError {
            lagging("The subnet's attributes could not be set", error)
        }
        let call = || cx.client.ec2.modify_subnet_attribute().subnet_id(id);
        let mut calls = Vec::new();
        let differs = |get: fn(&Self) -> bool| (get(self) != get(before)).then(|| switch(get(self)));
        if let Some(on) = differs(|s| s.map_public_ip_on_launch) {
            calls.push(call().map_public_ip_on_launch(on));
        }
        if let Some(on) = differs(|s| s.assign_ipv6_address_on_creation) {
            calls.push(call().assign_ipv6_address_on_creation(on));
        }
        if let Some(on) = differs(|s| s.enable_dns64) {
            calls.push(call().enable_dns64(on));
        }
        if let Some(on) = differs(|s| s.enable_resource_name_dns_a_record_on_launch) {
            calls.push(call().enable_resource_name_dns_a_record_on_launch(on));
        }
        if let Some(on) = differs(|s| s.enable_resource_name_dns_aaaa_record_on_launch) {
            calls.push(call().enable_resource_name_dns_aaaa_record_on_launch(on));
        }
        let names = &self.private_dns_hostname_type_on_launch;
        if let Some(kind) = names.get().filter(|_| *names != before.private_dns_hostname_type_on_launch) {
            calls.push(call().private_dns_hostname_type_on_launch(HostnameType::from(kind.as_str())));
        }
        if self.enable_lni_at_device_index != before.enable_lni_at_device_index {
            calls.push(match self.enable_lni_at_device_index.and_then(|at| i32::try_from(at).ok()) {
                Some(at) => call().enable_lni_at_device_index(at),
                None => call().disable_lni_at_device_index(switch(true)),
            });
        }
        let customer = |s: &Self| (s.map_customer_owned_ip_on_launch, s.customer_owned_ipv4_pool.clone());
        if customer(self) != customer(before) {
            let on = switch(self.map_customer_owned_ip_on_launch == Some(true));
            let pool = self.customer_owned_ipv4_pool.clone();
            calls.push(call().map_customer_owned_ip_on_launch(on).set_customer_owned_ipv4_pool(pool));
        }
        for call in calls {
            call.send().await.map_err(told)?;
        }
        Ok(())
    }

    /// Changes the IPv6 addresses. A subnet has one range of them at a time.
    async fn change_ipv6(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        if self.ipv6_cidr_block == prior.ipv6_cidr_block {
            return Ok(());
        }
        let what = "The subnet's IPv6 addresses could not be changed";
        if let Some(id) = prior.ipv6_cidr_block_association_id.get() {
            let call = cx.client.ec2.disassociate_subnet_cidr_block().association_id(id).send().await;
            absent(call, &["InvalidSubnetCidrBlockAssociationID.NotFound"]).map_err(|e| failed(what, e))?;
        }
        if let Some(block) = self.ipv6_cidr_block.get() {
            let call =
                cx.client.ec2.associate_subnet_cidr_block().subnet_id(self.key()).ipv6_cidr_block(block);
            call.send().await.map_err(|e| failed(what, e))?;
        }
        Ok(())
    }
}

#[async_trait]
impl AwsType for Subnet {
    type Found = Found;
    const GONE: &[&str] = &["InvalidSubnetID.NotFound"];

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let call = cx.client.ec2.describe_subnets().filters(wanted.filter("subnet-id", cx));
        call.into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| failed("Subnets could not be listed", e))
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.subnet_id()
    }

    fn stage(&self, found: &Found) -> Stage {
        let addresses = ipv6(found).and_then(|a| a.ipv6_cidr_block_state()).and_then(|s| s.state());
        let ready = found.state() == Some(&SubnetState::Available)
            && addresses != Some(&SubnetCidrBlockStateCode::Associating);
        if ready { Stage::There } else { Stage::Coming }
    }

    async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let (id, owner) = (found.subnet_id().unwrap_or_default(), found.owner_id().unwrap_or_default());
        let (tags, tags_all) = seen(cx, &self.tags, found.tags());
        let arn = || cx.client.arn("ec2", owner, &format!("subnet/{id}"));
        let names = found.private_dns_name_options_on_launch();
        let record = |get: Option<bool>| get.unwrap_or(false);
        let ipv6 = ipv6(found);
        Ok(Some(Subnet {
            vpc_id: found.vpc_id().unwrap_or_default().to_owned(),
            cidr_block: found.cidr_block.clone().filter(|block| !block.is_empty()).into(),
            availability_zone: found.availability_zone.clone().into(),
            availability_zone_id: found.availability_zone_id.clone().into(),
            ipv6_cidr_block: ipv6.and_then(|a| a.ipv6_cidr_block.clone()).into(),
            ipv6_cidr_block_association_id: ipv6.and_then(|a| a.association_id.clone()).into(),
            ipv6_native: record(found.ipv6_native),
            assign_ipv6_address_on_creation: record(found.assign_ipv6_address_on_creation),
            map_public_ip_on_launch: record(found.map_public_ip_on_launch),
            enable_dns64: record(found.enable_dns64),
            enable_resource_name_dns_a_record_on_launch: record(
                names.and_then(|n| n.enable_resource_name_dns_a_record),
            ),
            enable_resource_name_dns_aaaa_record_on_launch: record(
                names.and_then(|n| n.enable_resource_name_dns_aaaa_record),
            ),
            private_dns_hostname_type_on_launch: names
                .and_then(|n| n.hostname_type())
                .map(|kind| kind.as_str().to_owned())
                .into(),
            enable_lni_at_device_index: found.enable_lni_at_device_index.map(i64::from),
            map_customer_owned_ip_on_launch: found
                .map_customer_owned_ip_on_launch
                .filter(|on| *on || self.map_customer_owned_ip_on_launch.is_some()),
            customer_owned_ipv4_pool: found.customer_owned_ipv4_pool.clone().filter(|pool| !pool.is_empty()),
            outpost_arn: found.outpost_arn.clone().filter(|arn| !arn.is_empty()),
            tags,
            tags_all: tags_all.into(),
            arn: found.subnet_arn.clone().unwrap_or_else(arn).into(),
            owner_id: owner.into(),
            id: id.into(),
            timeouts: self.timeouts.clone(),
        }))
    }

    fn check(config: &Value) -> Vec<Problem> {
        cidr::check(config, &[("cidr_block", Family::V4), ("ipv6_cidr_block", Family::V6)])
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let call = cx.client.ec2.create_subnet().vpc_id(&self.vpc_id);
        let call = call
            .set_cidr_block(self.cidr_block.get().cloned())
            .set_availability_zone(self.availability_zone.get().cloned())
            .set_availability_zone_id(self.availability_zone_id.get().cloned())
            .set_ipv6_cidr_block(self.ipv6_cidr_block.get().cloned())
            .set_ipv6_native(self.ipv6_native.then_some(true))
            .set_outpost_arn(self.outpost_arn.clone())
            .tag_specifications(specification(ResourceType::Subnet, &self.tags, cx));
        let made = call.send().await.map_err(|e| failed("The subnet could not be created", e))?;
        Ok(Subnet { id: made.subnet.and_then(|s| s.subnet_id).into(), ..self.clone() })
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        self.switches(&blank(self), &created.key(), cx).await
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        // What needs the addresses is switched off before they go, and on once they are there.
        let off = Subnet {
            assign_ipv6_address_on_creation: self.assign_ipv6_address_on_creation
                && prior.assign_ipv6_address_on_creation,
            ..self.clone()
        };
        off.switches(prior, &self.key(), cx).await?;
        self.change_ipv6(prior, cx).await?;
        self.switches(&off, &self.key(), cx).await?;
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.ec2.delete_subnet().subnet_id(self.key());
        delete(self, "The subnet could not be deleted", cx, || call.clone().send()).await
    }
}
