//! From text to tree. Every item of a body is parsed by itself: one that is broken does not hide the others,
//! and a broken block is entered, so that what is right in it is kept and everything wrong in it is reported.

use crate::explain::{self, Context};
use crate::lower::{Lower, normalised};
use crate::report::Place;
use crate::scan::{self, Item, Mode, Scan};
use crate::template::{self, Form};
use crate::{Body, Expr, ExprKind};
use formwork_diag::{Diagnostic, Span};
use hcl::edit::parser::{self, Error};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// The parser needs up to 2 MiB in an unoptimised build; the threads of a pool have no more.
const STACK: usize = 16 << 20;
/// What nests less is parsed on the caller's stack: a thread takes longer than most expressions.
const SHALLOW: usize = 24;
/// As deep as the parser lets blocks nest.
const MAX_BLOCK_DEPTH: usize = 64;
/// How often repeated object keys are renamed, at the cost of one more pass each, before giving up.
const RENAMES: usize = 256;

type Parsed<T> = (T, Vec<Diagnostic>);

/// Runs `f` with enough stack for what the scanner saw.
fn with_stack<T: Send>(scan: &Scan, f: impl Fn() -> T + Sync) -> T {
    if scan.depth <= SHALLOW {
        return f();
    }
    std::thread::scope(|scope| match std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, &f) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(_) => f(),
    })
}

/// The body that a whole file is.
pub(crate) fn file(text: &str, place: Place) -> Parsed<Body> {
    let scan = scan::scan(text, Mode::Body);
    let (body, mut diagnostics) = with_stack(&scan, || items(text, &scan, place, 0..text.len(), 0));
    diagnostics.sort_by_key(|d| d.span.map(|span| span.start));
    (body, diagnostics)
}

/// One expression.
pub(crate) fn expression(text: &str, place: Place) -> Parsed<Option<Expr>> {
    if text.trim().is_empty() {
        return (None, vec![explain::missing_expression(text.len()..text.len()).at(place)]);
    }
    let scan = scan::scan(text, Mode::Expression);
    let problems: Vec<_> = scan.problems().map(|p| p.at(place)).collect();
    if !problems.is_empty() {
        return (None, problems);
    }
    // The parser does not take surrounding white space, nor comments before the expression.
    let start = scan.items.first().map_or(0, |item| item.range.start);
    let end = scan.shadow.trim_end().len().max(start);
    let (inner, place) = (&text[start..end], place.part(start));
    with_stack(&scan, || match attempt(&scan.shadow[start..end], parser::parse_expr) {
        Ok(expr) => {
            let mut lower = Lower::new(inner, place);
            let expr = lower.expr(&expr);
            (Some(expr), lower.diagnostics)
        }
        Err(error) => (None, vec![explain::explain(inner, &error, Context::Expression).at(place)]),
    })
}

/// A template file, or a string of a JSON file.
pub(crate) fn template(text: &str, place: Place) -> Parsed<Option<Expr>> {
    let span = place.span(0..text.len());
    if !text.contains("${") && !text.contains("%{") {
        let kind = ExprKind::String(normalised(text));
        return (Some(Expr { kind, span }), Vec::new());
    }
    let scan = scan::scan(text, Mode::Template);
    let problems: Vec<_> = scan.problems().map(|p| p.at(place)).collect();
    if !problems.is_empty() {
        return (None, problems);
    }
    with_stack(&scan, || match attempt(&scan.shadow, parser::parse_template) {
        Ok(parsed) => {
            let mut lower = Lower::new(text, place);
            let kind = template::lower(&mut lower, &parsed, Form::Bare);
            (Some(Expr { kind, span }), lower.diagnostics)
        }
        Err(error) => (None, vec![explain::explain(text, &error, Context::Template).at(place)]),
    })
}

/// The body whose items are `text`; `range` is what its span covers.
fn items(text: &str, scan: &Scan, place: Place, range: Range<usize>, depth: usize) -> Parsed<Body> {
    let mut body = Body { attributes: Vec::new(), blocks: Vec::new(), span: place.span(range) };
    let mut diagnostics = Vec::new();
    let mut failed = false;
    for entry in &scan.items {
        if failed && text[entry.range.clone()].starts_with('{') && entry.problems.is_empty() {
            continue; // the body of the block whose header was just complained about
        }
        let (parsed, mut problems) = item(text, &scan.shadow, place, entry, depth);
        failed = parsed.is_none();
        if let Some(parsed) = parsed {
            body.attributes.extend(parsed.attributes);
            body.blocks.extend(parsed.blocks);
        }
        diagnostics.append(&mut problems);
    }
    diagnostics.extend(duplicate_attributes(&body));
    (body, diagnostics)
}

fn item(text: &str, shadow: &str, place: Place, item: &Item, depth: usize) -> Parsed<Option<Body>> {
    let range = item.range.clone();
    let here = place.part(range.start);
    let source = &text[range.clone()];
    let error = if item.problems.is_empty() {
        match attempt(&shadow[range.clone()], parser::parse_body) {
            Ok(parsed) => {
                let mut lower = Lower::new(source, here);
                let body = lower.body(&parsed, 0..source.len());
                return (Some(body), lower.diagnostics);
            }
            Err(error) => Some(error),
        }
    } else {
        None
    };
    let own = || match &error {
        Some(error) => vec![explain::explain(source, error, Context::Item).at(here)],
        None => item.problems.iter().map(|p| p.at(place)).collect(),
    };
    let Some((mut body, problems)) = enter(text, shadow, place, item, depth) else {
        return (None, own());
    };
    if let Some(block) = body.blocks.last_mut()
        && let Some((open, close)) = item.braces
    {
        block.body.span = place.span(open..close + 1);
    }
    (Some(body), if problems.is_empty() { own() } else { problems })
}

/// Reads a block that cannot be parsed as a whole: its header, then its content item by item.
fn enter(text: &str, shadow: &str, place: Place, item: &Item, depth: usize) -> Option<Parsed<Body>> {
    let (open, close) = item.braces?;
    let start = item.range.start;
    if depth >= MAX_BLOCK_DEPTH || !text[open..close].contains('\n') {
        return None;
    }
    let header = format!("{}}}", &shadow[start..=open]);
    let parsed = parser::parse_body(&header).ok()?;
    let mut lower = Lower::new(&text[start..=open], place.part(start));
    let mut body = lower.body(&parsed, 0..0);
    let block = body.blocks.last_mut()?;
    let inner = open + 1..close;
    let content = &text[inner.clone()];
    let scan = scan::scan(content, Mode::Body);
    let (content, problems) = items(content, &scan, place.part(inner.start), 0..inner.len(), depth + 1);
    block.body = content;
    Some((body, problems))
}

/// Runs the parser. It refuses objects that repeat a key, of which Terraform takes the last: such keys get other
/// names of the same length, and the tree reads the real ones from the original.
fn attempt<T>(shadow: &str, parse: impl Fn(&str) -> Result<T, Error>) -> Result<T, Error> {
    let mut result = parse(shadow);
    let mut current = Cow::Borrowed(shadow);
    for round in 0..RENAMES {
        match &result {
            Err(error) if error.message().contains("unique object key") => {
                let Some(next) = renamed(&current, error.location().offset(), round) else { break };
                current = next.into();
                result = parse(&current);
            }
            _ => break,
        }
    }
    result
}

fn renamed(shadow: &str, at: usize, round: usize) -> Option<String> {
    const LETTERS: &[u8] = b"zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA_";
    let end = scan::key_end(shadow, at).filter(|end| *end > at)?;
    let mut name = vec![b'_'; end - at];
    let mut rest = round;
    for byte in name.iter_mut().rev() {
        *byte = LETTERS[rest % LETTERS.len()];
        rest /= LETTERS.len();
    }
    Some(format!("{}{}{}", &shadow[..at], String::from_utf8(name).ok()?, &shadow[end..]))
}

/// An error for every attribute of this body whose name was already given, with both places.
pub fn duplicate_attributes(body: &Body) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, Span> = HashMap::new();
    let mut diagnostics = Vec::new();
    for attribute in &body.attributes {
        let name = &attribute.name;
        match first.get(&*name.name) {
            None => {
                first.insert(&name.name, name.span);
            }
            Some(span) => diagnostics.push(
                Diagnostic::error(
                    "Attribute redefined",
                    format!("\"{}\" is set twice here; an attribute can be set only once.", name.name),
                )
                .at(name.span)
                .label(*span, "set here first")
                .help("Remove one of the two."),
            ),
        }
    }
    diagnostics
}
