//! `import` blocks.

use crate::blocks::provider_ref;
use crate::language::blocks as language;
use crate::load::MISSING;
use crate::meta::Reader;
use crate::model::{Import, ImportTarget, Module};
use crate::written::written;
use formwork_addr::{ModulePath, Resource, ResourceMode};
use formwork_diag::Diagnostic;
use formwork_lang::{RefStep, references};
use formwork_syntax::{Block, Expr, ExprKind, Ident, Str};

pub(crate) fn import(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let mut r = Reader::new(&language::IMPORT, &block.body);
    let (to, id, for_each) = (r.take("to"), r.take("id"), r.take("for_each"));
    let provider = r.take("provider").and_then(|a| provider_ref(&a.expr, diags));
    r.finish(diags);
    for (name, found) in [("to", to), ("id", id)] {
        if found.is_none() {
            diags.push(
                Diagnostic::error(
                    MISSING,
                    format!("The argument \"{name}\" is required in an import block."),
                )
                .at(block.body.missing)
                .help(match name {
                    "to" => "Name the resource that the object is to become: to = aws_instance.web",
                    _ => "Give the ID that the object has on the other side: id = \"i-0123\"",
                }),
            );
        }
    }
    let (Some(to), Some(id)) = (to, id) else { return };
    if let Some(d) = written(&to.expr).and_then(|w| w.reserved()) {
        diags.push(d);
        return;
    }
    let Some(target) = target(&to.expr, diags) else { return };
    let own = |r: &formwork_lang::Reference<'_>| {
        target.path.0.is_empty()
            && r.root == &*target.resource.type_name
            && r.steps.first() == Some(&RefStep::Attr(&target.resource.name))
    };
    if let Some(reference) = references(&id.expr).iter().find(|r| own(r)) {
        diags.push(
            Diagnostic::error(
                "Invalid import id argument",
                format!("The ID of what becomes {} cannot be taken from {0} itself.", target.resource),
            )
            .at(reference.span.first(target.resource.to_string().len()))
            .help("Write the ID that the object has on the other side."),
        );
        return;
    }
    if let (None, Some(first)) = (for_each, same(module, &target)) {
        diags.push(
            Diagnostic::error(
                format!("Duplicate import configuration for {:?}", target.text),
                "Two import blocks name one resource, and an object has one ID.",
            )
            .at(to.expr.span)
            .label(first, "the first one is here"),
        );
        return;
    }
    module.imports.push(Import {
        to: target,
        id: id.expr.clone(),
        for_each: for_each.map(|a| a.expr.clone()),
        provider,
        span: block.header,
    });
}

/// An import block without `for_each` of the very same address.
fn same(module: &Module, target: &ImportTarget) -> Option<formwork_diag::Span> {
    if target.dynamic() {
        return None;
    }
    let found = module.imports.iter().find(|i| i.for_each.is_none() && i.to.text == target.text)?;
    Some(found.to.span)
}

enum Step<'a> {
    Name(&'a Ident),
    Key(&'a Expr),
}

/// An address of a resource instance, whose keys may be expressions.
fn target(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<ImportTarget> {
    let mut steps = Vec::new();
    let invalid = |detail: &str| {
        Diagnostic::error("Invalid import address", detail)
            .at(expr.span)
            .help("For example: aws_instance.web, aws_instance.web[each.key], module.network.aws_subnet.a[0]")
    };
    let root = chain(expr, &mut steps);
    let found = root.and_then(|root| address(root, &steps));
    match found {
        Some((_, resource, _)) if resource.mode != ResourceMode::Managed => {
            diags.push(invalid(
                "Only managed resources can be imported: what others manage is read with data blocks.",
            ));
            None
        }
        Some((modules, resource, key)) => {
            let path = ModulePath(modules.iter().map(|(name, _)| name.clone()).collect());
            let modules = modules.into_iter().map(|(_, key)| key.cloned()).collect();
            let text = printed(&path, &modules, &resource, key);
            Some(ImportTarget { path, modules, resource, key: key.cloned(), text, span: expr.span })
        }
        None => {
            diags.push(invalid("\"to\" is the address of one resource instance."));
            None
        }
    }
}

fn chain<'a>(expr: &'a Expr, steps: &mut Vec<Step<'a>>) -> Option<&'a Str> {
    match &expr.kind {
        ExprKind::Variable(name) => Some(name),
        ExprKind::Attr(source, name) => {
            let root = chain(source, steps)?;
            steps.push(Step::Name(name));
            Some(root)
        }
        ExprKind::Index(source, key) => {
            let root = chain(source, steps)?;
            steps.push(Step::Key(key));
            Some(root)
        }
        _ => None,
    }
}

type Found<'a> = (Vec<(Str, Option<&'a Expr>)>, Resource, Option<&'a Expr>);

fn address<'a>(root: &Str, steps: &[Step<'a>]) -> Option<Found<'a>> {
    let mut modules = Vec::new();
    let mut root = root.clone();
    let mut rest = steps;
    while &*root == "module" {
        let [Step::Name(name), more @ ..] = rest else { return None };
        let (key, more) = match more {
            [Step::Key(key), more @ ..] => (Some(*key), more),
            _ => (None, more),
        };
        modules.push((name.name.clone(), key));
        let [Step::Name(next), more @ ..] = more else { return None };
        (root, rest) = (next.name.clone(), more);
    }
    let mode = match &*root {
        "data" => ResourceMode::Data,
        "ephemeral" => ResourceMode::Ephemeral,
        _ => ResourceMode::Managed,
    };
    let mut type_name = root.clone();
    if mode != ResourceMode::Managed || &*root == "resource" {
        let [Step::Name(name), more @ ..] = rest else { return None };
        (type_name, rest) = (name.name.clone(), more);
    }
    let (name, key) = match rest {
        [Step::Name(name)] => (name, None),
        [Step::Name(name), Step::Key(key)] => (name, Some(*key)),
        _ => return None,
    };
    Some((modules, Resource { mode, type_name, name: name.name.clone() }, key))
}

/// The address as people write it, where all its keys are literals.
fn printed(path: &ModulePath, keys: &Vec<Option<Expr>>, resource: &Resource, key: Option<&Expr>) -> String {
    let shown = |key: Option<&Expr>| match key.map(|k| &k.kind) {
        None => String::new(),
        Some(ExprKind::String(s)) => format!("[{}]", formwork_addr::Quoted(s)),
        Some(ExprKind::Number(n)) => format!("[{n}]"),
        Some(_) => "[…]".to_owned(),
    };
    let mut out = String::new();
    for (name, key) in path.0.iter().zip(keys) {
        out.push_str(&format!("module.{name}{}.", shown(key.as_ref())));
    }
    format!("{out}{resource}{}", shown(key))
}
