//! HZ (RFC 1843): GB 2312 in bytes without their highest bit, between `~{` and `~}`.

use super::{ascii, character};
use encoding_rs::GB18030;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The bytes of a text; `None` if a character has none.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut chinese = false;
    for c in text.chars() {
        match ascii(c) {
            Some(b'~') => bytes.extend(b"~~"),
            Some(byte) => {
                if chinese {
                    bytes.extend(b"~}");
                }
                chinese = false;
                bytes.push(byte);
            }
            None => {
                let code = CODES.get(&c)?;
                if !chinese {
                    bytes.extend(b"~{");
                }
                chinese = true;
                bytes.extend(code);
            }
        }
    }
    // Terraform leaves the end open, too.
    Some(bytes)
}

/// The text that bytes stand for; `None` if they stand for none.
pub(super) fn decode(mut bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    let mut chinese = false;
    loop {
        bytes = match bytes {
            [] => return Some(text),
            [b'~', second, rest @ ..] => {
                match second {
                    b'{' => chinese = true,
                    b'}' => chinese = false,
                    b'~' => text.push('~'),
                    // The line goes on.
                    b'\n' => {}
                    _ => return None,
                }
                rest
            }
            [first, second, rest @ ..] if chinese => {
                text.push(of_code([*first, *second])?);
                rest
            }
            [byte, rest @ ..] if !chinese && byte.is_ascii() && *byte != b'~' => {
                text.push(char::from(*byte));
                rest
            }
            _ => return None,
        };
    }
}

/// The character that two bytes stand for in Chinese text.
fn of_code(code: [u8; 2]) -> Option<char> {
    if !matches!(code, [0x21..=0x7d, 0x21..=0x7e]) {
        return None;
    }
    let found = character(GB18030, &code.map(|byte| byte | 0x80))?;
    // Private use, and what was that before GB 18030 was revised.
    let private = matches!(found, '\u{e000}'..='\u{f8ff}' | '\u{fe10}'..='\u{fe19}' | '\u{1e3f}');
    (!private).then_some(found)
}

static CODES: LazyLock<HashMap<char, [u8; 2]>> = LazyLock::new(|| {
    let mut codes = HashMap::new();
    for code in (0x21u8..=0x7d).flat_map(|first| (0x21u8..=0x7e).map(move |second| [first, second])) {
        if let Some(character) = of_code(code) {
            codes.entry(character).or_insert(code);
        }
    }
    codes
});
