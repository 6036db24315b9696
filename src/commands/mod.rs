//! The commands: one file each, and its doc comment is its help.

mod apply;
mod completion;
mod console;
mod destroy;
mod fmt;
mod force_unlock;
mod get;
mod graph;
mod import;
mod init;
mod man;
mod metadata;
pub mod options;
mod output;
mod plan;
mod providers;
mod recover;
mod refresh;
mod request;
mod show;
pub(crate) mod state;
mod taint;
mod untaint;
mod validate;
mod version;
mod workspace;

pub(crate) use metadata::result_type;

use crate::context::Context;
use crate::environment;
use crate::kept;
use crate::variables::Flag;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use formwork_diag::Diagnostic;
use formwork_provider::Provider;
use formwork_state::Probe;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// Makes infrastructure as a configuration in the Terraform language says.
///
/// Flags may have one dash or two. `formwork -chdir=DIR COMMAND` works in another folder.
#[derive(Debug, Parser)]
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
    Completion(completion::Completion),
    #[command(name = "__complete", hide = true)]
    Complete(completion::Complete),
    Man(man::Man),
    Version(version::Version),
}

/// Adds the arguments of a command.
type Augment = fn(clap::Command) -> clap::Command;

/// Commands that are run often, and by programs. Describing the arguments of all commands takes as long as many a plan.
const ALONE: [(&str, Augment); 8] = [
    ("apply", apply::Apply::augment_args),
    ("console", console::Console::augment_args),
    ("destroy", destroy::Destroy::augment_args),
    ("fmt", fmt::Fmt::augment_args),
    ("plan", plan::Plan::augment_args),
    ("show", show::Show::augment_args),
    ("validate", validate::Validate::augment_args),
    ("version", version::Version::augment_args),
];

/// What the arguments may be: all commands, or only the one that they name.
fn grammar(args: &[String]) -> clap::Command {
    let alone = args.first().and_then(|name| ALONE.iter().find(|(known, _)| known == name));
    match alone {
        Some((name, augment)) => {
            let version = Arg::new("version").short('v').long("version").action(ArgAction::SetTrue);
            let command = augment(clap::Command::new(*name));
            root(clap::Command::default().arg(version).subcommand(command))
        }
        None => root(Cli::command()),
    }
}

/// What the whole of it is called, whatever it consists of.
fn root(command: clap::Command) -> clap::Command {
    command
        .name("formwork")
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .arg_required_else_help(true)
        // Whoever wraps the program adds flags: the last one counts, as for Terraform.
        .args_override_self(true)
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
            | Command::Completion(_)
            | Command::Complete(_)
            | Command::Man(_)
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

/// The command line, for whoever tells of it. Built, so that it is complete.
pub fn cli() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// Runs the command that the arguments (without the program's name) name, and gives the exit code.
pub fn run(args: Vec<String>, providers: Vec<Arc<dyn Provider>>, probe: Arc<dyn Probe>) -> u8 {
    // It is there until the process ends.
    let mut cx = ManuallyDrop::new(Context::new(providers, probe));
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
    let command = grammar(&args);
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
    match &cli.command {
        Some(Command::Plan(c)) => c.begin(&mut cx),
        Some(Command::Apply(c)) => c.begin(&mut cx),
        Some(Command::Destroy(c)) => c.begin(&mut cx),
        Some(Command::Refresh(c)) => c.begin(&mut cx),
        _ => {}
    }
    let anywhere = |c: &Command| {
        matches!(
            c,
            Command::Version(_)
                | Command::Fmt(_)
                | Command::Completion(_)
                | Command::Complete(_)
                | Command::Man(_)
        )
    };
    // By this command the current one is selected again when it is not known.
    let selects = matches!(cli.command, Some(Command::Workspace(_)));
    let unknown = || if selects { None } else { environment::workspace_unknown() };
    if !cli.command.as_ref().is_none_or(anywhere)
        && let Some(d) = environment::workspace_problem().or_else(unknown)
    {
        return cx.refuse(d);
    }
    let flags = variable_flags(&matches);
    cx.given.clone_from(&flags);
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
        Some(Command::Completion(c)) => c.run(&cx),
        Some(Command::Complete(c)) => c.run(&cx),
        Some(Command::Man(c)) => c.run(&cx),
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

    #[test]
    fn a_command_alone_reads_its_arguments_as_among_all_others() {
        let said = |mut command: clap::Command, args: &[&str]| {
            let args = std::iter::once("formwork").chain(args.iter().copied());
            match command.try_get_matches_from_mut(args) {
                Ok(matches) => {
                    format!("{:?} {:?}", Cli::from_arg_matches(&matches), variable_flags(&matches))
                }
                Err(error) => error.render().ansi().to_string(),
            }
        };
        for (name, _) in ALONE {
            let few = grammar(&[name.to_owned()]);
            assert_eq!(few.get_subcommands().count(), 1, "{name}");
            for args in [
                vec![],
                vec!["--help"],
                vec!["-h"],
                vec!["--no-color"],
                vec!["--nonsense"],
                vec!["--version"],
                vec!["--json=maybe"],
                vec!["--var", "a=b", "--var-file", "f", "--var", "c=d", "--target", "x.y"],
                vec!["one", "two", "three"],
                vec!["plan"],
            ] {
                let args: Vec<&str> = std::iter::once(name).chain(args).collect();
                assert_eq!(said(few.clone(), &args), said(root(Cli::command()), &args), "{args:?}");
            }
        }
        assert!(grammar(&["state".to_owned()]).get_subcommands().count() > 20);
    }
}
