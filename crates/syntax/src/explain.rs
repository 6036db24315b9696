//! The parser's one-line complaints as messages that help.

use crate::report::{self, Problem, short};
use crate::scan::word_length;
use crate::template::bad_escape;
use hcl::edit::parser::{Error, parse_expr};
use std::ops::Range;

/// What was being read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// An attribute or block.
    Item,
    /// An expression by itself.
    Expression,
    /// A template by itself.
    Template,
}

/// Why `text` could not be parsed, of which the parser saw the shadow `source`; the range is within it.
pub(crate) fn explain(text: &str, source: &str, error: &Error, context: Context) -> Problem {
    if context == Context::Item {
        if let Some(problem) = head(text) {
            return problem;
        }
        // The parser often gives up at the start of the item; on the expression alone it says more.
        if let Some(start) = value_start(text) {
            if text[start..].trim().is_empty() {
                return missing_expression(start..start);
            }
            if let Err(inner) = parse_expr(&source[start..])
                && (!inner.message().contains("unexpected token")
                    || error.message().contains("unexpected token"))
            {
                let at = start + place(&text[start..], &inner);
                return explain_at(text, at, inner.message(), context);
            }
        }
    }
    explain_at(text, place(text, error), error.message(), context)
}

/// Where the expression of an attribute starts.
fn value_start(text: &str) -> Option<usize> {
    let after = text[word_length(text)..].trim_start_matches([' ', '\t']).strip_prefix('=')?;
    let after = after.trim_start_matches([' ', '\t']);
    Some(text.len() - after.len())
}

fn explain_at(text: &str, at: usize, message: &str, context: Context) -> Problem {
    let says = |what: &str| message.contains(what);
    if says("nested levels") {
        return report::too_deep(at..at + found_length(text, at));
    }
    if says("chained binary operators") {
        return Problem::new(
            at..at + found_length(text, at),
            "Too many operators",
            "An expression may chain 128 operators, and here it is more.",
            "Split the expression: name parts of it in a locals block, or use sum([...]), join(...), alltrue([...]) or anytrue([...]).",
        );
    }
    if says("unique object key") {
        return Problem::new(
            at..at + found_length(text, at),
            "Repeated object key",
            "This key was given before in the same object, too often or in too many spellings.",
            "Remove one of the two.",
        );
    }
    if (says("escape sequence") || says("hex code"))
        && let Some(backslash) = text[..at + text[at..].chars().next().map_or(0, char::len_utf8)].rfind('\\')
    {
        return bad_escape(backslash, &text[backslash..]);
    }
    if says("unexpected token")
        && let Some(problem) = directives(text)
    {
        return problem;
    }
    // The parser has already passed what it did not expect.
    let at = if says("object value assignment") { before(text, at) } else { at };
    let rest = &text[at..];
    let found = found(rest);
    let range = at..at + found_length(text, at);
    if let Some(problem) = by_character(rest, range.clone()) {
        return problem;
    }
    // Half an operator is passed, too.
    let last = before(text, at);
    if message == "unexpected token"
        && !text[..last].ends_with(['&', '|'])
        && text[last..].starts_with(['&', '|'])
        && let Some(problem) = by_character(&text[last..], last..last + 1)
    {
        return problem;
    }
    if says("endif") || says("endfor") {
        return unfinished_directive(range, if says("endif") { "endif" } else { "endfor" });
    }
    if let Some(problem) = dangling(rest, range.clone()) {
        return problem;
    }
    if (says("newline") && says("eof")) || (context != Context::Template && message == "unexpected token") {
        return after_item(text, range, rest);
    }
    if says("invalid expression") {
        return match found.is_end {
            false => Problem::new(
                range,
                "Expression expected",
                format!("Here should stand a value, and not {}.", found.words),
                "Write a literal, a reference, a function call or something in brackets here.",
            ),
            true => missing_expression(range),
        };
    }
    if says("object value assignment") {
        return Problem::new(
            range,
            "Missing equals sign in object",
            format!(
                "After the key of an object item comes \"=\" or \":\" and then its value, and not {}.",
                found.words
            ),
            "Write key = value.",
        );
    }
    if says("object item") {
        return Problem::new(
            range,
            "Missing separator in object",
            format!(
                "After an item of an object comes a comma, a new line or the closing brace, and not {}.",
                found.words
            ),
            "Put the items on lines of their own, or commas between them.",
        );
    }
    if says("traversal operator") {
        return Problem::new(
            range,
            "Invalid attribute name",
            format!("After a dot comes an attribute's name, and not {}.", found.words),
            "Write a name here; for other keys use brackets: object[\"key\"].",
        );
    }
    if says("block body") || says("invalid attribute;") {
        return Problem::new(
            range,
            "Invalid block on one line",
            format!("A block on one line can hold one attribute and no blocks; here is {}.", found.words),
            "Start a new line after the \"{\", and put each attribute on its own line.",
        );
    }
    by_expectation(message, range, &found.words)
}

/// An operator or dot at the end of the line.
fn dangling(rest: &str, range: Range<usize>) -> Option<Problem> {
    let line = rest.lines().next()?.trim_end();
    match line {
        "." => Some(Problem::new(
            range,
            "Invalid attribute name",
            "After a dot comes an attribute's name, but the line ends.",
            "Write the name, or remove the dot.",
        )),
        "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" | "!" | "?" => {
            Some(Problem::new(
                range.start..range.start + line.len(),
                "Missing expression",
                format!("After \"{line}\" comes another value, but the line ends."),
                "Write the value on this line; an expression in parentheses may go on on the next one.",
            ))
        }
        _ => None,
    }
}

/// What is wrong with the directives of the templates in `text`, when they do not fit together.
fn directives(text: &str) -> Option<Problem> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    for (at, _) in text.match_indices("%{") {
        if text[..at].ends_with('%') {
            continue;
        }
        let word = text[at + 2..].trim_start_matches('~').trim_start();
        let word = &word[..word_length(word)];
        let range = at..at + 2;
        let wanted = match word {
            "if" | "for" => {
                open.push((at, word));
                continue;
            }
            "else" | "endif" => "if",
            "endfor" => "for",
            _ => {
                return Some(Problem::new(
                    range,
                    "Invalid template directive",
                    format!(
                        "A directive begins with if, else, endif, for or endfor, and not with \"{}\".",
                        short(word)
                    ),
                    "Write %%{ for the characters %{ themselves.",
                ));
            }
        };
        if open.last().is_none_or(|(_, begun)| *begun != wanted) {
            return Some(match open.last() {
                Some((at, begun)) => unfinished_directive(*at..at + 2, &format!("end{begun}")),
                None => Problem::new(
                    range,
                    "Unexpected template directive",
                    format!("This %{{ {word} }} has no %{{ {wanted} }} before it."),
                    format!("Remove it, or add the %{{ {wanted} }} that it belongs to."),
                ),
            });
        }
        if word != "else" {
            open.pop();
        }
    }
    let (at, begun) = open.pop()?;
    Some(unfinished_directive(at..at + 2, &format!("end{begun}")))
}

fn before(text: &str, at: usize) -> usize {
    text[..at].trim_end().char_indices().next_back().map_or(at, |(n, _)| n)
}

/// An expression is missing altogether.
pub(crate) fn missing_expression(range: Range<usize>) -> Problem {
    Problem::new(
        range,
        "Missing expression",
        "The line ends where a value should stand.",
        "Write the value on this line; to go on on the next one, open a bracket or parenthesis first.",
    )
}

fn unfinished_directive(range: Range<usize>, end: &str) -> Problem {
    Problem::new(
        range,
        "Missing end of template directive",
        format!("A template directive is not finished: its %{{ {end} }} is missing."),
        format!("Add %{{ {end} }} where it should end."),
    )
}

/// The parser's offset, on a character of the text or at its end. It counts from the last one at the end.
fn place(text: &str, error: &Error) -> usize {
    let mut at = error.location().offset().min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let rest = &text[at..];
    let end_of_input =
        rest.chars().nth(1).is_none() && rest.chars().all(|c| c.is_alphanumeric() || c.is_whitespace());
    if end_of_input && error.message().contains("invalid expression") {
        return text.len();
    }
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    at + blank
}

struct Found {
    words: String,
    is_end: bool,
}

fn found(rest: &str) -> Found {
    let line = rest.lines().next().unwrap_or("");
    if rest.is_empty() || line.is_empty() {
        let words = if rest.trim().is_empty() { "the end" } else { "the end of the line" };
        return Found { words: words.to_owned(), is_end: true };
    }
    let words = match &line[..token_length(line)] {
        "\"" => "a string".to_owned(),
        token => format!("\"{}\"", short(token)),
    };
    Found { words, is_end: false }
}

fn found_length(text: &str, at: usize) -> usize {
    token_length(text[at..].lines().next().unwrap_or(""))
}

/// The length of the word, number or character at the start of a line.
fn token_length(line: &str) -> usize {
    let number = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
    match word_length(line).max(number) {
        0 => line.chars().next().map_or(0, char::len_utf8),
        length => length,
    }
}

/// What is wrong with the beginning of an attribute or block, when it is there.
fn head(text: &str) -> Option<Problem> {
    let length = word_length(text);
    if length == 0 {
        return Some(no_name(text));
    }
    let (name, rest) = text.split_at(length);
    let name = short(name);
    let at = |rest: &str| text.len() - rest.len();
    let mut rest = rest.trim_start_matches([' ', '\t']);
    if rest.starts_with(':') && !rest.starts_with("::") {
        return Some(Problem::new(
            at(rest)..at(rest) + 1,
            "Missing equals sign",
            format!("The value of an attribute follows an equals sign; after \"{name}\" is a colon."),
            format!("Write {name} = … instead. A colon may stand only in an object's items."),
        ));
    }
    let mut labels = 0;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (label, after) = quoted.split_once('"')?;
            if let Some(n) = label.find("${").or(label.find("%{")) {
                let start = at(quoted) + n;
                return Some(Problem::new(
                    start..start + 2,
                    "Invalid block label",
                    "The labels of a block are fixed names; they cannot contain interpolations.",
                    "Write the name itself. To make several objects of one block, use for_each or count.",
                ));
            }
            rest = after;
        } else if word_length(rest) > 0 {
            rest = &rest[word_length(rest)..];
        } else {
            break;
        }
        labels += 1;
        rest = rest.trim_start_matches([' ', '\t']);
    }
    let here = at(rest);
    if rest.starts_with('{') || (labels == 0 && rest.starts_with('=')) {
        return None;
    }
    if let Some(value) = rest.strip_prefix('=') {
        let length = text[..here].trim_end().len();
        let before = short(&text[..length]);
        return Some(if value.trim_start().starts_with('{') {
            Problem::new(
                here..here + 1,
                "Unexpected equals sign",
                format!("{before} is the header of a block, and its body follows without an equals sign."),
                format!("Write {before} {{"),
            )
        } else {
            Problem::new(
                0..length,
                "Invalid attribute name",
                format!("\"{before}\" is not one name; the name of an attribute is a single word."),
                "Use underscores or dashes instead of spaces.",
            )
        });
    }
    let end = text[..here].trim_end().len();
    let is_end = rest.is_empty() || rest.starts_with(['\n', '\r', '#']) || rest.starts_with("//");
    Some(match (labels, is_end) {
        (0 | 1, true) => Problem::new(
            0..end,
            "Missing equals sign or block body",
            format!(
                "After \"{name}\" comes \"=\" and a value when it is an attribute, or labels and \"{{\" when it is a block."
            ),
            match &*short(text[length..end].trim()) {
                "" => format!("Write {name} = … or {name} {{ … }}."),
                value => format!("Write {name} = {value} or {name} {value} {{ … }}."),
            },
        ),
        (_, true) => Problem::new(
            0..end,
            "Missing block body",
            "The header of a block must be followed by \"{\" on the same line.",
            format!("Write {} {{", short(&text[..end])),
        ),
        (0, false) if rest.starts_with('.') => Problem::new(
            here..here + 1,
            "Invalid attribute name",
            "The name of an attribute is a single word; a reference cannot be assigned to.",
            "To set an attribute of an object, write the object: name = { key = value }.",
        ),
        (0, false) => Problem::new(
            here..here + token_length(rest),
            "Missing equals sign",
            format!("After the name \"{name}\" comes \"=\" and a value; here is {}.", found(rest).words),
            format!("Write {name} = …"),
        ),
        (_, false) => Problem::new(
            here..here + token_length(rest),
            "Invalid block header",
            format!("A block's header is its type, its labels and \"{{\"; here is {}.", found(rest).words),
            "Labels are quoted strings without interpolation, or bare names.",
        ),
    })
}

/// An item that does not begin with a name.
fn no_name(text: &str) -> Problem {
    if let Some((name, rest)) = text.strip_prefix('"').and_then(|t| t.split_once('"'))
        && rest.trim_start().starts_with(['=', ':'])
    {
        return Problem::new(
            0..name.len() + 2,
            "Invalid attribute name",
            "The names of attributes are not quoted.",
            format!("Write {} = … instead. Only the keys of objects may be quoted.", short(name)),
        );
    }
    if text.starts_with('{') {
        return Problem::new(
            0..1,
            "Unexpected brace",
            "This \"{\" follows no block header: the brace must stand on the header's own line.",
            "Move it to the end of the line before.",
        );
    }
    let line = text.lines().next().unwrap_or("");
    Problem::new(
        0..token_length(line),
        "Attribute or block expected",
        format!(
            "Here should begin an attribute (name = value) or a block (type \"label\" {{), but there is {}.",
            found(text).words
        ),
        "Names begin with a letter or an underscore. Remove this, or make a comment of it with #.",
    )
}

/// Characters of other languages.
fn by_character(rest: &str, range: Range<usize>) -> Option<Problem> {
    let (summary, detail, help) = match rest.chars().next()? {
        ';' => (
            "Unexpected semicolon",
            "Nothing ends with a semicolon in this language.",
            "Start a new line instead.",
        ),
        '&' => ("Unsupported operator", "There is no operator \"&\".", "For \"and\" write &&."),
        '|' => ("Unsupported operator", "There is no operator \"|\".", "For \"or\" write ||."),
        '=' if rest.starts_with("===") => {
            ("Unsupported operator", "There is no operator \"===\".", "Write ==.")
        }
        '+' if rest.starts_with("++") => (
            "Unsupported operator",
            "There is no operator \"++\".",
            "For strings, write \"${a}${b}\"; for lists, concat(a, b).",
        ),
        '^' => ("Unsupported operator", "There is no operator \"^\".", "For powers use pow(base, exponent)."),
        '~' => (
            "Unsupported operator",
            "There is no operator \"~\".",
            "For patterns use regex(pattern, string).",
        ),
        '?' if rest.starts_with("??") => {
            ("Unsupported operator", "There is no operator \"??\".", "Use coalesce(a, b), or try(a, b).")
        }
        _ => return None,
    };
    Some(Problem::new(range, summary, detail, help))
}

/// Something follows a finished attribute or block on its line.
fn after_item(text: &str, range: Range<usize>, rest: &str) -> Problem {
    let line = rest.lines().next().unwrap_or("");
    let name = word_length(line);
    let is_attribute = name > 0 && line[name..].trim_start().starts_with('=');
    let is_block = text[..range.start].trim_end().ends_with('}') && text.contains('\n');
    let help = if is_attribute {
        "Put each attribute on a line of its own."
    } else if is_block {
        "Start a new line after the \"}\"."
    } else {
        "Remove it, or quote the whole value if it is a string, or add the operator that is missing."
    };
    Problem::new(
        range.start..range.start + line.trim_end().len(),
        "Missing newline",
        format!("The line should end here, but {} follows.", found(rest).words),
        help,
    )
}

/// By what the parser expected: the closing bracket, mostly.
fn by_expectation(message: &str, range: Range<usize>, found: &str) -> Problem {
    let expected = |what: &str| message.contains(&format!("`{what}`"));
    let (summary, detail, help) = if expected(")") {
        (
            "Missing comma or parenthesis",
            format!("Here should be a comma, an operator or the closing parenthesis, and not {found}."),
            "Add the missing \",\" or \")\".",
        )
    } else if expected("]") {
        (
            "Missing comma or bracket",
            format!("Here should be a comma, an operator or the closing bracket, and not {found}."),
            "Add the missing \",\" or \"]\".",
        )
    } else if expected("=>") {
        (
            "Invalid for expression",
            format!(
                "A for expression between braces needs a key and a value, \"key => value\"; here is {found}."
            ),
            "Write {for k, v in collection : k => v}, or use brackets for a list.",
        )
    } else if expected("in") || message.contains("identifier") {
        (
            "Invalid name or keyword",
            format!(
                "Here should be a name, or the keyword \"in\" after the names of a for; here is {found}."
            ),
            "A for expression reads [for k, v in collection : result].",
        )
    } else if expected(":") {
        (
            "Missing colon",
            format!("Here should be a colon, and not {found}."),
            "A conditional reads condition ? a : b; a for expression, [for v in collection : result].",
        )
    } else if expected("}") {
        (
            "Missing closing brace",
            format!("Here should be the closing brace, and not {found}."),
            "End the interpolation, object or block with \"}\" before this, or add the operator that is missing.",
        )
    } else {
        (
            "Invalid syntax",
            format!("Here is {found}, which cannot stand in this place."),
            "Look for something missing before it.",
        )
    };
    Problem::new(range, summary, detail, help)
}
