//! `aws_lb_target_group_attachment`.

use super::small;
use super::tags::GONE;
use crate::client::{Aws, Context};
use crate::compute::common::passing;
use crate::error::{absent, failed, is};
use crate::resource::PAGE;
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as elb;
use formwork_provider::{CallError, Computed, Crud, Resource};
use std::collections::BTreeMap;
use std::time::Duration;

/// Puts a target into a target group. Destroying it waits until the target has finished what it does, as long as the
/// group's `deregistration_delay` says.
#[derive(Clone, Resource)]
#[resource(name = "aws_lb_target_group_attachment")]
pub(super) struct Attachment {
    /// ARN of the target group.
    #[attr(replace)]
    target_group_arn: String,
    /// The target: ID of an instance, an address, or the ARN of a function or load balancer, as the group's type says.
    #[attr(replace)]
    target_id: String,
    /// Port of the target, if it is another than the group's.
    #[attr(replace)]
    port: Option<i64>,
    /// Zone of an address outside the group's network, or `all`.
    #[attr(replace)]
    availability_zone: Option<String>,
    /// The group and the target.
    id: Computed<String>,
}

impl Attachment {
    fn target(&self) -> elb::TargetDescription {
        elb::TargetDescription::builder()
            .id(&self.target_id)
            .set_port(self.port.map(small))
            .set_availability_zone(self.availability_zone.clone())
            .build()
    }

    fn named(&self) -> Self {
        let port = self.port.map(|port| format!("-{port}")).unwrap_or_default();
        let id = format!("{}-{}{port}", self.target_group_arn, self.target_id);
        Attachment { id: id.into(), ..self.clone() }
    }

    /// Whether a description is of it.
    fn is(&self, found: &elb::TargetHealthDescription) -> bool {
        let target = found.target();
        let port = target.and_then(|target| target.port());
        target.and_then(|target| target.id()) == Some(&self.target_id)
            && (self.port.is_none() || port.is_none() || port == self.port.map(small))
    }

    async fn health(&self, cx: &Context<'_>) -> Result<Option<elb::TargetHealth>, CallError> {
        let found = healths(&self.target_group_arn, vec![self.target()], cx).await?;
        Ok(found.into_iter().find(|found| self.is(found)).and_then(|found| found.target_health))
    }
}

/// The health of targets of a group; none, if there is no such group.
async fn healths(
    group: &str,
    targets: Vec<elb::TargetDescription>,
    cx: &Context<'_>,
) -> Result<Vec<elb::TargetHealthDescription>, CallError> {
    let call = cx.client.elb.describe_target_health().target_group_arn(group).set_targets(Some(targets));
    let answer = absent(call.send().await, &[GONE[1], "InvalidTarget"])
        .map_err(|e| failed("The target's health could not be read", e))?;
    Ok(answer.and_then(|answer| answer.target_health_descriptions).unwrap_or_default())
}

/// Whether a target of this health is not in the group, or about to be out of it.
fn out(health: &elb::TargetHealth) -> bool {
    use elb::TargetHealthReasonEnum::{DeregistrationInProgress, NotRegistered};
    matches!(health.reason(), Some(DeregistrationInProgress | NotRegistered))
}

#[async_trait]
impl Crud for Attachment {
    type Client = Aws;
    // A target that is registered again is registered once.
    const IDEMPOTENT: bool = true;
    const PAGE: usize = PAGE;

    fn quiet(cx: &Context<'_>) -> Duration {
        cx.client.settings.recovery_wait
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let call = cx.client.elb.register_targets().target_group_arn(&self.target_group_arn);
        match call.targets(self.target()).send().await {
            Ok(_) => Ok(self.named()),
            Err(error) => {
                // An instance that has just begun to run may not be known to run yet.
                let soon = is(&error, &["InvalidTarget", "TargetGroupNotFound"]);
                let told = failed("The target could not be registered", error);
                Err(if soon { passing(told) } else { told })
            }
        }
    }

    async fn read(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        Ok(self.health(cx).await?.filter(|health| !out(health)).map(|_| self.named()))
    }

    /// With one call for each group.
    async fn read_many(priors: &[Self], cx: &Context<'_>) -> Vec<Result<Option<Self>, CallError>> {
        let mut groups: BTreeMap<&str, Vec<&Self>> = BTreeMap::new();
        for prior in priors {
            groups.entry(&prior.target_group_arn).or_default().push(prior);
        }
        let mut found = BTreeMap::new();
        for (group, members) in groups {
            let targets = members.iter().map(|member| member.target()).collect();
            found.insert(group, healths(group, targets, cx).await);
        }
        let seen = |prior: &Self| {
            let of_group = found.get(&*prior.target_group_arn).cloned().unwrap_or_else(|| Ok(Vec::new()))?;
            let health =
                of_group.iter().find(|found| prior.is(found)).and_then(|found| found.target_health());
            Ok(health.filter(|health| !out(health)).map(|_| prior.named()))
        };
        priors.iter().map(seen).collect()
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.elb.deregister_targets().target_group_arn(&self.target_group_arn);
        let answer = call.targets(self.target()).send().await;
        absent(answer, &[GONE[1], "InvalidTarget"])
            .map(drop)
            .map_err(|e| failed("The target could not be deregistered", e))
    }

    async fn gone(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        use elb::TargetHealthReasonEnum::NotRegistered;
        Ok(self.health(cx).await?.is_none_or(|health| health.reason() == Some(&NotRegistered)))
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        self.read(cx).await
    }
}
