//! The commands: one file each, and its doc comment is its help.

mod apply;
mod console;
mod destroy;
mod fmt;
mod force_unlock;
mod get;
mod graph;
mod import;
mod init;
mod metadata;
pub mod options;
mod output;
mod plan;
mod providers;
mod recover;
mod refresh;
mod show;
pub(crate) mod state;
mod taint;
mod untaint;
mod validate;
mod version;
mod workspace;

use crate::context::Context;
use crate::environment;
use crate::kept;
use crate::variables::Flag;
use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use formwork_diag::Diagnostic;
use formwork_provider::Provider;
use formwork_state::Probe;
use std::sync::Arc;

/// Makes infrastructure as a configuration in the Terraform language says.
///
/// Flags may have one dash or two. `formwork -chdir=DIR COMMAND` works in another folder.
#[derive(Debug, Parser)]
#[command(
    name = "formwork",
    disable_version_flag = true,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
struct Cli {
    /// Show the version.
    #[arg(short = 'v', long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Get(get::Get),
    Validate(validate::Validate),
    Fmt(fmt::Fmt),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Destroy(destroy::Destroy),
    Refresh(refresh::Refresh),
    Show(show::Show),
    Output(output::Output),
    State(state::State),
    Import(import::Import),
    Taint(taint::Taint),
    Untaint(untaint::Untaint),
    ForceUnlock(force_unlock::ForceUnlock),
    Recover(recover::Recover),
    Workspace(workspace::Workspace),
    Providers(providers::Providers),
    Graph(graph::Graph),
    Console(console::Console),
    Metadata(metadata::Metadata),
    Version(version::Version),
}

impl Command {
    /// Whether it works with the state, and has to know where that is before anything else.
    fn wants_state(&self) -> bool {
        match self {
            Command::Init(_)
            | Command::Get(_)
            | Command::Validate(_)
            | Command::Fmt(_)
            | Command::Graph(_)
            | Command::Metadata(_)
            | Command::Version(_) => false,
            // A saved plan says itself where its state is.
            Command::Apply(apply) => !apply.is_saved(),
            Command::Show(show) => !show.is_of_file(),
            _ => true,
        }
    }
}

/// Commands of Terraform's that are still to come.
const NOT_YET: [&str; 7] =
    ["login", "logout", "modules", "providers lock", "providers mirror", "state identities", "test"];

/// The command of [`NOT_YET`] that the arguments ask for.
fn not_yet(args: &[String]) -> Option<String> {
    let mut words = args.iter().skip_while(|a| a.starts_with('-')).take_while(|a| !a.starts_with('-'));
    let first = words.next()?;
    let both = words.next().map(|second| format!("{first} {second}"));
    let known = |name: &str| NOT_YET.contains(&name);
    both.filter(|b| known(b)).or_else(|| Some(first.clone()).filter(|f| known(f)))
}

/// Runs the command that the arguments (without the program's name) name, and gives the exit code.
pub fn run(args: Vec<String>, providers: Vec<Arc<dyn Provider>>, probe: Arc<dyn Probe>) -> u8 {
    let mut cx = Context::new(providers, probe);
    if let Some(command) = not_yet(&args) {
        return cx.refuse(
            Diagnostic::error(
                "Command not available",
                format!(
                    "Terraform has the command \"{command}\"; it is not in this version of Formwork yet."
                ),
            )
            .help("formwork -help lists the commands that there are."),
        );
    }
    let bare = args.is_empty();
    let command = Cli::command();
    let args = std::iter::once("formwork".to_owned()).chain(args);
    let parsed = command.try_get_matches_from(args).and_then(|m| Ok((Cli::from_arg_matches(&m)?, m)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let text = if cx.screen.out.colour {
                error.render().ansi().to_string()
            } else {
                error.render().to_string()
            };
            return match error.kind() {
                ErrorKind::DisplayHelp => {
                    cx.screen.print(&text);
                    0
                }
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                    cx.screen.print(&text);
                    if bare { 127 } else { 1 }
                }
                _ => {
                    cx.screen.complain(&text);
                    1
                }
            };
        }
    };
    if !matches!(cli.command, None | Some(Command::Version(_) | Command::Fmt(_)))
        && let Some(d) = environment::workspace_problem()
    {
        return cx.refuse(d);
    }
    let flags = variable_flags(&matches);
    if cli.command.as_ref().is_some_and(Command::wants_state)
        && let Err(code) = cx.choose(kept::said(&cx, &flags))
    {
        return code;
    }
    match cli.command {
        Some(Command::Init(c)) => c.run(&mut cx, &flags),
        Some(Command::Get(c)) => c.run(&mut cx),
        Some(Command::Validate(c)) => c.run(&mut cx),
        Some(Command::Fmt(c)) => c.run(&mut cx),
        Some(Command::Plan(c)) => c.run(&mut cx, &flags),
        Some(Command::Apply(c)) => c.run(&mut cx, &flags),
        Some(Command::Destroy(c)) => c.run(&mut cx, &flags),
        Some(Command::Refresh(c)) => c.run(&mut cx, &flags),
        Some(Command::Show(c)) => c.run(&mut cx),
        Some(Command::Output(c)) => c.run(&mut cx),
        Some(Command::State(c)) => c.run(&mut cx),
        Some(Command::Import(c)) => c.run(&mut cx, &flags),
        Some(Command::Taint(c)) => c.run(&mut cx),
        Some(Command::Untaint(c)) => c.run(&mut cx),
        Some(Command::ForceUnlock(c)) => c.run(&mut cx),
        Some(Command::Recover(c)) => c.run(&mut cx),
        Some(Command::Workspace(c)) => c.run(&mut cx),
        Some(Command::Providers(c)) => c.run(&mut cx),
        Some(Command::Graph(c)) => c.run(&mut cx),
        Some(Command::Console(c)) => c.run(&mut cx, &flags),
        Some(Command::Metadata(c)) => c.run(&mut cx),
        Some(Command::Version(c)) => c.run(&mut cx),
        None => version::Version::default().run(&mut cx),
    }
}

/// `-var` and `-var-file` in the order in which they stand: later ones win.
fn variable_flags(matches: &ArgMatches) -> Vec<Flag> {
    let Some((_, matches)) = matches.subcommand() else { return Vec::new() };
    let mut found: Vec<(usize, Flag)> = Vec::new();
    let mut collect = |id: &str, make: fn(String) -> Flag| {
        let Ok(Some(values)) = matches.try_get_many::<String>(id) else { return };
        let indices = matches.indices_of(id).into_iter().flatten();
        found.extend(indices.zip(values).map(|(i, v)| (i, make(v.clone()))));
    };
    collect("var", Flag::Var);
    collect("var_file", Flag::File);
    found.sort_by_key(|(i, _)| *i);
    found.into_iter().map(|(_, flag)| flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_still_to_come() {
        let check = |args: &str, expected: Option<&str>| {
            let args: Vec<String> = args.split(' ').map(str::to_owned).collect();
            assert_eq!(not_yet(&args).as_deref(), expected, "{args:?}");
        };
        check("fmt --check", None);
        check("state identities", Some("state identities"));
        check("state mv a b", None);
        check("providers lock", Some("providers lock"));
        check("providers schema --json", None);
        check("providers", None);
        check("apply taint", None);
        check("output test", None);
        check("--version", None);
    }
}
