//! `untaint`

use super::taint::Marking;
use crate::context::Context;
use clap::Args;
use formwork_state::Status;

/// Take back that a resource instance is not whole: the next plan keeps it
#[derive(Debug, Args)]
pub struct Untaint {
    #[command(flatten)]
    marking: Marking,
}

impl Untaint {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.marking.run(cx, Status::Ready)
    }
}
