//! Override files: `override.tf` and `*_override.tf` change blocks of the others
//! (<https://developer.hashicorp.com/terraform/language/files/override>).

use crate::alone::Alone;
use crate::blocks::no_blocks;
use crate::labels::labels;
use crate::language::TOP_LEVEL;
use crate::meta::local_name;
use crate::resources::second_lifecycle;
use formwork_diag::{Diagnostic, Span};
use formwork_syntax::{Attribute, Block, Body, Expr, ExprKind, ObjectItem, Str};
use std::collections::BTreeSet;

/// Whether a file of this name overrides.
pub(crate) fn is_override(name: &str) -> bool {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let stem = stem.strip_suffix(".tf").unwrap_or(stem);
    stem == "override" || stem.ends_with("_override")
}

/// What is said of a block of an override file that no other file has.
pub(crate) const NOTHING: &str = "Nothing to override";

/// What is said of what is not known in a block that an override file changes: Terraform looks there only for what it knows.
pub fn without_effect(what: &str, detail: String) -> Diagnostic {
    Diagnostic::warning(
        format!("{what} without effect"),
        format!(
            "{detail} Because an override file changes this block, it is ignored, as it is by Terraform."
        ),
    )
}

/// Merges a block of an override file into the block of the same kind and labels, which are both read alone first.
pub(crate) fn merge(files: &mut [Body], mut block: Block, alone: &mut Alone, diags: &mut Vec<Diagnostic>) {
    let kind = block.kind.name.clone();
    if &*kind == "locals" {
        return locals(files, block, diags);
    }
    if let Some(d) = refused(&kind) {
        diags.push(d.help(ELSEWHERE).at(block.header));
        return;
    }
    conditions(&mut block, diags);
    if matches!(&*kind, "module" | "resource" | "data" | "ephemeral" | "output") {
        dependencies(&mut block, diags);
    }
    let unchanged = |b: &&Block| b.body.merged == 0 && same(b, &block);
    files.iter().flat_map(|f| f.blocks.iter()).filter(unchanged).for_each(|b| alone.read(b));
    alone.read(&block);
    if &*kind == "terraform" {
        backend(files, &block);
        required_providers(files, &mut block);
    }
    let base = files.iter_mut().flat_map(|f| f.blocks.iter_mut()).find(|b| same(b, &block));
    let Some(base) = base else {
        if let Some(first) = files.first_mut().filter(|_| stands_alone(&block)) {
            first.blocks.push(block);
        } else {
            diags.push(nothing_to_override(&named(&block), block.header));
        }
        return;
    };
    if matches!(&*kind, "module" | "resource" | "data" | "ephemeral") {
        repetition(base, &mut block, diags);
    }
    content(&mut base.body, block.body, &kind, diags);
}

/// Whether two blocks are about the same.
fn same(one: &Block, other: &Block) -> bool {
    one.kind.name == other.kind.name
        && one.labels.len() == other.labels.len()
        && one.labels.iter().zip(&other.labels).all(|(x, y)| x.name == y.name)
        && (&*one.kind.name != "provider" || alias(one) == alias(other))
}

/// Whether a block need not change another one: all modules have settings, and providers a usual configuration. What is no
/// block at all is told where all blocks are looked at.
fn stands_alone(block: &Block) -> bool {
    match &*block.kind.name {
        "terraform" => true,
        "provider" => block.body.attribute("alias").is_none(),
        kind => !TOP_LEVEL.iter().any(|known| known.name == kind),
    }
}

/// Where blocks belong that no override file may have.
const ELSEWHERE: &str = "Put it into a file whose name does not end in _override.";

/// Puts local values in the place of those of the same names.
fn locals(files: &mut [Body], block: Block, diags: &mut Vec<Diagnostic>) {
    no_blocks(&block, diags);
    if labels(&block, &[], diags).is_none() {
        return;
    }
    for attribute in block.body.attributes {
        let old = files
            .iter_mut()
            .flat_map(|f| f.blocks.iter_mut())
            .filter(|b| &*b.kind.name == "locals")
            .flat_map(|b| b.body.attributes.iter_mut())
            .find(|a| a.name.name == attribute.name.name);
        match old {
            Some(old) => *old = attribute,
            None => {
                local_name(&attribute.name, diags);
                let what = format!("local value {:?}", &*attribute.name.name);
                diags.push(nothing_to_override(&what, attribute.name.span));
            }
        }
    }
}

/// Why an override file can have no blocks of this kind.
fn refused(kind: &str) -> Option<Diagnostic> {
    match kind {
        "moved" | "import" => Some(Diagnostic::error(
            format!("Cannot override '{kind}' blocks"),
            format!("A {kind} block says what happens once, so there is nothing in it to override."),
        )),
        "check" => Some(Diagnostic::error(
            "Can't override check blocks",
            "A check block stands for itself: no other file can change what it checks.",
        )),
        "removed" => Some(Diagnostic::warning(
            "Removed block without effect",
            "Override files change blocks of other files, and a removed block has nothing to change: it is ignored.",
        )),
        _ => None,
    }
}

/// Refuses conditions: those of the block in the other files hold as they are.
fn conditions(block: &mut Block, diags: &mut Vec<Diagnostic>) {
    match &*block.kind.name {
        "variable" => refuse(&mut block.body, &["validation"], diags),
        "output" => refuse(&mut block.body, &["precondition"], diags),
        "resource" | "data" | "ephemeral" => {
            for inner in block.body.blocks.iter_mut().filter(|b| &*b.kind.name == "lifecycle") {
                refuse(&mut inner.body, &["precondition", "postcondition"], diags);
            }
        }
        _ => {}
    }
}

fn refuse(body: &mut Body, kinds: &[&str], diags: &mut Vec<Diagnostic>) {
    for inner in body.blocks.extract_if(.., |b| kinds.contains(&&*b.kind.name)) {
        let kind = &inner.kind;
        // In JSON no word says what a block is; all of its value would be too much to mark.
        let json = kind.span.start <= inner.body.span.start && inner.body.span.end <= kind.span.end;
        diags.push(
            Diagnostic::error(
                format!("Can't override {} blocks", kind.name),
                format!("Override files can neither change nor add a {}.", kind.name),
            )
            .help(ELSEWHERE)
            .at(if json { kind.span.first(1) } else { kind.span }),
        );
    }
}

/// There is one backend, whichever of several terraform blocks it stands in. HCP Terraform takes the place of one.
fn backend(files: &mut [Body], block: &Block) {
    let is_it = |b: &Block| matches!(&*b.kind.name, "backend" | "cloud");
    if block.body.blocks.iter().any(is_it) {
        for base in
            files.iter_mut().flat_map(|f| f.blocks.iter_mut()).filter(|b| b.kind.name == block.kind.name)
        {
            base.body.blocks.retain(|b| !is_it(b));
        }
    }
}

/// Puts what a body says in the place of what the base says of the same names. Where a schema tells arguments from blocks, what
/// may be either stays beside what it may replace: the engine settles that (`engine/merged.rs`).
fn content(base: &mut Body, mut over: Body, kind: &str, diags: &mut Vec<Diagnostic>) {
    let dynamic = matches!(kind, "resource" | "data" | "ephemeral" | "provider");
    base.merged += 1;
    over.attributes.iter_mut().for_each(|a| a.over = base.merged);
    let makes = |attribute: &Attribute| dynamic && attribute.json && &*attribute.name.name == "dynamic";
    let mut kinds: BTreeSet<Str> = over.blocks.iter().map(|b| made(b, dynamic).clone()).collect();
    // They are merged by argument, below.
    kinds.remove("lifecycle");
    let mut generated: Vec<Attribute> = over.attributes.extract_if(.., |a| makes(a)).collect();
    generated.iter().for_each(|a| keys(&a.expr, &mut kinds));
    let may_be_blocks = |a: &Attribute| a.json && holds_objects(&a.expr);
    kinds.extend(over.attributes.iter().filter(|a| may_be_blocks(a)).map(|a| a.name.name.clone()));
    base.blocks.retain(|b| !kinds.contains(made(b, dynamic)));
    let own: BTreeSet<&str> = TOP_LEVEL
        .iter()
        .filter(|known| known.name == kind)
        .flat_map(|known| known.arguments)
        .map(|argument| argument.name)
        .collect();
    base.attributes.retain(|a| {
        let open = dynamic && !own.contains(&*a.name.name);
        match over.attribute(&a.name.name) {
            // What is empty, or no JSON, is no block.
            Some(new) => open && may_be_blocks(a) && !may_be_blocks(new),
            None => open || !kinds.contains(&a.name.name),
        }
    });
    for mut attribute in base.attributes.extract_if(.., |a| makes(a)).collect::<Vec<_>>() {
        if without(&mut attribute.expr, &kinds) {
            generated.push(attribute);
        }
    }
    base.attributes.extend(over.attributes);
    base.attributes.extend(generated);
    blocks(&mut base.blocks, over.blocks, diags);
}

/// Adds blocks to those that they leave of the base.
fn blocks(base: &mut Vec<Block>, over: Vec<Block>, diags: &mut Vec<Diagnostic>) {
    let mut first = None;
    for mut inner in over {
        if &*inner.kind.name != "lifecycle" {
            base.push(inner);
            continue;
        }
        if let Some(first) = first {
            diags.push(second_lifecycle(inner.header, first));
            continue;
        }
        first = Some(inner.header);
        let old = base.iter_mut().find(|b| &*b.kind.name == "lifecycle");
        ineffective(old.as_deref(), &mut inner, diags);
        match old {
            Some(old) => {
                for a in inner.body.attributes {
                    old.body.attributes.retain(|o| o.name.name != a.name.name);
                    old.body.attributes.push(a);
                }
                old.body.blocks.extend(inner.body.blocks);
            }
            None => base.push(inner),
        }
    }
}

/// Takes out of an overriding lifecycle block what Terraform does not merge.
fn ineffective(base: Option<&Block>, inner: &mut Block, diags: &mut Vec<Diagnostic>) {
    let ignored = base.and_then(|b| b.body.attribute("ignore_changes")).map(|a| &a.expr.kind);
    let everything = matches!(ignored, Some(ExprKind::Variable(all)) if &**all == "all");
    inner.body.attributes.retain(|a| {
        let list = matches!(a.expr.kind, ExprKind::Tuple(_));
        let empty = matches!(&a.expr.kind, ExprKind::Tuple(items) if items.is_empty());
        let why = match &*a.name.name {
            "replace_triggered_by" => "Override files cannot change what an object is replaced with.",
            "ignore_changes" if empty && ignored.is_some() => "An empty list does not replace another one.",
            "ignore_changes" if everything && list => "A list does not replace \"all\".",
            _ => return true,
        };
        let d = Diagnostic::warning(
            "Argument without effect",
            format!("{why} What the other files say stays, as it does with Terraform."),
        );
        diags.push(d.help("Change it where the block itself is.").at(a.span));
        false
    });
}

/// The kind of block that a block is, or makes if it is a dynamic one.
fn made(block: &Block, dynamic: bool) -> &Str {
    match block.labels.first() {
        Some(label) if dynamic && &*block.kind.name == "dynamic" => &label.name,
        _ => &block.kind.name,
    }
}

/// Whether a value of JSON may be blocks: an object, or arrays with one in them.
fn holds_objects(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Object(_) => true,
        ExprKind::Tuple(items) => items.iter().any(holds_objects),
        _ => false,
    }
}

/// The keys of an object of JSON, or of the objects in arrays.
fn keys(expr: &Expr, out: &mut BTreeSet<Str>) {
    match &expr.kind {
        ExprKind::Object(items) => out.extend(items.iter().filter_map(|item| key(item).cloned())),
        ExprKind::Tuple(items) => items.iter().for_each(|item| keys(item, out)),
        _ => {}
    }
}

/// Takes these keys out of an object of JSON, or of the objects in arrays; whether anything is left.
fn without(expr: &mut Expr, gone: &BTreeSet<Str>) -> bool {
    match &mut expr.kind {
        ExprKind::Object(items) => {
            let before = items.len();
            items.retain(|item| key(item).is_none_or(|name| !gone.contains(name)));
            before == 0 || !items.is_empty()
        }
        ExprKind::Tuple(items) => {
            let before = items.len();
            items.retain_mut(|item| without(item, gone));
            before == 0 || !items.is_empty()
        }
        _ => true,
    }
}

fn key(item: &ObjectItem) -> Option<&Str> {
    match &item.key.kind {
        ExprKind::String(name) => Some(name),
        _ => None,
    }
}

/// Where one file has `count` and the other `for_each`, `count` is what counts, whichever has it.
fn repetition(base: &mut Block, block: &mut Block, diags: &mut Vec<Diagnostic>) {
    let has = |block: &Block, name: &str| block.body.attribute(name).is_some();
    // Both in one file are told where all blocks are looked at.
    if [&*base, &*block].iter().any(|b| has(b, "count") && has(b, "for_each")) {
        return;
    }
    let loser = match (has(base, "count"), has(block, "count")) {
        (true, false) => block,
        (false, true) => base,
        _ => return,
    };
    for ignored in loser.body.attributes.extract_if(.., |a| &*a.name.name == "for_each") {
        diags.push(
            Diagnostic::warning(
                "for_each without effect",
                "Another file of the module repeats this block by \"count\", which counts where an override file mixes the \
                 two, as it does with Terraform.",
            )
            .help("Leave one of the two out.")
            .at(ignored.span),
        );
    }
}

/// Refuses to override what a block depends on, if there is anything in it.
fn dependencies(block: &mut Block, diags: &mut Vec<Diagnostic>) {
    for a in block.body.attributes.extract_if(.., |a| &*a.name.name == "depends_on") {
        if !matches!(&a.expr.kind, ExprKind::Tuple(items) if items.is_empty()) {
            diags.push(
                Diagnostic::error("Unsupported override", "\"depends_on\" cannot be overridden.")
                    .help("Change it where the block itself is.")
                    .at(a.span),
            );
        }
    }
}

/// Configurations of one provider are told apart by it.
fn alias(block: &Block) -> Option<&str> {
    match &block.body.attribute("alias")?.expr.kind {
        ExprKind::String(alias) => Some(alias),
        _ => None,
    }
}

fn nothing_to_override(what: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        NOTHING,
        format!("There is no {what} in the other files of the module for this one to change."),
    )
    .at(span)
    .help("Blocks in override files must have the same labels as the block that they change.")
}

/// What a block declares.
fn named(block: &Block) -> String {
    let what = match &*block.kind.name {
        "module" => "module call",
        "data" => "data resource",
        "ephemeral" => "ephemeral resource",
        "provider" => "provider configuration",
        other => other,
    };
    match &*block.labels {
        [ty, name] => format!("{what} {}.{}", ty.name, name.name),
        labels => {
            let shown = labels.iter().fold(what.to_owned(), |all, label| format!("{all} {:?}", &*label.name));
            match alias(block).filter(|_| what == "provider configuration") {
                Some(alias) => format!("{shown} with the alias {alias:?}"),
                None => shown,
            }
        }
    }
}

/// Puts the requirements of an overriding `terraform` block in the place of those of the same names, in whichever block they
/// stand.
fn required_providers(files: &mut [Body], block: &mut Block) {
    let is_it = |b: &Block| &*b.kind.name == "required_providers";
    let old = files
        .iter_mut()
        .flat_map(|f| f.blocks.iter_mut())
        .filter(|b| &*b.kind.name == "terraform")
        .flat_map(|b| b.body.blocks.iter_mut())
        .find(|b| is_it(b));
    let Some(old) = old else { return };
    for inner in block.body.blocks.extract_if(.., |b| is_it(b)) {
        for attribute in inner.body.attributes {
            old.body.attributes.retain(|a| a.name.name != attribute.name.name);
            old.body.attributes.push(attribute);
        }
    }
}
