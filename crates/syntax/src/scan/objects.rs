//! The objects in a text, of which the parser is spared two things.
//!
//! It compares every key with every other: an object with many items is shown to it as an empty one, and its items
//! [in parts](Large::parts). And it refuses a repeated key, of which Terraform takes the last: in the shadow such keys
//! get other names of the same length, and the tree reads the real ones from the original.

use super::frame::{Frame, Inside};
use super::{Mode, Scan, Scanner};
use std::borrow::Cow;
use std::ops::Range;

/// So many items of an object the parser gets at once.
const PART: usize = 16;

/// The object that is being read.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// The keys of the part so far.
    keys: Vec<Range<usize>>,
    /// Where the item starts, until its end.
    item: Option<usize>,
    /// Whether the key of the item is complete.
    named: bool,
    /// The last comma or line break between items.
    separator: usize,
    cuts: Vec<usize>,
}

/// An object with many items.
#[derive(Debug)]
pub(crate) struct Large {
    open: usize,
    close: usize,
    /// The separators at which it is cut.
    cuts: Vec<usize>,
}

impl Large {
    /// The offset of its opening brace.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// The offset of its closing brace.
    pub(super) fn close(&self) -> usize {
        self.close
    }

    /// Its items, some at a time; the byte before each part is the separator before it, or the opening brace.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = [self.open].into_iter().chain(self.cuts.iter().copied());
        let ends = self.cuts.iter().map(|cut| cut + 1).chain([self.close]);
        starts.zip(ends).map(|(before, end)| before + 1..end)
    }
}

impl Scan {
    /// The shadow of a part of the text, with large objects emptied: what the parser gets.
    pub(crate) fn source(&self, range: Range<usize>) -> Cow<'_, str> {
        let first = self.large.partition_point(|large| large.open < range.start);
        let mut source = String::new();
        let mut at = range.start;
        for large in self.large[first..].iter().take_while(|large| large.close < range.end) {
            if large.open >= at {
                source.push_str(&self.shadow[at..=large.open]);
                source.extend(std::iter::repeat_n(' ', large.close - large.open - 1));
                at = large.close;
            }
        }
        match at == range.start {
            true => Cow::Borrowed(&self.shadow[range]),
            false => Cow::Owned(source + &self.shadow[at..range.end]),
        }
    }

    /// The large object whose brace is at `open`.
    pub(crate) fn large(&self, open: usize) -> Option<&Large> {
        let found = self.large.binary_search_by_key(&open, |large| large.open).ok()?;
        self.large.get(found)
    }
}

impl Scanner<'_> {
    fn object(&mut self) -> Option<&mut Object> {
        match self.stack.last_mut() {
            Some(Frame::Bracket { inside: Inside::Object(object), .. }) => Some(object),
            _ => None,
        }
    }

    /// At the start of a token: when it is the first of an item, and the part before is large enough, another
    /// part begins.
    pub(super) fn item_token(&mut self, at: usize) {
        // A key "for" cannot be the first one.
        let may_cut = !self.text[at..].starts_with("for");
        let Some(object) = self.object() else { return };
        if object.item.is_some() {
            return;
        }
        object.item = Some(at);
        if may_cut && object.keys.len() >= PART {
            object.cuts.push(object.separator);
            let keys = std::mem::take(&mut object.keys);
            self.rename_repeated(&keys);
        }
    }

    /// At an equals sign or colon, which may end the key of an item.
    pub(super) fn item_assignment(&mut self) {
        let end = self.token_end;
        let Some(object) = self.object() else { return };
        if let Some(start) = object.item
            && !std::mem::replace(&mut object.named, true)
            && start < end
        {
            object.keys.push(start..end);
        }
    }

    /// At a comma or line break, which ends an item.
    pub(super) fn item_end(&mut self, at: usize) {
        if let Some(object) = self.object() {
            object.separator = at;
            object.item = None;
            object.named = false;
        }
    }

    /// At the brace that closes the object on top of the stack.
    pub(super) fn object_end(&mut self, close: usize) {
        let Some(Frame::Bracket { at, inside: Inside::Object(object), .. }) = self.stack.last_mut() else {
            return;
        };
        let (open, object) = (*at, std::mem::take(object));
        self.rename_repeated(&object.keys);
        if !object.cuts.is_empty() {
            self.large.push(Large { open, close, cuts: object.cuts });
        }
    }

    fn rename_repeated(&mut self, keys: &[Range<usize>]) {
        for (n, key) in keys.iter().enumerate() {
            let name = &self.bytes[key.clone()];
            let is_repeated = keys[..n].iter().any(|other| self.bytes[other.clone()] == *name);
            // The colon of a conditional is none after a key.
            if !is_repeated || name.contains(&b'?') {
                continue;
            }
            let is_free = |name: &String| keys.iter().all(|k| self.shadow[k.clone()] != *name.as_bytes());
            if let Some(name) = (0..LETTERS.len()).map(|n| stand_in(key.len(), n)).find(is_free) {
                self.shadow[key.clone()].copy_from_slice(name.as_bytes());
            }
        }
    }
}

const LETTERS: &[u8] = b"zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA_";

/// The `n`th name of this length to put in place of a key; none is a keyword.
pub(crate) fn stand_in(length: usize, n: usize) -> String {
    let mut rest = n;
    let mut name = vec!['_'; length];
    for letter in name.iter_mut().skip(usize::from(length > 1)).rev() {
        *letter = LETTERS[rest % LETTERS.len()] as char;
        rest /= LETTERS.len();
    }
    name.into_iter().collect()
}

/// Where the key of an object item that starts at `from` ends: before its `=` or `:`, or before what stands there in
/// the place of one.
pub(crate) fn key_end(text: &str, from: usize) -> Option<usize> {
    let mut scanner = Scanner::new(text, Mode::Expression);
    scanner.i = from;
    scanner.stop_at_key_end = true;
    scanner.run();
    let end = scanner.stopped?;
    Some(from + text.get(from..end)?.trim_end().len())
}
