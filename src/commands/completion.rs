//! `completion`, and `__complete`, which the scripts call.

use super::cli;
use crate::complete::shell::{Shell, answer, split};
use crate::complete::{Names, candidates};
use crate::context::Context;
use crate::kept;
use crate::operation::WorkingFiles;
use clap::Args;
use formwork_addr::{ModuleInstance, ModulePath, ModuleStep};
use formwork_config::{Config, load};
use std::collections::BTreeSet;
use std::path::Path;

/// Print what a shell has to read to complete commands, flags, files, addresses and workspaces
///
/// For Bash, put `source <(formwork completion bash)` into ~/.bashrc; for the Z shell, the same with zsh into ~/.zshrc, behind
/// compinit; for fish, write the output to ~/.config/fish/completions/formwork.fish.
#[derive(Debug, Args)]
pub struct Completion {
    /// The shell.
    shell: Shell,
}

impl Completion {
    /// Runs the command.
    pub fn run(self, cx: &Context) -> u8 {
        cx.screen.print(self.shell.script());
        0
    }
}

/// Print what can stand at the end of a line
#[derive(Debug, Args)]
pub struct Complete {
    /// Who asks.
    shell: Shell,
    /// The line up to the cursor.
    #[arg(allow_hyphen_values = true)]
    line: String,
}

impl Complete {
    /// Runs the command. Nothing is ever wrong: then there is nothing to offer.
    pub fn run(self, cx: &Context) -> u8 {
        let line = split(&self.line);
        let words = line.words.get(1..).unwrap_or_default();
        let chdir = words.iter().find_map(|w| w.trim_start_matches('-').strip_prefix("chdir="));
        if let Some(dir) = chdir.filter(|_| words.len() > 1)
            && std::env::set_current_dir(dir).is_err()
        {
            return 0;
        }
        self.locate(cx);
        let current = words.last().map(String::as_str).unwrap_or_default();
        let found = candidates(&cli(), words, &Folder { cx });
        cx.screen.print(&answer(self.shell, current, line.quote, &found));
        0
    }
}

impl Complete {
    /// Finds the state, if it is in files here. No server is asked while somebody types.
    fn locate(&self, cx: &Context) {
        let kept = kept::said(cx, &cx.given).and_then(|said| kept::choose(cx, said));
        if let Ok(kept) = kept
            && kept.remote.is_none()
        {
            cx.keep(kept);
        }
    }
}

/// The folder that the command would work in.
struct Folder<'a> {
    cx: &'a Context,
}

impl Folder<'_> {
    fn config(&self) -> Option<Config> {
        load(Path::new(""), &WorkingFiles).config
    }
}

impl Names for Folder<'_> {
    fn addresses(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        let state = self.cx.peek(None).map(|opened| opened.state).unwrap_or_default();
        state.resources.keys().for_each(|addr| add_modules(&addr.module, &mut found));
        let config = self.config();
        for (path, module) in config.iter().flat_map(|c| &c.modules) {
            let instance = plain(path);
            add_modules(&instance, &mut found);
            let dot = if instance.is_root() { "" } else { "." };
            found.extend(module.resources.keys().map(|r| format!("{instance}{dot}{r}")));
        }
        found.extend(state.instances().map(|(addr, ..)| addr.to_string()));
        found.into_iter().collect()
    }

    fn workspaces(&self) -> Vec<String> {
        let mut found = vec!["default".to_owned()];
        for entry in std::fs::read_dir(self.cx.kept().workspaces_dir()).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                found.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        found
    }

    fn variables(&self) -> Vec<String> {
        self.config()
            .map(|c| c.root().variables.keys().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    fn outputs(&self) -> Vec<String> {
        let state = self.cx.peek(None).map(|opened| opened.state).unwrap_or_default();
        state.outputs.keys().map(ToString::to_string).collect()
    }

    fn files(&self, beginning: &str) -> Vec<String> {
        let (folder, name) =
            beginning.rsplit_once('/').map_or(("", beginning), |(f, n)| (&beginning[..f.len() + 1], n));
        let place = if folder.is_empty() { "." } else { folder };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.starts_with(name) && (!file.starts_with('.') || name.starts_with('.')) {
                let slash = if entry.path().is_dir() { "/" } else { "" };
                found.push(format!("{folder}{file}{slash}"));
            }
        }
        found
    }
}

/// Adds a module instance, and all that it is in.
fn add_modules(module: &ModuleInstance, found: &mut BTreeSet<String>) {
    for depth in 1..=module.steps().len() {
        found.insert(ModuleInstance::new(module.steps()[..depth].to_vec()).to_string());
    }
}

/// A module without keys.
fn plain(path: &ModulePath) -> ModuleInstance {
    let step = |name: &formwork_addr::Str| ModuleStep { name: name.clone(), key: Default::default() };
    ModuleInstance::new(path.0.iter().map(step).collect::<Vec<_>>())
}
