//! Comparing values as planning and its checks need it: marks never count, and a null is a null.

use formwork_value::{Kind, Path, PathStep, Type, Unknown, Value};
use std::sync::Arc;

/// Whether two values are the same, marks and the types of nulls aside.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a.kind(), b.kind()) {
        (Kind::Null(_), Kind::Null(_)) => true,
        (Kind::List(t, x), Kind::List(u, y)) | (Kind::Set(t, x), Kind::Set(u, y)) => {
            Arc::ptr_eq(x, y) || (same_items(x, y) && (!x.is_empty() || t == u))
        }
        (Kind::Tuple(x), Kind::Tuple(y)) => Arc::ptr_eq(x, y) || same_items(x, y),
        (Kind::Map(t, x), Kind::Map(u, y)) => {
            Arc::ptr_eq(x, y)
                || (x.len() == y.len()
                    && (!x.is_empty() || t == u)
                    && x.iter().zip(y.iter()).all(|((k, v), (l, w))| k == l && same(v, w)))
        }
        (Kind::Object(x), Kind::Object(y)) => {
            Arc::ptr_eq(x, y)
                || (x.len() == y.len() && x.iter().zip(y.iter()).all(|((k, v), (l, w))| k == l && same(v, w)))
        }
        (x, y) => x == y,
    }
}

fn same_items(x: &[Value], y: &[Value]) -> bool {
    x.len() == y.len() && x.iter().zip(y).all(|(v, w)| same(v, w))
}

/// Whether a value is of a type. Nulls fit everywhere; so does everything where the type is not settled.
pub(crate) fn conforms(value: &Value, ty: &Type) -> bool {
    match (value.kind(), ty) {
        (_, Type::Dynamic) | (Kind::Null(_), _) => true,
        (Kind::Unknown(u), ty) => u.ty == Type::Dynamic || u.ty == *ty || ty.has_dynamic(),
        (Kind::Bool(_), Type::Bool) | (Kind::Number(_), Type::Number) | (Kind::String(_), Type::String) => {
            true
        }
        (Kind::List(_, v), Type::List(t)) | (Kind::Set(_, v), Type::Set(t)) => {
            v.iter().all(|x| conforms(x, t))
        }
        (Kind::Map(_, m), Type::Map(t)) => m.values().all(|x| conforms(x, t)),
        (Kind::Tuple(v), Type::Tuple(ts)) => {
            v.len() == ts.len() && v.iter().zip(ts.iter()).all(|(x, t)| conforms(x, t))
        }
        (Kind::Object(m), Type::Object(o)) => {
            m.len() == o.attrs.len()
                && m.iter().zip(&o.attrs).all(|((k, x), (l, t))| k == l && conforms(x, t))
        }
        _ => false,
    }
}

/// Whether `now` is what `planned` promised: equal where that is known, anything that fits where it is not. The
/// error is the first place where it is not so.
pub(crate) fn refines(planned: &Value, now: &Value, at: &Path) -> Result<(), Path> {
    let check = |ok: bool| if ok { Ok(()) } else { Err(at.clone()) };
    match (planned.kind(), now.kind()) {
        (Kind::Unknown(promise), _) => check(fits(promise, now)),
        (Kind::List(_, x), Kind::List(_, y)) | (Kind::Tuple(x), Kind::Tuple(y)) => {
            check(x.len() == y.len())?;
            let pairs = x.iter().zip(y.iter()).enumerate();
            pairs.into_iter().try_for_each(|(i, (p, n))| refines(p, n, &at.index(i)))
        }
        (Kind::Set(..), Kind::Set(..)) if planned.is_wholly_known() => check(same(planned, now)),
        (Kind::Set(_, x), Kind::Set(_, y)) => {
            let pair = |p: &Value, n: &Value| refines(p, n, at).is_ok();
            check(x.iter().all(|p| y.iter().any(|n| pair(p, n))))?;
            check(y.iter().all(|n| x.iter().any(|p| pair(p, n))))
        }
        (Kind::Map(_, x), Kind::Map(_, y)) | (Kind::Object(x), Kind::Object(y)) => {
            check(x.len() == y.len())?;
            let object = matches!(planned.kind(), Kind::Object(_));
            x.iter().zip(y.iter()).try_for_each(|((k, p), (l, n))| {
                check(k == l)?;
                refines(p, n, &if object { at.attr(k.clone()) } else { at.index(k.clone()) })
            })
        }
        _ => check(same(planned, now)),
    }
}

/// Whether a value is one that the unknown allowed for. Another unknown is, if its type can still fit.
fn fits(promise: &Unknown, now: &Value) -> bool {
    let limits = &promise.refinement;
    let at_least = |min: Option<u64>| min.is_none_or(|min| now.len().is_none_or(|len| len as u64 >= min));
    let at_most = |max: Option<u64>| max.is_none_or(|max| now.len().is_none_or(|len| len as u64 <= max));
    let prefixed = match (now.as_str(), &limits.prefix) {
        (Some(text), Some(prefix)) => text.starts_with(&**prefix),
        _ => true,
    };
    let in_range = now.as_number().is_none_or(|n| {
        limits.min.as_ref().is_none_or(|(min, inclusive)| n > min || (*inclusive && n == min))
            && limits.max.as_ref().is_none_or(|(max, inclusive)| n < max || (*inclusive && n == max))
    });
    conforms(now, &promise.ty)
        && !(limits.not_null && now.is_null())
        && prefixed
        && in_range
        && at_least(limits.min_len)
        && at_most(limits.max_len)
}

/// The path one step further.
pub(crate) fn join(at: &Path, step: PathStep) -> Path {
    let mut path = at.clone();
    path.0.push(step);
    path
}
