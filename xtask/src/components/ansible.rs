//! Ansible, in a Python environment of its own.

use super::place::{Place, told};
use super::{packages, process, python};
use crate::Failure;
use crate::steps::{Steps, cannot};
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const NAME: &str = "ansible";
const PACKAGES: [&str; 1] = ["ansible-core>=2.17,<2.20"];

/// Whether its Python environment is complete.
pub fn prepared(place: &Place) -> bool {
    python::has(place, NAME, &PACKAGES)
}

/// Makes its Python environment.
pub fn prepare(steps: &Steps, place: &Place) -> Result<(), Failure> {
    packages::need(steps, NAME, &[("ssh", "openssh-client")])?;
    python::make_environment(steps, place, NAME, &PACKAGES)
}

/// A proof that is under way; it ends when nobody waits for it any more.
pub struct Proving {
    child: Child,
    words: &'static str,
    folder: PathBuf,
}

impl Drop for Proving {
    fn drop(&mut self) {
        // Both fail harmlessly where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nothing keeps running: it is asked to reach the SSH hosts if they are there.
pub fn launch(place: &Place) -> Result<Proving, Failure> {
    let folder = place.fresh(NAME)?;
    let inventory = place.fact("hosts", "inventory");
    let (words, target) = match inventory {
        Some(inventory) => ("ansible: prove it (ping every SSH host)", ["all", "-i", inventory]),
        None => ("ansible: prove it (ping this machine; no SSH hosts run)", ["localhost", "-c", "local"]),
    };
    let log = folder.join("proof.log");
    let out = File::create(&log).map_err(|e| told(&log, e))?;
    let err = out.try_clone().map_err(|e| told(&log, e))?;
    let mut command = command(place, &folder, "ansible");
    command.args(target).args(["-m", "ansible.builtin.ping"]);
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let child = command.spawn().map_err(|e| cannot(&command, &e))?;
    Ok(Proving { child, words, folder })
}

/// Waits for the proof's outcome.
pub fn finish(steps: &Steps, place: &mut Place, mut proving: Proving) -> Result<(), Failure> {
    steps.step(proving.words, || {
        let status = proving.child.wait().map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(process::tail(&proving.folder.join("proof.log"))) }
    })?;
    // Asking the package is quicker than asking the program.
    let ask = "import importlib.metadata as m; print(m.version(\"ansible-core\"))";
    let version = process::output(command(place, &proving.folder, "python").args(["-c", ask]))?;
    let facts = json!({
        "version": version.trim(),
        "playbook": python::program(place, NAME, "ansible-playbook"),
        "bin": place.kept(NAME).join("venv/bin"),
    });
    place.ready(NAME, facts)
}

/// A program of the environment, with nothing of this machine's settings.
fn command(place: &Place, folder: &Path, program: &str) -> Command {
    let mut command = Command::new(python::program(place, NAME, program));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ANSIBLE_") {
            command.env_remove(name);
        }
    }
    // No connection stays open in the background.
    command.env("ANSIBLE_SSH_ARGS", "-o ControlMaster=no").env("ANSIBLE_HOME", folder.join("home"));
    command.env("ANSIBLE_LOCAL_TEMP", folder.join("tmp")).current_dir(folder);
    command
}
