//! `.name` and `[key]` on values, and values in messages.

use super::{a_type, unknown};
use formwork_diag::{Diagnostic, suggestion};
use formwork_value::{Kind, Mark, Marks, Type, Value, convert};

/// How many characters of a value a message shows.
const SHOWN: usize = 60;

/// `value.name`
pub(crate) fn attribute(value: &Value, name: &str) -> Result<Value, Diagnostic> {
    let marks = value.marks();
    let found = match value.kind() {
        Kind::Object(attrs) => match attrs.get(name) {
            Some(v) => v.clone(),
            None => return Err(no_attribute(name, attrs.keys().map(|k| &**k), marks)),
        },
        Kind::Map(_, items) => match items.get(name) {
            Some(v) => v.clone(),
            None => return Err(no_element(name, items.keys().map(|k| &**k), value)),
        },
        Kind::Null(_) => {
            let d = Diagnostic::error(
                "Attempt to get attribute from null value",
                format!("The value before \".{name}\" is null, so it has no attributes."),
            );
            return Err(d.help(format!(
                "If it may be null, use try(….{name}, null) or a condition that checks for null first."
            )));
        }
        Kind::Unknown(u) => match &u.ty {
            Type::Dynamic => unknown(),
            Type::Object(o) => match o.attrs.get(name) {
                Some(ty) => Value::unknown(ty.clone()),
                None => return Err(no_attribute(name, o.attrs.keys().map(|k| &**k), marks)),
            },
            Type::Map(element) => Value::unknown((**element).clone()),
            other => return Err(attributeless(name, other)),
        },
        _ => return Err(attributeless(name, &value.ty())),
    };
    Ok(found.with_marks(marks))
}

fn no_attribute<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone, marks: Marks) -> Diagnostic {
    let what = format!("This object has no attribute named {name:?}.");
    // The names in a sensitive object are themselves secret.
    if marks.has(Mark::Sensitive) {
        return Diagnostic::error("Unsupported attribute", what);
    }
    let d =
        Diagnostic::error("Unsupported attribute", format!("{what}{}", listing("attributes", names.clone())));
    with_suggestion(d, name, names)
}

fn no_element<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone, map: &Value) -> Diagnostic {
    // The keys of a sensitive map are themselves secret.
    if map.has_mark(Mark::Sensitive) {
        return Diagnostic::error(
            "Missing map element",
            format!("This map has no element with the key {name:?}."),
        );
    }
    let d = Diagnostic::error(
        "Missing map element",
        format!("This map has no element with the key {name:?}.{}", listing("keys", names.clone())),
    );
    let with = with_suggestion(d, name, names);
    if with.help.is_some() {
        return with;
    }
    with.help(format!("Use lookup(…, {name:?}, default) if the key may be absent."))
}

fn with_suggestion<'a>(d: Diagnostic, name: &str, names: impl Iterator<Item = &'a str>) -> Diagnostic {
    match suggestion(name, names) {
        Some(better) => d.help(format!("Did you mean {better:?}?")),
        None => d,
    }
}

fn listing<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.collect();
    match all.len() {
        0 => format!(" It has no {what} at all."),
        n if n <= 8 => format!(" Its {what} are {}.", all.join(", ")),
        n => format!(" It has {n} {what}."),
    }
}

fn attributeless(name: &str, ty: &Type) -> Diagnostic {
    let is = a_type(ty);
    let d =
        Diagnostic::error("Unsupported attribute", format!("This value is {is}, which has no attributes."));
    match ty {
        Type::List(e) | Type::Set(e) if matches!(**e, Type::Object(_) | Type::Map(_)) => d.help(format!(
            "To take {name:?} of every element write [*].{name}{}.",
            if matches!(ty, Type::List(_)) {
                format!("; of the first one, [0].{name}")
            } else {
                String::new()
            }
        )),
        Type::Tuple(_) => d.help(format!(
            "To take {name:?} of every element write [*].{name}; of the first one, [0].{name}."
        )),
        _ => d,
    }
}

/// `value[key]`
pub(crate) fn index(value: &Value, key: &Value) -> Result<Value, Diagnostic> {
    let marks = value.marks().union(key.marks());
    if value.is_null() {
        return Err(Diagnostic::error(
            "Attempt to index null value",
            "The value before the brackets is null, so it has no elements.",
        )
        .help("If it may be null, use try(…, null) or a condition that checks for null first."));
    }
    if key.is_null() {
        return Err(Diagnostic::error(
            "Invalid index",
            "The key in the brackets is null, which names no element.",
        ));
    }
    let ty = match value.kind() {
        Kind::Unknown(u) => u.ty.clone(),
        Kind::List(t, _) => Type::list(t.clone()),
        Kind::Map(t, _) => Type::map(t.clone()),
        // Only the kind matters for these: their own types would be costly to build.
        Kind::Tuple(_) => Type::tuple([]),
        Kind::Object(_) => Type::object::<&str>([]),
        _ => value.ty(),
    };
    let found = match &ty {
        Type::Dynamic => unknown(),
        Type::List(_) | Type::Tuple(_) => sequence(value, &ty, key)?,
        Type::Map(element) => match string_key(key, "map")? {
            None => Value::unknown((**element).clone()),
            Some(key) => match value.as_map() {
                None => Value::unknown((**element).clone()),
                Some(items) => match items.get(&*key) {
                    Some(v) => v.clone(),
                    None if marks.has(Mark::Sensitive) => {
                        return Err(Diagnostic::error(
                            "Invalid index",
                            "This map has no element with the given key.",
                        ));
                    }
                    None => {
                        let mut d = no_element(&key, items.keys().map(|k| &**k), value);
                        d.summary = "Invalid index".into();
                        return Err(d);
                    }
                },
            },
        },
        Type::Object(o) => match string_key(key, "object")? {
            None => unknown(),
            Some(key) => match (value.as_map(), o.attrs.get(&*key)) {
                (None, Some(ty)) => Value::unknown(ty.clone()),
                // No key is wrong before there is an object; a splat of no objects at all never has one.
                (None, None) => unknown(),
                (Some(attrs), _) if attrs.contains_key(&*key) => attrs[&*key].clone(),
                _ if marks.has(Mark::Sensitive) => {
                    return Err(Diagnostic::error(
                        "Invalid index",
                        "This object has no attribute of the given name.",
                    ));
                }
                (Some(attrs), _) => {
                    let mut d = no_attribute(&key, attrs.keys().map(|k| &**k), marks);
                    d.summary = "Invalid index".into();
                    return Err(d);
                }
            },
        },
        Type::Set(_) => {
            return Err(Diagnostic::error(
                "Invalid index",
                "This value is a set, whose elements have neither a position nor a key.",
            )
            .help("Use tolist(…) first if any order will do, one(…) for a set of one element, or a for expression."));
        }
        other => {
            return Err(Diagnostic::error(
                "Invalid index",
                format!("This value is {}, which has no elements.", a_type(other)),
            ));
        }
    };
    Ok(found.with_marks(marks))
}

fn sequence(value: &Value, ty: &Type, key: &Value) -> Result<Value, Diagnostic> {
    let kind = if matches!(ty, Type::List(_)) { "list" } else { "tuple" };
    let number = match key.kind() {
        Kind::Number(_) => key.clone(),
        _ => convert(key, &Type::Number).map_err(|_| {
            let shown = if key.has_mark(Mark::Sensitive) { a_type(&key.ty()) } else { describe_inline(key) };
            Diagnostic::error(
                "Invalid index",
                format!("An element of a {kind} is found by a number, not by {shown}."),
            )
        })?,
    };
    let element = || ty.element().map_or_else(unknown, |t| Value::unknown(t.clone()));
    let Some(n) = number.as_number() else { return Ok(element()) };
    let Some(i) = n.to_i64() else {
        let shown = if key.has_mark(Mark::Sensitive) { "This one".into() } else { n.to_string() };
        return Err(Diagnostic::error(
            "Invalid index",
            format!("{shown} is no whole number, and an index must be one."),
        ));
    };
    if i < 0 {
        return Err(Diagnostic::error(
            "Invalid index",
            "A negative number is not a valid index: elements count from 0.",
        )
        .help("For the last element use element(…, -1) or …[length(…) - 1]."));
    }
    match (value.as_slice(), value.as_unknown()) {
        (Some(items), _) => match items.get(i as usize) {
            Some(v) => Ok(v.clone()),
            None => {
                let n = items.len();
                let range = match n {
                    0 => format!("this {kind} is empty"),
                    1 => format!("this {kind} has one element, [0]"),
                    n => format!("this {kind} has {n} elements, [0] to [{}]", n - 1),
                };
                let shown =
                    if key.has_mark(Mark::Sensitive) { "the given index".into() } else { format!("[{i}]") };
                Err(Diagnostic::error("Invalid index", format!("There is no element {shown}: {range}.")))
            }
        },
        (None, Some(u)) => match &u.ty {
            Type::Tuple(types) => match types.get(i as usize) {
                Some(ty) => Ok(Value::unknown(ty.clone())),
                None => Err(Diagnostic::error(
                    "Invalid index",
                    format!("There is no element [{i}]: this tuple has {} elements.", types.len()),
                )),
            },
            _ => Ok(element()),
        },
        _ => Ok(element()),
    }
}

fn string_key(key: &Value, what: &str) -> Result<Option<crate::Str>, Diagnostic> {
    let found = match key.kind() {
        Kind::String(s) => return Ok(Some(s.clone())),
        _ => convert(key, &Type::String),
    };
    match found {
        Ok(v) => Ok(match v.kind() {
            Kind::String(s) => Some(s.clone()),
            _ => None,
        }),
        Err(_) => Err(Diagnostic::error(
            "Invalid index",
            format!("An element of this {what} is found by a string, not by {}.", a_type(&key.ty())),
        )),
    }
}

/// A key as it stands in brackets.
pub(crate) fn show_key(key: &Value) -> String {
    match key.kind() {
        Kind::String(s) => format!("{s:?}"),
        Kind::Number(n) => n.to_string(),
        _ => "…".into(),
    }
}

/// A value in a few words, for the list of values under a message.
pub(crate) fn describe(value: &Value) -> String {
    if value.has_mark(Mark::Sensitive) {
        return "(sensitive value)".into();
    }
    if value.has_mark(Mark::Ephemeral) {
        return "(ephemeral value)".into();
    }
    let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    match value.kind() {
        Kind::Null(_) => "null".into(),
        Kind::Unknown(u) if u.ty == Type::Dynamic => "(known after apply)".into(),
        Kind::Unknown(u) => format!("{} (known after apply)", a_type(&u.ty)),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) => n.to_string(),
        Kind::String(s) => {
            let short: String = s.chars().take(SHOWN).collect();
            if short.len() < s.len() { format!("{short:?}…") } else { format!("{short:?}") }
        }
        Kind::List(t, v) => {
            format!("list of {} with {}", t.friendly_name(), count(v.len(), "element", "elements"))
        }
        Kind::Set(t, v) => {
            format!("set of {} with {}", t.friendly_name(), count(v.len(), "element", "elements"))
        }
        Kind::Map(t, m) => {
            format!("map of {} with {}", t.friendly_name(), count(m.len(), "element", "elements"))
        }
        Kind::Tuple(v) => format!("tuple with {}", count(v.len(), "element", "elements")),
        Kind::Object(m) => format!("object with {}", count(m.len(), "attribute", "attributes")),
    }
}

/// A value inside a sentence. Not for marked ones.
fn describe_inline(value: &Value) -> String {
    match value.kind() {
        Kind::String(_) => format!("the string {}", describe(value)),
        _ => a_type(&value.ty()),
    }
}
