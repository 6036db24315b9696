//! ISO-2022-JP: tables of seven bits, and escapes that change between them.

use super::ascii;
use super::jis::{Jis, SIZE, half_width, half_width_character};

/// What the bytes stand for at the moment.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Ascii,
    /// Katakana of half width.
    Katakana,
    Jis,
    /// Read and never written.
    Supplement,
}

impl State {
    /// What changes to it.
    fn escape(self) -> &'static [u8] {
        match self {
            State::Ascii => b"\x1b(B",
            State::Katakana => b"\x1b(I",
            State::Jis => b"\x1b$B",
            State::Supplement => b"\x1b$(D",
        }
    }
}

/// The bytes of a text; `None` if a character has none.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut state = State::Ascii;
    for c in text.chars() {
        let (needed, code) = if let Some(byte) = ascii(c) {
            (State::Ascii, vec![byte])
        } else if let Some(index) = half_width(c) {
            (State::Katakana, vec![0x21 + index])
        } else {
            let place = Jis::of(c).filter(|place| !place.supplement)?;
            (State::Jis, vec![0x21 + place.row, 0x21 + place.cell])
        };
        change(&mut state, needed, &mut bytes);
        bytes.extend(code);
    }
    change(&mut state, State::Ascii, &mut bytes);
    Some(bytes)
}

fn change(state: &mut State, needed: State, bytes: &mut Vec<u8>) {
    if *state != needed {
        bytes.extend(needed.escape());
        *state = needed;
    }
}

/// The text that bytes stand for; `None` if they stand for none.
pub(super) fn decode(mut bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    let mut state = State::Ascii;
    loop {
        bytes = match (bytes, state) {
            ([], _) => return Some(text),
            ([0x1b, rest @ ..], _) => {
                let (new, rest) = escape(rest)?;
                state = new;
                rest
            }
            ([0x80..=0xff, ..], _) => return None,
            ([byte, rest @ ..], State::Ascii) => {
                text.push(char::from(*byte));
                rest
            }
            ([byte, rest @ ..], State::Katakana) => {
                text.push(half_width_character(byte.checked_sub(0x21)?)?);
                rest
            }
            ([b'\n', rest @ ..], _) => {
                text.push('\n');
                state = State::Ascii;
                rest
            }
            ([row, cell, rest @ ..], _) => {
                text.push(place(*row, *cell, state == State::Supplement)?.character()?);
                rest
            }
            _ => return None,
        };
    }
}

/// The state that follows an escape character, and what is behind it.
fn escape(bytes: &[u8]) -> Option<(State, &[u8])> {
    match bytes {
        [b'$', b'@' | b'B', rest @ ..] => Some((State::Jis, rest)),
        [b'$', b'(', b'D', rest @ ..] => Some((State::Supplement, rest)),
        // The other one is JIS X 0201, which Terraform takes for the same.
        [b'(', b'B' | b'J', rest @ ..] => Some((State::Ascii, rest)),
        [b'(', b'I', rest @ ..] => Some((State::Katakana, rest)),
        _ => None,
    }
}

/// The place that two bytes stand for. A second byte beyond the end of its row goes on in the rows below, as in Terraform.
fn place(row: u8, cell: u8, supplement: bool) -> Option<Jis> {
    let size = usize::from(SIZE);
    let index = usize::from(row.wrapping_sub(0x21)) * size + usize::from(cell.wrapping_sub(0x21));
    let row = u8::try_from(index / size).ok().filter(|row| *row < SIZE)?;
    let cell = u8::try_from(index % size).ok()?;
    Some(Jis { supplement, row, cell })
}
