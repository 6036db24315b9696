//! Base64, JSON, CSV, URLs and text encodings.

use super::charset::Charset;
use super::csv;
use super::*;
use crate::gzip;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use formwork_value::{Refinement, json};

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

library![
    base64encode,
    base64decode,
    base64gzip,
    base64gunzip,
    textencodebase64,
    textdecodebase64,
    urlencode,
    urldecode,
    jsonencode,
    jsondecode,
    csvdecode
];

/// A string in Base64.
#[function(example = r#"base64encode("Hello")"#, gives = r#""SGVsbG8=""#)]
fn base64encode(str: &str) -> String {
    encode_base64(str.as_bytes())
}

/// The string that some Base64 stands for.
#[function(example = r#"base64decode("SGVsbG8=")"#, gives = r#""Hello""#)]
fn base64decode(str: &str) -> Result<String, FnError> {
    text(decode_base64(str)?)
}

/// A string compressed with gzip, in Base64.
#[function(example = r#"base64gunzip(base64gzip("Hello"))"#, gives = r#""Hello""#)]
fn base64gzip(str: &str) -> String {
    encode_base64(&gzip::compress(str.as_bytes()))
}

/// The string that some Base64 of gzip stands for.
#[function(example = r#"base64gunzip("H4sIAAAAAAAAA/NIzcnJBwCCidH3BQAAAA==")"#, gives = r#""Hello""#)]
fn base64gunzip(str: &str) -> Result<String, FnError> {
    text(gzip::expand(&decode_base64(str)?).map_err(|m| FnError::arg(0, m))?)
}

/// A string in another text encoding, as Base64: UTF-8, UTF-16LE, UTF-16BE, ISO-8859-1, US-ASCII, and those of the
/// IANA's names that browsers know, such as windows-1252 and Shift_JIS.
#[function(example = r#"textencodebase64("Hello", "UTF-16LE")"#, gives = r#""SABlAGwAbABvAA==""#)]
fn textencodebase64(string: &str, encoding: &str) -> Result<String, FnError> {
    let bytes = Charset::named(encoding)?.encode(string);
    let bytes = bytes.ok_or_else(|| FnError::arg(0, "it has a character that this encoding has not"))?;
    Ok(encode_base64(&bytes))
}

/// The string that some Base64 of text in another encoding stands for.
#[function(example = r#"textdecodebase64("SABlAGwAbABvAA==", "UTF-16LE")"#, gives = r#""Hello""#)]
fn textdecodebase64(source: &str, encoding: &str) -> Result<String, FnError> {
    let text = Charset::named(encoding)?.decode(&decode_base64(source)?);
    text.ok_or_else(|| FnError::arg(0, "what it stands for is not text in this encoding"))
}

/// A string as it may stand in the query part of a URL.
#[function(example = r#"urlencode("Hello World!")"#, gives = r#""Hello+World%21""#)]
fn urlencode(str: &str) -> String {
    let mut out = String::with_capacity(str.len());
    for b in str.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// The string that stands encoded in the query part of a URL.
#[function(example = r#"urldecode("Hello+World%21")"#, gives = r#""Hello World!""#)]
fn urldecode(str: &str) -> Result<String, FnError> {
    let mut out = Vec::with_capacity(str.len());
    let mut bytes = str.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err(FnError::arg(0, "two hexadecimal digits must follow each % in it")),
                }
            }
            b => b,
        });
    }
    text(out)
}

/// A value as JSON.
#[function(result = Type::String, example = r#"jsonencode({ hello = "world" })"#, gives = r#""{\"hello\":\"world\"}""#)]
fn jsonencode(#[arg(null, unknown)] val: &Value) -> FnResult {
    if !val.is_wholly_known() {
        // How the text starts is known with the type.
        let prefix = match val.kind() {
            // If it could be null, that could be the whole text.
            Kind::Unknown(u) if !u.refinement.not_null => None,
            _ => match val.ty() {
                Type::Object(_) | Type::Map(_) => Some("{".into()),
                Type::Tuple(_) | Type::List(_) | Type::Set(_) => Some("[".into()),
                Type::String => Some("\"".into()),
                _ => None,
            },
        };
        let refinement = Refinement { not_null: true, prefix, ..Refinement::default() };
        return Ok(Value::unknown_refined(Type::String, refinement));
    }
    json::to_string(val).map(Value::string).map_err(|m| FnError::arg(0, m))
}

/// The value that a JSON text stands for.
#[function(
    nullable,
    example = r#"jsondecode("{\"hello\": \"world\"}")"#,
    gives = "{\n  \"hello\" = \"world\"\n}"
)]
fn jsondecode(str: &str) -> FnResult {
    json::decode_until_closed(str)
        .map_err(|m| FnError::arg(0, format!("it is not valid JSON: {m}")).quoting())
}

/// The rows of a CSV text as objects, whose attributes its first line names.
#[function(
    example = r#"csvdecode("a,b\n1,2\n3,4")"#,
    gives = "tolist([\n  {\n    \"a\" = \"1\"\n    \"b\" = \"2\"\n  },\n  {\n    \"a\" = \"3\"\n    \"b\" = \"4\"\n  },\n])"
)]
fn csvdecode(str: &str) -> FnResult {
    csv::decode(str)
}

pub(super) fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// What was decoded, if it is text.
fn text(bytes: Vec<u8>) -> Result<String, FnError> {
    String::from_utf8(bytes).map_err(|_| FnError::arg(0, "what it stands for is not text in UTF-8"))
}

pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, FnError> {
    let compact: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    BASE64.decode(compact).map_err(|_| FnError::arg(0, "it is not valid Base64"))
}
