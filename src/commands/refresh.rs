//! `refresh`

use super::apply::Request;
use super::options::{Look, Planning, StateFlags, Variables, switch_parser};
use super::plan::stream;
use crate::context::Context;
use crate::variables::Flag;
use clap::Args;
use formwork_plan::Mode;

/// Take over into the state what changed outside, without asking
///
/// The same as formwork apply -refresh-only -auto-approve; without -auto-approve, that shows the changes first.
#[derive(Debug, Args)]
pub struct Refresh {
    /// Tell everything as lines of JSON, for programs.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    json: bool,
    #[command(flatten)]
    planning: Planning,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    state: StateFlags,
    #[command(flatten)]
    look: Look,
}

impl Refresh {
    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
        self.look.set(cx);
        stream(cx, self.json);
        let request = Request {
            mode: Mode::RefreshOnly,
            auto_approve: true,
            planning: &self.planning,
            variables: &self.variables,
            state: &self.state,
            destroying: false,
        };
        request.run(cx, flags)
    }
}
