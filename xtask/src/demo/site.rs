//! The demo's folder: a copy of the example with its modules and playbooks, and Formwork run in it.

use crate::Failure;
use crate::components::Facts;
use crate::steps::{Steps, cannot, clean, copy, loudly, root, target};
use crate::variables;
use crate::witness::{self, Kubectl, Object};
use serde_json::{Value, json};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where everything of the demo is, and what it runs on.
pub struct Site {
    /// The copies' root.
    pub top: PathBuf,
    /// The copy of `examples/easypay`, in which Formwork runs.
    pub folder: PathBuf,
    /// What runs where.
    pub facts: Facts,
    /// The administrator's client of the cluster.
    pub kubectl: Kubectl,
}

impl Site {
    /// The site; nothing is made yet.
    pub fn new(facts: Facts) -> Result<Site, Failure> {
        let top = target().join("demo/easypay");
        let kubectl = Kubectl::new(Path::new(facts.get("kubernetes", "kubeconfig")?), &target().join("demo"));
        Ok(Site { folder: top.join("examples/easypay"), top, facts, kubectl })
    }

    /// A demo that begins anew takes no backup with it: an earlier one's go to a folder of their own.
    fn keep_snapshots(&self) -> Result<(), Failure> {
        let folder = target().join("demo/snapshots");
        for entry in std::fs::read_dir(self.folder.join("out")).into_iter().flatten().flatten() {
            let old = entry.path();
            if old.extension().is_some_and(|e| e == "snapshot") {
                private(&folder)?;
                let kept = folder.join(format!("{}-{}", stamp(), entry.file_name().to_string_lossy()));
                std::fs::rename(&old, &kept).map_err(|e| told(&old, e))?;
            }
        }
        Ok(())
    }

    /// Whether an earlier demo left something: objects in its state, or a run that was cut short. What was taken down left nothing.
    pub fn is_left(&self) -> bool {
        let state = self.folder.join("terraform.tfstate");
        let holds = |bytes: Vec<u8>| {
            let state: Result<Value, _> = serde_json::from_slice(&bytes);
            state.map_or(true, |s| s["resources"].as_array().is_none_or(|all| !all.is_empty()))
        };
        state.with_file_name(".terraform.tfstate.journal").exists() || std::fs::read(state).is_ok_and(holds)
    }

    /// Points the configuration at the components as they run now: some may have been started anew since.
    pub fn point(&self) -> Result<(), Failure> {
        let state = std::fs::read(&self.facts.file).map_err(|e| told(&self.facts.file, e))?;
        let state: Value = serde_json::from_slice(&state).map_err(|e| e.to_string())?;
        let values = variables::of(&state)?;
        let path = self.folder.join("components.auto.tfvars.json");
        std::fs::write(&path, format!("{values:#}\n")).map_err(|e| told(&path, e))
    }

    /// Copies everything anew, points it at the components, and notes what exists already.
    pub fn lay_out(&self) -> Result<(), Failure> {
        self.keep_snapshots()?;
        if self.top.exists() {
            std::fs::remove_dir_all(&self.top).map_err(|e| told(&self.top, e))?;
        }
        private(&self.top)?;
        for part in ["examples/easypay", "modules", "ansible"] {
            copy(&root().join(part), &self.top.join(part))?;
        }
        self.point()?;
        let before = json!({ "cloud": names(&self.cloud()?), "cluster": names(&self.cluster()?) });
        let path = self.top.join("before.json");
        std::fs::write(&path, format!("{before:#}\n")).map_err(|e| told(&path, e))
    }

    /// What is in the cloud.
    pub fn cloud(&self) -> Result<Vec<Object>, Failure> {
        witness::cloud(self.facts.get("cloud", "endpoint")?)
    }

    /// What is in the cluster.
    pub fn cluster(&self) -> Result<Vec<Object>, Failure> {
        self.kubectl.objects()
    }

    /// What exists, and did not before the demo.
    pub fn remaining(&self) -> Result<Vec<String>, Failure> {
        let path = self.top.join("before.json");
        let before = std::fs::read(&path).map_err(|e| told(&path, e))?;
        let before: Value = serde_json::from_slice(&before).map_err(|e| e.to_string())?;
        let known = |list: &str, name: &String| {
            before[list].as_array().into_iter().flatten().any(|n| n.as_str() == Some(name))
        };
        let mut found = names(&self.cloud()?);
        found.retain(|n| !known("cloud", n));
        let mut cluster = names(&self.cluster()?);
        cluster.retain(|n| !known("cluster", n));
        found.extend(cluster);
        Ok(found)
    }

    /// Formwork in the site's folder.
    fn command(&self, args: &[&str]) -> Result<Command, Failure> {
        let mut command = clean(&super::program());
        command.current_dir(&self.folder).args(args);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let ansible = PathBuf::from(self.facts.get("ansible", "bin")?);
        let path = std::env::join_paths(std::iter::once(ansible).chain(std::env::split_paths(&path)));
        command.env("PATH", path.map_err(|e| e.to_string())?);
        command.env("AWS_ACCESS_KEY_ID", self.facts.get("cloud", "access_key")?);
        command.env("AWS_SECRET_ACCESS_KEY", self.facts.get("cloud", "secret_key")?);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        Ok(command)
    }

    /// Runs Formwork, and shows what it prints.
    pub fn formwork(&self, args: &[&str]) -> Result<(), Failure> {
        crate::interrupt::check()?;
        println!("\n$ formwork {}", args.join(" "));
        let outcome = loudly(&mut self.command(args)?);
        println!();
        // What it did about an interrupt is on the screen.
        crate::interrupt::check()?;
        outcome.map_err(|e| format!("formwork {}: {e}", args.join(" ")))
    }

    /// Runs Formwork; what it prints is the answer.
    pub fn ask(&self, args: &[&str]) -> Result<String, Failure> {
        let mut command = self.command(args)?;
        let output = command.stdin(Stdio::null()).output().map_err(|e| cannot(&command, &e))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!("formwork {}: {}\n{complaint}", args.join(" "), output.status))
    }

    /// An output of the configuration.
    pub fn output(&self, name: &str) -> Result<Value, Failure> {
        serde_json::from_str(&self.ask(&["output", "-json", name])?)
            .map_err(|e| format!("output {name}: {e}"))
    }

    /// An output that is text.
    pub fn word(&self, name: &str) -> Result<String, Failure> {
        Ok(self.output(name)?.as_str().ok_or_else(|| format!("the output {name} is no text"))?.to_owned())
    }

    /// The file of the snapshot.
    pub fn snapshot(&self) -> Result<PathBuf, Failure> {
        let snapshot = self.output("snapshot")?;
        Ok(self.folder.join(snapshot["path"].as_str().ok_or("the output snapshot has no path")?))
    }

    /// Plans, and fails unless there is nothing to do.
    pub fn settled(&self, steps: &Steps) -> Result<(), Failure> {
        steps.announce("plan again: there must be nothing to do");
        self.formwork(&["plan", "-detailed-exitcode"])
            .map_err(|e| format!("{e}; right after an apply there should be nothing to do"))
    }
}

/// Makes a folder for its owner only.
fn private(folder: &Path) -> Result<(), Failure> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|e| told(folder, e))
}

/// Each object as one line.
fn names(objects: &[Object]) -> Vec<String> {
    objects.iter().map(Object::to_string).collect()
}

/// Seconds since 1970: no two demos share it.
fn stamp() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// An error of the file system, with the path.
pub fn told(path: &Path, e: std::io::Error) -> Failure {
    format!("{}: {e}", path.display())
}
