//! Expressions: one a line, `#` begins a comment, and `! ` stands before those whose answer differs on purpose.

use crate::{Oracle, common};
use formwork_diag::{Diagnostic, Sources, Span};
use formwork_lang::{Lookup, Scope, Step, World};
use serde_json::{Map, Value as Json, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an expression prints, or the summary of its error.
type Answer = Result<String, String>;

/// Nothing can be referred to; files are those of an empty folder.
struct Empty(PathBuf);

impl World for Empty {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        std::fs::read(self.0.join(path)).map_err(|e| e.to_string())
    }

    fn exists(&self, path: &Path) -> Result<bool, String> {
        Ok(self.0.join(path).is_file())
    }

    fn walk(&self, _: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(Vec::new())
    }

    fn timestamp(&self) -> Option<Arc<str>> {
        None
    }

    fn plan_timestamp(&self) -> Option<Arc<str>> {
        None
    }

    fn uuid(&self) -> Option<Arc<str>> {
        None
    }

    fn cwd(&self) -> PathBuf {
        self.0.clone()
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}

impl Scope for Empty {
    fn lookup(&self, root: &str, _: &[Step<'_>], span: Span) -> Lookup {
        Lookup::Error(Diagnostic::error("Unknown name", format!("There is no {root:?} here.")).at(span))
    }

    fn world(&self) -> &dyn World {
        self
    }

    fn base_dir(&self) -> &Path {
        &self.0
    }
}

/// What we answer.
fn ours(expression: &str, scope: &Empty) -> Answer {
    let mut sources = Sources::default();
    let file = sources.add("<expression>", expression);
    let (parsed, mut diagnostics) = formwork_syntax::parse_expr(file, expression);
    let value = match &parsed {
        Some(expr) if !formwork_diag::has_errors(&diagnostics) => {
            formwork_lang::eval(expr, scope, &mut diagnostics).value
        }
        _ => formwork_value::Value::NULL,
    };
    match diagnostics.iter().find(|d| d.is_error()) {
        Some(d) => Err(d.summary.clone()),
        None => Ok(formwork_value::display(&value, 0)),
    }
}

fn to_json(answer: &Answer) -> Json {
    match answer {
        Ok(printed) => json!({ "prints": printed }),
        Err(summary) => json!({ "error": summary }),
    }
}

/// Whether two answers agree: errors do, whatever their words.
fn agree(a: &Json, b: &Json) -> bool {
    a["prints"] == b["prints"] && a["error"].is_string() == b["error"].is_string()
}

fn show(answer: &Json) -> String {
    match (answer["prints"].as_str(), answer["error"].as_str()) {
        (Some(printed), _) => printed.replace('\n', "\n      "),
        (_, Some(summary)) => format!("error: {summary}"),
        _ => "no answer recorded".into(),
    }
}

/// Checks one file of expressions.
pub fn check(path: &Path, oracle: &Oracle) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let differing: Vec<&str> = lines.clone().filter_map(|l| l.strip_prefix("! ")).collect();
    let expressions: Vec<(usize, &str)> =
        lines.map(|l| l.strip_prefix("! ").unwrap_or(l)).enumerate().collect();
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let empty = folder.path().to_owned();

    let record = path.with_extension("answers.json");
    let mut recorded: Map<String, Json> = match std::fs::read_to_string(&record) {
        Ok(text) => serde_json::from_str(&text).map_err(|e| format!("{}: {e}", record.display()))?,
        Err(_) => Map::new(),
    };
    // Terraform takes its time to start, so several at once.
    let fresh = common::parallel(2, &expressions, |(index, expression)| {
        let terraform = oracle.fresh(*index, 12)?;
        let own = empty.join(index.to_string());
        let asked = std::fs::create_dir(&own).and_then(|()| terraform.console(&own, expression));
        Some(asked.map(|a| to_json(&a)).map_err(|e| e.to_string()))
    });
    let scope = Empty(empty);
    let mut problems = Vec::new();
    for ((_, expression), fresh) in expressions.iter().zip(fresh) {
        if let Some(fresh) = fresh.transpose()? {
            let old = recorded.insert((*expression).to_owned(), fresh.clone());
            if !oracle.update && old.is_some_and(|old| !agree(&old, &fresh)) {
                problems.push(format!("{expression}\n  Terraform has changed its mind: {}", show(&fresh)));
            }
        }
        let theirs = recorded.get(*expression).cloned().unwrap_or(Json::Null);
        let ours = to_json(&ours(expression, &scope));
        let agreed = agree(&ours, &theirs) != differing.contains(expression);
        if !agreed {
            problems.push(format!(
                "{expression}\n  Terraform: {}\n  Formwork:  {}",
                show(&theirs),
                show(&ours)
            ));
        }
    }
    if oracle.update && oracle.terraform.is_some() {
        recorded.retain(|question, _| expressions.iter().any(|(_, e)| e == question));
        let text = serde_json::to_string_pretty(&recorded).map_err(|e| e.to_string())?;
        std::fs::write(&record, text + "\n").map_err(|e| e.to_string())?;
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("{} of {} expressions differ:\n\n{}", problems.len(), expressions.len(), problems.join("\n")))
}
