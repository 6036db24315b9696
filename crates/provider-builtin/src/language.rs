//! The functions of the provider `terraform`: values as text of the language, and back.

use formwork_config::const_eval;
use formwork_diag::{Diagnostic, FileId, Sources};
use formwork_provider::{FnError, FnResult, Function, function};
use formwork_syntax::{duplicate_attributes, parse};
use formwork_value::{Kind, Map, Refinement, Type, Value};
use std::fmt::Write;

pub(crate) fn functions() -> Vec<Function> {
    vec![encode_tfvars(), decode_tfvars(), encode_expr()]
}

/// An object as the text of a `.tfvars` file: each attribute becomes the value of a variable.
#[function(
    result = Type::String,
    example = r#"provider::terraform::encode_tfvars({ name = "Ander", ports = [80] })"#,
    gives = "<<EOT\nname  = \"Ander\"\nports = [80]\n\nEOT"
)]
fn encode_tfvars(value: &Value) -> FnResult {
    let Some(variables) = value.as_map() else {
        return Err(FnError::arg(0, "it must be an object, whose attributes are the values of variables"));
    };
    let mut text = Text::default();
    for (name, value) in variables {
        if !is_identifier(name) {
            return Err(FnError::arg(0, format!("{name:?} cannot be the name of a variable")).quoting());
        }
        text.attribute(name, value);
    }
    let out = text.finish();
    Ok(Value::string(if out.is_empty() { out } else { out + "\n" }))
}

/// What the text of a `.tfvars` file says: an object with the values of variables.
#[function(example = r#"provider::terraform::decode_tfvars("a = 1")"#, gives = "{\n  \"a\" = 1\n}")]
fn decode_tfvars(src: &str) -> FnResult {
    let file = Sources::default().add_private("<src>", src);
    let (body, mut diags) = parse(file, src);
    diags.extend(duplicate_attributes(&body));
    if let Some(block) = body.blocks.first() {
        let kind = &block.kind.name;
        diags.push(Diagnostic::error(
            "Unexpected block",
            format!("It has a block of type {kind:?}, not only values."),
        ));
    }
    let mut variables = Map::new();
    for attribute in &body.attributes {
        if let Some(value) = const_eval(&attribute.expr, &mut diags) {
            variables.insert(attribute.name.name.clone(), value);
        }
    }
    match diags.iter().find(|d| d.is_error()) {
        Some(d) => Err(FnError::new(format!("the text is not that of a .tfvars file: {d}")).quoting()),
        None => Ok(variables.into()),
    }
}

/// A value as an expression of the language.
#[function(
    result = Type::String,
    example = r#"provider::terraform::encode_expr([1, { a = "x" }])"#,
    gives = "<<EOT\n[1, {\n  a = \"x\"\n}]\nEOT"
)]
fn encode_expr(#[arg(unknown)] value: &Value) -> FnResult {
    if !value.is_wholly_known() {
        return Ok(encoded_later(value));
    }
    Ok(Value::string(expression(value)))
}

/// A value as an expression of the language; what is not known becomes null.
pub fn expression(value: &Value) -> String {
    let mut text = Text::default();
    text.value(value);
    text.finish()
}

/// What is certain of an expression that is not known yet: how it starts.
fn encoded_later(value: &Value) -> Value {
    let start = match value.as_unknown() {
        Some(u) => match &u.ty {
            Type::String if u.refinement.not_null => Some("\""),
            Type::Object(_) | Type::Map(_) if u.refinement.not_null => Some("{"),
            Type::Tuple(_) | Type::List(_) | Type::Set(_) if u.refinement.not_null => Some("["),
            _ => None,
        },
        None if value.as_map().is_some() => Some("{"),
        None => Some("["),
    };
    let refinement = Refinement { not_null: true, prefix: start.map(Into::into), ..Refinement::default() };
    Value::unknown_refined(Type::String, refinement)
}

/// Whether the language takes it for the name of an attribute.
fn is_identifier(name: &str) -> bool {
    let (body, diags) = parse(FileId(0), &format!("{name} = null"));
    diags.is_empty() && matches!(&body.attributes[..], [only] if *only.name.name == *name)
}

/// A line: its text, and where in it the `=` stands that is to be aligned.
#[derive(Default)]
struct Line {
    text: String,
    equals: Option<usize>,
    /// Brackets opened less brackets closed.
    net: i32,
}

/// Text laid out as `fmt` would.
#[derive(Default)]
struct Text {
    done: Vec<Line>,
    line: Line,
}

impl Text {
    fn end_line(&mut self) {
        self.done.push(std::mem::take(&mut self.line));
    }

    fn bracket(&mut self, bracket: char) {
        self.line.text.push(bracket);
        self.line.net += if matches!(bracket, '[' | '{') { 1 } else { -1 };
    }

    fn attribute(&mut self, name: &str, value: &Value) {
        if is_identifier(name) {
            self.line.text.push_str(name)
        } else {
            self.quoted(name)
        }
        let (line, equals) = (self.done.len(), self.line.text.len());
        self.line.text.push_str(" = ");
        self.value(value);
        // Only what is on one line is aligned with its neighbours.
        if line == self.done.len() {
            self.line.equals = Some(equals);
        }
        self.end_line();
    }

    fn value(&mut self, value: &Value) {
        match value.kind() {
            Kind::Null(_) | Kind::Unknown(_) => self.line.text.push_str("null"),
            Kind::Bool(b) => self.line.text.push_str(if *b { "true" } else { "false" }),
            Kind::Number(n) => {
                // Writing to a string cannot fail.
                let _ = write!(self.line.text, "{n}");
            }
            Kind::String(text) => self.quoted(text),
            Kind::List(_, items) | Kind::Set(_, items) | Kind::Tuple(items) => {
                self.bracket('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        self.line.text.push_str(", ");
                    }
                    self.value(item);
                }
                self.bracket(']');
            }
            Kind::Map(_, items) | Kind::Object(items) => {
                self.bracket('{');
                if !items.is_empty() {
                    self.end_line();
                }
                for (name, item) in items.iter() {
                    self.attribute(name, item);
                }
                self.bracket('}');
            }
        }
    }

    /// With everything escaped that would mean something else.
    fn quoted(&mut self, text: &str) {
        let out = &mut self.line.text;
        out.push('"');
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '"' | '\\' => out.extend(['\\', c]),
                '$' | '%' if chars.peek() == Some(&'{') => out.extend([c, c]),
                c if c == '\'' || is_printable(c) => out.push(c),
                c => {
                    let code = u32::from(c);
                    // Writing to a string cannot fail.
                    let _ = if code <= 0xffff {
                        write!(out, "\\u{code:04x}")
                    } else {
                        write!(out, "\\U{code:08x}")
                    };
                }
            }
        }
        out.push('"');
    }

    /// All lines, indented by the brackets that are open before them, and with neighbouring `=` in one column.
    fn finish(mut self) -> String {
        if !self.line.text.is_empty() {
            self.end_line();
        }
        let mut out = String::new();
        // How many brackets each open line left open.
        let mut open: Vec<i32> = Vec::new();
        let mut column = 0;
        for (i, line) in self.done.iter().enumerate() {
            if i == 0 || self.done[i - 1].equals.is_none() {
                let group = self.done[i..].iter().map_while(|l| Some(l.text[..l.equals?].chars().count()));
                column = group.max().unwrap_or(0);
            }
            let mut closed = -line.net;
            while closed > 0
                && let Some(left) = open.pop()
            {
                if closed < left {
                    open.push(left - closed);
                }
                closed -= left;
            }
            if i > 0 {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n("  ", open.len()));
            if line.net > 0 {
                open.push(line.net);
            }
            match line.equals {
                Some(at) => {
                    let (name, rest) = line.text.split_at(at);
                    out.push_str(name);
                    out.extend(std::iter::repeat_n(' ', column.saturating_sub(name.chars().count())));
                    out.push_str(rest);
                }
                None => out.push_str(&line.text),
            }
        }
        out
    }
}

fn is_printable(c: char) -> bool {
    // Behind a letter, so that a combining character counts as printable.
    let mut buffer = [b'a'; 5];
    let length = c.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..=length]).is_ok_and(|text| text.escape_debug().count() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_a_text_cannot_be_read_but_not_what_is_secret() {
        let wrong = |src: Value| decode_tfvars().call(vec![src]).unwrap_err().message;
        assert!(wrong("a = b".into()).contains("b"), "{}", wrong("a = b".into()));
        let secret = wrong(Value::from("a = hunter2").mark(formwork_value::Mark::Sensitive));
        assert!(!secret.contains("hunter2"), "{secret}");
    }

    #[test]
    fn quotes_what_is_no_name() {
        let keys = ["_", "a·b", "²", "a²", "Ⅷ", "it's", "a\u{feff}", "a = 1\nb", "for", "-a", ""];
        let object = Value::object(keys.map(|key| (key, Value::NULL)));
        let text = expression(&object);
        let shown: Vec<&str> = text.lines().filter_map(|l| Some(l.split_once(" = null")?.0.trim())).collect();
        let quoted = ["\"\"", "\"-a\"", "\"a = 1\\nb\"", "\"a\\ufeff\"", "\"a²\"", "\"it's\"", "\"²\""];
        let (mut bare, mut in_quotes): (Vec<&str>, Vec<&str>) =
            shown.iter().partition(|s| !s.starts_with('"'));
        bare.sort_unstable();
        in_quotes.sort_unstable();
        assert_eq!(bare, ["_", "a·b", "for", "Ⅷ"]);
        assert_eq!(in_quotes, quoted);
    }
}
