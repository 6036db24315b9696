//! `terraform` blocks.

use crate::constant::const_eval;
use crate::encryption;
use crate::language::blocks as language;
use crate::meta::{Reader, duplicate, literal_list, literal_string, names, provider_name};
use crate::model::{BackendBlock, Module, ProviderRequirement};
use crate::providers::normalise_source;
use crate::version::{Constraints, Version};
use formwork_diag::Diagnostic;
use formwork_syntax::{Attribute, Block, Expr, ExprKind, Str};
use std::sync::Arc;

/// The version of Terraform whose language this is.
const COMPATIBLE: &str = "1.11.4";

/// The edition of the language.
const EDITION: &str = "TF2021";

const PRE_RELEASE: &str = "Invalid required_version constraint";
const OTHER_VERSION: &str = "Unsupported version";

/// What is said of the version that a module wants in the end, and not of what another file replaces.
pub(crate) const OF_THE_WHOLE: [&str; 2] = [PRE_RELEASE, OTHER_VERSION];

pub(crate) fn terraform(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let mut r = Reader::new(&language::TERRAFORM, &block.body);
    if let Some(a) = r.take("required_version")
        && const_eval(&a.expr, &mut Vec::new()).is_none_or(|value| !value.is_null())
        && let Some(text) = literal_string(&a.expr, "\"required_version\"", diags)
    {
        match Constraints::parse(&text) {
            Ok(wanted) if wanted.name_prerelease() => diags.push(
                Diagnostic::error(
                    PRE_RELEASE,
                    format!(
                        "\"{text}\" names a pre-release, and \"required_version\" is about releases only."
                    ),
                )
                .at(a.expr.span)
                .help("Remove what stands after the dash."),
            ),
            Ok(wanted) if Version::parse(COMPATIBLE).is_some_and(|v| wanted.admit(&v)) => {}
            Ok(_) => diags.push(
                Diagnostic::error(
                    OTHER_VERSION,
                    format!("This module wants Terraform {text}; Formwork is compatible with {COMPATIBLE}."),
                )
                .at(a.span),
            ),
            Err(reason) => diags.push(
                Diagnostic::error("Invalid version constraint", reason)
                    .at(a.expr.span)
                    .help("For example: \">= 1.5, < 2.0\""),
            ),
        }
    }
    if let Some(a) = r.take("language") {
        language_edition(a, diags);
    }
    if let Some(a) = r.take("experiments") {
        diags.push(
            Diagnostic::warning("Experiments are ignored", "Formwork has no experimental language features.")
                .at(a.span),
        );
    }
    for b in r.take_blocks("required_providers") {
        if let Some(first) = module.required_providers_at {
            diags.push(
                Diagnostic::error(
                    "Duplicate required providers configuration",
                    "A module has one block \"required_providers\".",
                )
                .at(b.header)
                .label(first, "the first one is here")
                .help("Put all requirements into one of them."),
            );
            continue;
        }
        module.required_providers_at = Some(b.header);
        for a in &b.body.attributes {
            if let Some(first) = module.required_providers.get(&a.name.name) {
                diags.push(duplicate("required provider", &a.name.name, first.span, a.name.span));
            } else if !provider_name(&a.name.name, a.name.span, diags) {
                continue;
            } else if let Some(requirement) = requirement(a, diags) {
                module.required_providers.insert(a.name.name.clone(), requirement);
            }
        }
    }
    for b in r.take_blocks("backend") {
        backend(module, b, diags);
    }
    for b in r.take_blocks("cloud") {
        diags.push(
            Diagnostic::error("Unsupported backend", "Formwork does not work with HCP Terraform.")
                .at(b.header),
        );
    }
    for b in r.take_blocks("encryption") {
        match &module.encryption {
            Some((first, _)) => diags.push(
                Diagnostic::error("Duplicate encryption configuration", "A module has one encryption block.")
                    .at(b.header)
                    .label(*first, "the first one is here"),
            ),
            None => module.encryption = Some((b.header, Arc::new(encryption::read(&b.body, diags)))),
        }
    }
    let _ = r.take_blocks("provider_meta");
    r.finish(diags);
}

/// There is one edition of the language so far.
fn language_edition(a: &Attribute, diags: &mut Vec<Diagnostic>) {
    let edition = match &a.expr.kind {
        ExprKind::Variable(name) => Some(name),
        ExprKind::String(name) if a.json => Some(name),
        _ => None,
    };
    let d = match edition {
        Some(name) if &**name == EDITION => return,
        Some(name) => Diagnostic::error(
            "Unsupported language edition",
            format!("There is no edition \"{name}\" of the language here, only {EDITION}."),
        ),
        None => Diagnostic::error("Invalid language edition", "The edition of the language is a word."),
    };
    diags.push(d.at(a.expr.span).help(format!("Remove the argument, or write: language = {EDITION}")));
}

/// A `backend` block. Which kinds there are, and what they take, is for others to say.
fn backend(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let [kind] = &*block.labels else { return };
    for inner in &block.body.blocks {
        let name = &inner.kind.name;
        diags.push(
            Diagnostic::error(
                "Unsupported block type",
                format!("Blocks of type \"{name}\" are not expected in a backend block."),
            )
            .at(inner.kind.span)
            .help(format!("If it is an argument, write it with an equals sign: {name} = {{ … }}")),
        );
    }
    if let Some(first) = &module.backend {
        diags.push(
            Diagnostic::error("Duplicate backend configuration", "A module has one backend block.")
                .at(block.header)
                .label(first.header, "the first one is here"),
        );
        return;
    }
    module.backend = Some(Arc::new(BackendBlock {
        kind: kind.clone(),
        arguments: block.body.attributes.clone(),
        header: block.header,
    }));
}

/// Providers are part of the program, so of their versions only the form matters.
fn version(expr: &Expr, diags: &mut Vec<Diagnostic>) {
    let reason = match const_eval(expr, diags) {
        None => return,
        Some(value) => match value.as_str() {
            Some(text) => Constraints::parse(text).err(),
            None => Some("It must be a string".into()),
        },
    };
    diags.extend(reason.map(|reason| {
        Diagnostic::error("Invalid version constraint", reason)
            .at(expr.span)
            .help("For example: \">= 1.5, < 2.0\"")
    }));
}

fn requirement(a: &Attribute, diags: &mut Vec<Diagnostic>) -> Option<ProviderRequirement> {
    let (local, expr) = (&*a.name.name, &a.expr);
    let mut source = None;
    let mut aliases = Vec::new();
    match &expr.kind {
        // The form of Terraform 0.12: only a version.
        ExprKind::String(_) => version(expr, diags),
        ExprKind::Object(items) => {
            for item in items {
                match &item.key.kind {
                    ExprKind::String(key) if &**key == "source" => {
                        let text = literal_string(&item.value, "The source of a provider", diags)?;
                        match normalise_source(&text) {
                            Ok(s) => source = Some(s),
                            Err(reason) => {
                                diags.push(
                                    Diagnostic::error("Invalid provider source", reason).at(item.value.span),
                                );
                                return None;
                            }
                        }
                    }
                    ExprKind::String(key) if &**key == "version" => version(&item.value, diags),
                    ExprKind::String(key) if &**key == "configuration_aliases" => {
                        aliases = configuration_aliases(local, &item.value, a.json, diags);
                    }
                    _ => diags.push(
                        Diagnostic::error(
                            "Unsupported argument",
                            "A provider requirement has \"source\", \"version\" and \"configuration_aliases\".",
                        )
                        .at(item.key.span),
                    ),
                }
            }
        }
        _ => {
            diags.push(
                Diagnostic::error("Invalid provider requirement", "A provider requirement is an object.")
                    .at(expr.span)
                    .help(format!("For example: {local} = {{ source = \"hashicorp/{local}\" }}")),
            );
            return None;
        }
    }
    let source = source.unwrap_or_else(|| {
        if local == "terraform" {
            "terraform.io/builtin/terraform".into()
        } else {
            format!("registry.terraform.io/hashicorp/{}", local.to_lowercase()).into()
        }
    });
    Some(ProviderRequirement { source, aliases, span: expr.span })
}

/// The names of the configurations that a caller must pass. In JSON, references are strings.
fn configuration_aliases(local: &str, list: &Expr, json: bool, diags: &mut Vec<Diagnostic>) -> Vec<Str> {
    let mut aliases = Vec::new();
    for item in literal_list(list, "\"configuration_aliases\"", diags) {
        let path = match &item.kind {
            ExprKind::String(_) if !json => None,
            _ => names(item),
        };
        match path.as_deref() {
            Some([name, ..]) if **name != *local => diags.push(
                Diagnostic::error(
                    "Invalid configuration_aliases value",
                    format!("\"{name}\" is another provider: the aliases are those of \"{local}\"."),
                )
                .at(list.span),
            ),
            // The configuration without an alias may be passed to any module.
            Some(path) => aliases.extend(path.get(1).cloned()),
            None => diags.push(
                Diagnostic::error(
                    "Invalid expression",
                    "\"configuration_aliases\" lists plain references, and this is something else.",
                )
                .help(format!("For example: configuration_aliases = [{local}.west]"))
                .at(item.span),
            ),
        }
    }
    aliases
}
