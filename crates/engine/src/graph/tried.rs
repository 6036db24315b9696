//! What is asked of resources inside of `try` and `can`. Whether a type has an attribute does not depend on values: what it has
//! not is a mistake, and no case for a fallback.

use crate::Registry;
use crate::provide::Types;
use crate::validate::any_object;
use formwork_addr::{Resource, ResourceMode};
use formwork_config::{Module, Nothing};
use formwork_diag::{Diagnostic, Span};
use formwork_lang::{Lookup, Scope, Step, World, eval, references};
use formwork_syntax::{Expr, ExprKind, walk};
use formwork_value::{Type, Value};
use std::path::Path;

/// Finds what no object of its type has, in the arguments of these calls.
pub(super) fn mistakes(
    expr: &Expr,
    module: &Module,
    registry: &Registry,
    types: &Types,
    diags: &mut Vec<Diagnostic>,
) {
    walk(expr, &mut |e| {
        let ExprKind::Call(call) = &e.kind else { return };
        if !matches!(call.name.name.trim_start_matches("core::"), "try" | "can") {
            return;
        }
        let scope = Typed { module, registry, types };
        for arg in &call.args {
            let found = references(arg);
            let spans: Vec<Span> =
                found.iter().filter(|r| Typed::resource(r.root).is_some()).map(|r| r.span).collect();
            walk(arg, &mut |part| {
                if matches!(part.kind, ExprKind::Attr(..) | ExprKind::Index(..)) && spans.contains(&part.span)
                {
                    let mut wrong = Vec::new();
                    eval(part, &scope, &mut wrong);
                    // What is tried within what is tried has been looked at.
                    wrong.retain(|d| d.is_error() && !diags.contains(d));
                    diags.append(&mut wrong);
                }
            });
        }
    });
}

/// Names as they are while nothing is known but the types of resources.
struct Typed<'a> {
    module: &'a Module,
    registry: &'a Registry,
    types: &'a Types,
}

impl Typed<'_> {
    /// In what mode a root may name resources; with whether the type comes after it.
    fn resource(root: &str) -> Option<(ResourceMode, bool)> {
        match root {
            "data" => Some((ResourceMode::Data, true)),
            "ephemeral" => Some((ResourceMode::Ephemeral, true)),
            "resource" => Some((ResourceMode::Managed, true)),
            "var" | "local" | "module" | "each" | "count" | "path" | "self" | "terraform" | "tofu" => None,
            _ => Some((ResourceMode::Managed, false)),
        }
    }
}

impl Scope for Typed<'_> {
    fn lookup(&self, root: &str, steps: &[Step<'_>], _: Span) -> Lookup {
        let anything = Lookup::Found(Value::unknown(Type::Dynamic), steps.len());
        let Some((mode, typed)) = Typed::resource(root) else { return anything };
        let attr = |i: usize| match steps.get(i) {
            Some(Step::Attr(name)) => Some(*name),
            _ => None,
        };
        let (ty, at) = if typed { (attr(0), 1) } else { (Some(root), 0) };
        let (Some(ty), Some(name)) = (ty, attr(at)) else { return anything };
        let resource = Resource { mode, type_name: ty.into(), name: name.into() };
        any_object(self.types, self.registry, self.module, &resource, &steps[at + 1..], at + 1)
    }

    fn world(&self) -> &dyn World {
        &Nothing
    }

    fn base_dir(&self) -> &Path {
        Path::new("")
    }
}
