//! Attributes of which it means the same that they are empty and that they are not set.
//!
//! States that Terraform wrote have `""`, `[]`, `{}` and `false` where HashiCorp's older providers know no other nothing, and
//! other states, and configurations, have null. Neither is a change of the other: what there is stays as it is written.

use crate::{Attribute, Block, Nesting};
use formwork_value::{Kind, Map, Value};

impl Block {
    /// Lets all attributes here, and in blocks within, mean the same by empty values and by none.
    pub fn take_empty_for_nothing(&mut self) {
        for attribute in self.attributes.values_mut() {
            attribute.empty_is_nothing = true;
        }
        for nested in self.blocks.values_mut() {
            nested.block.take_empty_for_nothing();
        }
    }
}

/// Whether a value is empty.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value.kind() {
        Kind::String(text) => text.is_empty(),
        Kind::List(_, items) | Kind::Set(_, items) => items.is_empty(),
        Kind::Map(_, items) => items.is_empty(),
        _ => false,
    }
}

/// The configuration, as the prior object writes what means the same.
pub(crate) fn settled(block: &Block, prior: &Value, config: &Value) -> Value {
    let Some(configured) = config.as_map() else { return config.clone() };
    let mut out: Map = configured.clone();
    for (name, attribute) in &block.attributes {
        if let (Some(slot), Some(prior)) = (out.get_mut(name), prior.get(name))
            && means(attribute, slot, prior)
        {
            *slot = prior.clone();
        }
    }
    for (name, nested) in &block.blocks {
        let (Some(slot), Some(prior)) = (out.get_mut(name), prior.get(name)) else { continue };
        if slot.is_null() || prior.is_null() || !slot.is_known() {
            continue;
        }
        match (nested.nesting, slot.kind()) {
            (Nesting::Single | Nesting::Group, _) => *slot = settled(&nested.block, prior, slot),
            (Nesting::List, Kind::List(ty, items)) => {
                let priors = prior.as_slice().unwrap_or_default();
                let items = items.iter().enumerate().map(|(i, item)| match priors.get(i) {
                    Some(prior) => settled(&nested.block, prior, item),
                    None => item.clone(),
                });
                *slot = Value::list(ty.clone(), items.collect());
            }
            _ => {}
        }
    }
    Value::from(out)
}

/// Whether an attribute means the same by both values, written in two ways.
fn means(attribute: &Attribute, config: &Value, prior: &Value) -> bool {
    if !attribute.empty_is_nothing || prior.is_null() || !config.is_wholly_known() {
        return false;
    }
    if config.is_null() {
        // What is computed stays, and what has a default gets it.
        return !attribute.computed && attribute.default.is_none() && is_empty(prior);
    }
    config != prior && stripped(config, false) == stripped(prior, false)
}

/// The value with nulls in place of what is empty; within objects, false is empty, too.
fn stripped(value: &Value, within: bool) -> Value {
    let nothing = || Value::NULL;
    match value.kind() {
        _ if is_empty(value) || value.is_null() => nothing(),
        Kind::Bool(false) if within => nothing(),
        Kind::Object(fields) => {
            let fields: Map = fields.iter().map(|(name, v)| (name.clone(), stripped(v, true))).collect();
            Value::from(fields)
        }
        Kind::List(_, items) | Kind::Tuple(items) => {
            Value::tuple(items.iter().map(|item| stripped(item, within)).collect())
        }
        Kind::Set(_, items) => {
            let mut items: Vec<Value> = items.iter().map(|item| stripped(item, within)).collect();
            items.sort_by_cached_key(|item| format!("{item:?}"));
            Value::tuple(items)
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::check_planned;
    use crate::{NestedBlock, Object, PlanRequest, Schema, default_plan};
    use formwork_value::Type;

    fn schema() -> Schema {
        let rule = Type::Set(
            Type::object([
                ("ports", Type::List(Type::String.into())),
                ("own", Type::Bool),
                ("text", Type::String),
            ])
            .into(),
        );
        let mut schema = Schema::default();
        let optional = |ty: Type| Attribute { optional: true, ..Attribute::new(ty) };
        let mut add = |name: &str, ty: Type| schema.block.attributes.insert(name.into(), optional(ty));
        add("text", Type::String);
        add("tags", Type::Map(Type::String.into()));
        add("rules", rule);
        let mut inner = Block::default();
        inner.attributes.insert("text".into(), optional(Type::String));
        let nested = NestedBlock { nesting: Nesting::List, block: inner, min: 0, max: 0 };
        schema.block.blocks.insert("inner".into(), nested);
        schema.block.take_empty_for_nothing();
        schema
    }

    fn object(json: serde_json::Value, schema: &Schema) -> Value {
        formwork_value::json::decode(&json.to_string(), &schema.block.ty()).unwrap()
    }

    #[test]
    fn nothing_changes_where_both_mean_the_same() {
        let schema = schema();
        let check = |config: serde_json::Value, prior: serde_json::Value, same: bool| {
            let (config, prior) = (object(config, &schema), object(prior, &schema));
            let before = Object::new(prior.clone());
            let plan = default_plan(&schema, &PlanRequest { config: &config, prior: Some(&before) });
            let problems = check_planned(&schema, &config, Some(&prior), &plan.planned);
            assert!(problems.is_empty(), "{problems:?}");
            assert_eq!(plan.planned == prior, same, "{:?}", plan.planned);
        };
        use serde_json::json;
        let rule = |ports: serde_json::Value, own: serde_json::Value, text: serde_json::Value| json!({ "rules": [{ "ports": ports, "own": own, "text": text }] });
        let nothing = json!({ "text": null, "tags": null, "rules": null, "inner": [] });
        let with = |more: serde_json::Value| {
            let mut all = nothing.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        check(nothing.clone(), with(json!({ "text": "", "tags": {} })), true);
        check(nothing.clone(), with(json!({ "text": "x" })), false);
        check(with(json!({ "text": "" })), nothing.clone(), false);
        check(
            with(rule(json!(null), json!(null), json!("x"))),
            with(rule(json!([]), json!(false), json!("x"))),
            true,
        );
        check(
            with(rule(json!(null), json!(null), json!("x"))),
            with(rule(json!([]), json!(true), json!("x"))),
            false,
        );
        check(
            with(rule(json!([]), json!(false), json!(""))),
            with(rule(json!(null), json!(null), json!(null))),
            true,
        );
        let inner = |text: serde_json::Value| with(json!({ "inner": [{ "text": text }] }));
        check(inner(json!(null)), inner(json!("")), true);
        check(inner(json!("y")), inner(json!("")), false);
    }
}
