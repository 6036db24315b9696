//! Arguments and blocks that a provider would rather not see any more.

use formwork_diag::{Diagnostic, Span};
use formwork_provider::Block as SchemaBlock;
use formwork_syntax::Body;

/// Warnings of what is deprecated in a body, once for each place. `header` is where the block is named.
pub(crate) fn warnings(body: &Body, schema: &SchemaBlock, header: Span, out: &mut Vec<Diagnostic>) {
    let warning = |what: &str, why: &str, at: Span| {
        Diagnostic::warning(format!("{what} is deprecated"), why.to_owned()).at(at)
    };
    if let Some(why) = &schema.deprecated {
        out.push(warning("Block", why, header));
    }
    for attribute in &body.attributes {
        let declared = schema.attributes.get(&attribute.name.name);
        if let Some(why) = declared.and_then(|a| a.deprecated.as_ref()) {
            out.push(warning("Argument", why, attribute.name.span));
        }
    }
    for block in &body.blocks {
        if let Some(nested) = schema.blocks.get(&block.kind.name) {
            warnings(&block.body, &nested.block, block.header, out);
        } else if &*block.kind.name == "dynamic"
            && let Some(nested) = block.labels.first().and_then(|label| schema.blocks.get(&label.name))
            && let Some(content) = block.body.blocks.iter().find(|b| &*b.kind.name == "content")
        {
            warnings(&content.body, &nested.block, block.header, out);
        }
    }
}
