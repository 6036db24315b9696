//! The order of steps: all of it is here.
//!
//! For an instance X and an instance Y that X is made from:
//!
//! | X | Y | order |
//! |---|---|---|
//! | created, updated, replaced | created, updated, replaced | Y's new value, then X's |
//! | deleted, replaced | deleted, replaced | X goes, then Y goes |
//! | updated, replaced | deleted, or replaced create-first | X's new value, then Y's old object goes |
//! | deleted, replaced | created, updated, replaced; the configuration of X's provider is made from Y | Y's new value, then X goes |
//!
//! What stays as it is has a step, too, if its conditions could not be judged in the plan: whatever is made from it waits for
//! the verdict.
//!
//! An object replaced destroy-first goes before its successor comes; create-first it is put aside, its successor comes,
//! then it goes. "Made from" is, for new values, exact: the instances that the configuration refers to. For what goes it
//! is what the state recorded, resource by resource, and it reaches through resources that do not change. The third row gives
//! way where it would close a ring; so does the second, for what X's provider is configured from.

use crate::deps::Deps;
use crate::evaluator::Evaluator;
use crate::planner::Draft;
use formwork_addr::{InstanceAddr, ResourceAddr};
use formwork_plan::{Action, CheckStatus, Part, PlannedChange, ReplaceOrder, Step, StepKind};
use formwork_state::{Origins, State, add_origins};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

/// The steps of a plan. `states` say what was made from what: the one before the plan has what is gone, too.
/// The second value names what can never be done, because each of it waits for the others.
pub(crate) fn steps(drafts: &[Draft], ev: &Evaluator, states: &[&State]) -> (Vec<Step>, Vec<InstanceAddr>) {
    let changes: Vec<&PlannedChange> = drafts.iter().map(|d| &d.change).collect();
    let unjudged =
        ev.checks.all().iter().filter(|c| c.status == CheckStatus::Unknown).map(|c| &*c.address).collect();
    let mut order = Order::new(&changes, &unjudged);
    let mut sequence: Vec<usize> = (0..drafts.len()).collect();
    sequence.sort_by_key(|i| drafts[*i].seq);
    let of_cell: FxHashMap<u32, usize> =
        drafts.iter().enumerate().filter_map(|(i, d)| Some((d.cell?, i))).collect();
    let mut inputs = Inputs { ev, of_cell: &of_cell, sets: FxHashMap::default(), fed: FxHashMap::default() };
    for i in sequence {
        let mut needed = inputs.of(&mut order, &drafts[i].inputs);
        if let Some(deps) = drafts[i].provider.and_then(|p| ev.cells.get(p).deps.clone()) {
            let provider = inputs.of(&mut order, &deps);
            // Its provider is needed for what goes, too.
            if let Some(delete) = order.delete[i] {
                provider.iter().for_each(|n| order.after(delete, *n, Edge::Firm));
            }
            needed.extend(provider);
        }
        match order.first[i].or(order.apply[i]) {
            Some(step) => needed.iter().for_each(|n| order.after(step, *n, Edge::Firm)),
            // What does not change passes on what it waits for.
            None => {
                if let Some(gate) = order.gate(needed) {
                    inputs.fed.insert(i, gate);
                }
            }
        }
    }
    order.removals(&changes, &origins(drafts, states), &through_providers(drafts, ev));
    let all = order.kinds.clone();
    let steps = order.finish();
    let mut stuck = BTreeSet::new();
    if steps.len() < all.len() {
        for kind in all {
            if let StepKind::Change(i, _) = kind
                && !steps.iter().any(|step| step.kind == kind)
            {
                stuck.insert(changes[i as usize].addr.clone());
            }
        }
    }
    (steps, stuck.into_iter().collect())
}

fn origins(drafts: &[Draft], states: &[&State]) -> Origins {
    let mut origins = Origins::new();
    for state in states {
        add_origins(&mut origins, state);
    }
    for draft in drafts {
        let own = &draft.change.addr.resource.without_keys();
        let mut more = draft.change.dependencies.iter().filter(|d| *d != own).peekable();
        if more.peek().is_some() {
            origins.entry(own.clone()).or_default().extend(more.cloned());
        }
    }
    origins
}

/// What the configurations of providers were made from, by the resources of these providers.
fn through_providers(drafts: &[Draft], ev: &Evaluator) -> Origins {
    let mut origins = Origins::new();
    for draft in drafts {
        let own = &draft.change.addr.resource.without_keys();
        let Some(deps) = draft.provider.and_then(|p| ev.cells.get(p).deps.clone()) else { continue };
        let behind = ev.resources_in(&deps, own);
        if !behind.is_empty() {
            origins.entry(own.clone()).or_default().extend(behind.iter().cloned());
        }
    }
    origins
}

/// Which steps give the values that a set of dependencies stands for.
struct Inputs<'a> {
    ev: &'a Evaluator,
    of_cell: &'a FxHashMap<u32, usize>,
    sets: FxHashMap<*const Deps, Option<u32>>,
    /// The gate of a change that is none.
    fed: FxHashMap<usize, u32>,
}

impl Inputs<'_> {
    fn of(&mut self, order: &mut Order, deps: &Arc<Deps>) -> Vec<u32> {
        let mut needed = Vec::new();
        for cell in &deps.instances {
            match self.of_cell.get(cell) {
                Some(i) => needed.extend(order.apply[*i].or_else(|| self.fed.get(i).copied())),
                // Data that was read while planning stands for what it was made from.
                None => {
                    if let Some(behind) = self.ev.cells.get(*cell).deps.clone() {
                        needed.extend(self.group(order, &behind));
                    }
                }
            }
        }
        for group in &deps.groups {
            needed.extend(self.group(order, group));
        }
        needed
    }

    fn group(&mut self, order: &mut Order, deps: &Arc<Deps>) -> Option<u32> {
        if let Some(known) = self.sets.get(&Arc::as_ptr(deps)) {
            return *known;
        }
        let needed = self.of(order, deps);
        let gate = order.gate(needed);
        self.sets.insert(Arc::as_ptr(deps), gate);
        gate
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Firm,
    /// Gives way in a ring.
    Weak,
}

/// Steps in the making.
pub(crate) struct Order {
    kinds: Vec<StepKind>,
    after: Vec<Vec<(u32, Edge)>>,
    /// The step that gives each change its new value, and the one before which all must be there that it is made from.
    apply: Vec<Option<u32>>,
    first: Vec<Option<u32>>,
    delete: Vec<Option<u32>>,
}

impl Order {
    /// The steps of each change, with the order within a change. `unjudged` are addresses whose conditions are.
    pub(crate) fn new(changes: &[&PlannedChange], unjudged: &FxHashSet<&str>) -> Self {
        let mut order = Order {
            kinds: Vec::new(),
            after: Vec::new(),
            apply: vec![None; changes.len()],
            first: vec![None; changes.len()],
            delete: vec![None; changes.len()],
        };
        for (i, change) in changes.iter().enumerate() {
            let part = |order: &mut Order, part| order.add(StepKind::Change(i as u32, part));
            match change.action {
                Action::NoOp
                    if !unjudged.is_empty()
                        && change.deposed.is_none()
                        && unjudged.contains(change.addr.to_string().as_str()) =>
                {
                    order.apply[i] = Some(part(&mut order, Part::Apply));
                }
                Action::NoOp | Action::Defer => {}
                Action::Create | Action::Update | Action::Read => {
                    order.apply[i] = Some(part(&mut order, Part::Apply));
                }
                Action::Delete => order.delete[i] = Some(part(&mut order, Part::Delete)),
                Action::Forget => {
                    part(&mut order, Part::Forget);
                }
                Action::Replace(ReplaceOrder::DestroyFirst) => {
                    let delete = part(&mut order, Part::Delete);
                    let apply = part(&mut order, Part::Apply);
                    order.after(apply, delete, Edge::Firm);
                    (order.delete[i], order.apply[i]) = (Some(delete), Some(apply));
                }
                Action::Replace(ReplaceOrder::CreateBeside) => {
                    let depose = part(&mut order, Part::Depose);
                    let apply = part(&mut order, Part::Apply);
                    order.after(apply, depose, Edge::Firm);
                    (order.first[i], order.apply[i]) = (Some(depose), Some(apply));
                }
                Action::Replace(ReplaceOrder::CreateFirst) => {
                    let depose = part(&mut order, Part::Depose);
                    let apply = part(&mut order, Part::Apply);
                    let delete = part(&mut order, Part::Delete);
                    order.after(apply, depose, Edge::Firm);
                    order.after(delete, apply, Edge::Firm);
                    (order.delete[i], order.apply[i]) = (Some(delete), Some(apply));
                    order.first[i] = Some(depose);
                }
            }
        }
        order
    }

    fn add(&mut self, kind: StepKind) -> u32 {
        self.kinds.push(kind);
        self.after.push(Vec::new());
        self.kinds.len() as u32 - 1
    }

    fn after(&mut self, step: u32, other: u32, edge: Edge) {
        if step != other {
            self.after[step as usize].push((other, edge));
        }
    }

    /// One step that comes after all of these.
    fn gate(&mut self, mut steps: Vec<u32>) -> Option<u32> {
        steps.sort_unstable();
        steps.dedup();
        match steps.as_slice() {
            [] => None,
            [one] => Some(*one),
            many => {
                let gate = self.add(StepKind::Gate);
                self.after[gate as usize] = many.iter().map(|s| (*s, Edge::Firm)).collect();
                Some(gate)
            }
        }
    }

    /// The order in which old objects go. What goes through a provider goes before what that provider's configuration was made
    /// from; this gives way where the configuration comes to be made from something new, which has to wait until the old goes.
    pub(crate) fn removals(
        &mut self,
        changes: &[&PlannedChange],
        origins: &Origins,
        through_providers: &Origins,
    ) {
        let mut deletes: BTreeMap<&ResourceAddr, Vec<usize>> = BTreeMap::new();
        let mut applies: BTreeMap<&ResourceAddr, Vec<u32>> = BTreeMap::new();
        let resources: Vec<ResourceAddr> = changes.iter().map(|c| c.addr.resource.without_keys()).collect();
        for (i, resource) in resources.iter().enumerate() {
            if self.delete[i].is_some() {
                deletes.entry(resource).or_default().push(i);
            }
            if let Some(step) = self.apply[i] {
                applies.entry(resource).or_default().push(step);
            }
        }
        if deletes.is_empty() {
            return;
        }
        let mut users: BTreeMap<&ResourceAddr, Vec<(&ResourceAddr, Edge)>> = BTreeMap::new();
        for (all, edge) in [(through_providers, Edge::Weak), (origins, Edge::Firm)] {
            for (user, used) in all {
                let through = through_providers.get(user).filter(|_| edge == Edge::Firm);
                for u in used.iter().filter(|u| *u != user && !through.is_some_and(|t| t.contains(*u))) {
                    users.entry(u).or_default().push((user, edge));
                }
            }
        }
        let applied: BTreeMap<&ResourceAddr, u32> =
            applies.into_iter().filter_map(|(r, steps)| Some((r, self.gate(steps)?))).collect();
        // Users first; in a ring, which only an odd state can have, some edge is left out.
        let mut closed: BTreeMap<&ResourceAddr, [Option<u32>; 2]> = BTreeMap::new();
        let all = origins.keys().chain(through_providers.keys()).chain(deletes.keys().copied());
        for resource in users_first(&users, all) {
            let using = users.get(resource).map(Vec::as_slice).unwrap_or_default();
            let (mut firm, mut weak) = (Vec::new(), Vec::new());
            for (user, edge) in using {
                let [firmly, weakly] = closed.get(user).copied().unwrap_or_default();
                match edge {
                    Edge::Firm => firm.extend(firmly),
                    Edge::Weak => weak.extend(firmly),
                }
                weak.extend(weakly);
            }
            let gone = [self.gate(firm), self.gate(weak)];
            let Some(indices) = deletes.get(resource) else {
                closed.insert(resource, gone);
                continue;
            };
            let moved: Vec<u32> = using.iter().filter_map(|(u, _)| applied.get(u).copied()).collect();
            let moved = self.gate(moved);
            let mut own = Vec::new();
            for i in indices {
                let Some(step) = self.delete[*i] else { continue };
                for (gone, edge) in gone.iter().zip([Edge::Firm, Edge::Weak]) {
                    if let Some(gone) = gone {
                        self.after(step, *gone, edge);
                    }
                }
                let stays = matches!(changes[*i].action, Action::Replace(ReplaceOrder::DestroyFirst));
                if let (Some(moved), false) = (moved, stays) {
                    self.after(step, moved, Edge::Weak);
                }
                own.push(step);
            }
            let gate = self.gate(own);
            closed.insert(resource, [gate, None]);
        }
    }

    /// The steps, each after those that it waits for; ties in the order of the changes.
    pub(crate) fn finish(mut self) -> Vec<Step> {
        let mut order = self.sorted();
        if order.len() < self.kinds.len() {
            let ring = self.rings();
            for (step, after) in self.after.iter_mut().enumerate() {
                after.retain(|(other, edge)| *edge == Edge::Firm || ring[step] != ring[*other as usize]);
            }
            order = self.sorted();
        }
        let mut number = vec![0u32; self.kinds.len()];
        for (i, step) in order.iter().enumerate() {
            number[*step as usize] = i as u32;
        }
        order
            .iter()
            .map(|step| {
                let mut after: Vec<u32> =
                    self.after[*step as usize].iter().map(|(other, _)| number[*other as usize]).collect();
                after.sort_unstable();
                after.dedup();
                Step { kind: self.kinds[*step as usize], after }
            })
            .collect()
    }

    /// To which ring each step belongs; a step that is in none is one of its own.
    fn rings(&self) -> Vec<u32> {
        let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(self.kinds.len(), self.kinds.len());
        for _ in &self.kinds {
            graph.add_node(());
        }
        for (step, after) in self.after.iter().enumerate() {
            for (other, _) in after {
                graph.add_edge((step as u32).into(), (*other).into(), ());
            }
        }
        let mut ring = vec![0; self.kinds.len()];
        // The other algorithm for this recurses, and chains are long.
        for (i, steps) in kosaraju_scc(&graph).into_iter().enumerate() {
            for step in steps {
                ring[step.index()] = i as u32;
            }
        }
        ring
    }

    fn sorted(&self) -> Vec<u32> {
        let mut waiting: Vec<usize> = self.after.iter().map(Vec::len).collect();
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.kinds.len()];
        for (step, after) in self.after.iter().enumerate() {
            for (other, _) in after {
                before[*other as usize].push(step as u32);
            }
        }
        let key = |step: u32| match self.kinds[step as usize] {
            StepKind::Gate => (0, Part::Depose, step),
            StepKind::Change(i, part) => (i + 1, part, step),
        };
        let mut ready: BinaryHeap<Reverse<(u32, Part, u32)>> = waiting
            .iter()
            .enumerate()
            .filter(|(_, n)| **n == 0)
            .map(|(step, _)| Reverse(key(step as u32)))
            .collect();
        let mut out = Vec::with_capacity(self.kinds.len());
        while let Some(Reverse((_, _, step))) = ready.pop() {
            out.push(step);
            for next in &before[step as usize] {
                waiting[*next as usize] -= 1;
                if waiting[*next as usize] == 0 {
                    ready.push(Reverse(key(*next)));
                }
            }
        }
        out
    }
}

/// Resources such that each comes after those that use it, as far as there is no ring.
fn users_first<'a>(
    users: &BTreeMap<&'a ResourceAddr, Vec<(&'a ResourceAddr, Edge)>>,
    all: impl Iterator<Item = &'a ResourceAddr>,
) -> Vec<&'a ResourceAddr> {
    let mut out = Vec::new();
    let mut seen: BTreeSet<&ResourceAddr> = BTreeSet::new();
    let roots: BTreeSet<&ResourceAddr> = all.chain(users.keys().copied()).collect();
    for root in roots {
        // Depth first, by hand: chains are long.
        let mut stack = vec![(root, 0)];
        if !seen.insert(root) {
            continue;
        }
        while let Some((resource, next)) = stack.pop() {
            match users.get(resource).and_then(|u| u.get(next)) {
                Some((user, _)) => {
                    stack.push((resource, next + 1));
                    if seen.insert(user) {
                        stack.push((user, 0));
                    }
                }
                None => out.push(resource),
            }
        }
    }
    out
}
