//! Strings, heredocs and template files.

use super::{Cut, Frame, Kind, Lexer, chars, word_length};
use crate::report;
use std::ops::Range;

/// What a byte may mean between quotes.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte >= 128 || matches!(byte as u8, b'"' | b'\\' | b'$' | b'%' | b'\n' | b'\r');
        byte += 1;
    }
    table
};

impl Lexer<'_> {
    /// Text from the cursor to `end`.
    fn literal(&mut self, end: usize, plain: bool) {
        if end > self.i {
            self.push(if plain { Kind::Plain } else { Kind::Text }, end);
        }
    }

    /// At a `$` or `%`: whether it begins an interpolation or directive, and how many bytes stand for themselves else.
    fn marker(&self, at: usize) -> Result<Kind, usize> {
        let byte = self.byte(at);
        match (self.byte(at + 1), self.byte(at + 2)) {
            (b'{', _) if byte == b'$' => Ok(Kind::Interpolation),
            (b'{', _) => Ok(Kind::Directive),
            (next, b'{') if next == byte => Err(3),
            _ => Err(1),
        }
    }

    fn sequence(&mut self, kind: Kind) {
        let at = self.i;
        self.frames.push(Frame::Sequence { at, braces: std::mem::take(&mut self.braces) });
        let strip = usize::from(self.byte(at + 2) == b'~');
        self.push(kind, at + 2 + strip);
    }

    /// At a `$` or `%` in literal text: the literal ends where a sequence begins (`None`), or goes on after what is only
    /// a character or an escape.
    fn interrupted(&mut self, at: usize, plain: &mut bool) -> Option<usize> {
        match self.marker(at) {
            Ok(kind) => {
                self.literal(at, *plain);
                self.sequence(kind);
                None
            }
            Err(length) => {
                *plain &= length == 1;
                Some(at + length)
            }
        }
    }

    /// Between quotes: up to the closing one or the next sequence.
    pub(super) fn quoted(&mut self) {
        let mut at = self.i;
        let mut plain = true;
        while let Some(&byte) = self.bytes.get(at) {
            if !SPECIAL[byte as usize] {
                at += 1;
                continue;
            }
            match byte {
                b'"' => {
                    self.literal(at, plain);
                    self.frames.pop();
                    return self.push(Kind::CloseQuote, at + 1);
                }
                b'$' | b'%' => match self.interrupted(at, &mut plain) {
                    Some(next) => at = next,
                    None => return,
                },
                b'\n' | b'\r' => {
                    self.literal(at, plain);
                    return self.broken_quote(at);
                }
                b'\\' => {
                    plain = false;
                    at += 1;
                    if !matches!(self.byte(at), b'\n' | b'\r') {
                        at += self.text.get(at..).and_then(|t| t.chars().next()).map_or(0, char::len_utf8);
                    }
                }
                _ => {
                    plain = false;
                    at += 1;
                }
            }
        }
        self.literal(self.bytes.len(), plain);
    }

    /// A line ends inside quotes. What began on this line ends with it: when an interpolation stands open in the
    /// string, its brace is what is missing, and the quote meant to close the string opened another one.
    fn broken_quote(&mut self, end: usize) {
        let text = self.text;
        let line = text[..end].rfind('\n').map_or(0, |n| n + 1);
        let mut first = self.frames.len() - 1;
        let mut at = first;
        while at > 0 {
            at -= 1;
            match &self.frames[at] {
                Frame::Quote { at: quote } if *quote >= line => first = at,
                Frame::Sequence { at: sequence, .. } if *sequence >= line => {}
                _ => break,
            }
        }
        match self.frames.get(first..).unwrap_or_default() {
            [_, Frame::Sequence { at, .. }, ..] => {
                let at = *at;
                self.problem(at, || report::unclosed(at..at + 2, &text[at..at + 2], "}", end, None));
            }
            [Frame::Quote { at }, ..] => {
                let at = *at;
                self.problem(at, || report::broken_quote(at..end, &text[at..end]));
            }
            _ => {}
        }
        self.leave(first);
        let bare = usize::from(matches!(self.frames.first(), Some(Frame::Bare)));
        self.lexed.cuts.push(Cut { token: self.lexed.tokens.len(), keep: Some(first - bare) });
        self.lexed.tokens.push(super::Token { kind: Kind::Bad, start: end as u32, end: end as u32 });
        if self.byte(end) == b'\r' && self.byte(end + 1) != b'\n' {
            self.i = end + 1;
        }
    }

    /// Leaves the frames from `first` on.
    fn leave(&mut self, first: usize) {
        let outermost = self.frames[first..].iter().find_map(|frame| match frame {
            Frame::Sequence { braces, .. } => Some(*braces),
            _ => None,
        });
        self.braces = outermost.unwrap_or(self.braces);
        self.frames.truncate(first);
    }

    /// At `<<`: whether a heredoc begins.
    pub(super) fn heredoc(&mut self) -> bool {
        let at = self.i;
        let from = at + 2 + usize::from(self.byte(at + 2) == b'-');
        let text = self.text;
        let length = word_length(&text[from..]);
        if length == 0 {
            return false;
        }
        let marker = from..from + length;
        let end = self.line_end(marker.end);
        if end != marker.end {
            let name = &text[marker.clone()];
            self.problem(at, || report::after_heredoc_marker(marker.end..end, name));
        }
        let line = self.after_line_break(end);
        self.push(Kind::OpenHeredoc, line);
        if end != marker.end {
            self.lexed.tokens.push(super::Token { kind: Kind::Bad, start: end as u32, end: end as u32 });
        }
        self.frames.push(Frame::Heredoc { at, marker });
        self.heredoc_line();
        true
    }

    fn after_line_break(&self, end: usize) -> usize {
        match (self.byte(end), self.byte(end + 1)) {
            (b'\r', b'\n') => end + 2,
            (b'\n', _) => end + 1,
            _ => self.bytes.len(),
        }
    }

    /// At the start of a line of a heredoc: when it is the closing marker, the heredoc ends.
    fn heredoc_line(&mut self) {
        let Some(Frame::Heredoc { marker, .. }) = self.frames.last() else { return };
        let text = self.text;
        let end = self.line_end(self.i);
        let is_whole = !self.is_file || text[end..].contains('\n');
        if is_whole && text[self.i..end].trim() == &text[marker.clone()] {
            self.frames.pop();
            self.push(Kind::CloseHeredoc, end);
        }
    }

    /// In a heredoc or template file: up to the end of the line or the next sequence.
    pub(super) fn raw(&mut self) {
        let mut at = self.i;
        let mut plain = true;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\n' => {
                    self.literal(at + 1, plain);
                    return self.heredoc_line();
                }
                b'$' | b'%' => match self.interrupted(at, &mut plain) {
                    Some(next) => at = next,
                    None => return,
                },
                _ => {
                    plain &= byte < 128;
                    at += 1;
                }
            }
        }
        self.literal(self.bytes.len(), plain);
    }

    /// At the end of the text: reports what never ended. Gives the place of the next block header, when there is one
    /// and the lexer may go on there.
    pub(super) fn unfinished(&mut self, may_restart: bool) -> Option<usize> {
        let is_open = |frame: &&Frame| !matches!(frame, Frame::Bare);
        let last = self.frames.iter().rfind(is_open)?;
        let text = self.text;
        // The innermost heredoc; or of a string, the interpolation in it that lacks its brace.
        let quote = self.frames.iter().position(|frame| matches!(frame, Frame::Quote { .. }));
        let culprit = match (last, quote) {
            (Frame::Heredoc { .. }, _) => last,
            (_, Some(n)) => self.frames.get(n + 1).unwrap_or(last),
            _ => last,
        };
        let end = text.trim_end().len();
        let problem = match culprit {
            Frame::Heredoc { at, marker } => {
                let name = &text[marker.clone()];
                let line = text.rfind('\n').map_or("", |n| &text[n + 1..]);
                (*at, report::unclosed_heredoc(*at..marker.end, name, line.trim() == name))
            }
            Frame::Sequence { at, .. } => {
                (*at, report::unclosed(*at..*at + 2, &text[*at..*at + 2], "}", end, None))
            }
            Frame::Quote { at } => {
                let end = end.max(at + 1);
                (*at, report::broken_quote(*at..end, &text[*at..end]))
            }
            Frame::Bare => return None,
        };
        let (at, problem) = problem;
        self.problem(at, || problem);
        let next = may_restart.then(|| next_header(text, at + 1)).flatten();
        let keep = next.map_or(usize::MAX, |next| next - 1) as u64;
        let tokens = &mut self.lexed.tokens;
        tokens.truncate(tokens.partition_point(|token| u64::from(token.start) < keep));
        self.lexed.cuts.push(Cut { token: tokens.len(), keep: None });
        next
    }

    /// Goes on at `next`, the start of a line, as if what was read behind it had not been read.
    pub(super) fn restart(&mut self, next: usize) {
        self.frames.clear();
        self.braces = 0;
        self.i = next - 1;
        self.push(Kind::Newline, next);
    }
}

/// A line that starts a block without indentation, at `from` or later.
pub(crate) fn next_header(text: &str, from: usize) -> Option<usize> {
    let mut at = from + text.get(from..)?.find('\n')? + 1;
    for line in text[at..].split_inclusive('\n') {
        if is_header(line) {
            return Some(at);
        }
        at += line.len();
    }
    None
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

/// The range of the marker in the closing line `line` of a heredoc, which may be indented.
pub(crate) fn closing_marker(text: &str, line: Range<usize>) -> Range<usize> {
    let content = &text[line.clone()];
    let start = line.start + content.len() - content.trim_start().len();
    start..start + chars::word_end(content.trim(), 0)
}
