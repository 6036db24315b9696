//! Checking a configuration without a state: every block once, with nothing known about what the world will say.

use crate::body::decode_in;
use crate::graph::Graph;
use crate::provide::Types;
use crate::{Setup, provide::Worker};
use formwork_config::{Module, Repetition, ResourceBlock};
use formwork_diag::{Diagnostic, Severity, Span};
use formwork_lang::{Lookup, Scope, Step, World, eval};
use formwork_provider::Problem;
use formwork_value::{Refinement, Type, Value};
use std::path::Path;

/// Everything that is wrong with a configuration whatever the variables and the state.
pub fn validate(setup: &Setup) -> Vec<Diagnostic> {
    let (_, mut diags) = Graph::new(&setup.config, &setup.registry);
    let types = Types::default();
    for module in setup.config.modules.values() {
        let mut v = Validator { setup, types: &types, module, diags: &mut diags };
        v.module();
    }
    diags
}

struct Validator<'a> {
    setup: &'a Setup,
    types: &'a Types,
    module: &'a Module,
    diags: &'a mut Vec<Diagnostic>,
}

impl Validator<'_> {
    fn module(&mut self) {
        let module = self.module;
        for local in module.locals.values() {
            self.expr(&local.expr, &Repetition::Single);
        }
        for output in module.outputs.values() {
            self.expr(&output.value, &Repetition::Single);
        }
        for call in module.calls.values() {
            self.repetition(&call.repetition);
            for (_, expr) in call.arguments.values() {
                self.expr(expr, &call.repetition);
            }
        }
        for block in module.resources.values() {
            self.resource(block);
        }
        for provider in module.providers.values() {
            let source = module.provider_source(&provider.name.name);
            if let Some(family) = self.setup.registry.providers().get(&source) {
                let scope = Anything {
                    setup: self.setup,
                    types: self.types,
                    module,
                    repetition: &Repetition::Single,
                };
                decode_in(&provider.body, &family.schema().block, &scope, provider.span, self.diags);
            }
        }
    }

    fn expr(&mut self, expr: &formwork_syntax::Expr, repetition: &Repetition) -> Option<Value> {
        let scope = Anything { setup: self.setup, types: self.types, module: self.module, repetition };
        let outcome = eval(expr, &scope, self.diags);
        (!outcome.failed).then_some(outcome.value)
    }

    fn repetition(&mut self, repetition: &Repetition) {
        let (expr, check): (_, fn(&Value, Span) -> Result<crate::expand::Repeat, Diagnostic>) =
            match repetition {
                Repetition::Single => return,
                Repetition::Count(e) => (e, crate::expand::count),
                Repetition::ForEach(e) => (e, crate::expand::for_each),
            };
        if let Some(value) = self.expr(expr, &Repetition::Single)
            && value.is_wholly_known()
            && let Err(d) = check(&value, expr.span)
        {
            self.diags.push(d);
        }
    }

    fn resource(&mut self, block: &ResourceBlock) {
        let Some(info) = self.types.of(&self.setup.registry, &block.resource) else { return };
        self.repetition(&block.repetition);
        let scope = Anything {
            setup: self.setup,
            types: self.types,
            module: self.module,
            repetition: &block.repetition,
        };
        let before = self.diags.len();
        let decoded = decode_in(&block.body, &info.schema.block, &scope, block.span, self.diags);
        let address = if self.module.path.0.is_empty() {
            block.resource.to_string()
        } else {
            format!("{}.{}", self.module.path, block.resource)
        };
        if let Some(config) = decoded {
            let (config, _) = config.unmark_deep();
            let problems: Vec<Problem> = match &info.worker {
                Worker::Managed(r) => r.validate(&config),
                Worker::Data(d) => d.validate(&config),
            };
            for p in problems {
                let at = crate::provide::first_attribute(&p.path)
                    .and_then(|name| crate::body::attribute_span(&block.body, name))
                    .unwrap_or(block.span);
                let mut d = Diagnostic::error(p.summary, p.detail).at(at);
                d.severity = p.severity;
                self.diags.push(d);
            }
        }
        for d in &mut self.diags[before..] {
            if d.severity == Severity::Error {
                d.address.get_or_insert_with(|| address.clone());
            }
        }
    }
}

/// A scope in which everything that is declared has some value of its type.
struct Anything<'a> {
    setup: &'a Setup,
    types: &'a Types,
    module: &'a Module,
    repetition: &'a Repetition,
}

impl Anything<'_> {
    fn resource(
        &self,
        data: bool,
        ty: &str,
        name: &str,
        steps: &[Step<'_>],
        consumed: usize,
    ) -> Option<Lookup> {
        let mode =
            if data { formwork_addr::ResourceMode::Data } else { formwork_addr::ResourceMode::Managed };
        let resource = formwork_addr::Resource { mode, type_name: ty.into(), name: name.into() };
        let block = self.module.resources.get(&resource)?;
        let info = self.types.of(&self.setup.registry, &resource)?;
        let object = unknown_object(&info.ty);
        Some(match (&block.repetition, steps.get(consumed)) {
            (Repetition::Single, _) => Lookup::Found(object, consumed),
            (_, Some(Step::Index(_))) => Lookup::Found(object, consumed + 1),
            _ => Lookup::Found(Value::unknown(Type::Dynamic), steps.len()),
        })
    }
}

/// An object whose attributes are all unknown.
fn unknown_object(ty: &Type) -> Value {
    match ty {
        Type::Object(o) => Value::object(o.attrs.iter().map(|(k, t)| (k.clone(), Value::unknown(t.clone())))),
        other => Value::unknown(other.clone()),
    }
}

impl Scope for Anything<'_> {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        let anything = || Lookup::Found(Value::unknown(Type::Dynamic), steps.len());
        let not_null =
            |ty| Value::unknown_refined(ty, Refinement { not_null: true, ..Refinement::default() });
        let attr = |i: usize| match steps.get(i) {
            Some(Step::Attr(name)) => Some(*name),
            _ => None,
        };
        match (root, attr(0)) {
            ("var", Some(name)) => match self.module.variables.get(name) {
                Some(v) => Lookup::Found(Value::unknown(v.ty.without_optional()), 1),
                None => Lookup::Failed,
            },
            ("count", Some("index")) if matches!(self.repetition, Repetition::Count(_)) => {
                Lookup::Found(not_null(Type::Number), 1)
            }
            ("each", Some("key")) if matches!(self.repetition, Repetition::ForEach(_)) => {
                Lookup::Found(not_null(Type::String), 1)
            }
            ("each", Some("value")) if matches!(self.repetition, Repetition::ForEach(_)) => {
                Lookup::Found(Value::unknown(Type::Dynamic), 1)
            }
            ("count" | "each", Some(name)) => {
                let argument = if root == "count" { "count" } else { "for_each" };
                Lookup::Error(
                    Diagnostic::error(
                        format!("Reference to \"{root}\" in non-{argument} context"),
                        format!("\"{root}.{name}\" has a value only in blocks with \"{argument}\" set."),
                    )
                    .at(span),
                )
            }
            ("path" | "terraform" | "tofu", Some(_)) => Lookup::Found(not_null(Type::String), 1),
            ("data", Some(ty)) => match attr(1) {
                Some(name) => self.resource(true, ty, name, steps, 2).unwrap_or(Lookup::Failed),
                None => Lookup::Failed,
            },
            ("local" | "module" | "self", _) => anything(),
            (ty, Some(name)) => self.resource(false, ty, name, steps, 1).unwrap_or(Lookup::Failed),
            // The graph has reported it.
            _ => Lookup::Failed,
        }
    }

    fn world(&self) -> &dyn World {
        &*self.setup.world
    }

    fn base_dir(&self) -> &Path {
        Path::new("")
    }
}
