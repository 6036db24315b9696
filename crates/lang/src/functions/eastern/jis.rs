//! The tables of Japan: JIS X 0208, with what NEC added, and its supplement JIS X 0212.

use super::character;
use encoding_rs::EUC_JP;
use std::collections::HashMap;
use std::sync::LazyLock;

/// So many rows, and so many cells in each, has a table.
pub(super) const SIZE: u8 = 94;

/// The first of the katakana of half width, which have bytes of their own beside the tables.
const FIRST_HALF_WIDTH: char = '\u{ff61}';

/// The place of a character in the tables.
#[derive(Clone, Copy)]
pub(super) struct Jis {
    /// In the supplement.
    pub supplement: bool,
    /// From 0 on.
    pub row: u8,
    /// From 0 on.
    pub cell: u8,
}

impl Jis {
    /// The first place of a character.
    pub fn of(character: char) -> Option<Jis> {
        PLACES.get(&character).copied()
    }

    /// The character in this place.
    pub fn character(self) -> Option<char> {
        character(EUC_JP, &self.euc())
    }

    /// Its bytes in EUC-JP.
    pub fn euc(self) -> Vec<u8> {
        let (row, cell) = (0xa1 + self.row, 0xa1 + self.cell);
        if self.supplement { vec![0x8f, row, cell] } else { vec![row, cell] }
    }

    /// Its bytes in Shift_JIS, which lacks the supplement.
    pub fn shifted(self) -> Option<Vec<u8>> {
        // Two rows have the same first byte. Katakana of half width take up what lies between, and 0x7f is left out.
        let first = self.row / 2 + if self.row < 62 { 0x81 } else { 0xc1 };
        let second = match self.row % 2 {
            0 => self.cell + if self.cell < 63 { 0x40 } else { 0x41 },
            _ => self.cell + 0x9f,
        };
        (!self.supplement).then(|| vec![first, second])
    }
}

/// The index of a katakana of half width among them.
pub(super) fn half_width(c: char) -> Option<u8> {
    let index = u32::from(c).checked_sub(u32::from(FIRST_HALF_WIDTH))?;
    u8::try_from(index).ok().filter(|index| *index < 63)
}

/// The katakana of half width with this index.
pub(super) fn half_width_character(index: u8) -> Option<char> {
    char::from_u32(u32::from(FIRST_HALF_WIDTH) + u32::from(index)).filter(|_| index < 63)
}

static PLACES: LazyLock<HashMap<char, Jis>> = LazyLock::new(|| {
    let mut places = HashMap::new();
    for supplement in [false, true] {
        for row in 0..SIZE {
            for cell in 0..SIZE {
                let place = Jis { supplement, row, cell };
                if let Some(character) = place.character() {
                    places.entry(character).or_insert(place);
                }
            }
        }
    }
    places
});
