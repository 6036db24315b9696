//! Operators and conditionals.

use super::{Evaluator, a_type, access, bounds, unknown};
use formwork_diag::{Diagnostic, Span};
use formwork_syntax::{BinaryOp, Expr, UnaryOp};
use formwork_value::{
    Kind, Mark, Marks, Number, NumberError, ObjectType, Refinement, Type, Value, convert, unify,
};

impl<'a> Evaluator<'a> {
    pub(super) fn unary(&mut self, op: UnaryOp, operand: &'a Expr, span: Span) -> Value {
        let ty = match op {
            UnaryOp::Negate => Type::Number,
            UnaryOp::Not => Type::Bool,
        };
        let value = self.expr(operand);
        // Whatever is wrong with the operand, the result has its type.
        let Some((value, marks)) = self.operand(value, &ty, operand, "unary operand", span) else {
            return Value::unknown(ty);
        };
        let result = match value.kind() {
            Kind::Number(n) => n.neg().into(),
            Kind::Bool(b) => (!b).into(),
            _ if ty == Type::Number => bounds::negated(&value),
            _ => Value::unknown_not_null(ty),
        };
        result.with_marks(marks)
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        at: Span,
        a: &'a Expr,
        b: &'a Expr,
        whole: &'a Expr,
    ) -> Value {
        let start = self.diags.len();
        let (left, right) = (self.expr(a), self.expr(b));
        let failed = || Value::unknown(type_of_result(op));
        if self.errors_since(start) {
            return failed();
        }
        if let BinaryOp::Equal | BinaryOp::NotEqual = op {
            let (left, left_marks) = left.unmark_deep();
            let (right, right_marks) = right.unmark_deep();
            let equal = left.equals(&right);
            let result = match (equal.as_bool(), op) {
                (Some(same), BinaryOp::NotEqual) => Value::from(!same),
                _ => equal,
            };
            return result.with_marks(left_marks.union(right_marks));
        }
        let logical = matches!(op, BinaryOp::And | BinaryOp::Or);
        let ty = if logical { Type::Bool } else { Type::Number };
        let left = self.operand(left, &ty, a, "left operand", at);
        let right = self.operand(right, &ty, b, "right operand", at);
        let (Some((left, left_marks)), Some((right, right_marks))) = (left, right) else {
            return failed();
        };
        let marks = left_marks.union(right_marks);
        let result = match (left.kind(), right.kind()) {
            (Kind::Number(x), Kind::Number(y)) => match arithmetic(op, x, y) {
                Ok(value) => value,
                Err(d) => {
                    self.fail(d.at(at), Some(whole));
                    return failed();
                }
            },
            (Kind::Bool(x), Kind::Bool(y)) => {
                Value::from(if op == BinaryOp::And { *x && *y } else { *x || *y })
            }
            _ if logical => Value::unknown_not_null(Type::Bool),
            _ => bounds::unknown_result(op, &left, &right),
        };
        result.with_marks(marks)
    }

    /// Converts an operand and refuses null; `None` after an error.
    fn operand(
        &mut self,
        value: Value,
        ty: &Type,
        expr: &Expr,
        which: &str,
        op: Span,
    ) -> Option<(Value, Marks)> {
        if let Kind::Number(_) | Kind::Bool(_) = value.kind()
            && value.ty() == *ty
        {
            return Some(value.unmark());
        }
        if value.is_null() {
            let d = Diagnostic::error(
                "Operation failed",
                format!("The {which} is null, and this operator needs {}.", a_type(ty)),
            )
            .help("Give it a default with coalesce(), or check for null first.");
            self.fail(d.at(expr.span), Some(expr));
            return None;
        }
        match convert(&value, ty) {
            Ok(converted) => Some(converted.unmark_deep()),
            Err(_) => {
                let found = if value.marks_deep().has(Mark::Sensitive) || value.as_str().is_none() {
                    a_type(&value.ty())
                } else {
                    format!("the string {}", access::describe(&value))
                };
                let d = Diagnostic::error(
                    "Invalid operand",
                    format!("The {which} is {found}, and this operator needs {}.", a_type(ty)),
                );
                let d = if op == expr.span { d } else { d.label(op, "this operator") };
                self.fail(d.at(expr.span), Some(expr));
                None
            }
        }
    }

    pub(super) fn conditional(&mut self, c: &'a Expr, a: &'a Expr, b: &'a Expr, span: Span) -> Value {
        let start = self.diags.len();
        let then = self.expr(a);
        let then_diags = self.diags.split_off(start);
        let otherwise = self.expr(b);
        let otherwise_diags = self.diags.split_off(start);
        let condition = self.expr(c);
        if self.errors_since(start) {
            return unknown();
        }
        let Some(ty) = result_type(&then, &otherwise) else {
            let (one, other) = (then.ty(), otherwise.ty());
            let secret = then.marks_deep().union(otherwise.marks_deep()).has(Mark::Sensitive);
            // What attributes a sensitive object has is secret.
            let but = if secret { "these differ".into() } else { difference(&one, &other) };
            let d = Diagnostic::error(
                "Inconsistent conditional result types",
                format!("Both results of a conditional must have one type, but {but}."),
            )
            .help("Make them alike, for example with tostring(), tolist() or the same attributes on both sides.")
            .label(a.span, format!("if true, {}", a_type(&one)))
            .label(b.span, format!("if false, {}", a_type(&other)));
            return self.fail(d.at(span), None);
        };
        let Some(condition) = self.condition(condition, c) else { return unknown() };
        let (condition, marks) = condition;
        let other_marks = then.marks().union(otherwise.marks());
        let (chosen, mut diags) = match condition {
            Some(true) => (then, then_diags),
            Some(false) => (otherwise, otherwise_diags),
            None => return either(then, otherwise, ty, marks),
        };
        // Which one was not chosen must not depend on what is known already, and so neither do the marks.
        let marks = marks.union(other_marks);
        let failed = diags.iter().any(Diagnostic::is_error);
        self.diags.append(&mut diags);
        if failed {
            return unknown();
        }
        match ty {
            None => chosen.with_marks(marks),
            Some(ty) => match convert(&chosen, &ty) {
                Ok(value) => value.with_marks(marks),
                Err(e) => {
                    let d = Diagnostic::error(
                        "Inconsistent conditional result types",
                        format!(
                            "This result cannot become {}, the type of both: {}.",
                            a_type(&ty),
                            e.message
                        ),
                    );
                    let place = if condition == Some(true) { a.span } else { b.span };
                    self.fail(d.at(place), None)
                }
            },
        }
    }

    /// A condition as a bool (`None`: unknown) with its marks; `None` after an error.
    pub(super) fn condition(&mut self, value: Value, expr: &Expr) -> Option<(Option<bool>, Marks)> {
        if let Kind::Bool(b) = value.kind() {
            return Some((Some(*b), value.marks()));
        }
        if value.is_null() {
            let d = Diagnostic::error("Null condition", "The condition is null; it must be true or false.");
            self.fail(d.at(expr.span), Some(expr));
            return None;
        }
        match convert(&value, &Type::Bool) {
            Ok(b) => {
                let (b, marks) = b.unmark_deep();
                Some((b.as_bool(), marks))
            }
            Err(_) => {
                let d = Diagnostic::error(
                    "Incorrect condition type",
                    format!("The condition is {}; it must be true or false.", a_type(&value.ty())),
                )
                .help("Compare it with something, for example == or length(…) > 0.");
                self.fail(d.at(expr.span), Some(expr));
                None
            }
        }
    }
}

fn type_of_result(op: BinaryOp) -> Type {
    match op {
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => {
            Type::Number
        }
        _ => Type::Bool,
    }
}

fn arithmetic(op: BinaryOp, x: &Number, y: &Number) -> Result<Value, Diagnostic> {
    let number = match op {
        BinaryOp::Add => x.add(y),
        BinaryOp::Subtract => x.sub(y),
        BinaryOp::Multiply => x.mul(y),
        BinaryOp::Divide => x.div(y),
        BinaryOp::Modulo => x.rem(y),
        BinaryOp::Less => return Ok((x < y).into()),
        BinaryOp::LessEqual => return Ok((x <= y).into()),
        BinaryOp::Greater => return Ok((x > y).into()),
        BinaryOp::GreaterEqual => return Ok((x >= y).into()),
        _ => return Ok(unknown()),
    };
    number.map(Value::from).map_err(|error| {
        let why = match (error, op) {
            (NumberError::Undefined, BinaryOp::Add) => {
                "These are infinite with opposite signs, and have no sum."
            }
            (NumberError::Undefined, BinaryOp::Subtract) => "Both are infinite, and have no difference.",
            (NumberError::Undefined, BinaryOp::Multiply) => "Zero times infinity is no number.",
            (NumberError::Undefined, BinaryOp::Modulo) => {
                "There is no remainder when one of them is infinite."
            }
            (NumberError::Undefined, _) if x.is_zero() => "This divides zero by zero, which is no number.",
            (NumberError::Undefined, _) => "This divides infinity by infinity, which is no number.",
            _ => "The result has more digits than numbers can have here: about 1,200,000.",
        };
        Diagnostic::error("Operation failed", why)
    })
}

/// The type that both results of a conditional get: `Some(None)` when neither needs conversion, `None` when
/// there is none.
fn result_type(a: &Value, b: &Value) -> Option<Option<Type>> {
    match (a.kind(), b.kind()) {
        (Kind::Null(Type::Dynamic), Kind::Null(Type::Dynamic)) => return Some(None),
        (Kind::Bool(_), Kind::Bool(_))
        | (Kind::Number(_), Kind::Number(_))
        | (Kind::String(_), Kind::String(_)) => return Some(None),
        (Kind::List(x, _), Kind::List(y, _))
        | (Kind::Set(x, _), Kind::Set(y, _))
        | (Kind::Map(x, _), Kind::Map(y, _))
            if x == y =>
        {
            return Some(None);
        }
        (Kind::Null(Type::Dynamic), _) => return Some(Some(b.ty())),
        (_, Kind::Null(Type::Dynamic)) => return Some(Some(a.ty())),
        _ => {}
    }
    let (a, b) = (a.ty(), b.ty());
    if a == b {
        return Some(None);
    }
    if a == Type::Dynamic || b == Type::Dynamic {
        // The type is not known yet, so neither is what either is to be converted to.
        return Some(Some(Type::Dynamic));
    }
    unify(&[a, b]).map(Some)
}

/// The result of a conditional whose condition is not known: unknown, but what holds for both results holds.
fn either(a: Value, b: Value, ty: Option<Type>, marks: Marks) -> Value {
    let ty = ty.unwrap_or_else(|| a.ty());
    let marks = marks.union(a.marks()).union(b.marks());
    if a.is_null() && b.is_null() {
        return Value::null(ty).with_marks(marks);
    }
    let as_result = |value: &Value| convert(value, &ty).map(|v| v.refinement());
    let refinement = match (as_result(&a), as_result(&b)) {
        (Ok(a), Ok(b)) => a.either(&b),
        // One of them is an error, so the other is the result if there is any.
        (Ok(only), Err(_)) | (Err(_), Ok(only)) => {
            Refinement { not_null: only.not_null, ..Refinement::default() }
        }
        (Err(_), Err(_)) => Refinement::default(),
    };
    Value::unknown_refined(ty, refinement).with_marks(marks)
}

/// How two types that do not unify differ: a clause, which goes into them as far as they agree.
fn difference(one: &Type, other: &Type) -> String {
    let mut path = String::new();
    let (mut a, mut b) = (one, other);
    loop {
        let at = |what: String| if path.is_empty() { what } else { format!("at {path} {what}") };
        match (a, b) {
            (Type::Object(x), Type::Object(y)) => {
                let lacks = |from: &ObjectType, of: &ObjectType| {
                    from.attrs.keys().find(|name| !of.attrs.contains_key(*name)).cloned()
                };
                if let Some(name) = lacks(x, y) {
                    return at(format!("only the true one has the attribute {name:?}"));
                }
                if let Some(name) = lacks(y, x) {
                    return at(format!("only the false one has the attribute {name:?}"));
                }
                let mut pairs = x.attrs.iter().zip(y.attrs.values());
                let Some(((name, inner), outer)) =
                    pairs.find(|((_, a), b)| unify(&[(*a).clone(), (*b).clone()]).is_none())
                else {
                    return at("their attributes have no types in common".into());
                };
                path.push_str(&format!(".{name}"));
                (a, b) = (inner, outer);
            }
            (Type::Tuple(x), Type::Tuple(y)) if x.len() == y.len() => {
                let mut pairs = x.iter().zip(y.iter()).enumerate();
                let Some((i, (inner, outer))) =
                    pairs.find(|(_, (a, b))| unify(&[(*a).clone(), (*b).clone()]).is_none())
                else {
                    return at("their elements have no types in common".into());
                };
                path.push_str(&format!("[{i}]"));
                (a, b) = (inner, outer);
            }
            (Type::Tuple(x), Type::Tuple(y)) => {
                return at(format!(
                    "the true one has {} elements, the false one {}, and these have no type in common",
                    x.len(),
                    y.len()
                ));
            }
            (Type::List(x), Type::List(y)) | (Type::Set(x), Type::Set(y)) | (Type::Map(x), Type::Map(y)) => {
                path.push_str("[...]");
                (a, b) = (x, y);
            }
            _ => return at(format!("the true one is {} and the false one {}", a_type(a), a_type(b))),
        }
    }
}
