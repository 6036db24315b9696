//! Attributes and blocks.

use super::{Parsed, Parser, normalised};
use crate::lexer::{Kind, Token};
use crate::report;
use crate::{Attribute, Block, Body, Ident, Str};

impl Parser<'_> {
    /// A whole file.
    pub(crate) fn file(&mut self) -> Parsed<Body> {
        let span = self.place.span(0..self.text.len());
        let mut body = Body::empty(span);
        self.items(&mut body, Kind::End)?;
        Ok(body)
    }

    /// Items, each on lines of its own, up to the token `end`, which is passed and given.
    fn items(&mut self, body: &mut Body, end: Kind) -> Parsed<Token> {
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Newline => self.pass(token),
                kind if kind == end => {
                    self.pass(token);
                    return Ok(token);
                }
                _ => {
                    self.item(body)?;
                    let after = self.peek();
                    match after.kind {
                        Kind::Newline => self.pass(after),
                        Kind::End => {}
                        _ => return Err(self.unexpected_after_item()),
                    }
                }
            }
        }
    }

    /// Tokens that are one item and no more.
    pub(crate) fn only_item(&mut self, body: &mut Body) -> Parsed<()> {
        let mut own = Body::empty(body.span);
        self.item(&mut own)?;
        self.expect_end()?;
        body.attributes.append(&mut own.attributes);
        body.blocks.append(&mut own.blocks);
        Ok(())
    }

    /// Tokens that are a block's header, with its brace.
    pub(crate) fn only_header(&mut self) -> Parsed<Block> {
        let name = self.peek();
        self.pass(name);
        Ok(self.header(name)?.0)
    }

    /// Tokens of which only the first is in its place.
    pub(crate) fn nothing_after(&mut self) -> Parsed<()> {
        let first = self.peek();
        self.pass(first);
        self.expect_end()
    }

    fn expect_end(&mut self) -> Parsed<()> {
        match self.peek().kind {
            Kind::End => Ok(()),
            _ => Err(self.unexpected_after_item()),
        }
    }

    /// One item.
    fn item(&mut self, body: &mut Body) -> Parsed<()> {
        let name = self.peek();
        if name.kind != Kind::Word {
            return Err(self.bad_head(name));
        }
        self.pass(name);
        match self.peek().kind {
            Kind::Equal => {
                let attribute = self.attribute(name)?;
                body.attributes.push(attribute);
            }
            Kind::Word | Kind::OpenQuote | Kind::OpenBrace => {
                let block = self.deeper(|parser| parser.block(name))?;
                body.blocks.push(block);
            }
            _ => return Err(self.bad_head(name)),
        }
        Ok(())
    }

    fn attribute(&mut self, name: Token) -> Parsed<Attribute> {
        let equal = self.peek();
        self.pass(equal);
        let name = self.ident(name);
        let expr = self.expr()?;
        let span = name.span.to(expr.span);
        Ok(Attribute { name, expr, span, json: false, over: 0 })
    }

    fn block(&mut self, name: Token) -> Parsed<Block> {
        let (mut block, open) = self.header(name)?;
        let after = self.peek();
        let close = match after.kind {
            Kind::Newline | Kind::CloseBrace | Kind::End => self.items(&mut block.body, Kind::CloseBrace)?,
            _ => self.only_attribute(&mut block.body)?,
        };
        block.body.span = self.span(open, close);
        Ok(block)
    }

    /// A block's type and labels, and its brace; the body is empty.
    fn header(&mut self, name: Token) -> Parsed<(Block, Token)> {
        let kind = self.ident(name);
        let mut labels = Vec::new();
        let mut header = kind.span;
        loop {
            let token = self.peek();
            let label = match token.kind {
                Kind::OpenBrace => {
                    self.pass(token);
                    let body = Body::empty(self.span_of(token));
                    return Ok((Block { kind, labels, body, header }, token));
                }
                Kind::Word => {
                    self.pass(token);
                    self.ident(token)
                }
                Kind::OpenQuote => self.quoted_label(token)?,
                _ => return Err(self.bad_head(name)),
            };
            header = kind.span.to(label.span);
            labels.push(label);
        }
    }

    /// A label: a string without interpolations.
    fn quoted_label(&mut self, open: Token) -> Parsed<Ident> {
        self.pass(open);
        let mut name: Option<Str> = None;
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Plain => name = Some(self.name(token)),
                Kind::Text => name = Some(normalised(&self.unescaped(token)?)),
                Kind::CloseQuote => {
                    self.pass(token);
                    let name = name.unwrap_or_else(|| "".into());
                    return Ok(Ident { name, span: self.span(open, token) });
                }
                Kind::Interpolation | Kind::Directive => {
                    let start = token.start as usize;
                    return Err(Box::new(report::label_with_template(start..start + 2)));
                }
                _ => return Err(self.unexpected(token)),
            }
            self.pass(token);
        }
    }

    /// The content of a block on one line, and its brace.
    fn only_attribute(&mut self, body: &mut Body) -> Parsed<Token> {
        let name = self.peek();
        if name.kind != Kind::Word {
            return Err(self.not_on_one_line(name));
        }
        self.pass(name);
        let after = self.peek();
        if after.kind != Kind::Equal {
            return Err(self.not_on_one_line(after));
        }
        let attribute = self.attribute(name)?;
        body.missing = attribute.span.first(1);
        body.attributes.push(attribute);
        match self.take(Kind::CloseBrace) {
            Some(close) => Ok(close),
            None => {
                let token = self.peek();
                Err(self.not_on_one_line(token))
            }
        }
    }
}
