//! A plan as JSON, format version 1.2.

use super::change::{Change, DeferredChange, ResourceChange};
use super::checks::{self, StaticCheck};
use super::module::{Module, Resource};
use super::state::{Decode, StateDocument};
use super::value::Known;
use super::{TERRAFORM_VERSION, to_text};
use crate::{Action, Mode, Plan, PlannedChange};
use formwork_addr::ResourceMode;
use formwork_state::State;
use formwork_value::{Type, Value};
use serde::Serialize;
use std::collections::BTreeMap;

/// The state that a plan was made from, refreshed, and how to read its objects.
#[derive(Clone, Copy)]
pub struct PriorState<'a> {
    /// The state.
    pub state: &'a State,
    /// Reads an object with the schema of its type.
    pub decode: Decode<'a>,
}

/// What a plan was made from, as far as readers of the plan care: made by whoever knows the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Configuration<'a> {
    /// The configuration's representation
    /// (<https://developer.hashicorp.com/terraform/internals/json-format#configuration-representation>).
    pub representation: &'a serde_json::Value,
    /// Attributes that what changes refers to: a list of objects with `resource` and `attribute`.
    pub relevant_attributes: &'a [serde_json::Value],
    /// Addresses of all objects with conditions: those that were not checked are unknown.
    pub checkable: &'a [String],
}

#[derive(Serialize)]
struct PlanDocument<'a> {
    format_version: &'static str,
    terraform_version: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    variables: BTreeMap<&'a str, Variable<'a>>,
    planned_values: PlannedValues<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_drift: Vec<ResourceChange<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_changes: Vec<ResourceChange<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deferred_changes: Vec<DeferredChange<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    output_changes: BTreeMap<&'a str, Change<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prior_state: Option<StateDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<&'a serde_json::Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    relevant_attributes: &'a [serde_json::Value],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<StaticCheck>,
    #[serde(skip_serializing_if = "str::is_empty")]
    timestamp: &'a str,
    applyable: bool,
    complete: bool,
    errored: bool,
}

#[derive(Serialize)]
struct Variable<'a> {
    value: Known<&'a Value>,
}

#[derive(Serialize)]
struct PlannedValues<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<&'a str, PlannedOutput<'a>>,
    root_module: Module,
}

#[derive(Serialize)]
struct PlannedOutput<'a> {
    sensitive: bool,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    ty: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Known<&'a Value>>,
}

/// Data sources that were read while planning, or that leave the state, are no changes to a reader of the plan.
fn is_listed(change: &PlannedChange) -> bool {
    change.addr.resource.resource.mode == ResourceMode::Managed
        || matches!(change.action, Action::Read | Action::Defer)
}

/// Terraform's order: modules by depth, data sources first.
fn sorted<'a>(changes: impl Iterator<Item = &'a PlannedChange>) -> Vec<&'a PlannedChange> {
    let mut changes: Vec<_> = changes.collect();
    changes.sort_by(|a, b| {
        let depth = |c: &PlannedChange| c.addr.resource.module.steps().len();
        (depth(a), &a.addr, &a.deposed).cmp(&(depth(b), &b.addr, &b.deposed))
    });
    changes
}

fn planned_values(plan: &Plan) -> PlannedValues<'_> {
    let mut root_module = Module::default();
    for change in &plan.changes {
        if change.deposed.is_none()
            && is_listed(change)
            && !matches!(change.action, Action::Delete | Action::Defer)
        {
            let resource =
                Resource::new(&change.addr, &change.provider, change.schema_version, change.after.as_ref());
            root_module.add(&change.addr.resource.module, resource);
        }
    }
    root_module.sort();
    let output = |after: &'_ Value, sensitive| {
        // As in Terraform, nothing is said of the type of a null.
        let ty = if after.is_null() { Type::Dynamic } else { after.ty() };
        let ty = after.is_wholly_known().then(|| formwork_value::json::type_to_json(&ty));
        (sensitive, ty)
    };
    let outputs = plan.outputs.iter().filter_map(|(name, change)| {
        let after = change.after.as_ref()?;
        let (sensitive, ty) = output(after, change.sensitive);
        let value = ty.is_some().then_some(Known(after));
        Some((&**name, PlannedOutput { sensitive, ty, value }))
    });
    PlannedValues { outputs: outputs.collect(), root_module }
}

fn document<'a>(
    plan: &'a Plan,
    configuration: Option<Configuration<'a>>,
    prior: Option<PriorState<'a>>,
) -> PlanDocument<'a> {
    let changes = sorted(plan.changes.iter().filter(|c| is_listed(c)));
    let (deferred, changes): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| change.action == Action::Defer);
    let drift = plan.drift.iter().filter(|c| plan.mode == Mode::RefreshOnly || c.action != Action::NoOp);
    PlanDocument {
        format_version: "1.2",
        terraform_version: TERRAFORM_VERSION,
        variables: plan.variables.iter().map(|(k, v)| (&**k, Variable { value: Known(v) })).collect(),
        planned_values: planned_values(plan),
        resource_drift: sorted(drift).into_iter().map(|c| ResourceChange::new(plan, c)).collect(),
        applyable: !plan.errored && plan.has_changes(),
        complete: plan.is_complete(),
        resource_changes: changes.into_iter().map(|c| ResourceChange::new(plan, c)).collect(),
        deferred_changes: DeferredChange::all(plan, &deferred),
        output_changes: plan.outputs.iter().map(|(k, v)| (&**k, Change::from(v))).collect(),
        prior_state: prior.and_then(|p| StateDocument::prior(p.state, p.decode, plan)),
        configuration: configuration.map(|c| c.representation),
        relevant_attributes: configuration.map_or(&[], |c| c.relevant_attributes),
        checks: checks::of_plan(
            &plan.checks,
            configuration.map_or(&[], |c| c.checkable),
            plan.mode != Mode::Destroy && plan.is_complete(),
        ),
        timestamp: &plan.timestamp,
        errored: plan.errored,
    }
}

/// The plan as JSON text, as `show -json` prints it, without a line end.
pub fn plan_text(
    plan: &Plan,
    configuration: Option<Configuration<'_>>,
    prior: Option<PriorState<'_>>,
) -> String {
    to_text(&document(plan, configuration, prior))
}

/// The plan as a JSON value. Numbers are rounded to what [`serde_json`] can hold; should one be beyond a double's
/// range, the result is null: use [`plan_text`] for what a user reads.
pub fn plan(
    plan: &Plan,
    configuration: Option<Configuration<'_>>,
    prior: Option<PriorState<'_>>,
) -> serde_json::Value {
    serde_json::to_value(document(plan, configuration, prior)).unwrap_or_default()
}
