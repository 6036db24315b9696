//! Write-only arguments: the provider is given them, and nobody stores them.

use formwork_provider::Schema;
use formwork_value::{Mark, Marks, Path, Value};

fn names(schema: &Schema) -> impl Iterator<Item = &formwork_addr::Str> {
    schema.block.attributes.iter().filter(|(_, a)| a.write_only).map(|(name, _)| name)
}

/// An object without its write-only arguments.
pub(crate) fn without(schema: &Schema, value: Value) -> Value {
    replaced(schema, value, |name| schema.block.attributes.get(name).map(|a| Value::null(a.ty.clone())))
}

/// Where a configuration is marked, without the places that are null in what is stored.
pub(crate) fn kept(schema: &Schema, mut marks: Vec<(Path, Marks)>) -> Vec<(Path, Marks)> {
    let write_only = |path: &Path| {
        let name = crate::provide::first_attribute(path);
        name.and_then(|n| schema.block.attributes.get(n)).is_some_and(|a| a.write_only)
    };
    marks.retain(|(path, _)| !write_only(path));
    marks
}

/// An object with the write-only arguments of a configuration.
pub(crate) fn with(schema: &Schema, value: Value, config: &Value) -> Value {
    replaced(schema, value, |name| config.get(name).cloned())
}

/// A configuration whose write-only arguments are sensitive.
pub(crate) fn secret(schema: &Schema, config: Value) -> Value {
    let given = config.clone();
    replaced(schema, config, |name| given.get(name).map(|value| value.clone().mark(Mark::Sensitive)))
}

fn replaced(schema: &Schema, value: Value, by: impl Fn(&str) -> Option<Value>) -> Value {
    if names(schema).next().is_none() {
        return value;
    }
    let Some(attrs) = value.as_map() else { return value };
    let mut attrs = attrs.clone();
    for name in names(schema) {
        if let (Some(slot), Some(new)) = (attrs.get_mut(name), by(name)) {
            *slot = new;
        }
    }
    Value::from(attrs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use formwork_provider::{Attribute, Block};
    use formwork_value::Type;

    #[test]
    fn what_is_write_only_comes_and_goes() {
        let attribute = |write_only| Attribute { optional: true, write_only, ..Attribute::new(Type::String) };
        let attributes = [("name".into(), attribute(false)), ("key_wo".into(), attribute(true))].into();
        let schema = Schema { version: 0, block: Block { attributes, ..Block::default() } };
        let object = |key: Value| Value::object([("name", Value::string("n")), ("key_wo", key)]);
        let full = object(Value::string("secret"));
        let bare = without(&schema, full.clone());
        assert_eq!(bare, object(Value::null(Type::String)));
        assert_eq!(with(&schema, bare, &full), full);
    }
}
