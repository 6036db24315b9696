//! `plan`

use super::options::{Common, mode, switch_parser};
use crate::context::Context;
use crate::generate::{self, Generated};
use crate::operation::{self, Access, Inputs, Run};
use crate::represent::Written;
use crate::ui::plan::View;
use crate::ui::text::wrap;
use crate::variables::Flag;
use crate::world::{Disk, RealWorld, now};
use crate::{environment, ui};
use clap::Args;
use formwork_diag::{Diagnostic, has_errors};
use formwork_engine::PlanOutcome;
use formwork_plan::file::{self, Bundle};
use formwork_plan::{Mode, Plan as Planned, Reads};
use formwork_state::snapshot;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Show the changes that the configuration asks for
#[derive(Debug, Args)]
pub struct Plan {
    /// Save the plan in this file; formwork apply FILE does exactly what it says. A plan with errors is saved to be shown only.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write configuration for what import blocks name, and the configuration does not have, to this new file.
    #[arg(long, value_name = "FILE")]
    generate_config_out: Option<PathBuf>,
    /// Plan to remove everything.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    destroy: bool,
    /// Only find out what changed outside.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    refresh_only: bool,
    /// Exit with 0 when there is nothing to do, 1 after an error, 2 when there are changes or something waits.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    detailed_exitcode: bool,
    #[command(flatten)]
    common: Common,
}

impl Plan {
    /// What comes before all else: how it shows what it does.
    pub fn begin(&self, cx: &mut Context) {
        self.common.begin(cx);
    }

    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
        let mode = match mode(self.destroy, self.refresh_only) {
            Ok(mode) => mode,
            Err(d) => return cx.refuse(d),
        };
        let mut options = match self.common.planning.options(mode) {
            Ok(options) => options,
            Err(diags) => return cx.fail(&diags, &Default::default()),
        };
        let ask = self.common.variables.ask() && !self.common.json;
        cx.read_ahead(self.common.state.state.as_deref());
        let generated = match self.generated(cx, mode, flags, ask) {
            Ok(generated) => generated,
            Err(code) => return code,
        };
        let inputs = match &generated {
            Some(generated) => Ok(generated.inputs.clone()),
            None => operation::inputs_to_plan(cx, flags, ask, mode == Mode::Destroy, mode),
        };
        // Neither this nor the plan is taken apart again: the process ends, and its memory goes as a whole.
        let mut inputs = match inputs {
            Ok(inputs) => ManuallyDrop::new(inputs),
            Err(code) => return code,
        };
        let world = Arc::new(RealWorld::planning(self.out.is_some(), now()));
        let setup = operation::setup(cx, &inputs, world.clone(), self.common.planning.parallelism as usize);
        let mut run = match Run::begin(cx, setup, &self.common.state, "OperationTypePlan", Access::Read) {
            Ok(run) => run,
            Err(code) => return code,
        };
        let mut diags = std::mem::take(&mut inputs.warnings);
        diags.extend(run.recover());
        if has_errors(&diags) {
            run.end(cx);
            return cx.fail(&diags, &inputs.sources);
        }
        options.note = self.out.is_some();
        let mut outcome = ManuallyDrop::new(run.plan(&options));
        outcome.plan.generated = generated.as_ref().map(|g| g.blocks.clone()).unwrap_or_default();
        let reads = self.out.is_some().then(|| {
            let mut reads = Reads::new(&outcome.seen, &outcome.plan, run.state(), &outcome.refreshed);
            read_of_disk(&mut reads, &world.recorded());
            for path in &outcome.seen.files {
                if let Some(contents) = crate::world::look(path) {
                    reads.file(path, &contents);
                }
            }
            for name in &outcome.seen.environment {
                reads.variable(name, environment::provider_setting(name).as_deref());
            }
            reads
        });
        let cut_short = run.stopping() && outcome.plan.errored;
        let closed = run.end(cx);
        if let Some(generated) = &generated
            && let Err(d) = generated.write()
        {
            return cx.refuse(d);
        }
        show(cx, &outcome.plan, &inputs, outcome.baseless);
        diags.extend(outcome.diagnostics.iter().cloned());
        diags.extend(remarks(&outcome.plan));
        cx.screen.diagnostics(&diags, &inputs.sources);
        if let Some(path) =
            self.generate_config_out.as_ref().filter(|_| generated.is_some() && !self.common.json)
        {
            let text = format!(
                "Formwork has generated configuration and written it to {}. Please review the configuration and edit it as \
                 necessary before adding it to version control.",
                path.display()
            );
            cx.screen.print(&format!("\n{}\n", wrap(&text, cx.screen.out.width - 1)));
        }
        // A plan with errors is saved too, to be shown; applying it is refused. One that was interrupted shows too little, and one
        // of a configuration that is wrong whatever its values are shows nothing.
        if closed != 0 || cut_short || outcome.baseless {
            return 1;
        }
        if let (Some(path), Some(reads)) = (&self.out, reads)
            && let Err(code) = save(cx, path, &mut outcome, &inputs, &world, reads)
        {
            return code;
        }
        if has_errors(&diags) || outcome.plan.errored {
            return 1;
        }
        let changes = changes(&outcome.plan);
        if changes && !self.common.json {
            cx.screen.print(&next(cx, self.out.as_deref()));
        }
        let any = changes || !outcome.plan.deferred.is_empty();
        if any && self.detailed_exitcode { 2 } else { 0 }
    }
}

impl Plan {
    /// What `-generate-config-out` asks for.
    fn generated(
        &self,
        cx: &Context,
        mode: Mode,
        flags: &[Flag],
        ask: bool,
    ) -> Result<Option<Generated>, u8> {
        let Some(path) = &self.generate_config_out else { return Ok(None) };
        if mode != Mode::Normal {
            return Err(cx.refuse(Diagnostic::error(
                "Incompatible command line options",
                "-generate-config-out writes configuration for what is imported, and nothing is with -destroy or \
                 -refresh-only.",
            )));
        }
        match generate::refusal(path) {
            Some(d) => Err(cx.refuse(d)),
            None => generate::generate(cx, path, &self.common.state, flags, ask),
        }
    }
}

/// Shows a plan in the form that was asked for. Programs are told nothing of one that is `void`: the errors say what there is.
pub fn show(cx: &Context, plan: &Planned, inputs: &Inputs, void: bool) {
    if cx.screen.json {
        if !void {
            cx.screen.print(&ui::stream::plan(plan));
        }
        return;
    }
    let written = Written::new(&inputs.config, &inputs.sources);
    let view = View { fold: cx.screen.fold, places: Some(&written) };
    cx.screen.show(&ui::plan::plan(plan, &cx.schemas(), cx.screen.out, view));
}

/// Whether applying the plan does anything, moves in the state included.
pub fn changes(plan: &Planned) -> bool {
    plan.has_changes() || plan.changes.iter().any(|c| c.previous_addr.as_ref().is_some_and(|p| *p != c.addr))
}

/// What a reader of the plan should know besides.
pub fn remarks(plan: &Planned) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    if !plan.targets.is_empty() {
        out.push(
            Diagnostic::warning(
                "Resource targeting is in effect",
                "The plan was made with -target, so it may not have all of the changes that the configuration asks for.",
            )
            .help("Use -target for exceptional situations only, such as recovering from a mistake, and plan without it afterwards."),
        );
    }
    if !plan.excludes.is_empty() {
        out.push(excluded(plan));
    }
    let forgotten = ui::plan::forgotten(plan);
    if !forgotten.is_empty() {
        let list: String = forgotten.iter().map(|a| format!("\n - {a}")).collect();
        out.push(
            Diagnostic::warning(
                "Some objects will no longer be managed by Formwork",
                format!("Applying the plan drops these from the state, but does not delete them:{list}"),
            )
            .help("To manage them again later, they have to be imported."),
        );
    }
    out
}

/// How many addresses a message has before it counts the others.
const NAMED: usize = 20;

/// What `-exclude` left out.
fn excluded(plan: &Planned) -> Diagnostic {
    let list = |named: bool| {
        let mut left = plan.left_out.iter().filter(|l| l.named == named);
        let mut list: String = left.by_ref().take(NAMED).map(|l| format!("\n - {}", l.address)).collect();
        match left.count() {
            0 => {}
            rest => list.push_str(&format!("\n - and {rest} more")),
        }
        list
    };
    let (named, others) = (list(true), list(false));
    let mut text = String::from(
        "The plan was made with -exclude, so it may not have all of the changes that the configuration asks for.",
    );
    if !named.is_empty() {
        text.push_str(&format!(" Excluded:{named}"));
    }
    if !others.is_empty() {
        let gap = if named.is_empty() { " " } else { "\n" };
        let why = if plan.mode == Mode::Destroy {
            "what is excluded depends on them"
        } else {
            "they depend on what is excluded"
        };
        text.push_str(&format!("{gap}Left as they are, because {why}:{others}"));
    }
    Diagnostic::warning("Resource exclusion is in effect", text)
        .help("Use -exclude for exceptional situations only, such as recovering from a mistake, and plan without it afterwards.")
}

/// What to do with the plan.
fn next(cx: &Context, out: Option<&Path>) -> String {
    let style = cx.screen.out;
    let mut text = format!("\n{}", style.rule());
    match out {
        None => {
            if environment::automation() {
                return String::new();
            }
            text.push('\n');
            text.push_str(&wrap(
                "Note: You didn't use the -out option to save this plan, so Formwork can't guarantee to take exactly these \
                 actions if you run \"formwork apply\" now.",
                style.width - 1,
            ));
            text.push('\n');
        }
        Some(path) => {
            text.push_str(&format!("\nSaved the plan to: {}\n", path.display()));
            if !environment::automation() {
                text.push_str(&format!(
                    "\nTo perform exactly these actions, run the following command to apply:\n    formwork apply \"{}\"\n",
                    path.display()
                ));
            }
        }
    }
    text
}

/// What stands in a saved plan for a module without files.
const NOTHING: &str = ".nothing";

/// Notes what expressions read of the disk.
fn read_of_disk(reads: &mut Reads, disk: &Disk) {
    for (path, bytes) in &disk.files {
        reads.file(&path.display().to_string(), bytes);
    }
    for (path, there) in &disk.present {
        reads.looked_for(&path.display().to_string(), *there);
    }
    for ((folder, pattern), files) in &disk.lists {
        let files = files.iter().map(|f| f.display().to_string()).collect();
        reads.list(&folder.display().to_string(), pattern, files);
    }
}

fn save(
    cx: &Context,
    path: &Path,
    outcome: &mut PlanOutcome,
    inputs: &Inputs,
    world: &RealWorld,
    reads: Reads,
) -> Result<(), u8> {
    let mut files = inputs.files.clone();
    files.extend(world.recorded().files);
    for module in inputs.config.modules.values() {
        // A folder is there as long as it has files.
        if !files.keys().any(|file| file.parent() == Some(module.dir.as_path())) {
            files.insert(module.dir.join(NOTHING), Vec::new());
        }
    }
    let bundle = Bundle {
        root: String::new(),
        sources: files.into_iter().map(|(p, bytes)| (p.display().to_string(), bytes)).collect(),
        variables: outcome.plan.variables.clone(),
        refreshed_state: snapshot::render(&outcome.refreshed),
        reads,
    };
    // An apply works with values of the declared types; whoever is shown the plan sees what was given.
    for (name, value) in &mut outcome.plan.variables {
        if let Some(given) = inputs.given.get(name) {
            *value = given.clone();
        }
    }
    // Ephemeral variables are shown with their defaults, whatever was given: that is in the configuration anyway.
    for (name, variable) in &inputs.config.root().variables {
        if let Some(default) = variable.default.as_ref().filter(|_| variable.ephemeral) {
            outcome.plan.variables.insert(name.clone(), default.clone());
        }
    }
    let bytes = file::write(&outcome.plan, &bundle);
    let bytes = cx.seal_plan(bytes).map_err(|d| cx.refuse(d))?;
    private_file(path, &bytes).map_err(|e| {
        cx.refuse(
            Diagnostic::error(
                "The plan cannot be saved",
                format!("Could not write {}: {e}.", path.display()),
            )
            .help("Name a file in a folder that exists and can be written."),
        )
    })
}

/// Writes a file that only its owner may read, whole or not at all.
fn private_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(name);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}
