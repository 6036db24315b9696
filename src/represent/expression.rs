//! Expressions: what they refer to, or the constant that they are.

use super::names::Name;
use formwork_config::const_eval;
use formwork_lang::references;
use formwork_provider::{Block, Nesting};
use formwork_syntax::{Body, Expr, ExprKind, walk};
use formwork_value::json::to_serde;
use serde_json::{Map, Value, json};

/// One expression. With calls but without references nothing can be said of it.
pub fn expression(expr: &Expr) -> Value {
    let found = references(expr);
    if !found.is_empty() {
        let names: Vec<String> = found.iter().flat_map(|r| Name::of(r).all()).collect();
        return json!({ "references": names });
    }
    let mut calls = false;
    walk(expr, &mut |e| calls |= matches!(e.kind, ExprKind::Call(_)));
    match const_eval(expr, &mut Vec::new()) {
        Some(value) if !calls => json!({ "constant_value": to_serde(&value) }),
        _ => json!({}),
    }
}

/// The attributes and nested blocks of a body. Where there is no schema, all that stands there is taken for such.
pub fn expressions(body: &Body, schema: Option<&Block>) -> Map<String, Value> {
    let mut out = Map::new();
    for attribute in &body.attributes {
        let name = &*attribute.name.name;
        if schema.is_none_or(|s| s.attributes.contains_key(name)) {
            out.insert(name.to_owned(), expression(&attribute.expr));
        }
    }
    for block in &body.blocks {
        let name = &*block.kind.name;
        let nested = schema.map(|s| s.blocks.get(name));
        let (nesting, inner) = match nested {
            None => (Nesting::List, None),
            // Terraform leaves dynamic blocks out as well.
            Some(None) => continue,
            Some(Some(nested)) => (nested.nesting, Some(&nested.block)),
        };
        let value = Value::from(expressions(&block.body, inner));
        match nesting {
            Nesting::Single | Nesting::Group => {
                out.insert(name.to_owned(), value);
            }
            Nesting::List | Nesting::Set => {
                if let Value::Array(items) = out.entry(name).or_insert_with(|| json!([])) {
                    items.push(value);
                }
            }
            Nesting::Map => {
                let key = block.labels.first().map_or(String::new(), |l| l.name.to_string());
                if let Value::Object(items) = out.entry(name).or_insert_with(|| json!({})) {
                    items.insert(key, value);
                }
            }
        }
    }
    out
}
