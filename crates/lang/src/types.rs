//! Type constraints: `list(string)`, `object({ a = optional(number, 1) })`, `any`.

use crate::{Lookup, Scope, Step, World};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_syntax::{Call, Expr, ExprKind, walk};
use formwork_value::{Defaults, ObjectType, Type, Value, convert_defaults};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const KEYWORDS: [&str; 10] =
    ["any", "bool", "number", "string", "list", "set", "map", "tuple", "object", "optional"];

/// Reads a type constraint, and the defaults of its optional attributes if there are any; or says all that is wrong with it.
/// `list` and `map` alone, as Terraform 0.11 had them, are those of elements of any one type; inside other types they are not
/// accepted.
pub fn type_expr(expr: &Expr) -> Result<(Type, Option<Defaults>), Vec<Diagnostic>> {
    match &expr.kind {
        ExprKind::Variable(name) if &**name == "list" => return Ok((Type::list(Type::Dynamic), None)),
        ExprKind::Variable(name) if &**name == "map" => return Ok((Type::map(Type::Dynamic), None)),
        _ => {}
    }
    let mut diags = Vec::new();
    match constraint(expr, &mut diags) {
        Some((ty, defaults)) => Ok((ty, Some(defaults).filter(|d| !d.is_empty()))),
        None => Err(diags),
    }
}

/// The value, or the problem told.
fn told<T>(found: Result<T, Diagnostic>, diags: &mut Vec<Diagnostic>) -> Option<T> {
    found.map_err(|d| diags.push(d)).ok()
}

fn constraint(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<(Type, Defaults)> {
    let found = match &expr.kind {
        ExprKind::Variable(name) => keyword(name, expr.span).map(|ty| (ty, Defaults::default())),
        ExprKind::Call(call) => return constructor(call, expr.span, diags),
        ExprKind::String(text) => Err(quoted(text, expr.span)),
        _ => Err(invalid("A type is a keyword such as string, or a call such as list(string).", expr.span)),
    };
    told(found, diags)
}

fn invalid(detail: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error("Invalid type specification", detail).at(span)
}

fn keyword(name: &str, span: Span) -> Result<Type, Diagnostic> {
    match name {
        "any" => Ok(Type::Dynamic),
        "bool" => Ok(Type::Bool),
        "number" => Ok(Type::Number),
        "string" => Ok(Type::String),
        "list" | "set" | "map" => {
            let d = invalid(format!("The type {name} needs the type of its elements as an argument."), span);
            Err(d.help(format!("For elements of any one type write {name}(any).")))
        }
        "tuple" => Err(invalid("The type tuple needs a list of the types of its elements.", span)
            .help("For example tuple([string, number]).")),
        "object" => Err(invalid("The type object needs the types of its attributes.", span)
            .help("For example object({ name = string, size = number }).")),
        "optional" => Err(misplaced_optional(span)),
        _ => Err(unknown_name(name, span)),
    }
}

fn unknown_name(name: &str, span: Span) -> Diagnostic {
    let d = invalid(format!("{name:?} is not a type."), span);
    match suggestion(name, KEYWORDS) {
        Some(better) => d.help(format!("Did you mean {better}?")),
        None => d.help(
            "The types are any, bool, number, string, list(…), set(…), map(…), tuple([…]) and object({…}).",
        ),
    }
}

fn misplaced_optional(span: Span) -> Diagnostic {
    invalid("Only an attribute of an object type can be optional.", span)
        .help("Write it as in object({ name = optional(string) }).")
}

/// The quoted types of Terraform 0.11.
fn quoted(text: &str, span: Span) -> Diagnostic {
    let d =
        Diagnostic::error("Invalid quoted type constraints", "A type is written without quotes.").at(span);
    match text {
        "string" => d.help("Write string."),
        "list" => d.help("Write list(string)."),
        "map" => d.help("Write map(string)."),
        other if KEYWORDS.contains(&other) => d.help(format!("Write {other}.")),
        _ => d.help("Remove the quotes."),
    }
}

fn constructor(call: &Call, span: Span, diags: &mut Vec<Diagnostic>) -> Option<(Type, Defaults)> {
    let arg = told(only_argument(call, span), diags)?;
    match &*call.name.name {
        "tuple" => tuple(arg, diags),
        "object" => object(arg, diags),
        name => {
            let (element, inner) = constraint(arg, diags)?;
            let defaults =
                Defaults { element: Some(Box::new(inner)).filter(|d| !d.is_empty()), ..Defaults::default() };
            let ty = match name {
                "list" => Type::list(element),
                "set" => Type::set(element),
                _ => Type::map(element),
            };
            Some((ty, defaults))
        }
    }
}

/// The place of a call's arguments, with their parentheses.
fn in_parentheses(call: &Call, span: Span) -> Span {
    Span { start: call.name.span.end, ..span }
}

/// The argument of a type that has one.
fn only_argument(call: &Call, span: Span) -> Result<&Expr, Diagnostic> {
    let name = &*call.name.name;
    let given = in_parentheses(call, span);
    match name {
        "any" | "bool" | "number" | "string" => {
            return Err(
                invalid(format!("The type {name} takes no arguments."), given).help(format!("Write {name}."))
            );
        }
        "optional" => return Err(misplaced_optional(call.name.span)),
        "list" | "set" | "map" | "tuple" | "object" => {}
        _ => return Err(unknown_name(name, span)),
    }
    match &call.args[..] {
        [arg] => Ok(arg),
        // Alone, these names are types of nothing.
        [] => Err(keyword(name, given).err().unwrap_or_else(|| unknown_name(name, span))),
        [_, middle @ .., last] => {
            let more = middle.first().unwrap_or(last).span.to(last.span);
            Err(invalid(format!("The type {name} takes one argument, not {}.", call.args.len()), more))
        }
    }
}

fn tuple(arg: &Expr, diags: &mut Vec<Diagnostic>) -> Option<(Type, Defaults)> {
    let ExprKind::Tuple(items) = &arg.kind else {
        let d = invalid("The argument of tuple must be a list of types in brackets.", arg.span);
        diags.push(d.help("For example tuple([string, number])."));
        return None;
    };
    let before = diags.len();
    let mut types = Vec::with_capacity(items.len());
    let mut defaults = Defaults::default();
    for (i, item) in items.iter().enumerate() {
        let Some((ty, inner)) = constraint(item, diags) else { continue };
        types.push(ty);
        if !inner.is_empty() {
            defaults.elements.insert(i, inner);
        }
    }
    (diags.len() == before).then(|| (Type::tuple(types), defaults))
}

fn object(arg: &Expr, diags: &mut Vec<Diagnostic>) -> Option<(Type, Defaults)> {
    let ExprKind::Object(items) = &arg.kind else {
        let d = invalid("The argument of object must be attributes and their types in braces.", arg.span);
        diags.push(d.help("For example object({ name = string, size = number })."));
        return None;
    };
    let before = diags.len();
    let mut names = BTreeSet::new();
    let mut ty = ObjectType::default();
    let mut defaults = Defaults::default();
    for item in items {
        // Quotes are not in the name, but in the span; in JSON all of a type has the span of one string.
        let span = item.key.span;
        let quoted = |name: &str| span != arg.span && (span.end - span.start) as usize == name.len() + 2;
        let name = match &item.key.kind {
            ExprKind::String(name) if !quoted(name) => name,
            _ => {
                diags.push(invalid("The name of an attribute must be a plain name.", span));
                continue;
            }
        };
        if !names.insert(name) {
            diags.push(invalid(format!("The attribute {name:?} is there twice."), span));
            continue;
        }
        let found = match &item.value.kind {
            ExprKind::Call(call) if &*call.name.name == "optional" => {
                ty.optional.insert(name.clone());
                optional_attribute(call, item.value.span, diags)
            }
            _ => constraint(&item.value, diags).map(|(attr, inner)| (attr, inner, None)),
        };
        let Some((attr, inner, default)) = found else { continue };
        ty.attrs.insert(name.clone(), attr);
        if let Some(default) = default {
            defaults.attrs.insert(name.clone(), default);
        }
        if !inner.is_empty() {
            defaults.children.insert(name.clone(), inner);
        }
    }
    (diags.len() == before).then(|| (Type::Object(Arc::new(ty)), defaults))
}

/// `optional(type)` or `optional(type, default)`.
fn optional_attribute(
    call: &Call,
    span: Span,
    diags: &mut Vec<Diagnostic>,
) -> Option<(Type, Defaults, Option<Value>)> {
    let (ty, default) = match &call.args[..] {
        [ty] => (ty, None),
        [ty, default] => (ty, Some(default)),
        args => {
            let detail =
                format!("optional takes a type and perhaps a default, not {} arguments.", args.len());
            let given = in_parentheses(call, span);
            diags.push(invalid(detail, given).help("For example optional(string, \"none\")."));
            return None;
        }
    };
    let ty = constraint(ty, diags);
    let Some(expr) = default else { return ty.map(|(ty, inner)| (ty, inner, None)) };
    let value = constant(expr, diags);
    let ((ty, inner), value) = (ty?, value?);
    let wrong = |why: String| {
        Diagnostic::error(
            "Invalid default value for optional attribute",
            format!("This default does not fit the attribute's type {ty}: {why}."),
        )
        .at(expr.span)
    };
    let value = convert_defaults(&value, &ty, &inner).map_err(|e| wrong(e.to_string()));
    let value = told(value, diags)?;
    Some((ty, inner, Some(value)))
}

/// The value of a default.
fn constant(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<Value> {
    let before = diags.len();
    walk(expr, &mut |e| {
        if let ExprKind::Call(call) = &e.kind {
            let d = Diagnostic::error("Function calls not allowed", "A default in a type must be constant.");
            diags.push(d.at(call.name.span));
        }
    });
    if diags.len() > before {
        return None;
    }
    let mut found = Vec::new();
    let outcome = crate::eval(expr, &Constants, &mut found);
    diags.extend(found.into_iter().filter(Diagnostic::is_error).map(|d| d.at(expr.span)));
    (diags.len() == before).then_some(outcome.value)
}

/// Defaults refer to nothing and read nothing.
struct Constants;

impl Scope for Constants {
    fn lookup(&self, root: &str, _: &[Step<'_>], span: Span) -> Lookup {
        let d = Diagnostic::error(
            "Variables not allowed",
            format!("A default must be constant, so it cannot refer to {root:?}."),
        );
        Lookup::Error(d.at(span))
    }

    fn world(&self) -> &dyn World {
        &Nowhere
    }

    fn base_dir(&self) -> &Path {
        Path::new("")
    }
}

struct Nowhere;

const CLOSED: &str = "a default in a type cannot read files";

impl World for Nowhere {
    fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
        Err(CLOSED.into())
    }

    fn exists(&self, _: &Path) -> Result<bool, String> {
        Err(CLOSED.into())
    }

    fn walk(&self, _: &Path) -> Result<Vec<PathBuf>, String> {
        Err(CLOSED.into())
    }

    fn timestamp(&self) -> Option<crate::Str> {
        None
    }

    fn plan_timestamp(&self) -> Option<crate::Str> {
        None
    }

    fn uuid(&self) -> Option<crate::Str> {
        None
    }

    fn cwd(&self) -> PathBuf {
        PathBuf::new()
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}
