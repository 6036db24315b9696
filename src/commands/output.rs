//! `output`

use super::options::{Look, switch_parser};
use crate::context::Context;
use crate::ui::state::output_values;
use clap::Args;
use formwork_diag::{Diagnostic, suggestion};
use formwork_state::OutputState;
use formwork_value::{Kind, Value, display, json};
use std::fmt::Write;
use std::path::PathBuf;

/// Show output values of the root module
#[derive(Debug, Args)]
pub struct Output {
    /// As JSON.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    json: bool,
    /// A single string, number or boolean as it is, without quotes or newline.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    raw: bool,
    /// The state file.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    look: Look,
    /// The output to show; all when it is left away.
    name: Option<String>,
}

impl Output {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> u8 {
        self.look.set(cx);
        if self.json && self.raw {
            return cx.refuse(Diagnostic::error(
                "Invalid output format",
                "-raw and -json cannot be used together.",
            ));
        }
        if self.raw && self.name.is_none() {
            return cx.refuse(
                Diagnostic::error("Output name required", "-raw shows one output, but no name was given.")
                    .help("Name the output: formwork output -raw NAME"),
            );
        }
        let opened = match cx.peek(self.state.as_deref()) {
            Ok(opened) => opened,
            Err(e) => return cx.refuse(e),
        };
        let outputs = &opened.state.outputs;
        if outputs.is_empty() && !self.json {
            // Even when one is named: as Terraform has it, that there are none yet is no error.
            cx.refuse(
                Diagnostic::warning(
                    "No outputs found",
                    "The state has no outputs, or there is no state yet.",
                )
                .help("Add an output block to the configuration and run formwork apply."),
            );
            return 0;
        }
        let Some(name) = &self.name else {
            if self.json {
                cx.screen.line(&all_json(outputs.iter().map(|(k, v)| (&**k, v))));
            } else {
                cx.screen.print(&output_values(outputs.iter().map(|(k, v)| (&**k, &v.value, v.sensitive))));
            }
            return 0;
        };
        let Some(output) = outputs.get(name.as_str()) else {
            let d = Diagnostic::error(
                format!("Output \"{name}\" not found"),
                "The state has no output of this name. One that was only now added to the configuration comes with the next \
                 apply.",
            );
            let near = suggestion(name, outputs.keys().map(|k| &**k));
            return cx.refuse(match near {
                Some(near) => d.help(format!("Did you mean \"{near}\"?")),
                None => d.help("Run formwork output to see what there is."),
            });
        };
        self.one(cx, name, &output.value)
    }

    fn one(&self, cx: &Context, name: &str, value: &Value) -> u8 {
        if self.json {
            return match json::to_string(value) {
                Ok(text) => {
                    cx.screen.line(&text);
                    0
                }
                Err(e) => cx.refuse(Diagnostic::error("Output cannot be shown", e)),
            };
        }
        if !self.raw {
            cx.screen.line(&display(value, 0));
            return 0;
        }
        match value.kind() {
            Kind::String(s) => cx.screen.print(s),
            Kind::Number(n) => cx.screen.print(&n.to_string()),
            Kind::Bool(b) => cx.screen.print(&b.to_string()),
            _ => {
                let what = if value.is_null() { "null".to_owned() } else { value.ty().friendly_name() };
                return cx.refuse(
                    Diagnostic::error(
                        "Unsupported value for raw output",
                        format!("-raw shows strings, numbers and booleans, but output \"{name}\" is {what}."),
                    )
                    .help("Use -json for values of complex types."),
                );
            }
        }
        0
    }
}

/// All outputs in the form of `terraform output -json`. Numbers stay exact, so this is text, not a JSON value.
pub fn all_json<'o>(outputs: impl Iterator<Item = (&'o str, &'o OutputState)>) -> String {
    let mut out = String::from("{");
    for (i, (name, output)) in outputs.enumerate() {
        out.push_str(if i == 0 { "\n  " } else { ",\n  " });
        json::write_string(name, &mut out);
        let ty = indent(&format!("{:#}", json::type_to_json(&output.value.ty())), 4);
        let value = json::to_string(&output.value).unwrap_or_else(|_| "null".into());
        let _ = write!(
            out,
            ": {{\n    \"sensitive\": {},\n    \"type\": {ty},\n    \"value\": {}\n  }}",
            output.sensitive,
            indent(&pretty(&value), 4)
        );
    }
    if out.len() > 1 {
        out.push('\n');
    }
    out.push('}');
    out
}

fn indent(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}

/// Spreads compact JSON over lines, two spaces a level; nothing in it is touched otherwise.
pub fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0usize;
    let mut chars = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                while let Some(c) = chars.next() {
                    out.push(c);
                    match c {
                        '\\' => out.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                let close = if c == '{' { '}' } else { ']' };
                if chars.peek() == Some(&close) {
                    out.extend(chars.next());
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_json_without_changing_it() {
        assert_eq!(
            pretty(r#"{"a":[],"b":{"c":1e400,"d":"x,{\"}"},"e":[1,2]}"#),
            "{\n  \"a\": [],\n  \"b\": {\n    \"c\": 1e400,\n    \"d\": \"x,{\\\"}\"\n  },\n  \"e\": [\n    1,\n    2\n  ]\n}"
        );
    }
}
