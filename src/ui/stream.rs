//! What happens as lines of JSON: Terraform's machine-readable UI
//! (<https://developer.hashicorp.com/terraform/internals/machine-readable-ui>).

use super::diagnostics_json;
use formwork_addr::{InstanceAddr, InstanceKey, ResourceMode};
use formwork_diag::{Diagnostic, Sources};
use formwork_engine::Verb;
use formwork_plan::{Action, Mode, Plan, PlannedChange};
use formwork_state::{COMPATIBLE_VERSION, State};
use formwork_value::json::{to_serde, type_to_json};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// One line: a message for people, its kind, and what it carries.
fn line(level: &str, message: &str, kind: &str, content: Map<String, Value>) -> String {
    let mut all = json!({
        "@level": level,
        "@message": message,
        "@module": "terraform.ui",
        "@timestamp": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "type": kind,
    });
    if let Some(map) = all.as_object_mut() {
        map.extend(content);
    }
    format!("{all}\n")
}

fn with(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

/// The first line.
pub fn version() -> String {
    let content = Map::from_iter([
        ("terraform".to_owned(), COMPATIBLE_VERSION.into()),
        ("formwork".to_owned(), env!("CARGO_PKG_VERSION").into()),
        ("ui".to_owned(), "1.2".into()),
    ]);
    line("info", &format!("Terraform {COMPATIBLE_VERSION}"), "version", content)
}

/// A diagnostic.
pub fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let (level, word) = if diagnostic.is_error() { ("error", "Error") } else { ("warn", "Warning") };
    let message = format!("{word}: {}", diagnostic.summary);
    line(level, &message, "diagnostic", with("diagnostic", diagnostics_json::one(diagnostic, sources)))
}

fn resource(addr: &InstanceAddr) -> Value {
    let resource = &addr.resource.resource;
    let type_name = &*resource.type_name;
    let local = match resource.mode {
        ResourceMode::Data | ResourceMode::Ephemeral => format!("{resource}{}", addr.key),
        ResourceMode::Managed => format!("{type_name}.{}{}", resource.name, addr.key),
    };
    json!({
        "addr": addr.to_string(),
        "module": addr.resource.module.to_string(),
        "resource": local,
        "implied_provider": type_name.split('_').next().unwrap_or(type_name),
        "resource_type": type_name,
        "resource_name": &*resource.name,
        "resource_key": match &addr.key {
            InstanceKey::None => Value::Null,
            InstanceKey::Int(i) => (*i).into(),
            InstanceKey::Str(s) => (**s).into(),
        },
    })
}

fn action(action: Action) -> &'static str {
    match action {
        Action::NoOp | Action::Defer => "noop",
        Action::Create => "create",
        Action::Read => "read",
        Action::Update => "update",
        Action::Replace(_) => "replace",
        Action::Delete => "delete",
        Action::Forget => "remove",
    }
}

/// A reason as this stream has it: those of replacements are shorter than in the JSON of a plan.
fn why(reason: &str) -> &str {
    match reason {
        "replace_by_request" => "requested",
        "replace_by_triggers" => "replace_triggered_by",
        other => other.strip_prefix("replace_because_").unwrap_or(other),
    }
}

/// Where an object was, if it moves.
fn moved(change: &PlannedChange) -> Option<&InstanceAddr> {
    change.previous_addr.as_ref().filter(|previous| **previous != change.addr)
}

fn change(change: &PlannedChange, importing: Option<&str>) -> Value {
    let moved = moved(change);
    let name = match change.action {
        Action::NoOp if importing.is_some() => "import",
        Action::NoOp | Action::Defer if moved.is_some() => "move",
        other => action(other),
    };
    let mut out = json!({ "resource": resource(&change.addr), "action": name });
    if let Some(map) = out.as_object_mut() {
        if let Some(previous) = moved {
            map.insert("previous_resource".into(), resource(previous));
        }
        if let Some(reason) = change.reason {
            map.insert("reason".into(), why(reason.as_str()).into());
        }
        if let Some(id) = importing {
            map.insert("importing".into(), json!({ "id": id }));
        }
    }
    out
}

/// All of a plan.
pub fn plan(plan: &Plan) -> String {
    let mut out = String::new();
    // Elsewhere, what only moves is a planned change.
    let drifted = |c: &&PlannedChange| c.is_change() || plan.mode == Mode::RefreshOnly && moved(c).is_some();
    for c in plan.drift.iter().filter(drifted) {
        let change = change(c, None);
        let message =
            format!("{}: Drift detected ({})", c.addr, change["action"].as_str().unwrap_or_default());
        out.push_str(&line("info", &message, "resource_drift", with("change", change)));
    }
    // Nothing is done after a refresh: what could not be read yet is read another time.
    let later = |c: &PlannedChange| plan.mode == Mode::RefreshOnly && c.action == Action::Read;
    let told = |c: &PlannedChange| {
        (c.is_change() && !later(c)) || moved(c).is_some() || importing(plan, c).is_some()
    };
    out.push_str(&changes(plan, told));
    out.push_str(&planned(plan.imports.len(), plan.counts()));
    let outputs: Map<String, Value> = plan
        .outputs
        .iter()
        .map(|(name, o)| {
            let action = match (&o.before, &o.after) {
                _ if !o.is_change() => "noop",
                (None, _) => "create",
                (_, None) => "delete",
                _ => "update",
            };
            (name.to_string(), json!({ "sensitive": o.sensitive, "action": action }))
        })
        .collect();
    if !outputs.is_empty() {
        let message = format!("Outputs: {}", outputs.len());
        out.push_str(&line("info", &message, "outputs", with("outputs", outputs.into())));
    }
    out
}

/// A plan that was saved, told of when it is applied: only what is done to objects. All else was told when it was made.
pub fn saved(plan: &Plan) -> String {
    changes(plan, PlannedChange::is_change)
}

/// What an object is imported by.
fn importing<'a>(plan: &'a Plan, c: &PlannedChange) -> Option<&'a str> {
    plan.imports.get(&c.addr).filter(|_| c.deposed.is_none()).map(|id| &**id)
}

/// Planned changes, and what has to wait.
fn changes(plan: &Plan, told: impl Fn(&PlannedChange) -> bool) -> String {
    let mut out = String::new();
    for c in plan.changes.iter().filter(|c| told(c)) {
        let id = importing(plan, c);
        let mut change = change(c, id);
        if let Some(text) = id.and(plan.generated.get(&c.addr)) {
            change["generated_config"] = (&**text).into();
        }
        let message = format!("{}: Plan to {}", c.addr, change["action"].as_str().unwrap_or_default());
        out.push_str(&line("info", &message, "planned_change", with("change", change)));
    }
    for d in &plan.deferred {
        let message = format!("{}: Has to wait: {}", d.address, d.reason);
        let deferred = json!({ "address": d.address, "cause": d.cause.as_str(), "reason": d.reason });
        out.push_str(&line("info", &message, "deferred_change", with("deferred", deferred)));
    }
    out
}

/// How much a plan has to do.
fn planned(import: usize, counts: (usize, usize, usize)) -> String {
    summary("plan", &super::text::planned(import, counts), import, counts)
}

/// How much was done; `operation` is `apply` or `destroy`.
pub fn applied(operation: &str, imported: usize, counts: (usize, usize, usize), unreached: usize) -> String {
    let message = super::text::applied(operation, imported, counts, (0, unreached));
    summary(operation, &message, imported, counts)
}

/// What a stage has done that others follow. The summary at the end counts it, too, so this is none.
pub fn stage(
    message: &str,
    number: usize,
    imported: usize,
    (add, update, remove): (usize, usize, usize),
) -> String {
    let stage =
        json!({ "number": number, "add": add, "change": update, "import": imported, "remove": remove });
    line("info", message, "stage_complete", with("stage", stage))
}

fn summary(
    operation: &str,
    message: &str,
    import: usize,
    (add, update, remove): (usize, usize, usize),
) -> String {
    let changes =
        json!({ "add": add, "change": update, "import": import, "remove": remove, "operation": operation });
    line("info", message, "change_summary", with("changes", changes))
}

/// Output values after an apply.
pub fn outputs(state: &State) -> String {
    let outputs: Map<String, Value> = state
        .outputs
        .iter()
        .map(|(name, o)| {
            let mut one = json!({ "sensitive": o.sensitive, "type": type_to_json(&o.value.ty()) });
            if let Some(map) = one.as_object_mut().filter(|_| !o.sensitive) {
                map.insert("value".into(), to_serde(&o.value));
            }
            (name.to_string(), one)
        })
        .collect();
    let message = format!("Outputs: {}", outputs.len());
    line("info", &message, "outputs", with("outputs", outputs.into()))
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It begins.
    Start,
    /// It goes on.
    Progress,
    /// It has ended well.
    Complete,
    /// It has failed.
    Errored,
}

/// A call, in words for people. `None` for what Terraform does not tell of: other calls, and that data could not be read, which the
/// diagnostic says.
pub fn call(
    addr: &InstanceAddr,
    verb: Verb,
    stage: Stage,
    message: &str,
    id: Option<&str>,
    elapsed: u64,
) -> Option<String> {
    let stage_name = match stage {
        Stage::Start => "start",
        Stage::Progress => "progress",
        Stage::Complete => "complete",
        Stage::Errored => "errored",
    };
    let action = match verb {
        Verb::Refresh if matches!(stage, Stage::Start | Stage::Complete) => None,
        Verb::Refresh | Verb::Plan | Verb::Recover | Verb::Find | Verb::Import | Verb::Open | Verb::Close => {
            return None;
        }
        Verb::Read if stage == Stage::Errored => return None,
        Verb::Read => Some("read"),
        Verb::Create => Some("create"),
        Verb::Update => Some("update"),
        Verb::Delete => Some("delete"),
    };
    let kind = format!("{}_{stage_name}", if action.is_some() { "apply" } else { "refresh" });
    let mut hook = with("resource", resource(addr));
    if let Some(action) = action {
        hook.insert("action".into(), action.into());
        if stage != Stage::Start {
            hook.insert("elapsed_seconds".into(), elapsed.into());
        }
    }
    if let Some(id) = id {
        hook.insert("id_key".into(), "id".into());
        hook.insert("id_value".into(), id.into());
    }
    Some(line("info", message, &kind, with("hook", hook.into())))
}

/// What a provisioner does, with the words that people see.
pub fn provision(
    addr: &InstanceAddr,
    provisioner: &str,
    stage: &formwork_engine::Stage,
    message: &str,
) -> String {
    use formwork_engine::Stage;
    let mut hook = with("resource", resource(addr));
    hook.insert("provisioner".into(), provisioner.into());
    if let Stage::Said(text) = stage {
        hook.insert("output".into(), text.as_str().into());
    }
    let kind = match stage {
        Stage::Begun => "provision_start",
        Stage::Said(_) => "provision_progress",
        Stage::Ended => "provision_complete",
        Stage::Failed => "provision_errored",
    };
    line("info", message, kind, with("hook", hook.into()))
}
