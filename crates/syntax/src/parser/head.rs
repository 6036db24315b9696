//! What is wrong with the beginning of an attribute or block.

use super::expect::{found, token_length};
use crate::lexer::word_length;
use crate::report::{Problem, label_with_template, short};

/// What is wrong with the beginning of an attribute or block, when it is there.
pub(super) fn head(text: &str) -> Option<Problem> {
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
                return Some(label_with_template(start..start + 2));
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
            format!("After the name \"{name}\" comes \"=\" and a value; here is {}.", found(rest)),
            format!("Write {name} = …"),
        ),
        (_, false) => Problem::new(
            here..here + token_length(rest),
            "Invalid block header",
            format!("A block's header is its type, its labels and \"{{\"; here is {}.", found(rest)),
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
            found(text)
        ),
        "Names begin with a letter or an underscore. Remove this, or make a comment of it with #.",
    )
}
