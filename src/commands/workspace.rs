//! `workspace`

use super::options::{Look, duration, switch_parser};
use crate::args::Environment;
use crate::context::{Context, Lock};
use crate::environment;
use crate::memory;
use crate::ui::style::Role;
use clap::{Args, Subcommand};
use formwork_diag::{Diagnostic, suggestion};
use formwork_state::{Backend, Pending, State};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Keep several states for one configuration
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct Workspace {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(Show),
    New(New),
    Select(Select),
    Delete(Delete),
}

/// List the workspaces
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    look: Look,
}

/// Show the name of the current workspace
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    look: Look,
}

/// Make a workspace, and switch to it
#[derive(Debug, Args)]
struct New {
    /// Copy this state file into it.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    locking: Locking,
    #[command(flatten)]
    look: Look,
    /// Its name.
    name: String,
}

/// Switch to a workspace
#[derive(Debug, Args)]
struct Select {
    /// Make it if there is none.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    or_create: bool,
    #[command(flatten)]
    look: Look,
    /// Its name.
    name: String,
}

/// Delete a workspace and its state
#[derive(Debug, Args)]
struct Delete {
    /// Even if its state has resources, which nobody will manage any more.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    force: bool,
    #[command(flatten)]
    locking: Locking,
    #[command(flatten)]
    look: Look,
    /// Its name.
    name: String,
}

#[derive(Debug, Args)]
struct Locking {
    /// Lock the state.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true",
          value_parser = switch_parser(), value_name = "BOOL")]
    lock: bool,
    /// How long to wait for the lock.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

impl Workspace {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        let done = match self.command {
            Command::List(c) => {
                c.look.set(cx);
                list(cx)
            }
            Command::Show(c) => {
                c.look.set(cx);
                known().map(|()| cx.screen.line(&environment::workspace()))
            }
            Command::New(c) => {
                c.look.set(cx);
                c.run(cx)
            }
            Command::Select(c) => {
                c.look.set(cx);
                c.run(cx)
            }
            Command::Delete(c) => {
                c.look.set(cx);
                c.run(cx)
            }
        };
        done.map_or_else(|d| cx.refuse(d), |()| 0)
    }
}

/// All workspaces, the default one first.
fn all(cx: &Context) -> Result<Vec<String>, Diagnostic> {
    match cx.kept().workspaces()? {
        Some(names) => Ok(names),
        None => Err(Diagnostic::error(
            "No workspaces here",
            format!("The backend \"{}\" holds one state, and has no workspaces.", cx.kept().kind),
        )
        .help(
            "Give each state an address of its own; or use a backend that has workspaces, such as s3 or pg.",
        )),
    }
}

fn overridden() -> bool {
    environment::Real.get("TF_WORKSPACE").is_some()
}

fn failed(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Diagnostic {
    let detail = format!("Could not {what} {}", path.display());
    move |e| Diagnostic::error("The workspace cannot be changed", format!("{detail}: {e}."))
}

fn checked(name: &str) -> Result<(), Diagnostic> {
    if environment::is_workspace_name(name) {
        return Ok(());
    }
    Err(Diagnostic::error(
        "Invalid workspace name",
        format!("\"{name}\" cannot be the name of a workspace: it is empty, or has characters that are not safe in a URL."),
    )
    .help("Use letters, digits, hyphens and underscores."))
}

fn not_overridden() -> Result<(), Diagnostic> {
    if !overridden() {
        return Ok(());
    }
    Err(Diagnostic::error(
        "The workspace is chosen by TF_WORKSPACE",
        "While the environment variable TF_WORKSPACE is set, no other workspace can be selected.",
    )
    .help("Change the variable or unset it, and run this again."))
}

fn unknown(name: &str, names: &[String]) -> Diagnostic {
    let d = Diagnostic::error("Unknown workspace", format!("There is no workspace \"{name}\"."));
    match suggestion(name, names.iter().map(String::as_str)) {
        Some(near) => d.help(format!("Did you mean \"{near}\"?")),
        None => d.help(format!("Make it with formwork workspace new {name}")),
    }
}

/// Refuses where it is not known which workspace is the current one.
fn known() -> Result<(), Diagnostic> {
    environment::workspace_unknown().map_or(Ok(()), Err)
}

/// Remembers the choice.
fn remember(name: &str) -> Result<(), Diagnostic> {
    let path = environment::workspace_file();
    memory::put(&path, name, 0o644).map_err(failed("write", &path))
}

fn list(cx: &Context) -> Result<(), Diagnostic> {
    let current = environment::workspace();
    let lines: String = all(cx)?
        .iter()
        .map(|name| format!("{} {name}\n", if *name == current { "*" } else { " " }))
        .collect();
    cx.screen.line(&lines);
    if overridden() {
        cx.screen
            .line("The active workspace is being overridden using the TF_WORKSPACE environment\nvariable.\n");
    }
    Ok(())
}

/// Makes a workspace that has no state yet.
fn make(cx: &Context, name: &str) -> Result<(), Diagnostic> {
    match &cx.kept().remote {
        Some(remote) => Ok(remote.create(name)?),
        None => {
            let dir = cx.kept().workspaces_dir().join(name);
            std::fs::create_dir_all(&dir).map_err(failed("create", &dir))
        }
    }
}

/// Switches to a workspace that was just made.
fn switch(cx: &Context, name: &str) -> Result<(), Diagnostic> {
    remember(name)?;
    let style = cx.screen.out;
    let title = style.paint(Role::Good, &format!("Created and switched to workspace \"{name}\"!"));
    cx.screen.line(&format!(
        "{title}\n\nYou're now on a new, empty workspace. Workspaces isolate their state,\nso if you run \"formwork plan\" \
         Formwork will not see any existing state\nfor this configuration."
    ));
    Ok(())
}

impl New {
    fn run(self, cx: &Context) -> Result<(), Diagnostic> {
        checked(&self.name)?;
        not_overridden()?;
        let exists = all(cx)?.contains(&self.name);
        let Some(path) = &self.state else {
            if exists {
                return Err(self.exists());
            }
            make(cx, &self.name)?;
            return switch(cx, &self.name);
        };
        let backend = state_of(cx, &self.name)?;
        // One without a state may be what an earlier try left that was cut short.
        let is_blank =
            |state: &State, pending: &[Pending]| state.is_empty() && state.serial == 0 && pending.is_empty();
        if exists {
            let there = backend.peek()?;
            if self.name == "default" || !is_blank(&there.state, &there.pending) {
                return Err(self.exists());
            }
        }
        let text = std::fs::read(path).map_err(failed("read", path))?;
        let state = cx.state_of(&text).map_err(|e| Diagnostic::from(e.in_file(path)))?;
        state.serial_after().map_err(|e| Diagnostic::from(e.in_file(path)))?;
        if !exists {
            make(cx, &self.name)?;
        }
        let mut session = cx.open(&*backend, "workspace new", self.locking.lock())?;
        if !is_blank(session.state(), session.pending()) {
            session.close()?;
            return Err(self.exists());
        }
        session.replace(&state)?;
        session.close()?;
        // Last, so that whoever is in the workspace has its state.
        switch(cx, &self.name)
    }

    /// The workspace is there, and in use.
    fn exists(&self) -> Diagnostic {
        let d = Diagnostic::error(
            "The workspace exists already",
            format!("There is a workspace \"{}\" already.", self.name),
        );
        d.help(format!("Switch to it with formwork workspace select {}", self.name))
    }
}

/// The state of a workspace.
fn state_of(cx: &Context, name: &str) -> Result<Box<dyn Backend>, Diagnostic> {
    Ok(cx.kept().state(cx, name)?)
}

impl Locking {
    fn lock(&self) -> Lock {
        Lock { take: self.lock, timeout: self.lock_timeout }
    }
}

impl Select {
    fn run(self, cx: &Context) -> Result<(), Diagnostic> {
        checked(&self.name)?;
        not_overridden()?;
        let names = all(cx)?;
        if !names.contains(&self.name) {
            if !self.or_create {
                return Err(unknown(&self.name, &names));
            }
            make(cx, &self.name)?;
            return switch(cx, &self.name);
        }
        if self.name != environment::workspace() {
            remember(&self.name)?;
            let text = format!("Switched to workspace \"{}\".", self.name);
            cx.screen.line(&cx.screen.out.paint(Role::Good, &text));
        }
        Ok(())
    }
}

impl Delete {
    fn run(self, cx: &Context) -> Result<(), Diagnostic> {
        checked(&self.name)?;
        known()?;
        let names = all(cx)?;
        if !names.contains(&self.name) {
            return Err(unknown(&self.name, &names));
        }
        if self.name == "default" || self.name == environment::workspace() {
            let why = if self.name == "default" { "always there" } else { "the current one" };
            return Err(Diagnostic::error(
                "The workspace cannot be deleted",
                format!("The workspace \"{}\" is {why}.", self.name),
            )
            .help("Switch to another workspace with formwork workspace select, and delete one that is not in use."));
        }
        let backend = state_of(cx, &self.name)?;
        let session = cx.open(&*backend, "workspace delete", self.locking.lock())?;
        let unsettled = session.pending().len();
        if unsettled > 0 && !self.force {
            session.close()?;
            return Err(Diagnostic::error(
                "Workspace is not settled",
                format!(
                    "An interrupted run left {unsettled} operation(s) in the workspace \"{}\" of which nobody knows yet what came \
                     of them: there may be objects that only its journal tells of.",
                    self.name
                ),
            )
            .help("Settle them with formwork plan in that workspace, or forget them with -force."));
        }
        let tracked: Vec<String> =
            session.state().instances().take(NAMED + 1).map(|(addr, ..)| format!("\n - {addr}")).collect();
        if !tracked.is_empty() && !self.force {
            let more = if tracked.len() > NAMED { "\n - and more" } else { "" };
            session.close()?;
            return Err(Diagnostic::error(
                "Workspace is not empty",
                format!(
                    "The state of workspace \"{}\" has these, which nobody would manage any more:{}{more}",
                    self.name,
                    tracked.iter().take(NAMED).cloned().collect::<String>()
                ),
            )
            .help("Remove them with formwork destroy in that workspace, or forget them with -force."));
        }
        // The lock is held until nothing is left that it could be for.
        match &cx.kept().remote {
            Some(remote) => {
                remote.delete(&self.name)?;
                session.close()?;
            }
            None => {
                let dir = cx.kept().workspaces_dir().join(&self.name);
                std::fs::remove_dir_all(&dir).map_err(failed("remove", &dir))?;
                drop(session);
            }
        }
        let style = cx.screen.out;
        cx.screen.line(&style.paint(Role::Good, &format!("Deleted workspace \"{}\"!", self.name)));
        if !tracked.is_empty() || unsettled > 0 {
            cx.screen.line(&style.paint(
                Role::Warning,
                &format!(
                    "WARNING: \"{}\" was non-empty.\nThe resources managed by the deleted workspace may still exist,\nbut are \
                     no longer manageable by Formwork since the state has\nbeen deleted.",
                    self.name
                ),
            ));
        }
        Ok(())
    }
}

/// How many instances a message names.
const NAMED: usize = 10;
