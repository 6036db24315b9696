//! `import`

use super::options::{Ignored, Look, StateFlags, Variables};
use super::state::edit::settled;
use crate::context::Context;
use crate::operation::{self, Access, Run};
use crate::variables::Flag;
use crate::world::{RealWorld, now};
use clap::Args;
use formwork_addr::{InstanceAddr, ResourceMode};
use formwork_diag::{Diagnostic, has_errors};
use std::sync::Arc;

/// Take an object that exists into the state
///
/// The configuration must have a block for it. Nothing else is planned or changed. An import block in the configuration
/// does the same as part of a plan, which shows beforehand what will be.
#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    state: StateFlags,
    #[command(flatten)]
    ignored: Ignored,
    #[command(flatten)]
    look: Look,
    /// The resource instance that it becomes.
    address: String,
    /// What the provider knows the object by; its resource type's page says what that is.
    id: String,
}

impl Import {
    /// Runs the command.
    pub fn run(self, cx: &mut Context, flags: &[Flag]) -> u8 {
        self.look.set(cx);
        let addr = match self.address.parse::<InstanceAddr>() {
            Ok(addr) if addr.resource.resource.mode == ResourceMode::Managed => addr,
            Ok(addr) => {
                return cx.refuse(Diagnostic::error(
                    "Invalid address",
                    format!("{addr} is only read: data sources cannot be imported."),
                ));
            }
            Err(e) => {
                return cx
                    .refuse(Diagnostic::error("Invalid address", format!("{e}.")).help(
                        "Write the address of one resource instance, such as 'module.a.aws_eip.b[0]'.",
                    ));
            }
        };
        if self.id.is_empty() {
            return cx.refuse(Diagnostic::error(
                "Invalid import ID",
                "The ID is an empty text, which no object has.",
            ));
        }
        let mut inputs = match operation::inputs(cx, flags, self.variables.ask(), false) {
            Ok(inputs) => inputs,
            Err(code) => return code,
        };
        let world = Arc::new(RealWorld::planning(false, now()));
        let setup = operation::setup(cx, &inputs, world, 1);
        let mut run = match Run::begin(cx, setup, &self.state, "import", Access::Write) {
            Ok(run) => run,
            Err(code) => return code,
        };
        let mut diags = std::mem::take(&mut inputs.warnings);
        diags.extend(run.recover());
        if !has_errors(&diags)
            && let Err(d) = settled(run.pending(), |a| *a == addr)
        {
            diags.push(d);
        }
        if !has_errors(&diags) {
            cx.screen.line(&format!("{addr}: Importing from ID {:?}...", self.id));
            match run.import(&addr, &self.id.as_str().into()) {
                Ok(()) => {
                    cx.screen.line(&format!(
                        "{addr}: Import prepared!\n  Prepared {} for import\n\nImport successful!\n\nThe resources that were \
                         imported are shown above. These resources are now in\nyour Formwork state and will henceforth be \
                         managed by Formwork.\n",
                        addr.resource.resource.type_name
                    ));
                }
                Err(more) => diags.extend(more),
            }
        }
        let closed = run.end(cx);
        cx.screen.diagnostics(&diags, &inputs.sources);
        if has_errors(&diags) { 1 } else { closed }
    }
}
