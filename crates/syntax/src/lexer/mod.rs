//! Text to tokens.
//!
//! The lexer knows templates, heredocs and comments, and which brace ends an interpolation; nothing else of the
//! grammar. It reads a text once, but for the few times that it starts again at a block behind something that never
//! ends. What is wrong with quotes and heredocs it reports itself: the parser finds a [`Kind::Bad`] token there.

mod chars;
mod template;

pub(crate) use chars::word_length;
pub(crate) use template::{closing_marker, next_header};

use crate::report::{self, Problem};
use crate::work::MAX_SHOWN;
use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The end of the text.
    End,
    /// A line break.
    Newline,
    /// A comment, without the line break after it.
    Comment,
    Word,
    /// Digits, dots and exponents; whether they make a number is for the parser to say.
    Number,
    /// `"` at the start of a string.
    OpenQuote,
    /// `"` at its end.
    CloseQuote,
    /// `<<EOT` with the line break after it.
    OpenHeredoc,
    /// The line with the closing marker, without its line break.
    CloseHeredoc,
    /// Text of a template that stands for itself, all ASCII.
    Plain,
    /// Text of a template, with escapes or other characters.
    Text,
    /// `${` or `${~`
    Interpolation,
    /// `%{` or `%{~`
    Directive,
    /// The `}` or `~}` that ends one of these.
    TemplateEnd,
    OpenBrace,
    CloseBrace,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    Ellipsis,
    Colon,
    DoubleColon,
    Question,
    Equal,
    Arrow,
    EqualEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    And,
    Or,
    Not,
    /// What cannot stand anywhere.
    Bad,
}

/// A token and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Token {
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// How a text is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Attributes and blocks.
    Body,
    /// One expression.
    Expression,
    /// A template file.
    Template,
}

/// The tokens of a text.
pub(crate) struct Lexed {
    /// All of them; the last one is [`Kind::End`].
    pub(crate) tokens: Vec<Token>,
    /// What is wrong with quotes and heredocs.
    pub(crate) problems: Vec<Problem>,
    /// Places of more problems of that kind, after there were too many.
    pub(crate) more: Vec<usize>,
    /// Where the lexer gave up strings and heredocs that do not end.
    pub(crate) cuts: Vec<Cut>,
}

/// At a token, templates that are open are given up.
pub(crate) struct Cut {
    /// The index of the token.
    pub(crate) token: usize,
    /// So many quotes, heredocs and sequences stay open; with `None`, no brackets do either.
    pub(crate) keep: Option<usize>,
}

/// After this many strings or heredocs that never end, the rest of the text is one item: each costs a pass over it.
const RESTARTS: usize = 16;

/// The tokens of `text`, which is shorter than 4 GiB; comments only when they are asked for.
pub(crate) fn lex(text: &str, mode: Mode, comments: bool) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        i: 0,
        is_file: mode == Mode::Body,
        comments,
        frames: Vec::new(),
        braces: 0,
        lexed: Lexed {
            tokens: Vec::with_capacity(text.len() / 4 + 2),
            problems: Vec::new(),
            more: Vec::new(),
            cuts: Vec::new(),
        },
    };
    match mode {
        Mode::Template => lexer.frames.push(Frame::Bare),
        _ if text.starts_with('\u{feff}') => lexer.i = 3,
        _ => {}
    }
    for restart in 0..=RESTARTS {
        lexer.run();
        let Some(next) = lexer.unfinished(mode == Mode::Body && restart < RESTARTS) else { break };
        lexer.restart(next);
    }
    lexer.i = text.len();
    lexer.push(Kind::End, text.len());
    lexer.lexed
}

/// What encloses the cursor.
#[derive(Debug)]
enum Frame {
    /// A quoted template, from its quote.
    Quote { at: usize },
    /// `${` or `%{`; and how many braces were open around it.
    Sequence { at: usize, braces: usize },
    /// A heredoc: where it starts, and its marker.
    Heredoc { at: usize, marker: Range<usize> },
    /// A template file.
    Bare,
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    i: usize,
    /// Whether the text is that of a file, in which the line that ends a heredoc has a line break.
    is_file: bool,
    comments: bool,
    frames: Vec<Frame>,
    /// Braces that are open in this expression, or body.
    braces: usize,
    lexed: Lexed,
}

impl Lexer<'_> {
    /// A token from the cursor to `end`, where the cursor moves.
    fn push(&mut self, kind: Kind, end: usize) {
        self.lexed.tokens.push(Token { kind, start: self.i as u32, end: end as u32 });
        self.i = end;
    }

    /// Notes a problem, or only that there is one more.
    fn problem(&mut self, at: usize, problem: impl FnOnce() -> Problem) {
        if self.lexed.problems.len() < MAX_SHOWN {
            self.lexed.problems.push(problem());
        } else {
            self.lexed.more.push(at);
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The end of the line at `from`, without its line break.
    fn line_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let end = rest.iter().position(|b| *b == b'\n').map_or(self.bytes.len(), |n| from + n);
        if end > from && self.byte(end - 1) == b'\r' { end - 1 } else { end }
    }

    fn run(&mut self) {
        while self.i < self.bytes.len() {
            match self.frames.last() {
                None | Some(Frame::Sequence { .. }) => self.code(),
                Some(Frame::Quote { .. }) => self.quoted(),
                Some(Frame::Heredoc { .. } | Frame::Bare) => self.raw(),
            }
        }
    }

    /// Reads tokens of expressions and bodies until a template begins or goes on, or the text ends.
    fn code(&mut self) {
        let frames = self.frames.len();
        while frames == self.frames.len() {
            let Some(&byte) = self.bytes.get(self.i) else { return };
            let next = self.byte(self.i + 1);
            let (kind, length) = match byte {
                b' ' | b'\t' => {
                    self.i += 1;
                    continue;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                    let end = chars::word_end(self.text, self.i + 1);
                    self.push(Kind::Word, end);
                    continue;
                }
                b'\n' => (Kind::Newline, 1),
                b'\r' if next == b'\n' => (Kind::Newline, 2),
                b'"' => {
                    self.frames.push(Frame::Quote { at: self.i });
                    (Kind::OpenQuote, 1)
                }
                b'=' if next == b'=' => (Kind::EqualEqual, 2),
                b'=' if next == b'>' => (Kind::Arrow, 2),
                b'=' => (Kind::Equal, 1),
                b'{' => {
                    self.braces += 1;
                    (Kind::OpenBrace, 1)
                }
                b'}' => (self.close_brace(), 1),
                b'~' if next == b'}' && self.braces == 0 && frames > 0 => (self.close_brace(), 2),
                b'(' => (Kind::OpenParen, 1),
                b')' => (Kind::CloseParen, 1),
                b'[' => (Kind::OpenBracket, 1),
                b']' => (Kind::CloseBracket, 1),
                b',' => (Kind::Comma, 1),
                b'.' if next == b'.' && self.byte(self.i + 2) == b'.' => (Kind::Ellipsis, 3),
                b'.' => (Kind::Dot, 1),
                b'0'..=b'9' => {
                    let end = self.number_end();
                    self.push(Kind::Number, end);
                    continue;
                }
                b'#' => {
                    self.comment();
                    continue;
                }
                b'/' if next == b'/' || next == b'*' => {
                    self.comment();
                    continue;
                }
                b'/' => (Kind::Slash, 1),
                b':' if next == b':' => (Kind::DoubleColon, 2),
                b':' => (Kind::Colon, 1),
                b'?' => (Kind::Question, 1),
                b'!' if next == b'=' => (Kind::NotEqual, 2),
                b'!' => (Kind::Not, 1),
                b'<' if next == b'<' => {
                    if self.heredoc() {
                        continue;
                    }
                    (Kind::Less, 1)
                }
                b'<' if next == b'=' => (Kind::LessEqual, 2),
                b'<' => (Kind::Less, 1),
                b'>' if next == b'=' => (Kind::GreaterEqual, 2),
                b'>' => (Kind::Greater, 1),
                b'+' => (Kind::Plus, 1),
                b'-' => (Kind::Minus, 1),
                b'*' => (Kind::Star, 1),
                b'%' => (Kind::Percent, 1),
                b'&' if next == b'&' => (Kind::And, 2),
                b'|' if next == b'|' => (Kind::Or, 2),
                _ => {
                    self.other();
                    continue;
                }
            };
            self.push(kind, self.i + length);
        }
    }

    fn close_brace(&mut self) -> Kind {
        if let (0, Some(Frame::Sequence { braces, .. })) = (self.braces, self.frames.last()) {
            self.braces = *braces;
            self.frames.pop();
            return Kind::TemplateEnd;
        }
        self.braces = self.braces.saturating_sub(1);
        Kind::CloseBrace
    }

    /// A letter beyond ASCII, quotes of another kind, or nothing that the language has.
    fn other(&mut self) {
        match self.text.get(self.i..).and_then(|rest| rest.chars().next()) {
            Some(
                c @ ('\'' | '`' | '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' | '\u{ab}' | '\u{bb}'),
            ) => self.wrong_quote(c),
            Some(c) if chars::starts_word(c) => {
                let end = chars::word_end(self.text, self.i);
                self.push(Kind::Word, end);
            }
            c => self.push(Kind::Bad, self.i + c.map_or(1, char::len_utf8)),
        }
    }

    fn number_end(&self) -> usize {
        let is_digit = |at: usize| self.byte(at).is_ascii_digit();
        let mut at = self.i + 1;
        let mut end = at;
        loop {
            let exponent = match self.byte(at) {
                b'0'..=b'9' => {
                    at += 1;
                    end = at;
                    continue;
                }
                // At the end it is not a part of the number.
                b'.' => {
                    at += 1;
                    continue;
                }
                b'e' | b'E' => at + 1,
                _ => return end,
            };
            let sign = usize::from(matches!(self.byte(exponent), b'+' | b'-'));
            if !is_digit(exponent + sign) {
                return end;
            }
            at = exponent + sign + 1;
            end = at;
        }
    }

    fn comment(&mut self) {
        let at = self.i;
        let end = match self.bytes[at..].starts_with(b"/*") {
            // At the end of the text, a carriage return is a part of it.
            false => match self.line_end(at) {
                end if self.bytes[end..] == *b"\r" => self.bytes.len(),
                end => end,
            },
            true => match self.text[at + 2..].find("*/") {
                Some(n) => at + 2 + n + 2,
                None => {
                    self.problem(at, || report::unclosed_comment(at..at + 2));
                    return self.push(Kind::Bad, self.bytes.len());
                }
            },
        };
        if self.comments {
            self.push(Kind::Comment, end);
        }
        self.i = end;
    }

    /// Quotes of a kind that the language does not have.
    fn wrong_quote(&mut self, quote: char) {
        let at = self.i;
        let after = at + quote.len_utf8();
        let closing = match quote {
            '\u{201c}' => &['\u{201d}', '\u{201c}', '"'][..],
            '\u{2018}' => &['\u{2019}', '\u{2018}', '\''],
            '\u{ab}' => &['\u{bb}'],
            '\'' => &['\'', '\u{2019}'],
            _ => &[quote][..],
        };
        let text = self.text;
        let rest = &text[after..];
        // The other quote of a pair is on the same line, and not far.
        let close = rest
            .char_indices()
            .take_while(|(n, c)| *n < 512 && *c != '\n')
            .find(|(_, c)| closing.contains(c))
            .map(|(n, c)| (n, after + n + c.len_utf8()));
        let (content, end) = match close {
            Some((content, end)) => (Some(&rest[..content]), end),
            None => (None, after),
        };
        self.problem(at, || report::wrong_quote(at..end, quote, content));
        self.push(Kind::Bad, end);
    }
}
