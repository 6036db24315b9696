//! What a state holds.

use crate::StateError;
use crate::object::FLAT;
use crate::snapshot::MAX_SERIAL;
use formwork_addr::{InstanceAddr, InstanceKey, ResourceAddr, Str};
use formwork_value::{Path, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is known to exist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Grows with each snapshot.
    pub serial: u64,
    /// Drawn once, when the state is first written: states of different lineage are not versions of each other.
    pub lineage: String,
    /// Root module outputs.
    pub outputs: BTreeMap<Str, OutputState>,
    /// Resources, managed and data.
    pub resources: BTreeMap<ResourceAddr, ResourceState>,
    /// Terraform's `check_results`, kept byte for byte.
    pub check_results: Option<Arc<str>>,
}

/// An output value of the root module.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputState {
    /// The value, wholly known, without marks.
    pub value: Value,
    /// Whether people may see it.
    pub sensitive: bool,
}

/// A resource and its instances.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceState {
    /// The provider configuration that manages it: `provider["registry.terraform.io/hashicorp/aws"].west`. Empty when
    /// every object names its own.
    pub provider: Str,
    /// The instances.
    pub instances: BTreeMap<InstanceKey, ResourceInstance>,
}

/// One instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceInstance {
    /// The object that the instance stands for; absent when only deposed ones are left.
    pub current: Option<Arc<StoredObject>>,
    /// Objects that a replacement put aside and that are still to be deleted, by their key of eight hex digits.
    pub deposed: BTreeMap<Str, Arc<StoredObject>>,
}

/// Whether an object is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Whole.
    #[default]
    Ready,
    /// Not known to be whole: the next plan replaces it.
    Tainted,
}

/// An object as it is stored. Attributes stay JSON text until somebody who has the schema wants them, and so are
/// written back byte for byte if nobody does.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredObject {
    /// Version of the schema that the attributes follow.
    pub schema_version: u64,
    /// The attributes: one JSON object.
    pub attributes: Arc<str>,
    /// Paths that were sensitive by the configuration (not by the schema).
    pub sensitive: Vec<Path>,
    /// The provider's private data.
    pub private: Vec<u8>,
    /// Resources that this one was made from.
    pub dependencies: Arc<[ResourceAddr]>,
    /// Whether it is whole.
    pub status: Status,
    /// The replacement order that it was last applied with.
    pub create_before_destroy: bool,
    /// The provider configuration that manages it, where that is one of several that a `for_each` made:
    /// `provider["registry.terraform.io/hashicorp/aws"].by_region["eu-west-1"]`. OpenTofu's `instance_provider`.
    pub provider: Option<Str>,
    /// Fields of the stored instance that mean nothing to us, by name, as JSON text: kept, and written back. Empty for
    /// what we make ourselves.
    pub extra: Vec<(Str, Arc<str>)>,
}

/// Whether a provider configuration, as states write it, is one of several that a `for_each` made.
fn is_keyed(provider: &str) -> bool {
    provider.split_once("\"]").is_some_and(|(_, rest)| rest.ends_with(']'))
}

impl ResourceState {
    /// The provider configuration that manages one of its objects.
    pub fn provider_of<'a>(&'a self, object: &'a StoredObject) -> &'a Str {
        object.provider.as_ref().unwrap_or(&self.provider)
    }

    /// Takes in that this provider configuration manages `object`.
    fn managed_by(&mut self, provider: &Str, object: Option<Arc<StoredObject>>) -> Option<Arc<StoredObject>> {
        let own = is_keyed(provider).then(|| provider.clone());
        if own.is_none() && (object.is_some() || self.provider.is_empty()) {
            self.provider = provider.clone();
        }
        object.map(|mut object| {
            if object.provider != own {
                Arc::make_mut(&mut object).provider = own;
            }
            object
        })
    }

    /// Drops the common provider configuration when each object names its own.
    fn settle_provider(&mut self) {
        let objects =
            |i: &ResourceInstance| i.current.iter().chain(i.deposed.values()).all(|o| o.provider.is_some());
        if !self.provider.is_empty() && self.instances.values().all(objects) {
            self.provider = "".into();
        }
    }
}

impl StoredObject {
    /// Whether it has no attributes but the flat ones of Terraform 0.11. Reading those takes the schema of that time.
    pub fn is_flat(&self) -> bool {
        &*self.attributes == "{}"
            && self.extra.iter().any(|(name, text)| &**name == FLAT && &**text != "null")
    }
}

impl State {
    /// Refuses objects that can be listed and kept, but not worked with.
    pub fn usable(&self) -> Result<(), StateError> {
        let flat = |i: &ResourceInstance| i.current.iter().chain(i.deposed.values()).any(|o| o.is_flat());
        match self.instances().find(|(_, _, i)| flat(i)) {
            None => Ok(()),
            Some((addr, ..)) => Err(StateError::format(
                format!(
                    "{addr} has \"{FLAT}\": Terraform 0.11 or earlier wrote it, and no later version has read it since. Without its \
                     attributes nothing can be planned."
                ),
                "Let Terraform 0.12 or later, which has its provider, write it once: terraform apply -refresh-only.",
            )),
        }
    }

    /// The serial of the version that follows this one. An error where there is none: what is written with a larger one,
    /// nobody can read.
    pub fn serial_after(&self) -> Result<u64, StateError> {
        if self.serial < MAX_SERIAL {
            return Ok(self.serial + 1);
        }
        Err(StateError::format(
            format!(
                "its serial is {}, and no larger one can be written, so no version can follow it.",
                self.serial
            ),
            "Take it with formwork state pull, give it a smaller serial, and put it in place with formwork state push -force.",
        ))
    }

    /// The instance at an address.
    pub fn instance(&self, addr: &InstanceAddr) -> Option<&ResourceInstance> {
        self.resources.get(&addr.resource)?.instances.get(&addr.key)
    }

    /// Sets (`Some`) or removes (`None`) an object: the current one, or the deposed one of this key. Instances and
    /// resources that hold nothing any more are dropped.
    pub fn set(
        &mut self,
        addr: &InstanceAddr,
        deposed: Option<&Str>,
        provider: &Str,
        object: Option<Arc<StoredObject>>,
    ) {
        let resource = self.resources.entry(addr.resource.clone()).or_default();
        let object = resource.managed_by(provider, object);
        let keyed = object.as_ref().is_some_and(|o| o.provider.is_some());
        let instance = resource.instances.entry(addr.key.clone()).or_default();
        match (deposed, object) {
            (None, object) => instance.current = object,
            (Some(key), Some(object)) => {
                instance.deposed.insert(key.clone(), object);
            }
            (Some(key), None) => {
                instance.deposed.remove(key);
            }
        }
        if instance.current.is_none() && instance.deposed.is_empty() {
            resource.instances.remove(&addr.key);
        }
        if resource.instances.is_empty() {
            self.resources.remove(&addr.resource);
        } else if keyed {
            resource.settle_provider();
        }
    }

    /// Puts the current object aside under `key`.
    pub fn depose(&mut self, addr: &InstanceAddr, key: &Str) {
        let instance = self.resources.get_mut(&addr.resource).and_then(|r| r.instances.get_mut(&addr.key));
        if let Some(instance) = instance
            && let Some(object) = instance.current.take()
        {
            instance.deposed.insert(key.clone(), object);
        }
    }

    /// Makes the object that was put aside under `key` the current one again, unless there is one.
    pub fn restore(&mut self, addr: &InstanceAddr, key: &Str) {
        let instance = self.resources.get_mut(&addr.resource).and_then(|r| r.instances.get_mut(&addr.key));
        if let Some(instance) = instance
            && instance.current.is_none()
        {
            instance.current = instance.deposed.remove(key);
        }
    }

    /// Makes the object that was put aside under `key` the current one again, in the place of what was to follow it.
    pub fn reinstate(&mut self, addr: &InstanceAddr, key: &Str) {
        let instance = self.resources.get_mut(&addr.resource).and_then(|r| r.instances.get_mut(&addr.key));
        if let Some(instance) = instance
            && let Some(object) = instance.deposed.remove(key)
        {
            instance.current = Some(object);
        }
    }

    /// Gives an instance another address; nothing happens when there is none, or when the new address is taken.
    pub fn rename(&mut self, from: &InstanceAddr, to: &InstanceAddr) {
        if self.instance(to).is_some() {
            return;
        }
        let Some(resource) = self.resources.get_mut(&from.resource) else { return };
        let Some(instance) = resource.instances.remove(&from.key) else { return };
        let provider = resource.provider.clone();
        if resource.instances.is_empty() {
            self.resources.remove(&from.resource);
        }
        let target = self.resources.entry(to.resource.clone()).or_default();
        if target.provider.is_empty() {
            target.provider = provider;
        }
        target.instances.insert(to.key.clone(), instance);
    }

    /// All instances in the order of their addresses.
    pub fn instances(&self) -> impl Iterator<Item = (InstanceAddr, &ResourceState, &ResourceInstance)> {
        self.resources.iter().flat_map(|(addr, resource)| {
            resource.instances.iter().map(move |(key, i)| (addr.instance(key.clone()), resource, i))
        })
    }

    /// Whether it holds neither resources nor outputs.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.outputs.is_empty()
    }
}
