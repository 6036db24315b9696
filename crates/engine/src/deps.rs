//! Which resource instances a value was made from.

use crate::cells::CellId;
use rustc_hash::FxHashSet;
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
