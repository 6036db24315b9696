//! What a text with mistakes says all the same. Every item of a body is read by itself: one that is broken does not
//! hide the others, and a block is entered, so that what is right in it is kept and everything wrong in it is reported.

mod pairs;

pub(crate) use pairs::Pairs;

use crate::lexer::{Kind, Lexed, Token};
use crate::parser::{MAX_NESTING, Names, Parser};
use crate::report::{self, Place, Problem};
use crate::work::Work;
use crate::{Block, Body};
use std::ops::Range;

/// The body that a whole text is, as far as it can be read.
pub(crate) fn body(text: &str, lexed: Lexed, place: Place, names: &mut Names, work: &mut Work) -> Body {
    let Lexed { tokens, problems, more, cuts } = lexed;
    let mut pairs = Pairs::new(text, &tokens, &cuts);
    let told = problems.into_iter().chain(std::mem::take(&mut pairs.problems));
    let more = more.into_iter().chain(std::mem::take(&mut pairs.more));
    let mut faults: Vec<Fault> = told.map(|problem| (problem.start(), Some(problem))).collect();
    faults.extend(more.map(|at| (at, None)));
    faults.sort_by_key(|(at, _)| *at);
    let mut recovery =
        Recovery { text, tokens: &tokens, pairs, faults, told: 0, place, names, work, part: Vec::new() };
    let mut body = Body::empty(place.span(0..text.len()));
    recovery.items(&mut body, 0..tokens.len().saturating_sub(1), 0);
    recovery.tell(usize::MAX);
    body
}

/// Adds what `problem` says.
pub(crate) fn add(problem: &Problem, place: Place, work: &mut Work) {
    work.add(place.span(problem.start()..problem.start()), || problem.at(place));
}

/// A place where something is wrong, and what; after too many, the place alone.
type Fault = (usize, Option<Problem>);

struct Recovery<'a> {
    text: &'a str,
    tokens: &'a [Token],
    pairs: Pairs,
    /// What is wrong with quotes and brackets, in order; and how much of it was told.
    faults: Vec<Fault>,
    told: usize,
    place: Place,
    names: &'a mut Names,
    work: &'a mut Work,
    /// The tokens that are being parsed.
    part: Vec<Token>,
}

impl Recovery<'_> {
    fn kind(&self, at: usize) -> Kind {
        self.tokens.get(at).map_or(Kind::End, |token| token.kind)
    }

    fn start(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(self.text.len(), |token| token.start as usize)
    }

    /// The items among these tokens, within so many blocks.
    fn items(&mut self, body: &mut Body, range: Range<usize>, depth: usize) {
        let mut at = range.start;
        let mut failed = false;
        while at < range.end {
            if self.kind(at) == Kind::Newline {
                at += 1;
                continue;
            }
            let end = self.item_end(at, range.end);
            let broken = self.is_broken(at..end);
            // Not the body of the block whose header was just complained about.
            if !failed || broken || self.kind(at) != Kind::OpenBrace {
                failed = !self.item(body, at..end, broken, depth);
                if !failed && end == range.end && depth > 0 {
                    // The closing brace stands on the item's line.
                    self.parse(end - 1..end + 1, depth, |parser| parser.nothing_after());
                }
            }
            at = end;
        }
    }

    /// Where the item that starts at `at` ends, `end` at the latest.
    fn item_end(&self, at: usize, end: usize) -> usize {
        let mut next = at;
        while next < end && self.kind(next) != Kind::Newline {
            next = self.pairs.after(next);
        }
        next.clamp(at + 1, end)
    }

    fn is_broken(&self, range: Range<usize>) -> bool {
        let (start, end) = (self.start(range.start), self.start(range.end));
        let first = self.faults.partition_point(|(at, _)| *at < start);
        self.faults.get(first).is_some_and(|(at, _)| *at < end)
    }

    /// Tells what is wrong with quotes and brackets before `end`.
    fn tell(&mut self, end: usize) {
        while let Some((at, problem)) = self.faults.get(self.told).filter(|(at, _)| *at < end) {
            match problem {
                Some(problem) => add(problem, self.place, self.work),
                None => self.work.hide(self.place.span(*at..*at)),
            }
            self.told += 1;
        }
    }

    /// Tells what is wrong with the grammar.
    fn add(&mut self, problem: &Problem) {
        self.tell(problem.start());
        add(problem, self.place, self.work);
    }

    /// Adds the item, and tells whether it could be read.
    fn item(&mut self, body: &mut Body, range: Range<usize>, broken: bool, depth: usize) -> bool {
        if let Some((open, close)) = self.braces(range.clone()) {
            return match self.enter(range, open, close, depth) {
                Some(block) => {
                    body.blocks.push(block);
                    true
                }
                None => false,
            };
        }
        !broken && self.parse(range, depth, |parser| parser.only_item(body)).is_some()
    }

    /// The braces of a block over several lines.
    fn braces(&self, range: Range<usize>) -> Option<(usize, usize)> {
        let mut at = range.start;
        while at < range.end {
            match self.kind(at) {
                Kind::Word => at += 1,
                Kind::OpenQuote if at > range.start => at = self.pairs.close(at)? + 1,
                Kind::OpenBrace if at > range.start && self.kind(at + 1) == Kind::Newline => {
                    return Some((at, self.pairs.close(at)?));
                }
                _ => return None,
            }
        }
        None
    }

    fn enter(&mut self, range: Range<usize>, open: usize, close: usize, depth: usize) -> Option<Block> {
        if depth >= MAX_NESTING {
            let start = self.start(range.start);
            self.add(&report::too_deep(start..start + 1, MAX_NESTING));
            return None;
        }
        let mut block = self.parse(range.start..open + 1, depth, |parser| parser.only_header())?;
        block.body.span = self.place.span(self.start(open)..self.start(close) + 1);
        let before = self.work.count();
        self.items(&mut block.body, open + 1..close, depth + 1);
        // After other mistakes, the brace may not be the one that was meant.
        if close + 1 < range.end && before == self.work.count() && !self.is_broken(range.clone()) {
            self.parse(close..range.end, depth, |parser| parser.nothing_after());
        }
        Some(block)
    }

    /// Parses some of the tokens by themselves.
    fn parse<T>(
        &mut self,
        range: Range<usize>,
        depth: usize,
        f: impl FnOnce(&mut Parser) -> Result<T, Box<Problem>>,
    ) -> Option<T> {
        let end = self.start(range.end) as u32;
        self.part.clear();
        self.part.extend_from_slice(self.tokens.get(range).unwrap_or_default());
        self.part.push(Token { kind: Kind::End, start: end, end });
        let result = f(&mut Parser::new(self.text, &self.part, self.place, self.names).nested(depth));
        result.map_err(|problem| self.add(&problem)).ok()
    }
}
