//! From RE2's syntax (<https://github.com/google/re2/wiki/Syntax>) to that of the regex crate.
//!
//! There `\d`, `\w`, `\s` and `\b` know more than ASCII, there are no `\Q…\E` and no octal escapes, a brace must begin a
//! repetition, repetitions may be repeated, flags may be given only once and not be repeated, and inside brackets `[`, `&&`,
//! `--` and `~~` mean something.

mod output;

use super::classes::is_class;
use output::{Flags, Output};
use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

/// So many times RE2 repeats at most.
const MAX_REPEATED: u32 = 1000;

/// The same pattern for the regex crate, or why RE2 would refuse it.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut out = Output::default();
    let mut chars = pattern.chars().peekable();
    let mut groups = Vec::new();
    while let Some(c) = chars.next() {
        let again = std::mem::take(&mut out.repeated);
        match c {
            '\\' if chars.next_if_eq(&'Q').is_some() => quoted(&mut chars, &mut out),
            '\\' => escape(&mut chars, out.item(), false)?,
            '[' => class(&mut chars, out.item())?,
            '*' | '+' | '?' => {
                if again {
                    return Err(format!("a repetition cannot be repeated with {c}"));
                }
                let lazy = chars.next_if_eq(&'?').is_some();
                out.repeat(c.encode_utf8(&mut [0; 4]), lazy);
            }
            '{' => match counts(&chars) {
                Some(text) => {
                    if again {
                        return Err("a repetition cannot be repeated".into());
                    }
                    let counts = text.split([',', '}']).filter(|n| !n.is_empty());
                    if counts
                        .into_iter()
                        .any(|n| n.parse().is_ok_and(|n: u32| n > MAX_REPEATED) || n.len() > 9)
                    {
                        return Err(format!("{{{text} repeats more than {MAX_REPEATED} times"));
                    }
                    for _ in text.chars() {
                        chars.next();
                    }
                    let lazy = chars.next_if_eq(&'?').is_some();
                    out.repeat(&format!("{{{text}"), lazy);
                }
                None => out.item().push_str(r"\{"),
            },
            '(' => {
                if chars.next_if_eq(&'?').is_none() {
                    out.open("(");
                } else if matches!(chars.peek(), Some('P' | '<')) {
                    out.open("(?");
                    group_name(&mut chars, &mut groups, &mut out.text)?;
                } else {
                    out.flags(&Flags::read(&mut chars)?);
                }
            }
            ')' => out.close(),
            '|' => out.alternative(),
            other => out.item().push(other),
        }
    }
    Ok(out.text)
}

/// Ends what stands before the name of a group that begins with a digit, or that an earlier group has: the regex crate has
/// neither. RE2 has no dots in names.
pub(super) const AFTER_PREFIX: char = '.';

/// What follows `(?`, if it is a name.
fn group_name(
    chars: &mut Peekable<Chars<'_>>,
    groups: &mut Vec<String>,
    out: &mut String,
) -> Result<(), String> {
    if chars.next_if_eq(&'P').is_some() {
        out.push('P');
    }
    if chars.next_if_eq(&'<').is_none() {
        return Ok(());
    }
    out.push('<');
    let name: String = chars.clone().take_while(|c| *c != '>').collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) || groups.contains(&name) {
        // Writing to a string cannot fail.
        let _ = write!(out, "_{}{AFTER_PREFIX}", groups.len());
    }
    groups.push(name);
    for c in chars.by_ref() {
        out.push(c);
        match c {
            '>' => return Ok(()),
            '_' => {}
            c if c.is_ascii_alphanumeric() => {}
            c => {
                return Err(format!(
                    "the name of a group has letters from a to z, digits and underscores, not {c:?}"
                ));
            }
        }
    }
    Err("the name of a group is not closed".into())
}

/// What follows `{`, with the closing brace, if that is a repetition.
fn counts(chars: &Peekable<Chars<'_>>) -> Option<String> {
    let mut text = String::new();
    for c in chars.clone() {
        text.push(c);
        match c {
            '0'..='9' => {}
            ',' if text.len() > 1 && !text[..text.len() - 1].contains(',') => {}
            '}' if text.len() > 1 => {
                // No number begins with a zero but zero.
                let padded = text[..text.len() - 1].split(',').any(|n| n.len() > 1 && n.starts_with('0'));
                return (!padded).then_some(text);
            }
            _ => return None,
        }
    }
    None
}

/// What follows `\Q`. A repetition behind it is that of its last character only.
fn quoted(chars: &mut Peekable<Chars<'_>>, out: &mut Output) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next_if_eq(&'E').is_some() {
            return;
        }
        out.item().push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

/// Whether this letter, behind a backslash, stands for several characters.
fn is_set(letter: char) -> bool {
    matches!(letter, 'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'p' | 'P')
}

/// What follows a backslash.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String, in_class: bool) -> Result<(), String> {
    match chars.next() {
        Some('d') => out.push_str("[0-9]"),
        Some('w') => out.push_str("[0-9A-Za-z_]"),
        Some('s') => out.push_str(r"[\t\n\f\r ]"),
        Some('D') => out.push_str("[^0-9]"),
        Some('W') => out.push_str("[^0-9A-Za-z_]"),
        Some('S') => out.push_str(r"[^\t\n\f\r ]"),
        Some('b') if !in_class => out.push_str(r"(?-u:\b)"),
        Some('B') if !in_class => out.push_str(r"(?-u:\B)"),
        Some(p @ ('p' | 'P')) => {
            let name: String = match chars.next() {
                Some('{') if chars.clone().any(|c| c == '}') => {
                    chars.by_ref().take_while(|c| *c != '}').collect()
                }
                Some(letter) => letter.into(),
                None => return Err(format!("\\{p} needs the name of a class of characters")),
            };
            let (negated, name) = match name.strip_prefix('^') {
                Some(name) => (p == 'p', name),
                None => (p == 'P', &*name),
            };
            if !is_class(name) {
                return Err(format!("there is no class of characters {name:?}"));
            }
            out.extend([if negated { r"\P{" } else { r"\p{" }, name, "}"]);
        }
        Some(digit @ '0'..='7') => {
            let mut code = digit.to_digit(8).unwrap_or(0);
            let octal = |c: &char| ('0'..='7').contains(c);
            if digit != '0' && !chars.peek().is_some_and(octal) {
                return Err("references back to groups are not supported".into());
            }
            for _ in 0..2 {
                if let Some(more) = chars.next_if(octal).and_then(|c| c.to_digit(8)) {
                    code = code * 8 + more;
                }
            }
            // Writing to a string cannot fail.
            let _ = write!(out, r"\x{{{code:x}}}");
        }
        Some('x') => {
            out.push_str(r"\x");
            // The code may stand in braces.
            if chars.peek() == Some(&'{') {
                for c in chars.by_ref() {
                    out.push(c);
                    if c == '}' {
                        break;
                    }
                }
            }
        }
        Some(letter @ ('a' | 'f' | 'n' | 'r' | 't' | 'v')) => out.extend(['\\', letter]),
        Some(letter @ ('A' | 'z')) if !in_class => out.extend(['\\', letter]),
        // There, these two would stand for the borders of a word.
        Some(plain @ ('<' | '>')) => out.push(plain),
        Some(other) if other.is_ascii() && !other.is_ascii_alphanumeric() => out.extend(['\\', other]),
        Some(other) => return Err(format!("\\{other} means nothing")),
        None => return Err("it ends in a backslash".into()),
    }
    Ok(())
}

/// What is wrong when a pattern ends inside of brackets.
const UNCLOSED: &str = "a bracket in it is not closed";

/// The names that may stand in `[:…:]`.
const NAMED_CLASSES: &str =
    "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit";

/// What follows the bracket of `[:`, inside of brackets: a class if there is a `:]`, and else nothing is read.
fn named_class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<bool, String> {
    let rest: String = chars.clone().skip(1).collect();
    let Some((name, _)) = rest.split_once(":]") else { return Ok(false) };
    let plain = name.strip_prefix('^').unwrap_or(name);
    if !NAMED_CLASSES.split(' ').any(|known| known == plain) {
        return Err(format!("there is no class of characters [:{name}:]"));
    }
    out.extend(["[:", name, ":]"]);
    chars.nth(name.chars().count() + 2);
    Ok(true)
}

/// What follows `[`. Only behind a single character does a minus make a range: behind a class it stands for itself.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    loop {
        let c = chars.next().ok_or(UNCLOSED)?;
        if c == ']' && !first {
            break;
        }
        first = false;
        if c == '[' && chars.peek() == Some(&':') && named_class(chars, out)? {
            continue;
        }
        if c == '\\' && chars.peek().is_some_and(|letter| is_set(*letter)) {
            escape(chars, out, true)?;
            continue;
        }
        member(c, chars, out)?;
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && ahead.next() != Some(']') {
            chars.next();
            out.push('-');
            let end = chars.next().ok_or(UNCLOSED)?;
            if let Some(letter) = chars.peek().filter(|letter| end == '\\' && is_set(**letter)) {
                return Err(format!("a range of characters cannot end in the class \\{letter}"));
            }
            member(end, chars, out)?;
        }
    }
    out.push(']');
    Ok(())
}

/// One character inside of brackets, which is this one or the escape that it begins.
fn member(c: char, chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    match c {
        '\\' => escape(chars, out, true)?,
        '[' | ']' | '&' | '~' | '^' | '-' => out.extend(['\\', c]),
        c => out.push(c),
    }
    Ok(())
}
