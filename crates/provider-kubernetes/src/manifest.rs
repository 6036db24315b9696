//! `kubernetes_manifest`: any object, by server-side apply.

use crate::cluster::{Cluster, patiently};
use crate::failure::{Failure, exists};
use crate::merge::filled;
use crate::planning::{self, spare};
use crate::shape::{known, secrets, strip, text, to_json, to_value, with};
use crate::target::{Settings, Target, made_by};
use crate::validate::validate;
use crate::waiting::{Progress, Wait, until_gone};
use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Computed, Interrupted, ManagedResource, Model, Nested, Object, Operation, PlanRequest,
    PlanResponse, Problem, Recovered, Resource, Schema,
};
use formwork_value::{Path, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

/// How long after an interruption an apply that was under way can still land.
const QUIET: Duration = Duration::from_secs(5);

/// An object of the cluster, of any kind.
///
/// It is applied by the server (server-side apply) and planned by the server's dry run, so that a plan shows its defaults and
/// its refusals. Where the server cannot be asked yet, the plan says why. Fields that the manifest does not set belong to
/// others, and are never changed; a field taken out of the manifest is taken out of the object. What somebody wrote over a
/// field of the manifest is put back; a field that somebody else applies is a conflict.
///
/// A change of the name, the namespace, the kind or the API group needs a new object, and so does whatever the server
/// says is immutable. Import ids are written `apiVersion=v1,kind=Secret,namespace=default,name=example`.
#[derive(Resource)]
#[resource(name = "kubernetes_manifest", version = 1)]
struct Manifest {
    /// The object as it is wanted, with `apiVersion`, `kind` and `metadata`. Nulls are as if they were not there.
    manifest: Value,
    /// The object as the server has it, without the fields that it keeps for itself (such as `metadata.uid`), and without
    /// `status` unless something is waited for.
    #[attr(copies = "manifest")]
    object: Computed<Value>,
    /// Fields of the manifest that others may change, such as `["spec.replicas"]` under an autoscaler: they are set once, and
    /// afterwards only when the manifest changes there.
    computed_fields: Option<Vec<String>>,
    /// Not to ask the server in plans, only in applies.
    skip_validation: Option<bool>,
    /// Fields to wait for. Use `wait` instead.
    #[attr(deprecated = "Use a wait block instead.")]
    wait_for: Option<WaitFor>,
    /// What to wait for after each apply.
    #[block(list, max = 1)]
    wait: Vec<WaitBlock>,
    /// In whose name fields are set.
    #[block(list, max = 1)]
    field_manager: Vec<FieldManager>,
    /// How long operations may take, as in `90s`, `10m` or `1h30m`; 10 minutes if not set.
    #[block(list, max = 1)]
    timeouts: Vec<Timeouts>,
}

/// Fields to wait for.
#[derive(Nested)]
struct WaitFor {
    /// Regular expressions that fields must match, by place; `*` for any value.
    fields: Option<BTreeMap<String, String>>,
}

/// What to wait for. All of it must hold.
#[derive(Nested)]
struct WaitBlock {
    /// Whether to wait for the rollout of a Deployment, StatefulSet or DaemonSet, as `kubectl rollout status` does.
    rollout: Option<bool>,
    /// Regular expressions that fields must match, by place, as in `{ "status.phase" = "Active" }`; `*` for any value.
    fields: Option<BTreeMap<String, String>>,
    /// A condition in the object's status.
    #[block(list)]
    condition: Vec<Condition>,
}

/// A condition in an object's status.
#[derive(Nested)]
struct Condition {
    /// Its type, such as `Ready`.
    #[attr(name = "type")]
    ty: Option<String>,
    /// The status that it must have; `True` if not set.
    status: Option<String>,
}

/// In whose name fields are set.
#[derive(Nested)]
struct FieldManager {
    /// Name of the field manager; `Terraform` if not set.
    name: Option<String>,
    /// Whether to take over fields that others set to other values.
    force_conflicts: Option<bool>,
}

/// How long operations may take.
#[derive(Nested)]
struct Timeouts {
    /// For waiting after a create.
    create: Option<String>,
    /// For waiting after an update.
    update: Option<String>,
    /// Until a deleted object is gone.
    delete: Option<String>,
}

/// The resource type.
pub(crate) struct ManifestResource {
    schema: LazyLock<Schema>,
}

impl ManifestResource {
    /// The resource type.
    pub fn new() -> Self {
        ManifestResource { schema: LazyLock::new(Manifest::schema) }
    }

    /// Waits for what the arguments say, and returns the status then.
    async fn wait(
        &self,
        call: &Call<'_>,
        target: &Target,
        planned: &Value,
        operation: &str,
    ) -> Result<Option<Json>, CallError> {
        let Some(wait) = Wait::of(planned) else { return Ok(None) };
        let timeout = Settings::of(planned).timeout(operation);
        let found = wait.until_done(call, Cluster::of(call)?, target, timeout).await?;
        Ok(Some(found.get("status").cloned().unwrap_or(Json::Null)))
    }

    /// The planned object with what the server answered.
    fn result(&self, cluster: &Cluster, planned: &Value, answer: &Json, target: &Target) -> Value {
        let answer = strip(answer.clone(), false, &cluster.ignored, &target.body);
        let object = planned.get("object").cloned().unwrap_or(Value::NULL);
        let object = if object.is_null() {
            to_value(&answer)
        } else {
            filled(&object, Some(&answer), Some(&target.body))
        };
        known(with(planned, "object", object))
    }
}

/// An object with its status filled in.
fn with_status(value: Value, status: Option<Json>) -> Value {
    let Some(status) = status else { return value };
    let Some(object) = value.get("object").filter(|o| o.as_map().is_some()) else { return value };
    let object = with(object, "status", to_value(&crate::shape::prune(status)));
    with(&value, "object", object)
}

/// What finds a recorded object again: the object itself, or its manifest where nothing else was recorded.
fn recorded(value: &Value) -> Json {
    let pick = |name: &str| value.get(name).filter(|v| !v.is_null()).map(to_json);
    let object = pick("object").or_else(|| pick("manifest")).unwrap_or_default();
    json!({
        "apiVersion": object.get("apiVersion"),
        "kind": object.get("kind"),
        "metadata": {
            "name": object.pointer("/metadata/name"),
            "namespace": object.pointer("/metadata/namespace"),
        },
    })
}

/// A target by a body; `None` where the server does not offer the kind any more.
async fn find(call: &Call<'_>, body: Json) -> Result<Option<Target>, CallError> {
    let cluster = Cluster::of(call)?;
    patiently(call, || {
        Box::pin(async {
            Target::of(cluster, body.clone()).await.map_err(|failure| match failure {
                Failure::Call(error) => error,
                refused => {
                    let object = format!("the kind {}", text(&body, "/kind").unwrap_or_default());
                    let asked = crate::failure::Asked {
                        verb: "look up",
                        object: &object,
                        address: cluster.address(),
                        body: None,
                        certificate: cluster.certificate((call.clock)()),
                    };
                    crate::failure::explain(refused, &asked)
                }
            })
        })
    })
    .await
}

/// The object as it is.
async fn look(call: &Call<'_>, target: &Target) -> Result<Option<Json>, CallError> {
    let (cluster, now) = (Cluster::of(call)?, (call.clock)());
    patiently(call, || {
        Box::pin(async { target.get(cluster).await.map_err(|f| target.explain(cluster, now, "read", f)) })
    })
    .await
}

fn gone(target: &str) -> CallError {
    let detail = format!("The server does not offer the kind of {target} any more: its definition is gone.");
    CallError::new("Kind is not known to the server", detail).on(Path::root().attr("manifest").attr("kind"))
}

#[async_trait]
impl ManagedResource for ManifestResource {
    fn type_name(&self) -> &str {
        Manifest::type_name()
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        validate(config)
    }

    fn secrets(&self, object: &Value) -> Vec<Path> {
        secrets(object, &["manifest", "object"])
    }

    fn plans(&self) -> bool {
        true
    }

    async fn plan(&self, call: &Call<'_>, request: &PlanRequest<'_>) -> Result<PlanResponse, CallError> {
        planning::plan(&self.schema, call, request).await
    }

    async fn read(&self, call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError> {
        let cluster = Cluster::of(call)?;
        let Some(target) = find(call, recorded(&prior.value)).await? else { return Ok(None) };
        let Some(found) = look(call, &target).await? else {
            // Perhaps with its definition.
            let field = |name: &str| text(&target.body, name).unwrap_or_default();
            cluster.forget_kind(field("/apiVersion"), field("/kind"));
            return Ok(None);
        };
        cluster.set_managed(&target.key);
        let wanted = prior.value.get("manifest").filter(|m| !m.is_null()).map(to_json).unwrap_or_default();
        let waits = Settings::of(&prior.value).waits;
        let mut object = strip(found, waits, &cluster.ignored, &wanted);
        if waits && let Some(map) = object.as_object_mut() {
            map.entry("status").or_insert(Json::Null);
        }
        // States of hashicorp/kubernetes hold a null for each field that the object does not have.
        let before = prior.value.get("object").filter(|o| to_json(o) == crate::shape::prune(object.clone()));
        let object = before.cloned().unwrap_or_else(|| to_value(&object));
        Ok(Some(Object { value: with(&prior.value, "object", object), private: prior.private.clone() }))
    }

    async fn create(&self, call: &Call<'_>, planned: &Value, private: &[u8]) -> Result<Object, CallError> {
        let (cluster, now, settings) = (Cluster::of(call)?, (call.clock)(), Settings::of(planned));
        let body = planned.get("manifest").map(to_json).unwrap_or_default();
        let Some(target) = find(call, body.clone()).await? else {
            return Err(gone(text(&body, "/kind").unwrap_or("object")));
        };
        if look(call, &target).await?.is_some() {
            return Err(exists(&target.label));
        }
        let answer = patiently(call, || {
            Box::pin(async {
                let applied = target.apply(cluster, &settings, false, false).await;
                applied.map_err(|f| target.explain(cluster, now, "apply", f))
            })
        })
        .await?;
        let value = self.result(cluster, planned, &answer, &target);
        let object = |value: Value| Object { value, private: private.to_vec() };
        let first = object(value.clone());
        let partial =
            |error: CallError| CallError { partial: Some(first.clone()), no_effect: false, ..error };
        call.recorder.created(&first).await.map_err(partial)?;
        let status = self.wait(call, &target, planned, "create").await.map_err(partial)?;
        Ok(object(with_status(value, status)))
    }

    async fn update(
        &self,
        call: &Call<'_>,
        prior: &Object,
        planned: &Value,
        private: &[u8],
    ) -> Result<Object, CallError> {
        let (cluster, now, settings) = (Cluster::of(call)?, (call.clock)(), Settings::of(planned));
        let body = planned.get("manifest").map(to_json).unwrap_or_default();
        let Some(mut target) = find(call, body.clone()).await? else {
            return Err(gone(text(&body, "/kind").unwrap_or("object")));
        };
        let before = prior.value.get("manifest").filter(|m| !m.is_null()).map(to_json);
        if !settings.left_to_others.is_empty()
            && let Some(live) = look(call, &target).await?
        {
            spare(&mut target.body, &settings, before.as_ref(), &live);
        }
        let (answer, _) = patiently(call, || {
            Box::pin(async {
                let applied = target.put_back(cluster, &settings, before.as_ref(), false).await;
                applied.map_err(|f| target.explain(cluster, now, "apply", f))
            })
        })
        .await?;
        let value = self.result(cluster, planned, &answer, &target);
        let object = |value: Value| Object { value, private: private.to_vec() };
        let status = self.wait(call, &target, planned, "update").await.map_err(|error| CallError {
            partial: Some(object(value.clone())),
            no_effect: false,
            ..error
        })?;
        Ok(object(with_status(value, status)))
    }

    async fn delete(&self, call: &Call<'_>, prior: &Object) -> Result<(), CallError> {
        let (cluster, now) = (Cluster::of(call)?, (call.clock)());
        let Some(target) = find(call, recorded(&prior.value)).await? else { return Ok(()) };
        let asked = patiently(call, || {
            Box::pin(async {
                target.delete(cluster).await.map_err(|f| target.explain(cluster, now, "delete", f))
            })
        })
        .await?;
        if !asked {
            return Ok(());
        }
        until_gone(call, cluster, &target, Settings::of(&prior.value).timeout("delete")).await
    }

    async fn recover(&self, call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError> {
        let (cluster, now) = (Cluster::of(call)?, (call.clock)());
        let arguments = &interrupted.arguments;
        let settings = Settings::of(arguments);
        let known_before = interrupted.prior.as_ref();
        let source = known_before.map_or(arguments, |prior| &prior.value);
        let Some(named) = find(call, recorded(source)).await? else { return Ok(Recovered::Absent) };
        let quiet = if known_before.is_none() { QUIET } else { Duration::ZERO };
        let mut pauses = crate::cluster::Pauses::new(Duration::from_secs(1), quiet);
        let live = loop {
            match look(call, &named).await? {
                Some(live) => break live,
                None if pauses.wait(call).await => {}
                None => return Ok(Recovered::Absent),
            }
        };
        let private = known_before.map(|p| p.private.clone()).unwrap_or_default();
        let found = |complete: bool, live: &Json, base: &Value| {
            let body = base.get("manifest").map(to_json).unwrap_or_default();
            let object = strip(live.clone(), settings.waits, &cluster.ignored, &body);
            let value = known(with(base, "object", to_value(&object)));
            Recovered::Found { object: Object { value, private: private.clone() }, complete }
        };
        if interrupted.operation == Operation::Delete {
            // What is going away already takes its time: finalizers, and children that go first.
            if live["metadata"].get("deletionTimestamp").is_some() {
                let patience = Settings::of(source).timeout("delete");
                until_gone(call, cluster, &named, patience).await?;
                return Ok(Recovered::Absent);
            }
            return Ok(found(true, &live, source));
        }
        // Nobody else's object is taken for ours: it was applied in our name, and has all that was to be applied.
        let body = arguments.get("manifest").filter(|m| !m.is_null()).map(to_json).unwrap_or_default();
        let Some(target) = find(call, body).await? else { return Ok(Recovered::Absent) };
        let ours = made_by(&live, &settings.manager, &target.body);
        let dry = patiently(call, || {
            Box::pin(async {
                match target.apply(cluster, &settings, false, true).await {
                    Ok(answer) => Ok(Some(answer)),
                    Err(failure) => {
                        let error = target.explain(cluster, now, "apply", failure);
                        if error.retry == formwork_provider::Retry::Never { Ok(None) } else { Err(error) }
                    }
                }
            })
        })
        .await?;
        let counts = |object: &Json| strip(object.clone(), false, &cluster.ignored, &target.body);
        let applied = ours && dry.is_some_and(|dry| counts(&dry) == counts(&live));
        let ready = Wait::of(arguments).is_none_or(|wait| wait.progress(&live) == Progress::Done);
        Ok(match (interrupted.operation, known_before) {
            (Operation::Create, None) if !applied => Recovered::Absent,
            (Operation::Create, _) => found(applied && ready, &live, arguments),
            // A change that did not happen leaves the old arguments in force.
            (_, Some(prior)) if !applied => found(false, &live, &prior.value),
            _ => found(ready, &live, arguments),
        })
    }

    /// There is one object of a kind and a name, whatever has become of it since it was recorded.
    fn is_same(&self, a: &Value, b: &Value) -> bool {
        let name = |value: &Value| {
            let mut named = recorded(value);
            // Versions are ways of writing one object.
            let group = named["apiVersion"]
                .as_str()
                .and_then(|v| v.split_once('/'))
                .map(|(group, _)| group.to_owned());
            named["apiVersion"] = json!(group);
            named
        };
        name(a) == name(b)
    }

    async fn import(&self, call: &Call<'_>, id: &str) -> Result<Object, CallError> {
        let cluster = Cluster::of(call)?;
        let malformed = || {
            let detail = format!(
                "The id is \"{id}\"; it must name the object as in apiVersion=apps/v1,kind=Deployment,namespace=shop,name=web, where \
                 the namespace may be left out."
            );
            CallError::new("Malformed import id", detail)
        };
        let mut parts: BTreeMap<&str, &str> = BTreeMap::new();
        for part in id.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(malformed)?;
            if !["apiVersion", "kind", "namespace", "name"].contains(&name.trim()) || value.is_empty() {
                return Err(malformed());
            }
            parts.insert(name.trim(), value.trim());
        }
        let part = |name: &str| parts.get(name).copied().ok_or_else(malformed);
        let body = crate::shape::prune(json!({
            "apiVersion": part("apiVersion")?,
            "kind": part("kind")?,
            "metadata": { "name": part("name")?, "namespace": parts.get("namespace") },
        }));
        let nothing = |what: String| CallError::new("Nothing to import", what);
        let Some(target) = find(call, body).await? else {
            return Err(nothing(format!(
                "The server does not offer the kind {} of {}.",
                part("kind")?,
                part("apiVersion")?
            )));
        };
        let Some(live) = look(call, &target).await? else {
            return Err(nothing(format!("The server knows no {}.", target.label)));
        };
        let object = to_value(&strip(live, false, &cluster.ignored, &Json::Null));
        let block = &self.schema.block;
        let attributes = block.attributes.iter().map(|(name, a)| (name.clone(), Value::null(a.ty.clone())));
        let blocks = block.blocks.iter().map(|(name, b)| match b.ty() {
            formwork_value::Type::List(element) => {
                (name.clone(), Value::list((*element).clone(), Vec::new()))
            }
            ty => (name.clone(), Value::null(ty)),
        });
        let empty = Value::object(attributes.chain(blocks));
        Ok(Object::new(with(&empty, "object", object)))
    }
}
