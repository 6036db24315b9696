//! What planning and applying an instance have in common: its configuration, and everything that must be there first.

use crate::body::{attribute_span, decode_body};
use crate::cells::{CellId, InstanceInfo, Status};
use crate::deps::Deps;
use crate::evaluator::{Evaluator, Ran};
use crate::provide::{ProviderHandle, TypeInfo, first_attribute};
use crate::triggers::Trigger;
use crate::{checks, rules};
use formwork_diag::Diagnostic;
use formwork_provider::{CallError, Problem};
use formwork_value::{Mark, Value};
use std::sync::Arc;

/// An instance whose configuration is evaluated.
pub(crate) struct Prepared {
    pub info: Arc<TypeInfo>,
    pub provider: Arc<ProviderHandle>,
    pub provider_cell: CellId,
    /// The configuration, with marks.
    pub config: Value,
    /// What `depends_on` of the block, and of the calls around it, named.
    pub explicit: Arc<Deps>,
    /// What `replace_triggered_by` names.
    pub triggers: Vec<Trigger>,
    /// All instances that it was made from, those behind the provider's configuration left out.
    pub inputs: Arc<Deps>,
}

/// Evaluates the configuration of an instance.
pub(crate) fn prepare(e: &mut Evaluator, instance: &InstanceInfo) -> Ran<Prepared> {
    let block = instance.block.block();
    let Some(info) = e.type_info(&block.resource) else { return Ran::Failed };
    let (provider_cell, chosen) = match e.provider_cell_of(instance) {
        Ran::Done(cell, deps) => (cell, deps),
        Ran::Missing(missing) => return Ran::Missing(missing),
        Ran::Failed => return Ran::Failed,
    };
    let gate = e.gate_of(instance);
    let mut missing = Vec::new();
    for cell in [Some(provider_cell), gate, instance.refresh].into_iter().flatten() {
        match e.cells.get(cell).status {
            Status::Ready => {}
            Status::Failed => return Ran::Failed,
            _ => missing.push(cell),
        }
    }
    let mut triggers = Vec::new();
    let mut triggering = Deps::default();
    match e.triggers(instance) {
        Ran::Done(found, deps) => (triggers, triggering) = (found, deps),
        Ran::Missing(more) => missing.extend(more),
        Ran::Failed => return Ran::Failed,
    }
    let each = (instance.key(), instance.each.as_ref());
    let before = e.diags.len();
    let ran = e.evaluate(
        |_, diags, scope| decode_body(&block.body, &info.schema.block, scope, block.span, diags),
        instance.module,
        Some(each),
        None,
    );
    for d in &mut e.diags[before..] {
        d.address.get_or_insert_with(|| instance.addr.to_string());
    }
    let (config, deps) = match ran {
        Ran::Done(config, deps) => (config, deps),
        Ran::Missing(more) => {
            missing.extend(more);
            return Ran::Missing(missing);
        }
        Ran::Failed => return Ran::Failed,
    };
    if !missing.is_empty() {
        return Ran::Missing(missing);
    }
    let conditions = &block.lifecycle.preconditions;
    let mut inputs = deps;
    inputs.absorb(chosen);
    inputs.absorb(triggering);
    // It is there because its block, and the calls around it, were expanded: what that was made from has to stay as long.
    let mut expansion = Some(instance.keys);
    let mut module = Some(instance.module);
    while let Some(cell) = expansion {
        if let Some(deps) = &e.cells.get(cell).deps {
            inputs.add(deps);
        }
        let node = module.map(|id| e.module(id));
        expansion = node.and_then(|n| n.expansion);
        module = node.and_then(|n| n.parent.as_ref().map(|(id, _)| *id));
    }
    match checks::conditions(e, instance.module, Some(each), None, conditions, &instance.addr, "precondition")
    {
        Ran::Done((), deps) => inputs.absorb(deps),
        Ran::Missing(missing) => return Ran::Missing(missing),
        Ran::Failed => return Ran::Failed,
    }
    let fit = rules::stored(&config, block, &info.schema)
        .and_then(|()| rules::writable(&config, block, &info.schema));
    if let Err(d) = fit {
        e.diags.push(d.about(&instance.addr));
        return Ran::Failed;
    }
    let Some(provider) = e.provider_of(provider_cell) else { return Ran::Failed };
    let explicit = gate.and_then(|gate| e.cells.get(gate).deps.clone()).unwrap_or_default();
    inputs.add(&explicit);
    match e.standing(instance, &inputs) {
        Ran::Done((), deps) => inputs.absorb(deps),
        Ran::Missing(missing) => return Ran::Missing(missing),
        Ran::Failed => return Ran::Failed,
    }
    let prepared =
        Prepared { info, provider, provider_cell, config, explicit, triggers, inputs: Arc::new(inputs) };
    Ran::Done(prepared, Deps::default())
}

/// A provider's word on a value, with its place in the configuration.
pub(crate) fn problem(instance: &InstanceInfo, problem: &Problem) -> Diagnostic {
    let block = instance.block.block();
    let span = first_attribute(&problem.path)
        .and_then(|name| attribute_span(&block.body, name))
        .unwrap_or(block.span);
    let mut d =
        Diagnostic::error(problem.summary.clone(), problem.detail.clone()).at(span).said_of(&instance.addr);
    d.severity = problem.severity;
    d
}

/// A text without the sensitive ones of what was given: a provider may quote its arguments.
fn discreet(said: &str, given: &Value) -> String {
    let mut secrets = Vec::new();
    texts(given, false, &mut secrets);
    // What holds others goes first.
    secrets.sort_by_key(|text| std::cmp::Reverse(text.len()));
    secrets.iter().fold(said.to_owned(), |said, secret| said.replace(secret, "(sensitive value)"))
}

/// Takes out of an error what is sensitive in what was given.
pub(crate) fn hide(error: &mut CallError, given: &Value) {
    error.summary = discreet(&error.summary, given);
    error.detail = discreet(&error.detail, given);
}

impl Prepared {
    /// An error without what is sensitive in the configuration.
    pub fn discreet(&self, mut error: CallError) -> CallError {
        hide(&mut error, &self.info.mark(self.config.clone()));
        error
    }

    /// A problem without what is sensitive in the configuration, as a diagnostic.
    pub fn problem(&self, instance: &InstanceInfo, found: &Problem) -> Diagnostic {
        let given = self.info.mark(self.config.clone());
        let (summary, detail) = (discreet(&found.summary, &given), discreet(&found.detail, &given));
        problem(instance, &Problem { summary, detail, ..found.clone() })
    }
}

/// Shorter texts are found in anything.
const TELLING: usize = 3;

/// The sensitive texts in a value.
fn texts(value: &Value, within: bool, out: &mut Vec<String>) {
    let sensitive = within || value.marks().has(Mark::Sensitive);
    let plain = value.clone().unmark().0;
    match plain.as_str() {
        Some(text) if sensitive && text.len() >= TELLING => out.push(text.to_owned()),
        _ => plain.children().for_each(|child| texts(child, sensitive, out)),
    }
}

/// A failed call, with the place of the block or the attribute in the configuration.
pub(crate) fn call_failed(
    instance: Option<&InstanceInfo>,
    address: &impl std::fmt::Display,
    error: &CallError,
) -> Diagnostic {
    let mut d = Diagnostic::error(error.summary.clone(), error.detail.clone()).said_of(address);
    if let Some(instance) = instance {
        let block = instance.block.block();
        let at = first_attribute(&error.path).and_then(|name| attribute_span(&block.body, name));
        d.span = Some(at.unwrap_or(block.span));
    }
    d
}
