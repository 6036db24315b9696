//! The expressions of `tests/differential/expressions` with what Terraform 1.11.4 answered, and what they cover.

use super::{expressions_folder, printed};
use crate::{Param, functions};
use formwork_diag::FileId;
use formwork_syntax::{BinaryOp, Expr, ExprKind, TemplatePart, UnaryOp, parse_expr, walk};
use formwork_value::{Map, json};
use std::collections::{BTreeMap, BTreeSet};

/// One question with its answer.
struct Case {
    file: String,
    question: String,
    /// We differ on purpose.
    differs: bool,
    /// What it prints, or the summary of the error.
    answer: Result<String, String>,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let entries = std::fs::read_dir(expressions_folder()).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|e| e.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "txt")) {
        let text = std::fs::read_to_string(path).unwrap();
        let answers = std::fs::read_to_string(path.with_extension("answers.json")).unwrap();
        let answers = json::decode_implied(&answers).unwrap();
        let answers: &Map = answers.as_map().unwrap();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let question = line.strip_prefix("! ").unwrap_or(line);
            let answer = &answers[question];
            let text = |name| answer.get(name).and_then(|v| v.as_str()).map(str::to_owned);
            cases.push(Case {
                file: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                question: question.to_owned(),
                differs: line.starts_with("! "),
                answer: text("prints").ok_or_else(|| text("error").unwrap_or_default()),
            });
        }
    }
    cases
}

#[test]
fn answers_as_terraform_does() {
    let mut wrong = Vec::new();
    let cases = cases();
    // The functions of providers are not here.
    for case in cases.iter().filter(|c| c.file != "provider-functions") {
        let ours = printed(&case.question);
        let same = match &case.answer {
            Ok(theirs) => ours.trim_end_matches('\n') == theirs,
            Err(_) => ours.starts_with("! "),
        };
        if same == case.differs {
            let theirs = case.answer.as_ref().map_or_else(|e| format!("! {e}"), Clone::clone);
            wrong.push(format!(
                "{}: {}\n  Terraform: {theirs}\n  here:      {ours}",
                case.file, case.question
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are not as marked:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// How many expressions touch what, by the kind of thing and its name.
type Table = BTreeMap<&'static str, BTreeMap<String, usize>>;

fn count(table: &mut Table, kind: &'static str, name: impl Into<String>) {
    *table.entry(kind).or_default().entry(name.into()).or_default() += 1;
}

#[test]
#[expect(clippy::disallowed_macros, reason = "the table is the point")]
fn everything_is_asked_about() {
    let mut table = Table::new();
    for name in functions().keys() {
        table.entry("function").or_default().insert((*name).to_owned(), 0);
        table.entry("function, with an error").or_default().insert((*name).to_owned(), 0);
    }
    for operator in
        OPERATORS.iter().map(|(_, text)| *text).chain(["unary -", "!", "?:", "[…]", ".", "[*]", "for"])
    {
        table.entry("operator").or_default().insert(operator.to_owned(), 0);
    }
    for ty in [
        "string",
        "heredoc",
        "number",
        "bool",
        "null",
        "tuple",
        "object",
        "list",
        "set",
        "map",
        "unknown",
        "sensitive",
    ] {
        table.entry("type of result").or_default().insert(ty.to_owned(), 0);
    }
    let cases = cases();
    for case in &cases {
        let (expr, diags) = parse_expr(FileId(0), &case.question);
        let expr = expr.filter(|_| diags.is_empty());
        for (kind, name) in expr.iter().flat_map(touched) {
            if kind == "function" && case.answer.is_err() {
                count(&mut table, "function, with an error", name.clone());
            }
            count(&mut table, kind, name);
        }
        match &case.answer {
            Ok(printed) => count(&mut table, "type of result", type_of(printed)),
            Err(summary) => count(&mut table, "kind of error", summary.clone()),
        }
    }
    for (kind, rows) in &table {
        println!("{kind}");
        for (name, n) in rows {
            println!("  {n:5}  {name}");
        }
    }
    assert!(cases.len() >= 1000);
    // Terraform has no convert, and what cannot fail has no errors.
    let none = |kind: &str, name: &str| match kind {
        "function" => OURS.contains(&name),
        "function, with an error" => OURS.contains(&name),
        _ => false,
    };
    for (kind, rows) in &table {
        let least = if *kind == "function" { 3 } else { 1 };
        let few: Vec<&String> =
            rows.iter().filter(|(name, n)| **n < least && !none(kind, name)).map(|(name, _)| name).collect();
        assert!(few.is_empty(), "{kind}: fewer than {least} expressions about {few:?}");
    }
}

/// Functions that Terraform 1.11 does not have.
const OURS: [&str; 4] = ["base64gunzip", "cidrcontains", "convert", "urldecode"];

const OPERATORS: [(BinaryOp, &str); 13] = [
    (BinaryOp::Add, "+"),
    (BinaryOp::Subtract, "-"),
    (BinaryOp::Multiply, "*"),
    (BinaryOp::Divide, "/"),
    (BinaryOp::Modulo, "%"),
    (BinaryOp::Equal, "=="),
    (BinaryOp::NotEqual, "!="),
    (BinaryOp::Less, "<"),
    (BinaryOp::LessEqual, "<="),
    (BinaryOp::Greater, ">"),
    (BinaryOp::GreaterEqual, ">="),
    (BinaryOp::And, "&&"),
    (BinaryOp::Or, "||"),
];

/// Functions and operators in an expression, each once.
fn touched(expr: &Expr) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    walk(expr, &mut |e| {
        let operator = match &e.kind {
            ExprKind::Call(call) => {
                let name = call.name.name.strip_prefix("core::").unwrap_or(&call.name.name);
                if functions().contains_key(name) {
                    found.insert(("function", name.to_owned()));
                }
                return;
            }
            ExprKind::Binary(op, ..) => OPERATORS.iter().find(|(o, _)| o == op).map_or("", |(_, text)| text),
            ExprKind::Unary(UnaryOp::Negate, _) => "unary -",
            ExprKind::Unary(UnaryOp::Not, _) => "!",
            ExprKind::Conditional(..) => "?:",
            ExprKind::Index(..) => "[…]",
            ExprKind::Attr(..) => ".",
            ExprKind::Splat { .. } => "[*]",
            ExprKind::For(_) => "for",
            ExprKind::Template(parts) => {
                let directive =
                    parts.iter().any(|p| matches!(p, TemplatePart::If { .. } | TemplatePart::For { .. }));
                if directive { "%{…}" } else { "${…}" }
            }
            _ => return,
        };
        found.insert(("operator", operator.to_owned()));
    });
    found
}

/// What sort of value was printed.
fn type_of(printed: &str) -> &'static str {
    let starts = [
        ("(known after", "unknown"),
        ("(sensitive", "sensitive"),
        ("tolist(", "list"),
        ("toset(", "set"),
        ("tomap(", "map"),
        ("to", "null"),
        ("null", "null"),
        ("<<", "heredoc"),
        ("\"", "string"),
        ("[", "tuple"),
        ("{", "object"),
        ("true", "bool"),
        ("false", "bool"),
    ];
    match starts.iter().find(|(start, _)| printed.starts_with(start)) {
        Some((_, ty)) => ty,
        None if printed.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => "number",
        None => "type",
    }
}

#[test]
fn examples_print_what_they_promise() {
    let mut wrong = Vec::new();
    for (name, function) in functions() {
        let signature = &function.signature;
        let printed = printed(signature.example);
        let promised =
            if signature.gives.is_empty() { !printed.starts_with("! ") } else { printed == signature.gives };
        if !promised {
            wrong.push(format!(
                "{name}: {}\n  promised: {}\n  gives: {printed}",
                signature.example, signature.gives
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `signatures.txt` is what `terraform metadata functions` says, a line each; `?` stands behind the types of parameters
/// that take null. Where it leaves the result open, we may say more.
#[test]
fn signatures_are_those_of_terraform() {
    let mut wrong = Vec::new();
    for line in include_str!("signatures.txt").lines() {
        let (call, result) = line.split_once(" -> ").unwrap();
        let name = call.split('(').next().unwrap_or_default();
        let Some(function) = functions().get(name) else {
            wrong.push(format!("{name} is missing"));
            continue;
        };
        let signature = &function.signature;
        // The evaluator runs these two itself.
        let null = |p: &Param| p.allow_null && !matches!(name, "try" | "can");
        let param = |p: &Param| format!("{}: {}{}", p.name, p.ty, if null(p) { "?" } else { "" });
        let mut params: Vec<String> = signature.params.iter().map(param).collect();
        params.extend(signature.variadic.iter().map(|p| param(p) + "..."));
        let ours = format!("{name}({})", params.join(", "));
        let returns = signature.return_type().to_string();
        if ours != call || returns != result && result != "any" {
            wrong.push(format!("{line}\n  here: {ours} -> {returns}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
