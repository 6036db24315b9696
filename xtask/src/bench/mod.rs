//! Side by side with Terraform.

mod cases;
mod language;
mod measure;

use crate::Failure;
use crate::steps::{Steps, cargo, on_path, target};
use cases::Case;
use language::Task;
use measure::{INPUT, Measured, measure};
pub use measure::{MEASURE, measure_here};
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Options {
    cases: Vec<Case>,
    limit: Duration,
    terraform: Option<PathBuf>,
    /// Whether reading and evaluating are measured too.
    language: bool,
}

fn options(args: &[&str]) -> Result<Options, Failure> {
    let mut options = Options {
        cases: Vec::new(),
        limit: Duration::from_secs(120),
        terraform: on_path("terraform"),
        language: false,
    };
    let mut quick = false;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{arg} needs a value"));
        match *arg {
            "--quick" => quick = true,
            "--no-terraform" => options.terraform = None,
            "--limit" => {
                let seconds = value()?;
                options.limit = seconds
                    .parse()
                    .map(Duration::from_secs)
                    .map_err(|_| format!("--limit takes seconds, not {seconds:?}"))?;
            }
            "--case" => {
                let name = value()?;
                let case = cases::all().into_iter().find(|c| c.name == *name);
                options.cases.push(case.ok_or_else(|| format!("there is no case {name:?}"))?);
            }
            _ => return Err(format!("bench has no option {arg:?}")),
        }
    }
    if options.cases.is_empty() {
        options.language = true;
        options.cases = cases::all().into_iter().filter(|c| c.quick || !quick).collect();
    }
    Ok(options)
}

/// One row of the table.
struct Row {
    case: &'static str,
    what: &'static str,
    ours: Measured,
    theirs: Option<Measured>,
}

/// Measures, and prints a table in Markdown.
pub fn run(args: &[&str]) -> Result<(), Failure> {
    let options = options(args)?;
    let steps = Steps::new();
    steps.command("build (release)", &mut cargo(&["build", "--release", "--package", "formwork"]))?;
    let formwork = target().join("release/formwork");
    let work = target().join("bench");
    let version = steps.step("formwork version", || {
        let runs: Result<Vec<_>, _> =
            (0..20).map(|_| measure(&formwork, &["version"], Path::new("."), options.limit)).collect();
        runs.map(median)
    })?;
    let mut rows = Vec::new();
    for task in options.language.then(language::all).into_iter().flatten() {
        rows.push(run_task(&steps, &task, &formwork, &work, &options)?);
    }
    for case in &options.cases {
        rows.extend(run_case(&steps, case, &formwork, &work, &options)?);
    }
    print!("\n{}", table(&rows, &version, &options));
    Ok(())
}

/// A fresh folder for an engine, with a configuration in it.
fn fresh(work: &Path, engine: &str, name: &str, config: &str) -> Result<PathBuf, Failure> {
    let folder = work.join(engine).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("main.tf"), config))
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}

fn run_task(
    steps: &Steps,
    task: &Task,
    formwork: &Path,
    work: &Path,
    options: &Options,
) -> Result<Row, Failure> {
    let command = task.args[0];
    let run = |engine: &str, program: &Path, times: usize| -> Result<Measured, Failure> {
        let folder = fresh(work, engine, command, &(task.config)())?;
        std::fs::write(folder.join(INPUT), (task.input)()).map_err(|e| e.to_string())?;
        if engine == "terraform" {
            measure(program, &["init", "-input=false"], &folder, Duration::from_secs(60))?;
        }
        let runs: Result<Vec<_>, _> =
            (0..times).map(|_| measure(program, task.args, &folder, options.limit)).collect();
        runs.map(median)
    };
    let ours = steps.step(&format!("{}: Formwork", task.name), || run("formwork", formwork, 5))?;
    let theirs = match &options.terraform {
        Some(terraform) => {
            Some(steps.step(&format!("{}: Terraform", task.name), || run("terraform", terraform, 3))?)
        }
        None => None,
    };
    Ok(Row { case: task.name, what: command, ours, theirs })
}

fn run_case(
    steps: &Steps,
    case: &Case,
    formwork: &Path,
    work: &Path,
    options: &Options,
) -> Result<Vec<Row>, Failure> {
    let fresh = |engine: &str| fresh(work, engine, case.name, &(case.config)());
    const PLAN: &[&str] = &["plan", "-input=false", "-no-color"];
    const APPLY: &[&str] = &["apply", "-input=false", "-no-color", "-auto-approve"];

    let ours = fresh("formwork")?;
    let repeated = |folder: &Path, args: &[&str]| -> Result<Measured, Failure> {
        let runs: Result<Vec<_>, _> =
            (0..5).map(|_| measure(formwork, args, folder, options.limit)).collect();
        runs.map(median)
    };
    let (plan, apply, empty) = steps.step(&format!("{}: Formwork", case.name), || {
        // Once for nothing: the first run finds neither the program nor the folder in the memory of the system.
        measure(formwork, PLAN, &ours, options.limit)?;
        let plan = repeated(&ours, PLAN)?;
        let apply = measure(formwork, APPLY, &ours, options.limit)?;
        Ok((plan, apply, repeated(&ours, PLAN)?))
    })?;
    let mut rows = vec![
        Row { case: case.name, what: "plan", ours: plan, theirs: None },
        Row { case: case.name, what: "apply", ours: apply, theirs: None },
        Row { case: case.name, what: "empty plan", ours: empty, theirs: None },
    ];
    if let Some(terraform) = &options.terraform {
        let theirs = fresh("terraform")?;
        let init = &["init", "-input=false"];
        let run = |args: &[&str]| measure(terraform, args, &theirs, options.limit);
        measure(terraform, init, &theirs, Duration::from_secs(60))?;
        rows[0].theirs = Some(steps.step(&format!("{}: Terraform plan", case.name), || run(PLAN))?);
        let applied = steps.step(&format!("{}: Terraform apply", case.name), || run(APPLY))?;
        if applied.cut {
            // It did not get there: let it plan over the state that we made, which is in its format.
            for name in ["terraform.tfstate", ".terraform.tfstate.lock.info"] {
                let _ = std::fs::remove_file(theirs.join(name));
            }
            std::fs::copy(ours.join("terraform.tfstate"), theirs.join("terraform.tfstate"))
                .map_err(|e| e.to_string())?;
        }
        rows[1].theirs = Some(applied);
        rows[2].theirs = Some(steps.step(&format!("{}: Terraform empty plan", case.name), || run(PLAN))?);
    }
    Ok(rows)
}

fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let memory = runs.iter().map(|m| m.kilobytes).max().unwrap_or(0);
    let mut middle = runs.swap_remove(runs.len() / 2);
    middle.kilobytes = memory;
    middle
}

fn time(m: &Measured) -> String {
    match m.seconds {
        s if m.cut => format!("> {s:.0} s"),
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s => format!("{s:.2} s"),
    }
}

fn memory(m: &Measured) -> String {
    format!("{:.0} MB", m.kilobytes as f64 / 1024.0)
}

fn table(rows: &[Row], version: &Measured, options: &Options) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "`formwork version`: {:.1} ms (median of 20). {cores} cores; plans of Formwork are medians of 5 runs, as are the first rows of it, of 3 of Terraform; all \
         else is one run; runs are cut after {} s.\n\n",
        version.seconds * 1000.0,
        options.limit.as_secs()
    );
    text.push_str(
        "| case | step | Terraform | Formwork | times faster | Terraform, peak | Formwork, peak |\n\
         |---|---|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let (theirs, faster, their_memory) = match &row.theirs {
            Some(m) => {
                let more = if m.cut { "> " } else { "" };
                (time(m), format!("{more}{:.0}", m.seconds / row.ours.seconds), memory(m))
            }
            None => ("–".into(), "–".into(), "–".into()),
        };
        text.push_str(&format!(
            "| {} | {} | {theirs} | {} | {faster} | {their_memory} | {} |\n",
            row.case,
            row.what,
            time(&row.ours),
            memory(&row.ours)
        ));
    }
    text
}
