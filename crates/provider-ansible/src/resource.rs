//! `ansible_playbook`: planning, running, recovering.

use crate::drive::{Job, run};
use crate::files::{self, Files, Parts};
use crate::playbook::{HOW, Playbook, RESULTS, Timeouts, duration, validate};
use crate::secrets::Secrets;
use crate::{Settings, host, preview, report};
use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Computed, Interrupted, ManagedResource, Model, Object, Operation, PlanRequest,
    PlanResponse, Problem, Recovered, Schema, default_plan,
};
use formwork_value::{Map, Path, Value};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

/// The resource type.
pub(crate) struct PlaybookRun {
    schema: LazyLock<Schema>,
}

/// What is remembered besides the attributes: in a plan, what it is about to run; in the state, what was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    #[serde(default)]
    files: Option<Files>,
    /// The last run was begun, and did not come to its end.
    #[serde(default)]
    unfinished: bool,
}

impl Memory {
    /// Other tools' private data is not ours to understand.
    fn read(private: &[u8]) -> Self {
        serde_json::from_slice(private).unwrap_or_default()
    }

    fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Why a playbook is run.
#[derive(Debug, PartialEq)]
enum Why {
    First,
    Arguments,
    Unfinished,
    Files(Vec<String>),
    Always,
}

impl Why {
    fn note(&self) -> Option<String> {
        match self {
            Why::First | Why::Arguments => None,
            Why::Unfinished => Some("runs again, because the last run did not come to its end".into()),
            Why::Files(names) if names.is_empty() => Some("runs again, because its files changed".into()),
            Why::Files(names) => Some(format!(
                "runs again, because these files changed: {}",
                report::list(names.clone(), ", ")
            )),
            Why::Always => Some("runs again, because replayable is true".into()),
        }
    }
}

/// The files of a playbook, as far as they can be read.
enum Reading {
    Read(Files),
    /// An argument that names them is not known yet.
    Unknown,
    /// One of them does not exist, at least not yet.
    Missing(PathBuf),
}

impl PlaybookRun {
    pub fn new() -> Self {
        PlaybookRun { schema: LazyLock::new(Playbook::schema) }
    }

    /// Why to run it; `None` to leave it.
    fn why(&self, request: &PlanRequest<'_>, planned: &Value, now: &Reading) -> Option<Why> {
        let Some(prior) = request.prior else { return Some(Why::First) };
        let differs = |name: &str| match (prior.value.get(name), planned.get(name)) {
            (Some(before), Some(after)) => before != after,
            (before, after) => before.is_some() != after.is_some(),
        };
        let arguments = self.schema.block.names().filter(|n| !HOW.contains(n) && !RESULTS.contains(n));
        if arguments.into_iter().any(differs) {
            return Some(Why::Arguments);
        }
        let memory = Memory::read(&prior.private);
        if memory.unfinished {
            return Some(Why::Unfinished);
        }
        let before = prior.value.get("checksum").and_then(Value::as_str);
        if let (Some(before), Reading::Read(now)) = (before, now)
            && before != files::checksum(now)
        {
            return Some(Why::Files(memory.files.map(|f| files::changed(&f, now)).unwrap_or_default()));
        }
        let replayable =
            planned.get("replayable").is_some_and(|v| !v.is_known() || v.as_bool() == Some(true));
        replayable.then_some(Why::Always)
    }

    /// Waits for the hosts, runs the playbook, and fills in what it did.
    async fn carry_out(
        &self,
        call: &Call<'_>,
        mut model: Playbook,
        private: &[u8],
        prior: Option<&Object>,
    ) -> Result<Object, CallError> {
        let parts = parts_of(&model);
        let now = match read(parts).await? {
            Reading::Read(now) => now,
            Reading::Unknown => Files::new(),
            Reading::Missing(path) => return Err(unreadable(&path, &io::ErrorKind::NotFound.into())),
        };
        if let Some(planned) = Memory::read(private).files
            && planned != now
        {
            let names = report::list(files::changed(&planned, &now), ", ");
            let detail = format!(
                "Between the plan and now these files changed: {names}. What the plan showed is not what would be run. \
                 Plan again; name files that this configuration writes itself in checksum_ignore."
            );
            return Err(CallError::new("Playbook changed since it was planned", detail)
                .on(Path::root().attr("playbook")));
        }
        let secrets = Secrets::of(&model);
        self.wait(call, &model).await?;
        let unfinished = match prior {
            // As it was: the next plan sees the same differences again.
            Some(prior) => Object { value: prior.value.clone(), private: unfinished(&prior.private) },
            None => {
                let mut begun = model.clone();
                begun.checksum = Computed::Null;
                begun.stats = Computed::Null;
                begun.ansible_playbook_stdout = Computed::Null;
                begun.ansible_playbook_stderr = Computed::Null;
                Object { value: begun.to_value(), private: unfinished(&[]) }
            }
        };
        let failed = |error: CallError, began: bool| CallError {
            partial: began.then(|| unfinished.clone()),
            no_effect: !began,
            ..error
        };
        let timeouts = model.timeouts.clone().unwrap_or_default();
        let time = if prior.is_some() { timeouts.update } else { timeouts.create };
        let job = Job {
            playbook: &model,
            file: &model.playbook,
            binary: binary(call, &model)?,
            check: model.check_mode,
            diff: model.diff_mode,
            only: None,
            first: prior.is_none().then_some(&unfinished),
            recorder: call.recorder,
            secrets: &secrets,
        };
        let done = run(&job, limit(time.as_deref())).await.map_err(|b| failed(b.error, b.began))?;
        if let Some(error) = report::verdict(&done, &model.playbook, &secrets)
            && !(model.ignore_playbook_failure && done.began)
        {
            return Err(failed(error, done.began));
        }
        model.checksum = files::checksum(&now).into();
        model.stats = report::counts(&done).into();
        model.ansible_playbook_stdout = report::narrative(&done, &secrets).into();
        model.ansible_playbook_stderr = secrets.hide(&done.stderr).into();
        let memory = Memory { files: Some(now), unfinished: false };
        Ok(Object { value: model.to_value(), private: memory.write() })
    }

    /// Waits until SSH answers on every host. Nothing is under way meanwhile.
    async fn wait(&self, call: &Call<'_>, model: &Playbook) -> Result<(), CallError> {
        let patience = u64::try_from(model.wait_for).unwrap_or(0);
        if patience == 0 {
            return Ok(());
        }
        call.recorder.progress("waiting for SSH");
        let silent = call.slot.released(host::silent(model, Duration::from_secs(patience))).await;
        if silent.is_empty() {
            return Ok(());
        }
        let hosts = silent.iter().map(|(host, place, why)| format!("  {host} at {place}: {why}"));
        let detail = format!(
            "After {patience} s (wait_for) SSH does not answer:\n\n{}\n\nThe playbook was not begun. Do the hosts run, \
             and do security groups and routes let this machine reach them?",
            report::list(hosts, "\n")
        );
        Err(CallError::new("Host does not answer", detail).on(Path::root().attr("hosts")))
    }
}

/// The time that a text gives; the text was checked.
pub(crate) fn limit(text: Option<&str>) -> Option<Duration> {
    text.and_then(duration)
}

fn unfinished(private: &[u8]) -> Vec<u8> {
    Memory { unfinished: true, ..Memory::read(private) }.write()
}

fn model(value: &Value) -> Result<Playbook, CallError> {
    Playbook::from_value(value)
        .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))
}

/// The program to run.
fn binary<'a>(call: &'a Call<'_>, model: &'a Playbook) -> Result<&'a str, CallError> {
    if let Some(binary) = &model.ansible_playbook_binary {
        return Ok(binary);
    }
    call.client.downcast_ref::<Settings>().map(|s| s.binary.as_str()).ok_or_else(|| {
        let detail = "The type ansible_playbook was called with another provider's client.";
        CallError::new("Provider and resource type do not belong together", detail)
    })
}

fn parts_of(model: &Playbook) -> Option<Parts> {
    let named = [&model.var_files, &model.vault_files, &model.roles_path, &model.extra_inventory_files];
    Some(Parts {
        playbook: model.playbook.clone().into(),
        named: named.into_iter().flatten().flatten().cloned().collect(),
        ignore: model.checksum_ignore.clone().unwrap_or_default(),
    })
}

/// The same of a configuration in which values may be unknown.
fn parts(config: &Value) -> Option<Parts> {
    let list = |name: &str| -> Option<Vec<String>> {
        let value = config.get(name)?;
        if value.is_null() {
            return Some(Vec::new());
        }
        value.as_slice()?.iter().map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let mut named = Vec::new();
    for name in ["var_files", "vault_files", "roles_path", "extra_inventory_files"] {
        named.extend(list(name)?);
    }
    let playbook = config.get("playbook")?.as_str()?.into();
    Some(Parts { playbook, named, ignore: list("checksum_ignore")? })
}

/// Reads the files, away from the threads that must not block.
async fn read(parts: Option<Parts>) -> Result<Reading, CallError> {
    let Some(parts) = parts else { return Ok(Reading::Unknown) };
    let read = tokio::task::spawn_blocking(move || parts.digest()).await;
    match read {
        Ok(Ok(files)) => Ok(Reading::Read(files)),
        Ok(Err((path, error))) if error.kind() == io::ErrorKind::NotFound => Ok(Reading::Missing(path)),
        Ok(Err((path, error))) => Err(unreadable(&path, &error)),
        Err(error) => {
            Err(CallError::new("Playbook cannot be read", format!("Reading it was cut short: {error}.")))
        }
    }
}

fn unreadable(path: &std::path::Path, error: &io::Error) -> CallError {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let detail = format!(
        "{} {why}. Paths are relative to the folder in which Formwork runs; those of a module begin with ${{path.module}}.",
        path.display()
    );
    CallError::new("Playbook cannot be read", detail).on(Path::root().attr("playbook"))
}

/// An object with what a run gives replaced.
fn with_results(object: &Value, result: impl Fn(&str, &Value) -> Value) -> Value {
    let mut map: Map = object.as_map().cloned().unwrap_or_default();
    for name in RESULTS {
        if let Some(value) = map.get_mut(name) {
            *value = result(name, value);
        }
    }
    map.into()
}

#[async_trait]
impl ManagedResource for PlaybookRun {
    fn type_name(&self) -> &str {
        Playbook::type_name()
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        validate(config)
    }

    fn plans(&self) -> bool {
        true
    }

    fn files(&self, config: &Value) -> Vec<String> {
        parts(config).map(|parts| parts.paths()).unwrap_or_default()
    }

    fn removal(&self, prior: &Object) -> Vec<String> {
        match prior.value.get("destroy_playbook") {
            Some(file) if !file.is_null() => Vec::new(),
            _ => vec!["a run cannot be undone; it is only forgotten".into()],
        }
    }

    fn drifts(&self) -> bool {
        false
    }

    async fn plan(&self, call: &Call<'_>, request: &PlanRequest<'_>) -> Result<PlanResponse, CallError> {
        let mut plan = default_plan(&self.schema, request);
        let now = read(parts(request.config)).await?;
        let why = self.why(request, &plan.planned, &now);
        let Some(why) = why else {
            if let Some(prior) = request.prior {
                let kept = |name: &str, value: &Value| prior.value.get(name).unwrap_or(value).clone();
                plan.planned = with_results(&plan.planned, kept);
            }
            return Ok(plan);
        };
        plan.planned = with_results(&plan.planned, |_, value| Value::unknown(value.ty()));
        // With a token, this is the look before the run: the plan's own memory is what counts.
        plan.private = Vec::new();
        if !call.token.is_empty() {
            return Ok(plan);
        }
        plan.notes.extend(why.note());
        let not_checked = match now {
            Reading::Missing(path) => Some(format!("{} does not exist yet", path.display())),
            Reading::Unknown => preview::unknown(request.config).map(|at| not_known(&at)),
            Reading::Read(files) => {
                plan.private = Memory { files: Some(files), unfinished: false }.write();
                let preview = plan.planned.get("preview").and_then(Value::as_bool).unwrap_or(true);
                match preview::unknown(request.config) {
                    _ if !preview => Some("preview is false".to_owned()),
                    at => at.map(|at| not_known(&at)),
                }
            }
        };
        match not_checked {
            Some(why) => plan.notes.push(format!("not checked, because {why}")),
            None => {
                // What only says how to run it may be unknown still: it is not needed to look.
                let known = plan
                    .planned
                    .clone()
                    .map_deep(&mut |v| if v.is_known() { v } else { Value::null(v.ty()) });
                let model = model(&defaults(&self.schema, known))?;
                plan.notes.extend(preview::preview(call, &model, binary(call, &model)?).await);
            }
        }
        Ok(plan)
    }

    async fn read(&self, _call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError> {
        Ok(Some(prior.clone()))
    }

    async fn create(&self, call: &Call<'_>, planned: &Value, private: &[u8]) -> Result<Object, CallError> {
        let mut model = model(planned)?;
        model.id = call.token.into();
        self.carry_out(call, model, private, None).await
    }

    async fn update(
        &self,
        call: &Call<'_>,
        prior: &Object,
        planned: &Value,
        private: &[u8],
    ) -> Result<Object, CallError> {
        if planned.get("stats").is_some_and(Value::is_known) {
            return Ok(Object { value: planned.clone(), private: prior.private.clone() });
        }
        self.carry_out(call, model(planned)?, private, Some(prior)).await
    }

    async fn delete(&self, call: &Call<'_>, prior: &Object) -> Result<(), CallError> {
        let model = model(&prior.value)?;
        let Some(file) = &model.destroy_playbook else { return Ok(()) };
        self.wait(call, &model).await?;
        let secrets = Secrets::of(&model);
        let job = Job {
            playbook: &model,
            file,
            binary: binary(call, &model)?,
            check: model.check_mode,
            diff: model.diff_mode,
            only: None,
            first: None,
            recorder: call.recorder,
            secrets: &secrets,
        };
        let time = model.timeouts.as_ref().and_then(|t: &Timeouts| t.delete.as_deref());
        let failed = |error: CallError, began: bool| {
            let detail = format!(
                "{}\n\nWhere nothing is left to undo, take destroy_playbook out, apply, and destroy then; or remove the \
                 object from the state.",
                error.detail
            );
            CallError { detail, no_effect: !began, ..error }
        };
        let done = run(&job, limit(time)).await.map_err(|b| failed(b.error, b.began))?;
        match report::verdict(&done, file, &secrets) {
            Some(error) if !(model.ignore_playbook_failure && done.began) => Err(failed(error, done.began)),
            _ => Ok(()),
        }
    }

    /// A run cannot be asked how far it came, and playbooks may be run again: one that was begun is not complete.
    async fn recover(&self, _call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError> {
        // A create without a record was not begun: the plugin waits for it.
        let Some(prior) = &interrupted.prior else { return Ok(Recovered::Absent) };
        Ok(match interrupted.operation {
            Operation::Create => Recovered::Found { object: prior.clone(), complete: false },
            Operation::Update => {
                let object = Object { value: prior.value.clone(), private: unfinished(&prior.private) };
                Recovered::Found { object, complete: false }
            }
            Operation::Delete if prior.value.get("destroy_playbook").is_none_or(Value::is_null) => {
                Recovered::Absent
            }
            Operation::Delete => Recovered::Found { object: prior.clone(), complete: true },
        })
    }

    /// Version 0 is that of the ansible/ansible provider.
    fn upgrade(&self, _version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        use serde_json::{Value as Json, json};
        let Json::Object(mut map) = attributes else { return Err("the attributes are not an object".into()) };
        map.retain(|name, _| self.schema.block.names().any(|n| n == name.as_str()));
        for (name, nothing) in
            [("ansible_playbook_binary", "ansible-playbook"), ("vault_id", ""), ("vault_password_file", "")]
        {
            if map.get(name).is_some_and(|v| v == nothing) {
                map.remove(name);
            }
        }
        if let Some(Json::String(text)) = map.get("extra_vars") {
            let vars: serde_json::Map<String, Json> = if text.is_empty() {
                Default::default()
            } else {
                serde_json::from_str(text).map_err(|e| format!("extra_vars: {e}"))?
            };
            let as_text = |value: Json| match value {
                Json::String(_) | Json::Null => value,
                other => other.to_string().into(),
            };
            let vars: serde_json::Map<_, _> = vars.into_iter().map(|(k, v)| (k, as_text(v))).collect();
            map.insert("extra_vars".into(), vars.into());
        }
        if let Some(Json::Object(timeouts)) = map.get_mut("timeouts") {
            timeouts.retain(|name, _| ["create", "update", "delete"].contains(&name.as_str()));
        }
        for (name, attribute) in &self.schema.block.attributes {
            if let Some(default) = &attribute.default {
                map.entry(&**name).or_insert_with(|| formwork_value::json::to_serde(default));
            }
        }
        map.entry("hosts").or_insert_with(|| json!([]));
        Ok(Json::Object(map))
    }
}

fn not_known(at: &Path) -> String {
    format!("{} is not known yet", at.to_string().trim_start_matches('.'))
}

/// Defaults in place of nulls.
fn defaults(schema: &Schema, object: Value) -> Value {
    let mut map: Map = object.as_map().cloned().unwrap_or_default();
    for (name, attribute) in &schema.block.attributes {
        if let (Some(default), Some(value)) = (&attribute.default, map.get_mut(name))
            && value.is_null()
        {
            *value = default.clone();
        }
    }
    map.into()
}

#[cfg(test)]
#[path = "resource_tests.rs"]
pub(crate) mod tests;
