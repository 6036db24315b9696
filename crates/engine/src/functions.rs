//! Calls of providers' functions.

use crate::Registry;
use formwork_config::Module;
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_value::Value;

/// Calls `provider::local_name::function` as a module means it: the local name is one of its `required_providers`.
pub(crate) fn call(
    registry: &Registry,
    module: &Module,
    name: &str,
    args: &[Value],
    span: Span,
) -> Result<Value, Diagnostic> {
    let unknown = |detail: String| Diagnostic::error("Unknown provider function", detail).at(span);
    let Some((local, function)) = name.strip_prefix("provider::").and_then(|rest| rest.split_once("::"))
    else {
        return Err(unknown(format!("{name:?} is not the name of a provider's function."))
            .help("Such functions are written provider::<local name>::<function>."));
    };
    let Some(requirement) = module.required_providers.get(local) else {
        let source = module.provider_source(local);
        return Err(unknown(format!("The module requires no provider with the local name {local:?}.")).help(
            format!(
                "Add it to required_providers in the terraform block: {local} = {{ source = \"{source}\" }}"
            ),
        ));
    };
    let Some(functions) = registry.functions(&requirement.source) else {
        return Err(unknown(format!("The provider {} is not in this program.", requirement.source)));
    };
    let Some(function) = functions.get(function) else {
        let d = unknown(format!("The provider {} has no function named {function:?}.", requirement.source));
        return Err(match (suggestion(function, functions.keys().copied()), functions.is_empty()) {
            (Some(better), _) => d.help(format!("Did you mean provider::{local}::{better}()?")),
            (None, true) => d.help("It has no functions at all."),
            (None, false) => d.help(format!(
                "It has these: {}.",
                functions.keys().copied().collect::<Vec<&str>>().join(", ")
            )),
        });
    };
    let signature = &function.signature;
    if let Err(message) = signature.check_arity(args.len()) {
        let few = args.len() < signature.params.len();
        let summary = if few { "Not enough function arguments" } else { "Too many function arguments" };
        let usage = format!("It is called as provider::{local}::{}.", signature.usage());
        return Err(Diagnostic::error(summary, message).help(usage).at(span));
    }
    function.call(args.to_vec()).map_err(|e| match e.arg.and_then(|i| Some((i, signature.param(i)?))) {
        Some((i, param)) => Diagnostic::error(
            "Invalid function argument",
            format!("{name}() cannot take its argument {} ({}): {}.", i + 1, param.name, e.message),
        )
        .at(span),
        None => {
            Diagnostic::error("Error in function call", format!("{name}() failed: {}.", e.message)).at(span)
        }
    })
}
