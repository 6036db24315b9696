//! What journal records look like in the file: `state/journal.schema.json` describes it.

use crate::object::{self, RawInstance};
use crate::{Intent, Operation, Pending, Record, StoredObject, json};
use formwork_addr::{InstanceAddr, InstanceKey, ResourceAddr, Str};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// Version of the journal's format.
const FORMAT: u32 = 1;

/// The snapshot that a journal continues.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Base {
    /// Its serial; 0 without a snapshot.
    pub(crate) serial: u64,
    /// Its lineage; empty without a snapshot.
    pub(crate) lineage: String,
    /// SHA-256 of its text: another tool may write another snapshot with the same serial. Older versions did not say it.
    pub(crate) sha256: Option<String>,
    /// The lineage that the next snapshot gets, where this one has none and somebody else has to know it before.
    pub(crate) new_lineage: Option<String>,
}

/// One entry of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// Always the first.
    Header(Base),
    /// Something happened.
    Record(Record),
    /// An intent that an earlier journal left unsettled. `foreign`: that journal belonged to another snapshot.
    Carried { pending: Pending, foreign: bool },
    /// Everything up to here is in the snapshot whose bytes have this SHA-256, if that snapshot is there. Older versions did
    /// not say its serial and lineage.
    Folding { sha256: String, serial: Option<u64>, lineage: Option<String> },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire<'a> {
    Header {
        format: u32,
        serial: u64,
        lineage: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_lineage: Option<String>,
    },
    #[serde(borrow)]
    Intent(WireIntent<'a>),
    /// An intent that puts something aside has a name of its own: who does not know that must not pass over it.
    #[serde(borrow)]
    Replacing(WireIntent<'a>),
    #[serde(borrow)]
    Set(WireSet<'a>),
    NoEffect {
        token: Str,
    },
    Depose {
        address: String,
        key: Str,
    },
    Restore {
        address: String,
        key: Str,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Str>,
    },
    Move {
        from: String,
        to: String,
    },
    #[serde(borrow)]
    Carried(WireCarried<'a>),
    Folding {
        sha256: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lineage: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct WireIntent<'a> {
    token: Str,
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deposed: Option<Str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    puts_aside: Option<Str>,
    operation: WireOperation,
    provider: Str,
    #[serde(borrow)]
    identity: &'a RawValue,
    schema_version: u64,
    #[serde(borrow)]
    arguments: &'a RawValue,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireOperation {
    Create,
    Update,
    Delete,
}

#[derive(Serialize, Deserialize)]
struct WireSet<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deposed: Option<Str>,
    provider: Str,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
struct WireCarried<'a> {
    #[serde(borrow)]
    intent: WireIntent<'a>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    foreign: bool,
}

/// Writes an entry. An error says what cannot be written.
pub(crate) fn encode(entry: &Entry) -> Result<Vec<u8>, String> {
    let (mut a, mut b) = (String::new(), String::new());
    let wire = match entry {
        Entry::Header(base) => {
            let Base { serial, lineage, sha256, new_lineage } = base.clone();
            Wire::Header { format: FORMAT, serial, lineage, sha256, new_lineage }
        }
        Entry::Record(Record::Intent(intent)) => {
            let wire = intent_out(intent, &mut a, &mut b)?;
            if intent.puts_aside.is_some() { Wire::Replacing(wire) } else { Wire::Intent(wire) }
        }
        Entry::Record(Record::Set { token, partial, address, deposed, provider, object }) => {
            Wire::Set(WireSet {
                token: token.clone(),
                partial: *partial,
                address: address_out(address)?,
                deposed: deposed.clone(),
                provider: provider.clone(),
                object: object_out(object.as_deref(), &mut a)?,
            })
        }
        Entry::Record(Record::NoEffect { token }) => Wire::NoEffect { token: token.clone() },
        Entry::Record(Record::Depose { address, key }) => {
            Wire::Depose { address: address_out(address)?, key: key.clone() }
        }
        Entry::Record(Record::Restore { address, key, token }) => {
            Wire::Restore { address: address_out(address)?, key: key.clone(), token: token.clone() }
        }
        Entry::Record(Record::Move { from, to }) => {
            Wire::Move { from: address_out(from)?, to: address_out(to)? }
        }
        Entry::Carried { pending, foreign } => {
            let mut c = String::new();
            let carried = WireCarried {
                intent: intent_out(&pending.intent, &mut a, &mut b)?,
                object: object_out(pending.partial.as_deref(), &mut c)?,
                foreign: *foreign,
            };
            return serde_json::to_vec(&Wire::Carried(carried)).map_err(|e| e.to_string());
        }
        Entry::Folding { sha256, serial, lineage } => {
            Wire::Folding { sha256: sha256.clone(), serial: *serial, lineage: lineage.clone() }
        }
    };
    serde_json::to_vec(&wire).map_err(|e| e.to_string())
}

fn raw<'a>(what: &str, text: &str, buffer: &'a mut String) -> Result<&'a RawValue, String> {
    json::compact(buffer, text);
    serde_json::from_str(buffer).map_err(|_| format!("its {what} is not valid JSON"))
}

fn intent_out<'a>(intent: &Intent, a: &'a mut String, b: &'a mut String) -> Result<WireIntent<'a>, String> {
    Ok(WireIntent {
        token: intent.token.clone(),
        address: address_out(&intent.address)?,
        deposed: intent.deposed.clone(),
        puts_aside: intent.puts_aside.clone(),
        operation: match intent.operation {
            Operation::Create => WireOperation::Create,
            Operation::Update => WireOperation::Update,
            Operation::Delete => WireOperation::Delete,
        },
        provider: intent.provider.clone(),
        identity: raw("identity", &intent.identity, a)?,
        schema_version: intent.schema_version,
        arguments: raw("arguments", &intent.arguments, b)?,
        dependencies: intent.dependencies.iter().map(ToString::to_string).collect(),
    })
}

/// Refuses what could not be read again: better before the call than after a crash.
fn address_out(address: &InstanceAddr) -> Result<String, String> {
    let text = address.to_string();
    match text.parse::<InstanceAddr>() {
        Ok(again) if again == *address => Ok(text),
        _ => Err(format!("the address {text} cannot be written")),
    }
}

fn object_out<'a>(
    object: Option<&StoredObject>,
    buffer: &'a mut String,
) -> Result<Option<&'a RawValue>, String> {
    let Some(object) = object else { return Ok(None) };
    object::write(buffer, None, &InstanceKey::None, None, object);
    serde_json::from_str(buffer).map(Some).map_err(|_| "its attributes are not valid JSON".into())
}

/// Reads an entry. An error says what cannot be understood.
pub(crate) fn decode(payload: &[u8]) -> Result<Entry, String> {
    let wire: Wire<'_> = serde_json::from_slice(payload).map_err(|_| "it is of no known kind".to_string())?;
    Ok(match wire {
        Wire::Header { format: FORMAT, serial, lineage, sha256, new_lineage } => {
            Entry::Header(Base { serial, lineage, sha256, new_lineage })
        }
        Wire::Header { format, .. } => {
            return Err(format!("the journal is in version {format} of its format"));
        }
        Wire::Intent(intent) | Wire::Replacing(intent) => Entry::Record(Record::Intent(intent_in(intent)?)),
        Wire::Set(set) => Entry::Record(Record::Set {
            token: set.token,
            partial: set.partial,
            address: address_in(&set.address)?,
            deposed: set.deposed,
            provider: set.provider,
            object: object_in(set.object)?,
        }),
        Wire::NoEffect { token } => Entry::Record(Record::NoEffect { token }),
        Wire::Depose { address, key } => {
            Entry::Record(Record::Depose { address: address_in(&address)?, key })
        }
        Wire::Restore { address, key, token } => {
            Entry::Record(Record::Restore { address: address_in(&address)?, key, token })
        }
        Wire::Move { from, to } => {
            Entry::Record(Record::Move { from: address_in(&from)?, to: address_in(&to)? })
        }
        Wire::Carried(carried) => Entry::Carried {
            pending: Pending { intent: intent_in(carried.intent)?, partial: object_in(carried.object)? },
            foreign: carried.foreign,
        },
        Wire::Folding { sha256, serial, lineage } => Entry::Folding { sha256, serial, lineage },
    })
}

fn address_in(text: &str) -> Result<InstanceAddr, String> {
    text.parse().map_err(|e: formwork_addr::ParseError| e.to_string())
}

fn resource_in(text: &str) -> Result<ResourceAddr, String> {
    text.parse().map_err(|e: formwork_addr::ParseError| e.to_string())
}

fn intent_in(intent: WireIntent<'_>) -> Result<Intent, String> {
    Ok(Intent {
        token: intent.token,
        address: address_in(&intent.address)?,
        deposed: intent.deposed,
        puts_aside: intent.puts_aside,
        operation: match intent.operation {
            WireOperation::Create => Operation::Create,
            WireOperation::Update => Operation::Update,
            WireOperation::Delete => Operation::Delete,
        },
        provider: intent.provider,
        identity: intent.identity.get().into(),
        schema_version: intent.schema_version,
        arguments: intent.arguments.get().into(),
        dependencies: intent.dependencies.iter().map(|d| resource_in(d)).collect::<Result<_, _>>()?,
    })
}

fn object_in(raw: Option<&RawValue>) -> Result<Option<Arc<StoredObject>>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let instance: RawInstance<'_> =
        serde_json::from_str(raw.get()).map_err(|_| "an object is not understood".to_string())?;
    Ok(Some(Arc::new(instance.object()?)))
}
