//! The memo: one cell for each thing that has a value, filled when somebody asks.
//!
//! A cell that cannot be filled yet waits for the cells that its evaluation missed and is then tried again.
//! Cycles between whole objects were refused before, so cells never wait for each other in a ring.

use crate::deps::Deps;
use crate::expand::Expansion;
use crate::gates::Gate;
use crate::instance::Refreshed;
use crate::provide::ProviderHandle;
use formwork_addr::{InstanceAddr, InstanceKey, ResourceMode, Str};
use formwork_config::{Config, Module, ProviderKey, ResourceBlock};
use formwork_value::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub(crate) type CellId = u32;
pub(crate) type ModuleId = u32;

/// What a cell is for.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A variable of a module instance.
    Variable(ModuleId, Str),
    /// A local value.
    Local(ModuleId, Str),
    /// An output value.
    Output(ModuleId, Str),
    /// The instances of a module block.
    Calls(ModuleId, Str),
    /// The instances of a resource block.
    Keys(ModuleId, BlockRef),
    /// One instance of a resource.
    Instance(Arc<InstanceInfo>),
    /// What many wait for alike.
    Gate(Gate),
    /// A provider configuration.
    Provider(ProviderKey),
    /// A prior object, read again: an index into the planner's list.
    Refresh(u32),
    /// What an import block of the root module names: its index.
    Import(usize),
}

impl Kind {
    /// An instance that has a place in plans: what is ephemeral stands for what it was made from.
    pub fn is_stored(&self) -> bool {
        matches!(self, Kind::Instance(info) if info.addr.resource.resource.mode != ResourceMode::Ephemeral && !info.scoped())
    }
}

/// A resource block in its module.
#[derive(Clone, Debug)]
pub(crate) struct BlockRef {
    pub module: Arc<Module>,
    pub block: Arc<ResourceBlock>,
}

impl BlockRef {
    pub fn block(&self) -> &ResourceBlock {
        &self.block
    }

    /// The provider configuration that it uses, or all those of which each instance uses one.
    pub fn provider(&self, config: &Config) -> ProviderKey {
        config.provider_of(&self.module, self.block())
    }
}

/// An instance of a resource block.
#[derive(Debug)]
pub(crate) struct InstanceInfo {
    pub addr: InstanceAddr,
    pub module: ModuleId,
    pub block: BlockRef,
    /// `each.value`, for `for_each`.
    pub each: Option<Value>,
    /// The cell of the prior object.
    pub refresh: Option<CellId>,
    /// The cell of the block's expansion.
    pub keys: CellId,
}

impl InstanceInfo {
    /// Whether it stands in a check block.
    pub fn scoped(&self) -> bool {
        self.block.block().check.is_some()
    }

    pub fn key(&self) -> &InstanceKey {
        &self.addr.key
    }
}

/// What a cell holds.
#[derive(Clone, Debug, Default)]
pub(crate) enum Content {
    /// Nothing: it only had to happen.
    #[default]
    Nothing,
    /// A value.
    Value(Value),
    /// The instances of a resource block.
    Keys(Arc<Expansion<CellId>>),
    /// The instances of a module block.
    Calls(Arc<Expansion<ModuleId>>),
    /// A provider ready for use.
    Provider(Arc<ProviderHandle>),
    /// The object as it is now; `None` when it is gone.
    Object(Option<Arc<Refreshed>>),
    /// Instances, each with the ID of the object that it is to become.
    Imports(Arc<BTreeMap<InstanceAddr, Str>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nobody asked yet.
    Idle,
    /// In the queue, waiting, or a call is under way.
    Busy,
    /// Filled.
    Ready,
    /// It failed; that has been reported.
    Failed,
}

#[derive(Debug)]
pub(crate) struct Cell {
    pub kind: Kind,
    pub status: Status,
    pub content: Content,
    /// The resource instances that it was made from.
    pub deps: Option<Arc<Deps>>,
    /// All instances together, once somebody asked for them (`Keys` only).
    pub whole: Option<(Value, Arc<Deps>)>,
    waiting: u32,
    waiters: Vec<CellId>,
}

/// All cells and the queue of those that can be tried.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    cells: Vec<Cell>,
    queue: VecDeque<CellId>,
}

impl Cells {
    pub fn add(&mut self, kind: Kind) -> CellId {
        let id = self.cells.len() as CellId;
        self.cells.push(Cell {
            kind,
            status: Status::Idle,
            content: Content::Nothing,
            deps: None,
            whole: None,
            waiting: 0,
            waiters: Vec::new(),
        });
        id
    }

    /// Makes room for so many more, and not for twice as many; a few are left to the usual growth.
    pub fn reserve(&mut self, more: usize) {
        if more > self.cells.len() / 2 {
            self.cells.reserve_exact(more);
        }
    }

    pub fn ids(&self) -> std::ops::Range<CellId> {
        0..self.cells.len() as CellId
    }

    pub fn get(&self, id: CellId) -> &Cell {
        &self.cells[id as usize]
    }

    pub fn get_mut(&mut self, id: CellId) -> &mut Cell {
        &mut self.cells[id as usize]
    }

    /// Asks for a cell.
    pub fn demand(&mut self, id: CellId) {
        let cell = self.get_mut(id);
        if cell.status == Status::Idle {
            cell.status = Status::Busy;
            self.queue.push_back(id);
        }
    }

    /// Asks for a cell that nobody has asked for yet, to try it at once.
    pub fn take_up(&mut self, id: CellId) {
        self.get_mut(id).status = Status::Busy;
    }

    /// Tries a cell again that was left without waiting for anything.
    pub fn again(&mut self, id: CellId) {
        self.queue.push_back(id);
    }

    /// The next cell to try.
    pub fn pop(&mut self) -> Option<CellId> {
        self.queue.pop_front()
    }

    /// Tries a cell again when all of `missing` are filled or have failed.
    pub fn wait(&mut self, id: CellId, missing: &[CellId]) {
        let mut waiting = 0;
        for &other in missing {
            self.demand(other);
            let cell = self.get_mut(other);
            if cell.status == Status::Busy {
                cell.waiters.push(id);
                waiting += 1;
            }
        }
        if waiting == 0 {
            self.queue.push_back(id);
        } else {
            self.get_mut(id).waiting = waiting;
        }
    }

    /// Fills a cell.
    pub fn complete(&mut self, id: CellId, content: Content, deps: Option<Arc<Deps>>) {
        let cell = self.get_mut(id);
        cell.content = content;
        cell.deps = deps;
        self.settle(id, Status::Ready);
    }

    /// Gives a cell up.
    pub fn fail(&mut self, id: CellId) {
        self.settle(id, Status::Failed);
    }

    fn settle(&mut self, id: CellId, status: Status) {
        let cell = self.get_mut(id);
        cell.status = status;
        for waiter in std::mem::take(&mut cell.waiters) {
            let cell = self.get_mut(waiter);
            cell.waiting -= 1;
            if cell.waiting == 0 {
                self.queue.push_back(waiter);
            }
        }
    }

    /// How many wait, each counted as often as it waits for something.
    #[cfg(test)]
    pub fn waiters(&self) -> usize {
        self.cells.iter().map(|cell| cell.waiters.len()).sum()
    }

    pub fn value(&self, id: CellId) -> Option<&Value> {
        match &self.get(id).content {
            Content::Value(v) => Some(v),
            _ => None,
        }
    }
}
