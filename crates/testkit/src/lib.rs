//! What tests are made of: the toy cloud, a probe that kills, a sandbox to run the program in, an SSH server, and the runner
//! of Markdown cases.
//!
//! Only tests and the test binary use it. It never reads the environment on its own, except for looking where
//! programs are.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod case;
pub mod conformance;
mod http_store;
mod normalise;
mod oracle;
mod postgres;
mod probe;
mod probed;
mod sandbox;
mod sshd;
mod toy;

pub use case::{Case, CaseError, cases_below, run_case};
pub use http_store::HttpStore;
pub use normalise::normalise;
pub use oracle::{Terraform, on_path};
pub use postgres::Postgres;
pub use probe::{KillProbe, PHASES};
pub use probed::probed;
pub use sandbox::{Ran, Sandbox, copy_dir};
pub use sshd::Sshd;
pub use toy::{Toy, ToyObject, objects};
