//! Taking one object that exists into the state, without planning anything.

use crate::calls::{Caller, NoRecorder};
use crate::cells::Content;
use crate::graph::Graph;
use crate::instance::encode;
use crate::planner::outcome::store_outputs;
use crate::prepare::call_failed;
use crate::recover::{Place, Recovery};
use crate::setup::Setup;
use formwork_addr::{InstanceAddr, InstanceKey, Str};
use formwork_config::Repetition;
use formwork_diag::{Diagnostic, Span, has_errors};
use formwork_state::{State, Status, StoredObject};
use std::sync::Arc;

/// Reads the object that the provider knows by `id`, as the instance `addr`, which must have a block in the configuration.
/// Gives the object and the provider configuration that is to manage it. The block's own arguments are not evaluated: only
/// the provider's configuration has to be known, and that the configuration has this instance.
pub async fn import(
    setup: &Setup,
    state: &State,
    addr: &InstanceAddr,
    id: &Str,
) -> Result<(Str, Arc<StoredObject>), Vec<Diagnostic>> {
    let config = setup.config.clone();
    let path = addr.resource.module.path();
    let found = config.module(&path).and_then(|m| Some((m, m.resources.get(&*addr.resource.resource)?)));
    let Some((module, block)) = found else {
        return Err(vec![no_block(addr)]);
    };
    let repeated = match (&block.repetition, &addr.key) {
        (Repetition::Single | Repetition::Enabled(_), InstanceKey::None)
        | (Repetition::Count(_), InstanceKey::Int(_))
        | (Repetition::ForEach(_), InstanceKey::Str(_)) => None,
        (Repetition::Single | Repetition::Enabled(_), _) => Some("neither count nor for_each, and no key"),
        (Repetition::Count(_), _) => Some("count, and numbers as keys"),
        (Repetition::ForEach(_), _) => Some("for_each, and names as keys"),
    };
    if let Some(how) = repeated {
        let detail = format!("{} has {how}: the configuration has no instance {addr}.", addr.resource);
        return Err(vec![no_instance(addr, detail, block.span)]);
    }
    if state.instance(addr).is_some_and(|i| i.current.is_some()) {
        return Err(vec![
            Diagnostic::error(
                "Resource already managed",
                format!("The state has an object at {addr} already, and an instance is one object."),
            )
            .help(format!("Forget it first with formwork state rm '{addr}', or import to another address."))
            .about(addr),
        ]);
    }
    let (_, diags) = Graph::new(&setup.config, &setup.registry);
    if has_errors(&diags) {
        return Err(diags);
    }
    let mut recovery = Recovery::with_unknowns(setup, state.clone());
    let instance = match recovery.instance(addr).await {
        Place::There(cell) => cell,
        Place::Absent => {
            let detail =
                format!("The configuration has no instance {addr}: the next plan would remove the object.");
            return Err(vec![no_instance(addr, detail, block.span)]);
        }
        Place::Unknown => {
            let mut diags = std::mem::take(&mut recovery.ev.diags);
            if !has_errors(&diags) {
                diags.push(not_known(addr, block.span));
            }
            return Err(diags);
        }
    };
    let Some(info) = recovery.ev.type_info(&addr.resource.resource) else {
        return Err(vec![Diagnostic::error(
            "Unknown resource type",
            format!("No provider here has the type {}.", addr.resource.resource.type_name),
        )]);
    };
    let Some(resource) = info.managed().cloned() else {
        return Err(vec![Diagnostic::error(
            "Object cannot be imported",
            format!("{addr} is only read, not managed: there is nothing to import."),
        )]);
    };
    let cell = match config.provider_choice(module, block) {
        None => Some(recovery.ev.provider_cell(config.provider_of(module, block))),
        Some(_) => recovery.provider_of_instance(instance).await,
    };
    let Some(cell) = cell else {
        let mut diags = std::mem::take(&mut recovery.ev.diags);
        if !has_errors(&diags) {
            diags.push(
                Diagnostic::error(
                    "Object cannot be imported yet",
                    format!("Which provider configuration {addr} uses depends on something that is not known yet, or it has no such instance."),
                )
                .at(block.span)
                .about(addr),
            );
        }
        return Err(diags);
    };
    recovery.fill(cell).await;
    let Some(provider) = recovery.ev.provider_of(cell).filter(|p| p.known) else {
        let mut diags = std::mem::take(&mut recovery.ev.diags);
        if !has_errors(&diags) {
            diags.push(
                Diagnostic::error(
                    "Object cannot be imported yet",
                    format!("The configuration of the provider of {addr} depends on something that is not known yet."),
                )
                .help("Apply what it depends on first, with -target."),
            );
        }
        return Err(diags);
    };
    let caller = Caller::new(setup.clone());
    let imported =
        caller.with(&provider, "", &NoRecorder, async |call| resource.import(call, id).await).await;
    let object = imported.map_err(|e| vec![call_failed(None, addr, &e).at(block.span)])?;
    let value = crate::write_only::without(&info.schema, object.value);
    let dependencies = recovery.dependencies(instance).await;
    let stored = encode(&info, info.mark(value), object.private, dependencies, Status::Ready, false);
    let stored = stored.map_err(|e| {
        vec![
            Diagnostic::error(
                "Provider returned an invalid object",
                format!("What is to be imported cannot be stored: {e}. This is a bug in the provider."),
            )
            .about(addr),
        ]
    })?;
    Ok((provider.name.clone(), Arc::new(stored)))
}

/// Records the outputs that can be told from the objects of a state. The others stay as they are.
pub async fn record_outputs(setup: &Setup, state: &mut State) {
    let mut recovery = Recovery::with_unknowns(setup, state.clone());
    let root = setup.config.root();
    for (name, output) in &root.outputs {
        let cell = recovery.ev.module(0).outputs[name];
        recovery.fill(cell).await;
        if let Content::Value(value) = &recovery.ev.cells.get(cell).content {
            store_outputs(state, name, value, output.sensitive);
        }
    }
}

fn no_instance(addr: &InstanceAddr, detail: String, span: Span) -> Diagnostic {
    Diagnostic::error("Configuration for import target does not exist", detail)
        .help("Import to an address that the configuration has.")
        .at(span)
        .about(addr)
}

/// That nobody can say yet whether there is such an instance.
fn not_known(addr: &InstanceAddr, span: Span) -> Diagnostic {
    let detail = format!(
        "Which instances there are around {addr} depends on something that is not known yet, so it cannot be said whether \
         the configuration has it."
    );
    Diagnostic::error("Object cannot be imported yet", detail)
        .help("Apply what that depends on first, with -target; or write an import block, which is planned with everything else.")
        .at(span)
        .about(addr)
}

fn no_block(addr: &InstanceAddr) -> Diagnostic {
    let module = &addr.resource.module;
    let place = if module.is_root() { "the root module".to_owned() } else { module.to_string() };
    let resource = &addr.resource.resource;
    Diagnostic::error(
        format!("Resource address \"{addr}\" does not exist in the configuration"),
        format!("What is imported needs a block in {place} that describes it."),
    )
    .help(format!(
        "Write it first, for example: resource \"{}\" \"{}\" {{ ... }}",
        resource.type_name, resource.name
    ))
    .about(addr)
}
