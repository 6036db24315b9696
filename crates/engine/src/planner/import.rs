//! Instances that are to become objects which exist already.

use super::{Done, Planner};
use crate::calls::NoRecorder;
use crate::cells::{CellId, InstanceInfo, Kind};
use crate::deps::Deps;
use crate::evaluator::Ran;
use crate::event::Verb;
use crate::instance::{Refreshed, encode};
use crate::prepare::{Prepared, call_failed};
use formwork_diag::{Diagnostic, has_errors};
use formwork_plan::Mode;
use formwork_provider::{CallError, Object};
use formwork_state::Status as ObjectStatus;
use std::sync::Arc;

impl Planner<'_> {
    /// The object that an instance is to become. `Missing` without any cell: it is being looked for.
    pub(super) fn wanted_import(
        &mut self,
        cell: CellId,
        instance: &Arc<InstanceInfo>,
        prepared: &Prepared,
    ) -> Ran<Option<Arc<Refreshed>>> {
        if self.ev.imports.is_empty() {
            return Ran::Done(None, Deps::default());
        }
        if let Some(found) = self.imported.get(&cell) {
            return Ran::Done(Some(found.clone()), Deps::default());
        }
        let id = match self.ev.import_of(instance) {
            Ran::Done(Some(id), _) => id,
            Ran::Done(None, deps) => return Ran::Done(None, deps),
            Ran::Missing(missing) => return Ran::Missing(missing),
            Ran::Failed => return Ran::Failed,
        };
        let Some(resource) = prepared.info.managed().cloned() else { return Ran::Failed };
        let provider = prepared.provider.clone();
        if !provider.known {
            self.ev.diags.push(
                Diagnostic::error(
                    "Object cannot be imported yet",
                    format!(
                        "{} is to be imported, and the configuration of its provider depends on something that is only known after apply.",
                        instance.addr
                    ),
                )
                .help("Apply what the provider's configuration depends on first, with -target.")
                .at(instance.block.block().span)
                .about(&instance.addr),
            );
            return Ran::Failed;
        }
        self.imports.insert(instance.addr.clone(), id.clone());
        let (caller, addr) = (self.caller.clone(), instance.addr.clone());
        self.jobs.push(Box::pin(async move {
            let result = caller
                .with(&provider, "", &NoRecorder, async |call| {
                    caller.started(&addr, None, Verb::Find, Some(id.clone()));
                    resource.import(call, &id).await
                })
                .await;
            match &result {
                Ok(_) => caller.finished(&addr, None, Verb::Find, Some(id)),
                Err(_) => caller.failed(&addr, Verb::Find),
            }
            Done::Imported(cell, result)
        }));
        Ran::Missing(Vec::new())
    }

    /// Takes in an object that is to be imported, as if the state had held it.
    pub(super) fn was_found(&mut self, cell: CellId, result: Result<Object, CallError>) {
        let Kind::Instance(instance) = self.ev.cells.get(cell).kind.clone() else { return };
        let Some(info) = self.ev.type_info(&instance.addr.resource.resource) else {
            return self.ev.cells.fail(cell);
        };
        let stored =
            result.map_err(|e| call_failed(Some(&instance), &instance.addr, &e)).and_then(|mut object| {
                object.value = crate::write_only::without(&info.schema, object.value);
                let marked = info.mark(object.value.clone());
                encode(
                    &info,
                    marked.clone(),
                    object.private.clone(),
                    Arc::from([]),
                    ObjectStatus::Ready,
                    false,
                )
                .map(|stored| (object, marked, Arc::new(stored)))
                .map_err(|e| {
                    Diagnostic::error(
                        "Provider returned an invalid object",
                        format!(
                            "What is to be imported cannot be stored: {e}. This is a bug in the provider."
                        ),
                    )
                    .at(instance.block.block().span)
                    .about(&instance.addr)
                })
            });
        match stored {
            Ok((object, marked, stored)) => {
                let Ran::Done(provider, _) = self.ev.provider_cell_of(&instance) else {
                    return self.ev.cells.fail(cell);
                };
                let Some(name) = self.ev.provider_of(provider).map(|p| p.name.clone()) else {
                    return self.ev.cells.fail(cell);
                };
                self.refreshed.set(&instance.addr, None, &name, Some(stored.clone()));
                let found = Refreshed { stored, object, marked, drifted_from: None };
                self.imported.insert(cell, Arc::new(found));
                self.ev.cells.again(cell);
            }
            Err(d) => {
                self.ev.diags.push(d);
                self.ev.cells.fail(cell);
            }
        }
    }

    /// Reports import blocks that name what the configuration does not have.
    pub(super) async fn lost_imports(&mut self) {
        if self.options.mode != Mode::Normal || self.options.is_partial() {
            return;
        }
        for cell in self.ev.imports.clone() {
            self.ev.cells.demand(cell);
        }
        self.drain(false).await;
        if !has_errors(&self.ev.diags) {
            let state = self.state;
            self.ev.imports_of_nothing(|addr| state.instance(addr).is_some());
        }
    }
}
