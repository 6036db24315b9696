//! Checkov, which reads plans and tells what is careless in them. Nobody here wrote it: a test has it read ours.

use super::place::Place;
use super::python;
use crate::Failure;
use crate::steps::Steps;
use std::path::PathBuf;

const NAME: &str = "checkov";

/// Pinned: checks come and change from version to version, and `tests/checkov/planted.txt` lists what they find.
const PACKAGES: [&str; 1] = ["checkov==3.3.30"];

/// The program, installed if it is missing.
pub fn program(steps: &Steps) -> Result<PathBuf, Failure> {
    let place = Place::open(true)?;
    if !python::has(&place, NAME, &PACKAGES) {
        python::make_environment(steps, &place, NAME, &PACKAGES)?;
    }
    Ok(python::program(&place, NAME, "checkov"))
}
