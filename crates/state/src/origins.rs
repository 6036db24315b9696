//! What objects were made from, when that has moved or gone.
//!
//! Recorded dependencies are direct. As long as everything is there, they lead from each object to all that it stands on.
//! What leaves a state takes its own dependencies along: so those are handed on to whoever depends on it.

use crate::{State, StoredObject};
use formwork_addr::ResourceAddr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What resources were made from, without keys of modules.
pub type Origins = BTreeMap<ResourceAddr, BTreeSet<ResourceAddr>>;

/// Adds what the objects of a state were made from.
pub fn add_origins(origins: &mut Origins, state: &State) {
    for (addr, resource) in &state.resources {
        let objects = resource.instances.values().flat_map(|i| i.current.iter().chain(i.deposed.values()));
        // Instances of one resource mostly share the list.
        let mut last: Option<*const [ResourceAddr]> = None;
        for object in objects.filter(|o| !o.dependencies.is_empty()) {
            if last != Some(Arc::as_ptr(&object.dependencies)) {
                last = Some(Arc::as_ptr(&object.dependencies));
                let own = origins.entry(addr.without_keys()).or_default();
                own.extend(object.dependencies.iter().cloned());
            }
        }
    }
}

/// All that some resources stand on, through whatever lies between.
pub fn behind<'a>(
    origins: &Origins,
    resources: impl IntoIterator<Item = &'a ResourceAddr>,
) -> BTreeSet<ResourceAddr> {
    let mut found = BTreeSet::new();
    let mut open: Vec<ResourceAddr> = resources.into_iter().cloned().collect();
    while let Some(next) = open.pop() {
        if found.insert(next.clone()) {
            open.extend(origins.get(&next).into_iter().flatten().cloned());
        }
    }
    found
}

impl State {
    /// Hands on the dependencies of resources that `before` had and that are gone now to the objects that depend on them.
    pub fn hand_on(&mut self, before: &State) {
        if before.resources.keys().all(|addr| self.resources.contains_key(addr)) {
            return;
        }
        let here: BTreeSet<ResourceAddr> = self.resources.keys().map(ResourceAddr::without_keys).collect();
        let mut origins = Origins::new();
        add_origins(&mut origins, before);
        let gone: BTreeSet<ResourceAddr> = before
            .resources
            .keys()
            .map(ResourceAddr::without_keys)
            .filter(|addr| !here.contains(addr))
            .collect();
        if gone.is_empty() {
            return;
        }
        origins.retain(|addr, _| gone.contains(addr));
        self.redirect(|dependency| {
            gone.contains(dependency).then(|| {
                let all = behind(&origins, [dependency]);
                all.into_iter().filter(|addr| !gone.contains(addr)).collect()
            })
        });
    }

    /// Lets objects that depend on resources of which instances were moved depend on where these are now.
    pub fn follow_moves(&mut self, moves: impl IntoIterator<Item = (ResourceAddr, ResourceAddr)>) {
        let mut moved: BTreeMap<ResourceAddr, BTreeSet<ResourceAddr>> = BTreeMap::new();
        for (from, to) in moves {
            let (from, to) = (from.without_keys(), to.without_keys());
            if from != to {
                moved.entry(from).or_default().insert(to);
            }
        }
        if moved.is_empty() {
            return;
        }
        let here: BTreeSet<ResourceAddr> = self.resources.keys().map(ResourceAddr::without_keys).collect();
        for (from, to) in &mut moved {
            if here.contains(from) {
                to.insert(from.clone());
            }
        }
        self.redirect(|dependency| moved.get(dependency).cloned());
    }

    /// Replaces dependencies by others.
    fn redirect(&mut self, others: impl Fn(&ResourceAddr) -> Option<BTreeSet<ResourceAddr>>) {
        let mut known: HashMap<*const [ResourceAddr], (Arc<[ResourceAddr]>, Option<BTreeSet<ResourceAddr>>)> =
            HashMap::new();
        let mut redirected = |old: &Arc<[ResourceAddr]>| {
            let compute = || {
                let mut changed = false;
                let mut all = BTreeSet::new();
                for dependency in old.iter() {
                    match others(dependency) {
                        Some(instead) => {
                            changed = true;
                            all.extend(instead);
                        }
                        None => {
                            all.insert(dependency.clone());
                        }
                    }
                }
                // The list is kept, so that its place in memory stays its own.
                (old.clone(), changed.then_some(all))
            };
            known.entry(Arc::as_ptr(old)).or_insert_with(compute).1.clone()
        };
        for (addr, resource) in &mut self.resources {
            let own = addr.without_keys();
            let instances = resource.instances.values_mut();
            for object in instances.flat_map(|i| i.current.iter_mut().chain(i.deposed.values_mut())) {
                if let Some(mut new) = redirected(&object.dependencies) {
                    new.remove(&own);
                    let object: &mut StoredObject = Arc::make_mut(object);
                    object.dependencies = new.into_iter().collect();
                }
            }
        }
    }
}
