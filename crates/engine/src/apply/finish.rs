//! The end of an apply: outputs, what was not reached, the snapshot.

use super::{Applier, Progress};
use crate::ApplyOutcome;
use crate::cells::{Content, Status};
use crate::checks::asserts;
use crate::evaluator::Ran;
use crate::planner::outcome::store_outputs;
use formwork_addr::{InstanceAddr, ResourceMode};
use formwork_diag::{Diagnostic, has_errors};
use formwork_plan::{Mode, Part, StepKind};
use formwork_state::Session;

impl Applier<'_> {
    pub(super) async fn finish(mut self, session: &mut dyn Session) -> ApplyOutcome {
        let skipped = self.skipped();
        if !self.stopped() && self.plan.mode != Mode::Destroy {
            self.outputs().await;
            self.checks().await;
        }
        let closed = self.open.close(&self.caller).await;
        self.ev.diags.extend(closed);
        let clean = skipped.is_empty() && !has_errors(&self.ev.diags) && !self.stopped();
        if clean && self.plan.mode == Mode::Destroy && self.plan.targets.is_empty() {
            // What was read served until now: a provider's configuration may have needed it.
            self.state.resources.retain(|addr, _| addr.resource.mode != ResourceMode::Data);
            self.state.check_results = None;
        }
        let unexplained = self.progress.contains(&Progress::Failed) && !has_errors(&self.ev.diags);
        if unexplained && self.broken.is_none() {
            self.ev.diags.push(Diagnostic::error(
                "Something failed without saying why",
                "A step did not succeed, and no reason was given. This is a bug in Formwork.",
            ));
        }
        for (name, change) in &self.plan.outputs {
            if change.after.is_none() && clean {
                self.state.outputs.remove(name);
            }
        }
        if self.plan.mode == Mode::Normal && self.plan.targets.is_empty() {
            self.state.check_results = self.check_results();
        }
        if let Some(error) = self.broken.take() {
            self.ev.diags.push(error.into());
        }
        if let Err(error) = session.fold(&self.state) {
            self.ev.diags.push(error.into());
        }
        self.state.serial = session.state().serial;
        self.state.lineage = session.state().lineage.clone();
        ApplyOutcome {
            state: self.state,
            diagnostics: self.ev.diags,
            counts: self.counts,
            imported: self.imported,
            skipped,
        }
    }

    /// Looks at all `check` blocks, now that everything is known.
    async fn checks(&mut self) {
        if self.plan.mode != Mode::Normal || !self.plan.targets.is_empty() || has_errors(&self.ev.diags) {
            return;
        }
        for module in 0..self.ev.modules.len() {
            while let Ran::Missing(missing) = asserts(&mut self.ev, module as u32) {
                for cell in missing {
                    self.ev.cells.demand(cell);
                }
                self.drain().await;
            }
        }
    }

    /// How all conditions came out: in this apply, or where it had nothing to look at, in the plan.
    fn check_results(&self) -> Option<std::sync::Arc<str>> {
        let mut all = self.ev.checks.clone();
        for planned in &self.plan.checks {
            if !all.iter().any(|c| c.address == planned.address) {
                all.push(planned.clone());
            }
        }
        all.sort_by(|a, b| a.address.cmp(&b.address));
        formwork_plan::json::check_results(&all).map(Into::into)
    }

    fn skipped(&self) -> Vec<InstanceAddr> {
        let mut skipped: Vec<InstanceAddr> = Vec::new();
        for (i, step) in self.plan.steps.iter().enumerate() {
            if let (StepKind::Change(change, part), Progress::Waiting | Progress::Released) =
                (step.kind, self.progress[i])
                && part != Part::Depose
            {
                skipped.push(self.plan.changes[change as usize].addr.clone());
            }
        }
        skipped.sort();
        skipped.dedup();
        skipped
    }

    async fn outputs(&mut self) {
        let root = self.ev.module(0).module.clone();
        for (name, output) in &root.outputs {
            let Some(change) = self.plan.outputs.get(name) else { continue };
            if change.after.as_ref().is_some_and(|v| v.is_wholly_known()) {
                let after = change.after.clone().unwrap_or(formwork_value::Value::NULL);
                // With failures, an output whose value was known already may still describe what was not made.
                if !has_errors(&self.ev.diags) {
                    store_outputs(&mut self.state, name, &after, output.sensitive);
                    continue;
                }
            }
            let cell = self.ev.module(0).outputs[name];
            self.ev.cells.demand(cell);
            self.drain().await;
            let found = self.ev.cells.get(cell);
            if let (Status::Ready, Content::Value(value)) = (found.status, &found.content) {
                let value = value.clone();
                store_outputs(&mut self.state, name, &value, output.sensitive);
            }
        }
    }
}
