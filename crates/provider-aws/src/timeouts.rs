//! The `timeouts` block.

use crate::waiting::LINGERING;
use formwork_provider::{Model, Nested, Problem};
use formwork_value::{Path, Value};
use std::time::Duration;

/// How long operations may take: durations such as `90s`, `10m` or `1h30m`.
#[derive(Clone, Nested)]
pub(crate) struct Timeouts {
    /// Accepted, and without effect: a new object is waited for as long as its type takes at the most.
    pub create: Option<String>,
    /// Accepted, and without effect, as `create`.
    pub update: Option<String>,
    /// For how long a delete is tried again while something still uses the object; `10m` if not set.
    pub delete: Option<String>,
}

/// How long a delete of an object is tried again.
pub(crate) fn for_delete(object: &impl Model) -> Duration {
    let object = object.to_value();
    let text = object.get("timeouts").and_then(|block| block.get("delete")).and_then(Value::as_str);
    text.and_then(duration).unwrap_or(LINGERING)
}

/// What is wrong with the block in a configuration.
pub(crate) fn check(config: &Value) -> Vec<Problem> {
    let Some(block) = config.get("timeouts").filter(|block| !block.is_null()) else { return Vec::new() };
    let wrong = ["create", "update", "delete"].into_iter().filter_map(|name| {
        let text = block.get(name)?.as_str()?;
        duration(text).is_none().then(|| {
            let detail = format!("\"{text}\" is not a duration. Write numbers with units: 90s, 10m, 1h30m.");
            Problem::error(Path::root().attr("timeouts").attr(name), "Invalid duration", detail)
        })
    });
    wrong.collect()
}

/// A duration as Go writes it: numbers, each with its unit.
fn duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (Duration::ZERO, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations() {
        let check = |text, wanted: Option<u64>| {
            assert_eq!(duration(text).map(|d| d.as_secs()), wanted, "{text}");
        };
        check("90s", Some(90));
        check("1h30m", Some(5400));
        check("1.5m", Some(90));
        check("", None);
        check("10", None);
        check("10 minutes", None);
        check("m", None);
    }
}
