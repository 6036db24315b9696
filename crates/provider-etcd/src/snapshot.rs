//! `etcd_snapshot`.
//!
//! A snapshot is written to `<path>.<token>.part`, checked, made durable, recorded, and only then given its name; so a
//! kill leaves a part file, which `recover` finds by the token, or a file whose hash the journal knows. What is in the
//! way at `path` is never overwritten, save a snapshot that this object is known to have made, by its hash.

use crate::client;
use crate::file::{self, InTheWay, Look, Part, Seen};
use crate::settings::{Settings, check_endpoint};
use crate::transfer::{Taken, cannot, take};
use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Computed, Interrupted, ManagedResource, Model, Object, Operation, PlanRequest,
    PlanResponse, Problem, Recovered, Resource, Schema, default_plan,
};
use formwork_value::{Map, Path, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

/// A snapshot of all that an etcd member holds, as a file: byte for byte what `etcdctl snapshot save` writes, for
/// `etcdctl snapshot restore` to read.
///
/// It is taken when the object is made, and again when `triggers` change or when the file is missing or is not the one
/// that was written. It appears whole or not at all, readable by its owner only, after its hash was found to be the one
/// that etcd gave and its revision one that the member had at that time. A new one takes the place of the last. A file
/// at `path` that this object did not write is never lost: an older snapshot, and whatever took this one's place later,
/// is kept beside it, as `<path>.kept-<hash>`; any other file is left as it is, and apply refuses.
#[derive(Clone, Debug, Resource)]
#[resource(name = "etcd_snapshot")]
pub(crate) struct Snapshot {
    /// Path of the file. Missing folders are made.
    #[attr(replace)]
    pub path: String,
    /// Client URL of the member to ask, such as `https://10.0.0.11:2379`. If not set: the first of the provider's
    /// `endpoints` that answers. A change counts for the next snapshot.
    pub endpoint: Option<String>,
    /// Any values. When one changes, a new snapshot is taken.
    pub triggers: Option<BTreeMap<String, String>>,
    /// Whether destroying the object removes the file. If not, the file stays, and is only forgotten. What counts is the
    /// value of the last apply.
    #[attr(default = false)]
    pub delete_on_destroy: bool,
    /// For how many seconds taking it may last.
    #[attr(default = 600_u64)]
    pub timeout: u64,
    /// SHA-256 of the database, in hexadecimal digits; the last 32 bytes of the file are the same.
    #[attr(volatile)]
    pub sha256: Computed<String>,
    /// Revision of the keys in it.
    #[attr(volatile)]
    pub revision: Computed<i64>,
    /// Length of the file, in bytes: the database, and the 32 bytes of its hash.
    #[attr(volatile)]
    pub size_bytes: Computed<u64>,
    /// Number of entries in it, etcd's own included, as `etcdctl snapshot status` counts them.
    #[attr(volatile)]
    pub total_keys: Computed<u64>,
    /// Member that it was taken from, in hexadecimal digits.
    #[attr(volatile)]
    pub member_id: Computed<String>,
    /// Cluster that the member belongs to, in hexadecimal digits.
    #[attr(volatile)]
    pub cluster_id: Computed<String>,
    /// Version of etcd that the member ran, such as `3.5.21`.
    #[attr(volatile)]
    pub etcd_version: Computed<String>,
    /// When it was taken, such as `2025-01-31T12:00:00Z`.
    #[attr(volatile)]
    pub taken_at: Computed<String>,
    /// The same as `path`.
    pub id: Computed<String>,
}

/// What taking a snapshot gives.
const RESULTS: [&str; 8] =
    ["sha256", "revision", "size_bytes", "total_keys", "member_id", "cluster_id", "etcd_version", "taken_at"];

/// What is remembered besides the attributes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    /// The hash of the file as we wrote it; `sha256` is that of the file as it is.
    sha256: String,
    /// The file as it was when it last had that hash.
    #[serde(default)]
    seen: Option<Seen>,
}

impl Memory {
    fn of(object: &Object) -> Self {
        serde_json::from_slice(&object.private).unwrap_or_else(|_| {
            let sha256 = object.value.get("sha256").and_then(Value::as_str).unwrap_or_default().to_owned();
            Memory { sha256, seen: None }
        })
    }

    fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether a file is the one that we wrote.
    fn is(&self, found: &Look) -> bool {
        found.whole && found.sha256 == self.sha256
    }
}

/// The resource type.
pub(crate) struct SnapshotFile {
    schema: LazyLock<Schema>,
}

impl SnapshotFile {
    pub fn new() -> Self {
        SnapshotFile { schema: LazyLock::new(Snapshot::schema) }
    }

    /// Takes a snapshot, beside its place.
    async fn take(&self, call: &Call<'_>, planned: &Snapshot) -> Result<(Part, Object), CallError> {
        let settings = (**call.client).downcast_ref::<Settings>().ok_or_else(|| {
            let detail = "The type etcd_snapshot was called with another provider's client.";
            CallError::new("Provider and resource type do not belong together", detail)
        })?;
        let work = async {
            let begun = moment((call.clock)());
            let mut member = client::first(settings, planned.endpoint.as_deref(), begun).await?;
            call.recorder.progress(&format!("receiving a snapshot from {}", member.endpoint));
            let taken_at = moment((call.clock)()).to_string();
            let (target, token) = (PathBuf::from(&planned.path), call.token.to_owned());
            let (part, file) =
                blocking(&planned.path, "written", move || Part::create(&target, &token)).await?;
            let progress = |what: &str| call.recorder.progress(what);
            let Taken { sha256, size, facts } =
                take(&mut member, settings, file, &planned.path, &progress).await?;
            let header = member.status.header.clone().unwrap_or_default();
            let model = Snapshot {
                sha256: sha256.as_str().into(),
                revision: facts.revision.into(),
                size_bytes: size.into(),
                total_keys: facts.keys.into(),
                member_id: format!("{:x}", header.member_id).into(),
                cluster_id: format!("{:x}", header.cluster_id).into(),
                etcd_version: member.status.version.clone().into(),
                taken_at: taken_at.into(),
                id: planned.path.as_str().into(),
                ..planned.clone()
            };
            let private = Memory { sha256, seen: None }.write();
            Ok((part, Object { value: model.to_value(), private }))
        };
        let limit = Duration::from_secs(planned.timeout.max(1));
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let detail = format!(
                "It was not finished after {} s (timeout). What had been written was removed, and what was there before is \
                 as it was.",
                limit.as_secs()
            );
            Err(CallError::new("Snapshot took too long", detail).on(Path::root().attr("timeout")))
        })
    }
}

/// A time, in whole seconds.
fn moment(nanoseconds: i128) -> Timestamp {
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default();
    Timestamp::from_second(seconds).unwrap_or_default()
}

/// Works on files, away from the threads that must not block.
async fn blocking<T: Send + 'static>(
    path: &str,
    done: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, CallError> {
    let result = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    result.map_err(|error| cannot(path, done, &error).on(Path::root().attr("path")))
}

fn model(value: &Value) -> Result<Snapshot, CallError> {
    Snapshot::from_value(value)
        .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))
}

fn in_the_way(path: &str) -> CallError {
    let detail = format!(
        "There is a file at {path} that this object did not write. It is left as it is: it may be somebody's backup. Move \
         it away, or choose another path."
    );
    CallError::new("File exists already", detail).on(Path::root().attr("path"))
}

/// An object as its file is now.
fn as_found(prior: &Snapshot, found: &Look) -> Snapshot {
    let facts = found.whole.then(|| {
        let file = std::fs::File::open(&prior.path).ok()?;
        crate::bolt::facts(&file, found.size - file::HASH as u64).ok()
    });
    let facts = facts.flatten();
    Snapshot {
        sha256: found.sha256.as_str().into(),
        size_bytes: found.size.into(),
        revision: facts.map(|f| f.revision).into(),
        total_keys: facts.map(|f| f.keys).into(),
        ..prior.clone()
    }
}

/// Reads an object's file; `None` when there is none.
fn read(prior: &Object, model: &Snapshot) -> io::Result<Option<Object>> {
    let path = PathBuf::from(&model.path);
    let memory = Memory::of(prior);
    let Some(seen) = file::seen(&path)? else { return Ok(None) };
    if memory.seen == Some(seen) && model.sha256.get() == Some(&memory.sha256) {
        return Ok(Some(prior.clone()));
    }
    let Some(found) = file::look(&path)? else { return Ok(None) };
    if !memory.is(&found) {
        return Ok(Some(Object {
            value: as_found(model, &found).to_value(),
            private: prior.private.clone(),
        }));
    }
    let value = match model.sha256.get() == Some(&memory.sha256) {
        true => prior.value.clone(),
        false => as_found(model, &found).to_value(),
    };
    Ok(Some(Object { value, private: Memory { seen: Some(found.seen), ..memory }.write() }))
}

/// An object with the file's looks remembered, so that it need not be read each time.
fn remembered(object: Object, path: &std::path::Path) -> Object {
    let seen = file::seen(path).ok().flatten();
    Object { private: Memory { seen, ..Memory::of(&object) }.write(), ..object }
}

/// The object's `sha256`, where it is not that of the snapshot that was written.
fn drifted(object: &Object) -> Option<String> {
    let found = object.value.get("sha256").and_then(Value::as_str)?;
    (found != Memory::of(object).sha256).then(|| found.to_owned())
}

#[async_trait]
impl ManagedResource for SnapshotFile {
    fn type_name(&self) -> &str {
        Snapshot::type_name()
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let at = |name: &str| Path::root().attr(name);
        if let Some(Err(why)) = config.get("endpoint").and_then(Value::as_str).map(check_endpoint) {
            problems.push(Problem::error(at("endpoint"), "Malformed endpoint", why));
        }
        if let Some(path) = config.get("path").and_then(Value::as_str)
            && std::path::Path::new(path).file_name().is_none()
        {
            let detail = format!("path is the path of a file; \"{path}\" has no file name.");
            problems.push(Problem::error(at("path"), "Malformed path", detail));
        }
        problems
    }

    fn plans(&self) -> bool {
        true
    }

    async fn plan(&self, _call: &Call<'_>, request: &PlanRequest<'_>) -> Result<PlanResponse, CallError> {
        let mut plan = default_plan(&self.schema, request);
        let path = plan.planned.get("path").and_then(Value::as_str).map(str::to_owned);
        let Some(prior) = request.prior.filter(|_| plan.replace.is_empty()) else {
            if let Some(path) = path {
                let target = PathBuf::from(&path);
                match blocking(&path, "looked at", move || file::in_the_way(&target)).await? {
                    InTheWay::Nothing => {}
                    InTheWay::Snapshot(sha256) => plan.notes.push(format!(
                        "there is a snapshot at path that this object does not know: it is kept with {} after its name",
                        file::aside("", &sha256)
                    )),
                    InTheWay::Other => plan
                        .notes
                        .push("there is a file at path; unless it is gone by then, apply refuses".into()),
                }
            }
            return Ok(plan);
        };
        let changed = drifted(prior);
        let fresh = changed.is_some() || prior.value.get("triggers") != plan.planned.get("triggers");
        if let Some(found) = &changed {
            let aside = file::aside("", found);
            plan.notes.push(format!(
                "the file is not the snapshot that was written: a new one takes its place, and it is kept with {aside} \
                 after its name"
            ));
        }
        let mut planned: Map = plan.planned.as_map().cloned().unwrap_or_default();
        for name in RESULTS {
            if let (Some(value), Some(before)) = (planned.get_mut(name), prior.value.get(name)) {
                *value = if fresh { Value::unknown(before.ty()) } else { before.clone() };
            }
        }
        plan.planned = planned.into();
        Ok(plan)
    }

    fn removal(&self, prior: &Object) -> Vec<String> {
        vec![match prior.value.get("delete_on_destroy").and_then(Value::as_bool) {
            Some(true) => "the file is removed: delete_on_destroy is true".into(),
            _ => "the file stays: delete_on_destroy is not set".into(),
        }]
    }

    async fn read(&self, _call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError> {
        let (model, prior) = (model(&prior.value)?, prior.clone());
        let path = model.path.clone();
        blocking(&path, "read", move || read(&prior, &model)).await
    }

    async fn create(&self, call: &Call<'_>, planned: &Value, _private: &[u8]) -> Result<Object, CallError> {
        let planned = model(planned)?;
        let target = PathBuf::from(&planned.path);
        let asked = target.clone();
        let before = match blocking(&planned.path, "looked at", move || file::in_the_way(&asked)).await? {
            InTheWay::Nothing => None,
            // Such as one that an object before this one left here: it was to stay.
            InTheWay::Snapshot(sha256) => Some(sha256),
            InTheWay::Other => return Err(in_the_way(&planned.path)),
        };
        let (part, object) = self.take(call, &planned).await?;
        // From here on the journal knows by its hash what may appear at the path.
        call.recorder.created(&object).await?;
        let at = target.clone();
        let place = move || match before {
            None => part.place(),
            Some(sha256) => {
                file::keep(&at, &sha256)?;
                part.replace()?;
                file::sync(&at)
            }
        };
        let placed = tokio::task::spawn_blocking(place).await;
        match placed.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => Ok(remembered(object, &target)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(in_the_way(&planned.path)),
            Err(error) => {
                // Whether it is there is for `recover` to say.
                let failed = cannot(&planned.path, "written", &error).on(Path::root().attr("path"));
                Err(CallError { no_effect: false, ..failed })
            }
        }
    }

    async fn update(
        &self,
        call: &Call<'_>,
        prior: &Object,
        planned: &Value,
        _private: &[u8],
    ) -> Result<Object, CallError> {
        if planned.get("sha256").is_some_and(Value::is_known) {
            return Ok(Object { value: planned.clone(), private: prior.private.clone() });
        }
        let planned = model(planned)?;
        let (part, object) = self.take(call, &planned).await?;
        let (target, memory) = (PathBuf::from(&planned.path), Memory::of(prior));
        blocking(&planned.path, "replaced", move || {
            match file::look(&target)? {
                None => return part.place().map(|()| remembered(object, &target)),
                Some(found) if !memory.is(&found) => file::keep(&target, &found.sha256)?,
                Some(_) => {}
            }
            part.replace()?;
            let object = remembered(object, &target);
            // The file is there, durable or not: if it is lost, the next plan sees that.
            let _ = file::sync(&target);
            Ok(object)
        })
        .await
    }

    async fn delete(&self, _call: &Call<'_>, prior: &Object) -> Result<(), CallError> {
        let (model, prior) = (model(&prior.value)?, prior.clone());
        if !model.delete_on_destroy {
            return Ok(());
        }
        let path = PathBuf::from(&model.path);
        let removed = blocking(&model.path, "removed", move || {
            // What the plan showed is what may be removed.
            let now = read(&prior, &self::model(&prior.value).map_err(|e| io::Error::other(e.detail))?)?;
            if now.is_some_and(|now| now.value.get("sha256") != prior.value.get("sha256")) {
                return Ok(false);
            }
            file::remove(&path).map(|()| true)
        });
        if removed.await? {
            return Ok(());
        }
        let detail = format!(
            "{} is not the file that the plan showed: somebody changed it since. It was left as it is. Plan again, or \
             remove it yourself.",
            model.path
        );
        Err(CallError::new("File changed since it was planned", detail).on(Path::root().attr("path")))
    }

    async fn recover(&self, call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError> {
        let of = interrupted.prior.as_ref().map_or(&interrupted.arguments, |prior| &prior.value);
        let model = model(of)?;
        let (path, token) = (PathBuf::from(&model.path), call.token.to_owned());
        let (operation, prior) = (interrupted.operation, interrupted.prior.clone());
        let delete = model.delete_on_destroy;
        blocking(&model.path.clone(), "looked at", move || {
            if operation == Operation::Delete {
                let there = delete && file::occupied(&path)?;
                return Ok(prior.filter(|_| there));
            }
            file::sweep(&path, &token)?;
            // Without a record nothing was put in place.
            let Some(prior) = prior else { return Ok(None) };
            let Some(found) = file::look(&path)? else { return Ok(None) };
            let memory = Memory::of(&prior);
            if memory.is(&found) {
                return Ok(Some(remembered(prior, &path)));
            }
            if operation == Operation::Create {
                return Ok(None);
            }
            // A whole snapshot in the place of the last one is the one that was being taken. Its triggers stay the
            // old ones, so that the next plan takes another, about which everything is known.
            let memory = if found.whole {
                Memory { sha256: found.sha256.clone(), seen: Some(found.seen) }
            } else {
                memory
            };
            Ok(Some(Object { value: as_found(&model, &found).to_value(), private: memory.write() }))
        })
        .await
        .map(|object| match (object, operation) {
            (None, _) => Recovered::Absent,
            (Some(object), operation) => {
                Recovered::Found { object, complete: operation != Operation::Update }
            }
        })
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
