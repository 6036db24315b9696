//! Arithmetic and comparison of numbers of which only bounds are known.

use formwork_syntax::BinaryOp;
use formwork_value::{Bound, Number, Refinement, Type, Value};
use std::cmp::Ordering;

/// An interval; `None` is without bound.
#[derive(Clone)]
struct Interval {
    low: Option<Bound>,
    high: Option<Bound>,
}

impl Interval {
    /// Where the number lies; everywhere, if nothing is known.
    fn of(value: &Value) -> Interval {
        let facts = value.refinement();
        Interval { low: facts.min, high: facts.max }
    }

    fn negated(self) -> Interval {
        let flip = |bound: Option<Bound>| bound.map(|(n, inclusive)| (n.neg(), inclusive));
        Interval { low: flip(self.high), high: flip(self.low) }
    }

    fn plus(self, other: Interval) -> Interval {
        let add = |a: Option<Bound>, b: Option<Bound>| {
            let ((a, _), (b, _)) = a.zip(b)?;
            Some((a.add(&b).ok()?, true))
        };
        Interval { low: add(self.low, other.low), high: add(self.high, other.high) }
    }

    /// Only where both have both bounds, or neither can be negative.
    fn times(self, other: Interval) -> Interval {
        let zero = Number::from(0_i64);
        if let (Some((a, _)), Some((b, _)), Some((c, _)), Some((d, _))) =
            (&self.low, &self.high, &other.low, &other.high)
        {
            // One that is no number, as of zero and infinity, tells nothing.
            let corners: Option<Vec<Number>> =
                [a.mul(c), a.mul(d), b.mul(c), b.mul(d)].into_iter().map(Result::ok).collect();
            let corners = corners.unwrap_or_default();
            let bound = |n: Option<&Number>| n.map(|n| (n.clone(), true));
            return Interval { low: bound(corners.iter().min()), high: bound(corners.iter().max()) };
        }
        let low = match (&self.low, &other.low) {
            (Some((a, _)), Some((b, _))) if *a >= zero && *b >= zero => a.mul(b).ok().map(|n| (n, true)),
            _ => None,
        };
        Interval { low, high: None }
    }

    fn value(self) -> Value {
        Value::unknown_refined(Type::Number, Refinement::between(self.low, self.high))
    }
}

/// `-x` of an unknown number.
pub(super) fn negated(x: &Value) -> Value {
    Interval::of(x).negated().value()
}

/// The result of an arithmetic operator or a comparison when an operand is unknown.
pub(super) fn unknown_result(op: BinaryOp, a: &Value, b: &Value) -> Value {
    let (x, y) = (Interval::of(a), Interval::of(b));
    match op {
        BinaryOp::Add => x.plus(y).value(),
        BinaryOp::Subtract => x.plus(y.negated()).value(),
        BinaryOp::Multiply => x.times(y).value(),
        BinaryOp::Divide | BinaryOp::Modulo => Value::unknown_not_null(Type::Number),
        BinaryOp::Less => answer(always_less(&x, &y), always_at_most(&y, &x)),
        BinaryOp::LessEqual => answer(always_at_most(&x, &y), always_less(&y, &x)),
        BinaryOp::Greater => answer(always_less(&y, &x), always_at_most(&x, &y)),
        BinaryOp::GreaterEqual => answer(always_at_most(&y, &x), always_less(&x, &y)),
        _ => Value::unknown_not_null(Type::Bool),
    }
}

fn answer(yes: bool, no: bool) -> Value {
    match (yes, no) {
        (true, _) => true.into(),
        (_, true) => false.into(),
        _ => Value::unknown_not_null(Type::Bool),
    }
}

/// Whether every number of the one is less than every number of the other.
fn always_less(a: &Interval, b: &Interval) -> bool {
    match (&a.high, &b.low) {
        (Some((high, x)), Some((low, y))) => match high.cmp(low) {
            Ordering::Less => true,
            Ordering::Equal => !(*x && *y),
            Ordering::Greater => false,
        },
        _ => false,
    }
}

/// Whether no number of the one is greater than any number of the other.
fn always_at_most(a: &Interval, b: &Interval) -> bool {
    matches!((&a.high, &b.low), (Some((high, _)), Some((low, _))) if high <= low)
}
