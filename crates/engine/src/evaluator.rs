//! The evaluator: variables, locals, outputs, expansions and provider configurations, each when somebody asks.

use crate::cells::{BlockRef, CellId, Cells, Content, InstanceInfo, Kind, ModuleId, Status};
use crate::configure::Configuring;
use crate::deps::Deps;
use crate::expand::{Expansion, Repeat};
use crate::gates::Gate;
use crate::provide::Types;
use crate::scope::{Found, ModuleScope};
use crate::standing::Texts;
use crate::{Setup, checks, expand, rules};
use formwork_addr::{
    InstanceAddr, InstanceKey, ModuleInstance, ModulePath, Resource, ResourceAddr, ResourceMode, Str,
};
use formwork_config::{Module, ProviderKey, Repetition};
use formwork_diag::{Diagnostic, has_errors};
use formwork_lang::{RefStep, Scope, eval, references};
use formwork_plan::Deferred;
use formwork_syntax::Expr;
use formwork_value::Value;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// An instance of a module.
#[derive(Debug)]
pub(crate) struct ModuleNode {
    pub addr: ModuleInstance,
    pub module: Arc<Module>,
    pub parent: Option<(ModuleId, Str)>,
    /// The cell of the call's expansion.
    pub expansion: Option<CellId>,
    pub key: InstanceKey,
    /// `each.value`, for `for_each`.
    pub each: Option<Value>,
    pub variables: FxHashMap<Str, CellId>,
    pub locals: FxHashMap<Str, CellId>,
    pub outputs: BTreeMap<Str, CellId>,
    pub calls: BTreeMap<Str, CellId>,
    pub managed: FxHashMap<Str, FxHashMap<Str, CellId>>,
    pub data: FxHashMap<Str, FxHashMap<Str, CellId>>,
    pub ephemeral: FxHashMap<Str, FxHashMap<Str, CellId>>,
    /// Set when this module's call, or that of a caller, has `depends_on`.
    pub gate: Option<CellId>,
}

/// What evaluating something came to.
pub(crate) enum Ran<T> {
    Done(T, Deps),
    Missing(Vec<CellId>),
    Failed,
}

/// The evaluator.
pub(crate) struct Evaluator {
    pub setup: Setup,
    pub cells: Cells,
    pub modules: Vec<ModuleNode>,
    pub by_addr: FxHashMap<ModuleInstance, ModuleId>,
    pub providers: FxHashMap<ProviderKey, CellId>,
    /// The same by module and block (its address in memory): instances of one block have one provider.
    pub providers_of_blocks: FxHashMap<(ModuleId, usize), CellId>,
    pub types: Types,
    pub diags: Vec<Diagnostic>,
    pub checks: checks::Results,
    /// Cells of the instances of the configuration, by address.
    pub instances: FxHashMap<InstanceAddr, CellId>,
    /// Cells of prior objects, by address: made before anything runs.
    pub refreshes: FxHashMap<InstanceAddr, CellId>,
    /// Whether values may still be unknown.
    pub planning: bool,
    /// The import blocks of the root module.
    pub imports: Vec<CellId>,
    /// Cells that many wait for alike, those of modules left out.
    pub gates: FxHashMap<Gate, CellId>,
    /// Resource blocks of which all instances are there, with those.
    complete: RefCell<FxHashMap<CellId, Arc<Deps>>>,
    /// The resources behind sets of dependencies that many share. The set is kept, so that its address stays its own.
    behind: RefCell<FxHashMap<*const Deps, (Arc<Deps>, Arc<BTreeSet<ResourceAddr>>)>>,
    /// The resource blocks that were expanded, in the order in which that happened.
    pub expanded: Vec<CellId>,
    /// Whether pre- and postconditions that do not hold are told as warnings: nothing is going to be done that they could stop.
    pub lenient: bool,
    /// Of what (and whether its pre- or postconditions) such a warning was told. Whoever has to wait is tried again.
    pub told: FxHashSet<(String, &'static str)>,
    /// What went wrong with the data of check blocks, by the check's address.
    pub unread: FxHashMap<String, Vec<String>>,
    /// Whether an unknown repetition waits, and is no error.
    pub deferring: bool,
    /// What waits: expansions and instances.
    pub deferred: FxHashMap<CellId, Deferred>,
    /// Those of them that are in sets which many share. The sets are kept, so that their addresses stay their own.
    pub waiting: RefCell<FxHashMap<Vec<*const Deps>, (Vec<Arc<Deps>>, Arc<[CellId]>)>>,
    /// In an apply: what the plan left waiting because nobody could say which instances there are. It stays unknown, even
    /// where it could be said by now: nobody has seen a plan of it.
    pub held: FxHashSet<String>,
    /// What blocks name.
    pub texts: Texts,
    /// The last answer of [`Evaluator::managing`], with what was asked.
    pub managed: Option<(ResourceAddr, Str, CellId)>,
}

/// Room is made for so many instances at once, whatever is asked for.
const MOST_AT_ONCE: usize = 1 << 18;

impl Evaluator {
    pub fn new(setup: Setup) -> Self {
        let mut evaluator = Evaluator {
            cells: Cells::default(),
            modules: Vec::new(),
            by_addr: FxHashMap::default(),
            providers: FxHashMap::default(),
            providers_of_blocks: FxHashMap::default(),
            types: Types::default(),
            diags: Vec::new(),
            checks: checks::Results::default(),
            instances: FxHashMap::default(),
            refreshes: FxHashMap::default(),
            planning: false,
            imports: Vec::new(),
            gates: FxHashMap::default(),
            complete: RefCell::default(),
            behind: RefCell::default(),
            expanded: Vec::new(),
            lenient: false,
            told: FxHashSet::default(),
            unread: FxHashMap::default(),
            deferring: false,
            deferred: FxHashMap::default(),
            waiting: RefCell::default(),
            held: FxHashSet::default(),
            texts: Texts::default(),
            managed: None,
            setup,
        };
        let root = evaluator.setup.config.root().clone();
        evaluator.imports = (0..root.imports.len()).map(|i| evaluator.cells.add(Kind::Import(i))).collect();
        evaluator.add_module(ModuleInstance::ROOT, root, None, InstanceKey::None, None);
        evaluator
    }

    fn add_module(
        &mut self,
        addr: ModuleInstance,
        module: Arc<Module>,
        parent: Option<(ModuleId, Str)>,
        key: InstanceKey,
        each: Option<Value>,
    ) -> ModuleId {
        let id = self.modules.len() as ModuleId;
        let cells = &mut self.cells;
        let mut node = ModuleNode {
            variables: module
                .variables
                .keys()
                .map(|n| (n.clone(), cells.add(Kind::Variable(id, n.clone()))))
                .collect(),
            locals: module
                .locals
                .keys()
                .map(|n| (n.clone(), cells.add(Kind::Local(id, n.clone()))))
                .collect(),
            outputs: module
                .outputs
                .keys()
                .map(|n| (n.clone(), cells.add(Kind::Output(id, n.clone()))))
                .collect(),
            calls: module.calls.keys().map(|n| (n.clone(), cells.add(Kind::Calls(id, n.clone())))).collect(),
            managed: FxHashMap::default(),
            data: FxHashMap::default(),
            ephemeral: FxHashMap::default(),
            gate: None,
            addr: addr.clone(),
            module: module.clone(),
            expansion: parent
                .as_ref()
                .and_then(|(p, call)| self.modules[*p as usize].calls.get(call).copied()),
            parent: parent.clone(),
            key,
            each,
        };
        for block in module.resources.values() {
            let reference = BlockRef { module: module.clone(), block: block.clone() };
            let cell = cells.add(Kind::Keys(id, reference));
            let table = match block.resource.mode {
                ResourceMode::Managed => &mut node.managed,
                ResourceMode::Data => &mut node.data,
                ResourceMode::Ephemeral => &mut node.ephemeral,
            };
            table
                .entry(block.resource.type_name.clone())
                .or_default()
                .insert(block.resource.name.clone(), cell);
        }
        if let Some((parent, call)) = &parent {
            let outer = &self.modules[*parent as usize];
            if outer.gate.is_some() || !outer.module.calls[call].depends_on.is_empty() {
                node.gate = Some(cells.add(Kind::Gate(Gate::Module(id))));
            }
        }
        self.modules.push(node);
        self.by_addr.insert(addr, id);
        id
    }

    pub fn module(&self, id: ModuleId) -> &ModuleNode {
        &self.modules[id as usize]
    }

    /// Cells of all resource blocks and module calls of a module, in the order of their names.
    pub fn blocks_of(&self, id: ModuleId) -> Vec<CellId> {
        let node = self.module(id);
        let mut cells: Vec<CellId> = Vec::with_capacity(node.module.resources.len() + node.calls.len());
        // What stands in a check is nobody's but the check's.
        for (resource, _) in node.module.resources.iter().filter(|(_, b)| b.check.is_none()) {
            cells.extend(self.keys_cell(id, resource));
        }
        cells.extend(node.calls.values());
        cells
    }

    /// The cell of a resource block's expansion.
    pub fn keys_cell(&self, id: ModuleId, resource: &Resource) -> Option<CellId> {
        let node = self.module(id);
        let table = match resource.mode {
            ResourceMode::Managed => &node.managed,
            ResourceMode::Data => &node.data,
            ResourceMode::Ephemeral => &node.ephemeral,
        };
        table.get(&resource.type_name)?.get(&resource.name).copied()
    }

    /// Evaluates with a scope of a module.
    pub fn evaluate<T>(
        &mut self,
        scope: impl FnOnce(&Evaluator, &mut Vec<Diagnostic>, &ModuleScope<'_>) -> Option<T>,
        module: ModuleId,
        each: Option<(&InstanceKey, Option<&Value>)>,
        own: Option<&Value>,
    ) -> Ran<T> {
        self.evaluate_in(None, scope, module, each, own)
    }

    /// The same with the text of another module, for what is evaluated when no instance of its own is there.
    pub fn evaluate_in<T>(
        &mut self,
        text: Option<&Module>,
        scope: impl FnOnce(&Evaluator, &mut Vec<Diagnostic>, &ModuleScope<'_>) -> Option<T>,
        module: ModuleId,
        each: Option<(&InstanceKey, Option<&Value>)>,
        own: Option<&Value>,
    ) -> Ran<T> {
        let mut diags = Vec::new();
        let mut found = ModuleScope::new(self, module, each, own);
        found.text = text.unwrap_or(found.text);
        let value = scope(self, &mut diags, &found);
        let Found { missing, deps, wholes, failed } = found.into_found();
        if !missing.is_empty() {
            return Ran::Missing(missing);
        }
        for cell in wholes {
            self.remember_whole(cell);
        }
        let errors = has_errors(&diags);
        self.diags.extend(diags);
        match value {
            Some(value) if !errors && !failed => Ran::Done(value, deps),
            _ => Ran::Failed,
        }
    }

    fn remember_whole(&mut self, cell: CellId) {
        if self.cells.get(cell).whole.is_none()
            && let Content::Keys(expansion) = &self.cells.get(cell).content
        {
            let expansion = expansion.clone();
            let value = crate::scope::whole_value(&self.cells, &expansion);
            let deps = Deps { instances: expansion.iter().map(|(_, id)| *id).collect(), groups: Vec::new() };
            self.cells.get_mut(cell).whole = Some((value, Arc::new(deps)));
        }
    }

    /// One expression in a module, without `each` or `count`.
    pub fn expression(&mut self, module: ModuleId, expr: &Expr) -> Ran<Value> {
        self.evaluate(|_, diags, scope| value_of(expr, scope, diags), module, None, None)
    }

    /// Fills a cell that is neither an instance nor a prior object. A provider's configuration comes back, to be run.
    pub fn run(&mut self, id: CellId) -> Option<Configuring> {
        match self.cells.get(id).kind.clone() {
            Kind::Variable(module, name) => {
                let ran = self.variable(module, &name);
                self.settle(id, ran);
            }
            Kind::Local(module, name) => {
                let node = self.module(module).module.clone();
                let ran = self.expression(module, &node.locals[&name].expr);
                self.settle(id, ran);
            }
            Kind::Output(module, name) => {
                let ran = self.output(module, &name);
                self.settle(id, ran);
            }
            Kind::Calls(module, name) => {
                let addr = self.module(module).addr.child(name.clone(), InstanceKey::None);
                let node = self.module(module).module.clone();
                let ran = self.repeat(module, &node.calls[&name].repetition, &addr);
                self.expand_calls(id, module, &name, ran);
            }
            Kind::Keys(module, block) => {
                let addr = ResourceAddr {
                    module: self.module(module).addr.clone(),
                    resource: block.block().resource.clone(),
                };
                let ran = self.repeat(module, &block.block().repetition, &addr);
                self.expand_resource(id, addr, module, &block, ran);
            }
            Kind::Gate(gate) => self.gate(id, gate),
            Kind::Import(index) => self.import(id, index),
            Kind::Provider(key) => return self.provider(id, &key),
            Kind::Instance(_) | Kind::Refresh(_) => {}
        }
        None
    }

    fn settle(&mut self, id: CellId, ran: Ran<Value>) {
        match ran {
            Ran::Done(value, deps) => self.cells.complete(id, Content::Value(value), shared(deps)),
            Ran::Missing(missing) => self.cells.wait(id, &missing),
            Ran::Failed => self.cells.fail(id),
        }
    }

    fn variable(&mut self, module: ModuleId, name: &Str) -> Ran<Value> {
        let node = self.module(module);
        let declared = node.module.clone();
        let variable = &declared.variables[name];
        let (value, deps) = match node.parent.clone() {
            None => match (self.setup.variables.get(name), self.setup.unfit.get(name)) {
                (Some(value), _) => (value.clone(), Deps::default()),
                (None, Some(why)) => {
                    self.diags.push(why.clone());
                    return Ran::Failed;
                }
                (None, None) => (Value::unknown(variable.ty.without_optional()), Deps::default()),
            },
            Some((parent, call)) => {
                let calls = self.module(parent).module.clone();
                let given = calls.calls[&call].arguments.get(name);
                let (key, each) = (self.module(module).key.clone(), self.module(module).each.clone());
                match given {
                    None => (variable.default.clone().unwrap_or(Value::NULL), Deps::default()),
                    Some((_, expr)) => {
                        let ran = self.evaluate(
                            |_, diags, scope| {
                                let value = value_of(expr, scope, diags)?;
                                rules::argument(variable, value, expr.span).map_err(|d| diags.push(d)).ok()
                            },
                            parent,
                            Some((&key, each.as_ref())),
                            None,
                        );
                        match ran {
                            Ran::Done(value, deps) => (value, deps),
                            other => return other,
                        }
                    }
                }
            }
        };
        let value = rules::marked(variable, value);
        if variable.validations.is_empty() {
            return Ran::Done(value, deps);
        }
        match checks::validations(self, module, name, &value) {
            Ran::Done((), more) => {
                let mut deps = deps;
                deps.absorb(more);
                Ran::Done(value, deps)
            }
            Ran::Missing(missing) => Ran::Missing(missing),
            Ran::Failed => Ran::Failed,
        }
    }

    fn output(&mut self, module: ModuleId, name: &Str) -> Ran<Value> {
        let node = self.module(module).module.clone();
        let output = &node.outputs[name];
        let root = self.module(module).parent.is_none();
        let mut deps = match self.dependencies(module, &output.depends_on) {
            Ran::Done((), deps) => deps,
            Ran::Missing(missing) => return Ran::Missing(missing),
            Ran::Failed => return Ran::Failed,
        };
        let address = format!("output.{name}");
        match checks::conditions(self, module, None, None, &output.preconditions, &address, "precondition") {
            Ran::Done((), more) => deps.absorb(more),
            Ran::Missing(missing) => return Ran::Missing(missing),
            Ran::Failed => return Ran::Failed,
        }
        let ran = self.evaluate(
            |_, diags, scope| {
                let value = value_of(&output.value, scope, diags)?;
                rules::output(output, root, value).map_err(|d| diags.push(d)).ok()
            },
            module,
            None,
            None,
        );
        match ran {
            Ran::Done(value, more) => {
                deps.absorb(more);
                Ran::Done(value, deps)
            }
            other => other,
        }
    }

    fn repeat(&mut self, module: ModuleId, repetition: &Repetition, addr: &impl fmt::Display) -> Ran<Repeat> {
        if !self.held.is_empty() && self.held.contains(&addr.to_string()) {
            return Ran::Done(Repeat::Unknown, Deps::default());
        }
        type Expand = fn(&Value, formwork_diag::Span) -> Result<Repeat, Diagnostic>;
        let (expr, name, expand): (_, _, Expand) = match repetition {
            Repetition::Single => return Ran::Done(Repeat::Single, Deps::default()),
            Repetition::Count(expr) => (expr, "count", expand::count),
            Repetition::ForEach(expr) => (expr, "for_each", expand::for_each),
            Repetition::Enabled(expr) => (expr, "enabled", expand::enabled),
        };
        let may_wait = self.deferring;
        self.evaluate(
            |_, diags, scope| {
                let value = value_of(expr, scope, diags)?;
                match expand(&value, expr.span) {
                    Ok(Repeat::Unknown) if !may_wait => {
                        diags.push(expand::not_known_yet(name, expr.span));
                        None
                    }
                    Ok(repeat) => Some(repeat),
                    Err(d) => {
                        diags.push(d);
                        None
                    }
                }
            },
            module,
            None,
            None,
        )
    }

    fn expand_calls(&mut self, id: CellId, module: ModuleId, name: &Str, ran: Ran<Repeat>) {
        let (repeat, deps) = match ran {
            Ran::Done(repeat, deps) => (repeat, deps),
            Ran::Missing(missing) => return self.cells.wait(id, &missing),
            Ran::Failed => return self.cells.fail(id),
        };
        let node = self.module(module);
        let path: ModulePath = node.module.path.child(name.clone());
        let addr = node.addr.clone();
        if matches!(repeat, Repeat::Unknown) {
            let repetition = &node.module.calls[name].repetition;
            let mut deferred =
                self.unknown_instances(&addr.child(name.clone(), InstanceKey::None), repetition, &deps);
            deferred.within =
                self.within_calls(&path, addr.child(name.clone(), InstanceKey::Str("*".into())));
            self.deferred.insert(id, deferred);
        }
        let Some(child) = self.setup.config.module(&path).cloned() else { return self.cells.fail(id) };
        let expansion = repeat.expand(|key, each| {
            let child_addr = addr.child(name.clone(), key.clone());
            self.add_module(child_addr, child.clone(), Some((module, name.clone())), key, each)
        });
        self.cells.complete(id, Content::Calls(Arc::new(expansion)), shared(deps));
    }

    fn expand_resource(
        &mut self,
        id: CellId,
        resource: ResourceAddr,
        module: ModuleId,
        block: &BlockRef,
        ran: Ran<Repeat>,
    ) {
        let (repeat, deps) = match ran {
            Ran::Done(repeat, deps) => (repeat, deps),
            Ran::Missing(missing) => return self.cells.wait(id, &missing),
            Ran::Failed => return self.cells.fail(id),
        };
        if matches!(repeat, Repeat::Unknown) {
            let deferred = self.unknown_instances(&resource, &block.block().repetition, &deps);
            self.deferred.insert(id, deferred);
        }
        let known = repeat.len().min(MOST_AT_ONCE);
        self.cells.reserve(known + 1);
        self.instances.reserve(known);
        self.may_need_gate(id, known);
        let (cells, instances, refreshes) = (&mut self.cells, &mut self.instances, &self.refreshes);
        let expansion = repeat.expand(|key, each| {
            let addr = resource.instance(key);
            let refresh = refreshes.get(&addr).copied();
            let info =
                InstanceInfo { addr: addr.clone(), module, block: block.clone(), each, refresh, keys: id };
            let cell = cells.add(Kind::Instance(Arc::new(info)));
            instances.insert(addr, cell);
            cell
        });
        self.expanded.push(id);
        self.cells.complete(id, Content::Keys(Arc::new(expansion)), shared(deps));
    }

    /// Waits for everything that `depends_on` names.
    pub fn dependencies(&mut self, module: ModuleId, list: &[Expr]) -> Ran<()> {
        let mut missing = Vec::new();
        let mut deps = Deps::default();
        let mut failed = false;
        for expr in list {
            for reference in references(expr) {
                let names: Vec<&str> = std::iter::once(reference.root)
                    .chain(reference.steps.iter().map_while(|s| match s {
                        RefStep::Attr(name) => Some(*name),
                        _ => None,
                    }))
                    .collect();
                let key = reference.steps.iter().find_map(|s| match s {
                    RefStep::Key(v) => instance_key(v),
                    _ => None,
                });
                self.whole(module, &names, key.as_ref(), &mut missing, &mut deps, &mut failed);
            }
        }
        if failed {
            Ran::Failed
        } else if missing.is_empty() {
            Ran::Done((), deps)
        } else {
            Ran::Missing(missing)
        }
    }

    fn whole(
        &self,
        module: ModuleId,
        names: &[&str],
        key: Option<&InstanceKey>,
        missing: &mut Vec<CellId>,
        deps: &mut Deps,
        failed: &mut bool,
    ) {
        let node = self.module(module);
        let cell = match names {
            ["var", name, ..] => node.variables.get(*name),
            ["local", name, ..] => node.locals.get(*name),
            ["module", name, ..] => node.calls.get(*name),
            ["data", ty, name, ..] => node.data.get(*ty).and_then(|t| t.get(*name)),
            ["ephemeral", ty, name, ..] => node.ephemeral.get(*ty).and_then(|t| t.get(*name)),
            ["resource", ty, name, ..] | [ty, name, ..] => node.managed.get(*ty).and_then(|t| t.get(*name)),
            _ => None,
        };
        if let Some(cell) = cell {
            self.all_of(*cell, key, missing, deps, failed);
        }
    }

    /// A cell and, for expansions, everything in them.
    pub fn all_of(
        &self,
        cell: CellId,
        key: Option<&InstanceKey>,
        missing: &mut Vec<CellId>,
        deps: &mut Deps,
        failed: &mut bool,
    ) {
        let found = self.cells.get(cell);
        match found.status {
            Status::Failed => *failed = true,
            Status::Idle | Status::Busy => missing.push(cell),
            Status::Ready => {
                if found.kind.is_stored() {
                    deps.add_instance(cell);
                } else {
                    found.deps.iter().for_each(|d| deps.add(d));
                }
                // Nobody knows what there is: whoever depends on all of it waits, too.
                if self.deferred.contains_key(&cell) {
                    deps.add_instance(cell);
                }
                match &found.content {
                    Content::Keys(expansion) if is_empty(expansion) => {
                        deps.add_instance(cell);
                        self.beneath(cell, missing, deps, failed);
                    }
                    Content::Calls(expansion) if is_empty(expansion) => {
                        self.beneath(cell, missing, deps, failed);
                    }
                    Content::Keys(expansion) => match key.and_then(|k| expansion.get(k)) {
                        Some(one) => {
                            let mut inner = Deps::default();
                            self.all_of(*one, None, missing, &mut inner, failed);
                            deps.absorb(inner);
                        }
                        None => self.instances_of(cell, expansion, missing, deps, failed),
                    },
                    Content::Calls(expansion) => {
                        for (_, child) in expansion.iter() {
                            let node = self.module(*child);
                            let outputs = node.outputs.values().copied();
                            for id in self.blocks_of(*child).into_iter().chain(outputs) {
                                self.all_of(id, None, missing, deps, failed);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// All instances of a resource block. Of many, only their gate is missing.
    fn instances_of(
        &self,
        keys: CellId,
        expansion: &Expansion<CellId>,
        missing: &mut Vec<CellId>,
        deps: &mut Deps,
        failed: &mut bool,
    ) {
        let before = missing.len();
        match self.gate_of_all(keys) {
            Some((_, Status::Failed)) => *failed = true,
            Some((gate, Status::Busy)) => missing.push(gate),
            Some((gate, _)) => {
                self.each_of(keys, expansion, missing, deps, failed);
                if missing.len() > before {
                    missing.truncate(before);
                    missing.push(gate);
                }
            }
            None => self.each_of(keys, expansion, missing, deps, failed),
        }
    }

    /// All instances of a resource block, one by one; one set for all who depend on them.
    pub fn each_of(
        &self,
        keys: CellId,
        expansion: &Expansion<CellId>,
        missing: &mut Vec<CellId>,
        deps: &mut Deps,
        failed: &mut bool,
    ) {
        if let Some(all) = self.complete.borrow().get(&keys) {
            return deps.add(all);
        }
        let before = missing.len();
        let mut inner = Deps::default();
        for (_, id) in expansion.iter() {
            let found = self.cells.get(*id);
            match found.status {
                Status::Failed => *failed = true,
                Status::Idle | Status::Busy => missing.push(*id),
                // Each is met once: nothing has to be looked for.
                Status::Ready if found.kind.is_stored() || self.deferred.contains_key(id) => {
                    inner.instances.push(*id);
                }
                Status::Ready => found.deps.iter().for_each(|d| inner.add(d)),
            }
        }
        let inner = Arc::new(inner);
        if !*failed && missing.len() == before {
            self.complete.borrow_mut().insert(keys, inner.clone());
        }
        deps.add(&inner);
    }

    /// The type of a resource, which the graph has found to exist.
    pub fn type_info(&self, resource: &Resource) -> Option<Arc<crate::provide::TypeInfo>> {
        self.types.of(&self.setup.registry, resource)
    }

    /// Resource addresses behind a set of dependencies, sorted and without keys of modules, as states record them; `but` is
    /// left out. What data was made from is among them: data leaves the state when nobody reads it any more.
    pub fn resources_in(&self, deps: &Arc<Deps>, but: &ResourceAddr) -> Arc<[ResourceAddr]> {
        let mut found = BTreeSet::new();
        let mut add = |resource: &ResourceAddr| {
            if resource != but {
                found.insert(resource.without_keys());
            }
        };
        for id in &deps.instances {
            if let Some(resource) = self.resource_of(*id) {
                add(resource);
            }
            self.block_of(*id).iter().for_each(&mut add);
            if let Some(read_from) = self.read_from(*id) {
                self.behind(read_from).iter().for_each(&mut add);
            }
        }
        for group in &deps.groups {
            self.behind(group).iter().for_each(&mut add);
        }
        found.into_iter().collect()
    }

    /// What an instance of data was made from.
    fn read_from(&self, id: CellId) -> Option<&Arc<Deps>> {
        let cell = self.cells.get(id);
        match &cell.kind {
            Kind::Instance(info) if info.addr.resource.resource.mode == ResourceMode::Data => {
                cell.deps.as_ref().filter(|deps| !deps.is_empty())
            }
            _ => None,
        }
    }

    fn resource_of(&self, id: CellId) -> Option<&ResourceAddr> {
        match &self.cells.get(id).kind {
            Kind::Instance(info) => Some(&info.addr.resource),
            _ => None,
        }
    }

    /// A block without instances, which something depends on by its text.
    fn block_of(&self, id: CellId) -> Option<ResourceAddr> {
        match &self.cells.get(id).kind {
            Kind::Keys(module, block) => {
                let module = self.module(*module).addr.clone();
                Some(ResourceAddr { module, resource: block.block().resource.clone() })
            }
            _ => None,
        }
    }

    /// The resources of a set that many share: looked for once.
    fn behind(&self, group: &Arc<Deps>) -> Arc<BTreeSet<ResourceAddr>> {
        if let Some((_, known)) = self.behind.borrow().get(&Arc::as_ptr(group)) {
            return known.clone();
        }
        let mut found = BTreeSet::new();
        let mut last = None;
        let mut open = vec![group];
        let mut seen: FxHashSet<*const Deps> = FxHashSet::default();
        while let Some(set) = open.pop() {
            if !seen.insert(Arc::as_ptr(set)) {
                continue;
            }
            set.each(&mut |id| {
                let resource = self.resource_of(id);
                // Instances of one resource mostly stand together.
                if resource != last {
                    found.extend(resource.cloned());
                    last = resource;
                }
                found.extend(self.block_of(id));
                open.extend(self.read_from(id));
            });
        }
        let found = Arc::new(found);
        self.behind.borrow_mut().insert(Arc::as_ptr(group), (group.clone(), found.clone()));
        found
    }

    /// The current expansion of a resource block, when it is known.
    pub fn expansion(&self, keys: CellId) -> Option<Arc<Expansion<CellId>>> {
        match &self.cells.get(keys).content {
            Content::Keys(expansion) => Some(expansion.clone()),
            _ => None,
        }
    }
}

/// Evaluates one expression; `None` when there was an error, which has been reported.
pub(crate) fn value_of(expr: &Expr, scope: &dyn Scope, diags: &mut Vec<Diagnostic>) -> Option<Value> {
    let outcome = eval(expr, scope, diags);
    (!outcome.failed && !outcome.missing).then_some(outcome.value)
}

/// The instance key that a literal index means.
pub(crate) fn instance_key(value: &Value) -> Option<InstanceKey> {
    match (value.as_str(), value.as_number()) {
        (Some(s), _) => Some(InstanceKey::Str(s.into())),
        (_, Some(n)) => n.to_i64().and_then(|i| u64::try_from(i).ok()).map(InstanceKey::Int),
        _ => None,
    }
}

/// Whether it is known that there are no instances.
fn is_empty<T>(expansion: &Expansion<T>) -> bool {
    !matches!(expansion, Expansion::Unknown) && expansion.iter().next().is_none()
}

/// `None` for an empty set.
pub(crate) fn shared(deps: Deps) -> Option<Arc<Deps>> {
    (!deps.is_empty()).then(|| Arc::new(deps))
}
