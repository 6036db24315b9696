//! What can stand at the end of a command line: commands, flags, files, addresses, workspaces, variables.
//!
//! Shells hand over the line; everything that is to be known of it is known here, so that all of them complete the same.

pub mod shell;

use clap::{Arg, Command};

/// Where names come from that depend on the folder.
pub trait Names {
    /// Addresses of modules, resources and instances, from the state and the configuration.
    fn addresses(&self) -> Vec<String>;
    /// Workspaces.
    fn workspaces(&self) -> Vec<String>;
    /// Variables of the root module.
    fn variables(&self) -> Vec<String>;
    /// Outputs of the root module.
    fn outputs(&self) -> Vec<String>;
    /// Files and folders whose path begins so; folders end in a slash.
    fn files(&self, beginning: &str) -> Vec<String>;
}

/// What a value is.
enum Values {
    Addresses,
    Workspaces,
    Variables,
    Outputs,
    Files,
    Words(Vec<String>),
    Nothing,
}

fn values_of(command: &str, arg: &Arg) -> Values {
    let named = arg.get_value_names().and_then(|names| names.first()).map(|n| n.as_str()).unwrap_or_default();
    let possible: Vec<String> = arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
    if !possible.is_empty() {
        return Values::Words(possible);
    }
    match (named, arg.get_id().as_str()) {
        ("ADDRESS", _) | (_, "address" | "addresses" | "source" | "destination") => Values::Addresses,
        ("FILE" | "DIR" | "TARGET", _) | (_, "path" | "plan") => Values::Files,
        ("BOOL", _) => Values::Words(vec!["true".into(), "false".into()]),
        ("NAME=VALUE", "var") => Values::Variables,
        (_, "name") if command == "output" => Values::Outputs,
        (_, "name") if matches!(command, "select" | "delete") => Values::Workspaces,
        _ => Values::Nothing,
    }
}

fn list(command: &str, arg: &Arg, beginning: &str, names: &dyn Names) -> Vec<String> {
    match values_of(command, arg) {
        Values::Addresses => names.addresses(),
        Values::Workspaces => names.workspaces(),
        Values::Variables => names.variables().into_iter().map(|n| format!("{n}=")).collect(),
        Values::Outputs => names.outputs(),
        Values::Files => names.files(beginning),
        Values::Words(words) => words,
        Values::Nothing => Vec::new(),
    }
}

/// The flag of a command that a word names, with what follows its equals sign.
fn flag<'c, 'w>(command: &'c Command, word: &'w str) -> Option<(&'c Arg, Option<&'w str>)> {
    let bare = word.strip_prefix('-')?;
    let bare = bare.strip_prefix('-').unwrap_or(bare);
    let (name, value) = bare.split_once('=').map_or((bare, None), |(n, v)| (n, Some(v)));
    let is = |arg: &&Arg| {
        arg.get_long() == Some(name)
            || arg.get_all_aliases().is_some_and(|all| all.contains(&name))
            || arg.get_short().is_some_and(|s| name.len() == s.len_utf8() && name.starts_with(s))
    };
    command.get_arguments().find(is).map(|arg| (arg, value))
}

/// Whether the next word is the value of a flag.
fn waits(arg: &Arg) -> bool {
    arg.get_action().takes_values()
        && !arg.is_require_equals_set()
        && arg.get_num_args().is_none_or(|n| n.min_values() > 0)
}

fn takes_values(arg: &Arg) -> bool {
    arg.get_action().takes_values() && arg.get_num_args().is_none_or(|n| n.min_values() > 0)
}

/// What can stand for the last of these words, which may be empty. The words are without the program's name.
pub fn candidates(root: &Command, words: &[String], names: &dyn Names) -> Vec<String> {
    let Some((current, before)) = words.split_last() else { return Vec::new() };
    let mut command = root;
    let mut positional = 0;
    let mut waiting: Option<&Arg> = None;
    let mut only_words = false;
    for word in before {
        if waiting.take().is_some() {
            continue;
        }
        if word == "--" {
            only_words = true;
        } else if word.starts_with('-') && word.len() > 1 && !only_words {
            waiting =
                flag(command, word).filter(|(arg, value)| value.is_none() && waits(arg)).map(|(arg, _)| arg);
        } else if let Some(inner) = command.find_subcommand(word).filter(|_| positional == 0) {
            command = inner;
        } else {
            positional += 1;
        }
    }
    let name = command.get_name();
    let mut found: Vec<String> = if let Some(arg) = waiting {
        list(name, arg, current, names)
    } else if let Some((arg, Some(value))) = flag(command, current).filter(|_| !only_words) {
        let head = &current[..current.len() - value.len()];
        list(name, arg, value, names).into_iter().map(|v| format!("{head}{v}")).collect()
    } else if current.starts_with('-') && !only_words {
        let dashes = if current.starts_with("--") { "--" } else { "-" };
        let seen = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let flags = seen.filter_map(|arg| {
            let equals = if takes_values(arg) { "=" } else { "" };
            arg.get_long().map(|long| format!("{dashes}{long}{equals}"))
        });
        let global = std::ptr::eq(command, root).then(|| format!("{dashes}chdir="));
        flags.chain(global).collect()
    } else {
        let inner = command.get_subcommands().filter(|c| !c.is_hide_set() && positional == 0);
        let mut found: Vec<String> = inner.map(|c| c.get_name().to_owned()).collect();
        let mut places = command.get_positionals();
        let last =
            command.get_positionals().last().filter(|a| a.get_num_args().is_some_and(|n| n.max_values() > 1));
        if let Some(arg) = places.nth(positional).or(last) {
            found.extend(list(name, arg, current, names));
        }
        found
    };
    found.retain(|word| word.starts_with(current.as_str()));
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests;
