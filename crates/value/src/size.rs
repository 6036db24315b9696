//! How large a value may be. Values share their parts, so a few locals that each use the one before twice make a
//! value that no memory holds once it is written out.

use crate::{Kind, Value};

/// The greatest weight of a value: one for each value in it, and one more for every 16 bytes of text or digits.
pub const MAX_WEIGHT: u64 = 1 << 24;

/// How deep values may lie inside each other. In a state each level is two of JSON where a type is spelt out, and JSON is
/// read to a depth of 1000.
pub const MAX_DEPTH: u32 = 400;

/// Why a value is too large to be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLarge {
    /// Its parts are too many, or too long.
    Weight,
    /// Its parts lie too deep inside each other.
    Depth,
}

impl Value {
    /// Whether it is small enough to be walked, compared and written. Stops as soon as it is not.
    pub fn check_size(&self) -> Result<(), TooLarge> {
        weigh(self, 0, &mut 0)
    }
}

fn weigh(value: &Value, depth: u32, weight: &mut u64) -> Result<(), TooLarge> {
    if depth > MAX_DEPTH {
        return Err(TooLarge::Depth);
    }
    *weight += 1;
    let mut inside: &[Value] = &[];
    match value.kind() {
        Kind::String(s) => *weight += s.len() as u64 / 16,
        Kind::Number(n) => *weight += n.length() / 16,
        Kind::List(_, items) | Kind::Set(_, items) | Kind::Tuple(items) => inside = items,
        Kind::Map(_, items) | Kind::Object(items) => {
            for (key, item) in items.iter() {
                *weight += key.len() as u64 / 16;
                weigh(item, depth + 1, weight)?;
            }
        }
        _ => {}
    }
    if *weight > MAX_WEIGHT {
        return Err(TooLarge::Weight);
    }
    inside.iter().try_for_each(|item| weigh(item, depth + 1, weight))
}
