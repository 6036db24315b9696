//! Where in a state the instances are that a `moved` block is about, without a look at all the others.

use super::Said;
use formwork_addr::{
    InstanceKey, ModuleInstance, ModulePath, ModuleStep, Resource, ResourceAddr, ResourceMode, Target,
};
use formwork_state::{ResourceState, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The module instances that a state has, or had, something in, by their paths.
#[derive(Default)]
pub(super) struct Places(BTreeMap<ModulePath, BTreeSet<ModuleInstance>>);

impl Places {
    pub fn of(state: &State) -> Self {
        let mut places = Places::default();
        let mut last = None;
        for addr in state.resources.keys() {
            // Those of one module follow each other.
            if last != Some(&addr.module) {
                places.add(&addr.module);
                last = Some(&addr.module);
            }
        }
        places
    }

    /// Adds a module instance, and those around it.
    pub fn add(&mut self, module: &ModuleInstance) {
        let steps = module.steps();
        for depth in 0..=steps.len() {
            let outer = ModuleInstance::new(steps[..depth].to_vec());
            self.0.entry(outer.path()).or_default().insert(outer);
        }
    }

    /// The instances that a block may move.
    pub fn candidates<'s>(
        &self,
        said: Said<'s>,
        state: &'s State,
    ) -> Vec<(&'s ResourceAddr, &'s InstanceKey)> {
        let mut found = Vec::new();
        for outer in self.0.get(said.path).into_iter().flatten() {
            let within = |steps: &[ModuleStep]| ModuleInstance::new([outer.steps(), steps].concat());
            let named = |resource: &ResourceAddr| {
                let module = within(resource.module.steps());
                state.resources.get_key_value(&ResourceAddr { module, resource: resource.resource.clone() })
            };
            match (&said.moved.from, &said.moved.to) {
                (Target::Module(from), to) => {
                    let any = [Some(from), module(to)].into_iter().flatten().all(is_whole);
                    for (addr, resource) in inside(state, within(from.steps()), any) {
                        found.extend(resource.instances.keys().map(|key| (addr, key)));
                    }
                }
                (Target::Resource(from), Target::Resource(_)) => {
                    if let Some((addr, resource)) = named(from) {
                        found.extend(resource.instances.keys().map(|key| (addr, key)));
                    }
                }
                (Target::Resource(from), _) => found.extend(named(from).and_then(one(&InstanceKey::None))),
                (Target::Instance(from), _) => found.extend(named(&from.resource).and_then(one(&from.key))),
            }
        }
        found.retain(|(addr, _)| addr.resource.mode != ResourceMode::Data);
        found
    }
}

/// One instance of a resource.
fn one<'s>(
    key: &InstanceKey,
) -> impl Fn((&'s ResourceAddr, &'s ResourceState)) -> Option<(&'s ResourceAddr, &'s InstanceKey)> {
    move |(addr, resource)| resource.instances.get_key_value(key).map(|(key, _)| (addr, key))
}

/// Whether the last step of a module has no key.
fn is_whole(module: &ModuleInstance) -> bool {
    module.steps().last().is_some_and(|step| step.key == InstanceKey::None)
}

fn module(target: &Target) -> Option<&ModuleInstance> {
    match target {
        Target::Module(module) => Some(module),
        _ => None,
    }
}

/// What is in a module, or in `any` instance of its call.
fn inside(
    state: &State,
    module: ModuleInstance,
    any: bool,
) -> impl Iterator<Item = (&ResourceAddr, &ResourceState)> {
    // Nothing comes before it in its module.
    let first = Resource { mode: ResourceMode::Ephemeral, type_name: "".into(), name: "".into() };
    let start = ResourceAddr { module: module.clone(), resource: Arc::new(first) };
    state.resources.range(start..).take_while(move |(addr, _)| {
        let (around, steps) = (module.steps(), addr.module.steps());
        match (around.split_last(), steps.get(..around.len()).and_then(<[ModuleStep]>::split_last)) {
            (Some((last, outer)), Some((own, own_outer))) => {
                outer == own_outer && last.name == own.name && (any || last.key == own.key)
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moves::together;
    use formwork_addr::InstanceAddr;
    use formwork_config::Moved;
    use formwork_diag::{FileId, Span};
    use formwork_state::ResourceInstance;

    fn state(addresses: impl IntoIterator<Item = String>) -> State {
        let mut state = State::default();
        for address in addresses {
            let addr: InstanceAddr = address.parse().unwrap();
            let resource = state.resources.entry(addr.resource).or_default();
            resource.instances.insert(addr.key, ResourceInstance::default());
        }
        state
    }

    fn target(text: &str) -> Target {
        text.parse::<ModuleInstance>().map(Target::Module).unwrap_or_else(|_| {
            let addr: InstanceAddr = text.parse().unwrap();
            match addr.key {
                InstanceKey::None => Target::Resource(addr.resource),
                _ => Target::Instance(addr),
            }
        })
    }

    /// How many instances are looked at for a block in the module `path`, and what moves.
    fn look(state: &State, path: &[&str], from: &str, to: &str) -> (usize, Vec<String>) {
        let span = Span { file: FileId(0), start: 0, end: 0 };
        let moved = Moved { from: target(from), to: target(to), span };
        let path = ModulePath(path.iter().map(|name| (*name).into()).collect());
        let (said, places) = (Said { path: &path, moved: &moved }, Places::of(state));
        let moves = together(said, state, &places);
        let moves = moves.into_values().flatten().map(|(from, to)| format!("{from} -> {to}"));
        (places.candidates(said, state).len(), moves.collect())
    }

    #[test]
    fn only_what_a_block_names_is_looked_at() {
        let many = (0..500).flat_map(|i| {
            [
                format!("t.a{i}"),
                format!("module.m[{i}].t.x"),
                format!("module.m[{i}].module.n.t.y"),
                format!("module.k[\"{i}\"].t.x[0]"),
                format!("t.n[{i}]"),
                format!("data.t.a{i}"),
            ]
        });
        let state = state(many);
        let check = |path: &[&str], from: &str, to: &str, looked_at: usize, moves: &[&str]| {
            let (found, moving) = look(&state, path, from, to);
            assert_eq!(
                (found, moving.iter().map(String::as_str).collect::<Vec<_>>()),
                (looked_at, moves.to_vec())
            );
        };
        check(&[], "t.a7", "t.b7", 1, &["t.a7 -> t.b7"]);
        check(&[], "t.none", "t.b7", 0, &[]);
        check(&[], "t.n[7]", "t.m[8]", 1, &["t.n[7] -> t.m[8]"]);
        check(&[], "t.n", "t.m[8]", 0, &[]);
        check(
            &[],
            "module.m[7]",
            "module.q",
            2,
            &["module.m[7].t.x -> module.q.t.x", "module.m[7].module.n.t.y -> module.q.module.n.t.y"],
        );
        check(&[], "module.m", "module.q[0]", 0, &[]);
        assert_eq!(look(&state, &[], "module.m", "module.q").0, 1000);
        assert_eq!(look(&state, &["m"], "module.n", "module.o").1.len(), 500);
        assert_eq!(look(&state, &["k"], "t.x[0]", "t.x[1]").1.len(), 500);
    }
}
