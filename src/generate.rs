//! `plan -generate-config-out`: resource blocks for what import blocks name and the configuration does not have.
//!
//! The objects are read first, as an import would, with an empty block in the place of each; then each object is written as
//! a block, by the schema of its type, and the plan is made with these blocks.

use crate::commands::options::StateFlags;
use crate::context::Context;
use crate::operation::{self, Access, Inputs, Run, WorkingFiles};
use crate::variables::Flag;
use crate::world::{RealWorld, now};
use formwork_addr::{InstanceAddr, InstanceKey, ModuleInstance, ResourceAddr, ResourceMode, Str};
use formwork_config::{Import, load_without_lost_imports};
use formwork_diag::{Diagnostic, FileId, has_errors};
use formwork_engine::Console;
use formwork_provider::{Block, Nesting, Schema};
use formwork_provider_builtin::expression;
use formwork_value::{Kind, Path as ValuePath, PathStep, Type, Value, convert, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const HEADER: &str = "# __generated__ by Formwork\n# Please review these resources and move them into your main configuration \
                      files.\n";

/// Blocks that were written for what is imported.
pub struct Generated {
    /// The file for them.
    path: PathBuf,
    /// Its contents.
    text: String,
    /// Its blocks, without line end, by the instances that they are for.
    pub blocks: BTreeMap<InstanceAddr, Str>,
    /// The configuration with them, and the values of its variables.
    pub inputs: Inputs,
}

impl Generated {
    /// Writes the file.
    pub fn write(&self) -> Result<(), Diagnostic> {
        use std::io::Write as _;
        let written =
            std::fs::OpenOptions::new().write(true).create_new(true).open(&self.path).and_then(|mut f| {
                f.write_all(self.text.as_bytes())?;
                f.sync_all()
            });
        written.map_err(|e| {
            Diagnostic::error(
                "Generated configuration cannot be written",
                format!("Could not write {}: {e}.", self.path.display()),
            )
            .help("Name a new file in a folder that exists and can be written.")
        })
    }
}

/// Why a file cannot take what is generated.
pub fn refusal(path: &Path) -> Option<Diagnostic> {
    path.symlink_metadata().is_ok().then(|| {
        Diagnostic::error(
            "The file for generated configuration exists",
            format!(
                "Formwork writes generated configuration only to a new file, and {} is there.",
                path.display()
            ),
        )
        .help("Name another file, or move what is in it elsewhere and delete it.")
    })
}

/// Writes blocks for what is imported without having any, in memory. `None` when nothing is.
pub fn generate(
    cx: &Context,
    path: &Path,
    state: &StateFlags,
    flags: &[Flag],
    ask: bool,
) -> Result<Option<Generated>, u8> {
    let (loaded, lost) = load_without_lost_imports(Path::new(""), &WorkingFiles);
    if lost.is_empty() {
        // What is wrong otherwise is said by whoever loads it next.
        return Ok(None);
    }
    let problems: Vec<Diagnostic> = lost.iter().filter_map(|i| unfit(cx, i)).collect();
    if !problems.is_empty() {
        return Err(cx.fail(&problems, &loaded.sources));
    }
    let name = file_name(path);
    let stubs: String = lost.iter().map(|i| block(i, "")).collect();
    let inputs = operation::with_values(cx, operation::configuration_with(cx, &name, &stubs)?, flags, ask)?;
    // The same blocks as they are read now: their places belong to these sources.
    let is_lost = |import: &&Import| lost.iter().any(|l| l.to.text == import.to.text);
    let lost: Vec<Import> = inputs.config.root().imports.iter().filter(is_lost).cloned().collect();
    let setup = operation::setup(cx, &inputs, Arc::new(RealWorld::planning(false, now())), 1);
    let mut run = Run::begin(cx, setup.clone(), state, "OperationTypePlan", Access::Read)?;
    let mut diags = run.recover();
    let (mut console, wrong) = Console::of_state(setup, run.state().clone());
    diags.extend(wrong.into_iter().filter(Diagnostic::is_error));
    let mut text = HEADER.to_owned();
    let mut blocks = BTreeMap::new();
    for import in &lost {
        if has_errors(&diags) {
            break;
        }
        let found = id(&mut console, import).and_then(|id| {
            let addr = address(import);
            // What is in the state is not imported, so nothing is read.
            let object = run.find(&addr, &id)?;
            Ok((addr, id, object))
        });
        match found {
            Err(wrong) => diags.extend(wrong.into_iter().map(|d| d.at(import.id.span))),
            Ok((addr, id, object)) => {
                let Some(schema) = schema(cx, import) else { continue };
                match json::decode(&object.attributes, &schema.block.ty()) {
                    Ok(value) => {
                        let secrets = secrets(cx, import, &value);
                        let body = body(&schema.block, &value, &ValuePath::root(), &secrets);
                        let _ = write!(
                            text,
                            "\n# __generated__ by Formwork from {}\n",
                            expression(&Value::string(&*id))
                        );
                        let block = formatted(block(import, &body));
                        text.push_str(&block);
                        blocks.insert(addr, block.trim_end().into());
                    }
                    Err(e) => diags.push(
                        Diagnostic::error(
                            "Provider returned an invalid object",
                            format!(
                                "{} does not fit its schema: {e}. This is a bug in the provider.",
                                import.to.text
                            ),
                        )
                        .at(import.span),
                    ),
                }
            }
        }
    }
    run.end(cx);
    if has_errors(&diags) {
        return Err(cx.fail(&diags, &inputs.sources));
    }
    let mut planned = operation::configuration_with(cx, &name, &text)?;
    (planned.variables, planned.given) = (inputs.variables, inputs.given);
    Ok(Some(Generated { path: path.to_owned(), text, blocks, inputs: planned }))
}

/// The name that the file has in the root module while the plan is made, wherever it is going to be.
fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let here = path.parent().is_none_or(|p| p.as_os_str().is_empty() || p == Path::new("."));
    if here && name.ends_with(".tf") && !name.starts_with('.') {
        name
    } else {
        "generated-configuration.tf".into()
    }
}

/// Why no block can be written for an import.
fn unfit(cx: &Context, import: &Import) -> Option<Diagnostic> {
    let (detail, help) = if !import.to.path.0.is_empty() {
        (
            "it is in a module, and blocks are written for the root module only",
            "Write its block in that module by hand.",
        )
    } else if import.for_each.is_some() {
        (
            "the import block has for_each",
            "Write one import block for each object, or the resource block by hand.",
        )
    } else if import.to.key.is_some() {
        (
            "it is one of several instances",
            "Import it without a key, or write its block with count or for_each by hand.",
        )
    } else if import.to.resource.mode != ResourceMode::Managed || schema(cx, import).is_none() {
        ("no provider here has this resource type", "Correct the type in the address.")
    } else {
        return None;
    };
    Some(
        Diagnostic::error(
            "Configuration cannot be generated",
            format!("No block can be written for {}, because {detail}.", import.to.text),
        )
        .help(help)
        .at(import.to.span),
    )
}

fn schema<'a>(cx: &'a Context, import: &Import) -> Option<&'a Schema> {
    cx.registry().resource(&import.to.resource.type_name).map(|(_, resource)| resource.schema())
}

fn secrets(cx: &Context, import: &Import, value: &Value) -> Vec<ValuePath> {
    let found = cx.registry().resource(&import.to.resource.type_name);
    found.map(|(_, resource)| resource.secrets(value)).unwrap_or_default()
}

fn address(import: &Import) -> InstanceAddr {
    let resource = Arc::new(import.to.resource.clone());
    ResourceAddr { module: ModuleInstance::ROOT, resource }.instance(InstanceKey::None)
}

/// The ID that an import block gives.
fn id(console: &mut Console, import: &Import) -> Result<Str, Vec<Diagnostic>> {
    let (value, _) = console.eval(&import.id)?;
    let text = convert(&value.unmark_deep().0, &Type::String).ok();
    let text = text.as_ref().and_then(Value::as_str).filter(|t| !t.is_empty());
    text.map(Str::from).ok_or_else(|| {
        let d = Diagnostic::error(
            "Invalid import id argument",
            "To write a block, the object is read now, and for that its ID must be a text that is known.",
        );
        vec![d.help("Write the ID, or take it from a variable.").at(import.id.span)]
    })
}

/// A resource block.
fn block(import: &Import, body: &str) -> String {
    let resource = &import.to.resource;
    let provider = import.provider.as_ref().map_or(String::new(), |p| {
        let alias = p.alias.as_ref().map_or(String::new(), |a| format!(".{a}"));
        format!("provider = {}{alias}\n", p.name)
    });
    format!("resource \"{}\" \"{}\" {{\n{provider}{body}}}\n", resource.type_name, resource.name)
}

fn formatted(text: String) -> String {
    formwork_syntax::format(FileId(0), &text).unwrap_or(text)
}

/// The arguments and blocks that make an object.
fn body(block: &Block, value: &Value, at: &ValuePath, secrets: &[ValuePath]) -> String {
    let mut out = String::new();
    for (name, attribute) in &block.attributes {
        let place = at.attr(name.clone());
        // An id that providers choose is not for configurations, though some could be given.
        let chosen = &**name == "id" && attribute.computed && at.0.is_empty();
        if !attribute.configurable() || attribute.deprecated.is_some() || chosen {
            continue;
        }
        let hidden = attribute.sensitive || attribute.write_only;
        let inner = value.get(name).cloned().unwrap_or(Value::NULL);
        if hidden || secrets.iter().any(|s| place.0.starts_with(&s.0)) {
            let why = if attribute.write_only { "write-only" } else { "sensitive" };
            let _ = writeln!(out, "{name} = null # {why}");
            continue;
        }
        let below: Vec<&[PathStep]> =
            secrets.iter().filter_map(|s| s.0.strip_prefix(place.0.as_slice())).collect();
        let comment = if below.is_empty() { "" } else { " # sensitive parts are null" };
        let shown = below.iter().fold(inner, |value, path| without(&value, path));
        let _ = writeln!(out, "{name} = {}{comment}", argument(&shown));
    }
    for (name, nested) in &block.blocks {
        let Some(inner) = value.get(name).filter(|v| !v.is_null()) else { continue };
        let place = at.attr(name.clone());
        match nested.nesting {
            Nesting::Single | Nesting::Group => {
                let _ = write!(out, "{name} {{\n{}}}\n", body(&nested.block, inner, &place, secrets));
            }
            Nesting::List | Nesting::Set | Nesting::Map => {
                for (step, item) in inner.steps() {
                    let label = match (&step, nested.nesting) {
                        (PathStep::Index(key), Nesting::Map) => format!(" {}", expression(key)),
                        _ => String::new(),
                    };
                    let mut here = place.clone();
                    here.0.push(step);
                    let _ =
                        write!(out, "{name}{label} {{\n{}}}\n", body(&nested.block, item, &here, secrets));
                }
            }
        }
    }
    out
}

/// A value with null at a path.
fn without(value: &Value, path: &[PathStep]) -> Value {
    let Some((first, rest)) = path.split_first() else { return Value::NULL };
    let (name, map) = match (first, value.as_map()) {
        (PathStep::Attr(name), Some(map)) => (name.clone(), map),
        (PathStep::Index(key), Some(map)) => match key.as_str() {
            Some(key) => (Str::from(key), map),
            None => return value.clone(),
        },
        // A list as a whole: its elements have no names to leave out.
        _ => return Value::NULL,
    };
    let inner = map.iter().map(|(k, v)| (k.clone(), if *k == name { without(v, rest) } else { v.clone() }));
    Value::object(inner.collect::<Vec<_>>())
}

/// A value as people would write it: JSON inside of a string becomes the expression that gives it.
fn argument(value: &Value) -> String {
    if let Kind::String(text) = value.kind()
        && text.trim_start().starts_with(['{', '['])
        && let Ok(inner) = json::decode_implied(text)
        && json::to_string(&inner).is_ok_and(|again| *again == **text)
    {
        return format!("jsonencode({})", expression(&inner));
    }
    expression(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use formwork_provider::{Attribute, NestedBlock};

    fn attribute(ty: Type, change: impl FnOnce(&mut Attribute)) -> Attribute {
        let mut attribute = Attribute::new(ty);
        change(&mut attribute);
        attribute
    }

    #[test]
    fn objects_become_blocks() {
        let optional = |ty| attribute(ty, |a| a.optional = true);
        let inner = Block { attributes: [("n".into(), optional(Type::Number))].into(), ..Block::default() };
        let nested = |nesting| NestedBlock { nesting, block: inner.clone(), min: 0, max: 0 };
        let block = Block {
            attributes: [
                ("id".into(), attribute(Type::String, |a| (a.optional, a.computed) = (true, true))),
                ("made".into(), attribute(Type::String, |a| a.computed = true)),
                ("name".into(), attribute(Type::String, |a| a.required = true)),
                ("none".into(), optional(Type::String)),
                (
                    "old".into(),
                    attribute(Type::String, |a| (a.optional, a.deprecated) = (true, Some("x".into()))),
                ),
                ("policy".into(), optional(Type::String)),
                ("secret".into(), attribute(Type::String, |a| (a.optional, a.sensitive) = (true, true))),
                ("data".into(), optional(Type::map(Type::String))),
            ]
            .into(),
            blocks: [
                ("list".into(), nested(Nesting::List)),
                ("map".into(), nested(Nesting::Map)),
                ("absent".into(), nested(Nesting::Single)),
            ]
            .into(),
            ..Block::default()
        };
        let n = |n: i64| Value::object([("n", Value::from(n))]);
        let value = Value::object([
            ("id", "i".into()),
            ("made", "m".into()),
            ("name", "a ${b}\n\"c\"".into()),
            ("none", Value::null(Type::String)),
            ("old", "o".into()),
            ("policy", "{\"a\":[1,true]}".into()),
            ("secret", "hunter2".into()),
            (
                "data",
                Value::map(
                    Type::String,
                    [("k".into(), "hunter3".into()), ("l".into(), "open".into())].into(),
                ),
            ),
            ("list", Value::list(n(1).ty(), vec![n(1), n(2)])),
            ("map", Value::map(n(1).ty(), [("x".into(), n(3))].into())),
            ("absent", Value::NULL),
        ]);
        let secret = ValuePath::root().attr("data").index("k");
        let text =
            format!("resource \"t\" \"x\" {{\n{}}}\n", body(&block, &value, &ValuePath::root(), &[secret]));
        assert!(!text.contains("hunter"), "{text}");
        let text = formwork_syntax::format(FileId(0), &text).expect("valid");
        let expected = r#"resource "t" "x" {
  data = {
    k = null
    l = "open"
  } # sensitive parts are null
  name   = "a $${b}\n\"c\""
  none   = null
  policy = jsonencode({
    a = [1, true]
  })
  secret = null # sensitive
  list {
    n = 1
  }
  list {
    n = 2
  }
  map "x" {
    n = 3
  }
}
"#;
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&text), squeeze(expected));
    }

    #[test]
    fn files_that_the_configuration_would_not_read_go_by_another_name() {
        let check = |path: &str, expected: &str| assert_eq!(file_name(Path::new(path)), expected);
        check("gen.tf", "gen.tf");
        check("./gen.tf", "gen.tf");
        check("gen.txt", "generated-configuration.tf");
        check("sub/gen.tf", "generated-configuration.tf");
    }
}
