//! The order of a set's elements, which the language shows when it makes a list of them.

use crate::{Kind, Value, print::write_quoted};
use std::cmp::Ordering;

/// Sorts as go-cty does: known elements before unknown before null, strings by their bytes, numbers by size, anything
/// else by a canonical text.
pub(crate) fn sort(items: &mut [Value]) {
    if items.iter().any(|item| matches!(item.kind(), Kind::List(..) | Kind::Set(..) | Kind::Map(..)))
        || items.iter().any(|item| matches!(item.kind(), Kind::Tuple(_) | Kind::Object(_)))
    {
        // Equal texts (numbers with the same first ten digits) fall back on the order of values.
        items.sort_by_cached_key(|item| (rank(item), canonical(item), item.clone()));
    } else {
        items.sort_by(compare);
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    rank(a).cmp(&rank(b)).then_with(|| Element(a).cmp(&Element(b)))
}

/// A value as an element of a set: zero and minus zero, which the language calls equal, can both be in one.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a>(pub &'a Value);

impl Ord for Element<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(other.0).then_with(|| zeros(self.0, other.0))
    }
}

impl PartialOrd for Element<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Element<'_> {}

/// The order of two values that are equal but for the signs of zeros.
fn zeros(a: &Value, b: &Value) -> Ordering {
    if let (Kind::Number(a), Kind::Number(b)) = (a.kind(), b.kind()) {
        return b.is_negative().cmp(&a.is_negative());
    }
    let first = |pairs: &mut dyn Iterator<Item = (&Value, &Value)>| {
        pairs.map(|(a, b)| zeros(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    match (a.kind(), b.kind()) {
        (Kind::List(_, a), Kind::List(_, b))
        | (Kind::Set(_, a), Kind::Set(_, b))
        | (Kind::Tuple(a), Kind::Tuple(b)) => first(&mut a.iter().zip(b.iter())),
        (Kind::Map(_, a), Kind::Map(_, b)) => first(&mut a.values().zip(b.values())),
        (Kind::Object(a), Kind::Object(b)) => first(&mut a.values().zip(b.values())),
        _ => Ordering::Equal,
    }
}

/// Whether no two of a set's elements can turn out to be equal once all of them is known.
pub fn surely_differ(items: &[Value]) -> bool {
    let (known, partly): (Vec<&Value>, Vec<&Value>) = items.iter().partition(|item| item.is_wholly_known());
    if partly.is_empty() || items.len() < 2 {
        return true;
    }
    let mut all: Vec<&Value> = partly.iter().chain(&known).copied().collect();
    // Objects are told apart by the attributes that are known in all of them, so that only the rest is compared by pairs.
    let Some(first) = all[0].as_map().filter(|_| all.iter().all(|item| item.as_map().is_some())) else {
        return pairs_differ(&all, partly.len());
    };
    let known_in_all =
        |name: &&crate::Str| all.iter().all(|item| item.get(name).is_some_and(Value::is_wholly_known));
    let names: Vec<crate::Str> = first.keys().filter(known_in_all).cloned().collect();
    let key =
        |item: &Value| -> Vec<Option<Value>> { names.iter().map(|name| item.get(name).cloned()).collect() };
    all.sort_by_cached_key(|item| key(item));
    all.chunk_by(|a, b| key(a) == key(b)).all(|alike| pairs_differ(alike, alike.len()))
}

/// Whether each of the first `n` differs for certain from all others.
fn pairs_differ(items: &[&Value], n: usize) -> bool {
    (0..n.min(items.len()))
        .all(|i| items[i + 1..].iter().all(|b| items[i].equals(b).as_bool() == Some(false)))
}

fn rank(value: &Value) -> u8 {
    match value.kind() {
        Kind::Null(_) => 2,
        Kind::Unknown(_) => 1,
        _ => 0,
    }
}

fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    let items = |open: char, items: &[Value], close: char, out: &mut String| {
        out.push(open);
        for item in items {
            write_canonical(item, out);
            out.push(';');
        }
        out.push(close);
    };
    match value.kind() {
        Kind::Null(_) => out.push('~'),
        Kind::Unknown(_) => out.push('?'),
        Kind::Bool(b) => out.push(if *b { 'T' } else { 'F' }),
        Kind::Number(n) => out.push_str(&n.to_ten_digits()),
        Kind::String(text) => write_quoted(text, out),
        Kind::List(_, v) | Kind::Set(_, v) => items('[', v, ']', out),
        Kind::Tuple(v) => items('<', v, '>', out),
        Kind::Map(_, m) => {
            out.push('{');
            for (name, item) in m.iter() {
                write_quoted(name, out);
                out.push(':');
                write_canonical(item, out);
                out.push(';');
            }
            out.push('}');
        }
        Kind::Object(m) => {
            out.push('<');
            for item in m.values() {
                write_canonical(item, out);
                out.push(';');
            }
            out.push('>');
        }
    }
}
