//! `import` blocks: which instances become which objects.

use crate::cells::{CellId, Content, InstanceInfo, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran, instance_key, value_of};
use crate::expand;
use crate::scope::WithNames;
use formwork_addr::{InstanceAddr, InstanceKey, ModuleInstance, ModuleStep, Resource, ResourceAddr, Str};
use formwork_config::{Import, Repetition};
use formwork_diag::{Diagnostic, Span};
use formwork_lang::Scope;
use formwork_syntax::Expr;
use formwork_value::{Kind as ValueKind, Mark, Type, Value, convert};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Evaluator {
    /// Evaluates an import block.
    pub(crate) fn import(&mut self, id: CellId, index: usize) {
        let root = self.setup.config.root().clone();
        let Some(block) = root.imports.get(index) else { return self.cells.fail(id) };
        let elements = match &block.for_each {
            None => Ran::Done(vec![None], Deps::default()),
            Some(expr) => self.evaluate(
                |_, diags, scope| {
                    let value = value_of(expr, scope, diags)?;
                    let elements = expand::elements(&value, expr.span).map_err(|d| diags.push(d)).ok()?;
                    Some(elements.into_iter().map(|(key, value)| Some(each(key, value))).collect())
                },
                0,
                None,
                None,
            ),
        };
        let elements = match elements {
            Ran::Done(elements, _) => elements,
            Ran::Missing(missing) => return self.cells.wait(id, &missing),
            Ran::Failed => return self.cells.fail(id),
        };
        let mut found = BTreeMap::new();
        let (mut missing, mut failed) = (Vec::new(), false);
        for each in &elements {
            let names = each.as_slice();
            let ran = self.evaluate(
                |_, diags, scope| one(block, &WithNames { inner: scope, names }, diags),
                0,
                None,
                None,
            );
            match ran {
                Ran::Missing(more) => missing.extend(more),
                Ran::Failed => failed = true,
                Ran::Done((addr, object), _) => {
                    if found.insert(addr.clone(), object).is_some() {
                        failed = true;
                        self.diags.push(
                            Diagnostic::error(
                                format!("Duplicate import configuration for {:?}", addr.to_string()),
                                "Several elements of \"for_each\" name one resource instance, and an object has one ID.",
                            )
                            .help("Let the address depend on each.key.")
                            .at(block.to.span),
                        );
                    }
                }
            }
        }
        if !missing.is_empty() {
            self.cells.wait(id, &missing);
        } else if failed {
            self.cells.fail(id);
        } else {
            self.cells.complete(id, Content::Imports(Arc::new(found)), None);
        }
    }

    /// The ID of the object that an instance is to become, if an import block says so.
    pub(crate) fn import_of(&mut self, instance: &InstanceInfo) -> Ran<Option<Str>> {
        let root = self.setup.config.root().clone();
        let path = instance.addr.resource.module.path();
        let mut missing = Vec::new();
        let mut found: Option<(Str, Span)> = None;
        for (block, cell) in root.imports.iter().zip(self.imports.clone()) {
            if block.to.path != path || block.to.resource != *instance.addr.resource.resource {
                continue;
            }
            match (self.cells.get(cell).status, &self.cells.get(cell).content) {
                (Status::Ready, Content::Imports(imports)) => {
                    let Some(object) = imports.get(&instance.addr).cloned() else { continue };
                    if let Some((_, first)) = &found {
                        let first = *first;
                        self.diags.push(
                            Diagnostic::error(
                                format!("Duplicate import configuration for {:?}", instance.addr.to_string()),
                                "Two import blocks name one resource instance, and an object has one ID.",
                            )
                            .at(block.to.span)
                            .label(first, "the first one is here"),
                        );
                        return Ran::Failed;
                    }
                    found = Some((object, block.to.span));
                }
                (Status::Failed | Status::Ready, _) => return Ran::Failed,
                _ => missing.push(cell),
            }
        }
        if missing.is_empty() {
            Ran::Done(found.map(|f| f.0), Deps::default())
        } else {
            Ran::Missing(missing)
        }
    }

    /// Reports what is to be imported and is neither in the state nor in the configuration.
    pub(crate) fn imports_of_nothing(&mut self, held: impl Fn(&InstanceAddr) -> bool) {
        let root = self.setup.config.root().clone();
        for (block, cell) in root.imports.iter().zip(self.imports.clone()) {
            let Content::Imports(imports) = &self.cells.get(cell).content else { continue };
            let lost = imports
                .keys()
                .filter(|a| !self.instances.contains_key(a) && !held(a) && !self.may_be_waiting(a));
            let lost: Vec<Diagnostic> = lost
                .map(|addr| {
                    Diagnostic::error(
                        "Configuration for import target does not exist",
                        format!("{addr} is to be imported, and the configuration has no such instance."),
                    )
                    .help("Let count or for_each of its block give this instance, or correct the address.")
                    .at(block.to.span)
                })
                .collect();
            self.diags.extend(lost);
        }
    }
}

/// `each`, whose key in an import block may be of any type.
pub(crate) fn each(key: Value, value: Value) -> (Str, Value) {
    ("each".into(), Value::object([("key", key), ("value", value)]))
}

fn one(block: &Import, scope: &dyn Scope, diags: &mut Vec<Diagnostic>) -> Option<(InstanceAddr, Str)> {
    let object = import_id(value_of(&block.id, scope, diags)?, block.id.span, diags);
    let mut steps = Vec::new();
    for (name, key) in block.to.path.0.iter().zip(&block.to.modules) {
        steps.push(ModuleStep { name: name.clone(), key: key_of(key.as_ref(), scope, diags)? });
    }
    let key = key_of(block.to.key.as_ref(), scope, diags)?;
    let resource = Arc::new(block.to.resource.clone());
    let addr = ResourceAddr { module: ModuleInstance::new(steps), resource }.instance(key);
    Some((addr, object?))
}

/// Whether a resource that is repeated so can have the instance that an import block names. A key that is not known yet is
/// let pass.
pub(crate) fn check_key(
    resource: &Resource,
    repetition: &Repetition,
    expr: &Expr,
    scope: &dyn Scope,
    diags: &mut Vec<Diagnostic>,
) {
    let Some(value) = value_of(expr, scope, diags).filter(Value::is_known) else { return };
    let Some(key) = usable_key(&value, expr.span, diags) else { return };
    let (fits, detail) = match repetition {
        Repetition::Count(_) => {
            (matches!(key, InstanceKey::Int(_)), "is made by count: its keys are numbers")
        }
        Repetition::ForEach(_) => {
            (matches!(key, InstanceKey::Str(_)), "is made by for_each: its keys are strings")
        }
        Repetition::Single | Repetition::Enabled(_) => {
            (false, "has neither count nor for_each: it has no keys")
        }
    };
    if !fits {
        diags.push(
            Diagnostic::error(
                "Invalid import address",
                format!("{resource} {detail}, and the block names {key}."),
            )
            .help("The keys of a list are its numbers; those of a set of strings, or of a map, are strings.")
            .at(expr.span),
        );
    }
}

/// Complains when an import block names a resource as a whole, and the resource is repeated.
pub(crate) fn check_no_key(import: &Import, repetition: &Repetition, diags: &mut Vec<Diagnostic>) {
    let (how, key) = match repetition {
        Repetition::Count(_) => ("count", "0"),
        Repetition::ForEach(_) => ("for_each", "\"key\""),
        Repetition::Single | Repetition::Enabled(_) => return,
    };
    let resource = &import.to.resource;
    diags.push(
        Diagnostic::error(
            "Invalid import address",
            format!(
                "{resource} is made by {how}, and the block does not say which of its instances is meant."
            ),
        )
        .help(format!("Add the key, as in {}[{key}]", import.to.text))
        .at(import.to.span),
    );
}

fn key_of(expr: Option<&Expr>, scope: &dyn Scope, diags: &mut Vec<Diagnostic>) -> Option<InstanceKey> {
    let Some(expr) = expr else { return Some(InstanceKey::None) };
    let value = value_of(expr, scope, diags)?;
    usable_key(&value, expr.span, diags)
}

fn usable_key(value: &Value, span: Span, diags: &mut Vec<Diagnostic>) -> Option<InstanceKey> {
    let key = (!value.has_mark(Mark::Sensitive)).then(|| instance_key(value)).flatten();
    if key.is_none() {
        let why = match (value.has_mark(Mark::Sensitive), value.is_known()) {
            (true, _) => "it is sensitive, and addresses are shown",
            (_, false) => "it is only known after apply",
            _ => "it is neither a string nor a whole number",
        };
        diags.push(
            Diagnostic::error(
                "Invalid import address",
                format!("This key of the address cannot be used: {why}."),
            )
            .at(span),
        );
    }
    key
}

/// An ID that a provider can be asked for.
pub(crate) fn import_id(value: Value, span: Span, diags: &mut Vec<Diagnostic>) -> Option<Str> {
    let fail = |detail: &str| Diagnostic::error("Invalid import id argument", detail).at(span);
    let ephemeral = value.has_mark(Mark::Ephemeral);
    let text = convert(&value.unmark().0, &Type::String);
    let d = match text.as_ref().map(Value::kind) {
        _ if ephemeral => fail("The ID is ephemeral, and would be stored."),
        Ok(ValueKind::String(text)) if text.is_empty() => {
            fail("The ID is an empty text, which no object has.")
                .help("Give the ID that the object has on the other side.")
        }
        Ok(ValueKind::String(text)) => return Some(text.clone()),
        Ok(ValueKind::Unknown(_)) => fail(
            "The ID is only known after apply, so the object cannot be looked at now.",
        )
        .help("Write the ID, take it from a variable, or apply what it depends on first with -target."),
        Ok(ValueKind::Null(_)) => {
            fail("The ID is null.").help("Give the ID that the object has on the other side.")
        }
        _ => fail("The ID must be a string."),
    };
    diags.push(d);
    None
}
