//! What people see. Everything here makes text of data; only [`Screen`] writes it anywhere.

pub mod diagnostics;
pub mod diagnostics_json;
pub mod diff;
mod excerpt;
pub mod graph;
mod hang;
pub mod patience;
pub mod plan;
pub mod progress;
pub mod screen;
pub mod state;
pub mod stream;
pub mod style;
#[cfg(test)]
mod tests;
pub mod text;

pub use screen::Screen;
