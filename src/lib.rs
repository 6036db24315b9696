//! The program: arguments, commands, and what people see. Only this crate prints, reads the environment and the clock, or exits.
//!
//! It is a library so that a test binary with other providers is the same program.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "this is the one crate that may")]

mod args;
mod commands;
mod complete;
mod context;
mod encryption;
mod environment;
mod generate;
mod kept;
mod kms;
mod memory;
mod operation;
mod panic;
mod providers;
mod represent;
mod rescue;
mod schemas;
mod signals;
mod ui;
mod variables;
mod world;

use formwork_provider::Provider;
use formwork_state::Probe;
pub use providers::providers;
use std::sync::Arc;

/// Runs the program with these providers, and with a probe that is told of each phase of each operation.
pub fn main_with(providers: Vec<Arc<dyn Provider>>, probe: Arc<dyn Probe>) -> u8 {
    panic::install();
    let arguments = match args::gather(std::env::args_os().skip(1), &environment::Real) {
        Ok(arguments) => arguments,
        Err(invalid) => {
            eprintln!("\nError: The arguments cannot be read\n  {invalid}");
            return 1;
        }
    };
    if let Some(dir) = &arguments.chdir
        && let Err(error) = std::env::set_current_dir(dir)
    {
        eprintln!(
            "\nError: The working directory cannot be changed\n  Could not go to {} (-chdir): {error}.",
            dir.display()
        );
        return 1;
    }
    let run = std::panic::AssertUnwindSafe(|| commands::run(arguments.rest, providers, probe));
    // The hook has said what there is to say.
    std::panic::catch_unwind(run).unwrap_or(1)
}
