//! Changes of resources and outputs.

use super::module::{Index, mode, provider_name};
use super::value::{Flags, JsonPath, Known};
use crate::{Action, Cause, Mode, OutputChange, Plan, PlannedChange, ReplaceOrder};
use formwork_addr::{InstanceAddr, InstanceKey, ResourceAddr, ResourceMode};
use formwork_value::Value;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;

/// `change`, of a resource or an output.
#[derive(Serialize)]
pub(super) struct Change<'a> {
    actions: &'static [&'static str],
    before: Option<Known<&'a Value>>,
    /// Left out when all of it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Option<Known<&'a Value>>>,
    after_unknown: Flags,
    before_sensitive: Flags,
    after_sensitive: Flags,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replace_paths: Vec<JsonPath<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    importing: Option<Importing<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generated_config: Option<&'a str>,
}

#[derive(Serialize)]
struct Importing<'a> {
    id: &'a str,
}

fn actions(change: &PlannedChange) -> &'static [&'static str] {
    match change.action {
        Action::NoOp => &["no-op"],
        Action::Create => &["create"],
        Action::Read => &["read"],
        Action::Update => &["update"],
        Action::Replace(ReplaceOrder::DestroyFirst) => &["delete", "create"],
        Action::Replace(ReplaceOrder::CreateFirst | ReplaceOrder::CreateBeside) => &["create", "delete"],
        Action::Delete => &["delete"],
        Action::Forget => &["forget"],
        // What it would be, as far as can be told.
        Action::Defer if change.addr.resource.resource.mode == ResourceMode::Data => &["read"],
        Action::Defer => match (&change.before, &change.after) {
            (None, _) => &["create"],
            (Some(_), None) => &["delete"],
            (Some(_), Some(_)) => &["update"],
        },
    }
}

fn after(value: Option<&Value>) -> Option<Option<Known<&Value>>> {
    match value {
        Some(v) if !v.is_known() => None,
        v => Some(v.map(Known)),
    }
}

/// An entry of `resource_changes` or `resource_drift`.
#[derive(Serialize)]
pub(super) struct ResourceChange<'a> {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_address: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    module_address: String,
    mode: &'static str,
    #[serde(rename = "type")]
    type_name: Cow<'a, str>,
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<Index>,
    /// Stands for all instances of which nobody knows yet which they are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    index_unknown: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    provider_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deposed: Option<&'a str>,
    change: Change<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_reason: Option<&'static str>,
}

/// An entry of `deferred_changes`.
#[derive(Serialize)]
pub(super) struct DeferredChange<'a> {
    reason: &'static str,
    resource_change: ResourceChange<'a>,
}

impl<'a> DeferredChange<'a> {
    /// All that waits; of modules of which no instance is known, what they declare. `changes` are those that are put off.
    pub(super) fn all(plan: &'a Plan, changes: &[&'a PlannedChange]) -> Vec<Self> {
        let mut all = Vec::new();
        if plan.deferred.is_empty() {
            return all;
        }
        // Where an address has several changes, the first counts.
        let named: HashMap<String, &'a PlannedChange> =
            changes.iter().rev().map(|c| (c.subject(), *c)).collect();
        for deferred in &plan.deferred {
            let reason = deferred.cause.as_str();
            let change = named.get(&deferred.address).copied();
            match (deferred.cause, change) {
                (Cause::InstanceCountUnknown, _) => {
                    let any = |resource: ResourceAddr| resource.instance(InstanceKey::Str("*".into()));
                    let own = deferred.address.parse().ok().map(any);
                    let unknown = own.iter().chain(&deferred.within).map(unknown_instances);
                    all.extend(unknown.map(|resource_change| DeferredChange { reason, resource_change }));
                }
                (_, Some(change)) => {
                    all.push(DeferredChange { reason, resource_change: ResourceChange::new(plan, change) });
                }
                (_, None) => {}
            }
        }
        all
    }
}

/// The instances of a resource of which nobody knows yet which there are. Unknown keys are a wildcard, as Terraform writes
/// them.
fn unknown_instances<'a>(addr: &InstanceAddr) -> ResourceChange<'a> {
    let resource = &addr.resource.resource;
    ResourceChange {
        address: addr.to_string(),
        previous_address: None,
        module_address: addr.resource.module.to_string(),
        mode: if resource.mode == ResourceMode::Data { "data" } else { "managed" },
        type_name: Cow::Owned(resource.type_name.to_string()),
        name: Cow::Owned(resource.name.to_string()),
        index: None,
        index_unknown: addr.key != InstanceKey::None,
        provider_name: String::new(),
        deposed: None,
        change: Change {
            actions: if resource.mode == ResourceMode::Data { &["read"] } else { &["create"] },
            before: None,
            after: None,
            after_unknown: Flags::Bool(true),
            before_sensitive: Flags::Bool(false),
            after_sensitive: Flags::Bool(false),
            replace_paths: Vec::new(),
            importing: None,
            generated_config: None,
        },
        action_reason: None,
    }
}

impl<'a> ResourceChange<'a> {
    pub(super) fn new(plan: &'a Plan, change: &'a PlannedChange) -> Self {
        let addr = &change.addr;
        let resource = &addr.resource.resource;
        let replace_paths = match change.action {
            Action::Replace(_) => change.replace_paths.iter().map(JsonPath).collect(),
            _ => Vec::new(),
        };
        let importing = if change.deposed.is_some() { None } else { plan.imports.get(addr) };
        // What is about to go has moved before that.
        let previous = change.previous_addr.as_ref().filter(|_| plan.mode != Mode::Destroy);
        ResourceChange {
            address: addr.to_string(),
            previous_address: previous.map(InstanceAddr::to_string),
            module_address: addr.resource.module.to_string(),
            mode: mode(addr),
            type_name: Cow::Borrowed(&resource.type_name),
            name: Cow::Borrowed(&resource.name),
            index: Index::of(addr),
            index_unknown: false,
            provider_name: provider_name(&change.provider),
            deposed: change.deposed.as_deref(),
            change: Change {
                actions: actions(change),
                before: change.before.as_ref().map(Known),
                after: after(change.after.as_ref()),
                after_unknown: Flags::unknown(change.after.as_ref(), Flags::Empty),
                before_sensitive: Flags::sensitive(change.before.as_ref()),
                after_sensitive: Flags::sensitive(change.after.as_ref()),
                replace_paths,
                importing: importing.map(|id| Importing { id }),
                generated_config: importing.and(plan.generated.get(addr)).map(|text| &**text),
            },
            action_reason: change.reason.map(|r| r.as_str()),
        }
    }
}

impl<'a> From<&'a OutputChange> for Change<'a> {
    fn from(output: &'a OutputChange) -> Self {
        let actions: &[_] = match (&output.before, &output.after) {
            _ if !output.is_change() => &["no-op"],
            (None, _) => &["create"],
            (Some(_), None) => &["delete"],
            (Some(_), Some(_)) => &["update"],
        };
        Change {
            actions,
            before: output.before.as_ref().map(Known),
            after: after(output.after.as_ref()),
            after_unknown: Flags::unknown(output.after.as_ref(), Flags::Bool(false)),
            // The format knows only whether it is or was sensitive.
            before_sensitive: Flags::Bool(output.sensitive),
            after_sensitive: Flags::Bool(output.sensitive),
            replace_paths: Vec::new(),
            importing: None,
            generated_config: None,
        }
    }
}
