//! `time_offset`, `time_rotating`, `time_sleep` and `time_static`.

mod moment;
mod offset;
mod rotating;
mod sleep;
mod stand;

use crate::values::is_set;
use formwork_provider::{CallError, CrudResource, ManagedResource, Problem};
use formwork_value::{Path, Value};
pub(crate) use moment::Moment;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Arbitrary values whose change asks for a new object.
type Triggers = BTreeMap<String, Option<String>>;

pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        CrudResource::<offset::TimeOffset>::new(),
        CrudResource::<rotating::TimeRotating>::new(),
        CrudResource::<sleep::TimeSleep>::new(),
        CrudResource::<stand::TimeStatic>::new(),
    ]
}

/// Fills in the parts of a moment.
macro_rules! with_parts {
    ($object:expr, $moment:expr) => {{
        let (mut object, moment) = ($object, $moment);
        object.year = i64::from(moment.civil.year()).into();
        object.month = i64::from(moment.civil.month()).into();
        object.day = i64::from(moment.civil.day()).into();
        object.hour = i64::from(moment.civil.hour()).into();
        object.minute = i64::from(moment.civil.minute()).into();
        object.second = i64::from(moment.civil.second()).into();
        object.unix = moment.unix().into();
        object
    }};
}
use with_parts;

/// The moment that an attribute says.
fn parse(text: &str, name: &str) -> Result<Moment, CallError> {
    Moment::parse(text).ok_or_else(|| {
        let detail =
            format!("{name} must be a time such as 2020-02-12T06:36:13Z (RFC 3339); it is \"{text}\".");
        CallError::new("Malformed time", detail).on(Path::root().attr(name))
    })
}

/// Checks that a configured time is one.
fn check_time(config: &Value, name: &str) -> Option<Problem> {
    let error = parse(config.get(name)?.as_str()?, name).err()?;
    Some(Problem::error(error.path, error.summary, error.detail))
}

/// Whether any of these attributes differs between two objects.
fn differ(a: &Value, b: &Value, names: &[&str]) -> bool {
    names.iter().any(|name| match (is_set(a, name), is_set(b, name)) {
        (Some(false), Some(false)) => false,
        _ => a.get(name) != b.get(name),
    })
}

/// A failure of arithmetic on times.
fn overflow() -> CallError {
    CallError::new("Time out of range", "The result lies outside the years that can be written.")
}

/// Comma-separated numbers of an import id; an empty one is none.
fn numbers<const N: usize>(parts: &[&str]) -> Option<[Option<i64>; N]> {
    let mut out = [None; N];
    for (slot, part) in out.iter_mut().zip(parts) {
        if !part.is_empty() {
            *slot = Some(part.parse().ok()?);
        }
    }
    (parts.len() == N).then_some(out)
}

/// An import id that does not have the expected form.
fn malformed(id: &str, form: &str) -> CallError {
    CallError::new("Malformed import id", format!("\"{id}\" does not have the form {form}."))
}
