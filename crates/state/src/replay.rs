//! From the files to the state: which of them counts, and what the journal adds.

use crate::ahead::Early;
use crate::ledger::Ledger;
use crate::paths::Paths;
use crate::wire::{self, Base, Entry};
use crate::{Cipher, Opened, State, StateError, Stored, Unsealed, foreign, frame, snapshot};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::cell::Cell;

/// First byte of a snapshot while a new one is copied over it: whoever reads it then, reads an error and not a mixture.
pub(crate) const TORN: u8 = b'#';

/// SHA-256 in hex digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of a snapshot: of its text, by which journals know it, and of what is stored of it.
#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) text: String,
    pub(crate) stored: String,
}

impl Sums {
    /// Of what is stored, and its text. No content of any kind is one text.
    pub(crate) fn of(stored: &[u8], text: &[u8]) -> Sums {
        let of_text = sha256(if is_blank(text) { &[] } else { text });
        // Stored as it is, it is the same: no need to go through it twice.
        let stored = if stored == text && !is_blank(text) { of_text.clone() } else { sha256(stored) };
        Sums { text: of_text, stored }
    }
}

/// A snapshot as it is stored.
pub(crate) fn sealed(cipher: &dyn Cipher, text: Vec<u8>) -> Result<(Vec<u8>, Sums), StateError> {
    let of_text = sha256(&text);
    let stored = cipher.seal(Stored::Snapshot, text)?;
    let sums =
        Sums { stored: if cipher.is_clear() { of_text.clone() } else { sha256(&stored) }, text: of_text };
    Ok((stored, sums))
}

/// The next snapshot, as it lies beside the last one until it has been copied into place.
#[derive(Serialize, Deserialize)]
pub(crate) struct CopyHead {
    format: u32,
    /// SHA-256 of the snapshot that it follows.
    base: String,
    /// SHA-256 of its own text.
    sha256: String,
}

impl CopyHead {
    /// Whether this is the text that it was written for.
    pub(crate) fn is_of(&self, text: &[u8]) -> bool {
        sha256(text) == self.sha256
    }
}

/// First line of the file that holds the next snapshot.
pub(crate) fn copy_head(base: String, sha256: String) -> Result<String, serde_json::Error> {
    serde_json::to_string(&CopyHead { format: 1, base, sha256 }).map(|line| line + "\n")
}

/// The files, as they were read.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) snapshot: Vec<u8>,
    pub(crate) journal: Option<Vec<u8>>,
    pub(crate) copy: Option<Vec<u8>>,
    /// A journal may be begun on them.
    pub(crate) to_write: bool,
    /// The snapshot that stands in them, where it was read before.
    pub(crate) early: Cell<Option<Early>>,
}

/// What to do about the journal before the next record can be appended to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Start {
    /// There is none.
    Fresh,
    /// It goes on behind this many bytes.
    Continue(u64),
    /// It is to be replaced; `keep`: under another name it stays.
    Rewrite { keep: bool },
}

/// What the files mean.
pub(crate) struct Found {
    /// The snapshot alone.
    pub(crate) base: State,
    /// Everything together.
    pub(crate) opened: Opened,
    pub(crate) ledger: Ledger,
    /// SHA-256 of the snapshot's text, for the next journal; empty where none can follow.
    pub(crate) sha256: String,
    pub(crate) start: Start,
    /// The journal does not say which text it goes on from: an older version wrote it.
    pub(crate) unsummed: bool,
    /// The journal is in the snapshot already, but for intents that are not settled.
    pub(crate) folded: bool,
    /// SHA-256 of the snapshot, when the copy beside it is of the same text.
    pub(crate) copied: Option<String>,
    /// The text that is still to be copied into place.
    pub(crate) unfinished: Option<Vec<u8>>,
    /// The snapshot is stored in another way than it would be now.
    pub(crate) renew: bool,
    /// The journal announces a snapshot, which may have been written or not.
    pub(crate) announced: bool,
}

/// Finds out what the files mean.
pub(crate) fn interpret(paths: &Paths, cipher: &dyn Cipher, files: &Files) -> Result<Found, StateError> {
    let early = files.early.take().filter(|_| cipher.is_clear());
    let (text, is_copy) = effective(paths, files)?;
    let (base, renew, sums) = match early {
        Some(early) if !is_copy => (early.state, false, early.sums),
        _ => {
            let (base, unsealed) = read(cipher, text).map_err(|e| e.in_file(&paths.state))?;
            // Whoever only looks at a snapshot alone has no use for them.
            let matter = files.to_write || files.journal.is_some() || files.copy.is_some();
            let sums = if matter { Sums::of(text, &unsealed.text) } else { Sums::default() };
            (base, unsealed.renew, sums)
        }
    };
    let is_copied = files.copy.as_ref().is_some_and(|copy| !text.is_empty() && copy.ends_with(text));
    let copied = is_copied.then(|| sums.stored.clone());
    let unfinished = (is_copy && text != files.snapshot).then(|| text.to_vec());
    let mut found = Found {
        opened: Opened { state: base.clone(), ..Opened::default() },
        base,
        ledger: Ledger::default(),
        sha256: sums.text.clone(),
        start: Start::Fresh,
        unsummed: false,
        folded: false,
        copied,
        unfinished,
        renew,
        announced: false,
    };
    if let Some(journal) = &files.journal {
        found.replay(paths, cipher, journal, text, &sums)?;
        found.opened.state.hand_on(&found.base);
        found.opened.pending = found.ledger.pending();
        found.opened.foreign = found.ledger.foreign();
    }
    Ok(found)
}

/// Whether a file holds no state.
fn is_blank(stored: &[u8]) -> bool {
    stored.iter().all(u8::is_ascii_whitespace)
}

/// The journal of an interrupted run goes on from a state that is not there any more.
fn lost(paths: &Paths, base: &Base) -> StateError {
    StateError::Format {
        path: paths.state.clone(),
        problem: format!(
            "it holds no state, but {} beside it, which an interrupted run left, goes on from version {} of one (lineage {}): \
             whatever that had would be made a second time.",
            paths.journal.display(),
            base.serial,
            base.lineage
        ),
        help: format!(
            "Put the state back, from its backup (the file that ends in \".backup\") or from the snapshots that formwork state \
             history lists. If a new state is what you want, remove {} as well: only it tells what the interrupted run did.",
            paths.journal.display()
        ),
    }
}

/// The state that a stored snapshot holds, and its text as the cipher gave it.
fn read<'a>(cipher: &dyn Cipher, stored: &'a [u8]) -> Result<(State, Unsealed<'a>), StateError> {
    if is_blank(stored) {
        return Ok((State::default(), Unsealed { text: stored.into(), renew: false }));
    }
    let unsealed = cipher.unseal(Stored::Snapshot, stored)?;
    let state = std::str::from_utf8(&unsealed.text)
        .map_err(|_| StateError::format("it is not UTF-8 text.", "Restore it from its backup."))
        .and_then(snapshot::parse)?;
    Ok((state, unsealed))
}

/// The state that a stored snapshot holds.
pub(crate) fn read_snapshot(cipher: &dyn Cipher, stored: &[u8]) -> Result<State, StateError> {
    read(cipher, stored).map(|(state, _)| state)
}

/// The text of the snapshot that counts, and whether it comes from the copy.
fn effective<'a>(paths: &Paths, files: &'a Files) -> Result<(&'a [u8], bool), StateError> {
    let snapshot = &files.snapshot[..];
    // A zero stands where the disk took a new file's length and not its content.
    let is_torn = snapshot.first().is_some_and(|first| [TORN, 0].contains(first));
    let copy = files.copy.as_deref().and_then(|bytes| {
        let line = bytes.iter().position(|b| *b == b'\n')?;
        let head: CopyHead = serde_json::from_slice(&bytes[..line]).ok()?;
        let text = &bytes[line + 1..];
        head.is_of(text).then_some((head, text))
    });
    match copy {
        // The copy counts where its turn had come: the snapshot is still the one that it follows, or torn by us, or
        // emptied by a tool that died while writing. Otherwise somebody wrote the state since: the copy is out of date.
        Some((head, text)) if is_torn || snapshot.is_empty() || sha256(snapshot) == head.base => {
            Ok((text, true))
        }
        _ if is_torn => Err(StateError::Format {
            path: paths.state.clone(),
            problem: format!(
                "a run was killed while it copied the new state into place, and {}, which held the whole of it, is gone \
                 or damaged.",
                paths.copy.display()
            ),
            help: format!(
                "Put {} back; or restore the state from its backup, and keep {}: it says what was done.",
                paths.copy.display(),
                paths.journal.display()
            ),
        }),
        _ => Ok((snapshot, false)),
    }
}

/// Whether a journal with this base goes on from this snapshot.
fn continues(base: &Base, snapshot: &State, sums: &Sums) -> bool {
    match &base.sha256 {
        Some(sha256) => *sha256 == sums.text,
        None => base.serial == snapshot.serial && base.lineage == snapshot.lineage,
    }
}

impl Found {
    fn replay(
        &mut self,
        paths: &Paths,
        cipher: &dyn Cipher,
        journal: &[u8],
        text: &[u8],
        sums: &Sums,
    ) -> Result<(), StateError> {
        let damaged =
            |problem: String| StateError::Journal { path: paths.journal.clone(), problem: problem + "." };
        let frames = frame::scan(journal).map_err(|at| {
            damaged(format!("the record at byte {at} is damaged, and there are whole ones behind it"))
        })?;
        let mut entries = Vec::with_capacity(frames.len());
        for frame in &frames {
            let start = frame.end - frame.payload.len() as u64;
            let record = cipher.unseal(Stored::Record, frame.payload);
            let record = record.map_err(|e| e.in_file(&paths.journal))?;
            let entry = wire::decode(&record.text)
                .map_err(|e| damaged(format!("the record at byte {start} cannot be read: {e}")))?;
            entries.push(entry);
        }
        // Killed before its first record was whole: nothing had begun.
        let Some((first, entries)) = entries.split_first() else {
            self.start = Start::Rewrite { keep: false };
            return Ok(());
        };
        let Entry::Header(base) = first else {
            return Err(damaged("its first record is not a header".into()));
        };
        self.unsummed = base.sha256.is_none();
        self.announced = entries.iter().any(|e| matches!(e, Entry::Folding { .. }));
        let is_here = |e: &Entry| matches!(e, Entry::Folding { sha256, .. } if *sha256 == sums.stored);
        let folded = entries.iter().rposition(is_here);
        let is_ours = continues(base, &self.base, sums);
        if folded.is_none() && !is_ours && !base.lineage.is_empty() && is_blank(text) {
            return Err(lost(paths, base));
        }
        if folded.is_none() && !is_ours {
            self.ledger = foreign::ledger(entries, &self.base);
            self.start = Start::Rewrite { keep: true };
            return Ok(());
        }
        if folded.is_none()
            && self.base.lineage.is_empty()
            && let Some(lineage) = &base.new_lineage
        {
            self.base.lineage.clone_from(lineage);
            self.opened.state.lineage.clone_from(lineage);
        }
        for (i, entry) in entries.iter().enumerate() {
            match entry {
                Entry::Record(record) => {
                    self.ledger.note(record);
                    if folded.is_none_or(|mark| i > mark) {
                        record.apply_to(&mut self.opened.state);
                    }
                }
                Entry::Carried { pending, foreign } => self.ledger.carry(pending.clone(), *foreign),
                Entry::Header(_) | Entry::Folding { .. } => {}
            }
        }
        self.folded = folded.is_some_and(|mark| mark + 1 == entries.len());
        self.start = Start::Continue(frames.last().map_or(0, |f| f.end));
        Ok(())
    }
}
