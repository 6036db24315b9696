//! `time_sleep`.

use super::{Moment, Triggers, malformed, overflow};
use crate::values::at_least_one;
use async_trait::async_trait;
use formwork_provider::{CallError, Computed, Crud, Cx, Effects, Problem, Resource};
use formwork_value::{Path, Value};
use std::time::Duration;

/// Waits when it is created, and when it is destroyed: at least one of the two durations is needed.
#[derive(Clone, Default, Resource)]
#[resource(name = "time_sleep")]
pub(super) struct TimeSleep {
    /// Arbitrary values; when one changes, the waits are done again. They are known only after the wait.
    #[attr(replace)]
    triggers: Option<Triggers>,
    /// How long to wait at creation: a number with `ms`, `s`, `m` or `h`, such as `30s`.
    create_duration: Option<String>,
    /// How long to wait at destruction: a number with `ms`, `s`, `m` or `h`, such as `30s`.
    destroy_duration: Option<String>,
    /// The time at which it was created.
    id: Computed<String>,
}

fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let well_formed = match number.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(number),
    };
    let seconds: f64 = number.parse().ok().filter(|_| well_formed)?;
    Duration::try_from_secs_f64(seconds * unit).ok()
}

fn parse(text: &str, name: &str) -> Result<Duration, CallError> {
    duration(text).ok_or_else(|| {
        let detail = format!("{name} must be a number with ms, s, m or h, such as 30s; it is \"{text}\".");
        CallError::new("Malformed duration", detail).on(Path::root().attr(name))
    })
}

#[async_trait]
impl Crud for TimeSleep {
    type Client = ();
    const EFFECTS: Effects = Effects::StateOnly;

    fn validate(config: &Value) -> Vec<Problem> {
        let names = ["create_duration", "destroy_duration"];
        let mut problems = at_least_one(config, &names);
        problems.extend(names.iter().filter_map(|name| {
            let error = parse(config.get(name)?.as_str()?, name).err()?;
            Some(Problem::error(error.path, error.summary, error.detail))
        }));
        problems
    }

    async fn create(&self, cx: &Cx<'_, ()>) -> Result<Self, CallError> {
        if let Some(text) = &self.create_duration {
            cx.sleep(parse(text, "create_duration")?).await;
        }
        let now = Moment::now(cx.now()).ok_or_else(overflow)?;
        Ok(TimeSleep { id: now.rfc3339().into(), ..self.clone() })
    }

    async fn read(&self, _: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
        Ok(Some(self.clone()))
    }

    async fn update(&self, prior: &Self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(TimeSleep { id: prior.id.clone(), ..self.clone() })
    }

    async fn delete(&self, cx: &Cx<'_, ()>) -> Result<(), CallError> {
        if let Some(text) = &self.destroy_duration {
            cx.sleep(parse(text, "destroy_duration")?).await;
        }
        Ok(())
    }

    async fn import(id: &str, cx: &Cx<'_, ()>) -> Result<Self, CallError> {
        let wrong = || malformed(id, "CREATEDURATION,DESTROYDURATION with at least one of them");
        let (create, destroy) = id.split_once(',').ok_or_else(wrong)?;
        let given = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        let (create_duration, destroy_duration) = (given(create), given(destroy));
        if create_duration.is_none() && destroy_duration.is_none() {
            return Err(wrong());
        }
        for text in create_duration.iter().chain(&destroy_duration) {
            duration(text).ok_or_else(wrong)?;
        }
        let now = Moment::now(cx.now()).ok_or_else(overflow)?;
        Ok(TimeSleep { triggers: None, create_duration, destroy_duration, id: now.rfc3339().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("30s", Some(30_000)),
            ("1.5m", Some(90_000)),
            ("250ms", Some(250)),
            ("1h", Some(3_600_000)),
            ("s", None),
            ("-1s", None),
            (".5s", None),
            ("1d", None),
            ("10", None),
        ] {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text}");
        }
    }
}
