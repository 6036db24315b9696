//! Text encodings.

use super::FnError;
use encoding_rs::Encoding;

/// What IBM's code page 437 has at 128 and above.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
    αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// A text encoding.
#[derive(Clone, Copy)]
pub(super) enum Charset {
    Utf8,
    /// With a byte order mark in front: written big-endian, read as the mark says.
    Utf16,
    Utf16Le,
    Utf16Be,
    Latin1,
    Ascii,
    Cp437,
    /// One that browsers know too.
    Web(&'static Encoding),
}

impl Charset {
    /// By the name that the IANA registered, or an alias.
    pub fn named(name: &str) -> Result<Charset, FnError> {
        let unknown = || {
            FnError::arg(
                1,
                "there is no such encoding; it is named as the IANA does, as in UTF-16LE, ISO-8859-1 or windows-1252",
            )
        };
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "csutf8" => Ok(Charset::Utf8),
            "utf-16" | "csutf16" => Ok(Charset::Utf16),
            "utf-16le" | "csutf16le" => Ok(Charset::Utf16Le),
            "utf-16be" | "csutf16be" => Ok(Charset::Utf16Be),
            "iso-8859-1" | "iso_8859-1" | "iso_8859-1:1987" | "iso-ir-100" | "latin1" | "l1" | "ibm819"
            | "cp819" | "csisolatin1" => Ok(Charset::Latin1),
            "us-ascii" | "ascii" | "us" | "iso646-us" | "iso-ir-6" | "ansi_x3.4-1968" | "ansi_x3.4-1986"
            | "iso_646.irv:1991" | "ibm367" | "cp367" | "csascii" => Ok(Charset::Ascii),
            "ibm437" | "cp437" | "437" | "cspc8codepage437" => Ok(Charset::Cp437),
            name => {
                let found = Encoding::for_label_no_replacement(name.as_bytes()).ok_or_else(unknown)?;
                Ok(Charset::Web(found))
            }
        }
    }

    /// The bytes of a text; `None` if a character has none.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Charset::Utf8 => Some(text.as_bytes().to_vec()),
            Charset::Utf16 => {
                Some([0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect())
            }
            Charset::Utf16Be => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Charset::Utf16Le => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Charset::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
            Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Charset::Cp437 => text
                .chars()
                .map(|c| match c {
                    '\0'..='\x7f' => Some(c as u8),
                    _ => {
                        CP437.chars().position(|known| known == c).and_then(|at| u8::try_from(at + 128).ok())
                    }
                })
                .collect(),
            Charset::Web(encoding) => {
                let (bytes, _, replaced) = encoding.encode(text);
                (!replaced).then(|| bytes.into_owned())
            }
        }
    }

    /// The text that bytes stand for; `None` if they stand for none.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Charset::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
            Charset::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
                [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
                bytes => utf16(bytes, u16::from_be_bytes),
            },
            Charset::Utf16Be => utf16(bytes, u16::from_be_bytes),
            Charset::Utf16Le => utf16(bytes, u16::from_le_bytes),
            Charset::Latin1 => Some(bytes.iter().map(|b| char::from(*b)).collect()),
            Charset::Ascii => bytes.is_ascii().then(|| bytes.iter().map(|b| char::from(*b)).collect()),
            Charset::Cp437 => bytes
                .iter()
                .map(|b| match b {
                    0..128 => Some(char::from(*b)),
                    _ => CP437.chars().nth(usize::from(*b) - 128),
                })
                .collect(),
            Charset::Web(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned),
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>().ok()
}
