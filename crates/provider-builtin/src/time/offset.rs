//! `time_offset`.

use super::{Moment, Triggers, check_time, differ, malformed, numbers, overflow, parse, with_parts};
use crate::values::at_least_one;
use async_trait::async_trait;
use formwork_provider::{
    CallError, Computed, Crud, Cx, Effects, Model, PlanRequest, PlanResponse, Problem, Resource,
};
use formwork_value::Value;

const OFFSETS: [&str; 6] =
    ["offset_years", "offset_months", "offset_days", "offset_hours", "offset_minutes", "offset_seconds"];

/// Keeps a time in the state that lies some way from a base: the time at which it was created, or the one that is
/// given.
///
/// At least one of the arguments `offset_…` is needed. They add up.
#[derive(Clone, Default, Resource)]
#[resource(name = "time_offset")]
pub(super) struct TimeOffset {
    /// Arbitrary values; when one changes, the base is taken anew.
    #[attr(replace)]
    triggers: Option<Triggers>,
    /// The base (RFC 3339), instead of now.
    #[attr(optional, replace)]
    base_rfc3339: Computed<String>,
    /// Years from the base.
    offset_years: Option<i64>,
    /// Months from the base.
    offset_months: Option<i64>,
    /// Days from the base.
    offset_days: Option<i64>,
    /// Hours from the base.
    offset_hours: Option<i64>,
    /// Minutes from the base.
    offset_minutes: Option<i64>,
    /// Seconds from the base.
    offset_seconds: Option<i64>,
    /// The time (RFC 3339).
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
    /// The base.
    id: Computed<String>,
}

impl TimeOffset {
    fn from(self, base: Moment) -> Result<Self, CallError> {
        let amount = |n: Option<i64>| n.unwrap_or_default();
        let moment = base
            .plus_date(amount(self.offset_years), amount(self.offset_months), amount(self.offset_days))
            .and_then(|m| {
                m.plus_time(
                    amount(self.offset_hours),
                    amount(self.offset_minutes),
                    amount(self.offset_seconds),
                )
            })
            .ok_or_else(overflow)?;
        let mut out = with_parts!(self, moment);
        out.base_rfc3339 = out.base_rfc3339.get().cloned().unwrap_or_else(|| base.rfc3339()).into();
        out.id = base.rfc3339().into();
        out.rfc3339 = moment.rfc3339().into();
        Ok(out)
    }

    fn base(&self) -> Result<Option<Moment>, CallError> {
        self.base_rfc3339.get().map(|text| parse(text, "base_rfc3339")).transpose()
    }
}

#[async_trait]
impl Crud for TimeOffset {
    type Client = ();
    const EFFECTS: Effects = Effects::StateOnly;
    const PLANS: bool = true;

    fn validate(config: &Value) -> Vec<Problem> {
        let mut problems = at_least_one(config, &OFFSETS);
        problems.extend(check_time(config, "base_rfc3339"));
        problems
    }

    async fn plan(
        _: &Cx<'_, ()>,
        request: &PlanRequest<'_>,
        plan: PlanResponse,
    ) -> Result<PlanResponse, CallError> {
        let Some(prior) = request.prior.filter(|_| plan.replace.is_empty()) else { return Ok(plan) };
        if !differ(&prior.value, &plan.planned, &OFFSETS) {
            return Ok(plan);
        }
        // An offset that is not known yet leaves the result open.
        let known = OFFSETS.iter().all(|name| plan.planned.get(name).is_some_and(Value::is_known));
        let model = if known { TimeOffset::from_value(&plan.planned).ok() } else { None };
        let planned = match model {
            Some(model) => match model.base()? {
                Some(base) => model.from(base)?.to_value(),
                None => plan.planned,
            },
            None => ["rfc3339", "year", "month", "day", "hour", "minute", "second", "unix"].iter().fold(
                plan.planned,
                |value, name| {
                    let ty = value.get(name).map(Value::ty).unwrap_or(formwork_value::Type::Dynamic);
                    crate::values::with(value, name, Value::unknown(ty))
                },
            ),
        };
        Ok(PlanResponse { planned, ..plan })
    }

    async fn create(&self, cx: &Cx<'_, ()>) -> Result<Self, CallError> {
        let base = match self.base()? {
            Some(base) => base,
            None => Moment::now(cx.now()).ok_or_else(overflow)?,
        };
        self.clone().from(base)
    }

    async fn read(&self, _: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
        Ok(Some(self.clone()))
    }

    async fn update(&self, prior: &Self, cx: &Cx<'_, ()>) -> Result<Self, CallError> {
        match prior.base()? {
            Some(base) => self.clone().from(base),
            None => self.create(cx).await,
        }
    }

    async fn delete(&self, _: &Cx<'_, ()>) -> Result<(), CallError> {
        Ok(())
    }

    async fn import(id: &str, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        let wrong =
            || malformed(id, "BASETIME,YEARS,MONTHS,DAYS,HOURS,MINUTES,SECONDS with at least one number");
        let parts: Vec<&str> = id.split(',').collect();
        let (base, rest) = parts.split_first().ok_or_else(wrong)?;
        let [years, months, days, hours, minutes, seconds] =
            numbers(rest).filter(|n| n.iter().any(Option::is_some)).ok_or_else(wrong)?;
        let new = TimeOffset {
            base_rfc3339: (*base).into(),
            offset_years: years,
            offset_months: months,
            offset_days: days,
            offset_hours: hours,
            offset_minutes: minutes,
            offset_seconds: seconds,
            ..TimeOffset::default()
        };
        new.from(parse(base, "base_rfc3339")?)
    }
}
