//! Writes the reference of resource types, data sources and functions, from the code itself, into the folder that
//! is given as the only argument. `cargo xtask generate` runs it.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_config::language::{BlockKind, DYNAMIC, TOP_LEVEL};
use formwork_provider::{Attribute, Block, NestedBlock, Nesting, Schema, Signature};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const NOTE: &str = "<!-- Written by `cargo xtask generate`. Do not edit. -->\n\n";

/// Pages by their path.
type Pages = BTreeMap<PathBuf, String>;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: formwork-reference <folder>");
        return ExitCode::FAILURE;
    };
    match write(&folder, &pages()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{}: {e}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path, pages: &Pages) -> io::Result<()> {
    for (name, text) in pages {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, format!("{NOTE}{}\n", text.trim_end()))?;
    }
    Ok(())
}

fn pages() -> Pages {
    let mut pages = Pages::new();
    let mut index =
        String::from("# Reference\n\n- [Blocks of the language](blocks.md)\n- [Functions](functions.md)\n");
    for provider in formwork::providers() {
        let name = provider.name();
        let _ = write!(index, "\n## {name}\n\n`{}`\n\n", provider.source());
        let arguments = &provider.schema().block;
        if arguments.names().next().is_some() {
            let page = format!("providers/{name}.md");
            let _ = writeln!(index, "- [arguments of `provider \"{name}\"`]({page})");
            let title = format!("Provider `{name}`");
            pages.insert(page.into(), schema_page(&title, provider.schema(), "providers", name));
        }
        for resource in provider.resources() {
            let name = resource.type_name();
            let page = format!("resources/{name}.md");
            let _ = writeln!(index, "- resource [`{name}`]({page})");
            let title = format!("Resource type `{name}`");
            pages.insert(page.into(), schema_page(&title, resource.schema(), "resources", name));
        }
        for data in provider.data_sources() {
            let name = data.type_name();
            let page = format!("data-sources/{name}.md");
            let _ = writeln!(index, "- data source [`{name}`]({page})");
            let title = format!("Data source `{name}`");
            pages.insert(page.into(), schema_page(&title, data.schema(), "data-sources", name));
        }
        for ephemeral in provider.ephemeral_resources() {
            let name = ephemeral.type_name();
            let page = format!("ephemeral/{name}.md");
            let _ = writeln!(index, "- ephemeral resource [`{name}`]({page})");
            let title = format!("Ephemeral resource type `{name}`");
            pages.insert(page.into(), schema_page(&title, ephemeral.schema(), "ephemeral", name));
        }
    }
    pages.insert("README.md".into(), index);
    pages.insert("functions.md".into(), functions_page());
    pages.insert("blocks.md".into(), blocks_page());
    pages
}

/// The example of a type or a block, as it stands in `docs/examples`: a file, or a folder of files.
fn example(kind: &str, name: &str, level: usize) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(kind);
    let mut files = Vec::new();
    collect(&folder.join(format!("{name}.tf")), &folder, &mut files);
    collect(&folder.join(name), &folder.join(name), &mut files);
    if files.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{} Example\n", "#".repeat(level));
    for (path, text) in &files {
        if files.len() > 1 {
            let _ = write!(out, "\n`{}`\n", path.display());
        }
        let _ = write!(out, "\n```hcl\n{}\n```\n", text.trim_end());
    }
    out
}

fn collect(path: &Path, base: &Path, out: &mut Vec<(PathBuf, String)>) {
    if let Ok(text) = std::fs::read_to_string(path) {
        out.push((path.strip_prefix(base).unwrap_or(path).to_owned(), text));
    } else if let Ok(entries) = std::fs::read_dir(path) {
        let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        inside.sort_by_key(|path| (path.is_dir(), path.clone()));
        inside.iter().for_each(|path| collect(path, base, out));
    }
}

fn blocks_page() -> String {
    let mut page = String::from("# Blocks of the language\n");
    for kind in TOP_LEVEL.into_iter().chain([&DYNAMIC]) {
        language_block(&mut page, kind, &[]);
        page.push_str(&example("blocks", kind.name, 3));
        if kind.name == "resource" {
            page.push_str(
                &example("blocks", "provisioner", 3).replace("### Example", "### Example of provisioners"),
            );
        }
    }
    page
}

fn language_block(page: &mut String, kind: &BlockKind, outside: &[&str]) {
    let path = [outside, &[kind.name]].concat();
    let labels: String = kind.labels.iter().map(|label| format!(" \"{label}\"")).collect();
    let _ = write!(
        page,
        "\n{} {}\n\n```\n{}{labels} {{ … }}\n```\n\n{}\n",
        "#".repeat(1 + path.len()),
        path.join(" › "),
        kind.name,
        kind.summary
    );
    if !kind.arguments.is_empty() {
        page.push('\n');
    }
    for argument in kind.arguments {
        let _ = writeln!(page, "- `{}` ({}): {}", argument.name, argument.takes, argument.says);
    }
    if let Some(others) = kind.others {
        let _ = write!(page, "\nOthers: {others}\n");
    }
    // A kind may stand within itself.
    for inner in kind.blocks.iter().filter(|inner| !path.contains(&inner.name)) {
        language_block(page, inner, &path);
    }
}

fn functions_page() -> String {
    let mut page = String::from("# Functions\n");
    for (name, function) in formwork_lang::functions() {
        function_part(&mut page, name, &function.signature);
    }
    for provider in formwork::providers() {
        for function in provider.functions() {
            let name = format!("provider::{}::{}", provider.name(), function.signature.name);
            function_part(&mut page, &name, &function.signature);
        }
    }
    page
}

fn function_part(page: &mut String, name: &str, signature: &Signature) {
    let mut params: Vec<String> = signature.params.iter().map(|p| format!("{}: {}", p.name, p.ty)).collect();
    params.extend(signature.variadic.iter().map(|p| format!("{}: {}...", p.name, p.ty)));
    let _ = write!(
        page,
        "\n## {name}\n\n```\n{name}({}) → {}\n```\n\n{}\n",
        params.join(", "),
        signature.return_type(),
        signature.description
    );
    let _ = write!(page, "\n```hcl\n{}\n```\n", signature.example);
    if !signature.gives.is_empty() {
        let _ = write!(page, "\ngives\n\n```hcl\n{}\n```\n", signature.gives);
    }
}

fn schema_page(title: &str, schema: &Schema, kind: &str, name: &str) -> String {
    let mut page = format!("# {title}\n");
    if !schema.block.description.is_empty() {
        let _ = write!(page, "\n{}\n", schema.block.description);
    }
    page.push_str(&example(kind, name, 2));
    members(&mut page, &schema.block, 2);
    page
}

fn block(page: &mut String, block: &Block, level: usize) {
    if !block.description.is_empty() {
        let _ = write!(page, "\n{}\n", block.description);
    }
    members(page, block, level);
}

fn members(page: &mut String, block: &Block, level: usize) {
    if let Some(why) = &block.deprecated {
        let _ = write!(page, "\n**Deprecated.** {why}\n");
    }
    let heading = "#".repeat(level.min(6));
    let groups: [(&str, fn(&Attribute) -> bool); 3] = [
        ("Required", |a| a.required),
        ("Optional", |a| a.optional),
        ("Read-only", |a| !a.required && !a.optional),
    ];
    for (name, belongs) in groups {
        let members: Vec<_> = block.attributes.iter().filter(|(_, a)| belongs(a)).collect();
        if !members.is_empty() {
            let _ = write!(page, "\n{heading} {name}\n\n");
        }
        for (name, attribute) in members {
            let _ = writeln!(page, "- `{name}` ({}): {}", flags(attribute), attribute.description);
        }
    }
    for (name, nested) in &block.blocks {
        let _ = write!(page, "\n{heading} Block `{name}`\n\n{}\n", how_often(nested));
        self::block(page, &nested.block, level + 1);
    }
}

fn flags(attribute: &Attribute) -> String {
    let mut words = vec![format!("`{}`", attribute.ty)];
    if let Some(default) = &attribute.default {
        words.push(format!("default `{}`", formwork_value::display(default, 0)));
    }
    let facts = [
        (attribute.optional && attribute.computed, "chosen by the provider if not set"),
        (attribute.sensitive, "sensitive"),
        (attribute.replace, "a change makes a new object"),
        (attribute.deprecated.is_some(), "deprecated"),
    ];
    words.extend(facts.iter().filter(|(holds, _)| *holds).map(|(_, word)| (*word).to_owned()));
    words.join(", ")
}

fn how_often(nested: &NestedBlock) -> String {
    let shape = match nested.nesting {
        Nesting::Single | Nesting::Group => "One block",
        Nesting::List => "Blocks, in order",
        Nesting::Set => "Blocks, in any order",
        Nesting::Map => "Blocks, by label",
    };
    match (nested.min, nested.max) {
        (0, 0) => format!("{shape}."),
        (0, max) => format!("{shape}; at most {max}."),
        (min, 0) => format!("{shape}; at least {min}."),
        (min, max) if min == max => format!("{shape}; exactly {min}."),
        (min, max) => format!("{shape}; {min} to {max}."),
    }
}
