//! Objects of a state as values, and the schemas to show them by.

use crate::ui::plan::Schemas;
use crate::ui::state::Shown;
use formwork_addr::{Resource, ResourceAddr, ResourceMode};
use formwork_engine::Registry;
use formwork_provider::{Block, Nesting, Schema};
use formwork_state::{State, Status, StoredObject};
use formwork_value::{Marks, Path, Value, json};

/// The schemas of the providers in this binary.
#[derive(Clone, Copy)]
pub struct Known<'r>(pub &'r Registry);

impl Schemas for Known<'_> {
    fn schema(&self, resource: &Resource) -> Option<&Schema> {
        match resource.mode {
            ResourceMode::Managed => self.0.resource(&resource.type_name).map(|(_, r)| r.schema()),
            ResourceMode::Data => self.0.data(&resource.type_name).map(|(_, d)| d.schema()),
            ResourceMode::Ephemeral => self.0.ephemeral(&resource.type_name).map(|(_, e)| e.schema()),
        }
    }
}

impl Known<'_> {
    /// A stored object as a value, with marks on what must not be seen. `None` when its type is not known here, or its
    /// attributes do not fit the schema.
    pub fn decode(&self, addr: &ResourceAddr, object: &StoredObject) -> Option<Value> {
        let schema = self.schema(&addr.resource)?;
        let text = if object.schema_version < schema.version {
            let (_, worker) = self.0.resource(&addr.resource.type_name)?;
            let attributes = serde_json::from_str(&object.attributes).ok()?;
            worker.upgrade(object.schema_version, attributes).ok()?.to_string()
        } else {
            object.attributes.to_string()
        };
        let value = json::decode(&text, &schema.block.ty()).ok()?;
        let mut paths: Vec<(Path, Marks)> =
            object.sensitive.iter().map(|p| (p.clone(), Marks::SENSITIVE)).collect();
        secrets(&schema.block, &value, &Path::root(), &mut paths);
        Some(value.mark_paths(&paths))
    }

    /// All objects of a state that `wanted` selects, ready to be shown. Those whose type is not known are shown by their JSON.
    pub fn shown(
        &self,
        state: &State,
        mut wanted: impl FnMut(&formwork_addr::InstanceAddr) -> bool,
    ) -> Vec<Shown> {
        let mut out = Vec::new();
        for (addr, _, instance) in state.instances() {
            if !wanted(&addr) {
                continue;
            }
            let current = instance.current.iter().map(|o| (None, o));
            let deposed = instance.deposed.iter().map(|(k, o)| (Some(k.to_string()), o));
            for (deposed, object) in current.chain(deposed) {
                let value = self.decode(&addr.resource, object).or_else(|| {
                    let value = json::decode_implied(&object.attributes).ok()?;
                    let paths: Vec<_> =
                        object.sensitive.iter().map(|p| (p.clone(), Marks::SENSITIVE)).collect();
                    Some(value.mark_paths(&paths))
                });
                out.push(Shown {
                    addr: addr.clone(),
                    deposed,
                    tainted: object.status == Status::Tainted,
                    value: value.unwrap_or(Value::NULL),
                });
            }
        }
        out
    }
}

fn secrets(block: &Block, value: &Value, at: &Path, out: &mut Vec<(Path, Marks)>) {
    for (name, attribute) in &block.attributes {
        if attribute.sensitive && value.get(name).is_some() {
            out.push((at.attr(name.clone()), Marks::SENSITIVE));
        }
    }
    for (name, nested) in &block.blocks {
        let Some(inner) = value.get(name) else { continue };
        let here = at.attr(name.clone());
        match nested.nesting {
            Nesting::Single | Nesting::Group => secrets(&nested.block, inner, &here, out),
            // No path leads into a set: if anything in it is secret, the whole is.
            Nesting::Set => {
                let before = out.len();
                inner.children().for_each(|item| secrets(&nested.block, item, &here, out));
                if out.len() > before {
                    out.truncate(before);
                    out.push((here, Marks::SENSITIVE));
                }
            }
            Nesting::List | Nesting::Map => {
                for (step, item) in inner.steps() {
                    let mut path = here.clone();
                    path.0.push(step);
                    secrets(&nested.block, item, &path, out);
                }
            }
        }
    }
}
