//! How conditions came out (<https://developer.hashicorp.com/terraform/internals/json-format#checks-representation>).

use super::module::{Index, mode};
use crate::{CheckResult, CheckStatus};
use formwork_addr::{InstanceAddr, InstanceKey};
use serde::Serialize;
use std::collections::BTreeMap;

/// An object of the configuration with its conditions, and how they came out for each of its instances.
#[derive(Serialize)]
pub(super) struct StaticCheck {
    address: StaticAddress,
    status: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances: Vec<DynamicCheck>,
}

#[derive(Serialize)]
struct StaticAddress {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    module: String,
    name: String,
    to_display: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_name: Option<String>,
}

#[derive(Serialize)]
struct DynamicCheck {
    address: DynamicAddress,
    status: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct DynamicAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_key: Option<Index>,
    #[serde(skip_serializing_if = "String::is_empty")]
    module: String,
    to_display: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Problem {
    message: String,
}

/// `output.x`, `var.x` and `check.x` have the form of a resource's address, so they are parsed as one.
fn parse(address: &str) -> Option<InstanceAddr> {
    address.parse().ok()
}

fn static_display(addr: &InstanceAddr) -> String {
    let module = addr.resource.module.path().to_string();
    let dot = if module.is_empty() { "" } else { "." };
    format!("{module}{dot}{}", addr.resource.resource)
}

fn static_address(addr: &InstanceAddr) -> StaticAddress {
    let resource = &addr.resource.resource;
    let (kind, is_resource) = match &*resource.type_name {
        "output" => ("output_value", false),
        "var" => ("var", false),
        "check" => ("check", false),
        _ => ("resource", true),
    };
    StaticAddress {
        kind,
        mode: is_resource.then(|| mode(addr)),
        module: addr.resource.module.path().to_string(),
        name: resource.name.to_string(),
        to_display: static_display(addr),
        type_name: is_resource.then(|| resource.type_name.to_string()),
    }
}

fn dynamic(addr: &InstanceAddr, status: &str, problems: impl Iterator<Item = String>) -> DynamicCheck {
    let address = DynamicAddress {
        instance_key: Index::of(addr),
        module: addr.resource.module.to_string(),
        to_display: addr.to_string(),
    };
    let mut problems: Vec<_> = problems.map(|message| Problem { message }).collect();
    problems.sort();
    DynamicCheck { address, status: status.into(), problems }
}

fn name(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Pass => "pass",
        CheckStatus::Fail => "fail",
        CheckStatus::Unknown => "unknown",
    }
}

/// An entry of `check_results` in a state.
#[derive(Serialize)]
struct StoredCheck {
    object_kind: &'static str,
    config_addr: String,
    status: String,
    objects: Option<Vec<StoredObject>>,
}

#[derive(Serialize)]
struct StoredObject {
    object_addr: String,
    status: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failure_messages: Vec<String>,
}

/// How conditions came out, as states hold it: Terraform's `check_results`. `checkable` objects without a result have no instance
/// if `complete` says that every instance was looked at; otherwise nothing is known of them. `None` when there are no
/// conditions.
pub fn check_results(results: &[CheckResult], checkable: &[String], complete: bool) -> Option<String> {
    let mut objects: BTreeMap<String, (&'static str, Vec<&CheckResult>)> = BTreeMap::new();
    let all = checkable.iter().map(|address| (&**address, None));
    for (address, result) in all.chain(results.iter().map(|r| (&*r.address, Some(r)))) {
        let Some(addr) = parse(address) else { continue };
        let kind = match &*addr.resource.resource.type_name {
            "output" => "output",
            "var" => "var",
            "check" => "check",
            _ => "resource",
        };
        objects.entry(static_display(&addr)).or_insert((kind, Vec::new())).1.extend(result);
    }
    let stored: Vec<StoredCheck> = objects
        .into_iter()
        .map(|(config_addr, (object_kind, all))| StoredCheck {
            object_kind,
            config_addr,
            status: name(worst(&all, complete)).to_owned(),
            objects: (!all.is_empty()).then(|| {
                let object = |c: &&CheckResult| StoredObject {
                    object_addr: c.address.clone(),
                    status: name(c.status).to_owned(),
                    failure_messages: c.problems.clone(),
                };
                all.iter().map(object).collect()
            }),
        })
        .collect();
    if stored.is_empty() { None } else { serde_json::to_string(&stored).ok() }
}

/// How an object came out whose instances did so; `complete` as in [`check_results`].
fn worst(all: &[&CheckResult], complete: bool) -> CheckStatus {
    let any = |status| all.iter().any(|c| c.status == status);
    match (any(CheckStatus::Fail), any(CheckStatus::Unknown)) {
        (true, _) => CheckStatus::Fail,
        (false, true) => CheckStatus::Unknown,
        (false, false) if all.is_empty() && !complete => CheckStatus::Unknown,
        _ => CheckStatus::Pass,
    }
}

/// The checks of a plan. An entry for a whole object whose instances are not known has an address without keys; `complete` as
/// in [`check_results`].
pub(super) fn of_plan(results: &[CheckResult], checkable: &[String], complete: bool) -> Vec<StaticCheck> {
    let mut objects: BTreeMap<String, (InstanceAddr, Vec<&CheckResult>)> = BTreeMap::new();
    for addr in checkable.iter().filter_map(|address| parse(address)) {
        objects.entry(static_display(&addr)).or_insert_with(|| (addr, Vec::new()));
    }
    for result in results {
        if let Some(addr) = parse(&result.address) {
            objects.entry(static_display(&addr)).or_insert_with(|| (addr, Vec::new())).1.push(result);
        }
    }
    let group = |(addr, results): (InstanceAddr, Vec<&CheckResult>)| {
        let status = worst(&results, complete);
        let instances = results
            .iter()
            .filter_map(|r| Some(dynamic(&parse(&r.address)?, name(r.status), r.problems.iter().cloned())));
        let mut instances: Vec<_> = instances.collect();
        instances.sort_by(|a, b| a.address.to_display.cmp(&b.address.to_display));
        StaticCheck { address: static_address(&addr), status: name(status).into(), instances }
    };
    objects.into_values().map(group).collect()
}

/// The checks of a state, from its `check_results`. What is not understood there is left out.
pub(super) fn of_state(text: &str) -> Vec<StaticCheck> {
    let results: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let str_of = |v: &serde_json::Value, key: &str| v.get(key)?.as_str().map(str::to_owned);
    let list =
        |v: &serde_json::Value, key: &str| v.get(key).and_then(|l| l.as_array()).cloned().unwrap_or_default();
    let check = |result: &serde_json::Value| {
        let addr = parse(&str_of(result, "config_addr")?)?;
        let addr = addr.resource.instance(InstanceKey::None);
        let objects = list(result, "objects");
        let instances = objects.iter().filter_map(|object| {
            let messages = list(object, "failure_messages");
            let messages = messages.iter().filter_map(|m| m.as_str()).map(str::to_owned);
            Some(dynamic(&parse(&str_of(object, "object_addr")?)?, &str_of(object, "status")?, messages))
        });
        let mut instances: Vec<_> = instances.collect();
        instances.sort_by(|a, b| a.address.to_display.cmp(&b.address.to_display));
        Some(StaticCheck {
            address: static_address(&addr),
            status: str_of(result, "status").unwrap_or_else(|| "unknown".into()),
            instances,
        })
    };
    let mut checks: Vec<_> = results.iter().filter_map(check).collect();
    checks.sort_by(|a, b| a.address.to_display.cmp(&b.address.to_display));
    checks
}
