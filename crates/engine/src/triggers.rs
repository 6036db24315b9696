//! What `replace_triggered_by` names.

use crate::cells::{CellId, InstanceInfo, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran, instance_key};
use formwork_addr::{Resource, ResourceMode};
use formwork_lang::{RefStep, references};
use formwork_value::Path;

/// An instance that `replace_triggered_by` names, and what of it.
pub(crate) struct Trigger {
    pub cell: CellId,
    pub path: Path,
}

impl Evaluator {
    /// What `replace_triggered_by` of an instance names. All of it is there.
    pub fn triggers(&self, instance: &InstanceInfo) -> Ran<Vec<Trigger>> {
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
            let cells: Vec<CellId> = match keyed {
                // One that is not there is no reason to replace anything.
                true => key.and_then(|k| expansion.get(&k).copied()).into_iter().collect(),
                false => expansion.iter().map(|(_, id)| *id).collect(),
            };
            for cell in cells {
                deps.add_instance(cell);
                match self.cells.get(cell).status {
                    Status::Ready => triggers.push(Trigger { cell, path: path.clone() }),
                    Status::Failed => return Ran::Failed,
                    _ => missing.push(cell),
                }
            }
        }
        if missing.is_empty() { Ran::Done(triggers, deps) } else { Ran::Missing(missing) }
    }
}
