//! The escaping block `_`: its arguments belong to the type, module or provider even where the language has arguments of
//! those names.

use crate::labels::labels;
use formwork_diag::Diagnostic;
use formwork_syntax::{Block, Body};

/// Takes the escaping block from those of a body, and puts what it says beside the rest.
pub(crate) fn unescape(body: &mut Body, diags: &mut Vec<Diagnostic>) {
    let (escaping, rest): (Vec<Block>, Vec<Block>) =
        std::mem::take(&mut body.blocks).into_iter().partition(|b| &*b.kind.name == "_");
    body.blocks = rest;
    if let [first, more @ ..] = escaping.as_slice() {
        for second in more {
            diags.push(
                Diagnostic::error(
                    "Duplicate escaping block",
                    "There is at most one block \"_\" in another block.",
                )
                .at(second.header)
                .label(first.header, "the first one is here")
                .help("Put all arguments into one of them."),
            );
        }
    }
    for block in escaping.into_iter().take(1) {
        if labels(&block, &[], diags).is_none() {
            continue;
        }
        for attribute in block.body.attributes {
            if let Some(first) = body.attribute(&attribute.name.name) {
                diags.push(
                    Diagnostic::error(
                        "Duplicate argument",
                        format!("\"{}\" is set beside the escaping block, too.", attribute.name.name),
                    )
                    .at(attribute.name.span)
                    .label(first.span, "set here first")
                    .help("Remove one of the two."),
                );
            } else {
                body.attributes.push(attribute);
            }
        }
        body.blocks.extend(block.body.blocks);
    }
}
