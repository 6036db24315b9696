//! What Terraform's parser takes and ours does not, changed into what both take to mean the same.

use super::super::BYTE_ORDER_MARK;
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// Characters of which no text knows anything.
const FOR_PRIVATE_USE: RangeInclusive<char> = '\u{f0000}'..='\u{f00ff}';

/// With spaces for the tabs between a colon and the character number `at`, or one before the comment that begins there;
/// `None` if it is neither.
pub(super) fn spaced(text: &str, at: usize) -> Option<String> {
    let end = byte(text, at);
    if text[end..].starts_with('#') && !text[..end].ends_with(char::is_whitespace) {
        return Some([&text[..end], " ", &text[end..]].concat());
    }
    let start = text[..end].trim_end_matches('\t').len();
    (start < end && text[..start].ends_with(':'))
        .then(|| [&text[..start], &" ".repeat(end - start), &text[end..]].concat())
}

/// With a space behind the question mark that is the character number `at`, which then marks a key; `None` if no entry in
/// brackets begins there.
pub(super) fn asked(text: &str, at: usize) -> Option<String> {
    let (before, from) = text.split_at(byte(text, at));
    let key = from.strip_prefix('?')?;
    before.trim_end().ends_with(['[', '{', ',']).then(|| [before, "? ", key].concat())
}

/// With characters that stand for byte order marks behind the start of the text, where the parser wants none, and which one
/// does.
pub(super) fn marks(text: &str) -> (Cow<'_, str>, Option<char>) {
    let rest = text.trim_start_matches(BYTE_ORDER_MARK);
    if !rest.contains(BYTE_ORDER_MARK) {
        return (Cow::Borrowed(text), None);
    }
    // If the text has all of these, the parser says what it does not want.
    let Some(free) = FOR_PRIVATE_USE.clone().find(|c| !rest.contains(*c)) else {
        return (Cow::Borrowed(text), None);
    };
    let start = &text[..text.len() - rest.len()];
    let rest = rest.replace(BYTE_ORDER_MARK, free.encode_utf8(&mut [0; 4]));
    (Cow::Owned([start, &rest].concat()), Some(free))
}

/// With all lines indented that begin inside brackets; `None` if there are none.
pub(super) fn bracketed(text: &str, indentation: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut depth, mut quote, mut changed) = (0usize, None, false);
    for line in text.split_inclusive('\n') {
        if depth > 0 {
            changed = true;
            out.push_str(indentation);
        }
        out.push_str(line);
        // The character before, and whether a value may begin here.
        let (mut before, mut starts) = (' ', true);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            let spaced = chars.peek().is_none_or(|next| next.is_whitespace());
            let mut starts_next = false;
            match (c, quote) {
                ('\\', Some('"')) => {
                    chars.next();
                }
                (c, Some(open)) => quote = Some(open).filter(|open| c != *open),
                ('"' | '\'', None) if starts => quote = Some(c),
                ('#', None) if before.is_whitespace() => break,
                ('[' | '{', None) if starts => {
                    depth += 1;
                    starts_next = true;
                }
                (']' | '}', None) => depth = depth.saturating_sub(1),
                // Anchors and tags.
                ('&' | '!', None) if starts => {
                    let ends = |next: &char| next.is_whitespace() || ",[]{}".contains(*next);
                    while chars.next_if(|next| !ends(next)).is_some() {}
                    starts_next = true;
                }
                (',', None) => starts_next = depth > 0,
                (':', None) => starts_next = spaced || depth > 0,
                ('-' | '?', None) => starts_next = starts && spaced,
                (c, None) => starts_next = starts && c.is_whitespace(),
            }
            before = c;
            starts = starts_next;
        }
    }
    changed.then_some(out)
}

/// With the lines indented of the quoted text that begins with the character number `at`, or, if that is a tab inside of
/// one, its line and those that follow.
pub(super) fn quoted(text: &str, at: usize, indentation: &str) -> Option<String> {
    let start = byte(text, at);
    let (begin, length, inside_already) = match text[start..].chars().next()? {
        quote @ ('"' | '\'') => (start, 1 + until_closed(&text[start + 1..], quote), false),
        '\t' => {
            let line = text[..start].rfind(['\n', '\r']).map_or(0, |end| end + 1);
            (line, start - line + text[start..].find(['"', '\''])?, true)
        }
        _ => return None,
    };
    let (inside, after) = text[begin..].split_at(length);
    let mut out = text[..begin].to_owned();
    for (i, line) in inside.split_inclusive('\n').enumerate() {
        // Where a document ends or begins, Terraform refuses it, too.
        let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
        let border = rest.is_some_and(|rest| rest.starts_with(char::is_whitespace));
        if (i > 0 || inside_already) && !border {
            out.push_str(indentation);
        }
        out.push_str(line);
    }
    if inside.ends_with('\n') {
        out.push_str(indentation);
    }
    out.push_str(after);
    Some(out)
}

/// Length of a quoted text, from behind the quote that opens it to the one that closes it.
fn until_closed(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote && (quote == '"' || chars.next_if(|(_, next)| *next == quote).is_none()) {
            return at;
        }
    }
    text.len()
}

/// Where the character of this number begins.
fn byte(text: &str, at: usize) -> usize {
    text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte)
}

/// More than anything in the text is indented: in `- - a: 1` the key is by four.
pub(super) fn indentation(text: &str) -> String {
    let marks = |c: char| c.is_whitespace() || matches!(c, '-' | '?' | ':');
    let deepest = text.lines().map(|line| line.len() - line.trim_start_matches(marks).len()).max();
    " ".repeat(deepest.unwrap_or(0) + 1)
}
