//! What override files leave of a block, by its schema.
//!
//! Files are merged when schemas are not known yet, so that what may be an argument or blocks stands side by side in what comes
//! of it. Terraform merges by schema: it looks in each file for what the schema has, and nobody misses the rest. So in a block
//! that an override file changes, unknown names have no effect (here they are told), and an argument that may be written as
//! blocks wins against blocks, whichever file has it.

use crate::Registry;
use crate::body::{as_blocks, dynamic_blocks, kind};
use formwork_addr::{ModulePath, Str};
use formwork_config::{Config, Module, without_effect};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_provider::{Block as SchemaBlock, Nesting};
use formwork_syntax::{Attribute, Block, Body, json_block_problems};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Settles what override files have left open in a configuration; warns of what has no effect. The registry is only asked for
/// where there are override files.
pub fn settle<'r>(config: &mut Config, registry: impl FnOnce() -> &'r Registry) -> Vec<Diagnostic> {
    let merged = config.modules.iter().filter(|(_, module)| is_merged(module));
    let merged: Vec<ModulePath> = merged.map(|(path, _)| path.clone()).collect();
    if merged.is_empty() {
        return Vec::new();
    }
    let registry = registry();
    let mut diags = Vec::new();
    for path in merged {
        let child = |name: &Str| Some((name.clone(), config.module(&path.child(name.clone()))?.clone()));
        let calls = config.modules[&path].calls.keys();
        let children: BTreeMap<Str, Arc<Module>> = calls.filter_map(child).collect();
        let Some(module) = config.modules.get_mut(&path).map(Arc::make_mut) else { continue };
        for block in module.resources.values_mut().filter(|block| block.body.merged > 0) {
            if let Some(schema) = registry.schema(&block.resource) {
                let body = by_schema(&block.body, &schema.block, &mut diags);
                Arc::make_mut(block).body = body;
            }
        }
        let sources =
            module.providers.iter().map(|(key, p)| (key.clone(), module.provider_source(&p.name.name)));
        let sources: BTreeMap<(Str, Option<Str>), Str> = sources.collect();
        for (key, provider) in module.providers.iter_mut().filter(|(_, p)| p.body.merged > 0) {
            if let Some(family) = sources.get(key).and_then(|source| registry.providers().get(source)) {
                provider.body = by_schema(&provider.body, &family.schema().block, &mut diags);
            }
        }
        for call in module.calls.values_mut().filter(|call| call.merged) {
            if let Some(child) = children.get(&call.name.name) {
                call.arguments.retain(|name, _| child.variables.contains_key(name));
            }
        }
    }
    // A module that is called twice has its mistakes once.
    let mut seen = FxHashSet::default();
    diags.retain(|d| seen.insert(d.span));
    diags
}

fn is_merged(module: &Module) -> bool {
    module.resources.values().any(|block| block.body.merged > 0)
        || module.providers.values().any(|provider| provider.body.merged > 0)
        || module.calls.values().any(|call| call.merged)
}

/// A block, and for one of JSON's "dynamic" the number of its override file.
type Found = (Block, Option<usize>);

/// What a schema finds in a body that override files have changed.
fn by_schema(body: &Body, schema: &SchemaBlock, diags: &mut Vec<Diagnostic>) -> Body {
    let mut out = Body { merged: 0, ..body.emptied() };
    let (attributes, blocks) = apart(body, schema);
    for a in &attributes {
        let name = &a.name.name;
        if a.json && matches!(&**name, "//" | "dynamic") {
            out.attributes.push((*a).clone());
        } else if let Some(nested) = schema.blocks.get(name) {
            let labels = usize::from(nested.nesting == Nesting::Map);
            // Blocks of a later file are there instead of what an earlier one has in JSON.
            let replaced = |(block, over): &Found| {
                kind(block, schema) == Some(name) && over.is_none_or(|over| over > a.over)
            };
            if !a.json {
                diags.push(no_effect("Argument", name, schema, a.name.span));
            } else if !blocks.iter().any(replaced) || !json_block_problems(&a.expr, name, labels).is_empty() {
                out.attributes.push((*a).clone());
            }
        } else if !schema.attributes.contains_key(name) {
            diags.push(no_effect("Argument", name, schema, a.name.span));
        } else if attributes.iter().all(|b| b.name.name != *name || b.over <= a.over) {
            out.attributes.push((*a).clone());
        }
    }
    for (block, _) in blocks {
        let Some(name) = kind(&block, schema).filter(|name| !schema.blocks.contains_key(*name)) else {
            out.blocks.push(block);
            continue;
        };
        if schema.attributes.get(name).and_then(as_blocks).is_none() {
            diags.push(no_effect("Block", name, schema, block.header));
            continue;
        }
        match out.attribute(name) {
            None => out.blocks.push(block),
            // The other way round, they are what was to be replaced.
            Some(argument) if argument.over == 0 => diags.push(
                Diagnostic::warning(
                    "Block without effect",
                    format!(
                        "\"{name}\" is set as an argument in another file, which counts where an override file has blocks of that \
                         name, as it does with Terraform."
                    ),
                )
                .help("Use the same form in both files.")
                .at(block.header)
                .label(argument.name.span, "this counts"),
            ),
            Some(_) => {}
        }
    }
    out
}

/// The attributes and blocks of a body, with what JSON has under "dynamic" among the blocks.
fn apart<'a>(body: &'a Body, schema: &SchemaBlock) -> (Vec<&'a Attribute>, Vec<Found>) {
    let makes = |a: &Attribute| {
        a.json
            && &*a.name.name == "dynamic"
            && !schema.blocks.contains_key("dynamic")
            && json_block_problems(&a.expr, "dynamic", 1).is_empty()
    };
    let (generated, attributes): (Vec<&Attribute>, Vec<&Attribute>) =
        body.attributes.iter().partition(|a| makes(a));
    let mut blocks: Vec<Found> = body.blocks.iter().map(|block| (block.clone(), None)).collect();
    for a in generated {
        blocks.extend(dynamic_blocks(&a.expr).into_iter().map(|block| (block, Some(a.over))));
    }
    (attributes, blocks)
}

fn no_effect(what: &str, name: &Str, schema: &SchemaBlock, at: Span) -> Diagnostic {
    let detail = format!("There is no {} \"{name}\" here.", what.to_lowercase());
    let d = without_effect(what, detail).at(at);
    if schema.names().any(|known| known == &**name) {
        return d.help("It is there in the other form: mind the equals sign.");
    }
    match suggestion(name, schema.names()) {
        Some(near) => d.help(format!("Did you mean \"{near}\"?")),
        None => d.help("Remove it."),
    }
}

#[cfg(test)]
mod tests {
    use super::by_schema;
    use formwork_config::{MemoryFiles, load};
    use formwork_provider::{Attribute, Block, NestedBlock, Nesting};
    use formwork_value::Type;
    use std::path::Path;

    /// Attributes `name` and `list`, which may be written as blocks; blocks `in`.
    fn schema() -> Block {
        let optional = |ty| Attribute { optional: true, ..Attribute::new(ty) };
        let list = Type::list(Type::object([("p", Type::Number)]));
        let inner = Block { attributes: [("p".into(), optional(Type::Number))].into(), ..Block::default() };
        let nested = NestedBlock { nesting: Nesting::List, block: inner, min: 0, max: 0 };
        Block {
            attributes: [("name".into(), optional(Type::String)), ("list".into(), optional(list))].into(),
            blocks: [("in".into(), nested)].into(),
            ..Block::default()
        }
    }

    /// The names that are left of a resource in two files, arguments first, and the summaries of warnings.
    fn settled(base: &str, over: &str) -> String {
        let file = |name: &str, text: &str| match text.starts_with('{') {
            true => (format!("{name}.tf.json"), format!(r#"{{"resource":{{"t":{{"a":{text}}}}}}}"#)),
            false => (format!("{name}.tf"), format!("resource \"t\" \"a\" {{\n{text}\n}}\n")),
        };
        let files = [file("main", base), file("x_override", over)];
        let files = files.into_iter().map(|(name, text)| (name.into(), text.into_bytes())).collect();
        let loaded = load(Path::new(""), &MemoryFiles(files));
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let config = loaded.config.unwrap();
        let mut diags = Vec::new();
        let body = by_schema(&config.root().resources.values().next().unwrap().body, &schema(), &mut diags);
        let arguments = body.attributes.iter().map(|a| format!("{}:{}", a.name.name, a.over));
        let blocks = body.blocks.iter().map(|b| match b.labels.first() {
            Some(label) => format!("dynamic {}", label.name),
            None => b.kind.name.to_string(),
        });
        let warnings = diags.iter().map(|d| format!("! {}", d.summary));
        arguments.chain(blocks).chain(warnings).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_is_empty_leaves_blocks_and_empties_arguments() {
        assert_eq!(settled("in {}", r#"{"in":[]}"#), "in");
        assert_eq!(settled("in {}", r#"{"in":null}"#), "in");
        assert_eq!(settled(r#"{"in":{"p":1}}"#, r#"{"in":[]}"#), "in:0, in:1");
        assert_eq!(settled("list {}", r#"{"list":[]}"#), "list:1");
        assert_eq!(settled(r#"{"list":[{"p":1}]}"#, r#"{"list":[]}"#), "list:1");
        assert_eq!(settled("list {}", "list = []"), "list:1");
    }

    #[test]
    fn blocks_replace_blocks_and_leave_arguments() {
        assert_eq!(settled("in {}\nin {}", "in {}"), "in");
        assert_eq!(settled(r#"{"in":{"p":1}}"#, "in {}"), "in");
        assert_eq!(settled(r#"{"in":{"p":1}}"#, "dynamic \"in\" {}"), "dynamic in");
        assert_eq!(settled(r#"{"in":{"p":1}}"#, r#"{"dynamic":{"in":{"for_each":[]}}}"#), "dynamic in");
        assert_eq!(
            settled(r#"{"in":{"p":1},"dynamic":{"in":{"for_each":[]}}}"#, r#"{"name":"x"}"#),
            "in:0, name:1, dynamic in"
        );
        assert_eq!(settled("list = []", "list {}"), "list:0, ! Block without effect");
        assert_eq!(settled("list = []", "dynamic \"list\" {}"), "list:0, ! Block without effect");
        assert_eq!(settled("list {}", "list {}"), "list");
    }

    #[test]
    fn what_the_schema_does_not_have_is_told() {
        assert_eq!(settled("nam = 1", "name = \"x\""), "name:1, ! Argument without effect");
        assert_eq!(settled("", "in = 1\nname {}"), "! Argument without effect, ! Block without effect");
        assert_eq!(settled("in {}", "in = []"), "in, ! Argument without effect");
    }
}
