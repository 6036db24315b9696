//! `destroy`

use super::options::{Common, switch_parser};
use super::request::Request;
use crate::context::Context;
use crate::variables::Flag;
use clap::Args;
use formwork_plan::Mode;

/// Remove everything that is in the state
#[derive(Debug, Args)]
pub struct Destroy {
    /// Do not ask before doing it.
    #[arg(long, alias = "force", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    auto_approve: bool,
    #[command(flatten)]
    common: Common,
}

impl Destroy {
    /// What comes before all else: how it shows what it does.
    pub fn begin(&self, cx: &mut Context) {
        self.common.begin(cx);
    }

    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
        let request = Request {
            mode: Mode::Destroy,
            auto_approve: self.auto_approve,
            common: &self.common,
            destroying: true,
            may_be_empty: true,
        };
        request.run(cx, flags)
    }
}
