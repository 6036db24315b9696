//! What goes with an error: the values of what the expression refers to, and where that is declared.

use super::{Evaluator, access, unknown};
use crate::references::{Reference, references};
use crate::{Lookup, RefStep, Scope, Step};
use formwork_diag::{Diagnostic, Span};
use formwork_syntax::Expr;
use formwork_value::{Kind, Mark, Value};

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
            let (root, steps) = (reference.root, known_steps(&reference));
            if self.local(root).is_none()
                && let Some(place) = self.scope.declared(root, &steps)
                && places.len() < DECLARATIONS
                && !places.contains(&place)
            {
                places.push(place);
                diag = declaration(diag, place, root, &steps);
            }
            if let Some((name, value)) = self.referenced(&reference, &steps)
                && diag.values.iter().all(|(other, _)| *other != name)
            {
                diag.values.push((name, access::describe(&value)));
            }
        }
        diag
    }

    /// What a reference leads to, and its name as far as it does.
    fn referenced(&self, reference: &Reference<'_>, steps: &[Step<'_>]) -> Option<(String, Value)> {
        let root = reference.root;
        let (value, used) = match self.local(root) {
            Some(value) => (value, 0),
            None => match self.scope.lookup(root, steps, reference.span) {
                Lookup::Found(value, used) => (value, used.min(steps.len())),
                _ => return None,
            },
        };
        let (value, used) = follow(value, steps, used);
        // Which attributes an object has is in the message already, if it is about them.
        if used < steps.len() && matches!(value.kind(), Kind::Object(_)) {
            return None;
        }
        Some((name(root, &steps[..used]), value))
    }
}

/// What an expression refers to, and what that is, in a few words: what is known and may be shown, by name. For messages about
/// an expression whose value is not what it should be.
pub fn referenced_values(expr: &Expr, scope: &dyn Scope) -> Vec<(String, String)> {
    let mut unused = Vec::new();
    let evaluator = Evaluator::new(scope, &mut unused);
    let all = references(expr).into_iter();
    let mut values: Vec<(String, String)> = all
        .filter_map(|reference| evaluator.referenced(&reference, &known_steps(&reference)))
        .filter(|(_, value)| !matches!(value.kind(), Kind::Unknown(_)))
        .filter(|(_, value)| !value.has_mark(Mark::Sensitive) && !value.has_mark(Mark::Ephemeral))
        .map(|(name, value)| (name, access::describe(&value)))
        .collect();
    values.sort();
    values.dedup();
    values
}

/// The steps of a reference up to the first whose key depends on a value.
fn known_steps<'r>(reference: &'r Reference<'r>) -> Vec<Step<'r>> {
    let step = |step: &'r RefStep<'r>| match step {
        RefStep::Attr(name) => Some(Step::Attr(name)),
        RefStep::Key(key) => Some(Step::Index(key.clone())),
        RefStep::Dynamic | RefStep::Splat => None,
    };
    reference.steps.iter().map_while(step).collect()
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
