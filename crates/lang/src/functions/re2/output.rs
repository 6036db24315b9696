//! What has been translated of a pattern, and what a repetition would repeat: in RE2 that is what stands before the flags
//! that it follows, and it may be a repetition.

use std::iter::Peekable;
use std::str::Chars;

/// A pattern for the regex crate.
#[derive(Default)]
pub(super) struct Output {
    pub text: String,
    /// Whether a repetition has just been written.
    pub repeated: bool,
    /// What a repetition would repeat.
    last: Option<Item>,
    /// Where the flags behind it begin, and whether repetitions were lazy before them.
    flags: Option<(usize, bool)>,
    /// Whether repetitions are lazy without a question mark.
    lazy: bool,
    /// Where the groups begin that are open, and whether repetitions were lazy before them.
    open: Vec<(usize, bool)>,
}

/// Matches nowhere. What is repeated zero times stands behind it: the regex crate would forget the groups in it.
const NOWHERE: &str = r"[^\x00-\x{10FFFF}]";

/// A part of a pattern.
struct Item {
    /// Where it begins.
    start: usize,
    /// It is a repetition already.
    repetition: bool,
}

impl Output {
    /// The text, to which something is to be added that can be repeated.
    pub fn item(&mut self) -> &mut String {
        self.last = Some(Item { start: self.text.len(), repetition: false });
        self.flags = None;
        &mut self.text
    }

    /// A group begins with this.
    pub fn open(&mut self, text: &str) {
        self.open.push((self.text.len(), self.lazy));
        self.begin(text);
    }

    /// The bar between alternatives.
    pub fn alternative(&mut self) {
        self.begin("|");
    }

    /// Behind this there is nothing to repeat yet.
    fn begin(&mut self, text: &str) {
        self.last = None;
        self.flags = None;
        self.text.push_str(text);
    }

    /// The end of a group.
    pub fn close(&mut self) {
        self.text.push(')');
        self.flags = None;
        // If none is open, the regex crate says so.
        self.last = None;
        if let Some((start, lazy)) = self.open.pop() {
            self.last = Some(Item { start, repetition: false });
            self.lazy = lazy;
        }
    }

    /// Flags, for a group that they begin or for what follows in the one that is open.
    pub fn flags(&mut self, flags: &Flags) {
        let text = flags.text();
        if flags.group {
            self.open("(?");
            self.text.extend([&*text, ":"]);
        } else if !text.is_empty() {
            self.flags.get_or_insert((self.text.len(), self.lazy));
            self.text.extend(["(?", &*text, ")"]);
        }
        self.lazy = flags.set.contains('U') || self.lazy && !flags.cleared.contains('U');
    }

    /// Repeats what stands last. The flags behind it decide whether the repetition is lazy, and are moved behind that.
    pub fn repeat(&mut self, operator: &str, lazy: bool) {
        let flags = self.flags.map_or_else(String::new, |(at, _)| self.text.split_off(at));
        let lazy_before = self.flags.map_or(self.lazy, |(_, lazy)| lazy);
        let never = matches!(operator, "{0}" | "{0,0}");
        let operator = if never { "?" } else { operator };
        // Without anything to repeat, the regex crate refuses it.
        if let Some(last) = &mut self.last {
            if last.repetition || never {
                let repeated = self.text.split_off(last.start);
                self.text.extend(["(?:", if never { NOWHERE } else { "" }, &*repeated, ")"]);
            }
            last.repetition = true;
        }
        self.text.push_str(operator);
        if lazy != (self.lazy != lazy_before) {
            self.text.push('?');
        }
        if let Some((at, _)) = &mut self.flags {
            *at = self.text.len();
        }
        self.text.push_str(&flags);
        self.repeated = true;
    }
}

/// Flags between `(?` and the `)` or `:` behind them. One may be given again: the last time counts.
pub(super) struct Flags {
    set: String,
    cleared: String,
    /// A group begins with them.
    group: bool,
}

impl Flags {
    /// Reads them. They are only those that RE2 has.
    pub fn read(chars: &mut Peekable<Chars<'_>>) -> Result<Flags, String> {
        let (mut set, mut cleared, mut minus) = (String::new(), String::new(), false);
        for c in chars.by_ref() {
            match c {
                'i' | 'm' | 's' | 'U' => {
                    set.retain(|known| known != c);
                    cleared.retain(|known| known != c);
                    let flags = if minus { &mut cleared } else { &mut set };
                    flags.push(c);
                }
                '-' if !minus => minus = true,
                ':' | ')' if !minus || !cleared.is_empty() => {
                    return Ok(Flags { set, cleared, group: c == ':' });
                }
                '-' | ':' | ')' => {
                    return Err("one minus at most stands among flags, and flags behind it".into());
                }
                '=' | '!' => return Err("looking ahead is not supported".into()),
                _ => return Err(format!("(?{c} is neither a group nor a flag")),
            }
        }
        Err("a parenthesis in it is not closed".into())
    }

    fn text(&self) -> String {
        let minus = if self.cleared.is_empty() { "" } else { "-" };
        [&*self.set, minus, &*self.cleared].concat()
    }
}
