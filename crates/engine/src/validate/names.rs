//! What names mean while a configuration is checked: everything that is declared has some value of its type, with the
//! marks that are certain.

use crate::provide::{TypeInfo, Types};
use crate::{Registry, Setup, reference, rules};
use formwork_addr::{Resource, ResourceMode, Str};
use formwork_config::{Module, Output, Repetition};
use formwork_diag::{Diagnostic, Span};
use formwork_lang::{Lookup, Scope, Step, World};
use formwork_value::{Mark, Refinement, Type, Value};
use rustc_hash::FxHashMap;
use std::path::Path;
use std::sync::Arc;

/// The names of a module.
pub(super) struct Names<'a> {
    pub setup: &'a Setup,
    pub types: &'a Types,
    pub module: &'a Module,
    /// Values of locals; `None` for those that failed.
    pub locals: FxHashMap<Str, Option<Value>>,
}

/// Where in a module an expression stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'p> {
    /// The repetition of the block around it.
    pub repetition: Option<&'p Repetition>,
    /// `self`
    pub own: Option<&'p Value>,
}

impl<'p> Place<'p> {
    /// Inside a block that is repeated so.
    pub fn of(repetition: &'p Repetition) -> Self {
        Place { repetition: Some(repetition), own: None }
    }
}

impl<'a> Names<'a> {
    pub fn at<'p>(&'p self, place: Place<'p>) -> Located<'p, 'a> {
        Located { names: self, place }
    }

    /// The module that a call is of.
    pub fn child(&self, call: &str) -> Option<&'a Module> {
        self.setup.config.module(&self.module.path.child(call.into())).map(|m| &**m)
    }

    fn variable(&self, name: &str) -> Lookup {
        let Some(variable) = self.module.variables.get(name) else { return Lookup::Failed };
        Lookup::Found(rules::marked(variable, Value::unknown(variable.ty.without_optional())), 1)
    }

    fn local(&self, name: &str) -> Lookup {
        match self.locals.get(name) {
            Some(Some(value)) => Lookup::Found(value.clone(), 1),
            _ => Lookup::Failed,
        }
    }

    fn resource(&self, mode: ResourceMode, ty: &str, name: &str, rest: &[Step<'_>], used: usize) -> Lookup {
        let resource = Resource { mode, type_name: ty.into(), name: name.into() };
        any_object(self.types, &self.setup.registry, self.module, &resource, rest, used)
    }

    fn call(&self, name: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        let rest = &steps[1..];
        let Some(call) = self.module.calls.get(name) else { return Lookup::Failed };
        let Some(child) = self.child(name) else { return Lookup::Found(Value::unknown(Type::Dynamic), 1) };
        let at = match (&call.repetition, rest.first()) {
            (Repetition::Single | Repetition::Enabled(_), Some(Step::Index(key)))
                if key.as_str().is_none() =>
            {
                return Lookup::Failed;
            }
            (Repetition::Single | Repetition::Enabled(_), _) => 0,
            (_, Some(Step::Index(_))) | (Repetition::ForEach(_), Some(Step::Attr(_))) => 1,
            (Repetition::Count(_), Some(Step::Attr(_))) => {
                return Lookup::Found(Value::unknown(Type::list(Type::Dynamic)), 1);
            }
            (_, None) => return Lookup::Found(Value::unknown(Type::Dynamic), 1),
        };
        match rest.get(at) {
            Some(Step::Attr(output)) => match child.outputs.get(*output) {
                Some(output) => Lookup::Found(declared(output), at + 2),
                None => Lookup::Error(reference::no_output(call, child, steps, output, span)),
            },
            _ => Lookup::Found(
                Value::object(child.outputs.iter().map(|(n, o)| (n.clone(), declared(o)))),
                at + 1,
            ),
        }
    }

    fn path(&self, name: &str) -> Lookup {
        let shown = |p: &Path| match p.as_os_str().is_empty() {
            true => Value::string("."),
            false => Value::string(p.display().to_string()),
        };
        match name {
            "module" => Lookup::Found(shown(&self.module.dir), 1),
            "root" => Lookup::Found(shown(&self.setup.config.root().dir), 1),
            "cwd" => Lookup::Found(shown(&self.setup.world.cwd()), 1),
            _ => Lookup::Failed,
        }
    }
}

/// What a reference to a resource means while nothing is known of it but its type; `rest` follows the `used` steps that name it.
pub(crate) fn any_object(
    types: &Types,
    registry: &Registry,
    module: &Module,
    resource: &Resource,
    rest: &[Step<'_>],
    used: usize,
) -> Lookup {
    let Some(block) = module.resources.get(resource) else { return Lookup::Failed };
    let Some(info) = types.of(registry, resource) else { return Lookup::Failed };
    let ephemeral = |value: Value| match resource.mode {
        ResourceMode::Ephemeral => value.mark(Mark::Ephemeral),
        _ => value,
    };
    match (&block.repetition, rest.first()) {
        // The graph has reported keys that are missing, or too many.
        (Repetition::Single | Repetition::Enabled(_), Some(Step::Index(_))) => Lookup::Failed,
        // It may be null, too: what is asked of it must be there if it is not.
        (Repetition::Single | Repetition::Enabled(_), _) => {
            Lookup::Found(ephemeral(unknown_object(&info)), used)
        }
        (_, Some(Step::Index(_))) => Lookup::Found(ephemeral(unknown_object(&info)), used + 1),
        (_, Some(Step::Attr(_))) => Lookup::Failed,
        (_, None) => Lookup::Found(ephemeral(Value::unknown(Type::Dynamic)), used),
    }
}

/// An object whose attributes are all unknown, with the marks that the schema says.
pub(crate) fn unknown_object(info: &Arc<TypeInfo>) -> Value {
    match &info.ty {
        Type::Object(o) => {
            info.mark(Value::object(o.attrs.iter().map(|(k, t)| (k.clone(), Value::unknown(t.clone())))))
        }
        other => Value::unknown(other.clone()),
    }
}

/// An output with what its block says of it.
fn declared(output: &Output) -> Value {
    let mut value = Value::unknown(Type::Dynamic);
    if output.sensitive {
        value = value.mark(Mark::Sensitive);
    }
    if output.ephemeral {
        value = value.mark(Mark::Ephemeral);
    }
    value
}

/// The names of a module, seen from a place in it.
pub(super) struct Located<'p, 'a> {
    names: &'p Names<'a>,
    place: Place<'p>,
}

impl Located<'_, '_> {
    fn repeated(&self, root: &str, name: &str, span: Span) -> Lookup {
        let not_null =
            |ty| Value::unknown_refined(ty, Refinement { not_null: true, ..Refinement::default() });
        match (root, name, self.place.repetition) {
            ("count", "index", Some(Repetition::Count(_))) => Lookup::Found(not_null(Type::Number), 1),
            ("each", "key", Some(Repetition::ForEach(_))) => Lookup::Found(not_null(Type::String), 1),
            ("each", "value", Some(Repetition::ForEach(_))) => {
                Lookup::Found(Value::unknown(Type::Dynamic), 1)
            }
            ("count", "index", _) | ("each", "key" | "value", _) => {
                let argument = if root == "count" { "count" } else { "for_each" };
                Lookup::Error(
                    Diagnostic::error(
                        format!("Reference to \"{root}\" in non-{argument} context"),
                        format!("\"{root}.{name}\" has a value only in blocks with \"{argument}\" set."),
                    )
                    .at(span),
                )
            }
            _ => Lookup::Error(
                Diagnostic::error(
                    format!("Invalid \"{root}\" attribute"),
                    format!("\"{root}\" has no attribute \"{name}\"."),
                )
                .help("There are count.index, each.key and each.value.")
                .at(span),
            ),
        }
    }
}

impl Scope for Located<'_, '_> {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        let names = self.names;
        if root == "self" {
            // Where it means nothing, the graph has reported it; and so it has all that is not declared.
            return self.place.own.map_or(Lookup::Failed, |own| Lookup::Found(own.clone(), 0));
        }
        let attr = |i: usize| match steps.get(i) {
            Some(Step::Attr(name)) => Some(*name),
            _ => None,
        };
        let Some(name) = attr(0) else { return Lookup::Failed };
        match root {
            "var" => names.variable(name),
            "local" => names.local(name),
            "module" => names.call(name, steps, span),
            "count" | "each" => self.repeated(root, name, span),
            "path" => names.path(name),
            "terraform" | "tofu" if name == "workspace" => {
                Lookup::Found(Value::string(names.setup.workspace.clone()), 1)
            }
            "terraform" | "tofu" if name == "applying" => {
                Lookup::Found(Value::from(false).mark(Mark::Ephemeral), 1)
            }
            "terraform" | "tofu" => Lookup::Failed,
            "data" | "resource" | "ephemeral" => match attr(1) {
                Some(second) => {
                    let mode = match root {
                        "data" => ResourceMode::Data,
                        "ephemeral" => ResourceMode::Ephemeral,
                        _ => ResourceMode::Managed,
                    };
                    names.resource(mode, name, second, &steps[2..], 2)
                }
                None => Lookup::Failed,
            },
            ty => names.resource(ResourceMode::Managed, ty, name, &steps[1..], 1),
        }
    }

    fn declared(&self, root: &str, steps: &[Step<'_>]) -> Option<Span> {
        crate::reference::declared(&self.names.setup.config, self.names.module, root, steps)
    }

    fn world(&self) -> &dyn World {
        &*self.names.setup.world
    }

    fn base_dir(&self) -> &Path {
        Path::new("")
    }

    fn call_provider_function(&self, name: &str, args: &[Value], span: Span) -> Result<Value, Diagnostic> {
        crate::functions::call(&self.names.setup.registry, self.names.module, name, args, span)
    }
}
