//! From the expressions of an `encryption` block to its values.

use crate::environment;
use formwork_addr::Str;
use formwork_config::{ComponentBlock, Early, EncryptionBlock, Module, TargetBlock};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_encryption::{Component, Settings, Target};
use formwork_lang::{Lookup, Step, World};
use formwork_syntax::Body;
use formwork_value::{Map, Value};
use std::collections::BTreeMap;

/// The block with values for all arguments.
pub fn settings(
    block: &EncryptionBlock,
    root: &Module,
    variables: &BTreeMap<Str, Value>,
    world: &dyn World,
) -> Result<Settings, Vec<Diagnostic>> {
    let addresses = |what: &str, all: &[ComponentBlock]| -> Vec<String> {
        all.iter().map(|c| format!("{what}.{}.{}", c.kind.name, c.name.name)).collect()
    };
    let providers = addresses("key_provider", &block.key_providers);
    let methods = addresses("method", &block.methods);
    let own = |root: &str, steps: &[Step<'_>], span: Span| match root {
        "key_provider" => Some(reference(root, steps, &providers, span)),
        "method" => Some(reference(root, steps, &methods, span)),
        _ => None,
    };
    let workspace = environment::workspace();
    let early = Early::new(root, variables, &workspace, world, &own);
    let mut diags = Vec::new();
    let mut components = |all: &[ComponentBlock]| -> Vec<Component> {
        let component = |c: &ComponentBlock| Component {
            kind: c.kind.name.clone(),
            name: c.name.name.clone(),
            arguments: arguments(&c.body, &early, &mut diags),
            span: c.span,
        };
        all.iter().map(component).collect()
    };
    let (key_providers, methods) = (components(&block.key_providers), components(&block.methods));
    let mut target = |t: &TargetBlock| target(t, &early, &mut diags);
    let state = block.state.as_ref().map(&mut target);
    let plan = block.plan.as_ref().map(&mut target);
    let mut remote: Vec<(Option<Str>, Target)> = Vec::new();
    remote.extend(block.remote_default.as_ref().map(|t| (None, target(t))));
    for (name, t) in &block.remote {
        remote.push((Some(name.name.clone()), target(t)));
    }
    if diags.iter().any(Diagnostic::is_error) {
        return Err(diags);
    }
    Ok(Settings { key_providers, methods, state, plan, remote })
}

/// A reference within the block is the address of what it refers to, as text.
fn reference(root: &str, steps: &[Step<'_>], known: &[String], span: Span) -> Lookup {
    let text = |step: &Step<'_>| match step {
        Step::Attr(name) => Some((*name).to_owned()),
        Step::Index(key) => key.as_str().map(str::to_owned),
    };
    let names: Vec<String> = steps.iter().take(2).filter_map(text).collect();
    let address = format!("{root}.{}", names.join("."));
    if names.len() == 2 && known.contains(&address) {
        return Lookup::Found(Value::from(address), 2);
    }
    let d = Diagnostic::error(
        format!(
            "Reference to undeclared {}",
            if root == "method" { "encryption method" } else { "key provider" }
        ),
        format!("The encryption configuration has no {address}."),
    );
    let help = match suggestion(&address, known.iter().map(String::as_str)) {
        Some(near) => format!("Did you mean {near}?"),
        None => format!("Refer to {root}.KIND.NAME, with the two labels of its block."),
    };
    Lookup::Error(d.at(span).help(help))
}

/// Arguments by name; a nested block is an object.
fn arguments(body: &Body, early: &Early<'_>, diags: &mut Vec<Diagnostic>) -> BTreeMap<Str, Value> {
    let mut out = BTreeMap::new();
    for attribute in &body.attributes {
        if let Some(value) = early.value(&attribute.expr, diags) {
            out.insert(attribute.name.name.clone(), value);
        }
    }
    for block in &body.blocks {
        let inside: Map = arguments(&block.body, early, diags).into_iter().collect();
        out.insert(block.kind.name.clone(), Value::from(inside));
    }
    out
}

fn target(block: &TargetBlock, early: &Early<'_>, diags: &mut Vec<Diagnostic>) -> Target {
    let mut methods = Vec::new();
    let mut level = Some(block);
    while let Some(target) = level {
        let value = target.method.as_ref().and_then(|expr| {
            let value = early.value(expr, diags)?;
            if value.as_str().is_none() && !value.is_null() {
                let d = Diagnostic::error("Unsuitable value", "\"method\" is to be a reference to a method.");
                diags.push(d.at(expr.span).help("For example: method = method.aes_gcm.NAME"));
            }
            value.as_str().map(Str::from)
        });
        methods.push(value);
        level = target.fallback.as_deref();
    }
    Target { enforced: block.enforced, methods, span: block.span }
}
