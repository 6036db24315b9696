//! Terraform's provider for the toy cloud: `tests/toy/oracle/provider.py`, one process for all of Terraform's.

use crate::Failure;
use crate::steps::root;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The provider at work. It ends when this is dropped.
pub struct Oracle {
    child: Child,
    reattach: String,
}

impl Oracle {
    /// Starts it with a Python that has the package `tf`. Its cloud is in `folder`, which is emptied.
    pub fn start(python: &Path, folder: &Path) -> Result<Oracle, Failure> {
        let script = root().join("tests/toy/oracle/provider.py");
        let wrong = |e: &dyn std::fmt::Display| format!("{} {}: {e}", python.display(), script.display());
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let python = std::path::absolute(python).map_err(|e| format!("{}: {e}", python.display()))?;
        let mut command = Command::new(&python);
        command
            .current_dir(folder)
            .arg(&script)
            .arg("--dev")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| wrong(&e))?;
        let output = child.stdout.take();
        let mut oracle = Oracle { child, reattach: String::new() };
        for line in output.into_iter().flat_map(|o| BufReader::new(o).lines()) {
            if let Some((_, how)) = line.map_err(|e| wrong(&e))?.split_once("TF_REATTACH_PROVIDERS=") {
                oracle.reattach = how.trim().trim_matches('\'').to_owned();
                return Ok(oracle);
            }
        }
        Err(wrong(&"it ended without saying how to reach it"))
    }

    /// How Terraform finds it.
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        vec![("TF_REATTACH_PROVIDERS", self.reattach.clone().into())]
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
