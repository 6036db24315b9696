//! What is rewritten: labels, expressions that are one interpolation, and old names of types.

use super::Piece;
use crate::lexer::{Kind, Token};
use crate::{Attribute, Block, Body};
use formwork_diag::Span;
use std::ops::Range;

/// The tokens as they will be written, without spaces.
pub(super) fn pieces<'a>(text: &'a str, tokens: &[Token], body: &Body) -> Vec<Piece<'a>> {
    let mut rewrite = Rewrite { text, tokens, edits: Vec::new() };
    rewrite.body(body, &[]);
    let mut edits = rewrite.edits;
    edits.sort_by_key(|(range, _)| range.start);
    let mut pieces = Vec::with_capacity(tokens.len());
    let mut at = 0;
    for (range, edit) in edits {
        push(text, &tokens[at..range.start], &mut pieces);
        pieces.extend(edit);
        at = range.end;
    }
    push(text, &tokens[at..], &mut pieces);
    pieces
}

/// Adds these tokens; a comment of one line takes its line break.
fn push<'a>(text: &'a str, tokens: &[Token], pieces: &mut Vec<Piece<'a>>) {
    let mut rest = tokens.iter();
    while let Some(token) = rest.next() {
        let mut range = token.range();
        if token.kind == Kind::End {
            continue;
        }
        let is_line = token.kind == Kind::Comment && !text[range.clone()].starts_with("/*");
        if is_line && let Some(newline) = rest.as_slice().first().filter(|next| next.kind == Kind::Newline) {
            range.end = newline.end as usize;
            rest.next();
        }
        pieces.push(Piece::new(token.kind, &text[range]));
    }
}

struct Rewrite<'a, 't> {
    text: &'a str,
    tokens: &'t [Token],
    /// What takes the place of which tokens.
    edits: Vec<(Range<usize>, Vec<Piece<'a>>)>,
}

impl<'a> Rewrite<'a, '_> {
    /// The indices of the tokens that start in `span`.
    fn within(&self, span: Span) -> Range<usize> {
        let before = |end: u32| self.tokens.partition_point(|token| token.start < end);
        before(span.start)..before(span.end)
    }

    fn body(&mut self, body: &Body, blocks: &[&str]) {
        for attribute in &body.attributes {
            self.attribute(attribute, blocks);
        }
        for block in &body.blocks {
            self.labels(block);
            let blocks = [blocks, &[&*block.kind.name]].concat();
            self.body(&block.body, &blocks);
        }
    }

    fn labels(&mut self, block: &Block) {
        let Some(last) = block.labels.last() else { return };
        let range = self.within(block.kind.span).end..self.within(last.span).end;
        let mut edit = Vec::new();
        for label in &block.labels {
            edit.push(Piece::new(Kind::OpenQuote, "\""));
            if !label.name.is_empty() {
                edit.push(Piece::new(Kind::Text, escaped(&label.name)));
            }
            edit.push(Piece::new(Kind::CloseQuote, "\""));
        }
        self.edits.push((range, edit));
    }

    fn attribute(&mut self, attribute: &Attribute, blocks: &[&str]) {
        let range = self.within(attribute.expr.span);
        let edit = match blocks {
            ["variable"] if &*attribute.name.name == "type" => self.type_expr(range.clone()),
            _ => self.unwrapped(range.clone()),
        };
        self.edits.extend(edit.map(|edit| (range, edit)));
    }

    fn text_of(&self, token: Token) -> &'a str {
        &self.text[token.range()]
    }

    /// Types as they were named before Terraform 0.12, and collections of anything.
    fn type_expr(&self, range: Range<usize>) -> Option<Vec<Piece<'a>>> {
        let (name, element) = match &self.tokens[range] {
            [word] if word.kind == Kind::Word => match self.text_of(*word) {
                name @ ("list" | "map" | "set") => (name, Some("any")),
                _ => return None,
            },
            [open, text, _] if open.kind == Kind::OpenQuote => match self.text_of(*text) {
                "string" => ("string", None),
                name @ ("list" | "map") => (name, Some("string")),
                _ => return None,
            },
            _ => return None,
        };
        let mut edit = vec![Piece::new(Kind::Word, name)];
        if let Some(element) = element {
            edit.push(Piece::new(Kind::OpenParen, "("));
            edit.push(Piece::new(Kind::Word, element));
            edit.push(Piece::new(Kind::CloseParen, ")"));
        }
        Some(edit)
    }

    /// `"${x}"` as `x`, in parentheses when it spans lines. Terraform counts no line that ends with a comment, and so breaks
    /// what goes on after one; here it is counted there.
    fn unwrapped(&self, range: Range<usize>) -> Option<Vec<Piece<'a>>> {
        let [open, start, inside @ .., end, close] = &self.tokens[range.clone()] else { return None };
        let delimiters = [open.kind, start.kind, end.kind, close.kind];
        if delimiters != [Kind::OpenQuote, Kind::Interpolation, Kind::TemplateEnd, Kind::CloseQuote]
            || inside.is_empty()
        {
            return None;
        }
        let (mut quotes, mut in_heredoc) = (0usize, false);
        for token in inside {
            match token.kind {
                Kind::OpenQuote => quotes += 1,
                Kind::CloseQuote => quotes = quotes.checked_sub(1)?,
                // Something else is in the string than the one interpolation.
                Kind::Plain | Kind::Text if quotes == 0 && !in_heredoc => return None,
                Kind::Interpolation | Kind::TemplateEnd if quotes == 0 => return None,
                Kind::OpenHeredoc => in_heredoc = true,
                Kind::CloseHeredoc => in_heredoc = false,
                _ => {}
            }
        }
        let mut edit = Vec::new();
        push(self.text, inside, &mut edit);
        let next = self.tokens.get(range.end).map_or(Kind::End, |token| token.kind);
        let is_content = |piece: &Piece| piece.kind != Kind::Newline;
        let last = edit.iter().rposition(is_content).map_or(0, |n| n + 1);
        edit.truncate(last);
        edit.drain(..edit.iter().position(is_content).unwrap_or(0));
        let last = edit.last()?;
        let is_comment = last.ends_line();
        if (is_comment || last.kind == Kind::CloseHeredoc)
            && !(matches!(next, Kind::Newline | Kind::End) || is_comment && next == Kind::Comment)
        {
            // It ends its line, where something follows that Terraform breaks.
            return None;
        }
        let in_parentheses = matches!(
            (edit.first(), edit.last()),
            (Some(first), Some(last)) if first.kind == Kind::OpenParen && last.kind == Kind::CloseParen
        );
        if goes_on(&edit) && !in_parentheses {
            edit.insert(0, Piece::new(Kind::OpenParen, "("));
            edit.push(Piece::new(Kind::CloseParen, ")"));
        }
        Some(edit)
    }
}

/// Whether an expression that nothing encloses would end too early.
fn goes_on(pieces: &[Piece]) -> bool {
    let mut open = 0;
    pieces.iter().enumerate().any(|(n, piece)| {
        open += piece.bracket();
        piece.kind == Kind::Newline || open == 0 && piece.ends_line() && n + 1 < pieces.len()
    })
}

/// A label as it stands between quotes.
fn escaped(label: &str) -> String {
    let mut result = String::with_capacity(label.len());
    let mut rest = label.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => result.push_str("\\n"),
            '\r' => result.push_str("\\r"),
            '\t' => result.push_str("\\t"),
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\\\"),
            '$' | '%' => {
                result.push(c);
                if rest.as_str().starts_with('{') {
                    result.push(c);
                }
            }
            c if is_visible(c) => result.push(c),
            c if u32::from(c) < 0x10000 => result.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => result.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    result
}

fn is_visible(c: char) -> bool {
    // Behind another character, a mark is as good as a letter.
    c == ' ' || c.is_ascii_graphic() || !c.is_ascii() && format!("a{c}").escape_debug().nth(1) != Some('\\')
}
