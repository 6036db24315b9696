//! The references in an expression, from its syntax alone.

use formwork_diag::Span;
use formwork_syntax::{Expr, ExprKind, For, TemplatePart};
use formwork_value::{Number, Value};

/// One reference: a root name and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference<'a> {
    /// The first name: `var`, `aws_instance`, `each`.
    pub root: &'a str,
    /// What follows.
    pub steps: Vec<RefStep<'a>>,
    /// All of it.
    pub span: Span,
}

/// A step of a [`Reference`].
#[derive(Clone, Debug, PartialEq)]
pub enum RefStep<'a> {
    /// `.name`
    Attr(&'a str),
    /// `["key"]` or `[0]`: a literal.
    Key(Value),
    /// `[expression]`; the references inside are listed on their own.
    Dynamic,
    /// `[*]` or `.*`
    Splat,
}

/// All references in `expr` in the order in which they stand, except those to names that a `for` in it binds.
pub fn references(expr: &Expr) -> Vec<Reference<'_>> {
    let mut collector = Collector { bound: Vec::new(), found: Vec::new() };
    collector.visit(expr);
    collector.found
}

struct Collector<'a> {
    bound: Vec<&'a str>,
    found: Vec<Reference<'a>>,
}

impl<'a> Collector<'a> {
    fn visit(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::SplatItem => {}
            ExprKind::Variable(_) | ExprKind::Attr(..) | ExprKind::Index(..) | ExprKind::Splat { .. } => {
                // The whole comes before the references inside its indices.
                let place = self.found.len();
                let mut steps = Vec::new();
                if let Some(root) = self.chain(expr, &mut steps) {
                    self.found.insert(place, Reference { root, steps, span: expr.span });
                }
            }
            ExprKind::Template(parts) => self.parts(parts),
            ExprKind::Interpolation(x) | ExprKind::Unary(_, x) | ExprKind::Paren(x) => self.visit(x),
            ExprKind::Binary(_, _, a, b) => {
                self.visit(a);
                self.visit(b);
            }
            ExprKind::Conditional(c, a, b) => {
                self.visit(c);
                self.visit(a);
                self.visit(b);
            }
            ExprKind::Call(call) => call.args.iter().for_each(|x| self.visit(x)),
            ExprKind::Tuple(items) => items.iter().for_each(|x| self.visit(x)),
            ExprKind::Object(items) => {
                for item in items {
                    self.visit(&item.key);
                    self.visit(&item.value);
                }
            }
            ExprKind::For(f) => self.for_expr(f),
        }
    }

    /// Follows a chain down to its root, gathering steps; `None` when the root is no free variable.
    fn chain(&mut self, expr: &'a Expr, steps: &mut Vec<RefStep<'a>>) -> Option<&'a str> {
        match &expr.kind {
            ExprKind::Variable(name) => (!self.bound.contains(&&**name)).then_some(&**name),
            ExprKind::Attr(source, name) => {
                let root = self.chain(source, steps);
                steps.push(RefStep::Attr(&name.name));
                root
            }
            ExprKind::Index(source, key) => {
                let root = self.chain(source, steps);
                steps.push(match literal(key) {
                    Some(key) => RefStep::Key(key),
                    None => {
                        self.visit(key);
                        RefStep::Dynamic
                    }
                });
                root
            }
            ExprKind::Splat { source, each } => {
                let root = self.chain(source, steps);
                steps.push(RefStep::Splat);
                self.chain(each, steps);
                root
            }
            ExprKind::Paren(inner) => self.chain(inner, steps),
            ExprKind::SplatItem => None,
            _ => {
                self.visit(expr);
                None
            }
        }
    }

    fn for_expr(&mut self, f: &'a For) {
        self.visit(&f.collection);
        let depth = self.bound.len();
        self.bound.extend(f.key.as_ref().map(|k| &*k.name));
        self.bound.push(&f.value.name);
        f.key_expr.iter().for_each(|x| self.visit(x));
        self.visit(&f.value_expr);
        f.condition.iter().for_each(|x| self.visit(x));
        self.bound.truncate(depth);
    }

    fn parts(&mut self, parts: &'a [TemplatePart]) {
        for part in parts {
            match part {
                TemplatePart::Literal(_) => {}
                TemplatePart::Interpolation(x) => self.visit(x),
                TemplatePart::If { condition, then, otherwise } => {
                    self.visit(condition);
                    self.parts(then);
                    self.parts(otherwise);
                }
                TemplatePart::For { key, value, collection, body } => {
                    self.visit(collection);
                    let depth = self.bound.len();
                    self.bound.extend(key.as_ref().map(|k| &*k.name));
                    self.bound.push(&value.name);
                    self.parts(body);
                    self.bound.truncate(depth);
                }
            }
        }
    }
}

/// The value of a literal string or number.
pub(crate) fn literal(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        ExprKind::String(s) => Some(Value::string(s.clone())),
        ExprKind::Number(n) => Number::parse(n).ok().map(Value::from),
        _ => None,
    }
}
