//! Text encodings.

use super::FnError;
use super::codepages::Page;
use super::eastern::Eastern;
use encoding_rs::Encoding;

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
    /// With a byte for each character.
    Page(Page),
    /// One of Eastern Asia that Terraform writes in its own way.
    Eastern(Eastern),
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
        let name = name.trim().to_ascii_lowercase();
        if let Some(page) = Page::named(&name) {
            return Ok(Charset::Page(page));
        }
        match name.as_str() {
            "utf-8" | "utf8" | "csutf8" => Ok(Charset::Utf8),
            "utf-16" | "csutf16" => Ok(Charset::Utf16),
            "utf-16le" | "csutf16le" => Ok(Charset::Utf16Le),
            "utf-16be" | "csutf16be" => Ok(Charset::Utf16Be),
            "iso-8859-1" | "iso_8859-1" | "iso_8859-1:1987" | "iso-ir-100" | "latin1" | "l1" | "ibm819"
            | "cp819" | "csisolatin1" => Ok(Charset::Latin1),
            "us-ascii" | "ascii" | "us" | "iso646-us" | "iso-ir-6" | "ansi_x3.4-1968" | "ansi_x3.4-1986"
            | "iso_646.irv:1991" | "ibm367" | "cp367" | "csascii" => Ok(Charset::Ascii),
            "hz-gb-2312" => Ok(Charset::Eastern(Eastern::Hz)),
            name => {
                let found = Encoding::for_label_no_replacement(label(name).as_bytes());
                // What browsers read and never write: UTF-16 by names that Terraform does not take.
                let found = found.filter(|encoding| encoding.output_encoding() == *encoding);
                let found = found.ok_or_else(unknown)?;
                Ok(Eastern::of(found).map_or(Charset::Web(found), Charset::Eastern))
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
            Charset::Page(page) => text.chars().map(|c| page.encode(c)).collect(),
            Charset::Eastern(encoding) => encoding.encode(text),
            Charset::Web(encoding) => {
                let (bytes, _, replaced) = encoding.encode(text);
                (!replaced && !fills_holes(encoding, text)).then(|| bytes.into_owned())
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
            Charset::Page(page) => bytes.iter().map(|b| page.decode(*b)).collect(),
            Charset::Eastern(encoding) => encoding.decode(bytes),
            Charset::Web(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .filter(|text| !fills_holes(encoding, text))
                .map(std::borrow::Cow::into_owned),
        }
    }
}

/// The name that browsers have for what the IANA registered under another one.
fn label(name: &str) -> &str {
    match name {
        "csgb18030" => "gb18030",
        "cp936" | "ms936" | "windows-936" | "csgbk" => "gbk",
        "extended_unix_code_packed_format_for_japanese" => "euc-jp",
        "cskoi8u" => "koi8-u",
        "cswindows874" => "windows-874",
        "cswindows1250" => "windows-1250",
        "cswindows1251" => "windows-1251",
        "cswindows1252" => "windows-1252",
        "cswindows1253" => "windows-1253",
        "cswindows1254" => "windows-1254",
        "cswindows1255" => "windows-1255",
        "cswindows1256" => "windows-1256",
        "cswindows1257" => "windows-1257",
        "cswindows1258" => "windows-1258",
        "iso_8859-6-e" | "iso_8859-6-i" => "iso-8859-6",
        "iso_8859-8-e" => "iso-8859-8",
        "iso_8859-8-i" => "iso-8859-8-i",
        "iso_8859-10:1992" => "iso-8859-10",
        "csiso885913" => "iso-8859-13",
        "iso_8859-14" | "iso_8859-14:1998" | "iso-ir-199" | "iso-celtic" | "latin8" | "l8"
        | "csiso885914" => "iso-8859-14",
        "latin-9" | "csiso885915" => "iso-8859-15",
        "iso_8859-16" | "iso_8859-16:2001" | "iso-ir-226" | "latin10" | "l10" | "csiso885916" => {
            "iso-8859-16"
        }
        name => name,
    }
}

/// Whether control characters stand where the tables of an encoding have nothing: browsers fill such holes with them.
fn fills_holes(encoding: &'static Encoding, text: &str) -> bool {
    encoding.is_single_byte() && text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}'))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>().ok()
}
