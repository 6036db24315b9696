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

/// A block with more instances than this has a gate for all of them: fewer are waited for one by one.
const FEW: usize = 16;

impl Evaluator {
    /// The cell of what `depends_on` of an instance's block, and of the calls around it, names. `None` where there is no
    /// `depends_on`.
    pub fn gate_of(&mut self, instance: &InstanceInfo) -> Option<CellId> {
        match instance.block.block().depends_on.is_empty() {
            true => self.module(instance.module).gate,
            false => Some(self.gate_cell(Gate::Block(instance.keys))),
        }
    }

    /// The cell of a gate of a block. It is tried at once when nobody has asked for it yet: if nothing is missing, nobody has
    /// to wait for it.
    pub fn gate_cell(&mut self, gate: Gate) -> CellId {
        let id = self.gate_to_come(gate);
        if self.cells.get(id).status == Status::Idle {
            self.cells.take_up(id);
            self.gate(id, gate);
        }
        id
    }

    /// The cell of a gate, which nobody may have asked for.
    fn gate_to_come(&mut self, gate: Gate) -> CellId {
        if let Some(id) = self.gates.get(&gate) {
            return *id;
        }
        let id = self.cells.add(Kind::Gate(gate));
        self.gates.insert(gate, id);
        id
    }

    /// Gives a block (`Keys`) with so many instances a gate for all of them, if they are many.
    pub fn may_need_gate(&mut self, keys: CellId, instances: usize) {
        if instances > FEW {
            self.gate_to_come(Gate::All(keys));
        }
    }

    /// Whom to wait for instead of each of a block's instances, and how that is. `None` where they are few, and where they are
    /// all filled.
    pub fn gate_of_all(&self, keys: CellId) -> Option<(CellId, Status)> {
        let id = *self.gates.get(&Gate::All(keys))?;
        Some((id, self.cells.get(id).status)).filter(|(_, status)| *status != Status::Ready)
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
        self.each_of(keys, &expansion, &mut missing, &mut deps, &mut failed);
        match (failed, missing.is_empty()) {
            (true, _) => Ran::Failed,
            (false, true) => Ran::Done((), deps),
            (false, false) => Ran::Missing(missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cancel, Registry, Setup};
    use formwork_config::{MemoryFiles, Nothing, load};
    use formwork_value::Value;
    use std::path::Path;
    use std::sync::Arc;

    /// Of a block with so many instances, and as many locals as `readers` that are all of them.
    fn evaluator(instances: usize, readers: usize) -> Evaluator {
        let locals: String = (0..readers).map(|i| format!("  l{i} = t_x.a\n")).collect();
        let text = format!("resource \"t_x\" \"a\" {{\n  count = {instances}\n}}\nlocals {{\n{locals}}}\n");
        let loaded = load(Path::new(""), &MemoryFiles([("main.tf".into(), text.into_bytes())].into()));
        let mut ev = Evaluator::new(Setup {
            config: Arc::new(loaded.config.unwrap()),
            registry: Arc::new(Registry::default()),
            variables: Default::default(),
            unfit: Default::default(),
            workspace: "default".into(),
            world: Arc::new(Nothing),
            clock: Arc::new(|| 0),
            events: Arc::new(|_| {}),
            parallelism: 1,
            cancel: Cancel::default(),
            probe: Arc::new(()),
            unmade: Default::default(),
            settle_here: false,
        });
        let locals: Vec<CellId> = ev.module(0).locals.values().copied().collect();
        locals.into_iter().for_each(|cell| ev.cells.demand(cell));
        drain(&mut ev);
        ev
    }

    /// Evaluates all that can be; nobody makes instances.
    fn drain(ev: &mut Evaluator) {
        while let Some(cell) = ev.cells.pop() {
            if !matches!(ev.cells.get(cell).kind, Kind::Instance(_)) {
                ev.run(cell);
            }
        }
    }

    #[test]
    fn many_wait_for_many_by_one_cell() {
        let (instances, readers) = (1000, 200);
        let mut ev = evaluator(instances, readers);
        assert_eq!(ev.cells.waiters(), instances + readers);
        for id in ev.cells.ids() {
            if matches!(ev.cells.get(id).kind, Kind::Instance(_)) {
                ev.cells.complete(id, Content::Value(Value::from(true)), None);
            }
        }
        drain(&mut ev);
        assert_eq!(ev.cells.waiters(), 0);
        for cell in ev.module(0).locals.values() {
            assert_eq!(ev.cells.value(*cell), Some(&Value::tuple(vec![Value::from(true); instances])));
        }
    }

    #[test]
    fn few_are_waited_for_themselves() {
        assert_eq!(evaluator(3, 2).cells.waiters(), 3 * 2);
    }

    #[test]
    fn who_waits_for_one_that_fails_fails() {
        let mut ev = evaluator(20, 2);
        for id in ev.cells.ids() {
            if matches!(ev.cells.get(id).kind, Kind::Instance(_)) {
                ev.cells.fail(id);
            }
        }
        drain(&mut ev);
        assert!(ev.module(0).locals.values().all(|cell| ev.cells.get(*cell).status == Status::Failed));
    }
}
