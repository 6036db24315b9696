//! Default planning: what an object will be, by its configuration, its prior value and the flags of its schema.

use crate::compare::{join, same};
use crate::empties::settled;
use crate::{Attribute, Block, NestedBlock, Nesting, PlanRequest, PlanResponse, Schema};
use formwork_value::{Kind, Map, Path, Str, Value};

/// What a data source will return that cannot be read yet: the configuration, and unknown for the rest.
pub fn planned_data(schema: &Schema, config: &Value) -> Value {
    Merge { defaults: false, volatile: false }.block(&schema.block, None, config)
}

/// Plans one object by the flags of the schema alone.
///
/// A new object has its defaults, and is unknown where the provider chooses. An object that nothing changes is
/// planned as exactly its prior value. Otherwise computed values stay, save volatile ones, which become unknown; and
/// when an attribute changes that needs a new object, the plan is that of a new object.
pub fn default_plan(schema: &Schema, request: &PlanRequest<'_>) -> PlanResponse {
    let create = Merge { defaults: true, volatile: false };
    let respond = |planned, replace, private| PlanResponse { planned, replace, private, notes: Vec::new() };
    let Some(prior) = request.prior else {
        return respond(create.block(&schema.block, None, request.config), Vec::new(), Vec::new());
    };
    let config = &settled(&schema.block, &prior.value, request.config);
    if unchanged(&schema.block, &prior.value, config) {
        return respond(prior.value.clone(), Vec::new(), prior.private.clone());
    }
    let update = Merge { volatile: true, ..create };
    let planned = update.block(&schema.block, Some(&prior.value), config);
    let mut replace = Vec::new();
    replacements(&schema.block, Some(&prior.value), Some(&planned), &Path::root(), &mut replace);
    if replace.is_empty() {
        respond(planned, replace, prior.private.clone())
    } else {
        respond(create.block(&schema.block, None, request.config), replace, Vec::new())
    }
}

/// How to merge.
#[derive(Clone, Copy)]
struct Merge {
    /// Whether defaults are filled in.
    defaults: bool,
    /// Whether volatile attributes lose their prior value.
    volatile: bool,
}

impl Merge {
    fn block(self, block: &Block, prior: Option<&Value>, config: &Value) -> Value {
        let prior = prior.filter(|p| !p.is_null());
        let mut out = Map::new();
        for (name, attribute) in &block.attributes {
            let value = self.attribute(attribute, prior.map(|p| p.get(name)), config.get(name));
            out.insert(name.clone(), value);
        }
        for (name, nested) in &block.blocks {
            let value = match config.get(name) {
                Some(config) => self.nested(nested, prior.and_then(|p| p.get(name)), config),
                None => Value::null(nested.ty()),
            };
            out.insert(name.clone(), value);
        }
        Value::from(out)
    }

    /// `prior` is absent for a new object; its inside is absent where the prior object lacks the attribute.
    fn attribute(
        self,
        attribute: &Attribute,
        prior: Option<Option<&Value>>,
        config: Option<&Value>,
    ) -> Value {
        if let Some(config) = config.filter(|c| !c.is_null()) {
            return config.clone();
        }
        if self.defaults
            && let Some(default) = &attribute.default
        {
            return default.clone();
        }
        let unknown = || Value::unknown(attribute.ty.clone());
        match (attribute.computed, prior) {
            (true, None) => unknown(),
            (true, Some(_)) if self.volatile && attribute.volatile => unknown(),
            (false, _) | (true, Some(None)) => Value::null(attribute.ty.clone()),
            (true, Some(Some(prior))) => prior.clone(),
        }
    }

    fn nested(self, nested: &NestedBlock, prior: Option<&Value>, config: &Value) -> Value {
        let prior = prior.filter(|p| !p.is_null());
        let block = &nested.block;
        match (nested.nesting, config.kind()) {
            (_, Kind::Null(_) | Kind::Unknown(_)) => config.clone(),
            (Nesting::Single | Nesting::Group, _) => self.block(block, prior, config),
            (Nesting::List, _) => {
                let priors = prior.and_then(Value::as_slice).unwrap_or_default();
                let items = config.as_slice().unwrap_or_default().iter().enumerate();
                rebuilt(config, items.map(|(i, item)| self.element(block, priors.get(i), item)).collect())
            }
            (Nesting::Set, _) => {
                let mut priors: Vec<&Value> =
                    prior.and_then(Value::as_slice).unwrap_or_default().iter().collect();
                let items = config.as_slice().unwrap_or_default().iter().map(|item| {
                    let found = priors.iter().position(|p| may_come_from(block, p, item));
                    let matched = found.map(|i| priors.swap_remove(i));
                    self.element(block, matched, item)
                });
                rebuilt(config, items.collect())
            }
            (Nesting::Map, kind) => {
                let items = config.as_map().into_iter().flatten().map(|(key, item)| {
                    (key.clone(), self.element(block, prior.and_then(|p| p.get(key)), item))
                });
                let items: Map = items.collect();
                match kind {
                    Kind::Map(ty, _) => Value::map(ty.clone(), items),
                    _ => Value::from(items),
                }
            }
        }
    }

    fn element(self, block: &Block, prior: Option<&Value>, config: &Value) -> Value {
        if config.is_null() || !config.is_known() { config.clone() } else { self.block(block, prior, config) }
    }
}

/// A collection of the same kind as `like` with other elements.
fn rebuilt(like: &Value, items: Vec<Value>) -> Value {
    match like.kind() {
        Kind::List(ty, _) => Value::list(ty.clone(), items),
        Kind::Set(ty, _) => Value::set(ty.clone(), items),
        _ => Value::tuple(items),
    }
}

/// Whether a prior block can have been made from this configuration: whatever is not chosen by the provider is equal.
fn may_come_from(block: &Block, prior: &Value, config: &Value) -> bool {
    if same(prior, config) {
        return true;
    }
    let (Some(p), Some(c)) = (prior.as_map(), config.as_map()) else { return false };
    let attributes = block.attributes.iter().all(|(name, attribute)| match (p.get(name), c.get(name)) {
        (Some(p), Some(c)) => match &attribute.default {
            Some(default) if c.is_null() => same(p, default),
            _ => (attribute.computed && c.is_null()) || same(p, c),
        },
        _ => false,
    });
    attributes
        && block.blocks.iter().all(|(name, nested)| match (p.get(name), c.get(name)) {
            (Some(p), Some(c)) => nested_may_come_from(nested, p, c),
            _ => false,
        })
}

fn nested_may_come_from(nested: &NestedBlock, prior: &Value, config: &Value) -> bool {
    if same(prior, config) {
        return true;
    }
    let inner = |p: &Value, c: &Value| may_come_from(&nested.block, p, c);
    match (nested.nesting, prior.as_slice(), config.as_slice()) {
        (Nesting::Single | Nesting::Group, ..) => inner(prior, config),
        (Nesting::List, Some(p), Some(c)) => p.len() == c.len() && p.iter().zip(c).all(|(p, c)| inner(p, c)),
        (Nesting::Set, Some(p), Some(c)) => {
            p.len() == c.len() && c.iter().all(|c| p.iter().any(|p| inner(p, c)))
        }
        (Nesting::Map, ..) => match (prior.as_map(), config.as_map()) {
            (Some(p), Some(c)) => {
                p.len() == c.len() && c.iter().all(|(k, c)| p.get(k).is_some_and(|p| inner(p, c)))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether this configuration leaves a prior object as it is. Says so without building anything: in most plans
/// most objects do not change.
fn unchanged(block: &Block, prior: &Value, config: &Value) -> bool {
    let (Some(p), Some(c)) = (prior.as_map(), config.as_map()) else { return false };
    let attributes = block.attributes.iter().all(|(name, attribute)| {
        let Some(p) = p.get(name) else { return false };
        match (c.get(name).filter(|c| !c.is_null()), &attribute.default) {
            (Some(c), _) | (None, Some(c)) => same(p, c),
            (None, None) => attribute.computed || p.is_null(),
        }
    });
    attributes
        && block.blocks.iter().all(|(name, nested)| match (p.get(name), c.get(name)) {
            (Some(p), Some(c)) => nested_unchanged(nested, p, c),
            (Some(p), None) => p.is_null(),
            _ => false,
        })
}

fn nested_unchanged(nested: &NestedBlock, prior: &Value, config: &Value) -> bool {
    if prior.is_null() || config.is_null() {
        return prior.is_null() && config.is_null();
    }
    let inner = |p: &Value, c: &Value| unchanged(&nested.block, p, c);
    match nested.nesting {
        Nesting::Single | Nesting::Group => inner(prior, config),
        Nesting::List => match (prior.as_slice(), config.as_slice()) {
            (Some(p), Some(c)) => p.len() == c.len() && p.iter().zip(c).all(|(p, c)| inner(p, c)),
            _ => false,
        },
        Nesting::Set => match (prior.as_slice(), config.as_slice()) {
            (Some(p), Some(c)) if p.len() == c.len() => {
                let mut left: Vec<&Value> = p.iter().collect();
                c.iter().all(|c| {
                    let found = left.iter().position(|p| inner(p, c));
                    found.map(|i| left.swap_remove(i)).is_some()
                })
            }
            _ => false,
        },
        Nesting::Map => match (prior.as_map(), config.as_map()) {
            (Some(p), Some(c)) => {
                p.len() == c.len() && c.iter().all(|(k, c)| p.get(k).is_some_and(|p| inner(p, c)))
            }
            _ => false,
        },
    }
}

/// Collects the attributes that need a new object and whose value differs, or may.
fn replacements(
    block: &Block,
    prior: Option<&Value>,
    planned: Option<&Value>,
    at: &Path,
    out: &mut Vec<Path>,
) {
    let get =
        |value: Option<&Value>, name: &Str| value.and_then(|v| v.get(name)).cloned().unwrap_or(Value::NULL);
    for (name, _) in block.attributes.iter().filter(|(_, a)| a.replace) {
        if !same(&get(prior, name), &get(planned, name)) {
            out.push(at.attr(name.clone()));
        }
    }
    for (name, nested) in &block.blocks {
        let (prior, planned) = (get(prior, name), get(planned, name));
        if needs_replacing(&nested.block) && !same(&prior, &planned) {
            nested_replacements(nested, &prior, &planned, &at.attr(name.clone()), out);
        }
    }
}

fn needs_replacing(block: &Block) -> bool {
    block.attributes.values().any(|a| a.replace) || block.blocks.values().any(|b| needs_replacing(&b.block))
}

fn nested_replacements(nested: &NestedBlock, prior: &Value, planned: &Value, at: &Path, out: &mut Vec<Path>) {
    let block = &nested.block;
    if !planned.is_known() {
        out.push(at.clone());
        return;
    }
    fn some(value: &Value) -> Option<&Value> {
        (!value.is_null()).then_some(value)
    }
    match nested.nesting {
        Nesting::Single | Nesting::Group => replacements(block, some(prior), some(planned), at, out),
        Nesting::List | Nesting::Map => {
            let (old, new) = (prior.steps(), planned.steps());
            let gone = old.iter().filter(|(step, _)| new.iter().all(|(s, _)| s != step));
            for (step, before) in gone {
                replacements(block, Some(before), None, &join(at, step.clone()), out);
            }
            for (step, after) in &new {
                let before = old.iter().find(|(s, _)| s == step).map(|(_, v)| *v);
                replacements(block, before, Some(after), &join(at, step.clone()), out);
            }
        }
        Nesting::Set => {
            // Elements of a set have no identity: whatever was taken out or put in counts as a change of the whole.
            let (old, new) = (prior.as_slice().unwrap_or_default(), planned.as_slice().unwrap_or_default());
            let mut inside = Vec::new();
            for gone in old.iter().filter(|p| new.iter().all(|n| !same(p, n))) {
                replacements(block, Some(gone), None, at, &mut inside);
            }
            for added in new.iter().filter(|n| old.iter().all(|p| !same(p, n))) {
                replacements(block, None, Some(added), at, &mut inside);
            }
            if !inside.is_empty() {
                out.push(at.clone());
            }
        }
    }
}

#[cfg(test)]
#[path = "planning_tests.rs"]
mod tests;
