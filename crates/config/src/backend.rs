//! The values of a `backend` block's arguments, which are needed before there is any state.

use crate::model::{Config, Module};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_lang::{Lookup, Scope, Step, World, eval};
use formwork_syntax::Str;
use formwork_value::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

/// The arguments of the root module's `backend` block. They may refer to variables, of which `variables` has the values, and
/// to locals made of these. Marks are taken off: whoever shows settings knows which are secret.
pub fn backend_arguments(
    config: &Config,
    variables: &BTreeMap<Str, Value>,
    world: &dyn World,
    diags: &mut Vec<Diagnostic>,
) -> BTreeMap<Str, Value> {
    let root = config.root();
    let Some(block) = &root.backend else { return BTreeMap::new() };
    let scope = Early { root, variables, world, locals: RefCell::default() };
    let mut out = BTreeMap::new();
    for argument in &block.arguments {
        let mut found = Vec::new();
        let outcome = eval(&argument.expr, &scope, &mut found);
        let failed = outcome.failed || outcome.missing;
        diags.extend(found);
        if failed {
            continue;
        }
        let value = outcome.value.unmark_deep().0;
        if value.is_wholly_known() {
            out.insert(argument.name.name.clone(), value);
        } else {
            diags.push(
                Diagnostic::error(
                    "Not known when the state is opened",
                    format!("The value of \"{}\" is known only later.", argument.name.name),
                )
                .at(argument.expr.span),
            );
        }
    }
    out
}

/// What there is before the state is opened.
struct Early<'a> {
    root: &'a Module,
    variables: &'a BTreeMap<Str, Value>,
    world: &'a dyn World,
    /// Those that were evaluated; `None` while one is, and when it failed.
    locals: RefCell<BTreeMap<Str, Option<Value>>>,
}

impl Early<'_> {
    fn local(&self, name: &str, span: Span) -> Lookup {
        let Some(local) = self.root.locals.get(name) else {
            let d = Diagnostic::error(
                "Reference to undeclared local value",
                format!("The root module declares no local value \"{name}\"."),
            );
            return Lookup::Error(hint(d, name, self.root.locals.keys()).at(span));
        };
        match self.locals.borrow().get(name) {
            Some(Some(value)) => return Lookup::Found(value.clone(), 1),
            Some(None) => {
                let d = Diagnostic::error(
                    "Local value refers to itself",
                    format!("The value of local.{name} needs local.{name}."),
                );
                return Lookup::Error(d.at(span));
            }
            None => {}
        }
        self.locals.borrow_mut().insert(name.into(), None);
        let mut diags = Vec::new();
        let outcome = eval(&local.expr, self, &mut diags);
        if let Some(d) = diags.into_iter().find(Diagnostic::is_error) {
            return Lookup::Error(d);
        }
        if outcome.failed || outcome.missing {
            return Lookup::Failed;
        }
        self.locals.borrow_mut().insert(name.into(), Some(outcome.value.clone()));
        Lookup::Found(outcome.value, 1)
    }

    fn variable(&self, name: &str, span: Span) -> Lookup {
        match (self.variables.get(name), self.root.variables.get(name)) {
            (Some(value), _) => Lookup::Found(value.clone(), 1),
            (None, Some(_)) => Lookup::Error(
                Diagnostic::error(
                    "Variable without a value",
                    format!(
                        "The variable \"{name}\" has no value here, and the state cannot be found without it."
                    ),
                )
                .at(span)
                .help(format!("Set it in terraform.tfvars, or in the environment as TF_VAR_{name}: then all commands know it.")),
            ),
            (None, None) => {
                let d = Diagnostic::error(
                    "Reference to undeclared variable",
                    format!("The root module declares no variable \"{name}\"."),
                );
                Lookup::Error(hint(d, name, self.root.variables.keys()).at(span))
            }
        }
    }
}

fn hint<'n>(d: Diagnostic, name: &str, names: impl Iterator<Item = &'n Str>) -> Diagnostic {
    match suggestion(name, names.map(|n| &**n)) {
        Some(near) => d.help(format!("Did you mean \"{near}\"?")),
        None => d,
    }
}

impl Scope for Early<'_> {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        let name = match steps.first() {
            Some(Step::Attr(name)) => *name,
            _ => "",
        };
        match root {
            "var" if !name.is_empty() => self.variable(name, span),
            "local" if !name.is_empty() => self.local(name, span),
            "path" => {
                let shown = |path: &Path| Value::from(path.display().to_string());
                let here = Value::from(".");
                let cwd = shown(&self.world.cwd());
                let fields = [("module", here.clone()), ("root", here), ("cwd", cwd)];
                let fields: Map = fields.into_iter().map(|(name, value)| (Str::from(name), value)).collect();
                Lookup::Found(Value::from(fields), 0)
            }
            _ => {
                let d = Diagnostic::error(
                    "Not known when the state is opened",
                    format!(
                        "\"{root}\" cannot be referred to here: what it is about is in the state, and this says where the state \
                         is."
                    ),
                );
                Lookup::Error(d.at(span).help("Refer to variables, to locals made of them, and to path."))
            }
        }
    }

    fn world(&self) -> &dyn World {
        self.world
    }

    fn base_dir(&self) -> &Path {
        Path::new("")
    }
}
