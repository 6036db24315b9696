//! `providers schema`

use super::needed;
use crate::commands::metadata;
use crate::commands::options::{Look, switch_parser};
use crate::context::Context;
use crate::operation;
use clap::Args;
use formwork_diag::Diagnostic;
use formwork_provider::{Attribute, Block, NestedBlock, Nesting, Provider, Schema};
use formwork_value::json::type_to_json;
use serde_json::{Map, Value, json};

/// Show what the providers of the configuration and the state have: their settings, resource types, data sources and functions
#[derive(Debug, Args)]
pub struct ShowSchema {
    /// As JSON, which is the only form.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    json: bool,
    #[command(flatten)]
    look: Look,
}

impl ShowSchema {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        if !self.json {
            return cx.refuse(
                Diagnostic::error("The -json flag is required", "Schemas are shown as JSON only.")
                    .help("formwork providers schema -json. For reading there is docs/reference."),
            );
        }
        let inputs = match operation::structure(cx, true) {
            Ok(inputs) => inputs,
            Err(code) => return code,
        };
        let state = match cx.peek(None) {
            Ok(opened) => opened.state,
            Err(e) => return cx.refuse(e),
        };
        let registry = cx.registry();
        let mut all = Map::new();
        for source in needed(&inputs.config, &state) {
            let Some(provider) = registry.providers().get(&*source) else {
                let known: Vec<&str> = registry.providers().keys().map(|s| &**s).collect();
                return cx.refuse(
                    Diagnostic::error(
                        "Provider not available",
                        format!("The configuration or the state needs the provider {source}, which is not in this program."),
                    )
                    .help(format!("There are: {}.", known.join(", "))),
                );
            };
            all.insert(source, described(&**provider));
        }
        let mut document = Map::from_iter([("format_version".to_owned(), json!("1.0"))]);
        if !all.is_empty() {
            document.insert("provider_schemas".into(), all.into());
        }
        cx.screen.line(&Value::Object(document).to_string());
        0
    }
}

/// A provider in the form of `terraform providers schema -json`
/// (<https://developer.hashicorp.com/terraform/cli/commands/providers/schema>). What a provider has none of is left out.
fn described(provider: &dyn Provider) -> Value {
    let mut out = Map::from_iter([("provider".to_owned(), schema(provider.schema()))]);
    let mut put = |name: &str, entries: Map<String, Value>| {
        if !entries.is_empty() {
            out.insert(name.into(), entries.into());
        }
    };
    let of = |name: &str, s: &Schema| (name.to_owned(), schema(s));
    put("resource_schemas", provider.resources().iter().map(|r| of(r.type_name(), r.schema())).collect());
    put(
        "data_source_schemas",
        provider.data_sources().iter().map(|d| of(d.type_name(), d.schema())).collect(),
    );
    put(
        "ephemeral_resource_schemas",
        provider.ephemeral_resources().iter().map(|e| of(e.type_name(), e.schema())).collect(),
    );
    let functions = provider.functions();
    put(
        "functions",
        functions.iter().map(|f| (f.signature.name.to_owned(), metadata::described(&f.signature))).collect(),
    );
    out.into()
}

fn schema(schema: &Schema) -> Value {
    json!({ "version": schema.version, "block": block(&schema.block) })
}

fn block(of: &Block) -> Value {
    let mut out = texts(&of.description, of.deprecated.is_some());
    if !of.attributes.is_empty() {
        let attributes = of.attributes.iter().map(|(name, a)| (name.to_string(), attribute(a)));
        out.insert("attributes".into(), Value::Object(attributes.collect()));
    }
    if !of.blocks.is_empty() {
        let blocks = of.blocks.iter().map(|(name, b)| (name.to_string(), nested(b)));
        out.insert("block_types".into(), Value::Object(blocks.collect()));
    }
    out.into()
}

fn attribute(of: &Attribute) -> Value {
    let mut out = texts(&of.description, of.deprecated.is_some());
    out.insert("type".into(), type_to_json(&of.ty));
    let flags = [
        ("required", of.required),
        ("optional", of.optional),
        ("computed", of.computed),
        ("sensitive", of.sensitive),
        ("write_only", of.write_only),
    ];
    out.extend(
        flags.into_iter().filter(|(_, yes)| *yes).map(|(name, _)| (name.to_owned(), Value::Bool(true))),
    );
    out.into()
}

fn nested(of: &NestedBlock) -> Value {
    let mode = match of.nesting {
        Nesting::Single => "single",
        Nesting::Group => "group",
        Nesting::List => "list",
        Nesting::Set => "set",
        Nesting::Map => "map",
    };
    let mut out =
        Map::from_iter([("nesting_mode".to_owned(), json!(mode)), ("block".to_owned(), block(&of.block))]);
    let limits = [("min_items", of.min), ("max_items", of.max)];
    out.extend(limits.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), json!(n))));
    out.into()
}

/// What attributes and blocks share. Our descriptions are Markdown.
fn texts(description: &str, deprecated: bool) -> Map<String, Value> {
    let mut out = Map::new();
    if description.is_empty() {
        out.insert("description_kind".into(), "plain".into());
    } else {
        out.insert("description".into(), description.into());
        out.insert("description_kind".into(), "markdown".into());
    }
    if deprecated {
        out.insert("deprecated".into(), true.into());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_has_terraforms_form() {
        let families = formwork_provider_builtin::providers();
        let family = families.iter().find(|p| p.name() == "terraform").expect("it is built in");
        let text = described(&**family)["resource_schemas"]["terraform_data"].to_string();
        let mut found: Value = serde_json::from_str(&text).expect("JSON");
        // Everyone describes in their own words.
        for attribute in found["block"]["attributes"].as_object_mut().expect("attributes").values_mut() {
            let attribute = attribute.as_object_mut().expect("an attribute");
            assert!(
                attribute.remove("description").is_some() && attribute.remove("description_kind").is_some()
            );
        }
        let block = found["block"].as_object_mut().expect("a block");
        block.retain(|name, _| !name.starts_with("description"));
        // What Terraform 1.11.4 says.
        let expected = json!({
            "version": 0,
            "block": { "attributes": {
                "id": { "type": "string", "computed": true },
                "input": { "type": "dynamic", "optional": true },
                "output": { "type": "dynamic", "computed": true },
                "triggers_replace": { "type": "dynamic", "optional": true },
            } },
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn blocks_say_how_often_they_stand() {
        let inner = Block {
            deprecated: Some("old".into()),
            attributes: [(
                "a".into(),
                Attribute { sensitive: true, required: true, ..Attribute::new(formwork_value::Type::Bool) },
            )]
            .into(),
            ..Block::default()
        };
        let outer = NestedBlock { nesting: Nesting::Set, block: inner, min: 1, max: 0 };
        let expected = json!({
            "nesting_mode": "set",
            "min_items": 1,
            "block": {
                "attributes": { "a": { "type": "bool", "description_kind": "plain", "required": true, "sensitive": true } },
                "description_kind": "plain",
                "deprecated": true,
            },
        });
        assert_eq!(nested(&outer), expected);
    }
}
