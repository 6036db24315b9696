//! Strings, heredocs and templates, as the scanner sees them.

use super::frame::Frame;
use super::{MAX_NESTING, Scanner, continues_word, word_length};
use crate::report;
use crate::work::MAX_SHOWN;

impl Scanner<'_> {
    pub(super) fn heredoc(&mut self) {
        let at = self.i;
        let mut from = at + 2;
        if self.bytes.get(from) == Some(&b'-') {
            from += 1;
        }
        let length = word_length(&self.text[from..]);
        if length == 0 {
            self.i = from;
            return;
        }
        let marker = from..from + length;
        self.i = marker.end;
        let end = self.line_end();
        if end != marker.end {
            let name = &self.text[marker.clone()];
            self.problem(|| report::after_heredoc_marker(marker.end..end, name));
        }
        self.i =
            (end..self.bytes.len()).find(|i| self.bytes[*i] == b'\n').map_or(self.bytes.len(), |n| n + 1);
        self.stack.push(Frame::Heredoc { at, marker });
        self.heredoc_line();
    }

    /// At the start of a line of a heredoc: is it the closing marker? A line that only begins with the marker is
    /// text to Terraform and the end to `hcl-edit`: the shadow hides it.
    fn heredoc_line(&mut self) {
        let Some(Frame::Heredoc { marker, .. }) = self.stack.last() else { return };
        let marker = &self.text[marker.clone()];
        let line = &self.text[self.i..self.line_end()];
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if trimmed.trim_end() == marker {
            self.i += indent + marker.len();
            self.token_end = self.i;
            self.stack.pop();
        } else if trimmed.strip_prefix(marker).is_some_and(|r| !r.starts_with(continues_word)) {
            let first = self.i + indent;
            let length = trimmed.chars().next().map_or(0, char::len_utf8);
            self.shadow[first..first + length].fill(b'.');
        }
    }

    pub(super) fn raw(&mut self) {
        let byte = self.bytes[self.i];
        match byte {
            b'\n' => {
                self.i += 1;
                if self.i < self.bytes.len() {
                    self.heredoc_line();
                }
            }
            b'$' | b'%' => self.marker(byte),
            _ => self.i += self.char_len(),
        }
    }

    /// At a `$` or `%` in a template.
    fn marker(&mut self, byte: u8) {
        let at = self.i;
        let next = self.bytes.get(at + 1).copied();
        if next == Some(byte) && self.bytes.get(at + 2) == Some(&b'{') {
            self.i += 3;
        } else if next == Some(b'{') && self.stack.len() >= MAX_NESTING {
            self.skip_nested(at + 1);
        } else if next == Some(b'{') {
            self.stack.push(Frame::Interpolation { at });
            self.i += 2;
        } else {
            self.i += 1;
        }
    }

    pub(super) fn quoted(&mut self) {
        let byte = self.bytes[self.i];
        match byte {
            b'"' => {
                self.stack.pop();
                self.i += 1;
                self.token_end = self.i;
            }
            b'\\' => {
                self.i += 1;
                if self.i < self.bytes.len() && !matches!(self.bytes[self.i], b'\n' | b'\r') {
                    self.i += self.char_len();
                }
            }
            b'$' | b'%' => self.marker(byte),
            b'\n' => self.broken_quote(),
            _ => self.i += self.char_len(),
        }
    }

    /// A line ends inside quotes. What began on this line ends with it: when an interpolation stands open in
    /// the string, its brace is what is missing, and the quote meant to close the string opened another one.
    fn broken_quote(&mut self) {
        let line = self.text[..self.i].rfind('\n').map_or(0, |n| n + 1);
        let inner = self.stack.len() - 1;
        let first =
            self.stack.iter().position(|f| matches!(f, Frame::Quote { at } if *at >= line)).unwrap_or(inner);
        let end = self.line_end_before(self.i);
        let text = self.text;
        if first < inner {
            let at = self.stack[first + 1].at();
            self.problem(|| report::unclosed(at..at + 2, "${", "}", end, None));
        } else {
            let at = self.stack[inner].at();
            self.problem(|| report::broken_quote(at..end, &text[at..end]));
        }
        self.stack.truncate(first);
    }

    /// Quotes of a kind that the language does not have.
    pub(super) fn wrong_quote(&mut self, quote: char) {
        let at = self.i;
        let after = at + quote.len_utf8();
        self.i = after;
        if self.told >= MAX_SHOWN {
            self.more = self.more.max(1);
            return; // without a look for the other quote, which is not free
        }
        let closing = match quote {
            '\u{201c}' => &['\u{201d}', '\u{201c}', '"'][..],
            '\u{2018}' => &['\u{2019}', '\u{2018}', '\''],
            '\u{ab}' => &['\u{bb}'],
            '\'' => &['\'', '\u{2019}'],
            _ => &[quote][..],
        };
        let rest = &self.text[after..];
        // The other quote of a pair is on the same line, and not far.
        let end = rest
            .char_indices()
            .take_while(|(n, c)| *n < 4096 && *c != '\n')
            .find(|(_, c)| closing.contains(c))
            .map(|(n, c)| (n, n + c.len_utf8()));
        let (content, end) = match end {
            Some((content, end)) => (Some(&rest[..content]), after + end),
            None => (None, after),
        };
        self.problem(|| report::wrong_quote(at..end, quote, content));
        self.i = end;
    }
}
