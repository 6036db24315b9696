//! Ephemeral resources: opened when somebody needs them, renewed while the run lasts, closed at its end.

use crate::calls::{Caller, NoRecorder};
use crate::cells::{CellId, Content, InstanceInfo};
use crate::evaluator::{Evaluator, Ran};
use crate::event::Verb;
use crate::prepare::{call_failed, prepare};
use crate::provide::{ProviderHandle, TypeInfo, Worker};
use formwork_addr::InstanceAddr;
use formwork_diag::{Diagnostic, Severity};
use formwork_provider::{CallError, EphemeralResource, Opened};
use formwork_value::{Mark, Value};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Something that is open, with what it takes to renew and close it.
struct Open {
    addr: InstanceAddr,
    worker: Arc<dyn EphemeralResource>,
    provider: Arc<ProviderHandle>,
    opened: Opened,
}

/// Everything that is open.
#[derive(Default)]
pub(crate) struct OpenSet {
    all: Vec<Open>,
    /// Renewals that failed.
    problems: Vec<Diagnostic>,
}

/// Something that has just been opened, or was not.
pub(crate) struct WasOpened {
    pub cell: CellId,
    instance: Arc<InstanceInfo>,
    info: Arc<TypeInfo>,
    worker: Arc<dyn EphemeralResource>,
    provider: Arc<ProviderHandle>,
    inputs: Arc<crate::deps::Deps>,
    result: Result<Opened, CallError>,
}

type Opening = Pin<Box<dyn Future<Output = WasOpened>>>;

/// Begins to open an instance: a call to be run, unless its cell could be filled, has failed or waits. While planning, what
/// depends on things that are not known yet, or (`pending`) not done yet, is unknown.
pub(crate) fn open(
    ev: &mut Evaluator,
    caller: &Caller,
    cell: CellId,
    instance: &Arc<InstanceInfo>,
    pending: impl FnOnce(&Arc<crate::deps::Deps>) -> bool,
) -> Option<Opening> {
    let prepared = match prepare(ev, instance) {
        Ran::Done(prepared, _) => prepared,
        Ran::Missing(missing) => {
            ev.cells.wait(cell, &missing);
            return None;
        }
        Ran::Failed => {
            ev.cells.fail(cell);
            return None;
        }
    };
    let Worker::Ephemeral(worker) = prepared.info.worker.clone() else {
        ev.cells.fail(cell);
        return None;
    };
    let config = prepared.config.clone().unmark_deep().0;
    let mut refused = false;
    for p in worker.validate(&config) {
        refused |= p.severity == Severity::Error;
        ev.diags.push(prepared.problem(instance, &p));
    }
    if refused {
        ev.cells.fail(cell);
        return None;
    }
    if !config.is_wholly_known() || !prepared.provider.known || pending(&prepared.explicit) {
        let value = Value::unknown(prepared.info.ty.clone()).mark(Mark::Ephemeral);
        ev.cells.complete(cell, Content::Value(value), Some(prepared.inputs));
        return None;
    }
    let (caller, instance) = (caller.clone(), instance.clone());
    Some(Box::pin(async move {
        let addr = &instance.addr;
        let result = caller
            .with(&prepared.provider, "", &NoRecorder, async |call| {
                caller.started(addr, None, Verb::Open, None);
                worker.open(call, &config).await
            })
            .await;
        match &result {
            Ok(_) => caller.finished(addr, None, Verb::Open, None),
            Err(_) => caller.failed(addr, Verb::Open),
        }
        let result = result.map_err(|error| prepared.discreet(error));
        let (info, provider, inputs) = (prepared.info, prepared.provider, prepared.inputs);
        WasOpened { cell, instance, info, worker, provider, inputs, result }
    }))
}

impl OpenSet {
    /// Takes in how opening went.
    pub fn opened(&mut self, ev: &mut Evaluator, was: WasOpened) {
        let WasOpened { cell, instance, info, worker, provider, inputs, result } = was;
        let opened = match result {
            Ok(opened) => opened,
            Err(error) => {
                ev.diags.push(call_failed(Some(&instance), &instance.addr, &error));
                return ev.cells.fail(cell);
            }
        };
        let value = info.mark(opened.value.clone()).mark(Mark::Ephemeral);
        self.all.push(Open { addr: instance.addr.clone(), worker, provider, opened });
        match crate::planner::lifecycle::postconditions(ev, &instance, &value) {
            // They may speak of what is yet to come; then there is nothing to hold against it now.
            Ran::Done(..) | Ran::Missing(_) => ev.cells.complete(cell, Content::Value(value), Some(inputs)),
            Ran::Failed => ev.cells.fail(cell),
        }
    }

    /// Renews what is due, for as long as it is awaited; never ends. Dropping it in the middle of a renewal does no harm:
    /// the renewal is then still due.
    pub async fn tend(&mut self, caller: &Caller) {
        loop {
            let due = self.all.iter_mut().filter_map(|o| Some((o.opened.renew_at?, o)));
            let Some((at, open)) = due.min_by_key(|(at, _)| *at) else {
                return std::future::pending().await;
            };
            let wait = u64::try_from(at - (caller.setup.clock)()).unwrap_or(0);
            tokio::time::sleep(Duration::from_nanos(wait)).await;
            let (worker, opened) = (open.worker.clone(), open.opened.clone());
            let result = caller
                .with(&open.provider, "", &NoRecorder, async |call| worker.renew(call, &opened).await)
                .await;
            match result {
                Ok(renewed) => open.opened = Opened { value: opened.value, ..renewed },
                Err(error) => {
                    open.opened.renew_at = None;
                    self.problems.push(call_failed(None, &open.addr, &error));
                }
            }
        }
    }

    /// Closes everything, the latest first.
    pub async fn close(&mut self, caller: &Caller) -> Vec<Diagnostic> {
        let mut problems = std::mem::take(&mut self.problems);
        while let Some(open) = self.all.pop() {
            caller.started(&open.addr, None, Verb::Close, None);
            let result = caller
                .with(&open.provider, "", &NoRecorder, async |call| {
                    open.worker.close(call, &open.opened).await
                })
                .await;
            match result {
                Ok(()) => caller.finished(&open.addr, None, Verb::Close, None),
                Err(error) => {
                    caller.failed(&open.addr, Verb::Close);
                    problems.push(call_failed(None, &open.addr, &error));
                }
            }
        }
        problems
    }
}
