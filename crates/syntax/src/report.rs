//! What is wrong with a text, said so that it helps. Offsets are relative to the text that was read; a
//! [`Place`] turns them into spans.

use formwork_diag::{Diagnostic, FileId, Span};
use std::borrow::Cow;
use std::ops::Range;

/// How offsets become spans.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The text stands in the file, from this byte on.
    At(FileId, usize),
    /// The text was decoded from something else: everything in it has that one span.
    Within(Span),
}

impl Place {
    pub(crate) fn span(self, range: Range<usize>) -> Span {
        match self {
            Place::At(file, base) => Span::new(file, base + range.start, base + range.end),
            Place::Within(span) => span,
        }
    }
}

/// A diagnostic whose places are offsets.
#[derive(Debug)]
pub(crate) struct Problem {
    range: Range<usize>,
    summary: &'static str,
    detail: String,
    help: String,
    label: Option<(Range<usize>, String)>,
}

impl Problem {
    pub(crate) fn new(
        range: Range<usize>,
        summary: &'static str,
        detail: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Problem { range, summary, detail: detail.into(), help: help.into(), label: None }
    }

    /// The problem, when its text begins at `start` of another one.
    pub(crate) fn shifted(mut self, start: usize) -> Self {
        self.range = self.range.start + start..self.range.end + start;
        if let Some((range, _)) = &mut self.label {
            *range = range.start + start..range.end + start;
        }
        self
    }

    /// Where it is.
    pub(crate) fn start(&self) -> usize {
        self.range.start
    }

    fn label(mut self, range: Range<usize>, text: impl Into<String>) -> Self {
        self.label = Some((range, text.into()));
        self
    }

    pub(crate) fn at(&self, place: Place) -> Diagnostic {
        let mut diagnostic =
            Diagnostic::error(self.summary, &*self.detail).at(place.span(self.range.clone()));
        if !self.help.is_empty() {
            diagnostic = diagnostic.help(&*self.help);
        }
        match (&self.label, place) {
            (Some((range, text)), Place::At(..)) => diagnostic.label(place.span(range.clone()), text),
            _ => diagnostic,
        }
    }
}

/// What was written, as far as a message should repeat it.
pub(crate) fn short(text: &str) -> Cow<'_, str> {
    const LENGTH: usize = 60;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Brackets, templates and blocks within each other, more than `most` times.
pub(crate) fn too_deep(range: Range<usize>, most: usize) -> Problem {
    Problem::new(
        range,
        "Nesting too deep",
        format!(
            "Brackets, templates and blocks may be nested in each other {most} times, and here it is more."
        ),
        "Split the expression: name parts of it in a locals block. If it was not meant to be so deep, look before this place for a bracket that is never closed.",
    )
}

/// Places in it cannot be counted.
pub(crate) fn too_large() -> Problem {
    Problem::new(0..0, "File too large", "A file may have up to 4 GiB.", "Split it.")
}

/// An expression with more levels than a tree may have.
pub(crate) fn too_complex(range: Range<usize>, most: usize) -> Problem {
    Problem::new(
        range,
        "Expression too complex",
        format!(
            "This expression has more than {most} levels of operators, steps and brackets; here is one too many."
        ),
        "Split it: name parts of it in a locals block, or use sum([...]), join(...), alltrue([...]) or anytrue([...]).",
    )
}

/// The labels of a block have interpolations.
pub(crate) fn label_with_template(range: Range<usize>) -> Problem {
    Problem::new(
        range,
        "Invalid block label",
        "The labels of a block are fixed names; they cannot contain interpolations.",
        "Write the name itself. To make several objects of one block, use for_each or count.",
    )
}

/// `open` has no counterpart; `found` is the closing bracket that came instead, at `until`.
pub(crate) fn unclosed(
    range: Range<usize>,
    open: &str,
    close: &str,
    until: usize,
    found: Option<u8>,
) -> Problem {
    let (open, close) = (&*short(open), &*short(close));
    let summary = match open {
        "(" => "Missing closing parenthesis",
        "[" => "Missing closing bracket",
        _ => "Missing closing brace",
    };
    match found {
        Some(found) => {
            let found = found as char;
            Problem::new(
                range,
                summary,
                format!("This \"{open}\" is not closed before the \"{found}\" of what encloses it."),
                format!("Add a \"{close}\" before that \"{found}\"."),
            )
            .label(until..until + 1, format!("\"{close}\" is missing before this"))
        }
        None if open.len() == 2 => Problem::new(
            range,
            summary,
            format!("The interpolation that starts with \"{open}\" here does not end."),
            format!(
                "Add a \"{close}\" after the expression, or write \"{0}{open}\" for the characters \"{open}\" themselves.",
                &open[..1]
            ),
        ),
        None => Problem::new(
            range,
            summary,
            format!("This \"{open}\" is never closed."),
            format!("Add the \"{close}\" that belongs to it."),
        ),
    }
}

/// A brace took the closing brace of what encloses it, to judge by the indentation.
pub(crate) fn unclosed_by_indent(range: Range<usize>, closer: Range<usize>) -> Problem {
    Problem::new(
        range,
        "Missing closing brace",
        "There are more \"{\" than \"}\" here. By the indentation it is this one that lacks its \"}\".",
        "Add a \"}\" at the end of this block or object.",
    )
    .label(closer, "closes it now, but is indented like the end of the enclosing block")
}

/// A closing bracket without an opening one.
pub(crate) fn stray_closer(range: Range<usize>, found: char) -> Problem {
    let summary = match found {
        ')' => "Unexpected closing parenthesis",
        ']' => "Unexpected closing bracket",
        _ => "Unexpected closing brace",
    };
    Problem::new(
        range,
        summary,
        format!("Nothing is open here that this \"{found}\" could close."),
        format!("Remove the \"{found}\", or add what it should close."),
    )
}

/// A quoted string does not end on its line (or at all); `text` is from its quote on.
pub(crate) fn broken_quote(range: Range<usize>, text: &str) -> Problem {
    let detail = "The string that starts here does not end on its line. A quoted string cannot span lines.";
    let help = match text.find("\\\"").filter(|n| n + 2 == text.trim_end().len()) {
        Some(_) => "The last quote is escaped by the backslash before it: write \\\\ for a backslash.",
        None => {
            "Add the closing quote; write \\n for a line break, or use a heredoc (<<-EOT) for text of several lines."
        }
    };
    Problem::new(range, "Missing closing quote", detail, help)
}

/// A heredoc whose closing marker is missing, or is where the text is cut off.
pub(crate) fn unclosed_heredoc(range: Range<usize>, marker: &str, is_cut: bool) -> Problem {
    let marker = short(marker);
    let (detail, help) = if is_cut {
        (
            "The last line closes this heredoc, and ends without a line break.".to_owned(),
            format!("Add a line break behind {marker}."),
        )
    } else {
        (
            format!(
                "The heredoc that starts here has no closing line: one with \"{marker}\" and nothing else."
            ),
            format!("Put {marker} alone on a line after the text; nothing may follow it on that line."),
        )
    };
    Problem::new(range, "Missing end of heredoc", detail, help)
}

/// Something stands between a heredoc's marker and the end of the line.
pub(crate) fn after_heredoc_marker(range: Range<usize>, marker: &str) -> Problem {
    let marker = short(marker);
    Problem::new(
        range,
        "Invalid start of heredoc",
        format!(
            "The line of a heredoc's opening must end with its marker, but something follows \"{marker}\"."
        ),
        "Start the text on the next line; remove what follows the marker, white space too.",
    )
}

/// `/*` without `*/`.
pub(crate) fn unclosed_comment(range: Range<usize>) -> Problem {
    Problem::new(
        range,
        "Missing end of comment",
        "The comment that starts with \"/*\" here does not end.",
        "Add a \"*/\", or use # for comments of one line.",
    )
}

/// Quotes that are not `"`; with what they enclose, when they close.
pub(crate) fn wrong_quote(range: Range<usize>, quote: char, content: Option<&str>) -> Problem {
    let (summary, detail) = match quote {
        '\'' => (
            "Invalid single quotes",
            "Single quotes do not delimit strings; only double quotes do.".to_owned(),
        ),
        '`' => ("Invalid backquote", "Backquotes do not delimit strings; only double quotes do.".to_owned()),
        _ => (
            "Invalid typographic quotes",
            format!(
                "The character {quote} is a typographic quote; only the plain double quote delimits strings."
            ),
        ),
    };
    let help = match content {
        Some(content) if content.len() <= 60 && !content.contains(['"', '\\']) => {
            format!("Write \"{content}\".")
        }
        _ => "Use plain double quotes.".to_owned(),
    };
    Problem::new(range, summary, detail, help)
}
