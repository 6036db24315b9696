//! Between Rust types and values.

use crate::{Block, Nesting, Problem, Schema};
use formwork_value::{Map, Number, Path, PathStep, Type, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// A struct that is a resource type. `#[derive(Resource)]` writes it.
pub trait Model: Sized + Send + Sync + 'static {
    /// Such as `aws_eip`.
    fn type_name() -> &'static str;

    /// Its schema.
    fn schema() -> Schema;

    /// From an object value. Only what the provider computes may be unknown in it.
    fn from_value(value: &Value) -> Result<Self, Problem>;

    /// As an object value of the schema's type.
    fn to_value(&self) -> Value;

    /// What identifies the object to the other side, once it is known.
    fn id(&self) -> Option<String>;
}

/// A struct that is a nested block. `#[derive(Nested)]` writes it, with [`FromValue`] and [`ToValue`].
pub trait Nested: FromValue + ToValue {
    /// Its content.
    fn block() -> Block;
}

/// Read from a value.
pub trait FromValue: Sized {
    /// Reads it; the problem's path starts at the value.
    fn from_value(value: &Value) -> Result<Self, Problem>;
}

/// Written as a value.
pub trait ToValue {
    /// The type of the values.
    fn ty() -> Type;

    /// The value.
    fn to_value(&self) -> Value;
}

/// An attribute that the provider chooses, unless the configuration may and does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Computed<T> {
    /// Not known yet.
    #[default]
    Unknown,
    /// There is none.
    Null,
    /// This.
    Known(T),
}

impl<T> Computed<T> {
    /// The value, if it is known and there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Computed::Known(value) => Some(value),
            _ => None,
        }
    }

    /// The value, or what `choose` gives if it is not known yet.
    pub fn or_choose(&self, choose: impl FnOnce() -> T) -> Self
    where
        T: Clone,
    {
        match self {
            Computed::Unknown => Computed::Known(choose()),
            other => other.clone(),
        }
    }
}

impl<T> From<T> for Computed<T> {
    fn from(value: T) -> Self {
        Computed::Known(value)
    }
}

impl From<&str> for Computed<String> {
    fn from(value: &str) -> Self {
        Computed::Known(value.to_owned())
    }
}

impl<T> From<Option<T>> for Computed<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Computed::Null, Computed::Known)
    }
}

fn unexpected(value: &Value, wanted: impl std::fmt::Display) -> Problem {
    let found = if value.is_null() {
        "there is none".to_owned()
    } else if !value.is_known() {
        "it is not known yet".to_owned()
    } else {
        format!("there is a value of type {}", value.ty())
    };
    Problem::error(Path::root(), "Unexpected value", format!("A value of type {wanted} is needed; {found}."))
}

fn under(mut problem: Problem, step: PathStep) -> Problem {
    problem.path.0.insert(0, step);
    problem
}

macro_rules! scalar {
    ($($ty:ty: $type:expr, |$v:ident| $from:expr, |$x:ident| $to:expr;)*) => {$(
        impl FromValue for $ty {
            fn from_value($v: &Value) -> Result<Self, Problem> {
                $from.ok_or_else(|| unexpected($v, $type))
            }
        }
        impl ToValue for $ty {
            fn ty() -> Type {
                $type
            }
            fn to_value(&self) -> Value {
                let $x = self;
                $to
            }
        }
    )*};
}

scalar! {
    String: Type::String, |v| v.as_str().map(str::to_owned), |x| Value::string(x.as_str());
    bool: Type::Bool, |v| v.as_bool(), |x| Value::from(*x);
    i64: Type::Number, |v| v.as_number().and_then(Number::to_i64), |x| Value::from(*x);
    u64: Type::Number, |v| v.as_number().and_then(Number::to_u64), |x| Value::from(*x);
    Number: Type::Number, |v| v.as_number().cloned(), |x| Value::from(x.clone());
    Ipv4Addr: Type::String, |v| v.as_str().and_then(|s| s.parse().ok()), |x| Value::string(x.to_string());
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Result<Self, Problem> {
        value.as_number().map(Number::to_f64).ok_or_else(|| unexpected(value, Type::Number))
    }
}

impl ToValue for f64 {
    fn ty() -> Type {
        Type::Number
    }

    fn to_value(&self) -> Value {
        // The shortest decimal that stands for it, as the language would have read it.
        let number = Number::parse(&self.to_string()).ok().filter(|_| self.is_finite());
        number.map_or_else(|| Value::null(Type::Number), Value::from)
    }
}

impl FromValue for Value {
    fn from_value(value: &Value) -> Result<Self, Problem> {
        Ok(value.clone())
    }
}

impl ToValue for Value {
    fn ty() -> Type {
        Type::Dynamic
    }

    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, Problem> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn ty() -> Type {
        T::ty()
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or_else(|| Value::null(T::ty()), T::to_value)
    }
}

impl<T: FromValue> FromValue for Computed<T> {
    fn from_value(value: &Value) -> Result<Self, Problem> {
        if value.is_null() {
            Ok(Computed::Null)
        } else if !value.is_wholly_known() {
            Ok(Computed::Unknown)
        } else {
            T::from_value(value).map(Computed::Known)
        }
    }
}

impl<T: ToValue> ToValue for Computed<T> {
    fn ty() -> Type {
        T::ty()
    }

    fn to_value(&self) -> Value {
        match self {
            Computed::Unknown => Value::unknown(T::ty()),
            Computed::Null => Value::null(T::ty()),
            Computed::Known(value) => value.to_value(),
        }
    }
}

fn items<T: FromValue, C: FromIterator<T>>(value: &Value, wanted: Type) -> Result<C, Problem> {
    let items = value.as_slice().ok_or_else(|| unexpected(value, wanted))?.iter().enumerate();
    items.map(|(i, x)| T::from_value(x).map_err(|p| under(p, PathStep::Index(Value::from(i))))).collect()
}

impl<T: FromValue + ToValue> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Result<Self, Problem> {
        items(value, Self::ty())
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn ty() -> Type {
        Type::list(T::ty())
    }

    fn to_value(&self) -> Value {
        Value::list(T::ty(), self.iter().map(T::to_value).collect())
    }
}

impl<T: FromValue + ToValue + Ord> FromValue for BTreeSet<T> {
    fn from_value(value: &Value) -> Result<Self, Problem> {
        items(value, Self::ty())
    }
}

impl<T: ToValue> ToValue for BTreeSet<T> {
    fn ty() -> Type {
        Type::set(T::ty())
    }

    fn to_value(&self) -> Value {
        Value::set(T::ty(), self.iter().map(T::to_value).collect())
    }
}

impl<T: FromValue + ToValue> FromValue for BTreeMap<String, T> {
    fn from_value(value: &Value) -> Result<Self, Problem> {
        let map = value.as_map().ok_or_else(|| unexpected(value, Self::ty()))?;
        map.iter()
            .map(|(key, x)| match T::from_value(x) {
                Ok(x) => Ok((key.to_string(), x)),
                Err(problem) => Err(under(problem, PathStep::Index(Value::string(key.clone())))),
            })
            .collect()
    }
}

impl<T: ToValue> ToValue for BTreeMap<String, T> {
    fn ty() -> Type {
        Type::map(T::ty())
    }

    fn to_value(&self) -> Value {
        let items: Map = self.iter().map(|(k, x)| (k.as_str().into(), x.to_value())).collect();
        Value::map(T::ty(), items)
    }
}

/// What derived code calls.
#[doc(hidden)]
pub mod derived {
    use super::*;

    /// Reads one field.
    pub fn field<T: FromValue>(object: &Value, name: &str) -> Result<T, Problem> {
        let value = object.get(name).unwrap_or(&Value::NULL);
        T::from_value(value).map_err(|problem| under(problem, PathStep::Attr(name.into())))
    }

    /// The text of an identity.
    pub fn id(value: &Value) -> Option<String> {
        value.as_str().map(str::to_owned).or_else(|| value.as_number().map(ToString::to_string))
    }

    /// Nested blocks of one name, as the field that holds them.
    pub trait Blocks: Sized {
        /// What one block is.
        type Item: Nested;
        /// Reads them.
        fn read(value: &Value) -> Result<Self, Problem>;
        /// Writes them.
        fn write(&self, nesting: Nesting) -> Value;
    }

    impl<T: Nested> Blocks for Vec<T> {
        type Item = T;

        fn read(value: &Value) -> Result<Self, Problem> {
            if value.is_null() { Ok(Vec::new()) } else { FromValue::from_value(value) }
        }

        fn write(&self, nesting: Nesting) -> Value {
            let items: Vec<Value> = self.iter().map(T::to_value).collect();
            let ty = T::block().ty();
            match nesting {
                Nesting::Set => Value::set(ty, items),
                _ if ty.has_dynamic() => Value::tuple(items),
                _ => Value::list(ty, items),
            }
        }
    }

    impl<T: Nested> Blocks for Option<T> {
        type Item = T;

        fn read(value: &Value) -> Result<Self, Problem> {
            FromValue::from_value(value)
        }

        fn write(&self, _nesting: Nesting) -> Value {
            self.to_value()
        }
    }

    impl<T: Nested> Blocks for BTreeMap<String, T> {
        type Item = T;

        fn read(value: &Value) -> Result<Self, Problem> {
            if value.is_null() { Ok(BTreeMap::new()) } else { FromValue::from_value(value) }
        }

        fn write(&self, _nesting: Nesting) -> Value {
            self.to_value()
        }
    }

    /// Reads the blocks of one field.
    pub fn blocks<T: Blocks>(object: &Value, name: &str) -> Result<T, Problem> {
        let value = object.get(name).unwrap_or(&Value::NULL);
        T::read(value).map_err(|problem| under(problem, PathStep::Attr(name.into())))
    }

    /// The content of the blocks of a field.
    pub fn content<T: Blocks>() -> Block {
        T::Item::block()
    }
}
