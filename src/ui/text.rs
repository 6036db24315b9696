//! Small pieces of text: wrapping, quoting, names, padding.

use std::fmt::Write;

/// Breaks a paragraph at spaces so that no line is longer than `width` characters (unless a single word is).
pub fn wrap(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let mut used = 0;
        for word in line.split(' ') {
            let len = word.chars().count();
            if used > 0 && used + 1 + len > width {
                out.push('\n');
                used = 0;
            } else if used > 0 {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += len;
        }
    }
    out
}

/// Writes a string in double quotes, with escapes for everything that a terminal would not show as it is.
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if printable(c) => out.push(c),
            c if (c as u32) < 0x10000 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
        }
    }
    out.push('"');
}

/// Whether a terminal shows the character as itself: no controls, no invisible marks, no directions.
fn printable(c: char) -> bool {
    !(c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c as u32,
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff
            | 0xfff9..=0xfffb | 0xe000..=0xf8ff | 0xe0000..=0xe0fff | 0xf0000..=0x10ffff))
}

/// Text from outside (a provider's words, a name) with nothing in it that could move the cursor or change colours.
pub fn tame(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Whether a name can stand as it is, without quotes.
pub fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// An attribute's name as it stands before `=`.
pub fn attribute_name(name: &str) -> std::borrow::Cow<'_, str> {
    if is_identifier(name) {
        return name.into();
    }
    let mut out = String::with_capacity(name.len() + 2);
    quote(&mut out, name);
    out.into()
}

/// Writes `text`, and spaces up to `width` characters.
pub fn pad(out: &mut String, text: &str, width: usize) {
    out.push_str(text);
    let len = if text.is_ascii() { text.len() } else { text.chars().count() };
    spaces(out, width.saturating_sub(len));
}

/// Writes so many spaces.
pub fn spaces(out: &mut String, count: usize) {
    const BLANK: &str = "                                                                ";
    let mut left = count;
    while left > 0 {
        let n = left.min(BLANK.len());
        out.push_str(&BLANK[..n]);
        left -= n;
    }
}

/// A count of seconds as `5s`, `1m5s`, `2h0m5s`.
pub fn seconds(total: u64) -> String {
    let (h, m, s) = (total / 3600, total / 60 % 60, total % 60);
    match (h, m) {
        (0, 0) => format!("{s}s"),
        (0, _) => format!("{m}m{s}s"),
        _ => format!("{h}h{m}m{s}s"),
    }
}

/// How much a plan has to do.
pub fn planned(import: usize, (add, update, remove): (usize, usize, usize)) -> String {
    let import = if import > 0 { format!("{import} to import, ") } else { String::new() };
    format!("Plan: {import}{add} to add, {update} to change, {remove} to destroy.")
}

/// How much an apply or a destroy has done, and how many instances it did not reach.
pub fn applied(
    operation: &str,
    imported: usize,
    (added, changed, destroyed): (usize, usize, usize),
    (failed, unreached): (usize, usize),
) -> String {
    let (name, done) = match operation {
        "apply" if imported > 0 => {
            ("Apply", format!("{imported} imported, {added} added, {changed} changed, {destroyed} destroyed"))
        }
        "destroy" => ("Destroy", format!("{destroyed} destroyed")),
        _ => ("Apply", format!("{added} added, {changed} changed, {destroyed} destroyed")),
    };
    match (failed, unreached) {
        (0, 0) => format!("{name} complete! Resources: {done}."),
        (0, n) => format!("{name} incomplete: {done}; {n} not reached."),
        (n, 0) => format!("{name} incomplete: {done}; {n} failed."),
        (n, m) => format!("{name} incomplete: {done}; {n} failed, {m} not reached."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_cannot_be_seen() {
        let check = |text: &str, expected: &str| {
            let mut out = String::new();
            quote(&mut out, text);
            assert_eq!(out, expected);
        };
        check("a\tb\"${x}é\u{1}", r#""a\tb\"${x}é\x01""#);
        check("\u{202e}\u{1b}[31m", r#""\u202e\x1b[31m""#);
        check("日本 \u{1f600}", "\"日本 \u{1f600}\"");
    }

    #[test]
    fn wraps_at_spaces() {
        assert_eq!(wrap("aa bb cc", 5), "aa bb\ncc");
        assert_eq!(wrap("a\n\nb", 5), "a\n\nb");
        assert_eq!(wrap("toolongword x", 5), "toolongword\nx");
    }

    #[test]
    fn what_was_not_reached_is_not_complete() {
        let check = |operation, imported, unreached, expected: &str| {
            assert_eq!(applied(operation, imported, (1, 2, 3), (0, unreached)), expected);
        };
        check("apply", 0, 0, "Apply complete! Resources: 1 added, 2 changed, 3 destroyed.");
        check("apply", 0, 4, "Apply incomplete: 1 added, 2 changed, 3 destroyed; 4 not reached.");
        check("apply", 5, 0, "Apply complete! Resources: 5 imported, 1 added, 2 changed, 3 destroyed.");
        check("destroy", 0, 0, "Destroy complete! Resources: 3 destroyed.");
        check("destroy", 0, 1, "Destroy incomplete: 3 destroyed; 1 not reached.");
        let failed = |undone| applied("apply", 0, (1, 2, 3), undone);
        assert_eq!(failed((2, 0)), "Apply incomplete: 1 added, 2 changed, 3 destroyed; 2 failed.");
        assert_eq!(
            failed((2, 5)),
            "Apply incomplete: 1 added, 2 changed, 3 destroyed; 2 failed, 5 not reached."
        );
    }

    #[test]
    fn durations() {
        assert_eq!(seconds(0), "0s");
        assert_eq!(seconds(65), "1m5s");
        assert_eq!(seconds(7205), "2h0m5s");
    }
}
