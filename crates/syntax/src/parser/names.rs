//! Strings of the tree. The same few names come again and again: they share their memory.

use crate::Str;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A power of two.
const SLOTS: usize = 256;

/// Names that were made lately, each in the one slot that it may be in.
pub(crate) struct Names {
    slots: Vec<Option<Str>>,
}

impl Names {
    pub(crate) fn new() -> Self {
        Names { slots: vec![None; SLOTS] }
    }

    /// A name in normalisation form C.
    pub(crate) fn get(&mut self, text: &str) -> Str {
        if !text.is_ascii() {
            return normalised(text);
        }
        let slot = &mut self.slots[slot(text.as_bytes())];
        match slot {
            Some(name) if **name == *text => name.clone(),
            _ => slot.insert(text.into()).clone(),
        }
    }
}

fn slot(name: &[u8]) -> usize {
    let byte = |at: usize| name.get(at).copied().unwrap_or(0) as usize;
    let middle = name.len() / 2;
    let hash =
        byte(0) + byte(middle) * 31 + byte(name.len().wrapping_sub(1)) * 7 + name.len() * 131 + byte(1) * 61;
    hash % SLOTS
}

/// A string in Unicode normalisation form C.
pub(crate) fn normalised(text: &str) -> Str {
    match text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        true => text.into(),
        false => text.nfc().collect::<String>().into(),
    }
}
