//! `resource`, `data` and `ephemeral` blocks.

use crate::blocks::{provider_ref, repetition};
use crate::conditions::{condition, refuse_itself};
use crate::escape::unescape;
use crate::labels::labels;
use crate::language::blocks as language;
use crate::meta::{
    Reader, dependencies as depends, duplicate, no_other_literal, reference_list, trigger_list,
};
use crate::model::*;
use crate::provisioners::provisioners;
use formwork_addr::{Resource, ResourceMode};
use formwork_diag::{Diagnostic, Span};
use formwork_lang::{RefStep, references};
use formwork_syntax::{Block, Expr, ExprKind, Str};
use std::sync::Arc;

/// Reads a `resource`, `data` or `ephemeral` block; `check` is the check block that it stands in.
pub(crate) fn add_resource(
    module: &mut Module,
    block: &Block,
    mode: ResourceMode,
    check: Option<&Str>,
    diags: &mut Vec<Diagnostic>,
) {
    let Some([type_name, name]) = labels(block, &["type", "name"], diags) else { return };
    let resource = Resource { mode, type_name: type_name.name.clone(), name: name.name.clone() };
    if let Some(first) = module.resources.get(&resource) {
        let what = match mode {
            ResourceMode::Managed => "resource",
            ResourceMode::Data => "data resource",
            ResourceMode::Ephemeral => "ephemeral resource",
        };
        let name = format!("{}.{}", resource.type_name, resource.name);
        diags.push(duplicate(what, &name, first.span, block.header));
        return;
    }
    let mut body = block.body.emptied();
    let (mut count, mut for_each, mut provider) = (None, None, None);
    let mut dependencies = Vec::new();
    for a in &block.body.attributes {
        match &*a.name.name {
            "count" => count = Some(a),
            "for_each" => for_each = Some(a),
            "provider" => provider = provider_ref(&a.expr, diags),
            "depends_on" => dependencies = depends(&a.expr, diags),
            _ => body.attributes.push(a.clone()),
        }
    }
    if let Some(repeated) = count.or(for_each).filter(|_| check.is_some()) {
        diags.push(
            Diagnostic::error(
                "Invalid data block in a check",
                format!(
                    "A data block inside of a check is read once, and cannot have \"{}\".",
                    repeated.name.name
                ),
            )
            .at(repeated.name.span),
        );
    }
    let mut lifecycle = None::<(Span, Lifecycle)>;
    let mut enabled = None;
    let mut provisioning = Vec::new();
    for b in &block.body.blocks {
        match &*b.kind.name {
            "lifecycle" => {
                if let Some((first, _)) = &lifecycle {
                    diags.push(second_lifecycle(b.header, *first));
                } else {
                    enabled = b.body.attribute("enabled");
                    let read = read_lifecycle(b, mode, diags);
                    refuse_itself(&read, &resource, diags);
                    lifecycle = Some((b.header, read));
                }
            }
            "provisioner" | "connection" if mode == ResourceMode::Managed => provisioning.push(b),
            _ => body.blocks.push(b.clone()),
        }
    }
    unescape(&mut body, diags);
    let resource = Arc::new(resource);
    let read = ResourceBlock {
        resource: resource.clone(),
        repetition: repetition(count, for_each, enabled, diags),
        provider,
        // What depends on itself waits for nothing.
        depends_on: dependencies.into_iter().filter(|e| !names(e, &resource)).collect(),
        lifecycle: lifecycle.map(|(_, l)| l).unwrap_or_default(),
        provisioners: provisioners(&provisioning, diags),
        check: check.cloned(),
        body,
        span: block.header,
        type_span: type_name.span,
    };
    module.resources.insert((*resource).clone(), Arc::new(read));
}

/// What is said of a second lifecycle block.
pub(crate) fn second_lifecycle(at: Span, first: Span) -> Diagnostic {
    Diagnostic::error("Duplicate lifecycle block", "A resource has one lifecycle block.")
        .at(at)
        .label(first, "the first one is here")
}

/// Whether a reference is to all of a resource, or to an instance of it.
fn names(expr: &Expr, resource: &Resource) -> bool {
    references(expr).first().is_some_and(|reference| {
        let mut path = vec![reference.root];
        path.extend(reference.steps.iter().filter_map(|step| match step {
            RefStep::Attr(name) => Some(*name),
            _ => None,
        }));
        let (ty, name) = (&*resource.type_name, &*resource.name);
        match resource.mode {
            ResourceMode::Managed => path == [ty, name] || path == ["resource", ty, name],
            ResourceMode::Data => path == ["data", ty, name],
            ResourceMode::Ephemeral => path == ["ephemeral", ty, name],
        }
    })
}

fn read_lifecycle(block: &Block, mode: ResourceMode, diags: &mut Vec<Diagnostic>) -> Lifecycle {
    let kind = match mode {
        ResourceMode::Managed => &language::LIFECYCLE,
        ResourceMode::Data | ResourceMode::Ephemeral => &language::READ_LIFECYCLE,
    };
    let mut r = Reader::new(kind, &block.body);
    let mut lifecycle = Lifecycle::default();
    // It says how often the block stands for an object, and was read with that.
    let _ = r.take("enabled");
    if mode == ResourceMode::Managed {
        if let Some(a) = r.take("create_before_destroy") {
            no_other_literal(a, diags);
            settled_early(&a.expr, diags);
            lifecycle.create_before_destroy = Some(a.expr.clone());
        }
        if let Some(a) = r.take("prevent_destroy") {
            no_other_literal(a, diags);
            lifecycle.prevent_destroy = Some(a.expr.clone());
        }
        if let Some(a) = r.take("replace_triggered_by") {
            lifecycle.replace_triggered_by = trigger_list(&a.expr, diags);
        }
        if let Some(a) = r.take("ignore_changes") {
            lifecycle.ignore_changes = match &a.expr.kind {
                ExprKind::Variable(all) if &**all == "all" => IgnoreChanges::All,
                _ => IgnoreChanges::Paths(reference_list(&a.expr, "\"ignore_changes\"", diags)),
            };
        }
    }
    for (kind, into) in
        [("precondition", &mut lifecycle.preconditions), ("postcondition", &mut lifecycle.postconditions)]
    {
        into.extend(r.take_blocks(kind).into_iter().filter_map(|b| condition(b, diags)));
    }
    r.finish(diags);
    lifecycle
}

/// The order of a replacement is the same for all instances, and follows from what is known before anything is planned.
fn settled_early(expr: &Expr, diags: &mut Vec<Diagnostic>) {
    for reference in references(expr) {
        if !["var", "local", "path", "terraform", "tofu"].contains(&reference.root) {
            diags.push(
                Diagnostic::error(
                    "Invalid create_before_destroy",
                    format!(
                        "It cannot depend on \"{}\": the order is settled before anything is planned.",
                        reference.root
                    ),
                )
                .help("Use a constant, variables, locals made of them, path or terraform.")
                .at(reference.span),
            );
        }
    }
}
