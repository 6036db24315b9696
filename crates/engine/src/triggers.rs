//! What `replace_triggered_by` names.

use crate::cells::{CellId, InstanceInfo, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran, instance_key};
use crate::gates::Gate;
use formwork_addr::{Resource, ResourceMode};
use formwork_lang::{RefStep, references};
use formwork_value::Path;

/// What `replace_triggered_by` names, and what of it.
pub(crate) struct Trigger {
    /// An instance, or the gate of all instances of a resource.
    pub cell: CellId,
    pub path: Path,
}

impl Evaluator {
    /// What `replace_triggered_by` of an instance names. All of it is there.
    pub fn triggers(&mut self, instance: &InstanceInfo) -> Ran<Vec<Trigger>> {
        let block = instance.block.block();
        let mut missing = Vec::new();
        let mut deps = Deps::default();
        let mut triggers = Vec::new();
        for reference in block.lifecycle.replace_triggered_by.iter().flat_map(references) {
            let mut steps = reference.steps.iter();
            let Some(&RefStep::Attr(mut name)) = steps.next() else { continue };
            let mut ty = reference.root;
            if ty == "resource" {
                let Some(RefStep::Attr(second)) = steps.next() else { continue };
                (ty, name) = (name, second);
            }
            let resource = Resource { mode: ResourceMode::Managed, type_name: ty.into(), name: name.into() };
            let Some(keys) = self.keys_cell(instance.module, &resource) else { continue };
            match self.cells.get(keys).status {
                Status::Ready => {}
                Status::Failed => return Ran::Failed,
                _ => {
                    missing.push(keys);
                    continue;
                }
            }
            let Some(expansion) = self.expansion(keys) else { continue };
            if self.deferred.contains_key(&keys) {
                deps.add_instance(keys);
            }
            let mut path = Path::root();
            let (mut keyed, mut key) = (false, None);
            for (i, step) in steps.enumerate() {
                match step {
                    RefStep::Key(v) if i == 0 => (keyed, key) = (true, instance_key(v)),
                    // `[count.index]`, `[each.key]`: the instance beside this one.
                    RefStep::Dynamic if i == 0 => (keyed, key) = (true, Some(instance.key().clone())),
                    RefStep::Attr(name) => path = path.attr(*name),
                    RefStep::Key(v) => path = path.index(v.clone()),
                    _ => break,
                }
            }
            let cell = match key.as_ref().and_then(|k| expansion.get(k).copied()) {
                Some(one) => {
                    deps.add_instance(one);
                    one
                }
                // One that is not there is no reason to replace anything.
                None if keyed => continue,
                None => {
                    let all = self.gate_cell(Gate::All(keys));
                    self.cells.get(all).deps.iter().for_each(|d| deps.add(d));
                    all
                }
            };
            match self.cells.get(cell).status {
                Status::Ready => triggers.push(Trigger { cell, path }),
                Status::Failed => return Ran::Failed,
                _ => missing.push(cell),
            }
        }
        if missing.is_empty() { Ran::Done(triggers, deps) } else { Ran::Missing(missing) }
    }
}
