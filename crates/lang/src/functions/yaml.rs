//! `yamlencode` and `yamldecode`.

mod decode;
mod encode;

use super::*;

library![yamlencode, yamldecode];

/// What may stand in front of a text to say how it is encoded.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A value as YAML in block style.
#[function(
    example = r#"yamlencode({ foo = [1, 2], bar = "baz" })"#,
    gives = "<<EOT\n\"bar\": \"baz\"\n\"foo\":\n- 1\n- 2\n\nEOT"
)]
fn yamlencode(#[arg(null)] value: &Value) -> String {
    encode::document(value)
}

/// The value that a YAML document stands for.
#[function(nullable, example = r#"yamldecode("hello: world")"#, gives = "{\n  \"hello\" = \"world\"\n}")]
fn yamldecode(src: &str) -> FnResult {
    decode::document(src).map_err(|m| FnError::arg(0, m).quoting())
}

/// The values of all documents in a YAML text, or a clause that says what is wrong with it, and on which line.
pub fn yaml_documents(text: &str) -> Result<Vec<Value>, String> {
    decode::documents(text)
}

/// A wholly known value as a YAML document, as `yamlencode` writes it.
pub fn yaml_text(value: &Value) -> String {
    encode::document(value)
}
