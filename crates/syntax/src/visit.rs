//! Walking over expressions.

use crate::{Expr, ExprKind, TemplatePart};

/// Calls `f` with `expr` and everything within it, parents first, in source order; the parts of templates,
/// what a splat takes from its items, and the keys of objects included.
pub fn walk(expr: &Expr, f: &mut dyn FnMut(&Expr)) {
    f(expr);
    match &expr.kind {
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Number(_)
        | ExprKind::String(_)
        | ExprKind::Variable(_)
        | ExprKind::SplatItem => {}
        ExprKind::Template(parts) => walk_parts(parts, f),
        ExprKind::Interpolation(inner)
        | ExprKind::Attr(inner, _)
        | ExprKind::Unary(_, inner)
        | ExprKind::Paren(inner) => walk(inner, f),
        ExprKind::Index(left, right)
        | ExprKind::Binary(_, _, left, right)
        | ExprKind::Splat { source: left, each: right } => {
            walk(left, f);
            walk(right, f);
        }
        ExprKind::Conditional(condition, then, otherwise) => {
            walk(condition, f);
            walk(then, f);
            walk(otherwise, f);
        }
        ExprKind::Call(call) => call.args.iter().for_each(|arg| walk(arg, f)),
        ExprKind::Tuple(items) => items.iter().for_each(|item| walk(item, f)),
        ExprKind::Object(items) => {
            for item in items {
                walk(&item.key, f);
                walk(&item.value, f);
            }
        }
        ExprKind::For(each) => {
            walk(&each.collection, f);
            for part in each.key_expr.iter().chain([&each.value_expr]).chain(&each.condition) {
                walk(part, f);
            }
        }
    }
}

/// [`walk`] over the parts of a template.
fn walk_parts(parts: &[TemplatePart], f: &mut dyn FnMut(&Expr)) {
    for part in parts {
        match part {
            TemplatePart::Literal(_) => {}
            TemplatePart::Interpolation(expr) => walk(expr, f),
            TemplatePart::If { condition, then, otherwise } => {
                walk(condition, f);
                walk_parts(then, f);
                walk_parts(otherwise, f);
            }
            TemplatePart::For { collection, body, .. } => {
                walk(collection, f);
                walk_parts(body, f);
            }
        }
    }
}
