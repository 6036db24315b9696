//! `apply`

use super::options::{Common, mode, switch_parser};
use super::plan::{changes, remarks, show};
use crate::context::Context;
use crate::environment;
use crate::kept;
use crate::operation::{self, Access, Inputs, Run};
use crate::ui;
use crate::ui::state::output_values;
use crate::ui::style::Role;
use crate::variables::{self, Flag};
use crate::world::{RealWorld, now};
use clap::Args;
use formwork_addr::ModulePath;
use formwork_config::{Config, MemoryFiles, load};
use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_engine::ApplyOutcome;
use formwork_plan::file::{self, Bundle};
use formwork_plan::{Mode, Plan};
use formwork_state::snapshot;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Make the changes that the configuration, or a saved plan, asks for
#[derive(Debug, Args)]
pub struct Apply {
    /// Do not ask before doing it.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    auto_approve: bool,
    /// Remove everything.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    destroy: bool,
    /// Only take over into the state what changed outside.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    refresh_only: bool,
    #[command(flatten)]
    common: Common,
    /// A plan that formwork plan -out=FILE saved: it is applied as it is, without a question.
    plan: Option<PathBuf>,
}

impl Apply {
    /// Whether it applies a plan that was saved.
    pub fn is_saved(&self) -> bool {
        self.plan.is_some()
    }

    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
        self.common.begin(cx);
        if let Some(path) = &self.plan {
            return self.saved(cx, path, flags);
        }
        match mode(self.destroy, self.refresh_only) {
            Ok(mode) => {
                let request = Request {
                    mode,
                    auto_approve: self.auto_approve,
                    common: &self.common,
                    destroying: false,
                    may_be_empty: self.destroy,
                };
                request.run(cx, flags)
            }
            Err(d) => cx.refuse(d),
        }
    }

    fn saved(&self, cx: &Context, path: &Path, flags: &[Flag]) -> u8 {
        let shown = path.display().to_string();
        if self.destroy
            || self.refresh_only
            || !self.common.planning.target.is_empty()
            || !self.common.planning.replace.is_empty()
        {
            return cx.refuse(
                Diagnostic::error(
                    "A saved plan cannot be changed",
                    "Options that shape a plan were given together with a plan that was made before.",
                )
                .help("Give them to formwork plan, together with -out."),
            );
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                return cx.refuse(
                    Diagnostic::error(format!("Failed to load \"{shown}\" as a plan file"), format!("{e}."))
                        .help("Make a plan with formwork plan -out=FILE."),
                );
            }
        };
        let (plan, bundle) = match file::read(&bytes) {
            Ok(read) => read,
            Err(e) => return cx.refuse(e.diagnostic(&shown)),
        };
        if plan.errored {
            return cx.refuse(
                Diagnostic::error(
                    "Cannot apply an incomplete plan",
                    "There were errors when the plan was made.",
                )
                .help("Mend what they said, and plan again."),
            );
        }
        let (mut inputs, carried) = match unpack(cx, bundle.clone()) {
            Ok(unpacked) => unpacked,
            Err(code) => return code,
        };
        if let Err(code) = given_again(cx, flags, self.common.variables.ask(), &mut inputs) {
            return code;
        }
        // Where the state is, says the configuration that the plan was made from.
        let said = kept::said_in(cx, (*inputs.config).clone(), &inputs.variables, inputs.sources.clone());
        if let Err(code) = cx.choose(said) {
            return code;
        }
        let state = match snapshot::parse(&bundle.refreshed_state) {
            Ok(state) => state,
            Err(e) => return cx.refuse(e),
        };
        if *plan.workspace != *environment::workspace() {
            return cx.refuse(
                Diagnostic::error(
                    "The plan was made in another workspace",
                    format!(
                        "The plan is for the workspace \"{}\", but the current one is \"{}\".",
                        plan.workspace,
                        environment::workspace()
                    ),
                )
                .help("Set TF_WORKSPACE to the plan's workspace, or plan again."),
            );
        }
        let world = Arc::new(RealWorld::applying(plan.timestamp.clone(), carried));
        let setup = operation::setup(cx, &inputs, world, self.common.planning.parallelism as usize);
        let mut run = match Run::begin(cx, setup, &self.common.state, "OperationTypeApply", Access::Write) {
            Ok(run) => run,
            Err(code) => return code,
        };
        let mut diags = run.recover();
        if !has_errors(&diags)
            && let Some(d) = stale(&plan, run.state())
        {
            diags.push(d);
        }
        if has_errors(&diags) {
            run.end(cx);
            return cx.fail(&diags, &inputs.sources);
        }
        let outcome = run.apply(&plan, state);
        finish(cx, run, &plan, outcome, diags, &inputs.sources, false)
    }
}

/// Takes the values of ephemeral variables, which no plan holds. All others have those that the plan was made with.
fn given_again(cx: &Context, flags: &[Flag], ask: bool, inputs: &mut Inputs) -> Result<(), u8> {
    let mut root = (**inputs.config.root()).clone();
    root.variables.retain(|_, variable| variable.ephemeral);
    if root.variables.is_empty() {
        if flags.is_empty() {
            return Ok(());
        }
        return Err(cx.refuse(
            Diagnostic::error(
                "Can't set variables when applying a saved plan",
                "A saved plan holds the values of its variables; -var and -var-file cannot change them.",
            )
            .help("Plan again with these values."),
        ));
    }
    let config = Config { modules: BTreeMap::from([(ModulePath::default(), Arc::new(root))]) };
    let (values, diags) = variables::resolve(flags, &config, &mut inputs.sources, cx.screen, ask);
    if has_errors(&diags) {
        return Err(cx.fail(&diags, &inputs.sources));
    }
    inputs.variables.extend(values);
    Ok(())
}

/// Why a plan no longer fits the state.
fn stale(plan: &Plan, state: &formwork_state::State) -> Option<Diagnostic> {
    let help = "Plan again: the plan was made from a state that is no longer there.";
    if !plan.prior_lineage.is_empty() && plan.prior_lineage != state.lineage {
        let d = Diagnostic::error(
            "Saved plan does not match the given state",
            "The state has another lineage than the one that the plan was made from: it is a different state, not a later \
             version of the same.",
        );
        return Some(d.help(help));
    }
    (plan.prior_serial != state.serial || plan.prior_lineage != state.lineage).then(|| {
        Diagnostic::error(
            "Saved plan is stale",
            format!(
                "The plan was made from version {} of the state, but the state is at version {} now: something was applied \
                 in between.",
                plan.prior_serial, state.serial
            ),
        )
        .help(help)
    })
}

/// The configuration and files that a plan carries.
fn unpack(cx: &Context, bundle: Bundle) -> Result<(Inputs, BTreeMap<PathBuf, Vec<u8>>), u8> {
    let files: BTreeMap<PathBuf, Vec<u8>> =
        bundle.sources.into_iter().map(|(path, bytes)| (path.into(), bytes)).collect();
    let memory = MemoryFiles(files.clone());
    let loaded = load(Path::new(&bundle.root), &memory);
    let Some(config) = loaded.config.filter(|_| !has_errors(&loaded.diagnostics)) else {
        return Err(cx.fail(&loaded.diagnostics, &loaded.sources));
    };
    let inputs = Inputs {
        config: Arc::new(config),
        sources: loaded.sources,
        variables: bundle.variables,
        files: BTreeMap::new(),
        warnings: Vec::new(),
    };
    Ok((inputs, files))
}

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
        let mut inputs = match operation::inputs(cx, flags, ask, self.may_be_empty) {
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
        let outcome = run.plan(&options);
        let plan = outcome.plan;
        show(cx, &plan, &inputs);
        diags.extend(outcome.diagnostics);
        diags.extend(remarks(&plan));
        cx.screen.diagnostics(&diags, &inputs.sources);
        if has_errors(&diags) || plan.errored {
            run.end(cx);
            return 1;
        }
        if changes(&plan) && !self.auto_approve {
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
        run.setup.world = Arc::new(RealWorld::applying(plan.timestamp.clone(), BTreeMap::new()));
        let outcome = run.apply(&plan, outcome.refreshed);
        finish(cx, run, &plan, outcome, Vec::new(), &inputs.sources, self.destroying)
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
            None if run.stopping() => Ok(false),
            None => Err(nobody()),
        }
    }
}

/// Says what became of it, and gives the exit code.
fn finish(
    cx: &Context,
    run: Run,
    plan: &Plan,
    outcome: ApplyOutcome,
    mut diags: Vec<Diagnostic>,
    sources: &Sources,
    destroying: bool,
) -> u8 {
    let closed = run.end(cx);
    let failed = has_errors(&outcome.diagnostics);
    diags.extend(outcome.diagnostics);
    if !outcome.skipped.is_empty() {
        diags.push(unreached(&outcome.skipped));
    }
    if failed || closed != 0 {
        cx.screen.diagnostics(&diags, sources);
        return 1;
    }
    cx.screen.diagnostics(&diags, sources);
    let unreached = outcome.skipped.len();
    let code = u8::from(unreached > 0);
    if cx.screen.json {
        let operation = if destroying { "destroy" } else { "apply" };
        cx.screen.print(&ui::stream::applied(operation, outcome.imported, outcome.counts, unreached));
        cx.screen.print(&ui::stream::outputs(&outcome.state));
        return code;
    }
    let style = cx.screen.out;
    let text = ui::text::applied(
        if destroying { "destroy" } else { "apply" },
        outcome.imported,
        outcome.counts,
        unreached,
    );
    let role = if unreached == 0 { Role::Good } else { Role::Warning };
    cx.screen.print(&format!("\n{}\n", style.paint(role, &text)));
    if plan.mode != Mode::Destroy && !outcome.state.outputs.is_empty() {
        let outputs = outcome.state.outputs.iter().map(|(k, v)| (&**k, &v.value, v.sensitive));
        cx.screen.print(&format!("\nOutputs:\n\n{}", output_values(outputs)));
    }
    code
}

/// How many instances a message names before it counts the others.
const NAMED: usize = 10;

fn unreached(skipped: &[formwork_addr::InstanceAddr]) -> Diagnostic {
    let mut list: String = skipped.iter().take(NAMED).map(|a| format!("\n - {a}")).collect();
    if skipped.len() > NAMED {
        list.push_str(&format!("\n - and {} more", skipped.len() - NAMED));
    }
    Diagnostic::warning(
        "Some changes were not made",
        format!("These were not reached, because something that they wait for failed or the run was stopped:{list}"),
    )
    .help("What was done is recorded. Run formwork apply again to go on.")
}
