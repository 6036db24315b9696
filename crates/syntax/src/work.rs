//! The problems that one call of this crate has found. Of many only the first are worked out, so that a text made to be
//! expensive is not.

use formwork_diag::{Diagnostic, Span};

/// So many problems are told in full; the others are counted.
pub(crate) const MAX_SHOWN: usize = 50;

/// The problems found so far.
#[derive(Debug)]
pub(crate) struct Work {
    shown: Vec<Diagnostic>,
    hidden: usize,
    first_hidden: Option<Span>,
}

impl Work {
    pub(crate) fn new() -> Self {
        Work { shown: Vec::new(), hidden: 0, first_hidden: None }
    }

    /// Adds what `problem` tells about `place`; it is not asked when there are too many already.
    pub(crate) fn add(&mut self, place: Span, problem: impl FnOnce() -> Diagnostic) {
        if self.shown.len() >= MAX_SHOWN {
            self.hide(place);
        } else {
            self.shown.push(problem());
        }
    }

    /// Counts a problem at `place` that nobody works out.
    pub(crate) fn hide(&mut self, place: Span) {
        self.hidden += 1;
        self.first_hidden.get_or_insert(place);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.shown.len() + self.hidden
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
