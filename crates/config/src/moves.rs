//! `moved` and `removed` blocks.

use crate::language::blocks as language;
use crate::load::MISSING;
use crate::meta::{Reader, literal_bool};
use crate::model::{Module, Moved, Provisioner, Removed, When};
use crate::provisioners::provisioners;
use crate::written::written;
use formwork_addr::{Quoted, ResourceMode, Target};
use formwork_diag::Diagnostic;
use formwork_lang::{RefStep, references};
use formwork_syntax::{Block, Expr};

pub(crate) fn moved(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let mut r = Reader::new(&language::MOVED, &block.body);
    let from = address(&mut r, "from", block, diags);
    let to = address(&mut r, "to", block, diags);
    r.finish(diags);
    let (Some(from), Some(to)) = (from, to) else { return };
    if matches!(from, Target::Module(_)) != matches!(to, Target::Module(_)) {
        diags.push(
            Diagnostic::error(
                "Invalid moved block",
                "A module can only become a module, and a resource a resource.",
            )
            .at(block.header),
        );
        return;
    }
    module.moved.push(Moved { from, to, span: block.header });
}

pub(crate) fn removed(module: &mut Module, block: &Block, diags: &mut Vec<Diagnostic>) {
    let mut r = Reader::new(&language::REMOVED, &block.body);
    let written_as = block.body.attribute("from").map(|a| &a.expr);
    let place = written_as.map_or(block.header, |expr| expr.span);
    let from = address(&mut r, "from", block, diags);
    let mut destroy = true;
    for lifecycle in r.take_blocks("lifecycle") {
        let mut inner = Reader::new(&language::REMOVED_LIFECYCLE, &lifecycle.body);
        if let Some(a) = inner.take("destroy") {
            destroy = literal_bool(a, "\"destroy\"", diags).unwrap_or(true);
        }
        inner.finish(diags);
    }
    let blocks: Vec<&Block> =
        r.take_blocks("provisioner").into_iter().chain(r.take_blocks("connection")).collect();
    r.finish(diags);
    let provisioners = provisioners(&blocks, diags);
    let Some(from) = from else { return };
    if matches!(&from, Target::Resource(r) if r.resource.mode == ResourceMode::Managed) {
        before_it_goes(&provisioners, destroy, diags);
    } else {
        diags.extend(blocks.iter().map(|b| of_no_resource(b)));
    }
    if let Some((at, of_module)) = written_as.and_then(written).and_then(|w| w.key()) {
        let what = if of_module { "Module" } else { "Resource" };
        diags.push(
            Diagnostic::error(
                format!("{what} instance keys not allowed"),
                "A removed block is about a whole resource or module: write it without keys.",
            )
            .help("Remove the key.")
            .at(at),
        );
        return;
    }
    if matches!(&from, Target::Resource(r) if r.resource.mode == ResourceMode::Data) {
        diags.push(
            Diagnostic::error(
                "Data source address not allowed",
                "A data source has nothing that could be destroyed or forgotten.",
            )
            .help("Remove the data block; no removed block is needed.")
            .at(place),
        );
        return;
    }
    module.removed.push(Removed { from, destroy, provisioners, span: block.header });
}

/// Complains about provisioners that would never run.
fn before_it_goes(provisioners: &[Provisioner], destroy: bool, diags: &mut Vec<Diagnostic>) {
    for p in provisioners.iter().filter(|p| p.when == When::Create) {
        diags.push(
            Diagnostic::error(
                "Invalid provisioner block",
                "In a removed block, provisioners run before the object is destroyed: only those with when = destroy make sense.",
            )
            .help("Add: when = destroy")
            .at(p.span),
        );
    }
    if let (Some(p), false) = (provisioners.first(), destroy) {
        diags.push(
            Diagnostic::warning(
                "Provisioner never runs",
                "With destroy = false nothing is destroyed, and this is for before that.",
            )
            .help("Remove the block, or destroy = false.")
            .at(p.span),
        );
    }
}

/// What is said of a `provisioner` or `connection` where no managed resource is removed.
fn of_no_resource(block: &Block) -> Diagnostic {
    let kind = &block.kind.name;
    Diagnostic::error(
        format!("Invalid {kind} block"),
        "Provisioners are for one managed resource, and \"from\" is the address of something else.",
    )
    .help("Write a removed block of its own for each resource that needs it.")
    .at(block.header)
}

fn address(
    r: &mut Reader<'_>,
    name: &'static str,
    block: &Block,
    diags: &mut Vec<Diagnostic>,
) -> Option<Target> {
    let Some(attribute) = r.take(name) else {
        diags.push(
            Diagnostic::error(
                MISSING,
                format!("The argument \"{name}\" is required in a {} block.", block.kind.name),
            )
            .at(block.body.missing),
        );
        return None;
    };
    let reserved = written(&attribute.expr).and_then(|w| w.reserved());
    // A removed block may name what never was: that does no harm.
    if let Some(d) = reserved.filter(|_| &*block.kind.name == "moved") {
        diags.push(d);
        return None;
    }
    let found = text(&attribute.expr).and_then(|t| t.parse().ok());
    if found.is_none() {
        diags.push(
            Diagnostic::error(
                "Invalid address",
                "An address of a resource, an instance or a module is expected.",
            )
            .help("For example: aws_instance.web, aws_instance.web[0], module.network")
            .at(attribute.expr.span),
        );
    }
    found
}

/// A reference as an address is written.
fn text(expr: &Expr) -> Option<String> {
    let found = references(expr);
    let [reference] = found.as_slice() else { return None };
    let (root, steps) = match (reference.root, reference.steps.as_slice()) {
        // `resource.TYPE.NAME`, in full.
        ("resource", [RefStep::Attr(ty), rest @ ..]) => (*ty, rest),
        (root, steps) => (root, steps),
    };
    let mut out = root.to_owned();
    for step in steps {
        match step {
            RefStep::Attr(name) => out.push_str(&format!(".{name}")),
            RefStep::Key(v) => match (v.as_str(), v.as_number()) {
                (Some(s), _) => out.push_str(&format!("[{}]", Quoted(s))),
                (_, Some(n)) => out.push_str(&format!("[{n}]")),
                _ => return None,
            },
            _ => return None,
        }
    }
    Some(out)
}
