//! Expressions.

use super::{Parsed, Parser};
use crate::lexer::{Kind, Token};
use crate::{BinaryOp, Call, Expr, ExprKind, Ident, ObjectItem, UnaryOp};
use formwork_diag::Span;

impl Parser<'_> {
    /// An expression.
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.deeper(Self::conditional)
    }

    /// `c ? a : b`. A chain of them is read in a loop, and then put together from its end.
    fn conditional(&mut self) -> Parsed<Expr> {
        let mut last = self.binary(0)?;
        if self.peek().kind != Kind::Question {
            return Ok(last);
        }
        let mut chain = Vec::new();
        while self.take(Kind::Question).is_some() {
            let condition = (last, self.height);
            let then = (self.expr()?, self.height);
            self.expect_colon()?;
            last = self.binary(0)?;
            chain.push((condition, then));
        }
        while let Some(((condition, below), (then, beside))) = chain.pop() {
            let span = condition.span.to(last.span);
            let height = self.height.max(below).max(beside);
            let kind = ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(last));
            last = self.node(kind, span, height)?;
        }
        Ok(last)
    }

    /// Operators that bind at least as tight as `least`.
    fn binary(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.operand()?;
        loop {
            let token = self.peek();
            let Some((op, tightness)) = binary_op(token.kind).filter(|(_, tightness)| *tightness >= least)
            else {
                return Ok(left);
            };
            self.pass(token);
            let below = self.height;
            let right = self.binary(tightness + 1)?;
            let height = self.height.max(below);
            let span = left.span.to(right.span);
            let kind = ExprKind::Binary(op, self.span_of(token), Box::new(left), Box::new(right));
            left = self.node(kind, span, height)?;
        }
    }

    /// A term with what is taken from it.
    fn operand(&mut self) -> Parsed<Expr> {
        let token = self.peek();
        let op = match token.kind {
            Kind::Minus => UnaryOp::Negate,
            Kind::Not => UnaryOp::Not,
            _ => {
                let term = self.term(token)?;
                return match self.peek().kind {
                    Kind::Dot | Kind::OpenBracket => self.steps(term),
                    _ => Ok(term),
                };
            }
        };
        self.pass(token);
        let operand = self.deeper(Self::operand)?;
        let span = self.span_of(token).to(operand.span);
        let height = self.height;
        self.node(ExprKind::Unary(op, Box::new(operand)), span, height)
    }

    fn term(&mut self, token: Token) -> Parsed<Expr> {
        match token.kind {
            Kind::Word => {
                self.pass(token);
                if let Kind::OpenParen | Kind::DoubleColon = self.peek().kind {
                    return self.call(token);
                }
                let kind = match self.text_of(token) {
                    "true" => ExprKind::Bool(true),
                    "false" => ExprKind::Bool(false),
                    "null" => ExprKind::Null,
                    _ => ExprKind::Variable(self.name(token)),
                };
                Ok(self.leaf(kind, self.span_of(token)))
            }
            Kind::OpenQuote => self.quoted(token),
            Kind::Number => {
                self.pass(token);
                self.number(token)
            }
            Kind::OpenBracket => {
                self.pass(token);
                self.within(true, |parser| parser.tuple(token))
            }
            Kind::OpenBrace => {
                self.pass(token);
                self.object(token)
            }
            Kind::OpenParen => {
                self.pass(token);
                let (inner, close) = self.within(true, |parser| {
                    let inner = parser.expr()?;
                    Ok((inner, parser.expect_close(Kind::CloseParen)?))
                })?;
                let height = self.height;
                self.node(ExprKind::Paren(Box::new(inner)), self.span(token, close), height)
            }
            Kind::OpenHeredoc => self.heredoc(token),
            _ => Err(self.no_expression(token)),
        }
    }

    fn number(&mut self, token: Token) -> Parsed<Expr> {
        let text = self.text_of(token);
        let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
        let exponents = text.bytes().filter(|b| matches!(b, b'e' | b'E')).count();
        let is_number = exponents <= 1
            && text.bytes().filter(|b| *b == b'.').count() == usize::from(mantissa.contains('.'))
            && !text.ends_with('.');
        if !is_number {
            return Err(self.bad_number(token));
        }
        let kind = ExprKind::Number(self.name(token));
        Ok(self.leaf(kind, self.span_of(token)))
    }

    /// Takes the steps that follow `source`.
    fn steps(&mut self, source: Expr) -> Parsed<Expr> {
        let start = source.span;
        let mut result = source;
        loop {
            let token = self.peek();
            let below = self.height;
            let (kind, end, height) = match token.kind {
                Kind::Dot => {
                    self.pass(token);
                    let name = self.peek();
                    match name.kind {
                        Kind::Word => {
                            self.pass(name);
                            (ExprKind::Attr(Box::new(result), self.ident(name)), self.span_of(name), below)
                        }
                        Kind::Number => {
                            let key = self.legacy_index(name)?;
                            let span = key.span;
                            (ExprKind::Index(Box::new(result), Box::new(key)), span, below)
                        }
                        Kind::Star => {
                            self.pass(name);
                            self.height = 1;
                            let item = Expr { kind: ExprKind::SplatItem, span: self.span(token, name) };
                            let each = self.legacy_splat(item)?;
                            self.splat(result, each, below)
                        }
                        _ => return Err(self.no_attribute_name(token, name)),
                    }
                }
                Kind::OpenBracket => {
                    self.pass(token);
                    let star = self.peek();
                    if star.kind == Kind::Star {
                        self.pass(star);
                        let close = self.expect_close(Kind::CloseBracket)?;
                        self.height = 1;
                        let item = Expr { kind: ExprKind::SplatItem, span: self.span(token, close) };
                        let each = self.deeper(|parser| parser.steps(item))?;
                        self.splat(result, each, below)
                    } else {
                        let (key, close) = self.within(true, |parser| {
                            let key = parser.expr()?;
                            Ok((key, parser.expect_close(Kind::CloseBracket)?))
                        })?;
                        let height = self.height.max(below);
                        (ExprKind::Index(Box::new(result), Box::new(key)), self.span_of(close), height)
                    }
                }
                _ => return Ok(result),
            };
            result = self.node(kind, start.to(end), height)?;
        }
    }

    fn splat(&self, source: Expr, each: Expr, below: usize) -> (ExprKind, Span, usize) {
        let end = each.span;
        let kind = ExprKind::Splat { source: Box::new(source), each: Box::new(each) };
        (kind, end, self.height.max(below))
    }

    /// What `.*` takes from each item: names and legacy indices.
    fn legacy_splat(&mut self, item: Expr) -> Parsed<Expr> {
        let start = item.span;
        let mut result = item;
        while let Some(dot) = self.take(Kind::Dot) {
            let name = self.peek();
            let below = self.height;
            let (kind, end) = match name.kind {
                Kind::Word => {
                    self.pass(name);
                    (ExprKind::Attr(Box::new(result), self.ident(name)), self.span_of(name))
                }
                Kind::Number => {
                    let key = self.legacy_index(name)?;
                    let span = key.span;
                    (ExprKind::Index(Box::new(result), Box::new(key)), span)
                }
                Kind::Star => return Err(self.nested_splat(name)),
                _ => return Err(self.no_attribute_name(dot, name)),
            };
            result = self.node(kind, start.to(end), below)?;
        }
        Ok(result)
    }

    /// The index in `a.0`.
    fn legacy_index(&mut self, token: Token) -> Parsed<Expr> {
        if self.text_of(token).contains('.') {
            return Err(self.double_index(token));
        }
        self.pass(token);
        self.number(token)
    }

    fn call(&mut self, first: Token) -> Parsed<Expr> {
        let mut last = first;
        let mut name = None;
        while self.take(Kind::DoubleColon).is_some() {
            last = self.peek();
            if last.kind != Kind::Word {
                return Err(self.no_function_name(last));
            }
            self.pass(last);
            let whole: &mut String = name.get_or_insert_with(|| self.text_of(first).to_owned());
            whole.push_str("::");
            whole.push_str(self.text.get(last.range()).unwrap_or_default());
        }
        let name = match name {
            Some(name) => Ident { name: self.names.get(&name), span: self.span(first, last) },
            None => self.ident(first),
        };
        let Some(_) = self.take(Kind::OpenParen) else {
            let token = self.peek();
            return Err(self.no_parenthesis(token));
        };
        let (args, expand_final, close, height) = self.within(true, Self::arguments)?;
        let span = name.span.to(self.span_of(close));
        self.node(ExprKind::Call(Box::new(Call { name, args, expand_final })), span, height)
    }

    fn arguments(&mut self) -> Parsed<(Vec<Expr>, bool, Token, usize)> {
        let (mut args, mut height) = (Vec::new(), 0);
        loop {
            if let Some(close) = self.take(Kind::CloseParen) {
                return Ok((args, false, close, height));
            }
            args.push(self.expr()?);
            height = height.max(self.height);
            if self.take(Kind::Ellipsis).is_some() {
                return Ok((args, true, self.expect_close(Kind::CloseParen)?, height));
            }
            if self.take(Kind::Comma).is_none() {
                return Ok((args, false, self.expect_close(Kind::CloseParen)?, height));
            }
        }
    }

    fn tuple(&mut self, open: Token) -> Parsed<Expr> {
        if self.is_keyword("for") {
            return self.for_expr(open, Kind::CloseBracket);
        }
        let (mut items, mut height) = (Vec::new(), 0);
        let close = loop {
            if let Some(close) = self.take(Kind::CloseBracket) {
                break close;
            }
            items.push(self.expr()?);
            height = height.max(self.height);
            if self.take(Kind::Comma).is_none() {
                break self.expect_close(Kind::CloseBracket)?;
            }
        };
        self.node(ExprKind::Tuple(items), self.span(open, close), height)
    }

    fn object(&mut self, open: Token) -> Parsed<Expr> {
        // Only a for may follow line breaks that mean nothing.
        let start = self.at;
        if self.within(true, |parser| Ok(parser.is_keyword("for")))? {
            return self.within(true, |parser| parser.for_expr(open, Kind::CloseBrace));
        }
        self.at = start;
        self.within(false, |parser| parser.object_items(open))
    }

    fn object_items(&mut self, open: Token) -> Parsed<Expr> {
        let (mut items, mut height) = (Vec::new(), 0);
        let close = loop {
            let token = self.peek();
            match token.kind {
                Kind::Newline => {
                    self.pass(token);
                    continue;
                }
                Kind::CloseBrace => {
                    self.pass(token);
                    break token;
                }
                _ => {}
            }
            let key = self.object_key(token)?;
            height = height.max(self.height);
            let assign = self.peek();
            if !matches!(assign.kind, Kind::Equal | Kind::Colon) {
                return Err(self.no_object_value(assign));
            }
            self.pass(assign);
            let value = self.expr()?;
            height = height.max(self.height);
            items.push(ObjectItem { key, value });
            let separator = self.peek();
            match separator.kind {
                Kind::Comma | Kind::Newline => self.pass(separator),
                Kind::CloseBrace => {}
                _ => return Err(self.no_object_separator(separator)),
            }
        };
        self.node(ExprKind::Object(items), self.span(open, close), height)
    }

    /// A bare name is a string here. Whether a reference may stand here without parentheses is for whoever reads the
    /// object to say.
    fn object_key(&mut self, token: Token) -> Parsed<Expr> {
        if token.kind == Kind::Word && matches!(self.token(self.at + 1).kind, Kind::Equal | Kind::Colon) {
            self.pass(token);
            let kind = ExprKind::String(self.name(token));
            return Ok(self.leaf(kind, self.span_of(token)));
        }
        let mut key = self.expr()?;
        if let ExprKind::Variable(_) | ExprKind::Bool(_) | ExprKind::Null = key.kind {
            key.kind = ExprKind::String(self.name(token));
        }
        Ok(key)
    }
}

/// A binary operator, and how tight it binds.
fn binary_op(kind: Kind) -> Option<(BinaryOp, u8)> {
    Some(match kind {
        Kind::Or => (BinaryOp::Or, 0),
        Kind::And => (BinaryOp::And, 1),
        Kind::EqualEqual => (BinaryOp::Equal, 2),
        Kind::NotEqual => (BinaryOp::NotEqual, 2),
        Kind::Less => (BinaryOp::Less, 3),
        Kind::LessEqual => (BinaryOp::LessEqual, 3),
        Kind::Greater => (BinaryOp::Greater, 3),
        Kind::GreaterEqual => (BinaryOp::GreaterEqual, 3),
        Kind::Plus => (BinaryOp::Add, 4),
        Kind::Minus => (BinaryOp::Subtract, 4),
        Kind::Star => (BinaryOp::Multiply, 5),
        Kind::Slash => (BinaryOp::Divide, 5),
        Kind::Percent => (BinaryOp::Modulo, 5),
        _ => return None,
    })
}
