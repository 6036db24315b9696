//! `taint`

use super::options::{Ignored, Look, StateFlags, switch_parser};
use super::state::edit::settled;
use crate::context::Context;
use crate::operation::{self, Access};
use clap::Args;
use formwork_addr::{InstanceAddr, ResourceMode};
use formwork_diag::{Diagnostic, suggestion};
use formwork_state::{State, Status};

/// Mark a resource instance as not whole: the next plan replaces it
///
/// Nothing outside the state changes. formwork apply -replace=ADDRESS does the same at once, and shows it in the plan.
#[derive(Debug, Args)]
pub struct Taint {
    #[command(flatten)]
    marking: Marking,
}

/// What `taint` and `untaint` have in common.
#[derive(Debug, Args)]
pub struct Marking {
    /// Succeed even if there is no such resource instance.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    allow_missing: bool,
    #[command(flatten)]
    state: StateFlags,
    #[command(flatten)]
    ignored: Ignored,
    #[command(flatten)]
    look: Look,
    /// The resource instance.
    address: String,
}

impl Taint {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.marking.run(cx, Status::Tainted)
    }
}

impl Marking {
    /// Marks the instance.
    pub fn run(self, cx: &mut Context, status: Status) -> u8 {
        self.look.set(cx);
        match self.marked(cx, status) {
            Ok(text) => {
                cx.screen.line(&text);
                0
            }
            Err(Refused::Shown(code)) => code,
            Err(Refused::Missing(d)) if self.allow_missing => {
                cx.refuse(Diagnostic::warning(
                    d.summary,
                    format!(
                        "Resource instance {} was not found, but this is not an error because -allow-missing was set.",
                        self.address
                    ),
                ));
                0
            }
            Err(Refused::Missing(d) | Refused::Other(d)) => cx.refuse(d),
        }
    }

    fn marked(&self, cx: &Context, status: Status) -> Result<String, Refused> {
        let addr = self.address.parse::<InstanceAddr>().map_err(|e| {
            let d = Diagnostic::error("Invalid address", format!("{e}."));
            Refused::Other(
                d.help("Give the address of one resource instance; formwork state list shows them."),
            )
        })?;
        let operation = if status == Status::Tainted { "taint" } else { "untaint" };
        let mut session =
            operation::open(cx, &self.state, operation, Access::Write).map_err(Refused::Shown)?;
        let mut state = session.state().clone();
        let now = state.instance(&addr).map(|i| i.current.as_ref().map(|o| o.status));
        match now {
            None => return Err(Refused::Missing(missing(&addr, &state))),
            Some(_) if status == Status::Tainted && addr.resource.resource.mode != ResourceMode::Managed => {
                let detail = format!("Resource instance {addr} cannot be tainted: it is only read.");
                return Err(Refused::Other(Diagnostic::error("Not a managed resource", detail)));
            }
            Some(None) => {
                let detail = format!("{addr} has only deposed objects, which the next apply removes anyway.");
                return Err(Refused::Other(Diagnostic::error(
                    "Resource instance has no current object",
                    detail,
                )));
            }
            Some(Some(Status::Ready)) if status == Status::Ready => {
                let detail = format!(
                    "Resource instance {addr} is not currently tainted, and so it cannot be untainted."
                );
                return Err(Refused::Other(Diagnostic::error("Resource instance is not tainted", detail)));
            }
            Some(Some(_)) => {}
        }
        settled(session.pending(), |a| *a == addr).map_err(Refused::Other)?;
        state.mark(&addr, status);
        session.fold(&state).and_then(|()| session.close()).map_err(|e| Refused::Other(e.into()))?;
        Ok(match status {
            Status::Tainted => format!("Resource instance {addr} has been marked as tainted."),
            Status::Ready => format!("Resource instance {addr} has been successfully untainted."),
        })
    }
}

/// Why nothing was marked.
enum Refused {
    /// There is no such instance.
    Missing(Diagnostic),
    /// The reason was shown; the exit code.
    Shown(u8),
    /// Anything else.
    Other(Diagnostic),
}

fn missing(addr: &InstanceAddr, state: &State) -> Diagnostic {
    if state.resources.is_empty() {
        return Diagnostic::error(
            "No such resource instance",
            "The state has no resource instances at all: nothing was applied yet, or all was destroyed.",
        );
    }
    let text = addr.to_string();
    let all: Vec<String> = state.instances().map(|(a, ..)| a.to_string()).collect();
    let d =
        Diagnostic::error("No such resource instance", format!("The state has no resource instance {addr}."));
    match suggestion(&text, all.iter().map(String::as_str)) {
        Some(near) => d.help(format!("Did you mean {near}?")),
        None => d.help("If it is new in the configuration, formwork apply makes it first; formwork state list shows what there is."),
    }
}
