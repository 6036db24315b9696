//! Values in the JSON views: what is known, what is not, what is sensitive.

use formwork_value::{Kind, Mark, Path, PathStep, Type, Value};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Borrow;

/// What is known of a value: unknown attributes and elements of maps are left out, other unknowns are null.
pub(super) struct Known<V>(pub(super) V);

impl<V: Borrow<Value>> Serialize for Known<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.borrow().kind() {
            Kind::Null(_) | Kind::Unknown(_) => serializer.serialize_unit(),
            Kind::Bool(b) => serializer.serialize_bool(*b),
            // Only variables can be: what is to be stored is not.
            Kind::Number(n) if n.is_infinite() => serializer.serialize_str(&n.to_string()),
            Kind::Number(n) => {
                let text = n.to_string();
                match text.parse::<i64>() {
                    Ok(n) => serializer.serialize_i64(n),
                    Err(_) => RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer),
                }
            }
            Kind::String(s) => serializer.serialize_str(s),
            Kind::List(_, items) | Kind::Set(_, items) | Kind::Tuple(items) => {
                serializer.collect_seq(items.iter().map(Known))
            }
            Kind::Map(_, items) | Kind::Object(items) => {
                let known = items.iter().filter(|(_, v)| v.is_known());
                serializer.collect_map(known.map(|(k, v)| (k, Known(v))))
            }
        }
    }
}

/// A tree of booleans in the shape of a value; what would be false in an object is left out.
pub(super) enum Flags {
    /// One boolean, whatever the value.
    Bool(bool),
    /// An empty object.
    Empty,
    /// Where it is unknown.
    Unknown(Value),
    /// Where it is sensitive.
    Sensitive(Value),
}

impl Flags {
    /// Where an object is sensitive; false where there is none.
    pub(super) fn sensitive(value: Option<&Value>) -> Flags {
        value.map_or(Flags::Bool(false), |v| Flags::Sensitive(v.clone()))
    }

    /// Where a value is unknown, `none` when it is wholly known.
    pub(super) fn unknown(value: Option<&Value>, none: Flags) -> Flags {
        match value {
            Some(v) if !v.is_wholly_known() => Flags::Unknown(v.clone()),
            _ => none,
        }
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Flags::Bool(b) => serializer.serialize_bool(*b),
            Flags::Empty => serializer.collect_map(std::iter::empty::<(&str, bool)>()),
            Flags::Unknown(v) => Tree(v, unknown).serialize(serializer),
            Flags::Sensitive(v) => Tree(v, sensitive).serialize(serializer),
        }
    }
}

/// What a value comes to in a tree of flags.
enum Flag {
    Is(bool),
    EmptyArray,
    EmptyObject,
    /// It depends on what is inside.
    Inside,
}

fn unknown(value: &Value) -> Flag {
    match value.kind() {
        Kind::Unknown(_) => Flag::Is(true),
        Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => Flag::Is(false),
        _ => Flag::Inside,
    }
}

fn sensitive(value: &Value) -> Flag {
    if value.has_mark(Mark::Sensitive) {
        return Flag::Is(true);
    }
    match value.kind() {
        Kind::Unknown(unknown) => match unknown.ty {
            Type::List(_) | Type::Set(_) | Type::Tuple(_) => Flag::EmptyArray,
            Type::Map(_) | Type::Object(_) => Flag::EmptyObject,
            _ => Flag::Is(false),
        },
        Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => Flag::Is(false),
        _ => Flag::Inside,
    }
}

struct Tree<'a>(&'a Value, fn(&Value) -> Flag);

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Tree(value, flag) = *self;
        match flag(value) {
            Flag::Is(b) => serializer.serialize_bool(b),
            Flag::EmptyArray => serializer.collect_seq(std::iter::empty::<bool>()),
            Flag::EmptyObject => serializer.collect_map(std::iter::empty::<(&str, bool)>()),
            Flag::Inside => match value.as_map() {
                Some(items) => {
                    let items = items.iter().filter(|(_, v)| !matches!(flag(v), Flag::Is(false)));
                    serializer.collect_map(items.map(|(k, v)| (k, Tree(v, flag))))
                }
                None => serializer.collect_seq(value.children().map(|v| Tree(v, flag))),
            },
        }
    }
}

/// A path, without the difference between attributes and string keys.
pub(super) struct JsonPath<'a>(pub(super) &'a Path);

impl Serialize for JsonPath<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.0.len()))?;
        for step in &self.0.0 {
            match step {
                PathStep::Attr(name) => seq.serialize_element(name)?,
                PathStep::Index(key) => seq.serialize_element(&Known(key))?,
            }
        }
        seq.end()
    }
}
