//! What Terraform needs to be the oracle of histories in the toy cloud: a Python with the package that
//! `tests/toy/oracle/provider.py` is written on.

use super::place::Place;
use super::python;
use crate::Failure;
use crate::steps::{Steps, on_path};
use std::path::PathBuf;

const NAME: &str = "toy-oracle";
const PACKAGES: [&str; 1] = ["tf==1.2.0"];

/// The Python, made if it is missing; none where there is no `terraform` to ask.
pub fn python(steps: &Steps) -> Result<Option<PathBuf>, Failure> {
    if on_path("terraform").is_none() {
        return Ok(None);
    }
    let place = Place::open(true)?;
    if !python::has(&place, NAME, &PACKAGES) {
        python::make_environment(steps, &place, NAME, &PACKAGES)?;
    }
    Ok(Some(python::program(&place, NAME, "python")))
}
