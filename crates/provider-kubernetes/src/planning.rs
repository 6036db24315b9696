//! Planning a `kubernetes_manifest`: the server's own dry run, wherever it can be asked.

use crate::cluster::{Cluster, Pauses};
use crate::failure::{Failure, exists, immutable, missing_namespace, place};
use crate::merge::{adopt, agreed, rebased, unsettle};
use crate::place::{at_mut, locate, shown, unknown as first_unknown};
use crate::shape::{self, strip, text, to_json, to_value, with};
use crate::target::{Settings, Target, applied_by, folded, group};
use formwork_provider::{Call, CallError, Object, PlanRequest, PlanResponse, Retry, Schema, default_plan};
use formwork_value::{Path, Value};
use kube::core::Status;
use serde_json::Value as Json;
use std::time::Duration;

/// Plans one object.
pub(crate) async fn plan(
    schema: &Schema,
    call: &Call<'_>,
    request: &PlanRequest<'_>,
) -> Result<PlanResponse, CallError> {
    let mut plan = default_plan(schema, request);
    let planner = Planner {
        call,
        cluster: Cluster::of(call)?,
        settings: Settings::of(&plan.planned),
        settled: !call.token.is_empty(),
        now: (call.clock)(),
    };
    match request.prior {
        None => planner.create(&mut plan).await?,
        Some(prior) => planner.update(prior, &mut plan).await?,
    }
    Ok(plan)
}

struct Planner<'a> {
    call: &'a Call<'a>,
    cluster: &'a Cluster,
    settings: Settings,
    /// With a token, this is the look before the apply: everything that was to come must be there.
    settled: bool,
    now: i128,
}

/// The outcome of a dry run.
enum Checked {
    /// The server's answer, and what the reader should know.
    Answer(Json, Vec<String>),
    /// It cannot be asked yet, because …
    Not(String),
    /// It said no.
    Refused(Failure),
}

/// What stands in the way of a dry run, and how long to wait for it in an apply.
struct Obstacle {
    why: String,
    patience: Option<Duration>,
}

impl Planner<'_> {
    fn explain(&self, target: &Target, verb: &str, failure: Failure) -> CallError {
        target.explain(self.cluster, self.now, verb, failure)
    }

    /// The object to ask about; otherwise why it cannot be asked about.
    async fn target(&self, manifest: &Value) -> Result<Result<Target, String>, CallError> {
        if let Some(path) = first_unknown(manifest, &Path::root().attr("manifest")) {
            return Ok(Err(format!("{} is not known yet", shown(&path))));
        }
        let body = to_json(manifest);
        let (version, kind) = (text(&body, "/apiVersion"), text(&body, "/kind"));
        let missing = format!(
            "it does not offer the kind {} of {}, whose definition is still to come",
            kind.unwrap_or_default(),
            version.unwrap_or_default()
        );
        // Definitions are of groups with a dot in their names; others are the server's own.
        let to_come = version.is_some_and(|version| group(version).contains('.'));
        // A definition that was just made takes a moment to be served.
        let mut pauses = Pauses::new(Duration::from_secs(2), Duration::from_secs(30));
        loop {
            let found = Target::of(self.cluster, body.clone()).await.map_err(|failure| match failure {
                Failure::Call(error) => error,
                refused => Asked { manifest: &body }.explain(self, refused),
            });
            match found {
                Ok(Some(target)) => return Ok(Ok(target)),
                Ok(None) if to_come && !self.settled => return Ok(Err(missing)),
                Ok(None) if to_come && pauses.wait(self.call).await => {}
                Ok(None) => {
                    let detail = format!(
                        "The server at {} does not offer the kind {} of {}. Check both; kubernetes_api_versions lists what there \
                         is. If this configuration makes its definition, refer to that, or name it in depends_on.",
                        self.cluster.address(),
                        kind.unwrap_or_default(),
                        version.unwrap_or_default()
                    );
                    let at = Path::root().attr("manifest").attr("kind");
                    return Err(CallError::new("Kind is not known to the server", detail).on(at));
                }
                Err(error) if error.retry == Retry::Never || !pauses.wait(self.call).await => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }

    /// Runs an apply dry.
    async fn dry(&self, target: &Target, before: Option<&Json>) -> Result<Checked, CallError> {
        let mut waited: Option<Pauses> = None;
        let mut failing = Pauses::new(Duration::from_secs(10), Duration::from_secs(120));
        loop {
            let failure = match target.put_back(self.cluster, &self.settings, before, true).await {
                Ok((answer, notes)) => return Ok(Checked::Answer(answer, notes)),
                Err(failure) => failure,
            };
            if let Some(obstacle) = failure.status().and_then(obstacle) {
                let Some(patience) = obstacle.patience.filter(|_| self.settled) else {
                    return Ok(Checked::Not(obstacle.why));
                };
                let pauses = waited.get_or_insert_with(|| Pauses::new(Duration::from_secs(2), patience));
                if !pauses.wait(self.call).await {
                    return Ok(Checked::Refused(failure));
                }
                continue;
            }
            let error = self.explain(target, "apply", failure.clone());
            if error.retry == Retry::Never || !failing.wait(self.call).await {
                return Ok(Checked::Refused(failure));
            }
        }
    }

    async fn live(&self, target: &Target) -> Result<Option<Json>, CallError> {
        crate::cluster::patiently(self.call, || {
            Box::pin(async { target.get(self.cluster).await.map_err(|f| self.explain(target, "read", f)) })
        })
        .await
    }

    fn stripped(&self, object: Json, target: &Target) -> Json {
        strip(object, false, &self.cluster.ignored, &target.body)
    }

    async fn create(&self, plan: &mut PlanResponse) -> Result<(), CallError> {
        let manifest = plan.planned.get("manifest").cloned().unwrap_or(Value::NULL);
        let open = |plan: &mut PlanResponse, why: Option<String>| {
            plan.planned = with(&plan.planned, "object", shape::unknown());
            plan.notes.extend(why.map(|why| format!("not checked by the server, because {why}")));
        };
        if self.settings.unchecked && !self.settled {
            open(plan, Some("skip_validation is true".into()));
            return Ok(());
        }
        let target = match self.target(&manifest).await? {
            Ok(target) => target,
            Err(why) => {
                open(plan, Some(why));
                return Ok(());
            }
        };
        let (live, one, other) =
            tokio::join!(self.live(&target), self.dry(&target, None), self.dry(&target, None));
        if let Some(live) = live? {
            return self.beside(plan, &target, &live).await;
        }
        let (answer, second) = match (one?, other?) {
            (Checked::Answer(one, _), Checked::Answer(other, _)) => (one, other),
            (Checked::Not(why), _) | (_, Checked::Not(why)) => {
                open(plan, Some(why));
                return Ok(());
            }
            (Checked::Refused(failure), _) | (_, Checked::Refused(failure)) => {
                return Err(self.explain(&target, "apply", failure));
            }
        };
        let planned = self.fresh(&target, answer, second);
        plan.planned = with(&plan.planned, "object", planned);
        Ok(())
    }

    /// A new object, from two dry runs.
    fn fresh(&self, target: &Target, one: Json, other: Json) -> Value {
        let (mut one, mut other) = (self.stripped(one, target), self.stripped(other, target));
        unsettle(&mut one, &mut other, &target.body, None);
        self.with_status(agreed(&one, &other))
    }

    /// Where the status is waited for, it is part of the object, and comes with the apply.
    fn with_status(&self, object: Value) -> Value {
        if self.settings.waits && object.as_map().is_some() {
            with(&object, "status", shape::unknown())
        } else {
            object
        }
    }

    /// Plans a new object while one of its name stands: one that is replaced, or somebody else's.
    async fn beside(&self, plan: &mut PlanResponse, target: &Target, live: &Json) -> Result<(), CallError> {
        let why = self.cluster.replaced(&target.key);
        let ours = why.is_some() || self.cluster.is_managed(&target.key);
        if self.settled || !(ours || applied_by(live, &self.settings.manager)) {
            return Err(exists(&target.label));
        }
        plan.planned = with(&plan.planned, "object", shape::unknown());
        match why {
            Some(why) => plan.notes.push(format!("made anew, because {why}")),
            None if !ours => plan.notes.push(format!(
                "{} exists already: unless this plan deletes it first, the apply will refuse",
                target.label
            )),
            None => {}
        }
        // These kinds' names are bound to what stands elsewhere in the manifest.
        let bound = ["Namespace", "CustomResourceDefinition", "APIService"];
        if text(&target.body, "/kind").is_some_and(|kind| bound.contains(&kind)) {
            return Ok(());
        }
        // Tried out under another name.
        let short: String = target.name().chars().take(40).collect();
        let probe = format!("{}-planned", short.trim_end_matches(['-', '.']));
        let other = target.renamed(&probe);
        let (one, second) = tokio::join!(self.dry(&other, None), self.dry(&other, None));
        match (one?, second?) {
            (Checked::Answer(one, _), Checked::Answer(second, _)) => {
                let renamed = |json: Json| rename(json, &probe, target.name());
                let planned = self.fresh(target, renamed(one), renamed(second));
                plan.planned = with(&plan.planned, "object", planned);
            }
            // Addresses and ports are still taken by the old one.
            (Checked::Refused(failure), _)
                if failure
                    .status()
                    .is_some_and(|s| s.code == 422 && !s.message.contains("already allocated")) =>
            {
                return Err(self.explain(&other, "apply", failure));
            }
            _ => plan.notes.push("not checked by the server, because the old object still stands".into()),
        }
        Ok(())
    }

    async fn update(&self, prior: &Object, plan: &mut PlanResponse) -> Result<(), CallError> {
        let null = Value::NULL;
        let manifest = plan.planned.get("manifest").cloned().unwrap_or(Value::NULL);
        let before = prior.value.get("manifest").filter(|m| !m.is_null());
        let recorded = prior.value.get("object").unwrap_or(&null);
        let unchanged = plan.planned == prior.value;
        let object = if recorded.is_null() { before.map(to_json) } else { Some(to_json(recorded)) };
        if let Some(object) = &object {
            plan.replace = moved(object, &manifest);
        }
        let open = |plan: &mut PlanResponse, why: Option<String>| {
            if !unchanged {
                plan.planned = with(&plan.planned, "object", shape::unknown());
            }
            plan.notes.extend(why.map(|why| format!("not checked by the server, because {why}")));
        };
        if !plan.replace.is_empty() {
            open(plan, None);
            return Ok(());
        }
        if self.settings.unchecked && !self.settled {
            open(plan, (!unchanged).then(|| "skip_validation is true".into()));
            return Ok(());
        }
        let mut target = match self.target(&manifest).await? {
            Ok(target) => target,
            Err(why) => {
                open(plan, Some(why));
                return Ok(());
            }
        };
        let before = before.map(to_json);
        leave_to_others(self, &mut target, before.as_ref()).await?;
        let (one, notes) = match self.dry(&target, before.as_ref()).await? {
            Checked::Answer(answer, notes) => (self.stripped(answer, &target), notes),
            Checked::Not(why) => {
                open(plan, Some(why));
                return Ok(());
            }
            Checked::Refused(failure) => {
                let Some((field, why)) = failure.status().and_then(immutable) else {
                    return Err(self.explain(&target, "apply", failure));
                };
                self.cluster.set_replaced(&target.key, format!("the server says of {field}: {why}"));
                plan.planned = with(&plan.planned, "object", shape::unknown());
                plan.replace = vec![changed_place(prior, &plan.planned, &target.body, &field)];
                return Ok(());
            }
        };
        plan.notes.extend(notes);
        let recorded = (!recorded.is_null()).then(|| self.stripped(to_json(recorded), &target));
        // Another version of the group shows the object in another shape.
        let same_version = recorded.as_ref().is_some_and(|r| r.get("apiVersion") == one.get("apiVersion"));
        let recorded = recorded.filter(|_| same_version);
        let planned = if recorded.as_ref() == Some(&one) {
            to_value(&one)
        } else {
            let (live, other) = tokio::join!(self.live(&target), self.dry(&target, before.as_ref()));
            let live = live?.map(|live| self.stripped(live, &target));
            let Checked::Answer(other, _) = other? else {
                open(plan, Some("the server answered differently when it was asked again".into()));
                return Ok(());
            };
            let (mut one, mut other) = (one, self.stripped(other, &target));
            unsettle(&mut one, &mut other, &target.body, live.as_ref());
            rebased(recorded.as_ref(), live.as_ref(), &one, &other)
        };
        let same = recorded.as_ref().is_some_and(|recorded| planned == to_value(recorded));
        let had_status = prior.value.get("object").is_some_and(|o| o.get("status").is_some());
        let planned = match same && had_status == self.settings.waits {
            true if unchanged => return Ok(()),
            // Only the arguments beside the manifest, or its spelling, change.
            true if !self.settings.waits => prior.value.get("object").cloned().unwrap_or(Value::NULL),
            _ => self.with_status(planned),
        };
        plan.planned = with(&plan.planned, "object", planned);
        Ok(())
    }
}

/// Puts what is live into the manifest wherever `computed_fields` leaves a field to others and the configuration did not
/// change it.
async fn leave_to_others(
    planner: &Planner<'_>,
    target: &mut Target,
    before: Option<&Json>,
) -> Result<(), CallError> {
    if planner.settings.left_to_others.is_empty() {
        return Ok(());
    }
    let Some(live) = planner.live(target).await? else { return Ok(()) };
    spare(&mut target.body, &planner.settings, before, &live);
    Ok(())
}

/// The same with the live object at hand.
pub(crate) fn spare(body: &mut Json, settings: &Settings, before: Option<&Json>, live: &Json) {
    let before = before.map(|b| folded(b.clone()));
    for name in &settings.left_to_others {
        let plain = name.strip_prefix("stringData").filter(|_| body.get("stringData").is_none());
        let name = plain.map_or_else(|| name.clone(), |rest| format!("data{rest}"));
        let (steps, whole) = locate(body, &name);
        if !whole {
            continue;
        }
        let was = before.as_ref().and_then(|b| crate::place::at(b, &steps));
        if was.is_some()
            && was == crate::place::at(body, &steps)
            && let Some(live) = crate::place::at(live, &steps)
            && let Some(slot) = at_mut(body, &steps)
        {
            adopt(slot, live);
        }
    }
}

/// A probe's answer under the real name.
fn rename(json: Json, from: &str, to: &str) -> Json {
    match json {
        Json::String(text) if text.contains(from) => text.replace(from, to).into(),
        Json::Array(items) => items.into_iter().map(|item| rename(item, from, to)).collect(),
        Json::Object(map) => {
            map.into_iter().map(|(key, item)| (key.replace(from, to), rename(item, from, to))).collect()
        }
        other => other,
    }
}

/// The places in a manifest that make it another object than the recorded one.
fn moved(recorded: &Json, manifest: &Value) -> Vec<Path> {
    let root = Path::root().attr("manifest");
    let mut paths = Vec::new();
    let mut compare = |at: Path, wanted: Option<&Value>, is: &dyn Fn(Option<&str>) -> bool| match wanted {
        Some(value) if !value.is_known() => paths.push(at),
        Some(value) if !is(value.as_str()) => paths.push(at),
        None if !is(None) => paths.push(at),
        _ => {}
    };
    let recorded_text = |pointer| text(recorded, pointer);
    if !manifest.is_known() {
        return paths;
    }
    let version = recorded_text("/apiVersion").map(group);
    compare(root.attr("apiVersion"), manifest.get("apiVersion"), &|new| new.map(group) == version);
    compare(root.attr("kind"), manifest.get("kind"), &|new| new == recorded_text("/kind"));
    let Some(metadata) = manifest.get("metadata").filter(|m| m.is_known()) else { return paths };
    let here = root.attr("metadata");
    compare(here.attr("name"), metadata.get("name"), &|new| new == recorded_text("/metadata/name"));
    let namespace = recorded_text("/metadata/namespace");
    compare(here.attr("namespace"), metadata.get("namespace"), &|new| {
        new.or(namespace.map(|_| "default")) == namespace || namespace.is_none()
    });
    paths
}

/// A place that the server names, if the configuration changed something there; otherwise the manifest, or the object.
fn changed_place(prior: &Object, planned: &Value, body: &Json, field: &str) -> Path {
    let differs = |path: &Path| prior.value.at(path) != planned.at(path);
    let named = place(Some(body), field);
    [named, Path::root().attr("manifest")]
        .into_iter()
        .find(differs)
        .unwrap_or_else(|| Path::root().attr("object"))
}

/// Whether a refusal is only about what is still to come, or about asking.
fn obstacle(status: &Status) -> Option<Obstacle> {
    if let Some(namespace) = missing_namespace(status) {
        let why = format!("the namespace \"{namespace}\" is still to come");
        return Some(Obstacle { why, patience: Some(Duration::from_secs(5)) });
    }
    if status.code == 403 && status.message.contains("error looking up service account") {
        let why = "the service account that its pods need is still to come".to_owned();
        return Some(Obstacle { why, patience: Some(Duration::from_secs(30)) });
    }
    if status.message.contains("does not support dry run") {
        let why = "an admission webhook of the cluster does not take part in dry runs".to_owned();
        return Some(Obstacle { why, patience: None });
    }
    None
}

/// A manifest whose kind could not be looked up.
struct Asked<'a> {
    manifest: &'a Json,
}

impl Asked<'_> {
    fn explain(&self, planner: &Planner<'_>, failure: Failure) -> CallError {
        let kind = text(self.manifest, "/kind").unwrap_or("object");
        let name = text(self.manifest, "/metadata/name").unwrap_or_default();
        crate::failure::explain(
            failure,
            &crate::failure::Asked {
                verb: "look up",
                object: &format!("{kind} \"{name}\""),
                address: planner.cluster.address(),
                body: Some(self.manifest),
                certificate: planner.cluster.certificate(planner.now),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formwork_value::Type;
    use serde_json::json;

    #[test]
    fn fields_left_to_others() {
        let check = |names: &[&str], wanted: Json| {
            let secret = |value: &str| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" }, "stringData": { "p": value } });
            let settings = Value::object([(
                "computed_fields",
                Value::list(Type::String, names.iter().map(|n| Value::from(*n)).collect()),
            )]);
            let mut body = folded(secret("mine"));
            spare(
                &mut body,
                &Settings::of(&settings),
                Some(&secret("mine")),
                &json!({ "data": { "p": "theirs" } }),
            );
            assert_eq!(body["data"]["p"], wanted);
        };
        check(&["stringData.p"], json!("theirs"));
        check(&["data.p"], json!("theirs"));
        check(&["metadata.labels"], json!("bWluZQ=="));
    }

    #[test]
    fn what_makes_another_object() {
        let recorded = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a", "namespace": "default" } });
        let check = |manifest: Value, wanted: &[&str]| {
            let found: Vec<String> = moved(&recorded, &manifest).iter().map(shown).collect();
            assert_eq!(found, wanted);
        };
        let manifest = |version: &str, name: Value, namespace: Option<&str>| {
            let namespace = namespace.map(|n| ("namespace", Value::from(n)));
            let metadata = Value::object([("name", name)].into_iter().chain(namespace));
            Value::object([
                ("apiVersion", version.into()),
                ("kind", "Deployment".into()),
                ("metadata", metadata),
            ])
        };
        check(manifest("apps/v1", "a".into(), None), &[]);
        check(manifest("apps/v1beta1", "a".into(), Some("default")), &[]);
        check(manifest("extensions/v1beta1", "a".into(), None), &["manifest.apiVersion"]);
        check(
            manifest("apps/v1", "b".into(), Some("x")),
            &["manifest.metadata.name", "manifest.metadata.namespace"],
        );
        check(manifest("apps/v1", Value::unknown(Type::String), None), &["manifest.metadata.name"]);
    }
}
