//! `aws_ebs_volume`.

use super::common::{changes, new, said, small};
use crate::client::Context;
use crate::error::{failed, lagging};
use crate::planned::{in_place, unknown};
use crate::resource::{AwsType, Stage, Wanted, delete};
use crate::tags::{Tags, seen, specification};
use crate::timeouts::Timeouts;
use async_trait::async_trait;
use aws_sdk_ec2::types::{ResourceType, Volume as Found, VolumeState, VolumeType};
use formwork_provider::{CallError, Computed, PlanRequest, PlanResponse, Problem, Resource};
use formwork_value::{Path, Value};

/// A volume: a disk that stays, whatever becomes of the instances that use it. Imported by its id.
#[derive(Clone, Resource)]
#[resource(name = "aws_ebs_volume")]
pub(super) struct Volume {
    /// Zone that the volume is in, such as `eu-central-1a`: instances there can use it.
    #[attr(replace)]
    availability_zone: String,
    /// Size in GiB. Either it or `snapshot_id` is needed. A volume can grow, and not shrink.
    #[attr(optional)]
    size: Computed<i64>,
    /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1` or `standard`. AWS makes a `gp2` if it is not set.
    #[attr(name = "type", optional)]
    kind: Computed<String>,
    /// Operations a second, for `io1`, `io2` and `gp3`.
    #[attr(optional)]
    iops: Computed<i64>,
    /// MiB a second, for `gp3`.
    #[attr(optional)]
    throughput: Computed<i64>,
    /// Whether it is encrypted.
    #[attr(optional, replace)]
    encrypted: Computed<bool>,
    /// ARN of the key that it is encrypted with.
    #[attr(optional, replace)]
    kms_key_id: Computed<String>,
    /// Snapshot to start from.
    #[attr(optional, replace)]
    snapshot_id: Computed<String>,
    /// Whether several instances may use it at a time. For `io1` and `io2`.
    #[attr(replace)]
    multi_attach_enabled: Option<bool>,
    /// ARN of the Outpost that it is on.
    #[attr(replace)]
    outpost_arn: Option<String>,
    /// Tags, over the provider's `default_tags`.
    tags: Option<Tags>,
    /// All tags, with those of the provider's `default_tags`.
    tags_all: Computed<Tags>,
    /// ARN of the volume.
    arn: Computed<String>,
    /// ID of the volume: `vol-…`.
    id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    timeouts: Option<Timeouts>,
}

#[async_trait]
impl AwsType for Volume {
    type Found = Found;
    const GONE: &[&str] = &["InvalidVolume.NotFound"];
    // The client token sees to that.
    const IDEMPOTENT: bool = true;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let call = cx.client.ec2.describe_volumes().filters(wanted.filter("volume-id", cx));
        let found = call.into_paginator().items().send().collect::<Result<_, _>>().await;
        found.map_err(|e| failed("Volumes could not be listed", e))
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.volume_id()
    }

    /// A change takes effect some time after its call.
    fn stage(&self, found: &Found) -> Stage {
        let there =
            [(&self.size, found.size), (&self.iops, found.iops), (&self.throughput, found.throughput)];
        let changed = there.into_iter().all(|(asked, is)| small(asked).is_none_or(|asked| is == Some(asked)));
        match found.state() {
            Some(VolumeState::Deleting | VolumeState::Deleted) => Stage::Gone,
            Some(VolumeState::Available | VolumeState::InUse) if changed => Stage::There,
            _ => Stage::Coming,
        }
    }

    async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let id = found.volume_id().unwrap_or_default();
        let (tags, tags_all) = seen(cx, &self.tags, found.tags());
        let shared = found.multi_attach_enabled.or(self.multi_attach_enabled);
        Ok(Some(Volume {
            availability_zone: found.availability_zone().unwrap_or_default().to_owned(),
            size: found.size().map(i64::from).into(),
            kind: found.volume_type().map(|kind| kind.as_str().to_owned()).into(),
            iops: found.iops().map(i64::from).into(),
            throughput: found.throughput().map(i64::from).into(),
            encrypted: found.encrypted().into(),
            kms_key_id: found.kms_key_id.clone().into(),
            snapshot_id: found.snapshot_id.clone().unwrap_or_default().into(),
            multi_attach_enabled: shared.filter(|on| *on || self.multi_attach_enabled.is_some()),
            outpost_arn: found.outpost_arn.clone().filter(|arn| !arn.is_empty()),
            tags,
            tags_all: tags_all.into(),
            arn: cx.client.arn("ec2", &cx.client.account().await?, &format!("volume/{id}")).into(),
            id: id.into(),
            timeouts: self.timeouts.clone(),
        }))
    }

    fn check(config: &Value) -> Vec<Problem> {
        if ["size", "snapshot_id"].into_iter().any(|name| config.get(name).is_some_and(|v| !v.is_null())) {
            return Vec::new();
        }
        let detail = "A volume needs a size, or a snapshot to start from. Set size or snapshot_id.";
        vec![Problem::error(Path::root().attr("size"), "Missing size", detail)]
    }

    /// AWS chooses anew what goes with the type and the size.
    fn plan(request: &PlanRequest<'_>, plan: PlanResponse) -> PlanResponse {
        let anew = ["type", "size"].into_iter().any(|name| changes(request, &plan, name));
        let anew = anew && in_place(request, &plan).is_some();
        if anew { unknown(request, plan, &["iops", "throughput"]) } else { plan }
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let call = cx.client.ec2.create_volume().client_token(cx.token);
        let call = call
            .availability_zone(&self.availability_zone)
            .set_size(small(&self.size))
            .set_volume_type(said(&self.kind).as_deref().map(VolumeType::from))
            .set_iops(small(&self.iops))
            .set_throughput(small(&self.throughput))
            .set_encrypted(self.encrypted.get().copied())
            .set_kms_key_id(said(&self.kms_key_id))
            .set_snapshot_id(said(&self.snapshot_id))
            .set_multi_attach_enabled(self.multi_attach_enabled)
            .set_outpost_arn(self.outpost_arn.clone())
            .tag_specifications(specification(ResourceType::Volume, &self.tags, cx));
        let made = call.send().await.map_err(|e| failed("The volume could not be created", e))?;
        Ok(Volume { id: made.volume_id.into(), ..self.clone() })
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        let numbers = |of: &Self| [&of.size, &of.iops, &of.throughput].map(small);
        let changed =
            numbers(self).into_iter().zip(numbers(prior)).any(|(new, old)| new.is_some() && new != old);
        if changed || new(&prior.kind, &self.kind).is_some() {
            let call = cx.client.ec2.modify_volume().volume_id(self.key()).set_size(small(&self.size));
            let call = call
                .set_volume_type(said(&self.kind).as_deref().map(VolumeType::from))
                .set_iops(small(&self.iops))
                .set_throughput(small(&self.throughput));
            call.send().await.map_err(|e| lagging("The volume could not be changed", e))?;
        }
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.ec2.delete_volume().volume_id(self.key());
        delete(self, "The volume could not be deleted", cx, || call.clone().send()).await
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_guide_shows_this_file() {
        let guide = include_str!("../../../../docs/guide/adding-an-aws-type.md");
        let here = include_str!("volume.rs");
        let blocks = guide.split("```rust").skip(1).filter_map(|rest| rest.split("```").next());
        let lines: Vec<&str> = blocks.flat_map(str::lines).filter(|line| !line.is_empty()).collect();
        assert!(lines.len() > 60, "the guide shows {} lines", lines.len());
        for line in lines {
            assert!(here.lines().any(|known| known == line), "the guide shows what is not here: {line}");
        }
    }
}
