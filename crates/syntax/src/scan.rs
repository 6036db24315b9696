//! A light scanner that runs before the parser proper.
//!
//! It knows strings, templates, heredocs, comments and brackets, and nothing of the grammar between them. That
//! is enough to
//!
//! - cut a body into its items, so that one broken item does not hide what the others say;
//! - report what never closes at the place where it opens;
//! - write a *shadow* of the text: equally long, so that every offset stays true, with those spellings replaced
//!   that Terraform accepts and `hcl-edit` does not (a byte-order mark, line breaks between brackets, `1e400`).

use crate::report::{self, Problem};
use std::ops::Range;

/// What the scanner found in a stretch of text.
pub(crate) struct Scan {
    /// The items of the body, in order.
    pub items: Vec<Item>,
    /// The text with the edits described above; as long as the original.
    pub shadow: String,
    /// No expression or block in it nests deeper than this.
    pub depth: usize,
}

impl Scan {
    /// Everything that is wrong with quotes and brackets.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.items.iter().flat_map(|item| &item.problems)
    }
}

/// One attribute or block, or something that should have been one.
pub(crate) struct Item {
    /// From its first byte to the end of its last line.
    pub range: Range<usize>,
    /// The first brace that stands at the item's own level, and the one that closes it.
    pub braces: Option<(usize, usize)>,
    /// What is wrong with its quotes and brackets.
    pub problems: Vec<Problem>,
}

/// What encloses the current byte.
#[derive(Clone, Debug)]
enum Frame {
    /// `(`, `[` or `{`; `loose` when line breaks mean nothing directly inside.
    Bracket { open: u8, at: usize, loose: bool },
    /// A quoted template.
    Quote { at: usize },
    /// `${` or `%{`.
    Interpolation { at: usize },
    /// A heredoc: where it starts, and its marker.
    Heredoc { at: usize, marker: Range<usize> },
    /// A template file.
    Template,
}

impl Frame {
    fn at(&self) -> usize {
        match self {
            Frame::Bracket { at, .. }
            | Frame::Quote { at }
            | Frame::Interpolation { at }
            | Frame::Heredoc { at, .. } => *at,
            Frame::Template => 0,
        }
    }

    /// What a person would call it, and how it is closed.
    fn words(&self, text: &str) -> (String, String) {
        match self {
            Frame::Bracket { open, .. } => {
                ((*open as char).to_string(), (closer_of(*open) as char).to_string())
            }
            Frame::Quote { .. } => ("\"".into(), "\"".into()),
            Frame::Interpolation { at } => (text.get(*at..at + 2).unwrap_or("${").to_owned(), "}".to_owned()),
            Frame::Heredoc { marker, .. } => {
                let marker = &text[marker.clone()];
                (format!("<<{marker}"), marker.to_owned())
            }
            Frame::Template => (String::new(), String::new()),
        }
    }
}

fn closer_of(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// How the text is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Attributes and blocks, one on a line.
    Body,
    /// One expression.
    Expression,
    /// A template file.
    Template,
}

/// After this many brackets that never close, the rest of the text is one item: each costs a pass over it.
const RESTARTS: usize = 16;

/// Scans `text`; offsets are relative to it.
pub(crate) fn scan(text: &str, mode: Mode) -> Scan {
    let mut scanner = Scanner::new(text, mode);
    let mut restarts = 0;
    loop {
        scanner.run();
        let Some(next) = scanner.finish(restarts < RESTARTS) else { break };
        restarts += 1;
        scanner.i = next;
    }
    let Scanner { items, shadow, depth, .. } = scanner;
    // The edits keep the text UTF-8: they replace whole characters by ASCII ones.
    let shadow = String::from_utf8(shadow).unwrap_or_else(|_| text.to_owned());
    Scan { items, shadow, depth }
}

/// Where the key of an object item that starts at `from` ends: before its `=` or `:`.
pub(crate) fn key_end(text: &str, from: usize) -> Option<usize> {
    let mut scanner = Scanner::new(text, Mode::Expression);
    scanner.i = from;
    scanner.stop_at_assignment = true;
    scanner.run();
    let end = scanner.stopped?;
    Some(from + text.get(from..end)?.trim_end().len())
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    shadow: Vec<u8>,
    i: usize,
    stack: Vec<Frame>,
    mode: Mode,
    items: Vec<Item>,
    /// The item being read.
    start: Option<usize>,
    open: Option<usize>,
    close: Option<usize>,
    problems: Vec<Problem>,
    /// How deep the brackets of any item nest, and how many operators are in one that can nest, at most.
    depth: usize,
    nesting: usize,
    operators: usize,
    stop_at_assignment: bool,
    stopped: Option<usize>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, mode: Mode) -> Self {
        let mut scanner = Scanner {
            text,
            bytes: text.as_bytes(),
            shadow: text.as_bytes().to_vec(),
            i: 0,
            stack: Vec::new(),
            mode,
            items: Vec::new(),
            start: None,
            open: None,
            close: None,
            problems: Vec::new(),
            depth: 0,
            nesting: 0,
            operators: 0,
            stop_at_assignment: false,
            stopped: None,
        };
        match mode {
            Mode::Template => {
                scanner.stack.push(Frame::Template);
                scanner.start = Some(0);
            }
            Mode::Body | Mode::Expression if text.starts_with('\u{feff}') => {
                scanner.blank(0..3);
                scanner.i = 3;
            }
            Mode::Body | Mode::Expression => {}
        }
        scanner
    }

    fn blank(&mut self, range: Range<usize>) {
        for byte in &mut self.shadow[range] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn starts(&self, what: &str) -> bool {
        self.bytes[self.i..].starts_with(what.as_bytes())
    }

    fn char_len(&self) -> usize {
        self.text[self.i..].chars().next().map_or(1, char::len_utf8)
    }

    /// The end of the line at the cursor, without its line break.
    fn line_end(&self) -> usize {
        let end =
            self.bytes[self.i..].iter().position(|b| *b == b'\n').map_or(self.bytes.len(), |n| self.i + n);
        if end > self.i && self.bytes[end - 1] == b'\r' { end - 1 } else { end }
    }

    fn run(&mut self) {
        while self.i < self.bytes.len() && self.stopped.is_none() {
            match self.stack.last() {
                None | Some(Frame::Bracket { .. } | Frame::Interpolation { .. }) => self.code(),
                Some(Frame::Quote { .. }) => self.quoted(),
                Some(Frame::Heredoc { marker, .. }) => {
                    let marker = marker.clone();
                    self.raw(Some(marker));
                }
                Some(Frame::Template) => self.raw(None),
            }
        }
    }

    /// Whether a line break is mere white space here.
    fn loose(&self) -> bool {
        match self.stack.last() {
            Some(Frame::Bracket { loose, .. }) => *loose,
            Some(_) => true,
            None => self.mode == Mode::Expression,
        }
    }

    fn code(&mut self) {
        let at = self.i;
        let byte = self.bytes[at];
        if self.start.is_none() && !byte.is_ascii_whitespace() && !self.starts_comment() {
            self.start = Some(at);
        }
        match byte {
            b'\n' => {
                self.i += 1;
                if self.stack.is_empty() && self.mode == Mode::Body {
                    self.end_item(at);
                } else if self.loose() {
                    self.shadow[at] = b' ';
                }
            }
            b'\r' if self.loose() => {
                self.shadow[at] = b' ';
                self.i += 1;
            }
            b'#' | b'/' if self.starts_comment() => self.comment(),
            b'"' => {
                self.stack.push(Frame::Quote { at });
                self.i += 1;
            }
            b'<' if self.starts("<<") => self.heredoc(),
            b'(' | b'[' | b'{' => {
                self.i += 1;
                let loose = byte != b'{' || self.for_follows();
                if self.stack.is_empty() && byte == b'{' && self.open.is_none() {
                    self.open = Some(at);
                }
                self.stack.push(Frame::Bracket { open: byte, at, loose });
            }
            b')' | b']' | b'}' => self.closer(byte),
            b'0'..=b'9' => self.number(),
            b'\'' | b'`' => self.wrong_quote(byte as char),
            b'=' | b':' if self.stop_at_assignment && self.stack.is_empty() => self.assignment(),
            b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => self.word(),
            _ => {
                self.operators += usize::from(matches!(byte, b'?' | b'!' | b'-'));
                self.i += 1;
            }
        }
        self.nesting = self.nesting.max(self.stack.len());
    }

    fn starts_comment(&self) -> bool {
        self.bytes[self.i] == b'#' || self.starts("//") || self.starts("/*")
    }

    fn comment(&mut self) {
        let at = self.i;
        if self.starts("/*") {
            match self.text[at + 2..].find("*/") {
                Some(n) => self.i = at + 2 + n + 2,
                None => {
                    self.start.get_or_insert(at);
                    self.problems.push(report::unclosed_comment(at..at + 2));
                    self.i = self.bytes.len();
                }
            }
            return;
        }
        self.i = self.line_end();
        if self.loose() {
            self.blank(at..self.i);
        }
    }

    fn assignment(&mut self) {
        if self.starts("==") || self.starts("::") {
            self.i += 2;
        } else if self.i > 0 && matches!(self.bytes[self.i - 1], b'!' | b'<' | b'>') {
            self.i += 1;
        } else {
            self.stopped = Some(self.i);
        }
    }

    /// Whether the brace before the cursor opens a `for` expression.
    fn for_follows(&self) -> bool {
        let mut rest = &self.text[self.i..];
        loop {
            rest = rest.trim_start();
            if rest.starts_with('#') || rest.starts_with("//") {
                rest = rest.split_once('\n').map_or("", |(_, r)| r);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                rest = comment.split_once("*/").map_or("", |(_, r)| r);
            } else {
                break;
            }
        }
        rest.strip_prefix("for")
            .is_some_and(|r| r.starts_with(|c: char| c.is_whitespace() || c == '#' || c == '/'))
    }

    fn heredoc(&mut self) {
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
            self.problems.push(report::after_heredoc_marker(marker.end..end, &self.text[marker.clone()]));
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
            self.stack.pop();
        } else if trimmed.strip_prefix(marker).is_some_and(|r| !r.starts_with(continues_word)) {
            let first = self.i + indent;
            let length = trimmed.chars().next().map_or(0, char::len_utf8);
            self.shadow[first..first + length].fill(b'.');
        }
    }

    fn raw(&mut self, heredoc: Option<Range<usize>>) {
        let byte = self.bytes[self.i];
        match byte {
            b'\n' => {
                self.i += 1;
                if heredoc.is_some() && self.i < self.bytes.len() {
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
        } else if next == Some(b'{') {
            self.stack.push(Frame::Interpolation { at });
            self.i += 2;
        } else {
            self.i += 1;
        }
    }

    fn quoted(&mut self) {
        let byte = self.bytes[self.i];
        match byte {
            b'"' => {
                self.stack.pop();
                self.i += 1;
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
        let problem = if first < inner {
            let at = self.stack[first + 1].at();
            report::unclosed(at..at + 2, "${", "}", end, None)
        } else {
            report::broken_quote(self.stack[inner].at()..end, &self.text[self.stack[inner].at()..end])
        };
        self.problems.push(problem);
        self.stack.truncate(first);
    }

    fn line_end_before(&self, newline: usize) -> usize {
        if newline > 0 && self.bytes[newline - 1] == b'\r' { newline - 1 } else { newline }
    }

    fn closer(&mut self, byte: u8) {
        let at = self.i;
        self.i += 1;
        let matches = |f: &Frame| match f {
            Frame::Bracket { open, .. } => closer_of(*open) == byte,
            Frame::Interpolation { .. } => byte == b'}',
            _ => false,
        };
        // Only within the innermost template: a brace does not close what is outside its string.
        let floor = self
            .stack
            .iter()
            .rposition(|f| matches!(f, Frame::Quote { .. } | Frame::Heredoc { .. } | Frame::Template))
            .map_or(0, |n| n + 1);
        match self.stack[floor..].iter().rposition(matches).map(|n| n + floor) {
            Some(n) => {
                if let Some(unclosed) = self.stack.get(n + 1) {
                    let (open, close) = unclosed.words(self.text);
                    let from = unclosed.at();
                    self.problems.push(report::unclosed(
                        from..from + open.len(),
                        &open,
                        &close,
                        at,
                        Some(byte),
                    ));
                }
                self.stack.truncate(n);
                if n == 0 && byte == b'}' && self.open.is_some() && self.close.is_none() {
                    self.close = Some(at);
                }
            }
            None => self.problems.push(report::stray_closer(at..at + 1, byte as char)),
        }
    }

    fn number(&mut self) {
        let from = self.i;
        let digits = |mut i: usize| {
            while self.bytes.get(i).is_some_and(u8::is_ascii_digit) {
                i += 1;
            }
            i
        };
        let mut end = digits(from);
        if self.bytes.get(end) == Some(&b'.') && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if matches!(self.bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.bytes.get(end + 1), Some(b'+' | b'-')));
            let last = digits(end + 1 + sign);
            if last > end + 1 + sign {
                end = last;
            }
        }
        // Too large for the parser's f64; the tree takes the digits from the text, so any number will do.
        if self.text[from..end].parse::<f64>().is_ok_and(f64::is_infinite) {
            self.shadow[from..end].fill(b'1');
            self.shadow[from + 1] = b'.';
        }
        self.i = end;
    }

    fn word(&mut self) {
        let length = word_length(&self.text[self.i..]);
        if length > 0 {
            self.i += length;
            return;
        }
        match self.text[self.i..].chars().next() {
            Some(c @ ('\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' | '\u{ab}' | '\u{bb}')) => {
                self.wrong_quote(c)
            }
            _ => self.i += self.char_len(),
        }
    }

    /// Quotes of a kind that the language does not have.
    fn wrong_quote(&mut self, quote: char) {
        let at = self.i;
        let after = at + quote.len_utf8();
        self.i = after;
        let line = &self.text[after..self.line_end()];
        let closing = match quote {
            '\u{201c}' => &['\u{201d}', '\u{201c}', '"'][..],
            '\u{2018}' => &['\u{2019}', '\u{2018}', '\''],
            '\u{ab}' => &['\u{bb}'],
            '\'' => &['\'', '\u{2019}'],
            _ => &[quote][..],
        };
        let end = line.char_indices().find(|(_, c)| closing.contains(c)).map(|(n, c)| (n, n + c.len_utf8()));
        let (content, end) = match end {
            Some((content, end)) => (Some(&line[..content]), after + end),
            None => (None, after),
        };
        self.problems.push(report::wrong_quote(at..end, quote, content));
        self.i = end;
    }

    fn end_item(&mut self, end: usize) {
        let end = self.line_end_before(end);
        let (open, close) = (self.open.take(), self.close.take());
        let problems = std::mem::take(&mut self.problems);
        let (nesting, operators) = (std::mem::take(&mut self.nesting), std::mem::take(&mut self.operators));
        self.depth = self.depth.max(nesting + operators);
        if let Some(start) = self.start.take() {
            self.items.push(Item { range: start..end.max(start), braces: open.zip(close), problems });
        }
    }

    /// At the end of the text: reports what is still open. Gives the place of the next block header when the
    /// scan should go on there.
    fn finish(&mut self, may_restart: bool) -> Option<usize> {
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
        let at = frame.at();
        let next = (may_restart && self.mode == Mode::Body).then(|| self.next_header(at + 1)).flatten();
        let until = next.unwrap_or(end);
        let problem = match frame {
            Frame::Quote { .. } => report::broken_quote(at..end, &self.text[at..end]),
            Frame::Heredoc { .. } => report::unclosed_heredoc(at..at + open.len(), &close),
            _ => match self.suspect(at, until).filter(|_| open == "{") {
                Some((suspect, closer)) => {
                    report::unclosed_by_indent(suspect..suspect + 1, closer..closer + 1)
                }
                None => report::unclosed(at..at + open.len(), &open, &close, until, None),
            },
        };
        self.problems.push(problem);
        self.stack.clear();
        if self.mode == Mode::Template {
            self.stack.push(Frame::Template);
        }
        self.end_item(until);
        next
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

/// The length of the identifier that `text` begins with; zero when it does not.
pub(crate) fn word_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c == '_' || unicode_ident::is_xid_start(c)) {
        return 0;
    }
    text.find(|c: char| !continues_word(c)).unwrap_or(text.len())
}

fn continues_word(c: char) -> bool {
    c == '-' || unicode_ident::is_xid_continue(c)
}
