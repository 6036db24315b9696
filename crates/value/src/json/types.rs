//! Types as JSON: `"string"`, `["list","string"]`, `["object",{"a":"number"},["a"]]`.

use crate::{ObjectType, Type, Value};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The type as states and plans write it. Optional attributes are listed in a third element.
pub fn type_to_json(ty: &Type) -> Json {
    match ty {
        Type::Dynamic => "dynamic".into(),
        Type::Bool => "bool".into(),
        Type::Number => "number".into(),
        Type::String => "string".into(),
        Type::List(t) => json!(["list", type_to_json(t)]),
        Type::Set(t) => json!(["set", type_to_json(t)]),
        Type::Map(t) => json!(["map", type_to_json(t)]),
        Type::Tuple(ts) => json!(["tuple", ts.iter().map(type_to_json).collect::<Vec<_>>()]),
        Type::Object(o) => {
            let attrs: serde_json::Map<String, Json> =
                o.attrs.iter().map(|(name, ty)| (name.to_string(), type_to_json(ty))).collect();
            if o.optional.is_empty() {
                return json!(["object", attrs]);
            }
            let optional: Vec<&str> = o.optional.iter().map(|name| &**name).collect();
            json!(["object", attrs, optional])
        }
    }
}

/// A type, of the text that [`type_to_json`] gives.
pub fn decode_type(text: &str) -> Result<Type, String> {
    type_from_value(&super::decode_implied(text)?)
}

/// The same, of a value that was read already.
pub(super) fn type_from_value(json: &Value) -> Result<Type, String> {
    let wrong = || "this is not a type".to_owned();
    if let Some(name) = json.as_str() {
        return match name {
            "dynamic" => Ok(Type::Dynamic),
            "bool" => Ok(Type::Bool),
            "number" => Ok(Type::Number),
            "string" => Ok(Type::String),
            _ => Err(wrong()),
        };
    }
    let parts = json.as_slice().ok_or_else(wrong)?;
    let (kind, inner, optional) = match parts {
        [kind, inner] => (kind.as_str(), inner, None),
        [kind, inner, optional] if kind.as_str() == Some("object") => {
            (kind.as_str(), inner, Some(optional.as_slice().ok_or_else(wrong)?))
        }
        _ => return Err(wrong()),
    };
    match kind {
        Some("list") => Ok(Type::list(type_from_value(inner)?)),
        Some("set") => Ok(Type::set(type_from_value(inner)?)),
        Some("map") => Ok(Type::map(type_from_value(inner)?)),
        Some("tuple") => {
            let items: Result<Vec<Type>, String> =
                inner.as_slice().ok_or_else(wrong)?.iter().map(type_from_value).collect();
            Ok(Type::tuple(items?))
        }
        Some("object") => {
            let mut object = ObjectType::default();
            for (name, ty) in inner.as_map().ok_or_else(wrong)? {
                object.attrs.insert(name.clone(), type_from_value(ty)?);
            }
            for name in optional.into_iter().flatten() {
                let name = name.as_str().filter(|name| object.attrs.contains_key(*name)).ok_or_else(wrong)?;
                object.optional.insert(name.into());
            }
            Ok(Type::Object(Arc::new(object)))
        }
        _ => Err(wrong()),
    }
}
