//! Conditions: what they may speak of.

use crate::language::blocks::condition_kind;
use crate::load::MISSING;
use crate::meta::Reader;
use crate::model::{Condition, Lifecycle};
use formwork_addr::{Resource, ResourceMode};
use formwork_diag::Diagnostic;
use formwork_lang::{RefStep, Reference, references};
use formwork_syntax::Block;

/// Reads the block of a condition.
pub(crate) fn condition(block: &Block, diags: &mut Vec<Diagnostic>) -> Option<Condition> {
    let kind = condition_kind(&block.kind.name);
    let mut r = Reader::new(kind, &block.body);
    let (condition, message) = (r.take("condition"), r.take("error_message"));
    r.finish(diags);
    for (name, found) in [("condition", condition), ("error_message", message)] {
        if found.is_none() {
            diags.push(
                Diagnostic::error(MISSING, format!("The argument \"{name}\" is required in {}.", kind.what))
                    .at(block.body.missing),
            );
        }
    }
    let condition = condition?;
    if references(&condition.expr).is_empty() {
        let kind = &block.kind.name;
        diags.push(
            Diagnostic::error(
                format!("Invalid {kind} expression"),
                "The condition refers to nothing, so it would always come out the same.",
            )
            .help(match &**kind {
                "validation" => "Let it speak of the variable itself, as in var.NAME != \"\".",
                "postcondition" => "Let it speak of the object, as in self.ATTRIBUTE != \"\".",
                _ => "Let it refer to at least one other object of the configuration.",
            })
            .at(condition.expr.span),
        );
        return None;
    }
    let message = message?;
    Some(Condition { condition: condition.expr.clone(), message: message.expr.clone(), span: block.header })
}

/// A validation must speak of the variable that it stands in.
pub(crate) fn speaks_of_variable(condition: &Condition, name: &str, diags: &mut Vec<Diagnostic>) -> bool {
    let own = |r: &Reference<'_>| r.root == "var" && r.steps.first() == Some(&RefStep::Attr(name));
    let fine = references(&condition.condition).iter().any(own);
    if !fine {
        diags.push(
            Diagnostic::error(
                "Invalid variable validation condition",
                format!("The condition does not speak of var.{name}, the value that it is to check."),
            )
            .help("What must hold of other objects belongs in a precondition or a check block.")
            .at(condition.condition.span),
        );
    }
    fine
}

/// Conditions of a resource may not name the resource itself.
pub(crate) fn refuse_itself(lifecycle: &Lifecycle, resource: &Resource, diags: &mut Vec<Diagnostic>) {
    let pre = lifecycle.preconditions.iter().map(|c| ("precondition", c));
    for (kind, condition) in pre.chain(lifecycle.postconditions.iter().map(|c| ("postcondition", c))) {
        let mut all = references(&condition.condition);
        all.extend(references(&condition.message));
        for reference in all {
            if !names(&reference, resource) {
                continue;
            }
            let help = match kind {
                "postcondition" => "Write self for the object, as in self.id.",
                _ => {
                    "It is checked before the object is made: use a postcondition with self, or refer to what it is made from."
                }
            };
            diags.push(
                Diagnostic::error(
                    format!("Invalid reference in {kind}"),
                    format!("A {kind} of {resource} cannot refer to {resource} by its name."),
                )
                .help(help)
                .at(reference.span),
            );
        }
    }
}

fn names(reference: &Reference<'_>, resource: &Resource) -> bool {
    let (ty, name) = (&*resource.type_name, &*resource.name);
    let prefix = match resource.mode {
        ResourceMode::Data => "data",
        ResourceMode::Ephemeral => "ephemeral",
        ResourceMode::Managed => "resource",
    };
    match reference.steps.as_slice() {
        [RefStep::Attr(first), ..] if reference.root == ty && resource.mode == ResourceMode::Managed => {
            *first == name
        }
        [RefStep::Attr(first), RefStep::Attr(second), ..] => {
            reference.root == prefix && *first == ty && *second == name
        }
        _ => false,
    }
}
