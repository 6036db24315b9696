//! What a listener does with what comes in.

use super::small;
use aws_sdk_elasticloadbalancingv2::types as elb;
use formwork_provider::{CallError, Computed, Nested};
use formwork_value::Path;

/// What is done with what comes in.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct Action {
    /// `forward`, `redirect` or `fixed-response`.
    #[attr(name = "type")]
    pub kind: String,
    /// Which action comes first, where there are more than one.
    #[attr(optional)]
    pub order: Computed<i64>,
    /// ARN of the target group that it is sent to, if there is only one.
    pub target_group_arn: Option<String>,
    /// Target groups that it is sent to, with weights.
    #[block(list, max = 1)]
    pub forward: Vec<Forward>,
    /// Where the client is sent instead.
    #[block(list, max = 1)]
    pub redirect: Vec<Redirect>,
    /// What the client is answered at once.
    #[block(list, max = 1)]
    pub fixed_response: Vec<FixedResponse>,
}

/// Target groups, with weights.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct Forward {
    /// The groups.
    #[block(set, min = 1, max = 5)]
    pub target_group: Vec<Weighted>,
    /// Whether a client stays with a group.
    #[block(list, max = 1)]
    pub stickiness: Vec<Sticky>,
}

/// A target group with its weight.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct Weighted {
    /// ARN of the group.
    pub arn: String,
    /// Its share, 0 to 999.
    #[attr(default = 1)]
    pub weight: i64,
}

/// Whether a client stays with a group.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct Sticky {
    /// For how many seconds.
    pub duration: i64,
    /// Whether it does.
    #[attr(default = false)]
    pub enabled: bool,
}

/// Another address for the client. `#{host}` and the like stand for the parts of the one that was asked for.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct Redirect {
    /// `HTTP_301` if for good, or `HTTP_302`.
    pub status_code: String,
    /// Name of the host.
    #[attr(default = "#{host}")]
    pub host: String,
    /// Path, with a leading slash.
    #[attr(default = "/#{path}")]
    pub path: String,
    /// Port.
    #[attr(default = "#{port}")]
    pub port: String,
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    #[attr(default = "#{protocol}")]
    pub protocol: String,
    /// Query, without the question mark.
    #[attr(default = "#{query}")]
    pub query: String,
}

/// An answer.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct FixedResponse {
    /// `text/plain`, `text/css`, `text/html`, `application/javascript` or `application/json`.
    pub content_type: String,
    /// What is answered.
    pub message_body: Option<String>,
    /// Status code: 2xx, 4xx or 5xx.
    #[attr(optional)]
    pub status_code: Computed<String>,
}

/// An action that lacks what its type needs.
fn incomplete(kind: &str, needs: &str) -> CallError {
    let detail = format!("An action of type \"{kind}\" needs {needs}. Add that to the default_action block.");
    CallError::new("Incomplete action", detail).on(Path::root().attr("default_action"))
}

impl Action {
    /// As calls take it.
    pub(super) fn request(&self) -> Result<elb::Action, CallError> {
        let action = elb::Action::builder().r#type(elb::ActionTypeEnum::from(self.kind.as_str()));
        let action = action.set_order(self.order.get().map(|order| small(*order)));
        let action = match self.kind.as_str() {
            "forward" => match (self.forward.first(), self.target_group_arn.as_ref()) {
                (Some(forward), _) => action.forward_config(forward.request()),
                (None, Some(arn)) => action.target_group_arn(arn),
                (None, None) => return Err(incomplete("forward", "target_group_arn or a block forward")),
            },
            "redirect" => match self.redirect.first() {
                Some(redirect) => action.redirect_config(redirect.request()),
                None => return Err(incomplete("redirect", "a block redirect")),
            },
            "fixed-response" => match self.fixed_response.first() {
                Some(answer) => action.fixed_response_config(answer.request()),
                None => return Err(incomplete("fixed-response", "a block fixed_response")),
            },
            other => {
                let detail = format!(
                    "The type \"{other}\" is not known here. There are forward, redirect and fixed-response; what \
                     authenticates users cannot be configured."
                );
                let at = Path::root().attr("default_action");
                return Err(CallError::new("Unknown type of action", detail).on(at));
            }
        };
        Ok(action.build())
    }

    /// `self`, as it is.
    pub(super) fn seen(&self, found: &elb::Action) -> Self {
        let groups = found.forward_config().map(|config| config.target_groups()).unwrap_or_default();
        // Where there is one group, AWS tells it both ways.
        let only =
            groups.first().filter(|_| groups.len() == 1).and_then(|group| group.target_group_arn.clone());
        Action {
            kind: found.r#type().map_or(&*self.kind, |kind| kind.as_str()).to_owned(),
            order: found.order().map(i64::from).or(self.order.get().copied()).into(),
            target_group_arn: match self.forward.is_empty() {
                true => found.target_group_arn.clone().or(only),
                false => self.target_group_arn.clone(),
            },
            forward: match found.forward_config() {
                Some(config) => self.forward.iter().map(|forward| forward.seen(config)).collect(),
                None => Vec::new(),
            },
            redirect: found.redirect_config().map(Redirect::seen).into_iter().collect(),
            fixed_response: found.fixed_response_config().map(FixedResponse::seen).into_iter().collect(),
        }
    }

    /// One that is there, and of which nothing was configured.
    pub(super) fn new(found: &elb::Action) -> Self {
        let several = found.forward_config().is_some_and(|config| config.target_groups().len() > 1);
        let empty = Forward { target_group: Vec::new(), stickiness: Vec::new() };
        let blank = Action {
            kind: String::new(),
            order: Computed::Null,
            target_group_arn: None,
            forward: if several { vec![empty] } else { Vec::new() },
            redirect: Vec::new(),
            fixed_response: Vec::new(),
        };
        blank.seen(found)
    }
}

impl Forward {
    fn request(&self) -> elb::ForwardActionConfig {
        let group = |group: &Weighted| {
            elb::TargetGroupTuple::builder().target_group_arn(&group.arn).weight(small(group.weight)).build()
        };
        let sticky = |sticky: &Sticky| {
            let config = elb::TargetGroupStickinessConfig::builder().enabled(sticky.enabled);
            config.duration_seconds(small(sticky.duration)).build()
        };
        elb::ForwardActionConfig::builder()
            .set_target_groups(Some(self.target_group.iter().map(group).collect()))
            .set_target_group_stickiness_config(self.stickiness.first().map(sticky))
            .build()
    }

    fn seen(&self, found: &elb::ForwardActionConfig) -> Self {
        let group = |group: &elb::TargetGroupTuple| Weighted {
            arn: group.target_group_arn().unwrap_or_default().to_owned(),
            weight: group.weight().map_or(1, i64::from),
        };
        let config = found.target_group_stickiness_config();
        let sticky = |sticky: &Sticky| Sticky {
            duration: config.and_then(|c| c.duration_seconds()).map_or(sticky.duration, i64::from),
            enabled: config.and_then(|c| c.enabled()).unwrap_or(sticky.enabled),
        };
        Forward {
            target_group: found.target_groups().iter().map(group).collect(),
            stickiness: self.stickiness.iter().map(sticky).collect(),
        }
    }
}

impl Redirect {
    fn request(&self) -> elb::RedirectActionConfig {
        elb::RedirectActionConfig::builder()
            .status_code(elb::RedirectActionStatusCodeEnum::from(self.status_code.as_str()))
            .host(&self.host)
            .path(&self.path)
            .port(&self.port)
            .protocol(&self.protocol)
            .query(&self.query)
            .build()
    }

    fn seen(found: &elb::RedirectActionConfig) -> Self {
        let text = |text: Option<&str>, usual: &str| text.unwrap_or(usual).to_owned();
        Redirect {
            status_code: text(found.status_code().map(|code| code.as_str()), ""),
            host: text(found.host(), "#{host}"),
            path: text(found.path(), "/#{path}"),
            port: text(found.port(), "#{port}"),
            protocol: text(found.protocol(), "#{protocol}"),
            query: text(found.query(), "#{query}"),
        }
    }
}

impl FixedResponse {
    fn request(&self) -> elb::FixedResponseActionConfig {
        elb::FixedResponseActionConfig::builder()
            .content_type(&self.content_type)
            .set_message_body(self.message_body.clone())
            .set_status_code(self.status_code.get().cloned())
            .build()
    }

    fn seen(found: &elb::FixedResponseActionConfig) -> Self {
        FixedResponse {
            content_type: found.content_type().unwrap_or_default().to_owned(),
            message_body: found.message_body.clone(),
            status_code: found.status_code.clone().into(),
        }
    }
}
