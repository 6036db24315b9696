//! Reading prior objects again, many with one call where the provider can.

use crate::calls::{Caller, NoRecorder, shown_id};
use crate::cells::CellId;
use crate::event::Verb;
use crate::instance::{Refreshed, decode, encode, marked};
use crate::provide::{ProviderHandle, TypeInfo};
use formwork_addr::{InstanceAddr, Str};
use formwork_diag::Diagnostic;
use formwork_provider::{CallError, Object};
use formwork_state::StoredObject;
use formwork_value::Marks;
use std::sync::Arc;

/// A prior object that the plan looks at.
pub(crate) struct Prior {
    pub addr: InstanceAddr,
    pub deposed: Option<Str>,
    pub stored: Arc<StoredObject>,
    /// The provider configuration that the state names.
    pub provider: Str,
    pub cell: CellId,
}

/// A prior object on its way to be read.
pub(crate) struct Reading {
    /// Index in the list of priors.
    pub index: u32,
    pub addr: InstanceAddr,
    pub deposed: Option<Str>,
    pub object: Object,
}

/// How reading went, by index of the prior.
pub(crate) type ReadResults = Vec<(u32, Result<Option<Object>, CallError>)>;

/// Reads a page of objects.
pub(crate) async fn read_page(
    caller: Caller,
    info: Arc<TypeInfo>,
    provider: Arc<ProviderHandle>,
    page: Vec<Reading>,
) -> ReadResults {
    let Some(resource) = info.managed().cloned() else { return Vec::new() };
    let objects: Vec<Object> = page.iter().map(|r| r.object.clone()).collect();
    let results = caller
        .with(&provider, "", &NoRecorder, async |call| {
            for r in &page {
                let id = shown_id(&info.mark(r.object.value.clone()));
                caller.started(&r.addr, r.deposed.as_ref(), Verb::Refresh, id);
            }
            match objects.as_slice() {
                [one] => vec![resource.read(call, one).await],
                many => resource.read_many(call, many).await,
            }
        })
        .await;
    page.into_iter()
        .zip(results)
        .map(|(r, result)| {
            match &result {
                Ok(_) => {
                    let id = shown_id(&info.mark(r.object.value));
                    caller.finished(&r.addr, r.deposed.as_ref(), Verb::Refresh, id);
                }
                Err(_) => caller.failed(&r.addr, Verb::Refresh),
            }
            (r.index, result)
        })
        .collect()
}

/// The object as the state has it.
pub(crate) fn as_stored(info: &TypeInfo, prior: &Prior) -> Result<Refreshed, Diagnostic> {
    let object = decode(&prior.addr, info, &prior.stored)?;
    let marked = marked(info, &prior.stored, &object.value);
    let stored = if prior.stored.schema_version == info.schema.version {
        prior.stored.clone()
    } else {
        restore(info, prior, &object)?
    };
    Ok(Refreshed { stored, object, marked, drifted_from: None })
}

/// The object as it was found.
pub(crate) fn as_found(
    info: &TypeInfo,
    prior: &Prior,
    old: &Refreshed,
    found: Object,
) -> Result<Refreshed, Diagnostic> {
    if found.value == old.object.value && found.private == old.object.private {
        return Ok(Refreshed {
            stored: old.stored.clone(),
            object: found,
            marked: old.marked.clone(),
            drifted_from: None,
        });
    }
    let drifted_from = (found.value != old.object.value).then(|| old.marked.clone());
    let stored = restore(info, prior, &found)?;
    let marked = marked(info, &stored, &found.value);
    Ok(Refreshed { stored, object: found, marked, drifted_from })
}

fn restore(info: &TypeInfo, prior: &Prior, object: &Object) -> Result<Arc<StoredObject>, Diagnostic> {
    let paths: Vec<_> = prior.stored.sensitive.iter().map(|p| (p.clone(), Marks::SENSITIVE)).collect();
    let stored = encode(
        info,
        object.value.clone().mark_paths(&paths),
        object.private.clone(),
        prior.stored.dependencies.clone(),
        prior.stored.status,
        prior.stored.create_before_destroy,
    )
    .map_err(|e| {
        Diagnostic::error(
            "Provider returned an invalid object",
            format!("What was read cannot be stored: {e}. This is a bug in the provider."),
        )
        .about(&prior.addr)
    })?;
    Ok(Arc::new(StoredObject { extra: prior.stored.extra.clone(), ..stored }))
}
