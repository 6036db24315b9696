//! `aws_security_group`.

use super::permissions::{Atom, Permission, atoms, blocks, found as held, permissions};
use crate::client::Context;
use crate::error::{absent, failed, lagging, not_yet};
use crate::planned::{prefix_of, unique_name};
use crate::resource::{AwsType, Wanted, delete, listed};
use crate::tags::{Tags, filter, seen, specification};
use crate::timeouts::Timeouts;
use crate::waiting::until;
use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, ResourceType, SecurityGroup as Found, SecurityGroupRule};
use formwork_provider::{CallError, Computed, Problem, Resource};
use formwork_value::{Path, Value};
use std::collections::BTreeSet;

const GONE: [&str; 2] = ["InvalidGroup.NotFound", "InvalidGroupId.NotFound"];
const NO_RULE: [&str; 4] =
    ["InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound", GONE[0], GONE[1]];

/// Rules on which traffic is let through. A new group lets nothing through, in either direction, unless it says so.
/// Imported by its id.
#[derive(Clone, Resource)]
#[resource(name = "aws_security_group", version = 1)]
pub(crate) struct SecurityGroup {
    /// Name, unique in its VPC. One is made up if neither this nor `name_prefix` is given.
    #[attr(replace, optional)]
    name: Computed<String>,
    /// Beginning of a name, to which something unique is added.
    #[attr(replace, optional)]
    name_prefix: Computed<String>,
    /// What the group is for. It cannot be changed in place.
    #[attr(replace, default = "Managed by Terraform")]
    description: String,
    /// The VPC; the account's default VPC if not set.
    #[attr(replace, optional)]
    vpc_id: Computed<String>,
    /// What is let in. May be written as blocks. If it is not given, rules that others make are left alone;
    /// `ingress = []` removes them. Do not use it together with `aws_vpc_security_group_ingress_rule`.
    #[attr(optional)]
    ingress: Computed<BTreeSet<Permission>>,
    /// What is let out. May be written as blocks. If it is not given, rules that others make are left alone;
    /// `egress = []` removes them. Do not use it together with `aws_vpc_security_group_egress_rule`.
    #[attr(optional)]
    egress: Computed<BTreeSet<Permission>>,
    /// Whether to take away all rules of the group, and other groups' rules that name it, before it is deleted.
    #[attr(default = false)]
    revoke_rules_on_delete: bool,
    /// Tags, values by key.
    tags: Option<Tags>,
    /// All tags, with the provider's default tags.
    tags_all: Computed<Tags>,
    /// ARN of the group.
    arn: Computed<String>,
    /// Account that the group belongs to.
    owner_id: Computed<String>,
    /// Id of the group: `sg-…`.
    id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    timeouts: Option<Timeouts>,
}

/// Takes away what is there and not wanted, and adds what is wanted and not there.
macro_rules! bring {
    ($cx:expr, $id:expr, $what:literal, $there:expr, $wanted:expr, $revoke:ident, $authorize:ident) => {{
        let (there, wanted): (&BTreeSet<Atom>, &BTreeSet<Atom>) = ($there, $wanted);
        let gone = permissions(there.difference(wanted));
        if !gone.is_empty() {
            let call = $cx.client.ec2.$revoke().group_id($id).set_ip_permissions(Some(gone));
            absent(call.send().await, &NO_RULE)
                .map_err(|e| failed(concat!("Rules for ", $what, " traffic could not be revoked"), e))?;
        }
        let new = permissions(wanted.difference(there));
        if !new.is_empty() {
            let call = $cx.client.ec2.$authorize().group_id($id).set_ip_permissions(Some(new));
            call.send()
                .await
                .map_err(|e| lagging(concat!("Rules for ", $what, " traffic could not be authorized"), e))?;
        }
    }};
}

impl SecurityGroup {
    /// Brings the rules to what is wanted, from what is there.
    async fn bring(
        id: &str,
        ingress: Option<&BTreeSet<Permission>>,
        egress: Option<&BTreeSet<Permission>>,
        cx: &Context<'_>,
    ) -> Result<(), CallError> {
        if ingress.is_none() && egress.is_none() {
            return Ok(());
        }
        let Some(there) = listed::<Self>(id, cx).await? else {
            return Err(not_yet("The security group's rules could not be set", id));
        };
        let ingress = ingress.map(|wanted| atoms(wanted, id));
        let egress = egress.map(|wanted| atoms(wanted, id));
        let (incoming, outgoing) = directions(&there);
        if let Some(wanted) = &ingress {
            bring!(
                cx,
                id,
                "incoming",
                &incoming,
                wanted,
                revoke_security_group_ingress,
                authorize_security_group_ingress
            );
        }
        if let Some(wanted) = &egress {
            bring!(
                cx,
                id,
                "outgoing",
                &outgoing,
                wanted,
                revoke_security_group_egress,
                authorize_security_group_egress
            );
        }
        let is = |there: &BTreeSet<Atom>, wanted: &Option<BTreeSet<Atom>>| {
            wanted.as_ref().is_none_or(|wanted| wanted == there)
        };
        let (is, ingress, egress) = (&is, &ingress, &egress);
        until(cx, || {
            Box::pin(async move {
                let found = listed::<Self>(id, cx).await?;
                Ok(found.is_some_and(|found| {
                    let (incoming, outgoing) = directions(&found);
                    is(&incoming, ingress) && is(&outgoing, egress)
                }))
            })
        })
        .await
    }

    /// Takes away all rules of the group, and those of others that name it.
    async fn revoke(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let own = self.key();
        let mut groups = vec![own.clone()];
        for name in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
            let others = groups_of(filter(name, [&own]), cx).await?;
            groups.extend(others.into_iter().filter_map(|group| group.group_id));
        }
        let rules = cx.client.ec2.describe_security_group_rules().filters(filter("group-id", groups));
        let rules: Vec<SecurityGroupRule> = rules
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| failed("The security group's rules could not be listed", e))?;
        let what = "A rule of the security group could not be revoked";
        for rule in rules {
            let (Some(group), Some(id)) = (rule.group_id(), rule.security_group_rule_id()) else { continue };
            let names_it = rule.referenced_group_info().and_then(|g| g.group_id()) == Some(&own);
            if group != own && !names_it {
                continue;
            }
            let ec2 = &cx.client.ec2;
            if rule.is_egress() == Some(true) {
                let call = ec2.revoke_security_group_egress().group_id(group).security_group_rule_ids(id);
                absent(call.send().await, &NO_RULE).map_err(|e| failed(what, e))?;
            } else {
                let call = ec2.revoke_security_group_ingress().group_id(group).security_group_rule_ids(id);
                absent(call.send().await, &NO_RULE).map_err(|e| failed(what, e))?;
            }
        }
        Ok(())
    }
}

/// The groups that a filter lets through.
async fn groups_of(filter: Filter, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
    let pages = cx.client.ec2.describe_security_groups().filters(filter).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(|e| failed("Security groups could not be listed", e))
}

/// The rules that a group has, for incoming and for outgoing traffic.
fn directions(found: &Found) -> (BTreeSet<Atom>, BTreeSet<Atom>) {
    let owner = found.owner_id().unwrap_or_default();
    (held(found.ip_permissions(), owner), held(found.ip_permissions_egress(), owner))
}

#[async_trait]
impl AwsType for SecurityGroup {
    type Found = Found;
    const GONE: &[&str] = &GONE;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        groups_of(wanted.filter("group-id", cx), cx).await
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.group_id()
    }

    async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let id = found.group_id().unwrap_or_default();
        let owner = found.owner_id().unwrap_or_default();
        let (tags, tags_all) = seen(cx, &self.tags, found.tags());
        let name = found.group_name().unwrap_or_default();
        let prefix = match self.name_prefix.get() {
            Some(prefix) if name.starts_with(prefix.as_str()) => Some(prefix.clone()),
            _ => prefix_of(name).map(str::to_owned),
        };
        let before = |rules: &Computed<BTreeSet<Permission>>| rules.get().cloned().unwrap_or_default();
        let ingress = blocks(&before(&self.ingress), held(found.ip_permissions(), owner), id);
        let egress = blocks(&before(&self.egress), held(found.ip_permissions_egress(), owner), id);
        let arn = || cx.client.arn("ec2", owner, &format!("security-group/{id}"));
        Ok(Some(SecurityGroup {
            name: name.into(),
            name_prefix: prefix.into(),
            description: found.description().unwrap_or_default().to_owned(),
            vpc_id: found.vpc_id.clone().into(),
            ingress: ingress.into(),
            egress: egress.into(),
            revoke_rules_on_delete: self.revoke_rules_on_delete,
            tags,
            tags_all: tags_all.into(),
            arn: found.security_group_arn.clone().unwrap_or_else(arn).into(),
            owner_id: owner.into(),
            id: id.into(),
            timeouts: self.timeouts.clone(),
        }))
    }

    fn check(config: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let given = ["name", "name_prefix"].map(|name| config.get(name).is_some_and(|v| !v.is_null()));
        if given == [true, true] {
            let detail = "name and name_prefix cannot both be set. Keep one of them.";
            problems.push(Problem::error(Path::root().attr("name_prefix"), "Conflicting arguments", detail));
        }
        for name in ["name", "name_prefix"] {
            let text = config.get(name).and_then(Value::as_str).unwrap_or_default();
            if text.starts_with("sg-") {
                let detail = "Names of security groups cannot begin with sg-: their ids do. Choose another.";
                problems.push(Problem::error(Path::root().attr(name), "Invalid security group name", detail));
            }
        }
        problems
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let prefix = self.name_prefix.get().map_or("terraform-", String::as_str);
        let name = self.name.get().cloned().unwrap_or_else(|| unique_name(prefix, cx.token));
        let call = cx.client.ec2.create_security_group().group_name(&name).description(&self.description);
        let call = call.set_vpc_id(self.vpc_id.get().cloned()).tag_specifications(specification(
            ResourceType::SecurityGroup,
            &self.tags,
            cx,
        ));
        let made = call.send().await.map_err(|e| failed("The security group could not be created", e))?;
        Ok(SecurityGroup { id: made.group_id.into(), name: name.into(), ..self.clone() })
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        // AWS lets everything out of a new group. That is nobody's wish until it is written down.
        let none = BTreeSet::new();
        Self::bring(&created.key(), self.ingress.get(), Some(self.egress.get().unwrap_or(&none)), cx).await
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        // Rules that the plan leaves alone may be another resource's.
        let ingress = self.ingress.get().filter(|_| self.ingress != prior.ingress);
        let egress = self.egress.get().filter(|_| self.egress != prior.egress);
        Self::bring(&self.key(), ingress, egress, cx).await?;
        let kept = |rules: &Computed<BTreeSet<Permission>>, changed: bool| {
            if changed { rules.clone() } else { Computed::Unknown }
        };
        let (ingress, egress) =
            (kept(&self.ingress, ingress.is_some()), kept(&self.egress, egress.is_some()));
        Ok(SecurityGroup { ingress, egress, ..self.clone() })
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        if self.revoke_rules_on_delete {
            self.revoke(cx).await?;
        }
        let call = cx.client.ec2.delete_security_group().group_id(self.key());
        let what = "The security group could not be deleted";
        let again = async || {
            if self.revoke_rules_on_delete {
                // A rule that was just made may not have been listed before.
                let _ = self.revoke(cx).await;
            }
            call.clone().send().await
        };
        delete(self, what, cx, again).await
    }
}
