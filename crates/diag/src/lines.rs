//! Where the lines of a text begin, so that finding one does not mean reading all before it.

use unicode_segmentation::UnicodeSegmentation;

/// The lines of a text.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    /// Where each begins, and whether it is all ASCII.
    starts: Vec<(usize, bool)>,
}

impl Lines {
    pub fn of(text: &str) -> Self {
        let mut start = 0;
        let starts = text.split('\n').map(|line| {
            let this = (start, line.is_ascii());
            start += line.len() + 1;
            this
        });
        Lines { starts: starts.collect() }
    }

    /// Line and column of a byte of the text, counted from 1.
    pub fn line_column(&self, text: &str, byte: usize) -> (usize, usize) {
        let byte = byte.min(text.len());
        let line = self.starts.partition_point(|(start, _)| *start <= byte).max(1);
        let Some((start, ascii)) = self.starts.get(line - 1) else { return (1, 1) };
        let within = byte - start;
        if *ascii {
            return (line, within + 1);
        }
        // A place inside of a cluster is where the cluster begins.
        let rest = text[*start..].split('\n').next().unwrap_or_default();
        let column = rest.grapheme_indices(true).take_while(|(at, c)| at + c.len() <= within).count();
        (line, column + 1)
    }
}
