//! `aws_eip`.

use super::association::{NOT_YET, addresses, disassociate, some};
use super::common::{new, passing, said};
use crate::client::Context;
use crate::error::{absent, failed, is};
use crate::resource::{self, AwsType, Wanted};
use crate::tags::{self, Tags};
use crate::timeouts::Timeouts;
use async_trait::async_trait;
use aws_sdk_ec2::types::{Address as Found, AddressAttributeName, DomainType, ResourceType};
use formwork_provider::{CallError, Computed, Resource};

/// A public address that stays: an Elastic IP. It may be associated with an instance or interface here, by
/// `aws_eip_association`, or by a load balancer.
#[derive(Clone, Resource)]
#[resource(name = "aws_eip")]
pub(super) struct Address {
    /// Address to get from a pool of your own.
    #[attr(replace)]
    address: Option<String>,
    /// Private address of the instance or interface to associate with. If not set, the primary one.
    associate_with_private_ip: Option<String>,
    /// Pool of addresses that the account owns, for use with an Outpost.
    customer_owned_ipv4_pool: Option<String>,
    /// `vpc`, the only domain that there still is.
    #[attr(optional, replace)]
    domain: Computed<String>,
    /// ID of the instance to associate with.
    #[attr(optional, volatile)]
    instance: Computed<String>,
    /// ID of an IPAM pool to take the address from.
    #[attr(optional, replace)]
    ipam_pool_id: Computed<String>,
    /// Zones from which the address is announced.
    #[attr(optional, replace)]
    network_border_group: Computed<String>,
    /// ID of the network interface to associate with.
    #[attr(optional, volatile)]
    network_interface: Computed<String>,
    /// Pool to take the address from: `amazon`, or the ID of a pool that was brought to AWS.
    #[attr(optional, replace)]
    public_ipv4_pool: Computed<String>,
    /// Tags, over the provider's `default_tags`.
    tags: Option<Tags>,
    /// All tags, with those of the provider's `default_tags`.
    tags_all: Computed<Tags>,
    /// ID of the allocation, such as `eipalloc-0123456789abcdef0`.
    allocation_id: Computed<String>,
    /// ARN of the address.
    arn: Computed<String>,
    /// ID of the association, while there is one.
    #[attr(volatile)]
    association_id: Computed<String>,
    /// Address in the carrier's network, in a Wavelength zone.
    carrier_ip: Computed<String>,
    /// Address from a pool that the account owns.
    customer_owned_ip: Computed<String>,
    /// Name of the private address.
    #[attr(volatile)]
    private_dns: Computed<String>,
    /// The private address that it is associated with.
    #[attr(volatile)]
    private_ip: Computed<String>,
    /// Name that the address is resolved to backwards, if one was set.
    ptr_record: Computed<String>,
    /// Name of the public address.
    public_dns: Computed<String>,
    /// The address.
    public_ip: Computed<String>,
    /// ID of the allocation.
    id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    timeouts: Option<Timeouts>,
}

/// What an answer tells, or else what was asked for.
fn kept(asked: &Computed<String>, told: &Option<String>) -> Computed<String> {
    match (some(told), asked) {
        (Some(told), _) => told.into(),
        (None, Computed::Known(asked)) => asked.clone().into(),
        (None, _) => Computed::Null,
    }
}

/// The end of names in a region.
fn suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

fn private_name(region: &str, ip: &str) -> String {
    let zone =
        if region == "us-east-1" { "ec2.internal".into() } else { format!("{region}.compute.internal") };
    format!("ip-{}.{zone}", ip.replace('.', "-"))
}

fn public_name(region: &str, ip: &str) -> String {
    let zone = if region == "us-east-1" { "compute-1".into() } else { format!("{region}.compute") };
    format!("ec2-{}.{zone}.{}", ip.replace('.', "-"), suffix(region))
}

impl Address {
    async fn associate(&self, id: &str, cx: &Context<'_>) -> Result<(), CallError> {
        let (instance, interface) = (said(&self.instance), said(&self.network_interface));
        if instance.is_none() && interface.is_none() {
            return Ok(());
        }
        let call = cx.client.ec2.associate_address().allocation_id(id);
        let call = call
            .set_instance_id(instance)
            .set_network_interface_id(interface)
            .set_private_ip_address(self.associate_with_private_ip.clone());
        call.send().await.map(drop).map_err(|error| {
            let not_yet = is(&error, &NOT_YET);
            let told = failed("The Elastic IP could not be associated", error);
            if not_yet { passing(told) } else { told }
        })
    }
}

#[async_trait]
impl AwsType for Address {
    /// An address, and the name that it is resolved to backwards.
    type Found = (Found, Option<String>);
    const GONE: &[&str] = &["InvalidAllocationID.NotFound", "InvalidAddress.NotFound"];
    const LAGS: bool = false;
    const TWINS: bool = true;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Self::Found>, CallError> {
        let found = addresses(wanted.filter("allocation-id", cx), cx).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let ids = found.iter().filter_map(|address| address.allocation_id.clone()).collect();
        let call = cx.client.ec2.describe_addresses_attribute().attribute(AddressAttributeName::DomainName);
        let answer = call.set_allocation_ids(Some(ids)).send().await;
        // One may have gone since, and not every partition has the call.
        let known = absent(answer, &["InvalidAllocationID.NotFound", "InvalidAction"])
            .map_err(|e| failed("The names of Elastic IPs could not be read", e))?;
        let known = known.and_then(|answer| answer.addresses).unwrap_or_default();
        let name = |id: &Option<String>| {
            let of = known.iter().find(|name| name.allocation_id == *id)?;
            of.ptr_record().filter(|name| !name.is_empty()).map(|name| name.trim_end_matches('.').to_owned())
        };
        Ok(found
            .into_iter()
            .map(|address| (name(&address.allocation_id), address))
            .map(|(n, a)| (a, n))
            .collect())
    }

    fn found_id(found: &Self::Found) -> Option<&str> {
        found.0.allocation_id()
    }

    async fn filled(&self, found: &Self::Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let (found, ptr_record) = found;
        let (own, all) = tags::seen(cx, &self.tags, found.tags());
        let id = found.allocation_id.clone();
        let account = cx.client.account().await?;
        let pool = some(&found.public_ipv4_pool);
        let ipam = pool.clone().filter(|pool| pool.starts_with("ipam-pool-"));
        Ok(Some(Address {
            address: self.address.clone(),
            associate_with_private_ip: self.associate_with_private_ip.clone(),
            customer_owned_ipv4_pool: self.customer_owned_ipv4_pool.clone(),
            domain: found.domain().map(|domain| domain.as_str().to_owned()).into(),
            instance: some(&found.instance_id).unwrap_or_default().into(),
            ipam_pool_id: ipam.or_else(|| self.ipam_pool_id.get().cloned()).into(),
            network_border_group: kept(&self.network_border_group, &found.network_border_group),
            network_interface: some(&found.network_interface_id).unwrap_or_default().into(),
            public_ipv4_pool: kept(&self.public_ipv4_pool, &pool),
            tags: own,
            tags_all: all.into(),
            arn: cx
                .client
                .arn("ec2", &account, &format!("elastic-ip/{}", id.as_deref().unwrap_or_default()))
                .into(),
            association_id: some(&found.association_id).unwrap_or_default().into(),
            carrier_ip: some(&found.carrier_ip).unwrap_or_default().into(),
            customer_owned_ip: some(&found.customer_owned_ip).unwrap_or_default().into(),
            private_dns: found.private_ip_address().map(|ip| private_name(&cx.client.region, ip)).into(),
            private_ip: some(&found.private_ip_address).unwrap_or_default().into(),
            ptr_record: ptr_record.clone().unwrap_or_default().into(),
            public_dns: found.public_ip().map(|ip| public_name(&cx.client.region, ip)).into(),
            public_ip: found.public_ip.clone().into(),
            allocation_id: id.clone().into(),
            id: id.into(),
            timeouts: self.timeouts.clone(),
        }))
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let domain = said(&self.domain).map_or(DomainType::Vpc, |domain| DomainType::from(domain.as_str()));
        let call = cx.client.ec2.allocate_address().domain(domain);
        let call = call
            .set_address(self.address.clone())
            .set_customer_owned_ipv4_pool(self.customer_owned_ipv4_pool.clone())
            .set_ipam_pool_id(said(&self.ipam_pool_id))
            .set_network_border_group(said(&self.network_border_group))
            .set_public_ipv4_pool(said(&self.public_ipv4_pool))
            .tag_specifications(tags::specification(ResourceType::ElasticIp, &self.tags, cx));
        let made = call.send().await.map_err(|e| failed("The Elastic IP could not be allocated", e))?;
        let (id, public_ip) = (made.allocation_id, made.public_ip.into());
        Ok(Address { allocation_id: id.clone().into(), id: id.into(), public_ip, ..self.clone() })
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        match created.id.get() {
            Some(id) => self.associate(id, cx).await,
            None => Ok(()),
        }
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        let id = prior.id.get().map_or("", String::as_str);
        // What is not planned may be the doing of `aws_eip_association`, and stays.
        let moved = new(&prior.instance, &self.instance).is_some()
            || new(&prior.network_interface, &self.network_interface).is_some()
            || self.associate_with_private_ip != prior.associate_with_private_ip;
        if moved {
            if let Some(association) = said(&prior.association_id) {
                disassociate(&association, cx).await?;
            }
            self.associate(id, cx).await?;
        }
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        if let Some(association) = said(&self.association_id) {
            disassociate(&association, cx).await?;
        }
        let Some(id) = self.id.get() else { return Ok(()) };
        let call = cx.client.ec2.release_address().allocation_id(id);
        let what = "The Elastic IP could not be released";
        resource::delete(self, what, cx, || call.clone().send()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_addresses() {
        let check = |region, private: &str, public: &str| {
            assert_eq!(private_name(region, "10.0.1.5"), private);
            assert_eq!(public_name(region, "3.4.5.6"), public);
        };
        check("us-east-1", "ip-10-0-1-5.ec2.internal", "ec2-3-4-5-6.compute-1.amazonaws.com");
        check(
            "eu-central-1",
            "ip-10-0-1-5.eu-central-1.compute.internal",
            "ec2-3-4-5-6.eu-central-1.compute.amazonaws.com",
        );
    }
}
