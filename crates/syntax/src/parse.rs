//! From text to tree, and to all that is wrong with it.

use crate::lexer::{self, Lexed, Mode};
use crate::parser::{Names, Parsed, Parser, missing_expression, normalised};
use crate::recover::{self, Pairs};
use crate::report::{self, Place, short};
use crate::work::Work;
use crate::{Attribute, Body, Expr, ExprKind};
use formwork_diag::{Diagnostic, Span};
use std::collections::HashMap;

type Result<T> = (T, Vec<Diagnostic>);

/// So many attributes are compared each with each.
const FEW: usize = 12;

/// The body that a whole file is.
pub(crate) fn file(text: &str, place: Place) -> Result<Body> {
    let mut work = Work::new();
    if is_too_large(text, place, &mut work) {
        let body = Body::empty(place.span(0..0));
        return (body, work.finish());
    }
    let lexed = lexer::lex(text, Mode::Body, false);
    let mut names = Names::new();
    let sound = lexed.problems.is_empty();
    let parsed = sound.then(|| Parser::new(text, &lexed.tokens, place, &mut names).file().ok()).flatten();
    let body = parsed.unwrap_or_else(|| recover::body(text, lexed, place, &mut names, &mut work));
    report_repeated(&body, &mut work);
    (body, work.finish())
}

/// One expression.
pub(crate) fn expression(text: &str, place: Place) -> Result<Option<Expr>> {
    let mut work = Work::new();
    if text.trim().is_empty() {
        let end = text.len()..text.len();
        work.add(place.span(end.clone()), || missing_expression(end).at(place));
        return (None, work.finish());
    }
    let expr = one(text, Mode::Expression, place, &mut work, |parser| parser.whole_expression());
    (expr, work.finish())
}

/// A template file.
pub(crate) fn template(text: &str, place: Place) -> Result<Option<Expr>> {
    let mut work = Work::new();
    let expr = template_in(text, place, &mut work);
    (expr, work.finish())
}

/// A template file, or a string of a JSON file.
pub(crate) fn template_in(text: &str, place: Place, work: &mut Work) -> Option<Expr> {
    if !text.contains("${") && !text.contains("%{") {
        return Some(Expr { kind: ExprKind::String(normalised(text)), span: place.span(0..text.len()) });
    }
    one(text, Mode::Template, place, work, |parser| parser.whole_template())
}

/// The one expression that a text is.
fn one(
    text: &str,
    mode: Mode,
    place: Place,
    work: &mut Work,
    parse: impl FnOnce(&mut Parser) -> Parsed<Expr>,
) -> Option<Expr> {
    if is_too_large(text, place, work) {
        return None;
    }
    let Lexed { tokens, problems, cuts, .. } = lexer::lex(text, mode, false);
    let mut names = Names::new();
    let failure = match parse(&mut Parser::new(text, &tokens, place, &mut names)) {
        Ok(expr) if problems.is_empty() => return Some(expr),
        result => result.err(),
    };
    // What is wrong with quotes and brackets explains the rest.
    let pairs = Pairs::new(text, &tokens, &cuts);
    for problem in problems.iter().chain(&pairs.problems) {
        recover::add(problem, place, work);
    }
    if let (Some(failure), true) = (failure, problems.is_empty() && pairs.problems.is_empty()) {
        recover::add(&failure, place, work);
    }
    None
}

/// Places are counted in 32 bits.
fn is_too_large(text: &str, place: Place, work: &mut Work) -> bool {
    let too_large = text.len() >= u32::MAX as usize;
    if too_large {
        work.add(place.span(0..0), || report::too_large().at(place));
    }
    too_large
}

/// Reports the attributes that are set twice, in this body and in all its blocks.
fn report_repeated(body: &Body, work: &mut Work) {
    for (attribute, first) in repeated_attributes(body) {
        work.add(attribute.name.span, || set_twice(attribute, first));
    }
    for block in &body.blocks {
        report_repeated(&block.body, work);
    }
}

/// The attributes whose names were already given, each with the place where.
fn repeated_attributes(body: &Body) -> Vec<(&Attribute, Span)> {
    let attributes = &body.attributes;
    if attributes.len() <= FEW {
        let is_new =
            |n: usize| attributes[..n].iter().all(|other| other.name.name != attributes[n].name.name);
        if (1..attributes.len()).all(is_new) {
            return Vec::new();
        }
    }
    let mut first: HashMap<&str, Span> = HashMap::new();
    let mut repeated = Vec::new();
    for attribute in attributes {
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
