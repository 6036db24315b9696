//! Plans: what is going to be done, in which order, and how a plan is stored and shown to machines.
//!
//! A [`Plan`] is the one typed description; text, JSON and the plan file are views of it. Nothing here evaluates,
//! calls a provider or decides.

mod change;
pub mod codec;
pub mod file;
pub mod json;
mod model;
mod reads;
mod serial;

pub use change::{Action, PlannedChange, Reason, ReplaceOrder};
pub use model::{
    Cause, CheckResult, CheckStatus, Deferred, LeftOut, Mode, OutputChange, Part, Plan, Step, StepKind,
};
pub use reads::{How, Reads, Seen, digest};
