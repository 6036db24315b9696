//! `refresh`

use super::options::Common;
use super::request::Request;
use crate::context::Context;
use crate::variables::Flag;
use clap::Args;
use formwork_plan::Mode;

/// Take over into the state what changed outside, without asking
///
/// The same as formwork apply -refresh-only -auto-approve; without -auto-approve, that shows the changes first.
#[derive(Debug, Args)]
pub struct Refresh {
    #[command(flatten)]
    common: Common,
}

impl Refresh {
    /// What comes before all else: how it shows what it does.
    pub fn begin(&self, cx: &mut Context) {
        self.common.begin(cx);
    }

    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
        let request = Request {
            mode: Mode::RefreshOnly,
            auto_approve: true,
            common: &self.common,
            destroying: false,
            may_be_empty: true,
        };
        request.run(cx, flags)
    }
}
