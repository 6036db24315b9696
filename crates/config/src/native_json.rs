//! `.tf.json`: the same blocks, written as JSON
//! (<https://developer.hashicorp.com/terraform/language/syntax/json>).
//!
//! JSON does not tell an argument from a block. Here, the blocks that the language itself has are told apart; those that a
//! schema has are, where the schema is known.

use formwork_diag::Diagnostic;
use formwork_syntax::{
    Attribute, Block, Body, Expr, ExprKind, duplicate_attributes, json_block_problems, json_blocks,
    json_body, parse_expr_within,
};

/// Kinds of top-level blocks with the number of their labels.
const KINDS: [(&str, usize); 13] = [
    ("terraform", 0),
    ("provider", 1),
    ("variable", 1),
    ("locals", 0),
    ("output", 1),
    ("module", 1),
    ("resource", 2),
    ("data", 2),
    ("moved", 0),
    ("removed", 0),
    ("check", 1),
    ("import", 0),
    ("ephemeral", 2),
];

/// Blocks inside others, with the number of their labels.
fn nested(kind: &str) -> &'static [(&'static str, usize)] {
    match kind {
        "terraform" => &[("required_providers", 0), ("backend", 1), ("cloud", 0), ("provider_meta", 1)],
        "variable" => &[("validation", 0)],
        "output" => &[("precondition", 0)],
        "resource" => &[("lifecycle", 0), ("provisioner", 1), ("connection", 0)],
        "removed" => &[("lifecycle", 0), ("provisioner", 1), ("connection", 0)],
        "data" | "ephemeral" | "module" => &[("lifecycle", 0)],
        "provisioner" => &[("connection", 0)],
        "lifecycle" => &[("precondition", 0), ("postcondition", 0)],
        "check" => &[("data", 2), ("assert", 0)],
        _ => &[],
    }
}

/// The blocks of a file.
pub(crate) fn body(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Body {
    let mut body = json_body(expr);
    diags.extend(duplicate_attributes(&body));
    body.attributes.retain(|a| &*a.name.name != "//");
    take_blocks(&mut body, &KINDS, diags);
    body
}

fn take_blocks(body: &mut Body, kinds: &[(&'static str, usize)], diags: &mut Vec<Diagnostic>) {
    let (blocks, rest): (Vec<Attribute>, Vec<Attribute>) = std::mem::take(&mut body.attributes)
        .into_iter()
        .partition(|a| kinds.iter().any(|(kind, _)| *kind == &*a.name.name));
    body.attributes = rest;
    for attribute in blocks {
        let Some((kind, labels)) = kinds.iter().find(|(kind, _)| *kind == &*attribute.name.name) else {
            continue;
        };
        diags.extend(json_block_problems(&attribute.expr, kind, *labels));
        for mut block in json_blocks(&attribute.expr, kind, *labels) {
            inside(&mut block, diags);
            body.blocks.push(block);
        }
    }
}

fn inside(block: &mut Block, diags: &mut Vec<Diagnostic>) {
    block.body.attributes.retain(|a| &*a.name.name != "//");
    let kind = block.kind.name.clone();
    for attribute in &mut block.body.attributes {
        match (&*kind, &*attribute.name.name) {
            ("variable", "type") | ("moved", "from" | "to") | ("removed", "from") | ("import", "to") => {
                as_expression(&mut attribute.expr, diags);
            }
            ("lifecycle", "ignore_changes" | "replace_triggered_by")
            | ("resource" | "data" | "ephemeral" | "module" | "output", "depends_on") => {
                match &mut attribute.expr.kind {
                    ExprKind::Tuple(items) => items.iter_mut().for_each(|item| as_expression(item, diags)),
                    _ => as_expression(&mut attribute.expr, diags),
                }
            }
            _ => {}
        }
    }
    take_blocks(&mut block.body, nested(&kind), diags);
}

/// Where the language wants a reference or a type, JSON has it in a string.
fn as_expression(expr: &mut Expr, diags: &mut Vec<Diagnostic>) {
    if let ExprKind::String(text) = &expr.kind {
        let (parsed, found) = parse_expr_within(expr.span, text);
        diags.extend(found);
        if let Some(parsed) = parsed {
            *expr = parsed;
        }
    }
}
