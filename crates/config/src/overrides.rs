//! Override files: `override.tf` and `*_override.tf` change blocks of the others
//! (<https://developer.hashicorp.com/terraform/language/files/override>).

use formwork_diag::Diagnostic;
use formwork_syntax::{Block, Body, ExprKind};

/// Whether a file of this name overrides.
pub(crate) fn is_override(name: &str) -> bool {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let stem = stem.strip_suffix(".tf").unwrap_or(stem);
    stem == "override" || stem.ends_with("_override")
}

/// Merges a block of an override file into the block of the same kind and labels.
pub(crate) fn merge(files: &mut [Body], mut block: Block, diags: &mut Vec<Diagnostic>) {
    let kind = block.kind.name.clone();
    if &*kind == "locals" {
        for attribute in block.body.attributes {
            let old = files
                .iter_mut()
                .flat_map(|f| f.blocks.iter_mut())
                .filter(|b| &*b.kind.name == "locals")
                .flat_map(|b| b.body.attributes.iter_mut())
                .find(|a| a.name.name == attribute.name.name);
            match old {
                Some(old) => *old = attribute,
                None => diags.push(nothing_to_override("locals", attribute.name.span)),
            }
        }
        return;
    }
    let refused = match &*kind {
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
    };
    if let Some(d) = refused {
        diags.push(d.help("Put it into a file whose name does not end in _override.").at(block.header));
        return;
    }
    if matches!(&*kind, "module" | "resource" | "data" | "ephemeral" | "output") {
        dependencies(&mut block, diags);
    }
    if &*kind == "terraform" && block.body.blocks.iter().any(|b| &*b.kind.name == "backend") {
        // There is one backend, whichever of several terraform blocks it stands in.
        for base in files.iter_mut().flat_map(|f| f.blocks.iter_mut()).filter(|b| b.kind.name == kind) {
            base.body.blocks.retain(|b| &*b.kind.name != "backend");
        }
    }
    if &*kind == "terraform" {
        required_providers(files, &mut block);
    }
    let same = |b: &&mut Block| {
        b.kind.name == kind
            && b.labels.len() == block.labels.len()
            && b.labels.iter().zip(&block.labels).all(|(x, y)| x.name == y.name)
            && (&*kind != "provider" || alias(b) == alias(&block))
    };
    let Some(base) = files.iter_mut().flat_map(|f| f.blocks.iter_mut()).find(same) else {
        if &*kind == "terraform" || &*kind == "provider" {
            if let Some(first) = files.first_mut() {
                first.blocks.push(block);
            }
        } else {
            diags.push(nothing_to_override(&kind, block.header));
        }
        return;
    };
    if matches!(&*kind, "module" | "resource" | "data" | "ephemeral") {
        repetition(base, &mut block, diags);
    }
    for attribute in block.body.attributes {
        match base.body.attributes.iter_mut().find(|a| a.name.name == attribute.name.name) {
            Some(old) => *old = attribute,
            None => base.body.attributes.push(attribute),
        }
    }
    // `lifecycle` is merged by argument; any other nested block replaces all of its kind.
    let mut replaced: Vec<_> = Vec::new();
    for inner in block.body.blocks {
        let name = inner.kind.name.clone();
        if &*name == "lifecycle"
            && let Some(old) = base.body.blocks.iter_mut().find(|b| b.kind.name == name)
        {
            for a in inner.body.attributes {
                old.body.attributes.retain(|o| o.name.name != a.name.name);
                old.body.attributes.push(a);
            }
            old.body.blocks.extend(inner.body.blocks);
            continue;
        }
        if !replaced.contains(&name) {
            base.body.blocks.retain(|b| b.kind.name != name);
            replaced.push(name);
        }
        base.body.blocks.push(inner);
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

fn nothing_to_override(kind: &str, span: formwork_diag::Span) -> Diagnostic {
    Diagnostic::error(
        "Nothing to override",
        format!("This override file changes a {kind} that no other file of the module declares."),
    )
    .at(span)
    .help("Blocks in override files must have the same labels as the block that they change.")
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
