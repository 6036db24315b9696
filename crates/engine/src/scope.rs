//! What names mean inside a module.

use crate::cells::{CellId, Cells, Content, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, ModuleNode, instance_key};
use crate::expand::Expansion;
use crate::reference;
use crate::validate::unknown_object;
use formwork_addr::{InstanceKey, ResourceMode, Str};
use formwork_config::{Module, ModuleCall, Repetition};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_lang::{Lookup, Scope, Step, World};
use formwork_value::{Map, Mark, Type, Value};
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

/// What an evaluation met.
#[derive(Default)]
pub(crate) struct Found {
    /// Cells that are not filled yet.
    pub missing: Vec<CellId>,
    /// Instances that the value was made from.
    pub deps: Deps,
    /// Resource blocks of which somebody asked for all instances together.
    pub wholes: Vec<CellId>,
    /// Something that was needed has failed.
    pub failed: bool,
}

/// Names of a module instance, and of one instance of a block in it.
pub(crate) struct ModuleScope<'a> {
    evaluator: &'a Evaluator,
    node: &'a ModuleNode,
    each: Option<(&'a InstanceKey, Option<&'a Value>)>,
    /// `self`
    own: Option<&'a Value>,
    /// A variable whose value is just being checked.
    pub variable: Option<(&'a str, &'a Value)>,
    /// The module in whose text the names stand: other than that of the instance only where this is gone.
    pub text: &'a Module,
    found: RefCell<Found>,
}

impl<'a> ModuleScope<'a> {
    pub fn new(
        evaluator: &'a Evaluator,
        module: u32,
        each: Option<(&'a InstanceKey, Option<&'a Value>)>,
        own: Option<&'a Value>,
    ) -> Self {
        let node = evaluator.module(module);
        let (variable, text, found) = (None, &*node.module, RefCell::default());
        ModuleScope { evaluator, node, each, own, variable, text, found }
    }

    pub fn into_found(self) -> Found {
        self.found.into_inner()
    }

    /// The value of a cell, or that it is missing.
    fn cell(&self, id: CellId) -> Result<&'a Content, Lookup> {
        let cell = self.evaluator.cells.get(id);
        let mut found = self.found.borrow_mut();
        match cell.status {
            Status::Ready => {
                if cell.kind.is_stored() {
                    found.deps.add_instance(id);
                } else if let Some(deps) = &cell.deps {
                    found.deps.add(deps);
                }
                Ok(&cell.content)
            }
            Status::Failed => {
                found.failed = true;
                Err(Lookup::Failed)
            }
            Status::Idle | Status::Busy => {
                found.missing.push(id);
                Err(Lookup::Missing)
            }
        }
    }

    fn value(&self, id: CellId, consumed: usize) -> Lookup {
        match self.cell(id) {
            Ok(Content::Value(value)) => Lookup::Found(value.clone(), consumed),
            Ok(_) => Lookup::Failed,
            Err(lookup) => lookup,
        }
    }

    fn named<'s>(&self, root: &str, steps: &'s [Step<'_>], span: Span) -> Result<&'s str, Lookup> {
        match steps.first() {
            Some(Step::Attr(name)) => Ok(name),
            _ => Err(Lookup::Error(
                Diagnostic::error(
                    "Invalid reference",
                    format!("\"{root}\" must be followed by a dot and a name."),
                )
                .at(span),
            )),
        }
    }

    /// A resource, all or one of its instances. `consumed` steps have led to it.
    fn resource(&self, keys: CellId, steps: &[Step<'_>], consumed: usize, span: Span) -> Lookup {
        let expansion = match self.cell(keys) {
            Ok(Content::Keys(expansion)) => expansion,
            Ok(_) => return Lookup::Failed,
            Err(lookup) => return lookup,
        };
        let key = match (&**expansion, steps.get(consumed)) {
            (Expansion::Unknown, step) => return self.one_of_unknown(keys, step, consumed),
            (Expansion::Absent, _) => return Lookup::Found(Value::NULL, consumed),
            (Expansion::Single(id), _) => return self.value(*id, consumed),
            (_, Some(Step::Index(key))) => instance_key(key),
            (Expansion::ForEach(_), Some(Step::Attr(name))) => Some(InstanceKey::Str((*name).into())),
            _ => None,
        };
        if let Some(key) = key {
            return match expansion.get(&key) {
                Some(id) => self.value(*id, consumed + 1),
                None => Lookup::Error(no_instance(expansion, &key, span)),
            };
        }
        if let (Expansion::Count(_), Some(Step::Attr(name))) = (&**expansion, steps.get(consumed)) {
            return Lookup::Error(
                Diagnostic::error(
                    "Missing resource instance key",
                    format!("The resource has \"count\" set, so it is a list of instances, which has no attribute \"{name}\"."),
                )
                .help("Name one instance, such as [0] or [count.index]; or take the attribute of all with [*].")
                .at(span),
            );
        }
        if let Some((value, deps)) = &self.evaluator.cells.get(keys).whole {
            self.found.borrow_mut().deps.add(deps);
            return Lookup::Found(value.clone(), consumed);
        }
        let gate = self.evaluator.gate_of_all(keys);
        if let Some((gate, Status::Busy | Status::Failed)) = gate
            && let Err(lookup) = self.cell(gate)
        {
            return lookup;
        }
        let mut lookup = None;
        let mut all = Deps::default();
        for (_, id) in expansion.iter() {
            let cell = self.evaluator.cells.get(*id);
            match (cell.status, gate) {
                // Each is met once: nothing has to be looked for.
                (Status::Ready, _) if cell.kind.is_stored() => all.instances.push(*id),
                (Status::Idle | Status::Busy, Some((gate, _))) => {
                    lookup = self.cell(gate).err();
                    break;
                }
                _ => lookup = self.cell(*id).err().or(lookup),
            }
        }
        if let Some(lookup) = lookup {
            return lookup;
        }
        self.found.borrow_mut().deps.add(&Arc::new(all));
        self.found.borrow_mut().wholes.push(keys);
        Lookup::Found(whole_value(&self.evaluator.cells, expansion), consumed)
    }

    /// Of a resource of which nobody knows yet which instances there are.
    fn one_of_unknown(&self, keys: CellId, step: Option<&Step<'_>>, consumed: usize) -> Lookup {
        self.found.borrow_mut().deps.add_instance(keys);
        let crate::cells::Kind::Keys(_, block) = &self.evaluator.cells.get(keys).kind else {
            return Lookup::Failed;
        };
        let resource = &block.block().resource;
        let (value, used) = match (step, self.evaluator.type_info(resource)) {
            (Some(Step::Index(_)), Some(info)) => (unknown_object(&info), consumed + 1),
            _ => (Value::unknown(Type::Dynamic), consumed),
        };
        match resource.mode {
            ResourceMode::Ephemeral => Lookup::Found(value.mark(Mark::Ephemeral), used),
            _ => Lookup::Found(value, used),
        }
    }

    /// Of a module of which nobody knows yet which instances there are: what its block says of the output is known.
    fn output_of_unknown(&self, calls: CellId, steps: &[Step<'_>], span: Span) -> Lookup {
        self.found.borrow_mut().deps.add_instance(calls);
        let Some((call, child)) = self.called(calls) else { return Lookup::Failed };
        let at = match (&call.repetition, steps.get(1)) {
            (_, Some(Step::Index(_))) | (Repetition::ForEach(_), Some(Step::Attr(_))) => 2,
            _ => 1,
        };
        if let Some(Step::Attr(output)) = steps.get(at)
            && !child.outputs.contains_key(*output)
        {
            return Lookup::Error(reference::no_output(call, child, steps, output, span));
        }
        let outputs = || child.outputs.iter();
        let named = steps.iter().skip(1).take(2).find_map(|step| match step {
            Step::Attr(output) => outputs().find(|(n, _)| &***n == *output),
            Step::Index(_) => None,
        });
        // Without a name it may be any of them.
        let meant: Vec<_> = match named {
            Some((_, output)) => vec![output],
            None => outputs().map(|(_, output)| output).collect(),
        };
        let mut value = Value::unknown(Type::Dynamic);
        if meant.iter().any(|o| o.sensitive) {
            value = value.mark(Mark::Sensitive);
        }
        if meant.iter().any(|o| o.ephemeral) {
            value = value.mark(Mark::Ephemeral);
        }
        Lookup::Found(value, 1)
    }

    /// A call of a module, and what it calls.
    fn called(&self, calls: CellId) -> Option<(&ModuleCall, &Module)> {
        let crate::cells::Kind::Calls(_, name) = &self.evaluator.cells.get(calls).kind else { return None };
        let child = self.evaluator.setup.config.module(&self.node.module.path.child(name.clone()))?;
        Some((self.node.module.calls.get(name)?, child))
    }

    fn module_call(&self, calls: CellId, steps: &[Step<'_>], span: Span) -> Lookup {
        let expansion = match self.cell(calls) {
            Ok(Content::Calls(expansion)) => expansion,
            Ok(_) => return Lookup::Failed,
            Err(lookup) => return lookup,
        };
        let (child, at) = match (&**expansion, steps.get(1)) {
            (Expansion::Unknown, _) => return self.output_of_unknown(calls, steps, span),
            (Expansion::Absent, _) => return Lookup::Found(Value::NULL, 1),
            (Expansion::Single(child), _) => (Some(child), 1),
            (_, Some(Step::Index(key))) => match instance_key(key) {
                Some(key) => match expansion.get(&key) {
                    Some(child) => (Some(child), 2),
                    None => return Lookup::Error(no_instance(expansion, &key, span)),
                },
                None => (None, 1),
            },
            _ => (None, 1),
        };
        match (child, steps.get(at)) {
            (Some(child), Some(Step::Attr(output))) => {
                let node = self.evaluator.module(*child);
                match node.outputs.get(*output) {
                    Some(id) => self.value(*id, at + 1),
                    None => match self.called(calls) {
                        Some((call, child)) => {
                            Lookup::Error(reference::no_output(call, child, steps, output, span))
                        }
                        None => Lookup::Failed,
                    },
                }
            }
            (Some(child), _) => match self.outputs(*child) {
                Ok(value) => Lookup::Found(value, at),
                Err(lookup) => lookup,
            },
            (None, _) => {
                let mut parts = Vec::new();
                let mut lookup = None;
                for (key, child) in expansion.iter() {
                    match self.outputs(*child) {
                        Ok(value) => parts.push((key, value)),
                        Err(other) => lookup = Some(other),
                    }
                }
                match lookup {
                    Some(lookup) => lookup,
                    None => Lookup::Found(gather(matches!(**expansion, Expansion::Count(_)), parts), 1),
                }
            }
        }
    }

    /// All outputs of a module instance, as an object.
    fn outputs(&self, module: u32) -> Result<Value, Lookup> {
        let mut attrs = Map::new();
        let mut lookup = None;
        for (name, id) in &self.evaluator.module(module).outputs {
            match self.cell(*id) {
                Ok(Content::Value(value)) => {
                    attrs.insert(name.clone(), value.clone());
                }
                Ok(_) => lookup = Some(Lookup::Failed),
                Err(other) => lookup = Some(other),
            }
        }
        match lookup {
            Some(lookup) => Err(lookup),
            None => Ok(Value::from(attrs)),
        }
    }

    fn undeclared<'n>(
        &self,
        what: &str,
        full: &str,
        name: &str,
        known: impl Iterator<Item = &'n str>,
        help: &str,
        span: Span,
    ) -> Lookup {
        let place = if self.node.addr.is_root() {
            "the root module".into()
        } else {
            self.node.addr.path().to_string()
        };
        let d = Diagnostic::error(
            format!("Reference to undeclared {what}"),
            format!("{full} is not declared in {place}."),
        )
        .at(span);
        Lookup::Error(match suggestion(name, known) {
            Some(s) => d.help(format!("Did you mean \"{s}\"?")),
            None => d.help(help),
        })
    }
}

/// The instances of a resource, together: one object, a tuple, or an object by key.
pub(crate) fn whole_value(cells: &Cells, expansion: &Expansion<CellId>) -> Value {
    let parts =
        expansion.iter().filter_map(|(key, id)| Some((key, cells.value(*id)?.clone()))).collect::<Vec<_>>();
    match expansion {
        Expansion::Single(_) => parts.into_iter().next().map_or(Value::NULL, |(_, v)| v),
        other => gather(matches!(other, Expansion::Count(_)), parts),
    }
}

fn gather(count: bool, parts: Vec<(InstanceKey, Value)>) -> Value {
    if count {
        return Value::tuple(parts.into_iter().map(|(_, v)| v).collect());
    }
    Value::object(parts.into_iter().filter_map(|(key, value)| match key {
        InstanceKey::Str(k) => Some((k, value)),
        _ => None,
    }))
}

fn no_instance<T>(expansion: &Expansion<T>, key: &InstanceKey, span: Span) -> Diagnostic {
    let d = match (expansion, key) {
        (Expansion::Count(v), InstanceKey::Int(i)) => {
            Diagnostic::error("Invalid index", format!("There is no instance {i}: \"count\" is {}.", v.len()))
        }
        (Expansion::ForEach(m), InstanceKey::Str(k)) => {
            let d = Diagnostic::error("Invalid index", format!("\"for_each\" has no key \"{k}\"."));
            match suggestion(k, m.keys().map(|k| &**k)) {
                Some(s) => d.help(format!("Did you mean \"{s}\"?")),
                None => d,
            }
        }
        (Expansion::Count(_), _) => {
            Diagnostic::error("Invalid index", "The instances are made by \"count\": the index is a number.")
        }
        _ => Diagnostic::error(
            "Invalid index",
            "The instances are made by \"for_each\": the index is a string.",
        ),
    };
    d.at(span)
}

impl Scope for ModuleScope<'_> {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        let node = self.node;
        match root {
            "var" | "local" | "module" | "path" | "terraform" | "tofu" => {
                let name = match self.named(root, steps, span) {
                    Ok(name) => name,
                    Err(lookup) => return lookup,
                };
                match root {
                    "var" => {
                        if let Some((checked, value)) = self.variable
                            && checked == name
                        {
                            return Lookup::Found(value.clone(), 1);
                        }
                        match node.variables.get(name) {
                            Some(id) => self.value(*id, 1),
                            None => self.undeclared(
                                "input variable",
                                &format!("var.{name}"),
                                name,
                                node.module.variables.keys().map(|k| &**k),
                                &format!("Declare it: variable \"{name}\" {{}}"),
                                span,
                            ),
                        }
                    }
                    "local" => match node.locals.get(name) {
                        Some(id) => self.value(*id, 1),
                        None => self.undeclared(
                            "local value",
                            &format!("local.{name}"),
                            name,
                            node.module.locals.keys().map(|k| &**k),
                            "Add it to a locals block.",
                            span,
                        ),
                    },
                    "module" => match node.calls.get(name) {
                        Some(id) => self.module_call(*id, steps, span),
                        None => self.undeclared(
                            "module",
                            &format!("module.{name}"),
                            name,
                            node.module.calls.keys().map(|k| &**k),
                            "Add a module block of that name.",
                            span,
                        ),
                    },
                    "path" => self.path(name, span),
                    _ => match name {
                        "workspace" => {
                            Lookup::Found(Value::string(self.evaluator.setup.workspace.clone()), 1)
                        }
                        // Of a plan that is applied later it could not be true, so nothing may remember it.
                        "applying" => {
                            Lookup::Found(Value::from(!self.evaluator.planning).mark(Mark::Ephemeral), 1)
                        }
                        _ => Lookup::Error(
                            Diagnostic::error(
                                "Invalid \"terraform\" attribute",
                                format!("\"{root}\" has no attribute \"{name}\"."),
                            )
                            .help("There are terraform.workspace and terraform.applying.")
                            .at(span),
                        ),
                    },
                }
            }
            "each" | "count" => self.repetition(root, steps, span),
            "self" => match self.own {
                Some(value) => Lookup::Found(value.clone(), 0),
                None => Lookup::Error(
                    Diagnostic::error("Invalid \"self\" reference", "\"self\" has no meaning here.")
                        .help("It stands for the object itself in postconditions.")
                        .at(span),
                ),
            },
            "data" => {
                let (Some(Step::Attr(ty)), Some(Step::Attr(name))) = (steps.first(), steps.get(1)) else {
                    return Lookup::Error(
                        Diagnostic::error("Invalid reference", "A data source is written data.TYPE.NAME.")
                            .at(span),
                    );
                };
                match node.data.get(*ty).and_then(|t| t.get(*name)) {
                    Some(id) => self.resource(*id, steps, 2, span),
                    None => self.undeclared(
                        "resource",
                        &format!("data.{ty}.{name}"),
                        name,
                        node.data.get(*ty).into_iter().flat_map(|t| t.keys().map(|k| &**k)),
                        &format!("Add a block: data \"{ty}\" \"{name}\" {{ … }}"),
                        span,
                    ),
                }
            }
            "ephemeral" => {
                let (Some(Step::Attr(ty)), Some(Step::Attr(name))) = (steps.first(), steps.get(1)) else {
                    let detail = "An ephemeral resource is written ephemeral.TYPE.NAME.";
                    return Lookup::Error(Diagnostic::error("Invalid reference", detail).at(span));
                };
                match node.ephemeral.get(*ty).and_then(|t| t.get(*name)) {
                    Some(id) => self.resource(*id, steps, 2, span),
                    None => self.undeclared(
                        "resource",
                        &format!("ephemeral.{ty}.{name}"),
                        name,
                        node.ephemeral.get(*ty).into_iter().flat_map(|t| t.keys().map(|k| &**k)),
                        &format!("Add a block: ephemeral \"{ty}\" \"{name}\" {{ … }}"),
                        span,
                    ),
                }
            }
            "resource" => {
                let (Some(Step::Attr(ty)), Some(Step::Attr(name))) = (steps.first(), steps.get(1)) else {
                    return Lookup::Error(
                        Diagnostic::error(
                            "Invalid reference",
                            "In full, a resource is written resource.TYPE.NAME.",
                        )
                        .at(span),
                    );
                };
                match node.managed.get(*ty).and_then(|t| t.get(*name)) {
                    Some(id) => self.resource(*id, steps, 2, span),
                    None => self.undeclared(
                        "resource",
                        &format!("{ty}.{name}"),
                        name,
                        node.managed.get(*ty).into_iter().flat_map(|t| t.keys().map(|k| &**k)),
                        &format!("Add a block: resource \"{ty}\" \"{name}\" {{ … }}"),
                        span,
                    ),
                }
            }
            ty => {
                let Some(Step::Attr(name)) = steps.first() else {
                    return Lookup::Error(
                        Diagnostic::error(
                            "Invalid reference",
                            format!("\"{ty}\" is not a value: a reference has at least two names."),
                        )
                        .help(format!("For text, write \"{ty}\" in quotes; for a resource, TYPE.NAME."))
                        .at(span),
                    );
                };
                match node.managed.get(ty).and_then(|t| t.get(*name)) {
                    Some(id) => self.resource(*id, steps, 1, span),
                    None => {
                        let same: Vec<&str> =
                            node.managed.get(ty).into_iter().flat_map(|t| t.keys().map(|k| &**k)).collect();
                        self.undeclared(
                            "resource",
                            &format!("{ty}.{name}"),
                            name,
                            same.into_iter(),
                            &format!("Add a block: resource \"{ty}\" \"{name}\" {{ … }}"),
                            span,
                        )
                    }
                }
            }
        }
    }

    fn declared(&self, root: &str, steps: &[Step<'_>]) -> Option<Span> {
        crate::reference::declared(&self.evaluator.setup.config, &self.node.module, root, steps)
    }

    fn world(&self) -> &dyn World {
        &*self.evaluator.setup.world
    }

    fn base_dir(&self) -> &Path {
        Path::new("")
    }

    fn call_provider_function(&self, name: &str, args: &[Value], span: Span) -> Result<Value, Diagnostic> {
        crate::functions::call(&self.evaluator.setup.registry, self.text, name, args, span)
    }
}

impl ModuleScope<'_> {
    fn path(&self, name: &str, span: Span) -> Lookup {
        let shown = |p: &Path| -> Str {
            if p.as_os_str().is_empty() { ".".into() } else { p.display().to_string().into() }
        };
        match name {
            "module" => Lookup::Found(Value::string(shown(&self.text.dir)), 1),
            "root" => Lookup::Found(Value::string(shown(&self.evaluator.setup.config.root().dir)), 1),
            "cwd" => Lookup::Found(Value::string(shown(&self.evaluator.setup.world.cwd())), 1),
            _ => {
                let d = Diagnostic::error(
                    "Invalid \"path\" attribute",
                    format!("\"path\" has no attribute \"{name}\"."),
                )
                .help("There are path.module, path.root and path.cwd.");
                Lookup::Error(d.at(span))
            }
        }
    }

    fn repetition(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        let name = match self.named(root, steps, span) {
            Ok(name) => name,
            Err(lookup) => return lookup,
        };
        let value = match (root, name, self.each) {
            ("count", "index", Some((InstanceKey::Int(i), _))) => Some(Value::from(*i)),
            ("each", "key", Some((InstanceKey::Str(k), _))) => Some(Value::string(k.clone())),
            ("each", "value", Some((InstanceKey::Str(_), Some(v)))) => Some(v.clone()),
            _ => None,
        };
        match value {
            Some(value) => Lookup::Found(value, 1),
            None => Lookup::Error(crate::reference::unrepeated(root, name).at(span)),
        }
    }
}

/// A scope with further names: the iterators of dynamic blocks.
pub(crate) struct WithNames<'a> {
    pub inner: &'a dyn Scope,
    pub names: &'a [(Str, Value)],
}

impl Scope for WithNames<'_> {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        match self.names.iter().rev().find(|(name, _)| &**name == root) {
            Some((_, value)) => Lookup::Found(value.clone(), 0),
            None => self.inner.lookup(root, steps, span),
        }
    }

    fn declared(&self, root: &str, steps: &[Step<'_>]) -> Option<Span> {
        if self.names.iter().any(|(name, _)| &**name == root) {
            return None;
        }
        self.inner.declared(root, steps)
    }

    fn world(&self) -> &dyn World {
        self.inner.world()
    }

    fn base_dir(&self) -> &Path {
        self.inner.base_dir()
    }

    fn call_provider_function(&self, name: &str, args: &[Value], span: Span) -> Result<Value, Diagnostic> {
        self.inner.call_provider_function(name, args, span)
    }
}
