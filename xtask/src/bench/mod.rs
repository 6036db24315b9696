//! Side by side with Terraform.

mod cases;
mod language;
mod measure;
mod oracle;
mod run;
mod table;

use crate::Failure;
use crate::steps::{Steps, cargo, on_path, target};
use cases::{Case, Cloud};
use measure::Subject;
pub use measure::{MEASURE, measure_here};
use oracle::Oracle;
use run::{Bench, growth, median};
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Options {
    cases: Vec<Case>,
    limit: Duration,
    terraform: Option<PathBuf>,
    /// A Python for Terraform's provider of the toy cloud.
    python: Option<PathBuf>,
    /// Whether reading and evaluating are measured too.
    language: bool,
    /// Without the AWS family, which takes half an hour to build. Its absence makes the program smaller.
    without_aws: bool,
}

fn options(args: &[&str]) -> Result<Options, Failure> {
    let mut options = Options {
        cases: Vec::new(),
        limit: Duration::from_secs(120),
        terraform: on_path("terraform"),
        python: None,
        language: false,
        without_aws: false,
    };
    let mut quick = false;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{arg} needs a value"));
        match *arg {
            "--quick" => quick = true,
            "--no-terraform" => options.terraform = None,
            "--without-aws" => options.without_aws = true,
            "--toy-python" => options.python = Some(PathBuf::from(value()?)),
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

/// Measures, and prints a table in Markdown.
pub fn run(args: &[&str]) -> Result<(), Failure> {
    let options = options(args)?;
    let steps = Steps::new();
    let build = |what: &[&str]| {
        let mut args = vec!["build", "--release", "--package", "formwork"];
        args.extend(what);
        if options.without_aws {
            args.push("--no-default-features");
        }
        cargo(&args)
    };
    steps.command("build (release)", &mut build(&["--bin", "formwork"]))?;
    if options.cases.iter().any(|c| c.cloud == Cloud::Toy) {
        steps.command("build with the toy cloud", &mut build(&["--example", "formwork-toy"]))?;
    }
    let oracle = options
        .python
        .as_deref()
        .map(|python| Oracle::start(python, &target().join("bench-cloud")))
        .transpose()?;
    let bench = Bench {
        steps: &steps,
        formwork: &target().join("release/formwork"),
        toy: &target().join("release/examples/formwork-toy"),
        work: &target().join("bench"),
        options: &options,
        oracle: oracle.as_ref(),
    };
    let subject = Subject { program: bench.formwork, folder: Path::new("."), limit: options.limit, env: &[] };
    let version = steps.step("formwork version", || {
        let runs: Result<Vec<_>, _> = (0..20).map(|_| subject.measure(&["version"])).collect();
        runs.map(median)
    })?;
    let (mut rows, mut wanted, mut fsyncs) = (Vec::new(), Vec::new(), Vec::new());
    for task in options.language.then(language::all).into_iter().flatten() {
        rows.push(bench.task(&task)?);
    }
    for case in &options.cases {
        let found = bench.case(case)?;
        rows.extend(found.rows);
        wanted.extend(found.wanted);
        if case.cloud == Cloud::Toy {
            fsyncs.push((case.name, found.fsyncs));
        }
    }
    wanted.extend(growth(&rows, &fsyncs));
    print!("\n{}", table::render(&rows, &wanted, &version, options.limit));
    Ok(())
}
