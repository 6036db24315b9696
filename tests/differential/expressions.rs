//! Expressions: one a line, `#` begins a comment, and `! ` stands before those whose answer differs on purpose.
//!
//! They may refer to what `expressions/fixture/main.tf` declares, and read the files beside it. That the recorded
//! answers are ours too, and that they touch everything there is, the tests of `formwork-lang` check as well.

use crate::{Oracle, common};
use formwork_diag::{Diagnostic, Sources, Span};
use formwork_lang::{Lookup, Scope, Step, World, type_argument, type_text};
use formwork_value::{Map as Values, Type, Value};
use serde_json::{Map, Value as Json, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an expression prints, or the summary of its error.
type Answer = Result<String, String>;

/// The fixture: its files, and its local values.
struct Fixture {
    dir: PathBuf,
    locals: Values,
}

impl Fixture {
    /// The fixture in this folder.
    fn new(dir: PathBuf) -> Result<Fixture, String> {
        let text = std::fs::read_to_string(dir.join("main.tf")).map_err(|e| e.to_string())?;
        let (body, mut diagnostics) =
            formwork_syntax::parse(Sources::default().add("main.tf", &*text), &text);
        let mut fixture = Fixture { dir, locals: Values::new() };
        for attribute in body.blocks_of("locals").flat_map(|block| &block.body.attributes) {
            let value = formwork_lang::eval(&attribute.expr, &fixture, &mut diagnostics).value;
            fixture.locals.insert(attribute.name.name.clone(), value);
        }
        match diagnostics.first() {
            Some(d) => Err(d.to_string()),
            None => Ok(fixture),
        }
    }
}

/// Puts the fixture into a new folder.
fn lay_out(dir: &Path) -> std::io::Result<()> {
    fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let to = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                copy(&entry.path(), &to)?;
            } else {
                std::fs::copy(entry.path(), to)?;
            }
        }
        Ok(())
    }
    copy(&common::repository("tests/differential/expressions/fixture"), dir)?;
    std::fs::write(dir.join("bin"), [0xff])
}

impl World for Fixture {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        std::fs::read(self.dir.join(path)).map_err(|e| e.to_string())
    }

    fn exists(&self, path: &Path) -> Result<bool, String> {
        match std::fs::metadata(self.dir.join(path)) {
            Ok(m) if m.is_file() => Ok(true),
            Ok(_) => Err("it is a folder".into()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e.to_string()),
        }
    }

    fn walk(&self, dir: &Path) -> Result<Vec<PathBuf>, String> {
        fn walk(dir: &Path, root: &Path, found: &mut Vec<PathBuf>) {
            for path in std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()) {
                if path.is_dir() {
                    walk(&path, root, found);
                } else if let Ok(relative) = path.strip_prefix(root) {
                    found.push(relative.to_owned());
                }
            }
        }
        let root = self.dir.join(dir);
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        Ok(found)
    }

    fn timestamp(&self) -> Option<Arc<str>> {
        Some("2026-01-02T03:04:05Z".into())
    }

    fn plan_timestamp(&self) -> Option<Arc<str>> {
        Some("2026-01-02T03:04:05Z".into())
    }

    fn uuid(&self) -> Option<Arc<str>> {
        Some(uuid::Uuid::new_v4().to_string().into())
    }

    fn cwd(&self) -> PathBuf {
        self.dir.clone()
    }

    fn home(&self) -> Option<PathBuf> {
        Some("/home/user".into())
    }
}

impl Scope for Fixture {
    fn lookup(&self, root: &str, steps: &[Step<'_>], span: Span) -> Lookup {
        let value = match (root, steps) {
            ("local", [Step::Attr(name), ..]) => self.locals.get(*name).map(|v| (v.clone(), 1)),
            ("terraform_data", [Step::Attr("unknown"), ..]) => Some((Value::unknown(Type::Dynamic), 1)),
            ("terraform", [Step::Attr("workspace"), ..]) => Some(("default".into(), 1)),
            ("path", [Step::Attr("module" | "root"), ..]) => Some((".".into(), 1)),
            ("path", [Step::Attr("cwd"), ..]) => Some((self.dir.display().to_string().into(), 1)),
            _ => None,
        };
        let unknown = || Diagnostic::error("Unknown name", format!("There is no {root:?} here.")).at(span);
        value.map_or_else(|| Lookup::Error(unknown()), |(value, steps)| Lookup::Found(value, steps))
    }

    fn world(&self) -> &dyn World {
        self
    }

    fn base_dir(&self) -> &Path {
        &self.dir
    }

    fn call_provider_function(&self, name: &str, args: &[Value], span: Span) -> Result<Value, Diagnostic> {
        let unknown = || Diagnostic::error("Unknown provider function", name).at(span);
        let rest = name.strip_prefix("provider::").ok_or_else(unknown)?;
        let (provider, function) = rest.split_once("::").ok_or_else(unknown)?;
        let providers = formwork::providers();
        let mut functions = providers.iter().filter(|p| p.name() == provider).flat_map(|p| p.functions());
        let function = functions.find(|f| f.signature.name == function).ok_or_else(unknown)?;
        function
            .call(args.to_vec())
            .map_err(|e| Diagnostic::error("Error in function call", e.message).at(span))
    }
}

/// What we answer.
fn ours(expression: &str, scope: &Fixture) -> Answer {
    let mut sources = Sources::default();
    let file = sources.add("<expression>", expression);
    let (parsed, mut diagnostics) = formwork_syntax::parse_expr(file, expression);
    let printed = match &parsed {
        Some(expr) if !formwork_diag::has_errors(&diagnostics) => {
            let asked = type_argument(expr);
            let value = formwork_lang::eval(asked.unwrap_or(expr), scope, &mut diagnostics).value;
            if asked.is_some() { type_text(&value.ty()) } else { formwork_value::display(&value, 0) }
        }
        _ => String::new(),
    };
    match diagnostics.iter().find(|d| d.is_error()) {
        Some(d) => Err(d.summary.clone()),
        None => Ok(printed.trim_end_matches('\n').to_owned()),
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

/// Each so-manieth question is asked anew where Terraform is there: it takes its time to start.
const SAMPLE: usize = 40;

/// Checks one file of expressions.
pub fn check(path: &Path, oracle: &Oracle) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let differing: Vec<&str> = lines.clone().filter_map(|l| l.strip_prefix("! ")).collect();
    let expressions: Vec<(usize, &str)> =
        lines.map(|l| l.strip_prefix("! ").unwrap_or(l)).enumerate().collect();
    let temporary = tempfile::tempdir().map_err(|e| e.to_string())?;
    let folder = temporary.path().to_owned();
    let mine = folder.join("mine");
    lay_out(&mine).map_err(|e| e.to_string())?;

    let record = path.with_extension("answers.json");
    let mut recorded: Map<String, Json> = match std::fs::read_to_string(&record) {
        Ok(text) => serde_json::from_str(&text).map_err(|e| format!("{}: {e}", record.display()))?,
        Err(_) => Map::new(),
    };
    // Terraform takes its time to start, so several at once.
    let fresh = common::parallel(2, &expressions, |(index, expression)| {
        let terraform = oracle.fresh(*index, SAMPLE)?;
        let own = folder.join(index.to_string());
        let asked = lay_out(&own).and_then(|()| terraform.console(&own, expression));
        Some(asked.map(|a| to_json(&a)).map_err(|e| e.to_string()))
    });
    let scope = Fixture::new(mine)?;
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

/// What the example of `vault_decrypt` reads: "hunter2" under the password "password".
const SECRET: &str = "$ANSIBLE_VAULT;1.1;AES256
36656131373164643532363962623230616234636662636239623838343839393630663432383664
6463383062363433303838643036323966383030306261360a623066323239303036383739346364
36636332613531393135323664636338313736343065353330613365303461633239646462663630
3939346439663163350a356233643537656131316237316430393830333135366430633235323238
3636
";

/// The examples of providers' functions in the reference give what they promise, or at least no error.
pub fn examples() -> Result<(), String> {
    let temporary = tempfile::tempdir().map_err(|e| e.to_string())?;
    let laid_out =
        lay_out(temporary.path()).and_then(|()| std::fs::write(temporary.path().join("secret.yml"), SECRET));
    laid_out.map_err(|e| e.to_string())?;
    let scope = Fixture::new(temporary.path().to_owned())?;
    let mut problems = Vec::new();
    let mut count = 0;
    for provider in formwork::providers() {
        for function in provider.functions() {
            let signature = &function.signature;
            count += 1;
            let promised = match ours(signature.example, &scope) {
                Ok(_) if signature.example.is_empty() => Err("there is no example".to_owned()),
                Ok(printed) if signature.gives.is_empty() || printed == signature.gives => Ok(()),
                Ok(printed) => Err(format!("gives {printed}, not {}", signature.gives)),
                Err(summary) => Err(format!("fails: {summary}")),
            };
            if let Err(problem) = promised {
                problems.push(format!("{}::{}: {problem}", provider.name(), signature.name));
            }
        }
    }
    match (count, problems.is_empty()) {
        (0, _) => Err("no provider has functions".into()),
        (_, true) => Ok(()),
        (_, false) => Err(problems.join("\n")),
    }
}
