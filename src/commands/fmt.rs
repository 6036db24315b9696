//! `fmt`

use super::options::{Look, switch_parser};
use crate::context::Context;
use clap::Args;
use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_syntax::{Lenient, format};
use similar::TextDiff;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

/// What the names of files end with that have a layout.
const ENDINGS: [&str; 4] = [".tf", ".tfvars", ".tftest.hcl", ".tfmock.hcl"];

/// Bring configuration files into the usual layout
#[derive(Debug, Args)]
pub struct Fmt {
    /// Files and folders; `-` is standard input. Otherwise the working directory.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// List the files whose layout differs.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true",
          value_parser = switch_parser(), value_name = "BOOL")]
    list: bool,
    /// Write the files whose layout differs.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true",
          value_parser = switch_parser(), value_name = "BOOL")]
    write: bool,
    /// Show what differs.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    diff: bool,
    /// Write nothing; the exit code is 3 when a layout differs.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    check: bool,
    /// Folders with all that is in them.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    recursive: bool,
    #[command(flatten)]
    look: Look,
}

impl Fmt {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        let is_input = self.targets.first().is_some_and(|target| target == "-");
        let mut work = Work {
            list: self.list && !is_input,
            write: self.write && !is_input && !self.check,
            diff: self.diff,
            recursive: self.recursive,
            whole: false,
            out: Vec::new(),
            differs: false,
            diags: Vec::new(),
            sources: Sources::default(),
        };
        work.whole = !(work.list || work.write || work.diff || self.check);
        match is_input {
            true => work.input(),
            false if self.targets.is_empty() => work.folder(Path::new("")),
            false => self.targets.iter().for_each(|target| work.target(target)),
        }
        let failed = has_errors(&work.diags);
        // A check that could not look at everything says nothing about the rest.
        if !(failed && self.check) {
            cx.screen.bytes(&work.out);
        }
        cx.screen.diagnostics(&work.diags, &work.sources);
        match (failed, self.check && work.differs) {
            (true, _) => 2,
            (false, true) => 3,
            (false, false) => 0,
        }
    }
}

/// What was asked for, and what was found.
struct Work {
    list: bool,
    write: bool,
    diff: bool,
    recursive: bool,
    /// Show the texts in their layout.
    whole: bool,
    out: Vec<u8>,
    differs: bool,
    diags: Vec<Diagnostic>,
    sources: Sources,
}

impl Work {
    fn problem(&mut self, summary: &str, detail: String, help: &str) {
        self.diags.push(Diagnostic::error(summary, detail).help(help));
    }

    fn input(&mut self) {
        let mut bytes = Vec::new();
        match io::stdin().lock().read_to_end(&mut bytes) {
            Ok(_) => {
                self.text("<stdin>", &bytes);
            }
            Err(e) => {
                self.problem("Cannot read standard input", format!("It says: {e}."), "Give a file instead.")
            }
        }
    }

    fn target(&mut self, target: &str) {
        let path = match std::env::current_dir() {
            Ok(here) => seen_from(&here, Path::new(target)),
            Err(_) => PathBuf::from(target),
        };
        let is_folder = path.as_os_str().is_empty() || path.is_dir();
        if is_folder {
            self.folder(&path);
        } else if !path.exists() {
            self.problem(
                "No such file or folder",
                format!("There is no file or folder \"{target}\"."),
                "Paths are relative to the working directory.",
            );
        } else if has_layout(&path.to_string_lossy()) {
            self.file(&path);
        } else {
            self.problem(
                "Not a configuration file",
                format!("\"{target}\" has none of the endings {}.", ENDINGS.join(", ")),
                "Only files in the language's own syntax have a layout; JSON has not.",
            );
        }
    }

    fn folder(&mut self, folder: &Path) {
        let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut entries: Vec<_> = match shown.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            // A link to a folder is none here: it may lead anywhere.
            Ok(entries) => entries
                .into_iter()
                .map(|entry| (entry.file_name(), entry.file_type().is_ok_and(|kind| kind.is_dir())))
                .collect(),
            Err(e) => {
                return self.problem(
                    "Cannot read folder",
                    format!("The content of \"{}\" cannot be listed: {e}.", shown.display()),
                    "See whether you may read it.",
                );
            }
        };
        entries.sort();
        for (name, is_folder) in entries {
            let path = folder.join(&name);
            let name = name.to_string_lossy();
            let ignored = name.starts_with('.')
                || name.ends_with('~')
                || (name.starts_with('#') && name.ends_with('#'));
            if ignored {
                continue;
            }
            if is_folder {
                if self.recursive {
                    self.folder(&path);
                }
            } else if has_layout(&name) {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let name = path.to_string_lossy();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                return self.problem(
                    "Cannot read file",
                    format!("\"{name}\" cannot be read: {e}."),
                    "See whether you may read it.",
                );
            }
        };
        let Some((differs, formatted)) = self.text(&name, &bytes) else { return };
        if differs
            && self.write
            && let Err(e) = std::fs::write(path, formatted)
        {
            self.problem(
                "Cannot write file",
                format!("\"{name}\" cannot be written: {e}."),
                "See whether you may write it; -write=false only lists what differs.",
            );
        }
    }

    /// Whether the layout of a text differs, and the text in its layout. What was asked for is shown.
    fn text(&mut self, name: &str, bytes: &[u8]) -> Option<(bool, Vec<u8>)> {
        let read = match Lenient::read(bytes) {
            Ok(read) => read,
            Err(at) => {
                self.problem(
                    "Invalid character encoding",
                    format!("\"{name}\" is not UTF-8: what is wrong begins at byte {at}."),
                    "Save it as UTF-8.",
                );
                return None;
            }
        };
        let file = self.sources.add(name, read.text.as_str());
        let formatted = match format(file, &read.text) {
            Ok(formatted) => formatted,
            Err(diags) => {
                self.diags.extend(diags);
                return None;
            }
        };
        let formatted = read.bytes(&formatted);
        let differs = formatted != bytes;
        if differs {
            self.differs = true;
            if self.list {
                let _ = writeln!(self.out, "{name}");
            }
            if self.diff {
                let diff = TextDiff::from_lines(bytes, &formatted);
                let (old, new) = (format!("old/{name}"), format!("new/{name}"));
                let _ = diff.unified_diff().context_radius(3).header(&old, &new).to_writer(&mut self.out);
            }
        }
        if self.whole {
            self.out.extend_from_slice(&formatted);
            if !formatted.ends_with(b"\n") {
                self.out.push(b'\n');
            }
        }
        Some((differs, formatted))
    }
}

/// The shortest path from a folder to a target, by their texts alone.
fn seen_from(here: &Path, target: &Path) -> PathBuf {
    let mut full = PathBuf::new();
    for component in here.join(target).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                full.pop();
            }
            other => full.push(other),
        }
    }
    let common = here.components().zip(full.components()).take_while(|(a, b)| a == b).count();
    let up = here.components().skip(common).map(|_| Component::ParentDir);
    up.chain(full.components().skip(common)).collect()
}

fn has_layout(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::seen_from;
    use std::path::Path;

    #[test]
    fn paths_are_short() {
        let check = |target: &str, path: &str| {
            assert_eq!(seen_from(Path::new("/a/b"), Path::new(target)), Path::new(path), "{target}");
        };
        check("", "");
        check(".", "");
        check("/a/b", "");
        check("/a/b/c.tf", "c.tf");
        check("./c/../d.tf", "d.tf");
        check("../b/c//d.tf", "c/d.tf");
        check("c/", "c");
        check("..", "..");
        check("../bc/d.tf", "../bc/d.tf");
        check("/e/f.tf", "../../e/f.tf");
        check("/../..", "../..");
    }
}
