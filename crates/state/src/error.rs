//! What can go wrong with a state.

use crate::LockInfo;
use formwork_diag::Diagnostic;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a state could not be read or written. Cheap to clone: all who wait for one fsync learn of its failure.
#[derive(Clone, Debug, PartialEq)]
pub enum StateError {
    /// Another process works on it.
    Locked {
        /// The state.
        path: PathBuf,
        /// Who, as far as is known.
        info: Option<LockInfo>,
    },
    /// Another process writes its journal, and this one was to go on without the lock.
    Busy {
        /// The journal.
        path: PathBuf,
        /// Who, as far as is known.
        info: Option<LockInfo>,
    },
    /// The operating system refused.
    Io {
        /// What was being done: `write the journal`.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// The reason.
        kind: std::io::ErrorKind,
        /// The system's own words.
        message: String,
        /// What holds nevertheless, as a sentence.
        safe: &'static str,
    },
    /// It is not a state, or not one that can be read.
    Format {
        /// The file; empty while only text is known.
        path: PathBuf,
        /// What was found, as a sentence.
        problem: String,
        /// What to do, as a sentence.
        help: String,
    },
    /// It cannot be decrypted, or what was to be stored cannot be encrypted.
    Encryption {
        /// The file; empty while only text is known.
        path: PathBuf,
        /// What was found, as a sentence.
        problem: String,
        /// What to do, as a sentence.
        help: String,
    },
    /// The journal is damaged where it must not be.
    Journal {
        /// The file.
        path: PathBuf,
        /// What was found, as a sentence.
        problem: String,
    },
    /// Somebody put another file in the place of the one that we hold.
    Replaced {
        /// The state.
        path: PathBuf,
    },
    /// Somebody else holds the lock on a state that is kept elsewhere.
    LockedElsewhere {
        /// The state.
        place: String,
        /// Who, as far as is known.
        info: Option<LockInfo>,
        /// How the lock becomes free, as a sentence.
        help: String,
    },
    /// The store of a state that is kept elsewhere did not do what was asked.
    Store {
        /// What was being done: `write the state`.
        action: &'static str,
        /// The state.
        place: String,
        /// What came back, as a sentence without a full stop.
        problem: String,
        /// What to do, as a sentence.
        help: String,
        /// What holds nevertheless, as a sentence.
        safe: String,
    },
    /// It was to be opened, and that was given up because somebody wished so.
    Interrupted {
        /// The state.
        place: String,
    },
    /// This run was taken for dead, or its lock was freed by force: another one works on the state now.
    Superseded {
        /// The state.
        place: String,
        /// How that was noticed, as a sentence without a full stop.
        problem: String,
    },
}

/// What can be said when nothing was changed yet.
pub(crate) const UNCHANGED: &str = "Nothing was changed.";
/// What can be said when a journal holds what happened.
pub(crate) const IN_JOURNAL: &str =
    "What was recorded so far is in the journal beside the state, and the next run reads it.";
/// What can be said when the complete new snapshot is beside the state.
pub(crate) const IN_HISTORY: &str =
    "The version is still in the history, and the file can be restored once more.";
pub(crate) const IN_COPY: &str = "The complete new state is in the file beside it that ends in \".new\", and the next run puts it in place.";

impl StateError {
    pub(crate) fn io(action: &'static str, path: &Path, error: &std::io::Error, safe: &'static str) -> Self {
        StateError::Io { action, path: path.into(), kind: error.kind(), message: error.to_string(), safe }
    }

    pub(crate) fn format(problem: impl Into<String>, help: impl Into<String>) -> Self {
        StateError::Format { path: PathBuf::new(), problem: problem.into(), help: help.into() }
    }

    /// Stored text that cannot be decrypted, or text that cannot be encrypted: what, and what to do, as sentences.
    pub fn encryption(problem: impl Into<String>, help: impl Into<String>) -> Self {
        StateError::Encryption { path: PathBuf::new(), problem: problem.into(), help: help.into() }
    }

    /// Adds the file to an error about text.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        if let StateError::Format { path, .. } | StateError::Encryption { path, .. } = &mut self
            && path.as_os_str().is_empty()
        {
            *path = file.into();
        }
        self
    }

    /// The problem, in fixed words.
    pub fn summary(&self) -> &'static str {
        match self {
            StateError::Locked { .. } => "The state is locked",
            StateError::Busy { .. } => "Another run is at work on the state",
            StateError::Io { action: "lock the state", .. } => "The state cannot be locked",
            StateError::Io { .. } => "The state cannot be read or written",
            StateError::Format { .. } => "The state cannot be understood",
            StateError::Encryption { .. } => "The state's encryption failed",
            StateError::Journal { .. } => "The state's journal is damaged",
            StateError::Replaced { .. } => "The state was replaced by another file",
            StateError::LockedElsewhere { .. } => "The state is locked",
            StateError::Store { action: "lock the state", .. } => "The state cannot be locked",
            StateError::Store { action: "unlock the state", .. } => "The state's lock cannot be freed",
            StateError::Store { .. } => "The state cannot be read or written",
            StateError::Superseded { .. } => "Another run has taken over the state",
            StateError::Interrupted { .. } => "Interrupted",
        }
    }

    /// How to mend it.
    pub fn help(&self) -> String {
        use std::io::ErrorKind as K;
        match self {
            StateError::Locked { .. } => {
                "Wait until that run has finished, or let this one wait with -lock-timeout=5m. The lock frees itself as \
                 soon as its owner ends."
                    .into()
            }
            StateError::Busy { .. } => {
                "Wait until that run has finished; without -lock=false this one waits or refuses by itself (-lock-timeout=5m). \
                 Commands that only read can go on without the lock."
                    .into()
            }
            StateError::Io { kind, path, .. } => match kind {
                K::StorageFull | K::QuotaExceeded => format!(
                    "Make room on the disk (or in the quota) that holds {}, then run again.",
                    folder(path).display()
                ),
                K::PermissionDenied | K::ReadOnlyFilesystem => format!(
                    "The state and its folder {} must be writable for the user who runs this: files are created beside \
                     it. Change the owner or the mode, or mount the disk writable.",
                    folder(path).display()
                ),
                K::IsADirectory => "Name a file with -state, or move the folder out of the way.".into(),
                K::NotFound => format!("Create the folder {} first.", folder(path).display()),
                _ => "Look at the system's message above; when its cause is gone, run again.".into(),
            },
            StateError::Format { help, .. } | StateError::Encryption { help, .. } => help.clone(),
            StateError::Journal { path, .. } => format!(
                "The file was left as it is. Restore it from a copy of the folder; or, to go on without it, move {} \
                 away, and compare what exists with the state by hand: it may know of objects that the state does not.",
                path.display()
            ),
            StateError::Replaced { path } => format!(
                "Something renamed or deleted {} while it was in use. What was done is in the journal beside it: find out \
                 which file is right, put it in place, and run again.",
                path.display()
            ),
            StateError::LockedElsewhere { help, .. } | StateError::Store { help, .. } => help.clone(),
            StateError::Interrupted { .. } => "To have it done after all, run it again.".into(),
            StateError::Superseded { .. } => {
                "Nothing more was written by this run. Let the other one finish, then run formwork plan: it settles what this \
                 one had begun, and shows what differs."
                    .into()
            }
        }
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::Locked { path, info: None } => {
                write!(
                    f,
                    "Another process holds the lock on {}, and left no word on who it is.",
                    path.display()
                )
            }
            StateError::Locked { path, info: Some(info) } => {
                write!(f, "{} is locked {info}.", path.display())
            }
            StateError::Busy { path, info } => {
                write!(f, "{} belongs to a run that is under way", path.display())?;
                if let Some(info) = info {
                    write!(f, " ({info})")?;
                }
                f.write_str(
                    ". Both would write to it, and what one of them does could be lost. Nothing was changed.",
                )
            }
            StateError::Io { action, path, message, safe, .. } => {
                write!(f, "Could not {action} ({}): {message}. {safe}", path.display())
            }
            StateError::Format { path, problem, .. } | StateError::Encryption { path, problem, .. }
                if path.as_os_str().is_empty() =>
            {
                f.write_str(problem)
            }
            StateError::Format { path, problem, .. }
            | StateError::Encryption { path, problem, .. }
            | StateError::Journal { path, problem } => {
                write!(f, "{}: {problem}", path.display())
            }
            StateError::LockedElsewhere { place, info: None, .. } => {
                write!(f, "Somebody holds the lock on {place}, and left no word on who it is.")
            }
            StateError::LockedElsewhere { place, info: Some(info), .. } => {
                write!(f, "{place} is locked {info}.")
            }
            StateError::Store { action, place, problem, safe, .. } => {
                write!(f, "Could not {action} ({place}): {problem}.")?;
                if safe.is_empty() { Ok(()) } else { write!(f, " {safe}") }
            }
            StateError::Superseded { place, problem } => {
                write!(f, "{place} is no longer this run's to write: {problem}.")
            }
            StateError::Interrupted { place } => {
                write!(f, "The program was asked to stop while it opened {place}. Nothing was changed.")
            }
            StateError::Replaced { path } => {
                write!(f, "{} is no longer the file that was opened and locked.", path.display())
            }
        }
    }
}

impl std::error::Error for StateError {}

impl From<StateError> for Diagnostic {
    fn from(error: StateError) -> Self {
        Diagnostic::error(error.summary(), error.to_string()).help(error.help())
    }
}
