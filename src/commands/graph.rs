//! `graph`

use super::options::Look;
use crate::context::Context;
use crate::operation;
use clap::Args;

/// Show what depends on what, in the DOT language of Graphviz
#[derive(Debug, Args)]
pub struct Graph {
    #[command(flatten)]
    look: Look,
}

impl Graph {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        match operation::configuration(cx, true) {
            Ok(inputs) => {
                let dot = formwork_engine::graph_dot(&inputs.config, cx.registry());
                cx.screen.print(&dot);
                0
            }
            Err(code) => code,
        }
    }
}
