//! Diagnostics as JSON, in the form of `terraform validate -json`
//! (<https://developer.hashicorp.com/terraform/cli/commands/validate#json-output-format>).

use crate::commands::result_type;
use formwork_diag::{Diagnostic, Severity, Sources, Span};
use formwork_lang::{Param, functions};
use formwork_value::json::type_to_json;
use serde_json::{Map, Value, json};

/// The whole answer of `validate -json`.
pub fn report(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    json!({
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": diagnostics.len() - errors,
        "diagnostics": diagnostics.iter().map(|d| one(d, sources)).collect::<Vec<_>>(),
    })
}

/// One diagnostic.
pub fn one(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut out = Map::new();
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let detail = match &diagnostic.help {
        Some(help) if diagnostic.detail.is_empty() => help.clone(),
        Some(help) => format!("{}\n\n{help}", diagnostic.detail),
        None => diagnostic.detail.clone(),
    };
    out.insert("severity".into(), severity.into());
    out.insert("summary".into(), diagnostic.summary.clone().into());
    out.insert("detail".into(), detail.into());
    if let Some(address) = diagnostic.address.as_ref().filter(|_| diagnostic.relayed) {
        out.insert("address".into(), address.clone().into());
    }
    if let Some(span) = diagnostic.span
        && let Some(file) = sources.get(span.file)
    {
        let position = |byte: u32| {
            let (line, column) = sources.line_column(span.file, byte);
            json!({ "line": line, "column": column, "byte": byte })
        };
        let mut end = position(span.end);
        if span.start == span.end {
            // Between two characters, the next one is marked.
            for part in ["column", "byte"] {
                end[part] = (end[part].as_u64().unwrap_or(0) + 1).into();
            }
        }
        out.insert(
            "range".into(),
            json!({ "filename": &*file.name, "start": position(span.start), "end": end }),
        );
        if !file.text.is_empty() && !file.private {
            let (line, _) = sources.line_column(span.file, span.start);
            out.insert("snippet".into(), snippet(diagnostic, &file.text, span, line));
        }
    }
    out.into()
}

fn snippet(diagnostic: &Diagnostic, text: &str, span: Span, line: usize) -> Value {
    let boundary = |at: u32| {
        let mut at = (at as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (boundary(span.start), boundary(span.end).max(boundary(span.start)));
    let first = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let last = text[end..].find('\n').map_or(text.len(), |i| end + i);
    let code = text[first..last].trim_end_matches('\r');
    let values: Vec<Value> = diagnostic
        .values
        .iter()
        .map(|(name, value)| json!({ "traversal": name, "statement": format!("is {value}") }))
        .collect();
    let mut out = json!({
        "context": start.checked_sub(1).and_then(|before| context(text, boundary(before as u32))),
        "code": code,
        "start_line": line,
        // In bytes, as Terraform counts; at least one of them, if there is one.
        "highlight_start_offset": (start - first).min(code.len()),
        "highlight_end_offset": (end.max(start + 1) - first).min(code.len()),
        "values": values,
    });
    if let Some(call) = diagnostic.call.as_deref().and_then(function_call) {
        out["function_call"] = call;
    }
    out
}

/// How the function is to be called whose call went wrong.
fn function_call(called_as: &str) -> Option<Value> {
    let signature = match called_as.strip_prefix("provider::") {
        None => functions().get(called_as.strip_prefix("core::").unwrap_or(called_as))?.signature.clone(),
        Some(rest) => {
            let (provider, name) = rest.split_once("::")?;
            let providers = crate::providers();
            let own = providers.iter().filter(|p| p.name() == provider);
            own.flat_map(|p| p.functions()).find(|f| f.signature.name == name)?.signature.clone()
        }
    };
    let param = |p: &Param| json!({ "name": p.name, "type": type_to_json(&p.ty) });
    let mut described = json!({
        "name": signature.name,
        "params": signature.params.iter().map(param).collect::<Vec<_>>(),
        "return_type": type_to_json(&result_type(&signature)),
    });
    if let Some(variadic) = &signature.variadic {
        described["variadic_param"] = param(variadic);
    }
    Some(json!({ "called_as": called_as, "signature": described }))
}

/// The header of the top-level block that a byte lies in: `resource "aws_eip" "a"`.
fn context(text: &str, at: usize) -> Option<String> {
    let line_end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    let line = text[..line_end]
        .lines()
        .rev()
        // A file of nothing but mistakes is not read through for each of them.
        .take(1_000)
        .find(|l| l.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '}'))?;
    let (header, rest) = line.split_once('{')?;
    // A block that is closed in its line does not hold what is in the next one.
    if at == line_end && rest.trim_end().ends_with('}') {
        return None;
    }
    let header = header.trim();
    (!header.is_empty() && !header.contains('=')).then(|| header.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snippet_of(text: &str, marked: &str) -> (Value, u64, u64) {
        let mut sources = Sources::default();
        let id = sources.add("main.tf", text);
        let at = text.find(marked).unwrap();
        let report = report(
            &[Diagnostic::error("Wrong", "It is.").at(Span::new(id, at, at + marked.len()))],
            &sources,
        );
        let snippet = &report["diagnostics"][0]["snippet"];
        let offset = |name: &str| snippet[name].as_u64().unwrap();
        (snippet["context"].clone(), offset("highlight_start_offset"), offset("highlight_end_offset"))
    }

    #[test]
    fn marks_bytes_within_a_block() {
        // The answers of Terraform 1.11.4.
        let text = "locals { ü = \"ää${var.nö}\" }\n";
        assert_eq!(snippet_of(text, "var.nö"), ("locals".into(), 21, 28));
        let text = "variable \"v\" {\n}\nvariable \"w\" {\n}\n";
        assert_eq!(snippet_of(text, "variable \"w\""), (Value::Null, 0, 12));
        let text = "variable \"v\" {}\nvariable \"w\" {}\n";
        assert_eq!(snippet_of(text, "variable \"w\""), (Value::Null, 0, 12));
    }

    #[test]
    fn says_where_in_terraforms_shape() {
        let mut sources = Sources::default();
        let text = "variable \"q\" {}\n\nresource \"terraform_data\" \"b\" {\n input = var.n\n}\n";
        let id = sources.add("main.tf", text);
        let at = text.find("var.n").unwrap();
        let d = Diagnostic::error("Reference to undeclared input variable", "No \"n\".")
            .at(Span::new(id, at, at + 5))
            .help("Did you mean \"q\"?");
        assert_eq!(
            report(&[d], &sources),
            json!({
                "format_version": "1.0", "valid": false, "error_count": 1, "warning_count": 0,
                "diagnostics": [{
                    "severity": "error",
                    "summary": "Reference to undeclared input variable",
                    "detail": "No \"n\".\n\nDid you mean \"q\"?",
                    "range": {
                        "filename": "main.tf",
                        "start": { "line": 4, "column": 10, "byte": 58 },
                        "end": { "line": 4, "column": 15, "byte": 63 },
                    },
                    "snippet": {
                        "context": "resource \"terraform_data\" \"b\"",
                        "code": " input = var.n",
                        "start_line": 4,
                        "highlight_start_offset": 9,
                        "highlight_end_offset": 14,
                        "values": [],
                    },
                }],
            })
        );
    }
}
