//! `apply`

use super::options::{Common, mode, switch_parser};
use super::plan::changes;
use super::request::Request;
use crate::context::Context;
use crate::environment;
use crate::kept;
use crate::operation::{self, Access, Inputs, Run};
use crate::ui;
use crate::ui::state::output_values;
use crate::ui::style::Role;
use crate::ui::text::{tame, wrap};
use crate::variables::{self, Flag};
use crate::world::{self, Disk, RealWorld, now};
use clap::Args;
use formwork_config::{MemoryFiles, load};
use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_engine::{ApplyOutcome, Event, Skipped};
use formwork_plan::file::{self, Bundle};
use formwork_plan::{Mode, Plan, Reads};
use formwork_state::{State, snapshot};
use std::collections::BTreeMap;
use std::io::Write;
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
    /// Exit with 3 when the plan that was applied left something waiting.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    detailed_exitcode: bool,
    #[command(flatten)]
    common: Common,
    /// A plan that formwork plan -out=FILE saved: it is applied as it is, without a question.
    plan: Option<PathBuf>,
}

impl Apply {
    /// What comes before all else: how it shows what it does.
    pub fn begin(&self, cx: &mut Context) {
        self.common.begin(cx);
    }

    /// Whether it applies a plan that was saved.
    pub fn is_saved(&self) -> bool {
        self.plan.is_some()
    }

    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
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
        if self.destroy || self.refresh_only || self.common.planning.shapes_a_plan() {
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
        let bytes = match cx.unseal_plan(bytes, &shown) {
            Ok(bytes) => bytes,
            Err(d) => return cx.refuse(d),
        };
        let (mut plan, bundle) = match file::read(&bytes) {
            Ok(read) => read,
            Err(e) => return cx.refuse(e.diagnostic(&shown)),
        };
        if let Some(time) = file::applied(&bytes) {
            return cx.refuse(used(&shown, time));
        }
        if plan.errored {
            return cx.refuse(
                Diagnostic::error(
                    "Cannot apply an incomplete plan",
                    "There were errors when the plan was made.",
                )
                .help("Mend what they said, and plan again."),
            );
        }
        let reads = bundle.reads.clone();
        let refreshed = match snapshot::parse(&bundle.refreshed_state) {
            Ok(state) => state,
            Err(e) => return cx.refuse(e),
        };
        let (mut inputs, carried) = match unpack(cx, bundle) {
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
        let elsewhere = !carried.files.keys().any(|p| is_configuration(p) && p.exists());
        let world = Arc::new(RealWorld::applying(plan.timestamp.clone(), carried));
        let setup = operation::setup(cx, &inputs, world, self.common.planning.parallelism as usize);
        let mut run = match Run::begin(cx, setup, &self.common.state, "OperationTypeApply", Access::Write) {
            Ok(run) => run,
            Err(code) => return code,
        };
        let mut diags = run.recover();
        if !has_errors(&diags) {
            // Another run may have begun to apply it while this one waited for the lock.
            let again = std::fs::read(path).unwrap_or_default();
            let found = match file::marked_at(file::unmarked(&again).1) {
                Some(time) => Some(used(&shown, time)),
                None => stale(&plan, &reads, &refreshed, &run, elsewhere),
            };
            diags.extend(found);
        }
        if has_errors(&diags) {
            run.end(cx);
            return cx.fail(&diags, &inputs.sources);
        }
        let state = reads.merge(&plan, refreshed, run.state());
        plan.outputs.retain(|name, change| {
            let before = change.before.as_ref().map(|v| v.clone().unmark_deep().0);
            reads.read_output(name) || state.outputs.get(name).map(|o| &o.value) == before.as_ref()
        });
        // The engine tells how much there is to do when it has found the providers unchanged, and before it does anything.
        let (events, marked) = (run.setup.events.clone(), path.to_path_buf());
        run.setup.events = Arc::new(move |event| {
            if matches!(event, Event::Total { .. }) {
                mark(&marked);
            }
            events(event);
        });
        if cx.screen.json {
            cx.screen.print(&ui::stream::saved(&plan));
        }
        let outcome = run.apply(&plan, state);
        let code = finish(cx, run, &plan, outcome, diags, &inputs.sources, false);
        if code != 0 || plan.deferred.is_empty() {
            return code;
        }
        cx.screen.tell(&remaining(&plan, cx.screen.out.width - 1));
        if self.detailed_exitcode { REMAINS } else { 0 }
    }
}

/// Takes the values of ephemeral variables, which no plan holds. All others have those that the plan was made with.
fn given_again(cx: &Context, flags: &[Flag], ask: bool, inputs: &mut Inputs) -> Result<(), u8> {
    let Inputs { config, variables: saved, sources, .. } = inputs;
    let (values, diags) = variables::again(flags, config, saved, sources, cx.screen, ask);
    if has_errors(&diags) {
        return Err(cx.fail(&diags, &inputs.sources));
    }
    inputs.variables.extend(values);
    Ok(())
}

/// Why a plan no longer fits what it was made from. A plan that was taken to another place, where its configuration is
/// not, brings the files with it that it needs.
fn stale(plan: &Plan, reads: &Reads, refreshed: &State, run: &Run, elsewhere: bool) -> Option<Diagnostic> {
    let now = run.state();
    if !plan.prior_lineage.is_empty() && plan.prior_lineage != now.lineage {
        let d = Diagnostic::error(
            "Saved plan does not match the given state",
            "The state has another lineage than the one that the plan was made from: it is a different state, not a later \
             version of the same.",
        );
        return Some(d.help("Name the state that the plan was made from with -state, or plan again."));
    }
    let same = plan.prior_lineage == now.lineage && plan.prior_serial == now.serial;
    let mut changes = if same { Vec::new() } else { reads.changed_state(plan, refreshed, now) };
    if !elsewhere {
        changes.extend(reads.changed_files(world::look, world::list));
    }
    changes.extend(reads.changed_environment(environment::provider_setting));
    match run.changed_data(refreshed, reads.asked(), !elsewhere) {
        Ok(changed) => changes.extend(changed),
        Err(d) => return Some(d),
    }
    if changes.is_empty() {
        return None;
    }
    let mut list: String = changes.iter().take(NAMED).map(|c| format!("\n - {c}")).collect();
    if changes.len() > NAMED {
        list.push_str(&format!("\n - and {} more", changes.len() - NAMED));
    }
    let d = Diagnostic::error(
        "Saved plan is stale",
        format!("What the plan was made from is not what it was, and nothing was done:{list}"),
    );
    Some(d.help("Plan again, and read the new plan: it can differ from this one."))
}

/// A plan is applied once.
fn used(shown: &str, time: &str) -> Diagnostic {
    Diagnostic::error(
        "Saved plan was applied before",
        format!("Applying \"{shown}\" began at {time}, and a plan is applied once, whatever became of it."),
    )
    .help("Plan again: what was done is in the state, and the new plan has what is left.")
}

/// Notes in the plan file that applying it begins. Where it cannot be written, the state itself tells.
fn mark(path: &Path) {
    if let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(path)
        && file.write_all(file::mark(&now()).as_bytes()).is_ok()
    {
        let _ = file.sync_all();
    }
}

/// Whether a file is one of the configuration.
fn is_configuration(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with(".tf") || name.ends_with(".tf.json")
}

/// The configuration and files that a plan carries.
fn unpack(cx: &Context, bundle: Bundle) -> Result<(Inputs, Disk), u8> {
    let files: BTreeMap<PathBuf, Vec<u8>> =
        bundle.sources.into_iter().map(|(path, bytes)| (path.into(), bytes)).collect();
    let lists = bundle.reads.lists().iter().flat_map(|(folder, patterns)| {
        let list = |(pattern, files): (&String, &Vec<String>)| {
            ((folder.into(), pattern.clone()), files.iter().map(PathBuf::from).collect())
        };
        patterns.iter().map(list)
    });
    let disk = Disk {
        files: files.clone(),
        present: bundle.reads.present().iter().map(|(path, there)| (path.into(), *there)).collect(),
        lists: lists.collect(),
    };
    let memory = MemoryFiles(files);
    let loaded = operation::settled(cx, load(Path::new(&bundle.root), &memory));
    let Some(config) = loaded.config.filter(|_| !has_errors(&loaded.diagnostics)) else {
        return Err(cx.fail(&loaded.diagnostics, &loaded.sources));
    };
    let inputs = Inputs {
        config: Arc::new(config),
        sources: loaded.sources,
        variables: bundle.variables,
        given: BTreeMap::new(),
        unfit: BTreeMap::new(),
        files: BTreeMap::new(),
        warnings: Vec::new(),
    };
    Ok((inputs, disk))
}

/// The exit code, where it is asked for, of a plan that was applied and left something waiting.
const REMAINS: u8 = 3;

/// What a saved plan leaves to later ones.
fn remaining(plan: &Plan, width: usize) -> String {
    let (said, then) = match (changes(plan), plan.is_partial()) {
        (true, _) => (
            "This plan is done, but it was not all. What had to wait can be planned now:",
            "To go on, make the next plan: formwork plan",
        ),
        (false, true) => (
            "Nothing was done: all that the plan has must wait, perhaps for what it leaves out:",
            "To go on, plan without -target and -exclude.",
        ),
        (false, false) => (
            "Nothing was done: all that the plan has must wait, and nothing is left that could make known what it waits for:",
            "The next plan would be the same. To go on, use something in the configuration that it says itself (a variable, a \
             constant, keys that you write), or something that is known once it is applied.",
        ),
    };
    let mut text = format!("\n{}\n", wrap(said, width));
    for deferred in &plan.deferred {
        text.push_str(&format!("\n  {}: {}", tame(&deferred.address), tame(&deferred.reason)));
    }
    text.push_str(&format!("\n\n{}", wrap(then, width)));
    text
}

/// Says what became of it, and gives the exit code.
pub fn finish(
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
        diags.push(unreached(&outcome.skipped, outcome.recorded));
    }
    let operation = if destroying { "destroy" } else { "apply" };
    let style = cx.screen.out;
    if failed || closed != 0 {
        cx.screen.diagnostics(&diags, sources);
        let undone = (outcome.failed.len(), outcome.skipped.len());
        if !cx.screen.json && undone != (0, 0) {
            let text = ui::text::applied(operation, outcome.imported, outcome.counts, undone);
            cx.screen.print(&format!("\n{}\n", style.paint(Role::Error, &text)));
        }
        return 1;
    }
    if !plan.targets.is_empty() {
        diags.push(
            Diagnostic::warning(
                "Applied changes may be incomplete",
                "The plan was made with -target, so the configuration may ask for more than was done.",
            )
            .help("See what is left with formwork plan, without -target."),
        );
    }
    cx.screen.diagnostics(&diags, sources);
    let unreached = outcome.skipped.len();
    let code = u8::from(unreached > 0);
    if cx.screen.json {
        cx.screen.print(&ui::stream::applied(operation, outcome.imported, outcome.counts, unreached));
        if !destroying {
            cx.screen.print(&ui::stream::outputs(&outcome.state));
        }
        return code;
    }
    let text = ui::text::applied(operation, outcome.imported, outcome.counts, (0, unreached));
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

fn unreached(skipped: &[Skipped], recorded: bool) -> Diagnostic {
    let line = |skipped: &Skipped| match &skipped.because {
        Some(failed) => format!("\n - {}, which waits for {failed}", skipped.addr),
        None => format!("\n - {}", skipped.addr),
    };
    let mut list: String = skipped.iter().take(NAMED).map(line).collect();
    if skipped.len() > NAMED {
        list.push_str(&format!("\n - and {} more", skipped.len() - NAMED));
    }
    Diagnostic::warning(
        "Some changes were not made",
        format!("These were not reached, because something that they wait for failed or the run was stopped:{list}"),
    )
    .help(if recorded {
        "What was done is recorded. Run formwork apply again to go on."
    } else {
        "What was done could not be recorded: first do what the error about the state says. Then run formwork apply again to go on."
    })
}
