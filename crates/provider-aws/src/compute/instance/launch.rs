//! Launching an instance.

use super::devices::{root_name, volumes};
use super::options::{CreditSpecification, MetadataOptions};
use super::{Instance, observe, user_data};
use crate::client::Context;
use crate::compute::common::{passing, said};
use crate::error::{code, failed, not_yet};
use crate::tags::{self, Tags};
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder as Call;
use aws_sdk_ec2::types::{
    HibernationOptionsRequest, IamInstanceProfileSpecification, InstanceNetworkInterfaceSpecification,
    InstanceType, Placement, PrivateIpAddressSpecification, ResourceType, RunInstancesMonitoringEnabled,
    ShutdownBehavior, Tenancy, Volume,
};
use formwork_provider::{CallError, Computed};

impl Instance {
    /// Launches it. The same token again gives the same instance.
    pub(super) async fn launch(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let ec2 = &cx.client.ec2;
        let call = ec2.run_instances().client_token(cx.token).min_count(1).max_count(1);
        let call = call.image_id(&self.ami).instance_type(InstanceType::from(self.instance_type.as_str()));
        let call = call
            .set_key_name(said(&self.key_name))
            .set_disable_api_stop(self.disable_api_stop.get().copied())
            .set_disable_api_termination(self.disable_api_termination.get().copied())
            .set_ebs_optimized(self.ebs_optimized.get().copied())
            .set_hibernation_options(
                self.hibernation.map(|on| HibernationOptionsRequest::builder().configured(on).build()),
            )
            .set_iam_instance_profile(
                said(&self.iam_instance_profile)
                    .map(|name| IamInstanceProfileSpecification::builder().name(name).build()),
            )
            .set_instance_initiated_shutdown_behavior(
                said(&self.instance_initiated_shutdown_behavior)
                    .map(|behaviour| ShutdownBehavior::from(behaviour.as_str())),
            )
            .set_monitoring(
                self.monitoring.get().map(|on| RunInstancesMonitoringEnabled::builder().enabled(*on).build()),
            )
            .set_user_data(self.data())
            .set_credit_specification(
                self.credit_specification.first().and_then(CreditSpecification::request),
            )
            .set_metadata_options(self.metadata_options.first().map(MetadataOptions::request));
        let call = self.tagged(self.connected(self.placed(call)), cx);
        let call = self.equipped(call, cx).await?;
        // A subnet, group or key pair that is new may be unknown there for a moment.
        let answer = call.send().await.map_err(|error| {
            let unknown =
                code(&error).is_some_and(|code| code.ends_with(".NotFound") && !code.contains("AMI"));
            let told = failed("The instance could not be launched", error);
            if unknown { passing(told) } else { told }
        })?;
        let Some(made) = answer.instances().first().and_then(|instance| instance.instance_id()) else {
            let detail = "AWS answered without an error and without an instance.";
            return Err(CallError::uncertain("The instance could not be launched", detail));
        };
        // What was not asked for is as AWS has it by default.
        Ok(Instance {
            id: made.into(),
            disable_api_stop: self.disable_api_stop.or_choose(|| false),
            disable_api_termination: self.disable_api_termination.or_choose(|| false),
            instance_initiated_shutdown_behavior: self
                .instance_initiated_shutdown_behavior
                .or_choose(|| "stop".into()),
            user_data: null_if_unknown(&self.user_data),
            user_data_base64: null_if_unknown(&self.user_data_base64),
            ..self.clone()
        })
    }

    /// Tags the volumes of a new instance, each as its block says: the launch can only tag all of them alike.
    pub(super) async fn tag_volumes(&self, id: &str, cx: &Context<'_>) -> Result<(), CallError> {
        const WHAT: &str = "The volumes of the instance could not be tagged";
        let some = |tags: &&Tags| !tags.is_empty();
        let others = self.ebs_block_device.iter();
        let mut wanted: Vec<(String, &Tags)> = others
            .filter_map(|device| Some((device.device_name.clone(), device.tags.as_ref().filter(some)?)))
            .collect();
        if let Some(tags) = self.root_block_device.first().and_then(|root| root.tags.as_ref()).filter(some) {
            let found = observe::describe(vec![tags::filter("instance-id", [id])], cx).await?;
            let name = found.first().and_then(|found| found.instance.root_device_name());
            wanted.push((name.ok_or_else(|| not_yet(WHAT, id))?.to_owned(), tags));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let volumes = volumes(vec![id.to_owned()], cx).await?;
        for (device, tags) in wanted {
            let there =
                |volume: &&Volume| volume.attachments().iter().any(|a| a.device() == Some(device.as_str()));
            let volume = volumes.iter().find(there).and_then(Volume::volume_id);
            let volume = volume.ok_or_else(|| not_yet(WHAT, &format!("the volume {device} of {id}")))?;
            tags::update(cx, volume, &Tags::new(), tags).await?;
        }
        Ok(())
    }

    /// User data, as it is sent.
    pub(super) fn data(&self) -> Option<String> {
        let text = said(&self.user_data).map(|text| user_data::encoded(&text));
        text.or_else(|| said(&self.user_data_base64))
    }

    fn placed(&self, call: Call) -> Call {
        let (zone, group) = (said(&self.availability_zone), said(&self.placement_group));
        let (host, tenancy) = (said(&self.host_id), said(&self.tenancy));
        if zone.is_none() && group.is_none() && host.is_none() && tenancy.is_none() {
            return call;
        }
        let placement = Placement::builder()
            .set_availability_zone(zone)
            .set_group_name(group)
            .set_host_id(host)
            .set_tenancy(tenancy.map(|tenancy| Tenancy::from(tenancy.as_str())));
        call.placement(placement.build())
    }

    /// The network: as one interface, where only that can say it.
    fn connected(&self, call: Call) -> Call {
        let groups = self.vpc_security_group_ids.get().map(|ids| ids.iter().cloned().collect());
        let others = self.secondary_private_ips.get().filter(|ips| !ips.is_empty());
        let public = self.associate_public_ip_address.get();
        let (subnet, address) = (said(&self.subnet_id), said(&self.private_ip));
        if public.is_none() && others.is_none() {
            let names = self.security_groups.get().map(|names| names.iter().cloned().collect());
            return call
                .set_subnet_id(subnet)
                .set_private_ip_address(address)
                .set_security_group_ids(groups)
                .set_security_groups(names);
        }
        let others = others.map(|ips| {
            let one = |ip: &String| {
                PrivateIpAddressSpecification::builder().private_ip_address(ip).primary(false).build()
            };
            ips.iter().map(one).collect()
        });
        let interface = InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .set_associate_public_ip_address(public.copied())
            .set_subnet_id(subnet)
            .set_private_ip_address(address)
            .set_private_ip_addresses(others)
            .set_groups(groups);
        call.network_interfaces(interface.build())
    }

    fn tagged(&self, call: Call, cx: &Context<'_>) -> Call {
        let call = call.tag_specifications(tags::specification(ResourceType::Instance, &self.tags, cx));
        // Volumes go with their instance: they need no token.
        if cx.client.settings.all_tags(&self.volume_tags).is_empty() {
            return call;
        }
        call.tag_specifications(tags::specification(ResourceType::Volume, &self.volume_tags, cx))
    }

    async fn equipped(&self, mut call: Call, cx: &Context<'_>) -> Result<Call, CallError> {
        if let Some(root) = self.root_block_device.first() {
            call = call.block_device_mappings(root.mapping(&root_name(&self.ami, cx).await?));
        }
        for device in &self.ebs_block_device {
            call = call.block_device_mappings(device.mapping());
        }
        Ok(call)
    }
}

fn null_if_unknown(text: &Computed<String>) -> Computed<String> {
    text.get().cloned().into()
}
