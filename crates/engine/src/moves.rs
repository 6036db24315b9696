//! `moved` blocks, and the moves that follow from adding or removing `count`.

mod heirs;
mod order;
mod places;
mod refused;

use crate::Registry;
use formwork_addr::{
    InstanceAddr, InstanceKey, ModuleInstance, ModulePath, ResourceAddr, ResourceMode, Target,
};
use formwork_config::{Config, Module, Moved, Removed, Repetition};
use formwork_diag::Diagnostic;
use formwork_state::{ResourceState, State};
use places::Places;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use heirs::refuse_types;
pub(crate) use refused::{refuse, rings};

/// A `moved` block, and the module that it stands in.
#[derive(Clone, Copy)]
struct Said<'a> {
    path: &'a ModulePath,
    moved: &'a Moved,
}

/// All `moved` blocks.
fn said(config: &Config) -> Vec<Said<'_>> {
    let modules = config.modules.iter();
    modules.flat_map(|(path, module)| module.moved.iter().map(move |moved| Said { path, moved })).collect()
}

/// What moves together: it, where to, and the instances with their new addresses.
type Together = BTreeMap<(Target, Target), Vec<(InstanceAddr, InstanceAddr)>>;

/// A state in which instances move.
struct Moving<'s> {
    state: Cow<'s, State>,
    /// The old address of each that has moved.
    previous: BTreeMap<InstanceAddr, InstanceAddr>,
    places: Places,
}

impl Moving<'_> {
    fn rename(&mut self, from: InstanceAddr, to: InstanceAddr) {
        self.state.to_mut().rename(&from, &to);
        if from.resource.module != to.resource.module {
            self.places.add(&to.resource.module);
        }
        let first = self.previous.remove(&from).unwrap_or(from);
        if first != to {
            self.previous.insert(to, first);
        }
    }
}

fn managed(state: &State) -> impl Iterator<Item = (&ResourceAddr, &ResourceState)> {
    state.resources.iter().filter(|(addr, _)| addr.resource.mode != ResourceMode::Data)
}

/// A state whose instances have their new addresses, and the old address of each that has moved. One block after the other
/// moves what is there by then, all of a resource or module or nothing: what is in the way stays, and keeps its own way free.
/// That other instances are there is no obstacle: a run that was killed may have moved those.
pub(crate) fn follow<'s>(
    config: &Config,
    registry: &Registry,
    state: &'s State,
    diags: &mut Vec<Diagnostic>,
) -> (Cow<'s, State>, BTreeMap<InstanceAddr, InstanceAddr>) {
    diags.extend(refuse_types(config, registry));
    let said = said(config);
    let places = if said.is_empty() { Places::default() } else { Places::of(state) };
    let mut moving = Moving { state: Cow::Borrowed(state), previous: BTreeMap::new(), places };
    for (from, to) in implied(config, &said, state) {
        moving.rename(from, to);
    }
    for one in order::in_order(&said, diags) {
        if heirs::refused(one.moved, registry).is_some() {
            continue;
        }
        for ((from, to), instances) in together(one, &moving.state, &moving.places) {
            if instances.iter().any(|(_, new)| moving.state.instance(new).is_some()) {
                diags.push(
                    Diagnostic::warning(
                        "Object could not be moved",
                        format!("{from} should become {to}, but there is an object at that address already."),
                    )
                    .help(
                        "It stays where it is, and is planned for removal if the configuration no longer has it.",
                    ),
                );
                continue;
            }
            for (at, new) in instances {
                let heirs = match at.resource.resource.type_name == new.resource.resource.type_name {
                    true => Ok(Vec::new()),
                    false => heirs::heirs(config, registry, &moving.state, &at, &new),
                };
                match heirs {
                    Ok(heirs) => {
                        moving.rename(at, new.clone());
                        for heir in heirs {
                            let (deposed, object) = (heir.deposed.as_ref(), Some(heir.object));
                            moving.state.to_mut().set(&new, deposed, &heir.provider, object);
                        }
                    }
                    Err(d) => diags.push(d.at(one.moved.span)),
                }
            }
        }
    }
    let Moving { mut state, previous, .. } = moving;
    if !previous.is_empty() {
        let moves = previous.iter().map(|(to, from)| (from.resource.clone(), to.resource.clone()));
        state.to_mut().follow_moves(moves);
    }
    (state, previous)
}

/// What a block moves in a state.
fn together(said: Said<'_>, state: &State, places: &Places) -> Together {
    let mut found = Together::new();
    for (addr, key) in places.candidates(said, state) {
        let Some(new) = apply(said.path, said.moved, addr, key) else { continue };
        let at = addr.instance(key.clone());
        if new == at {
            continue;
        }
        let ends = match (&said.moved.from, &said.moved.to) {
            (Target::Module(_), _) => {
                (Target::Module(addr.module.clone()), Target::Module(new.resource.module.clone()))
            }
            (Target::Resource(_), Target::Resource(_)) => {
                (Target::Resource(addr.clone()), Target::Resource(new.resource.clone()))
            }
            _ => (Target::Instance(at.clone()), Target::Instance(new.clone())),
        };
        found.entry(ends).or_default().push((at, new));
    }
    found
}

/// Where a block moves an instance of a resource.
fn apply(path: &ModulePath, moved: &Moved, at: &ResourceAddr, key: &InstanceKey) -> Option<InstanceAddr> {
    let steps = at.module.steps();
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
            Some(ResourceAddr { module, resource: at.resource.clone() }.instance(key.clone()))
        }
        (from, to) => {
            let (from_resource, from_key) = parts(from)?;
            let (to_resource, to_key) = parts(to)?;
            if from_resource.module.steps() != inner || from_resource.resource != at.resource {
                return None;
            }
            let key = match (from_key, to_key) {
                (None, None) => key.clone(),
                (from, to) => {
                    if from.unwrap_or(&InstanceKey::None) != key {
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

/// `count` was added to a block, or taken away: the one instance is instance 0. Not where a block says what becomes of them.
fn implied(config: &Config, said: &[Said<'_>], state: &State) -> Vec<(InstanceAddr, InstanceAddr)> {
    let mut found = Vec::new();
    for (addr, resource) in managed(state) {
        let (single, first) = (InstanceKey::None, InstanceKey::Int(0));
        if resource.instances.contains_key(&single) == resource.instances.contains_key(&first) {
            continue;
        }
        let block = config.module(&addr.module.path()).and_then(|m| m.resources.get(&*addr.resource));
        let (from, to) = match block.map(|b| &b.repetition) {
            Some(Repetition::Count(_)) => (single, first),
            Some(Repetition::Single | Repetition::Enabled(_)) => (first, single),
            _ => continue,
        };
        if resource.instances.contains_key(&from) && !said.iter().any(|s| s.names(addr)) {
            found.push((addr.instance(from), addr.instance(to)));
        }
    }
    found
}

impl Said<'_> {
    /// Whether one of its ends is a resource, or an instance of it.
    fn names(self, resource: &ResourceAddr) -> bool {
        let steps = resource.module.steps();
        let depth = self.path.0.len();
        let here =
            steps.len() >= depth && self.path.0.iter().zip(steps).all(|(name, step)| *name == step.name);
        here && [&self.moved.from, &self.moved.to]
            .into_iter()
            .filter_map(parts)
            .any(|(end, _)| end.resource == resource.resource && end.module.steps() == &steps[depth..])
    }
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
