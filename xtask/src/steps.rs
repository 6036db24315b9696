//! Steps with one line of progress each.

use crate::Failure;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where Cargo puts what it builds.
pub fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root().join(target)
}

/// Cargo, in the repository.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    command
}

/// Cargo, to build some targets. All chores build with the whole workspace selected, and a target among them that needs
/// the development dependencies: so every crate is built with the same features, and none is built twice.
pub fn build(targets: &[&str]) -> Command {
    cargo(&[&["build", "--workspace"], targets].concat())
}

/// A program without the settings that this machine may have for Terraform and its providers.
pub fn clean(program: &Path) -> Command {
    const OURS: [&str; 6] = ["TF_", "FORMWORK_", "AWS_", "KUBE", "ANSIBLE_", "ETCDCTL_"];
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if OURS.iter().any(|o| name.starts_with(o)) {
            command.env_remove(&*name);
        }
    }
    command.env("CHECKPOINT_DISABLE", "1");
    command
}

/// The program of this name on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file())
}

/// Prints how far a chore is.
pub struct Steps {
    begun: Instant,
}

impl Steps {
    /// The clock starts.
    pub fn new() -> Self {
        Steps { begun: Instant::now() }
    }

    /// Does one step, and says how long it took.
    pub fn step<T>(&self, name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        crate::interrupt::check()?;
        print!("[{:6.1} s] {name} ... ", self.begun.elapsed().as_secs_f64());
        let _ = std::io::stdout().flush();
        let begun = Instant::now();
        let outcome = work();
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("{word} ({:.1} s)", begun.elapsed().as_secs_f64());
        outcome.map_err(|e| format!("{name}: {e}"))
    }

    /// Says what begins, for steps that print something themselves.
    pub fn announce(&self, name: &str) {
        println!("[{:6.1} s] {name}", self.begun.elapsed().as_secs_f64());
    }

    /// Runs a command as one step; what it prints is shown only if it fails.
    pub fn command(&self, name: &str, command: &mut Command) -> Result<(), Failure> {
        self.step(name, || quietly(command))
    }
}

/// Runs a command; what it prints is the failure.
pub fn quietly(command: &mut Command) -> Result<(), Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| cannot(command, &e))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{}\n{out}{err}", output.status))
}

/// Runs a command that prints for itself.
pub fn loudly(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|e| cannot(command, &e))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", shown(command))) }
}

/// A command that could not be started.
pub fn cannot(command: &Command, e: &std::io::Error) -> Failure {
    format!("{} cannot be run: {e}", shown(command))
}

fn shown(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fn inner(from: &Path, to: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                inner(&entry.path(), &target)?;
            } else {
                std::fs::copy(entry.path(), target)?;
            }
        }
        Ok(())
    }
    inner(from, to).map_err(|e| format!("{}: {e}", from.display()))
}
