//! Values and types as JSON: the text of states, plans and `jsonencode`, with exact numbers.
//!
//! The shapes are those of go-cty's JSON package. Numbers never pass through a double and texts need no second
//! pass, which is why there is a reader of its own in place of serde_json's.

mod read;
mod types;
mod write;

use crate::{Kind, Type, Value};
use read::Reader;

pub use types::{decode_type, type_to_json};
pub use write::{write_json, write_json_known, write_string};

/// The value as JSON text, typed by itself: tuples and sets are arrays too. Marks are ignored; unknown values and
/// infinite numbers are an error.
pub fn to_string(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    write_json(value, &mut out)?;
    Ok(out)
}

/// The value, which must conform to `ty`, as JSON text. Where `ty` is [`Type::Dynamic`] the text tells the type too:
/// `{"value":1,"type":"number"}`. Marks are ignored; unknown values and infinite numbers are an error.
pub fn encode(value: &Value, ty: &Type) -> Result<String, String> {
    let mut out = String::new();
    write::write_typed(value, ty, &mut out)?;
    Ok(out)
}

/// Reads what [`encode`] wrote. Attributes that are missing become null; ones that the type does not have are an
/// error.
pub fn decode(text: &str, ty: &Type) -> Result<Value, String> {
    let mut reader = Reader::new(text);
    let value = reader.typed(ty)?;
    reader.end()?;
    Ok(value)
}

/// Reads any JSON text with the types that it shows: tuples, objects, and `null` without a type.
pub fn decode_implied(text: &str) -> Result<Value, String> {
    let mut reader = Reader::new(text);
    let value = reader.implied()?;
    reader.end()?;
    Ok(value)
}

/// As [`decode_implied`], but a bracket or brace that closes nothing ends the text: neither it nor what follows is looked
/// at. Go reads streams of values that way, and with it Terraform's `jsondecode`.
pub fn decode_until_closed(text: &str) -> Result<Value, String> {
    let mut reader = Reader::new(text);
    let value = reader.implied()?;
    if !reader.closes() {
        reader.end()?;
    }
    Ok(value)
}

/// For JSON documents made with serde_json. What is unknown or infinite becomes null; numbers that are neither 64-bit
/// integers nor doubles lose digits: use [`to_string`] where that matters. Marks are ignored.
pub fn to_serde(value: &Value) -> serde_json::Value {
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) => serde_json::Value::Null,
        Kind::Bool(b) => (*b).into(),
        Kind::Number(n) => match (n.to_i64(), n.to_u64()) {
            (Some(n), _) => n.into(),
            (_, Some(n)) => n.into(),
            _ => n.to_f64().into(),
        },
        Kind::String(text) => (**text).into(),
        Kind::List(_, items) | Kind::Set(_, items) | Kind::Tuple(items) => {
            items.iter().map(to_serde).collect()
        }
        Kind::Map(_, items) | Kind::Object(items) => {
            items.iter().map(|(name, item)| (name.to_string(), to_serde(item))).collect()
        }
    }
}
