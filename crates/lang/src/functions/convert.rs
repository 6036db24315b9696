//! Conversion, marks, and functions over any value.

use super::*;
use crate::eval::a_type;
use formwork_value::unify;

pub(super) fn all() -> Vec<Function> {
    let to = |name, description, example, body: Body| {
        // Conversion itself knows what to do with nulls, unknowns and marks.
        Function::new(name, [any("v").nullable().unknown().keep_marks()], to_any, description, example, body)
            .may_be_null()
    };
    vec![
        to("tostring", "The value as a string.", "tostring(1)", |_, a| to_type(&a[0], &Type::String)),
        to("tonumber", "The value as a number.", "tonumber(\"1\")", |_, a| to_type(&a[0], &Type::Number)),
        to("tobool", "The value as a boolean.", "tobool(\"true\")", |_, a| to_type(&a[0], &Type::Bool)),
        to("tolist", "The value as a list.", "tolist([\"a\", \"b\"])", |_, a| {
            to_type(&a[0], &Type::list(Type::Dynamic))
        }),
        to(
            "toset",
            "The value as a set: without duplicates and without order.",
            "toset([\"a\", \"b\"])",
            |_, a| to_type(&a[0], &Type::set(Type::Dynamic)),
        ),
        to("tomap", "The value as a map.", "tomap({ a = 1 })", |_, a| {
            to_type(&a[0], &Type::map(Type::Dynamic))
        }),
        Function::new(
            "try",
            [],
            to_any,
            "The first of its arguments that can be evaluated without an error.",
            "try(var.settings.name, \"default\")",
            |_, a| a.first().cloned().ok_or_else(|| FnError::new("it needs at least one argument")),
        )
        .variadic(any("expressions").nullable().unknown().keep_marks())
        .may_be_null(),
        Function::new(
            "can",
            [any("expression").nullable().unknown().keep_marks()],
            to_bool,
            "Whether its argument can be evaluated without an error.",
            "can(regex(\"^[a-z]+$\", var.name))",
            |_, a| Ok(if a[0].is_wholly_known() { true.into() } else { Value::unknown_not_null(Type::Bool) }),
        ),
        Function::new(
            "sensitive",
            [any("value").nullable().unknown().keep_marks()],
            same_type,
            "The same value, never to be shown to people.",
            "sensitive(file(\"key.pem\"))",
            |_, a| Ok(a[0].clone().mark(Mark::Sensitive)),
        )
        .may_be_null(),
        Function::new(
            "nonsensitive",
            [any("value").nullable().unknown().keep_marks()],
            same_type,
            "The same value, no longer hidden. Only for what is really no secret.",
            "nonsensitive(var.user_name)",
            |_, a| {
                let (value, marks) = a[0].clone().unmark();
                Ok(value.with_marks(marks.without(Mark::Sensitive)))
            },
        )
        .may_be_null(),
        Function::new(
            "issensitive",
            [any("value").nullable().unknown().keep_marks()],
            to_bool,
            "Whether the value is sensitive.",
            "issensitive(var.password)",
            |_, a| {
                Ok(match (a[0].has_mark(Mark::Sensitive), a[0].is_known()) {
                    (true, _) => true.into(),
                    (false, true) => false.into(),
                    // It may yet turn out to be.
                    (false, false) => Value::unknown_not_null(Type::Bool),
                })
            },
        ),
        Function::new(
            "ephemeralasnull",
            [any("value").nullable().unknown().keep_marks()],
            same_type,
            "The same value with null in place of everything ephemeral.",
            "ephemeralasnull(local.token)",
            |_, a| {
                Ok(a[0].clone().map_deep(&mut |value| {
                    if !value.has_mark(Mark::Ephemeral) {
                        return value;
                    }
                    let marks = value.marks().without(Mark::Ephemeral);
                    Value::null(value.ty()).with_marks(marks)
                }))
            },
        )
        .may_be_null(),
        Function::new(
            "coalesce",
            [],
            to_any,
            "The first of its arguments that is neither null nor an empty string.",
            "coalesce(var.name, \"default\")",
            |_, a| {
                let types: Vec<Type> = a.iter().map(Value::ty).collect();
                let Some(ty) = unify(&types) else {
                    return Err(FnError::new("all arguments must be of one type, or convertible to one"));
                };
                for (i, arg) in a.iter().enumerate() {
                    if arg.is_null() {
                        continue;
                    }
                    let value = converted(arg.clone(), &ty).map_err(|m| FnError::arg(i, m))?;
                    if !value.is_known() {
                        return Ok(if ty == Type::Dynamic {
                            Value::unknown(ty)
                        } else {
                            Value::unknown_not_null(ty)
                        });
                    }
                    if value.as_str() != Some("") {
                        return Ok(value);
                    }
                }
                Err(FnError::new("all its arguments are null or empty strings"))
            },
        )
        .variadic(any("vals").nullable().unknown()),
    ]
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
