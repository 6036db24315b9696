//! The tree of modules with their resources, as in `planned_values` and in a state.

use super::value::{Flags, Known};
use formwork_addr::{InstanceAddr, InstanceKey, ModuleInstance, ResourceMode};
use formwork_value::Value;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// `managed` or `data`.
pub(super) fn mode(addr: &InstanceAddr) -> &'static str {
    match addr.resource.resource.mode {
        ResourceMode::Managed => "managed",
        ResourceMode::Data => "data",
        ResourceMode::Ephemeral => "ephemeral",
    }
}

/// `registry.terraform.io/hashicorp/aws` of `provider["registry.terraform.io/hashicorp/aws"].west`.
pub(super) fn provider_name(provider: &str) -> String {
    let inside = provider.split_once("provider[\"").and_then(|(_, rest)| rest.split_once("\"]"));
    inside.map_or(provider, |(name, _)| name).to_owned()
}

/// The key of an instance.
pub(super) struct Index(InstanceKey);

impl Index {
    pub(super) fn of(addr: &InstanceAddr) -> Option<Index> {
        Index::key(&addr.key)
    }

    pub(super) fn key(key: &InstanceKey) -> Option<Index> {
        (*key != InstanceKey::None).then(|| Index(key.clone()))
    }
}

impl Serialize for Index {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            InstanceKey::None => serializer.serialize_unit(),
            InstanceKey::Int(i) => serializer.serialize_u64(*i),
            InstanceKey::Str(s) => serializer.serialize_str(s),
        }
    }
}

/// One object with its values.
#[derive(Serialize)]
pub(super) struct Resource {
    pub(super) address: String,
    mode: &'static str,
    #[serde(rename = "type")]
    type_name: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<Index>,
    provider_name: String,
    schema_version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Known<Value>>,
    sensitive_values: Flags,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) depends_on: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) tainted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deposed_key: Option<String>,
}

/// Whether an object has an attribute of which anything is known.
fn anything_known(value: &Value) -> bool {
    value.as_map().is_some_and(|all| all.iter().any(|(_, v)| v.is_known()))
}

impl Resource {
    pub(super) fn new(
        addr: &InstanceAddr,
        provider: &str,
        schema_version: u64,
        value: Option<&Value>,
    ) -> Resource {
        Resource {
            address: addr.to_string(),
            mode: mode(addr),
            type_name: addr.resource.resource.type_name.to_string(),
            name: addr.resource.resource.name.to_string(),
            index: Index::of(addr),
            provider_name: provider_name(provider),
            schema_version,
            values: value.filter(|v| anything_known(v)).map(|v| Known(v.clone())),
            sensitive_values: Flags::sensitive(value),
            depends_on: Vec::new(),
            tainted: false,
            deposed_key: None,
        }
    }
}

/// A module instance with all that is in it. The root has no address.
#[derive(Default, Serialize)]
pub(super) struct Module {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource>,
    #[serde(skip_serializing_if = "String::is_empty")]
    address: String,
    #[serde(
        rename = "child_modules",
        skip_serializing_if = "BTreeMap::is_empty",
        serialize_with = "children"
    )]
    children: BTreeMap<String, Module>,
}

fn children<S: Serializer>(children: &BTreeMap<String, Module>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(children.values())
}

impl Module {
    /// Adds a resource where it belongs; modules on the way come into being.
    pub(super) fn add(&mut self, module: &ModuleInstance, resource: Resource) {
        let mut at = self;
        for depth in 1..=module.steps().len() {
            let address = ModuleInstance::new(module.steps()[..depth].to_vec()).to_string();
            at = at
                .children
                .entry(address)
                .or_insert_with_key(|address| Module { address: address.clone(), ..Module::default() });
        }
        at.resources.push(resource);
    }

    /// Sorts the resources of every module by the text of their address.
    pub(super) fn sort(&mut self) {
        self.resources.sort_by(|a, b| a.address.cmp(&b.address));
        self.children.values_mut().for_each(Module::sort);
    }
}
