//! `metadata`

use super::options::switch_parser;
use crate::context::Context;
use clap::{Args, Subcommand};
use formwork_diag::Diagnostic;
use formwork_lang::{Param, Signature, functions};
use formwork_value::Type;
use formwork_value::json::type_to_json;
use serde_json::{Map, Value, json};

/// Show what programs want to know of the language
#[derive(Debug, Args)]
pub struct Metadata {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Functions(Functions),
}

/// Show the signatures of all functions
#[derive(Debug, Args)]
struct Functions {
    /// As JSON, which is the only form.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    json: bool,
}

impl Metadata {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        let Command::Functions(Functions { json }) = self.command;
        if !json {
            return cx.refuse(
                Diagnostic::error(
                    "The -json flag is required",
                    "Signatures of functions are shown as JSON only.",
                )
                .help("formwork metadata functions -json"),
            );
        }
        cx.screen.line(&signatures().to_string());
        0
    }
}

/// All signatures, in the form of `terraform metadata functions -json`
/// (<https://developer.hashicorp.com/terraform/cli/commands/metadata/functions>). Functions that have been removed from
/// the language and exist to say so are left out.
fn signatures() -> Value {
    const HIDDEN: [&str; 2] = ["list", "map"];
    let listed = functions().values().map(|f| &f.signature).filter(|s| !HIDDEN.contains(&s.name));
    // Each can be called by two names.
    let all: Map<String, Value> = listed
        .flat_map(|s| [(s.name.to_owned(), described(s)), (format!("core::{}", s.name), described(s))])
        .collect();
    json!({ "format_version": "1.0", "function_signatures": all })
}

/// One signature, as `metadata functions` and `providers schema` show it.
pub(super) fn described(function: &Signature) -> Value {
    let mut out = Map::new();
    out.insert("description".into(), function.description.into());
    out.insert("return_type".into(), type_to_json(&result_type(function)));
    // The evaluator runs these two itself; that they take null is not said of them.
    let shown = |param: &Param| {
        let mut param = param.clone();
        param.allow_null &= !matches!(function.name, "try" | "can");
        parameter(&param)
    };
    if !function.params.is_empty() {
        out.insert("parameters".into(), function.params.iter().map(shown).collect());
    }
    if let Some(variadic) = &function.variadic {
        out.insert("variadic_parameter".into(), shown(variadic));
    }
    Value::Object(out)
}

/// What a function gives. Of one that joins tuples, all that is known without its arguments is that it would give an empty one
/// for none, and that says nothing.
pub(crate) fn result_type(function: &Signature) -> Type {
    // Of these Terraform's own declarations leave it open until the arguments are there.
    const OPEN: [&str; 6] = ["contains", "format", "formatlist", "index", "parseint", "sum"];
    match function.return_type() {
        _ if OPEN.contains(&function.name) => Type::Dynamic,
        Type::Tuple(items) if items.is_empty() => Type::Dynamic,
        ty => ty,
    }
}

fn parameter(param: &Param) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), param.name.into());
    if param.allow_null {
        out.insert("is_nullable".into(), true.into());
    }
    out.insert("type".into(), type_to_json(&param.ty));
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_shaped_as_terraforms() {
        let all = signatures();
        let of = |name: &str| all["function_signatures"][name].clone();
        let dynamic = |name: &str| json!({ "name": name, "type": "dynamic" });
        let concat = of("core::concat");
        assert_eq!(concat["return_type"], "dynamic");
        assert_eq!(concat["variadic_parameter"], dynamic("seqs"));
        assert_eq!(of("try")["variadic_parameter"], dynamic("expressions"));
        assert_eq!(of("can")["parameters"], json!([dynamic("expression")]));
        assert_eq!(of("coalesce")["variadic_parameter"]["is_nullable"], true);
        assert_eq!(of("list"), Value::Null);
    }
}
