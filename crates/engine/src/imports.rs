//! `import` blocks: which instances become which objects.

use crate::cells::{CellId, Content, InstanceInfo, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran, instance_key, value_of};
use crate::expand::{self, Repeat};
use formwork_addr::{InstanceAddr, InstanceKey, ModuleInstance, ModuleStep, ResourceAddr, Str};
use formwork_config::Import;
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
        let repeat = match &block.for_each {
            None => Ran::Done(Repeat::Single, Deps::default()),
            Some(expr) => self.evaluate(
                |_, diags, scope| {
                    let value = value_of(expr, scope, diags)?;
                    expand::for_each(&value, expr.span).map_err(|d| diags.push(d)).ok()
                },
                0,
                None,
                None,
            ),
        };
        let repeat = match repeat {
            Ran::Done(repeat, _) => repeat,
            Ran::Missing(missing) => return self.cells.wait(id, &missing),
            Ran::Failed => return self.cells.fail(id),
        };
        let keys: Vec<(InstanceKey, Option<Value>)> = match repeat {
            Repeat::ForEach(map) => map.into_iter().map(|(k, v)| (InstanceKey::Str(k), Some(v))).collect(),
            _ => vec![(InstanceKey::None, None)],
        };
        let mut found = BTreeMap::new();
        let (mut missing, mut failed) = (Vec::new(), false);
        for (key, each) in &keys {
            let ran = self.evaluate(
                |_, diags, scope| one(block, scope, diags),
                0,
                Some((key, each.as_ref())),
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
            let lost = imports.keys().filter(|a| !self.instances.contains_key(a) && !held(a));
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

fn key_of(expr: Option<&Expr>, scope: &dyn Scope, diags: &mut Vec<Diagnostic>) -> Option<InstanceKey> {
    let Some(expr) = expr else { return Some(InstanceKey::None) };
    let value = value_of(expr, scope, diags)?;
    let key = (!value.has_mark(Mark::Sensitive)).then(|| instance_key(&value)).flatten();
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
            .at(expr.span),
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
