//! Which brackets and quotes belong together, and which have no counterpart.

use crate::lexer::{Cut, Kind, Token, next_header};
use crate::report::{self, Problem};
use crate::work::MAX_SHOWN;

/// After this many brackets that never close, the rest of the text is one item: each costs a pass over it.
const RESTARTS: usize = 16;

/// What became of an opening bracket or quote.
#[derive(Clone, Copy)]
enum End {
    /// It is none.
    None,
    /// The index of its counterpart.
    Closed(usize),
    /// It has none; the index of the token at which this showed.
    Lost(usize),
}

/// The counterparts of all brackets and quotes.
pub(crate) struct Pairs {
    ends: Vec<End>,
    /// What is wrong with them.
    pub(crate) problems: Vec<Problem>,
    /// Places of more problems, after there were too many.
    pub(crate) more: Vec<usize>,
}

impl Pairs {
    /// Of these tokens of `text`; `cuts` tells where the lexer gave up templates.
    pub(crate) fn new(text: &str, tokens: &[Token], cuts: &[Cut]) -> Self {
        let pairs = Pairs { ends: vec![End::None; tokens.len()], problems: Vec::new(), more: Vec::new() };
        let mut pairing = Pairing { text, tokens, cuts, pairs, open: Vec::new(), templates: 0, stray: None };
        let mut from = 0;
        for restart in 0..=RESTARTS {
            pairing.run(from);
            let Some(next) = pairing.finish(restart < RESTARTS) else { break };
            from = next;
        }
        pairing.pairs
    }

    /// The index of the counterpart of the token at `at`.
    pub(crate) fn close(&self, at: usize) -> Option<usize> {
        match self.ends.get(at) {
            Some(End::Closed(close)) => Some(*close),
            _ => None,
        }
    }

    /// The index of the token after the one at `at`, and after all that this encloses.
    pub(crate) fn after(&self, at: usize) -> usize {
        match self.ends.get(at) {
            Some(End::Closed(close)) => close + 1,
            Some(End::Lost(until)) => (*until).max(at + 1),
            _ => at + 1,
        }
    }
}

struct Pairing<'a> {
    text: &'a str,
    tokens: &'a [Token],
    cuts: &'a [Cut],
    pairs: Pairs,
    /// The indices of what is open.
    open: Vec<usize>,
    /// How many of these begin templates, or parts of them.
    templates: usize,
    /// What was open innermost at the last stray closing bracket, and that bracket.
    stray: Option<(Option<usize>, Kind)>,
}

impl Pairing<'_> {
    fn kind(&self, at: usize) -> Kind {
        self.tokens.get(at).map_or(Kind::End, |token| token.kind)
    }

    fn problem(&mut self, at: usize, problem: impl FnOnce() -> Problem) {
        if self.pairs.problems.len() < MAX_SHOWN {
            self.pairs.problems.push(problem());
        } else {
            self.pairs.more.push(at);
        }
    }

    fn run(&mut self, from: usize) {
        let mut cut = self.cuts.partition_point(|cut| cut.token < from);
        for at in from..self.tokens.len() {
            while let Some(here) = self.cuts.get(cut).filter(|cut| cut.token == at) {
                match here.keep {
                    Some(templates) => self.give_up(at, |pairing| pairing.templates > templates),
                    None => self.give_up(at, |_| true),
                }
                cut += 1;
            }
            let kind = self.kind(at);
            if closer_of(kind).is_some() {
                self.templates += usize::from(is_template(kind));
                self.open.push(at);
            } else if is_closer(kind) {
                self.close(at, kind);
            }
        }
    }

    /// Gives up what is open, from the innermost on, `while` this holds.
    fn give_up(&mut self, until: usize, mut while_: impl FnMut(&Self) -> bool) {
        while !self.open.is_empty() && while_(self) {
            self.pop(End::Lost(until));
        }
    }

    fn pop(&mut self, end: End) {
        if let Some(at) = self.open.pop() {
            self.templates -= usize::from(is_template(self.kind(at)));
            self.pairs.ends[at] = end;
        }
    }

    fn close(&mut self, at: usize, kind: Kind) {
        let within = (self.open.last().copied(), kind);
        // Only within the innermost template: a bracket does not close what is outside its string.
        let found = match self.stray == Some(within) {
            true => None,
            false => (0..self.open.len())
                .rev()
                .map(|n| (n, self.kind(self.open[n])))
                .take_while(|(_, open)| closer_of(*open) == Some(kind) || !encloses_text(*open))
                .find(|(_, open)| closer_of(*open) == Some(kind)),
        };
        let Some(token) = self.tokens.get(at) else { return };
        let place = token.start as usize;
        let Some((n, _)) = found else {
            self.stray = Some(within);
            let found = self.text[token.range()].chars().next_back().unwrap_or('}');
            return self.problem(place, || report::stray_closer(place..place + 1, found));
        };
        if let Some(unclosed) = self.open.get(n + 1).and_then(|open| self.tokens.get(*open)) {
            let opening = unclosed.range();
            let text = self.text;
            let open = text[opening.clone()].trim_end_matches('~');
            let end = token.end as usize - 1;
            let found = text.as_bytes().get(end).copied();
            let opening = opening.start..opening.start + open.len();
            self.problem(opening.start, || {
                report::unclosed(opening, open, closing_text(unclosed.kind), end, found)
            });
        }
        while self.open.len() > n + 1 {
            self.pop(End::Lost(at));
        }
        self.pop(End::Closed(at));
    }

    /// At the end of the text: reports what is still open. Gives the index of the next block header when the search
    /// should go on there.
    fn finish(&mut self, may_restart: bool) -> Option<usize> {
        let opener = *self.tokens.get(*self.open.first()?)?;
        let at = opener.start as usize;
        let next = if may_restart { self.next_header(at + 1) } else { None };
        let place = next.and_then(|next| self.tokens.get(next)).map(|token| token.start as usize);
        let until = place.unwrap_or(self.text.trim_end().len());
        if let Some(place) = place {
            // What was noted behind it was noted under a wrong assumption.
            self.pairs.problems.retain(|problem| problem.start() < place);
            self.pairs.more.retain(|at| *at < place);
        }
        let open = &self.text[opener.range()];
        let problem = match suspect(self.text, at, until).filter(|_| open == "{") {
            Some((suspect, closer)) => report::unclosed_by_indent(suspect..suspect + 1, closer..closer + 1),
            None => report::unclosed(opener.range(), open, closing_text(opener.kind), until, None),
        };
        self.problem(problem.start(), || problem);
        let end = next.unwrap_or(self.tokens.len().saturating_sub(1));
        // A line break before the header ends the item.
        let end = end - usize::from(next.is_some() && self.kind(end - 1) == Kind::Newline);
        self.give_up(end, |_| true);
        self.stray = None;
        if let Some(next) = next {
            self.pairs.ends[next..].fill(End::None);
        }
        next
    }

    /// The index of the token at which the next block header starts.
    fn next_header(&self, from: usize) -> Option<usize> {
        let mut from = from;
        loop {
            let place = next_header(self.text, from)?;
            let at = self.tokens.partition_point(|token| (token.start as usize) < place);
            if self
                .tokens
                .get(at)
                .is_some_and(|token| token.start as usize == place && token.kind == Kind::Word)
            {
                return Some(at);
            }
            // That was text of a heredoc; the search goes on at the end of the line before.
            from = place;
        }
    }
}

/// A closing brace that is indented less than the line of the brace it closes: then most likely that one lacks its
/// own, and took its parent's.
fn suspect(text: &str, from: usize, until: usize) -> Option<(usize, usize)> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut at = text[..from].rfind('\n').map_or(0, |n| n + 1);
    for line in text.get(at..until)?.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let code = line.trim();
        if code.starts_with('}') {
            let (brace, opened) = open.pop()?;
            if opened > indent {
                return Some((brace, at + indent));
            }
        }
        if code.ends_with('{') {
            open.push((at + line.trim_end().len() - 1, indent));
        }
        at += line.len();
    }
    None
}

fn closer_of(kind: Kind) -> Option<Kind> {
    Some(match kind {
        Kind::OpenBrace => Kind::CloseBrace,
        Kind::OpenParen => Kind::CloseParen,
        Kind::OpenBracket => Kind::CloseBracket,
        Kind::OpenQuote => Kind::CloseQuote,
        Kind::OpenHeredoc => Kind::CloseHeredoc,
        Kind::Interpolation | Kind::Directive => Kind::TemplateEnd,
        _ => return None,
    })
}

fn is_closer(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CloseBrace
            | Kind::CloseParen
            | Kind::CloseBracket
            | Kind::CloseQuote
            | Kind::CloseHeredoc
            | Kind::TemplateEnd
    )
}

fn encloses_text(kind: Kind) -> bool {
    matches!(kind, Kind::OpenQuote | Kind::OpenHeredoc)
}

fn is_template(kind: Kind) -> bool {
    encloses_text(kind) || matches!(kind, Kind::Interpolation | Kind::Directive)
}

/// How a person would write the counterpart of a bracket.
fn closing_text(kind: Kind) -> &'static str {
    match kind {
        Kind::OpenParen => ")",
        Kind::OpenBracket => "]",
        _ => "}",
    }
}
