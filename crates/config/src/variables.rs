//! Values for the root module's variables.

use crate::blocks::convert_with;
use crate::constant::const_eval;
use crate::model::{Config, Variable};
use formwork_diag::{Diagnostic, FileId, Sources, Span, suggestion};
use formwork_syntax::{Expr, ExprKind, Str, json_data, parse, parse_expr};
use formwork_value::{Mark, Type, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Where a value came from; later ones win over earlier ones in the order in which they are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `TF_VAR_name`
    Environment,
    /// `terraform.tfvars`, `*.auto.tfvars`
    AutoFile(String),
    /// `-var-file`
    File(String),
    /// `-var`
    Flag,
    /// Typed in when asked.
    Prompt,
}

/// The value as it was given.
#[derive(Clone, Debug)]
pub enum GivenValue {
    /// Text from the environment, a flag or a prompt: itself for variables of primitive type (or none), otherwise an
    /// expression.
    Text(String),
    /// An expression of a variable file.
    Expr(Expr),
}

/// A value given for a variable.
#[derive(Clone, Debug)]
pub struct Given {
    /// The variable.
    pub name: Str,
    /// Where it came from.
    pub origin: Origin,
    /// What was given.
    pub value: GivenValue,
}

/// Reads a `.tfvars` or `.tfvars.json` file.
pub fn variable_file(
    name: &str,
    text: &str,
    sources: &mut Sources,
    origin: &Origin,
) -> (Vec<Given>, Vec<Diagnostic>) {
    let id = sources.add_private(name, text);
    let (given, diags) = read_file(id, name, text, origin);
    (given, diags.into_iter().map(|d| discreet(d, text)).collect())
}

/// A diagnostic on the syntax of a variable file that repeats nothing of what stands there: it may be a secret.
fn discreet(mut d: Diagnostic, text: &str) -> Diagnostic {
    let words = |s: &str| -> BTreeSet<String> {
        s.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    // The names before equals signs are no secrets.
    let values: String = text
        .lines()
        .map(|line| line.split_once('=').filter(|(name, _)| is_name(name.trim())).map_or(line, |(_, v)| v))
        .collect::<Vec<_>>()
        .join("\n");
    let told = words(&format!("{} {}", d.detail, d.help.as_deref().unwrap_or_default()));
    let labelled = d.labels.iter().flat_map(|l| words(&l.text)).collect();
    let secret = words(&values);
    if !secret.is_disjoint(&told) || !secret.is_disjoint(&labelled) {
        d.detail = "What stands here is not what the syntax asks for.".into();
        d.help =
            Some("A variable file has lines of the form NAME = VALUE; text stands in double quotes.".into());
        d.labels.clear();
    }
    d
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

fn read_file(id: FileId, name: &str, text: &str, origin: &Origin) -> (Vec<Given>, Vec<Diagnostic>) {
    let (body, mut diags) = if name.ends_with(".json") {
        let (expr, mut diags) = json_data(id, text);
        match expr.as_ref().filter(|e| matches!(e.kind, ExprKind::Object(_))).map(formwork_syntax::json_body)
        {
            Some(body) => {
                diags.extend(formwork_syntax::duplicate_attributes(&body));
                for attribute in &body.attributes {
                    crate::native_json::repeated_keys(&attribute.expr, true, &mut diags);
                }
                (body, diags)
            }
            None => {
                if diags.is_empty() {
                    diags.push(Diagnostic::error(
                        "Invalid variable file",
                        format!("{name} is not a JSON object."),
                    ));
                }
                return (Vec::new(), diags);
            }
        }
    } else {
        parse(id, text)
    };
    for block in &body.blocks {
        diags.push(
            Diagnostic::error(
                "Unexpected block",
                format!(
                    "A variable file has only values, but here stands a block of type \"{}\".",
                    block.kind.name
                ),
            )
            .at(block.header)
            .help("Write NAME = VALUE; blocks belong in files ending in .tf"),
        );
    }
    let given = body.attributes.into_iter().map(|a| Given {
        name: a.name.name,
        origin: origin.clone(),
        value: GivenValue::Expr(a.expr),
    });
    (given.collect(), diags)
}

/// So many values of variables that nobody declared are told one by one: files are often shared by configurations.
const SHOWN: usize = 2;

/// What became of the root module's variables.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// Values of the declared types: given ones by precedence, then defaults.
    pub values: BTreeMap<Str, Value>,
    /// What was given, as it was: neither converted nor completed, and text where text was given. Plan JSON shows it.
    pub given: BTreeMap<Str, Value>,
    /// Why a value that was given is none of a variable's: it matters to whoever asks for the variable.
    pub unfit: BTreeMap<Str, Diagnostic>,
    /// The names of those that still need a value.
    pub missing: Vec<Str>,
    /// What else is wrong with what was given.
    pub diagnostics: Vec<Diagnostic>,
}

impl Resolved {
    /// Everything that is wrong with what was given.
    pub fn problems(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().chain(self.unfit.values())
    }
}

/// The values of all root module variables. Validation conditions are the engine's matter.
pub fn resolve_variables(config: &Config, given: Vec<Given>, sources: &mut Sources) -> Resolved {
    let root = config.root();
    let mut diags = Vec::new();
    let mut chosen: BTreeMap<Str, Given> = BTreeMap::new();
    let mut strays = 0;
    for g in given {
        if root.variables.contains_key(&g.name) {
            chosen.insert(g.name.clone(), g);
            continue;
        }
        strays += usize::from(matches!(g.origin, Origin::AutoFile(_) | Origin::File(_)));
        if strays <= SHOWN || matches!(g.origin, Origin::Flag | Origin::Prompt) {
            undeclared(&g, root.variables.keys().map(|k| &**k), &mut diags);
        }
    }
    if strays > SHOWN {
        diags.push(
            Diagnostic::warning(
                "Values for undeclared variables",
                format!(
                    "Variable files give values of {} other variable(s) that the root module does not declare.",
                    strays - SHOWN
                ),
            )
            .help("Declare the variables, or remove the values."),
        );
    }
    let mut resolved = Resolved::default();
    for (name, variable) in &root.variables {
        let marked = |value: Value| {
            let value = if variable.sensitive { value.mark(Mark::Sensitive) } else { value };
            if variable.ephemeral { value.mark(Mark::Ephemeral) } else { value }
        };
        match (chosen.remove(name), &variable.default) {
            (Some(g), _) => {
                if let Some((given, span)) = read(variable, &g, sources, &mut diags) {
                    resolved.given.insert(name.clone(), marked(given.clone()));
                    match fit(variable, given, span) {
                        Ok(value) => drop(resolved.values.insert(name.clone(), marked(value))),
                        Err(d) => drop(resolved.unfit.insert(name.clone(), d)),
                    }
                }
            }
            (None, Some(default)) => {
                resolved.values.insert(name.clone(), marked(default.clone()));
            }
            (None, None) => resolved.missing.push(name.clone()),
        }
    }
    resolved.diagnostics = diags;
    resolved
}

fn undeclared<'a>(given: &Given, declared: impl Iterator<Item = &'a str>, diags: &mut Vec<Diagnostic>) {
    let name = &given.name;
    let d = match &given.origin {
        // The environment is shared with other configurations: a stray variable there is nobody's mistake.
        Origin::Environment => return,
        Origin::AutoFile(file) | Origin::File(file) => Diagnostic::warning(
            "Value for undeclared variable",
            format!(
                "The file {file} gives a value for \"{name}\", but the root module declares no such variable."
            ),
        ),
        Origin::Flag | Origin::Prompt => Diagnostic::error(
            "Value for undeclared variable",
            format!(
                "A value for \"{name}\" was given with -var, but the root module declares no such variable."
            ),
        ),
    };
    let d = match &given.value {
        GivenValue::Expr(e) => d.at(e.span),
        GivenValue::Text(_) => d,
    };
    diags.push(match suggestion(name, declared) {
        Some(s) => d.help(format!("Did you mean \"{s}\"?")),
        None => d.help(format!("Declare it: variable \"{name}\" {{}}, or remove the value.")),
    });
}

/// The value of an expression that was given for a variable. If it is sensitive, what is wrong is said without its words.
fn evaluated(variable: &Variable, expr: &Expr, diags: &mut Vec<Diagnostic>) -> Option<Value> {
    let mut found = Vec::new();
    let value = const_eval(expr, &mut found);
    if variable.sensitive && formwork_diag::has_errors(&found) {
        let name = &variable.name.name;
        let d = Diagnostic::error(
            "Invalid value for input variable",
            format!(
                "The value given for \"{name}\" has no value of its own: it refers to something, or computes something."
            ),
        );
        found = vec![d.at(expr.span).help("Text stands in double quotes.")];
    }
    diags.extend(found);
    value
}

/// What was given, as a value of whatever type, and where it stands in a file.
fn read(
    variable: &Variable,
    given: &Given,
    sources: &mut Sources,
    diags: &mut Vec<Diagnostic>,
) -> Option<(Value, Option<Span>)> {
    let name = &variable.name.name;
    match &given.value {
        GivenValue::Expr(expr) => Some((evaluated(variable, expr, diags)?, Some(expr.span))),
        GivenValue::Text(text) if !variable.typed || variable.ty.is_primitive() => {
            Some((Value::string(text.as_str()), None))
        }
        GivenValue::Text(text) => {
            let label = match given.origin {
                Origin::Environment => format!("<value of TF_VAR_{name}>"),
                _ => format!("<value for var.{name}>"),
            };
            // A secret must not appear as quoted source.
            let shown = if variable.sensitive { String::new() } else { text.clone() };
            let id = sources.add(label, shown);
            let (expr, found) = parse_expr(id, text);
            if let Some(d) = found.into_iter().next() {
                diags.push(Diagnostic {
                    span: if variable.sensitive { None } else { d.span },
                    detail: format!("The value given for \"{name}\" is not an expression: {}", d.detail),
                    ..d
                });
                return None;
            }
            Some((evaluated(variable, &expr?, diags)?, None))
        }
    }
}

/// A value that was given, as one of the variable.
fn fit(variable: &Variable, value: Value, span: Option<Span>) -> Result<Value, Diagnostic> {
    let name = &variable.name.name;
    let value = if value.is_null() && !variable.nullable {
        variable.default.clone().ok_or_else(|| {
            Diagnostic::error(
                "Required variable not set",
                format!("The value given for \"{name}\" is null, but the variable says nullable = false."),
            )
            .at(span.unwrap_or(variable.name.span))
        })?
    } else {
        value
    };
    convert_with(variable, &value).map_err(|reason| {
        let what = if variable.ty == Type::Dynamic { "any type" } else { &variable.ty.friendly_name() };
        let d = Diagnostic::error(
            "Invalid value for input variable",
            format!("The value given for \"{name}\" does not fit its type ({what}): {reason}."),
        )
        .at(span.unwrap_or(variable.name.span));
        match span {
            Some(_) => d.label(variable.name.span, "declared here"),
            None => d,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryFiles, load};
    use std::path::Path;

    /// Everything that is said about a variable file, and about the value that it gives for a sensitive number `pin`.
    fn told(name: &str, text: &str) -> String {
        let root = "variable \"pin\" {\n  type = number\n  sensitive = true\n}\n";
        let mut loaded = load(Path::new(""), &MemoryFiles([("main.tf".into(), root.into())].into()));
        let config = loaded.config.unwrap();
        let (given, mut diags) = variable_file(name, text, &mut loaded.sources, &Origin::File(name.into()));
        diags.extend(resolve_variables(&config, given, &mut loaded.sources).problems().cloned());
        assert!(formwork_diag::has_errors(&diags), "{text}");
        for span in diags.iter().filter_map(|d| d.span) {
            let file = loaded.sources.get(span.file).unwrap();
            assert!(file.private || &*file.name == "main.tf", "{text}");
        }
        format!("{diags:?}")
    }

    #[test]
    fn what_was_given_stays_as_it_was() {
        let root = r#"
            variable "n" { type = number }
            variable "s" { type = set(string) }
            variable "d" {
                type = string
                default = 7
            }
            variable "x" {
                default = "x"
                nullable = false
            }
        "#;
        let mut loaded = load(Path::new(""), &MemoryFiles([("main.tf".into(), root.into())].into()));
        let config = loaded.config.unwrap();
        let text = "s = [\"b\", \"a\", \"a\"]\nx = null\n";
        let (mut given, _) = variable_file("x", text, &mut loaded.sources, &Origin::File("x".into()));
        given.push(Given { name: "n".into(), origin: Origin::Flag, value: GivenValue::Text("07".into()) });
        let resolved = resolve_variables(&config, given, &mut loaded.sources);
        assert_eq!(resolved.problems().next(), None);
        assert_eq!(resolved.values["n"], Value::from(7));
        assert_eq!(resolved.given["n"], Value::string("07"));
        assert_eq!(resolved.given["s"], Value::tuple(["b", "a", "a"].map(Value::string).to_vec()));
        assert!(resolved.given["x"].is_null());
        assert_eq!(resolved.values["x"], Value::string("x"));
        assert_eq!((resolved.given.contains_key("d"), &resolved.values["d"]), (false, &Value::string("7")));
    }

    #[test]
    fn of_many_undeclared_names_two_are_told() {
        let files = MemoryFiles([("main.tf".into(), "variable \"z\" {}\n".into())].into());
        let mut loaded = load(Path::new(""), &files);
        let config = loaded.config.unwrap();
        let mut told = |text: &str| -> Vec<(String, Option<String>)> {
            let (given, _) = variable_file("x", text, &mut loaded.sources, &Origin::File("x".into()));
            let found = resolve_variables(&config, given, &mut loaded.sources).diagnostics;
            found.into_iter().map(|d| (d.summary, d.help)).collect()
        };
        let one = |name: &str| {
            let help = format!("Declare it: variable \"{name}\" {{}}, or remove the value.");
            ("Value for undeclared variable".to_owned(), Some(help))
        };
        assert_eq!(told("a = 1\nb = 2\n"), [one("a"), one("b")]);
        let many = told("a = 1\nb = 2\nc = 3\nd = 4\n");
        assert_eq!(many[..2], [one("a"), one("b")]);
        assert_eq!(
            many[2..].iter().map(|(s, _)| &**s).collect::<Vec<_>>(),
            ["Values for undeclared variables"]
        );
    }

    #[test]
    fn strings_of_a_json_file_are_no_templates() {
        let mut sources = Sources::default();
        let origin = Origin::File("x.tfvars.json".into());
        let text = r#"{"a": "${x}%{ if y }", "//": "${"}"#;
        let (given, diags) = variable_file("x.tfvars.json", text, &mut sources, &origin);
        assert!(diags.is_empty(), "{diags:?}");
        let kinds: Vec<&ExprKind> = given
            .iter()
            .map(|g| match &g.value {
                GivenValue::Expr(e) => &e.kind,
                GivenValue::Text(t) => panic!("{t}"),
            })
            .collect();
        assert_eq!(kinds, [&ExprKind::String("${x}%{ if y }".into())]);
        for wrong in ["[{\"a\": 1}]", "\"a\"", "{\"a\": 1, \"a\": 2}"] {
            let (_, diags) = variable_file("x.tfvars.json", wrong, &mut sources, &origin);
            assert!(formwork_diag::has_errors(&diags), "{wrong}");
        }
    }

    #[test]
    fn nothing_of_a_variable_file_is_repeated() {
        for text in [
            "pin = \"hunter2\"",
            "pin = hunter2",
            "pin = \"hunter2",
            "pin = [1 hunter2",
            "pin = \"a\" hunter2",
            "pin hunter2",
            "pin = upper(\"hunter2\")",
            "pin = { hunter2 }",
            "pin = <<EOT\nhunter2\n",
            "hunter2",
        ] {
            assert!(!told("x.tfvars", text).contains("hunter2"), "{text}: {}", told("x.tfvars", text));
        }
        for text in ["{\"pin\": \"hunter2\"}", "{\"pin\": hunter2}", "{\"pin\": 12hunter2}", "\"hunter2\""] {
            assert!(
                !told("x.tfvars.json", text).contains("hunter2"),
                "{text}: {}",
                told("x.tfvars.json", text)
            );
        }
    }
}
