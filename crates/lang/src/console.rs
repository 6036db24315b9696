//! What the console shows besides values: types.

use formwork_syntax::{Expr, ExprKind};
use formwork_value::Type;
use std::fmt::Write;

/// The argument, if the expression is a call of `type(…)` and nothing else. Only the console knows this function: it
/// evaluates the argument and shows [`type_text`] of what that gives.
pub fn type_argument(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Paren(inner) => type_argument(inner),
        ExprKind::Call(call) if !call.expand_final && matches!(&*call.name.name, "type" | "core::type") => {
            match &call.args[..] {
                [arg] => Some(arg),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A type as the console shows it: structural types over several lines, and inside of collections on lines of their own.
pub fn type_text(ty: &Type) -> String {
    let mut out = String::new();
    write_type(ty, 0, &mut out);
    out
}

fn write_type(ty: &Type, indent: usize, out: &mut String) {
    const STEP: usize = 4;
    let line = |indent: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    };
    let nested = |name: &str, inner: &Type, out: &mut String| {
        out.push_str(name);
        out.push('(');
        if matches!(inner, Type::Tuple(_) | Type::Object(_)) {
            line(indent + STEP, out);
            write_type(inner, indent + STEP, out);
            out.push(',');
            line(indent, out);
        } else {
            write_type(inner, indent, out);
        }
        out.push(')');
    };
    match ty {
        Type::Dynamic => out.push_str("dynamic"),
        Type::Bool | Type::Number | Type::String => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{ty}");
        }
        Type::List(t) => nested("list", t, out),
        Type::Set(t) => nested("set", t, out),
        Type::Map(t) => nested("map", t, out),
        Type::Tuple(items) if items.is_empty() => out.push_str("tuple([])"),
        Type::Tuple(items) => {
            out.push_str("tuple([");
            for item in items.iter() {
                line(indent + STEP, out);
                write_type(item, indent + STEP, out);
                out.push(',');
            }
            line(indent, out);
            out.push_str("])");
        }
        Type::Object(object) if object.attrs.is_empty() => out.push_str("object({})"),
        Type::Object(object) => {
            out.push_str("object({");
            for (name, attr) in &object.attrs {
                line(indent + STEP, out);
                let _ = write!(out, "{name}: ");
                write_type(attr, indent + STEP, out);
                out.push(',');
            }
            line(indent, out);
            out.push_str("})");
        }
    }
}
