//! Templates: escapes, strip markers and the indentation of `<<-` heredocs.
//!
//! Terraform works on a flat list of pieces, in which every line of a heredoc is one: a strip marker reaches to the end
//! of the neighbouring piece, and no further. So the pieces are gathered and trimmed first, then built up.

use super::loops::Loop;
use super::{Parsed, Parser, expect, normalised};
use crate::lexer::{Kind, Token, closing_marker};
use crate::report::Problem;
use crate::{Expr, ExprKind, TemplatePart};
use std::borrow::Cow;

/// Strings up to this length may be names, which come again.
const NAME_LENGTH: usize = 24;

enum Piece<'a> {
    Text(Cow<'a, str>),
    Interpolation(Expr),
    If(Token, Expr),
    Else(Token),
    EndIf(Token),
    For(Token, Loop),
    EndFor(Token),
}

/// What begins a directive's content.
#[derive(Clone, Copy)]
enum Begun {
    If(Token),
    Else(Token),
    For(Token),
}

impl Begun {
    /// What ends it, and where it begins.
    fn end(self) -> (&'static str, Token) {
        match self {
            Begun::If(token) | Begun::Else(token) => ("endif", token),
            Begun::For(token) => ("endfor", token),
        }
    }
}

impl<'a> Parser<'a> {
    /// A text that is a template as a whole.
    pub(crate) fn whole_template(&mut self) -> Parsed<Expr> {
        let (kind, height, _) = self.template(Kind::End, false)?;
        let span = self.place.span(0..self.text.len());
        self.node(kind, span, height)
    }

    pub(super) fn quoted(&mut self, open: Token) -> Parsed<Expr> {
        self.pass(open);
        let first = self.token(self.at);
        let second = self.token(self.at + 1);
        if first.kind == Kind::Plain && second.kind == Kind::CloseQuote {
            self.at += 2;
            let text = self.text_of(first);
            let string = if text.len() <= NAME_LENGTH { self.names.get(text) } else { text.into() };
            return Ok(self.leaf(ExprKind::String(string), self.span(open, second)));
        }
        let (kind, height, close) = self.template(Kind::CloseQuote, false)?;
        self.node(kind, self.span(open, close), height)
    }

    pub(super) fn heredoc(&mut self, open: Token) -> Parsed<Expr> {
        self.pass(open);
        let flush = self.text_of(open).starts_with("<<-");
        let (kind, height, close) = self.template(Kind::CloseHeredoc, flush)?;
        let end = closing_marker(self.text, close.range()).end;
        self.node(kind, self.place.span(open.start as usize..end), height)
    }

    /// The content of a template up to the token `end`, which is passed and given; with the height of its parts.
    fn template(&mut self, end: Kind, flush: bool) -> Parsed<(ExprKind, usize, Token)> {
        let (mut pieces, height, close) = self.pieces(end)?;
        if flush {
            remove_indentation(&mut pieces);
        }
        if matches!(pieces.as_slice(), [Piece::Interpolation(_)])
            && let Some(Piece::Interpolation(expr)) = pieces.pop()
        {
            return Ok((ExprKind::Interpolation(Box::new(expr)), height, close));
        }
        let mut parts = Vec::with_capacity(pieces.len());
        let (depth, _) = self.build(&mut pieces.into_iter(), None, &mut parts)?;
        let kind = match parts.as_mut_slice() {
            [] => ExprKind::String(self.names.get("")),
            [TemplatePart::Literal(text)] => ExprKind::String(text.clone()),
            _ => ExprKind::Template(parts),
        };
        Ok((kind, height + depth, close))
    }

    fn pieces(&mut self, end: Kind) -> Parsed<(Vec<Piece<'a>>, usize, Token)> {
        let mut pieces = Vec::new();
        let mut trim_next = false;
        let mut height = 0;
        loop {
            let token = self.token(self.at);
            match token.kind {
                kind if kind == end => {
                    self.pass(token);
                    return Ok((pieces, height, token));
                }
                Kind::Plain | Kind::Text => {
                    let text = match (token.kind, end) {
                        (Kind::Plain, _) => Cow::Borrowed(self.text_of(token)),
                        (_, Kind::CloseQuote) => Cow::Owned(self.unescaped(token)?),
                        _ => unmarked(self.text_of(token)),
                    };
                    self.pass(token);
                    pieces.push(Piece::Text(match (std::mem::take(&mut trim_next), text) {
                        (false, text) => text,
                        (true, Cow::Borrowed(text)) => Cow::Borrowed(text.trim_start()),
                        (true, Cow::Owned(text)) => Cow::Owned(text.trim_start().to_owned()),
                    }));
                }
                Kind::Interpolation | Kind::Directive => {
                    if self.text_of(token).ends_with('~')
                        && let Some(Piece::Text(text)) = pieces.last_mut()
                    {
                        match text {
                            Cow::Borrowed(text) => *text = text.trim_end(),
                            Cow::Owned(text) => text.truncate(text.trim_end().len()),
                        }
                    }
                    self.pass(token);
                    self.height = 0;
                    let (piece, close) = self.within(true, |parser| {
                        let piece = match token.kind {
                            Kind::Interpolation => Piece::Interpolation(parser.expr()?),
                            _ => parser.directive(token)?,
                        };
                        Ok((piece, parser.expect_close(Kind::TemplateEnd)?))
                    })?;
                    height = height.max(self.height);
                    trim_next = self.text_of(close).starts_with('~');
                    pieces.push(piece);
                }
                _ => return Err(self.unexpected(token)),
            }
        }
    }

    fn directive(&mut self, open: Token) -> Parsed<Piece<'a>> {
        let word = self.peek();
        let name = if word.kind == Kind::Word { self.text_of(word) } else { "" };
        let piece = match name {
            "if" | "for" => None,
            "else" => Some(Piece::Else(open)),
            "endif" => Some(Piece::EndIf(open)),
            "endfor" => Some(Piece::EndFor(open)),
            _ => return Err(Box::new(expect::no_directive(open.start as usize, self.text_of(word)))),
        };
        self.pass(word);
        match piece {
            Some(piece) => Ok(piece),
            None if name == "if" => Ok(Piece::If(open, self.expr()?)),
            None => Ok(Piece::For(open, self.loop_head()?)),
        }
    }

    /// The pieces as parts, up to the end of what has `begun`. Gives how deep directives nest in it, and what ended it.
    fn build(
        &mut self,
        pieces: &mut std::vec::IntoIter<Piece<'a>>,
        begun: Option<Begun>,
        parts: &mut Vec<TemplatePart>,
    ) -> Parsed<(usize, Option<Begun>)> {
        let mut depth = 0;
        let mut literal = Cow::Borrowed("");
        while let Some(piece) = pieces.next() {
            let piece = match piece {
                Piece::Text(text) if literal.is_empty() => {
                    literal = text;
                    continue;
                }
                Piece::Text(text) => {
                    literal.to_mut().push_str(&text);
                    continue;
                }
                piece => piece,
            };
            if !literal.is_empty() {
                parts.push(TemplatePart::Literal(normalised(&std::mem::take(&mut literal))));
            }
            match (piece, begun) {
                (Piece::Text(_), _) => {}
                (Piece::Interpolation(expr), _) => parts.push(TemplatePart::Interpolation(expr)),
                (Piece::If(token, condition), _) => {
                    let (mut then, mut otherwise) = (Vec::new(), Vec::new());
                    let mut inner = self.deeper(|p| p.build(pieces, Some(Begun::If(token)), &mut then))?;
                    depth = depth.max(inner.0 + 1);
                    if let Some(begun @ Begun::Else(_)) = inner.1 {
                        inner = self.deeper(|p| p.build(pieces, Some(begun), &mut otherwise))?;
                        depth = depth.max(inner.0 + 1);
                    }
                    parts.push(TemplatePart::If { condition, then, otherwise });
                }
                (Piece::For(token, Loop { key, value, collection }), _) => {
                    let mut body = Vec::new();
                    let inner = self.deeper(|p| p.build(pieces, Some(Begun::For(token)), &mut body))?;
                    depth = depth.max(inner.0 + 1);
                    parts.push(TemplatePart::For { key, value, collection, body });
                }
                (Piece::Else(_), Some(Begun::If(token))) => return Ok((depth, Some(Begun::Else(token)))),
                (Piece::EndIf(_), Some(Begun::If(_) | Begun::Else(_)))
                | (Piece::EndFor(_), Some(Begun::For(_))) => return Ok((depth, None)),
                (Piece::Else(token), begun) => return Err(unmatched(token, "else", begun)),
                (Piece::EndIf(token), begun) => return Err(unmatched(token, "endif", begun)),
                (Piece::EndFor(token), begun) => return Err(unmatched(token, "endfor", begun)),
            }
        }
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(normalised(&literal)));
        }
        match begun.map(Begun::end) {
            None => Ok((depth, None)),
            Some((end, token)) => Err(Box::new(expect::unfinished_directive(token.start as usize, end))),
        }
    }

    /// The text of a token between quotes, with its escapes resolved.
    pub(super) fn unescaped(&self, token: Token) -> Parsed<String> {
        let text = self.text_of(token);
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['\\', '$', '%']) {
            result.push_str(&rest[..at]);
            rest = &rest[at..];
            if rest.starts_with("$${") || rest.starts_with("%%{") {
                result.push_str(&rest[1..3]);
                rest = &rest[3..];
            } else if let Some(after) = rest.strip_prefix('\\') {
                let Some((c, length)) = escape(after) else {
                    let at = token.end as usize - rest.len();
                    return Err(Box::new(bad_escape(at, rest)));
                };
                result.push(c);
                rest = &after[length..];
            } else {
                result.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        result.push_str(rest);
        Ok(result)
    }
}

fn unmatched(token: Token, word: &str, begun: Option<Begun>) -> Box<Problem> {
    Box::new(match begun {
        Some(Begun::Else(_)) if word == "else" => expect::second_else(token.start as usize),
        Some(begun) => {
            let (end, token) = begun.end();
            expect::unfinished_directive(token.start as usize, end)
        }
        None => expect::unmatched_directive(token.start as usize, word),
    })
}

/// Removes the indentation that all lines have in common. Blank lines do not count; a line that starts with an
/// interpolation has none.
fn remove_indentation(pieces: &mut [Piece]) {
    let mut least = usize::MAX;
    let mut starts_line = true;
    let mut adjust = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        let Piece::Text(text) = piece else {
            if std::mem::take(&mut starts_line) {
                least = 0;
            }
            continue;
        };
        if starts_line {
            let blank = text.trim_start().is_empty() && text.ends_with('\n');
            if !blank {
                least = least.min(text.chars().take_while(|c| c.is_whitespace()).count());
                adjust.push(n);
            }
        }
        starts_line = text.ends_with('\n');
    }
    for n in adjust {
        if let Some(Piece::Text(text)) = pieces.get_mut(n) {
            let start = text.char_indices().nth(least).map_or(text.len(), |(at, _)| at);
            match text {
                Cow::Borrowed(text) => *text = &text[start..],
                Cow::Owned(text) => drop(text.drain(..start)),
            }
        }
    }
}

/// `$${` and `%%{` stand for what would otherwise start an interpolation or directive.
fn unmarked(text: &str) -> Cow<'_, str> {
    match text.contains("$${") || text.contains("%%{") {
        true => Cow::Owned(text.replace("$${", "${").replace("%%{", "%{")),
        false => Cow::Borrowed(text),
    }
}

/// The character that an escape stands for, and the length of what follows its backslash.
fn escape(text: &str) -> Option<(char, usize)> {
    let hex = |digits: usize| {
        let code = text.get(1..1 + digits).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, 1 + digits))
    };
    match text.bytes().next()? {
        b'n' => Some(('\n', 1)),
        b'r' => Some(('\r', 1)),
        b't' => Some(('\t', 1)),
        b'"' => Some(('"', 1)),
        b'\\' => Some(('\\', 1)),
        b'u' => hex(4),
        b'U' => hex(8),
        _ => None,
    }
}

/// `rest` begins with a backslash that starts no escape.
fn bad_escape(at: usize, rest: &str) -> Problem {
    let selector = rest[1..].chars().next().unwrap_or('\\');
    let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
    let detail = match selector {
        'u' => {
            "\\u must be followed by four hexadecimal digits that make a character, as in \\u00e9.".to_owned()
        }
        'U' => "\\U must be followed by eight hexadecimal digits that make a character, as in \\U0001f600."
            .to_owned(),
        c => format!("The backslash begins an escape sequence, and \\{c} is none."),
    };
    Problem::new(
        at..at + length,
        "Invalid escape sequence",
        detail,
        "Write \\\\ for a backslash itself; the escapes are \\n \\r \\t \\\" \\\\ \\uNNNN \\UNNNNNNNN.",
    )
}
