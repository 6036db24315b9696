//! What the scanner does when something is not closed, or nests too deep.

use super::frame::Frame;
use super::{Mode, Scanner, word_length};
use crate::report;
use crate::work::MAX_SHOWN;

impl Scanner<'_> {
    /// At an opening bracket that is too deep: passes it and what it encloses, without a look at strings, and
    /// remembers the place.
    pub(super) fn skip_nested(&mut self, bracket: usize) {
        self.too_deep.get_or_insert(bracket);
        let mut open = 0usize;
        for (n, byte) in self.bytes[bracket..].iter().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => open += 1,
                b')' | b']' | b'}' if open == 1 => {
                    self.i = bracket + n + 1;
                    return;
                }
                b')' | b']' | b'}' => open -= 1,
                _ => {}
            }
        }
        self.i = self.bytes.len();
    }

    /// At the end of the text: reports what is still open. Gives the place of the next block header when the
    /// scan should go on there, for which `may_restart` is asked with the length of what it would read again.
    pub(super) fn finish(&mut self, may_restart: impl FnOnce(usize) -> bool) -> Option<usize> {
        let end = self.text.trim_end().len().max(self.start.unwrap_or(0));
        let still_open = match (self.stack.first(), self.mode) {
            (Some(Frame::Template), _) => self.stack.get(1),
            (first, _) => first,
        };
        let Some(frame) = still_open else {
            self.end_item(self.bytes.len());
            return None;
        };
        // A string or heredoc that ends with the text is what is missing, whatever encloses it; or, of a string,
        // the interpolation in it.
        let quote = self.stack.iter().position(|f| matches!(f, Frame::Quote { .. }));
        let frame = match (quote, self.stack.last()) {
            (_, Some(heredoc @ Frame::Heredoc { .. })) => heredoc,
            (Some(n), _) => self.stack.get(n + 1).unwrap_or(&self.stack[n]),
            _ => frame,
        };
        let (open, close) = frame.words(self.text);
        let (at, opening) = (frame.at(), frame.opening());
        let next = match self.mode {
            Mode::Body if self.too_deep.is_none() => {
                self.next_header(at + 1).filter(|next| may_restart(self.bytes.len() - next))
            }
            _ => None,
        };
        let until = next.unwrap_or(end);
        let problem = match frame {
            _ if self.told >= MAX_SHOWN || self.too_deep.is_some() => None,
            Frame::Quote { .. } => Some(report::broken_quote(at..end, &self.text[at..end])),
            Frame::Heredoc { .. } => Some(report::unclosed_heredoc(opening, &close)),
            _ => Some(match self.suspect(at, until).filter(|_| open == "{") {
                Some((suspect, closer)) => {
                    report::unclosed_by_indent(suspect..suspect + 1, closer..closer + 1)
                }
                None => report::unclosed(opening, &open, &close, until, None),
            }),
        };
        match problem {
            Some(problem) => self.problem(|| problem),
            None => self.more += 1,
        }
        self.stack.clear();
        if self.mode == Mode::Template {
            self.stack.push(Frame::Template);
        }
        self.end_item(until);
        next
    }

    /// Goes on at `next`, as if what was read behind it had not been read.
    pub(super) fn restart(&mut self, next: usize) {
        self.i = next;
        self.stray = None;
        self.shadow[next..].copy_from_slice(&self.bytes[next..]);
        self.large.retain(|object| object.close() < next);
    }

    /// A line that starts a block without indentation, at `from` or later.
    fn next_header(&self, from: usize) -> Option<usize> {
        let mut at = from + self.text.get(from..)?.find('\n')? + 1;
        for line in self.text[at..].split_inclusive('\n') {
            if is_header(line) {
                return Some(at);
            }
            at += line.len();
        }
        None
    }

    /// A closing brace that is indented less than the line of the brace it closes: then most likely that one
    /// lacks its own, and took its parent's.
    fn suspect(&self, from: usize, until: usize) -> Option<(usize, usize)> {
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut at = self.text[..from].rfind('\n').map_or(0, |n| n + 1);
        for line in self.text[at..until].split_inclusive('\n') {
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
}

/// `kind "label" {` at the very start of a line.
fn is_header(line: &str) -> bool {
    let length = word_length(line);
    let Some(mut rest) = line.trim_end().strip_suffix('{').and_then(|l| l.get(length..)) else {
        return false;
    };
    loop {
        rest = rest.trim_start();
        if length == 0 || rest.is_empty() {
            return length > 0;
        }
        let label = match rest.strip_prefix('"') {
            Some(quoted) => match quoted.find('"') {
                Some(n) => n + 2,
                None => return false,
            },
            None => word_length(rest),
        };
        if label == 0 {
            return false;
        }
        rest = &rest[label..];
    }
}
