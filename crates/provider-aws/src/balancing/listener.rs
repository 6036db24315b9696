//! `aws_lb_listener`.

use super::action::Action;
use super::tags::{self, GONE};
use super::{PAGE, made_before, small, those};
use crate::client::Context;
use crate::compute::common::{passing, said};
use crate::error::{Failed, absent, failed, is};
use crate::resource::{AwsType, Wanted};
use crate::tags::Tags;
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as elb;
use formwork_provider::{CallError, Computed, Resource};

/// A port of a load balancer, and what is done with what comes in there.
#[derive(Clone, Resource)]
#[resource(name = "aws_lb_listener")]
pub(super) struct Listener {
    /// ARN of the load balancer.
    #[attr(replace)]
    load_balancer_arn: String,
    /// The port. Not for gateway balancers.
    port: Option<i64>,
    /// `HTTP` or `HTTPS` for application balancers; `TCP`, `TLS`, `UDP` or `TCP_UDP` for network balancers. If not set,
    /// `HTTP` for application balancers.
    #[attr(optional)]
    protocol: Computed<String>,
    /// ARN of the certificate, for `HTTPS` and `TLS`.
    certificate_arn: Option<String>,
    /// Name of the policy that says which versions and ciphers of TLS are spoken.
    #[attr(optional)]
    ssl_policy: Computed<String>,
    /// Protocol that is agreed on by TLS: `HTTP1Only`, `HTTP2Only`, `HTTP2Optional`, `HTTP2Preferred` or `None`.
    alpn_policy: Option<String>,
    /// What is done with what comes in, unless a rule says otherwise.
    #[block(list, min = 1)]
    default_action: Vec<Action>,
    /// Tags, over the provider's `default_tags`.
    tags: Option<Tags>,
    /// All tags, with those of the provider's `default_tags`.
    tags_all: Computed<Tags>,
    /// ARN of the listener.
    arn: Computed<String>,
    /// ARN of the listener.
    id: Computed<String>,
}

const READ: &str = "The listener could not be read";

async fn by_arn(arns: Vec<String>, cx: &Context<'_>) -> Result<Option<Vec<elb::Listener>>, CallError> {
    let answer = cx.client.elb.describe_listeners().set_listener_arns(Some(arns)).send().await;
    let answer = absent(answer, &GONE).map_err(|e| failed(READ, e))?;
    Ok(answer.map(|answer| answer.listeners.unwrap_or_default()))
}

impl Listener {
    fn actions(&self) -> Result<Vec<elb::Action>, CallError> {
        self.default_action.iter().map(Action::request).collect()
    }

    /// The protocol that is asked for.
    fn asked(&self) -> Option<elb::ProtocolEnum> {
        let application = self.load_balancer_arn.contains(":loadbalancer/app/");
        let usual = application.then_some("HTTP");
        self.protocol
            .get()
            .map(String::as_str)
            .filter(|p| !p.is_empty())
            .or(usual)
            .map(elb::ProtocolEnum::from)
    }

    fn certificates(&self) -> Option<Vec<elb::Certificate>> {
        let arn = self.certificate_arn.as_ref()?;
        Some(vec![elb::Certificate::builder().certificate_arn(arn).build()])
    }

    /// What listens at the balancer's port. A port has one listener for each of TCP and UDP.
    async fn at_port(&self, cx: &Context<'_>) -> Result<Vec<elb::Listener>, CallError> {
        let call = cx.client.elb.describe_listeners().load_balancer_arn(&self.load_balancer_arn);
        let found: Result<Vec<elb::Listener>, Failed<_>> =
            call.into_paginator().items().send().collect().await;
        let mut found = absent(found, &GONE).map_err(|e| failed(READ, e))?.unwrap_or_default();
        let udp = |protocol: Option<&elb::ProtocolEnum>| protocol == Some(&elb::ProtocolEnum::Udp);
        found.retain(|listener| {
            listener.port() == self.port.map(small) && udp(listener.protocol()) == udp(self.asked().as_ref())
        });
        Ok(found)
    }

    fn taken(&self) -> CallError {
        let port = self.port.map(|port| format!(" {port}")).unwrap_or_default();
        let detail = format!(
            "The load balancer has a listener at the port{port} already, and it was not made by this configuration. \
             Choose another port, or import the listener that is there."
        );
        CallError::new("The port is taken", detail)
    }
}

#[async_trait]
impl AwsType for Listener {
    /// A listener and its tags.
    type Found = (elb::Listener, Tags);
    const IDEMPOTENT: bool = true;
    const LAGS: bool = false;
    const PAGE: usize = PAGE;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Self::Found>, CallError> {
        let found = match wanted {
            Wanted::Ids(arns) => those(arns, |arns| by_arn(arns, cx)).await?,
            Wanted::Made(wanted) => wanted.at_port(cx).await?,
        };
        tags::with(found, elb::Listener::listener_arn, cx).await
    }

    fn found_id(found: &Self::Found) -> Option<&str> {
        found.0.listener_arn()
    }

    fn is_made(&self, found: &Self::Found, cx: &Context<'_>) -> bool {
        tags::ours(&found.1, cx)
    }

    async fn filled(&self, found: &Self::Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let (listener, tags) = found;
        let (own, all) = cx.client.settings.split(&self.tags, tags.clone());
        let arn = listener.listener_arn.clone();
        let protocol = listener.protocol().map(|protocol| protocol.as_str().to_owned());
        let secured = matches!(protocol.as_deref(), Some("HTTPS" | "TLS"));
        let known = |i: usize, action: &elb::Action| match self.default_action.get(i) {
            Some(known) => known.seen(action),
            None => Action::new(action),
        };
        Ok(Some(Listener {
            load_balancer_arn: listener.load_balancer_arn().unwrap_or(&self.load_balancer_arn).to_owned(),
            port: listener.port().map(i64::from).or(self.port),
            protocol: protocol.into(),
            certificate_arn: listener.certificates().first().and_then(|c| c.certificate_arn.clone()),
            ssl_policy: match (secured, self.ssl_policy.get()) {
                (true, _) => listener.ssl_policy.clone().into(),
                (false, Some(known)) => known.clone().into(),
                (false, None) => Computed::Known(String::new()),
            },
            alpn_policy: listener.alpn_policy().first().cloned(),
            default_action: listener.default_actions().iter().enumerate().map(|(i, a)| known(i, a)).collect(),
            tags: own,
            tags_all: all.into(),
            arn: arn.clone().into(),
            id: arn.into(),
        }))
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        if let Some(made) = made_before(self, cx, || self.taken()).await? {
            return Ok(made);
        }
        let call = cx.client.elb.create_listener().load_balancer_arn(&self.load_balancer_arn);
        let call = call
            .set_port(self.port.map(small))
            .set_protocol(self.asked())
            .set_certificates(self.certificates())
            .set_ssl_policy(said(&self.ssl_policy))
            .set_alpn_policy(self.alpn_policy.clone().map(|policy| vec![policy]))
            .set_default_actions(Some(self.actions()?))
            .set_tags(Some(tags::new(&self.tags, cx)));
        match call.send().await {
            Ok(made) => {
                let arn = made.listeners().first().and_then(|listener| listener.listener_arn.clone());
                Ok(Listener { arn: arn.clone().into(), id: arn.into(), ..self.clone() })
            }
            Err(error) => {
                // One that could not be seen before may be ours; a new balancer, group or certificate may be unknown
                // for a moment.
                let soon = [
                    "DuplicateListener",
                    "LoadBalancerNotFound",
                    "TargetGroupNotFound",
                    "CertificateNotFound",
                ];
                let soon = is(&error, &soon);
                let told = failed("The listener could not be created", error);
                Err(if soon { passing(told) } else { told })
            }
        }
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        let policy = said(&self.ssl_policy);
        let same = self.port == prior.port
            && self.protocol == prior.protocol
            && self.certificate_arn == prior.certificate_arn
            && policy.as_ref().is_none_or(|policy| prior.ssl_policy.get() == Some(policy))
            && self.alpn_policy == prior.alpn_policy
            && self.default_action == prior.default_action;
        if !same {
            let call = cx.client.elb.modify_listener().listener_arn(prior.key());
            let call = call
                .set_port(self.port.map(small))
                .set_protocol(self.asked())
                .set_certificates(self.certificates())
                .set_ssl_policy(policy)
                .set_alpn_policy(self.alpn_policy.clone().map(|policy| vec![policy]))
                .set_default_actions(Some(self.actions()?));
            call.send().await.map_err(|e| failed("The listener could not be changed", e))?;
        }
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.elb.delete_listener().listener_arn(self.key());
        absent(call.send().await, &GONE).map(drop).map_err(|e| failed("The listener could not be deleted", e))
    }
}
