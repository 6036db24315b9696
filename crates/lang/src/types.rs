//! Type constraints: `list(string)`, `object({ a = optional(number, 1) })`, `any`.

use crate::{Lookup, Scope, Step, World};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_syntax::{Call, Expr, ExprKind, walk};
use formwork_value::{Defaults, ObjectType, Type, Value, convert_defaults};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const KEYWORDS: [&str; 10] =
    ["any", "bool", "number", "string", "list", "set", "map", "tuple", "object", "optional"];

/// Reads a type constraint, and the defaults of its optional attributes if there are any. `list` and `map` alone, as
/// Terraform 0.11 had them, are those of elements of any one type; inside other types they are not accepted.
pub fn type_expr(expr: &Expr) -> Result<(Type, Option<Defaults>), Diagnostic> {
    match &expr.kind {
        ExprKind::Variable(name) if &**name == "list" => return Ok((Type::list(Type::Dynamic), None)),
        ExprKind::Variable(name) if &**name == "map" => return Ok((Type::map(Type::Dynamic), None)),
        _ => {}
    }
    let (ty, defaults) = constraint(expr)?;
    Ok((ty, Some(defaults).filter(|d| !d.is_empty())))
}

fn constraint(expr: &Expr) -> Result<(Type, Defaults), Diagnostic> {
    match &expr.kind {
        ExprKind::Variable(name) => keyword(name, expr.span).map(|ty| (ty, Defaults::default())),
        ExprKind::Call(call) => constructor(call, expr.span),
        ExprKind::String(text) => Err(quoted(text, expr.span)),
        _ => Err(invalid("A type is a keyword such as string, or a call such as list(string).", expr.span)),
    }
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

fn constructor(call: &Call, span: Span) -> Result<(Type, Defaults), Diagnostic> {
    let name = &*call.name.name;
    if call.expand_final {
        return Err(invalid("The arguments of a type cannot be expanded with ... .", span));
    }
    match name {
        "any" | "bool" | "number" | "string" => {
            return Err(
                invalid(format!("The type {name} takes no arguments."), span).help(format!("Write {name}."))
            );
        }
        "optional" => return Err(misplaced_optional(span)),
        "list" | "set" | "map" | "tuple" | "object" => {}
        _ => return Err(unknown_name(name, call.name.span)),
    }
    let [arg] = &call.args[..] else {
        if call.args.is_empty() {
            return keyword(name, span).map(|ty| (ty, Defaults::default()));
        }
        return Err(invalid(format!("The type {name} takes one argument, not {}.", call.args.len()), span));
    };
    match name {
        "tuple" => tuple(arg),
        "object" => object(arg),
        _ => {
            let (element, inner) = constraint(arg)?;
            let defaults =
                Defaults { element: Some(Box::new(inner)).filter(|d| !d.is_empty()), ..Defaults::default() };
            let ty = match name {
                "list" => Type::list(element),
                "set" => Type::set(element),
                _ => Type::map(element),
            };
            Ok((ty, defaults))
        }
    }
}

fn tuple(arg: &Expr) -> Result<(Type, Defaults), Diagnostic> {
    let ExprKind::Tuple(items) = &arg.kind else {
        return Err(invalid("The argument of tuple must be a list of types in brackets.", arg.span)
            .help("For example tuple([string, number])."));
    };
    let mut types = Vec::with_capacity(items.len());
    let mut defaults = Defaults::default();
    for (i, item) in items.iter().enumerate() {
        let (ty, inner) = constraint(item)?;
        types.push(ty);
        if !inner.is_empty() {
            defaults.elements.insert(i, inner);
        }
    }
    Ok((Type::tuple(types), defaults))
}

fn object(arg: &Expr) -> Result<(Type, Defaults), Diagnostic> {
    let ExprKind::Object(items) = &arg.kind else {
        return Err(invalid(
            "The argument of object must be attributes and their types in braces.",
            arg.span,
        )
        .help("For example object({ name = string, size = number })."));
    };
    let mut ty = ObjectType::default();
    let mut defaults = Defaults::default();
    for item in items {
        // Quotes are not in the name, but in the span; in JSON all of a type has the span of one string.
        let span = item.key.span;
        let quoted = |name: &str| span != arg.span && (span.end - span.start) as usize == name.len() + 2;
        let name = match &item.key.kind {
            ExprKind::String(name) if !quoted(name) => name,
            _ => return Err(invalid("The name of an attribute must be a plain name.", span)),
        };
        let (attr, inner, optional) = match &item.value.kind {
            ExprKind::Call(call) if &*call.name.name == "optional" => {
                let (attr, inner, default) = optional_attribute(call, item.value.span)?;
                if let Some(default) = default {
                    defaults.attrs.insert(name.clone(), default);
                }
                (attr, inner, true)
            }
            _ => {
                let (attr, inner) = constraint(&item.value)?;
                (attr, inner, false)
            }
        };
        if ty.attrs.insert(name.clone(), attr).is_some() {
            return Err(invalid(format!("The attribute {name:?} is there twice."), item.key.span));
        }
        if optional {
            ty.optional.insert(name.clone());
        }
        if !inner.is_empty() {
            defaults.children.insert(name.clone(), inner);
        }
    }
    Ok((Type::Object(Arc::new(ty)), defaults))
}

/// `optional(type)` or `optional(type, default)`.
fn optional_attribute(call: &Call, span: Span) -> Result<(Type, Defaults, Option<Value>), Diagnostic> {
    let (ty, default) = match &call.args[..] {
        [ty] => (ty, None),
        [ty, default] => (ty, Some(default)),
        args => {
            let detail =
                format!("optional takes a type and perhaps a default, not {} arguments.", args.len());
            return Err(invalid(detail, span).help("For example optional(string, \"none\")."));
        }
    };
    let (ty, inner) = constraint(ty)?;
    let Some(expr) = default else { return Ok((ty, inner, None)) };
    let mut called = None;
    walk(expr, &mut |e| {
        if let ExprKind::Call(call) = &e.kind {
            called = called.or(Some(call.name.span));
        }
    });
    if let Some(span) = called {
        return Err(
            Diagnostic::error("Function calls not allowed", "A default in a type must be constant.").at(span)
        );
    }
    let mut diags = Vec::new();
    let outcome = crate::eval(expr, &Constants, &mut diags);
    if let Some(d) = diags.into_iter().find(Diagnostic::is_error) {
        return Err(d.at(expr.span));
    }
    let wrong = |why: String| {
        Diagnostic::error(
            "Invalid default value for optional attribute",
            format!("This default does not fit the attribute's type {ty}: {why}."),
        )
        .at(expr.span)
    };
    let value = convert_defaults(&outcome.value, &ty, &inner).map_err(|e| wrong(e.to_string()))?;
    Ok((ty, inner, Some(value)))
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
