//! The engine: graph, evaluator by demand, planner, order, apply, recovery.
//!
//! It neither prints nor reads the environment, the clock or randomness: all of that comes in with [`Setup`]. The
//! AWS SDK and its like are behind the provider traits.

mod again;
mod apply;
mod body;
mod calls;
mod cells;
mod checks;
mod configure;
mod console;
mod defer;
mod deprecated;
mod deps;
mod ephemeral;
mod evaluator;
mod event;
mod expand;
mod functions;
mod gates;
mod graph;
mod identity;
mod import;
mod imports;
mod instance;
mod merged;
mod moves;
mod order;
mod planner;
mod prepare;
mod provide;
mod recover;
mod reference;
mod refresh;
mod rules;
mod scope;
mod scoped;
mod setup;
mod standing;
mod triggers;
mod validate;
mod write_only;

pub use again::changed_data;
pub use apply::apply;
pub use console::Console;
pub use event::{Event, EventSink, Stage, Verb};
pub use graph::{Graph, Object};
pub use import::{import, record_outputs};
pub use merged::settle;
pub use planner::plan;
pub use recover::recover;
pub use setup::{
    ApplyOptions, ApplyOutcome, Cancel, PlanOptions, PlanOutcome, Registry, Setup, Skipped, Unmade,
};
pub use validate::validate;
