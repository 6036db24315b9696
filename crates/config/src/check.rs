//! What is wrong with a configuration as a whole, and can be said without schemas and values.

use crate::clashes::{Clashes, Ends};
use crate::meta::SPLAT_TRIGGER;
use crate::model::{Config, Module, ModuleCall, ProviderRef, Repetition};
use formwork_addr::{InstanceKey, ModuleInstance, ModulePath, ModuleStep, Target};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_syntax::Str;
use std::collections::{BTreeMap, BTreeSet};

/// Whether only plans refuse a mistake: to Terraform's `validate`, a configuration with it is valid.
pub fn only_plans_refuse(d: &Diagnostic) -> bool {
    const SUMMARIES: [&str; 6] = [
        SPLAT_TRIGGER,
        "Redundant move statement",
        "Ambiguous move statements",
        "Cyclic dependency in move statements",
        "Removed resource still exists",
        "Removed module still exists",
    ];
    SUMMARIES.contains(&d.summary.as_str())
}

pub(crate) fn whole(config: &Config, diags: &mut Vec<Diagnostic>) {
    for module in config.modules.values() {
        for reference in module.resources.values().filter_map(|r| r.provider.as_ref()) {
            provider(config, module, reference, diags);
        }
        for call in module.calls.values() {
            passed_providers(config, module, call, diags);
        }
        removed(config, module, diags);
        imports(config, module, diags);
    }
    moved(config, diags);
}

/// Import blocks stand in the root module, and name what is declared.
fn imports(config: &Config, module: &Module, diags: &mut Vec<Diagnostic>) {
    for import in &module.imports {
        if !module.path.0.is_empty() {
            diags.push(
                Diagnostic::error(
                    "Invalid import configuration",
                    format!(
                        "This block stands in {}, and only the root module may have import blocks.",
                        module.path
                    ),
                )
                .at(import.span)
                .help(format!("Move it to the root module, with to = {}.{}", module.path, import.to.text)),
            );
            continue;
        }
        let holder = config.module(&import.to.path);
        let Some(block) = holder.and_then(|m| m.resources.get(&import.to.resource)) else {
            let known: Vec<String> = config
                .modules
                .iter()
                .flat_map(|(path, m)| {
                    m.resources
                        .keys()
                        .map(move |r| if path.0.is_empty() { r.to_string() } else { format!("{path}.{r}") })
                })
                .collect();
            let d = Diagnostic::error(
                "Configuration for import target does not exist",
                format!("{} is to be imported, and the configuration has no such resource.", import.to.text),
            )
            .at(import.to.span);
            diags.push(match suggestion(&import.to.text, known.iter().map(String::as_str)) {
                Some(near) => d.help(format!("Did you mean {near}?")),
                None => d.help(
                    "Add a resource block that describes the object, or have it written with formwork plan \
                     -generate-config-out=FILE.",
                ),
            });
            continue;
        };
        let same = |given: &ProviderRef| {
            block.provider.as_ref().is_some_and(|own| own.name == given.name && own.alias == given.alias)
        };
        if let Some(provider) = import.provider.as_ref().filter(|given| !same(given)) {
            diags.push(
                Diagnostic::error(
                    "Invalid import provider argument",
                    format!(
                        "{} is declared, and its block says which provider configuration it uses.",
                        import.to.resource
                    ),
                )
                .at(provider.span)
                .label(block.span, "declared here")
                .help("Remove the argument."),
            );
        }
    }
}

/// The caller's block, and the module that it stands in.
fn caller<'a>(config: &'a Config, module: &Module) -> Option<&'a ModuleCall> {
    let (name, outer) = module.path.0.split_last()?;
    config.module(&ModulePath(outer.to_vec()))?.calls.get(name)
}

fn shown(name: &str, alias: Option<&Str>) -> String {
    alias.map_or_else(|| name.to_owned(), |alias| format!("{name}.{alias}"))
}

/// Whether a module requires that its caller passes a provider configuration of this name.
fn requires(module: &Module, name: &str, alias: &Str) -> bool {
    module.required_providers.get(name).is_some_and(|r| r.aliases.contains(alias))
}

fn no_choice(full: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "Unexpected provider instance key",
        format!("{full} is one configuration, without \"for_each\", so there is nothing to choose from."),
    )
    .help("Remove the brackets.")
    .at(at)
}

/// A provider configuration with an alias must be there, or come from the caller. Without an alias it may be empty.
fn provider(config: &Config, module: &Module, reference: &ProviderRef, diags: &mut Vec<Diagnostic>) {
    let Some(alias) = &reference.alias else {
        if let Some(key) = &reference.key {
            diags.push(no_choice(&reference.name, key.span));
        }
        return;
    };
    let key = (reference.name.clone(), Some(alias.clone()));
    let from_caller = |call: &ModuleCall| {
        // What is required and not passed is reported at the call.
        requires(module, &reference.name, alias) || call.providers.contains_key(&key)
    };
    let own = module.providers.get(&key);
    let full = shown(&reference.name, Some(alias));
    match (own.map(|block| block.for_each.as_ref()), &reference.key) {
        (Some(Some(for_each)), None) => {
            diags.push(
                Diagnostic::error(
                    "Provider instance key required",
                    format!(
                        "{full} stands for several configurations, made by \"for_each\"; which one is meant?"
                    ),
                )
                .help(format!("Choose one by its key, for example {full}[each.key]"))
                .at(reference.span)
                .label(for_each.span, "made here"),
            );
        }
        // What a caller passes is one configuration, too.
        (Some(None) | None, Some(key)) => diags.push(no_choice(&full, key.span)),
        _ => {}
    }
    if own.is_some() || caller(config, module).is_some_and(from_caller) {
        return;
    }
    let known: Vec<String> = module
        .providers
        .keys()
        .map(|(name, alias)| shown(name, alias.as_ref()))
        .chain(
            module
                .required_providers
                .iter()
                .flat_map(|(name, r)| r.aliases.iter().map(move |a| shown(name, Some(a)))),
        )
        .collect();
    let place = match module.path.0.is_empty() {
        true => "the root module".to_owned(),
        false => module.path.to_string(),
    };
    let d = Diagnostic::error(
        "Provider configuration not present",
        format!("There is no provider configuration {full} in {place}."),
    )
    .at(reference.span);
    diags.push(match suggestion(&full, known.iter().map(String::as_str)) {
        Some(near) => d.help(format!("Did you mean {near}?")),
        None => d.help(format!("Declare it: provider \"{}\" {{ alias = \"{alias}\" … }}", reference.name)),
    });
}

fn passed_providers(config: &Config, module: &Module, call: &ModuleCall, diags: &mut Vec<Diagnostic>) {
    let Some(child) = config.module(&module.path.child(call.name.name.clone())) else { return };
    for ((name, alias), outer) in &call.providers {
        provider(config, module, outer, diags);
        diags.extend(undeclared(child, call, name, alias.as_ref(), outer));
        let (inside, outside) = (child.provider_source(name), module.provider_source(&outer.name));
        if inside != outside {
            let d = Diagnostic::error(
                "Provider type mismatch",
                format!("\"{name}\" in the module is {inside}, and what is passed for it is {outside}."),
            )
            .at(outer.span);
            diags.push(match child.required_providers.get(name) {
                Some(requirement) => d.label(requirement.span, "required here"),
                None => d.help("Is the name before the equals sign the one that the module uses?"),
            });
        }
    }
    for (name, requirement) in &child.required_providers {
        for alias in &requirement.aliases {
            let key = (name.clone(), Some(alias.clone()));
            if call.providers.contains_key(&key) || child.providers.contains_key(&key) {
                continue;
            }
            let full = shown(name, Some(alias));
            diags.push(
                Diagnostic::error(
                    "Missing required provider configuration",
                    format!("The module \"{}\" needs a provider configuration {full}.", call.name.name),
                )
                .help(format!("Pass one: providers = {{ {full} = {name} }}"))
                .at(call.span)
                .label(requirement.span, "required here"),
            );
        }
    }
}

/// What is passed to a module that does not say that it takes it. Where the usual provider of that name is meant, the
/// module may still use it.
fn undeclared(
    child: &Module,
    call: &ModuleCall,
    name: &Str,
    alias: Option<&Str>,
    outer: &ProviderRef,
) -> Option<Diagnostic> {
    let requirement = child.required_providers.get(name);
    let declared = match alias {
        Some(alias) => requires(child, name, alias),
        None => requirement.is_some(),
    };
    if declared || child.providers.contains_key(&(name.clone(), alias.cloned())) {
        return None;
    }
    let full = shown(name, alias);
    let detail = format!("The module \"{}\" does not say that it takes a provider {full}.", call.name.name);
    let usual = requirement.is_none_or(|r| r.source.starts_with("registry.terraform.io/hashicorp/"));
    let d = match usual {
        true => Diagnostic::warning("Reference to undefined provider", detail),
        false => Diagnostic::error("Reference to undefined provider", detail),
    };
    let d = d.at(outer.span).help(match alias {
        Some(_) => format!("In its required_providers block: configuration_aliases = [{full}]"),
        None => format!("Add \"{name}\" to its required_providers block."),
    });
    Some(match requirement {
        Some(requirement) => d.label(requirement.span, "what it says of this provider"),
        None => d,
    })
}

/// What a `removed` block speaks of must not be there.
fn removed(config: &Config, module: &Module, diags: &mut Vec<Diagnostic>) {
    for removed in &module.removed {
        let inner = |steps: &[formwork_addr::ModuleStep]| {
            config.module(&steps.iter().fold(module.path.clone(), |p, s| p.child(s.name.clone())))
        };
        let (what, found): (_, Option<Span>) = match &removed.from {
            Target::Resource(r) => (
                "resource",
                inner(r.module.steps()).and_then(|m| m.resources.get(&*r.resource)).map(|b| b.span),
            ),
            Target::Module(m) => (
                "module",
                m.steps()
                    .split_last()
                    .and_then(|(last, outer)| Some(inner(outer)?.calls.get(&last.name)?.span)),
            ),
            Target::Instance(_) => continue,
        };
        if let Some(span) = found {
            diags.push(
                Diagnostic::error(
                    format!("Removed {what} still exists"),
                    format!("{} is said to be removed, but it is still declared.", removed.from),
                )
                .help("Remove its block, or the removed block.")
                .at(removed.span)
                .label(span, "declared here"),
            );
        }
    }
}

/// `moved` blocks that say nothing, contradict each other, or go round. Where a module is repeated, its instances are looked at
/// when a plan knows them.
fn moved(config: &Config, diags: &mut Vec<Diagnostic>) {
    let mut clashes = Clashes::default();
    let mut by_from: BTreeMap<Target, (Target, Span)> = BTreeMap::new();
    for (path, module) in config.modules.iter().filter(|(_, module)| !module.moved.is_empty()) {
        let place = ModuleInstance::new(
            path.0
                .iter()
                .map(|name| ModuleStep { name: name.clone(), key: InstanceKey::None })
                .collect::<Vec<_>>(),
        );
        let once = is_there_once(config, path);
        for moved in &module.moved {
            let ends = Ends::new(moved, &place);
            let problem = if once { clashes.add(&ends, moved.span) } else { None };
            match problem {
                Some(d) => diags.push(d),
                None if ends.from != ends.to => {
                    by_from.entry(ends.from).or_insert((ends.to, moved.span));
                }
                None => {}
            }
        }
    }
    let mut seen = BTreeSet::new();
    for start in by_from.keys() {
        let mut ring = Vec::new();
        let mut at = start;
        while seen.insert(at) {
            ring.push(at);
            match by_from.get(at) {
                Some((to, _)) => at = to,
                None => break,
            }
        }
        // A ring is closed when the walk comes back to something that it met itself.
        let Some(first) = ring.iter().position(|a| *a == at).filter(|_| by_from.contains_key(at)) else {
            continue;
        };
        let names: Vec<String> = ring[first..].iter().chain([&at]).map(ToString::to_string).collect();
        diags.push(
            Diagnostic::error(
                "Cyclic dependency in move statements",
                format!("These moves go round: {}.", names.join(" to ")),
            )
            .help("Remove the blocks of moves that were undone.")
            .at(by_from[at].1),
        );
    }
}

/// Whether a module has one instance, whatever the values are.
fn is_there_once(config: &Config, path: &ModulePath) -> bool {
    let mut at = ModulePath::default();
    path.0.iter().all(|name| {
        let call = config.module(&at).and_then(|module| module.calls.get(name));
        at = at.child(name.clone());
        call.is_some_and(|call| matches!(call.repetition, Repetition::Single))
    })
}
