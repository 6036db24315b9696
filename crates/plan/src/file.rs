//! The plan file: a plan with all that applying it later needs.
//!
//! One line names the format and its version, one the length and SHA-256 of the rest, and the rest is JSON, described
//! in `state/plan.schema.json`. It holds secrets as they are: whoever stores it gives it mode 0600.

use crate::{Plan, Reads};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formwork_addr::Str;
use formwork_diag::Diagnostic;
use formwork_value::Value;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Version of the format that is written here.
pub const VERSION: u64 = 2;

const MAGIC: &str = "formwork plan ";

/// What a plan was made from, so that apply needs nothing else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Folder of the root module, as it was given.
    pub root: String,
    /// Files that were read: path and contents, configuration and files read by functions alike.
    #[serde(serialize_with = "write_sources", deserialize_with = "read_sources")]
    pub sources: Vec<(String, Vec<u8>)>,
    /// Root module variables, as values of their types.
    #[serde(with = "crate::serial::values")]
    pub variables: BTreeMap<Str, Value>,
    /// The state after refreshing, in its version 4 format.
    pub refreshed_state: String,
    /// What of the state, the files and the environment it was made from.
    pub reads: Reads,
}

#[derive(Serialize)]
struct PayloadRef<'a> {
    plan: &'a Plan,
    bundle: &'a Bundle,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    plan: Plan,
    bundle: Bundle,
}

/// One file: text where it is text, else base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

fn write_sources<S: Serializer>(sources: &[(String, Vec<u8>)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(sources.iter().map(|(path, bytes)| match std::str::from_utf8(bytes) {
        Ok(text) => Source { path: path.clone(), text: Some(text.into()), base64: None },
        Err(_) => Source { path: path.clone(), text: None, base64: Some(STANDARD.encode(bytes)) },
    }))
}

fn read_sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Vec<u8>)>, D::Error> {
    let contents = |source: Source| match (source.text, source.base64) {
        (Some(text), None) => Ok((source.path, text.into_bytes())),
        (None, Some(text)) => Ok((source.path, STANDARD.decode(text).map_err(D::Error::custom)?)),
        _ => Err(D::Error::custom("a file has either text or base64")),
    };
    Vec::<Source>::deserialize(deserializer)?.into_iter().map(contents).collect()
}

/// Why a file could not be read as a plan. Nothing of the file's contents is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanFileError {
    /// Nothing is in it.
    Empty,
    /// Terraform wrote it.
    Terraform,
    /// It is JSON: perhaps `show -json` wrote it, or it is a state.
    Json,
    /// It is something else.
    Unrecognised,
    /// A later version of Formwork wrote it.
    Newer {
        /// The version of the format.
        version: u64,
    },
    /// An earlier version of Formwork wrote it.
    Older {
        /// The version of the format.
        version: u64,
    },
    /// The end is missing.
    Truncated {
        /// Bytes that should be there after the header, if the header is there.
        expected: Option<u64>,
        /// Bytes that are there.
        found: u64,
    },
    /// It is not what was written: its checksum differs.
    Corrupted,
    /// The checksum holds, but this build does not understand what it covers.
    Malformed {
        /// Line of the payload where reading stopped.
        line: usize,
        /// Column where reading stopped.
        column: usize,
    },
}

impl PlanFileError {
    /// How to mend it.
    pub fn help(&self) -> &'static str {
        match self {
            PlanFileError::Terraform => {
                "Plan with Formwork and apply that plan: it reads the same configuration and state. Or apply this \
                 file with Terraform."
            }
            PlanFileError::Json => "Give the file that `formwork plan -out=FILE` wrote, not its JSON view.",
            PlanFileError::Newer { .. } => {
                "Use the version of Formwork that made the plan, or plan again with this one."
            }
            PlanFileError::Truncated { .. } | PlanFileError::Corrupted => {
                "Copy the file again from where it was made (as binary, without conversion of line ends), or plan \
                 again with `formwork plan -out=FILE`."
            }
            PlanFileError::Older { .. } => "Plan again with this version.",
            PlanFileError::Empty | PlanFileError::Unrecognised | PlanFileError::Malformed { .. } => {
                "Make a plan with `formwork plan -out=FILE`."
            }
        }
    }

    /// As a message about the file of this name.
    pub fn diagnostic(&self, name: &str) -> Diagnostic {
        Diagnostic::error("Cannot read plan file", format!("\"{name}\" {self}.")).help(self.help())
    }
}

impl fmt::Display for PlanFileError {
    /// Continues a sentence that begins with the file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanFileError::Empty => f.write_str("is empty"),
            PlanFileError::Terraform => f.write_str(
                "is a plan of Terraform, or another ZIP archive; Terraform's plans cannot be applied here",
            ),
            PlanFileError::Json => {
                f.write_str("holds JSON; a plan in JSON is for reading and cannot be applied")
            }
            PlanFileError::Unrecognised => f.write_str("is not a plan file"),
            PlanFileError::Newer { version } => write!(
                f,
                "is a plan in format {version}, made by a later version of Formwork; this one reads format {VERSION}"
            ),
            PlanFileError::Older { version } => write!(
                f,
                "is a plan in format {version}, made by an earlier version of Formwork; this one reads format {VERSION}, \
                 which also tells what a plan was made from"
            ),
            PlanFileError::Truncated { expected: Some(expected), found } => {
                write!(f, "is incomplete: {found} of {expected} bytes are there")
            }
            PlanFileError::Truncated { expected: None, .. } => {
                f.write_str("is incomplete: it ends within its header")
            }
            PlanFileError::Corrupted => f.write_str("is damaged: its checksum does not match its contents"),
            PlanFileError::Malformed { line, column } => write!(
                f,
                "is undamaged, but it holds something that this version of Formwork does not know (line {line}, \
                 column {column} of its contents)"
            ),
        }
    }
}

impl std::error::Error for PlanFileError {}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// The contents of the plan file.
pub fn write(plan: &Plan, bundle: &Bundle) -> Vec<u8> {
    let payload = serde_json::to_vec(&PayloadRef { plan, bundle })
        .expect("writing to memory, with only strings as keys, cannot fail");
    let mut file = format!("{MAGIC}{VERSION}\nsha256 {} {}\n", hex(&Sha256::digest(&payload)), payload.len())
        .into_bytes();
    file.extend_from_slice(&payload);
    file
}

/// Whether the bytes begin as a plan file does (of whatever version).
pub fn is_plan(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC.as_bytes())
}

/// The first line, without its end, and what follows it.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().take(200).position(|b| *b == b'\n')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

/// Reads the contents of a plan file.
pub fn read(bytes: &[u8]) -> Result<(Plan, Bundle), PlanFileError> {
    let cut = PlanFileError::Truncated { expected: None, found: 0 };
    if !is_plan(bytes) {
        return Err(match bytes {
            [] => PlanFileError::Empty,
            [b'P', b'K', ..] => PlanFileError::Terraform,
            _ if MAGIC.as_bytes().starts_with(bytes) => cut,
            _ if bytes.trim_ascii_start().first() == Some(&b'{') => PlanFileError::Json,
            _ => PlanFileError::Unrecognised,
        });
    }
    let (magic, rest) = line(bytes).ok_or(cut.clone())?;
    match magic[MAGIC.len()..].parse::<u64>() {
        Ok(VERSION) => {}
        Ok(version @ 1..VERSION) => return Err(PlanFileError::Older { version }),
        Ok(version) if version > VERSION => return Err(PlanFileError::Newer { version }),
        _ => return Err(PlanFileError::Corrupted),
    }
    let (header, payload) = line(rest).ok_or(cut)?;
    let fields = header.strip_prefix("sha256 ").and_then(|h| h.split_once(' '));
    let Some((digest, Ok(expected))) = fields.map(|(digest, len)| (digest, len.parse::<u64>())) else {
        return Err(PlanFileError::Corrupted);
    };
    let found = payload.len() as u64;
    if found < expected {
        return Err(PlanFileError::Truncated { expected: Some(expected), found });
    }
    let payload = &payload[..usize::try_from(expected).unwrap_or(payload.len())];
    let mark = &rest[header.len() + 1 + payload.len()..];
    if !(mark.is_empty() || mark_of(mark).is_some()) || hex(&Sha256::digest(payload)) != digest {
        return Err(PlanFileError::Corrupted);
    }
    let payload: Payload = serde_json::from_slice(payload)
        .map_err(|e| PlanFileError::Malformed { line: e.line(), column: e.column() })?;
    Ok((payload.plan, payload.bundle))
}

const APPLIED: &str = "\napplied ";

/// What is appended to a plan file when applying it begins, at `time` (RFC 3339): a plan is applied once.
pub fn mark(time: &str) -> String {
    format!("{APPLIED}{time}\n")
}

/// The time in a mark.
fn mark_of(bytes: &[u8]) -> Option<&str> {
    let time = std::str::from_utf8(bytes).ok()?.strip_prefix(APPLIED)?.strip_suffix('\n')?;
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | 'T' | 'Z');
    (!time.is_empty() && time.chars().all(plain)).then_some(time)
}

/// The bytes of a file without the mark at its end, and the mark. Encrypted plans are marked in clear, too.
pub fn unmarked(bytes: &[u8]) -> (&[u8], &[u8]) {
    // A mark is shorter than this.
    let from = bytes.len().saturating_sub(64);
    let mark =
        bytes[from..].windows(APPLIED.len()).rposition(|w| w == APPLIED.as_bytes()).map(|at| from + at);
    match mark.filter(|at| mark_of(&bytes[*at..]).is_some()) {
        Some(at) => bytes.split_at(at),
        None => (bytes, &[]),
    }
}

/// The time at which applying began, as the mark of [`unmarked`] tells it.
pub fn marked_at(mark: &[u8]) -> Option<&str> {
    mark_of(mark)
}

/// When applying the plan in this file began, if it did. The file is one that [`read`] accepts.
pub fn applied(bytes: &[u8]) -> Option<&str> {
    let (_, rest) = line(bytes)?;
    let (header, payload) = line(rest)?;
    let length = header.rsplit(' ').next()?.parse::<usize>().ok()?;
    mark_of(payload.get(length..)?)
}

#[cfg(test)]
mod tests;
