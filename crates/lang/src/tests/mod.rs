//! Evaluation against recorded answers of Terraform 1.11.4, and what it cannot tell.

mod console;
mod scopes;

use crate::{Lookup, Outcome, Scope, Step, Str, World, eval};
use formwork_diag::{Diagnostic, FileId, Span};
use formwork_syntax::{Expr, parse_expr};
use formwork_value::{Type, Value, display};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A world of a few files.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
}

impl World for Memory {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        self.files.get(path).cloned().ok_or_else(|| "there is no such file".into())
    }

    fn exists(&self, path: &Path) -> Result<bool, String> {
        Ok(self.files.contains_key(path))
    }

    fn walk(&self, dir: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(self.files.keys().filter_map(|f| f.strip_prefix(dir).ok()).map(Path::to_path_buf).collect())
    }

    fn timestamp(&self) -> Option<Str> {
        None
    }

    fn plan_timestamp(&self) -> Option<Str> {
        Some("2026-01-02T03:04:05Z".into())
    }

    fn uuid(&self) -> Option<Str> {
        None
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
            ("ulist", Value::unknown_not_null(Type::list(Type::String))),
            ("secret", Value::from("hunter2").mark(formwork_value::Mark::Sensitive)),
        ]);
        let file = |text: &str| text.as_bytes().to_vec();
        let files = [
            ("/project/a.txt", file("hello\n")),
            ("/project/d/.h", file("")),
            ("/project/d/e/b.txt", file("")),
            ("/project/t.tftpl", file("hi ${name}%{ for x in l }, ${x}%{ endfor }\n")),
            ("/project/loop.tftpl", file("${templatefile(\"loop.tftpl\", {})}")),
            ("/project/bin", vec![0xff]),
        ];
        let world = Memory { files: files.into_iter().map(|(p, b)| (p.into(), b)).collect() };
        Fixed { world, values: [("local", local)].into(), asked: RefCell::default() }
    }
}

impl Scope for Fixed {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        self.asked.borrow_mut().push(format!("{root} {steps:?}"));
        match (root, self.values.get(root)) {
            ("missing", _) => Lookup::Missing,
            ("failed", _) => Lookup::Failed,
            (_, Some(value)) => Lookup::Found(value.clone(), 0),
            _ => Lookup::Error(Diagnostic::error("Unknown name", root).at(span)),
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
    let (outcome, diags) = run(text);
    if diags.is_empty() {
        return display(&outcome.value, 0);
    }
    let all: Vec<String> = diags.iter().map(|d| d.to_string()).collect();
    format!("! {}", all.join(" / "))
}
