//! `aws_vpc_security_group_ingress_rule` and `aws_vpc_security_group_egress_rule`.

use super::cidr::{self, Family};
use super::permissions::{group_name, group_parts, protocol};
use crate::client::Context;
use crate::error::{absent, failed, lagging};
use crate::planned::{in_place, replaced};
use crate::resource::{AwsType, Wanted};
use crate::tags::{Tags, seen, specification};
use async_trait::async_trait;
use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroupRule as Found,
    SecurityGroupRuleRequest, SecurityGroupRuleUpdate, UserIdGroupPair,
};
use formwork_provider::{CallError, Computed, Model, PlanRequest, PlanResponse, Problem, Resource};
use formwork_value::{Path, Value};

const GONE: [&str; 3] =
    ["InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound", "InvalidPermission.NotFound"];
const PEERS: [&str; 4] = ["cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"];

fn port(port: Option<i64>) -> Option<i32> {
    port.and_then(|port| i32::try_from(port).ok())
}

/// The port that was found; `-1` and nothing mean the same, and so it stays as it was written.
fn seen_port(found: Option<i32>, written: Option<i64>) -> Option<i64> {
    found.map(i64::from).filter(|port| *port != -1 || written.is_some())
}

fn check(config: &Value) -> Vec<Problem> {
    let mut problems = cidr::check(config, &[("cidr_ipv4", Family::V4), ("cidr_ipv6", Family::V6)]);
    let given: Vec<_> =
        PEERS.into_iter().filter(|name| config.get(name).is_some_and(|v| !v.is_null())).collect();
    if given.len() != 1 {
        let found =
            if given.is_empty() { "None is set".into() } else { format!("{} are set", given.join(" and ")) };
        let detail = format!("A rule is about one of {}. {found}. Set one.", PEERS.join(", "));
        let at = Path::root().attr(given.first().copied().unwrap_or(PEERS[0]));
        problems.push(Problem::error(at, "Invalid security group rule", detail));
    }
    problems
}

/// A rule stays with the kind of addresses that it was made for.
fn plan_peers<T: Model>(request: &PlanRequest<'_>, plan: PlanResponse) -> PlanResponse {
    let Some(prior) = in_place(request, &plan) else { return plan };
    let set = |object: &Value, name: &str| object.get(name).is_some_and(|v| !v.is_null());
    let changed: Vec<_> =
        PEERS.into_iter().filter(|name| set(prior, name) != set(&plan.planned, name)).collect();
    if changed.is_empty() { plan } else { replaced::<T>(request, plan, &changed) }
}

macro_rules! rule {
    ($type:ident, $name:literal, $doc:literal, $egress:literal, $what:literal, $authorize:ident, $revoke:ident) => {
        #[doc = $doc]
        #[derive(Clone, Resource)]
        #[resource(name = $name)]
        pub(crate) struct $type {
            /// The security group.
            #[attr(replace)]
            security_group_id: String,
            /// Protocol: `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
            ip_protocol: String,
            /// First port, or the ICMP type. Not with the protocol `-1`.
            from_port: Option<i64>,
            /// Last port, or the ICMP code. Not with the protocol `-1`.
            to_port: Option<i64>,
            /// IPv4 addresses at the other end, such as `10.0.0.0/8`.
            cidr_ipv4: Option<String>,
            /// IPv6 addresses at the other end.
            cidr_ipv6: Option<String>,
            /// Managed list of addresses at the other end.
            prefix_list_id: Option<String>,
            /// Security group of whoever is at the other end; `account/sg-…` if it is another account's.
            referenced_security_group_id: Option<String>,
            /// What the rule is for.
            description: Option<String>,
            /// Tags, values by key.
            tags: Option<Tags>,
            /// All tags, with the provider's default tags.
            tags_all: Computed<Tags>,
            /// ARN of the rule.
            arn: Computed<String>,
            /// Id of the rule: `sgr-…`.
            security_group_rule_id: Computed<String>,
            /// Id of the rule: `sgr-…`.
            id: Computed<String>,
        }

        impl $type {
            fn permission(&self) -> IpPermission {
                let text = self.description.clone();
                let call = IpPermission::builder().ip_protocol(&self.ip_protocol);
                let mut call = call.set_from_port(port(self.from_port)).set_to_port(port(self.to_port));
                if let Some(range) = &self.cidr_ipv4 {
                    let range = IpRange::builder().cidr_ip(range).set_description(text.clone());
                    call = call.ip_ranges(range.build());
                }
                if let Some(range) = &self.cidr_ipv6 {
                    let range = Ipv6Range::builder().cidr_ipv6(range).set_description(text.clone());
                    call = call.ipv6_ranges(range.build());
                }
                if let Some(list) = &self.prefix_list_id {
                    let list = PrefixListId::builder().prefix_list_id(list).set_description(text.clone());
                    call = call.prefix_list_ids(list.build());
                }
                if let Some(name) = &self.referenced_security_group_id {
                    let (account, group) = group_parts(name);
                    let pair = UserIdGroupPair::builder().group_id(group).set_description(text);
                    call = call.user_id_group_pairs(pair.set_user_id(account.map(str::to_owned)).build());
                }
                call.build()
            }

            fn request(&self) -> SecurityGroupRuleRequest {
                let group = self.referenced_security_group_id.as_deref().map(group_parts);
                SecurityGroupRuleRequest::builder()
                    .ip_protocol(&self.ip_protocol)
                    .set_from_port(port(self.from_port))
                    .set_to_port(port(self.to_port))
                    .set_cidr_ipv4(self.cidr_ipv4.clone())
                    .set_cidr_ipv6(self.cidr_ipv6.clone())
                    .set_prefix_list_id(self.prefix_list_id.clone())
                    .set_referenced_group_id(group.map(|(_, group)| group.to_owned()))
                    .description(self.description.clone().unwrap_or_default())
                    .build()
            }
        }

        #[async_trait]
        impl AwsType for $type {
            type Found = Found;

            async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
                let filter = wanted.filter("security-group-rule-id", cx);
                let call = cx.client.ec2.describe_security_group_rules().filters(filter);
                let rules: Vec<Found> = call
                    .into_paginator()
                    .items()
                    .send()
                    .collect::<Result<_, _>>()
                    .await
                    .map_err(|e| failed("Security group rules could not be listed", e))?;
                Ok(rules.into_iter().filter(|rule| rule.is_egress().unwrap_or(false) == $egress).collect())
            }

            fn found_id(found: &Found) -> Option<&str> {
                found.security_group_rule_id()
            }

            async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
                let id = found.security_group_rule_id().unwrap_or_default();
                let owner = found.group_owner_id().unwrap_or_default();
                let (tags, tags_all) = seen(cx, &self.tags, found.tags());
                let arn = || cx.client.arn("ec2", owner, &format!("security-group-rule/{id}"));
                let found_protocol = found.ip_protocol().unwrap_or_default();
                let same = protocol(&self.ip_protocol) == found_protocol;
                let peer = found.referenced_group_info();
                let peer = peer.map(|g| group_name(g.group_id().unwrap_or_default(), g.user_id(), owner));
                Ok(Some($type {
                    security_group_id: found.group_id().unwrap_or_default().to_owned(),
                    ip_protocol: if same { self.ip_protocol.clone() } else { found_protocol.to_owned() },
                    from_port: seen_port(found.from_port, self.from_port),
                    to_port: seen_port(found.to_port, self.to_port),
                    cidr_ipv4: found.cidr_ipv4.clone(),
                    cidr_ipv6: found.cidr_ipv6.clone(),
                    prefix_list_id: found.prefix_list_id.clone(),
                    referenced_security_group_id: peer,
                    description: found
                        .description
                        .clone()
                        .filter(|text| !text.is_empty() || self.description.is_some()),
                    tags,
                    tags_all: tags_all.into(),
                    arn: found.security_group_rule_arn.clone().unwrap_or_else(arn).into(),
                    security_group_rule_id: id.into(),
                    id: id.into(),
                }))
            }

            fn check(config: &Value) -> Vec<Problem> {
                check(config)
            }

            fn plan(request: &PlanRequest<'_>, plan: PlanResponse) -> PlanResponse {
                plan_peers::<Self>(request, plan)
            }

            async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
                let tags = specification(ResourceType::SecurityGroupRule, &self.tags, cx);
                let call = cx.client.ec2.$authorize().group_id(&self.security_group_id);
                let call = call.ip_permissions(self.permission()).tag_specifications(tags);
                let made =
                    call.send().await.map_err(|e| failed(concat!($what, " could not be authorized"), e))?;
                let id = made.security_group_rules().first().and_then(|r| r.security_group_rule_id.clone());
                Ok($type { id: id.into(), ..self.clone() })
            }

            async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
                if self.request() != prior.request() {
                    let rule = SecurityGroupRuleUpdate::builder().security_group_rule_id(self.key());
                    let rule = rule.security_group_rule(self.request()).build();
                    let call = cx.client.ec2.modify_security_group_rules().group_id(&self.security_group_id);
                    let call = call.security_group_rules(rule);
                    call.send().await.map_err(|e| lagging(concat!($what, " could not be changed"), e))?;
                }
                Ok(self.clone())
            }

            async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
                let call = cx.client.ec2.$revoke().group_id(&self.security_group_id);
                let call = call.security_group_rule_ids(self.key()).send().await;
                absent(call, &GONE).map(drop).map_err(|e| failed(concat!($what, " could not be revoked"), e))
            }
        }
    };
}

rule!(
    Ingress,
    "aws_vpc_security_group_ingress_rule",
    "Lets traffic into a security group. Imported by its id.",
    false,
    "The rule for incoming traffic",
    authorize_security_group_ingress,
    revoke_security_group_ingress
);
rule!(
    Egress,
    "aws_vpc_security_group_egress_rule",
    "Lets traffic out of a security group. Imported by its id.",
    true,
    "The rule for outgoing traffic",
    authorize_security_group_egress,
    revoke_security_group_egress
);
