//! The journal: one object that is replaced under the condition that nobody else did so meanwhile.
//!
//! It begins with a line of JSON: the fencing token of who may write, the number of the write, and the names of the
//! objects that hold earlier records. Behind it stand the latest records, in the frames of a local journal. When there are
//! many, they are put away in an object of their own, so that each group writes little. Whoever opens the state writes
//! it once with a new token: from then on the tag that an earlier writer knows is out of date, and the store refuses it.

use crate::bucket::{Bucket, If, Put};
use formwork_state::StateError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Version of the format.
const FORMAT: u32 = 1;
/// Beyond this, records are put away.
const LONG: usize = 128 << 10;
const ACTION: &str = "write the journal";

#[derive(Clone, Default, Serialize, Deserialize)]
struct Head {
    format: u32,
    token: u64,
    /// Random, for each who opens: two of them never write the same.
    writer: String,
    write: u64,
    chunks: Vec<String>,
}

/// The folder of what belongs to a state.
pub(crate) fn folder(state: &str) -> String {
    format!("{state}.formwork/")
}

fn key(state: &str) -> String {
    format!("{}journal", folder(state))
}

pub(crate) struct Journal {
    bucket: Arc<Bucket>,
    state: String,
    head: Head,
    tail: Vec<u8>,
    /// Of the object as we know it; `None` if there is none.
    tag: Option<String>,
}

/// The object as it is stored: its head is for everybody to read, its records are as the codec made them.
fn bytes_out(head: &Head, tail: &[u8]) -> Vec<u8> {
    let mut out = serde_json::to_vec(head).unwrap_or_default();
    out.push(b'\n');
    out.extend_from_slice(tail);
    out
}

impl Journal {
    /// Reads it as it is.
    pub(crate) fn read(bucket: &Arc<Bucket>, state: &str) -> Result<Journal, StateError> {
        let mut journal = Journal {
            bucket: bucket.clone(),
            state: state.into(),
            head: Head { format: FORMAT, ..Head::default() },
            tail: Vec::new(),
            tag: None,
        };
        let Some(object) = bucket.get("read the journal", &key(state))? else { return Ok(journal) };
        let damaged = |problem: &str| StateError::Journal {
            path: bucket.place(&key(state)).into(),
            problem: format!("{problem}."),
        };
        let line =
            object.bytes.iter().position(|b| *b == b'\n').ok_or_else(|| damaged("it has no first line"))?;
        journal.head = serde_json::from_slice(&object.bytes[..line])
            .map_err(|_| damaged("its first line is not understood"))?;
        if journal.head.format != FORMAT {
            return Err(damaged(&format!("it is in version {} of its format", journal.head.format)));
        }
        journal.tail = object.bytes[line + 1..].to_vec();
        journal.tag = Some(object.tag);
        Ok(journal)
    }

    /// Makes the caller the one who writes; whether nobody was faster.
    pub(crate) fn claim(&mut self) -> Result<bool, StateError> {
        let writer = uuid::Uuid::new_v4().to_string();
        let head = Head { token: self.head.token + 1, writer, write: 0, ..self.head.clone() };
        let tail = self.tail.clone();
        self.put(head, tail)
    }

    fn put(&mut self, mut head: Head, tail: Vec<u8>) -> Result<bool, StateError> {
        head.write += 1;
        let condition = self.tag.as_deref().map_or(If::Absent, If::Tag);
        let bytes = bytes_out(&head, &tail);
        match self.bucket.put(ACTION, &key(&self.state), Some(condition), &bytes)? {
            Put::Written(tag) => {
                (self.head, self.tail, self.tag) = (head, tail, Some(tag));
                Ok(true)
            }
            Put::Refused => Ok(false),
        }
    }

    /// All records.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, StateError> {
        let mut out = Vec::new();
        for name in &self.head.chunks {
            let key = format!("{}{name}", folder(&self.state));
            let object = self.bucket.get("read the journal", &key)?.ok_or_else(|| StateError::Journal {
                path: self.bucket.place(&key).into(),
                problem: "it is gone, and it held a part of the journal.".into(),
            })?;
            out.extend(object.bytes);
        }
        out.extend(&self.tail);
        Ok(out)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.chunks.is_empty() && self.tail.is_empty()
    }

    /// Adds records; whether nobody else has written.
    pub(crate) fn append(&mut self, records: &[u8]) -> Result<bool, StateError> {
        let mut head = self.head.clone();
        let mut tail = self.tail.clone();
        if tail.len() > LONG {
            let name = format!("records-{}", uuid::Uuid::new_v4());
            self.bucket.put(ACTION, &format!("{}{name}", folder(&self.state)), None, &tail)?;
            head.chunks.push(name);
            tail.clear();
        }
        tail.extend_from_slice(records);
        self.put(head, tail)
    }

    /// Begins anew with these records; whether nobody else has written. With `keep`, what there was stays readable.
    pub(crate) fn restart(&mut self, records: Vec<u8>, keep: bool) -> Result<bool, StateError> {
        if keep {
            let name = format!("{}kept-{}", folder(&self.state), uuid::Uuid::new_v4());
            self.bucket.put(ACTION, &name, None, &self.bytes()?)?;
        }
        let old = self.head.chunks.clone();
        let head = Head { chunks: Vec::new(), ..self.head.clone() };
        if !self.put(head, records)? {
            return Ok(false);
        }
        for name in old {
            // Nothing names it any more; left behind, it only takes room.
            let _ = self.bucket.delete(ACTION, &format!("{}{name}", folder(&self.state)));
        }
        Ok(true)
    }
}
