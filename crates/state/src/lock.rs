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

impl LockInfo {
    /// Of one who opens a state.
    pub(crate) fn of(options: &crate::OpenOptions<'_>, path: String) -> Self {
        LockInfo {
            id: uuid::Uuid::new_v4().to_string(),
            operation: options.operation.clone(),
            info: String::new(),
            who: options.who.clone(),
            version: concat!("formwork ", env!("CARGO_PKG_VERSION")).into(),
            created: options.now.clone(),
            path,
            pid: None,
        }
    }

    /// As Terraform writes it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What somebody else wrote, if it is one.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|info: &LockInfo| !info.id.is_empty())
    }
}

impl fmt::Display for LockInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only what is known: a lock that was taken without info has nothing but its owner.
        match (self.who.is_empty(), self.pid) {
            (false, Some(pid)) => write!(f, "by {} (process {pid})", self.who)?,
            (false, None) => write!(f, "by {}", self.who)?,
            (true, Some(pid)) => write!(f, "by process {pid}")?,
            (true, None) => f.write_str("by somebody who left no name")?,
        }
        if !self.created.is_empty() {
            write!(f, ", since {}", self.created)?;
        }
        if !self.operation.is_empty() {
            write!(f, ", for {}", self.operation)?;
        }
        if !self.version.is_empty() {
            write!(f, ", version {}", self.version)?;
        }
        if !self.id.is_empty() {
            write!(f, ", lock ID {}", self.id)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_only_what_is_known() {
        let check = |info: LockInfo, expected: &str| assert_eq!(info.to_string(), expected);
        check(LockInfo::default(), "by somebody who left no name");
        check(LockInfo { pid: Some(7), ..LockInfo::default() }, "by process 7");
        let known =
            LockInfo { who: "a@b".into(), operation: "apply".into(), pid: Some(7), ..LockInfo::default() };
        check(LockInfo { created: "now".into(), ..known }, "by a@b (process 7), since now, for apply");
    }
}
