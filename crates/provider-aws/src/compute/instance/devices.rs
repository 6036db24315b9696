//! The volumes that are made with an instance.

use crate::client::Context;
use crate::compute::common::{said, small};
use crate::error::{Failed, failed};
use crate::tags::{self, Tags};
use aws_sdk_ec2::types::{BlockDeviceMapping, EbsBlockDevice, Volume, VolumeType};
use formwork_provider::{CallError, Computed, Nested};
use std::cmp::Ordering;

/// The root volume.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct RootDevice {
    /// Whether it goes with the instance.
    #[attr(default = true)]
    pub delete_on_termination: bool,
    /// Whether it is encrypted.
    #[attr(optional, replace)]
    pub encrypted: Computed<bool>,
    /// Operations a second, for `io1`, `io2` and `gp3`.
    #[attr(optional)]
    pub iops: Computed<i64>,
    /// ARN of the key it is encrypted with.
    #[attr(optional, replace)]
    pub kms_key_id: Computed<String>,
    /// Tags of the volume.
    pub tags: Option<Tags>,
    /// MiB a second, for `gp3`.
    #[attr(optional)]
    pub throughput: Computed<i64>,
    /// Size in GiB. It can grow.
    #[attr(optional)]
    pub volume_size: Computed<i64>,
    /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1` or `standard`.
    #[attr(optional)]
    pub volume_type: Computed<String>,
    /// Name of the device, such as `/dev/xvda`.
    pub device_name: Computed<String>,
    /// ID of the volume.
    pub volume_id: Computed<String>,
}

/// A volume beside the root volume.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct EbsDevice {
    /// Name of the device, such as `/dev/sdf`.
    #[attr(replace)]
    pub device_name: String,
    /// Whether it goes with the instance.
    #[attr(replace, default = true)]
    pub delete_on_termination: bool,
    /// Whether it is encrypted.
    #[attr(optional, replace)]
    pub encrypted: Computed<bool>,
    /// Operations a second, for `io1`, `io2` and `gp3`.
    #[attr(optional, replace)]
    pub iops: Computed<i64>,
    /// ARN of the key it is encrypted with.
    #[attr(optional, replace)]
    pub kms_key_id: Computed<String>,
    /// Snapshot to start from.
    #[attr(optional, replace)]
    pub snapshot_id: Computed<String>,
    /// Tags of the volume.
    pub tags: Option<Tags>,
    /// MiB a second, for `gp3`.
    #[attr(optional, replace)]
    pub throughput: Computed<i64>,
    /// Size in GiB.
    #[attr(optional, replace)]
    pub volume_size: Computed<i64>,
    /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1` or `standard`.
    #[attr(optional, replace)]
    pub volume_type: Computed<String>,
    /// ID of the volume.
    pub volume_id: Computed<String>,
}

impl RootDevice {
    /// How it is asked for; `name` is the image's root device.
    pub(super) fn mapping(&self, name: &str) -> BlockDeviceMapping {
        let ebs = EbsBlockDevice::builder()
            .delete_on_termination(self.delete_on_termination)
            .set_encrypted(self.encrypted.get().copied())
            .set_iops(small(&self.iops))
            .set_kms_key_id(said(&self.kms_key_id))
            .set_throughput(small(&self.throughput))
            .set_volume_size(small(&self.volume_size))
            .set_volume_type(said(&self.volume_type).map(|kind| VolumeType::from(kind.as_str())));
        BlockDeviceMapping::builder().device_name(name).ebs(ebs.build()).build()
    }

    /// `self`, as it is.
    pub(super) fn seen(&self, cx: &Context<'_>, device: &str, volume: &Volume) -> Self {
        RootDevice {
            delete_on_termination: deleted(volume).unwrap_or(self.delete_on_termination),
            encrypted: volume.encrypted.into(),
            iops: number(&self.iops, volume.iops),
            kms_key_id: told(&self.kms_key_id, volume.kms_key_id()),
            tags: seen_tags(cx, &self.tags, volume),
            throughput: number(&self.throughput, volume.throughput),
            volume_size: number(&self.volume_size, volume.size),
            volume_type: told(&self.volume_type, volume.volume_type().map(VolumeType::as_str)),
            device_name: device.into(),
            volume_id: volume.volume_id.clone().into(),
        }
    }
}

impl EbsDevice {
    /// How it is asked for.
    pub(super) fn mapping(&self) -> BlockDeviceMapping {
        let ebs = EbsBlockDevice::builder()
            .delete_on_termination(self.delete_on_termination)
            .set_encrypted(self.encrypted.get().copied())
            .set_iops(small(&self.iops))
            .set_kms_key_id(said(&self.kms_key_id))
            .set_snapshot_id(said(&self.snapshot_id))
            .set_throughput(small(&self.throughput))
            .set_volume_size(small(&self.volume_size))
            .set_volume_type(said(&self.volume_type).map(|kind| VolumeType::from(kind.as_str())));
        BlockDeviceMapping::builder().device_name(&self.device_name).ebs(ebs.build()).build()
    }

    /// `self`, as it is.
    pub(super) fn seen(&self, cx: &Context<'_>, volume: &Volume) -> Self {
        EbsDevice {
            device_name: self.device_name.clone(),
            delete_on_termination: deleted(volume).unwrap_or(self.delete_on_termination),
            encrypted: volume.encrypted.into(),
            iops: number(&self.iops, volume.iops),
            kms_key_id: told(&self.kms_key_id, volume.kms_key_id()),
            snapshot_id: told(&self.snapshot_id, volume.snapshot_id()),
            tags: seen_tags(cx, &self.tags, volume),
            throughput: number(&self.throughput, volume.throughput),
            volume_size: number(&self.volume_size, volume.size),
            volume_type: told(&self.volume_type, volume.volume_type().map(VolumeType::as_str)),
            volume_id: volume.volume_id.clone().into(),
        }
    }
}

fn number(known: &Computed<i64>, found: Option<i32>) -> Computed<i64> {
    found.map(i64::from).or(known.get().copied()).into()
}

fn told(known: &Computed<String>, found: Option<&str>) -> Computed<String> {
    let found = found.filter(|found| !found.is_empty()).map(str::to_owned);
    found.or_else(|| known.get().cloned()).into()
}

/// Tags of a volume are looked at where the block has some.
fn seen_tags(cx: &Context<'_>, own: &Option<Tags>, volume: &Volume) -> Option<Tags> {
    own.as_ref()?;
    tags::seen(cx, own, volume.tags()).0
}

fn deleted(volume: &Volume) -> Option<bool> {
    volume.attachments().first().and_then(|attachment| attachment.delete_on_termination())
}

/// The volumes that are attached to these instances.
pub(super) async fn volumes(ids: Vec<String>, cx: &Context<'_>) -> Result<Vec<Volume>, CallError> {
    let call = cx.client.ec2.describe_volumes().filters(tags::filter("attachment.instance-id", ids));
    let found: Result<Vec<Volume>, Failed<_>> = call.into_paginator().items().send().collect().await;
    found.map_err(|e| failed("The volumes of the instance could not be read", e))
}

/// The name of the device that an image starts from.
pub(super) async fn root_name(ami: &str, cx: &Context<'_>) -> Result<String, CallError> {
    let answer = cx.client.ec2.describe_images().image_ids(ami).send().await;
    let images = answer.map_err(|e| failed("The image could not be read", e))?.images.unwrap_or_default();
    let name = images.into_iter().next().and_then(|image| image.root_device_name);
    name.ok_or_else(|| {
        let detail = format!(
            "The image {ami} tells no name of its root device, which root_block_device needs. Is there such an image in \
             this region?"
        );
        CallError::new("The root device is not known", detail).on(formwork_value::Path::root().attr("ami"))
    })
}

/// Brings the root volume from `before` to `after`, as far as it can be changed.
pub(super) async fn change_root(
    instance: &str,
    before: &RootDevice,
    after: &RootDevice,
    cx: &Context<'_>,
) -> Result<(), CallError> {
    use aws_sdk_ec2::types::{EbsInstanceBlockDeviceSpecification, InstanceBlockDeviceMappingSpecification};
    const WHAT: &str = "The root volume could not be changed";
    let Some(volume) = before.volume_id.get() else { return Ok(()) };
    let differs = |a: &Computed<i64>, b: &Computed<i64>| b.get().is_some() && a.get() != b.get();
    let kind = after.volume_type.get().filter(|kind| before.volume_type.get() != Some(kind));
    let grown = differs(&before.volume_size, &after.volume_size);
    if grown && before.volume_size.get().cmp(&after.volume_size.get()) == Ordering::Greater {
        let detail =
            "A volume can grow, and cannot shrink. Set the old volume_size, or replace the instance.";
        let at = formwork_value::Path::root().attr("root_block_device");
        return Err(CallError::new(WHAT, detail).on(at));
    }
    let (iops, throughput) =
        (differs(&before.iops, &after.iops), differs(&before.throughput, &after.throughput));
    if grown || kind.is_some() || iops || throughput {
        let call = cx.client.ec2.modify_volume().volume_id(volume);
        let call = call
            .set_size(small(&after.volume_size).filter(|_| grown))
            .set_volume_type(kind.map(|kind| VolumeType::from(kind.as_str())))
            .set_iops(small(&after.iops).filter(|_| iops))
            .set_throughput(small(&after.throughput).filter(|_| throughput));
        call.send().await.map_err(|e| failed(WHAT, e))?;
    }
    if before.delete_on_termination != after.delete_on_termination {
        let ebs = EbsInstanceBlockDeviceSpecification::builder()
            .delete_on_termination(after.delete_on_termination)
            .volume_id(volume);
        let mapping = InstanceBlockDeviceMappingSpecification::builder()
            .set_device_name(before.device_name.get().cloned())
            .ebs(ebs.build());
        let call = cx.client.ec2.modify_instance_attribute().instance_id(instance);
        call.block_device_mappings(mapping.build()).send().await.map_err(|e| failed(WHAT, e))?;
    }
    let none = Tags::new();
    let (old, new) = (before.tags.as_ref().unwrap_or(&none), after.tags.as_ref().unwrap_or(&none));
    tags::update(cx, volume, old, new).await
}
