//! Arguments as they come: one dash or two, extra ones from the environment, `-chdir`.

mod rewrite;
mod words;

pub use rewrite::two_dashes;

use std::ffi::OsString;
use std::path::PathBuf;
use words::{Unclosed, split};

/// Environment variables, in a form that tests can make up.
pub trait Environment {
    /// The value of a variable.
    fn get(&self, name: &str) -> Option<String>;
}

/// The arguments after the global ones were taken out.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// `-chdir`
    pub chdir: Option<PathBuf>,
    /// The command and what follows, with two dashes before long flags.
    pub rest: Vec<String>,
}

/// Why the arguments cannot be taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Not Unicode.
    NotUnicode(OsString),
    /// `-chdir` without a folder.
    Chdir,
    /// A variable with a quote that does not close.
    Variable(String),
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Invalid::NotUnicode(arg) => write!(f, "The argument {arg:?} is not valid Unicode."),
            Invalid::Chdir => f.write_str("The option -chdir needs a folder: -chdir=DIR"),
            Invalid::Variable(name) => {
                write!(f, "The environment variable {name} has a quotation mark that does not close.")
            }
        }
    }
}

/// Commands that have commands below them.
const NESTED: [&str; 4] = ["metadata", "providers", "state", "workspace"];

/// Takes `-chdir` out, puts the words of `TF_CLI_ARGS` and `TF_CLI_ARGS_<command>` behind the command, and gives long flags two
/// dashes. `args` is without the program's name.
pub fn gather(args: impl IntoIterator<Item = OsString>, env: &dyn Environment) -> Result<Arguments, Invalid> {
    let mut out = Arguments { chdir: None, rest: Vec::new() };
    let mut args = args.into_iter().map(|a| a.into_string().map_err(Invalid::NotUnicode));
    let mut command: Vec<String> = Vec::new();
    for arg in args.by_ref() {
        let arg = arg?;
        let bare = arg.trim_start_matches('-');
        if let Some(dir) = bare.strip_prefix("chdir=").filter(|_| arg.starts_with('-')) {
            if dir.is_empty() {
                return Err(Invalid::Chdir);
            }
            out.chdir = Some(dir.into());
        } else if arg.starts_with('-') && bare == "chdir" {
            return Err(Invalid::Chdir);
        } else if arg.starts_with('-') {
            out.rest.push(two_dashes(&arg));
        } else {
            command.push(arg);
            break;
        }
    }
    let mut rest: Vec<String> = args.collect::<Result<_, _>>()?;
    if let Some(first) = command.first()
        && NESTED.contains(&first.as_str())
        && rest.first().is_some_and(|a| !a.starts_with('-'))
    {
        command.push(rest.remove(0));
    }
    // What shells ask for is nothing that a user has typed.
    if command.first().is_some_and(|c| !c.starts_with("__")) {
        let mut extra = words_of(&format!("TF_CLI_ARGS_{}", command.join("_")), env)?;
        extra.extend(words_of("TF_CLI_ARGS", env)?);
        rest.splice(0..0, extra);
    }
    out.rest.extend(command);
    out.rest.extend(rewrite::all(rest));
    Ok(out)
}

fn words_of(name: &str, env: &dyn Environment) -> Result<Vec<String>, Invalid> {
    match env.get(name) {
        None => Ok(Vec::new()),
        Some(text) => split(&text).map_err(|Unclosed| Invalid::Variable(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake(&'static [(&'static str, &'static str)]);
    impl Environment for Fake {
        fn get(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned())
        }
    }

    fn check(args: &str, env: &'static [(&'static str, &'static str)], expected: &str) {
        let given = args.split(' ').filter(|a| !a.is_empty()).map(OsString::from);
        let found = gather(given, &Fake(env)).expect("valid");
        let chdir = found.chdir.map_or(String::new(), |d| format!("[{}] ", d.display()));
        assert_eq!(format!("{chdir}{}", found.rest.join(" ")), expected);
    }

    #[test]
    fn takes_both_kinds_of_dashes() {
        check("plan -out=p --refresh=false -var a=-b", &[], "plan --out=p --refresh=false --var a=-b");
        check("-chdir=x plan -out p", &[], "[x] plan --out p");
        check("-version", &[], "--version");
        check("apply -auto-approve -h -", &[], "apply --auto-approve -h -");
        check("state show -state=x a.b", &[], "state show --state=x a.b");
        check("output -raw -- -json", &[], "output --raw -- -json");
        check("plan -out= --state= -refresh", &[], "plan --refresh");
        check("plan -var -x=1 -target -y", &[], "plan --var -x=1 --target -y");
    }

    #[test]
    fn adds_what_the_environment_says() {
        let env = &[
            ("TF_CLI_ARGS", "-no-color"),
            ("TF_CLI_ARGS_plan", "-var 'a=b c'"),
            ("TF_CLI_ARGS_state_list", "-id=x"),
        ];
        check("plan -out=p", env, "plan --var a=b c --no-color --out=p");
        check("state list y", env, "state list --id=x --no-color y");
        check("__complete bash x", &[("TF_CLI_ARGS", "-no-color")], "__complete bash x");
        let unclosed = Fake(&[("TF_CLI_ARGS", "'a")]);
        assert_eq!(gather(["plan".into()], &unclosed), Err(Invalid::Variable("TF_CLI_ARGS".into())));
    }
}
