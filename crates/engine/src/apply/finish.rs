//! The end of an apply: outputs, what was not reached, the snapshot.

use super::{Applier, Progress};
use crate::cells::{Content, Status};
use crate::checks::asserts;
use crate::planner::outcome::store_outputs;
use crate::{ApplyOutcome, Skipped};
use formwork_addr::{InstanceAddr, ResourceMode};
use formwork_diag::{Diagnostic, has_errors};
use formwork_plan::{CheckStatus, Mode, Part, StepKind};
use formwork_state::Session;
use rustc_hash::FxHashSet;

impl Applier<'_> {
    pub(super) async fn finish(mut self, session: &mut dyn Session) -> ApplyOutcome {
        self.restore_the_rest();
        let skipped = self.skipped();
        let failed = self.failed();
        if !self.stopped() && self.plan.mode != Mode::Destroy {
            self.unjudged().await;
            self.outputs().await;
            self.checks().await;
        }
        let closed = self.open.close(&self.caller).await;
        self.ev.diags.extend(closed);
        let clean = skipped.is_empty() && !has_errors(&self.ev.diags) && !self.stopped();
        if clean && self.plan.mode == Mode::Destroy && !self.plan.is_partial() {
            // What was read served until now: a provider's configuration may have needed it.
            self.state.resources.retain(|addr, _| addr.resource.mode != ResourceMode::Data);
        }
        let unexplained = self.progress.contains(&Progress::Failed) && !has_errors(&self.ev.diags);
        if unexplained && self.broken.is_none() {
            self.ev.diags.push(Diagnostic::error(
                "Something failed without saying why",
                "A step did not succeed, and no reason was given. This is a bug in Formwork.",
            ));
        }
        for (name, change) in &self.plan.outputs {
            if change.after.is_none() {
                self.state.outputs.remove(name);
            }
        }
        self.state.check_results = self.check_results(clean);
        if let Some(error) = self.broken.take() {
            self.ev.diags.push(error.into());
        }
        self.state.hand_on(session.state());
        let folded = session.fold(&self.state);
        let recorded = folded.is_ok();
        self.ev.diags.extend(folded.err().map(Diagnostic::from));
        self.state.serial = session.state().serial;
        self.state.lineage = session.state().lineage.clone();
        ApplyOutcome {
            state: self.state,
            diagnostics: self.ev.diags,
            counts: self.counts,
            imported: self.imported,
            skipped,
            failed,
            recorded,
        }
    }

    /// Judges the conditions of variables and outputs of which the plan could not say whether they hold, and for which nothing
    /// that was done has asked.
    async fn unjudged(&mut self) {
        let open = self.plan.checks.iter().filter(|c| c.status == CheckStatus::Unknown);
        let open: FxHashSet<&str> = open.map(|c| &*c.address).collect();
        if open.is_empty() || self.plan.mode != Mode::Normal {
            return;
        }
        let mut cells = Vec::new();
        for module in &self.ev.modules {
            let prefix = if module.addr.is_root() { String::new() } else { format!("{}.", module.addr) };
            let is_open = |address: String| open.contains(format!("{prefix}{address}").as_str());
            let outputs = module.outputs.iter().filter(|(name, _)| is_open(format!("output.{name}")));
            cells.extend(outputs.map(|(_, cell)| *cell));
            let variables = module.variables.iter().filter(|(name, _)| is_open(format!("var.{name}")));
            cells.extend(variables.map(|(_, cell)| *cell));
        }
        cells.sort_unstable();
        for cell in cells {
            self.ev.cells.demand(cell);
        }
        self.drain().await;
    }

    /// Looks at all `check` blocks, now that everything is known that can be.
    async fn checks(&mut self) {
        if self.plan.mode != Mode::Normal || self.plan.is_partial() {
            return;
        }
        let failed = has_errors(&self.ev.diags);
        while let Err(missing) = asserts(&mut self.ev, failed) {
            for cell in missing {
                self.ev.cells.demand(cell);
            }
            self.drain().await;
            if self.stopped() {
                return;
            }
        }
    }

    /// How all conditions came out: in this apply, or where it had nothing to look at, in the plan. Of what neither looked at,
    /// nothing is known any more.
    fn check_results(&self, clean: bool) -> Option<std::sync::Arc<str>> {
        let mut all = Vec::new();
        if self.plan.mode != Mode::Destroy {
            all.extend_from_slice(self.ev.checks.all());
            let judged: FxHashSet<&str> = self.ev.checks.all().iter().map(|c| &*c.address).collect();
            all.extend(self.plan.checks.iter().filter(|c| !judged.contains(&*c.address)).cloned());
        }
        all.sort_by(|a, b| a.address.cmp(&b.address));
        let checkable = self.ev.setup.config.checkable();
        let complete = clean && self.plan.mode != Mode::Destroy && self.plan.is_complete();
        formwork_plan::json::check_results(&all, &checkable, complete).map(Into::into)
    }

    /// What was not reached, and what that waits for.
    fn skipped(&self) -> Vec<Skipped> {
        let mut culprits: Vec<Option<Option<u32>>> = vec![None; self.plan.steps.len()];
        let mut skipped: Vec<Skipped> = Vec::new();
        for (i, step) in self.plan.steps.iter().enumerate() {
            if let (StepKind::Change(change, part), Progress::Waiting | Progress::Released) =
                (step.kind, self.progress[i])
                && part != Part::Depose
                && self.acts(step.kind)
            {
                let addr = self.plan.changes[change as usize].addr.clone();
                let because =
                    self.culprit(i as u32, &mut culprits).and_then(|step| self.addr_of(step)).cloned();
                // Another step of the same instance has failed: that is told already.
                if because.as_ref() != Some(&addr) {
                    skipped.push(Skipped { addr, because });
                }
            }
        }
        skipped.sort_by(|a, b| (&a.addr, a.because.is_none()).cmp(&(&b.addr, b.because.is_none())));
        skipped.dedup_by(|later, first| later.addr == first.addr);
        skipped
    }

    /// The failed step that a step waits for, the first of them in the plan's order.
    fn culprit(&self, step: u32, known: &mut [Option<Option<u32>>]) -> Option<u32> {
        let mut stack = vec![step];
        while let Some(&at) = stack.last() {
            if known[at as usize].is_some() {
                stack.pop();
                continue;
            }
            if self.progress[at as usize] == Progress::Failed {
                known[at as usize] = Some(Some(at));
                continue;
            }
            let after = &self.plan.steps[at as usize].after;
            let open = after.iter().copied().find(|s| known[*s as usize].is_none());
            match open {
                Some(open) => stack.push(open),
                None => {
                    let first = after.iter().filter_map(|s| known[*s as usize].flatten()).min();
                    known[at as usize] = Some(first);
                }
            }
        }
        known[step as usize].flatten()
    }

    fn addr_of(&self, step: u32) -> Option<&InstanceAddr> {
        match self.plan.steps[step as usize].kind {
            StepKind::Change(change, _) => Some(&self.plan.changes[change as usize].addr),
            StepKind::Gate => None,
        }
    }

    /// Instances that something failed for.
    fn failed(&self) -> Vec<InstanceAddr> {
        let failed =
            (0..self.progress.len() as u32).filter(|i| self.progress[*i as usize] == Progress::Failed);
        let mut failed: Vec<InstanceAddr> = failed.filter_map(|i| self.addr_of(i)).cloned().collect();
        failed.sort();
        failed.dedup();
        failed
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
                if let Err(d) = crate::rules::writable_output(output, &value) {
                    self.ev.diags.push(d);
                    continue;
                }
                store_outputs(&mut self.state, name, &value, output.sensitive);
            }
        }
    }
}
