//! `time_static`.

use super::{Moment, Triggers, check_time, overflow, parse, with_parts};
use async_trait::async_trait;
use formwork_provider::{CallError, Computed, Crud, Cx, Effects, Problem, Resource};
use formwork_value::Value;

/// Keeps a time in the state: the time at which it was created, or the one that is given.
#[derive(Clone, Default, Resource)]
#[resource(name = "time_static")]
pub(super) struct TimeStatic {
    /// Arbitrary values; when one changes, the time is taken anew.
    #[attr(replace)]
    triggers: Option<Triggers>,
    /// The time (RFC 3339), instead of now.
    #[attr(optional, replace)]
    rfc3339: Computed<String>,
    /// Year of the time.
    year: Computed<i64>,
    /// Month of the time.
    month: Computed<i64>,
    /// Day of the time.
    day: Computed<i64>,
    /// Hour of the time.
    hour: Computed<i64>,
    /// Minute of the time.
    minute: Computed<i64>,
    /// Second of the time.
    second: Computed<i64>,
    /// Seconds since the Unix epoch.
    unix: Computed<i64>,
    /// The time.
    id: Computed<String>,
}

impl TimeStatic {
    fn at(self, moment: Moment) -> Self {
        let text = moment.rfc3339();
        let mut out = with_parts!(self, moment);
        // What the configuration gives is kept as it is written.
        out.rfc3339 = out.rfc3339.get().cloned().unwrap_or_else(|| text.clone()).into();
        out.id = text.into();
        out
    }
}

#[async_trait]
impl Crud for TimeStatic {
    type Client = ();
    const EFFECTS: Effects = Effects::StateOnly;

    fn validate(config: &Value) -> Vec<Problem> {
        check_time(config, "rfc3339").into_iter().collect()
    }

    async fn create(&self, cx: &Cx<'_, ()>) -> Result<Self, CallError> {
        let moment = match self.rfc3339.get() {
            Some(text) => parse(text, "rfc3339")?,
            None => Moment::now(cx.now()).ok_or_else(overflow)?,
        };
        Ok(self.clone().at(moment))
    }

    async fn read(&self, _: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
        Ok(Some(self.clone()))
    }

    async fn delete(&self, _: &Cx<'_, ()>) -> Result<(), CallError> {
        Ok(())
    }

    async fn import(id: &str, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(TimeStatic::default().at(parse(id, "rfc3339")?))
    }
}
