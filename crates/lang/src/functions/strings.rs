//! Strings.

use super::*;
use formwork_value::Refinement;

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::new(
            "upper",
            [string("str")],
            to_string,
            "All letters in upper case.",
            "upper(\"hello\")",
            |_, a| Ok(Value::string(text_arg(a, 0).chars().map(upper).collect::<String>())),
        ),
        Function::new(
            "lower",
            [string("str")],
            to_string,
            "All letters in lower case.",
            "lower(\"HELLO\")",
            |_, a| Ok(Value::string(text_arg(a, 0).chars().map(lower).collect::<String>())),
        ),
        Function::new(
            "title",
            [string("str")],
            to_string,
            "The first letter of each word in upper case.",
            "title(\"hello world\")",
            |_, a| {
                let mut previous = ' ';
                let titled = text_arg(a, 0).chars().map(|c| {
                    let start = !(previous.is_alphanumeric() || previous == '_')
                        && (previous.is_ascii() || previous.is_whitespace());
                    previous = c;
                    if start { upper(c) } else { c }
                });
                Ok(Value::string(titled.collect::<String>()))
            },
        ),
        Function::new(
            "trim",
            [string("str"), string("cutset")],
            to_string,
            "The string without any of these characters at its start and end.",
            "trim(\"?!hello?!\", \"!?\")",
            |_, a| {
                let cut: Vec<char> = text_arg(a, 1).chars().collect();
                Ok(Value::string(text_arg(a, 0).trim_matches(&cut[..])))
            },
        ),
        Function::new(
            "trimprefix",
            [string("str"), string("prefix")],
            to_string,
            "The string without this start.",
            "trimprefix(\"helloworld\", \"hello\")",
            |_, a| Ok(Value::string(text_arg(a, 0).strip_prefix(text_arg(a, 1)).unwrap_or(text_arg(a, 0)))),
        ),
        Function::new(
            "trimsuffix",
            [string("str"), string("suffix")],
            to_string,
            "The string without this end.",
            "trimsuffix(\"helloworld\", \"world\")",
            |_, a| Ok(Value::string(text_arg(a, 0).strip_suffix(text_arg(a, 1)).unwrap_or(text_arg(a, 0)))),
        ),
        Function::new(
            "trimspace",
            [string("str")],
            to_string,
            "The string without white space at its start and end.",
            "trimspace(\"  hello\\n\")",
            |_, a| Ok(Value::string(text_arg(a, 0).trim())),
        ),
        Function::new(
            "chomp",
            [string("str")],
            to_string,
            "The string without line breaks at its end.",
            "chomp(\"hello\\n\")",
            |_, a| Ok(Value::string(text_arg(a, 0).trim_end_matches(['\r', '\n']))),
        ),
        Function::new(
            "indent",
            [number("spaces"), string("str")],
            to_string,
            "The string with so many spaces before all its lines but the first.",
            "indent(2, \"a\\nb\")",
            |_, a| {
                let spaces = usize::try_from(whole_arg(a, 0)?)
                    .ok()
                    .filter(|n| *n <= 10_000)
                    .ok_or_else(|| FnError::arg(0, "it must be a number from 0 to 10000"))?;
                Ok(Value::string(text_arg(a, 1).replace('\n', &format!("\n{}", " ".repeat(spaces)))))
            },
        ),
        Function::new(
            "join",
            [string("separator")],
            to_string,
            "The elements of lists of strings as one string, with a separator between them.",
            "join(\"-\", [\"foo\", \"bar\", \"baz\"])",
            |_, a| {
                if a.len() < 2 {
                    return Err(FnError::new("it needs at least one list"));
                }
                let mut parts = Vec::new();
                for i in 1..a.len() {
                    for (n, item) in items(a, i).iter().enumerate() {
                        let text = item.as_str().ok_or_else(|| {
                            FnError::arg(i, format!("its element {n} is null, which cannot be joined"))
                        })?;
                        parts.push(text);
                    }
                }
                Ok(Value::string(parts.join(text_arg(a, 0))))
            },
        )
        .variadic(list_of("lists", Type::String)),
        Function::new(
            "split",
            [string("separator"), string("str")],
            to_strings,
            "The parts of a string between separators.",
            "split(\",\", \"foo,bar,baz\")",
            |_, a| {
                let (separator, text) = (text_arg(a, 0), text_arg(a, 1));
                Ok(match separator {
                    "" => strings_list(text.chars()),
                    _ => strings_list(text.split(separator)),
                })
            },
        ),
        Function::new(
            "startswith",
            [string("str").unknown(), string("prefix")],
            to_bool,
            "Whether a string starts with another.",
            "startswith(\"hello world\", \"hello\")",
            |_, a| {
                let prefix = text_arg(a, 1);
                Ok(match (a[0].as_str(), a[0].as_unknown()) {
                    (Some(text), _) => text.starts_with(prefix).into(),
                    (None, Some(u)) => known_start(&u.refinement, prefix),
                    (None, None) => Value::unknown_not_null(Type::Bool),
                })
            },
        ),
        Function::new(
            "endswith",
            [string("str"), string("suffix")],
            to_bool,
            "Whether a string ends with another.",
            "endswith(\"hello world\", \"world\")",
            |_, a| Ok(text_arg(a, 0).ends_with(text_arg(a, 1)).into()),
        ),
        Function::new(
            "strcontains",
            [string("str"), string("substr")],
            to_bool,
            "Whether a string contains another.",
            "strcontains(\"hello world\", \"wor\")",
            |_, a| Ok(text_arg(a, 0).contains(text_arg(a, 1)).into()),
        ),
    ]
}

/// Whether an unknown string starts so, as far as its own known start tells.
fn known_start(refinement: &Refinement, prefix: &str) -> Value {
    let known = refinement.prefix.as_deref().unwrap_or_default();
    if known.starts_with(prefix) {
        true.into()
    } else if !prefix.starts_with(known) {
        false.into()
    } else {
        Value::unknown_not_null(Type::Bool)
    }
}

/// Upper case where that is one character; `ß` stays.
fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}
