//! A copy of the example with a cloud and names of its own, and Formwork run in it.

use crate::run::{Ran, run};
use crate::witness::{Kubectl, Object};
use crate::world::{Cloud, World};
use crate::{common, variables, witness};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// What every test needs different, in an override file.
const OVERRIDE: &str = r#"
provider "aws" {
  # Nothing lands later than its answer here, but on a busy machine a request may wait for seconds before the cloud reads it.
  recovery_wait = 5
}
"#;

/// Only what is tagged runs, and not in plans.
const QUICK: &str = r#"
module "configure" {
  tags    = ["quick"]
  preview = false
}
"#;

/// Tasks of the playbook's first role that quick sites run, too.
const QUICK_TASKS: [&str; 2] = ["- name: Make EasyPay's folder\n", "- name: Say which node this is\n"];

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A folder, a cloud, and names in the cluster.
pub struct Site<'w> {
    /// What it runs on.
    pub world: &'w World,
    /// Its own cloud.
    pub cloud: Cloud,
    /// The administrator's client of the cluster.
    pub kubectl: Kubectl,
    /// What it is called: name of the namespace and of the user, too.
    pub name: String,
    /// Access key and secret key.
    pub credentials: (String, String),
    values: Json,
    program: PathBuf,
    root: TempDir,
}

impl<'w> Site<'w> {
    /// One in which the playbook only writes its file: quick, and harmless to other sites on the same hosts.
    pub fn quick(world: &'w World, label: &str) -> Result<Site<'w>, String> {
        let site = Site::new(world, label)?;
        for task in QUICK_TASKS {
            site.replace("ansible/roles/base/tasks/main.yml", task, &format!("{task}  tags: quick\n"))?;
        }
        site.write("quick_override.tf", QUICK)?;
        Ok(site)
    }

    /// One with the whole playbook: see [`World::hosts_alone`].
    pub fn new(world: &'w World, label: &str) -> Result<Site<'w>, String> {
        let root =
            tempfile::Builder::new().prefix("formwork-easypay-").tempdir().map_err(|e| e.to_string())?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{label}-{}-{number}", std::process::id());
        let cloud = Cloud::start(world)?;
        for part in ["examples/easypay", "modules", "ansible"] {
            formwork_testkit::copy_dir(&common::repository(part), &root.path().join(part))
                .map_err(|e| format!("{part}: {e}"))?;
        }
        let mut values = variables::of(&world.state)?;
        values["aws_endpoint"] = json!(cloud.endpoint);
        // Names in the cluster, which all sites share; so are the ports of its nodes.
        for name_of in ["name", "namespace", "pod_user"] {
            values[name_of] = json!(name);
        }
        values["node_port"] = json!(30_000 + (std::process::id() as usize * 16 + number) % 2_768);
        let kubectl = world.kubectl(root.path());
        let credentials = (world.fact("cloud", "access_key"), world.fact("cloud", "secret_key"));
        let site =
            Site { world, cloud, kubectl, name, credentials, values, program: common::program(), root };
        site.write("test_override.tf", OVERRIDE)?;
        site.save()?;
        Ok(site)
    }

    /// The folder of the configuration.
    pub fn dir(&self) -> PathBuf {
        self.root.path().join("examples/easypay")
    }

    /// A path in the folder that holds the example, the modules and the playbooks.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Gives a variable another value.
    pub fn set(&mut self, name: &str, value: Json) -> Result<(), String> {
        self.values[name] = value;
        self.save()
    }

    /// The value of a variable; null if none was given.
    pub fn value(&self, name: &str) -> &Json {
        &self.values[name]
    }

    fn save(&self) -> Result<(), String> {
        self.write("test.auto.tfvars.json", &format!("{:#}\n", self.values))
    }

    /// Takes another port of the cluster's nodes, if no Service of its own has the one that it wants.
    pub fn other_port(&mut self) -> Result<bool, String> {
        let own = format!("/api/v1/namespaces/{}/services", self.name);
        let services = self.kubectl.run(&["get", "--raw", &own])?;
        let port = self.values["node_port"].as_u64().unwrap_or_default();
        if services.contains(&format!("\"nodePort\":{port}")) {
            return Ok(false);
        }
        self.set("node_port", json!(30_000 + (port - 30_000 + 1_381) % 2_768))?;
        Ok(true)
    }

    /// Where the configuration writes its files.
    pub fn out(&self) -> PathBuf {
        self.dir().join(self.values["out"].as_str().unwrap_or("out"))
    }

    /// Writes a file beside the configuration.
    pub fn write(&self, name: &str, text: &str) -> Result<(), String> {
        std::fs::write(self.dir().join(name), text).map_err(|e| format!("{name}: {e}"))
    }

    /// Takes a file beside the configuration away.
    pub fn remove(&self, name: &str) -> Result<(), String> {
        std::fs::remove_file(self.dir().join(name)).map_err(|e| format!("{name}: {e}"))
    }

    /// Replaces a text that a file of the copy has.
    pub fn replace(&self, name: &str, from: &str, to: &str) -> Result<(), String> {
        let path = self.path(name);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
        if !text.contains(from) {
            return Err(format!("{name} no longer contains {from:?}"));
        }
        std::fs::write(&path, text.replacen(from, to, 1)).map_err(|e| format!("{name}: {e}"))
    }

    /// The program under test, in the folder, with nothing of this machine's settings.
    pub fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let ours = ["TF_", "FORMWORK_", "AWS_", "KUBE", "ANSIBLE_", "ETCD"];
            if name == "CI" || ours.iter().any(|o| name.starts_with(o)) {
                command.env_remove(name);
            }
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let ansible = PathBuf::from(self.world.fact("ansible", "bin"));
        let path = std::env::join_paths(std::iter::once(ansible).chain(std::env::split_paths(&path)));
        command
            .current_dir(self.dir())
            .env("PATH", path.expect("PATH has no odd folders"))
            .env("HOME", self.root.path())
            .env("AWS_ACCESS_KEY_ID", &self.credentials.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.credentials.1)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(args);
        command
    }

    /// Runs Formwork.
    pub fn formwork(&self, args: &[&str]) -> Result<Ran, String> {
        self.formwork_with(args, &[])
    }

    /// Runs Formwork with environment variables.
    pub fn formwork_with(&self, args: &[&str], env: &[(&str, &str)]) -> Result<Ran, String> {
        self.formwork_until(args, env, |_| false)
    }

    /// Runs Formwork, and kills it at the first line for which that is wanted.
    pub fn formwork_until(
        &self,
        args: &[&str],
        env: &[(&str, &str)],
        kill_at: impl FnMut(&str) -> bool,
    ) -> Result<Ran, String> {
        let mut command = self.command(&self.program, args);
        command.envs(env.iter().copied());
        run(command, kill_at)
    }

    /// Applies without asking.
    pub fn apply(&self) -> Result<String, String> {
        self.formwork(&["apply", "-auto-approve", "-input=false"])?.expect(0)
    }

    /// Destroys without asking.
    pub fn destroy(&self) -> Result<String, String> {
        self.formwork(&["destroy", "-auto-approve", "-input=false"])?.expect(0)
    }

    /// Plans, and fails unless there is nothing to do.
    pub fn settled(&self) -> Result<(), String> {
        self.formwork(&["plan", "-detailed-exitcode", "-input=false"])?.expect(0).map(drop)
    }

    /// An output of the configuration.
    pub fn output(&self, name: &str) -> Result<Json, String> {
        let text = self.formwork(&["output", "-json", name])?.expect(0)?;
        serde_json::from_str(&text).map_err(|e| format!("output {name}: {e}: {text}"))
    }

    /// A file that an output names.
    pub fn file(&self, name: &Json) -> Result<PathBuf, String> {
        Ok(self.dir().join(name.as_str().ok_or_else(|| format!("{name} is no path"))?))
    }

    /// The state; empty before there is one.
    pub fn state(&self) -> Result<Json, String> {
        match std::fs::read(self.dir().join("terraform.tfstate")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| format!("the state is no JSON: {e}")),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(json!({ "resources": [] })),
            Err(e) => Err(format!("the state cannot be read: {e}")),
        }
    }

    /// What the cloud has.
    pub fn in_cloud(&self) -> Result<Vec<Object>, String> {
        witness::cloud(&self.cloud.endpoint)
    }

    /// What the cluster has of this site: what is in its namespace, or bears its name.
    pub fn in_cluster(&self) -> Result<Vec<Object>, String> {
        let mut objects = self.kubectl.objects()?;
        let inside = format!("{}/", self.name);
        objects
            .retain(|o| o.id.starts_with(&inside) || o.id.split(['/', ':']).any(|p| p.contains(&self.name)));
        Ok(objects)
    }
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        if self.dir().join("full").exists() {
            // A disk of a test's own.
            let _ = Command::new("umount").arg(self.dir().join("full")).status();
        }
        // What a failed test left in the cluster; the cloud goes with its process.
        for object in self.in_cluster().unwrap_or_default() {
            if ["Namespace", "CertificateSigningRequest"].contains(&object.kind.as_str()) {
                let kind = object.kind.to_lowercase();
                let _ = self.kubectl.run(&["delete", &kind, &object.id, "--wait=false"]);
            }
        }
    }
}
