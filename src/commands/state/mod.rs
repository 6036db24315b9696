//! `state`

pub mod edit;
mod history;
mod mv;
mod push;
mod replace_provider;
mod rm;

use super::options::{Look, Shown};
use crate::context::Context;
use crate::ui::state::object;
use clap::{Args, Subcommand};
use formwork_addr::{InstanceAddr, Pattern, ResourceAddr};
use formwork_diag::{Diagnostic, suggestion};
use formwork_plan::json;
use formwork_state::{State as Snapshot, StoredObject, snapshot};
use std::path::{Path, PathBuf};

/// Look into the state, and change it by hand
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct State {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(Show),
    Pull(Pull),
    Push(push::Push),
    Mv(mv::Mv),
    Rm(rm::Rm),
    ReplaceProvider(replace_provider::ReplaceProvider),
    History(history::History),
    Restore(history::Restore),
}

/// List resource instances in the state
#[derive(Debug, Args)]
struct List {
    /// The state file.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Only instances whose attribute "id" has this value.
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    look: Look,
    /// Only these resources or modules; in a pattern, each * stands for any characters.
    addresses: Vec<String>,
}

/// Show the attributes of one resource instance in the state
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    shown: Shown,
    /// The resource instance.
    address: String,
}

/// Write the whole state to standard output
#[derive(Debug, Args)]
struct Pull {
    #[command(flatten)]
    look: Look,
}

impl State {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        match self.command {
            Command::List(c) => c.run(cx),
            Command::Show(c) => c.run(cx),
            Command::Pull(c) => c.run(cx),
            Command::Push(c) => done(c.run(cx), cx),
            Command::Mv(c) => done(c.run(cx), cx),
            Command::Rm(c) => done(c.run(cx), cx),
            Command::ReplaceProvider(c) => done(c.run(cx), cx),
            Command::History(c) => done(c.run(cx), cx),
            Command::Restore(c) => done(c.run(cx), cx),
        }
    }
}

/// Shows why nothing was done; the exit code.
fn done(result: Result<(), Diagnostic>, cx: &Context) -> u8 {
    result.map_or_else(|d| cx.refuse(d), |()| 0)
}

fn read(cx: &Context, path: Option<&Path>) -> Result<Snapshot, u8> {
    let backend = cx.backend(path).map_err(|e| cx.refuse(e))?;
    let opened = backend.peek().map_err(|e| cx.refuse(e))?;
    edit::exists(&opened.state, &*backend).map_err(|d| cx.refuse(d))?;
    Ok(opened.state)
}

impl List {
    fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let state = match read(cx, self.state.as_deref()) {
            Ok(state) => state,
            Err(code) => return code,
        };
        let mut targets = Vec::new();
        for text in &self.addresses {
            match text.parse::<Pattern>() {
                Ok(target) if state.instances().any(|(addr, ..)| target.contains(&addr)) => {
                    targets.push(target)
                }
                Ok(_) => {
                    return cx.refuse(
                        Diagnostic::error("Unknown resource", format!("The state has nothing at {text}."))
                            .help("Run formwork state list without an address to see what there is."),
                    );
                }
                Err(e) => return cx.refuse(Diagnostic::error("Invalid address", format!("{e}."))),
            }
        }
        let mut lines = String::new();
        for (addr, _, instance) in state.instances() {
            if !targets.is_empty() && !targets.iter().any(|t| t.contains(&addr)) {
                continue;
            }
            if let Some(id) = &self.id {
                let stored = instance.current.as_ref().and_then(|o| {
                    let attributes: serde_json::Value = serde_json::from_str(&o.attributes).ok()?;
                    attributes.get("id")?.as_str().map(str::to_owned)
                });
                if stored.as_ref() != Some(id) {
                    continue;
                }
            }
            lines.push_str(&addr.to_string());
            lines.push('\n');
        }
        cx.screen.print(&lines);
        0
    }
}

impl Pull {
    fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let state = match cx.peek(None) {
            Ok(opened) => opened.state,
            Err(e) => return cx.refuse(e),
        };
        // As in Terraform, no state is no text.
        if !(state.is_empty() && state.serial == 0) {
            cx.screen.print(&snapshot::render(&state));
        }
        0
    }
}

impl Show {
    fn run(self, cx: &mut Context) -> u8 {
        self.shown.look.set(cx);
        let addr = match self.address.parse::<InstanceAddr>() {
            Ok(addr) => addr,
            Err(e) => {
                return cx.refuse(
                    Diagnostic::error("Invalid address", format!("{e}."))
                        .help("Give the address of one resource instance; formwork state list shows them."),
                );
            }
        };
        let state = match read(cx, self.shown.state.as_deref()) {
            Ok(state) => state,
            Err(code) => return code,
        };
        if state.instance(&addr).is_none() {
            let all: Vec<String> = state.instances().map(|(a, ..)| a.to_string()).collect();
            let d = Diagnostic::error(
                "No instance found for the given address",
                format!("The state has no {addr}."),
            );
            return cx.refuse(match suggestion(&self.address, all.iter().map(String::as_str)) {
                Some(near) => d.help(format!("Did you mean {near}?")),
                None => d.help("formwork state list shows what there is."),
            });
        }
        let schemas = cx.schemas();
        if self.shown.json {
            let mut state = state;
            state.resources.retain(|resource, _| *resource == addr.resource);
            for resource in state.resources.values_mut() {
                resource.instances.retain(|key, _| *key == addr.key);
            }
            state.outputs.clear();
            state.check_results = None;
            let decode = |addr: &ResourceAddr, object: &StoredObject| schemas.decode(addr, object);
            cx.screen.line(&json::state_text(&state, &decode));
            return 0;
        }
        let mut out = String::new();
        for shown in schemas.shown(&state, |a| *a == addr) {
            object(&mut out, &shown, &schemas, cx.screen.out);
        }
        cx.screen.print(&out);
        0
    }
}
