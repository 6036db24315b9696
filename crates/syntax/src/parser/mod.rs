//! Tokens to the tree, by recursive descent. The first mistake ends it: [`crate::recover`] then reads the items of a
//! body one by one.

mod body;
mod expect;
mod expr;
mod head;
mod loops;
mod names;
mod template;

pub(crate) use expect::missing_expression;
pub(crate) use names::{Names, normalised};

use crate::lexer::{Kind, Token};
use crate::report::{self, Place, Problem};
use crate::{Expr, ExprKind, Ident, Str};
use formwork_diag::Span;

/// How deep brackets, templates and blocks may nest.
pub(crate) const MAX_NESTING: usize = 128;
/// How deep a tree may be: whoever walks over it recurses.
const MAX_HEIGHT: usize = 512;

/// What was read, or why it cannot be.
pub(crate) type Parsed<T> = Result<T, Box<Problem>>;

/// Reads a list of tokens.
pub(crate) struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    place: Place,
    /// Line breaks mean nothing here.
    loose: bool,
    nesting: usize,
    /// How high the tree of the expression is that was read last.
    height: usize,
    names: &'a mut Names,
}

impl<'a> Parser<'a> {
    /// For `tokens` of `text`, of which the last one is [`Kind::End`].
    pub(crate) fn new(text: &'a str, tokens: &'a [Token], place: Place, names: &'a mut Names) -> Self {
        Parser { text, tokens, at: 0, place, loose: false, nesting: 0, height: 0, names }
    }

    /// The tokens are those of something that is so deep within blocks.
    pub(crate) fn nested(mut self, depth: usize) -> Self {
        self.nesting = depth;
        self
    }

    /// Takes a text that is one expression, in which line breaks mean nothing.
    pub(crate) fn whole_expression(&mut self) -> Parsed<Expr> {
        self.loose = true;
        let expr = self.expr()?;
        match self.peek().kind {
            Kind::End => Ok(expr),
            _ => Err(self.unexpected_after_item()),
        }
    }

    fn token(&self, at: usize) -> Token {
        let end = self.text.len() as u32;
        self.tokens.get(at).copied().unwrap_or(Token { kind: Kind::End, start: end, end })
    }

    /// The next token that means something here.
    fn peek(&mut self) -> Token {
        loop {
            let token = self.token(self.at);
            if !self.loose || token.kind != Kind::Newline {
                return token;
            }
            self.at += 1;
        }
    }

    /// Passes `token`, which [`Parser::peek`] gave.
    fn pass(&mut self, token: Token) {
        self.at += usize::from(token.kind != Kind::End);
    }

    /// Passes the next token when it is of this kind.
    fn take(&mut self, kind: Kind) -> Option<Token> {
        let token = self.peek();
        (token.kind == kind).then(|| {
            self.pass(token);
            token
        })
    }

    /// Whether the next token is this keyword.
    fn is_keyword(&mut self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Word && self.text_of(token) == word
    }

    /// Runs `f` where line breaks mean nothing, or do.
    fn within<T>(&mut self, loose: bool, f: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let outer = std::mem::replace(&mut self.loose, loose);
        let result = f(self);
        self.loose = outer;
        result
    }

    /// Runs `f` one level deeper.
    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            let token = self.peek();
            let length = self.text_of(token).chars().next().map_or(0, char::len_utf8);
            let start = token.start as usize;
            return Err(Box::new(report::too_deep(start..start + length, MAX_NESTING)));
        }
        self.nesting += 1;
        let result = f(self);
        self.nesting -= 1;
        result
    }

    fn text_of(&self, token: Token) -> &'a str {
        self.text.get(token.range()).unwrap_or_default()
    }

    fn span_of(&self, token: Token) -> Span {
        self.place.span(token.range())
    }

    /// From the start of one token to the end of another.
    fn span(&self, from: Token, to: Token) -> Span {
        self.place.span(from.start as usize..to.end as usize)
    }

    fn ident(&mut self, token: Token) -> Ident {
        Ident { name: self.name(token), span: self.span_of(token) }
    }

    fn name(&mut self, token: Token) -> Str {
        let text = self.text_of(token);
        self.names.get(text)
    }

    /// An expression whose tree is one higher than the highest of its parts.
    fn node(&mut self, kind: ExprKind, span: Span, parts: usize) -> Parsed<Expr> {
        self.height = parts + 1;
        if self.height > MAX_HEIGHT {
            let end = self.at.saturating_sub(1);
            return Err(Box::new(report::too_complex(self.token(end).range(), MAX_HEIGHT)));
        }
        Ok(Expr { kind, span })
    }

    fn leaf(&mut self, kind: ExprKind, span: Span) -> Expr {
        self.height = 1;
        Expr { kind, span }
    }
}
