//! End-to-end cases in Markdown.
//!
//! A case is a page that a person can read: prose, files, commands and what they print.
//!
//! - A fenced block whose first line says `file=<name>` is a file; it is written when the run reaches it, so a later
//!   block of the same name is an edit.
//! - A fenced block `console` holds commands, each on a line after `$ `, and below each what it prints: standard
//!   output and standard error together, normalised. `[exit 2]` ends the output of a command that does not exit 0.
//!
//! What was printed is compared as a whole, or written back into the page.

use crate::{Sandbox, normalise};
use std::fmt;
use std::path::{Path, PathBuf};

/// A parsed page.
#[derive(Debug)]
pub struct Case {
    /// The page.
    pub path: PathBuf,
    lines: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    File {
        name: String,
        text: String,
    },
    /// A command, and the range of lines that hold what it should print.
    Command {
        line: String,
        from: usize,
        to: usize,
    },
}

/// How a case failed.
#[derive(Debug)]
pub enum CaseError {
    /// The page makes no sense.
    Page(String),
    /// Something other than the program failed.
    Io(std::io::Error),
    /// A command printed something else.
    Differs {
        /// The command.
        command: String,
        /// What the page says.
        expected: String,
        /// What was printed.
        actual: String,
    },
}

impl From<std::io::Error> for CaseError {
    fn from(e: std::io::Error) -> Self {
        CaseError::Io(e)
    }
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaseError::Page(problem) => f.write_str(problem),
            CaseError::Io(e) => write!(f, "{e}"),
            CaseError::Differs { command, expected, actual } => {
                writeln!(f, "$ {command}")?;
                for change in diff(expected, actual) {
                    writeln!(f, "{change}")?;
                }
                f.write_str("(-: the page, +: now; UPDATE_EXPECT=1 writes the page anew)")
            }
        }
    }
}

/// Lines that were, are, or stayed: enough for a person, by longest common subsequence.
fn diff(a: &str, b: &str) -> Vec<String> {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.lines().collect(), b.lines().collect());
    let mut common = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] =
                if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            out.push(format!("  {}", a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            out.push(format!("- {}", a[i]));
            i += 1;
        } else {
            out.push(format!("+ {}", b[j]));
            j += 1;
        }
    }
    out
}

/// All pages below a folder, in the order of their names.
pub fn cases_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(cases_below(&path)?);
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

impl Case {
    /// Reads a page.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        Self::parse(path, &std::fs::read_to_string(path)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, CaseError> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut steps = Vec::new();
        let mut i = 0;
        while i < lines.len() {
            let ticks = lines[i].bytes().take_while(|b| *b == b'`').count();
            if ticks < 3 {
                i += 1;
                continue;
            }
            let fence = "`".repeat(ticks);
            let info = lines[i][ticks..].trim().to_owned();
            let from = i + 1;
            let to = (from..lines.len()).find(|j| lines[*j].trim_end() == fence).ok_or_else(|| {
                CaseError::Page(format!("line {}: the block that begins here has no end", i + 1))
            })?;
            if info == "console" {
                commands(&lines, from, to, &mut steps)?;
            } else if let Some(name) = info.split_whitespace().find_map(|word| word.strip_prefix("file=")) {
                let text = lines[from..to].iter().map(|l| format!("{l}\n")).collect();
                steps.push(Step::File { name: name.to_owned(), text });
            }
            i = to + 1;
        }
        if !steps.iter().any(|s| matches!(s, Step::Command { .. })) {
            return Err(CaseError::Page(
                "no command in it: a `console` block with a line `$ formwork …`".into(),
            ));
        }
        Ok(Case { path: path.to_owned(), lines, steps })
    }

    /// Its title, or its path if it has none.
    pub fn title(&self) -> String {
        let title = self.lines.iter().find_map(|l| l.strip_prefix("# "));
        title.map_or_else(|| self.path.display().to_string(), str::to_owned)
    }
}

fn commands(lines: &[String], from: usize, to: usize, steps: &mut Vec<Step>) -> Result<(), CaseError> {
    let mut i = from;
    while i < to {
        let Some(line) = lines[i].strip_prefix("$ ") else {
            return Err(CaseError::Page(format!("line {}: a console block begins with `$ `", i + 1)));
        };
        let begins = i + 1;
        i = (begins..to).find(|j| lines[*j].starts_with("$ ")).unwrap_or(to);
        steps.push(Step::Command { line: line.to_owned(), from: begins, to: i });
    }
    Ok(())
}

/// Runs a case. With `update`, what was printed is written into the page; otherwise the first difference is an error.
pub fn run_case(case: &Case, program: &Path, update: bool) -> Result<(), CaseError> {
    let sandbox = Sandbox::new(program)?;
    let folder = sandbox.dir().canonicalize()?.display().to_string();
    let mut written: Vec<String> = Vec::new();
    let mut copied = 0;
    for step in &case.steps {
        match step {
            Step::File { name, text } => sandbox.write(name, text)?,
            Step::Command { line, from, to } => {
                let ran = sandbox.shell(line)?;
                let mut actual = normalise(&ran.output, &folder).trim_end_matches('\n').to_owned();
                match ran.code {
                    Some(0) => {}
                    Some(code) => actual.push_str(&format!("\n[exit {code}]")),
                    None => actual.push_str(&format!("\n[signal {}]", ran.signal.unwrap_or(0))),
                }
                let actual = actual.trim_start_matches('\n').to_owned();
                let expected = case.lines[*from..*to].join("\n").trim_end_matches('\n').to_owned();
                if !update && actual != expected {
                    return Err(CaseError::Differs { command: line.clone(), expected, actual });
                }
                written.extend_from_slice(&case.lines[copied..*from]);
                written.extend(actual.lines().map(str::to_owned));
                // Commands stand apart.
                if case.lines.get(*to).is_some_and(|l| l.starts_with("$ ")) && !actual.is_empty() {
                    written.push(String::new());
                }
                copied = *to;
            }
        }
    }
    if update {
        written.extend_from_slice(&case.lines[copied..]);
        std::fs::write(&case.path, written.join("\n") + "\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Echo\n\n```text file=a.txt\nhello\n```\n\n```console\n$ cat a.txt\nhello\n\n$ formwork x\n\
                        formwork x\n[exit 3]\n```\n";

    fn program(dir: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.join("program");
        std::fs::write(&path, "#!/bin/sh\necho formwork \"$@\"\nexit 3\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn pages_run_and_are_rewritten() {
        let dir = tempfile::tempdir().unwrap();
        let page = dir.path().join("echo.md");
        let program = program(dir.path());
        let case = Case::parse(&page, PAGE).unwrap();
        assert_eq!(case.title(), "Echo");
        run_case(&case, &program, false).unwrap();

        let stale = Case::parse(&page, &PAGE.replace("formwork x\n[exit 3]", "else")).unwrap();
        let Err(CaseError::Differs { actual, .. }) = run_case(&stale, &program, false) else { panic!() };
        assert_eq!(actual, "formwork x\n[exit 3]");
        run_case(&stale, &program, true).unwrap();
        assert_eq!(std::fs::read_to_string(&page).unwrap(), PAGE);
    }

    #[test]
    fn pages_without_sense_are_refused() {
        for page in ["nothing", "```console\nno dollar\n```", "```console\n$ x"] {
            assert!(matches!(Case::parse(Path::new("x.md"), page), Err(CaseError::Page(_))), "{page}");
        }
    }
}
