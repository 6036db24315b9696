//! The program with the toy cloud added to it, and a probe that can kill it: for tests.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_testkit::{KillProbe, Toy};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let kill = std::env::var("FORMWORK_TOY_KILL").ok();
    let log = std::env::var_os("FORMWORK_TOY_PROBE").map(PathBuf::from);
    let probe = match KillProbe::new(kill.as_deref(), log.as_deref()) {
        Ok(probe) => Arc::new(probe),
        Err(problem) => {
            eprintln!("formwork-toy: {problem}");
            return ExitCode::from(101);
        }
    };
    let real = formwork::providers();
    let mut providers: Vec<_> =
        real.into_iter().map(|p| formwork_testkit::probed(p, probe.clone())).collect();
    providers.push(Arc::new(Toy::new(probe.clone())));
    ExitCode::from(formwork::main_with(providers, probe))
}
