//! Conversion of values to types, as the language does it wherever a type is asked for.

use crate::unify::lacks_type;
use crate::{
    Kind, Map, Mark, Number, ObjectType, Path, PathStep, Refinement, Str, Type, Unknown, Value, unify,
    unify_values,
};
use std::collections::BTreeMap;
use std::fmt;

/// Why a value cannot be converted, and which part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvertError {
    /// Where in the value.
    pub path: Path,
    /// What is required there, and what was found; never the value itself.
    pub message: String,
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.0.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for ConvertError {}

/// Defaults of the optional attributes in a type constraint: the second arguments of `optional(…)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Defaults {
    /// Of an object: the attributes that have a default.
    pub attrs: BTreeMap<Str, Value>,
    /// Of an object: attributes whose own types hold defaults.
    pub children: BTreeMap<Str, Defaults>,
    /// Of a list, set or map: the defaults in its element type.
    pub element: Option<Box<Defaults>>,
    /// Of a tuple: those in the types of its elements, by position.
    pub elements: BTreeMap<usize, Defaults>,
}

impl Defaults {
    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.attrs.is_empty()
            && self.element.is_none()
            && self.children.is_empty()
            && self.elements.is_empty()
    }

    /// The value with defaults in place of attributes that are missing or null, at any depth. What it returns need
    /// not have one type throughout a collection: conversion is still to come.
    fn apply(&self, value: &Value) -> Value {
        if self.is_empty() {
            return value.clone();
        }
        let at = |i: usize| self.elements.get(&i).or(self.element.as_deref());
        let slice = |items: &[Value]| -> Vec<Value> {
            let items = items.iter().enumerate();
            items.map(|(i, item)| at(i).map_or_else(|| item.clone(), |d| d.apply(item))).collect()
        };
        let applied = match value.kind() {
            // Tuples and objects, because the elements' types may now differ.
            Kind::List(_, items) if !items.is_empty() => Value::tuple(slice(items)),
            // Stays a set, so that nobody counts its elements too early.
            Kind::Set(..) if !value.has_certain_length() => {
                Value::set(Type::Dynamic, slice(value.as_slice().unwrap_or_default()))
            }
            Kind::Set(_, items) if !items.is_empty() => Value::tuple(slice(items)),
            Kind::Tuple(items) => Value::tuple(slice(items)),
            Kind::Map(_, items) if items.is_empty() && self.attrs.is_empty() => return value.clone(),
            Kind::Map(_, items) | Kind::Object(items) => Value::from(self.apply_attrs(items)),
            _ => return value.clone(),
        };
        applied.with_marks(value.marks())
    }

    fn apply_attrs(&self, items: &Map) -> Map {
        let child = |name: &Str| self.children.get(name).or(self.element.as_deref());
        let mut attrs: Map = items
            .iter()
            .map(|(name, item)| {
                (name.clone(), child(name).map_or_else(|| item.clone(), |defaults| defaults.apply(item)))
            })
            .collect();
        for (name, default) in &self.attrs {
            if attrs.get(name).is_none_or(Value::is_null) {
                let default = child(name).map_or_else(|| default.clone(), |inner| inner.apply(default));
                attrs.insert(name.clone(), default);
            }
        }
        attrs
    }
}

/// Converts a value to a type; [`Type::Dynamic`] leaves what it stands for as it is.
///
/// Marks stay where they are (in sets they move to the set), nulls and unknown values change their type, attributes
/// that the type does not have are dropped, optional ones that the value does not have become null.
pub fn convert(value: &Value, ty: &Type) -> Result<Value, ConvertError> {
    if value.is_of(ty) {
        return Ok(value.clone());
    }
    Converter { path: Vec::new(), secret: None }.convert(value, ty)
}

/// Fills in the defaults, then converts.
pub fn convert_defaults(value: &Value, ty: &Type, defaults: &Defaults) -> Result<Value, ConvertError> {
    convert(&defaults.apply(value), ty)
}

/// Whether values of one type can be converted to the other, as far as types can tell.
pub(crate) fn convertible(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (_, Type::Dynamic) | (Type::Dynamic, _) => true,
        (Type::String, to) => to.is_primitive(),
        (from, Type::String) => from.is_primitive(),
        (Type::List(a) | Type::Set(a), Type::List(b) | Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            convertible(a, b)
        }
        (Type::Tuple(items), Type::List(element) | Type::Set(element)) => {
            if **element == Type::Dynamic {
                return unify(items).is_some();
            }
            items.iter().all(|item| convertible(item, element))
        }
        (Type::Object(object), Type::Map(element)) => {
            if **element == Type::Dynamic {
                return unify(&object.attrs.values().cloned().collect::<Vec<_>>()).is_some();
            }
            object.attrs.values().all(|attr| convertible(attr, element))
        }
        (Type::Map(element), Type::Object(object)) => {
            object.attrs.values().all(|ty| convertible(element, ty))
        }
        (Type::Object(from), Type::Object(to)) => {
            to.attrs.iter().all(|(name, ty)| match from.attrs.get(name) {
                Some(attr) => convertible(attr, ty),
                None => to.optional.contains(name),
            })
        }
        (Type::Tuple(from), Type::Tuple(to)) => {
            from.len() == to.len() && from.iter().zip(to.iter()).all(|(a, b)| convertible(a, b))
        }
        (from, to) => from == to,
    }
}

/// The type that conversion of a `from` to `to` gives: where `to` leaves it open, `from` decides.
fn fill(from: &Type, to: &Type) -> Type {
    match (from, to) {
        (_, Type::Dynamic) => from.clone(),
        (Type::List(a) | Type::Set(a), Type::List(b)) => Type::list(fill(a, b)),
        (Type::List(a) | Type::Set(a), Type::Set(b)) => Type::set(fill(a, b)),
        (Type::Map(a), Type::Map(b)) => Type::map(fill(a, b)),
        (Type::Tuple(items), Type::List(b)) => Type::list(fill(&unify(items).unwrap_or(Type::Dynamic), b)),
        (Type::Tuple(items), Type::Set(b)) => Type::set(fill(&unify(items).unwrap_or(Type::Dynamic), b)),
        (Type::Object(a), Type::Map(b)) => {
            let attrs: Vec<Type> = a.attrs.values().cloned().collect();
            Type::map(fill(&unify(&attrs).unwrap_or(Type::Dynamic), b))
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            Type::Tuple(a.iter().zip(b.iter()).map(|(a, b)| fill(a, b)).collect())
        }
        (Type::Object(a), Type::Object(b)) => Type::object(b.attrs.iter().map(|(name, ty)| {
            (name.clone(), a.attrs.get(name).map_or_else(|| ty.without_optional(), |attr| fill(attr, ty)))
        })),
        (Type::Map(a), Type::Object(b)) => {
            Type::object(b.attrs.iter().map(|(name, ty)| (name.clone(), fill(a, ty))))
        }
        _ => to.without_optional(),
    }
}

/// An unknown value after conversion to `ty`, with what is still certain of it.
fn convert_unknown(unknown: &Unknown, ty: Type) -> Value {
    let old = &unknown.refinement;
    let mut new = Refinement { not_null: old.not_null, ..Refinement::default() };
    let (min, max) = match &unknown.ty {
        Type::Tuple(items) => (Some(items.len() as u64), Some(items.len() as u64)),
        Type::Object(object) => (Some(object.attrs.len() as u64), Some(object.attrs.len() as u64)),
        _ => (old.min_len, old.max_len),
    };
    if ty == unknown.ty {
        new = old.clone();
    } else if ty.element().is_some() && unknown.ty != Type::Dynamic {
        // Elements may become equal in a set.
        new.min_len = if matches!(ty, Type::Set(_)) { min.map(|min| min.min(1)) } else { min };
        new.max_len = max;
    }
    Value::unknown_refined(ty, new)
}

struct Converter {
    path: Vec<PathStep>,
    /// How long the path was where it went into something sensitive: what keys that has is secret.
    secret: Option<usize>,
}

impl Converter {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, ConvertError> {
        let shown = self.path.get(..self.secret.unwrap_or(self.path.len())).unwrap_or_default();
        Err(ConvertError { path: Path(shown.to_vec()), message: message.into() })
    }

    fn mismatch<T>(&self, found: &Value, ty: &Type) -> Result<T, ConvertError> {
        let found = match found.kind() {
            Kind::Null(t) => t.clone(),
            _ => found.ty(),
        };
        self.fail(format!("{} is required, but this is {}", article(ty), article(&found)))
    }

    fn inside(&mut self, step: PathStep, value: &Value, ty: &Type) -> Result<Value, ConvertError> {
        self.path.push(step);
        let converted = self.convert(value, ty)?;
        self.path.pop();
        Ok(converted)
    }

    fn convert(&mut self, value: &Value, ty: &Type) -> Result<Value, ConvertError> {
        if self.secret.is_none() && value.has_mark(Mark::Sensitive) {
            self.secret = Some(self.path.len());
            let converted = self.convert(value, ty)?;
            self.secret = None;
            return Ok(converted);
        }
        let converted = match (value.kind(), ty) {
            (_, Type::Dynamic) => return Ok(value.clone()),
            (Kind::Bool(_), Type::Bool)
            | (Kind::Number(_), Type::Number)
            | (Kind::String(_), Type::String) => {
                return Ok(value.clone());
            }
            (Kind::Null(from), _) if convertible(from, ty) => Value::null(fill(from, ty)),
            (Kind::Unknown(unknown), _) if convertible(&unknown.ty, ty) => {
                convert_unknown(unknown, fill(&unknown.ty, ty))
            }
            (Kind::Bool(b), Type::String) => Value::from(if *b { "true" } else { "false" }),
            (Kind::Number(n), Type::String) => Value::from(n.to_string()),
            (Kind::String(text), Type::Number) => match Number::parse(text) {
                Ok(number) => Value::from(number),
                Err(error) => return self.fail(format!("a number is required, but this text is {error}")),
            },
            (Kind::String(text), Type::Bool) => match &**text {
                "true" | "1" => Value::from(true),
                "false" | "0" => Value::from(false),
                _ if self.secret.is_some() => return self.fail(not_bool("")),
                other => return self.fail(not_bool(other)),
            },
            // Nothing in it could tell, so its type must.
            (Kind::List(own, items) | Kind::Set(own, items), Type::List(element) | Type::Set(element))
                if items.is_empty() && !convertible(own, element) =>
            {
                return self.mismatch(value, ty);
            }
            (Kind::Map(own, items), Type::Map(element)) if items.is_empty() && !convertible(own, element) => {
                return self.mismatch(value, ty);
            }
            (Kind::List(own, items), Type::List(element) | Type::Set(element)) => {
                self.items(items, Some(own), element, ty)?
            }
            (Kind::Set(own, items), Type::List(element) | Type::Set(element)) => {
                let converted = self.items(items, Some(own), element, ty)?;
                // Neither how many elements there are nor their order is certain before all are known.
                match (ty, value.lengths()) {
                    (Type::List(_), Some((min, max))) if max != Some(min) => {
                        Value::unknown_refined(converted.ty(), Refinement::lengths(min, max))
                    }
                    _ => converted,
                }
            }
            (Kind::Tuple(items), Type::List(element) | Type::Set(element)) => {
                self.items(items, None, element, ty)?
            }
            (Kind::Map(own, items), Type::Map(element)) => self.map(items, Some(own), element)?,
            (Kind::Object(items), Type::Map(element)) => self.map(items, None, element)?,
            (Kind::Map(_, items) | Kind::Object(items), Type::Object(object)) => {
                self.object(items, object)?
            }
            (Kind::Tuple(items), Type::Tuple(types)) => self.tuple(items, types)?,
            _ => return self.mismatch(value, ty),
        };
        Ok(converted.with_marks(value.marks()))
    }

    /// Elements of a list, set or tuple (`own`: their type, if they have one) to a list or set.
    fn items(
        &mut self,
        items: &[Value],
        own: Option<&Type>,
        element: &Type,
        ty: &Type,
    ) -> Result<Value, ConvertError> {
        let mut converted = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            converted.push(self.inside(PathStep::Index(Value::from(i)), item, element)?);
        }
        let is_set = matches!(ty, Type::Set(_));
        let what = if is_set { "set" } else { "list" };
        Ok(match (self.one_type(converted, own, element, what)?, is_set) {
            (Some((element, items)), true) => Value::set(element, items),
            (Some((element, items)), false) => Value::list(element, items),
            (None, true) => Value::unknown_not_null(Type::set(element.without_optional())),
            (None, false) => Value::unknown_not_null(Type::list(element.without_optional())),
        })
    }

    fn map(&mut self, items: &Map, own: Option<&Type>, element: &Type) -> Result<Value, ConvertError> {
        let mut converted = Vec::with_capacity(items.len());
        for (name, item) in items {
            converted.push(self.inside(PathStep::Index(Value::from(name.clone())), item, element)?);
        }
        Ok(match self.one_type(converted, own, element, "map")? {
            Some((element, values)) => Value::map(element, items.keys().cloned().zip(values).collect()),
            None => Value::unknown_not_null(Type::map(element.without_optional())),
        })
    }

    /// The element type of a collection, where `wanted` leaves it open, and the elements converted to it. `None` if
    /// the type depends on elements that are not known yet.
    fn one_type(
        &self,
        items: Vec<Value>,
        own: Option<&Type>,
        wanted: &Type,
        what: &str,
    ) -> Result<Option<(Type, Vec<Value>)>, ConvertError> {
        if !wanted.has_dynamic() {
            return Ok(Some((wanted.without_optional(), items)));
        }
        if items.is_empty() || own.is_some() && *wanted == Type::Dynamic {
            let element = fill(own.unwrap_or(wanted), wanted);
            return Ok(Some((element, items)));
        }
        let open = items.iter().any(lacks_type);
        match unify_values(&items) {
            Some((ty, items)) if items.iter().all(|item| item.is_of(&ty)) => Ok(Some((ty, items))),
            Some(_) if open => Ok(None),
            _ => self.fail(format!(
                "all elements of a {what} must have the same type, and these have no type in common"
            )),
        }
    }

    fn tuple(&mut self, items: &[Value], types: &[Type]) -> Result<Value, ConvertError> {
        if items.len() != types.len() {
            return self.fail(format!(
                "a tuple of {} is required, but this has {}",
                elements(types.len()),
                items.len()
            ));
        }
        let mut converted = Vec::with_capacity(items.len());
        for (i, (item, ty)) in items.iter().zip(types).enumerate() {
            converted.push(self.inside(PathStep::Index(Value::from(i)), item, ty)?);
        }
        Ok(Value::tuple(converted))
    }

    fn object(&mut self, items: &Map, object: &ObjectType) -> Result<Value, ConvertError> {
        let missing: Vec<&Str> = object
            .attrs
            .keys()
            .filter(|name| !items.contains_key(*name) && !object.optional.contains(*name))
            .collect();
        if !missing.is_empty() {
            let excess =
                items.keys().filter(|name| self.secret.is_none() && !object.attrs.contains_key(*name));
            return self.fail(missing_message(&missing, &excess.collect::<Vec<_>>()));
        }
        let mut attrs = Map::new();
        for (name, ty) in &object.attrs {
            let value = match items.get(name) {
                Some(item) => self.inside(PathStep::Attr(name.clone()), item, ty)?,
                None => Value::null(ty.without_optional()),
            };
            attrs.insert(name.clone(), value);
        }
        Ok(Value::from(attrs))
    }
}

fn not_bool(text: &str) -> String {
    let word = match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => "true",
        "false" | "no" | "off" => "false",
        _ => return "a bool is required, but this text is neither \"true\" nor \"false\"".into(),
    };
    format!("a bool is required; to convert from a string, use lowercase \"{word}\"")
}

/// What is missing; one of the excess names may have been meant to be it.
fn missing_message(missing: &[&Str], excess: &[&Str]) -> String {
    let mut message = match missing {
        [one] => format!("attribute \"{one}\" is required"),
        [start @ .., last] => {
            let names: Vec<String> = start.iter().map(|name| format!("\"{name}\"")).collect();
            format!("attributes {} and \"{last}\" are required", names.join(", "))
        }
        [] => String::new(),
    };
    for name in missing {
        let nearest = excess.iter().map(|other| (distance(name, other), other)).min();
        if let Some((distance, other)) = nearest
            && distance <= name.len().div_ceil(3)
        {
            message.push_str(&format!("; perhaps \"{other}\" was meant to be it"));
            break;
        }
    }
    message
}

/// How many letters to insert, remove or change to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn elements(count: usize) -> String {
    if count == 1 { "1 element".into() } else { format!("{count} elements") }
}

fn article(ty: &Type) -> String {
    match ty {
        Type::Object(_) => "an object".into(),
        Type::Dynamic => "a value of unknown type".into(),
        _ => format!("a {}", ty.friendly_name()),
    }
}
