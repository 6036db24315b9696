//! `moved` blocks that contradict each other, or what is there. Which instances there are is known when blocks are expanded.

use super::order;
use crate::evaluator::Evaluator;
use formwork_addr::{InstanceKey, ModuleInstance, Target};
use formwork_config::{Clashes, Config, Ends, Moved};
use formwork_diag::{Diagnostic, Span};

/// Blocks that cannot be followed, whatever the state is. Each is told once, however many instances its module has.
pub(crate) fn refuse(ev: &Evaluator) -> Vec<Diagnostic> {
    let mut diags = Vec::new();
    let mut clashes = Clashes::default();
    for (path, module) in ev.setup.config.modules.iter().filter(|(_, module)| !module.moved.is_empty()) {
        let places: Vec<&ModuleInstance> =
            ev.modules.iter().map(|node| &node.addr).filter(|addr| addr.path() == *path).collect();
        for moved in &module.moved {
            let mut found = None;
            for place in &places {
                let ends = Ends::new(moved, place);
                let clash = clashes.add(&ends, moved.span);
                found = found.or(clash).or_else(|| Some(still_exists(moved, declared(ev, &ends)?)));
            }
            diags.extend(found);
        }
    }
    diags
}

/// Moves that wait for each other.
pub(crate) fn rings(config: &Config) -> Vec<Diagnostic> {
    let mut diags = Vec::new();
    order::in_order(&super::said(config), &mut diags);
    diags
}

/// The block of what was moved away, if it is there.
fn declared(ev: &Evaluator, ends: &Ends) -> Option<Span> {
    let config = &ev.setup.config;
    let there = |module: &ModuleInstance| ev.by_addr.contains_key(module);
    match &ends.from {
        Target::Resource(from) => {
            let module = config.module(&from.module.path()).filter(|_| there(&from.module))?;
            Some(module.resources.get(&*from.resource)?.span)
        }
        Target::Instance(from) => {
            let module = config.module(&from.resource.module.path())?;
            let block = module.resources.get(&*from.resource.resource)?;
            ev.instances.contains_key(from).then_some(block.span)
        }
        Target::Module(from) => {
            let (last, outer) = from.steps().split_last()?;
            let outer = ModuleInstance::new(outer.to_vec());
            let call = config.module(&outer.path())?.calls.get(&last.name)?;
            // All of a call are there as soon as the call is.
            there(if ends.whole { &outer } else { from }).then_some(call.span)
        }
    }
}

fn still_exists(moved: &Moved, declared: Span) -> Diagnostic {
    let keyed = match &moved.from {
        Target::Instance(from) => from.key != InstanceKey::None,
        Target::Module(from) => from.steps().last().is_some_and(|step| step.key != InstanceKey::None),
        Target::Resource(_) => false,
    };
    Diagnostic::error(
        "Moved object still exists",
        format!("{} is said to have moved to {}, but it is still declared.", moved.from, moved.to),
    )
    .help(match keyed {
        true => "Take the key out of the block's count or for_each, or remove the moved block.",
        false => "Rename the block, or remove the moved block.",
    })
    .at(moved.span)
    .label(declared, "declared here")
}
