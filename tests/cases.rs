//! Runs the Markdown cases below `tests/cases`; `UPDATE_EXPECT=1` writes their outputs anew.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod common;

use formwork_testkit::{Case, cases_below, run_case};
use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = common::repository("tests/cases");
    let paths = match cases_below(&folder) {
        Ok(paths) => paths,
        Err(e) => {
            eprintln!("{}: {e}", folder.display());
            return ExitCode::FAILURE;
        }
    };
    let trials = paths.into_iter().map(|path| {
        let name = path.strip_prefix(&folder).unwrap_or(&path).with_extension("").display().to_string();
        Trial::test(name, move || {
            let case = Case::read(&path)?;
            Ok(run_case(&case, &common::program(), common::updating())?)
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
