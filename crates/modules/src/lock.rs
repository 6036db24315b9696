//! The lock: what was fetched for each source, in a file that belongs with the configuration.

use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_syntax::{Body, ExprKind, parse};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

/// The name of the lock, in the folder of the root module.
pub const LOCK_FILE: &str = ".formwork.lock.hcl";

const HEAD: &str = "\
# What was fetched for the modules of this configuration. formwork init and formwork get keep this file; commit it, so that
# everybody gets the same. To take what is there now instead: formwork get -update
";

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The source.
    pub source: String,
    /// The version, of a registry's module.
    pub version: Option<String>,
}

/// What was fetched from one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The commit, of a repository.
    pub commit: Option<String>,
    /// The digest of everything.
    pub hash: String,
}

/// The lock, by sources without credentials and without the folders behind `//`, and versions of registries' modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    pub entries: BTreeMap<Key, Entry>,
}

impl Lock {
    /// Reads the lock; there may be none.
    pub fn read(path: &Path, sources: &mut Sources) -> Result<Lock, Vec<Diagnostic>> {
        let text = match fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Lock::default()),
            Ok(Err(_)) => return Err(vec![unreadable(path, "it is not UTF-8 text")]),
            Err(e) => return Err(vec![unreadable(path, &e.to_string())]),
        };
        let id = sources.add(path.display().to_string(), text.as_str());
        let (body, mut diags) = parse(id, &text);
        let lock = read_body(&body, &mut diags);
        if has_errors(&diags) { Err(diags) } else { Ok(lock) }
    }

    /// Writes the lock if it has changed; an empty one is no file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if self.entries.is_empty() {
            return match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            };
        }
        let text = self.to_text();
        if fs::read_to_string(path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        fs::write(path, text)
    }

    fn to_text(&self) -> String {
        let mut out = String::from(HEAD);
        for (key, entry) in &self.entries {
            let _ = writeln!(out, "\nmodule {} {{", quoted(&key.source));
            let all = [
                ("version", key.version.as_ref()),
                ("commit", entry.commit.as_ref()),
                ("hash", Some(&entry.hash)),
            ];
            let given: Vec<(&str, &String)> = all.into_iter().filter_map(|(n, v)| Some((n, v?))).collect();
            let width = given.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, value) in given {
                let _ = writeln!(out, "  {name:width$} = {}", quoted(value));
            }
            out.push_str("}\n");
        }
        out
    }
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
    format!("\"{escaped}\"")
}

fn unreadable(path: &Path, why: &str) -> Diagnostic {
    Diagnostic::error("Lock of modules cannot be read", format!("{} cannot be read: {why}.", path.display()))
        .help("Take it from version control again, or remove it and run formwork get.")
}

fn read_body(body: &Body, diags: &mut Vec<Diagnostic>) -> Lock {
    let mut lock = Lock::default();
    for block in &body.blocks {
        let (kind, labels) = (&*block.kind.name, &*block.labels);
        let text = |name: &str| match block.body.attribute(name).map(|a| &a.expr.kind) {
            Some(ExprKind::String(s)) => Some(s.to_string()),
            _ => None,
        };
        match (kind, labels, text("hash")) {
            ("module", [source], Some(hash)) => {
                let key = Key { source: source.name.to_string(), version: text("version") };
                lock.entries.insert(key, Entry { commit: text("commit"), hash });
            }
            _ => diags.push(
                Diagnostic::error(
                    "Invalid lock of modules",
                    "The lock has blocks of the form module \"SOURCE\" { hash = \"h1:…\" }, and this one is another.",
                )
                .help("Take the file from version control again, or remove it and run formwork get.")
                .at(block.header),
            ),
        }
    }
    lock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK_FILE);
        let mut lock = Lock::default();
        for (source, version, commit) in [
            ("git::https://h/a?ref=x", None, Some("c0ffee")),
            ("https://h/\"${x}\\%{y}.zip", None, None),
            ("h/a/b/c", Some("1.0.0"), None),
            ("h/a/b/c", Some("2.0.0"), Some("c0ffee")),
        ] {
            let entry = Entry { commit: commit.map(str::to_owned), hash: "h1:abc=".into() };
            let key = Key { source: source.into(), version: version.map(str::to_owned) };
            lock.entries.insert(key, entry);
        }
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path, &mut Sources::default()), Ok(lock));
        Lock::default().write(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(Lock::read(&path, &mut Sources::default()), Ok(Lock::default()));
        for broken in
            ["module \"x\" {}", "module {\n hash = \"h1:\"\n}", "x {", "module \"a\" {\n hash = 5\n}"]
        {
            fs::write(&path, broken).unwrap();
            assert!(Lock::read(&path, &mut Sources::default()).is_err(), "{broken}");
        }
    }
}
