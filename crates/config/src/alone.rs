//! What blocks that override files change say by themselves. Terraform reads each file for itself before it merges any: what is
//! wrong in one of them is told though another file replaces it, and a default takes the type of its own file first.

use crate::blocks::{add_block, convert_with, null_default, reason};
use crate::load::MISSING;
use crate::model::{Module, Variable};
use crate::settings::OF_THE_WHOLE;
use formwork_diag::{Diagnostic, Span, has_errors};
use formwork_lang::{RefStep, references};
use formwork_syntax::{Block, Str};
use formwork_value::{Defaults, Type, Value, convert};
use std::collections::BTreeMap;

/// What was found in blocks that override files change, each read for itself.
#[derive(Default)]
pub(crate) struct Alone {
    mistakes: Vec<Diagnostic>,
    /// What each file says of a variable, the overriding ones last and in their order.
    variables: BTreeMap<Str, Vec<Declared>>,
    /// Variables that are named where others replace it, and the graph does not look.
    named: Vec<(Str, Span)>,
}

/// What one file says of a variable.
struct Declared {
    header: Span,
    ty: Option<(Type, Span)>,
    defaults: Option<Defaults>,
    /// Already of the type, if this file has one.
    default: Option<(Value, Span)>,
    nullable: Option<bool>,
    /// Whether its type or its default is no such thing, which has been told.
    broken: bool,
}

impl Alone {
    /// Reads a block into a module of its own. What it must have may stand in another file.
    pub(crate) fn read(&mut self, block: &Block) {
        let mut copy = block.clone();
        match &*copy.kind.name {
            // Of all of these there is one, the last; nobody looks into the others.
            "terraform" => copy.body.blocks.retain(|b| !matches!(&*b.kind.name, "backend" | "cloud")),
            // What modules are not known to have is ignored in what is merged.
            "module" => copy.body.merged = copy.body.merged.max(1),
            _ => {}
        }
        let mut module = Module::default();
        let mut found = Vec::new();
        add_block(&mut module, &copy, &mut found);
        found.retain(|d| d.summary != MISSING && !OF_THE_WHOLE.contains(&&*d.summary));
        self.mistakes.extend(found);
        self.named.extend(named(block));
        if let Some((name, variable)) = module.variables.pop_first() {
            self.variables.entry(name).or_default().push(declared(block, variable));
        }
    }

    /// Adds what was not told of the merged blocks, and gives variables their defaults.
    pub(crate) fn finish(self, module: &mut Module, told: &mut Vec<Diagnostic>) {
        for mistake in self.mistakes {
            if !told.iter().any(|d| d.summary == mistake.summary && d.span == mistake.span) {
                told.push(mistake);
            }
        }
        // As always, this is told when all else is well: the block of a variable may be what could not be read.
        if !has_errors(told) {
            let missing = self.named.into_iter().filter(|(name, _)| !module.variables.contains_key(name));
            told.extend(missing.map(|(name, at)| undeclared(&name, at)));
        }
        for (name, declared) in &self.variables {
            if let Some(variable) = module.variables.get_mut(name) {
                settle(variable, declared, told);
            }
        }
    }
}

/// The variables in those arguments of a resource's lifecycle that are evaluated.
fn named(block: &Block) -> Vec<(Str, Span)> {
    let mut found = Vec::new();
    for lifecycle in block.body.blocks.iter().filter(|b| &*b.kind.name == "lifecycle") {
        for argument in ["prevent_destroy", "create_before_destroy"] {
            let Some(a) = lifecycle.body.attribute(argument) else { continue };
            for reference in references(&a.expr) {
                if let ("var", Some(RefStep::Attr(name))) = (reference.root, reference.steps.first()) {
                    found.push((Str::from(*name), reference.span));
                }
            }
        }
    }
    found
}

fn undeclared(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "Reference to undeclared input variable",
        format!("The module has no variable \"{name}\"."),
    )
    .at(at)
    .help(format!("Declare it with variable \"{name}\" {{}}, or remove what an override file replaces."))
}

fn declared(block: &Block, variable: Variable) -> Declared {
    let at = |name: &str| block.body.attribute(name).map(|a| a.expr.span);
    Declared {
        header: block.header,
        broken: at("type").is_some() != variable.typed
            || at("default").is_some() != variable.default.is_some(),
        ty: at("type").filter(|_| variable.typed).map(|at| (variable.ty, at)),
        defaults: variable.defaults,
        default: variable.default.zip(at("default")),
        nullable: at("nullable").map(|_| variable.nullable),
    }
}

/// Takes the default through the types of all files, one after the other. Defaults within a type are those of the first file:
/// Terraform takes none from override files, and fills in those at the end.
fn settle(variable: &mut Variable, declared: &[Declared], told: &mut Vec<Diagnostic>) {
    let Some((first, rest)) = declared.split_first() else { return };
    if declared.iter().any(|file| file.broken) {
        return;
    }
    variable.defaults = first.defaults.clone();
    let (mut ty, mut default, mut nullable) = (first.ty.as_ref(), first.default.clone(), first.nullable);
    let mut header = first.header;
    for over in rest {
        header = over.header;
        ty = over.ty.as_ref().or(ty);
        default = over.default.clone().or(default);
        nullable = over.nullable.or(nullable);
        let Some((value, at)) = &mut default else { continue };
        if let Some((ty, type_at)) = ty {
            match convert(value, ty) {
                Ok(converted) => *value = converted,
                Err(e) => {
                    let d = misfit(&reason(e)).at(header).label(*at, "the default stands here");
                    told.push(d.label(*type_at, "the type stands here"));
                    return;
                }
            }
        }
        if value.is_null() && nullable == Some(false) {
            told.push(null_default().at(header).label(*at, "the default stands here"));
            return;
        }
    }
    let Some((value, at)) = default else { return };
    match convert_with(variable, &value) {
        Ok(value) => variable.default = Some(value),
        Err(why) => told.push(misfit(&why).at(header).label(at, "the default stands here")),
    }
}

/// What is said of a default and a type of different files.
fn misfit(why: &str) -> Diagnostic {
    Diagnostic::error(
        "Invalid default value for variable",
        format!("With what this override file says, the default does not fit the variable's type: {why}."),
    )
    .help("Override the type together with the default.")
}
