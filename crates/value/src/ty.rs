//! Types.

use crate::Str;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The attributes of an object type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ObjectType {
    /// Type of each attribute.
    pub attrs: BTreeMap<Str, Type>,
    /// Attributes that conversion may leave out (they become null); only in type constraints.
    pub optional: BTreeSet<Str>,
}

/// A type, or a type constraint when it holds [`Type::Dynamic`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Not known yet, or any: `any` in a type constraint.
    Dynamic,
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// `list(T)`
    List(Arc<Type>),
    /// `set(T)`
    Set(Arc<Type>),
    /// `map(T)`
    Map(Arc<Type>),
    /// `tuple([A, B])`
    Tuple(Arc<[Type]>),
    /// `object({ a = A })`
    Object(Arc<ObjectType>),
}

impl Type {
    /// A list of `element`.
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// A set of `element`.
    pub fn set(element: Type) -> Type {
        Type::Set(Arc::new(element))
    }

    /// A map to `element`.
    pub fn map(element: Type) -> Type {
        Type::Map(Arc::new(element))
    }

    /// A tuple of these.
    pub fn tuple(elements: impl Into<Arc<[Type]>>) -> Type {
        Type::Tuple(elements.into())
    }

    /// An object with exactly these attributes.
    pub fn object<K: Into<Str>>(attrs: impl IntoIterator<Item = (K, Type)>) -> Type {
        let attrs = attrs.into_iter().map(|(k, t)| (k.into(), t)).collect();
        Type::Object(Arc::new(ObjectType { attrs, optional: BTreeSet::new() }))
    }

    /// Whether it is bool, number or string.
    pub fn is_primitive(&self) -> bool {
        matches!(self, Type::Bool | Type::Number | Type::String)
    }

    /// Element type of a list, set or map.
    pub fn element(&self) -> Option<&Type> {
        match self {
            Type::List(t) | Type::Set(t) | Type::Map(t) => Some(t),
            _ => None,
        }
    }

    /// Whether [`Type::Dynamic`] occurs anywhere in it.
    pub fn has_dynamic(&self) -> bool {
        match self {
            Type::Dynamic => true,
            Type::Bool | Type::Number | Type::String => false,
            Type::List(t) | Type::Set(t) | Type::Map(t) => t.has_dynamic(),
            Type::Tuple(ts) => ts.iter().any(Type::has_dynamic),
            Type::Object(o) => o.attrs.values().any(Type::has_dynamic),
        }
    }

    /// Whether values of this type fit a type constraint as they are; [`Type::Dynamic`] on either side fits.
    pub fn conforms(&self, constraint: &Type) -> bool {
        match (self, constraint) {
            (_, Type::Dynamic) | (Type::Dynamic, _) => true,
            (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
                a.conforms(b)
            }
            (Type::Tuple(a), Type::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.conforms(b))
            }
            (Type::Object(a), Type::Object(b)) => {
                a.attrs.keys().eq(b.attrs.keys())
                    && a.attrs.values().zip(b.attrs.values()).all(|(a, b)| a.conforms(b))
            }
            (a, b) => a == b,
        }
    }

    /// The same without `optional` markers: a type that a value can have.
    #[must_use]
    pub fn without_optional(&self) -> Type {
        match self {
            Type::Dynamic | Type::Bool | Type::Number | Type::String => self.clone(),
            Type::List(t) => Type::list(t.without_optional()),
            Type::Set(t) => Type::set(t.without_optional()),
            Type::Map(t) => Type::map(t.without_optional()),
            Type::Tuple(ts) => Type::Tuple(ts.iter().map(Type::without_optional).collect()),
            Type::Object(o) => Type::object(o.attrs.iter().map(|(k, t)| (k.clone(), t.without_optional()))),
        }
    }

    /// What to call it in a message: `string`, `list of string`, `object`.
    pub fn friendly_name(&self) -> String {
        match self {
            Type::Dynamic => "dynamic".into(),
            Type::Bool => "bool".into(),
            Type::Number => "number".into(),
            Type::String => "string".into(),
            Type::List(t) => format!("list of {}", t.friendly_name()),
            Type::Set(t) => format!("set of {}", t.friendly_name()),
            Type::Map(t) => format!("map of {}", t.friendly_name()),
            Type::Tuple(_) => "tuple".into(),
            Type::Object(_) => "object".into(),
        }
    }
}

impl fmt::Display for Type {
    /// As a type constraint of the language.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Dynamic => f.write_str("any"),
            Type::Bool => f.write_str("bool"),
            Type::Number => f.write_str("number"),
            Type::String => f.write_str("string"),
            Type::List(t) => write!(f, "list({t})"),
            Type::Set(t) => write!(f, "set({t})"),
            Type::Map(t) => write!(f, "map({t})"),
            Type::Tuple(ts) => {
                f.write_str("tuple([")?;
                for (i, t) in ts.iter().enumerate() {
                    write!(f, "{}{t}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("])")
            }
            Type::Object(o) => {
                f.write_str("object({")?;
                for (i, (name, t)) in o.attrs.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    if o.optional.contains(name) {
                        write!(f, "{comma}{name}=optional({t})")?;
                    } else {
                        write!(f, "{comma}{name}={t}")?;
                    }
                }
                f.write_str("})")
            }
        }
    }
}
