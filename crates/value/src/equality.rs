//! Equality: the language's own, and whether two values are the same.

use crate::{Kind, Type, Unknown, Value};

impl Value {
    /// The language's `==`: a bool, unknown (but never null) where it depends on what is not known yet. Carries the
    /// marks of both sides, whatever their depth.
    ///
    /// Nulls of all types are equal; otherwise values of different types are not.
    pub fn equals(&self, other: &Value) -> Value {
        let result = match compare(self, other) {
            Some(equal) => Value::from(equal),
            None => Value::unknown_not_null(Type::Bool),
        };
        result.with_marks(self.marks_deep().union(other.marks_deep()))
    }

    /// Whether both are the same apart from marks: unknown values with the same type and refinement are, nulls of
    /// different types are not.
    pub fn same(&self, other: &Value) -> bool {
        let all = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b));
        match (self.kind(), other.kind()) {
            (Kind::List(t, a), Kind::List(u, b)) | (Kind::Set(t, a), Kind::Set(u, b)) => t == u && all(a, b),
            (Kind::Tuple(a), Kind::Tuple(b)) => all(a, b),
            (Kind::Map(t, a), Kind::Map(u, b)) => {
                t == u
                    && a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && a.same(b))
            }
            (Kind::Object(a), Kind::Object(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && a.same(b))
            }
            (a, b) => a == b,
        }
    }
}

/// `None` while that cannot be told.
fn compare(a: &Value, b: &Value) -> Option<bool> {
    match (a.kind(), b.kind()) {
        (Kind::Unknown(a), Kind::Unknown(b)) => {
            let differ = a.refinement.not_null && b.refinement.not_null && !may_be_same(&a.ty, &b.ty);
            differ.then_some(false)
        }
        (Kind::Unknown(unknown), _) => compare_unknown(unknown, b),
        (_, Kind::Unknown(unknown)) => compare_unknown(unknown, a),
        (Kind::Null(_), Kind::Null(_)) => Some(true),
        (Kind::Null(_), _) | (_, Kind::Null(_)) => Some(false),
        (Kind::Bool(a), Kind::Bool(b)) => Some(a == b),
        (Kind::Number(a), Kind::Number(b)) => Some(a == b),
        (Kind::String(a), Kind::String(b)) => Some(a == b),
        (Kind::List(t, a), Kind::List(u, b)) => {
            if t != u && !t.has_dynamic() && !u.has_dynamic() || a.len() != b.len() {
                return Some(false);
            }
            all(a.iter().zip(b.iter()))
        }
        (Kind::Set(t, a), Kind::Set(u, b)) => {
            if t != u && !t.has_dynamic() && !u.has_dynamic() {
                return Some(false);
            }
            if !a.iter().chain(b.iter()).all(Value::is_wholly_known) {
                return None;
            }
            if a.len() != b.len() {
                return Some(false);
            }
            all(a.iter().zip(b.iter()))
        }
        (Kind::Map(t, a), Kind::Map(u, b)) => {
            if t != u && !t.has_dynamic() && !u.has_dynamic() || !a.keys().eq(b.keys()) {
                return Some(false);
            }
            all(a.values().zip(b.values()))
        }
        (Kind::Tuple(x), Kind::Tuple(y)) => {
            if x.len() != y.len() || !same_types(a, b) {
                return Some(false);
            }
            all(x.iter().zip(y.iter()))
        }
        (Kind::Object(x), Kind::Object(y)) => {
            if !x.keys().eq(y.keys()) || !same_types(a, b) {
                return Some(false);
            }
            all(x.values().zip(y.values()))
        }
        _ => Some(false),
    }
}

fn same_types(a: &Value, b: &Value) -> bool {
    let (a, b) = (a.ty(), b.ty());
    a == b || a.has_dynamic() || b.has_dynamic()
}

/// Unequal if any pair is, for certain; else unknown if any is.
fn all<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut result = Some(true);
    for (a, b) in pairs {
        match compare(a, b) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
    }
    result
}

/// Whether the unknown could still be `known`: `Some(false)` or `None`.
fn compare_unknown(unknown: &Unknown, known: &Value) -> Option<bool> {
    let facts = &unknown.refinement;
    if known.is_null() {
        return if facts.not_null { Some(false) } else { None };
    }
    if !may_be_same(&unknown.ty, &known.ty()) {
        return Some(false);
    }
    if unknown.ty.has_dynamic() || facts.admits(known) { None } else { Some(false) }
}

/// Whether two types can be one when what is not known of them is.
fn may_be_same(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dynamic, _) | (_, Type::Dynamic) => true,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            may_be_same(a, b)
        }
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| may_be_same(a, b))
        }
        (Type::Object(a), Type::Object(b)) => {
            a.attrs.keys().eq(b.attrs.keys())
                && a.attrs.values().zip(b.attrs.values()).all(|(a, b)| may_be_same(a, b))
        }
        (a, b) => a == b,
    }
}
