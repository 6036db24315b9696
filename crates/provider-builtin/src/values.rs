//! Small things that several families need.

use formwork_provider::Problem;
use formwork_value::{Number, Path, Value};

/// An object with one attribute replaced.
pub(crate) fn with(object: Value, name: &str, value: Value) -> Value {
    object.with_attribute(name, value)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether an attribute of a configuration is set; `None` while that is not known.
pub(crate) fn is_set(config: &Value, name: &str) -> Option<bool> {
    let value = config.get(name)?;
    if value.is_known() { Some(!value.is_null()) } else { None }
}

/// Checks that exactly one of these attributes is set, as far as that is known.
pub(crate) fn exactly_one(config: &Value, names: &[&str]) -> Vec<Problem> {
    let set: Vec<&str> = names.iter().copied().filter(|n| is_set(config, n) == Some(true)).collect();
    let pending = names.iter().any(|n| is_set(config, n).is_none());
    let list = names.join(", ");
    match set.len() {
        0 if !pending => vec![Problem::error(
            Path::root(),
            "Missing argument",
            format!("Exactly one of {list} is needed; none is set."),
        )],
        0 | 1 => Vec::new(),
        _ => vec![Problem::error(
            Path::root().attr(set[1]),
            "Conflicting arguments",
            format!("Exactly one of {list} can be set, but these are: {}.", set.join(", ")),
        )],
    }
}

/// Checks that at least one of these attributes is set, as far as that is known.
pub(crate) fn at_least_one(config: &Value, names: &[&str]) -> Vec<Problem> {
    if names.iter().all(|n| is_set(config, n) == Some(false)) {
        let detail = format!("At least one of {} is needed; none is set.", names.join(", "));
        return vec![Problem::error(Path::root(), "Missing argument", detail)];
    }
    Vec::new()
}

/// Checks that a whole number, if it is known, is not below a limit.
pub(crate) fn at_least(config: &Value, name: &str, least: i64) -> Option<Problem> {
    let number = config.get(name)?.as_number()?;
    if *number >= Number::from(least) {
        return None;
    }
    let detail = format!("{name} must be at least {least}; it is {number}.");
    Some(Problem::error(Path::root().attr(name), "Value out of range", detail))
}

/// Checks that a string, if it is known, is one of a list.
pub(crate) fn one_of(config: &Value, name: &str, choices: &[&str]) -> Option<Problem> {
    let text = config.get(name)?.as_str()?;
    if choices.contains(&text) {
        return None;
    }
    let detail = format!("{name} must be one of {}; it is \"{text}\".", choices.join(", "));
    Some(Problem::error(Path::root().attr(name), "Unknown choice", detail))
}
