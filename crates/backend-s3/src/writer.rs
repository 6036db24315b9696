//! Who writes a state.

use crate::bucket::{Bucket, If, Put};
use crate::conditions;
use crate::journal::Journal;
use crate::lock::Lease;
use formwork_state::StateError;
use formwork_state::store::{Codec, Doubt, Fold, Group, Replayed, Stored, Writer};
use std::sync::Arc;

/// How often a state is read anew when it changes under our hands.
const TRIES: usize = 10;

/// The snapshot as it is stored.
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    /// `None` if there is none.
    tag: Option<String>,
}

impl Text {
    pub(crate) fn read(bucket: &Bucket, key: &str) -> Result<Text, StateError> {
        let object = bucket.get("read the state", key)?;
        Ok(object
            .map_or(Text { bytes: Vec::new(), tag: None }, |o| Text { bytes: o.bytes, tag: Some(o.tag) }))
    }
}

pub(crate) struct S3Writer {
    bucket: Arc<Bucket>,
    key: String,
    codec: Codec,
    lease: Option<Lease>,
    journal: Option<Journal>,
    tag: Option<String>,
    /// SHA-256 of the snapshot's text.
    sha256: String,
    /// The journal does not continue the snapshot: it begins anew before anything is appended. With `true`, it is of
    /// another snapshot, and is kept.
    anew: Option<bool>,
    /// The store was seen to keep conditions.
    proved: bool,
}

impl S3Writer {
    pub(crate) fn new(bucket: Arc<Bucket>, key: String, codec: Codec, lease: Option<Lease>) -> Self {
        let (journal, tag, sha256, anew) = (None, None, String::new(), None);
        S3Writer { bucket, key, codec, lease, journal, tag, sha256, anew, proved: false }
    }

    fn superseded(&self, problem: &str) -> StateError {
        StateError::Superseded { place: self.bucket.place(&self.key), problem: problem.into() }
    }

    fn ours(&self, written: bool) -> Result<(), StateError> {
        let problem =
            "another run has opened it since, because this one was not heard of or its lock was freed";
        if written { Ok(()) } else { Err(self.superseded(problem)) }
    }

    /// Whether anything may be written.
    fn check(&mut self) -> Result<(), StateError> {
        let ours = self.lease.as_ref().map_or(Ok(true), Lease::is_ours)?;
        self.ours(ours)?;
        if !self.proved {
            conditions::prove(&self.bucket, &self.key, self.lease.as_ref())?;
            self.proved = true;
        }
        Ok(())
    }

    fn journal(&mut self) -> Result<&mut Journal, StateError> {
        let place = self.bucket.place(&self.key);
        self.journal.as_mut().ok_or_else(|| StateError::Superseded {
            place,
            problem: "it was not read before it was written".into(),
        })
    }

    fn put_snapshot(&mut self, text: &[u8]) -> Result<(), StateError> {
        let condition = self.tag.as_deref().map_or(If::Absent, If::Tag);
        match self.bucket.put("write the state", &self.key, Some(condition), text)? {
            Put::Written(tag) => {
                self.tag = Some(tag);
                Ok(())
            }
            Put::Refused => Err(self.superseded("somebody else has written the state since it was read")),
        }
    }
}

/// What a snapshot and its journal mean together.
pub(crate) struct Interpreted {
    /// The state; `None` if there is nothing at all.
    pub(crate) stored: Option<Stored>,
    /// `None` if the journal goes on; else whether it is of another snapshot.
    anew: Option<bool>,
    /// SHA-256 of the snapshot's text.
    sha256: String,
}

/// What of these is the state.
pub(crate) fn interpreted(codec: &Codec, text: &Text, journal: &Journal) -> Result<Interpreted, StateError> {
    let bytes = journal.bytes()?;
    let Replayed { stored, continues, sha256 } = codec.replayed(&text.bytes, &bytes)?;
    if text.tag.is_none() && bytes.is_empty() {
        return Ok(Interpreted { stored: None, anew: Some(false), sha256 });
    }
    let foreign = stored.pending.iter().any(|(_, foreign)| *foreign);
    let anew = (!continues).then_some(foreign && !bytes.is_empty());
    Ok(Interpreted { stored: Some(stored), anew, sha256 })
}

impl Writer for S3Writer {
    fn read(&mut self) -> Result<Option<Stored>, StateError> {
        for _ in 0..TRIES {
            let mut journal = Journal::read(&self.bucket, &self.key)?;
            if !journal.claim()? {
                continue;
            }
            // Whoever wrote before can write to the journal no more; a last snapshot of theirs may still have been on its way.
            let text = Text::read(&self.bucket, &self.key)?;
            let found = interpreted(&self.codec, &text, &journal)?;
            (self.journal, self.tag) = (Some(journal), text.tag);
            (self.anew, self.sha256) = (found.anew, found.sha256);
            return Ok(found.stored);
        }
        Err(self.superseded("others open it again and again"))
    }

    fn append(&mut self, group: &Group<'_>) -> Result<(), StateError> {
        self.check()?;
        let records = self.codec.journal_records(group.records)?;
        let written = match self.anew {
            None => self.journal()?.append(&records)?,
            Some(keep) => {
                let (before, lineage) = (group.before, group.new_lineage);
                let mut bytes = self.codec.journal_head(before, &self.sha256, lineage, group.pending())?;
                bytes.extend(records);
                self.journal()?.restart(bytes, keep)?
            }
        };
        self.ours(written)?;
        self.anew = None;
        Ok(())
    }

    fn fold(&mut self, fold: &Fold<'_>) -> Result<(), StateError> {
        self.check()?;
        if !fold.same {
            let text = self.codec.snapshot(fold.state)?;
            // The journal says which snapshot holds it all, if this comes no further than the next step; and nobody gets
            // so far whose journal is somebody else's by now.
            let mark = self.codec.journal_mark(&text)?;
            let written = match self.anew {
                None => self.journal()?.append(&mark)?,
                Some(keep) => {
                    let (base, lineage) = (fold.base, fold.new_lineage());
                    let mut bytes = self.codec.journal_head(base, &self.sha256, lineage, fold.pending())?;
                    bytes.extend(mark);
                    self.journal()?.restart(bytes, keep)?
                }
            };
            self.ours(written)?;
            self.anew = None;
            self.put_snapshot(&text.bytes)?;
            self.sha256 = text.sha256().into();
        }
        let pending: Vec<_> = fold.pending().collect();
        let records = if pending.is_empty() {
            Vec::new()
        } else {
            self.codec.journal_head(fold.state, &self.sha256, None, pending.into_iter())?
        };
        let goes_on = !records.is_empty();
        let keep = self.anew == Some(true);
        if self.journal()?.is_empty() && !goes_on {
            self.anew = Some(false);
            return Ok(());
        }
        let written = self.journal()?.restart(records, keep)?;
        self.ours(written)?;
        self.anew = if goes_on { None } else { Some(false) };
        Ok(())
    }

    fn doubt(&self) -> Option<Doubt> {
        let held = self.lease.as_ref()?.held();
        Some(Arc::new(move || held.is_in_doubt()))
    }

    fn release(&mut self) -> Result<(), StateError> {
        self.lease.take().map_or(Ok(()), Lease::free)
    }
}

/// Reads without claiming anything.
pub(crate) fn peek(bucket: &Arc<Bucket>, key: &str, codec: &Codec) -> Result<Option<Stored>, StateError> {
    let mut last = None;
    for _ in 0..TRIES {
        let text = Text::read(bucket, key)?;
        let journal = Journal::read(bucket, key)?;
        let found = interpreted(codec, &text, &journal).map(|found| found.stored);
        // Somebody is at work: objects of different moments say nothing, or the wrong thing.
        if Text::read(bucket, key)?.tag == text.tag {
            return found;
        }
        last = Some(found);
    }
    last.unwrap_or_else(|| Ok(Some(Stored::default())))
}
