//! Tables of expectations, all of them taken from `terraform console` 1.11.4, and laws.

mod conversion;
mod numbers;
mod text;

use crate::{Mark, Type, Value};

/// A value from JSON text, with its implied type.
fn json(text: &str) -> Value {
    crate::json::decode_implied(text).expect("the test's own JSON")
}

/// Types in a notation short enough for tables: JSON's, with `'` for `"`.
fn ty(text: &str) -> Type {
    crate::json::decode_type(&text.replace('\'', "\"")).expect("the test's own type")
}

fn secret(value: impl Into<Value>) -> Value {
    value.into().mark(Mark::Sensitive)
}
