//! Python environments of the project's own.

use super::place::{Place, make, told, write};
use super::{packages, process};
use crate::Failure;
use crate::steps::{Steps, on_path, quietly};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether an environment has exactly what is wanted.
pub fn has(place: &Place, name: &str, wanted: &[&str]) -> bool {
    let done = std::fs::read_to_string(recipe(place, name)).is_ok_and(|t| t == wanted.join("\n"));
    done && program(place, name, "python").exists()
}

/// A program of an environment.
pub fn program(place: &Place, name: &str, program: &str) -> PathBuf {
    place.kept(name).join("venv/bin").join(program)
}

fn recipe(place: &Place, name: &str) -> PathBuf {
    place.kept(name).join("venv/formwork-requirements")
}

/// Makes an environment with these packages from PyPI.
pub fn make_environment(steps: &Steps, place: &Place, name: &str, wanted: &[&str]) -> Result<(), Failure> {
    let python = interpreter(steps, name)?;
    steps.step(&format!("{name}: Python environment with {}", wanted.join(", ")), || {
        let folder = place.kept(name).join("venv");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|e| told(&folder, e))?;
        }
        make(&place.kept(name))?;
        quietly(Command::new(&python).args(["-m", "venv"]).arg(&folder))?;
        let pip = program(place, name, "pip");
        let mut install = Command::new(&pip);
        quietly(install.args(["install", "--quiet", "--disable-pip-version-check"]).args(wanted))
            .map_err(|e| format!("{e}\npip must reach PyPI, or the index that its settings name"))?;
        write(&recipe(place, name), &wanted.join("\n"))
    })
}

/// The first Python on `PATH` that is new enough and can make environments.
fn interpreter(steps: &Steps, name: &str) -> Result<PathBuf, Failure> {
    const CHECK: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let works = |python: &Path| process::output(Command::new(python).args(["-c", CHECK])).is_ok();
    let candidates = || on_path("python3").into_iter().chain([PathBuf::from("/usr/bin/python3")]);
    if let Some(python) = candidates().find(|p| works(p)) {
        return Ok(python);
    }
    // What stands for the packages here is a file that only they bring.
    packages::need(steps, name, &[("python3", "python3"), ("/nonexistent/python3-venv", "python3-venv")])?;
    candidates()
        .find(|p| works(p))
        .ok_or_else(|| format!("{name} needs Python 3.10 or newer with the modules venv and ensurepip"))
}
