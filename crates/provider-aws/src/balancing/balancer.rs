//! `aws_lb`: what it is; the calls that change it are in `balancer_change`.

use super::attributes::filled;
use super::balancer_change::SETTINGS;
use super::tags::{self, GONE};
use super::{PAGE, made_before, suffix, those};
use crate::client::Context;
use crate::compute::common::{self, changes, passing};
use crate::error::{absent, failed, is};
use crate::planned::{in_place, replaced, unknown};
use crate::resource::{AwsType, Wanted};
use crate::tags::{Tags, filter};
use crate::timeouts::Timeouts;
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as elb;
use formwork_provider::{CallError, Computed, Nested, PlanRequest, PlanResponse, Problem, Resource};
use formwork_value::{Path, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// A load balancer: for HTTP (`application`) or for connections (`network`).
#[derive(Clone, Resource)]
#[resource(name = "aws_lb")]
pub(super) struct Balancer {
    /// Name, unique in the region; up to 32 letters, digits and hyphens. If not set, one is made up.
    #[attr(optional, replace)]
    pub name: Computed<String>,
    /// Beginning of the name that is made up, up to 6 characters. Conflicts with `name`.
    #[attr(optional, replace)]
    pub name_prefix: Computed<String>,
    /// `application`, `network` or `gateway`.
    #[attr(replace, default = "application")]
    pub load_balancer_type: String,
    /// Whether it can be reached from inside the network only.
    #[attr(optional, replace)]
    pub internal: Computed<bool>,
    /// `ipv4` or `dualstack`.
    #[attr(optional)]
    pub ip_address_type: Computed<String>,
    /// IDs of security groups.
    #[attr(optional)]
    pub security_groups: Computed<BTreeSet<String>>,
    /// IDs of the subnets that it has an address in. Either they or blocks `subnet_mapping` are needed.
    #[attr(optional)]
    pub subnets: Computed<BTreeSet<String>>,
    /// Subnets, with the addresses that it is to have there.
    #[block(set)]
    pub subnet_mapping: Vec<SubnetMapping>,
    /// Pool of addresses that the account owns, for use with an Outpost.
    #[attr(replace)]
    pub customer_owned_ipv4_pool: Option<String>,
    /// For how many seconds a client's connection is kept. Application balancers only.
    #[attr(default = 3600)]
    pub client_keep_alive: i64,
    /// What is done with requests that look dangerous: `monitor`, `defensive` or `strictest`. Application balancers only.
    #[attr(default = "defensive")]
    pub desync_mitigation_mode: String,
    /// Which zones' addresses a name is resolved to: `any_availability_zone`, `partial_availability_zone_affinity` or
    /// `availability_zone_affinity`. Network balancers only.
    #[attr(default = "any_availability_zone")]
    pub dns_record_client_routing_policy: String,
    /// Whether header fields with invalid names are dropped. Application balancers only.
    #[attr(default = false)]
    pub drop_invalid_header_fields: bool,
    /// Whether each zone's address sends to the targets of all zones. Not for application balancers, which always do.
    #[attr(default = false)]
    pub enable_cross_zone_load_balancing: bool,
    /// Whether deleting it by the API is refused; it must be `false` before it can be destroyed.
    #[attr(default = false)]
    pub enable_deletion_protection: bool,
    /// Whether clients may speak HTTP/2. Application balancers only.
    #[attr(default = true)]
    pub enable_http2: bool,
    /// Whether targets are told of the TLS version and cipher. Application balancers only.
    #[attr(default = false)]
    pub enable_tls_version_and_cipher_suite_headers: bool,
    /// Whether requests go through when the firewall cannot be asked. Application balancers only.
    #[attr(default = false)]
    pub enable_waf_fail_open: bool,
    /// Whether targets are told the client's port. Application balancers only.
    #[attr(default = false)]
    pub enable_xff_client_port: bool,
    /// Whether traffic may be shifted away from a zone.
    #[attr(default = false)]
    pub enable_zonal_shift: bool,
    /// Whether security groups count for traffic by PrivateLink: `on` or `off`. Network balancers only.
    #[attr(optional)]
    pub enforce_security_group_inbound_rules_on_private_link_traffic: Computed<String>,
    /// After how many seconds without traffic a connection is closed. Application balancers only.
    #[attr(default = 60)]
    pub idle_timeout: i64,
    /// Whether targets get the client's Host field. Application balancers only.
    #[attr(default = false)]
    pub preserve_host_header: bool,
    /// What is done with X-Forwarded-For: `append`, `preserve` or `remove`. Application balancers only.
    #[attr(default = "append")]
    pub xff_header_processing_mode: String,
    /// Tags, over the provider's `default_tags`.
    pub tags: Option<Tags>,
    /// All tags, with those of the provider's `default_tags`.
    pub tags_all: Computed<Tags>,
    /// ARN of the balancer.
    pub arn: Computed<String>,
    /// The end of the ARN, as metrics name it.
    pub arn_suffix: Computed<String>,
    /// Name by which it is reached.
    pub dns_name: Computed<String>,
    /// The network it is in.
    pub vpc_id: Computed<String>,
    /// Zone of Route 53 that the name is in, for alias records.
    pub zone_id: Computed<String>,
    /// ARN of the balancer.
    pub id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    pub timeouts: Option<Timeouts>,
}

/// A subnet, with the address that the balancer is to have there.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct SubnetMapping {
    /// ID of the subnet.
    pub subnet_id: String,
    /// Allocation ID of an Elastic IP, for a network balancer that is not internal.
    pub allocation_id: Option<String>,
    /// Private address, for an internal network balancer.
    pub private_ipv4_address: Option<String>,
    /// IPv6 address.
    pub ipv6_address: Option<String>,
    /// ID of the Outpost.
    pub outpost_id: Computed<String>,
}

/// A balancer, as AWS tells of it.
pub(super) struct Found {
    balancer: elb::LoadBalancer,
    attributes: Tags,
    tags: Tags,
}

const READ: &str = "The load balancer could not be read";

/// Lists by ARN or name; nothing if one of them is not there.
async fn list(
    arns: Option<Vec<String>>,
    names: Option<Vec<String>>,
    cx: &Context<'_>,
) -> Result<Option<Vec<elb::LoadBalancer>>, CallError> {
    let call = cx.client.elb.describe_load_balancers().set_load_balancer_arns(arns).set_names(names);
    let answer = absent(call.send().await, &GONE).map_err(|e| failed(READ, e))?;
    Ok(answer.map(|answer| answer.load_balancers.unwrap_or_default()))
}

impl Balancer {
    fn chosen_name(&self, cx: &Context<'_>) -> String {
        common::name(&self.name, &self.name_prefix, "tf-lb-", cx.token)
    }

    /// The blocks that were configured, as they are.
    fn mappings(&self, zones: &[elb::AvailabilityZone]) -> Vec<SubnetMapping> {
        let mut out: Vec<SubnetMapping> = Vec::new();
        if self.subnet_mapping.is_empty() {
            return out;
        }
        for zone in zones {
            let subnet = zone.subnet_id().unwrap_or_default();
            let known = self.subnet_mapping.iter().find(|mapping| mapping.subnet_id == subnet);
            let address = zone.load_balancer_addresses().first();
            let text = |told: Option<&str>, known: Option<&String>| {
                told.filter(|told| !told.is_empty()).map(str::to_owned).or_else(|| known.cloned())
            };
            let said = |of: fn(&SubnetMapping) -> Option<&String>| known.and_then(of);
            // Addresses that AWS chose were not asked for.
            let private = address.and_then(|a| a.private_ipv4_address());
            let v6 = address.and_then(|a| a.ipv6_address());
            out.push(SubnetMapping {
                subnet_id: subnet.to_owned(),
                allocation_id: text(
                    address.and_then(|a| a.allocation_id()),
                    said(|m| m.allocation_id.as_ref()).filter(|_| address.is_none()),
                ),
                private_ipv4_address: said(|m| m.private_ipv4_address.as_ref())
                    .and_then(|known| text(private, Some(known))),
                ipv6_address: said(|m| m.ipv6_address.as_ref()).and_then(|known| text(v6, Some(known))),
                outpost_id: zone.outpost_id().unwrap_or_default().into(),
            });
        }
        out
    }

    fn request(&self, mapping: &SubnetMapping) -> elb::SubnetMapping {
        elb::SubnetMapping::builder()
            .subnet_id(&mapping.subnet_id)
            .set_allocation_id(mapping.allocation_id.clone().filter(|id| !id.is_empty()))
            .set_private_ipv4_address(mapping.private_ipv4_address.clone().filter(|ip| !ip.is_empty()))
            .set_ipv6_address(mapping.ipv6_address.clone().filter(|ip| !ip.is_empty()))
            .build()
    }

    /// Subnets, as calls take them: as blocks or as IDs.
    pub(super) fn places(&self) -> (Option<Vec<String>>, Option<Vec<elb::SubnetMapping>>) {
        if self.subnet_mapping.is_empty() {
            return (self.subnets.get().map(|ids| ids.iter().cloned().collect()), None);
        }
        (None, Some(self.subnet_mapping.iter().map(|mapping| self.request(mapping)).collect()))
    }
}

/// IDs of all subnets that an object value names, as far as they are known.
fn subnet_ids(value: &Value) -> Option<BTreeSet<String>> {
    let set = |name: &str| value.get(name).and_then(Value::as_slice).filter(|items| !items.is_empty());
    let id = |value: &Value| value.as_str().map(str::to_owned);
    match (set("subnet_mapping"), set("subnets")) {
        (Some(blocks), _) => blocks.iter().map(|block| block.get("subnet_id").and_then(id)).collect(),
        (None, Some(ids)) => ids.iter().map(id).collect(),
        (None, None) => None,
    }
}

/// Why a network balancer cannot be changed in place.
fn stuck(request: &PlanRequest<'_>, plan: &PlanResponse) -> Option<&'static str> {
    let prior = &request.prior?.value;
    if let (Some(before), Some(after)) = (subnet_ids(prior), subnet_ids(&plan.planned))
        && !after.is_superset(&before)
    {
        let blocks = plan.planned.get("subnet_mapping").is_some_and(|blocks| !blocks.is_empty());
        return Some(if blocks { "subnet_mapping" } else { "subnets" });
    }
    let some =
        |value: &Value| value.get("security_groups").and_then(Value::as_slice).map(|ids| !ids.is_empty());
    let now = plan
        .planned
        .get("security_groups")
        .filter(|groups| groups.is_known())
        .and_then(|_| some(&plan.planned));
    (changes(request, plan, "security_groups") && now.is_some() && some(prior) != now)
        .then_some("security_groups")
}

#[async_trait]
impl AwsType for Balancer {
    type Found = Found;
    const IDEMPOTENT: bool = true;
    const PAGE: usize = PAGE;
    const PATIENCE: Duration = Duration::from_secs(20 * 60);

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let found = match wanted {
            Wanted::Ids(arns) => those(arns, |arns| list(Some(arns), None, cx)).await?,
            Wanted::Made(wanted) => {
                list(None, Some(vec![wanted.chosen_name(cx)]), cx).await?.unwrap_or_default()
            }
        };
        let mut out = Vec::with_capacity(found.len());
        for (balancer, tags) in tags::with(found, elb::LoadBalancer::load_balancer_arn, cx).await? {
            let call = cx.client.elb.describe_load_balancer_attributes();
            let call = call.set_load_balancer_arn(balancer.load_balancer_arn.clone());
            // One that goes meanwhile is left out.
            if let Some(answer) = absent(call.send().await, &GONE).map_err(|e| failed(READ, e))? {
                let attributes = answer.attributes().iter();
                let pair = |a: &elb::LoadBalancerAttribute| {
                    Some((a.key.clone()?, a.value.clone().unwrap_or_default()))
                };
                out.push(Found { balancer, attributes: attributes.filter_map(pair).collect(), tags });
            }
        }
        Ok(out)
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.balancer.load_balancer_arn()
    }

    fn is_made(&self, found: &Found, cx: &Context<'_>) -> bool {
        tags::ours(&found.tags, cx)
    }

    async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let Found { balancer, attributes, tags } = found;
        let (own, all) = cx.client.settings.split(&self.tags, tags.clone());
        let arn = balancer.load_balancer_arn().unwrap_or_default();
        let kind = balancer.r#type().map_or(&*self.load_balancer_type, |kind| kind.as_str());
        let zones = balancer.availability_zones();
        let enforced = balancer.enforce_security_group_inbound_rules_on_private_link_traffic.clone();
        let mut seen = Balancer {
            name: balancer.load_balancer_name.clone().into(),
            name_prefix: self.name_prefix.or_choose(String::new),
            load_balancer_type: kind.to_owned(),
            internal: balancer.scheme().map(|scheme| *scheme == elb::LoadBalancerSchemeEnum::Internal).into(),
            ip_address_type: balancer.ip_address_type().map(|kind| kind.as_str().to_owned()).into(),
            security_groups: Computed::Known(balancer.security_groups().iter().cloned().collect()),
            subnets: Computed::Known(zones.iter().filter_map(|zone| zone.subnet_id.clone()).collect()),
            subnet_mapping: self.mappings(zones),
            enforce_security_group_inbound_rules_on_private_link_traffic: enforced
                .or_else(|| self.enforce_security_group_inbound_rules_on_private_link_traffic.get().cloned())
                .unwrap_or_default()
                .into(),
            tags: own,
            tags_all: all.into(),
            arn: arn.into(),
            arn_suffix: suffix(arn, ":loadbalancer/").into(),
            dns_name: balancer.dns_name.clone().into(),
            vpc_id: balancer.vpc_id.clone().into(),
            zone_id: balancer.canonical_hosted_zone_id.clone().into(),
            id: arn.into(),
            ..self.clone()
        };
        filled(&SETTINGS, kind, &mut seen, attributes);
        Ok(Some(seen))
    }

    fn check(config: &Value) -> Vec<Problem> {
        let subnets = config.get("subnets").is_some_and(|v| !v.is_null());
        let mapping = config.get("subnet_mapping").is_some_and(|v| !v.is_known() || !v.is_empty());
        if subnets != mapping {
            return Vec::new();
        }
        let detail = if subnets {
            "subnets and subnet_mapping cannot both be set. Keep one of them."
        } else {
            "A load balancer needs subnets. Set subnets, or write subnet_mapping blocks."
        };
        vec![Problem::error(Path::root().attr("subnets"), "Unclear subnets", detail)]
    }

    fn plan(request: &PlanRequest<'_>, mut plan: PlanResponse) -> PlanResponse {
        if in_place(request, &plan).is_none() {
            return plan;
        }
        let mapped = request.config.get("subnet_mapping").is_some_and(|blocks| !blocks.is_empty());
        if mapped && changes(request, &plan, "subnet_mapping") {
            plan = unknown(request, plan, &["subnets"]);
        }
        let network = plan.planned.get("load_balancer_type").and_then(Value::as_str) == Some("network");
        match stuck(request, &plan).filter(|_| network) {
            Some(name) => replaced::<Self>(request, plan, &[name]),
            None => plan,
        }
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        const WHAT: &str = "The load balancer could not be created";
        let name = self.chosen_name(cx);
        if let Some(made) = made_before(self, cx, || common::taken("load balancer", &name)).await? {
            return Ok(made);
        }
        let (subnets, mappings) = self.places();
        let internal = self.internal.get() == Some(&true);
        let call = cx.client.elb.create_load_balancer().name(&name);
        let call = call
            .r#type(elb::LoadBalancerTypeEnum::from(self.load_balancer_type.as_str()))
            .set_scheme(internal.then_some(elb::LoadBalancerSchemeEnum::Internal))
            .set_ip_address_type(
                self.ip_address_type.get().map(|kind| elb::IpAddressType::from(kind.as_str())),
            )
            .set_security_groups(self.security_groups.get().map(|ids| ids.iter().cloned().collect()))
            .set_customer_owned_ipv4_pool(self.customer_owned_ipv4_pool.clone())
            .set_subnets(subnets)
            .set_subnet_mappings(mappings)
            .set_tags(Some(tags::new(&self.tags, cx)));
        match call.send().await {
            Ok(made) => {
                let arn =
                    made.load_balancers().first().and_then(|balancer| balancer.load_balancer_arn.clone());
                Ok(Balancer { name: name.into(), arn: arn.clone().into(), id: arn.into(), ..self.clone() })
            }
            Err(error) => {
                // There is one that could not be seen before: perhaps a call before this one made it. And a subnet or
                // group that is new may be unknown there for a moment.
                let again = ["DuplicateLoadBalancerName", "SubnetNotFound", "InvalidSecurityGroup"];
                let soon = is(&error, &again);
                let told = failed(WHAT, error);
                Err(if soon { passing(told) } else { told })
            }
        }
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        self.set_up(&created.key(), cx).await
    }

    async fn ready(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        let found = list(Some(vec![self.key()]), None, cx).await?.unwrap_or_default();
        let Some(state) = found.first().and_then(|balancer| balancer.state()) else { return Ok(false) };
        match state.code() {
            Some(elb::LoadBalancerStateEnum::Active) => Ok(true),
            Some(elb::LoadBalancerStateEnum::Failed) => {
                let reason = state.reason().unwrap_or("no reason is told");
                let detail = format!("AWS gave up making it: {reason}.");
                Err(CallError { no_effect: false, ..CallError::new("The load balancer failed", detail) })
            }
            _ => Ok(false),
        }
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        self.bring(prior, cx).await?;
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.elb.delete_load_balancer().load_balancer_arn(self.key());
        absent(call.send().await, &GONE)
            .map(drop)
            .map_err(|e| failed("The load balancer could not be deleted", e))
    }

    /// Its interfaces go later than itself, and hold subnets, groups and addresses until then.
    async fn gone(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        let of_it = format!("ELB {}", suffix(&self.key(), ":loadbalancer/"));
        let call = cx.client.ec2.describe_network_interfaces().filters(filter("description", [of_it]));
        let left = call.send().await.map_err(|e| failed("Its network interfaces could not be read", e))?;
        Ok(left.network_interfaces().is_empty())
    }
}
