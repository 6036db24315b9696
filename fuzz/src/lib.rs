//! What each target does with its input. The ordinary tests do the same with the seeds (`tests/seeds.rs`).

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test is at the edge")]

use formwork_config::MemoryFiles;
use formwork_diag::{Diagnostic, FileId, Span};
use formwork_lang::{CallCx, Lookup, Scope, Step, World, eval, functions};
use formwork_value::{Mark, Type, Value, json as value_json};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub mod seeds;

const FILE: FileId = FileId(0);

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Spans lie within the text, at the borders of characters.
fn within(text: &str, diags: &[Diagnostic]) {
    for span in diags.iter().filter_map(|d| d.span) {
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} of {}", text.len());
    }
}

/// A file of a configuration, of variables, an expression, a template: diagnostics, or a tree; and the formatter.
pub fn parser(data: &[u8]) {
    let Some(text) = text(data) else {
        assert!(formwork_syntax::decode(data).is_err());
        return;
    };
    let (_, diags) = formwork_syntax::parse(FILE, text);
    within(text, &diags);
    if let Ok(once) = formwork_syntax::format(FILE, text) {
        let twice = formwork_syntax::format(FILE, &once);
        assert_eq!(twice.as_ref().ok(), Some(&once), "formatting twice changes something");
    }
    within(text, &formwork_syntax::parse_expr(FILE, text).1);
    within(text, &formwork_syntax::parse_template(FILE, text).1);
    let files = MemoryFiles([(PathBuf::from("main.tf"), data.to_vec())].into());
    let loaded = formwork_config::load(Path::new(""), &files);
    assert!(loaded.config.is_some() || loaded.diagnostics.iter().any(Diagnostic::is_error));
}

/// A file of a configuration in JSON.
pub fn json(data: &[u8]) {
    let files = MemoryFiles([(PathBuf::from("main.tf.json"), data.to_vec())].into());
    let loaded = formwork_config::load(Path::new(""), &files);
    assert!(loaded.config.is_some() || loaded.diagnostics.iter().any(Diagnostic::is_error));
    if let Some(text) = text(data) {
        let (_, diags) = formwork_syntax::json_value(FILE, text);
        within(text, &diags);
        // Both readers of JSON agree on what is well-formed wherever the stricter one does.
        if let Ok(value) = value_json::decode_implied(text)
            && !value.holds_infinity()
        {
            let written = value_json::to_string(&value).expect("what was read is known");
            assert_eq!(value_json::decode_implied(&written).as_ref(), Ok(&value));
        }
    }
}

/// Values of every kind, and no world outside.
struct Fixed;

impl Scope for Fixed {
    fn lookup(&self, root: &str, _: &[Step<'_>], span: Span) -> Lookup {
        let value = match root {
            "s" => Value::string("some, text"),
            "n" => Value::from(42),
            "l" => Value::tuple(vec![Value::from(1), Value::string("b"), Value::NULL]),
            "o" => Value::object([("a", Value::from(1)), ("b", Value::string("x"))]),
            "u" => Value::unknown(Type::String),
            "d" => Value::unknown(Type::Dynamic),
            "ul" => Value::unknown(Type::list(Type::String)),
            "secret" => Value::string("hidden").mark(Mark::Sensitive),
            "null_" => Value::null(Type::Number),
            "var" | "local" => Value::object([("x", Value::from(true)), ("y", Value::unknown(Type::Number))]),
            "missing" => return Lookup::Missing,
            _ => return Lookup::Error(Diagnostic::error("Unknown name", root).at(span)),
        };
        Lookup::Found(value, 0)
    }

    fn world(&self) -> &dyn World {
        &Nothing
    }

    fn base_dir(&self) -> &Path {
        Path::new("/")
    }
}

struct Nothing;

impl World for Nothing {
    fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
        Ok(b"${s} and ${n}".to_vec())
    }

    fn exists(&self, _: &Path) -> Result<bool, String> {
        Ok(false)
    }

    fn walk(&self, _: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec!["a/b.txt".into(), "c.txt".into()])
    }

    fn timestamp(&self) -> Option<formwork_lang::Str> {
        None
    }

    fn plan_timestamp(&self) -> Option<formwork_lang::Str> {
        Some("2024-02-29T23:59:59Z".into())
    }

    fn uuid(&self) -> Option<formwork_lang::Str> {
        None
    }

    fn cwd(&self) -> PathBuf {
        "/".into()
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}

/// An expression, over values of every kind. What comes out can be shown, and written if it is known.
pub fn evaluator(data: &[u8]) {
    let Some(text) = text(data) else { return };
    // Made to be slow: that is what it is for.
    if text.contains("bcrypt") {
        return;
    }
    let (Some(expr), diags) = formwork_syntax::parse_expr(FILE, text) else { return };
    if diags.iter().any(Diagnostic::is_error) {
        return;
    }
    let mut diags = Vec::new();
    let outcome = eval(&expr, &Fixed, &mut diags);
    within(text, &diags);
    assert!(
        !outcome.failed || outcome.missing || diags.iter().any(Diagnostic::is_error),
        "it failed without a word"
    );
    let said = diags.iter().any(|d| d.summary.contains("hidden") || d.detail.contains("hidden"));
    assert!(
        !said || text.contains("hidden") || text.contains("nonsensitive"),
        "a secret was told: {diags:?}"
    );
    if outcome.failed || outcome.missing || outcome.value.check_size().is_err() {
        return;
    }
    formwork_value::display(&outcome.value, 0);
    let (plain, _) = outcome.value.unmark_deep();
    if plain.is_wholly_known() && !plain.holds_infinity() {
        let ty = plain.ty();
        let written = value_json::encode(&plain, &ty).expect("what is known can be written");
        // Numbers are written with as many digits as tell them apart at their own precision, so it is the text that lasts.
        // One of more bits than are read from text, as parseint gives, loses them once.
        let read = |text: &str| value_json::decode(text, &ty).expect("what was written can be read");
        let again = value_json::encode(&read(&written), &ty).expect("what was read can be written");
        assert_eq!(value_json::encode(&read(&again), &ty).as_ref(), Ok(&again));
        assert!(again == written || text.contains("parseint"), "{again} was {written}");
    }
}

fn call(name: &str, args: Vec<Value>) -> Option<Value> {
    functions()[name].call(&mut CallCx::new(&Fixed), args).ok()
}

/// YAML, and back: what was read is read again from what is written of it.
pub fn yamldecode(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Some(value) = call("yamldecode", vec![Value::string(text)]) else { return };
    if value.check_size().is_err() {
        return;
    }
    let written = call("yamlencode", vec![value.clone()]).expect("what was read can be written");
    // Strings are in normal form, the result too: an escape may melt into a mark that follows it. Terraform's does as well.
    // A null that is written has lost its type: an empty block text is a null of strings, and reads back as one of anything.
    let value = value.map_deep(&mut |v| if v.is_null() { Value::NULL } else { v });
    // Infinities are written in words that no YAML has for them, as Terraform writes them.
    if written.as_str().is_some_and(str::is_ascii) && !value.holds_infinity() {
        let again = call("yamldecode", vec![written.clone()]);
        assert_eq!(again.map(|v| v.ty()), Some(value.ty()), "{written:?}");
    }
}

/// A pattern, and after a line's end the text.
pub fn regex(data: &[u8]) {
    let Some((pattern, subject)) = text(data).and_then(|text| text.split_once('\n')) else { return };
    for name in ["regex", "regexall"] {
        call(name, vec![Value::string(pattern), Value::string(subject)]);
    }
    call(
        "replace",
        vec![Value::string(subject), Value::string(format!("/{pattern}/")), Value::string("$1-${x}")],
    );
}

/// A format, and after a line's end the time.
pub fn formatdate(data: &[u8]) {
    let Some((format, time)) = text(data).and_then(|text| text.split_once('\n')) else { return };
    for time in [time, "2024-02-29T23:59:59.5+05:45"] {
        call("formatdate", vec![Value::string(format), Value::string(time)]);
        call("timeadd", vec![Value::string(time), Value::string(format)]);
        call("timecmp", vec![Value::string(time), Value::string(format)]);
    }
}

/// A state: what is read is written so that it is read again as the same.
pub fn state(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(state) = formwork_state::snapshot::parse(text) else { return };
    let written = formwork_state::snapshot::render(&state);
    let again = formwork_state::snapshot::parse(&written).expect("what was written can be read");
    assert_eq!(formwork_state::snapshot::render(&again), written);
}

/// A plan file, or, where it does not begin as one, the contents of one.
pub fn plan(data: &[u8]) {
    let _ = formwork_plan::file::read(data);
    if !formwork_plan::file::is_plan(data) {
        let _ = formwork_plan::file::read(&sealed(data));
    }
}

/// A plan file with these contents.
fn sealed(payload: &[u8]) -> Vec<u8> {
    let mut digest = String::new();
    for byte in Sha256::digest(payload) {
        let _ = write!(digest, "{byte:02x}");
    }
    let mut file =
        format!("formwork plan {}\nsha256 {digest} {}\n", formwork_plan::file::VERSION, payload.len())
            .into_bytes();
    file.extend(payload);
    file
}
