//! `time_rotating`.

use super::{Moment, Triggers, check_time, differ, malformed, numbers, overflow, parse, with_parts};
use crate::values::{at_least, at_least_one, with};
use async_trait::async_trait;
use formwork_provider::{
    CallError, Computed, Crud, Cx, Effects, Model, PlanRequest, PlanResponse, Problem, Resource,
};
use formwork_value::{Type, Value};

const PERIODS: [&str; 5] =
    ["rotation_years", "rotation_months", "rotation_days", "rotation_hours", "rotation_minutes"];

/// Keeps a time in the state until the rotation time has passed; then a new one takes its place.
///
/// At least one of the arguments `rotation_…` is needed.
#[derive(Clone, Default, Resource)]
#[resource(name = "time_rotating")]
pub(super) struct TimeRotating {
    /// Arbitrary values; when one changes, the base is taken anew.
    #[attr(replace)]
    triggers: Option<Triggers>,
    /// The base (RFC 3339), instead of now.
    #[attr(optional, replace)]
    rfc3339: Computed<String>,
    /// The rotation time (RFC 3339).
    #[attr(optional)]
    rotation_rfc3339: Computed<String>,
    /// Years from the base to the rotation.
    rotation_years: Option<i64>,
    /// Months from the base to the rotation.
    rotation_months: Option<i64>,
    /// Days from the base to the rotation.
    rotation_days: Option<i64>,
    /// Hours from the base to the rotation.
    rotation_hours: Option<i64>,
    /// Minutes from the base to the rotation.
    rotation_minutes: Option<i64>,
    /// Year of the base.
    year: Computed<i64>,
    /// Month of the base.
    month: Computed<i64>,
    /// Day of the base.
    day: Computed<i64>,
    /// Hour of the base.
    hour: Computed<i64>,
    /// Minute of the base.
    minute: Computed<i64>,
    /// Second of the base.
    second: Computed<i64>,
    /// Seconds since the Unix epoch.
    unix: Computed<i64>,
    /// The base.
    id: Computed<String>,
}

impl TimeRotating {
    fn periods(&self) -> [Option<i64>; 5] {
        [
            self.rotation_years,
            self.rotation_months,
            self.rotation_days,
            self.rotation_hours,
            self.rotation_minutes,
        ]
    }

    fn from(self, base: Moment) -> Result<Self, CallError> {
        let [years, months, days, hours, minutes] = self.periods().map(Option::unwrap_or_default);
        let periodic = self.periods().iter().any(Option::is_some);
        let mut out = with_parts!(self, base);
        if periodic {
            let rotation = base.plus_date(years, months, days).and_then(|m| m.plus_time(hours, minutes, 0));
            out.rotation_rfc3339 = rotation.ok_or_else(overflow)?.rfc3339().into();
        }
        out.rfc3339 = out.rfc3339.get().cloned().unwrap_or_else(|| base.rfc3339()).into();
        out.id = base.rfc3339().into();
        Ok(out)
    }

    fn base(&self) -> Result<Option<Moment>, CallError> {
        self.rfc3339.get().map(|text| parse(text, "rfc3339")).transpose()
    }
}

#[async_trait]
impl Crud for TimeRotating {
    type Client = ();
    const EFFECTS: Effects = Effects::StateOnly;
    const DRIFTS: bool = true;
    const PLANS: bool = true;

    fn validate(config: &Value) -> Vec<Problem> {
        let mut names = PERIODS.to_vec();
        names.push("rotation_rfc3339");
        let mut problems = at_least_one(config, &names);
        problems.extend(PERIODS.iter().filter_map(|name| at_least(config, name, 1)));
        problems.extend(check_time(config, "rfc3339"));
        problems.extend(check_time(config, "rotation_rfc3339"));
        problems
    }

    async fn plan(
        _: &Cx<'_, ()>,
        request: &PlanRequest<'_>,
        plan: PlanResponse,
    ) -> Result<PlanResponse, CallError> {
        let Some(prior) = request.prior.filter(|_| plan.replace.is_empty()) else { return Ok(plan) };
        if !differ(&prior.value, &plan.planned, &PERIODS) {
            return Ok(plan);
        }
        if request.config.get("rotation_rfc3339").is_some_and(|c| !c.is_null()) {
            return Ok(plan);
        }
        let known = PERIODS.iter().all(|name| plan.planned.get(name).is_some_and(Value::is_known));
        let model = if known { TimeRotating::from_value(&plan.planned).ok() } else { None };
        let planned = match model {
            Some(model) => match model.base()? {
                Some(base) => model.from(base)?.to_value(),
                None => plan.planned,
            },
            None => with(plan.planned, "rotation_rfc3339", Value::unknown(Type::String)),
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

    async fn read(&self, cx: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
        let Some(text) = self.rotation_rfc3339.get().filter(|text| !text.is_empty()) else {
            return Ok(Some(self.clone()));
        };
        let rotation = parse(text, "rotation_rfc3339")?;
        let passed = Moment::now(cx.now()).is_some_and(|now| now.is_after(rotation));
        Ok((!passed).then(|| self.clone()))
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
        let wrong = || malformed(id, "BASETIME,YEARS,MONTHS,DAYS,HOURS,MINUTES or BASETIME,ROTATIONTIME");
        let parts: Vec<&str> = id.split(',').collect();
        let (base, rest) = parts.split_first().ok_or_else(wrong)?;
        let new = TimeRotating { rfc3339: (*base).into(), ..TimeRotating::default() };
        let new = match rest {
            [rotation] => {
                parse(rotation, "rotation_rfc3339")?;
                TimeRotating { rotation_rfc3339: (*rotation).into(), ..new }
            }
            _ => {
                let [years, months, days, hours, minutes] =
                    numbers(rest).filter(|n| n.iter().any(Option::is_some)).ok_or_else(wrong)?;
                TimeRotating {
                    rotation_years: years,
                    rotation_months: months,
                    rotation_days: days,
                    rotation_hours: hours,
                    rotation_minutes: minutes,
                    ..new
                }
            }
        };
        new.from(parse(base, "rfc3339")?)
    }
}
