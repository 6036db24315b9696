//! EasyPay on the real components that `FORMWORK_COMPONENTS_STATE` describes: `cargo xtask test` starts them.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

mod canaries;
#[path = "../common/mod.rs"]
mod common;
mod compare;
mod faults;
mod kills;
mod life;
mod rights;
mod run;
mod site;
mod variables;
mod watch;
mod witness;
mod world;
