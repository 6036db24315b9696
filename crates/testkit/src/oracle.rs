//! Terraform, where it is there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program of this name on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file())
}

/// A `terraform` binary, run so that nothing of the machine's own settings reaches it.
#[derive(Clone, Debug)]
pub struct Terraform(PathBuf);

impl Terraform {
    /// A program that takes Terraform's commands, whichever it is.
    pub fn at(program: &Path) -> Self {
        Terraform(program.to_owned())
    }

    /// The one on `PATH`, if there is one of the version that Formwork follows.
    pub fn find() -> Option<Self> {
        let terraform = Terraform(on_path("terraform")?);
        let version = terraform.run(Path::new("/"), &["version"], None).ok()?;
        String::from_utf8_lossy(&version.stdout).contains("Terraform v1.11.").then_some(terraform)
    }

    /// Runs it.
    pub fn run(&self, dir: &Path, args: &[&str], stdin: Option<&str>) -> std::io::Result<Output> {
        self.run_with(dir, args, &[], stdin)
    }

    /// Runs it with further environment variables.
    pub fn run_with(
        &self,
        dir: &Path,
        args: &[&str],
        env: &[(&str, &str)],
        stdin: Option<&str>,
    ) -> std::io::Result<Output> {
        let mut command = Command::new(&self.0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TF_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(dir)
            .args(args)
            .envs([("CHECKPOINT_DISABLE", "1"), ("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0")])
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut pipe) = child.stdin.take()
            && let Some(text) = stdin
        {
            // One that stops reading has answered already.
            let _ = pipe.write_all(text.as_bytes());
        }
        child.wait_with_output()
    }

    /// What `terraform console` prints for an expression, or the error's summary. It locks the folder's state, so
    /// two at once need two folders.
    pub fn console(&self, dir: &Path, expression: &str) -> std::io::Result<Result<String, String>> {
        let output = self.run(dir, &["console", "-no-color"], Some(&format!("{expression}\n")))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            // When it is slow, it tells of the lock.
            let told = |line: &&str| !line.ends_with("state lock. This may take a few moments...");
            let printed: Vec<&str> =
                std::str::from_utf8(&output.stdout).unwrap_or_default().split('\n').filter(told).collect();
            return Ok(Ok(printed.join("\n").trim_end_matches('\n').to_owned()));
        }
        let summary = stderr.lines().find_map(|line| line.split_once("Error: ").map(|(_, s)| s.trim()));
        Ok(Err(summary.unwrap_or("error").to_owned()))
    }
}
