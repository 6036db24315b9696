//! The lock.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Who holds a lock: what Terraform calls lock info, in its JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LockInfo {
    /// Random.
    #[serde(rename = "ID")]
    pub id: String,
    /// What it is held for: `OperationTypeApply`, `apply`.
    pub operation: String,
    /// Anything else.
    pub info: String,
    /// `user@host`.
    pub who: String,
    /// Version of the program.
    pub version: String,
    /// Since when: RFC 3339.
    pub created: String,
    /// The state.
    pub path: String,
    /// The process, where the system tells.
    #[serde(skip)]
    pub pid: Option<u32>,
}

impl fmt::Display for LockInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_unknown = |text: &str| if text.is_empty() { "unknown".to_string() } else { text.to_string() };
        write!(f, "by {}", or_unknown(&self.who))?;
        if let Some(pid) = self.pid {
            write!(f, " (process {pid})")?;
        }
        write!(f, ", since {}, for {}", or_unknown(&self.created), or_unknown(&self.operation))?;
        if !self.version.is_empty() {
            write!(f, ", version {}", self.version)?;
        }
        if !self.id.is_empty() {
            write!(f, ", lock ID {}", self.id)?;
        }
        Ok(())
    }
}
