//! Values for the root module's variables, from all the places that can give them.

use crate::environment;
use crate::ui::Screen;
use formwork_addr::{ModulePath, Str};
use formwork_config::{Config, Given, GivenValue, Origin, Resolved, resolve_variables, variable_file};
use formwork_diag::{Diagnostic, Sources};
use formwork_value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// `-var` and `-var-file`, in the order in which they were typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `-var name=value`
    Var(String),
    /// `-var-file path`
    File(String),
}

/// Reads everything that gives values, in the order of precedence: environment, `terraform.tfvars`, `terraform.tfvars.json`,
/// `*.auto.tfvars` by name, flags.
pub fn given(
    flags: &[Flag],
    config: &Config,
    sources: &mut Sources,
    diags: &mut Vec<Diagnostic>,
) -> Vec<Given> {
    let mut out = Vec::new();
    for (name, value) in environment::variables() {
        // The environment is shared: names that are not ours are not our business.
        if config.root().variables.contains_key(name.as_str()) {
            out.push(Given {
                name: name.into(),
                origin: Origin::Environment,
                value: GivenValue::Text(value),
            });
        }
    }
    for name in automatic_files() {
        file(&name, Origin::AutoFile(name.clone()), sources, diags, &mut out);
    }
    for flag in flags {
        match flag {
            Flag::File(path) => file(path, Origin::File(path.clone()), sources, diags, &mut out),
            Flag::Var(text) => match text.split_once('=') {
                Some((name, _)) if name != name.trim() => diags.push(
                    Diagnostic::error(
                        "Invalid -var option",
                        format!("The variable name {:?} of a -var option has spaces around it.", name),
                    )
                    .help("Write -var 'NAME=VALUE', without spaces around the equals sign."),
                ),
                Some((name, value)) => out.push(Given {
                    name: name.into(),
                    origin: Origin::Flag,
                    value: GivenValue::Text(value.to_owned()),
                }),
                None => diags.push(
                    Diagnostic::error(
                        "Invalid -var option",
                        // The text could be a secret that somebody forgot to name.
                        "A -var option has no equals sign between a name and a value.",
                    )
                    .help("Write -var 'NAME=VALUE'."),
                ),
            },
        }
    }
    out
}

fn automatic_files() -> Vec<String> {
    let mut out: Vec<String> =
        ["terraform.tfvars", "terraform.tfvars.json"].iter().map(|n| (*n).to_owned()).collect();
    out.retain(|name| Path::new(name).is_file());
    let mut auto: Vec<String> = std::fs::read_dir(".")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json"))
        .filter(|name| Path::new(name).is_file())
        .collect();
    auto.sort();
    out.extend(auto);
    out
}

fn file(
    path: &str,
    origin: Origin,
    sources: &mut Sources,
    diags: &mut Vec<Diagnostic>,
    out: &mut Vec<Given>,
) {
    let text = match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            let d = Diagnostic::error("Invalid variable file", format!("The file {path} is not UTF-8 text."));
            return diags.push(d.help("Save it as UTF-8."));
        }
        Err(error) => {
            let d = Diagnostic::error(
                "Failed to read variables file",
                format!("Could not read {path}: {error}."),
            );
            return diags.push(
                d.help("Give the path relative to the working directory (after -chdir, if that is used)."),
            );
        }
    };
    let (given, found) = variable_file(path, &text, sources, &origin);
    out.extend(given);
    diags.extend(found);
}

/// The values; asks for those that are missing when `ask` allows it and somebody is there.
pub fn resolve(
    flags: &[Flag],
    config: &Config,
    sources: &mut Sources,
    screen: Screen,
    ask: bool,
) -> Resolved {
    let mut diags = Vec::new();
    let given = given(flags, config, sources, &mut diags);
    settle(given, config, sources, screen, ask, diags)
}

/// The values of ephemeral variables, which no plan holds. What flags say of the others must be what the plan has, `saved`.
pub fn again(
    flags: &[Flag],
    config: &Config,
    saved: &BTreeMap<Str, Value>,
    sources: &mut Sources,
    screen: Screen,
    ask: bool,
) -> (BTreeMap<Str, Value>, Vec<Diagnostic>) {
    let mut diags = Vec::new();
    let mut given = given(flags, config, sources, &mut diags);
    let mut root = (**config.root()).clone();
    let is_held = |g: &Given| config.root().variables.get(&g.name).is_some_and(|v| !v.ephemeral);
    // What the environment and automatic files say of them meant the plan, and that is made.
    given.retain(|g| !is_held(g) || matches!(g.origin, Origin::Flag | Origin::File(_)));
    let held: BTreeSet<Str> = given.iter().filter(|g| is_held(g)).map(|g| g.name.clone()).collect();
    root.variables.retain(|name, variable| variable.ephemeral || held.contains(name));
    let config = Config { modules: BTreeMap::from([(ModulePath::default(), Arc::new(root))]) };
    let resolved = settle(given, &config, sources, screen, ask, diags);
    let mut diags: Vec<Diagnostic> = resolved.problems().cloned().collect();
    let mut values = resolved.values;
    for name in held {
        let Some(value) = values.remove(&name) else { continue };
        let plain = |value: &Value| value.clone().unmark_deep().0;
        if saved.get(&name).is_none_or(|saved| !plain(saved).same(&plain(&value))) {
            let d = Diagnostic::error(
                "Can't change variable when applying a saved plan",
                format!("The plan was made with another value of the variable \"{name}\" than is given now."),
            );
            diags.push(d.help("Leave it out, and the plan's value counts; or plan again with this one."));
        }
    }
    (values, diags)
}

fn settle(
    mut given: Vec<Given>,
    config: &Config,
    sources: &mut Sources,
    screen: Screen,
    ask: bool,
    mut diags: Vec<Diagnostic>,
) -> Resolved {
    let mut resolved = resolve_variables(config, given.clone(), sources);
    if !resolved.missing.is_empty() && ask && Screen::can_ask() && !formwork_diag::has_errors(&diags) {
        for name in &resolved.missing {
            let Some(text) = prompt(config, name, screen) else { break };
            given.push(Given { name: name.clone(), origin: Origin::Prompt, value: GivenValue::Text(text) });
        }
        resolved = resolve_variables(config, given, sources);
    }
    diags.append(&mut resolved.diagnostics);
    for name in &resolved.missing {
        let d = Diagnostic::error(
            "No value for required variable",
            format!("The root module's variable \"{name}\" is not set and has no default value."),
        )
        .help(format!(
            "Set it with -var '{name}=VALUE', in a file given with -var-file, in terraform.tfvars, or in the environment as \
             TF_VAR_{name}."
        ));
        diags.push(match config.root().variables.get(name) {
            Some(v) => d.at(v.name.span),
            None => d,
        });
    }
    resolved.diagnostics = diags;
    resolved
}

/// The values that there are: variables without one stay unknown.
pub fn partial(
    flags: &[Flag],
    config: &Config,
    sources: &mut Sources,
) -> (BTreeMap<Str, Value>, Vec<Diagnostic>) {
    let mut diags = Vec::new();
    let given = given(flags, config, sources, &mut diags);
    let resolved = resolve_variables(config, given, sources);
    diags.extend(resolved.problems().cloned());
    (resolved.values, diags)
}

fn prompt(config: &Config, name: &str, screen: Screen) -> Option<String> {
    let variable = config.root().variables.get(name)?;
    let description = variable.description.as_ref().map_or(String::new(), |d| format!("  {d}\n\n"));
    let answer = screen.ask(&format!("var.{name}\n{description}  Enter a value: "));
    screen.line("");
    answer
}

/// For each variable a value that is not known: what checks without values work with.
pub fn unknown(config: &Config) -> BTreeMap<Str, Value> {
    let mark = |sensitive: bool, value: Value| {
        if sensitive { value.mark(formwork_value::Mark::Sensitive) } else { value }
    };
    config
        .root()
        .variables
        .iter()
        .map(|(name, v)| (name.clone(), mark(v.sensitive, Value::unknown(v.ty.without_optional()))))
        .collect()
}
