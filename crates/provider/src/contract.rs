//! Checks of what providers answer. They hold for every provider, without exemptions.
//!
//! Messages name places, never values: a value may be secret for reasons that are not visible here.

use crate::compare::{conforms, join, refines, same};
use crate::{Attribute, Block, NestedBlock, Nesting, Problem, Schema};
use formwork_value::{Path, Value};

const INVALID_PLAN: &str = "Provider produced an invalid plan";
const WRONG_RESULT: &str = "Provider produced an inconsistent result";

/// Checks a plan: it is of the schema's type; what is configured is planned as configured (or, where the provider
/// holds both to mean the same, stays as it was); what is neither configured nor computed is null, or its default.
pub fn check_planned(
    schema: &Schema,
    config: &Value,
    prior: Option<&Value>,
    planned: &Value,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !conforms(planned, &schema.block.ty()) {
        problems.push(misfit(INVALID_PLAN, &schema.block, planned, "The planned value"));
        return problems;
    }
    Planned { problems: &mut problems }.block(&schema.block, config, prior, planned, &Path::root());
    problems
}

/// Checks the result of an apply: it is of the schema's type, wholly known, and equal to the plan wherever that was
/// known.
pub fn check_applied(schema: &Schema, planned: &Value, actual: &Value) -> Vec<Problem> {
    if actual.is_null() {
        let detail = "The object is absent after an operation that should have made or changed it.";
        return vec![Problem::error(Path::root(), WRONG_RESULT, detail)];
    }
    if !conforms(actual, &schema.block.ty()) {
        return vec![misfit(WRONG_RESULT, &schema.block, actual, "The result")];
    }
    let mut problems = Vec::new();
    unknowns(actual, &Path::root(), &mut problems);
    for name in schema.block.names() {
        let at = Path::root().attr(name);
        let (Some(planned), Some(actual)) = (planned.get(name), actual.get(name)) else { continue };
        if let Err(place) = refines(planned, actual, &at) {
            let detail = format!("The value of {} is not the one that was planned.", shown(&place));
            problems.push(Problem::error(place, WRONG_RESULT, detail));
        }
    }
    problems
}

/// Checks that a value, evaluated again, refines what was planned: what was known is equal; what was unknown is
/// anything that fits its type and refinements. Marks do not count. The error is the first place that differs.
pub fn check_refines(planned: &Value, now: &Value) -> Result<(), Path> {
    refines(planned, now, &Path::root())
}

/// A path as a reader knows it.
fn shown(path: &Path) -> String {
    match path.to_string().trim_start_matches('.') {
        "" => "the object".into(),
        text => text.into(),
    }
}

/// Finds the attribute whose type does not fit.
fn misfit(summary: &str, block: &Block, value: &Value, what: &str) -> Problem {
    let Some(map) = value.as_map() else {
        return Problem::error(Path::root(), summary, format!("{what} is not an object."));
    };
    let wanted = block.ty();
    let formwork_value::Type::Object(object) = &wanted else {
        return Problem::error(Path::root(), summary, format!("{what} does not fit the schema."));
    };
    for (name, ty) in &object.attrs {
        match map.get(name) {
            None => {
                let detail = format!("{what} has no attribute {name}, which the schema has.");
                return Problem::error(Path::root(), summary, detail);
            }
            Some(inner) if !conforms(inner, ty) => {
                let detail = format!("{what} of {name} is of type {}; the schema says {ty}.", inner.ty());
                return Problem::error(Path::root().attr(name.clone()), summary, detail);
            }
            Some(_) => {}
        }
    }
    let extra = map.keys().find(|name| !object.attrs.contains_key(*name));
    let name = extra.map_or("", |n| &**n);
    Problem::error(
        Path::root(),
        summary,
        format!("{what} has an attribute {name}, which the schema has not."),
    )
}

fn unknowns(value: &Value, at: &Path, problems: &mut Vec<Problem>) {
    if !value.is_known() {
        let detail = format!("{} is still unknown after the apply.", shown(at));
        problems.push(Problem::error(at.clone(), WRONG_RESULT, detail));
    }
    for (step, inner) in value.steps() {
        if !inner.is_wholly_known() {
            unknowns(inner, &join(at, step), problems);
        }
    }
}

struct Planned<'a> {
    problems: &'a mut Vec<Problem>,
}

impl Planned<'_> {
    fn fail(&mut self, at: &Path, detail: String) {
        self.problems.push(Problem::error(at.clone(), INVALID_PLAN, detail));
    }

    fn block(&mut self, block: &Block, config: &Value, prior: Option<&Value>, planned: &Value, at: &Path) {
        for (name, attribute) in &block.attributes {
            let (Some(config), Some(planned)) = (config.get(name), planned.get(name)) else { continue };
            self.attribute(
                attribute,
                config,
                prior.and_then(|p| p.get(name)),
                planned,
                &at.attr(name.clone()),
            );
        }
        for (name, nested) in &block.blocks {
            let (Some(config), Some(planned)) = (config.get(name), planned.get(name)) else { continue };
            self.nested(nested, config, prior.and_then(|p| p.get(name)), planned, &at.attr(name.clone()));
        }
    }

    fn attribute(
        &mut self,
        attribute: &Attribute,
        config: &Value,
        prior: Option<&Value>,
        planned: &Value,
        at: &Path,
    ) {
        if config.is_null() {
            match &attribute.default {
                Some(default) if same(default, planned) => {}
                _ if attribute.computed || planned.is_null() => {}
                Some(_) => self.fail(at, format!("{} is not planned as its default.", shown(at))),
                None => {
                    let detail = format!("{} is neither configured nor computed, yet is planned.", shown(at));
                    self.fail(at, detail);
                }
            }
            return;
        }
        let keeps = || config.is_wholly_known() && prior.is_some_and(|p| !p.is_null() && same(p, planned));
        if !agrees(config, planned) && !keeps() {
            self.fail(at, format!("{} is not planned as it is configured.", shown(at)));
        }
    }

    fn nested(
        &mut self,
        nested: &NestedBlock,
        config: &Value,
        prior: Option<&Value>,
        planned: &Value,
        at: &Path,
    ) {
        let prior = prior.filter(|p| !p.is_null());
        if !config.is_known() {
            if planned.is_known() {
                self.fail(at, format!("The blocks {} are not known yet, but planned as if.", shown(at)));
            }
            return;
        }
        if config.is_null() != planned.is_null() || config.len() != planned.len() {
            self.fail(at, format!("Not as many blocks {} are planned as are configured.", shown(at)));
            return;
        }
        let block = &nested.block;
        match nested.nesting {
            Nesting::Single | Nesting::Group if config.is_null() => {}
            Nesting::Single | Nesting::Group => self.block(block, config, prior, planned, at),
            Nesting::List | Nesting::Map => {
                for ((step, config), (other, planned)) in config.steps().into_iter().zip(planned.steps()) {
                    if step != other {
                        self.fail(at, format!("The blocks {} are planned under other keys.", shown(at)));
                        return;
                    }
                    let before = prior.and_then(|p| p.at(&Path(vec![step.clone()])));
                    self.block(block, config, before.as_ref(), planned, &join(at, step));
                }
            }
            Nesting::Set => {
                let mut left: Vec<&Value> = config.as_slice().unwrap_or_default().iter().collect();
                for planned in planned.as_slice().unwrap_or_default() {
                    let stands_for = |config: &&Value| {
                        let mut problems = Vec::new();
                        Planned { problems: &mut problems }.block(block, config, None, planned, at);
                        problems.is_empty()
                    };
                    match left.iter().position(stands_for) {
                        Some(i) => drop(left.swap_remove(i)),
                        None => {
                            self.fail(
                                at,
                                format!("A block {} is planned that is not configured.", shown(at)),
                            );
                            return;
                        }
                    }
                }
            }
        }
    }
}

/// Whether a planned value says what the configuration does: equal where known, unknown where not known yet.
fn agrees(config: &Value, planned: &Value) -> bool {
    if same(config, planned) {
        return true;
    }
    // What is configured but unknown must not be promised as anything in particular.
    fn unsettled(config: &Value, planned: &Value) -> bool {
        if !config.is_known() {
            return !planned.is_known();
        }
        let (c, p) = (config.steps(), planned.steps());
        c.len() != p.len() || c.iter().zip(&p).all(|((_, c), (_, p))| unsettled(c, p))
    }
    refines(config, planned, &Path::root()).is_ok() && unsettled(config, planned)
}

#[cfg(test)]
#[path = "contract_tests.rs"]
mod tests;
