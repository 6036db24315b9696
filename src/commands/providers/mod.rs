//! `providers`

mod schema;

use super::options::Look;
use crate::context::Context;
use crate::operation;
use clap::{Args, Subcommand};
use formwork_addr::ModulePath;
use formwork_config::{Config, Module};
use formwork_state::State;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Show which providers the configuration and the state need
#[derive(Debug, Args)]
pub struct Providers {
    /// Where test files are. (They are not read.)
    #[arg(long, value_name = "DIR", default_value = "tests", hide_default_value = true)]
    test_directory: String,
    #[command(flatten)]
    look: Look,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Schema(schema::ShowSchema),
}

impl Providers {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        if let Some(Command::Schema(schema)) = self.command {
            return schema.run(cx);
        }
        let inputs = match operation::structure(cx, false) {
            Ok(inputs) => inputs,
            Err(code) => return code,
        };
        let opened = match cx.peek(None) {
            Ok(opened) => opened,
            Err(e) => return cx.refuse(e),
        };
        let mut text = String::from("\nProviders required by configuration:\n.\n");
        tree(&inputs.config, &ModulePath::default(), "", &mut text);
        let used = of_state(&opened.state);
        if !used.is_empty() {
            text.push_str("\nProviders required by state:\n\n");
            for source in used {
                let _ = writeln!(text, "    provider[{source}]\n");
            }
        }
        cx.screen.print(&text);
        0
    }
}

/// The source address in `provider["…"]`.
fn inside(provider: &str) -> Option<&str> {
    let (_, rest) = provider.split_once("[\"")?;
    rest.split_once("\"]").map(|(source, _)| source)
}

/// The source addresses of all providers that the configuration or the state needs.
fn needed(config: &Config, state: &State) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = config.modules.values().flat_map(|m| of_module(m)).collect();
    all.extend(of_state(state).into_iter().map(str::to_owned));
    all
}

fn of_state(state: &State) -> BTreeSet<&str> {
    let objects = state.instances().flat_map(|(_, resource, instance)| {
        instance.current.iter().chain(instance.deposed.values()).map(|object| resource.provider_of(object))
    });
    objects.filter_map(|provider| inside(provider)).collect()
}

fn of_module(module: &Module) -> BTreeSet<String> {
    let mut sources: BTreeSet<String> =
        module.required_providers.values().map(|r| r.source.to_string()).collect();
    sources.extend(module.providers.keys().map(|(local, _)| module.provider_source(local).to_string()));
    sources.extend(module.resources.values().map(|block| {
        let local = block.provider.as_ref().map_or_else(
            || formwork_config::implied_provider(&block.resource.type_name),
            |provider| &*provider.name,
        );
        module.provider_source(local).to_string()
    }));
    sources
}

/// One line for each provider of a module, then its children, indented.
fn tree(config: &Config, path: &ModulePath, indent: &str, out: &mut String) {
    let Some(module) = config.module(path) else { return };
    let sources = of_module(module);
    let mut left = sources.len() + module.calls.len();
    let mut branch = |out: &mut String, text: &str| {
        left -= 1;
        let (here, below) = if left == 0 { ("└── ", "    ") } else { ("├── ", "│   ") };
        let _ = writeln!(out, "{indent}{here}{text}");
        format!("{indent}{below}")
    };
    for source in &sources {
        branch(out, &format!("provider[{source}]"));
    }
    for name in module.calls.keys() {
        let below = branch(out, &format!("module.{name}"));
        tree(config, &path.child(name.clone()), &below, out);
    }
}
