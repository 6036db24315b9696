//! `providers`

use super::options::Look;
use crate::context::Context;
use crate::operation;
use clap::Args;
use formwork_addr::ModulePath;
use formwork_config::Config;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Show which providers the configuration and the state need
#[derive(Debug, Args)]
pub struct Providers {
    #[command(flatten)]
    look: Look,
}

impl Providers {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let inputs = match operation::configuration(cx, false) {
            Ok(inputs) => inputs,
            Err(code) => return code,
        };
        let opened = match cx.peek(None) {
            Ok(opened) => opened,
            Err(e) => return cx.refuse(e),
        };
        let mut text = String::from("\nProviders required by configuration:\n.\n");
        tree(&inputs.config, &ModulePath::default(), "", &mut text);
        let used: BTreeSet<&str> =
            opened.state.resources.values().filter_map(|r| inside(&r.provider)).collect();
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

/// One line for each provider of a module, then its children, indented.
fn tree(config: &Config, path: &ModulePath, indent: &str, out: &mut String) {
    let Some(module) = config.module(path) else { return };
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
