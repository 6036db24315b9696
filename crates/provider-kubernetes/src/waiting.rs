//! Waiting until an object is as it should be: a rollout, fields, conditions; or until it has gone.

use crate::cluster::{Cluster, Pauses, patiently};
use crate::place::{Step, at};
use crate::shape::text;
use crate::target::Target;
use formwork_provider::{Call, CallError};
use formwork_value::{Path, Value};
use regex::Regex;
use serde_json::Value as Json;
use std::time::Duration;

/// The longest pause between two looks.
const LONGEST: Duration = Duration::from_secs(2);

/// What is waited for.
pub(crate) struct Wait {
    rollout: bool,
    fields: Vec<(String, Vec<Step>, Option<Regex>)>,
    conditions: Vec<(String, String)>,
}

/// How far an object has come.
#[derive(Debug, PartialEq)]
pub(crate) enum Progress {
    /// As it should be.
    Done,
    /// Not yet: what is missing.
    Pending(String),
    /// It will not come to be.
    Failed(String),
}

impl Wait {
    /// Reads the `wait` block and `wait_for`; `None` where nothing is waited for.
    pub fn of(object: &Value) -> Option<Wait> {
        let block = object.get("wait").and_then(Value::as_slice).and_then(<[Value]>::first);
        let old = object.get("wait_for").filter(|v| !v.is_null());
        let mut wait = Wait { rollout: false, fields: Vec::new(), conditions: Vec::new() };
        for block in [block, old].into_iter().flatten() {
            wait.rollout |= block.get("rollout").and_then(Value::as_bool) == Some(true);
            for (place, pattern) in block.get("fields").and_then(Value::as_map).into_iter().flatten() {
                let steps = parse_place(place)?;
                let pattern = match pattern.as_str()? {
                    "*" => None,
                    text => Some(Regex::new(text).ok()?),
                };
                wait.fields.push((place.to_string(), steps, pattern));
            }
            for condition in block.get("condition").and_then(Value::as_slice).unwrap_or_default() {
                let field = |name: &str| condition.get(name).and_then(Value::as_str).map(str::to_owned);
                wait.conditions
                    .extend(field("type").map(|ty| (ty, field("status").unwrap_or("True".into()))));
            }
        }
        (wait.rollout || !wait.fields.is_empty() || !wait.conditions.is_empty()).then_some(wait)
    }

    /// How far an object has come.
    pub fn progress(&self, object: &Json) -> Progress {
        if self.rollout {
            match rollout(object) {
                Progress::Done => {}
                other => return other,
            }
        }
        for (place, steps, pattern) in &self.fields {
            let found = at(object, steps).filter(|v| !v.is_null());
            let shown = found.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            match (shown, pattern) {
                (Some(_), None) => {}
                (Some(text), Some(pattern)) if pattern.is_match(&text) => {}
                (Some(_), _) => return Progress::Pending(format!("{place} has another value")),
                (None, _) => return Progress::Pending(format!("{place} is not set")),
            }
        }
        for (ty, status) in &self.conditions {
            let all = object.pointer("/status/conditions").and_then(Json::as_array);
            let found = all.into_iter().flatten().find(|c| text(c, "/type") == Some(ty));
            match found.and_then(|c| text(c, "/status")) {
                Some(is) if is == status => {}
                Some(is) => return Progress::Pending(format!("its condition {ty} is {is}, not {status}")),
                None => return Progress::Pending(format!("it has no condition {ty}")),
            }
        }
        Progress::Done
    }

    /// Waits; the object as it is then.
    pub async fn until_done(
        &self,
        call: &Call<'_>,
        cluster: &Cluster,
        target: &Target,
        timeout: Duration,
    ) -> Result<Json, CallError> {
        let mut pauses = Pauses::new(LONGEST, timeout);
        let failed = |summary: &str, detail: String| CallError {
            no_effect: false,
            ..CallError::new(summary, detail).on(Path::root().attr("wait"))
        };
        let mut told = String::new();
        loop {
            let found = look(call, cluster, target).await?;
            let missing = match found.as_ref().map(|object| self.progress(object)) {
                Some(Progress::Done) => return Ok(found.unwrap_or_default()),
                Some(Progress::Failed(why)) => {
                    return Err(failed(
                        "Rollout failed",
                        format!("{} will not get ready: {why}.", target.label),
                    ));
                }
                Some(Progress::Pending(what)) => what,
                None => {
                    let detail = format!("While it was waited for, {} was deleted.", target.label);
                    return Err(failed("Object is gone", detail));
                }
            };
            if missing != told {
                call.recorder.progress(&format!("waiting: {missing}"));
                told.clone_from(&missing);
            }
            if !pauses.wait(call).await {
                let detail = format!(
                    "After {} it is still so that of {}: {missing}. It was applied all the same. The times allowed are set in a \
                     timeouts block.",
                    shown(timeout),
                    target.label
                );
                return Err(failed("The object took too long", detail));
            }
        }
    }
}

/// Waits until an object has gone.
pub(crate) async fn until_gone(
    call: &Call<'_>,
    cluster: &Cluster,
    target: &Target,
    timeout: Duration,
) -> Result<(), CallError> {
    let mut pauses = Pauses::new(LONGEST, timeout);
    let mut first: Option<String> = None;
    loop {
        let Some(object) = look(call, cluster, target).await? else { return Ok(()) };
        let uid = text(&object, "/metadata/uid").unwrap_or_default().to_owned();
        // Another of the same name: somebody made it anew, and it is not ours.
        if *first.get_or_insert_with(|| uid.clone()) != uid {
            return Ok(());
        }
        if !pauses.wait(call).await {
            let detail = format!(
                "After {} the server still has {}, though its deletion was asked for: {}. The next apply waits again; the time \
                 allowed is set with delete in a timeouts block.",
                shown(timeout),
                target.label,
                holds(&object)
            );
            return Err(CallError {
                no_effect: false,
                ..CallError::new("The object took too long to go", detail)
            });
        }
    }
}

/// What keeps an object from going.
fn holds(object: &Json) -> String {
    let list = |pointer: &str| -> Vec<&str> {
        let items = object.pointer(pointer).and_then(Json::as_array);
        items.into_iter().flatten().filter_map(Json::as_str).collect()
    };
    let finalizers = [list("/metadata/finalizers"), list("/spec/finalizers")].concat();
    let conditions = object.pointer("/status/conditions").and_then(Json::as_array);
    let said: Vec<&str> = conditions
        .into_iter()
        .flatten()
        .filter(|c| text(c, "/status") == Some("True"))
        .filter_map(|c| text(c, "/message"))
        .collect();
    match (finalizers.is_empty(), said.is_empty()) {
        (true, true) => "nothing says why".to_owned(),
        (false, true) => format!("these finalizers hold it: {}", finalizers.join(", ")),
        (_, false) => said.join("; "),
    }
}

async fn look(call: &Call<'_>, cluster: &Cluster, target: &Target) -> Result<Option<Json>, CallError> {
    let now = (call.clock)();
    patiently(call, || {
        Box::pin(async { target.get(cluster).await.map_err(|f| target.explain(cluster, now, "read", f)) })
    })
    .await
    .map_err(|error| CallError { no_effect: false, ..error })
}

fn shown(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// Reads `status.loadBalancer.ingress[0].ip` or `metadata.annotations["a.b/c"]`.
pub(crate) fn parse_place(text: &str) -> Option<Vec<Step>> {
    let (mut steps, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = match inner.strip_prefix('"') {
                Some(quoted) => {
                    let (key, after) = quoted.split_once("\"]")?;
                    (Step::Key(key.to_owned()), after)
                }
                None => {
                    let (index, after) = inner.split_once(']')?;
                    (Step::Index(index.parse().ok()?), after)
                }
            };
            steps.push(key);
            rest = after;
        } else {
            let name = if steps.is_empty() { rest } else { rest.strip_prefix('.')? };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 {
                return None;
            }
            steps.push(Step::Key(name[..end].to_owned()));
            rest = &name[end..];
        }
    }
    matches!(steps.first(), Some(Step::Key(_))).then_some(steps)
}

/// What `kubectl rollout status` would say (its polymorphic status viewers). Kinds without rollouts are done.
fn rollout(object: &Json) -> Progress {
    let number = |pointer: &str| object.pointer(pointer).and_then(Json::as_i64);
    let count = |pointer: &str| number(pointer).unwrap_or(0);
    let pending = |text: String| Progress::Pending(text);
    let kind = text(object, "/kind").unwrap_or_default();
    if !["Deployment", "StatefulSet", "DaemonSet"].contains(&kind) {
        return Progress::Done;
    }
    let strategy = text(object, "/spec/updateStrategy/type");
    if kind != "Deployment" && strategy.is_some_and(|s| s != "RollingUpdate") {
        return Progress::Done;
    }
    if count("/status/observedGeneration") < count("/metadata/generation") {
        return pending("its controller has not seen it".into());
    }
    let wanted = number("/spec/replicas").unwrap_or(1);
    match kind {
        "Deployment" => {
            let conditions = object.pointer("/status/conditions").and_then(Json::as_array);
            let stuck = conditions.into_iter().flatten().find(|c| {
                text(c, "/type") == Some("Progressing")
                    && text(c, "/reason") == Some("ProgressDeadlineExceeded")
            });
            if let Some(condition) = stuck {
                let message = text(condition, "/message").unwrap_or("its progress deadline has passed");
                return Progress::Failed(message.trim_end_matches('.').to_owned());
            }
            let (all, new) = (count("/status/replicas"), count("/status/updatedReplicas"));
            let available = count("/status/availableReplicas");
            if new < wanted {
                pending(format!("{new} of {wanted} replicas are up to date"))
            } else if all > new {
                pending(format!("{} old replicas have to end", all - new))
            } else if available < new {
                pending(format!("{available} of {new} replicas are available"))
            } else {
                Progress::Done
            }
        }
        "StatefulSet" => {
            let ready = count("/status/readyReplicas");
            if ready < wanted {
                return pending(format!("{ready} of {wanted} replicas are ready"));
            }
            let new = count("/status/updatedReplicas");
            let partition = count("/spec/updateStrategy/rollingUpdate/partition");
            if partition > 0 {
                let wanted = wanted - partition;
                return if new < wanted {
                    pending(format!("{new} of {wanted} replicas are up to date"))
                } else {
                    Progress::Done
                };
            }
            if text(object, "/status/updateRevision") != text(object, "/status/currentRevision") {
                return pending(format!("{new} of {wanted} replicas are up to date"));
            }
            Progress::Done
        }
        _ => {
            let wanted = count("/status/desiredNumberScheduled");
            let (new, available) =
                (count("/status/updatedNumberScheduled"), count("/status/numberAvailable"));
            if new < wanted {
                pending(format!("{new} of {wanted} pods are up to date"))
            } else if available < wanted {
                pending(format!("{available} of {wanted} pods are available"))
            } else {
                Progress::Done
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places() {
        let check = |text: &str, wanted: Option<&str>| {
            let found = parse_place(text).map(|steps| crate::place::shown(&crate::place::path("o", &steps)));
            assert_eq!(found.as_deref(), wanted, "{text}");
        };
        check("status.ingress[0].ip", Some("o.status.ingress[0].ip"));
        check("metadata.annotations[\"a.b/c\"]", Some("o.metadata.annotations[\"a.b/c\"]"));
        for wrong in ["", ".a", "a..b", "a[x]", "[0]", "a.*", "a[0"] {
            if wrong != "a.*" {
                check(wrong, None);
            }
        }
    }

    #[test]
    fn rollouts() {
        let check = |kind: &str, spec: Json, status: Json, wanted: Progress| {
            let object =
                json!({ "kind": kind, "metadata": { "generation": 2 }, "spec": spec, "status": status });
            assert_eq!(rollout(&object), wanted);
        };
        let pending = |text: &str| Progress::Pending(text.into());
        check("ConfigMap", json!({}), json!({}), Progress::Done);
        check(
            "Deployment",
            json!({}),
            json!({ "observedGeneration": 1 }),
            pending("its controller has not seen it"),
        );
        let status = |all, new, available| json!({ "observedGeneration": 2, "replicas": all, "updatedReplicas": new, "availableReplicas": available });
        check(
            "Deployment",
            json!({ "replicas": 3 }),
            status(3, 2, 3),
            pending("2 of 3 replicas are up to date"),
        );
        check("Deployment", json!({ "replicas": 3 }), status(4, 3, 3), pending("1 old replicas have to end"));
        check("Deployment", json!({ "replicas": 3 }), status(3, 3, 3), Progress::Done);
        let stuck = json!({ "observedGeneration": 2, "conditions": [
            { "type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out." }] });
        check("Deployment", json!({}), stuck, Progress::Failed("timed out".into()));
        let status = json!({ "observedGeneration": 2, "readyReplicas": 1, "updateRevision": "b", "currentRevision": "a" });
        check("StatefulSet", json!({}), status, pending("0 of 1 replicas are up to date"));
        let status = json!({ "observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1 });
        check("DaemonSet", json!({}), status, pending("1 of 2 pods are available"));
    }
}
