//! Moto behind the stern cloud (`xtask/cloud`).

use super::place::{Place, told};
use super::process::Process;
use super::{process, python};
use crate::Failure;
use crate::steps::{Steps, loudly, root};
use serde_json::json;
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const NAME: &str = "cloud";

/// Pinned: image ids change from version to version.
const PACKAGES: [&str; 3] = ["moto==5.2.1", "flask", "flask-cors"];

/// Whether its Python environment is complete.
pub fn prepared(place: &Place) -> bool {
    python::has(place, NAME, &PACKAGES)
}

/// Makes its Python environment.
pub fn prepare(steps: &Steps, place: &Place) -> Result<(), Failure> {
    python::make_environment(steps, place, NAME, &PACKAGES)
}

/// A cloud that was started, and may not listen yet.
pub struct Launched(Process);

/// Starts it, with all traits on.
pub fn launch(steps: &Steps, place: &mut Place) -> Result<Launched, Failure> {
    let folder = place.fresh(NAME)?;
    let mut command = python(place);
    command.args(["-m", "stern", "--port-file"]).arg(folder.join("port"));
    command.arg("--log").arg(folder.join("calls.jsonl"));
    steps.step("cloud: launch", || place.spawn(NAME, NAME, &mut command)).map(Launched)
}

/// A proof that is under way; it ends when nobody waits for it any more.
pub struct Proving {
    child: Child,
    port: u16,
}

impl Drop for Proving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until it listens, and begins to see whether it is stern.
pub fn wait(steps: &Steps, place: &Place, launched: &Launched) -> Result<Proving, Failure> {
    let folder = place.data(NAME);
    let (port_file, log) = (folder.join("port"), folder.join("cloud.log"));
    steps.step("cloud: wait until it listens", || {
        let port = process::until("it listened", Duration::from_secs(60), Some((&launched.0, &log)), || {
            let port: u16 = std::fs::read_to_string(&port_file).ok()?.trim().parse().ok()?;
            process::get(port, "/moto-api/")?;
            Some(port)
        })?;
        let proof = folder.join("proof.log");
        let out = File::create(&proof).map_err(|e| told(&proof, e))?;
        let err = out.try_clone().map_err(|e| told(&proof, e))?;
        let mut command = python(place);
        command.args(["-m", "stern.proof", &format!("http://127.0.0.1:{port}")]);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().map_err(|e| crate::steps::cannot(&command, &e))?;
        Ok(Proving { child, port })
    })
}

/// Waits for the proof's outcome.
pub fn finish(steps: &Steps, place: &mut Place, mut proving: Proving) -> Result<(), Failure> {
    let folder = place.data(NAME);
    steps.step("cloud: prove it (a first EC2 call, a client token replayed)", || {
        let status = proving.child.wait().map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(process::tail(&folder.join("proof.log"))) }
    })?;
    let url = format!("http://127.0.0.1:{}", proving.port);
    let facts = json!({
        "endpoint": url, "control": format!("{url}/stern/"), "region": "us-east-1", "access_key": "test",
        "secret_key": "test", "calls": folder.join("calls.jsonl"), "log": folder.join("cloud.log"),
        "python": python::program(place, NAME, "python"),
    });
    place.ready(NAME, facts)
}

/// Runs the tests of its traits; their last line is `N passed, N failed`.
pub fn test(place: &Place) -> Result<(), Failure> {
    loudly(python(place).args(["-m", "tests"]))
}

fn python(place: &Place) -> Command {
    let mut command = Command::new(python::program(place, NAME, "python"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("AWS_") || name.starts_with("MOTO_") || name.to_lowercase().ends_with("_proxy") {
            command.env_remove(&*name);
        }
    }
    command.current_dir(root().join("xtask/cloud")).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
