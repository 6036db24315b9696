//! `aws_lb_target_group`: what it is; the calls that change it are in `group_change`.

use super::check::{HealthCheck, Stickiness};
use super::tags::{self, GONE};
use super::{PAGE, made_before, small, suffix, those};
use crate::client::Context;
use crate::compute::common::{self, passing, said};
use crate::error::{absent, failed, is};
use crate::resource::{AwsType, Wanted, delete};
use crate::tags::Tags;
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as elb;
use formwork_provider::{CallError, Computed, Resource};
use std::collections::BTreeSet;

/// A group of targets that listeners send to: instances, addresses, a function, or another load balancer.
#[derive(Clone, Resource)]
#[resource(name = "aws_lb_target_group")]
pub(super) struct TargetGroup {
    /// Name, unique in the region; up to 32 letters, digits and hyphens. If not set, one is made up.
    #[attr(optional, replace)]
    pub name: Computed<String>,
    /// Beginning of the name that is made up, up to 6 characters. Conflicts with `name`.
    #[attr(optional, replace)]
    pub name_prefix: Computed<String>,
    /// Port of the targets, unless they are attached with another. Needed unless the target is a function.
    #[attr(replace)]
    pub port: Option<i64>,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, `UDP`, `TCP_UDP` or `GENEVE`. Needed unless the target is a function.
    #[attr(replace)]
    pub protocol: Option<String>,
    /// `HTTP1`, `HTTP2` or `GRPC`, for HTTP and HTTPS.
    #[attr(optional, replace)]
    pub protocol_version: Computed<String>,
    /// `instance`, `ip`, `lambda` or `alb`: what the targets are.
    #[attr(replace, default = "instance")]
    pub target_type: String,
    /// ID of the network that the targets are in. Needed unless the target is a function.
    #[attr(replace)]
    pub vpc_id: Option<String>,
    /// `ipv4` or `ipv6`.
    #[attr(optional, replace)]
    pub ip_address_type: Computed<String>,
    /// How targets are found to be healthy. Compared with what exists only if the configuration has it.
    #[block(list, max = 1)]
    pub health_check: Vec<HealthCheck>,
    /// How a client's requests go to the same target. Compared with what exists only if the configuration has it.
    #[block(list, max = 1)]
    pub stickiness: Vec<Stickiness>,
    /// Whether connections are cut at the end of `deregistration_delay`. For TCP, UDP and TLS.
    #[attr(optional)]
    pub connection_termination: Computed<bool>,
    /// For how many seconds a target that is taken out may finish what it does, 0 to 3600.
    #[attr(default = "300")]
    pub deregistration_delay: String,
    /// Whether a function gets header fields as lists.
    #[attr(default = false)]
    pub lambda_multi_value_headers_enabled: bool,
    /// `round_robin`, `least_outstanding_requests` or `weighted_random`. For HTTP and HTTPS.
    #[attr(optional)]
    pub load_balancing_algorithm_type: Computed<String>,
    /// `on` or `off`: whether targets that behave oddly get less. For `weighted_random`.
    #[attr(optional)]
    pub load_balancing_anomaly_mitigation: Computed<String>,
    /// `true`, `false` or `use_load_balancer_configuration`: whether targets of all zones are sent to.
    #[attr(optional)]
    pub load_balancing_cross_zone_enabled: Computed<String>,
    /// `true` or `false`: whether targets see the client's address. For TCP, UDP and TLS.
    #[attr(optional)]
    pub preserve_client_ip: Computed<String>,
    /// Whether targets are told the client's address by the PROXY protocol, version 2. For TCP and TLS.
    #[attr(default = false)]
    pub proxy_protocol_v2: bool,
    /// During how many seconds a new target gets more and more: 0, or 30 to 900. For HTTP and HTTPS.
    #[attr(default = 0)]
    pub slow_start: i64,
    /// Tags, over the provider's `default_tags`.
    pub tags: Option<Tags>,
    /// All tags, with those of the provider's `default_tags`.
    pub tags_all: Computed<Tags>,
    /// ARN of the group.
    pub arn: Computed<String>,
    /// The end of the ARN, as metrics name it.
    pub arn_suffix: Computed<String>,
    /// ARNs of the load balancers that send to it.
    #[attr(volatile)]
    pub load_balancer_arns: Computed<BTreeSet<String>>,
    /// ARN of the group.
    pub id: Computed<String>,
}

/// A group, as AWS tells of it.
pub(super) struct Found {
    group: elb::TargetGroup,
    attributes: Tags,
    tags: Tags,
}

const READ: &str = "The target group could not be read";

/// Lists by ARN or name; nothing if one of them is not there.
async fn list(
    arns: Option<Vec<String>>,
    names: Option<Vec<String>>,
    cx: &Context<'_>,
) -> Result<Option<Vec<elb::TargetGroup>>, CallError> {
    let call = cx.client.elb.describe_target_groups().set_target_group_arns(arns).set_names(names);
    let answer = absent(call.send().await, &GONE).map_err(|e| failed(READ, e))?;
    Ok(answer.map(|answer| answer.target_groups.unwrap_or_default()))
}

impl TargetGroup {
    pub(super) fn grpc(&self) -> bool {
        self.protocol_version.get().is_some_and(|version| version.eq_ignore_ascii_case("GRPC"))
    }

    fn chosen_name(&self, cx: &Context<'_>) -> String {
        common::name(&self.name, &self.name_prefix, "tf-", cx.token)
    }
}

#[async_trait]
impl AwsType for TargetGroup {
    type Found = Found;
    const GONE: &[&str] = &GONE;
    const IDEMPOTENT: bool = true;
    const LAGS: bool = false;
    const PAGE: usize = PAGE;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let found = match wanted {
            Wanted::Ids(arns) => those(arns, |arns| list(Some(arns), None, cx)).await?,
            Wanted::Made(wanted) => {
                list(None, Some(vec![wanted.chosen_name(cx)]), cx).await?.unwrap_or_default()
            }
        };
        let mut out = Vec::with_capacity(found.len());
        for (group, tags) in tags::with(found, elb::TargetGroup::target_group_arn, cx).await? {
            let call = cx.client.elb.describe_target_group_attributes();
            let call = call.set_target_group_arn(group.target_group_arn.clone());
            // One that goes meanwhile is left out.
            if let Some(answer) = absent(call.send().await, &GONE).map_err(|e| failed(READ, e))? {
                let attributes = answer.attributes().iter();
                let pair = |a: &elb::TargetGroupAttribute| {
                    Some((a.key.clone()?, a.value.clone().unwrap_or_default()))
                };
                out.push(Found { group, attributes: attributes.filter_map(pair).collect(), tags });
            }
        }
        Ok(out)
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.group.target_group_arn()
    }

    fn is_made(&self, found: &Found, cx: &Context<'_>) -> bool {
        tags::ours(&found.tags, cx)
    }

    async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let Found { group, attributes, tags } = found;
        let (own, all) = cx.client.settings.split(&self.tags, tags.clone());
        let arn = group.target_group_arn().unwrap_or_default();
        let mut seen = TargetGroup {
            name: group.target_group_name.clone().into(),
            name_prefix: self.name_prefix.or_choose(String::new),
            port: group.port().map(i64::from).or(self.port),
            protocol: group.protocol().map(|p| p.as_str().to_owned()).or_else(|| self.protocol.clone()),
            protocol_version: group
                .protocol_version
                .clone()
                .or_else(|| self.protocol_version.get().cloned())
                .into(),
            target_type: group.target_type().map_or(&*self.target_type, |kind| kind.as_str()).to_owned(),
            vpc_id: group.vpc_id.clone().or_else(|| self.vpc_id.clone()),
            ip_address_type: group
                .ip_address_type()
                .map(|kind| kind.as_str().to_owned())
                .or_else(|| self.ip_address_type.get().cloned())
                .into(),
            health_check: self.health_check.iter().map(|check| check.seen(group)).collect(),
            tags: own,
            tags_all: all.into(),
            arn: arn.into(),
            arn_suffix: format!("targetgroup/{}", suffix(arn, ":targetgroup/")).into(),
            load_balancer_arns: Computed::Known(group.load_balancer_arns().iter().cloned().collect()),
            id: arn.into(),
            ..self.clone()
        };
        seen.take(attributes);
        Ok(Some(seen))
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        const WHAT: &str = "The target group could not be created";
        let name = self.chosen_name(cx);
        if let Some(made) = made_before(self, cx, || common::taken("target group", &name)).await? {
            return Ok(made);
        }
        let call = cx.client.elb.create_target_group().name(&name);
        let call = call
            .target_type(elb::TargetTypeEnum::from(self.target_type.as_str()))
            .set_port(self.port.map(small))
            .set_protocol(self.protocol.as_deref().map(elb::ProtocolEnum::from))
            .set_protocol_version(said(&self.protocol_version))
            .set_vpc_id(self.vpc_id.clone())
            .set_ip_address_type(
                said(&self.ip_address_type)
                    .map(|kind| elb::TargetGroupIpAddressTypeEnum::from(kind.as_str())),
            )
            .set_tags(Some(tags::new(&self.tags, cx)));
        let call = match self.health_check.first() {
            None => call,
            Some(check) => call
                .health_check_enabled(check.enabled)
                .health_check_interval_seconds(small(check.interval))
                .health_check_port(&check.port)
                .health_check_protocol(elb::ProtocolEnum::from(check.protocol.as_str()))
                .healthy_threshold_count(small(check.healthy_threshold))
                .unhealthy_threshold_count(small(check.unhealthy_threshold))
                .set_health_check_path(check.path())
                .set_health_check_timeout_seconds(check.timeout())
                .set_matcher(check.matcher(self.grpc())),
        };
        match call.send().await {
            Ok(made) => {
                let arn = made.target_groups().first().and_then(|group| group.target_group_arn.clone());
                Ok(TargetGroup { name: name.into(), arn: arn.clone().into(), id: arn.into(), ..self.clone() })
            }
            // There is one that could not be seen before: perhaps a call before this one made it.
            Err(error) if is(&error, &["DuplicateTargetGroupName"]) => Err(passing(failed(WHAT, error))),
            Err(error) => Err(failed(WHAT, error)),
        }
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        self.set_up(&created.key(), cx).await
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        self.bring(prior, cx).await?;
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        const WHAT: &str = "The target group could not be deleted";
        let call = cx.client.elb.delete_target_group().target_group_arn(self.key());
        delete(self, WHAT, cx, || call.clone().send()).await
    }
}
