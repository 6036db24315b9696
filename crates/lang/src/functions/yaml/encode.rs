//! Values to YAML, laid out as Terraform does it: keys and strings in double quotes, text of several lines as
//! literal blocks, sequences in a mapping not indented.

use super::BYTE_ORDER_MARK;
use formwork_value::{Kind, Value};
use std::fmt::Write;

/// Double-quoted text is folded at the first space beyond this column.
const BEST_WIDTH: usize = 80;
/// Longer keys are written after `? `.
const LONGEST_KEY: usize = 128;
/// Keys with any of these are written after `? `, too.
const LINE_BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

/// A wholly known value as a document.
pub(super) fn document(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new() };
    emitter.node(value, 0, Place::Root);
    let plain = matches!(value.kind(), Kind::Null(_) | Kind::Bool(_) | Kind::Number(_));
    if plain {
        emitter.out.push_str("...\n");
    }
    emitter.out
}

/// What stands before a node on its line.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    /// `- `, or `? ` and `: ` of long keys: a collection may start on the same line.
    Dash,
    /// `key:`, without the space.
    Key,
}

struct Emitter {
    out: String,
}

impl Emitter {
    /// Writes a node and the line break after it; `indent` is the column of what contains it.
    fn node(&mut self, value: &Value, indent: usize, place: Place) {
        match value.kind() {
            Kind::Map(_, m) | Kind::Object(m) if !m.is_empty() => {
                let column = match place {
                    Place::Root => 0,
                    _ => indent + 2,
                };
                self.start(place);
                for (i, (key, item)) in m.iter().enumerate() {
                    if i > 0 || place == Place::Key {
                        self.pad(column);
                    }
                    self.entry(key, item, column);
                }
            }
            Kind::List(_, v) | Kind::Set(_, v) | Kind::Tuple(v) if !v.is_empty() => {
                let column = match place {
                    Place::Root | Place::Key => indent,
                    Place::Dash => indent + 2,
                };
                self.start(place);
                for (i, item) in v.iter().enumerate() {
                    if i > 0 || place == Place::Key {
                        self.pad(column);
                    }
                    self.out.push_str("- ");
                    self.node(item, column, Place::Dash);
                }
            }
            _ => {
                if place == Place::Key {
                    self.out.push(' ');
                }
                self.scalar(value, indent);
                if !self.out.ends_with('\n') {
                    self.out.push('\n');
                }
            }
        }
    }

    fn start(&mut self, place: Place) {
        if place == Place::Key {
            self.out.push('\n');
        }
    }

    fn entry(&mut self, key: &str, item: &Value, column: usize) {
        if key.contains(LINE_BREAKS) || key.len() > LONGEST_KEY {
            self.out.push_str("? ");
            self.text(key, column, true);
            if !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            self.pad(column);
            self.out.push_str(": ");
            self.node(item, column, Place::Dash);
        } else {
            self.text(key, column, false);
            self.out.push(':');
            self.node(item, column, Place::Key);
        }
    }

    fn pad(&mut self, column: usize) {
        self.out.extend(std::iter::repeat_n(' ', column));
    }

    fn scalar(&mut self, value: &Value, indent: usize) {
        match value.kind() {
            Kind::String(s) => self.text(s, indent, true),
            Kind::Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Kind::Number(n) => self.out.push_str(&n.to_string()),
            Kind::Map(..) | Kind::Object(_) => self.out.push_str("{}"),
            Kind::List(..) | Kind::Set(..) | Kind::Tuple(_) => self.out.push_str("[]"),
            Kind::Null(_) | Kind::Unknown(_) => self.out.push_str("null"),
        }
    }

    fn text(&mut self, text: &str, indent: usize, breaks: bool) {
        if breaks && text.contains('\n') && can_be_literal(text) {
            self.literal(text, indent + 2);
        } else {
            self.quoted(text, indent + 2, breaks);
        }
    }

    fn literal(&mut self, text: &str, column: usize) {
        let hint = if text.starts_with([' ', '\n']) { "2" } else { "" };
        let chomp = match text.strip_suffix('\n') {
            None => "-",
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
            Some(_) => "",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "|{hint}{chomp}");
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            if !line.is_empty() {
                self.pad(column);
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
    }

    fn quoted(&mut self, text: &str, column: usize, breaks: bool) {
        let mut at = self.out.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.out.push('"');
        // As Terraform does it.
        let everything = text.starts_with(BYTE_ORDER_MARK);
        let mut after_space = false;
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c == ' ' && !everything {
                let inside = i > 0 && chars.peek().is_some();
                if breaks && !after_space && at > BEST_WIDTH && inside {
                    self.out.push('\n');
                    self.pad(column);
                    at = column;
                    if chars.peek().is_some_and(|(_, c)| *c == ' ') {
                        self.out.push('\\');
                        at += 1;
                    }
                } else {
                    self.out.push(' ');
                    at += 1;
                }
                after_space = true;
                continue;
            }
            after_space = false;
            let before = self.out.len();
            escape(c, everything, &mut self.out);
            at += self.out[before..].chars().count();
        }
        self.out.push('"');
    }
}

/// Whether a character may stand unescaped.
fn printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

fn can_be_literal(text: &str) -> bool {
    text.chars().all(printable) && !text.ends_with(' ') && !text.contains(" \n")
}

/// A character between double quotes: escaped if it must be, or if `everything` is.
fn escape(c: char, everything: bool, out: &mut String) {
    let short = match c {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        c if printable(c) && !everything => {
            out.push(c);
            return;
        }
        c => {
            let code = u32::from(c);
            // Writing to a String cannot fail.
            let _ = match code {
                0..=0xff => write!(out, "\\x{code:02X}"),
                0x100..=0xffff => write!(out, "\\u{code:04X}"),
                _ => write!(out, "\\U{code:08X}"),
            };
            return;
        }
    };
    out.push_str(short);
}
