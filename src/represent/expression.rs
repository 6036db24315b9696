//! Expressions: what they refer to, or the constant that they are.

use super::names::Name;
use formwork_config::const_eval;
use formwork_diag::Sources;
use formwork_lang::references;
use formwork_provider::{Block as SchemaBlock, Nesting};
use formwork_syntax::{Block, Body, Expr, ExprKind, json_blocks, json_data, walk};
use formwork_value::json::to_serde;
use serde_json::{Map, Value, json};

/// Writes expressions that stand in these sources.
pub struct Expressions<'a>(pub &'a Sources);

impl Expressions<'_> {
    /// One expression. With calls but without references nothing can be said of it.
    pub fn one(&self, expr: &Expr) -> Value {
        let mut out = Map::new();
        let found = references(expr);
        if let Some(value) = self.written(expr).or_else(|| constant(expr).filter(|_| found.is_empty())) {
            out.insert("constant_value".into(), value);
        }
        if !found.is_empty() {
            let names: Vec<String> = found.iter().flat_map(|r| Name::of(r).all()).collect();
            out.insert("references".into(), names.into());
        }
        out.into()
    }

    /// A value of a JSON file: it is shown as it is written there, templates and all.
    fn written(&self, expr: &Expr) -> Option<Value> {
        let span = expr.span;
        let file = self.0.get(span.file).filter(|file| file.name.ends_with(".json"))?;
        let text = file.text.get(span.start as usize..span.end as usize)?;
        let value = const_eval(&json_data(span.file, text).0?, &mut Vec::new())?;
        Some(to_serde(&value))
    }

    /// The attributes and nested blocks of a body. Where there is no schema, all that stands there is taken for such.
    pub fn of_body(&self, body: &Body, schema: Option<&SchemaBlock>) -> Map<String, Value> {
        let mut out = Map::new();
        for attribute in &body.attributes {
            let name = &*attribute.name.name;
            match schema.and_then(|s| s.blocks.get(name)).filter(|_| attribute.json) {
                Some(nested) => {
                    let labels = usize::from(nested.nesting == Nesting::Map);
                    let blocks = json_blocks(&attribute.expr, name, labels);
                    blocks.iter().for_each(|block| self.block(block, schema, &mut out));
                }
                None if schema.is_none_or(|s| s.attributes.contains_key(name)) => {
                    out.insert(name.to_owned(), self.one(&attribute.expr));
                }
                None => {}
            }
        }
        body.blocks.iter().for_each(|block| self.block(block, schema, &mut out));
        out
    }

    /// Adds a nested block of a body with this schema.
    fn block(&self, block: &Block, schema: Option<&SchemaBlock>, out: &mut Map<String, Value>) {
        let name = &*block.kind.name;
        let nested = schema.map(|s| s.blocks.get(name));
        let (nesting, inner) = match nested {
            None => (Nesting::List, None),
            // Terraform leaves dynamic blocks out as well.
            Some(None) => return,
            Some(Some(nested)) => (nested.nesting, Some(&nested.block)),
        };
        let value = Value::from(self.of_body(&block.body, inner));
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
}

/// The value of an expression that neither refers to anything nor calls anything.
fn constant(expr: &Expr) -> Option<Value> {
    let mut calls = false;
    walk(expr, &mut |e| calls |= matches!(e.kind, ExprKind::Call(_)));
    if calls { None } else { const_eval(expr, &mut Vec::new()).map(|value| to_serde(&value)) }
}
