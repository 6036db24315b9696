//! `provisioner` and `connection` blocks.

use crate::escape::unescape;
use crate::meta::{is_identifier, literal_string};
use crate::model::{Connection, OnFailure, Provisioner, When};
use formwork_diag::Diagnostic;
use formwork_lang::{RefStep, references};
use formwork_syntax::{Attribute, Block, Body, ExprKind};

/// Provisioners that Terraform once had.
const GONE: [&str; 4] = ["chef", "habitat", "puppet", "salt-masterless"];

/// The provisioners among the blocks of a resource, each with the connection that it uses.
pub(crate) fn provisioners(blocks: &[&Block], diags: &mut Vec<Diagnostic>) -> Vec<Provisioner> {
    let base = connection(blocks, "resource", diags);
    let mut found: Vec<Provisioner> = Vec::new();
    for block in blocks.iter().filter(|b| &*b.kind.name == "provisioner") {
        found.extend(provisioner(block, base.as_ref(), diags));
    }
    if let Some(base) = base.filter(|_| found.iter().any(|p| p.when == When::Destroy)) {
        only_itself(&base.body, diags);
    }
    found
}

fn provisioner(block: &Block, base: Option<&Connection>, diags: &mut Vec<Diagnostic>) -> Option<Provisioner> {
    let [kind] = block.labels.as_slice() else { return None };
    if GONE.contains(&&*kind.name) || !is_identifier(&kind.name) {
        diags.push(
            Diagnostic::error(
                "Unknown provisioner",
                format!("There is no provisioner \"{}\" any more.", kind.name),
            )
            .at(kind.span)
            .help("There are local-exec, remote-exec and file."),
        );
        return None;
    }
    let mut body = block.body.emptied();
    let (mut when, mut on_failure) = (When::Create, OnFailure::Fail);
    for a in &block.body.attributes {
        match &*a.name.name {
            "when" => {
                let all = [("create", When::Create), ("destroy", When::Destroy)];
                when = keyword(a, all, diags).unwrap_or(when);
            }
            "on_failure" => {
                let all = [("continue", OnFailure::Continue), ("fail", OnFailure::Fail)];
                on_failure = keyword(a, all, diags).unwrap_or(on_failure);
            }
            _ => body.attributes.push(a.clone()),
        }
    }
    let inner: Vec<&Block> = block.body.blocks.iter().collect();
    let own = connection(&inner, "provisioner", diags);
    for b in inner.iter().filter(|b| &*b.kind.name != "connection") {
        if matches!(&*b.kind.name, "lifecycle" | "escape") {
            diags.push(
                Diagnostic::error(
                    "Unsupported block type",
                    format!("Blocks of type \"{}\" are not expected in a provisioner block.", b.kind.name),
                )
                .at(b.header),
            );
        } else {
            body.blocks.push((*b).clone());
        }
    }
    unescape(&mut body, diags);
    if when == When::Destroy {
        only_itself(&body, diags);
        own.iter().for_each(|c| only_itself(&c.body, diags));
    }
    let connection = match (own, base) {
        (Some(own), Some(base)) => Some(merged(own, base)),
        (own, base) => own.or_else(|| base.cloned()),
    };
    Some(Provisioner { kind: kind.clone(), when, on_failure, body, connection, span: block.header })
}

/// What the provisioner's own block says wins over what the resource's says.
fn merged(own: Connection, base: &Connection) -> Connection {
    let mut body = own.body;
    for attribute in &base.body.attributes {
        if body.attribute(&attribute.name.name).is_none() {
            body.attributes.push(attribute.clone());
        }
    }
    Connection { body, span: own.span }
}

fn connection(blocks: &[&Block], of: &str, diags: &mut Vec<Diagnostic>) -> Option<Connection> {
    let mut all = blocks.iter().filter(|b| &*b.kind.name == "connection");
    let first = all.next()?;
    for second in all {
        diags.push(
            Diagnostic::error("Duplicate connection block", format!("A {of} has one connection block."))
                .at(second.header)
                .label(first.header, "the first one is here"),
        );
    }
    Some(Connection { body: first.body.clone(), span: first.header })
}

fn keyword<T: Copy>(a: &Attribute, all: [(&str, T); 2], diags: &mut Vec<Diagnostic>) -> Option<T> {
    let name = &a.name.name;
    let given = match &a.expr.kind {
        ExprKind::Variable(word) => Some(word.clone()),
        ExprKind::String(_) => literal_string(&a.expr, "", diags),
        _ => None,
    };
    let found = given.and_then(|g| all.iter().find(|(word, _)| *word == &*g).map(|(_, value)| *value));
    if found.is_none() {
        diags.push(
            Diagnostic::error(
                format!("Invalid \"{name}\" keyword"),
                format!("\"{name}\" is one of two words: {} or {}.", all[0].0, all[1].0),
            )
            .at(a.expr.span),
        );
    } else if matches!(a.expr.kind, ExprKind::String(_)) && !a.json {
        diags.push(
            Diagnostic::warning("Quoted keywords are deprecated", "A keyword is written without quotes.")
                .help("Remove the quotes.")
                .at(a.expr.span),
        );
    }
    found
}

/// What runs when an object goes may only speak of the object: everything else may be gone already.
fn only_itself(body: &Body, diags: &mut Vec<Diagnostic>) {
    for a in &body.attributes {
        for reference in references(&a.expr) {
            let fine = match (reference.root, reference.steps.first()) {
                ("self" | "path" | "terraform" | "tofu", _) => true,
                ("count", Some(RefStep::Attr(name))) => *name == "index",
                ("each", Some(RefStep::Attr(name))) => *name == "key",
                _ => false,
            };
            if !fine {
                diags.push(
                    Diagnostic::error(
                        "Invalid reference from destroy provisioner",
                        "What runs before an object is destroyed may speak of self, count.index, each.key, path and terraform only: everything else may be gone by then.",
                    )
                    .help("Store what it needs in the object itself, as terraform_data does with input, and write self.input.")
                    .at(reference.span),
                );
            }
        }
    }
    body.blocks.iter().for_each(|b| only_itself(&b.body, diags));
}
