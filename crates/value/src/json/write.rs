//! Writing.

use super::type_to_json;
use crate::{Kind, Map, Type, Value};
use std::fmt::Write;

/// Appends the value as JSON text, as [`super::to_string`] does.
pub fn write_json(value: &Value, out: &mut String) -> Result<(), String> {
    Writer { out, unknown: Unknowns::Refuse }.value(value)
}

/// Appends what is known of the value: unknown values become null, in objects, maps and sets they are left out. For
/// infinity, which JSON cannot tell either, stands null.
pub fn write_json_known(value: &Value, out: &mut String) {
    // Only what is refused can fail.
    let _ = Writer { out, unknown: Unknowns::Omit }.value(value);
}

/// Appends a JSON string. As in Go, `<`, `>`, `&` and the line separators U+2028 and U+2029 are escaped.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let escape = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + c.len_utf8();
        if escape.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Appends the value with types wherever `ty` is [`Type::Dynamic`].
pub(super) fn write_typed(value: &Value, ty: &Type, out: &mut String) -> Result<(), String> {
    Writer { out, unknown: Unknowns::Refuse }.typed(value, ty)
}

#[derive(Clone, Copy, PartialEq)]
enum Unknowns {
    Refuse,
    Omit,
}

struct Writer<'a> {
    out: &'a mut String,
    unknown: Unknowns,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) -> Result<(), String> {
        match value.kind() {
            Kind::List(_, items) | Kind::Tuple(items) => self.array(items, Self::value),
            Kind::Set(_, items) if self.unknown == Unknowns::Omit => {
                let known: Vec<Value> = items.iter().filter(|item| item.is_known()).cloned().collect();
                self.array(&known, Self::value)
            }
            Kind::Set(_, items) => self.array(items, Self::value),
            Kind::Map(_, items) | Kind::Object(items) => {
                self.entries(items, |writer, _, item| writer.value(item))
            }
            _ => self.leaf(value),
        }
    }

    fn typed(&mut self, value: &Value, ty: &Type) -> Result<(), String> {
        match (value.kind(), ty) {
            (Kind::Null(Type::Dynamic), Type::Dynamic) => self.leaf(value),
            (_, Type::Dynamic) => {
                let own = value.ty();
                self.out.push_str("{\"value\":");
                self.typed(value, &own)?;
                self.out.push_str(",\"type\":");
                self.out.push_str(&type_to_json(&own).to_string());
                self.out.push('}');
                Ok(())
            }
            (Kind::Null(_) | Kind::Unknown(_), _) => self.leaf(value),
            (Kind::List(_, items) | Kind::Set(_, items), Type::List(element) | Type::Set(element)) => {
                self.array(items, |writer, item| writer.typed(item, element))
            }
            (Kind::Map(_, items), Type::Map(element)) => {
                self.entries(items, |writer, _, item| writer.typed(item, element))
            }
            (Kind::Tuple(items), Type::Tuple(types)) if items.len() == types.len() => {
                let mut types = types.iter();
                self.array(items, |writer, item| writer.typed(item, types.next().unwrap_or(&Type::Dynamic)))
            }
            (Kind::Object(items), Type::Object(object)) if items.keys().eq(object.attrs.keys()) => self
                .entries(items, |writer, name, item| {
                    writer.typed(item, object.attrs.get(name).unwrap_or(&Type::Dynamic))
                }),
            (Kind::Bool(_), Type::Bool)
            | (Kind::Number(_), Type::Number)
            | (Kind::String(_), Type::String) => self.leaf(value),
            _ => Err(format!("{ty} is required, but the value is {}", value.ty())),
        }
    }

    fn leaf(&mut self, value: &Value) -> Result<(), String> {
        match value.kind() {
            Kind::Unknown(_) if self.unknown == Unknowns::Refuse => {
                return Err("a value that is not known yet cannot be written as JSON".into());
            }
            Kind::Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Kind::Number(n) if n.is_infinite() && self.unknown == Unknowns::Refuse => {
                return Err("infinity cannot be written as JSON, which has no such number".into());
            }
            Kind::Number(n) if n.is_infinite() => self.out.push_str("null"),
            Kind::Number(n) => {
                // Writing to a string cannot fail.
                let _ = write!(self.out, "{n}");
            }
            Kind::String(text) => write_string(text, self.out),
            _ => self.out.push_str("null"),
        }
        Ok(())
    }

    fn array(
        &mut self,
        items: &[Value],
        mut write: impl FnMut(&mut Self, &Value) -> Result<(), String>,
    ) -> Result<(), String> {
        self.out.push('[');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            write(self, item)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn entries(
        &mut self,
        items: &Map,
        write: impl Fn(&mut Self, &str, &Value) -> Result<(), String>,
    ) -> Result<(), String> {
        self.out.push('{');
        let mut first = true;
        for (name, item) in items {
            if self.unknown == Unknowns::Omit && !item.is_known() {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.out.push(',');
            }
            write_string(name, self.out);
            self.out.push(':');
            write(self, name, item)?;
        }
        self.out.push('}');
        Ok(())
    }
}
