//! The object that a manifest is about, and the calls for it.

use crate::cluster::{Cluster, Kind};
use crate::failure::{Asked, Failure, conflicts, explain};
use crate::place::locate;
use crate::shape::text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use formwork_provider::CallError;
use formwork_value::{Path, Value};
use kube::core::params::{DeleteParams, GetParams, Patch, PatchParams};
use kube::core::{DynamicObject, Request, Resource};
use serde_json::Value as Json;
use std::time::Duration;

/// The field manager, unless a `field_manager` block names another: hashicorp/kubernetes has the same.
pub(crate) const MANAGER: &str = "Terraform";

/// What the arguments beside the manifest say.
pub(crate) struct Settings {
    /// Name of the field manager.
    pub manager: String,
    /// Whether to take fields over from others.
    pub force: bool,
    /// Places in the manifest that others may change.
    pub left_to_others: Vec<String>,
    /// Whether anything is waited for, so that the status counts.
    pub waits: bool,
    /// Not to ask the server in plans.
    pub unchecked: bool,
    timeouts: [Option<Duration>; 3],
}

impl Settings {
    /// Reads them; what is not known yet is as if it were not set.
    pub fn of(object: &Value) -> Self {
        let block = |name: &str| object.get(name).and_then(Value::as_slice).and_then(<[Value]>::first);
        let field = |name: &str, inner: &str| block(name).and_then(|b| b.get(inner));
        let manager = field("field_manager", "name").and_then(Value::as_str).filter(|n| !n.is_empty());
        let places = object.get("computed_fields").and_then(Value::as_slice).unwrap_or_default();
        let time = |name: &str| field("timeouts", name).and_then(Value::as_str).and_then(duration);
        Settings {
            manager: manager.unwrap_or(MANAGER).to_owned(),
            force: field("field_manager", "force_conflicts").and_then(Value::as_bool) == Some(true),
            left_to_others: places.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            waits: block("wait").is_some() || object.get("wait_for").is_some_and(|v| !v.is_null()),
            unchecked: object.get("skip_validation").and_then(Value::as_bool) == Some(true),
            timeouts: [time("create"), time("update"), time("delete")],
        }
    }

    /// How long an operation may take, by the name of its timeout.
    pub fn timeout(&self, operation: &str) -> Duration {
        let index = ["create", "update", "delete"].iter().position(|name| *name == operation);
        index.and_then(|i| self.timeouts[i]).unwrap_or(Duration::from_secs(600))
    }
}

/// Reads `1h30m`, `10m`, `30s`, `500ms`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (Duration::ZERO, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        let end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| i + digits);
        let unit = match &rest[digits..end] {
            "h" => Duration::from_secs(count.checked_mul(3600)?),
            "m" => Duration::from_secs(count.checked_mul(60)?),
            "s" => Duration::from_secs(count),
            "ms" => Duration::from_millis(count),
            _ => return None,
        };
        total = total.checked_add(unit)?;
        rest = &rest[end..];
    }
    (!total.is_zero()).then_some(total)
}

/// An object that the server can be asked about.
pub(crate) struct Target {
    kind: Kind,
    namespace: Option<String>,
    name: String,
    /// The manifest without nulls, or an object to find by its name.
    pub body: Json,
    /// For messages: `Deployment "shop/web"`.
    pub label: String,
    /// The object's identity, whatever the version of its group.
    pub key: String,
}

/// A Secret with its `stringData` written as `data`, as the server itself does it: only so are the fields ours, and leave
/// the object when they leave the manifest.
pub(crate) fn folded(mut body: Json) -> Json {
    if text(&body, "/kind") != Some("Secret") || text(&body, "/apiVersion") != Some("v1") {
        return body;
    }
    let Some(plain) = body.get("stringData").and_then(Json::as_object) else { return body };
    let encoded: Option<Vec<(String, Json)>> =
        plain.iter().map(|(key, v)| Some((key.clone(), STANDARD.encode(v.as_str()?).into()))).collect();
    // What is not text is for the server to refuse.
    let (Some(encoded), Some(map)) = (encoded, body.as_object_mut()) else { return body };
    let data = map.entry("data").or_insert_with(|| Json::Object(serde_json::Map::new()));
    if let Some(data) = data.as_object_mut() {
        data.extend(encoded);
        map.remove("stringData");
    }
    body
}

/// What identifies an object, as far as its manifest or the object itself tells.
pub(crate) fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

impl Target {
    /// The object that this describes; `None` where the server does not offer its kind.
    pub async fn of(cluster: &Cluster, body: Json) -> Result<Option<Target>, Failure> {
        let body = folded(body);
        let incomplete = || {
            let detail =
                "The manifest does not name an object: apiVersion, kind and metadata.name are needed.";
            Failure::Call(CallError::new("Incomplete manifest", detail).on(Path::root().attr("manifest")))
        };
        let field = |pointer: &str| text(&body, pointer).map(str::to_owned).ok_or_else(incomplete);
        let (version, kind_name, name) = (field("/apiVersion")?, field("/kind")?, field("/metadata/name")?);
        let Some(kind) = cluster.kind(&version, &kind_name).await? else { return Ok(None) };
        let given = text(&body, "/metadata/namespace").filter(|n| !n.is_empty()).map(str::to_owned);
        if let (Some(given), false) = (&given, kind.namespaced) {
            let detail = format!(
                "Objects of the kind {kind_name} belong to the whole cluster, but metadata.namespace is \"{given}\". Take it out."
            );
            let at = Path::root().attr("manifest").attr("metadata").attr("namespace");
            return Err(Failure::Call(CallError::new("Kind has no namespaces", detail).on(at)));
        }
        let namespace = kind.namespaced.then(|| given.unwrap_or_else(|| "default".to_owned()));
        let place = namespace.as_ref().map(|n| format!("{n}/")).unwrap_or_default();
        Ok(Some(Target {
            label: format!("{kind_name} \"{place}{name}\""),
            key: format!("{}/{kind_name}/{place}{name}", group(&version)),
            kind,
            namespace,
            name,
            body,
        }))
    }

    fn address(&self) -> Request {
        let namespace = self.namespace.as_deref().map(segment);
        Request::new(DynamicObject::url_path(&self.kind.resource, namespace.as_deref()))
    }

    /// The same under another name, to try out a new object while the old one stands.
    pub fn renamed(&self, name: &str) -> Target {
        let mut body = self.body.clone();
        if let Some(metadata) = body.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.insert("name".into(), name.into());
        }
        Target {
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: name.to_owned(),
            body,
            label: self.label.clone(),
            key: self.key.clone(),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The object as it is.
    pub async fn get(&self, cluster: &Cluster) -> Result<Option<Json>, Failure> {
        let request = self.address().get(&segment(&self.name), &GetParams::default()).map_err(unsendable)?;
        match cluster.send(request).await {
            Err(failure) if failure.not_found() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Applies the manifest.
    pub async fn apply(
        &self,
        cluster: &Cluster,
        settings: &Settings,
        force: bool,
        dry_run: bool,
    ) -> Result<Json, Failure> {
        let params = PatchParams {
            dry_run,
            force: force || settings.force,
            field_manager: Some(settings.manager.clone()),
            field_validation: None,
        };
        let patch = Patch::Apply(&self.body);
        let request = self.address().patch(&segment(&self.name), &params, &patch).map_err(unsendable)?;
        cluster.send(request).await
    }

    /// Applies the manifest, and puts back what others have written over fields that were ours, as `before` (the
    /// manifest that was applied last) tells. Fields that another one applies are never taken over.
    pub async fn put_back(
        &self,
        cluster: &Cluster,
        settings: &Settings,
        before: Option<&Json>,
        dry_run: bool,
    ) -> Result<(Json, Vec<String>), Failure> {
        let failure = match self.apply(cluster, settings, false, dry_run).await {
            Ok(answer) => return Ok((answer, Vec::new())),
            Err(failure) => failure,
        };
        let Some((before, status)) = before.zip(failure.status()) else { return Err(failure) };
        let (before, found) = (folded(before.clone()), conflicts(status));
        if found.is_empty() || !found.iter().all(|c| c.written && locate(&before, &c.field).1) {
            return Err(failure);
        }
        let notes = found.iter().map(|c| {
            format!("takes back {}, which \"{}\" changed", c.field.trim_start_matches('.'), c.manager)
        });
        let notes = notes.collect();
        Ok((self.apply(cluster, settings, true, dry_run).await?, notes))
    }

    /// Asks for the deletion; `false` when there is nothing to delete.
    pub async fn delete(&self, cluster: &Cluster) -> Result<bool, Failure> {
        let request =
            self.address().delete(&segment(&self.name), &DeleteParams::foreground()).map_err(unsendable)?;
        match cluster.send(request).await {
            Err(failure) if failure.not_found() => Ok(false),
            result => result.map(|_| true),
        }
    }

    /// The failure of a call, for people.
    pub fn explain(&self, cluster: &Cluster, now: i128, verb: &str, failure: Failure) -> CallError {
        let asked = Asked {
            verb,
            object: &self.label,
            address: cluster.address(),
            body: Some(&self.body),
            certificate: cluster.certificate(now),
        };
        explain(failure, &asked)
    }
}

/// A name as one segment of an address, so that the server, not the address, says what is wrong with it.
pub(crate) fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b':' => {
                text.push(char::from(byte))
            }
            b'.' if name.bytes().any(|b| b != b'.') => text.push('.'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn unsendable(error: kube::core::request::Error) -> Failure {
    let detail = format!("The call cannot be made: {}.", crate::config::chain(&error));
    Failure::Call(CallError::new("Malformed name", detail))
}

/// Whether this manager has applied the object.
pub(crate) fn applied_by(object: &Json, manager: &str) -> bool {
    let entries = object.pointer("/metadata/managedFields").and_then(Json::as_array);
    entries
        .into_iter()
        .flatten()
        .any(|entry| text(entry, "/manager") == Some(manager) && text(entry, "/operation") == Some("Apply"))
}

/// Whether the object is one that this manager made by applying this body. The server keeps no record of an apply that
/// sets no fields, as of a Namespace with nothing but its name: then, nobody else may have set any.
pub(crate) fn made_by(object: &Json, manager: &str, body: &Json) -> bool {
    let recorded = object.pointer("/metadata/managedFields").and_then(Json::as_array);
    applied_by(object, manager) || (sets_nothing(body) && recorded.is_none_or(Vec::is_empty))
}

/// Whether a manifest only names an object.
fn sets_nothing(body: &Json) -> bool {
    fn empty(value: &Json) -> bool {
        match value {
            Json::Object(map) => map.values().all(empty),
            Json::Array(items) => items.is_empty(),
            _ => false,
        }
    }
    body.as_object().into_iter().flatten().all(|(key, value)| match (key.as_str(), value) {
        ("apiVersion" | "kind", _) => true,
        ("metadata", Json::Object(metadata)) => {
            metadata.iter().all(|(key, value)| key == "name" || key == "namespace" || empty(value))
        }
        (_, value) => empty(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, seconds: Option<f64>| {
            assert_eq!(duration(text).map(|d| d.as_secs_f64()), seconds, "{text}");
        };
        check("30s", Some(30.0));
        check("1h30m", Some(5400.0));
        check("500ms", Some(0.5));
        for wrong in ["", "5", "m", "1d", "0s", "1.5h", "99999999999999999999h"] {
            check(wrong, None);
        }
    }

    #[test]
    fn secrets_are_applied_as_data() {
        let check = |kind: &str, fields: Json, wanted: Json| {
            let with = |fields: &Json| {
                let mut body = serde_json::json!({ "apiVersion": "v1", "kind": kind });
                body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
                body
            };
            assert_eq!(folded(with(&fields)), with(&wanted));
        };
        use serde_json::json;
        check("Secret", json!({ "stringData": { "a": "x" } }), json!({ "data": { "a": "eA==" } }));
        let both = json!({ "stringData": { "a": "x" }, "data": { "a": "eQ==", "b": "eQ==" } });
        check("Secret", both.clone(), json!({ "data": { "a": "eA==", "b": "eQ==" } }));
        check("Other", both.clone(), both);
        for refused in
            [json!({ "stringData": { "a": 1 } }), json!({ "stringData": { "a": "x" }, "data": "y" })]
        {
            check("Secret", refused.clone(), refused);
        }
    }

    #[test]
    fn managers() {
        let object = serde_json::json!({ "metadata": { "managedFields": [
            { "manager": "Terraform", "operation": "Update" }, { "manager": "kubectl", "operation": "Apply" }] } });
        assert!(!applied_by(&object, "Terraform"));
        assert!(applied_by(&object, "kubectl"));
    }

    #[test]
    fn objects_without_fields_are_known_again() {
        let check = |fields: Json, entries: Json, wanted: bool| {
            let mut body =
                serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" } });
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let object = serde_json::json!({ "metadata": { "name": "a", "managedFields": entries } });
            assert_eq!(made_by(&object, "Terraform", &body), wanted, "{body}");
        };
        use serde_json::json;
        let created = json!([{ "manager": "kubectl-create", "operation": "Update" }]);
        check(json!({}), Json::Null, true);
        check(json!({ "spec": {} }), json!([]), true);
        check(json!({}), created, false);
        check(json!({ "data": { "a": "b" } }), Json::Null, false);
        check(json!({ "metadata": { "name": "a", "labels": { "a": "b" } } }), Json::Null, false);
        check(
            json!({ "data": { "a": "b" } }),
            json!([{ "manager": "Terraform", "operation": "Apply" }]),
            true,
        );
    }
}
