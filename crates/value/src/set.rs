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
    rank(a).cmp(&rank(b)).then_with(|| a.cmp(b))
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
