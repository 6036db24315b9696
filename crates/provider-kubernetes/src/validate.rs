//! Checks of a `kubernetes_manifest` configuration in which values may be unknown.

use crate::target::duration;
use crate::waiting::parse_place;
use formwork_provider::Problem;
use formwork_value::{Path, Value};
use regex::Regex;

/// Checks everything that can be checked without the server.
pub(crate) fn validate(config: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(manifest) = config.get("manifest").filter(|m| m.is_known()) {
        check_manifest(manifest, &Path::root().attr("manifest"), &mut problems);
    }
    check_settings(config, &mut problems);
    problems
}

fn check_manifest(manifest: &Value, at: &Path, problems: &mut Vec<Problem>) {
    if manifest.as_map().is_none() {
        let detail = "manifest must be an object with apiVersion, kind and metadata. Text in YAML becomes one with yamldecode(), \
                      which takes one document.";
        problems.push(Problem::error(at.clone(), "Malformed manifest", detail));
        return;
    }
    for name in ["apiVersion", "kind"] {
        named(manifest, name, at, problems);
    }
    if manifest.get("status").is_some_and(|s| !s.is_null()) {
        let detail = "A manifest says what is wanted; status is what the cluster answers. Take it out; it can be waited for with a \
                      wait block.";
        problems.push(Problem::error(at.attr("status"), "Status in a manifest", detail));
    }
    let here = at.attr("metadata");
    match manifest.get("metadata") {
        Some(metadata) if !metadata.is_known() => {}
        Some(metadata) if metadata.as_map().is_some() => {
            let generated = metadata.get("generateName").is_some_and(|n| !n.is_null());
            if generated {
                let detail = "With generateName the server would choose another name each time, and an interrupted apply could not \
                              find its object again. Use name; random_id can make one that is new.";
                problems.push(Problem::error(
                    here.attr("generateName"),
                    "Name is left to the server",
                    detail,
                ));
            } else {
                named(metadata, "name", &here, problems);
            }
            for name in
                ["creationTimestamp", "resourceVersion", "uid", "generation", "managedFields", "selfLink"]
            {
                if metadata.get(name).is_some_and(|v| !v.is_null()) {
                    let detail = format!("metadata.{name} belongs to the server. Take it out.");
                    problems.push(Problem::error(
                        here.attr(name),
                        "Field of the server in a manifest",
                        detail,
                    ));
                }
            }
            texts(metadata, "namespace", &here, problems);
            for name in ["labels", "annotations"] {
                let Some(map) = metadata.get(name).filter(|m| m.is_known() && !m.is_null()) else { continue };
                if map.as_map().is_none() {
                    let detail = format!("metadata.{name} must be an object of texts.");
                    problems.push(Problem::error(here.attr(name), "Malformed manifest", detail));
                    continue;
                }
                for (key, value) in map.as_map().into_iter().flatten() {
                    if value.is_known() && !value.is_null() && value.as_str().is_none() {
                        let detail = format!(
                            "The value of \"{key}\" in metadata.{name} must be a text; put it in quotation marks."
                        );
                        let place = here.attr(name).index(Value::string(key.clone()));
                        problems.push(Problem::error(place, "Malformed manifest", detail));
                    }
                }
            }
        }
        _ => {
            let detail = "metadata must be an object with at least a name.";
            problems.push(Problem::error(here, "Malformed manifest", detail));
        }
    }
}

/// A text that must be there.
fn named(object: &Value, name: &str, at: &Path, problems: &mut Vec<Problem>) {
    match object.get(name) {
        Some(value) if !value.is_known() => {}
        Some(value) if value.as_str().is_some_and(|text| !text.is_empty()) => {}
        _ => {
            let path = at.attr(name);
            let detail = format!("{} must be set to a text.", crate::place::shown(&path));
            problems.push(Problem::error(path, "Malformed manifest", detail));
        }
    }
}

/// A text that may be there.
fn texts(object: &Value, name: &str, at: &Path, problems: &mut Vec<Problem>) {
    if object.get(name).is_some_and(|v| v.is_known() && !v.is_null()) {
        named(object, name, at, problems);
    }
}

fn check_settings(config: &Value, problems: &mut Vec<Problem>) {
    let blocks =
        |name: &str| config.get(name).and_then(Value::as_slice).unwrap_or_default().iter().enumerate();
    for (i, block) in blocks("timeouts") {
        for name in ["create", "update", "delete"] {
            let Some(text) = block.get(name).and_then(Value::as_str) else { continue };
            if duration(text).is_none() {
                let detail =
                    format!("{name} is \"{text}\"; it must be a time such as \"90s\", \"10m\" or \"1h30m\".");
                let at = Path::root().attr("timeouts").index(i).attr(name);
                problems.push(Problem::error(at, "Malformed time", detail));
            }
        }
    }
    for (i, block) in blocks("field_manager") {
        if block.get("name").and_then(Value::as_str).is_some_and(|name| name.is_empty() || name.len() > 128) {
            let at = Path::root().attr("field_manager").index(i).attr("name");
            let detail = "The name of a field manager has 1 to 128 characters.";
            problems.push(Problem::error(at, "Malformed field manager", detail));
        }
    }
    let waits = blocks("wait").map(|(i, block)| (block, Path::root().attr("wait").index(i)));
    let old = config.get("wait_for").map(|block| (block, Path::root().attr("wait_for")));
    for (block, at) in waits.chain(old) {
        for (place, pattern) in block.get("fields").and_then(Value::as_map).into_iter().flatten() {
            let here = at.attr("fields").index(Value::string(place.clone()));
            if parse_place(place).is_none() {
                let detail = format!(
                    "\"{place}\" is not a place in an object; write it as in status.phase, or status.loadBalancer.ingress[0].ip."
                );
                problems.push(Problem::error(here.clone(), "Malformed place", detail));
            }
            if let Some(text) = pattern.as_str().filter(|t| *t != "*")
                && Regex::new(text).is_err()
            {
                let detail = format!("\"{text}\" is not a regular expression; \"*\" stands for any value.");
                problems.push(Problem::error(here, "Malformed regular expression", detail));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formwork_value::{Type, json};

    fn check(manifest: Value, wanted: &[&str]) {
        let config = Value::object([("manifest", manifest)]);
        let found: Vec<String> = validate(&config).iter().map(|p| p.path.to_string()).collect();
        assert_eq!(found, wanted);
    }

    fn parsed(text: &str) -> Value {
        json::decode_implied(text).unwrap()
    }

    #[test]
    fn manifests() {
        check(
            parsed(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"x":"1"}}}"#),
            &[],
        );
        check(Value::unknown(Type::Dynamic), &[]);
        check("apiVersion: v1".into(), &[".manifest"]);
        check(
            parsed(r#"{"apiVersion":"v1","metadata":{"generateName":"a-"},"status":{}}"#),
            &[".manifest.kind", ".manifest.status", ".manifest.metadata.generateName"],
        );
        check(
            parsed(r#"{"apiVersion":"v1","kind":"X","metadata":{"name":"","uid":"1","labels":{"a.b":1}}}"#),
            &[".manifest.metadata.name", ".manifest.metadata.uid", ".manifest.metadata.labels[\"a.b\"]"],
        );
    }

    #[test]
    fn what_is_not_known_yet_is_not_complained_about() {
        let metadata = Value::object([
            ("name", Value::unknown(Type::String)),
            ("labels", Value::unknown(Type::Dynamic)),
        ]);
        let manifest = Value::object([
            ("apiVersion", Value::unknown(Type::String)),
            ("kind", "X".into()),
            ("metadata", metadata),
        ]);
        check(manifest, &[]);
    }
}
