//! What can be said of references from their form, the declarations and the schemas alone.

use formwork_addr::{Resource, ResourceMode};
use formwork_config::{Config, IgnoreChanges, Module, ModuleCall, Repetition, ResourceBlock};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_lang::{RefStep, Reference, Step, references};
use formwork_provider::Schema;
use formwork_syntax::{Expr, ExprKind};
use formwork_value::Type;

/// A reference to `path`, `terraform`, `self` (outside of postconditions), or to `each` or `count` without a name, that means
/// nothing.
pub(crate) fn of_the_language(root: &str, steps: &[RefStep<'_>]) -> Option<Diagnostic> {
    if root == "self" {
        let d = Diagnostic::error("Invalid \"self\" reference", "\"self\" has no meaning here.");
        return Some(d.help("It stands for the object itself, in its postconditions."));
    }
    let (known, help): (&[&str], _) = match root {
        "path" => (&["module", "root", "cwd"], "There are path.module, path.root and path.cwd."),
        "each" => (&["key", "value"], "There are each.key and each.value."),
        "count" => (&["index"], "There is count.index."),
        _ => (&["workspace", "applying"], "There are terraform.workspace and terraform.applying."),
    };
    let detail = match steps.first() {
        Some(RefStep::Attr(name)) if known.contains(name) => return None,
        Some(RefStep::Attr(name)) => format!("\"{root}\" has no attribute \"{name}\"."),
        _ => format!("\"{root}\" must be followed by a dot and a name."),
    };
    let shown = if root == "tofu" { "terraform" } else { root };
    Some(Diagnostic::error(format!("Invalid \"{shown}\" attribute"), detail).help(help))
}

/// `count` or `each` where it has no value.
pub(crate) fn unrepeated(root: &str, name: &str) -> Diagnostic {
    let (argument, names): (_, &[&str]) =
        if root == "count" { ("count", &["index"]) } else { ("for_each", &["key", "value"]) };
    if !names.contains(&name) {
        return Diagnostic::error(
            format!("Invalid \"{root}\" attribute"),
            format!("\"{root}\" has no attribute \"{name}\"."),
        )
        .help("There are count.index, each.key and each.value.");
    }
    Diagnostic::error(
        format!("Reference to \"{root}\" in non-{argument} context"),
        format!("\"{root}.{name}\" has a value only in blocks with \"{argument}\" set."),
    )
}

/// Whether what follows the name of a resource fits whether it is repeated.
pub(crate) fn instance(block: &ResourceBlock, rest: &[RefStep<'_>]) -> Option<Diagnostic> {
    let resource = &block.resource;
    match (&block.repetition, rest.first()?) {
        (Repetition::Single | Repetition::Enabled(_), RefStep::Key(_) | RefStep::Dynamic) => Some(
            Diagnostic::error(
                "Unexpected resource instance key",
                format!("{resource} has neither \"count\" nor \"for_each\", so there is one of it, without a key."),
            )
            .help("Remove the brackets; for an attribute, write its name after a dot."),
        ),
        (Repetition::Count(_), RefStep::Attr(name)) => Some(
            Diagnostic::error(
                "Missing resource instance key",
                format!(
                    "{resource} has \"count\" set, so it is a list of instances, which has no attribute \"{name}\"."
                ),
            )
            .help("Name one instance, such as [0] or [count.index]; or take the attribute of all with [*]."),
        ),
        (Repetition::ForEach(_), RefStep::Attr(name)) => Some(
            Diagnostic::error(
                "Missing resource instance key",
                format!(
                    "{resource} has \"for_each\" set, so it is a map of instances, and \"{name}\" stands where its key must."
                ),
            )
            .help("Name one instance, such as [\"key\"] or [each.key]; for all, use a for expression."),
        ),
        _ => None,
    }
}

/// Where a module declares what a reference leads to; of an output of a module that it calls, the output.
pub(crate) fn declared(config: &Config, module: &Module, root: &str, steps: &[Step<'_>]) -> Option<Span> {
    let attr = |i: usize| match steps.get(i) {
        Some(Step::Attr(name)) => Some(*name),
        _ => None,
    };
    let resource = |mode, ty: &str, name: &str| {
        let resource = Resource { mode, type_name: ty.into(), name: name.into() };
        module.resources.get(&resource).map(|block| block.span)
    };
    let name = attr(0)?;
    match root {
        "var" => module.variables.get(name).map(|v| v.name.span),
        "local" => module.locals.get(name).map(|l| l.name.span),
        "module" => {
            let call = module.calls.get(name)?;
            let output = attr(1).or_else(|| attr(2));
            let child = config.module(&module.path.child(name.into()));
            let output = output.and_then(|output| child?.outputs.get(output));
            Some(output.map_or(call.span, |output| output.span))
        }
        "data" => resource(ResourceMode::Data, name, attr(1)?),
        "ephemeral" => resource(ResourceMode::Ephemeral, name, attr(1)?),
        "resource" => resource(ResourceMode::Managed, name, attr(1)?),
        "path" | "terraform" | "tofu" | "each" | "count" | "self" => None,
        ty => resource(ResourceMode::Managed, ty, name),
    }
}

/// A reference in `depends_on` to a part of an object: `expr` is all of the item.
pub(crate) fn not_whole(reference: &Reference<'_>, expr: &Expr) -> Option<Diagnostic> {
    let names = match reference.root {
        "path" | "terraform" | "tofu" | "each" | "count" | "self" => return None,
        "var" | "local" | "module" => 1,
        "data" | "resource" => 2,
        _ => 1,
    };
    let rest = reference.steps.get(names..)?;
    let rest = match rest {
        [RefStep::Key(_), rest @ ..] => rest,
        rest => rest,
    };
    // Outputs of a module are objects, too.
    let rest = match rest {
        [RefStep::Attr(_), rest @ ..] if reference.root == "module" => rest,
        rest => rest,
    };
    let object = rest.iter().fold(expr, |expr, _| match &expr.kind {
        ExprKind::Attr(source, _) | ExprKind::Index(source, _) => source.as_ref(),
        _ => expr,
    });
    (!rest.is_empty()).then(|| {
        Diagnostic::error(
            "Invalid depends_on reference",
            "\"depends_on\" is about whole objects, and this names a part of one.",
        )
        .help("End the reference with the object's name or its key.")
        .at(Span { start: object.span.end.min(reference.span.end), ..reference.span })
    })
}

/// What `ignore_changes` names in vain: what the resource does not have, and what the provider alone decides.
pub(crate) fn ignored(block: &ResourceBlock, schema: &Schema) -> Vec<Diagnostic> {
    let IgnoreChanges::Paths(paths) = &block.lifecycle.ignore_changes else { return Vec::new() };
    let ty = schema.block.ty();
    paths
        .iter()
        .flat_map(references)
        .filter_map(|r| unknown_path(&ty, &r, block).or_else(|| decided(&r, schema)).map(|d| d.at(r.span)))
        .collect()
}

fn decided(reference: &Reference<'_>, schema: &Schema) -> Option<Diagnostic> {
    let attribute = schema.block.attributes.get(reference.root)?;
    (!attribute.configurable()).then(|| {
        Diagnostic::warning(
            "Redundant ignore_changes element",
            format!(
                "\"{}\" is decided by the provider, so no change of the configuration can reach it.",
                reference.root
            ),
        )
        .help("Remove it from ignore_changes.")
    })
}

fn unknown_path(ty: &Type, reference: &Reference<'_>, block: &ResourceBlock) -> Option<Diagnostic> {
    let kind = &block.resource.type_name;
    let mut at = ty.clone();
    let first = RefStep::Attr(reference.root);
    for step in std::iter::once(&first).chain(&reference.steps) {
        let name = match step {
            RefStep::Attr(name) => *name,
            RefStep::Key(key) => key.as_str().unwrap_or_default(),
            RefStep::Dynamic | RefStep::Splat => return None,
        };
        at = match &at {
            Type::Dynamic => return None,
            Type::Object(o) => {
                match o.attrs.get(name) {
                    Some(ty) => ty.clone(),
                    None => {
                        let d = Diagnostic::error(
                            "Unsupported attribute",
                            format!("\"ignore_changes\" names \"{name}\", which {kind} does not have."),
                        );
                        return Some(match suggestion(name, o.attrs.keys().map(|k| &**k)) {
                        _ if name == "all" => d.help("To ignore all changes, write ignore_changes = all, without brackets and quotes."),
                        Some(near) => d.help(format!("Did you mean \"{near}\"?")),
                        None => d.help(format!(
                            "It has: {}.",
                            o.attrs.keys().map(|k| &**k).collect::<Vec<_>>().join(", ")
                        )),
                    });
                    }
                }
            }
            Type::List(inner) | Type::Set(inner) | Type::Map(inner) => (**inner).clone(),
            Type::Tuple(_) => return None,
            other => {
                return Some(
                    Diagnostic::error(
                        "Unsupported attribute",
                        format!(
                            "\"ignore_changes\" names a part of what is a {}, which has no parts.",
                            other.friendly_name()
                        ),
                    )
                    .help("Name the attribute as a whole."),
                );
            }
        };
    }
    None
}

/// That a module has no such output. It is said where the reference is evaluated: whether there is one may depend on the version
/// of the module, so `try` and `can` see it. `steps` are those behind `module`.
pub(crate) fn no_output(
    call: &ModuleCall,
    child: &Module,
    steps: &[Step<'_>],
    output: &str,
    span: Span,
) -> Diagnostic {
    let name = &call.name.name;
    // Of `module.m.output` the last step, with its dot.
    let at = match steps {
        [_, Step::Attr(_)] => Span { start: span.first("module.".len() + name.len()).end, ..span },
        _ => span,
    };
    let d = Diagnostic::error(
        "Unsupported attribute",
        format!("The module \"{name}\" has no output named \"{output}\"."),
    )
    .at(at)
    .label(call.span, format!("module.{name} is declared here"));
    match suggestion(output, child.outputs.keys().map(|k| &**k)) {
        Some(s) => d.help(format!("Did you mean \"{s}\"?")),
        None => d.help("Only outputs of a module can be used from outside."),
    }
}
