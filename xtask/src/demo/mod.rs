//! The demos: EasyPay on real components, and the quickstart on nothing but files.

mod easypay;
mod quickstart;
mod show;
mod site;

use crate::Failure;
use crate::steps::{Steps, target};
use std::path::{Path, PathBuf};

/// The line of an example that gets changed, and what it becomes.
const EDIT: (&str, &str) = ("demo: this line changes", "demo: this line has changed");

/// Runs the one that is asked for.
pub fn run(options: &[&str]) -> Result<(), Failure> {
    let (mut destroy, mut quick) = (false, false);
    for option in options {
        match *option {
            "--destroy" => destroy = true,
            "--quickstart" => quick = true,
            other => return Err(format!("demo has no option {other}; there are --destroy and --quickstart")),
        }
    }
    crate::interrupt::notice()?;
    if quick { quickstart::run(destroy) } else { easypay::run(destroy) }
}

/// Builds the program; the example beside it is what makes this build the tests' own (see [`crate::steps::build`]).
fn build(steps: &Steps) -> Result<(), Failure> {
    let targets = ["--bin", "formwork", "--example", "formwork-toy"];
    steps.command("build formwork", &mut crate::steps::build(&targets))
}

/// What was built.
fn program() -> PathBuf {
    target().join("debug/formwork")
}

/// Changes the line that is meant for it; says which it was.
fn edit(folder: &Path) -> Result<String, Failure> {
    let mut edited = None;
    crate::tidy::walk(folder, &mut |path| {
        if path.extension().is_none_or(|e| e != "tf") || edited.is_some() {
            return Ok(());
        }
        let Ok(text) = std::fs::read_to_string(path) else { return Ok(()) };
        if let Some(line) = text.lines().find(|l| l.contains(EDIT.0)) {
            std::fs::write(path, text.replacen(EDIT.0, EDIT.1, 1))?;
            let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
            let (before, after) = (line.trim(), line.trim().replacen(EDIT.0, EDIT.1, 1));
            edited = Some(format!("{name}\n  - {before}\n  + {after}"));
        }
        Ok(())
    })
    .map_err(|e| e.to_string())?;
    edited.ok_or_else(|| format!("no line in {} contains {:?}", folder.display(), EDIT.0))
}
