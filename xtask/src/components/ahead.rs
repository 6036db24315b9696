//! Preparing the components while something else goes on.

use super::place::{make, told};
use super::process;
use crate::Failure;
use crate::steps::{Steps, cannot, target};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A `components prepare` that is under way. It ends when nobody waits for it any more; what it has finished is kept.
pub struct Ahead {
    child: Child,
    log: PathBuf,
}

impl Ahead {
    /// Begins, with what it prints in `target/components-prepare.log`.
    pub fn begin(steps: &Steps) -> Result<Ahead, Failure> {
        make(&target())?;
        let log = target().join("components-prepare.log");
        let out = File::create(&log).map_err(|e| told(&log, e))?;
        let err = out.try_clone().map_err(|e| told(&log, e))?;
        let own = std::env::current_exe().map_err(|e| format!("this program's own path: {e}"))?;
        let mut command = Command::new(own);
        command.args(["components", "prepare"]).stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().map_err(|e| cannot(&command, &e))?;
        steps.announce(&format!("components: prepared meanwhile (progress is in {})", log.display()));
        Ok(Ahead { child, log })
    }

    /// Waits for it.
    pub fn wait(mut self, steps: &Steps) -> Result<(), Failure> {
        steps.step("components: wait until all are prepared", || {
            let status = self.child.wait().map_err(|e| e.to_string())?;
            if status.success() { Ok(()) } else { Err(process::tail(&self.log)) }
        })
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Both fail harmlessly where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
