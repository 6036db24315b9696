//! Evaluation of expressions.

mod access;
mod bounds;
mod call;
mod explain;
mod loops;
mod operators;
mod template;

pub use explain::referenced_values;
pub(crate) use template::render_template;

use crate::{Lookup, Scope, Step};
use formwork_diag::{Diagnostic, Span};
use formwork_syntax::{Expr, ExprKind, ObjectItem};
use formwork_value::{
    Kind, MAX_DEPTH, MAX_WEIGHT, Map, Mark, Marks, Number, NumberError, TooLarge, Type, Value,
};

/// What evaluation gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The value; unknown where something was missing or failed.
    pub value: Value,
    /// A reference was not ready: neither the value nor the diagnostics of this pass are to be used.
    pub missing: bool,
    /// An error was reported in this pass, or a reference led to something that had failed before.
    pub failed: bool,
}

/// Evaluates an expression.
pub fn eval(expr: &Expr, scope: &dyn Scope, diags: &mut Vec<Diagnostic>) -> Outcome {
    let start = diags.len();
    let mut evaluator = Evaluator::new(scope, diags);
    let mut value = evaluator.expr(expr);
    if let Err(too) = value.check_size() {
        value = evaluator.fail(too_large(too).at(expr.span), None);
    }
    let failed = evaluator.poisoned || evaluator.errors_since(start);
    Outcome { value, missing: evaluator.missing, failed }
}

fn too_large(too: TooLarge) -> Diagnostic {
    let what = match too {
        TooLarge::Weight => format!("has more than {MAX_WEIGHT} parts, or too long strings"),
        TooLarge::Depth => format!("has values more than {MAX_DEPTH} deep inside each other"),
    };
    Diagnostic::error("Value too large", format!("The value of this expression {what}.")).help(
        "Look for values that each contain the one before more than once: every such step multiplies the size.",
    )
}

/// How many expressions one evaluation may go through, those inside loops once for each turn.
const MAX_STEPS: u64 = 200_000_000;

pub(crate) struct Evaluator<'a> {
    scope: &'a dyn Scope,
    diags: &'a mut Vec<Diagnostic>,
    /// Names that enclosing `for` expressions bind, innermost last.
    locals: Vec<(&'a str, Value)>,
    /// Current items of enclosing splats, innermost last.
    items: Vec<Value>,
    missing: bool,
    poisoned: bool,
    /// How many templates of `templatefile` and `templatestring` this is inside.
    depth: u32,
    /// How many expressions it may still evaluate.
    steps: u64,
}

/// An unknown value of unknown type: what stands for a value that could not be had.
pub(crate) fn unknown() -> Value {
    Value::unknown(Type::Dynamic)
}

impl<'a> Evaluator<'a> {
    fn new(scope: &'a dyn Scope, diags: &'a mut Vec<Diagnostic>) -> Self {
        Evaluator {
            scope,
            diags,
            locals: Vec::new(),
            items: Vec::new(),
            missing: false,
            poisoned: false,
            depth: 0,
            steps: MAX_STEPS,
        }
    }

    fn expr(&mut self, expr: &'a Expr) -> Value {
        match self.steps.checked_sub(1) {
            Some(left) => self.steps = left,
            None => return self.exhausted(expr.span),
        }
        match &expr.kind {
            ExprKind::Null => Value::NULL,
            ExprKind::Bool(b) => Value::from(*b),
            ExprKind::Number(text) => match Number::parse(text) {
                Ok(n) => Value::from(n),
                Err(e) => {
                    let why = match e {
                        NumberError::OutOfRange => "is too large, or too close to zero, to be worked with",
                        NumberError::Syntax | NumberError::Undefined => "is not a number",
                    };
                    let d = Diagnostic::error("Invalid number", format!("{text} {why}."));
                    self.fail(d.at(expr.span), None)
                }
            },
            ExprKind::String(s) => Kind::String(s.clone()).into(),
            ExprKind::Template(parts) => self.template(parts, expr.span),
            ExprKind::Interpolation(x) | ExprKind::Paren(x) => self.expr(x),
            ExprKind::Variable(_) | ExprKind::Attr(..) | ExprKind::Index(..) => self.chain(expr),
            ExprKind::Splat { source, each } => self.splat(expr, source, each),
            ExprKind::SplatItem => self.items.last().cloned().unwrap_or_else(unknown),
            ExprKind::Unary(op, x) => self.unary(*op, x, expr.span),
            ExprKind::Binary(op, span, a, b) => self.binary(*op, *span, a, b, expr),
            ExprKind::Conditional(c, a, b) => self.conditional(c, a, b, expr.span),
            ExprKind::Call(call) => self.call(call, expr),
            ExprKind::Tuple(items) => Value::tuple(items.iter().map(|x| self.expr(x)).collect()),
            ExprKind::Object(items) => self.object(items),
            ExprKind::For(f) => self.for_expr(f, expr),
        }
    }

    /// Reports once that this would take too long; every loop then ends, since its body fails.
    #[cold]
    fn exhausted(&mut self, span: Span) -> Value {
        let d = Diagnostic::error(
            "Evaluation takes too long",
            format!("This expression was given up after {MAX_STEPS} steps."),
        )
        .help("Look for loops inside loops: their turns multiply.")
        .at(span);
        if self.diags.last() != Some(&d) {
            self.diags.push(d);
        }
        unknown()
    }

    fn object(&mut self, items: &'a [ObjectItem]) -> Value {
        let mut attrs = Map::new();
        let mut marks = Marks::NONE;
        let mut known = true;
        for item in items {
            let key = match &item.key.kind {
                ExprKind::String(s) => Some(s.clone()),
                ExprKind::Attr(..) | ExprKind::Index(..) if is_reference(&item.key) => {
                    let d = Diagnostic::error(
                        "Ambiguous object key",
                        "This can be meant as a reference, or as a literal name with a period in it.",
                    );
                    let d =
                        d.help("Write parentheses around the reference, or quotes around the literal name.");
                    self.fail(d.at(item.key.span), None);
                    None
                }
                _ => match self.object_key(&item.key, "object") {
                    Some((key, key_marks)) => {
                        marks = marks.union(key_marks);
                        key
                    }
                    None => None,
                },
            };
            let value = self.expr(&item.value);
            match key {
                Some(key) => {
                    attrs.insert(key, value);
                }
                None => known = false,
            }
        }
        if !known {
            return unknown().with_marks(marks);
        }
        Value::from(attrs).with_marks(marks)
    }

    /// Evaluates a key of an object. `None` after an error; `Some((None, _))` when it is not known.
    fn object_key(&mut self, key: &'a Expr, what: &str) -> Option<(Option<crate::Str>, Marks)> {
        let (value, marks) = self.expr(key).unmark();
        if value.is_null() {
            let d = Diagnostic::error(
                "Invalid object key",
                format!("This key of the {what} is null, and a key must be a string."),
            );
            let d = d.help("Leave the item out, or give the key a value with coalesce().");
            self.fail(d.at(key.span), Some(key));
            return None;
        }
        let string = match value.kind() {
            Kind::String(s) => return Some((Some(s.clone()), marks)),
            _ => formwork_value::convert(&value, &Type::String),
        };
        match string {
            Ok(v) => match v.kind() {
                Kind::String(s) => Some((Some(s.clone()), marks)),
                _ => Some((None, marks)),
            },
            Err(_) => {
                let d = Diagnostic::error(
                    "Invalid object key",
                    format!("This key of the {what} is {}, and a key must be a string.", a_type(&value.ty())),
                );
                self.fail(d.at(key.span), Some(key));
                None
            }
        }
    }

    /// `root.a[b].c`: a reference when the root is a free variable, else steps applied one by one.
    fn chain(&mut self, expr: &'a Expr) -> Value {
        let mut links: Vec<&'a Expr> = Vec::new();
        let mut base = expr;
        loop {
            match &base.kind {
                ExprKind::Attr(source, _) | ExprKind::Index(source, _) => {
                    links.push(base);
                    base = source;
                }
                ExprKind::Paren(inner) => base = inner,
                _ => break,
            }
        }
        links.reverse();
        let ExprKind::Variable(root) = &base.kind else {
            let value = self.expr(base);
            return links.into_iter().fold(value, |value, link| self.link(value, link, None));
        };
        if let Some(value) = self.local(root) {
            return links.into_iter().fold(value, |value, link| self.link(value, link, None));
        }
        self.reference(root, &links, expr.span)
    }

    fn local(&self, name: &str) -> Option<Value> {
        self.locals.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    }

    fn reference(&mut self, root: &'a str, links: &[&'a Expr], span: Span) -> Value {
        let mut keys: Vec<Option<Value>> = Vec::with_capacity(links.len());
        let mut steps: Vec<Step<'a>> = Vec::with_capacity(links.len());
        let mut open = true;
        for link in links {
            match &link.kind {
                ExprKind::Attr(_, name) => {
                    keys.push(None);
                    if open {
                        steps.push(Step::Attr(&name.name));
                    }
                }
                ExprKind::Index(_, key) => {
                    let key = self.expr(key);
                    open = open && matches!(key.kind(), Kind::String(_) | Kind::Number(_));
                    if open {
                        steps.push(Step::Index(key.clone().unmark().0));
                    }
                    keys.push(Some(key));
                }
                _ => {}
            }
        }
        let (mut value, used) = match self.scope.lookup(root, &steps, span) {
            Lookup::Found(value, used) => (value, used.min(links.len())),
            Lookup::Missing => {
                self.missing = true;
                return unknown();
            }
            Lookup::Failed => {
                self.poisoned = true;
                return unknown();
            }
            Lookup::Error(d) => {
                let mut d = d.at(span);
                if keys.iter().flatten().any(|key| key.has_mark(Mark::Sensitive)) {
                    d.detail = "The key in the brackets is sensitive, and nothing has this key.".into();
                    d.help = None;
                }
                let d = match self.scope.declared(root, &steps) {
                    Some(place) => explain::declaration(d, place, root, &steps),
                    None => d,
                };
                return self.fail(d, None);
            }
        };
        for key in keys.iter().take(used).flatten() {
            value = value.with_marks(key.marks());
        }
        for (link, key) in links.iter().zip(keys).skip(used) {
            value = self.link(value, link, key);
        }
        value
    }

    /// Applies one `.name` or `[key]`; the key was perhaps evaluated already.
    fn link(&mut self, value: Value, link: &'a Expr, key: Option<Value>) -> Value {
        // The dot or the brackets are part of what is marked.
        let step = match &link.kind {
            ExprKind::Attr(source, _) | ExprKind::Index(source, _) => {
                Span { start: source.span.end.min(link.span.end), ..link.span }
            }
            _ => link.span,
        };
        let result = match &link.kind {
            ExprKind::Attr(_, name) => access::attribute(&value, &name.name).map_err(|d| d.at(step)),
            ExprKind::Index(_, key_expr) => {
                let key = match key {
                    Some(key) => key,
                    None => self.expr(key_expr),
                };
                access::index(&value, &key).map_err(|d| d.at(step))
            }
            _ => return value,
        };
        match result {
            Ok(value) => value,
            Err(d) => self.fail(d, Some(link)),
        }
    }

    /// Whether diagnostics from this one on contain an error.
    fn errors_since(&self, start: usize) -> bool {
        self.diags[start..].iter().any(Diagnostic::is_error)
    }
}

/// Whether an expression is a name with further names or keys after it.
fn is_reference(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Variable(_) => true,
        ExprKind::Attr(source, _) | ExprKind::Index(source, _) => is_reference(source),
        _ => false,
    }
}

/// A type with its article, for messages.
pub(crate) fn a_type(ty: &Type) -> String {
    match ty {
        Type::Dynamic => "a value of unknown type".into(),
        Type::Object(_) => "an object".into(),
        other => format!("a {}", other.friendly_name()),
    }
}
