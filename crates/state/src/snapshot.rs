//! The snapshot: Terraform's state format, version 4.
//!
//! Terraform documents it only by its own code, package `internal/states/statefile`. Fields, their order and the
//! layout are the same here, byte for byte.

use crate::object::{self, Fields, RawInstance, Text};
use crate::{COMPATIBLE_VERSION, OutputState, ResourceInstance, ResourceState, State, StateError, json};
use formwork_addr::{InstanceKey, ModuleInstance, Resource, ResourceAddr, ResourceMode, Str};
use formwork_value::{Type, Value};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

#[derive(Deserialize)]
struct Version {
    version: Option<u64>,
}

#[derive(Deserialize)]
struct RawState<'a> {
    version: Option<u64>,
    #[serde(default)]
    serial: u64,
    #[serde(default)]
    lineage: String,
    #[serde(borrow)]
    outputs: Option<BTreeMap<String, RawOutput<'a>>>,
    #[serde(borrow)]
    resources: Option<Vec<RawResource<'a>>>,
    #[serde(borrow)]
    check_results: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawOutput<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(borrow, rename = "type")]
    ty: &'a RawValue,
    #[serde(default)]
    sensitive: bool,
}

#[derive(Deserialize)]
struct RawResource<'a> {
    #[serde(borrow)]
    module: Option<Text<'a>>,
    #[serde(borrow)]
    mode: Text<'a>,
    #[serde(borrow, rename = "type")]
    type_name: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    /// Missing where each instance names its own.
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    instances: Option<Vec<RawInstance<'a>>>,
}

/// Nobody counts this far; and what many JSON readers can hold ends here.
pub(crate) const MAX_SERIAL: u64 = i64::MAX as u64;

/// Reads a snapshot. The text must not be empty: a file without content stands for no state, and it is for the caller
/// to say so.
pub fn parse(text: &str) -> Result<State, StateError> {
    let raw: Result<RawState<'_>, _> = serde_json::from_str(text);
    let raw = match raw {
        Ok(raw) if raw.version == Some(4) => raw,
        // Another version may look different altogether: say that first.
        raw => {
            other_version(serde_json::from_str(text).map_err(|e| broken(&e))?)?;
            raw.map_err(|e| broken(&e))?
        }
    };
    if raw.serial > MAX_SERIAL {
        return Err(damaged(format!(
            "its serial is {}, which leaves no room for the next ones.",
            raw.serial
        )));
    }
    let mut state = State {
        serial: raw.serial,
        lineage: raw.lineage,
        check_results: raw.check_results.map(|r| json::compacted(r.get())),
        ..State::default()
    };
    for (name, output) in raw.outputs.into_iter().flatten() {
        let value = formwork_value::json::decode_type(output.ty.get())
            .and_then(|ty| formwork_value::json::decode(output.value.get(), &ty))
            .map_err(|_| damaged(format!("the output \"{name}\" has a value that does not fit its type.")))?;
        state.outputs.insert(name.into(), OutputState { value, sensitive: output.sensitive });
    }
    for raw in raw.resources.iter().flatten() {
        resource(&mut state, raw)?;
    }
    Ok(state)
}

fn other_version(version: Version) -> Result<(), StateError> {
    match version.version {
        Some(4) => {}
        Some(v @ 0..4) => {
            return Err(StateError::format(
                format!(
                    "it is in version {v} of the state format, which Terraform wrote up to 0.11; version 4 is understood."
                ),
                "Let Terraform 0.13 or later write it once (terraform apply -refresh-only), and try again.",
            ));
        }
        Some(v) => {
            return Err(StateError::format(
                format!(
                    "it is in version {v} of the state format, which is newer than this program; version 4 is understood."
                ),
                "Use a newer version of this program.",
            ));
        }
        None => {
            return Err(StateError::format(
                "it is JSON, but has no \"version\" field, so it is not a state.",
                "Check that the path names a state, and not a plan or some other file.",
            ));
        }
    }
    Ok(())
}

fn resource(state: &mut State, raw: &RawResource<'_>) -> Result<(), StateError> {
    let module = raw.module.as_ref().map_or("", |t| &*t.0);
    let module: ModuleInstance = module.parse().map_err(|e| damaged(format!("{e}.")))?;
    let mode = match &*raw.mode.0 {
        "managed" => ResourceMode::Managed,
        "data" => ResourceMode::Data,
        other => {
            return Err(damaged(format!(
                "a resource {}.{} has the mode \"{other}\", and only \"managed\" and \"data\" are known.",
                raw.type_name.0, raw.name.0
            )));
        }
    };
    let resource = Resource { mode, type_name: (&*raw.type_name.0).into(), name: (&*raw.name.0).into() };
    let address = ResourceAddr { module, resource: Arc::new(resource) };
    let stored = match state.resources.entry(address.clone()) {
        Entry::Vacant(entry) => {
            let provider = raw.provider.as_ref().map_or("", |t| &*t.0).into();
            entry.insert(ResourceState { provider, instances: BTreeMap::new() })
        }
        Entry::Occupied(_) => return Err(damaged(format!("{address} is there twice."))),
    };
    for raw in raw.instances.iter().flatten() {
        let wrong = |problem: String| damaged(format!("{address} cannot be read: {problem}."));
        let key = raw.key().map_err(wrong)?;
        let object =
            Arc::new(raw.object().map_err(|p| damaged(format!("{address}{key} cannot be read: {p}.")))?);
        let own = object.provider.clone();
        let instance = stored.instances.entry(key.clone()).or_insert_with(ResourceInstance::default);
        let before = match raw.deposed() {
            None => instance.current.replace(object),
            Some(deposed) => instance.deposed.insert(deposed, object),
        };
        if before.is_some() {
            return Err(damaged(format!("an object of {address}{key} is there twice.")));
        }
        if stored.provider.is_empty() && own.is_none() {
            return Err(damaged(format!("of {address}{key} it is not said which provider manages it.")));
        }
    }
    Ok(())
}

fn damaged(problem: String) -> StateError {
    StateError::format(
        problem,
        "Restore it from its backup (the file that ends in \".backup\") or from version control.",
    )
}

/// What serde says may quote a value, which may be a secret: only its place, and words that are certainly ours.
fn broken(error: &serde_json::Error) -> StateError {
    use serde_json::error::Category;
    let place = format!("at line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    match error.classify() {
        Category::Eof => damaged(format!("the text ends in the middle of the JSON, {place}.")),
        Category::Data if text.starts_with("missing field") || text.starts_with("duplicate field") => {
            let what = text.split(" at line").next().unwrap_or_default();
            damaged(format!("{what} in the object that ends {place}."))
        }
        Category::Data => damaged(format!("a field has a value of the wrong kind {place}.")),
        Category::Syntax | Category::Io => {
            damaged(format!("it is not valid JSON: something is wrong {place}."))
        }
    }
}

/// Writes a snapshot.
pub fn render(state: &State) -> String {
    let mut out = head(state.serial, &state.lineage);
    out.push_str(&body(state));
    out
}

/// What comes before the content.
pub(crate) fn head(serial: u64, lineage: &str) -> String {
    let mut out = format!(
        "{{\n  \"version\": 4,\n  \"terraform_version\": \"{COMPATIBLE_VERSION}\",\n  \"serial\": {serial},\n  \"lineage\": "
    );
    json::string(&mut out, lineage);
    out
}

/// The content, from behind the lineage.
pub(crate) fn body(state: &State) -> String {
    let mut out = String::with_capacity(state.resources.len() * 512 + 256);
    out.push(',');
    json::newline(&mut out, 1);
    out.push_str("\"outputs\": ");
    outputs(&mut out, &state.outputs);
    out.push(',');
    json::newline(&mut out, 1);
    out.push_str("\"resources\": ");
    resources(&mut out, state);
    out.push(',');
    json::newline(&mut out, 1);
    out.push_str("\"check_results\": ");
    json::indented(&mut out, state.check_results.as_deref().unwrap_or("null"), 1);
    out.push_str("\n}\n");
    out
}

fn outputs(out: &mut String, outputs: &BTreeMap<Str, OutputState>) {
    let mut all = Fields::open(out, Some(2));
    for (name, output) in outputs {
        let ty = output.value.ty();
        // An output is stored only once it is wholly known; should that ever fail, null is what readers can bear.
        let (value, ty) = match formwork_value::json::encode(&output.value, &ty) {
            Ok(value) if ty != Type::Dynamic => (value, ty),
            _ => ("null".to_string(), Value::NULL.ty()),
        };
        let mut fields = Fields::open(all.field(name), Some(3));
        fields.json("value", &value);
        fields.json("type", &formwork_value::json::type_to_json(&ty).to_string());
        if output.sensitive {
            fields.display("sensitive", true);
        }
        fields.close();
    }
    all.close();
}

fn resources(out: &mut String, state: &State) {
    // Terraform orders modules by their text.
    let mut sorted: Vec<(String, &ResourceAddr, &ResourceState)> =
        state.resources.iter().map(|(addr, r)| (addr.module.to_string(), addr, r)).collect();
    sorted.sort_by(|a, b| (&a.0, &a.1.resource).cmp(&(&b.0, &b.1.resource)));
    out.push('[');
    for (i, (module, address, resource)) in sorted.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        json::newline(out, 2);
        let mut fields = Fields::open(out, Some(3));
        if !module.is_empty() {
            fields.string("module", module);
        }
        let mode = if address.resource.mode == ResourceMode::Data { "data" } else { "managed" };
        fields.string("mode", mode);
        fields.string("type", &address.resource.type_name);
        fields.string("name", &address.resource.name);
        if !resource.provider.is_empty() {
            fields.string("provider", &resource.provider);
        }
        instances(fields.field("instances"), &resource.instances);
        fields.close();
    }
    if !sorted.is_empty() {
        json::newline(out, 1);
    }
    out.push(']');
}

fn instances(out: &mut String, instances: &BTreeMap<InstanceKey, ResourceInstance>) {
    let mut first = true;
    out.push('[');
    for (key, instance) in instances {
        let current = instance.current.iter().map(|o| (None, o));
        for (deposed, object) in current.chain(instance.deposed.iter().map(|(k, o)| (Some(k), o))) {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            json::newline(out, 4);
            object::write(out, Some(5), key, deposed, object);
        }
    }
    if !first {
        json::newline(out, 3);
    }
    out.push(']');
}
