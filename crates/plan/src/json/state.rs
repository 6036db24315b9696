//! A state as JSON, format version 1.0.

use super::checks::{self, StaticCheck};
use super::module::{Module, Resource};
use super::value::Known;
use super::{TERRAFORM_VERSION, to_text};
use crate::{Action, Mode, Plan};
use formwork_addr::{InstanceAddr, ResourceAddr};
use formwork_state::{State, Status, StoredObject};
use formwork_value::{Mark, Marks, Value};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// Reads an object with the schema of its type, marks of the schema included; `None` when there is no such schema.
/// What was sensitive by the configuration is marked here.
pub type Decode<'a> = &'a dyn Fn(&ResourceAddr, &StoredObject) -> Option<Value>;

#[derive(Serialize)]
pub(super) struct StateDocument<'a> {
    format_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    terraform_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<StateValues<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<StaticCheck>,
}

#[derive(Default, Serialize)]
struct StateValues<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<&'a str, Output<'a>>,
    root_module: Module,
}

#[derive(Serialize)]
struct Output<'a> {
    sensitive: bool,
    value: Known<&'a Value>,
    #[serde(rename = "type")]
    ty: serde_json::Value,
}

impl<'a> Output<'a> {
    fn new(sensitive: bool, value: &'a Value) -> Self {
        Output { sensitive, value: Known(value), ty: formwork_value::json::type_to_json(&value.ty()) }
    }
}

impl<'a> StateDocument<'a> {
    /// The state that a plan was made from. As in Terraform, outputs whose new value is known have it there already, and
    /// outcomes of checks are left out, as is data that is going to be read; `None` when nothing is there.
    pub(super) fn prior(state: &'a State, decode: Decode<'_>, plan: &'a Plan) -> Option<Self> {
        let again: HashSet<&InstanceAddr> =
            plan.changes.iter().filter(|c| c.action == Action::Read).map(|c| &c.addr).collect();
        let mut document = StateDocument::without(state, decode, |addr| again.contains(addr));
        let mut values = document.values.take().unwrap_or_default();
        if plan.mode != Mode::Destroy {
            for (name, change) in &plan.outputs {
                match &change.after {
                    Some(value) if value.is_null() => drop(values.outputs.remove(&**name)),
                    Some(value) if value.is_wholly_known() => {
                        values.outputs.insert(name, Output::new(value.has_mark(Mark::Sensitive), value));
                    }
                    _ => {}
                }
            }
        }
        let nothing = state.resources.is_empty() && values.outputs.is_empty();
        let terraform_version = Some(TERRAFORM_VERSION);
        let document =
            StateDocument { terraform_version, values: Some(values), checks: Vec::new(), ..document };
        (!nothing).then_some(document)
    }

    pub(super) fn new(state: &'a State, decode: Decode<'_>) -> Self {
        StateDocument::without(state, decode, |_| false)
    }

    fn without(state: &'a State, decode: Decode<'_>, left_out: impl Fn(&InstanceAddr) -> bool) -> Self {
        let format_version = "1.0";
        if state.is_empty() {
            return StateDocument {
                format_version,
                terraform_version: None,
                values: None,
                checks: Vec::new(),
            };
        }
        let mut root_module = Module::default();
        for (addr, resource, instance) in state.instances().filter(|(addr, ..)| !left_out(addr)) {
            let current = instance.current.iter().map(|object| (None, object));
            let deposed = instance.deposed.iter().map(|(key, object)| (Some(key), object));
            for (key, object) in current.chain(deposed) {
                let value = value(&addr.resource, object, decode);
                let mut entry =
                    Resource::new(&addr, resource.provider_of(object), object.schema_version, value.as_ref());
                entry.depends_on = object.dependencies.iter().map(ResourceAddr::to_string).collect();
                entry.tainted = object.status == Status::Tainted;
                entry.deposed_key = key.map(|k| k.to_string());
                root_module.add(&addr.resource.module, entry);
            }
        }
        let outputs = state
            .outputs
            .iter()
            .map(|(name, output)| (&**name, Output::new(output.sensitive, &output.value)));
        let values = StateValues { outputs: outputs.collect(), root_module };
        StateDocument {
            format_version,
            terraform_version: Some(TERRAFORM_VERSION),
            values: Some(values),
            checks: state.check_results.as_deref().map(checks::of_state).unwrap_or_default(),
        }
    }
}

/// The object's value; that of a type without a schema as its JSON has it.
fn value(addr: &ResourceAddr, object: &StoredObject, decode: Decode<'_>) -> Option<Value> {
    let value =
        decode(addr, object).or_else(|| formwork_value::json::decode_implied(&object.attributes).ok())?;
    let marks: Vec<_> = object.sensitive.iter().map(|path| (path.clone(), Marks::SENSITIVE)).collect();
    Some(value.mark_paths(&marks))
}

/// The state as JSON text, as `show -json` prints it, without a line end.
pub fn state_text(state: &State, decode: Decode<'_>) -> String {
    to_text(&StateDocument::new(state, decode))
}

/// The state as a JSON value. Numbers are rounded to what [`serde_json`] can hold; should one be beyond a double's
/// range, the result is null: use [`state_text`] for what a user reads.
pub fn state(state: &State, decode: Decode<'_>) -> serde_json::Value {
    serde_json::to_value(StateDocument::new(state, decode)).unwrap_or_default()
}
