//! Checks of what providers answer. They hold for every provider, without exemptions.
//!
//! Messages name places, never values: a value may be secret for reasons that are not visible here.

use crate::compare::{conforms, join, refines, same};
use crate::empties::is_empty;
use crate::{Attribute, Block, NestedBlock, Nesting, Problem, Schema};
use formwork_value::{Kind, Path, Value};

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
    if !fits(&schema.block, planned) {
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
    if !fits(&schema.block, actual) {
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

/// Whether a value is of a block's type. Says so without making the type: it is asked for every object.
fn fits(block: &Block, value: &Value) -> bool {
    let Kind::Object(map) = value.kind() else { return conforms(value, &block.ty()) };
    let is = |name: &str, fits: &dyn Fn(&Value) -> bool| map.get(name).is_some_and(fits);
    map.len() == block.attributes.len() + block.blocks.len()
        && block.attributes.iter().all(|(name, a)| is(name, &|value| conforms(value, &a.ty)))
        && block.blocks.iter().all(|(name, nested)| is(name, &|value| nested_fits(nested, value)))
}

fn nested_fits(nested: &NestedBlock, value: &Value) -> bool {
    let inner = |value: &Value| fits(&nested.block, value);
    match (nested.nesting, value.kind()) {
        (_, Kind::Null(_)) => true,
        (Nesting::List, Kind::List(_, items)) | (Nesting::Set, Kind::Set(_, items)) => {
            items.iter().all(inner)
        }
        (Nesting::Map, Kind::Map(_, items)) => items.values().all(inner),
        (Nesting::Single | Nesting::Group, Kind::Object(_)) => inner(value),
        _ => conforms(value, &nested.ty()),
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
            if let Some(wrong) = wrong(attribute, config, prior.and_then(|p| p.get(name)), planned) {
                let at = at.attr(name.clone());
                self.fail(&at, format!("{} {wrong}", shown(&at)));
            }
        }
        for (name, nested) in &block.blocks {
            let (Some(config), Some(planned)) = (config.get(name), planned.get(name)) else { continue };
            if config.len() == Some(0) && planned.len() == Some(0) {
                continue;
            }
            self.nested(nested, config, prior.and_then(|p| p.get(name)), planned, &at.attr(name.clone()));
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

/// What is wrong with the plan for an attribute, if anything is.
fn wrong(
    attribute: &Attribute,
    config: &Value,
    prior: Option<&Value>,
    planned: &Value,
) -> Option<&'static str> {
    if config.is_null() {
        return match &attribute.default {
            Some(default) if same(default, planned) => None,
            _ if attribute.computed || planned.is_null() => None,
            None if attribute.empty_is_nothing
                && is_empty(planned)
                && prior.is_some_and(|p| same(p, planned)) =>
            {
                None
            }
            Some(_) => Some("is not planned as its default."),
            None => Some("is neither configured nor computed, yet is planned."),
        };
    }
    let keeps = || config.is_wholly_known() && prior.is_some_and(|p| !p.is_null() && same(p, planned));
    (!agrees(config, planned) && !keeps()).then_some("is not planned as it is configured.")
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
