//! Which resource instances a value was made from.

use crate::cells::CellId;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// A set of instance cells, shared where it is large: a tree whose leaves are instances.
#[derive(Debug, Default)]
pub(crate) struct Deps {
    /// Instances.
    pub instances: Vec<CellId>,
    /// Further sets, each once.
    pub groups: Vec<Arc<Deps>>,
}

/// Sets smaller than this are copied rather than shared.
const INLINE: usize = 8;

impl Deps {
    /// Adds another set.
    pub fn add(&mut self, other: &Arc<Deps>) {
        if other.groups.is_empty() && other.instances.len() <= INLINE {
            for id in &other.instances {
                if !self.instances.contains(id) {
                    self.instances.push(*id);
                }
            }
        } else if !self.groups.iter().any(|g| Arc::ptr_eq(g, other)) {
            self.groups.push(other.clone());
        }
    }

    /// Adds a set that nobody else has: what is shared in it stays so.
    pub fn absorb(&mut self, other: Deps) {
        let Deps { instances, groups } = other;
        self.add(&Arc::new(Deps { instances, groups: Vec::new() }));
        groups.iter().for_each(|group| self.add(group));
    }

    /// Adds one instance.
    pub fn add_instance(&mut self, id: CellId) {
        if !self.instances.contains(&id) {
            self.instances.push(id);
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.groups.is_empty()
    }

    /// Calls `f` with every instance, each at least once; shared sets are visited once.
    pub fn each(self: &Arc<Self>, f: &mut dyn FnMut(CellId)) {
        let mut seen: FxHashSet<*const Deps> = FxHashSet::default();
        let mut stack: Vec<&Arc<Deps>> = vec![self];
        while let Some(set) = stack.pop() {
            if seen.insert(Arc::as_ptr(set)) {
                set.instances.iter().for_each(|id| f(*id));
                stack.extend(&set.groups);
            }
        }
    }
}

/// Answers to yes-or-no questions about sets that many share: each set is looked through once for each asker.
#[derive(Debug, Default)]
pub(crate) struct Answers(FxHashMap<(CellId, *const Deps), (Arc<Deps>, bool)>);

impl Answers {
    /// Whether what `asker` asks `holds` of any instance in the set. Of an instance in a shared set the answer must not change any more.
    pub fn any(&mut self, asker: CellId, set: &Deps, holds: &dyn Fn(CellId) -> bool) -> bool {
        set.instances.iter().any(|id| holds(*id))
            || set.groups.iter().any(|group| self.in_group(asker, group, holds))
    }

    fn in_group(&mut self, asker: CellId, group: &Arc<Deps>, holds: &dyn Fn(CellId) -> bool) -> bool {
        let place = (asker, Arc::as_ptr(group));
        if let Some((_, known)) = self.0.get(&place) {
            return *known;
        }
        let mut found = false;
        group.each(&mut |id| found = found || holds(id));
        // The set is kept, so that its address stays its own; one that nobody else has will not be met again.
        if Arc::strong_count(group) > 1 {
            self.0.insert(place, (group.clone(), found));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_many_share_is_looked_through_once() {
        let all = Arc::new(Deps { instances: (0..1000).collect(), groups: Vec::new() });
        let (looked, mut answers) = (Cell::new(0), Answers::default());
        let mut ask = |asker: CellId, own: CellId, wanted: CellId| {
            let set = Deps { instances: vec![own], groups: vec![all.clone()] };
            let holds = |id: CellId| {
                looked.set(looked.get() + 1);
                id == wanted
            };
            answers.any(asker, &set, &holds)
        };
        for own in 2000..2100 {
            assert!(!ask(1, own, 5000));
        }
        assert!(ask(1, 5000, 5000));
        assert!(ask(2, 2000, 999) && ask(2, 2001, 999));
        assert!(looked.get() < 2500, "{}", looked.get());
    }
}
