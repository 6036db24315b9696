//! What goes with an error: the values of what the expression refers to, and where that is declared.

use super::{Evaluator, access, unknown};
use crate::references::references;
use crate::{Lookup, RefStep, Step};
use formwork_diag::{Diagnostic, Span};
use formwork_syntax::Expr;
use formwork_value::{Kind, Value};

/// How many declarations a message shows.
const DECLARATIONS: usize = 3;

impl<'a> Evaluator<'a> {
    /// Reports an error and gives what stands for its value. The values of references in `expr` go with it, and the
    /// places where they are declared.
    pub(super) fn fail(&mut self, mut diag: Diagnostic, expr: Option<&Expr>) -> Value {
        if let Some(expr) = expr
            && diag.values.is_empty()
        {
            diag = self.explained(diag, expr);
        }
        self.diags.push(diag);
        unknown()
    }

    fn explained(&self, mut diag: Diagnostic, expr: &Expr) -> Diagnostic {
        let mut places: Vec<Span> = Vec::new();
        for reference in references(expr) {
            let mut steps: Vec<Step<'_>> = Vec::new();
            for step in &reference.steps {
                match step {
                    RefStep::Attr(name) => steps.push(Step::Attr(name)),
                    RefStep::Key(key) => steps.push(Step::Index(key.clone())),
                    RefStep::Dynamic | RefStep::Splat => break,
                }
            }
            let root = reference.root;
            let (value, used) = match self.local(root) {
                Some(value) => (value, 0),
                None => {
                    if let Some(place) = self.scope.declared(root, &steps)
                        && places.len() < DECLARATIONS
                        && !places.contains(&place)
                    {
                        places.push(place);
                        diag = declaration(diag, place, root, &steps);
                    }
                    match self.scope.lookup(root, &steps, reference.span) {
                        Lookup::Found(value, used) => (value, used.min(steps.len())),
                        _ => continue,
                    }
                }
            };
            let (value, used) = follow(value, &steps, used);
            // Which attributes an object has is in the message already, if it is about them.
            if used < steps.len() && matches!(value.kind(), Kind::Object(_)) {
                continue;
            }
            let name = name(root, &steps[..used]);
            if diag.values.iter().all(|(other, _)| *other != name) {
                diag.values.push((name, access::describe(&value)));
            }
        }
        diag
    }
}

/// The value as far as the steps lead, and how many of them do.
fn follow(mut value: Value, steps: &[Step<'_>], used: usize) -> (Value, usize) {
    for (i, step) in steps.iter().enumerate().skip(used) {
        let next = match step {
            Step::Attr(name) => access::attribute(&value, name),
            Step::Index(key) => access::index(&value, key),
        };
        match next {
            Ok(next) => value = next,
            Err(_) => return (value, i),
        }
    }
    (value, steps.len())
}

/// A reference as it is written.
fn name(root: &str, steps: &[Step<'_>]) -> String {
    let mut name = root.to_owned();
    for step in steps {
        match step {
            Step::Attr(attribute) => {
                name.push('.');
                name.push_str(attribute);
            }
            Step::Index(key) => name.push_str(&format!("[{}]", access::show_key(key))),
        }
    }
    name
}

/// The message with the place where the object is declared that these steps from `root` lead to.
pub(super) fn declaration(diag: Diagnostic, place: Span, root: &str, steps: &[Step<'_>]) -> Diagnostic {
    if diag.labels.iter().any(|label| label.span == place) {
        return diag;
    }
    // A resource by type and name, other objects by one name; data and ephemeral resources by two.
    let names = if matches!(root, "data" | "ephemeral" | "resource") { 2 } else { 1 };
    let object = name(root, steps.get(..names).unwrap_or(steps));
    diag.label(place, format!("{object} is declared here"))
}
