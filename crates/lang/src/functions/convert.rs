//! Conversion, marks, and functions over any value.

use super::*;
use crate::eval::a_type;
use formwork_value::unify;

library![
    tostring,
    tonumber,
    tobool,
    tolist,
    toset,
    tomap,
    list,
    map,
    convert,
    r#type,
    r#try,
    can,
    sensitive,
    nonsensitive,
    issensitive,
    ephemeralasnull,
    coalesce
];

/// The value as a string.
#[function(result = Type::String, nullable, example = "tostring(1.50)", gives = r#""1.5""#)]
fn tostring(#[arg(null, unknown, keep)] v: &Value) -> FnResult {
    to_type(v, &Type::String)
}

/// The value as a number.
#[function(result = Type::Number, nullable, example = r#"tonumber("1.50")"#, gives = "1.5")]
fn tonumber(#[arg(null, unknown, keep)] v: &Value) -> FnResult {
    to_type(v, &Type::Number)
}

/// The value as a boolean.
#[function(result = Type::Bool, nullable, example = r#"tobool("true")"#, gives = "true")]
fn tobool(#[arg(null, unknown, keep)] v: &Value) -> FnResult {
    to_type(v, &Type::Bool)
}

/// The value as a list. Elements of several types become one type.
#[function(result = Type::list(Type::Dynamic), nullable, example = r#"tolist(["a", 1])"#, gives = "tolist([\n  \"a\",\n  \"1\",\n])")]
fn tolist(#[arg(null, unknown, keep)] v: &Value) -> FnResult {
    to_type(v, &Type::list(Type::Dynamic))
}

/// The value as a set: without duplicates and without order.
#[function(result = Type::set(Type::Dynamic), nullable, example = r#"toset(["b", "a", "b"])"#, gives = "toset([\n  \"a\",\n  \"b\",\n])")]
fn toset(#[arg(null, unknown, keep)] v: &Value) -> FnResult {
    to_type(v, &Type::set(Type::Dynamic))
}

/// The value as a map. Elements of several types become one type.
#[function(result = Type::map(Type::Dynamic), nullable, example = r#"tomap({ a = 1, b = "x" })"#, gives = "tomap({\n  \"a\" = \"1\"\n  \"b\" = \"x\"\n})")]
fn tomap(#[arg(null, unknown, keep)] v: &Value) -> FnResult {
    to_type(v, &Type::map(Type::Dynamic))
}

/// Gone from the language: use `tolist([...])`. It always fails.
#[function(example = "tolist([1, 2])", gives = "tolist([\n  1,\n  2,\n])")]
fn list(#[arg(rest, null, unknown, keep)] vals: &[Value]) -> FnResult {
    let _ = vals;
    Err(FnError::new("it is no longer part of the language; write tolist([...])"))
}

/// Gone from the language: use `tomap({...})`. It always fails.
#[function(example = "tomap({ a = 1 })", gives = "tomap({\n  \"a\" = 1\n})")]
fn map(#[arg(rest, null, unknown, keep)] vals: &[Value]) -> FnResult {
    let _ = vals;
    Err(FnError::new("it is no longer part of the language; write tomap({...})"))
}

/// The value as a type, which is written as in the declaration of a variable: optional attributes get their
/// defaults.
#[function(nullable, example = "convert([1, 2], set(string))", gives = "toset([\n  \"1\",\n  \"2\",\n])")]
fn convert(#[arg(null, unknown, keep)] value: &Value, r#type: &Value) -> FnResult {
    let _ = (value, r#type);
    Err(FnError::arg(1, "it must be a type, such as list(string)"))
}

/// The type of a value, as the console shows it. Only the console has this function, and nothing can be done with
/// its result.
#[function(
    example = r#"type({ a = 1, b = ["x"] })"#,
    gives = "object({\n    a: number,\n    b: tuple([\n        string,\n    ]),\n})"
)]
fn r#type(#[arg(null, unknown, keep)] value: &Value) -> FnResult {
    let _ = value;
    Err(FnError::new("its result cannot be part of an expression: only the console shows it, on its own"))
}

/// The first of its arguments that can be evaluated without an error.
#[function(nullable, example = r#"try({ a = 1 }.b, "default")"#, gives = r#""default""#)]
fn r#try(#[arg(rest, null, unknown, keep)] expressions: &[Value]) -> FnResult {
    expressions.first().cloned().ok_or_else(|| FnError::new("it needs at least one argument"))
}

/// Whether its argument can be evaluated without an error.
#[function(result = Type::Bool, example = r#"can(regex("^[a-z]+$", "abc1"))"#, gives = "false")]
fn can(#[arg(null, unknown, keep)] expression: &Value) -> FnResult {
    Ok(if expression.is_wholly_known() { true.into() } else { Value::unknown_not_null(Type::Bool) })
}

/// The same value, never to be shown to people.
#[function(result_of = same_type, nullable, example = r#"sensitive("hunter2")"#, gives = "(sensitive value)")]
fn sensitive(#[arg(null, unknown, keep)] value: &Value) -> FnResult {
    Ok(value.clone().mark(Mark::Sensitive))
}

/// The same value, no longer hidden. Only for what is really no secret.
#[function(result_of = same_type, nullable, example = r#"nonsensitive(sensitive("name"))"#, gives = r#""name""#)]
fn nonsensitive(#[arg(null, unknown, keep)] value: &Value) -> FnResult {
    let (value, marks) = value.clone().unmark();
    Ok(value.with_marks(marks.without(Mark::Sensitive)))
}

/// Whether the value is sensitive.
#[function(result = Type::Bool, example = r#"issensitive(sensitive("hunter2"))"#, gives = "true")]
fn issensitive(#[arg(null, unknown, keep)] value: &Value) -> FnResult {
    Ok(match (value.has_mark(Mark::Sensitive), value.is_known()) {
        (true, _) => true.into(),
        (false, true) => false.into(),
        // It may yet turn out to be.
        (false, false) => Value::unknown_not_null(Type::Bool),
    })
}

/// The same value with null in place of everything ephemeral.
#[function(result_of = same_type, nullable, example = "ephemeralasnull({ a = 1 })", gives = "{\n  \"a\" = 1\n}")]
fn ephemeralasnull(#[arg(null, unknown, keep)] value: &Value) -> FnResult {
    Ok(value.clone().map_deep(&mut |value| {
        if !value.has_mark(Mark::Ephemeral) {
            return value;
        }
        let marks = value.marks().without(Mark::Ephemeral);
        Value::null(value.ty()).with_marks(marks)
    }))
}

/// The first of its arguments that is neither null nor an empty string.
#[function(example = r#"coalesce(null, "", "default")"#, gives = r#""default""#)]
fn coalesce(#[arg(rest, null, unknown)] vals: &[Value]) -> FnResult {
    let types: Vec<Type> = vals.iter().map(Value::ty).collect();
    let Some(ty) = unify(&types) else {
        return Err(FnError::new("all arguments must be of one type, or convertible to one"));
    };
    for arg in vals {
        if arg.is_null() {
            continue;
        }
        // As Terraform does, what cannot become of that type is passed over: a set of texts beside a list of numbers.
        let Ok(value) = converted(arg.clone(), &ty) else { continue };
        if !value.is_known() {
            return Ok(if ty == Type::Dynamic { Value::unknown(ty) } else { Value::unknown_not_null(ty) });
        }
        if value.as_str() != Some("") {
            return Ok(value);
        }
    }
    Err(FnError::new("all its arguments are null or empty strings"))
}

fn to_type(value: &Value, ty: &Type) -> Result<Value, FnError> {
    convert_value(value, ty).map_err(|e| {
        let found = a_type(&value.ty());
        let secret = value.marks_deep().has(Mark::Sensitive);
        let why = match e.path.0.is_empty() {
            _ if secret => String::new(),
            true => format!(": {}", e.message),
            false => format!(": its element {}: {}", e.path, e.message),
        };
        FnError::arg(0, format!("{found} cannot become {}{why}", wanted(ty)))
    })
}

fn wanted(ty: &Type) -> String {
    match ty {
        Type::List(_) => "a list".into(),
        Type::Set(_) => "a set".into(),
        Type::Map(_) => "a map".into(),
        other => a_type(other),
    }
}
