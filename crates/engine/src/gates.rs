//! What many wait for alike: one cell for all of them, and one set of dependencies that they share.
//!
//! Ten thousand instances that depend on as many others would else wait for each of them, and each have a set of its own.

use crate::cells::{CellId, Content, InstanceInfo, Kind, ModuleId, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran, shared};
use formwork_syntax::Expr;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gate {
    /// What `depends_on` of a module's call, and of all calls around it, names.
    Module(ModuleId),
    /// What `depends_on` of a resource block (`Keys`), and of all calls around it, names.
    Block(CellId),
    /// All instances of a resource block (`Keys`) that was expanded.
    All(CellId),
}

impl Evaluator {
    /// The cell of what `depends_on` of an instance's block, and of the calls around it, names. `None` where there is no
    /// `depends_on`.
    pub fn gate_of(&mut self, instance: &InstanceInfo) -> Option<CellId> {
        match instance.block.block().depends_on.is_empty() {
            true => self.module(instance.module).gate,
            false => Some(self.gate_cell(Gate::Block(instance.keys))),
        }
    }

    /// The cell of a gate of a block. It is tried at once when it is new: if nothing is missing, nobody has to wait for it.
    pub fn gate_cell(&mut self, gate: Gate) -> CellId {
        if let Some(id) = self.gates.get(&gate) {
            return *id;
        }
        let id = self.cells.add(Kind::Gate(gate));
        self.gates.insert(gate, id);
        self.cells.take_up(id);
        self.gate(id, gate);
        id
    }

    /// Fills the cell of a gate.
    pub fn gate(&mut self, id: CellId, gate: Gate) {
        let ran = match gate {
            Gate::Module(module) => self.before_module(module),
            Gate::Block(keys) => self.before_block(keys),
            Gate::All(keys) => self.all_instances(keys),
        };
        match ran {
            Ran::Done((), deps) => self.cells.complete(id, Content::Nothing, shared(deps)),
            Ran::Missing(missing) => self.cells.wait(id, &missing),
            Ran::Failed => self.cells.fail(id),
        }
    }

    fn before_module(&mut self, module: ModuleId) -> Ran<()> {
        let Some((parent, call)) = self.module(module).parent.clone() else { return Ran::Failed };
        let outer = self.module(parent).gate;
        let declared = self.module(parent).module.clone();
        self.before(parent, &declared.calls[&call].depends_on, outer)
    }

    fn before_block(&mut self, keys: CellId) -> Ran<()> {
        let Kind::Keys(module, block) = self.cells.get(keys).kind.clone() else { return Ran::Failed };
        let outer = self.module(module).gate;
        self.before(module, &block.block().depends_on, outer)
    }

    /// What a `depends_on` names, and what the gate around it stands for.
    fn before(&mut self, module: ModuleId, depends_on: &[Expr], outer: Option<CellId>) -> Ran<()> {
        let (mut missing, mut deps) = match self.dependencies(module, depends_on) {
            Ran::Done((), deps) => (Vec::new(), deps),
            Ran::Missing(missing) => (missing, Deps::default()),
            Ran::Failed => return Ran::Failed,
        };
        if let Some(outer) = outer {
            let cell = self.cells.get(outer);
            match cell.status {
                Status::Ready => cell.deps.iter().for_each(|d| deps.add(d)),
                Status::Failed => return Ran::Failed,
                Status::Idle | Status::Busy => missing.push(outer),
            }
        }
        if missing.is_empty() { Ran::Done((), deps) } else { Ran::Missing(missing) }
    }

    fn all_instances(&mut self, keys: CellId) -> Ran<()> {
        let Some(expansion) = self.expansion(keys) else { return Ran::Failed };
        let (mut missing, mut deps, mut failed) = (Vec::new(), Deps::default(), false);
        self.instances_of(keys, &expansion, &mut missing, &mut deps, &mut failed);
        match (failed, missing.is_empty()) {
            (true, _) => Ran::Failed,
            (false, true) => Ran::Done((), deps),
            (false, false) => Ran::Missing(missing),
        }
    }
}
