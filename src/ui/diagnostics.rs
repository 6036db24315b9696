//! Diagnostics as text: what is wrong, the underlined source, why, and how to mend it.

use super::excerpt::Excerpt;
use super::style::{Role, Style};
use super::text::{tame, wrap};
use formwork_diag::{Diagnostic, FileId, Severity, SourceFile, Sources, Span};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, ThemeCharacters, ThemeStyles};
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

/// So many diagnostics are shown; the rest is counted.
const MAX_SHOWN: usize = 100;

/// Writes diagnostics, one after the other, each with an empty line before it.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let mut out = String::new();
    let styles = if style.colour { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let theme = |mark: &str| {
        let characters =
            ThemeCharacters { error: mark.into(), warning: mark.into(), ..ThemeCharacters::unicode() };
        GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles: styles.clone() })
            .with_width(style.width.max(40))
            .with_context_lines(1)
            .with_links(false)
            .without_syntax_highlighting()
            .tab_width(2)
    };
    let handler = theme("│");
    for diagnostic in diagnostics.iter().take(MAX_SHOWN) {
        out.push('\n');
        one(&mut out, diagnostic, sources, style, &handler);
    }
    if let Some(rest) = diagnostics.get(MAX_SHOWN..).filter(|rest| !rest.is_empty()) {
        let errors = rest.iter().filter(|d| d.is_error()).count();
        let count = |n: usize, what: &str| {
            (n > 0).then(|| format!("{n} more {what}{}", if n == 1 { "" } else { "s" }))
        };
        let counts = [count(errors, "error"), count(rest.len() - errors, "warning")];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        let _ = writeln!(out, "\nThese are the first {MAX_SHOWN}; and {}.", counts.join(", "));
    }
    out
}

fn one(
    out: &mut String,
    diagnostic: &Diagnostic,
    sources: &Sources,
    style: Style,
    handler: &GraphicalReportHandler,
) {
    let (role, word) = match diagnostic.severity {
        Severity::Error => (Role::Error, "Error: "),
        Severity::Warning => (Role::Warning, "Warning: "),
    };
    style.put(out, role, word);
    style.put(out, Role::Strong, &tame(&diagnostic.summary));
    out.push('\n');
    if let Some(address) = &diagnostic.address {
        let _ = writeln!(out, "  with {}", tame(address));
    }
    let shown = snippets(diagnostic, sources);
    for snippet in &shown {
        let mut text = String::new();
        if handler.render_report(&mut text, snippet).is_ok() {
            // miette begins with the message, which stands above already.
            let body = text.split_once('\n').map_or("", |(_, rest)| rest);
            out.push_str(body.trim_end_matches('\n').trim_start_matches('\n'));
            out.push('\n');
        }
    }
    if let Some(span) = diagnostic.span
        && let Some(file) = sources.get(span.file).filter(|f| f.private)
    {
        let (line, column) = sources.line_column(span.file, span.start);
        let _ = writeln!(out, "  in {}:{line}:{column} (not quoted: it may hold secrets)", tame(&file.name));
    }
    for label in diagnostic.labels.iter().filter(|l| shown.is_empty() || quotable(sources, l.span).is_none())
    {
        if let Some(file) = sources.get(label.span.file) {
            let (line, column) = sources.line_column(label.span.file, label.span.start);
            let _ = writeln!(out, "  see {}:{line}:{column}: {}", tame(&file.name), tame(&label.text));
        }
    }
    for (name, value) in &diagnostic.values {
        let _ = writeln!(out, "  where {} is {}", tame(name), tame(value).replace('\n', " "));
    }
    let mut paragraph = |lead: &str, text: &str| {
        for (i, line) in wrap(&tame(text), style.width.saturating_sub(2).max(20)).lines().enumerate() {
            let _ = match (i, line) {
                (0, _) => writeln!(out, "{lead}{line}"),
                (_, "") => writeln!(out),
                _ => writeln!(out, "  {line}"),
            };
        }
    };
    if !diagnostic.detail.is_empty() {
        paragraph("  ", &diagnostic.detail);
    }
    if let Some(help) = &diagnostic.help {
        paragraph(&format!("  {} ", style.paint(Role::Note, "help:")), help);
    }
}

/// What miette is given: the source and its labels.
#[derive(Debug)]
struct Snippet {
    source: Excerpt,
    labels: Vec<LabeledSpan>,
}

/// How many lines may lie between two places that are shown as one piece of the file.
const NEAR: u32 = 6;

/// The file of a place that may be shown.
fn quotable(sources: &Sources, span: Span) -> Option<&SourceFile> {
    sources.get(span.file).filter(|f| !f.text.is_empty() && !f.private)
}

/// The place that a diagnostic is about, with what stands near it, then what stands elsewhere in the same file, and in others.
fn snippets(diagnostic: &Diagnostic, sources: &Sources) -> Vec<Snippet> {
    let Some(span) = diagnostic.span else { return Vec::new() };
    let Some(file) = quotable(sources, span) else { return Vec::new() };
    let line = |span: Span| sources.line_column(span.file, span.start).0;
    let main = clamp(&file.text, span);
    let mut near = BTreeMap::from([(main, String::new())]);
    let mut far = BTreeMap::new();
    for label in diagnostic.labels.iter().filter(|l| l.span.file == span.file) {
        let within = line(label.span).abs_diff(line(span)) <= NEAR as _;
        let places = if within { &mut near } else { &mut far };
        join(places.entry(clamp(&file.text, label.span)).or_default(), &label.text);
    }
    let mut elsewhere: BTreeMap<FileId, BTreeMap<(usize, usize), String>> = BTreeMap::new();
    for label in diagnostic.labels.iter().filter(|l| l.span.file != span.file) {
        let Some(other) = quotable(sources, label.span) else { continue };
        let places = elsewhere.entry(label.span.file).or_default();
        join(places.entry(clamp(&other.text, label.span)).or_default(), &label.text);
    }
    let snippet = |id: FileId,
                   file: &SourceFile,
                   main: Option<(usize, usize)>,
                   labels: BTreeMap<(usize, usize), String>| {
        let places: Vec<(usize, usize)> = labels.keys().copied().collect();
        let (source, moved) = Excerpt::new(sources, id, tame(&file.name), &file.text, &places);
        let labels = labels.into_iter().zip(moved).map(|((place, text), moved)| {
            let text = (!text.is_empty()).then_some(text);
            if Some(place) == main {
                LabeledSpan::new_primary_with_span(text, moved)
            } else {
                LabeledSpan::new_with_span(text, moved)
            }
        });
        Snippet { source, labels: labels.collect() }
    };
    let mut shown = vec![snippet(span.file, file, Some(main), near)];
    if !far.is_empty() {
        shown.push(snippet(span.file, file, None, far));
    }
    for (id, places) in elsewhere {
        shown.extend(sources.get(id).map(|other| snippet(id, other, None, places)));
    }
    shown
}

/// Adds a label to those of the same place.
fn join(text: &mut String, label: &str) {
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.push_str(&tame(label));
}

/// Start and length of a span, on character boundaries inside the text; long ones end with their first line.
fn clamp(text: &str, span: Span) -> (usize, usize) {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start as usize);
    let end = boundary(span.end as usize).max(start);
    let covered = &text[start..end];
    let len = match covered.match_indices('\n').nth(4) {
        // Only the beginning of something long is worth quoting.
        Some(_) => covered.find('\n').unwrap_or(covered.len()),
        None => covered.trim_end().len(),
    };
    (start, len)
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(".")
    }
}

impl std::error::Error for Snippet {}

impl miette::Diagnostic for Snippet {
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// Warnings of the same summary as one line each, after the first few: `-compact-warnings`.
pub fn compact(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if formwork_diag::has_errors(&diagnostics) || diagnostics.is_empty() {
        return diagnostics;
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for d in &diagnostics {
        *counts.entry(d.summary.clone()).or_default() += 1;
    }
    let lines: Vec<String> = counts
        .into_iter()
        .map(|(summary, n)| match n {
            1 => format!("- {summary}"),
            n => format!("- {summary} ({n} times)"),
        })
        .collect();
    vec![
        Diagnostic::warning("Warnings", lines.join("\n"))
            .help("To see the full warning notes, run without -compact-warnings."),
    ]
}
