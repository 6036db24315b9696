//! One case after the other, with each program.

use super::Options;
use super::cases::{CHAIN, Case, Cloud, FAN, MODULE, MODULE_FOLDER};
use super::language::Task;
use super::measure::{INPUT, Measured, Subject};
use super::oracle::Oracle;
use super::table::{APPLY, FIRST, PLAN, Row, Target, Wanted};
use crate::Failure;
use crate::steps::{Steps, copy};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PLANS: &[&str] = &["plan", "-input=false", "-no-color"];
const APPLIES: &[&str] = &["apply", "-input=false", "-no-color", "-auto-approve"];
const DESTROYS: &[&str] = &["destroy", "-input=false", "-no-color", "-auto-approve"];
const STATE: &str = "terraform.tfstate";
/// Where the toy cloud has its objects, and in it its log of calls.
const CLOUD: &str = "cloud";
const CALLS: &str = "cloud/.calls";
/// What the probe of the test program writes, and its line for an fsync of the journal.
const PROBE: &str = "probe.log";
const FSYNC: &str = "fsync";

/// What is run.
pub struct Bench<'a> {
    pub steps: &'a Steps,
    /// The program.
    pub formwork: &'a Path,
    /// The same with the toy cloud in it.
    pub toy: &'a Path,
    /// Where the folders are.
    pub work: &'a Path,
    pub options: &'a Options,
    /// Terraform's provider for the toy cloud, when there is one.
    pub oracle: Option<&'a Oracle>,
}

/// What came of a case.
pub struct Found {
    pub rows: Vec<Row>,
    pub wanted: Vec<Wanted>,
    /// Fsyncs of the journal in an apply with the toy cloud.
    pub fsyncs: u64,
}

fn lines(path: &Path, wanted: impl Fn(&str) -> bool) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|l| wanted(l)).count() as u64
}

/// The run in the middle, with the most memory of all.
pub fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let memory = runs.iter().map(|m| m.kilobytes).max().unwrap_or(0);
    let mut middle = runs.swap_remove(runs.len() / 2);
    middle.kilobytes = memory;
    middle
}

impl Bench<'_> {
    /// A fresh folder for an engine, with a configuration in it.
    fn fresh(&self, engine: &str, name: &str, config: &str) -> Result<PathBuf, Failure> {
        let folder = self.work.join(engine).join(name);
        let make = || {
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            std::fs::create_dir_all(folder.join(MODULE_FOLDER))?;
            std::fs::write(folder.join(MODULE_FOLDER).join("main.tf"), MODULE)?;
            std::fs::write(folder.join("main.tf"), config)
        };
        make().map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(folder)
    }

    fn subject<'s>(
        &self,
        program: &'s Path,
        folder: &'s Path,
        env: &'s [(&'static str, OsString)],
    ) -> Subject<'s> {
        Subject { program, folder, limit: self.options.limit, env }
    }

    /// Reading and evaluating.
    pub fn task(&self, task: &Task) -> Result<Row, Failure> {
        let command = task.args[0];
        let run = |engine: &str, program: &Path, times: usize| -> Result<Measured, Failure> {
            let folder = self.fresh(engine, command, &(task.config)())?;
            std::fs::write(folder.join(INPUT), (task.input)()).map_err(|e| e.to_string())?;
            let subject = self.subject(program, &folder, &[]);
            if engine == "terraform" {
                subject.measure(&["init", "-input=false"])?;
            }
            let runs: Result<Vec<_>, _> = (0..times).map(|_| subject.measure(task.args)).collect();
            runs.map(median)
        };
        let name = task.name;
        let ours = self.steps.step(&format!("{name}: Formwork"), || run("formwork", self.formwork, 5))?;
        let theirs = match &self.options.terraform {
            Some(terraform) => {
                Some(self.steps.step(&format!("{name}: Terraform"), || run("terraform", terraform, 3))?)
            }
            None => None,
        };
        let target = Target { faster: task.faster, quarter: false };
        Ok(Row { case: name, what: command, target, ours, theirs })
    }

    /// A case from nothing to nothing.
    pub fn case(&self, case: &Case) -> Result<Found, Failure> {
        let folder = self.fresh("formwork", case.name, &(case.config)())?;
        let applied = self.work.join("formwork").join(format!("{}-applied", case.name));
        let (program, env) = match case.cloud {
            Cloud::State => (self.formwork, Vec::new()),
            Cloud::Toy => (self.toy, vec![("FORMWORK_TOY_PROBE", folder.join(PROBE).into_os_string())]),
        };
        let subject = self.subject(program, &folder, &env);
        let mut found = Found { rows: Vec::new(), wanted: Vec::new(), fsyncs: 0 };
        self.steps.step(&format!("{}: Formwork", case.name), || {
            let plans = || -> Result<Measured, Failure> {
                let runs: Result<Vec<_>, _> = (0..5).map(|_| subject.measure(PLANS)).collect();
                runs.map(median)
            };
            // Once for nothing: the first run finds neither the program nor the folder in the memory of the system.
            subject.measure(PLANS)?;
            let plan = plans()?;
            let mut firsts = vec![("plan", subject.measure_first(PLANS)?)];
            let (mut applies, mut destroys, mut empty) = (Vec::new(), Vec::new(), None);
            for cycle in 0..if case.instances > 10_000 { 1 } else { 3 } {
                applies.push(self.counted(case, &subject, "apply", APPLIES, cycle == 0, &mut found)?);
                if cycle == 0 {
                    keep(&folder, &applied)?;
                    empty = Some(plans()?);
                    firsts.push(("empty plan", subject.measure_first(PLANS)?));
                    if case.cloud == Cloud::Toy {
                        self.counted(case, &subject, "empty plan", PLANS, true, &mut found)?;
                    }
                }
                destroys.push(self.counted(case, &subject, "destroy", DESTROYS, cycle == 0, &mut found)?);
            }
            for (what, measured) in firsts {
                let first = measured.first.unwrap_or(measured.seconds);
                let text = format!("{}, {what}: first output after {:.0} ms", case.name, first * 1000.0);
                found.wanted.push(Wanted { what: text, holds: first <= FIRST });
            }
            let mut row = |what, target, ours| {
                found.rows.push(Row { case: case.name, what, target, ours, theirs: None });
            };
            row("plan", PLAN, plan);
            row("apply", APPLY, median(applies));
            empty.into_iter().for_each(|empty| row("empty plan", PLAN, empty));
            row("destroy", APPLY, median(destroys));
            Ok(())
        })?;
        if let Some(terraform) = self.options.terraform.as_ref().filter(|_| case.side_by_side) {
            let theirs = match case.cloud {
                Cloud::State => self.terraform(case, terraform, &[], &applied)?,
                Cloud::Toy => match self.oracle {
                    Some(oracle) => self.terraform(case, terraform, &oracle.env(), &applied)?,
                    None => Vec::new(),
                },
            };
            for (row, theirs) in found.rows.iter_mut().zip(theirs) {
                row.theirs = Some(theirs);
            }
        }
        std::fs::remove_dir_all(&applied).map_err(|e| format!("{}: {e}", applied.display()))?;
        Ok(found)
    }

    /// Runs a step, and with the toy cloud counts what it did there.
    fn counted(
        &self,
        case: &Case,
        subject: &Subject<'_>,
        what: &str,
        args: &[&str],
        tell: bool,
        found: &mut Found,
    ) -> Result<Measured, Failure> {
        let (probe, calls) = (subject.folder.join(PROBE), subject.folder.join(CALLS));
        for log in [&probe, &calls] {
            let _ = std::fs::remove_file(log);
        }
        let measured = subject.measure(args)?;
        if case.cloud == Cloud::Toy && tell {
            let fsyncs = lines(&probe, |l| l == FSYNC);
            let reads = lines(&calls, |l| l.starts_with("read"));
            let changes = lines(&calls, |_| true) - reads;
            let n = case.instances as u64;
            let text = format!(
                "{}, {what}: {fsyncs} fsyncs of the journal, {changes} changing calls, {reads} that read",
                case.name
            );
            // What is to be compared is read in pages of twenty.
            let (changing, pages) = match what {
                "plan" => (0, 0),
                "apply" => (n, 0),
                "empty plan" => (0, n / 10),
                _ => (n, n / 10),
            };
            let syncs = 2 * changing;
            found
                .wanted
                .push(Wanted { what: text, holds: fsyncs <= syncs && changes == changing && reads <= pages });
            if what == "apply" {
                found.fsyncs = fsyncs;
            }
        }
        Ok(measured)
    }

    /// The same with Terraform: plan, apply, empty plan, destroy.
    fn terraform(
        &self,
        case: &Case,
        terraform: &Path,
        env: &[(&'static str, OsString)],
        applied: &Path,
    ) -> Result<Vec<Measured>, Failure> {
        let folder = self.fresh("terraform", case.name, &(case.config)())?;
        let subject = self.subject(terraform, &folder, env);
        Subject { limit: Duration::from_secs(60), ..self.subject(terraform, &folder, env) }
            .measure(&["init", "-input=false"])?;
        let run = |what: &str, args| {
            self.steps.step(&format!("{}: Terraform {what}", case.name), || subject.measure(args))
        };
        let plan = run("plan", PLANS)?;
        let apply = run("apply", APPLIES)?;
        if apply.cut {
            // It did not get there: let it go on from the state that we made, which is in its format.
            let _ = std::fs::remove_file(folder.join(".terraform.tfstate.lock.info"));
            let _ = std::fs::remove_dir_all(folder.join(CLOUD));
            copy(applied, &folder)?;
        }
        let empty = run("empty plan", PLANS)?;
        let destroy = run("destroy", DESTROYS)?;
        Ok(vec![plan, apply, empty, destroy])
    }
}

/// Puts state and objects by.
fn keep(folder: &Path, to: &Path) -> Result<(), Failure> {
    if to.exists() {
        std::fs::remove_dir_all(to).map_err(|e| format!("{}: {e}", to.display()))?;
    }
    std::fs::create_dir_all(to)
        .and_then(|()| std::fs::copy(folder.join(STATE), to.join(STATE)))
        .map_err(|e| format!("{}: {e}", to.display()))?;
    if folder.join(CLOUD).exists() { copy(&folder.join(CLOUD), &to.join(CLOUD)) } else { Ok(()) }
}

/// What can be said of all cases together.
pub fn growth(rows: &[Row], fsyncs: &[(&str, u64)]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let of = |case: &str, what: &str| rows.iter().find(|r| r.case == case && r.what == what).map(|r| &r.ours);
    for what in ["plan", "apply", "empty plan", "destroy"] {
        if let (Some(small), Some(large)) = (of("count-10000", what), of("count-100000", what)) {
            let times = large.seconds / small.seconds;
            let what = format!("10,000 to 100,000, {what}: {times:.1} times");
            wanted.push(Wanted { what, holds: times <= 12.0 });
        }
    }
    if let Some(empty) = of("count-100000", "empty plan") {
        let (seconds, megabytes) = (empty.seconds, empty.kilobytes / 1024);
        let what = format!("100,000, empty plan: {seconds:.2} s and {megabytes} MB");
        wanted.push(Wanted { what, holds: seconds < 5.0 && megabytes < 1_500 });
    }
    let counted = |case: &str| fsyncs.iter().find(|(name, _)| *name == case).map(|(_, n)| *n);
    if let (Some(fan), Some(chain)) = (counted(FAN), counted(CHAIN)) {
        let what = format!("1,000 in a chain: {chain} fsyncs, and {fan} side by side");
        wanted.push(Wanted { what, holds: chain <= fan + 2_000 });
    }
    wanted
}
