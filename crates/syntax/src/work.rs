//! What one call of this crate has done: the problems it found, and how much it read for that.
//!
//! Both have a limit, so that a text made to be expensive is not: of many problems only the first are worked out,
//! and reading a part of the text again, to say more about what is wrong in it, has a budget.

use formwork_diag::{Diagnostic, Span};

/// So many problems are told in full; the others are counted.
pub(crate) const MAX_SHOWN: usize = 50;
/// What may be read again of any text, beside as much as it is long.
const AGAIN: usize = 512 << 10;

/// The problems found so far, and the bytes read.
#[derive(Debug)]
pub(crate) struct Work {
    shown: Vec<Diagnostic>,
    hidden: usize,
    first_hidden: Option<Span>,
    again: usize,
    read: usize,
    /// Whether this thread has a stack for any depth.
    pub(crate) roomy: bool,
}

/// How many problems there were at some time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    shown: usize,
    hidden: usize,
}

/// Problems that were taken back.
pub(crate) struct SetAside {
    shown: Vec<Diagnostic>,
    hidden: usize,
}

impl Work {
    /// To read a text of so many bytes.
    pub(crate) fn new(length: usize) -> Self {
        Work {
            shown: Vec::new(),
            hidden: 0,
            first_hidden: None,
            again: length + AGAIN,
            read: 0,
            roomy: false,
        }
    }

    /// Notes that so many bytes are read.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.read += bytes;
    }

    /// Takes this from what may be read again; `false` when so much is not left.
    pub(crate) fn spend(&mut self, bytes: usize) -> bool {
        let left = self.again.checked_sub(bytes);
        self.again = left.unwrap_or(self.again);
        left.is_some()
    }

    /// All bytes read so far, those read twice counted twice.
    #[cfg(test)]
    pub(crate) fn bytes_read(&self) -> usize {
        self.read
    }

    /// Whether further problems are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.shown.len() >= MAX_SHOWN
    }

    /// Adds what `problem` tells about `place`; it is not asked when there are too many already.
    pub(crate) fn add(&mut self, place: Span, problem: impl FnOnce() -> Diagnostic) {
        if self.is_full() {
            self.hide(1, place);
        } else {
            self.shown.push(problem());
        }
    }

    /// Counts `count` problems at `place` that nobody works out.
    pub(crate) fn hide(&mut self, count: usize, place: Span) {
        if count > 0 {
            self.hidden += count;
            self.first_hidden.get_or_insert(place);
        }
    }

    /// The problems so far.
    pub(crate) fn mark(&self) -> Mark {
        Mark { shown: self.shown.len(), hidden: self.hidden }
    }

    /// Takes back all problems since `mark`.
    pub(crate) fn set_aside(&mut self, mark: Mark) -> SetAside {
        SetAside {
            shown: self.shown.split_off(mark.shown.min(self.shown.len())),
            hidden: std::mem::replace(&mut self.hidden, mark.hidden) - mark.hidden,
        }
    }

    /// Adds the problems that were taken back.
    pub(crate) fn add_back(&mut self, problems: SetAside) {
        self.shown.extend(problems.shown);
        self.hidden += problems.hidden;
    }

    /// The problems in the order of the text, and at the end how many more there are.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.shown;
        diagnostics.sort_by_key(|d| d.span.map(|span| span.start));
        if let (1.., Some(place)) = (self.hidden, self.first_hidden) {
            let (more, them) = match self.hidden {
                1 => ("One more error".to_owned(), "it"),
                n => (format!("{n} more errors"), "the first of them"),
            };
            diagnostics.push(
                Diagnostic::error("Too many errors", format!("{more} not shown; {them} is here."))
                    .at(place)
                    .help("Mend the errors above first: often one mistake is the cause of many."),
            );
        }
        diagnostics
    }
}
