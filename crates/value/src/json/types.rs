//! Types as JSON: `"string"`, `["list","string"]`, `["object",{"a":"number"},["a"]]`.

use crate::{ObjectType, Str, Type};
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

/// Reads what [`type_to_json`] wrote.
pub fn type_from_json(json: &Json) -> Result<Type, String> {
    let wrong = || format!("{json} is not a type");
    if let Some(name) = json.as_str() {
        return match name {
            "dynamic" => Ok(Type::Dynamic),
            "bool" => Ok(Type::Bool),
            "number" => Ok(Type::Number),
            "string" => Ok(Type::String),
            _ => Err(wrong()),
        };
    }
    let (kind, inner, optional) = match json.as_array().map(Vec::as_slice) {
        Some([Json::String(kind), inner]) => (kind.as_str(), inner, None),
        Some([Json::String(kind), inner, Json::Array(optional)]) if kind == "object" => {
            (kind.as_str(), inner, Some(optional))
        }
        _ => return Err(wrong()),
    };
    match kind {
        "list" => Ok(Type::list(type_from_json(inner)?)),
        "set" => Ok(Type::set(type_from_json(inner)?)),
        "map" => Ok(Type::map(type_from_json(inner)?)),
        "tuple" => {
            let items: Result<Vec<Type>, String> =
                inner.as_array().ok_or_else(wrong)?.iter().map(type_from_json).collect();
            Ok(Type::tuple(items?))
        }
        "object" => {
            let mut object = ObjectType::default();
            for (name, ty) in inner.as_object().ok_or_else(wrong)? {
                object.attrs.insert(Str::from(name.as_str()), type_from_json(ty)?);
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
