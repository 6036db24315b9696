//! `moved` blocks, and the moves that follow from adding or removing `count`.

use crate::evaluator::Evaluator;
use formwork_addr::{
    InstanceAddr, InstanceKey, ModuleInstance, ModulePath, ModuleStep, ResourceAddr, ResourceMode, Target,
};
use formwork_config::{Config, Module, Moved, Removed, Repetition};
use formwork_diag::{Diagnostic, Span};
use formwork_state::State;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often an instance may move in one go; more can only be blocks that undo each other.
const MAX_MOVES: usize = 100;

/// A state whose instances have their new addresses, and the old address of each that has moved.
pub(crate) fn follow<'s>(
    config: &Config,
    state: &'s State,
    diags: &mut Vec<Diagnostic>,
) -> (Cow<'s, State>, BTreeMap<InstanceAddr, InstanceAddr>) {
    let mut previous = BTreeMap::new();
    refuse_declared(config, diags);
    let declared: Vec<(&ModulePath, &Moved)> =
        config.modules.iter().flat_map(|(path, m)| m.moved.iter().map(move |moved| (path, moved))).collect();
    // Where nothing is said, only what a `count` that comes or goes concerns can move.
    let may_move =
        |key: &&InstanceKey| !declared.is_empty() || matches!(key, InstanceKey::None | InstanceKey::Int(0));
    let managed = state.resources.iter().filter(|(addr, _)| addr.resource.mode != ResourceMode::Data);
    let all = managed.flat_map(|(addr, resource)| {
        resource.instances.keys().filter(may_move).map(move |key| addr.instance(key.clone()))
    });
    let all: Vec<InstanceAddr> = all.collect();
    let mut state = Cow::Borrowed(state);
    for start in all {
        let mut at = start.clone();
        let mut moves = 0;
        while let Some((next, moved)) = next(&declared, &at) {
            moves += 1;
            if moves > MAX_MOVES {
                diags.push(
                    Diagnostic::error(
                        "Cycle of moved blocks",
                        format!("{start} would be moved round and round."),
                    )
                    .at(moved.span),
                );
                break;
            }
            if next == at {
                break;
            }
            at = next;
        }
        if at == start {
            at = implied(config, &start, &state);
        }
        if at == start {
            continue;
        }
        if state.instance(&at).is_some() {
            diags.push(
                Diagnostic::warning(
                    "Object could not be moved",
                    format!("{start} should become {at}, but there is an object at that address already."),
                )
                .help(
                    "It stays where it is, and is planned for removal if the configuration no longer has it.",
                ),
            );
            continue;
        }
        state.to_mut().rename(&start, &at);
        previous.insert(at, start);
    }
    if !previous.is_empty() {
        let moves = previous.iter().map(|(to, from)| (from.resource.clone(), to.resource.clone()));
        state.to_mut().follow_moves(moves);
    }
    (state, previous)
}

/// The move that applies to an address, if any.
fn next<'a>(
    declared: &[(&'a ModulePath, &'a Moved)],
    at: &InstanceAddr,
) -> Option<(InstanceAddr, &'a Moved)> {
    declared.iter().find_map(|(path, moved)| Some((apply(path, moved, at)?, *moved)))
}

fn apply(path: &ModulePath, moved: &Moved, at: &InstanceAddr) -> Option<InstanceAddr> {
    let steps = at.resource.module.steps();
    let depth = path.0.len();
    if steps.len() < depth || !path.0.iter().zip(steps).all(|(name, step)| *name == step.name) {
        return None;
    }
    let (outer, inner) = steps.split_at(depth);
    let join = |tail: &[formwork_addr::ModuleStep]| ModuleInstance::new([outer, tail].concat());
    match (&moved.from, &moved.to) {
        (Target::Module(from), Target::Module(to)) => {
            let (from, to) = (from.steps(), to.steps());
            if inner.len() < from.len() {
                return None;
            }
            let (head, tail) = inner.split_at(from.len());
            let (last_from, init_from) = from.split_last()?;
            let (last_head, init_head) = head.split_last()?;
            let whole = last_from.key == InstanceKey::None && to.last()?.key == InstanceKey::None;
            if init_from != init_head || last_from.name != last_head.name {
                return None;
            }
            if !whole && last_from.key != last_head.key {
                return None;
            }
            let mut new = to.to_vec();
            if whole && let Some(last) = new.last_mut() {
                last.key = last_head.key.clone();
            }
            new.extend(tail.iter().cloned());
            let module = join(&new);
            Some(ResourceAddr { module, resource: at.resource.resource.clone() }.instance(at.key.clone()))
        }
        (from, to) => {
            let (from_resource, from_key) = parts(from)?;
            let (to_resource, to_key) = parts(to)?;
            if from_resource.module.steps() != inner || from_resource.resource != at.resource.resource {
                return None;
            }
            let key = match (from_key, to_key) {
                (None, None) => at.key.clone(),
                (from, to) => {
                    if from.unwrap_or(&InstanceKey::None) != &at.key {
                        return None;
                    }
                    to.cloned().unwrap_or_default()
                }
            };
            let module = join(to_resource.module.steps());
            Some(ResourceAddr { module, resource: to_resource.resource.clone() }.instance(key))
        }
    }
}

fn parts(target: &Target) -> Option<(&ResourceAddr, Option<&InstanceKey>)> {
    match target {
        Target::Resource(r) => Some((r, None)),
        Target::Instance(i) => Some((&i.resource, Some(&i.key))),
        Target::Module(_) => None,
    }
}

/// `count` was added to a block, or taken away: the one instance is instance 0.
fn implied(config: &Config, at: &InstanceAddr, state: &State) -> InstanceAddr {
    let block =
        config.module(&at.resource.module.path()).and_then(|m| m.resources.get(&*at.resource.resource));
    let key = match (block.map(|b| &b.repetition), &at.key) {
        (Some(Repetition::Count(_)), InstanceKey::None) => InstanceKey::Int(0),
        (Some(Repetition::Single | Repetition::Enabled(_)), InstanceKey::Int(0)) => InstanceKey::None,
        _ => return at.clone(),
    };
    let new = at.resource.instance(key);
    if state.instance(&new).is_some() { at.clone() } else { new }
}

/// A block that was moved away must not be there any more.
fn refuse_declared(config: &Config, diags: &mut Vec<Diagnostic>) {
    for (path, module) in &config.modules {
        for moved in &module.moved {
            let declared = match &moved.from {
                Target::Resource(r) if !matches!(moved.to, Target::Instance(_)) => r
                    .module
                    .steps()
                    .iter()
                    .try_fold(path.clone(), |p, s| Some(p.child(s.name.clone())))
                    .and_then(|p| config.module(&p))
                    .and_then(|m| m.resources.get(&*r.resource))
                    .map(|b| b.span),
                Target::Module(m) if !matches!(&moved.to, Target::Module(to) if to.path() == m.path()) => {
                    m.steps().split_last().filter(|(last, _)| last.key == InstanceKey::None).and_then(
                        |(last, init)| {
                            let outer = init.iter().fold(path.clone(), |p, s| p.child(s.name.clone()));
                            Some(config.module(&outer)?.calls.get(&last.name)?.span)
                        },
                    )
                }
                _ => None,
            };
            if let Some(span) = declared {
                diags.push(still_exists(moved, span, "Rename the block, or remove the moved block."));
            }
        }
    }
}

fn still_exists(moved: &Moved, declared: Span, help: &str) -> Diagnostic {
    Diagnostic::error(
        "Moved object still exists",
        format!("{} is said to have moved to {}, but it is still declared.", moved.from, moved.to),
    )
    .help(help)
    .at(moved.span)
    .label(declared, "declared here")
}

/// An instance that was moved away must not be there any more: which there are is known when blocks are expanded.
pub(crate) fn refuse_instances(ev: &Evaluator) -> Vec<Diagnostic> {
    const HELP: &str = "Take the key out of the block's count or for_each, or remove the moved block.";
    let mut diags = Vec::new();
    for (path, module) in &ev.setup.config.modules {
        for moved in &module.moved {
            let places = ev.modules.iter().filter(|place| place.addr.path() == *path);
            let found = places.into_iter().find_map(|place| {
                let within = |steps: &[ModuleStep]| ModuleInstance::new([place.addr.steps(), steps].concat());
                match &moved.from {
                    Target::Instance(from) => {
                        let resource = ResourceAddr {
                            module: within(from.resource.module.steps()),
                            resource: from.resource.resource.clone(),
                        };
                        let block = ev.setup.config.module(&resource.module.path())?;
                        let block = block.resources.get(&*resource.resource)?;
                        let there = ev.instances.contains_key(&resource.instance(from.key.clone()));
                        there.then_some(block.span)
                    }
                    Target::Module(from) => {
                        let (last, outer) = from.steps().split_last()?;
                        let call = ev.setup.config.module(&within(outer).path())?.calls.get(&last.name)?;
                        let keyed = last.key != InstanceKey::None;
                        (keyed && ev.by_addr.contains_key(&within(from.steps()))).then_some(call.span)
                    }
                    Target::Resource(_) => None,
                }
            });
            diags.extend(found.map(|span| still_exists(moved, span, HELP)));
        }
    }
    diags
}

/// The `removed` block that speaks of an instance, and the module that it stands in.
pub(crate) fn removed<'a>(config: &'a Config, at: &InstanceAddr) -> Option<(&'a Arc<Module>, &'a Removed)> {
    let names: Vec<_> = at.resource.module.path().0;
    config.modules.iter().find_map(|(path, module)| {
        if !names.starts_with(&path.0) {
            return None;
        }
        let inner = &names[path.0.len()..];
        let found = module.removed.iter().find(|r| match &r.from {
            Target::Module(m) => inner.starts_with(&m.path().0),
            Target::Resource(r) => r.module.path().0 == inner && r.resource == at.resource.resource,
            Target::Instance(_) => false,
        });
        Some((module, found?))
    })
}
