//! Lines of a terminal: history, completion, and going on while something is open.

use super::open::is_open;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

/// The editor of lines. What was typed is kept while the program runs and not longer: it may hold secrets.
pub type Lines = Editor<Names, MemHistory>;

/// An editor that completes names of the configuration and of functions.
pub fn editor(mut names: Vec<String>) -> rustyline::Result<Lines> {
    names.extend(formwork_lang::functions().keys().map(|name| format!("{name}(")));
    names.extend(["exit", "help", "type("].map(str::to_owned));
    names.sort();
    names.dedup();
    let config = Config::builder().auto_add_history(true).completion_type(CompletionType::List).build();
    let mut editor = Editor::with_history(config.clone(), MemHistory::with_config(&config))?;
    editor.set_helper(Some(Names(names)));
    Ok(editor)
}

/// The next expression; `None` when there are no more.
pub fn read(lines: &mut Lines) -> rustyline::Result<Option<String>> {
    match lines.readline("> ") {
        Ok(line) => Ok(Some(line)),
        Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
        Err(e) => Err(e),
    }
}

/// What can be completed, sorted.
pub struct Names(Vec<String>);

impl Names {
    /// Where the word before the cursor begins, and what it could become.
    fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = line.get(..cursor).unwrap_or(line);
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let start = before
            .char_indices()
            .rev()
            .take_while(|(_, c)| word(*c))
            .last()
            .map_or(before.len(), |(at, _)| at);
        let begun = &before[start..];
        if begun.is_empty() {
            return (start, Vec::new());
        }
        (start, self.0.iter().filter(|name| name.starts_with(begun)).cloned().collect())
    }
}

impl Helper for Names {}
impl Highlighter for Names {}

impl Hinter for Names {
    type Hint = String;
}

impl Validator for Names {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let open = is_open(context.input());
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.complete(line, pos))
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_are_completed() {
        let names = Names(["upper(", "var.a", "var.ab"].map(str::to_owned).into());
        let check = |line: &str, start: usize, expected: &[&str]| {
            assert_eq!(
                names.complete(line, line.len()),
                (start, expected.iter().map(|s| (*s).to_owned()).collect())
            );
        };
        check("1 + var.a", 4, &["var.a", "var.ab"]);
        check("up", 0, &["upper("]);
        check("upper(va", 6, &["var.a", "var.ab"]);
        check("", 0, &[]);
        check("é + zz", 5, &[]);
    }
}
