//! Whether provider configurations still mean what they meant when the plan was made. What is ephemeral can differ.

use super::Applier;
use crate::ApplyOutcome;
use crate::cells::Status;
use crate::provide::ProviderHandle;
use crate::recover::provider_key;
use formwork_plan::digest;
use formwork_provider::CallError;

impl Applier<'_> {
    /// Configures the providers that were known in the plan, as far as nothing has to be done for it, before anything
    /// is changed.
    pub(super) async fn providers_are_the_same(&mut self) -> bool {
        if self.plan.steps.is_empty() || self.plan.providers.is_empty() {
            return true;
        }
        let config = self.caller.setup.config.clone();
        let keys = self.plan.providers.keys().filter_map(|name| provider_key(&config, name));
        let cells: Vec<_> = keys.collect::<Vec<_>>().into_iter().map(|k| self.ev.provider_cell(k)).collect();
        for cell in &cells {
            self.ev.cells.demand(*cell);
        }
        self.drain().await;
        cells.iter().all(|cell| self.ev.cells.get(*cell).status != Status::Failed)
    }

    /// The outcome when nothing was begun: the state stays as it is.
    pub(super) async fn refused(mut self) -> ApplyOutcome {
        let closed = self.open.close(&self.caller).await;
        self.ev.diags.extend(closed);
        ApplyOutcome {
            state: self.state,
            diagnostics: self.ev.diags,
            counts: (0, 0, 0),
            imported: 0,
            skipped: Vec::new(),
            failed: Vec::new(),
            recorded: true,
        }
    }

    /// Refuses a provider that means other objects than the plan was made for.
    pub(super) fn as_planned(
        &self,
        configured: Result<ProviderHandle, CallError>,
    ) -> Result<ProviderHandle, CallError> {
        let handle = configured?;
        match self.plan.providers.get(&handle.name) {
            Some(planned) if *planned != digest(handle.identity.as_bytes()) => Err(CallError::new(
                "Saved plan is stale",
                format!(
                    "The configuration of {} means other objects than it did when the plan was made. Plan again.",
                    handle.name
                ),
            )),
            _ => Ok(handle),
        }
    }
}
