//! Changing an instance in place.

use super::{GONE, Instance, RESTART, RESTARTING, devices};
use crate::client::Context;
use crate::compute::common::new;
use crate::error::{failed, is, lagging};
use crate::resource::AwsType;
use crate::tags::{self, Tags};
use aws_sdk_ec2::operation::modify_instance_attribute::builders::ModifyInstanceAttributeFluentBuilder as Modify;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, IamInstanceProfileSpecification,
    InstanceCreditSpecificationRequest, SecureBlobAttributeValue,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use formwork_provider::{CallError, Retry};
use formwork_value::Path;
use std::time::Duration;

const WHAT: &str = "The instance could not be changed";

fn yes(value: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(value).build()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::builder().value(value).build()
}

/// Sends a change of one attribute.
async fn modify(id: &str, cx: &Context<'_>, with: impl FnOnce(Modify) -> Modify) -> Result<(), CallError> {
    let call = with(cx.client.ec2.modify_instance_attribute().instance_id(id));
    call.send().await.map(drop).map_err(|e| lagging(WHAT, e))
}

/// Sets whether foreign traffic is dropped.
pub(super) async fn source_dest_check(id: &str, on: bool, cx: &Context<'_>) -> Result<(), CallError> {
    modify(id, cx, |call| call.source_dest_check(yes(on))).await
}

impl Instance {
    /// Brings `prior` to what `self` plans, but for its tags.
    pub(super) async fn bring(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        let id = &prior.key();
        if let Some(on) = new(&prior.disable_api_stop, &self.disable_api_stop) {
            modify(id, cx, |call| call.disable_api_stop(yes(*on))).await?;
        }
        if let Some(on) = new(&prior.disable_api_termination, &self.disable_api_termination) {
            modify(id, cx, |call| call.disable_api_termination(yes(*on))).await?;
        }
        let behaviour =
            new(&prior.instance_initiated_shutdown_behavior, &self.instance_initiated_shutdown_behavior);
        if let Some(behaviour) = behaviour {
            modify(id, cx, |call| call.instance_initiated_shutdown_behavior(text(behaviour))).await?;
        }
        if self.source_dest_check != prior.source_dest_check {
            source_dest_check(id, self.source_dest_check, cx).await?;
        }
        if let Some(groups) = new(&prior.vpc_security_group_ids, &self.vpc_security_group_ids) {
            let groups = groups.iter().cloned().collect();
            modify(id, cx, |call| call.set_groups(Some(groups))).await?;
        }
        self.change_options(prior, cx).await?;
        self.change_profile(prior, cx).await?;
        self.change_volumes(prior, cx).await?;
        self.change_stopped(prior, cx).await
    }

    async fn change_options(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        let (id, ec2) = (&prior.key(), &cx.client.ec2);
        if let Some(on) = new(&prior.monitoring, &self.monitoring) {
            if *on {
                ec2.monitor_instances()
                    .instance_ids(id)
                    .send()
                    .await
                    .map(drop)
                    .map_err(|e| failed(WHAT, e))?;
            } else {
                ec2.unmonitor_instances()
                    .instance_ids(id)
                    .send()
                    .await
                    .map(drop)
                    .map_err(|e| failed(WHAT, e))?;
            }
        }
        if let Some(options) =
            self.metadata_options.first().filter(|_| self.metadata_options != prior.metadata_options)
        {
            let wanted = options.request();
            let call = ec2
                .modify_instance_metadata_options()
                .instance_id(id)
                .set_http_endpoint(wanted.http_endpoint)
                .set_http_protocol_ipv6(wanted.http_protocol_ipv6)
                .set_http_put_response_hop_limit(wanted.http_put_response_hop_limit)
                .set_http_tokens(wanted.http_tokens)
                .set_instance_metadata_tags(wanted.instance_metadata_tags);
            call.send().await.map_err(|e| failed(WHAT, e))?;
        }
        let credits = self.credit_specification.first().and_then(|credits| credits.cpu_credits.as_deref());
        if let Some(credits) = credits.filter(|_| self.credit_specification != prior.credit_specification) {
            let wanted =
                InstanceCreditSpecificationRequest::builder().instance_id(id).cpu_credits(credits).build();
            let call = ec2.modify_instance_credit_specification().instance_credit_specifications(wanted);
            call.send().await.map_err(|e| failed(WHAT, e))?;
        }
        Ok(())
    }

    async fn change_profile(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        const WHAT: &str = "The instance profile could not be changed";
        let Some(wanted) = new(&prior.iam_instance_profile, &self.iam_instance_profile) else {
            return Ok(());
        };
        let ec2 = &cx.client.ec2;
        let call = ec2.describe_iam_instance_profile_associations();
        let call = call.filters(tags::filter("instance-id", [prior.key()]));
        let there = call.send().await.map_err(|e| failed(WHAT, e))?.iam_instance_profile_associations;
        let there = there.unwrap_or_default().into_iter().find_map(|association| association.association_id);
        let profile = IamInstanceProfileSpecification::builder().name(wanted).build();
        match (there, wanted.is_empty()) {
            (Some(id), true) => {
                let call = ec2.disassociate_iam_instance_profile().association_id(id);
                call.send().await.map(drop).map_err(|e| failed(WHAT, e))
            }
            (Some(id), false) => {
                let call = ec2.replace_iam_instance_profile_association().association_id(id);
                call.iam_instance_profile(profile).send().await.map(drop).map_err(|e| failed(WHAT, e))
            }
            (None, true) => Ok(()),
            (None, false) => {
                let call = ec2.associate_iam_instance_profile().instance_id(prior.key());
                call.iam_instance_profile(profile).send().await.map(drop).map_err(|e| failed(WHAT, e))
            }
        }
    }

    async fn change_volumes(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        if let (Some(before), Some(after)) = (prior.root_block_device.first(), self.root_block_device.first())
            && before != after
        {
            devices::change_root(&prior.key(), before, after, cx).await?;
        }
        let no_tags = Tags::new();
        for after in &self.ebs_block_device {
            let before = prior.ebs_block_device.iter().find(|before| before.device_name == after.device_name);
            if let Some(before) = before.filter(|before| before.tags != after.tags)
                && let Some(volume) = before.volume_id.get()
            {
                let (old, new) = (before.tags.as_ref(), after.tags.as_ref());
                tags::update(cx, volume, old.unwrap_or(&no_tags), new.unwrap_or(&no_tags)).await?;
            }
        }
        if self.volume_tags != prior.volume_tags {
            let settings = &cx.client.settings;
            let (old, new) = (settings.all_tags(&prior.volume_tags), settings.all_tags(&self.volume_tags));
            for volume in devices::volumes(vec![prior.key()], cx).await? {
                tags::update(cx, volume.volume_id().unwrap_or_default(), &old, &new).await?;
            }
        }
        Ok(())
    }

    /// Changes what an instance must be stopped for. A tag says for that time that it is to run again, so that an
    /// interruption leaves a trace.
    async fn change_stopped(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        let id = &prior.key();
        let kind = Some(&self.instance_type).filter(|kind| **kind != prior.instance_type);
        let data = Some(self.data()).filter(|data| *data != prior.data());
        let left_stopped = prior.instance_state.get().is_some_and(|state| state == RESTARTING);
        if kind.is_none() && data.is_none() && !left_stopped {
            return Ok(());
        }
        let mark = Tags::from([(RESTART.to_owned(), "true".to_owned())]);
        let runs = left_stopped || prior.instance_state.get().is_some_and(|state| state != "stopped");
        if runs {
            tags::update(cx, id, &Tags::new(), &mark).await?;
            stop(prior, cx).await?;
        }
        let changed = stopped_change(id, kind, data, cx).await;
        // Whatever came of it: it ran before.
        if runs {
            start(prior, cx).await?;
            tags::update(cx, id, &mark, &Tags::new()).await?;
        }
        changed
    }
}

/// Sends what changes while the instance is stopped: its type, and its user data in base64.
async fn stopped_change(
    id: &str,
    kind: Option<&String>,
    data: Option<Option<String>>,
    cx: &Context<'_>,
) -> Result<(), CallError> {
    if let Some(kind) = kind {
        modify(id, cx, |call| call.instance_type(text(kind))).await?;
    }
    if let Some(data) = data {
        let bytes = STANDARD.decode(data.unwrap_or_default()).map_err(|_| {
            let detail = "user_data_base64 is not base64 with padding (RFC 4648, 4).";
            CallError::new("Malformed base64", detail).on(Path::root().attr("user_data_base64"))
        })?;
        let value = SecureBlobAttributeValue::builder().value(Blob::new(bytes)).build();
        modify(id, cx, |call| call.user_data(value)).await?;
    }
    Ok(())
}

/// How long an instance may take to stop.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

async fn stop(instance: &Instance, cx: &Context<'_>) -> Result<(), CallError> {
    const WHAT: &str = "The instance could not be stopped";
    cx.client.ec2.stop_instances().instance_ids(instance.key()).send().await.map_err(|e| failed(WHAT, e))?;
    let (mut pause, mut left) = (Duration::from_millis(250), PATIENCE);
    loop {
        match instance.state(cx).await?.as_deref() {
            Some("stopped") => return Ok(()),
            Some("stopping" | "running" | "pending") if !left.is_zero() => {}
            state => {
                let state = state.unwrap_or("gone");
                let detail = format!("The instance {} is {state} instead of stopped.", instance.key());
                return Err(CallError { no_effect: false, ..CallError::new(WHAT, detail) });
            }
        }
        cx.sleep(pause.min(left)).await;
        left = left.saturating_sub(pause);
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

/// Starts it; `ready` waits until it runs.
async fn start(instance: &Instance, cx: &Context<'_>) -> Result<(), CallError> {
    let answer = cx.client.ec2.start_instances().instance_ids(instance.key()).send().await;
    answer.map(drop).map_err(|error| {
        let gone = is(&error, &GONE);
        let told = failed("The instance could not be started again", error);
        // The next apply starts it: the tag says so.
        CallError { no_effect: false, retry: if gone { Retry::Never } else { told.retry }, ..told }
    })
}
