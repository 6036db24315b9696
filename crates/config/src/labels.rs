//! The labels of blocks: as many as the language wants.

use crate::language::{BlockKind, TOP_LEVEL};
use crate::meta::{NAMES, is_identifier};
use formwork_diag::Diagnostic;
use formwork_syntax::{Block, Body, Ident};

/// The labels of a block, when there are as many as `wanted` names and each is an identifier.
pub(crate) fn labels<'a>(
    block: &'a Block,
    wanted: &[&str],
    diags: &mut Vec<Diagnostic>,
) -> Option<&'a [Ident]> {
    if !counted(block, wanted, diags) {
        return None;
    }
    let kind = &block.kind.name;
    let mut fine = true;
    for (label, what) in block.labels.iter().zip(wanted) {
        if !is_identifier(&label.name) {
            fine = false;
            diags.push(
                Diagnostic::error(
                    format!("Invalid {what}"),
                    format!("\"{}\" cannot be the {what} of a {kind} block.", label.name),
                )
                .at(label.span)
                .help(NAMES),
            );
        }
    }
    fine.then_some(&block.labels)
}

/// Whether a block has as many labels as it should.
fn counted(block: &Block, wanted: &[&str], diags: &mut Vec<Diagnostic>) -> bool {
    if block.labels.len() == wanted.len() {
        return true;
    }
    let kind = &block.kind.name;
    let form: String = wanted.iter().map(|w| format!(" \"{}\"", w.to_uppercase())).collect();
    let missing = block.labels.len() < wanted.len();
    let summary = if missing {
        format!("Missing {} for {kind}", wanted[block.labels.len()])
    } else {
        format!("Extraneous label for {kind}")
    };
    diags.push(
        Diagnostic::error(
            summary,
            format!("A block {kind} has {} label(s), this one has {}.", wanted.len(), block.labels.len()),
        )
        .at(if missing { block.body.brace() } else { block.labels[wanted.len()].span })
        .help(format!("Write it as: {kind}{form} {{ … }}")),
    );
    false
}

/// Takes the blocks of the language that have too many or too few labels out of those that they stand in. Blocks that stand
/// in none are looked at where they are read.
pub(crate) fn nested(file: &mut Body, diags: &mut Vec<Diagnostic>) {
    for block in &mut file.blocks {
        if let Some(kind) = TOP_LEVEL.iter().find(|kind| kind.name == &*block.kind.name) {
            within(&mut block.body, kind.blocks, diags);
        }
    }
}

fn within(body: &mut Body, kinds: &[&BlockKind], diags: &mut Vec<Diagnostic>) {
    body.blocks.retain_mut(|block| {
        let Some(kind) = kinds.iter().find(|kind| kind.name == &*block.kind.name) else { return true };
        let fine = counted(block, kind.labels, diags);
        if fine {
            within(&mut block.body, kind.blocks, diags);
        }
        fine
    });
}
