//! Types for people, as the console's `type` shows them.

use formwork_value::Type;
use std::fmt::Write;

/// A type over several lines where it has parts.
pub fn type_text(ty: &Type) -> String {
    let mut out = String::new();
    write_type(ty, 0, &mut out);
    out
}

fn write_type(ty: &Type, depth: usize, out: &mut String) {
    match ty {
        Type::Dynamic => out.push_str("dynamic"),
        Type::Bool => out.push_str("bool"),
        Type::Number => out.push_str("number"),
        Type::String => out.push_str("string"),
        Type::List(element) => collection("list", element, depth, out),
        Type::Set(element) => collection("set", element, depth, out),
        Type::Map(element) => collection("map", element, depth, out),
        Type::Tuple(items) => {
            parts("tuple([", items.iter().map(|item| (String::new(), item)), "])", depth, out);
        }
        Type::Object(object) => {
            let attributes = object.attrs.iter().map(|(name, ty)| (format!("{name}: "), ty));
            parts("object({", attributes, "})", depth, out);
        }
    }
}

fn collection(name: &str, element: &Type, depth: usize, out: &mut String) {
    if matches!(element, Type::Dynamic | Type::Bool | Type::Number | Type::String) {
        let _ = write!(out, "{name}(");
        write_type(element, depth, out);
        out.push(')');
    } else {
        parts(&format!("{name}("), std::iter::once((String::new(), element)), ")", depth, out);
    }
}

fn parts<'t>(
    begin: &str,
    items: impl Iterator<Item = (String, &'t Type)>,
    end: &str,
    depth: usize,
    out: &mut String,
) {
    out.push_str(begin);
    let mut any = false;
    for (lead, ty) in items {
        let _ = write!(out, "\n{}{lead}", "    ".repeat(depth + 1));
        write_type(ty, depth + 1, out);
        out.push(',');
        any = true;
    }
    if any {
        let _ = write!(out, "\n{}", "    ".repeat(depth));
    }
    out.push_str(end);
}
