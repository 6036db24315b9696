//! The calls that change a load balancer.

use super::attributes::{Setting, changed, initial};
use super::balancer::Balancer;
use crate::client::Context;
use crate::compute::common::new;
use crate::error::{failed, lagging};
use crate::resource::AwsType;
use crate::tags::Tags;
use aws_sdk_elasticloadbalancingv2::types as elb;
use formwork_provider::{CallError, Computed};

const WHAT: &str = "The load balancer could not be changed";

/// An argument of application balancers that is true or false.
macro_rules! flag {
    ($key:literal, $kinds:expr, $usual:literal, $field:ident) => {
        Setting {
            key: $key,
            kinds: $kinds,
            usual: Some($usual),
            get: |balancer| Some(balancer.$field.to_string()),
            set: |balancer, text| balancer.$field = text == "true",
        }
    };
}

/// An argument that is a text.
macro_rules! text {
    ($key:literal, $kinds:expr, $usual:literal, $field:ident) => {
        Setting {
            key: $key,
            kinds: $kinds,
            usual: Some($usual),
            get: |balancer| Some(balancer.$field.clone()),
            set: |balancer, text| balancer.$field = text.to_owned(),
        }
    };
}

/// An argument that is a number.
macro_rules! number {
    ($key:literal, $kinds:expr, $usual:literal, $field:ident) => {
        Setting {
            key: $key,
            kinds: $kinds,
            usual: Some($usual),
            get: |balancer| Some(balancer.$field.to_string()),
            set: |balancer, text| balancer.$field = text.parse().unwrap_or(balancer.$field),
        }
    };
}

const APPLICATION: &[&str] = &["application"];

/// Load balancer attributes (the LoadBalancerAttribute type in AWS's reference).
pub(super) const SETTINGS: [Setting<Balancer>; 14] = [
    flag!("deletion_protection.enabled", &[], "false", enable_deletion_protection),
    flag!(
        "load_balancing.cross_zone.enabled",
        &["network", "gateway"],
        "false",
        enable_cross_zone_load_balancing
    ),
    number!("idle_timeout.timeout_seconds", APPLICATION, "60", idle_timeout),
    number!("client_keep_alive.seconds", APPLICATION, "3600", client_keep_alive),
    text!("routing.http.desync_mitigation_mode", APPLICATION, "defensive", desync_mitigation_mode),
    flag!(
        "routing.http.drop_invalid_header_fields.enabled",
        APPLICATION,
        "false",
        drop_invalid_header_fields
    ),
    flag!("routing.http2.enabled", APPLICATION, "true", enable_http2),
    flag!(
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        APPLICATION,
        "false",
        enable_tls_version_and_cipher_suite_headers
    ),
    flag!("waf.fail_open.enabled", APPLICATION, "false", enable_waf_fail_open),
    flag!("routing.http.xff_client_port.enabled", APPLICATION, "false", enable_xff_client_port),
    flag!("routing.http.preserve_host_header.enabled", APPLICATION, "false", preserve_host_header),
    text!("routing.http.xff_header_processing.mode", APPLICATION, "append", xff_header_processing_mode),
    flag!("zonal_shift.config.enabled", &["application", "network"], "false", enable_zonal_shift),
    text!(
        "dns_record.client_routing_policy",
        &["network"],
        "any_availability_zone",
        dns_record_client_routing_policy
    ),
];

async fn set(arn: &str, attributes: Tags, cx: &Context<'_>) -> Result<(), CallError> {
    if attributes.is_empty() {
        return Ok(());
    }
    let one = |(key, value)| elb::LoadBalancerAttribute::builder().key(key).value(value).build();
    let call = cx.client.elb.modify_load_balancer_attributes().load_balancer_arn(arn);
    let call = call.set_attributes(Some(attributes.into_iter().map(one).collect()));
    call.send().await.map(drop).map_err(|e| lagging(WHAT, e))
}

impl Balancer {
    /// What a new balancer needs, beside being made.
    pub(super) async fn set_up(&self, arn: &str, cx: &Context<'_>) -> Result<(), CallError> {
        set(arn, initial(&SETTINGS, &self.load_balancer_type, self), cx).await?;
        match self.enforce_security_group_inbound_rules_on_private_link_traffic.get() {
            Some(how) if !how.is_empty() => {
                let none = Balancer { security_groups: Computed::Unknown, ..self.clone() };
                self.change_groups(arn, &none, Some(how), cx).await
            }
            _ => Ok(()),
        }
    }

    /// Brings `prior` to what `self` plans, but for its tags.
    pub(super) async fn bring(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        let (arn, elb) = (&prior.key(), &cx.client.elb);
        set(arn, changed(&SETTINGS, &self.load_balancer_type, prior, self), cx).await?;
        let enforced = new(
            &prior.enforce_security_group_inbound_rules_on_private_link_traffic,
            &self.enforce_security_group_inbound_rules_on_private_link_traffic,
        );
        if new(&prior.security_groups, &self.security_groups).is_some() || enforced.is_some() {
            self.change_groups(arn, prior, enforced, cx).await?;
        }
        let mapped = !self.subnet_mapping.is_empty() && self.places_differ(prior);
        if mapped || (self.subnet_mapping.is_empty() && new(&prior.subnets, &self.subnets).is_some()) {
            let (subnets, mappings) = self.places();
            let call =
                elb.set_subnets().load_balancer_arn(arn).set_subnets(subnets).set_subnet_mappings(mappings);
            call.send().await.map_err(|e| failed(WHAT, e))?;
        }
        if let Some(kind) = new(&prior.ip_address_type, &self.ip_address_type) {
            let kind = elb::IpAddressType::from(kind.as_str());
            let call = elb.set_ip_address_type().load_balancer_arn(arn).ip_address_type(kind);
            call.send().await.map_err(|e| failed(WHAT, e))?;
        }
        Ok(())
    }

    fn places_differ(&self, prior: &Self) -> bool {
        let there = |mapping| prior.subnet_mapping.contains(mapping);
        self.subnet_mapping.len() != prior.subnet_mapping.len() || !self.subnet_mapping.iter().all(there)
    }

    async fn change_groups(
        &self,
        arn: &str,
        prior: &Self,
        enforced: Option<&String>,
        cx: &Context<'_>,
    ) -> Result<(), CallError> {
        use elb::EnforceSecurityGroupInboundRulesOnPrivateLinkTrafficEnum as Enforce;
        let groups = self.security_groups.get().or(prior.security_groups.get());
        let call = cx.client.elb.set_security_groups().load_balancer_arn(arn);
        let call = call
            .set_security_groups(groups.map(|ids| ids.iter().cloned().collect()))
            .set_enforce_security_group_inbound_rules_on_private_link_traffic(
                enforced.map(|how| Enforce::from(how.as_str())),
            );
        call.send().await.map(drop).map_err(|e| lagging(WHAT, e))
    }
}
