//! Base64, JSON, CSV, URLs and text encodings.

use super::*;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use formwork_value::{Refinement, json};

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::new(
            "base64encode",
            [string("str")],
            to_string,
            "A string in Base64.",
            "base64encode(\"Hello\")",
            |_, a| Ok(encode_base64(text_arg(a, 0).as_bytes())),
        ),
        Function::new(
            "base64decode",
            [string("str")],
            to_string,
            "The string that some Base64 stands for.",
            "base64decode(\"SGVsbG8=\")",
            |_, a| {
                let text = String::from_utf8(decode_base64(text_arg(a, 0))?)
                    .map_err(|_| FnError::arg(0, "what it stands for is not text in UTF-8"))?;
                Ok(Value::string(text))
            },
        ),
        Function::new(
            "textencodebase64",
            [string("string"), string("encoding")],
            to_string,
            "A string in another text encoding (UTF-8, UTF-16LE, UTF-16BE, ISO-8859-1, US-ASCII), as Base64.",
            "textencodebase64(\"Hello\", \"UTF-16LE\")",
            |_, a| {
                let encoding = encoding(a)?;
                let bytes = encoding
                    .encode(text_arg(a, 0))
                    .ok_or_else(|| FnError::arg(0, "it has a character that this encoding has not"))?;
                Ok(encode_base64(&bytes))
            },
        ),
        Function::new(
            "textdecodebase64",
            [string("source"), string("encoding")],
            to_string,
            "The string that some Base64 of text in another encoding stands for.",
            "textdecodebase64(\"SABlAGwAbABvAA==\", \"UTF-16LE\")",
            |_, a| {
                let encoding = encoding(a)?;
                let text = encoding
                    .decode(&decode_base64(text_arg(a, 0))?)
                    .ok_or_else(|| FnError::arg(0, "what it stands for is not text in this encoding"))?;
                Ok(Value::string(text))
            },
        ),
        Function::new(
            "urlencode",
            [string("str")],
            to_string,
            "A string as it may stand in the query part of a URL.",
            "urlencode(\"Hello World!\")",
            |_, a| {
                let encoded = text_arg(a, 0).bytes().fold(String::new(), |mut out, b| {
                    match b {
                        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                            out.push(char::from(b))
                        }
                        b' ' => out.push('+'),
                        _ => out.push_str(&format!("%{b:02X}")),
                    }
                    out
                });
                Ok(Value::string(encoded))
            },
        ),
        Function::new(
            "jsonencode",
            [any("val").nullable().unknown()],
            to_string,
            "A value as JSON.",
            "jsonencode({ hello = \"world\" })",
            |_, a| {
                if !a[0].is_wholly_known() {
                    // How the text starts is known with the type.
                    let prefix = match a[0].kind() {
                        Kind::Object(_) | Kind::Map(..) => Some("{".into()),
                        Kind::Tuple(_) | Kind::List(..) | Kind::Set(..) => Some("[".into()),
                        _ => None,
                    };
                    let refinement = Refinement { not_null: true, prefix, ..Refinement::default() };
                    return Ok(Value::unknown_refined(Type::String, refinement));
                }
                json::to_string(&a[0]).map(Value::string).map_err(|m| FnError::arg(0, m))
            },
        ),
        Function::new(
            "jsondecode",
            [string("str")],
            to_any,
            "The value that a JSON text stands for.",
            "jsondecode(\"{\\\"hello\\\": \\\"world\\\"}\")",
            |_, a| {
                json::decode_implied(text_arg(a, 0))
                    .map_err(|m| FnError::arg(0, format!("it is not valid JSON: {m}")).quoting())
            },
        )
        .may_be_null(),
        Function::new(
            "csvdecode",
            [string("str")],
            to_any,
            "The rows of a CSV text as objects, whose attributes its first line names.",
            "csvdecode(\"a,b\\n1,2\\n3,4\")",
            |_, a| csv(text_arg(a, 0)),
        ),
    ]
}

pub(super) fn encode_base64(bytes: &[u8]) -> Value {
    Value::string(BASE64.encode(bytes))
}

fn decode_base64(text: &str) -> Result<Vec<u8>, FnError> {
    let compact: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    BASE64.decode(compact).map_err(|_| FnError::arg(0, "it is not valid Base64"))
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16 { big: bool },
    Latin1,
    Ascii,
}

fn encoding(args: &[Value]) -> Result<Encoding, FnError> {
    match text_arg(args, 1).to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Ok(Encoding::Utf8),
        "utf-16le" => Ok(Encoding::Utf16 { big: false }),
        "utf-16be" | "utf-16" => Ok(Encoding::Utf16 { big: true }),
        "iso-8859-1" | "latin1" | "iso_8859-1" => Ok(Encoding::Latin1),
        "us-ascii" | "ascii" => Ok(Encoding::Ascii),
        _ => Err(FnError::arg(1, "it must be UTF-8, UTF-16LE, UTF-16BE, ISO-8859-1 or US-ASCII")),
    }
}

impl Encoding {
    fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Encoding::Utf8 => Some(text.as_bytes().to_vec()),
            Encoding::Utf16 { big: true } => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Encoding::Utf16 { big: false } => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Encoding::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
            Encoding::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
        }
    }

    fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Encoding::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
            Encoding::Utf16 { big } => {
                if !bytes.len().is_multiple_of(2) {
                    return None;
                }
                let units = bytes.chunks_exact(2).map(|p| {
                    let pair = [p[0], p[1]];
                    if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
                });
                char::decode_utf16(units).collect::<Result<String, _>>().ok()
            }
            Encoding::Latin1 => Some(bytes.iter().map(|b| char::from(*b)).collect()),
            Encoding::Ascii => bytes.is_ascii().then(|| String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

fn csv(text: &str) -> Result<Value, FnError> {
    let mut rows = csv_rows(text)?.into_iter();
    let (_, header) =
        rows.next().ok_or_else(|| FnError::arg(0, "it has no first line that names the columns"))?;
    for (i, name) in header.iter().enumerate() {
        if header[..i].contains(name) {
            return Err(FnError::arg(0, format!("two columns have the name {name:?}")).quoting());
        }
    }
    let mut objects = Vec::new();
    for (line, row) in rows {
        if row.len() != header.len() {
            return Err(FnError::arg(
                0,
                format!(
                    "line {line} has {} fields, but the first line names {} columns",
                    row.len(),
                    header.len()
                ),
            ));
        }
        objects.push(Value::object(header.iter().cloned().zip(row.into_iter().map(Value::string))));
    }
    let ty = Type::object(header.into_iter().map(|name| (name, Type::String)));
    Ok(Value::list(ty, objects))
}

/// Rows of fields (RFC 4180) with the numbers of their lines; empty lines are left out.
fn csv_rows(text: &str) -> Result<Vec<(usize, Vec<String>)>, FnError> {
    let text = text.replace("\r\n", "\n");
    let mut rows = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1;
    while chars.peek().is_some() {
        if chars.next_if_eq(&'\n').is_some() {
            line += 1;
            continue;
        }
        let (first_line, mut row) = (line, Vec::new());
        loop {
            let mut field = String::new();
            if chars.next_if_eq(&'"').is_some() {
                loop {
                    match chars.next() {
                        Some('"') if chars.next_if_eq(&'"').is_some() => field.push('"'),
                        Some('"') => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            field.push(c);
                        }
                        None => {
                            return Err(FnError::arg(
                                0,
                                format!("a quote that line {first_line} opens is never closed"),
                            ));
                        }
                    }
                }
                if !matches!(chars.peek(), None | Some(',' | '\n')) {
                    return Err(FnError::arg(0, format!("line {line} goes on after a closing quote")));
                }
            } else {
                while let Some(c) = chars.next_if(|c| !matches!(c, ',' | '\n')) {
                    if c == '"' {
                        return Err(FnError::arg(
                            0,
                            format!("line {line} has a quote inside an unquoted field"),
                        ));
                    }
                    field.push(c);
                }
            }
            row.push(field);
            if chars.next_if_eq(&',').is_none() {
                break;
            }
        }
        if chars.next_if_eq(&'\n').is_some() {
            line += 1;
        }
        rows.push((first_line, row));
    }
    Ok(rows)
}
