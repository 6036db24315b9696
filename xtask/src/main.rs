//! The project's own chores: `cargo xtask <chore>`.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "chores may")]

mod bench;
mod components;
mod crash;
mod demo;
mod fuzz;
mod generate;
mod interrupt;
mod steps;
mod test;
mod tidy;
#[path = "../../tests/easypay/variables.rs"]
mod variables;
#[path = "../../tests/easypay/witness.rs"]
mod witness;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <chore>

  test                     everything that must hold, as CI runs it, on real components (needs root)
      --without-components leaves out, and names, the tests that need them
  demo                     examples/easypay from nothing on real components: plan, apply, change one line, plan
      --destroy            takes it down in the end, or takes down what an earlier demo left
      --quickstart         examples/quickstart instead, on nothing but files
  components <command>     the real components that demos and tests run on (components help tells more)
  bench [options]          side by side with terraform, where it is on PATH
      --quick              only the smaller cases
      --case <name>        only this case (may be repeated): count-1000, count-10000, tree-1000, chain-1000
      --limit <seconds>    cut a run of terraform that takes longer (default 120)
      --no-terraform       only Formwork
  crash                    kills the program at drawn moments, on the toy cloud and on real components (needs root), and
                           looks whether anything was lost
      --rounds <number>    how many kills on each (default 1000); each phase is hit by at least a tenth of them
      --seed <number>      draws the same kills again; without it, others each time
      --without-components only on the toy cloud
      --terraform          instead, 30 kills of terraform and of formwork by the same rule, side by side
  fuzz [target...]         looks for inputs that panic, hang or eat memory, with cargo-fuzz: parser, evaluator, json,
                           yamldecode, regex, formatdate, state, plan
      --seconds <number>   how long for each target (default 60)
  generate [--check]       docs/reference from the code
  tidy                     files that are too long
";

/// Why a chore failed, in words for whoever called it.
type Failure = String;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.split_first() {
        Some((&"test", [])) => test::run(true),
        Some((&"test", ["--without-components"])) => test::run(false),
        Some((&"demo", options)) => demo::run(options),
        Some((&"components", rest)) => components::run(rest),
        Some((&"bench", options)) => bench::run(options),
        Some((&"crash", options)) => crash::run(options),
        Some((&"fuzz", options)) => fuzz::run(options),
        Some((&"generate", [])) => generate::run(false),
        Some((&"generate", ["--check"])) => generate::run(true),
        Some((&"tidy", [])) => tidy::run(),
        Some((&bench::MEASURE, rest)) => return bench::measure_here(rest),
        None | Some((&("help" | "--help" | "-h"), _)) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some((chore, _)) => Err(format!("no such chore or option: {chore} (cargo xtask help lists them)")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
