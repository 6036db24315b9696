//! The lines of a file that a diagnostic quotes. Of long lines only what lies around the marked places is kept: nobody reads
//! more, and miette cannot pad to columns beyond 65,535.

use formwork_diag::{FileId, Sources};
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::collections::BTreeMap;

/// Lines of more bytes than this are cut.
const LONG: usize = 1_000;

/// What is kept of a long line before and after a marked place.
const AROUND: usize = 60;

/// What is kept of a marked place itself.
const MARKED: usize = 240;

/// In so many places a long line is shown.
const MAX_WINDOWS: usize = 20;

/// How many lines further apart than their contexts two places are still shown as one piece.
const JOINED: usize = 3;

/// A place: its first byte, and how many.
pub type Place = (usize, usize);

/// Some lines of a file.
#[derive(Debug)]
pub struct Excerpt {
    name: String,
    text: String,
    /// How many lines of the file come before.
    line: usize,
    /// The columns, in the file, of the places that are marked here.
    columns: BTreeMap<usize, usize>,
}

impl Excerpt {
    /// The lines of a file from one before the first of these places to one after the last, and the places in it.
    pub fn new(
        sources: &Sources,
        file: FileId,
        name: String,
        text: &str,
        places: &[Place],
    ) -> (Self, Vec<Place>) {
        let first = places.iter().map(|p| p.0).min().unwrap_or(0);
        let last = places.iter().map(|p| p.0 + p.1).max().unwrap_or(0);
        let start_of_line = |at: usize| text[..at].rfind('\n').map_or(0, |i| i + 1);
        let end_of_line = |at: usize| text[at..].find('\n').map_or(text.len(), |i| at + i);
        let own = start_of_line(first);
        let from = start_of_line(own.saturating_sub(1));
        // With its line break: without, an empty line would not count as one.
        let to = (end_of_line((end_of_line(last) + 1).min(text.len())) + 1).min(text.len());
        let (line, _) = sources.line_column(file, from as u32);
        let mut excerpt = Excerpt { name, text: String::new(), line: line - 1, columns: BTreeMap::new() };
        let mut kept: Vec<Piece> = Vec::new();
        let mut at = from;
        for line in text[from..to].split_inclusive('\n') {
            excerpt.add(text, at, at + line.len(), places, &mut kept);
            at += line.len();
        }
        let moved = |at: usize| {
            let before = kept.partition_point(|piece| piece.from <= at);
            kept.get(before.saturating_sub(1)).map_or(0, |p| p.shown + at.clamp(p.from, p.to) - p.from)
        };
        let shown: Vec<Place> = places
            .iter()
            .map(|(start, len)| {
                let new = moved(*start);
                (new, moved(start + len).saturating_sub(new))
            })
            .collect();
        for (old, new) in places.iter().zip(&shown) {
            excerpt.columns.insert(new.0, sources.line_column(file, old.0 as u32).1 - 1);
        }
        (excerpt, shown)
    }

    /// Adds a line, or what is shown of it.
    fn add(&mut self, text: &str, from: usize, to: usize, places: &[Place], kept: &mut Vec<Piece>) {
        if to - from <= LONG {
            kept.push(Piece { from, to, shown: self.text.len() });
            self.text.push_str(&text[from..to]);
            return;
        }
        let end = from + text[from..to].trim_end_matches(['\n', '\r']).len();
        let mut windows: Vec<(usize, usize)> = places
            .iter()
            .map(|(start, len)| ((*start).max(from), (start + len).min(end)))
            .filter(|(start, stop)| start <= stop)
            .take(MAX_WINDOWS)
            .map(|(start, stop)| {
                let stop = stop.min(start + MARKED) + AROUND;
                (boundary(text, start.saturating_sub(AROUND).max(from)), boundary(text, stop.min(end)))
            })
            .collect();
        if windows.is_empty() {
            windows.push((from, boundary(text, (from + AROUND).min(end))));
        }
        windows.sort_unstable();
        let mut at = from;
        for (start, stop) in windows {
            if start > at {
                self.text.push('…');
            }
            let start = start.max(at);
            if stop > start {
                kept.push(Piece { from: start, to: stop, shown: self.text.len() });
                self.text.push_str(&text[start..stop]);
                at = stop;
            }
        }
        if at < end {
            self.text.push('…');
        }
        kept.push(Piece { from: end, to, shown: self.text.len() });
        self.text.push_str(&text[end..to]);
    }
}

/// A part of the file that is kept, and where in the excerpt.
struct Piece {
    from: usize,
    to: usize,
    shown: usize,
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, before, after)?;
        // Only the heading, which asks for no context, wants the column of a place.
        let column = match before {
            0 => self.columns.get(&span.offset()).copied().unwrap_or_else(|| inner.column()),
            _ => inner.column(),
        };
        let lines = inner.data().iter().filter(|b| **b == b'\n').count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            inner.data(),
            *inner.span(),
            self.line + inner.line(),
            column,
            lines + JOINED,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{diagnostics::render, style::Style};
    use formwork_diag::{Diagnostic, Sources, Span};

    fn shown(text: &str, diagnostics: &[(&str, &str)]) -> String {
        let mut sources = Sources::default();
        let id = sources.add("main.tf.json", text);
        let place = |marked: &str| {
            let at = text.rfind(marked).unwrap();
            Span::new(id, at, at + marked.len())
        };
        let diagnostics: Vec<Diagnostic> = diagnostics
            .iter()
            .map(|(marked, label)| {
                Diagnostic::error("Wrong", "").at(place(marked)).label(place(label), "here")
            })
            .collect();
        render(&diagnostics, &sources, Style::PLAIN)
    }

    #[test]
    fn long_lines_are_cut_around_what_is_marked() {
        let text =
            format!("{{\n\"a\": \"{}\", \"b\": \"${{no}}é{}\"}}\n", "x".repeat(70_000), "y".repeat(70_000));
        let out = shown(&text, &[("${no}", "\"b\"")]);
        assert!(out.contains("[main.tf.json:2:70016]"), "{out}");
        assert!(
            out.contains("…xxx") && out.contains("\", \"b\": \"${no}éyyy") && out.contains("y…\n"),
            "{out}"
        );
        assert!(out.len() < 2_000, "{out}");
    }

    #[test]
    fn what_is_marked_may_be_long_itself() {
        let value = format!("\"{}\"", "é".repeat(70_000));
        let out = shown(&format!("a = {value}\nb = 1\n"), &[(&value, "b")]);
        assert!(out.contains("[main.tf.json:1:5]") && out.contains("b = 1"), "{out}");
        assert!(out.len() < 4_000, "{out}");
    }

    #[test]
    fn lines_far_down_keep_their_numbers() {
        let text = format!("{}a = b\n{}c = d\n", "x = 1\n".repeat(300), "y = 1\n".repeat(300));
        let out = shown(&text, &[("a = b", "c = d")]);
        assert!(out.contains("[main.tf.json:301:1]") && out.contains("[main.tf.json:602:1]"), "{out}");
        assert!(out.lines().count() < 20, "{out}");
    }

    #[test]
    fn of_very_many_only_the_first_are_shown() {
        let out = shown("a = b\n", &[("a", "b"); 250]);
        assert!(out.ends_with("These are the first 100; and 150 more errors.\n"), "{out}");
    }
}
