//! `.tf.json`: the same blocks, written as JSON
//! (<https://developer.hashicorp.com/terraform/language/syntax/json>).
//!
//! JSON does not tell an argument from a block. Here, the blocks that the language itself has are told apart; those that a
//! schema has are, where the schema is known.

use crate::language::{BlockKind, TOP_LEVEL};
use formwork_diag::Diagnostic;
use formwork_syntax::{
    Attribute, Block, Body, Expr, ExprKind, Str, duplicate_attributes, json_block_problems, json_blocks,
    json_body, parse_expr_within, walk,
};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The blocks of a file.
pub(crate) fn body(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Body {
    let mut body = json_body(expr);
    body.attributes.retain(|a| &*a.name.name != "//");
    computed_names(expr, 0, "Unsupported argument", diags);
    // Blocks of one type may be in several places.
    take_blocks(&mut body, &TOP_LEVEL, diags);
    diags.extend(duplicate_attributes(&body));
    body
}

/// Whether the value below these keys is read before anything is evaluated: there, strings are no templates.
pub(crate) fn is_literal(keys: &[Str]) -> bool {
    match keys {
        [kind, attribute] => &**kind == "terraform" && &**attribute == "required_version",
        [kind, _, attribute] => matches!(
            (&**kind, &**attribute),
            ("variable", "default" | "description" | "deprecated")
                | ("output", "description")
                | ("module", "source" | "version")
        ),
        _ => false,
    }
}

/// Keys that an object has twice. Unless the expression is certain to be a value, objects and arrays under one key may be
/// several blocks.
pub fn repeated_keys(expr: &Expr, is_value: bool, diags: &mut Vec<Diagnostic>) {
    walk(expr, &mut |e| {
        let ExprKind::Object(items) = &e.kind else { return };
        let mut seen = BTreeMap::new();
        for item in items {
            let ExprKind::String(name) = &item.key.kind else { continue };
            let plain = is_value || is_argument(&item.value);
            match seen.entry(name) {
                Entry::Vacant(first) => {
                    first.insert(plain);
                }
                Entry::Occupied(first) if plain || *first.get() => {
                    let detail = format!("The object has the key {:?} twice.", &**name);
                    diags.push(
                        Diagnostic::error("Duplicate object attribute", detail)
                            .at(item.key.span)
                            .help("Remove one of the two, or rename it."),
                    );
                }
                Entry::Occupied(_) => {}
            }
        }
    });
}

/// The content of a block of this kind, where nothing stands around it.
pub(crate) fn inside_of(kind: &BlockKind, expr: &Expr, diags: &mut Vec<Diagnostic>) -> Body {
    let mut body = json_body(expr);
    diags.extend(duplicate_attributes(&body));
    body.attributes.retain(|a| &*a.name.name != "//");
    take_blocks(&mut body, kind.blocks, diags);
    body
}

fn take_blocks(body: &mut Body, kinds: &[&'static BlockKind], diags: &mut Vec<Diagnostic>) {
    let (blocks, rest): (Vec<Attribute>, Vec<Attribute>) = std::mem::take(&mut body.attributes)
        .into_iter()
        .partition(|a| kinds.iter().any(|kind| kind.name == &*a.name.name));
    body.attributes = rest;
    for attribute in blocks {
        let Some(kind) = kinds.iter().find(|kind| kind.name == &*attribute.name.name) else { continue };
        let labels = kind.labels.len();
        diags.extend(json_block_problems(&attribute.expr, kind.name, labels));
        let summary = if kind.name == "locals" { "Invalid local value name" } else { "Unsupported argument" };
        computed_names(&attribute.expr, labels, summary, diags);
        for mut block in json_blocks(&attribute.expr, kind.name, labels) {
            inside(&mut block, kind, diags);
            body.blocks.push(block);
        }
    }
}

/// Complains about names of arguments, so many labels further in, that have a template in them: they are taken as they are
/// written, and so are none.
fn computed_names(expr: &Expr, labels: usize, summary: &str, diags: &mut Vec<Diagnostic>) {
    match &expr.kind {
        ExprKind::Object(items) => {
            for item in items {
                if labels > 0 {
                    computed_names(&item.value, labels - 1, summary, diags);
                } else if !matches!(item.key.kind, ExprKind::String(_)) {
                    diags.push(
                        Diagnostic::error(
                            summary,
                            "A name cannot be computed; this one has a template in it.",
                        )
                        .at(item.key.span)
                        .help("Write the name itself."),
                    );
                }
            }
        }
        ExprKind::Tuple(items) => items.iter().for_each(|item| computed_names(item, labels, summary, diags)),
        _ => {}
    }
}

fn inside(block: &mut Block, kind: &BlockKind, diags: &mut Vec<Diagnostic>) {
    block.body.attributes.retain(|a| &*a.name.name != "//");
    for attribute in &mut block.body.attributes {
        match (kind.name, &*attribute.name.name) {
            ("variable", "type")
            | ("moved", "from" | "to")
            | ("removed", "from")
            | ("import", "to")
            | ("resource" | "data" | "ephemeral" | "import", "provider") => {
                as_expression(&mut attribute.expr, diags);
            }
            ("module", "providers") => {
                if let ExprKind::Object(items) = &mut attribute.expr.kind {
                    let both = items.iter_mut().flat_map(|item| [&mut item.key, &mut item.value]);
                    both.for_each(|name| as_expression(name, diags));
                }
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
    take_blocks(&mut block.body, kind.blocks, diags);
    // Of other blocks, what is an object and what are blocks only a schema can say.
    let only_arguments = kind.others.is_none() || matches!(kind.name, "locals" | "module");
    for attribute in &block.body.attributes {
        let is_value = only_arguments || kind.arguments.iter().any(|a| a.name == &*attribute.name.name);
        repeated_keys(&attribute.expr, is_value, diags);
    }
    let mut arguments = Body { attributes: block.body.attributes.clone(), ..block.body.emptied() };
    arguments.attributes.retain(|a| {
        let twin = |b: &&Attribute| b.name.name == a.name.name && b.name.span != a.name.span;
        only_arguments
            || is_argument(&a.expr)
            || block.body.attributes.iter().filter(twin).any(|b| is_argument(&b.expr))
            || kind.arguments.iter().any(|known| known.name == &*a.name.name)
    });
    // Local values are told apart across blocks and files, too, when the module is made of them.
    if kind.name != "locals" {
        diags.extend(duplicate_attributes(&arguments));
    }
}

/// Whether this can be no block, whatever the schema says.
fn is_argument(expr: &Expr) -> bool {
    !matches!(expr.kind, ExprKind::Object(_) | ExprKind::Tuple(_) | ExprKind::Null)
}

/// Where the language wants a reference or a type, JSON has it in a string.
fn as_expression(expr: &mut Expr, diags: &mut Vec<Diagnostic>) {
    if let ExprKind::Interpolation(inner) = &expr.kind {
        diags.push(
            Diagnostic::error(
                "Invalid expression",
                "Here the string itself is the name, and not a template.",
            )
            .help("Remove ${ and } from it.")
            .at(expr.span),
        );
        *expr = (**inner).clone();
        return;
    }
    if let ExprKind::String(text) = &expr.kind {
        let (parsed, found) = parse_expr_within(expr.span, text);
        diags.extend(found);
        if let Some(parsed) = parsed {
            *expr = parsed;
        }
    }
}
