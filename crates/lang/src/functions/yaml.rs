//! `yamlencode` and `yamldecode`.

mod decode;
mod encode;

use super::*;

library![yamlencode, yamldecode];

/// A value as YAML in block style.
#[function(example = r#"yamlencode({ foo = [1, 2], bar = "baz" })"#, gives = "")]
fn yamlencode(#[arg(null)] value: &Value) -> String {
    encode::document(value)
}

/// The value that a YAML document stands for.
#[function(nullable, example = r#"yamldecode("hello: world")"#, gives = "")]
fn yamldecode(src: &str) -> FnResult {
    decode::document(src).map_err(|m| FnError::arg(0, m).quoting())
}
