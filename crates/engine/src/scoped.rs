//! Data blocks inside of check blocks: read when the check is looked at. That they cannot be read is a warning, and the check
//! does not hold; what is wrong with a block itself is a mistake, as everywhere.

use crate::calls::{Caller, NoRecorder, shown_id};
use crate::cells::{CellId, Content, InstanceInfo};
use crate::checks::in_module;
use crate::evaluator::{Evaluator, Ran};
use crate::event::Verb;
use crate::planner::lifecycle::postconditions;
use crate::prepare::{call_failed, prepare};
use crate::provide::{TypeInfo, Worker};
use formwork_diag::{Diagnostic, Severity};
use formwork_lang::references;
use formwork_provider::{Call, CallError, planned_data};
use formwork_syntax::Body;
use formwork_value::{Marks, Path, Value};
use std::pin::Pin;
use std::sync::Arc;

/// A scoped data source that was read, or was not.
pub(crate) struct WasRead {
    cell: CellId,
    instance: Arc<InstanceInfo>,
    info: Arc<TypeInfo>,
    marks: Vec<(Path, Marks)>,
    inputs: Arc<crate::deps::Deps>,
    result: Result<Value, CallError>,
}

type Reading = Pin<Box<dyn Future<Output = WasRead>>>;

/// What is said of a precondition that does not hold.
const PRECONDITION: &str = "Resource precondition failed";

/// Those of the errors said since `from` are warnings, and what the check fails with.
fn only_warn(ev: &mut Evaluator, instance: &InstanceInfo, from: usize, which: impl Fn(&Diagnostic) -> bool) {
    let Some(check) = &instance.block.block().check else { return };
    let address = in_module(ev, instance.module, &format!("check.{check}"));
    for d in ev.diags[from..].iter_mut().filter(|d| d.is_error() && which(d)) {
        (d.severity, d.of_check) = (Severity::Warning, true);
        ev.unread.entry(address.clone()).or_default().push(d.to_string());
    }
}

/// Whether a body says the same whatever there is.
fn is_constant(body: &Body) -> bool {
    body.attributes.iter().all(|a| references(&a.expr).is_empty())
        && body.blocks.iter().all(|b| is_constant(&b.body))
}

/// Begins to read: a call to be run, unless the cell could be filled, has failed or waits. While planning, what depends on
/// things that are not known yet, or (`pending`) not done yet, is unknown.
pub(crate) fn read(
    ev: &mut Evaluator,
    caller: &Caller,
    cell: CellId,
    instance: &Arc<InstanceInfo>,
    pending: impl FnOnce(&Arc<crate::deps::Deps>) -> bool,
) -> Option<Reading> {
    let from = ev.diags.len();
    let prepared = match prepare(ev, instance) {
        Ran::Done(prepared, _) => prepared,
        Ran::Missing(missing) => {
            ev.cells.wait(cell, &missing);
            return None;
        }
        Ran::Failed => {
            only_warn(ev, instance, from, |d| d.summary == PRECONDITION);
            ev.cells.fail(cell);
            return None;
        }
    };
    let Worker::Data(source) = prepared.info.worker.clone() else {
        ev.cells.fail(cell);
        return None;
    };
    let (config, marks) = prepared.config.clone().unmark_paths();
    let mut refused = false;
    for p in source.validate(&config) {
        refused |= p.severity == Severity::Error;
        ev.diags.push(prepared.problem(instance, &p));
    }
    // What is refused whatever there is, is a mistake.
    let constant = is_constant(&instance.block.block().body);
    only_warn(ev, instance, from, |_| !constant);
    if refused {
        ev.cells.fail(cell);
        return None;
    }
    if !config.is_wholly_known() || !prepared.provider.known || pending(&prepared.explicit) {
        let value = planned_data(&prepared.info.schema, &config).mark_paths(&marks);
        ev.cells.complete(cell, Content::Value(prepared.info.mark(value)), Some(prepared.inputs));
        return None;
    }
    let (caller, instance) = (caller.clone(), instance.clone());
    Some(Box::pin(async move {
        let addr = &instance.addr;
        let result = caller
            .with(&prepared.provider, "", &NoRecorder, async |call| {
                caller.started(addr, None, Verb::Read, None);
                source.read(&Call { about: &crate::calls::data_source(addr), ..*call }, &config).await
            })
            .await;
        match &result {
            Ok(value) => {
                caller.finished(addr, None, Verb::Read, shown_id(&prepared.info.mark(value.clone())))
            }
            Err(_) => caller.failed(addr, Verb::Read),
        }
        let result = result.map_err(|error| prepared.discreet(error));
        let (info, inputs) = (prepared.info, prepared.inputs);
        WasRead { cell, instance, info, marks, inputs, result }
    }))
}

/// Takes in how reading went.
pub(crate) fn was_read(ev: &mut Evaluator, was: WasRead) {
    let WasRead { cell, instance, info, marks, inputs, result } = was;
    let from = ev.diags.len();
    match result {
        Ok(value) => {
            let value = info.mark(value.mark_paths(&marks));
            match postconditions(ev, &instance, &value) {
                Ran::Done(..) | Ran::Missing(_) => {
                    ev.cells.complete(cell, Content::Value(value), Some(inputs))
                }
                Ran::Failed => ev.cells.fail(cell),
            }
        }
        Err(error) => {
            ev.diags.push(call_failed(Some(&instance), &instance.addr, &error));
            ev.cells.fail(cell);
        }
    }
    only_warn(ev, &instance, from, |_| true);
}
