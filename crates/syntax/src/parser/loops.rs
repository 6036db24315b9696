//! `[for …]` and `{for …}`; and the head of a loop, which `%{ for }` has too.

use super::{Parsed, Parser};
use crate::lexer::{Kind, Token};
use crate::{Expr, ExprKind, For, Ident};

/// `k, v in c`
pub(super) struct Loop {
    pub(super) key: Option<Ident>,
    pub(super) value: Ident,
    pub(super) collection: Expr,
}

impl Parser<'_> {
    /// After `for`: the names and the collection.
    pub(super) fn loop_head(&mut self) -> Parsed<Loop> {
        let first = self.loop_name()?;
        let (key, value) = match self.take(Kind::Comma) {
            Some(_) => (Some(first), self.loop_name()?),
            None => (None, first),
        };
        if !self.is_keyword("in") {
            let token = self.peek();
            return Err(self.no_loop_name(token));
        }
        let keyword = self.peek();
        self.pass(keyword);
        Ok(Loop { key, value, collection: self.expr()? })
    }

    fn loop_name(&mut self) -> Parsed<Ident> {
        let token = self.peek();
        if token.kind != Kind::Word {
            return Err(self.no_loop_name(token));
        }
        self.pass(token);
        Ok(self.ident(token))
    }

    /// At the keyword of a loop between brackets, or braces.
    pub(super) fn for_expr(&mut self, open: Token, close: Kind) -> Parsed<Expr> {
        let keyword = self.peek();
        self.pass(keyword);
        let Loop { key, value, collection } = self.loop_head()?;
        let mut height = self.height;
        self.expect_colon()?;
        let mut value_expr = self.expr()?;
        height = height.max(self.height);
        let arrow = self.peek();
        let mut key_expr = None;
        if arrow.kind == Kind::Arrow {
            if close == Kind::CloseBracket {
                return Err(self.key_in_tuple(arrow));
            }
            self.pass(arrow);
            key_expr = Some(std::mem::replace(&mut value_expr, self.expr()?));
            height = height.max(self.height);
        } else if close == Kind::CloseBrace {
            return Err(self.no_key_in_object(arrow));
        }
        let ellipsis = self.peek();
        let grouping = ellipsis.kind == Kind::Ellipsis;
        if grouping {
            if close == Kind::CloseBracket {
                return Err(self.grouping_in_tuple(ellipsis));
            }
            self.pass(ellipsis);
        }
        let mut condition = None;
        if self.is_keyword("if") {
            let keyword = self.peek();
            self.pass(keyword);
            condition = Some(self.expr()?);
            height = height.max(self.height);
        }
        let close = self.expect_close(close)?;
        let each = For { key, value, collection, key_expr, value_expr, grouping, condition };
        self.node(ExprKind::For(Box::new(each)), self.span(open, close), height)
    }
}
