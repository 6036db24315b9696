//! The calls that change a target group.

use super::attributes::{Setting, changed, filled, initial};
use super::check::Stickiness;
use super::group::TargetGroup;
use super::small;
use crate::client::Context;
use crate::error::{failed, lagging};
use crate::resource::AwsType;
use crate::tags::Tags;
use aws_sdk_elasticloadbalancingv2::types as elb;
use formwork_provider::{CallError, Computed};

const WHAT: &str = "The target group could not be changed";

const HTTP: &[&str] = &["HTTP", "HTTPS"];
const CONNECTIONS: &[&str] = &["TCP", "UDP", "TCP_UDP", "TLS"];

/// A text that the configuration may leave to AWS.
macro_rules! chosen {
    ($key:literal, $kinds:expr, $field:ident) => {
        Setting {
            key: $key,
            kinds: $kinds,
            usual: None,
            get: |group| group.$field.get().filter(|text| !text.is_empty()).cloned(),
            set: |group, text| group.$field = text.into(),
        }
    };
}

/// Target group attributes (the TargetGroupAttribute type in AWS's reference), save stickiness.
const SETTINGS: [Setting<TargetGroup>; 9] = [
    Setting {
        key: "deregistration_delay.timeout_seconds",
        kinds: &["HTTP", "HTTPS", "TCP", "UDP", "TCP_UDP", "TLS", "GENEVE"],
        usual: Some("300"),
        get: |group| Some(group.deregistration_delay.clone()),
        set: |group, text| group.deregistration_delay = text.to_owned(),
    },
    Setting {
        key: "slow_start.duration_seconds",
        kinds: HTTP,
        usual: Some("0"),
        get: |group| Some(group.slow_start.to_string()),
        set: |group, text| group.slow_start = text.parse().unwrap_or(group.slow_start),
    },
    Setting {
        key: "proxy_protocol_v2.enabled",
        kinds: CONNECTIONS,
        usual: Some("false"),
        get: |group| Some(group.proxy_protocol_v2.to_string()),
        set: |group, text| group.proxy_protocol_v2 = text == "true",
    },
    Setting {
        key: "deregistration_delay.connection_termination.enabled",
        kinds: CONNECTIONS,
        usual: None,
        get: |group| group.connection_termination.get().map(bool::to_string),
        set: |group, text| group.connection_termination = (text == "true").into(),
    },
    Setting {
        key: "lambda.multi_value_headers.enabled",
        kinds: &["lambda"],
        usual: Some("false"),
        get: |group| Some(group.lambda_multi_value_headers_enabled.to_string()),
        set: |group, text| group.lambda_multi_value_headers_enabled = text == "true",
    },
    chosen!("load_balancing.algorithm.type", HTTP, load_balancing_algorithm_type),
    chosen!("load_balancing.algorithm.anomaly_mitigation", HTTP, load_balancing_anomaly_mitigation),
    chosen!("load_balancing.cross_zone.enabled", &[], load_balancing_cross_zone_enabled),
    chosen!("preserve_client_ip.enabled", CONNECTIONS, preserve_client_ip),
];

/// Which attributes there are: by protocol, or `lambda` where there is none.
fn kind(group: &TargetGroup) -> &str {
    group.protocol.as_deref().unwrap_or("lambda")
}

/// Stickiness as attributes.
fn sticky(block: &Stickiness) -> Tags {
    let mut out = Tags::from([
        ("stickiness.enabled".to_owned(), block.enabled.to_string()),
        ("stickiness.type".to_owned(), block.kind.clone()),
    ]);
    match (block.kind.as_str(), &block.cookie_name) {
        ("lb_cookie", _) => {
            out.insert("stickiness.lb_cookie.duration_seconds".into(), block.cookie_duration.to_string());
        }
        ("app_cookie", name) => {
            out.insert("stickiness.app_cookie.duration_seconds".into(), block.cookie_duration.to_string());
            out.insert("stickiness.app_cookie.cookie_name".into(), name.clone().unwrap_or_default());
        }
        _ => {}
    }
    out
}

async fn set(arn: &str, attributes: Tags, cx: &Context<'_>) -> Result<(), CallError> {
    if attributes.is_empty() {
        return Ok(());
    }
    let one = |(key, value)| elb::TargetGroupAttribute::builder().key(key).value(value).build();
    let call = cx.client.elb.modify_target_group_attributes().target_group_arn(arn);
    let call = call.set_attributes(Some(attributes.into_iter().map(one).collect()));
    call.send().await.map(drop).map_err(|e| lagging(WHAT, e))
}

impl TargetGroup {
    /// Takes what the attributes say.
    pub(super) fn take(&mut self, attributes: &Tags) {
        let kind = kind(self).to_owned();
        filled(&SETTINGS, &kind, self, attributes);
        let text = |key: &str| attributes.get(key).cloned();
        for block in &mut self.stickiness {
            block.enabled = text("stickiness.enabled").map_or(block.enabled, |on| on == "true");
            block.kind = text("stickiness.type").unwrap_or_else(|| block.kind.clone());
            let of = format!("stickiness.{}", block.kind);
            let seconds = text(&format!("{of}.duration_seconds")).and_then(|seconds| seconds.parse().ok());
            block.cookie_duration = seconds.unwrap_or(block.cookie_duration);
            block.cookie_name = text(&format!("{of}.cookie_name")).or_else(|| block.cookie_name.clone());
        }
        // What this kind of group does not have.
        self.connection_termination = settled(&self.connection_termination);
        self.load_balancing_algorithm_type = settled(&self.load_balancing_algorithm_type);
        self.load_balancing_anomaly_mitigation = settled(&self.load_balancing_anomaly_mitigation);
        self.load_balancing_cross_zone_enabled = settled(&self.load_balancing_cross_zone_enabled);
        self.preserve_client_ip = settled(&self.preserve_client_ip);
    }

    /// What a new group needs, beside being made.
    pub(super) async fn set_up(&self, arn: &str, cx: &Context<'_>) -> Result<(), CallError> {
        let mut wanted = initial(&SETTINGS, kind(self), self);
        wanted.extend(self.stickiness.iter().flat_map(sticky));
        set(arn, wanted, cx).await
    }

    /// Brings `prior` to what `self` plans, but for its tags.
    pub(super) async fn bring(&self, prior: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        let arn = &prior.key();
        let mut wanted = changed(&SETTINGS, kind(self), prior, self);
        if self.stickiness != prior.stickiness {
            match self.stickiness.first() {
                Some(block) => wanted.extend(sticky(block)),
                None => drop(wanted.insert("stickiness.enabled".into(), "false".into())),
            }
        }
        set(arn, wanted, cx).await?;
        let Some(check) = self.health_check.first().filter(|_| self.health_check != prior.health_check)
        else {
            return Ok(());
        };
        let call = cx.client.elb.modify_target_group().target_group_arn(arn);
        let call = call
            .health_check_enabled(check.enabled)
            .health_check_interval_seconds(small(check.interval))
            .health_check_port(&check.port)
            .health_check_protocol(elb::ProtocolEnum::from(check.protocol.as_str()))
            .healthy_threshold_count(small(check.healthy_threshold))
            .unhealthy_threshold_count(small(check.unhealthy_threshold))
            .set_health_check_path(check.path())
            .set_health_check_timeout_seconds(check.timeout())
            .set_matcher(check.matcher(self.grpc()));
        call.send().await.map(drop).map_err(|e| failed(WHAT, e))
    }
}

/// Nothing, where it is not known even now.
fn settled<T: Clone>(value: &Computed<T>) -> Computed<T> {
    value.get().cloned().into()
}
