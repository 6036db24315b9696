//! What the evaluator asks of its caller: references, and the world outside.

use crate::Str;
use formwork_diag::{Diagnostic, Span};
use formwork_value::Value;
use std::path::{Path, PathBuf};

/// The one door to the outside: files, the clock, randomness, the user's folders. Errors are short texts for
/// people, without the path (whoever asked knows it).
pub trait World: Send + Sync {
    /// The content of a file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, String>;

    /// Whether there is a regular file. Something else of that name (a folder) is an error.
    fn exists(&self, path: &Path) -> Result<bool, String>;

    /// All regular files below a folder, at any depth, relative to it. A folder that does not exist has none.
    fn walk(&self, dir: &Path) -> Result<Vec<PathBuf>, String>;

    /// The files below a folder that a pattern of `fileset` matches, relative to it.
    fn list(&self, dir: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
        Ok(crate::functions::matching(pattern, self.walk(dir)?))
    }

    /// The current time in UTC, as in `2006-01-02T15:04:05Z`. `None` while planning: the result is unknown then.
    fn timestamp(&self) -> Option<Str>;

    /// The time at which the plan was made, as in `2006-01-02T15:04:05Z`. `None` outside of a plan.
    fn plan_timestamp(&self) -> Option<Str>;

    /// A new random UUID. `None` while planning: the result is unknown then.
    fn uuid(&self) -> Option<Str>;

    /// The working directory.
    fn cwd(&self) -> PathBuf;

    /// The user's home directory, if there is one.
    fn home(&self) -> Option<PathBuf>;

    /// The path as an absolute one, without `.` and `..` in it; symbolic links stay.
    fn abspath(&self, path: &Path) -> PathBuf {
        clean(&self.cwd().join(path))
    }
}

/// One step of a reference, its index already evaluated and free of marks.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'a> {
    /// `.name`
    Attr(&'a str),
    /// `[key]`: a known string or number.
    Index(Value),
}

/// What a [`Scope`] says to a reference.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// The value, and how many of the steps led to it; the evaluator applies the others.
    Found(Value, usize),
    /// Not ready. The outcome of this pass is `missing`, and the expression is to be evaluated again.
    Missing,
    /// What is referred to failed, and that was reported already.
    Failed,
    /// There is no such thing, or it cannot be referred to here.
    Error(Diagnostic),
}

/// Where references lead.
pub trait Scope {
    /// The value of a reference: `root` is its first name, `steps` is as much of what follows as has known keys.
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup;

    /// Where the object is declared that a reference leads to: for messages about what it is not fit for. `None` if
    /// there is no such object, or no place.
    fn declared(&self, root: &str, steps: &[Step<'_>]) -> Option<Span> {
        let _ = (root, steps);
        None
    }

    /// The world outside.
    fn world(&self) -> &dyn World;

    /// The folder that relative paths in file functions start from: the working directory.
    fn base_dir(&self) -> &Path;

    /// Calls `provider::local_name::function`.
    fn call_provider_function(&self, name: &str, args: &[Value], span: Span) -> Result<Value, Diagnostic> {
        let _ = args;
        Err(Diagnostic::error("Unknown function", format!("No provider here has a function named {name:?}."))
            .help("Functions of providers are written provider::<local name>::<function>, and only providers that the module requires have any.")
            .at(span))
    }
}

/// A path without `.`, `..` and doubled separators, resolved by its text alone.
pub(crate) fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => out.push(".."),
            },
            part => out.push(part),
        }
    }
    if out.as_os_str().is_empty() {
        out.push(".");
    }
    out
}
