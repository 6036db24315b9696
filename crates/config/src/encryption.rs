//! `encryption` blocks: OpenTofu's grammar (its RFC on state encryption, and its package `internal/encryption/config`).
//! What the kinds of key providers and methods take is not known here.

use crate::language::encryption as language;
use crate::meta::{Reader, duplicate, literal_bool};
use crate::native_json;
use formwork_diag::{Diagnostic, Sources, Span};
use formwork_syntax::{Block, Body, Expr, Ident, json_value, parse};

/// An `encryption` block, or what the environment says in its place.
#[derive(Clone, Debug, Default)]
pub struct EncryptionBlock {
    /// `key_provider` blocks.
    pub key_providers: Vec<ComponentBlock>,
    /// `method` blocks.
    pub methods: Vec<ComponentBlock>,
    /// The `state` block.
    pub state: Option<TargetBlock>,
    /// The `plan` block.
    pub plan: Option<TargetBlock>,
    /// The `default` of `remote_state_data_sources`.
    pub remote_default: Option<TargetBlock>,
    /// The `remote_state_data_source` blocks in it.
    pub remote: Vec<(Ident, TargetBlock)>,
}

/// A `key_provider` or `method` block.
#[derive(Clone, Debug)]
pub struct ComponentBlock {
    /// Its first label.
    pub kind: Ident,
    /// Its second label.
    pub name: Ident,
    /// Its arguments, which only the kind knows.
    pub body: Body,
    /// The block's header.
    pub span: Span,
}

/// What is encrypted, and how.
#[derive(Clone, Debug)]
pub struct TargetBlock {
    /// `enforced`
    pub enforced: bool,
    /// `method`
    pub method: Option<Expr>,
    /// `fallback`
    pub fallback: Option<Box<TargetBlock>>,
    /// The block's header.
    pub span: Span,
}

/// Reads the text of the environment variable, HCL or JSON: what would stand inside of the block. Nothing of it is quoted in
/// diagnostics, since it may hold secrets.
pub fn encryption_text(name: &str, text: &str, sources: &mut Sources) -> (EncryptionBlock, Vec<Diagnostic>) {
    let file = sources.add_private(name, text);
    let mut syntax = Vec::new();
    let body = if text.trim_start().starts_with('{') {
        let (expr, found) = json_value(file, text);
        syntax.extend(found);
        expr.map(|expr| native_json::inside_of(&language::ENCRYPTION, &expr, &mut syntax))
    } else {
        let (body, found) = parse(file, text);
        syntax.extend(found);
        Some(body)
    };
    let discreet = |mut d: Diagnostic| {
        d.detail = format!("What stands in {name} is not what the syntax asks for.");
        d.help = Some("It holds what would stand inside of an encryption block, as HCL or as JSON.".into());
        d.labels.clear();
        d
    };
    let mut diags: Vec<Diagnostic> = syntax.into_iter().map(discreet).collect();
    let block = match body {
        Some(body) if !formwork_diag::has_errors(&diags) => read(&body, &mut diags),
        _ => EncryptionBlock::default(),
    };
    (block, diags)
}

/// Reads the content of a block.
pub(crate) fn read(body: &Body, diags: &mut Vec<Diagnostic>) -> EncryptionBlock {
    let mut r = Reader::new(&language::ENCRYPTION, body);
    let out = EncryptionBlock {
        key_providers: components(r.take_blocks("key_provider"), diags),
        methods: components(r.take_blocks("method"), diags),
        state: only(&r.take_blocks("state"), diags).and_then(|b| target(b, &language::STATE, diags)),
        plan: only(&r.take_blocks("plan"), diags).and_then(|b| target(b, &language::PLAN, diags)),
        ..EncryptionBlock::default()
    };
    let remote = r.take_blocks("remote_state_data_sources");
    r.finish(diags);
    let Some(remote) = only(&remote, diags) else { return out };
    let mut r = Reader::new(&language::REMOTE, &remote.body);
    let default = only(&r.take_blocks("default"), diags);
    let remote_default = default.and_then(|b| target(b, &language::DEFAULT, diags));
    let mut named: Vec<(Ident, TargetBlock)> = Vec::new();
    for block in r.take_blocks("remote_state_data_source") {
        let [name] = &*block.labels else {
            diags.push(labels(block, "the name of the data source"));
            continue;
        };
        if let Some((first, _)) = named.iter().find(|(n, _)| n.name == name.name) {
            diags.push(duplicate("remote_state_data_source", &name.name, first.span, name.span));
        } else if let Some(target) = target(block, &language::REMOTE_ONE, diags) {
            named.push((name.clone(), target));
        }
    }
    r.finish(diags);
    EncryptionBlock { remote_default, remote: named, ..out }
}

fn labels(block: &Block, what: &str) -> Diagnostic {
    let name = &block.kind.name;
    Diagnostic::error("Wrong number of labels", format!("A {name} block has as labels: {what}."))
        .at(block.header)
}

fn only<'a>(blocks: &[&'a Block], diags: &mut Vec<Diagnostic>) -> Option<&'a Block> {
    for second in blocks.iter().skip(1) {
        let name = &second.kind.name;
        diags.push(
            Diagnostic::error("Duplicate block", format!("There may be one block \"{name}\" here."))
                .at(second.header)
                .label(blocks[0].header, "the first one is here"),
        );
    }
    blocks.first().copied()
}

fn components(blocks: Vec<&Block>, diags: &mut Vec<Diagnostic>) -> Vec<ComponentBlock> {
    let mut out: Vec<ComponentBlock> = Vec::new();
    for block in blocks {
        let [kind, name] = &*block.labels else {
            diags.push(labels(block, "its kind, and a name"));
            continue;
        };
        let same = |c: &&ComponentBlock| c.kind.name == kind.name && c.name.name == name.name;
        match out.iter().find(same) {
            Some(first) => {
                let shown = format!("{}.{}", kind.name, name.name);
                diags.push(duplicate(&block.kind.name, &shown, first.span, block.header));
            }
            None => out.push(ComponentBlock {
                kind: kind.clone(),
                name: name.clone(),
                body: block.body.clone(),
                span: block.header,
            }),
        }
    }
    out
}

fn target(
    block: &Block,
    kind: &'static crate::language::BlockKind,
    diags: &mut Vec<Diagnostic>,
) -> Option<TargetBlock> {
    let mut r = Reader::new(kind, &block.body);
    let method = r.take("method").map(|a| a.expr.clone());
    let enforced = if kind.arguments.iter().any(|a| a.name == "enforced") {
        r.take("enforced").and_then(|a| literal_bool(a, "\"enforced\"", diags)).unwrap_or(false)
    } else {
        false
    };
    let fallbacks = r.take_blocks("fallback");
    r.finish(diags);
    let fallback = only(&fallbacks, diags).and_then(|b| target(b, &language::FALLBACK, diags)).map(Box::new);
    Some(TargetBlock { enforced, method, fallback, span: block.header })
}

impl EncryptionBlock {
    /// This, with `over` laid over it: components are merged argument by argument; a method or fallback replaces that of the
    /// same target; what one of them enforces is enforced.
    #[must_use]
    pub fn overridden(mut self, over: EncryptionBlock) -> EncryptionBlock {
        merge_components(&mut self.key_providers, over.key_providers);
        merge_components(&mut self.methods, over.methods);
        merge_target(&mut self.state, over.state);
        merge_target(&mut self.plan, over.plan);
        merge_target(&mut self.remote_default, over.remote_default);
        for (name, target) in over.remote {
            match self.remote.iter_mut().find(|(n, _)| n.name == name.name) {
                Some((_, old)) => merge(old, target),
                None => self.remote.push((name, target)),
            }
        }
        self
    }
}

fn merge_components(base: &mut Vec<ComponentBlock>, over: Vec<ComponentBlock>) {
    for new in over {
        let same = |c: &&mut ComponentBlock| c.kind.name == new.kind.name && c.name.name == new.name.name;
        let Some(old) = base.iter_mut().find(same) else {
            base.push(new);
            continue;
        };
        for attribute in new.body.attributes {
            old.body.attributes.retain(|a| a.name.name != attribute.name.name);
            old.body.blocks.retain(|b| b.kind.name != attribute.name.name);
            old.body.attributes.push(attribute);
        }
        let kinds: Vec<_> = new.body.blocks.iter().map(|b| b.kind.name.clone()).collect();
        old.body.blocks.retain(|b| !kinds.contains(&b.kind.name));
        old.body.attributes.retain(|a| !kinds.contains(&a.name.name));
        old.body.blocks.extend(new.body.blocks);
        old.span = new.span;
    }
}

fn merge_target(base: &mut Option<TargetBlock>, over: Option<TargetBlock>) {
    match (base.as_mut(), over) {
        (_, None) => {}
        (None, over) => *base = over,
        (Some(old), Some(new)) => merge(old, new),
    }
}

fn merge(old: &mut TargetBlock, new: TargetBlock) {
    old.enforced |= new.enforced;
    if new.method.is_some() {
        old.method = new.method;
    }
    if new.fallback.is_some() {
        old.fallback = new.fallback;
    }
    old.span = new.span;
}
