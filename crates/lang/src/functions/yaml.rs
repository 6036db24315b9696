//! `yamlencode` and `yamldecode`.

mod decode;
mod encode;

use super::*;

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::new(
            "yamlencode",
            [any("value").nullable()],
            to_string,
            "A value as YAML in block style.",
            "yamlencode({ foo = [1, 2], bar = \"baz\" })",
            |_, a| Ok(Value::string(encode::document(&a[0]))),
        ),
        Function::new(
            "yamldecode",
            [string("src")],
            to_any,
            "The value that a YAML document stands for.",
            "yamldecode(\"hello: world\")",
            |_, a| decode::document(text_arg(a, 0)).map_err(|m| FnError::arg(0, m).quoting()),
        )
        .may_be_null(),
    ]
}
