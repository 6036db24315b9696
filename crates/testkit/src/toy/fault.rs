//! Failures on request.

use formwork_provider::CallError;
use serde::Deserialize;
use std::time::Duration;

/// One order, as a file `<folder>/.faults/<any name>.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// `create`, `read`, `update` or `delete`; every operation if absent.
    pub on: Option<String>,
    /// Only for this resource type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Only for the object of this `name`.
    pub name: Option<String>,
    /// From the n-th matching call on, counted from 1 over all runs.
    #[serde(default = "one")]
    pub nth: u64,
    /// For so many calls; 0 is for ever.
    #[serde(default = "one")]
    pub times: u64,
    /// How the call fails, if it does.
    pub fail: Option<How>,
    /// What the error says.
    #[serde(default = "message")]
    pub message: String,
    /// How much longer the call takes.
    #[serde(default)]
    pub latency_ms: u64,
    /// How long after the request the effect lands; the caller may be gone by then.
    #[serde(default)]
    pub late_ms: u64,
}

/// When a call fails.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    /// Without any effect.
    Before,
    /// After its effect, so that the caller cannot know.
    After,
    /// After making the object, which the caller learns of.
    Partial,
}

fn one() -> u64 {
    1
}

fn message() -> String {
    "the toy cloud was asked to fail".into()
}

impl Fault {
    /// Whether it is about such a call.
    pub fn matches(&self, operation: &str, kind: &str, name: &str) -> bool {
        let is = |want: &Option<String>, have: &str| want.as_deref().is_none_or(|w| w == have);
        is(&self.on, operation) && is(&self.kind, kind) && is(&self.name, name)
    }

    /// Whether the `seen`-th matching call is disturbed.
    pub fn strikes(&self, seen: u64) -> bool {
        seen >= self.nth && (self.times == 0 || seen < self.nth + self.times)
    }
}

/// What disturbs one call: all faults that strike it, together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disturbance {
    pub latency: Duration,
    pub late: Duration,
    pub failure: Option<(How, String)>,
}

impl Disturbance {
    /// Adds a fault.
    pub fn add(&mut self, fault: &Fault) {
        self.latency += Duration::from_millis(fault.latency_ms);
        self.late = self.late.max(Duration::from_millis(fault.late_ms));
        if let Some(how) = fault.fail {
            self.failure = Some((how, fault.message.clone()));
        }
    }

    /// The failure before the effect.
    pub fn fail_before(&self) -> Result<(), CallError> {
        match &self.failure {
            Some((How::Before, message)) => Err(CallError::new("Toy cloud failure", message)),
            _ => Ok(()),
        }
    }

    /// The failure after the effect.
    pub fn fail_after(&self) -> Result<(), CallError> {
        match &self.failure {
            Some((How::After, message)) => Err(CallError::uncertain("Toy cloud failure", message)),
            // `create` turns it into one that carries the object.
            Some((How::Partial, message)) => Err(CallError::new("Toy cloud failure", message)),
            _ => Ok(()),
        }
    }
}
