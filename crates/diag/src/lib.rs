//! Spans, sources and diagnostics as plain data.
//!
//! Nothing here renders: the program turns a [`Diagnostic`] into text (or JSON) at its edge. Low layers return
//! problems without places; whoever knows the place adds it with [`Diagnostic::at`].

mod lines;
mod suggest;

use lines::Lines;
use std::fmt;
use std::sync::{Arc, OnceLock};
pub use suggest::suggestion;

/// Index of a file in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes in one source file; `end` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Its first so many bytes.
    #[must_use]
    pub fn first(self, len: usize) -> Span {
        let end = u32::try_from(len).map_or(self.end, |len| self.start.saturating_add(len));
        Span { end: end.min(self.end), ..self }
    }

    /// A span of `file` from byte `start` up to (not including) byte `end`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Span { file, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both; spans of different files give `self`.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One source file: its name as the user would type it, and its text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path relative to the working directory, or a description in angle brackets.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// The text may hold secrets: messages name the place, and quote nothing.
    pub private: bool,
}

/// All source files that spans can point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// Where the lines of each file begin, once somebody has asked.
    lines: Vec<OnceLock<Lines>>,
}

impl Sources {
    /// Adds a file and returns its id.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.push(SourceFile { name: name.into(), text: text.into(), private: false })
    }

    /// Adds a file whose text must not be quoted, and returns its id.
    pub fn add_private(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.push(SourceFile { name: name.into(), text: text.into(), private: true })
    }

    fn push(&mut self, file: SourceFile) -> FileId {
        self.files.push(file);
        self.lines.push(OnceLock::new());
        FileId(self.files.len() as u32 - 1)
    }

    /// The file with this id, when there is one.
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// All files, in the order of their ids.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The text that a span covers; empty when the span is outside the file.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file)
            .and_then(|f| f.text.get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// Line and column, both counted from 1, of a byte. Columns count what a reader sees as one character (grapheme
    /// clusters), as Terraform's do.
    pub fn line_column(&self, file: FileId, byte: u32) -> (usize, usize) {
        match (self.get(file), self.lines.get(file.0 as usize)) {
            (Some(f), Some(lines)) => {
                lines.get_or_init(|| Lines::of(&f.text)).line_column(&f.text, byte as usize)
            }
            _ => (1, 1),
        }
    }
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The command goes on.
    Warning,
    /// The command cannot do what it was asked to.
    Error,
}

/// A second place that a diagnostic points at, with a word on why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there.
    pub text: String,
}

/// One problem: what is wrong, where, why, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in the same few words each time the same problem occurs.
    pub summary: String,
    /// The particulars: what was found, why it is wrong.
    pub detail: String,
    /// How to mend it.
    pub help: Option<String>,
    /// The main place.
    pub span: Option<Span>,
    /// Further places.
    pub labels: Vec<Label>,
    /// The resource or module instance that was being worked on.
    pub address: Option<String>,
    /// Values that the expression's references had, as `name` and rendered value; never secret ones.
    pub values: Vec<(String, String)>,
    /// The function whose call went wrong, by the name that it was called by.
    pub call: Option<String>,
    /// A provider or a provisioner said it of the object: then programs are told the address, as Terraform tells them.
    pub relayed: bool,
    /// It is how a `check` block, or the data block in one, came out: every plan and every apply says it anew.
    pub of_check: bool,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            help: None,
            span: None,
            labels: Vec::new(),
            address: None,
            values: Vec::new(),
            call: None,
            relayed: false,
            of_check: false,
        }
    }

    /// A warning without a place.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(summary, detail) }
    }

    /// Sets the main place, unless a lower layer already knew a better one.
    pub fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// Adds how to mend it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Names the function whose call went wrong.
    pub fn calling(mut self, name: impl Into<String>) -> Self {
        self.call = Some(name.into());
        self
    }

    /// Names the object that was being worked on, unless a lower layer already did.
    pub fn about(mut self, address: impl fmt::Display) -> Self {
        self.address.get_or_insert_with(|| address.to_string());
        self
    }

    /// Says that a provider or a provisioner said it of the object at this address.
    pub fn said_of(mut self, address: impl fmt::Display) -> Self {
        self.relayed = true;
        self.about(address)
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summary)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// Whether any of these is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_close_names_only() {
        assert_eq!(suggestion("instnace_type", ["instance_type", "ami"]), Some("instance_type"));
        assert_eq!(suggestion("foo", ["completely_different"]), None);
        assert_eq!(suggestion("b", ["a", "c"]), None);
        assert_eq!(suggestion("ab", ["a", "ac"]), Some("a"));
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let mut sources = Sources::default();
        let id = sources.add("a.tf", "é = 1\nb = 2\n");
        assert_eq!(sources.line_column(id, 0), (1, 1));
        assert_eq!(sources.line_column(id, 3), (1, 3));
        // The answers of Terraform 1.11.4.
        let other = sources.add("b.tf", "a = \"e\u{301}👩\u{200d}👩\" + x\nb = \"🇩🇪\t\" == y\n");
        assert_eq!(sources.line_column(other, 23), (1, 12));
        assert_eq!(sources.line_column(other, 44), (2, 13));
        assert_eq!(sources.line_column(id, 7), (2, 1));
        assert_eq!(sources.line_column(id, 999), (3, 1));
    }
}
