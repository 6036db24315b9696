//! The components that the tests run on, and clouds of the tests' own.

use crate::witness::{self, Kubectl};
use serde_json::Value as Json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What `FORMWORK_COMPONENTS_STATE` (the `state.json` of `cargo xtask components`) describes.
pub struct World {
    /// The whole record.
    pub state: Json,
    folder: PathBuf,
}

impl World {
    /// Nothing where there are no components, and it is said; with `FORMWORK_MUST` that is a failure.
    pub fn get() -> Option<World> {
        let Some(path) = std::env::var_os("FORMWORK_COMPONENTS_STATE").map(PathBuf::from) else {
            let why = "no components: `cargo xtask test` starts them, or name their state.json with \
                       FORMWORK_COMPONENTS_STATE";
            assert!(std::env::var_os("FORMWORK_MUST").is_none(), "{why}");
            eprintln!("skipped: {why}");
            return None;
        };
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let state = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Some(World { state, folder: path.parent().unwrap_or(Path::new("/")).to_owned() })
    }

    /// A fact of a component that runs.
    pub fn fact(&self, component: &str, key: &str) -> String {
        let fact = self.state[component]["facts"][key].as_str();
        fact.unwrap_or_else(|| panic!("no {key} of {component} is known; does it run?")).to_owned()
    }

    /// The addresses of the SSH hosts.
    pub fn hosts(&self) -> Vec<String> {
        let list = self.state["hosts"]["facts"]["hosts"].as_array();
        list.into_iter().flatten().filter_map(|h| h["address"].as_str().map(str::to_owned)).collect()
    }

    /// The administrator's client of the cluster.
    pub fn kubectl(&self, home: &Path) -> Kubectl {
        Kubectl::new(Path::new(&self.fact("kubernetes", "kubeconfig")), home)
    }

    /// Waits until no other test installs anything on the hosts, and keeps others waiting as long as it is held.
    pub fn hosts_alone(&self) -> File {
        let path = self.folder.join("hosts-in-use.lock");
        let file = File::create(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        file.lock().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        file
    }
}

/// A stern cloud of the test's own, all traits on. It ends with the value.
pub struct Cloud {
    child: Child,
    folder: TempDir,
    /// Its URL.
    pub endpoint: String,
}

impl Cloud {
    /// Starts one.
    pub fn start(world: &World) -> Result<Cloud, String> {
        let folder =
            tempfile::Builder::new().prefix("formwork-cloud-").tempdir().map_err(|e| e.to_string())?;
        let port = folder.path().join("port");
        let log = File::create(folder.path().join("log")).map_err(|e| e.to_string())?;
        let mut command = Command::new(world.fact("cloud", "python"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("AWS_")
                || name.starts_with("MOTO_")
                || name.to_lowercase().ends_with("_proxy")
            {
                command.env_remove(name);
            }
        }
        // The thousand managed policies take most of the start, and nothing here asks for them.
        command.env("MOTO_IAM_LOAD_MANAGED_POLICIES", "false").env("PYTHONDONTWRITEBYTECODE", "1");
        command.current_dir(crate::common::repository("xtask/cloud"));
        // It ends with this process, however that ends: nobody else holds the other end of its input.
        command.args(["-m", "stern", "--attended", "--port-file"]).arg(&port);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(|e| format!("the stern cloud cannot be started: {e}"))?;
        let mut cloud = Cloud { child, folder, endpoint: String::new() };
        let begun = Instant::now();
        while cloud.endpoint.is_empty() {
            if let Some(number) = std::fs::read_to_string(&port).ok().filter(|t| !t.is_empty()) {
                cloud.endpoint = format!("http://127.0.0.1:{}", number.trim());
            } else if begun.elapsed() > Duration::from_secs(120)
                || matches!(cloud.child.try_wait(), Ok(Some(_)))
            {
                return Err(format!("the stern cloud does not listen: {}", cloud.complaints()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(cloud)
    }

    /// What it has complained about, for whoever has to find out why it answered as it did.
    pub fn complaints(&self) -> String {
        let said = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(40).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// One request to its control endpoint, or to moto's own.
    pub fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Result<String, String> {
        witness::http(method, &self.endpoint, path, body)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
