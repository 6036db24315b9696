//! `aws_ami`.

use super::Filter;
use crate::client::{Aws, Context};
use crate::error::{Failed, failed};
use crate::tags::Tags;
use async_trait::async_trait;
use aws_sdk_ec2::types as ec2;
use formwork_provider::{CallError, Computed, Lookup, Nested, Problem, Resource};
use formwork_value::{Path, Value};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// An image that instances can start from. Exactly one has to be found, or `most_recent` has to be set.
#[derive(Clone, Resource)]
#[resource(name = "aws_ami", id = image_id)]
pub(super) struct Image {
    /// Whether `most_recent` may be used with images of anybody, which somebody else can then choose.
    allow_unsafe_filter: Option<bool>,
    /// Accounts that were given the right to start it: numbers, or `self`.
    executable_users: Option<Vec<String>>,
    /// What has to hold for an image (DescribeImages).
    #[block(set)]
    filter: Vec<Filter>,
    /// Whether deprecated images are found.
    include_deprecated: Option<bool>,
    /// Whether the newest is taken, if more than one is found.
    most_recent: Option<bool>,
    /// Regular expression that the name has to match. It is applied to all that AWS lists: narrow that by `filter`.
    name_regex: Option<String>,
    /// Who owns the image: account numbers, `self`, `amazon`, `aws-marketplace` or `aws-backup-vault`.
    owners: Option<Vec<String>>,
    /// `x86_64`, `arm64`, …
    architecture: Computed<String>,
    /// ARN of the image.
    arn: Computed<String>,
    /// Volumes that instances are made with.
    block_device_mappings: Computed<BTreeSet<Mapping>>,
    /// `legacy-bios`, `uefi` or `uefi-preferred`.
    boot_mode: Computed<String>,
    /// When it was made (RFC 3339).
    creation_date: Computed<String>,
    /// From when on it counts as deprecated (RFC 3339).
    deprecation_time: Computed<String>,
    /// What its maker says of it.
    description: Computed<String>,
    /// Whether instances have enhanced networking by ENA.
    ena_support: Computed<bool>,
    /// `xen` or `ovm`.
    hypervisor: Computed<String>,
    /// ID of the image, such as `ami-0123456789abcdef0`.
    image_id: Computed<String>,
    /// Where it is.
    image_location: Computed<String>,
    /// Name of the owner's account, for some owners.
    image_owner_alias: Computed<String>,
    /// `machine`, `kernel` or `ramdisk`.
    image_type: Computed<String>,
    /// `v2.0` if instances must use session tokens for their metadata.
    imds_support: Computed<String>,
    /// Kernel, of a paravirtual image.
    kernel_id: Computed<String>,
    /// When an instance was last started from it (RFC 3339), as far as AWS tells.
    last_launched_time: Computed<String>,
    /// Name of the image.
    name: Computed<String>,
    /// The owner's account.
    owner_id: Computed<String>,
    /// `windows`, or empty.
    platform: Computed<String>,
    /// What it runs, as bills have it.
    platform_details: Computed<String>,
    /// What it sells.
    product_codes: Computed<BTreeSet<ProductCode>>,
    /// Whether everybody may start it.
    public: Computed<bool>,
    /// RAM disk, of a paravirtual image.
    ramdisk_id: Computed<String>,
    /// Name of the root device, such as `/dev/xvda`.
    root_device_name: Computed<String>,
    /// `ebs` or `instance-store`.
    root_device_type: Computed<String>,
    /// Snapshot that the root volume is made from.
    root_snapshot_id: Computed<String>,
    /// Whether instances have enhanced networking by the Intel 82599 interface.
    sriov_net_support: Computed<String>,
    /// `available`, …
    state: Computed<String>,
    /// Why it is in that state: `code` and `message`.
    state_reason: Computed<BTreeMap<String, String>>,
    /// Tags of the image.
    tags: Computed<Tags>,
    /// Whether it has a security chip: `v2.0`, or empty.
    tpm_support: Computed<String>,
    /// How it is billed.
    usage_operation: Computed<String>,
    /// `hvm` or `paravirtual`.
    virtualization_type: Computed<String>,
}

/// A volume of an image.
#[derive(Clone, Nested, PartialEq, Eq, PartialOrd, Ord)]
struct Mapping {
    /// Name of the device.
    device_name: String,
    /// The volume: `delete_on_termination`, `encrypted`, `iops`, `snapshot_id`, `throughput`, `volume_size` and
    /// `volume_type`.
    ebs: BTreeMap<String, String>,
    /// Set if the device is left out.
    no_device: String,
    /// Name of a disk of the host.
    virtual_name: String,
}

/// Something that an image sells.
#[derive(Clone, Nested, PartialEq, Eq, PartialOrd, Ord)]
struct ProductCode {
    /// The code.
    product_code_id: String,
    /// `devpay` or `marketplace`.
    product_code_type: String,
}

fn mapping(found: &ec2::BlockDeviceMapping) -> Mapping {
    let ebs = found.ebs().map(|ebs| {
        let number = |number: Option<i32>| number.unwrap_or_default().to_string();
        let yes = |yes: Option<bool>| yes.unwrap_or_default().to_string();
        [
            ("delete_on_termination", yes(ebs.delete_on_termination())),
            ("encrypted", yes(ebs.encrypted())),
            ("iops", number(ebs.iops())),
            ("snapshot_id", ebs.snapshot_id().unwrap_or_default().to_owned()),
            ("throughput", number(ebs.throughput())),
            ("volume_size", number(ebs.volume_size())),
            ("volume_type", ebs.volume_type().map_or("", |kind| kind.as_str()).to_owned()),
        ]
    });
    Mapping {
        device_name: found.device_name().unwrap_or_default().to_owned(),
        ebs: ebs.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)).collect(),
        no_device: found.no_device().unwrap_or_default().to_owned(),
        virtual_name: found.virtual_name().unwrap_or_default().to_owned(),
    }
}

/// A text, or none at all.
fn text(text: Option<&str>) -> Computed<String> {
    text.unwrap_or_default().into()
}

impl Image {
    fn found(&self, image: &ec2::Image, cx: &Context<'_>) -> Self {
        let devices = image.block_device_mappings();
        let root = devices.iter().find(|device| device.device_name() == image.root_device_name());
        let id = image.image_id().unwrap_or_default();
        let code = |code: &ec2::ProductCode| ProductCode {
            product_code_id: code.product_code_id().unwrap_or_default().to_owned(),
            product_code_type: code.product_code_type().map_or("", |kind| kind.as_str()).to_owned(),
        };
        let reason = image.state_reason();
        let reason = [
            ("code", reason.and_then(|r| r.code()).unwrap_or("UNSET")),
            ("message", reason.and_then(|r| r.message()).unwrap_or("UNSET")),
        ];
        let tags =
            image.tags().iter().filter_map(|t| Some((t.key.clone()?, t.value.clone().unwrap_or_default())));
        Image {
            architecture: text(image.architecture().map(|x| x.as_str())),
            arn: cx.client.arn("ec2", "", &format!("image/{id}")).into(),
            block_device_mappings: Computed::Known(devices.iter().map(mapping).collect()),
            boot_mode: text(image.boot_mode().map(|x| x.as_str())),
            creation_date: text(image.creation_date()),
            deprecation_time: text(image.deprecation_time()),
            description: text(image.description()),
            ena_support: image.ena_support().unwrap_or_default().into(),
            hypervisor: text(image.hypervisor().map(|x| x.as_str())),
            image_id: id.into(),
            image_location: text(image.image_location()),
            image_owner_alias: text(image.image_owner_alias()),
            image_type: text(image.image_type().map(|x| x.as_str())),
            imds_support: text(image.imds_support().map(|x| x.as_str())),
            kernel_id: text(image.kernel_id()),
            last_launched_time: text(image.last_launched_time()),
            name: text(image.name()),
            owner_id: text(image.owner_id()),
            platform: text(image.platform().map(|x| x.as_str())),
            platform_details: text(image.platform_details()),
            product_codes: Computed::Known(image.product_codes().iter().map(code).collect()),
            public: image.public().unwrap_or_default().into(),
            ramdisk_id: text(image.ramdisk_id()),
            root_device_name: text(image.root_device_name()),
            root_device_type: text(image.root_device_type().map(|x| x.as_str())),
            root_snapshot_id: text(root.and_then(|root| root.ebs()).and_then(|ebs| ebs.snapshot_id())),
            sriov_net_support: text(image.sriov_net_support()),
            state: text(image.state().map(|x| x.as_str())),
            state_reason: Computed::Known(reason.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
            tags: Computed::Known(tags.collect()),
            tpm_support: text(image.tpm_support().map(|x| x.as_str())),
            usage_operation: text(image.usage_operation()),
            virtualization_type: text(image.virtualization_type().map(|x| x.as_str())),
            ..self.clone()
        }
    }

    /// The image that is meant.
    fn choose(&self, mut images: Vec<ec2::Image>) -> Result<ec2::Image, CallError> {
        let most_recent = self.most_recent == Some(true);
        // The same form for all: the order of the texts is that of the times.
        images.sort_by(|a, b| b.creation_date.cmp(&a.creation_date));
        let count = images.len();
        let names: Vec<&str> = images.iter().take(3).filter_map(|image| image.name()).collect();
        let names = names.join(", ");
        match (count, images.into_iter().next()) {
            (0, _) | (_, None) => {
                let detail = "AWS lists no image that all arguments fit. Check owners, filter, name_regex and the \
                              region; deprecated images are found with include_deprecated = true.";
                Err(CallError::new("No image was found", detail))
            }
            (1, Some(image)) => Ok(image),
            (_, Some(image)) if most_recent => Ok(image),
            (count, Some(_)) => {
                let detail = format!(
                    "{count} images fit the arguments, such as {names}. Narrow them down, or set most_recent = true."
                );
                Err(CallError::new("More than one image was found", detail))
            }
        }
    }
}

#[async_trait]
impl Lookup for Image {
    type Client = Aws;

    fn validate(config: &Value) -> Vec<Problem> {
        let Some(text) = config.get("name_regex").and_then(Value::as_str) else { return Vec::new() };
        match Regex::new(text) {
            Ok(_) => Vec::new(),
            Err(error) => vec![malformed(&error)],
        }
    }

    async fn lookup(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let filters: Vec<_> = self.filter.iter().map(Filter::request).collect();
        let call = cx.client.ec2.describe_images().set_filters((!filters.is_empty()).then_some(filters));
        let call = call
            .set_owners(self.owners.clone())
            .set_executable_users(self.executable_users.clone())
            .set_include_deprecated(self.include_deprecated);
        let found: Result<Vec<ec2::Image>, Failed<_>> = call.into_paginator().items().send().collect().await;
        let mut found = found.map_err(|e| failed("The images could not be read", e))?;
        if let Some(text) = &self.name_regex {
            let pattern = Regex::new(text).map_err(|error| {
                let problem = malformed(&error);
                CallError::new(problem.summary, problem.detail).on(problem.path)
            })?;
            found.retain(|image| image.name().is_some_and(|name| pattern.is_match(name)));
        }
        Ok(self.found(&self.choose(found)?, cx))
    }
}

fn malformed(error: &regex::Error) -> Problem {
    let detail = format!("name_regex is not a regular expression: {error}");
    Problem::error(Path::root().attr("name_regex"), "Malformed regular expression", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planned::imported;

    #[test]
    fn one_image_is_chosen() {
        let image = |name: &str, date: &str| ec2::Image::builder().name(name).creation_date(date).build();
        let all = [
            ("b", "2024-02-01T00:00:00.000Z"),
            ("c", "2025-01-01T00:00:00.000Z"),
            ("a", "2023-01-01T00:00:00.000Z"),
        ];
        let check = |most_recent: Option<bool>, count: usize, wanted: Result<&str, &str>| {
            let asked = Image { most_recent, ..imported(&[]).expect("a blank image") };
            let chosen = asked.choose(all[..count].iter().map(|(name, date)| image(name, date)).collect());
            let chosen = chosen.as_ref().map(|image| image.name().unwrap_or_default());
            assert_eq!(chosen.map_err(|e| e.summary.as_str()), wanted, "{most_recent:?} {count}");
        };
        check(None, 0, Err("No image was found"));
        check(Some(true), 0, Err("No image was found"));
        check(None, 1, Ok("b"));
        check(Some(false), 3, Err("More than one image was found"));
        check(Some(true), 3, Ok("c"));
    }
}
