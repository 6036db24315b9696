//! Values, types and paths as JSON that loses nothing: types, unknowns with what is known of them, marks at any depth.
//!
//! Strings, booleans and short whole numbers stand for themselves, an array is a tuple, an object an object. All
//! else is an object whose first key starts with one `$`; names of attributes that start so get a second one.
//!
//! | JSON | stands for |
//! |---|---|
//! | `null`, `{"$null": T}` | null of no type, of type `T` |
//! | `{"$unknown": T, "not_null": true, …}` | an unknown with its refinement |
//! | `{"$number": "0.1"}` | any other number, to its last digit |
//! | `{"$double": "1e200"}` | a great whole number of a double's precision, which its digits would not give back |
//! | `{"$list": T, "of": […]}`, also `$set`, `$map` | a collection with its element type |
//! | `{"$sensitive": V}`, `{"$ephemeral": V}` | a mark on `V` itself |
//! | `{"$deep": "…"}` | JSON text of a value that is nested too deep for readers of JSON |

use formwork_value::{
    Kind, Map, Mark, Marks, Number, ObjectType, Path, PathStep, Refinement, Str, Type, Unknown, Value,
};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Values (or types) within each other until the rest becomes `$deep`; each takes up to four levels of JSON, and
/// readers allow 128.
const MAX_DEPTH: usize = 24;

/// Why a text is not an encoded value. Holds nothing of the text, which may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError {
    /// Line where reading stopped, counted from 1.
    pub line: usize,
    /// Column where reading stopped, counted from 1.
    pub column: usize,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an encoded value: reading stopped at line {}, column {}", self.line, self.column)
    }
}

impl std::error::Error for CodecError {}

/// The value as compact JSON.
pub fn encode(value: &Value) -> String {
    // The sink is memory and every key a string, so there is nothing that could fail.
    serde_json::to_string(&Encoded { value, depth: 0 }).unwrap_or_default()
}

/// The value that [`encode`] was given.
pub fn decode(text: &str) -> Result<Value, CodecError> {
    let decoded: Decoded =
        serde_json::from_str(text).map_err(|e| CodecError { line: e.line(), column: e.column() })?;
    Ok(decoded.0)
}

/// Serializes a value.
pub(crate) struct Encoded<'a> {
    value: &'a Value,
    depth: usize,
}

impl<'a> From<&'a Value> for Encoded<'a> {
    fn from(value: &'a Value) -> Self {
        Encoded { value, depth: 0 }
    }
}

/// Deserializes a value.
pub(crate) struct Decoded(pub(crate) Value);

struct EncodedType<'a> {
    ty: &'a Type,
    depth: usize,
}

struct DecodedType(Type);

fn single<S: Serializer, T: Serialize>(serializer: S, key: &str, value: &T) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, value)?;
    map.end()
}

impl Encoded<'_> {
    fn child<'a>(&self, value: &'a Value) -> Encoded<'a> {
        Encoded { value, depth: self.depth + 1 }
    }

    fn items<'a>(&self, items: &'a [Value]) -> Vec<Encoded<'a>> {
        items.iter().map(|v| self.child(v)).collect()
    }

    fn collection<S: Serializer>(
        serializer: S,
        tag: &str,
        ty: &Type,
        of: &impl Serialize,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(tag, &EncodedType { ty, depth: 0 })?;
        map.serialize_entry("of", of)?;
        map.end()
    }
}

struct Elements<'a>(&'a Map, usize);

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(k, value)| (k, Encoded { value, depth: self.1 })))
    }
}

/// Without its marks.
struct Unmarked<'a>(&'a Encoded<'a>);

impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.depth >= MAX_DEPTH && self.value.children().next().is_some() {
            let text =
                serde_json::to_string(&Encoded { value: self.value, depth: 0 }).map_err(S::Error::custom)?;
            return single(serializer, "$deep", &text);
        }
        let marks = self.value.marks();
        match (marks.has(Mark::Sensitive), marks.has(Mark::Ephemeral)) {
            (false, false) => Unmarked(self).serialize(serializer),
            (true, false) => single(serializer, "$sensitive", &Unmarked(self)),
            (false, true) => single(serializer, "$ephemeral", &Unmarked(self)),
            (true, true) => single(serializer, "$sensitive", &Ephemeral(self)),
        }
    }
}

struct Ephemeral<'a>(&'a Encoded<'a>);

impl Serialize for Ephemeral<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        single(serializer, "$ephemeral", &Unmarked(self.0))
    }
}

impl Serialize for Unmarked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let encoded = self.0;
        match encoded.value.kind() {
            Kind::Null(Type::Dynamic) => serializer.serialize_unit(),
            Kind::Null(ty) => single(serializer, "$null", &EncodedType { ty, depth: 0 }),
            Kind::Unknown(unknown) => serialize_unknown(serializer, unknown),
            Kind::Bool(b) => serializer.serialize_bool(*b),
            Kind::Number(n) => {
                let text = n.to_string();
                match short_integer(&text) {
                    Some(n) => serializer.serialize_i64(n),
                    None if is_rounded_integer(n, &text) => {
                        single(serializer, "$double", &format!("{:e}", n.to_f64()))
                    }
                    None => single(serializer, "$number", &text),
                }
            }
            Kind::String(s) => serializer.serialize_str(s),
            Kind::List(ty, items) => Encoded::collection(serializer, "$list", ty, &encoded.items(items)),
            Kind::Set(ty, items) => Encoded::collection(serializer, "$set", ty, &encoded.items(items)),
            Kind::Map(ty, items) => {
                Encoded::collection(serializer, "$map", ty, &Elements(items, encoded.depth + 1))
            }
            Kind::Tuple(items) => serializer.collect_seq(items.iter().map(|v| encoded.child(v))),
            Kind::Object(attrs) => {
                let mut map = serializer.serialize_map(Some(attrs.len()))?;
                for (name, value) in attrs.iter() {
                    if name.starts_with('$') {
                        map.serialize_entry(&format!("${name}"), &encoded.child(value))?;
                    } else {
                        map.serialize_entry(name, &encoded.child(value))?;
                    }
                }
                map.end()
            }
        }
    }
}

/// A great whole number of a double's precision: its shortest digits, read again, would be another number.
fn is_rounded_integer(n: &Number, text: &str) -> bool {
    n.is_integer()
        && Number::parse(text).as_ref() != Ok(n)
        && Number::from_f64(n.to_f64()).as_ref() == Some(n)
}

/// A whole number that every reader of JSON keeps and that prints as it was.
fn short_integer(text: &str) -> Option<i64> {
    if text.len() <= 15 && !text.contains('.') { text.parse().ok() } else { None }
}

fn serialize_unknown<S: Serializer>(serializer: S, unknown: &Unknown) -> Result<S::Ok, S::Error> {
    let Refinement { not_null, prefix, min_len, max_len, min, max } = &unknown.refinement;
    let bound = |b: &Option<(Number, bool)>| b.as_ref().map(|(n, inclusive)| (n.to_string(), *inclusive));
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("$unknown", &EncodedType { ty: &unknown.ty, depth: 0 })?;
    if *not_null {
        map.serialize_entry("not_null", &true)?;
    }
    if let Some(prefix) = prefix {
        map.serialize_entry("prefix", prefix)?;
    }
    for (name, len) in [("min_len", min_len), ("max_len", max_len)] {
        if let Some(len) = len {
            map.serialize_entry(name, len)?;
        }
    }
    for (name, limit) in [("min", bound(min)), ("max", bound(max))] {
        if let Some(limit) = limit {
            map.serialize_entry(name, &limit)?;
        }
    }
    map.end()
}

impl Serialize for EncodedType<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let child = |ty| EncodedType { ty, depth: self.depth + 1 };
        let name = match self.ty {
            Type::Dynamic => return serializer.serialize_str("dynamic"),
            Type::Bool => return serializer.serialize_str("bool"),
            Type::Number => return serializer.serialize_str("number"),
            Type::String => return serializer.serialize_str("string"),
            Type::List(_) => "list",
            Type::Set(_) => "set",
            Type::Map(_) => "map",
            Type::Tuple(_) => "tuple",
            Type::Object(_) => "object",
        };
        if self.depth >= MAX_DEPTH {
            let text =
                serde_json::to_string(&EncodedType { ty: self.ty, depth: 0 }).map_err(S::Error::custom)?;
            return serializer.serialize_str(&text);
        }
        let mut seq = serializer.serialize_seq(None)?;
        seq.serialize_element(name)?;
        match self.ty {
            Type::Tuple(items) => seq.serialize_element(&items.iter().map(child).collect::<Vec<_>>())?,
            Type::Object(object) => {
                let attrs: std::collections::BTreeMap<_, _> =
                    object.attrs.iter().map(|(k, ty)| (k, child(ty))).collect();
                seq.serialize_element(&attrs)?;
                if !object.optional.is_empty() {
                    seq.serialize_element(&object.optional)?;
                }
            }
            ty => {
                if let Some(element) = ty.element() {
                    seq.serialize_element(&child(element))?;
                }
            }
        }
        seq.end()
    }
}

impl<'de> Deserialize<'de> for DecodedType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeVisitor;
        impl<'de> Visitor<'de> for TypeVisitor {
            type Value = DecodedType;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DecodedType, E> {
                Ok(DecodedType(match text {
                    "dynamic" => Type::Dynamic,
                    "bool" => Type::Bool,
                    "number" => Type::Number,
                    "string" => Type::String,
                    deep if deep.starts_with('[') => return serde_json::from_str(deep).map_err(E::custom),
                    _ => return Err(E::custom("an unknown type")),
                }))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<DecodedType, A::Error> {
                let short = || A::Error::custom("a type that ends too early");
                let name: String = seq.next_element()?.ok_or_else(short)?;
                Ok(DecodedType(match name.as_str() {
                    "list" => Type::list(seq.next_element::<DecodedType>()?.ok_or_else(short)?.0),
                    "set" => Type::set(seq.next_element::<DecodedType>()?.ok_or_else(short)?.0),
                    "map" => Type::map(seq.next_element::<DecodedType>()?.ok_or_else(short)?.0),
                    "tuple" => {
                        let items: Vec<DecodedType> = seq.next_element()?.ok_or_else(short)?;
                        Type::Tuple(items.into_iter().map(|t| t.0).collect())
                    }
                    "object" => {
                        let attrs: std::collections::BTreeMap<Str, DecodedType> =
                            seq.next_element()?.ok_or_else(short)?;
                        let optional: BTreeSet<Str> = seq.next_element()?.unwrap_or_default();
                        let attrs = attrs.into_iter().map(|(k, t)| (k, t.0)).collect();
                        Type::Object(Arc::new(ObjectType { attrs, optional }))
                    }
                    _ => return Err(A::Error::custom("an unknown type")),
                }))
            }
        }
        deserializer.deserialize_any(TypeVisitor)
    }
}

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

fn number<E: serde::de::Error>(text: &str) -> Result<Number, E> {
    // Always from text, so that a whole number gets the same precision as it had in the configuration.
    Number::parse(text).map_err(|_| E::custom("not a number"))
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Decoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Decoded, E> {
        Ok(Decoded(Value::NULL))
    }

    fn visit_bool<E>(self, b: bool) -> Result<Decoded, E> {
        Ok(Decoded(b.into()))
    }

    fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Decoded, E> {
        Ok(Decoded(number(&n.to_string())?.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Decoded, E> {
        Ok(Decoded(number(&n.to_string())?.into()))
    }

    fn visit_str<E>(self, s: &str) -> Result<Decoded, E> {
        Ok(Decoded(Kind::String(s.into()).into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Decoded, A::Error> {
        let mut items = Vec::new();
        while let Some(Decoded(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Decoded(Value::tuple(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Decoded, A::Error> {
        let mut attrs = Map::new();
        while let Some(key) = map.next_key::<Str>()? {
            let name = match key.strip_prefix('$') {
                None => key,
                Some(name) if name.starts_with('$') => name.into(),
                Some(tag) if attrs.is_empty() => {
                    let value = tagged(tag, &mut map)?;
                    return match map.next_key::<IgnoredAny>()? {
                        None => Ok(Decoded(value)),
                        Some(_) => Err(A::Error::custom("more after a tagged value")),
                    };
                }
                Some(_) => return Err(A::Error::custom("a tag among attributes")),
            };
            attrs.insert(name, map.next_value::<Decoded>()?.0);
        }
        Ok(Decoded(attrs.into()))
    }
}

fn tagged<'de, A: MapAccess<'de>>(tag: &str, map: &mut A) -> Result<Value, A::Error> {
    fn of<'de, A: MapAccess<'de>, T: Deserialize<'de>>(map: &mut A) -> Result<T, A::Error> {
        match map.next_key::<String>()?.as_deref() {
            Some("of") => map.next_value(),
            _ => Err(A::Error::custom("a collection without elements")),
        }
    }
    fn items<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Arc<Vec<Value>>, A::Error> {
        Ok(Arc::new(of::<A, Vec<Decoded>>(map)?.into_iter().map(|v| v.0).collect()))
    }
    Ok(match tag {
        "null" => Value::null(map.next_value::<DecodedType>()?.0),
        "number" => number::<A::Error>(&map.next_value::<String>()?)?.into(),
        "double" => {
            let double = map.next_value::<String>()?.parse().ok().and_then(Number::from_f64);
            double.ok_or_else(|| A::Error::custom("not a double"))?.into()
        }
        "sensitive" => map.next_value::<Decoded>()?.0.with_marks(Marks::SENSITIVE),
        "ephemeral" => map.next_value::<Decoded>()?.0.with_marks(Marks::EPHEMERAL),
        "deep" => serde_json::from_str::<Decoded>(&map.next_value::<String>()?).map_err(A::Error::custom)?.0,
        "list" => {
            let ty = map.next_value::<DecodedType>()?.0;
            Kind::List(ty, items(map)?).into()
        }
        "set" => {
            let ty = map.next_value::<DecodedType>()?.0;
            Kind::Set(ty, items(map)?).into()
        }
        "map" => {
            let ty = map.next_value::<DecodedType>()?.0;
            let elements: std::collections::BTreeMap<Str, Decoded> = of(map)?;
            Value::map(ty, elements.into_iter().map(|(k, v)| (k, v.0)).collect())
        }
        "unknown" => {
            let ty = map.next_value::<DecodedType>()?.0;
            let bound = |(text, inclusive): (String, bool)| Ok((number::<A::Error>(&text)?, inclusive));
            let mut refinement = Refinement::default();
            while let Some(name) = map.next_key::<String>()? {
                match name.as_str() {
                    "not_null" => refinement.not_null = map.next_value()?,
                    "prefix" => refinement.prefix = Some(map.next_value()?),
                    "min_len" => refinement.min_len = Some(map.next_value()?),
                    "max_len" => refinement.max_len = Some(map.next_value()?),
                    "min" => refinement.min = Some(bound(map.next_value()?)?),
                    "max" => refinement.max = Some(bound(map.next_value()?)?),
                    _ => return Err(A::Error::custom("an unknown refinement")),
                }
            }
            Value::unknown_refined(ty, refinement)
        }
        _ => return Err(A::Error::custom("an unknown tag")),
    })
}

/// A path: attributes as strings, indices as arrays of one value.
pub(crate) struct CodedPath(pub(crate) Path);

impl Serialize for CodedPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.0.len()))?;
        for step in &self.0.0 {
            match step {
                PathStep::Attr(name) => seq.serialize_element(name)?,
                PathStep::Index(key) => seq.serialize_element(&OneOf(key))?,
            }
        }
        seq.end()
    }
}

struct OneOf<'a>(&'a Value);

impl Serialize for OneOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(1)?;
        tuple.serialize_element(&Encoded::from(self.0))?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for CodedPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A step reads as a value: a string is an attribute, a tuple of one an index.
        let steps = Vec::<Decoded>::deserialize(deserializer)?;
        let steps = steps.into_iter().map(|Decoded(step)| match (step.kind(), step.as_slice()) {
            (Kind::String(name), _) => Ok(PathStep::Attr(name.clone())),
            (_, Some([key])) => Ok(PathStep::Index(key.clone())),
            _ => Err(D::Error::custom("a path step is a name or an index")),
        });
        Ok(CodedPath(Path(steps.collect::<Result<_, _>>()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(value: Value, expected: &str) {
        let text = encode(&value);
        assert_eq!(text, expected);
        assert_eq!(decode(&text).as_ref(), Ok(&value));
    }

    #[test]
    fn encodes_compactly() {
        check(Value::NULL, "null");
        check(Value::null(Type::list(Type::String)), r#"{"$null":["list","string"]}"#);
        check(Value::from(42), "42");
        check(Value::from(Number::parse("0.1").unwrap()), r#"{"$number":"0.1"}"#);
        check(Value::from(Number::parse("-Inf").unwrap()), r#"{"$number":"-Inf"}"#);
        check(Value::from(u64::MAX), r#"{"$number":"18446744073709551615"}"#);
        check(Value::tuple(vec!["a".into(), true.into()]), r#"["a",true]"#);
        check(Value::object([("$x", 1.into()), ("y", 2.into())]), r#"{"$$x":1,"y":2}"#);
        check(Value::object::<Str>([]), "{}");
        check(
            Value::map(Type::String, [("$k".into(), "v".into())].into()),
            r#"{"$map":"string","of":{"$k":"v"}}"#,
        );
        check(Value::set(Type::Number, vec![2.into(), 1.into()]), r#"{"$set":"number","of":[1,2]}"#);
        check(
            Value::from("s").with_marks(Marks::SENSITIVE.union(Marks::EPHEMERAL)),
            r#"{"$sensitive":{"$ephemeral":"s"}}"#,
        );
        let refinement =
            Refinement { not_null: true, min: Some((1.into_number(), false)), ..Refinement::default() };
        check(
            Value::unknown_refined(Type::Number, refinement),
            r#"{"$unknown":"number","not_null":true,"min":["1",false]}"#,
        );
    }

    trait IntoNumber {
        fn into_number(self) -> Number;
    }

    impl IntoNumber for i64 {
        fn into_number(self) -> Number {
            Number::from(self)
        }
    }

    #[test]
    fn optional_attributes_of_types_survive() {
        let attrs = [(Str::from("a"), Type::set(Type::Dynamic))].into();
        let ty = Type::Object(Arc::new(ObjectType { attrs, optional: [Str::from("a")].into() }));
        check(Value::unknown(ty), r#"{"$unknown":["object",{"a":["set","dynamic"]},["a"]]}"#);
    }

    #[test]
    fn depth_has_no_limit() {
        let (mut value, mut ty) = (Value::from("x"), Type::String);
        for i in 0..150 {
            value = match i % 3 {
                0 => Value::list(Type::Dynamic, vec![value]).mark(Mark::Sensitive).mark(Mark::Ephemeral),
                1 => Value::object([("a", value)]),
                _ => Value::tuple(vec![value]),
            };
            ty = if i % 2 == 0 { Type::list(ty) } else { Type::object([("a", ty)]) };
        }
        assert_eq!(decode(&encode(&value)), Ok(value));
        let null = Value::null(ty);
        assert_eq!(decode(&encode(&null)), Ok(null));
    }

    #[test]
    fn what_is_no_value_is_refused_without_showing_it() {
        for text in ["", "[", "1.5", r#"{"a":1,"$null":"bool"}"#, r#"{"$hunter2":1}"#, r#"{"$list":"bool"}"#]
        {
            let error = decode(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    fn types() -> impl Strategy<Value = Type> {
        let leaf = prop_oneof![Just(Type::Dynamic), Just(Type::Bool), Just(Type::Number), Just(Type::String)];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(Type::list),
                inner.clone().prop_map(Type::set),
                inner.clone().prop_map(Type::map),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Type::tuple),
                prop::collection::btree_map("[a-z$]{0,3}", inner, 0..3).prop_map(Type::object),
            ]
        })
    }

    fn values() -> impl Strategy<Value = Value> {
        let refinement = (any::<bool>(), any::<Option<String>>(), any::<Option<u64>>(), any::<Option<i64>>())
            .prop_map(|(not_null, prefix, len, min)| Refinement {
                not_null,
                prefix: prefix.map(Str::from),
                min_len: len,
                max_len: len,
                min: min.map(|n| (n.into(), not_null)),
                max: None,
            });
        let leaf = prop_oneof![
            types().prop_map(Value::null),
            (types(), refinement).prop_map(|(t, r)| Value::unknown_refined(t, r)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(|n| Value::from(Number::from_f64(n).unwrap_or(Number::ZERO))),
            any::<String>().prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(4, 40, 4, |inner| {
            let items = prop::collection::vec(inner.clone(), 0..4);
            let map = prop::collection::btree_map(any::<String>().prop_map(Str::from), inner, 0..4);
            let value = prop_oneof![
                items.clone().prop_map(Value::tuple),
                (types(), items.clone()).prop_map(|(t, v)| Value::list(t, v)),
                (types(), items).prop_map(|(t, v)| Value::set(t, v)),
                (types(), map.clone()).prop_map(|(t, m)| Value::map(t, m)),
                map.prop_map(Value::from),
            ];
            (value, 0..4u8).prop_map(|(v, marks)| {
                let v = if marks & 1 != 0 { v.mark(Mark::Sensitive) } else { v };
                if marks & 2 != 0 { v.mark(Mark::Ephemeral) } else { v }
            })
        });
        value.boxed()
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(value in values()) {
            prop_assert_eq!(decode(&encode(&value)), Ok(value));
        }
    }
}
