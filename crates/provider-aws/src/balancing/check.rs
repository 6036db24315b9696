//! Blocks of a target group.

use aws_sdk_elasticloadbalancingv2::types as elb;
use formwork_provider::{Computed, Nested};

/// How targets are found to be healthy.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct HealthCheck {
    /// Whether they are asked at all. Only groups of functions may say no.
    #[attr(default = true)]
    pub enabled: bool,
    /// After how many good answers in a row a target is healthy, 2 to 10.
    #[attr(default = 3)]
    pub healthy_threshold: i64,
    /// Seconds from one question to the next, 5 to 300.
    #[attr(default = 30)]
    pub interval: i64,
    /// Which answers are good: codes of HTTP or gRPC, such as `200-299` or `200,202`.
    #[attr(optional)]
    pub matcher: Computed<String>,
    /// Path that is asked for.
    #[attr(optional)]
    pub path: Computed<String>,
    /// Port that is asked: a number, or `traffic-port` for the target's own.
    #[attr(default = "traffic-port")]
    pub port: String,
    /// `HTTP`, `HTTPS` or `TCP`.
    #[attr(default = "HTTP")]
    pub protocol: String,
    /// Seconds after which no answer is a bad one, 2 to 120.
    #[attr(optional)]
    pub timeout: Computed<i64>,
    /// After how many bad answers in a row a target is unhealthy, 2 to 10.
    #[attr(default = 3)]
    pub unhealthy_threshold: i64,
}

impl HealthCheck {
    /// What is asked for, unless connections are all there is to it.
    fn http<T>(&self, value: Option<T>) -> Option<T> {
        value.filter(|_| !self.protocol.eq_ignore_ascii_case("TCP"))
    }

    pub(super) fn path(&self) -> Option<String> {
        self.http(self.path.get().filter(|path| !path.is_empty()).cloned())
    }

    pub(super) fn matcher(&self, grpc: bool) -> Option<elb::Matcher> {
        let codes = self.http(self.matcher.get().filter(|codes| !codes.is_empty()))?;
        let matcher = elb::Matcher::builder();
        Some(if grpc { matcher.grpc_code(codes) } else { matcher.http_code(codes) }.build())
    }

    pub(super) fn timeout(&self) -> Option<i32> {
        self.timeout.get().map(|seconds| super::small(*seconds))
    }

    /// `self`, as it is.
    pub(super) fn seen(&self, found: &elb::TargetGroup) -> Self {
        let codes = found.matcher().and_then(|m| m.http_code().or(m.grpc_code()));
        let number = |found: Option<i32>, known: i64| found.map_or(known, i64::from);
        let protocol = found.health_check_protocol().map_or(&*self.protocol, |p| p.as_str());
        let same = protocol.eq_ignore_ascii_case(&self.protocol);
        HealthCheck {
            enabled: found.health_check_enabled().unwrap_or(self.enabled),
            healthy_threshold: number(found.healthy_threshold_count(), self.healthy_threshold),
            interval: number(found.health_check_interval_seconds(), self.interval),
            matcher: codes.unwrap_or_default().into(),
            path: found.health_check_path().unwrap_or_default().into(),
            port: found.health_check_port().unwrap_or(&self.port).to_owned(),
            protocol: if same { self.protocol.clone() } else { protocol.to_owned() },
            timeout: found
                .health_check_timeout_seconds()
                .map(i64::from)
                .or(self.timeout.get().copied())
                .into(),
            unhealthy_threshold: number(found.unhealthy_threshold_count(), self.unhealthy_threshold),
        }
    }
}

/// How a client's requests go to the same target.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct Stickiness {
    /// Whether they do.
    #[attr(default = true)]
    pub enabled: bool,
    /// `lb_cookie` or `app_cookie` for HTTP, `source_ip` for connections.
    #[attr(name = "type")]
    pub kind: String,
    /// For how many seconds, where a cookie says so.
    #[attr(default = 86400)]
    pub cookie_duration: i64,
    /// Name of the application's cookie, for `app_cookie`.
    pub cookie_name: Option<String>,
}
