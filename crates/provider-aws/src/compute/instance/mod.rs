//! `aws_instance`: what it is here, how it is launched in `launch`, read in `observe`, changed in `change`; its volumes are
//! in `devices`, its smaller blocks in `options`.

mod change;
mod devices;
mod launch;
mod observe;
mod options;
mod user_data;

use super::common::changes;
use crate::client::Context;
use crate::error::{absent, failed};
use crate::planned::{in_place, named, replaced, unknown};
use crate::resource::{AwsType, Stage, Wanted};
use crate::tags::{self, Tags};
use crate::timeouts::Timeouts;
use async_trait::async_trait;
use devices::{EbsDevice, RootDevice};
use formwork_provider::{CallError, Computed, PlanRequest, PlanResponse, Problem, Resource};
use formwork_value::{Path, Value};
use options::{CreditSpecification, MetadataOptions};
use std::collections::BTreeSet;
use std::time::Duration;

/// A virtual machine.
///
/// A change of `instance_type`, `user_data` or `user_data_base64` stops the instance, changes it and starts it again.
/// Blocks are compared with what exists only where the configuration has them.
#[derive(Clone, Resource)]
#[resource(name = "aws_instance", version = 2)]
pub(super) struct Instance {
    /// Image to start from, such as `ami-0123456789abcdef0`.
    #[attr(replace)]
    ami: String,
    /// Size of the machine, such as `t3.micro`.
    instance_type: String,
    /// Whether the primary interface gets a public address. If not set, the subnet says.
    #[attr(optional, replace)]
    associate_public_ip_address: Computed<bool>,
    /// Zone to run in. If not set, the subnet's.
    #[attr(optional, replace)]
    availability_zone: Computed<String>,
    /// Whether stopping it by the API is refused.
    #[attr(optional)]
    disable_api_stop: Computed<bool>,
    /// Whether terminating it by the API is refused; it must be `false` before it can be destroyed.
    #[attr(optional)]
    disable_api_termination: Computed<bool>,
    /// Whether traffic to volumes has bandwidth of its own.
    #[attr(optional, replace)]
    ebs_optimized: Computed<bool>,
    /// Whether it can hibernate.
    #[attr(replace)]
    hibernation: Option<bool>,
    /// Dedicated host to run on.
    #[attr(optional, replace)]
    host_id: Computed<String>,
    /// Name of the IAM instance profile whose role it has.
    #[attr(optional)]
    iam_instance_profile: Computed<String>,
    /// What happens when the machine shuts itself down: `stop` or `terminate`.
    #[attr(optional)]
    instance_initiated_shutdown_behavior: Computed<String>,
    /// Name of the key pair to log in with.
    #[attr(optional, replace)]
    key_name: Computed<String>,
    /// Whether it is monitored every minute, and not every five.
    #[attr(optional)]
    monitoring: Computed<bool>,
    /// Placement group to start in.
    #[attr(optional, replace)]
    placement_group: Computed<String>,
    /// Primary private address, out of the subnet's range. If not set, AWS chooses a free one.
    #[attr(optional, replace)]
    private_ip: Computed<String>,
    /// More private addresses of the primary interface.
    #[attr(optional, replace)]
    secondary_private_ips: Computed<BTreeSet<String>>,
    /// Names of security groups, in a default VPC only. Use `vpc_security_group_ids` otherwise.
    #[attr(optional, replace)]
    security_groups: Computed<BTreeSet<String>>,
    /// Whether traffic that is neither from nor to its own address is dropped. `false` for a router.
    #[attr(default = true)]
    source_dest_check: bool,
    /// Subnet to run in.
    #[attr(optional, replace)]
    subnet_id: Computed<String>,
    /// `default`, `dedicated` or `host`: with whom it shares hardware.
    #[attr(optional, replace)]
    tenancy: Computed<String>,
    /// Text that the machine gets when it first starts, such as a `#cloud-config`. What is base64 already is sent as it
    /// is. Conflicts with `user_data_base64`.
    #[attr(optional)]
    user_data: Computed<String>,
    /// The same in base64, for data that is not UTF-8.
    #[attr(optional)]
    user_data_base64: Computed<String>,
    /// Whether a change of user data makes a new instance.
    #[attr(default = false)]
    user_data_replace_on_change: bool,
    /// IDs of the security groups of the primary interface.
    #[attr(optional)]
    vpc_security_group_ids: Computed<BTreeSet<String>>,
    /// Tags of the volumes that are made with it. What else tags those volumes is not looked at.
    volume_tags: Option<Tags>,
    /// Tags, over the provider's `default_tags`.
    tags: Option<Tags>,
    /// All tags, with those of the provider's `default_tags`.
    tags_all: Computed<Tags>,
    /// How CPU credits are used, by types that have them. Not compared with what exists.
    #[block(list, max = 1)]
    credit_specification: Vec<CreditSpecification>,
    /// Volumes to be made with it, beside the root volume.
    #[block(set)]
    ebs_block_device: Vec<EbsDevice>,
    /// How the machine gets at its metadata.
    #[block(list, max = 1)]
    metadata_options: Vec<MetadataOptions>,
    /// The root volume.
    #[block(list, max = 1)]
    root_block_device: Vec<RootDevice>,
    /// ARN of the instance.
    arn: Computed<String>,
    /// `running`, `stopped`, …; `restarting` if a change was interrupted while it was stopped, which the next apply mends.
    instance_state: Computed<String>,
    /// ARN of the Outpost it runs on.
    outpost_arn: Computed<String>,
    /// ID of the primary network interface.
    primary_network_interface_id: Computed<String>,
    /// Name of the private address.
    private_dns: Computed<String>,
    /// Name of the public address, if there is one.
    public_dns: Computed<String>,
    /// Public address, if there is one. It changes when the instance is stopped, unless it is an Elastic IP.
    public_ip: Computed<String>,
    /// ID that AWS gave it, such as `i-0123456789abcdef0`.
    id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    timeouts: Option<Timeouts>,
}

/// What an instance is called that an interrupted change left stopped.
const RESTARTING: &str = "restarting";

/// The tag of an instance that is stopped only for a change.
const RESTART: &str = "formwork:restart";

/// The codes that say that there is no such instance.
const GONE: [&str; 2] = ["InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"];

impl Instance {
    /// The state that AWS tells; `None` if there is no such instance.
    async fn state(&self, cx: &Context<'_>) -> Result<Option<String>, CallError> {
        let found = observe::describe(vec![tags::filter("instance-id", [self.key()])], cx).await?;
        Ok(found.first().map(|found| found.state().to_owned()))
    }
}

/// A problem, if volumes are given tags both as a whole and one by one: these would take each other's away.
fn tagged_twice(config: &Value) -> Option<Problem> {
    let set = |object: &Value, name: &str| object.get(name).is_some_and(|v| v.is_known() && !v.is_null());
    let block = ["root_block_device", "ebs_block_device"].into_iter().find(|name| {
        let blocks = config.get(name).and_then(Value::as_slice).unwrap_or_default();
        blocks.iter().any(|block| set(block, "tags"))
    })?;
    set(config, "volume_tags").then(|| {
        let detail = format!(
            "volume_tags tags all volumes of the instance, and a block {block} has tags of its own. Keep one of them."
        );
        Problem::error(Path::root().attr("volume_tags"), "Conflicting arguments", detail)
    })
}

/// A summary that the two arguments cannot both be set.
fn conflict(config: &Value, one: &str, other: &str) -> Option<Problem> {
    let set = |name: &str| config.get(name).is_some_and(|v| v.is_known() && !v.is_null());
    (set(one) && set(other)).then(|| {
        let detail = format!("{one} and {other} cannot both be set. Keep one of them.");
        Problem::error(Path::root().attr(other), "Conflicting arguments", detail)
    })
}

#[async_trait]
impl AwsType for Instance {
    type Found = observe::Found;
    // The client token sees to that.
    const IDEMPOTENT: bool = true;
    const PATIENCE: Duration = Duration::from_secs(20 * 60);

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Self::Found>, CallError> {
        observe::describe(vec![wanted.filter("instance-id", cx)], cx).await
    }

    fn found_id(found: &Self::Found) -> Option<&str> {
        found.instance.instance_id()
    }

    fn stage(&self, found: &Self::Found) -> Stage {
        if found.exists() { Stage::There } else { Stage::Gone }
    }

    async fn filled(&self, found: &Self::Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let known = Instance { id: found.instance.instance_id.clone().into(), ..self.clone() };
        let volumes = observe::volumes(&[&known], cx).await?;
        known.seen(found, &volumes, cx).await.map(Some)
    }

    /// With one call for them, and at most one for their volumes.
    async fn read_many(priors: &[&Self], cx: &Context<'_>) -> Vec<Result<Option<Self>, CallError>> {
        observe::many(priors, cx).await
    }

    fn check(config: &Value) -> Vec<Problem> {
        let pairs = [("user_data", "user_data_base64"), ("vpc_security_group_ids", "security_groups")];
        let conflicts = pairs.into_iter().filter_map(|(one, other)| conflict(config, one, other));
        conflicts.chain(tagged_twice(config)).collect()
    }

    fn plan(request: &PlanRequest<'_>, mut plan: PlanResponse) -> PlanResponse {
        let Some(prior) = in_place(request, &plan) else { return plan };
        let data: Vec<&str> = ["user_data", "user_data_base64"]
            .into_iter()
            .filter(|name| changes(request, &plan, name))
            .collect();
        let anew = plan.planned.get("user_data_replace_on_change").and_then(Value::as_bool) == Some(true);
        if !data.is_empty() && anew {
            return replaced::<Self>(request, plan, &data);
        }
        if !data.is_empty() || changes(request, &plan, "instance_type") {
            plan = unknown(request, plan, &["public_ip", "public_dns"]);
        }
        if prior.get("instance_state").and_then(Value::as_str) == Some(RESTARTING) {
            plan = unknown(request, plan, &["instance_state", "public_ip", "public_dns"]);
            plan.notes.push("An interrupted change left the instance stopped: it is started again.".into());
        }
        plan
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        self.launch(cx).await
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        if !self.source_dest_check {
            change::source_dest_check(&created.key(), false, cx).await?;
        }
        self.tag_volumes(&created.key(), cx).await
    }

    async fn ready(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        // An instance that somebody stopped is changed while it is stopped, and stays so.
        let done =
            if self.instance_state.get().is_some_and(|s| s == "stopped") { "stopped" } else { "running" };
        match self.state(cx).await?.as_deref() {
            Some(state) if state == done => Ok(true),
            Some(state @ ("terminated" | "shutting-down")) => {
                let reason = self.why(cx).await?;
                let detail = format!("The instance {} is {state} instead of {done}{reason}.", self.key());
                Err(CallError { no_effect: false, ..CallError::new("The instance did not start", detail) })
            }
            _ => Ok(false),
        }
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        self.bring(prior, cx).await?;
        // It is as it was before, unless it was to be started again.
        let state = prior.instance_state.get().filter(|state| *state != RESTARTING).cloned();
        Ok(Instance { instance_state: state.map_or(Computed::Unknown, Computed::Known), ..self.clone() })
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let answer = cx.client.ec2.terminate_instances().instance_ids(self.key()).send().await;
        absent(answer, &GONE).map(drop).map_err(|e| failed("The instance could not be terminated", e))
    }

    async fn gone(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        Ok(self.state(cx).await?.is_none_or(|state| state == "terminated"))
    }

    async fn import(id: &str, _cx: &Context<'_>) -> Result<Self, CallError> {
        // Not known, and so to be asked for.
        Ok(Instance {
            associate_public_ip_address: Computed::Unknown,
            disable_api_stop: Computed::Unknown,
            disable_api_termination: Computed::Unknown,
            instance_initiated_shutdown_behavior: Computed::Unknown,
            user_data: Computed::Unknown,
            ..named(id)?
        })
    }

    fn upgrade(_version: u64, mut attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        // Version 2 has these in a block of their own.
        if let Some(attributes) = attributes.as_object_mut() {
            attributes.remove("cpu_core_count");
            attributes.remove("cpu_threads_per_core");
        }
        Ok(attributes)
    }
}
