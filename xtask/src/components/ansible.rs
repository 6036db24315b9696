//! Ansible, in a Python environment of its own.

use super::place::Place;
use super::{packages, process, python};
use crate::Failure;
use crate::steps::Steps;
use serde_json::json;
use std::process::Command;

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

/// Nothing keeps running: it is asked to reach the SSH hosts if they are there.
pub fn start(steps: &Steps, place: &mut Place) -> Result<(), Failure> {
    let folder = place.fresh(NAME)?;
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(python::program(place, NAME, program));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ANSIBLE_") {
                command.env_remove(name);
            }
        }
        // No connection stays open in the background.
        command.env("ANSIBLE_SSH_ARGS", "-o ControlMaster=no").env("ANSIBLE_HOME", folder.join("home"));
        command.env("ANSIBLE_LOCAL_TEMP", folder.join("tmp")).current_dir(&folder);
        process::output(command.args(args))
    };
    let inventory = place.fact("hosts", "inventory");
    let (words, target) = match inventory {
        Some(inventory) => ("ansible: prove it (ping every SSH host)", ["all", "-i", inventory]),
        None => ("ansible: prove it (ping this machine; no SSH hosts run)", ["localhost", "-c", "local"]),
    };
    steps.step(words, || run("ansible", &[&target[..], &["-m", "ansible.builtin.ping"]].concat()))?;
    // Asking the package is quicker than asking the program.
    let ask = "import importlib.metadata as m; print(m.version(\"ansible-core\"))";
    let version = run("python", &["-c", ask])?;
    let facts = json!({
        "version": version.trim(),
        "playbook": python::program(place, NAME, "ansible-playbook"),
        "bin": place.kept(NAME).join("venv/bin"),
    });
    place.ready(NAME, facts)
}
