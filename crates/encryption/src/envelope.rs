//! What is stored in the place of a text: a JSON object with the encrypted text, and what key providers need to find its key.

use crate::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What key providers have to remember, by the name under which each does.
pub(crate) type Meta = BTreeMap<String, Vec<u8>>;

/// The version of the format.
const VERSION: &str = "v0";

/// How far into a text its kind shows. Metadata, which may come first, are small.
const LOOKED_AT: usize = 1 << 16;

/// Fields that stay readable, so that tools can compare states without a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) serial: Option<u64>,
    pub(crate) lineage: Option<String>,
}

/// Fields in OpenTofu's order.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lineage: Option<String>,
    meta: BTreeMap<String, String>,
    #[serde(borrow)]
    encrypted_data: Cow<'a, str>,
    encryption_version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Sigil {
    encryption_version: Option<serde_json::Value>,
}

/// An envelope that was opened.
pub(crate) struct Envelope {
    pub(crate) head: Head,
    pub(crate) meta: Meta,
    pub(crate) data: Vec<u8>,
}

/// The envelope's text.
pub(crate) fn write(head: Head, meta: &Meta, data: &[u8]) -> Vec<u8> {
    let meta = meta.iter().map(|(name, bytes)| (name.clone(), STANDARD.encode(bytes))).collect();
    let wire = Wire {
        serial: head.serial,
        lineage: head.lineage,
        meta,
        encrypted_data: STANDARD.encode(data).into(),
        encryption_version: VERSION.into(),
    };
    serde_json::to_vec(&wire).expect("writing to memory, with only strings as keys, cannot fail")
}

/// Whether this is an envelope.
pub(crate) fn is_sealed(stored: &[u8]) -> bool {
    let name = b"\"encrypted_data\"";
    stored[..stored.len().min(LOOKED_AT)].windows(name.len()).any(|w| w == name)
        && serde_json::from_slice::<Sigil>(stored).is_ok_and(|s| s.encryption_version.is_some())
}

/// Reads an envelope.
pub(crate) fn read(stored: &[u8]) -> Result<Envelope, Failure> {
    let damaged = |what: &str| {
        Failure::new(
            format!("it is encrypted, and damaged: {what}."),
            "Restore it from its backup, or from where it was copied.",
        )
    };
    let sigil: Sigil = serde_json::from_slice(stored).map_err(|_| damaged("it is not valid JSON"))?;
    if let Some(version) = sigil.encryption_version.filter(|v| v.as_str() != Some(VERSION)) {
        return Err(Failure::new(
            format!("it is encrypted in version {version} of the format, and \"{VERSION}\" is understood."),
            "Use a newer version of this program, or the tool that wrote it.",
        ));
    }
    let wire: Wire<'_> = serde_json::from_slice(stored).map_err(|e| {
        damaged(&format!("a field is missing or of another kind (line {}, column {})", e.line(), e.column()))
    })?;
    let bytes = |name: &str, text: &str| {
        STANDARD.decode(text).map_err(|_| damaged(&format!("what stands in \"{name}\" is not base64")))
    };
    let mut meta = Meta::new();
    for (name, text) in &wire.meta {
        meta.insert(name.to_string(), bytes("meta", text)?);
    }
    let data = bytes("encrypted_data", &wire.encrypted_data)?;
    Ok(Envelope { head: Head { serial: wire.serial, lineage: wire.lineage }, meta, data })
}
