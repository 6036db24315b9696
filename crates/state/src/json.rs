//! JSON text as Go's `encoding/json` lays it out, without building values.

use std::sync::Arc;

const SPACES: &str = "                                                                ";

/// Appends a line break and the indentation of `depth` levels.
pub(crate) fn newline(out: &mut String, depth: usize) {
    out.push('\n');
    let mut width = depth * 2;
    while width > 0 {
        let part = width.min(SPACES.len());
        out.push_str(&SPACES[..part]);
        width -= part;
    }
}

/// Appends a string literal.
pub(crate) fn string(out: &mut String, text: &str) {
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
            c if c < ' ' => "",
            c => match html(c) {
                Some(escape) => escape,
                None => continue,
            },
        };
        out.push_str(&text[plain..at]);
        match escape {
            "" => out.push_str(&format!("\\u{:04x}", c as u32)),
            escape => out.push_str(escape),
        }
        plain = at + c.len_utf8();
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// What Go escapes for the sake of HTML and JavaScript.
fn html(c: char) -> Option<&'static str> {
    Some(match c {
        '<' => "\\u003c",
        '>' => "\\u003e",
        '&' => "\\u0026",
        '\u{2028}' => "\\u2028",
        '\u{2029}' => "\\u2029",
        _ => return None,
    })
}

/// One past the closing quote of the literal that opens at `start`.
fn literal_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Appends a literal as it stands, but for the characters that Go would have escaped.
fn literal(out: &mut String, text: &str) {
    if !text.bytes().any(|b| matches!(b, b'<' | b'>' | b'&' | 0xe2)) {
        return out.push_str(text);
    }
    for c in text.chars() {
        match html(c) {
            Some(escape) => out.push_str(escape),
            None => out.push(c),
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// One past the number, `true`, `false` or `null` that starts at `start`.
fn word_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && !matches!(bytes[at], b',' | b'}' | b']' | b':') && !is_space(bytes[at]) {
        at += 1;
    }
    at
}

/// Appends valid JSON text indented by two spaces a level, as if it stood at `depth`. Numbers keep their own text.
pub(crate) fn indented(out: &mut String, text: &str, mut depth: usize) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b if is_space(b) => at += 1,
            b'"' => {
                let end = literal_end(bytes, at);
                literal(out, &text[at..end]);
                at = end;
            }
            open @ (b'{' | b'[') => {
                out.push(char::from(open));
                at += 1;
                while at < bytes.len() && is_space(bytes[at]) {
                    at += 1;
                }
                match bytes.get(at) {
                    Some(close @ (b'}' | b']')) => {
                        out.push(char::from(*close));
                        at += 1;
                    }
                    _ => {
                        depth += 1;
                        newline(out, depth);
                    }
                }
            }
            close @ (b'}' | b']') => {
                depth = depth.saturating_sub(1);
                newline(out, depth);
                out.push(char::from(close));
                at += 1;
            }
            b',' => {
                out.push(',');
                newline(out, depth);
                at += 1;
            }
            b':' => {
                out.push_str(": ");
                at += 1;
            }
            _ => {
                let end = word_end(bytes, at);
                out.push_str(&text[at..end]);
                at = end;
            }
        }
    }
}

/// Appends valid JSON text without spaces.
pub(crate) fn compact(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    // What begins at `pending` and has no spaces is not written yet.
    let (mut pending, mut at) = (0, 0);
    while let Some(&b) = bytes.get(at) {
        if b == b'"' {
            at = literal_end(bytes, at);
        } else if is_space(b) {
            out.push_str(&text[pending..at]);
            at += bytes[at..].iter().take_while(|b| is_space(**b)).count();
            pending = at;
        } else {
            at += 1;
        }
    }
    out.push_str(&text[pending..]);
}

/// Valid JSON text without spaces.
pub(crate) fn compacted(text: &str) -> Arc<str> {
    let mut out = String::with_capacity(text.len());
    compact(&mut out, text);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_go() {
        let check = |text: &str, expected: &str| {
            let mut out = String::new();
            indented(&mut out, text, 1);
            assert_eq!(out, expected);
            let (mut small, mut again) = (String::new(), String::new());
            compact(&mut small, &out);
            indented(&mut again, &small, 1);
            assert_eq!(again, expected);
        };
        check("{ }", "{}");
        check("[\n]", "[]");
        check("-1.50e3", "-1.50e3");
        check(
            r#"{"a":[1,{"b":null}],"c\"}":"x<y\\"}"#,
            "{\n    \"a\": [\n      1,\n      {\n        \"b\": null\n      }\n    ],\n    \"c\\\"}\": \"x\\u003cy\\\\\"\n  }",
        );
    }

    #[test]
    fn strings_are_escaped_as_go_does() {
        let mut out = String::new();
        string(&mut out, "a\"\\\n\u{8}\u{1}<é>\u{2028}\u{7f}");
        assert_eq!(out, "\"a\\\"\\\\\\n\\b\\u0001\\u003cé\\u003e\\u2028\u{7f}\"");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), "a\"\\\n\u{8}\u{1}<é>\u{2028}\u{7f}");
    }
}
