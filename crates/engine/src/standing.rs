//! What a block depends on by its text alone.
//!
//! Values tell exactly which instances they were made from, and mostly that is the better word: `b[1]` waits for `a[1]`, and
//! not for all of `a`. But some references leave no trace in a value: those that were not evaluated (`try`, an empty `for`),
//! those that are looked at only when the object is there (provisioners, postconditions), and those to resources and modules
//! without instances, behind which others may be. For these the text decides, as it does for Terraform.

use crate::cells::{BlockRef, CellId, Content, InstanceInfo, Kind, ModuleId, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran};
use crate::expand::Expansion;
use crate::graph::{Graph, Object, Target};
use formwork_addr::{ModulePath, Resource};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::sync::Arc;

/// The resources that the text of blocks names, as far as anybody asked.
#[derive(Default)]
pub(crate) struct Texts {
    /// The graph of the configuration; only plans have one: the order of what is applied is the plan's.
    pub graph: Option<Arc<Graph>>,
    /// By block (`Keys`).
    found: RefCell<FxHashMap<CellId, Arc<Standing>>>,
    /// The blocks that have instances in sets which many share. The set is kept, so that its address stays its own.
    shared: RefCell<FxHashMap<*const Deps, (Arc<Deps>, Arc<FxHashSet<CellId>>)>>,
}

/// The resource blocks, in instances of modules, that another names.
#[derive(Default)]
struct Standing {
    /// Those with instances.
    blocks: Vec<Block>,
    /// Expansions of blocks without instances, and of those that are not known.
    others: Vec<CellId>,
}

/// A resource block with instances.
struct Block {
    keys: CellId,
    /// Whether all of its instances count, whatever the values say.
    late: bool,
}

/// What is not ready yet, or never will be.
#[derive(Default)]
struct Short {
    missing: Vec<CellId>,
    failed: bool,
}

impl Evaluator {
    /// What an instance depends on besides `made_from`, the instances that its values were made from.
    pub(crate) fn standing(&self, instance: &InstanceInfo, made_from: &Deps) -> Ran<()> {
        let mut short = Short::default();
        let known = self.texts.found.borrow().get(&instance.keys).cloned();
        let standing = match known {
            Some(standing) => standing,
            None => {
                let Some(graph) = &self.texts.graph else { return Ran::Done((), Deps::default()) };
                let path = &self.module(instance.module).module.path;
                let object = Object::Resource(path.clone(), (*instance.block.block().resource).clone());
                let standing = Arc::new(self.resolve(instance.module, graph.names(&object), &mut short));
                if short.failed {
                    return Ran::Failed;
                }
                if !short.missing.is_empty() {
                    return Ran::Missing(short.missing);
                }
                self.texts.found.borrow_mut().insert(instance.keys, standing.clone());
                standing
            }
        };
        let mut deps = Deps::default();
        for block in &standing.blocks {
            if block.late || !self.is_among(made_from, block) {
                self.all_of(block.keys, None, &mut short.missing, &mut deps, &mut short.failed);
            }
        }
        standing.others.iter().for_each(|cell| deps.add_instance(*cell));
        short.ran(deps)
    }

    /// What depends on a block or a module without instances depends on what that names.
    pub(crate) fn beneath(
        &self,
        cell: CellId,
        missing: &mut Vec<CellId>,
        deps: &mut Deps,
        failed: &mut bool,
    ) {
        let Some(graph) = &self.texts.graph else { return };
        let (module, object) = match &self.cells.get(cell).kind {
            Kind::Keys(module, BlockRef { module: declared, block }) => {
                (*module, Object::Resource(declared.path.clone(), (*block.resource).clone()))
            }
            Kind::Calls(module, name) => {
                (*module, Object::Closed(self.module(*module).module.path.clone(), name.clone()))
            }
            _ => return,
        };
        let mut short = Short::default();
        let standing = self.resolve(module, graph.names(&object), &mut short);
        for block in &standing.blocks {
            self.all_of(block.keys, None, &mut short.missing, deps, &mut short.failed);
        }
        standing.others.iter().for_each(|cell| deps.add_instance(*cell));
        missing.append(&mut short.missing);
        *failed |= short.failed;
    }

    /// The blocks that these targets are, seen from an instance of a module. Where one has no instances, what it names takes
    /// its place.
    fn resolve(&self, from: ModuleId, targets: Vec<Target<'_>>, short: &mut Short) -> Standing {
        let mut standing = Standing::default();
        let mut seen: FxHashSet<(&ModulePath, &Resource, bool)> = FxHashSet::default();
        let mut open = targets;
        while let Some(Target { path, resource, late }) = open.pop() {
            if !seen.insert((path, resource, late)) {
                continue;
            }
            let mut any = false;
            let before = short.missing.len();
            for module in self.instances_of_module(from, path, &mut standing, short) {
                let Some(keys) = self.keys_cell(module, resource) else { continue };
                let cell = self.cells.get(keys);
                match (cell.status, &cell.content) {
                    (Status::Failed, _) => short.failed = true,
                    (Status::Ready, Content::Keys(expansion))
                        if matches!(**expansion, Expansion::Unknown) =>
                    {
                        standing.others.push(keys);
                        any = true;
                    }
                    (Status::Ready, Content::Keys(expansion)) if expansion.iter().next().is_none() => {
                        standing.others.push(keys);
                    }
                    (Status::Ready, _) => {
                        standing.blocks.push(Block { keys, late });
                        any = true;
                    }
                    (Status::Idle | Status::Busy, _) => short.missing.push(keys),
                }
            }
            if !any
                && short.missing.len() == before
                && let Some(graph) = &self.texts.graph
            {
                let object = Object::Resource(path.clone(), resource.clone());
                open.extend(graph.names(&object).into_iter().map(|t| Target { late: t.late || late, ..t }));
            }
        }
        standing
    }

    /// The instances of a module that an instance of another can mean: of modules around both, the one that is around it.
    fn instances_of_module(
        &self,
        from: ModuleId,
        path: &ModulePath,
        standing: &mut Standing,
        short: &mut Short,
    ) -> Vec<ModuleId> {
        let own = self.module(from).addr.steps();
        let mut found = vec![0];
        let mut around = true;
        for (depth, name) in path.0.iter().enumerate() {
            let step = own.get(depth).filter(|step| around && step.name == *name);
            around = step.is_some();
            let mut next = Vec::new();
            for outer in found {
                let Some(calls) = self.module(outer).calls.get(name).copied() else { continue };
                let cell = self.cells.get(calls);
                match (cell.status, &cell.content) {
                    (Status::Failed, _) => short.failed = true,
                    (Status::Ready, Content::Calls(expansion)) => {
                        if matches!(**expansion, Expansion::Unknown) {
                            standing.others.push(calls);
                        }
                        match step {
                            Some(step) => next.extend(expansion.get(&step.key).copied()),
                            None => next.extend(expansion.iter().map(|(_, child)| *child)),
                        }
                    }
                    (Status::Ready, _) => {}
                    (Status::Idle | Status::Busy, _) => short.missing.push(calls),
                }
            }
            found = next;
        }
        found
    }

    /// Whether an instance of the block is in the set.
    fn is_among(&self, made_from: &Deps, block: &Block) -> bool {
        made_from.instances.iter().any(|id| self.block_behind(*id) == block.keys)
            || made_from.groups.iter().any(|group| self.blocks_in(group).contains(&block.keys))
    }

    /// The block that a cell in a set of dependencies is an instance of, or is.
    fn block_behind(&self, id: CellId) -> CellId {
        match &self.cells.get(id).kind {
            Kind::Instance(info) => info.keys,
            _ => id,
        }
    }

    /// The blocks that have instances in a set which many share: looked for once.
    fn blocks_in(&self, group: &Arc<Deps>) -> Arc<FxHashSet<CellId>> {
        if let Some((_, known)) = self.texts.shared.borrow().get(&Arc::as_ptr(group)) {
            return known.clone();
        }
        let mut found = FxHashSet::default();
        group.each(&mut |id| {
            found.insert(self.block_behind(id));
        });
        let found = Arc::new(found);
        self.texts.shared.borrow_mut().insert(Arc::as_ptr(group), (group.clone(), found.clone()));
        found
    }
}

impl Short {
    fn ran(self, deps: Deps) -> Ran<()> {
        match (self.failed, self.missing.is_empty()) {
            (true, _) => Ran::Failed,
            (false, true) => Ran::Done((), deps),
            (false, false) => Ran::Missing(self.missing),
        }
    }
}
