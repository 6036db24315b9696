//! Moves from one resource type to another: only where the provider knows what an object becomes.

use super::parts;
use crate::Registry;
use crate::instance::{decode, encode, marked};
use crate::provide::{TypeInfo, Types};
use formwork_addr::{InstanceAddr, ResourceMode, Str};
use formwork_config::{Config, Moved};
use formwork_diag::Diagnostic;
use formwork_state::{State, StoredObject};
use formwork_value::{Marks, Path, Value};
use std::sync::Arc;

/// Blocks that move something to a type whose objects it cannot become.
pub(crate) fn refuse_types(config: &Config, registry: &Registry) -> Vec<Diagnostic> {
    let all = config.modules.values().flat_map(|module| &module.moved);
    all.filter_map(|moved| refused(moved, registry)).collect()
}

/// Why a block cannot be followed, if it leads to another type.
pub(super) fn refused(moved: &Moved, registry: &Registry) -> Option<Diagnostic> {
    let (from, to) = (&*parts(&moved.from)?.0.resource, &*parts(&moved.to)?.0.resource);
    if (from.mode, &from.type_name) == (to.mode, &to.type_name) {
        return None;
    }
    let resource = match (from.mode, to.mode) {
        (ResourceMode::Managed, ResourceMode::Managed) => registry.resource(&to.type_name),
        _ => None,
    };
    let predecessors: &[&str] = resource.map_or(&[][..], |(_, resource)| resource.predecessors());
    if predecessors.contains(&&*from.type_name) {
        return None;
    }
    let only = match predecessors {
        [] => String::new(),
        some => format!(" Only objects of {} can.", some.join(" and ")),
    };
    Some(
        Diagnostic::error(
            "Move to another resource type",
            format!(
                "{} is said to have moved to {}, but an object of {} cannot become one of {}.{only}",
                moved.from, moved.to, from.type_name, to.type_name
            ),
        )
        .help(
            "Remove the moved block. To keep the object, let go of it with a removed block that says destroy = false, and \
             import it at its new address.",
        )
        .at(moved.span),
    )
}

/// What an object becomes.
pub(super) struct Heir {
    /// The key of a deposed object.
    pub deposed: Option<Str>,
    /// The provider configuration that manages it from now on.
    pub provider: Str,
    /// It, as it is stored.
    pub object: Arc<StoredObject>,
}

/// What the objects of an instance become at an address of another type.
pub(super) fn heirs(
    config: &Config,
    registry: &Registry,
    state: &State,
    from: &InstanceAddr,
    to: &InstanceAddr,
) -> Result<Vec<Heir>, Diagnostic> {
    let types = Types::default();
    let info = |addr: &InstanceAddr| types.managed(registry, &addr.resource.resource.type_name);
    let (Some(old), Some(new)) = (info(from), info(to)) else {
        return Err(cannot(from, to, "no provider here knows both types"));
    };
    let block = config
        .module(&to.resource.module.path())
        .and_then(|m| Some((m, m.resources.get(&*to.resource.resource)?)));
    let provider: Str = match block {
        Some((module, block)) => config.provider_of(module, block).to_string().into(),
        None => format!("provider[\"{}\"]", new.family.source()).into(),
    };
    let Some(instance) = state.instance(from) else { return Ok(Vec::new()) };
    let current = instance.current.iter().map(|o| (None, o));
    let deposed = instance.deposed.iter().map(|(key, o)| (Some(key.clone()), o));
    let mut heirs = Vec::new();
    for (deposed, stored) in current.chain(deposed) {
        let object = Arc::new(heir(&old, &new, from, to, stored)?);
        heirs.push(Heir { deposed, provider: provider.clone(), object });
    }
    Ok(heirs)
}

fn heir(
    old: &TypeInfo,
    new: &TypeInfo,
    from: &InstanceAddr,
    to: &InstanceAddr,
    stored: &StoredObject,
) -> Result<StoredObject, Diagnostic> {
    let prior = decode(from, old, stored)?;
    let before = marked(old, stored, &prior.value);
    let Some(resource) = new.managed() else { return Err(cannot(from, to, "it is no managed resource")) };
    let heir = resource.succeed(&from.resource.resource.type_name, &prior);
    let heir = heir.map_err(|reason| cannot(from, to, &reason))?;
    encode(
        new,
        hide(&before, heir.value),
        heir.private,
        stored.dependencies.clone(),
        stored.status,
        stored.create_before_destroy,
    )
    .map_err(|reason| cannot(from, to, &reason))
}

/// Marks what an heir may have from something sensitive: whatever is not the same as something plain.
fn hide(before: &Value, heir: Value) -> Value {
    let (Some(old), Some(new)) = (before.as_map(), heir.as_map()) else { return heir };
    if before.marks_deep().is_empty() {
        return heir;
    }
    let is_plain = |v: &Value| v.is_null() || old.values().any(|o| o.marks_deep().is_empty() && o == v);
    let hidden = new.iter().filter(|(_, v)| !is_plain(v));
    let paths: Vec<_> = hidden.map(|(name, _)| (Path::root().attr(name.clone()), Marks::SENSITIVE)).collect();
    heir.mark_paths(&paths)
}

fn cannot(from: &InstanceAddr, to: &InstanceAddr, reason: &str) -> Diagnostic {
    Diagnostic::error("Move to another resource type", format!("{from} cannot become {to}: {reason}."))
        .help("Remove the moved block, or mend what it says.")
        .about(from)
}
