//! Objects of the server as JSON and as values, and which of their fields count.

use formwork_value::{Path, Type, Value, json};
use regex::Regex;
use serde_json::Value as Json;

/// Fields that the server keeps for itself: they differ with every write, and say nothing that was asked for.
const OWN: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Annotations and labels to leave out.
#[derive(Default)]
pub(crate) struct Ignored {
    pub annotations: Vec<Regex>,
    pub labels: Vec<Regex>,
}

/// Without nulls: in a manifest, and to the server, they are as good as absent.
pub(crate) fn prune(json: Json) -> Json {
    match json {
        Json::Object(map) => {
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, prune(v))).collect()
        }
        Json::Array(items) => items.into_iter().filter(|v| !v.is_null()).map(prune).collect(),
        other => other,
    }
}

/// What counts of an object that the server answered with.
pub(crate) fn strip(object: Json, status: bool, ignored: &Ignored, body: &Json) -> Json {
    let mut object = prune(object);
    if let Some(map) = object.as_object_mut()
        && !status
    {
        map.remove("status");
    }
    let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) else { return object };
    for name in OWN {
        metadata.remove(name);
    }
    for (field, patterns) in [("annotations", &ignored.annotations), ("labels", &ignored.labels)] {
        if patterns.is_empty() {
            continue;
        }
        let wanted = body.pointer(&format!("/metadata/{field}")).and_then(Json::as_object);
        let Some(map) = metadata.get_mut(field).and_then(Json::as_object_mut) else { continue };
        map.retain(|key, _| {
            wanted.is_some_and(|w| w.contains_key(key)) || patterns.iter().all(|p| !p.is_match(key))
        });
        if map.is_empty() {
            metadata.remove(field);
        }
    }
    object
}

/// JSON as a value, with the types that it shows.
pub(crate) fn to_value(json: &Json) -> Value {
    // What serde_json writes, the reader takes; nesting beyond its limit cannot come from a server, which has a lower one.
    json::decode_implied(&json.to_string()).unwrap_or(Value::NULL)
}

/// A value as JSON without nulls. What is unknown counts as null.
pub(crate) fn to_json(value: &Value) -> Json {
    prune(json::to_serde(value))
}

/// An object value with one attribute replaced.
pub(crate) fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut map = object.as_map().cloned().unwrap_or_default();
    map.insert(name.into(), value);
    map.into()
}

/// An object is wholly known: what is not known yet is null in it.
pub(crate) fn known(value: Value) -> Value {
    value.map_deep(&mut |v| if v.is_known() { v } else { Value::null(v.ty()) })
}

/// Something of any type that is not known yet.
pub(crate) fn unknown() -> Value {
    Value::unknown(Type::Dynamic)
}

/// A text field of an object.
pub(crate) fn text<'j>(json: &'j Json, pointer: &str) -> Option<&'j str> {
    json.pointer(pointer)?.as_str()
}

/// Whether this is a Secret.
pub(crate) fn is_secret(manifest: &Value) -> bool {
    let is = |name: &str, wanted: &str| manifest.get(name).and_then(Value::as_str) == Some(wanted);
    is("kind", "Secret") && is("apiVersion", "v1")
}

/// Where a Secret holds its secrets, in these attributes of an object.
pub(crate) fn secrets(object: &Value, attributes: &[&str]) -> Vec<Path> {
    let mut paths = Vec::new();
    for attribute in attributes {
        let Some(manifest) = object.get(attribute).filter(|m| is_secret(m)) else { continue };
        for field in ["data", "stringData"] {
            if manifest.get(field).is_some_and(|v| !v.is_null()) {
                paths.push(Path::root().attr(*attribute).attr(field));
            }
        }
        // The notes that kubectl leaves repeat everything.
        let last = "kubectl.kubernetes.io/last-applied-configuration";
        let annotations = manifest.get("metadata").and_then(|m| m.get("annotations"));
        if annotations.and_then(|a| a.get(last)).is_some_and(|v| !v.is_null()) {
            paths.push(Path::root().attr(*attribute).attr("metadata").attr("annotations").attr(last));
        }
    }
    paths
}
