//! Rules on values that hold when a configuration is checked, planned and applied alike.

use crate::body::attribute_span;
use formwork_addr::{ResourceMode, Str};
use formwork_config::{Output, ResourceBlock, Variable};
use formwork_diag::{Diagnostic, Span};
use formwork_provider::Schema;
use formwork_value::{Mark, Value, convert, convert_defaults};

/// A value that a module call gives for a variable, as the module sees it.
pub(crate) fn argument(variable: &Variable, value: Value, span: Span) -> Result<Value, Diagnostic> {
    let name = &variable.name.name;
    let wrong = |summary: &str, detail: String| {
        Diagnostic::error(summary, detail).at(span).label(variable.name.span, "declared here")
    };
    if value.is_null() && !variable.nullable {
        return variable.default.clone().ok_or_else(|| {
            wrong(
                "Required variable not set",
                format!("The value for \"{name}\" is null, but the variable says nullable = false."),
            )
        });
    }
    if !variable.ephemeral && value.marks_deep().has(Mark::Ephemeral) {
        let d = wrong(
            "Ephemeral value not allowed",
            format!(
                "The value for \"{name}\" is ephemeral, and the variable does not say that it takes such values."
            ),
        );
        return Err(d.help("Say ephemeral = true in the variable block."));
    }
    let converted = match &variable.defaults {
        Some(defaults) => convert_defaults(&value, &variable.ty, defaults),
        None => convert(&value, &variable.ty),
    };
    converted.map_err(|e| {
        let at = if e.path.0.is_empty() { String::new() } else { format!("{}: ", e.path) };
        wrong(
            "Invalid value for input variable",
            format!("The value for \"{name}\" does not fit its type: {at}{}.", e.message),
        )
    })
}

/// A value with the marks that a variable's block says.
pub(crate) fn marked(variable: &Variable, mut value: Value) -> Value {
    if variable.sensitive {
        value = value.mark(Mark::Sensitive);
    }
    if variable.ephemeral {
        value = value.mark(Mark::Ephemeral);
    }
    value
}

/// The value of an output, as others see it.
pub(crate) fn output(output: &Output, root: bool, value: Value) -> Result<Value, Diagnostic> {
    let marks = value.marks_deep();
    if root && !output.sensitive && marks.has(Mark::Sensitive) {
        return Err(Diagnostic::error(
            "Output refers to sensitive values",
            "The value is sensitive (or made from something that is), and outputs of the root module are shown.",
        )
        .at(output.value.span)
        .help("Say sensitive = true in the output block; or, if the value may be seen, write nonsensitive(…) around it."));
    }
    if !output.ephemeral && marks.has(Mark::Ephemeral) {
        return Err(Diagnostic::error(
            "Ephemeral value not allowed",
            "The value is ephemeral, and this output is not: it would be stored.",
        )
        .at(output.value.span)
        .help("In a child module, say ephemeral = true in the output block."));
    }
    Ok(if output.sensitive { value.mark(Mark::Sensitive) } else { value })
}

/// Nothing ephemeral may be stored.
pub(crate) fn stored(config: &Value, block: &ResourceBlock, schema: &Schema) -> Result<(), Diagnostic> {
    if block.resource.mode == ResourceMode::Ephemeral || !config.marks_deep().has(Mark::Ephemeral) {
        return Ok(());
    }
    let kept = |name: &str| schema.block.attributes.get(name).is_none_or(|a| !a.write_only);
    let bad = |(name, value): &(&Str, &Value)| kept(name) && value.marks_deep().has(Mark::Ephemeral);
    let Some(at) = config.as_map().and_then(|m| m.iter().find(bad)).map(|(name, _)| name) else {
        return Ok(());
    };
    Err(Diagnostic::error(
        "Invalid use of ephemeral value",
        format!("The value of \"{at}\" is ephemeral, and would be stored."),
    )
    .at(attribute_span(&block.body, at).unwrap_or(block.span)))
}

/// No state can hold what is infinite: better to say so before the object is made.
pub(crate) fn writable(config: &Value, block: &ResourceBlock, schema: &Schema) -> Result<(), Diagnostic> {
    if block.resource.mode == ResourceMode::Ephemeral || !config.holds_infinity() {
        return Ok(());
    }
    let kept = |name: &str| schema.block.attributes.get(name).is_none_or(|a| !a.write_only);
    let bad = |(name, value): &(&Str, &Value)| kept(name) && value.holds_infinity();
    let Some(at) = config.as_map().and_then(|m| m.iter().find(bad)).map(|(name, _)| name) else {
        return Ok(());
    };
    Err(infinite(&format!("\"{at}\"")).at(attribute_span(&block.body, at).unwrap_or(block.span)))
}

/// That an output of the root module is infinite, if it is.
pub(crate) fn writable_output(output: &Output, value: &Value) -> Result<(), Diagnostic> {
    if !value.holds_infinity() {
        return Ok(());
    }
    Err(infinite(&format!("output \"{}\"", output.name.name)).at(output.value.span))
}

fn infinite(what: &str) -> Diagnostic {
    Diagnostic::error(
        "Infinite number cannot be stored",
        format!("The value of {what} holds an infinite number, which no state can store."),
    )
    .help("Is something divided by zero? To store it as text, use tostring().")
}

/// That nobody could read an output of the root module which is ephemeral.
pub(crate) fn ephemeral_output(output: &Output) -> Diagnostic {
    Diagnostic::error(
        "Ephemeral output not allowed",
        format!(
            "The output \"{}\" of the root module is ephemeral, so nobody could read it.",
            output.name.name
        ),
    )
    .help("Only outputs of modules that others call can be ephemeral: remove the argument.")
    .at(output.span)
}
