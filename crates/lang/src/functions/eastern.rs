//! Encodings of Eastern Asia that Terraform writes in another way than browsers do: those refuse to write some of what they
//! read, and have other codes for what has several.
//!
//! The tables are those of the Encoding Standard (<https://encoding.spec.whatwg.org/#indexes>), turned round at first use.

mod hz;
mod iso2022jp;
mod jis;

use encoding_rs::{BIG5, EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS};
use jis::Jis;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Such an encoding.
#[derive(Clone, Copy)]
pub(super) enum Eastern {
    Big5,
    EucJp,
    /// GB 2312 between ASCII, for lines of seven bits.
    Hz,
    Iso2022Jp,
    ShiftJis,
}

impl Eastern {
    /// The one that browsers know as this; they do not know HZ.
    pub fn of(encoding: &'static Encoding) -> Option<Eastern> {
        let known = [
            (BIG5, Eastern::Big5),
            (EUC_JP, Eastern::EucJp),
            (ISO_2022_JP, Eastern::Iso2022Jp),
            (SHIFT_JIS, Eastern::ShiftJis),
        ];
        known.into_iter().find(|(theirs, _)| *theirs == encoding).map(|(_, ours)| ours)
    }

    /// The bytes of a text; `None` if a character has none.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Eastern::Big5 => each(text, |c| FROM_BIG5.get(&c).map(|code| code.to_vec())),
            Eastern::EucJp => each(text, |c| match jis::half_width(c) {
                Some(index) => Some(vec![0x8e, 0xa1 + index]),
                None => Jis::of(c).map(Jis::euc),
            }),
            Eastern::Hz => hz::encode(text),
            Eastern::Iso2022Jp => iso2022jp::encode(text),
            Eastern::ShiftJis => each(text, |c| match jis::half_width(c) {
                Some(index) => Some(vec![0xa1 + index]),
                None => Jis::of(c).and_then(Jis::shifted),
            }),
        }
    }

    /// The text that bytes stand for; `None` if they stand for none.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let encoding = match self {
            Eastern::Hz => return hz::decode(bytes),
            Eastern::Iso2022Jp => return iso2022jp::decode(bytes),
            Eastern::Big5 => BIG5,
            Eastern::EucJp => EUC_JP,
            Eastern::ShiftJis => SHIFT_JIS,
        };
        encoding.decode_without_bom_handling_and_without_replacement(bytes).map(std::borrow::Cow::into_owned)
    }
}

/// The bytes of all characters of a text: ASCII as it is, and these codes.
fn each(text: &str, code: impl Fn(char) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match ascii(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(code(c)?),
        }
    }
    Some(bytes)
}

fn ascii(c: char) -> Option<u8> {
    u8::try_from(c).ok().filter(u8::is_ascii)
}

/// The one character that these bytes stand for.
fn character(encoding: &'static Encoding, bytes: &[u8]) -> Option<char> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// The codes of Big5, those of Hong Kong's supplement included. Of several codes for a character Terraform takes the last.
static FROM_BIG5: LazyLock<HashMap<char, [u8; 2]>> = LazyLock::new(|| {
    let codes = (0x81u8..=0xfe).flat_map(|first| (0x40u8..=0xfe).map(move |second| [first, second]));
    codes.filter_map(|code| Some((character(BIG5, &code)?, code))).collect()
});
