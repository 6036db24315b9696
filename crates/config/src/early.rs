//! What is known before there is a state: values of variables, and of locals that are made of these.

use crate::model::Module;
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_lang::{Lookup, Scope, Step, World, eval};
use formwork_syntax::{Expr, Str};
use formwork_value::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

/// Answers a reference that only the place knows where an expression stands; nothing for other names.
pub type OwnNames<'a> = dyn Fn(&str, &[Step<'_>], Span) -> Option<Lookup> + 'a;

/// Evaluates expressions of the root module that are needed before there is a state.
pub struct Early<'a> {
    root: &'a Module,
    variables: &'a BTreeMap<Str, Value>,
    workspace: &'a str,
    world: &'a dyn World,
    own: &'a OwnNames<'a>,
    /// Those that were evaluated; `None` while one is, and when it failed.
    locals: RefCell<BTreeMap<Str, Option<Value>>>,
}

const TOO_EARLY: &str = "Not known before the state is read";

impl<'a> Early<'a> {
    /// With these values of the root module's variables. `own` answers names that mean something in that place alone.
    pub fn new(
        root: &'a Module,
        variables: &'a BTreeMap<Str, Value>,
        workspace: &'a str,
        world: &'a dyn World,
        own: &'a OwnNames<'a>,
    ) -> Self {
        Early { root, variables, workspace, world, own, locals: RefCell::default() }
    }

    /// The value of an expression, known and without marks. What is in the way of it is told.
    pub fn value(&self, expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<Value> {
        let mut found = Vec::new();
        let outcome = eval(expr, self, &mut found);
        let failed = outcome.failed || outcome.missing || formwork_diag::has_errors(&found);
        diags.extend(found);
        if failed {
            return None;
        }
        let value = outcome.value.unmark_deep().0;
        if value.is_wholly_known() {
            return Some(value);
        }
        diags.push(Diagnostic::error(TOO_EARLY, "The value is known only later.").at(expr.span));
        None
    }

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
                        "The variable \"{name}\" has no value here, and the state cannot be read without it."
                    ),
                )
                .at(span)
                .help(format!(
                    "Set it in the environment as TF_VAR_{name}, or in terraform.tfvars: then all commands know it."
                )),
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

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Lookup {
    let fields: Map = fields.into_iter().map(|(name, value)| (Str::from(name), value)).collect();
    Lookup::Found(Value::from(fields), 0)
}

impl Scope for Early<'_> {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        if let Some(found) = (self.own)(root, steps, span) {
            return found;
        }
        let name = match steps.first() {
            Some(Step::Attr(name)) => *name,
            _ => "",
        };
        match root {
            "var" if !name.is_empty() => self.variable(name, span),
            "local" if !name.is_empty() => self.local(name, span),
            "path" => {
                let cwd = Value::from(self.world.cwd().display().to_string());
                fields([("module", Value::from(".")), ("root", Value::from(".")), ("cwd", cwd)])
            }
            "terraform" => fields([("workspace", Value::from(self.workspace))]),
            _ => {
                let d = Diagnostic::error(
                    TOO_EARLY,
                    format!(
                        "\"{root}\" cannot be referred to here: this is needed before the state is read."
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
