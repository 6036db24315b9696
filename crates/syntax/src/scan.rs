//! A light scanner that runs before the parser proper.
//!
//! It knows strings, templates, heredocs, comments and brackets, and nothing of the grammar between them. That
//! is enough to
//!
//! - cut a body into its items, so that one broken item does not hide what the others say;
//! - report what never closes at the place where it opens;
//! - write a *shadow* of the text: equally long, so that every offset stays true, with those spellings replaced
//!   that Terraform accepts and `hcl-edit` does not (a byte-order mark, line breaks between brackets, `1e400`,
//!   an object's repeated keys).
//!
//! It reads a text once, whatever the text, but for the few times that it starts again behind a bracket that never
//! closes.

mod frame;
mod objects;
mod recover;
mod text;

pub(crate) use objects::{Large, key_end, stand_in};

use crate::report::{self, Problem};
use crate::work::{MAX_SHOWN, Work};
use frame::{Frame, Inside};
use objects::Object;
use std::ops::Range;

/// So much may be open at once. The parser takes 64 levels, of at most two frames each; what is deeper is not even
/// shown to it.
const MAX_NESTING: usize = 160;

/// What the scanner found in a stretch of text.
pub(crate) struct Scan {
    /// The items of the body, in order.
    pub items: Vec<Item>,
    /// The text with the edits described above; as long as the original.
    pub shadow: String,
    /// No expression or block in it nests deeper than this.
    pub depth: usize,
    /// The objects with many items, by their opening braces.
    large: Vec<Large>,
}

/// One attribute or block, or something that should have been one.
pub(crate) struct Item {
    /// From its first byte to the end of its last line.
    pub range: Range<usize>,
    /// The first brace that stands at the item's own level, and the one that closes it.
    pub braces: Option<(usize, usize)>,
    /// What is wrong with its quotes and brackets.
    pub problems: Vec<Problem>,
    /// How many more problems it has, after there were too many.
    pub more: usize,
}

impl Item {
    /// Whether something is wrong with its quotes or brackets.
    pub(crate) fn is_broken(&self) -> bool {
        !self.problems.is_empty() || self.more > 0
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
pub(crate) fn scan(text: &str, mode: Mode, work: &mut Work) -> Scan {
    let mut scanner = Scanner::new(text, mode);
    work.read(text.len());
    for restart in 0..=RESTARTS {
        scanner.run();
        // The scanner is several times as fast as the parser.
        let Some(next) = scanner.finish(|rest| restart < RESTARTS && work.spend(rest / 4)) else { break };
        work.read(text.len() - next);
        scanner.restart(next);
    }
    let Scanner { items, shadow, depth, mut large, .. } = scanner;
    large.sort_unstable_by_key(|object| object.open());
    // The edits keep the text UTF-8: they replace whole characters by ASCII ones.
    let shadow = String::from_utf8(shadow).unwrap_or_else(|_| text.to_owned());
    Scan { items, shadow, depth, large }
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
    /// Whether the value of an attribute has begun on this line, outside all brackets.
    value: bool,
    /// Where the last token ended.
    token_end: usize,
    problems: Vec<Problem>,
    /// How many problems of the item were not worked out.
    more: usize,
    /// How many problems were, of all items.
    told: usize,
    /// Where the item nests too deep.
    too_deep: Option<usize>,
    large: Vec<Large>,
    /// The innermost frame that the last stray closer stood in, and that closer.
    stray: Option<(usize, u8)>,
    /// How deep the brackets of any item nest, and how many operators are in one that can nest, at most.
    depth: usize,
    nesting: usize,
    operators: usize,
    stop_at_key_end: bool,
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
            value: false,
            token_end: 0,
            problems: Vec::new(),
            more: 0,
            told: 0,
            too_deep: None,
            large: Vec::new(),
            stray: None,
            depth: 0,
            nesting: 0,
            operators: 0,
            stop_at_key_end: false,
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

    /// Notes a problem of the item, or only that there is one more.
    fn problem(&mut self, problem: impl FnOnce() -> Problem) {
        if self.told < MAX_SHOWN {
            self.told += 1;
            self.problems.push(problem());
        } else {
            self.more += 1;
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
                Some(Frame::Heredoc { .. } | Frame::Template) => self.raw(),
            }
        }
    }

    /// Whether a line break is mere white space here.
    fn loose(&self) -> bool {
        match self.stack.last() {
            Some(Frame::Bracket { inside, .. }) => matches!(inside, Inside::Loose),
            Some(_) => true,
            None => self.mode == Mode::Expression,
        }
    }

    /// Between attributes and blocks: whether the value of an attribute has begun on this line.
    fn in_value(&mut self) -> Option<&mut bool> {
        match self.stack.last_mut() {
            None if self.mode == Mode::Body => Some(&mut self.value),
            Some(Frame::Bracket { inside: Inside::Block { value }, .. }) => Some(value),
            _ => None,
        }
    }

    fn code(&mut self) {
        let at = self.i;
        let byte = self.bytes[at];
        let is_token = !byte.is_ascii_whitespace() && !self.starts_comment();
        if self.stop_at_key_end && self.stack.is_empty() && self.ends_key() {
            self.stopped = Some(at);
            return;
        }
        if is_token {
            self.start.get_or_insert(at);
            if !matches!(byte, b',' | b')' | b']' | b'}') {
                self.item_token(at);
            }
        }
        match byte {
            b'\n' => self.line_break(),
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
            b'(' | b'[' | b'{' => self.opener(byte),
            b')' | b']' | b'}' => self.closer(byte),
            b'0'..=b'9' => self.number(),
            b'\'' | b'`' => self.wrong_quote(byte as char),
            b'=' | b':' => self.assignment(byte),
            b',' => {
                self.item_end(at);
                self.i += 1;
            }
            b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => self.word(),
            _ => {
                self.operators += usize::from(matches!(byte, b'?' | b'!' | b'-'));
                self.i += 1;
            }
        }
        if is_token {
            self.token_end = self.i;
        }
        self.nesting = self.nesting.max(self.stack.len());
    }

    /// Whether the key of an object item ends before the cursor, or whatever it is that has no value.
    fn ends_key(&self) -> bool {
        match self.bytes[self.i] {
            b',' | b'\n' | b')' | b']' | b'}' => true,
            b'=' | b':' => self.is_assignment(),
            _ => false,
        }
    }

    fn is_assignment(&self) -> bool {
        let after_operator = self.i > 0 && matches!(self.bytes[self.i - 1], b'=' | b'!' | b'<' | b'>' | b':');
        !after_operator && !self.starts("==") && !self.starts("::")
    }

    fn line_break(&mut self) {
        let at = self.i;
        self.i += 1;
        if self.stack.is_empty() && self.mode == Mode::Body {
            self.end_item(at);
        } else if self.loose() {
            self.shadow[at] = b' ';
        } else {
            self.item_end(at);
        }
        if let Some(value) = self.in_value() {
            *value = false;
        }
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
                    self.problem(|| report::unclosed_comment(at..at + 2));
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

    fn assignment(&mut self, byte: u8) {
        let is_assignment = self.is_assignment();
        self.i += 1;
        if !is_assignment {
            return;
        }
        self.item_assignment();
        if byte == b'='
            && let Some(value) = self.in_value()
        {
            *value = true;
        }
    }

    fn opener(&mut self, open: u8) {
        let at = self.i;
        if self.stack.len() >= MAX_NESTING {
            return self.skip_nested(at);
        }
        self.i += 1;
        let inside = match (open, self.in_value().copied()) {
            (b'{', Some(false)) => Inside::Block { value: false },
            (b'{', _) if !self.for_follows() => Inside::Object(Object::default()),
            _ => Inside::Loose,
        };
        if self.stack.is_empty() && open == b'{' && self.open.is_none() {
            self.open = Some(at);
        }
        self.stack.push(Frame::Bracket { open, at, inside });
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

    fn closer(&mut self, byte: u8) {
        let at = self.i;
        self.i += 1;
        let within = self.stack.last().map(|frame| (frame.at(), byte));
        if within.is_some() && within == self.stray {
            return self.problem(|| report::stray_closer(at..at + 1, byte as char));
        }
        // Only within the innermost template: a brace does not close what is outside its string.
        let floor = self
            .stack
            .iter()
            .rposition(|f| matches!(f, Frame::Quote { .. } | Frame::Heredoc { .. } | Frame::Template))
            .map_or(0, |n| n + 1);
        let Some(n) = self.stack[floor..].iter().rposition(|f| f.is_closed_by(byte)).map(|n| n + floor)
        else {
            self.stray = within;
            return self.problem(|| report::stray_closer(at..at + 1, byte as char));
        };
        match self.stack.get(n + 1) {
            Some(unclosed) => {
                let (open, close) = unclosed.words(self.text);
                let opening = unclosed.opening();
                self.problem(|| report::unclosed(opening, &open, &close, at, Some(byte)));
            }
            None => self.object_end(at),
        }
        self.stack.truncate(n);
        if n == 0 && byte == b'}' && self.open.is_some() && self.close.is_none() {
            self.close = Some(at);
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

    fn line_end_before(&self, newline: usize) -> usize {
        if newline > 0 && self.bytes[newline - 1] == b'\r' { newline - 1 } else { newline }
    }

    fn end_item(&mut self, end: usize) {
        let end = self.line_end_before(end);
        let mut braces = self.open.take().zip(self.close.take());
        let (mut problems, mut more) = (std::mem::take(&mut self.problems), std::mem::take(&mut self.more));
        if let Some(at) = self.too_deep.take() {
            // Nothing else that the item seems to lack can be told from this, and nobody enters it.
            (braces, problems, more) = (None, vec![report::too_deep(at..at + 1)], 0);
        }
        let (nesting, operators) = (std::mem::take(&mut self.nesting), std::mem::take(&mut self.operators));
        self.depth = self.depth.max(nesting + operators);
        self.value = false;
        if let Some(start) = self.start.take() {
            self.items.push(Item { range: start..end.max(start), braces, problems, more });
        }
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
