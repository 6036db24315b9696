//! Expressions of the root module one by one, against a state or a plan: what `console` works with.

use crate::cells::{BlockRef, CellId, Content, InstanceInfo, Kind, Status};
use crate::evaluator::{Evaluator, Ran};
use crate::expand::Expansion;
use crate::graph::Graph;
use crate::instance::{decode, marked};
use crate::planner::planned;
use crate::{PlanOptions, Setup};
use formwork_addr::{InstanceKey, ResourceAddr};
use formwork_config::Repetition;
use formwork_diag::{Diagnostic, has_errors};
use formwork_state::State;
use formwork_syntax::Expr;
use formwork_value::{Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether a cell is for one value.
fn is_value(kind: &Kind) -> bool {
    matches!(kind, Kind::Variable(..) | Kind::Local(..) | Kind::Output(..) | Kind::Instance(_))
}

/// The root module, with values for whatever has one. What has none is unknown.
pub struct Console {
    ev: Evaluator,
    state: State,
    /// Module instances of which everything was asked for.
    seen: usize,
}

impl Console {
    /// With the objects of a state. Also what is wrong with the configuration: the rest has values nevertheless.
    pub fn of_state(setup: Setup, state: State) -> (Self, Vec<Diagnostic>) {
        let (_, mut diags) = Graph::new(&setup.config, &setup.registry);
        let broken = has_errors(&diags);
        let mut ev = Evaluator::new(setup);
        ev.planning = true;
        let mut console = Console { ev, state, seen: 0 };
        // References in a circle would wait for each other.
        if !broken {
            console.demand_everything();
        }
        diags.append(&mut console.ev.diags);
        (console, diags)
    }

    /// With the objects as they will be, which is planned first.
    pub async fn of_plan(setup: &Setup, state: &State, options: &PlanOptions) -> (Self, Vec<Diagnostic>) {
        let (mut ev, diags) = planned(setup, state, options).await;
        let seen = ev.modules.len();
        for id in ev.cells.ids() {
            let cell = ev.cells.get(id);
            if cell.status == Status::Failed && is_value(&cell.kind) {
                ev.cells.complete(id, Content::Value(Value::unknown(Type::Dynamic)), None);
            }
        }
        (Console { ev, state: State::default(), seen }, diags)
    }

    /// What is wrong with the names in an expression, also where it would not be evaluated.
    pub fn mistakes(&self, expr: &Expr) -> Vec<Diagnostic> {
        let setup = &self.ev.setup;
        Graph::mistakes(&setup.config, &setup.registry, setup.config.root(), expr)
    }

    /// The value of an expression with warnings, or what is wrong with it.
    pub fn eval(&mut self, expr: &Expr) -> Result<(Value, Vec<Diagnostic>), Vec<Diagnostic>> {
        loop {
            match self.ev.expression(0, expr) {
                Ran::Done(value, _) => return Ok((value, std::mem::take(&mut self.ev.diags))),
                Ran::Failed => {
                    let mut diags = std::mem::take(&mut self.ev.diags);
                    if !has_errors(&diags) {
                        diags.push(
                            Diagnostic::error(
                                "No value",
                                "What the expression refers to has no value, because of the problems above.",
                            )
                            .at(expr.span),
                        );
                    }
                    return Err(diags);
                }
                Ran::Missing(missing) => {
                    for id in missing {
                        self.ev.cells.demand(id);
                    }
                    self.drain();
                }
            }
        }
    }

    /// Names that an expression may begin with, and what may follow: `var.region`, `module.network.subnet`.
    pub fn names(&self) -> Vec<String> {
        let root = self.ev.setup.config.root();
        let mut names: Vec<String> = Vec::new();
        names.extend(root.variables.keys().map(|n| format!("var.{n}")));
        names.extend(root.locals.keys().map(|n| format!("local.{n}")));
        names.extend(root.resources.keys().map(|r| r.to_string()));
        for name in root.calls.keys() {
            names.push(format!("module.{name}"));
            if let Some(child) = self.ev.setup.config.module(&root.path.child(name.clone())) {
                names.extend(child.outputs.keys().map(|o| format!("module.{name}.{o}")));
            }
        }
        names.extend(["path.module", "path.root", "path.cwd", "terraform.workspace"].map(str::to_owned));
        names
    }

    fn demand_everything(&mut self) {
        while self.seen < self.ev.modules.len() {
            let id = self.seen as u32;
            self.seen += 1;
            let node = self.ev.module(id);
            let mut cells: Vec<CellId> = node.variables.values().copied().collect();
            cells.extend(node.locals.values());
            cells.extend(node.outputs.values());
            cells.extend(self.ev.blocks_of(id));
            cells.sort_unstable();
            for cell in cells {
                self.ev.cells.demand(cell);
            }
            self.drain();
        }
    }

    /// Fills all cells that somebody has asked for.
    fn drain(&mut self) {
        while let Some(id) = self.ev.cells.pop() {
            match self.ev.cells.get(id).kind.clone() {
                Kind::Keys(module, block) => self.expand(id, module, &block),
                Kind::Instance(info) => {
                    let value = self.instance(&info);
                    self.ev.cells.complete(id, Content::Value(value), None);
                }
                // Nothing here asks a provider.
                Kind::Provider(_) | Kind::Refresh(_) | Kind::Import(_) => self.ev.cells.fail(id),
                Kind::Variable(..) | Kind::Local(..) | Kind::Output(..) => {
                    self.ev.run(id);
                    if self.ev.cells.get(id).status == Status::Failed {
                        // That was reported; whoever looks at it sees that there is no value.
                        self.ev.cells.complete(id, Content::Value(Value::unknown(Type::Dynamic)), None);
                    }
                }
                Kind::Calls(..) | Kind::Gate(_) => {
                    self.ev.run(id);
                }
            }
        }
    }

    /// The instances that the state has of a block. While it has none, nothing is known of them.
    fn expand(&mut self, id: CellId, module: u32, block: &BlockRef) {
        let addr = ResourceAddr {
            module: self.ev.module(module).addr.clone(),
            resource: block.block().resource.clone(),
        };
        let keys: Vec<InstanceKey> = self
            .state
            .resources
            .get(&addr)
            .map(|r| r.instances.keys().cloned().collect())
            .unwrap_or_default();
        let cells = &mut self.ev.cells;
        let mut instance = |key: InstanceKey| {
            let info = InstanceInfo {
                addr: addr.instance(key),
                module,
                block: block.clone(),
                each: None,
                refresh: None,
                keys: id,
            };
            cells.add(Kind::Instance(Arc::new(info)))
        };
        let expansion = match &block.block().repetition {
            Repetition::Count(_) if !keys.is_empty() => {
                let index = |k: &InstanceKey| match k {
                    InstanceKey::Int(i) => Some(*i),
                    _ => None,
                };
                let count = keys.iter().filter_map(index).max().map_or(0, |last| last.saturating_add(1));
                // A state with a hole of billions would be no list to show.
                let count = count.min(keys.len() as u64 + 10_000);
                Expansion::Count((0..count).map(|i| instance(InstanceKey::Int(i))).collect())
            }
            Repetition::ForEach(_) if !keys.is_empty() => {
                let named = keys.into_iter().filter_map(|k| match &k {
                    InstanceKey::Str(name) => Some((name.clone(), instance(k.clone()))),
                    _ => None,
                });
                Expansion::ForEach(named.collect::<BTreeMap<_, _>>())
            }
            _ => Expansion::Single(instance(InstanceKey::None)),
        };
        self.ev.cells.complete(id, Content::Keys(Arc::new(expansion)), None);
    }

    /// An object of the state, with its marks.
    fn instance(&mut self, info: &InstanceInfo) -> Value {
        let unknown = Value::unknown(Type::Dynamic);
        let Some(ty) = self.ev.type_info(&info.addr.resource.resource) else { return unknown };
        let resource = self.state.resources.get(&info.addr.resource);
        let stored = resource.and_then(|r| r.instances.get(info.key())).and_then(|i| i.current.clone());
        match stored.map(|stored| decode(&info.addr, &ty, &stored).map(|o| marked(&ty, &stored, &o.value))) {
            Some(Ok(value)) => value,
            Some(Err(d)) => {
                self.ev.diags.push(d);
                unknown
            }
            None => unknown,
        }
    }
}
