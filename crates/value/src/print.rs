//! Values for people, as `terraform console` and `output` show them.

use crate::{Kind, Map, Mark, Type, Value};
use std::fmt::Write;

/// The value in the notation of the language, with conversions such as `tolist(…)` where its type would not show.
/// What is sensitive, ephemeral or unknown is not shown but named. `indent`: how far the line on which it starts is
/// indented, in spaces.
pub fn display(value: &Value, indent: usize) -> String {
    let mut out = String::new();
    Printer { out: &mut out }.value(value, indent);
    out
}

/// A string in quotes, with control and invisible characters escaped; what looks like a template is left as it is.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_quoted(text, &mut out);
    out
}

struct Printer<'a> {
    out: &'a mut String,
}

impl Printer<'_> {
    fn value(&mut self, value: &Value, indent: usize) {
        if !value.is_known() {
            return self.out.push_str("(known after apply)");
        }
        if value.has_mark(Mark::Sensitive) {
            return self.out.push_str("(sensitive value)");
        }
        if value.has_mark(Mark::Ephemeral) {
            return self.out.push_str("(ephemeral value)");
        }
        match value.kind() {
            Kind::Unknown(_) => {}
            Kind::Null(ty) => self.null(ty),
            Kind::Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Kind::Number(n) => {
                // Writing to a string cannot fail.
                let _ = write!(self.out, "{n}");
            }
            Kind::String(text) => self.string(text, indent),
            Kind::Tuple(items) => self.sequence(items, indent),
            Kind::Object(items) => self.mapping(items, indent),
            Kind::List(_, items) => self.call("tolist(", |p| p.sequence(items, indent)),
            Kind::Set(_, items) => self.call("toset(", |p| p.sequence(items, indent)),
            Kind::Map(_, items) => self.call("tomap(", |p| p.mapping(items, indent)),
        }
    }

    fn call(&mut self, function: &str, argument: impl FnOnce(&mut Self)) {
        self.out.push_str(function);
        argument(self);
        self.out.push(')');
    }

    fn null(&mut self, ty: &Type) {
        let text = match ty {
            Type::Dynamic => "null".into(),
            Type::Bool => "tobool(null)".into(),
            Type::Number => "tonumber(null)".into(),
            Type::String => "tostring(null)".into(),
            Type::List(t) => format!("tolist(null) /* of {} */", t.friendly_name()),
            Type::Set(t) => format!("toset(null) /* of {} */", t.friendly_name()),
            Type::Map(t) => format!("tomap(null) /* of {} */", t.friendly_name()),
            Type::Tuple(_) | Type::Object(_) => format!("null /* {} */", ty.friendly_name()),
        };
        self.out.push_str(&text);
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn string(&mut self, text: &str, indent: usize) {
        if !text.contains('\n') {
            return write_quoted(text, self.out);
        }
        let mut delimiter = String::from("EOT");
        while text.split('\n').any(|line| line.trim() == delimiter) {
            delimiter.push('_');
        }
        self.out.push_str(if indent > 0 { "<<-" } else { "<<" });
        self.out.push_str(&delimiter);
        for line in text.split('\n') {
            self.line(indent);
            self.out.push_str(line);
        }
        self.line(indent);
        self.out.push_str(&delimiter);
    }

    fn sequence(&mut self, items: &[Value], indent: usize) {
        self.out.push('[');
        for item in items {
            self.line(indent + 2);
            self.value(item, indent + 2);
            self.out.push(',');
        }
        if !items.is_empty() {
            self.line(indent);
        }
        self.out.push(']');
    }

    fn mapping(&mut self, items: &Map, indent: usize) {
        self.out.push('{');
        for (name, item) in items {
            self.line(indent + 2);
            self.string(name, indent + 2);
            self.out.push_str(" = ");
            self.value(item, indent + 2);
        }
        if !items.is_empty() {
            self.line(indent);
        }
        self.out.push('}');
    }
}

/// As Go's `strconv.Quote`.
pub(crate) fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        let code = u32::from(c);
        // Writing to a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            ' '..='~' => write!(out, "{c}"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            '\u{7}' => write!(out, "\\a"),
            '\u{8}' => write!(out, "\\b"),
            '\u{b}' => write!(out, "\\v"),
            '\u{c}' => write!(out, "\\f"),
            '\0'..='\u{7f}' => write!(out, "\\x{code:02x}"),
            _ if is_printable(c) => write!(out, "{c}"),
            '\u{80}'..='\u{ffff}' => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push('"');
}

fn is_printable(c: char) -> bool {
    // Behind a letter, so that a combining character counts as printable.
    let mut buffer = [b'a'; 5];
    let length = c.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..=length]).is_ok_and(|text| text.escape_debug().count() == 2)
}
