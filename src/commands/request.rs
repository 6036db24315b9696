//! A plan made now and applied at once, and the plans after it, for what had to wait.

use super::apply::finish;
use super::options::Common;
use super::plan::{changes, remarks, show};
use crate::context::Context;
use crate::environment;
use crate::operation::{self, Access, Inputs, Run};
use crate::ui;
use crate::ui::style::Role;
use crate::ui::text::tame;
use crate::variables::Flag;
use crate::world::{Disk, RealWorld, now};
use formwork_addr::InstanceAddr;
use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_engine::{ApplyOutcome, PlanOptions};
use formwork_plan::{Action, Mode, Plan};
use std::sync::Arc;

/// A plan made now and applied at once.
pub struct Request<'a> {
    /// What the plan is for.
    pub mode: Mode,
    /// `-auto-approve`
    pub auto_approve: bool,
    /// Everything else that was asked for.
    pub common: &'a Common,
    /// The command is `destroy`.
    pub destroying: bool,
    /// There may be no configuration at all.
    pub may_be_empty: bool,
}

impl Request<'_> {
    /// Plans, asks, applies.
    pub fn run(&self, cx: &Context, flags: &[Flag]) -> u8 {
        let options = match self.common.planning.options(self.mode) {
            Ok(options) => options,
            Err(diags) => return cx.fail(&diags, &Sources::default()),
        };
        let ask = self.common.variables.ask() && !cx.screen.json;
        cx.read_ahead(self.common.state.state.as_deref());
        let mut inputs = match operation::inputs_to_plan(cx, flags, ask, self.may_be_empty, self.mode) {
            Ok(inputs) => inputs,
            Err(code) => return code,
        };
        let world = Arc::new(RealWorld::planning(false, now()));
        let setup = operation::setup(cx, &inputs, world, self.common.planning.parallelism as usize);
        let mut run = match Run::begin(cx, setup, &self.common.state, "OperationTypeApply", Access::Write) {
            Ok(run) => run,
            Err(code) => return code,
        };
        let mut diags = std::mem::take(&mut inputs.warnings);
        diags.extend(run.recover());
        if has_errors(&diags) {
            run.end(cx);
            return cx.fail(&diags, &inputs.sources);
        }
        self.stages(cx, run, &inputs, options, diags)
    }

    /// One plan after the other, until nothing has to wait any more.
    fn stages(
        &self,
        cx: &Context,
        mut run: Run,
        inputs: &Inputs,
        mut options: PlanOptions,
        mut diags: Vec<Diagnostic>,
    ) -> u8 {
        let mut before = Before::default();
        let mut waiting = Vec::new();
        loop {
            let outcome = run.plan(&options);
            let mut plan = outcome.plan;
            // Nothing can have come in between.
            plan.providers.clear();
            let nothing = plan.errored && plan.changes.is_empty() && plan.outputs.is_empty();
            show(cx, &plan, inputs, outcome.baseless || nothing);
            let any = changes(&plan);
            let asks = any && !self.auto_approve;
            let still = !plan.deferred.is_empty() && plan.deferred == waiting;
            let stuck = (still || !any && !plan.deferred.is_empty()) && !plan.errored;
            let mut said = outcome.diagnostics;
            let refused = stuck || plan.errored || has_errors(&said) || has_errors(&diags);
            if !asks && !refused && self.mode == Mode::Normal {
                // Nobody reads what checks say now, and the apply is about to look at them again.
                said.retain(|d| !d.of_check);
            }
            diags.extend(said);
            diags.extend(remarks(&plan));
            if stuck {
                diags.push(for_ever(&plan, still && any));
            }
            waiting.clone_from(&plan.deferred);
            cx.screen.diagnostics(&diags, &inputs.sources);
            if refused {
                run.end(cx);
                return 1;
            }
            if asks {
                match self.approved(cx, &run) {
                    Ok(true) => {}
                    Ok(false) => {
                        let what = if self.mode == Mode::Destroy { "Destroy" } else { "Apply" };
                        cx.screen.tell(&format!("\n{what} cancelled."));
                        run.end(cx);
                        return 1;
                    }
                    Err(d) => {
                        run.end(cx);
                        return cx.refuse(d);
                    }
                }
            }
            if run.stopping() {
                cx.screen.tell("\nStopped before anything was done.");
                run.end(cx);
                return 1;
            }
            run.setup.world = Arc::new(RealWorld::applying(plan.timestamp.clone(), Disk::default()));
            let mut outcome = run.apply(&plan, outcome.refreshed);
            let whole = !has_errors(&outcome.diagnostics) && outcome.skipped.is_empty() && !run.stopping();
            if plan.deferred.is_empty() || !whole {
                before.add_to(&mut outcome);
                return finish(cx, run, &plan, outcome, Vec::new(), &inputs.sources, self.destroying);
            }
            diags = std::mem::take(&mut outcome.diagnostics);
            before.stage_done(cx, &outcome);
            // What was asked to be replaced is; what has to wait for it, later.
            let replaced = |addr: &InstanceAddr| {
                let change = plan.changes.iter().find(|c| c.addr == *addr && c.deposed.is_none());
                change.is_some_and(|c| c.action != Action::Defer)
            };
            options.replace.retain(|addr| !replaced(addr));
            run.setup.world = Arc::new(RealWorld::planning(false, now()));
        }
    }

    fn approved(&self, cx: &Context, run: &Run) -> Result<bool, Diagnostic> {
        let nobody = || {
            Diagnostic::error(
                "Nobody can approve the plan",
                "The plan has to be approved, but there is nobody to ask: standard input is closed, or -input=false or -json was given.",
            )
            .help("Approve it beforehand with -auto-approve, or save it with formwork plan -out=FILE and apply that file.")
        };
        if !self.common.variables.ask() || cx.screen.json {
            return Err(nobody());
        }
        let workspace = environment::workspace();
        let place =
            if workspace == "default" { String::new() } else { format!(" in workspace \"{workspace}\"") };
        let (question, what) = match self.mode {
            Mode::Destroy => (
                format!("Do you really want to destroy all resources{place}?"),
                "Formwork will destroy all your managed infrastructure, as shown above.\n  There is no undo. Only 'yes' will \
                 be accepted to confirm.",
            ),
            Mode::RefreshOnly => (
                format!(
                    "Would you like to update the Formwork state{place} to reflect these detected changes?"
                ),
                "Formwork will write these changes to the state without modifying any real infrastructure.\n  There is no \
                 undo. Only 'yes' will be accepted to confirm.",
            ),
            Mode::Normal => (
                format!("Do you want to perform these actions{place}?"),
                "Formwork will perform the actions described above.\n  Only 'yes' will be accepted to approve.",
            ),
        };
        let style = cx.screen.out;
        let text = format!(
            "\n{}\n  {what}\n\n  {} ",
            style.paint(Role::Strong, &question),
            style.paint(Role::Strong, "Enter a value:")
        );
        match cx.screen.ask_unless(&text, || run.stopping()) {
            Some(answer) => {
                cx.screen.line("");
                Ok(answer.trim() == "yes")
            }
            None if run.stopping() => {
                // Why comes before what follows from it.
                run.progress.pause();
                Ok(false)
            }
            None => Err(nobody()),
        }
    }
}

/// What the stages before the last one have done.
#[derive(Default)]
struct Before {
    stages: usize,
    counts: (usize, usize, usize),
    imported: usize,
}

impl Before {
    /// Says that a stage is done, and what follows.
    fn stage_done(&mut self, cx: &Context, outcome: &ApplyOutcome) {
        self.stages += 1;
        let (added, changed, destroyed) = outcome.counts;
        self.counts = (self.counts.0 + added, self.counts.1 + changed, self.counts.2 + destroyed);
        self.imported += outcome.imported;
        let text = format!(
            "Stage {} complete: {added} added, {changed} changed, {destroyed} destroyed. Next, what had to wait.",
            self.stages
        );
        if cx.screen.json {
            cx.screen.print(&ui::stream::stage(&text, self.stages, outcome.imported, outcome.counts));
            return;
        }
        cx.screen.print(&format!("\n{}\n", cx.screen.out.paint(Role::Good, &text)));
    }

    /// Adds what was done before to what the last stage has done.
    fn add_to(&self, outcome: &mut ApplyOutcome) {
        let (added, changed, destroyed) = outcome.counts;
        outcome.counts = (self.counts.0 + added, self.counts.1 + changed, self.counts.2 + destroyed);
        outcome.imported += self.imported;
    }
}

/// That something waits, and nothing is left to be done; or `again` the same as before would be done.
fn for_ever(plan: &Plan, again: bool) -> Diagnostic {
    let list: String =
        plan.deferred.iter().map(|d| format!("\n - {}: {}", tame(&d.address), tame(&d.reason))).collect();
    Diagnostic::error(
        "Something would wait for ever",
        if again {
            format!("After what was done so far, these wait for the same as before, and would after every further stage:{list}")
        } else {
            format!("Nothing is left to be done that could make known what these wait for:{list}")
        },
    )
    .help(
        "Use something that the configuration itself says (a variable, a constant, keys that you write), or something that \
         is known once it is applied.",
    )
}
