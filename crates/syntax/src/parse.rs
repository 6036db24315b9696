//! From text to tree. Every item of a body is parsed by itself: one that is broken does not hide the others,
//! and a broken block is entered, so that what is right in it is kept and everything wrong in it is reported.

use crate::explain::{self, Context};
use crate::lower::{Lower, normalised};
use crate::report::{Place, short};
use crate::scan::{self, Item, Mode, Scan};
use crate::template::{self, Form};
use crate::work::Work;
use crate::{Attribute, Body, Expr, ExprKind};
use formwork_diag::{Diagnostic, Span};
use hcl::edit::parser::{self, Error};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The parser needs up to 2 MiB in an unoptimised build; the threads of a pool have no more.
const STACK: usize = 16 << 20;
/// What nests less is parsed on the caller's stack: a thread takes longer than most expressions.
const SHALLOW: usize = 24;
/// As deep as the parser lets blocks nest.
const MAX_BLOCK_DEPTH: usize = 64;
/// How often keys that are the same in other words are renamed, at the cost of one more pass each.
const RENAMES: usize = 256;

type Parsed<T> = (T, Vec<Diagnostic>);

/// Runs `f` with enough stack for what the scanner saw.
fn with_stack<T: Send>(scan: &Scan, work: &mut Work, f: impl Fn(&mut Work) -> T + Sync) -> T {
    if scan.depth <= SHALLOW || work.roomy {
        return f(work);
    }
    let work = Mutex::new(work);
    let run = |roomy| {
        let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
        work.roomy = roomy;
        let result = f(&mut work);
        work.roomy = false;
        result
    };
    std::thread::scope(|scope| {
        match std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || run(true)) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => run(false),
        }
    })
}

/// The body that a whole file is.
pub(crate) fn file(text: &str, place: Place) -> Parsed<Body> {
    let mut work = Work::new(text.len());
    let body = file_in(text, place, &mut work);
    (body, work.finish())
}

pub(crate) fn file_in(text: &str, place: Place, work: &mut Work) -> Body {
    let scan = scan::scan(text, Mode::Body, work);
    with_stack(&scan, work, |work| items(text, &scan, place, 0..text.len(), 0, work))
}

/// One expression.
pub(crate) fn expression(text: &str, place: Place) -> Parsed<Option<Expr>> {
    let mut work = Work::new(text.len());
    let expr = expression_in(text, place, &mut work);
    (expr, work.finish())
}

pub(crate) fn expression_in(text: &str, place: Place, work: &mut Work) -> Option<Expr> {
    if text.trim().is_empty() {
        let end = text.len()..text.len();
        work.add(place.span(end.clone()), || explain::missing_expression(end).at(place));
        return None;
    }
    let scan = sound(text, Mode::Expression, place, work)?;
    // The parser does not take surrounding white space, nor comments before the expression.
    let start = scan.items.first().map_or(0, |item| item.range.start);
    let end = scan.shadow.trim_end().len().max(start);
    let (inner, place) = (&text[start..end], place.part(start));
    with_stack(&scan, work, |work| {
        let mut source = scan.source(start..end);
        match attempt(&mut source, work, parser::parse_expr) {
            Ok(expr) => {
                let mut lower = Lower::new(inner, place, &scan, start, work);
                let expr = lower.expr(&expr);
                (!lower.failed).then_some(expr)
            }
            Err(error) => {
                add_error(inner, &source, &error, Context::Expression, place, work);
                None
            }
        }
    })
}

/// A template file, or a string of a JSON file.
pub(crate) fn template(text: &str, place: Place) -> Parsed<Option<Expr>> {
    let mut work = Work::new(text.len());
    let expr = template_in(text, place, &mut work);
    (expr, work.finish())
}

pub(crate) fn template_in(text: &str, place: Place, work: &mut Work) -> Option<Expr> {
    let span = place.span(0..text.len());
    if !text.contains("${") && !text.contains("%{") {
        return Some(Expr { kind: ExprKind::String(normalised(text)), span });
    }
    let scan = sound(text, Mode::Template, place, work)?;
    with_stack(&scan, work, |work| {
        let mut source = scan.source(0..text.len());
        match attempt(&mut source, work, parser::parse_template) {
            Ok(parsed) => {
                let mut lower = Lower::new(text, place, &scan, 0, work);
                let kind = template::lower(&mut lower, &parsed, Form::Bare);
                (!lower.failed).then_some(Expr { kind, span })
            }
            Err(error) => {
                add_error(text, &source, &error, Context::Template, place, work);
                None
            }
        }
    })
}

/// Scans `text`; reports what is wrong with quotes and brackets when something is.
fn sound(text: &str, mode: Mode, place: Place, work: &mut Work) -> Option<Scan> {
    let scan = scan::scan(text, mode, work);
    let mut is_sound = true;
    for item in scan.items.iter().filter(|item| item.is_broken()) {
        add_problems(item, place, work);
        is_sound = false;
    }
    is_sound.then_some(scan)
}

/// Adds what the scanner found wrong with `item`.
fn add_problems(item: &Item, place: Place, work: &mut Work) {
    let span = place.span(item.range.start..item.range.start);
    for problem in &item.problems {
        work.add(span, || problem.at(place));
    }
    work.hide(item.more, span);
}

/// Adds why the parser did not take `text`, whose shadow is `source`.
fn add_error(text: &str, source: &str, error: &Error, context: Context, place: Place, work: &mut Work) {
    if !work.is_full() {
        work.read(source.len());
    }
    let at = error.location().offset().min(text.len());
    work.add(place.span(at..at), || explain::explain(text, source, error, context).at(place));
}

/// The body whose items are `text`; `range` is what its span covers.
fn items(text: &str, scan: &Scan, place: Place, range: Range<usize>, depth: usize, work: &mut Work) -> Body {
    let mut body = Body { attributes: Vec::new(), blocks: Vec::new(), span: place.span(range) };
    let mut failed = false;
    for entry in &scan.items {
        if failed && text[entry.range.clone()].starts_with('{') && !entry.is_broken() {
            continue; // the body of the block whose header was just complained about
        }
        let parsed = item(text, scan, place, entry, depth, work);
        failed = parsed.is_none();
        if let Some(parsed) = parsed {
            body.attributes.extend(parsed.attributes);
            body.blocks.extend(parsed.blocks);
        }
    }
    for (attribute, first) in repeated_attributes(&body) {
        work.add(attribute.name.span, || set_twice(attribute, first));
    }
    body
}

fn item(text: &str, scan: &Scan, place: Place, item: &Item, depth: usize, work: &mut Work) -> Option<Body> {
    let range = item.range.clone();
    let here = place.part(range.start);
    let original = &text[range.clone()];
    let before = work.mark();
    let mut failure = None;
    if !item.is_broken() {
        let mut source = scan.source(range.clone());
        match attempt(&mut source, work, parser::parse_body) {
            Ok(parsed) => {
                let mut lower = Lower::new(original, here, scan, range.start, work);
                let body = lower.body(&parsed, 0..original.len());
                if !lower.failed {
                    return Some(body);
                }
            }
            Err(error) => failure = Some((error, source)),
        }
    }
    let own = work.set_aside(before);
    let entered = enter(text, scan, place, item, depth, work);
    if work.mark() == before {
        // Nothing in it is wrong by itself: it is the whole.
        match failure {
            Some((error, source)) => add_error(original, &source, &error, Context::Item, here, work),
            None => {
                work.add_back(own);
                add_problems(item, place, work);
            }
        }
    }
    entered
}

/// Reads a block that cannot be parsed as a whole: its header, then its content item by item.
fn enter(text: &str, scan: &Scan, place: Place, item: &Item, depth: usize, work: &mut Work) -> Option<Body> {
    let (open, close) = item.braces?;
    let start = item.range.start;
    if depth >= MAX_BLOCK_DEPTH || !text[open..close].contains('\n') {
        return None;
    }
    let header = format!("{}}}", &scan.shadow[start..=open]);
    let parsed = parser::parse_body(&header).ok()?;
    let inner = open + 1..close;
    if parsed.blocks().next().is_none() || !work.spend(inner.len()) {
        return None;
    }
    let mut body = Lower::new(&text[start..=open], place.part(start), scan, start, work).body(&parsed, 0..0);
    let content = &text[inner.clone()];
    let scan = scan::scan(content, Mode::Body, work);
    let content = items(content, &scan, place.part(inner.start), 0..inner.len(), depth + 1, work);
    let block = body.blocks.last_mut()?;
    block.body = content;
    block.body.span = place.span(open..close + 1);
    Some(body)
}

/// Runs the parser. It refuses objects that repeat a key, of which Terraform takes the last. The scanner has renamed
/// keys that are spelled alike; others that are the same, such as `(a)` and `( a )`, are renamed here.
pub(crate) fn attempt<T>(
    source: &mut Cow<str>,
    work: &mut Work,
    parse: impl Fn(&str) -> Result<T, Error>,
) -> Result<T, Error> {
    for round in 0..RENAMES {
        work.read(source.len());
        let error = match parse(source) {
            Err(error) if error.message().contains("unique object key") => error,
            result => return result,
        };
        match renamed(source, error.location().offset(), round) {
            Some(next) if work.spend(source.len()) => *source = next.into(),
            _ => return Err(error),
        }
    }
    work.read(source.len());
    parse(source)
}

fn renamed(source: &str, at: usize, round: usize) -> Option<String> {
    let end = scan::key_end(source, at).filter(|end| *end > at)?;
    Some(format!("{}{}{}", &source[..at], scan::stand_in(end - at, round), &source[end..]))
}

/// The attributes whose names were already given, each with the place where.
fn repeated_attributes(body: &Body) -> Vec<(&Attribute, Span)> {
    let mut first: HashMap<&str, Span> = HashMap::new();
    let mut repeated = Vec::new();
    for attribute in &body.attributes {
        let name = &attribute.name;
        match first.get(&*name.name) {
            None => {
                first.insert(&name.name, name.span);
            }
            Some(span) => repeated.push((attribute, *span)),
        }
    }
    repeated
}

fn set_twice(attribute: &Attribute, first: Span) -> Diagnostic {
    let name = &attribute.name;
    Diagnostic::error(
        "Attribute redefined",
        format!("\"{}\" is set twice here; an attribute can be set only once.", short(&name.name)),
    )
    .at(name.span)
    .label(first, "set here first")
    .help("Remove one of the two.")
}

/// An error for every attribute of this body whose name was already given, with both places.
pub fn duplicate_attributes(body: &Body) -> Vec<Diagnostic> {
    repeated_attributes(body).into_iter().map(|(attribute, first)| set_twice(attribute, first)).collect()
}
