//! The parser's tree to ours. Texts and numbers are read from the original by their spans: the parser saw the
//! scanner's shadow of it.

use crate::explain::{self, Context};
use crate::parse::{attempt, expression_in};
use crate::report::{Place, Problem};
use crate::scan::{Large, Scan, word_length};
use crate::template::{self, Form};
use crate::work::Work;
use crate::{Attribute, BinaryOp, Block, Body, Call, Expr, ExprKind, For, Ident, ObjectItem, Str, UnaryOp};
use formwork_diag::Span;
use hcl::edit::expr::{
    BinaryOperator, Expression, ForExpr, FuncCall, Object, ObjectKey, Traversal, TraversalOperator,
    UnaryOperator,
};
use hcl::edit::parser;
use hcl::edit::structure::{self, BlockLabel, Structure};
use hcl::edit::{Decorated, Ident as EditIdent, Span as _};
use std::borrow::Cow;
use std::ops::Range;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// How deep a tree may be: whoever walks over it recurses.
const MAX_DEPTH: usize = 512;

/// A string in Unicode normalisation form C.
pub(crate) fn normalised(text: &str) -> Str {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.into(),
        _ => text.nfc().collect::<String>().into(),
    }
}

/// Turns what the parser made of one text into our tree.
pub(crate) struct Lower<'a> {
    text: &'a str,
    place: Place,
    scan: &'a Scan,
    /// Where `text` starts in what was scanned.
    base: usize,
    depth: usize,
    too_deep: bool,
    /// Whether a part could not be parsed after all.
    pub(crate) failed: bool,
    work: &'a mut Work,
}

impl<'a> Lower<'a> {
    /// For the part of the scanned text that starts at `base`; `place` is that of the part.
    pub(crate) fn new(text: &'a str, place: Place, scan: &'a Scan, base: usize, work: &'a mut Work) -> Self {
        Lower { text, place, scan, base, depth: 0, too_deep: false, failed: false, work }
    }

    /// The original text of this range.
    pub(crate) fn text(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// Tells what is wrong at `range`.
    pub(crate) fn problem(&mut self, range: Range<usize>, problem: impl FnOnce(Range<usize>) -> Problem) {
        let place = self.place;
        self.work.add(place.span(range.clone()), || problem(range).at(place));
    }

    fn span(&self, range: Option<Range<usize>>) -> Span {
        self.place.span(range.unwrap_or_default())
    }

    pub(crate) fn ident(&self, ident: &Decorated<EditIdent>) -> Ident {
        Ident { name: normalised(ident.as_str()), span: self.span(ident.span()) }
    }

    /// The content of a block whose braces are at `range`, or of the whole text.
    pub(crate) fn body(&mut self, body: &structure::Body, range: Range<usize>) -> Body {
        let mut result = Body { attributes: Vec::new(), blocks: Vec::new(), span: self.place.span(range) };
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let name = self.ident(&attribute.key);
                    let expr = self.expr(&attribute.value);
                    let span = name.span.to(expr.span);
                    result.attributes.push(Attribute { name, expr, span, json: false });
                }
                Structure::Block(block) => result.blocks.push(self.block(block)),
            }
        }
        result
    }

    fn block(&mut self, block: &structure::Block) -> Block {
        let range = block.span().unwrap_or_default();
        let kind = self.ident(&block.ident);
        let labels: Vec<Ident> = block
            .labels
            .iter()
            .map(|label| match label {
                BlockLabel::Ident(ident) => self.ident(ident),
                BlockLabel::String(string) => {
                    Ident { name: normalised(string), span: self.span(string.span()) }
                }
            })
            .collect();
        let last = block.labels.last().and_then(|l| l.span()).or(block.ident.span()).unwrap_or_default();
        let header = labels.last().map_or(kind.span, |label| kind.span.to(label.span));
        let open = self.opening_brace(last.end).unwrap_or(last.end);
        let body = self.body(&block.body, open..range.end);
        Block { kind, labels, body, header }
    }

    /// The brace after a block's header; comments may stand before it.
    fn opening_brace(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let rest = self.text.get(at..)?;
            at += rest.len() - rest.trim_start().len();
            match self.text[at..].strip_prefix("/*") {
                Some(comment) => at += 2 + comment.find("*/")? + 2,
                None => return Some(at),
            }
        }
    }

    /// An expression; `null` with a diagnostic when it is too deep.
    pub(crate) fn expr(&mut self, expr: &Expression) -> Expr {
        let span = self.span(expr.span());
        self.deeper(span, 1, |lower| Expr { kind: lower.kind(expr), span })
    }

    /// Runs `f`, which adds `levels` to the depth of the tree.
    fn deeper(&mut self, span: Span, levels: usize, f: impl FnOnce(&mut Self) -> Expr) -> Expr {
        if self.depth + levels > MAX_DEPTH {
            if !std::mem::replace(&mut self.too_deep, true) {
                let range = match self.place {
                    Place::At(_, base) => span.start as usize - base..span.end as usize - base,
                    Place::Within(_) => 0..0,
                };
                self.problem(range, too_deep);
            }
            return Expr { kind: ExprKind::Null, span };
        }
        self.depth += levels;
        let result = f(self);
        self.depth -= levels;
        result
    }

    fn boxed(&mut self, expr: &Expression) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    fn kind(&mut self, expr: &Expression) -> ExprKind {
        match expr {
            Expression::Null(_) => ExprKind::Null,
            Expression::Bool(value) => ExprKind::Bool(*value.value()),
            Expression::Number(_) => self.number(expr.span().unwrap_or_default()),
            Expression::String(text) => ExprKind::String(normalised(text)),
            Expression::Array(items) => ExprKind::Tuple(items.iter().map(|item| self.expr(item)).collect()),
            Expression::Object(object) => {
                ExprKind::Object(self.object(object, expr.span().map(|range| range.start)))
            }
            Expression::StringTemplate(string) => template::lower(self, string, Form::Quoted),
            Expression::HeredocTemplate(heredoc) => {
                let flush = self.text(expr.span().unwrap_or_default()).starts_with("<<-");
                template::lower(self, &heredoc.template, Form::Heredoc { flush })
            }
            Expression::Parenthesis(inner) => ExprKind::Paren(self.boxed(inner.inner())),
            Expression::Variable(name) => ExprKind::Variable(normalised(name.as_str())),
            Expression::Conditional(c) => ExprKind::Conditional(
                self.boxed(&c.cond_expr),
                self.boxed(&c.true_expr),
                self.boxed(&c.false_expr),
            ),
            Expression::FuncCall(call) => self.call(call),
            Expression::Traversal(traversal) => self.traversal(traversal).kind,
            Expression::UnaryOp(unary) => {
                let operator = match unary.operator.value() {
                    UnaryOperator::Neg => UnaryOp::Negate,
                    UnaryOperator::Not => UnaryOp::Not,
                };
                ExprKind::Unary(operator, self.boxed(&unary.expr))
            }
            Expression::BinaryOp(binary) => ExprKind::Binary(
                binary_op(*binary.operator.value()),
                self.span(binary.operator.span()),
                self.boxed(&binary.lhs_expr),
                self.boxed(&binary.rhs_expr),
            ),
            Expression::ForExpr(each) => self.for_expr(each),
        }
    }

    /// A number as it was written. The parser counts a minus sign as part of it; to us it is an operator.
    fn number(&mut self, range: Range<usize>) -> ExprKind {
        let text = self.text(range.clone());
        let Some(digits) = text.strip_prefix('-') else { return ExprKind::Number(text.into()) };
        let start = digits.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
        let number = Expr {
            kind: ExprKind::Number(digits[start..].into()),
            span: self.place.span(range.start + 1 + start..range.end),
        };
        ExprKind::Unary(UnaryOp::Negate, Box::new(number))
    }

    fn object(&mut self, object: &Object, open: Option<usize>) -> Vec<ObjectItem> {
        let scan = self.scan;
        match open.filter(|_| object.is_empty()).and_then(|open| scan.large(self.base + open)) {
            Some(large) => self.large_object(large),
            None => object
                .iter()
                .map(|(key, value)| ObjectItem { key: self.object_key(key), value: self.expr(value.expr()) })
                .collect(),
        }
    }

    /// The items of an object that the parser saw without them.
    fn large_object(&mut self, large: &Large) -> Vec<ObjectItem> {
        let mut items = Vec::new();
        for part in large.parts() {
            let mut source = Cow::Owned(format!("{{{}}}", self.scan.source(part.clone())));
            // Offsets in the source count from the separator before the part.
            let start = part.start - 1;
            let outer = (self.text, self.place, self.base);
            let Some(text) = outer.0.get(start - outer.2..part.end - outer.2) else { break };
            (self.text, self.place, self.base) = (text, outer.1.part(start - outer.2), start);
            match attempt(&mut source, self.work, parser::parse_expr) {
                Ok(Expression::Object(object)) => items.append(&mut self.object(&object, None)),
                Ok(_) => {
                    self.failed = true;
                    self.problem(0..1, |range| {
                        Problem::new(
                            range,
                            "Invalid syntax",
                            "After this should come items of an object.",
                            "",
                        )
                    });
                }
                Err(error) => {
                    self.failed = true;
                    let text = format!("{{{}}}", &self.text[1..]);
                    // The brace at the end is that of the source, unless the object ends there.
                    let own = outer.0.as_bytes().get(part.end - outer.2) == Some(&b'}');
                    let end = self.text.len() + usize::from(own);
                    self.problem(0..end, |_| {
                        explain::explain(&text, &source, &error, Context::Expression).up_to(end)
                    });
                }
            }
            (self.text, self.place, self.base) = outer;
            if self.failed {
                break;
            }
        }
        items
    }

    fn object_key(&mut self, key: &ObjectKey) -> Expr {
        let range = match key {
            ObjectKey::Ident(ident) => ident.span(),
            ObjectKey::Expression(expr) => expr.span(),
        };
        let Some(range) = range else { return Expr { kind: ExprKind::Null, span: self.span(None) } };
        let span = self.place.span(range.clone());
        let text = self.text(range.clone());
        let literal = || Expr { kind: ExprKind::String(normalised(text)), span };
        match key {
            // A repeated key, which the shadow renamed: the original may be any expression.
            ObjectKey::Ident(ident) if ident.as_str() != text && word_length(text) != text.len() => {
                expression_in(text, self.place.part(range.start), self.work).unwrap_or_else(literal)
            }
            ObjectKey::Ident(_) => literal(),
            ObjectKey::Expression(Expression::Bool(_) | Expression::Null(_)) => literal(),
            // Whether a reference may stand here without parentheses is for whoever reads the object to say.
            ObjectKey::Expression(expr) => self.expr(expr),
        }
    }

    fn call(&mut self, call: &FuncCall) -> ExprKind {
        let mut name = self.ident(&call.name.name);
        for part in call.name.namespace.iter().rev() {
            let part = self.ident(part);
            name =
                Ident { name: format!("{}::{}", part.name, name.name).into(), span: part.span.to(name.span) };
        }
        let args = call.args.iter().map(|arg| self.expr(arg)).collect();
        ExprKind::Call(Box::new(Call { name, args, expand_final: call.args.expand_final() }))
    }

    fn for_expr(&mut self, each: &ForExpr) -> ExprKind {
        let intro = &each.intro;
        ExprKind::For(Box::new(For {
            key: intro.key_var.as_ref().map(|key| self.ident(key)),
            value: self.ident(&intro.value_var),
            collection: self.expr(&intro.collection_expr),
            key_expr: each.key_expr.as_ref().map(|key| self.expr(key)),
            value_expr: self.expr(&each.value_expr),
            grouping: each.grouping,
            condition: each.cond.as_ref().map(|condition| self.expr(&condition.expr)),
        }))
    }

    fn traversal(&mut self, traversal: &Traversal) -> Expr {
        let root = self.span(traversal.expr.span());
        let whole = self.span(traversal.span());
        self.deeper(whole, traversal.operators.len(), |lower| {
            let source = lower.expr(&traversal.expr);
            lower.steps(source, root, &traversal.operators)
        })
    }

    /// Applies traversal steps to `source`; spans reach from `start`, where the whole traversal starts.
    fn steps(&mut self, source: Expr, start: Span, operators: &[Decorated<TraversalOperator>]) -> Expr {
        let mut result = source;
        let mut rest = operators;
        while let Some((operator, after)) = rest.split_first() {
            rest = after;
            let own = self.span(operator.span());
            let span = start.to(own);
            let kind = match operator.value() {
                TraversalOperator::GetAttr(name) => ExprKind::Attr(Box::new(result), self.ident(name)),
                TraversalOperator::Index(key) => ExprKind::Index(Box::new(result), self.boxed(key)),
                TraversalOperator::LegacyIndex(index) => {
                    let number = ExprKind::Number(index.value().to_string().into());
                    let key = Expr { kind: number, span: self.span(index.span()) };
                    ExprKind::Index(Box::new(result), Box::new(key))
                }
                TraversalOperator::AttrSplat(_) => {
                    let count = rest
                        .iter()
                        .take_while(|o| {
                            matches!(
                                o.value(),
                                TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_)
                            )
                        })
                        .count();
                    if let Some(next) = rest.get(count)
                        && matches!(next.value(), TraversalOperator::AttrSplat(_))
                    {
                        self.nested_splat(next.span().unwrap_or_default());
                    }
                    let (taken, after) = rest.split_at(count);
                    rest = after;
                    self.splat(result, own, taken)
                }
                TraversalOperator::FullSplat(_) => self.splat(result, own, std::mem::take(&mut rest)),
            };
            let span = match &kind {
                ExprKind::Splat { each, .. } => span.to(each.span),
                _ => span,
            };
            result = Expr { kind, span };
        }
        result
    }

    fn splat(&mut self, source: Expr, own: Span, taken: &[Decorated<TraversalOperator>]) -> ExprKind {
        let item = Expr { kind: ExprKind::SplatItem, span: own };
        let each = self.steps(item, own, taken);
        ExprKind::Splat { source: Box::new(source), each: Box::new(each) }
    }

    fn nested_splat(&mut self, range: Range<usize>) {
        self.problem(range, |range| {
            Problem::new(
                range,
                "Nested splat expression",
                "After .* only attribute names may follow, and not another .*.",
                "Use the [*] form, which can be nested, or a for expression.",
            )
        });
    }
}

/// An expression with more levels than the tree may have.
fn too_deep(range: Range<usize>) -> Problem {
    Problem::new(
        range,
        "Expression too complex",
        format!("This expression has more than {MAX_DEPTH} levels of operators, steps and brackets."),
        "Split it: name parts of it in a locals block.",
    )
}

fn binary_op(operator: BinaryOperator) -> BinaryOp {
    match operator {
        BinaryOperator::Plus => BinaryOp::Add,
        BinaryOperator::Minus => BinaryOp::Subtract,
        BinaryOperator::Mul => BinaryOp::Multiply,
        BinaryOperator::Div => BinaryOp::Divide,
        BinaryOperator::Mod => BinaryOp::Modulo,
        BinaryOperator::Eq => BinaryOp::Equal,
        BinaryOperator::NotEq => BinaryOp::NotEqual,
        BinaryOperator::Less => BinaryOp::Less,
        BinaryOperator::LessEq => BinaryOp::LessEqual,
        BinaryOperator::Greater => BinaryOp::Greater,
        BinaryOperator::GreaterEq => BinaryOp::GreaterEqual,
        BinaryOperator::And => BinaryOp::And,
        BinaryOperator::Or => BinaryOp::Or,
    }
}
