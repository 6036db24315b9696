//! The values of a `backend` block's arguments, which are needed before there is any state.

use crate::early::Early;
use crate::model::Config;
use formwork_diag::{Diagnostic, Span};
use formwork_lang::{Lookup, Step, World};
use formwork_syntax::Str;
use formwork_value::Value;
use std::collections::BTreeMap;

/// The arguments of the root module's `backend` block. They may refer to variables, of which `variables` has the values, and
/// to locals made of these. Marks are taken off: whoever shows settings knows which are secret.
pub fn backend_arguments(
    config: &Config,
    variables: &BTreeMap<Str, Value>,
    world: &dyn World,
    diags: &mut Vec<Diagnostic>,
) -> BTreeMap<Str, Value> {
    let root = config.root();
    let Some(block) = &root.backend else { return BTreeMap::new() };
    let early = Early::new(root, variables, "", world, &no_workspace);
    let value = |expr, diags: &mut Vec<Diagnostic>| early.value(expr, diags);
    let known = block.arguments.iter().map(|a| Some((a.name.name.clone(), value(&a.expr, diags)?)));
    known.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// Which workspace there is depends on where the states are, which is what this says.
fn no_workspace(root: &str, _: &[Step<'_>], span: Span) -> Option<Lookup> {
    let d = Diagnostic::error(
        "Not known before the state is read",
        "\"terraform\" cannot be referred to here: the workspaces are where the state is, and this says where that is.",
    );
    let help = "Refer to variables, to locals made of them, and to path.";
    (root == "terraform").then(|| Lookup::Error(d.at(span).help(help)))
}
