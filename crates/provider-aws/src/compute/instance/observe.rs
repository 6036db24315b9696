//! Reading instances.

use super::devices::{self, EbsDevice, RootDevice};
use super::{Instance, RESTART, RESTARTING, user_data};
use crate::client::Context;
use crate::error::{Failed, failed};
use crate::resource::{AwsType, Wanted};
use crate::tags;
use aws_sdk_ec2::types::{
    Filter, Instance as Machine, InstanceAttributeName, InstanceNetworkInterface, InstanceStateName,
    MonitoringState, Reservation, Tag, Tenancy, Volume,
};
use formwork_provider::{CallError, Computed};

/// An instance, and the account that it belongs to.
pub(in crate::compute) struct Found {
    pub instance: Machine,
    owner: Option<String>,
}

impl Found {
    pub(super) fn state(&self) -> &str {
        self.instance.state().and_then(|state| state.name()).map_or("", InstanceStateName::as_str)
    }

    /// One that is going is as good as gone.
    pub(super) fn exists(&self) -> bool {
        !matches!(self.state(), "terminated" | "shutting-down")
    }
}

/// Lists what the filters let through.
pub(super) async fn describe(filters: Vec<Filter>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
    let call = cx.client.ec2.describe_instances().set_filters(Some(filters));
    let found: Result<Vec<Reservation>, Failed<_>> = call.into_paginator().items().send().collect().await;
    let found = found.map_err(|e| failed("The instance could not be read", e))?;
    let each = |reservation: Reservation| {
        let owner = reservation.owner_id;
        let instances = reservation.instances.unwrap_or_default().into_iter();
        instances.map(move |instance| Found { instance, owner: owner.clone() })
    };
    Ok(found.into_iter().flat_map(each).collect())
}

/// Reads many, by one call for them and at most one for their volumes.
pub(super) async fn many(priors: &[&Instance], cx: &Context<'_>) -> Vec<Result<Option<Instance>, CallError>> {
    let (found, volumes) = match listed(priors, cx).await {
        Ok(all) => all,
        Err(error) => return priors.iter().map(|_| Err(error.clone())).collect(),
    };
    let mut out = Vec::with_capacity(priors.len());
    for prior in priors {
        let same = |found: &&Found| prior.id.get().is_some_and(|id| found.instance.instance_id() == Some(id));
        out.push(match found.iter().find(same).filter(|found| found.exists()) {
            Some(found) => prior.seen(found, &volumes, cx).await.map(Some),
            None => Ok(None),
        });
    }
    out
}

async fn listed(priors: &[&Instance], cx: &Context<'_>) -> Result<(Vec<Found>, Vec<Volume>), CallError> {
    let named: Vec<String> = priors.iter().filter_map(|prior| prior.id.get().cloned()).collect();
    if named.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let found = Instance::list(Wanted::Ids(named), cx).await?;
    Ok((found, volumes(priors, cx).await?))
}

/// The volumes of those of which devices are known.
pub(super) async fn volumes(priors: &[&Instance], cx: &Context<'_>) -> Result<Vec<Volume>, CallError> {
    let equipped = priors.iter().filter(|prior| prior.has_devices());
    let equipped: Vec<String> = equipped.filter_map(|prior| prior.id.get().cloned()).collect();
    if equipped.is_empty() { Ok(Vec::new()) } else { devices::volumes(equipped, cx).await }
}

impl Instance {
    fn has_devices(&self) -> bool {
        !self.root_block_device.is_empty() || !self.ebs_block_device.is_empty()
    }

    /// `self`, as it is.
    pub(super) async fn seen(
        &self,
        found: &Found,
        volumes: &[Volume],
        cx: &Context<'_>,
    ) -> Result<Self, CallError> {
        let machine = &found.instance;
        let id = machine.instance_id().unwrap_or_default();
        let account = match found.owner.clone().filter(|owner| !owner.is_empty()) {
            Some(owner) => owner,
            None => cx.client.account().await?,
        };
        let restarting =
            machine.tags().iter().any(|tag| tag.key() == Some(RESTART)) && found.state() != "running";
        let visible: Vec<Tag> =
            machine.tags().iter().filter(|tag| tag.key() != Some(RESTART)).cloned().collect();
        let (own, all) = tags::seen(cx, &self.tags, &visible);
        let primary = primary(machine);
        let placement = machine.placement();
        let own_groups = machine.security_groups().iter().filter_map(|group| group.group_id.clone());
        let public = primary.and_then(InstanceNetworkInterface::association);
        let asked = self.asked(id, cx).await?;
        Ok(Instance {
            ami: machine.image_id().unwrap_or(&self.ami).to_owned(),
            instance_type: machine
                .instance_type()
                .map_or(&*self.instance_type, |kind| kind.as_str())
                .to_owned(),
            // An Elastic IP that comes or goes later is not what was asked for here.
            associate_public_ip_address: self.associate_public_ip_address.or_choose(|| public.is_some()),
            availability_zone: told(placement.and_then(|p| p.availability_zone()), &self.availability_zone),
            disable_api_stop: asked.disable_api_stop,
            disable_api_termination: asked.disable_api_termination,
            ebs_optimized: machine.ebs_optimized().or(self.ebs_optimized.get().copied()).into(),
            hibernation: self.hibernation,
            host_id: told(placement.and_then(|p| p.host_id()), &self.host_id),
            iam_instance_profile: profile(machine).into(),
            instance_initiated_shutdown_behavior: asked.instance_initiated_shutdown_behavior,
            key_name: told(machine.key_name(), &Computed::Null),
            monitoring: machine
                .monitoring()
                .and_then(|m| m.state())
                .map(|state| matches!(state, MonitoringState::Enabled | MonitoringState::Pending))
                .into(),
            placement_group: told(placement.and_then(|p| p.group_name()), &self.placement_group),
            private_ip: told(machine.private_ip_address(), &self.private_ip),
            secondary_private_ips: primary
                .map(|interface| {
                    let others =
                        interface.private_ip_addresses().iter().filter(|ip| ip.primary() == Some(false));
                    others.filter_map(|ip| ip.private_ip_address.clone()).collect()
                })
                .into(),
            security_groups: self.security_groups.or_choose(Default::default),
            source_dest_check: machine.source_dest_check().unwrap_or(self.source_dest_check),
            subnet_id: told(machine.subnet_id(), &self.subnet_id),
            tenancy: told(placement.and_then(|p| p.tenancy()).map(Tenancy::as_str), &self.tenancy),
            user_data: asked.user_data,
            user_data_base64: asked.user_data_base64,
            user_data_replace_on_change: self.user_data_replace_on_change,
            vpc_security_group_ids: Computed::Known(own_groups.collect()),
            volume_tags: self.volume_tags.clone(),
            tags: own,
            tags_all: all.into(),
            credit_specification: self.credit_specification.clone(),
            ebs_block_device: self.ebs_devices(machine, volumes, cx),
            metadata_options: self
                .metadata_options
                .iter()
                .map(|options| {
                    machine.metadata_options().map_or_else(|| options.clone(), |m| options.seen(m))
                })
                .collect(),
            root_block_device: self.root_device(machine, volumes, cx),
            arn: cx.client.arn("ec2", &account, &format!("instance/{id}")).into(),
            instance_state: if restarting { RESTARTING } else { found.state() }.into(),
            outpost_arn: machine.outpost_arn().unwrap_or_default().into(),
            primary_network_interface_id: primary.and_then(|i| i.network_interface_id.clone()).into(),
            private_dns: machine.private_dns_name().unwrap_or_default().into(),
            public_dns: machine.public_dns_name().unwrap_or_default().into(),
            public_ip: machine.public_ip_address().unwrap_or_default().into(),
            id: id.into(),
            timeouts: self.timeouts.clone(),
        })
    }

    /// What only a call of its own tells. It is asked for where it is not known, or not as it is by default.
    async fn asked(&self, id: &str, cx: &Context<'_>) -> Result<Self, CallError> {
        use InstanceAttributeName as Name;
        let mut asked = self.clone();
        let not = |value: &Computed<bool>| !matches!(value, Computed::Known(false) | Computed::Null);
        let ask = async |name: Name| {
            let call = cx.client.ec2.describe_instance_attribute().instance_id(id).attribute(name);
            call.send().await.map_err(|e| failed("An attribute of the instance could not be read", e))
        };
        if not(&self.disable_api_stop) {
            let told = ask(Name::DisableApiStop).await?.disable_api_stop;
            asked.disable_api_stop = told.and_then(|told| told.value).unwrap_or(false).into();
        }
        if not(&self.disable_api_termination) {
            let told = ask(Name::DisableApiTermination).await?.disable_api_termination;
            asked.disable_api_termination = told.and_then(|told| told.value).unwrap_or(false).into();
        }
        let usual = self.instance_initiated_shutdown_behavior.get().is_some_and(|how| how == "stop");
        if !usual {
            let told =
                ask(Name::InstanceInitiatedShutdownBehavior).await?.instance_initiated_shutdown_behavior;
            asked.instance_initiated_shutdown_behavior = told.and_then(|told| told.value).into();
        }
        if matches!((&self.user_data, &self.user_data_base64), (Computed::Null, Computed::Null)) {
            return Ok(asked);
        }
        let told =
            ask(Name::UserData).await?.user_data.and_then(|told| told.value).filter(|told| !told.is_empty());
        if self.user_data_base64.get().is_some() {
            (asked.user_data_base64, asked.user_data) = (told.into(), Computed::Null);
            return Ok(asked);
        }
        let text = told.as_deref().and_then(|told| user_data::decoded(told, self.user_data.get()));
        asked.user_data_base64 = told.filter(|_| text.is_none()).into();
        asked.user_data = text.into();
        Ok(asked)
    }

    fn root_device(&self, machine: &Machine, volumes: &[Volume], cx: &Context<'_>) -> Vec<RootDevice> {
        let name = machine.root_device_name().unwrap_or_default();
        let volume = volume(machine, name, volumes);
        let seen = |device: &RootDevice| volume.map_or_else(|| device.clone(), |v| device.seen(cx, name, v));
        self.root_block_device.iter().map(seen).collect()
    }

    fn ebs_devices(&self, machine: &Machine, volumes: &[Volume], cx: &Context<'_>) -> Vec<EbsDevice> {
        // One that is not attached any more is missing: the plan shows that.
        let seen = |device: &EbsDevice| Some(device.seen(cx, volume(machine, &device.device_name, volumes)?));
        self.ebs_block_device.iter().filter_map(seen).collect()
    }

    /// Why the instance stopped, as AWS tells it: a part of a sentence.
    pub(super) async fn why(&self, cx: &Context<'_>) -> Result<String, CallError> {
        let found = describe(vec![tags::filter("instance-id", [self.key()])], cx).await?;
        let reason = found.first().and_then(|found| found.instance.state_reason()).and_then(|r| r.message());
        Ok(reason.filter(|r| !r.is_empty()).map(|r| format!(" ({r})")).unwrap_or_default())
    }
}

/// What is told, or else what is known.
fn told(told: Option<&str>, known: &Computed<String>) -> Computed<String> {
    let told = told.filter(|told| !told.is_empty()).map(str::to_owned);
    told.or_else(|| known.get().cloned()).unwrap_or_default().into()
}

fn primary(machine: &Machine) -> Option<&InstanceNetworkInterface> {
    let first = |i: &&InstanceNetworkInterface| i.attachment().and_then(|a| a.device_index()) == Some(0);
    machine.network_interfaces().iter().find(first)
}

/// The name of the instance profile: the end of its ARN.
fn profile(machine: &Machine) -> Option<String> {
    let arn = machine.iam_instance_profile().and_then(|profile| profile.arn());
    Some(arn.and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned())
}

fn volume<'a>(machine: &Machine, device: &str, volumes: &'a [Volume]) -> Option<&'a Volume> {
    let mapping = machine.block_device_mappings().iter().find(|m| m.device_name() == Some(device))?;
    let id = mapping.ebs()?.volume_id()?;
    volumes.iter().find(|volume| volume.volume_id() == Some(id))
}
