//! Expressions that must stand on their own: defaults and values in variable files.

use formwork_diag::{Diagnostic, Span};
use formwork_lang::{Lookup, Scope, Step, Str, World, eval, references};
use formwork_syntax::{Expr, ExprKind, walk};
use formwork_value::Value;
use std::path::{Path, PathBuf};

/// The value of an expression that may neither refer to anything nor call functions.
pub fn const_eval(expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<Value> {
    let before = diags.len();
    for reference in references(expr) {
        diags.push(
            Diagnostic::error(
                "Variables not allowed",
                format!("\"{}\" is a reference, but this value must stand on its own.", reference.root),
            )
            .at(reference.span)
            .help("Text belongs in quotes. To compute a value from others, use a locals block."),
        );
    }
    walk(expr, &mut |e| {
        if let ExprKind::Call(call) = &e.kind {
            diags.push(
                Diagnostic::error("Function calls not allowed", "Functions cannot be called here.")
                    .at(call.name.span)
                    .help("To compute a value, use a locals block."),
            );
        }
    });
    if diags.len() > before {
        return None;
    }
    let outcome = eval(expr, &Nothing, diags);
    (!outcome.failed).then_some(outcome.value)
}

/// A scope without names, and a world without anything.
#[derive(Debug)]
pub struct Nothing;

impl Scope for Nothing {
    fn lookup(&self, root: &str, _steps: &[Step<'_>], span: Span) -> Lookup {
        Lookup::Error(
            Diagnostic::error("Variables not allowed", format!("\"{root}\" cannot be used here.")).at(span),
        )
    }

    fn world(&self) -> &dyn World {
        self
    }

    fn base_dir(&self) -> &Path {
        Path::new("")
    }
}

impl World for Nothing {
    fn read(&self, _path: &Path) -> Result<Vec<u8>, String> {
        Err("files cannot be read here".into())
    }

    fn exists(&self, _path: &Path) -> Result<bool, String> {
        Err("files cannot be read here".into())
    }

    fn walk(&self, _dir: &Path) -> Result<Vec<PathBuf>, String> {
        Err("files cannot be read here".into())
    }

    fn timestamp(&self) -> Option<Str> {
        None
    }

    fn plan_timestamp(&self) -> Option<Str> {
        None
    }

    fn uuid(&self) -> Option<Str> {
        None
    }

    fn cwd(&self) -> PathBuf {
        PathBuf::new()
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}
