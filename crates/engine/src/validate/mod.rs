//! Checking a configuration without a state: every block once, with nothing known about what the world will say.

mod names;

use crate::body::decode_in;
use crate::cells::{self, Content};
use crate::evaluator::{Evaluator, value_of};
use crate::graph::Graph;
use crate::imports::{check_key, check_no_key, each, import_id};
use crate::provide::{Types, Worker};
use crate::scope::WithNames;
use crate::{Setup, checks, expand, rules};
use formwork_addr::{ModulePath, Str};
use formwork_config::{
    Condition, Import, Module, Output, ProviderBlock, Provisioner, Repetition, ResourceBlock,
};
use formwork_diag::{Diagnostic, Severity};
use formwork_lang::{RefStep, eval, references};
use formwork_provider::{Problem, connection_schema};
use formwork_syntax::Expr;
use formwork_value::{Kind, Type, Value, convert};
use names::{Names, Place};
pub(crate) use names::{any_object, unknown_object};
use rustc_hash::{FxHashMap, FxHashSet};

/// Everything that is wrong with a configuration whatever the variables and the state.
pub fn validate(setup: &Setup) -> Vec<Diagnostic> {
    let (_, mut diags) = Graph::new(&setup.config, &setup.registry);
    diags.extend(crate::moves::refuse_types(&setup.config, &setup.registry));
    diags.extend(crate::moves::rings(&setup.config));
    let types = Types::default();
    for module in setup.config.modules.values() {
        let names = Names { setup, types: &types, module, locals: FxHashMap::default() };
        Validator { names, diags: &mut diags }.module();
    }
    once(&mut diags);
    diags
}

/// A module that is called twice has its mistakes once.
fn once(diags: &mut Vec<Diagnostic>) {
    let mut seen = FxHashSet::default();
    diags.retain(|d| d.span.is_none() || seen.insert((d.span, d.summary.clone(), d.detail.clone())));
}

/// What is wrong with provisioners, which a plan does not evaluate.
pub(crate) fn provisioners(setup: &Setup) -> Vec<Diagnostic> {
    let types = Types::default();
    let mut diags = Vec::new();
    for module in setup.config.modules.values() {
        if module.resources.values().all(|b| b.provisioners.is_empty()) {
            continue;
        }
        in_module(setup, &types, module, &mut diags, |validator| {
            for block in module.resources.values() {
                validator.provisioners(block);
            }
        });
    }
    diags
}

/// What is wrong with blocks that have no instances, and with modules that have none: a plan evaluates nothing of them.
pub(crate) fn without_instances(ev: &Evaluator) -> Vec<Diagnostic> {
    let mut evaluated = FxHashSet::default();
    for id in &ev.expanded {
        let cell = ev.cells.get(*id);
        if let (cells::Kind::Keys(_, block), Content::Keys(instances)) = (&cell.kind, &cell.content)
            && instances.iter().next().is_some()
        {
            evaluated.insert((&block.module.path, &*block.block.resource));
        }
    }
    let made: FxHashSet<&ModulePath> = ev.modules.iter().map(|node| &node.module.path).collect();
    let types = Types::default();
    let mut diags = Vec::new();
    for module in ev.setup.config.modules.values() {
        if !made.contains(&module.path) {
            let names = Names { setup: &ev.setup, types: &types, module, locals: FxHashMap::default() };
            Validator { names, diags: &mut diags }.module();
            continue;
        }
        let blocks = module.resources.iter().filter(|(name, _)| !evaluated.contains(&(&module.path, *name)));
        let blocks: Vec<&ResourceBlock> = blocks.map(|(_, block)| &**block).collect();
        if !blocks.is_empty() {
            in_module(&ev.setup, &types, module, &mut diags, |validator| {
                for block in blocks {
                    validator.resource(block);
                }
            });
        }
    }
    // What a condition gives matters only to an instance.
    diags.retain(|d| d.severity == Severity::Error && d.summary != checks::NO_VERDICT);
    once(&mut diags);
    diags
}

/// Checks something in a module. What is wrong with its locals is for the plan to say.
fn in_module(
    setup: &Setup,
    types: &Types,
    module: &Module,
    diags: &mut Vec<Diagnostic>,
    check: impl FnOnce(&mut Validator<'_>),
) {
    let names = Names { setup, types, module, locals: FxHashMap::default() };
    let mut quiet = Vec::new();
    let mut validator = Validator { names, diags: &mut quiet };
    validator.locals(module);
    check(&mut Validator { names: validator.names, diags });
}

struct Validator<'a> {
    names: Names<'a>,
    diags: &'a mut Vec<Diagnostic>,
}

impl<'a> Validator<'a> {
    fn module(&mut self) {
        let module = self.names.module;
        self.locals(module);
        for variable in module.variables.values() {
            self.conditions(&variable.validations, Place::default());
        }
        for output in module.outputs.values() {
            self.output(output);
        }
        for call in module.calls.values() {
            self.repetition(&call.repetition);
            let child = self.names.child(&call.name.name);
            for (name, (_, expr)) in &call.arguments {
                let value = self.expr(expr, Place::of(&call.repetition));
                let variable = child.and_then(|c| c.variables.get(name));
                if let (Some(value), Some(variable)) = (value, variable)
                    && let Err(d) = rules::argument(variable, value, expr.span)
                {
                    self.diags.push(d);
                }
            }
        }
        for block in module.resources.values() {
            self.resource(block);
        }
        for import in &module.imports {
            self.import(import);
        }
        for check in module.checks.values() {
            let scope = self.names.at(Place::default());
            for assert in &check.asserts {
                checks::failure_aloud(assert, &scope, self.diags, "");
            }
        }
        for provider in module.providers.values() {
            let source = module.provider_source(&provider.name.name);
            if let Some(family) = self.names.setup.registry.providers().get(&source) {
                let repetition = match &provider.for_each {
                    Some(for_each) => Repetition::ForEach(for_each.clone()),
                    None => Repetition::Single,
                };
                self.repetition(&repetition);
                let (scope, from) = (self.names.at(Place::of(&repetition)), self.diags.len());
                decode_in(&provider.body, &family.schema().block, &scope, provider.span, self.diags);
                // Nobody is going to configure it, so that no plan would fail.
                if !self.used(module, provider, &source) {
                    self.diags[from..].iter_mut().for_each(|d| d.severity = Severity::Warning);
                }
            }
        }
    }

    /// Whether any resource uses the configuration of this block.
    fn used(&self, module: &Module, provider: &ProviderBlock, source: &Str) -> bool {
        let config = &self.names.setup.config;
        config.modules.values().any(|user| {
            user.resources.values().any(|block| {
                let key = config.provider_of(user, block);
                (&key.module, &key.source, &key.alias) == (&module.path, source, &provider.alias)
            })
        })
    }

    /// Locals are pure: each has a value once those that it refers to have one.
    fn locals(&mut self, module: &'a Module) {
        for name in in_order(module) {
            let value = self.expr(&module.locals[&name].expr, Place::default());
            self.names.locals.insert(name, value);
        }
    }

    fn expr(&mut self, expr: &Expr, place: Place<'_>) -> Option<Value> {
        let outcome = eval(expr, &self.names.at(place), self.diags);
        (!outcome.failed).then_some(outcome.value)
    }

    /// What cannot be evaluated, or be true or false, is reported; what fails only because of values is not.
    fn conditions(&mut self, list: &[Condition], place: Place<'_>) {
        let scope = self.names.at(place);
        for condition in list {
            checks::failure(condition, &scope, self.diags, "");
        }
    }

    fn output(&mut self, output: &Output) {
        let root = self.names.module.path.0.is_empty();
        for condition in &output.preconditions {
            let scope = self.names.at(Place::default());
            let summary = "Module output value precondition failed";
            let failed = checks::failure_aloud(condition, &scope, self.diags, summary);
            self.diags.extend(failed);
        }
        if let Some(value) = self.expr(&output.value, Place::default())
            && let Err(d) = rules::output(output, root, value)
        {
            self.diags.push(d);
        }
    }

    fn repetition(&mut self, repetition: &Repetition) {
        let (expr, count) = match repetition {
            Repetition::Single => return,
            Repetition::Enabled(e) => {
                let value = self.expr(e, Place::default());
                let known = value.filter(Value::is_known);
                return self.diags.extend(known.and_then(|v| expand::enabled(&v, e.span).err()));
            }
            Repetition::Count(e) => (e, true),
            Repetition::ForEach(e) => (e, false),
        };
        let Some(value) = self.expr(expr, Place::default()) else { return };
        let unmarked = value.clone().unmark().0;
        // A value that is to come may be right; its type must be.
        let open = match unmarked.kind() {
            Kind::Unknown(_) if count => convert(&unmarked, &Type::Number).is_ok(),
            Kind::Unknown(u) => matches!(u.ty, Type::Map(_) | Type::Set(_) | Type::Object(_) | Type::Dynamic),
            Kind::Set(_, items) => items.iter().any(|i| matches!(i.kind(), Kind::Unknown(_))),
            _ => false,
        };
        let checked = match (open, count) {
            (true, true) => expand::refuse_marks_of_count(&value, expr.span),
            (true, false) => expand::refuse_marks_of_for_each(&value, expr.span),
            (false, true) => expand::count(&value, expr.span).map(|_| ()),
            (false, false) => expand::for_each(&value, expr.span).map(|_| ()),
        };
        self.diags.extend(checked.err());
    }

    fn provisioners(&mut self, block: &ResourceBlock) {
        let Some(info) = self.names.types.of(&self.names.setup.registry, &block.resource) else { return };
        let own = names::unknown_object(&info);
        for provisioner in &block.provisioners {
            self.provisioner(provisioner, Place { own: Some(&own), ..Place::of(&block.repetition) });
        }
    }

    fn provisioner(&mut self, provisioner: &Provisioner, place: Place<'_>) {
        let Some(worker) = self.names.setup.registry.provisioner(&provisioner.kind.name) else { return };
        let scope = self.names.at(place);
        let config = decode_in(&provisioner.body, worker.schema(), &scope, provisioner.span, self.diags);
        let problems = config.map(|c| worker.validate(&c.unmark_deep().0)).unwrap_or_default();
        for p in problems {
            let at = crate::provide::first_attribute(&p.path)
                .and_then(|name| crate::body::attribute_span(&provisioner.body, name))
                .unwrap_or(provisioner.span);
            let mut d = Diagnostic::error(p.summary, p.detail).at(at);
            (d.severity, d.relayed) = (p.severity, true);
            self.diags.push(d);
        }
        match &provisioner.connection {
            Some(c) => {
                decode_in(&c.body, connection_schema(), &scope, c.span, self.diags);
            }
            None if worker.connects() => self.diags.push(
                Diagnostic::error(
                    "Missing connection",
                    format!(
                        "The provisioner {} runs on another machine, and nothing says how to reach it.",
                        worker.name()
                    ),
                )
                .help("Add: connection { host = self.… }")
                .at(provisioner.span),
            ),
            None => {}
        }
    }

    fn import(&mut self, import: &Import) {
        let unknown = || Value::unknown(Type::Dynamic);
        // The elements that are known; otherwise any.
        let mut elements = vec![(unknown(), unknown())];
        if let Some(expr) = &import.for_each
            && let Some(value) = self.expr(expr, Place::default())
        {
            match expand::refuse_as_elements(&value, expr.span) {
                Err(d) => self.diags.push(d),
                Ok(()) if !value.is_wholly_known() => {}
                Ok(()) => elements = expand::elements(&value, expr.span).unwrap_or_default(),
            }
        }
        let module = self.names.setup.config.module(&import.to.path);
        let block = module.and_then(|m| m.resources.get(&import.to.resource));
        let located = self.names.at(Place::default());
        for (key, value) in elements {
            let names = [each(key, value)];
            let repeated = import.for_each.is_some();
            let scope = WithNames { inner: &located, names: if repeated { &names } else { &[] } };
            let before = self.diags.len();
            for key in import.to.modules.iter().flatten() {
                value_of(key, &scope, self.diags);
            }
            match (block, &import.to.key) {
                (Some(block), Some(key)) => {
                    check_key(&import.to.resource, &block.repetition, key, &scope, self.diags);
                }
                (Some(block), None) => check_no_key(import, &block.repetition, self.diags),
                (None, _) => {}
            }
            if let Some(value) = value_of(&import.id, &scope, self.diags)
                && (value.is_known() || convert(&value, &Type::String).is_err())
            {
                import_id(value, import.id.span, self.diags);
            }
            // One element that cannot be is enough.
            if self.diags.len() > before {
                break;
            }
        }
    }

    fn resource(&mut self, block: &ResourceBlock) {
        let Some(info) = self.names.types.of(&self.names.setup.registry, &block.resource) else { return };
        let module = self.names.module;
        self.repetition(&block.repetition);
        let before = self.diags.len();
        let place = Place::of(&block.repetition);
        let decoded =
            decode_in(&block.body, &info.schema.block, &self.names.at(place), block.span, self.diags);
        if let Some(config) = decoded {
            self.diags.extend(rules::stored(&config, block, &info.schema).err());
            let (config, _) = config.unmark_deep();
            let problems: Vec<Problem> = match &info.worker {
                Worker::Managed(r) => r.validate(&config),
                Worker::Data(d) => d.validate(&config),
                Worker::Ephemeral(e) => e.validate(&config),
            };
            for p in problems {
                let at = crate::provide::first_attribute(&p.path)
                    .and_then(|name| crate::body::attribute_span(&block.body, name))
                    .unwrap_or(block.span);
                let mut d = Diagnostic::error(p.summary, p.detail).at(at);
                (d.severity, d.relayed) = (p.severity, true);
                self.diags.push(d);
            }
        }
        let lifecycle = &block.lifecycle;
        for (what, expr) in [
            ("create_before_destroy", &lifecycle.create_before_destroy),
            ("prevent_destroy", &lifecycle.prevent_destroy),
        ] {
            if let Some(expr) = expr
                && let Some(value) = self.expr(expr, place)
                && convert(&value, &Type::Bool).map_or(true, |v| v.is_null())
            {
                let d = Diagnostic::error(format!("Invalid {what}"), "The value must be true or false.");
                self.diags.push(d.at(expr.span));
            }
        }
        self.conditions(&lifecycle.preconditions, place);
        let own = names::unknown_object(&info);
        self.conditions(&lifecycle.postconditions, Place { own: Some(&own), ..place });
        self.provisioners(block);
        let address = match module.path.0.is_empty() {
            true => block.resource.to_string(),
            false => format!("{}.{}", module.path, block.resource),
        };
        for d in &mut self.diags[before..] {
            if d.severity == Severity::Error {
                d.address.get_or_insert_with(|| address.clone());
            }
        }
    }
}

/// The names of locals, each after those that it refers to. (Rings have been reported; they are cut somewhere.)
fn in_order(module: &Module) -> Vec<Str> {
    let mut order = Vec::with_capacity(module.locals.len());
    let mut seen: FxHashSet<Str> = FxHashSet::default();
    let mut stack: Vec<(Str, bool)> = Vec::new();
    for name in module.locals.keys() {
        stack.push((name.clone(), false));
        while let Some((name, left)) = stack.pop() {
            if left {
                order.push(name);
                continue;
            }
            let Some(local) = module.locals.get(&name).filter(|_| seen.insert(name.clone())) else {
                continue;
            };
            stack.push((name, true));
            for reference in references(&local.expr).into_iter().filter(|r| r.root == "local") {
                if let Some(RefStep::Attr(other)) = reference.steps.first() {
                    stack.push(((*other).into(), false));
                }
            }
        }
    }
    order
}
