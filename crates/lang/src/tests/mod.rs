//! Evaluation against recorded answers of Terraform 1.11.4, and what it cannot tell.

mod laws;
mod recorded;
mod scopes;
mod specification;

use crate::{Lookup, Outcome, Scope, Step, Str, World, eval, type_argument, type_text};
use formwork_diag::{Diagnostic, FileId, Span};
use formwork_syntax::{Expr, parse_expr};
use formwork_value::{Type, Value, display};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A world of a few files.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    uuids: AtomicU64,
    /// No time and no identifiers.
    pub(crate) planning: bool,
}

impl World for Memory {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        self.files.get(&crate::scope::clean(path)).cloned().ok_or_else(|| "there is no such file".into())
    }

    fn exists(&self, path: &Path) -> Result<bool, String> {
        let path = crate::scope::clean(path);
        let folder = self.files.keys().any(|f| *f != path && f.starts_with(&path));
        if path.ancestors().skip(1).any(|parent| self.files.contains_key(parent)) {
            return Err("it is below a file".into());
        }
        if folder { Err("it is a folder, not a file".into()) } else { Ok(self.files.contains_key(&path)) }
    }

    fn walk(&self, dir: &Path) -> Result<Vec<PathBuf>, String> {
        let dir = crate::scope::clean(dir);
        Ok(self.files.keys().filter_map(|f| f.strip_prefix(&dir).ok()).map(Path::to_path_buf).collect())
    }

    fn timestamp(&self) -> Option<Str> {
        (!self.planning).then(|| "2026-01-02T03:04:05Z".into())
    }

    fn plan_timestamp(&self) -> Option<Str> {
        Some("2026-01-02T03:04:05Z".into())
    }

    fn uuid(&self) -> Option<Str> {
        let n = self.uuids.fetch_add(1, Ordering::Relaxed);
        (!self.planning).then(|| format!("8f7b4ec7-1b5d-4f6a-9d0e-{n:012x}").into())
    }

    fn cwd(&self) -> PathBuf {
        "/project".into()
    }

    fn home(&self) -> Option<PathBuf> {
        Some("/home/user".into())
    }
}

/// Values by root name; `missing` and `failed` are roots that answer so.
pub(crate) struct Fixed {
    pub(crate) world: Memory,
    pub(crate) values: BTreeMap<&'static str, Value>,
    /// How it was asked.
    pub(crate) asked: RefCell<Vec<String>>,
}

impl Fixed {
    pub(crate) fn new() -> Fixed {
        let unknown = Value::unknown(Type::Dynamic);
        let local = Value::object([
            ("u", unknown.clone()),
            ("nul", Value::NULL),
            ("tpl", "<${x}>".into()),
            ("bad", "<${x".into()),
            ("bomtpl", "\u{feff}<${x}>".into()),
            ("ulist", Value::unknown_not_null(Type::list(Type::String))),
            ("secret", Value::from("hunter2").mark(formwork_value::Mark::Sensitive)),
        ]);
        let path = Value::object([("module", ".".into()), ("root", ".".into()), ("cwd", "/project".into())]);
        let terraform = Value::object([("workspace", "default".into())]);
        let mut world = Memory::default();
        load(&expressions_folder().join("fixture"), Path::new("/project"), &mut world.files);
        world.files.insert("/project/bin".into(), vec![0xff]);
        Fixed {
            world,
            values: [("local", local), ("path", path), ("terraform", terraform)].into(),
            asked: RefCell::default(),
        }
    }
}

/// Where the expressions are that Terraform was asked about, and the files that they read.
pub(crate) fn expressions_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/differential/expressions")
}

fn load(from: &Path, to: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match std::fs::read(&path) {
            Ok(content) => drop(files.insert(to, content)),
            Err(_) => load(&path, &to, files),
        }
    }
}

impl Scope for Fixed {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        self.asked.borrow_mut().push(format!("{root} {steps:?}"));
        match (root, self.values.get(root)) {
            ("missing", _) => Lookup::Missing,
            ("failed", _) => Lookup::Failed,
            ("keyed", _) => Lookup::Error(Diagnostic::error("Unknown key", format!("{steps:?}"))),
            (_, Some(value)) => Lookup::Found(value.clone(), 0),
            _ => Lookup::Error(Diagnostic::error("Unknown name", root).at(span)),
        }
    }

    /// What there is, is declared in file 1, on as many bytes as its name has.
    fn declared(&self, root: &str, steps: &[Step<'_>]) -> Option<Span> {
        match steps.first() {
            Some(Step::Attr(name)) => {
                self.values.get(root)?.get(name).map(|_| Span::new(FileId(1), 0, name.len()))
            }
            _ => None,
        }
    }

    fn world(&self) -> &dyn World {
        &self.world
    }

    fn base_dir(&self) -> &Path {
        Path::new("/project")
    }
}

pub(crate) fn parse(text: &str) -> Expr {
    let (expr, diags) = parse_expr(FileId(0), text);
    match expr {
        Some(expr) if diags.is_empty() => expr,
        _ => panic!("{text}: {diags:?}"),
    }
}

pub(crate) fn run(text: &str) -> (Outcome, Vec<Diagnostic>) {
    let mut diags = Vec::new();
    let outcome = eval(&parse(text), &Fixed::new(), &mut diags);
    (outcome, diags)
}

/// What `terraform console` would print, or `!` and the diagnostics.
pub(crate) fn printed(text: &str) -> String {
    if parse_expr(FileId(0), text).1.iter().any(Diagnostic::is_error) {
        return "! not a valid expression".into();
    }
    let expr = parse(text);
    let mut diags = Vec::new();
    let outcome = eval(type_argument(&expr).unwrap_or(&expr), &Fixed::new(), &mut diags);
    if diags.is_empty() {
        return match type_argument(&expr) {
            Some(_) => type_text(&outcome.value.ty()),
            None => display(&outcome.value, 0),
        };
    }
    let all: Vec<String> = diags.iter().map(|d| d.to_string()).collect();
    format!("! {}", all.join(" / "))
}
