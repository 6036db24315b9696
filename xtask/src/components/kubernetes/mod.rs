//! The real API server and controller manager. No node: nothing runs the Pods.

mod build;
mod proof;

use super::certs::{self, Pair};
use super::place::{Place, write_secret};
use super::process::Process;
use super::{packages, process};
use crate::Failure;
use crate::steps::Steps;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const NAME: &str = "kubernetes";
const VERSION: &str = "v1.20.2";

fn program(place: &Place, name: &str) -> PathBuf {
    place.kept(NAME).join("bin").join(name)
}

/// Whether both programs say the version that is wanted, and there is a client.
pub fn prepared(place: &Place) -> bool {
    crate::steps::on_path("kubectl").is_some() && built(place)
}

fn built(place: &Place) -> bool {
    build::PROGRAMS.iter().all(|name| {
        process::output(Command::new(program(place, name)).arg("--version"))
            .is_ok_and(|said| said.trim() == format!("Kubernetes {VERSION}"))
    })
}

/// Builds the server from Debian's source package.
pub fn prepare(steps: &Steps, place: &Place) -> Result<(), Failure> {
    packages::need(steps, NAME, &[("kubectl", "kubernetes-client"), ("openssl", "openssl")])?;
    if built(place) { Ok(()) } else { build::build(steps, place) }
}

/// An API server that was started, and may not be ready.
pub struct Launched {
    kubectl: Kubectl,
    api: Process,
    controllers: Command,
    server: String,
    ca: Pair,
}

/// Starts the API server, which takes some seconds in which other things can be done.
pub fn launch(steps: &Steps, place: &mut Place) -> Result<Launched, Failure> {
    let etcd = place.fact("etcd", "endpoint").ok_or("etcd does not run")?.to_owned();
    let folder = place.fresh(NAME)?;
    let [port, manager] = process::free_ports()?;
    let server = format!("https://127.0.0.1:{port}");
    let (ca, serving, (sa_key, sa_public), token) =
        steps.step("kubernetes: certificates and keys", || {
            let ca = certs::authority(&folder, "formwork kubernetes")?;
            let serving = certs::issue(&folder, &ca, "apiserver", "/CN=kube-apiserver")?;
            Ok((ca, serving, certs::rsa(&folder, "sa")?, certs::token(&folder.join("token"))?))
        })?;
    let (tokens, kubeconfig) = (folder.join("tokens.csv"), folder.join("kubeconfig"));
    write_secret(&tokens, &format!("{token},admin,admin,system:masters\n"))?;
    write_secret(&kubeconfig, &config(&server, &ca, &token))?;

    let mut api = Command::new(program(place, "kube-apiserver"));
    api.args([
        &format!("--etcd-servers={etcd}"),
        &format!("--secure-port={port}"),
        "--bind-address=127.0.0.1",
        // Must be something other than loopback, and nobody connects to it: an address for documentation.
        "--advertise-address=198.51.100.1",
        "--service-account-issuer=https://formwork.test",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--allow-privileged=true",
    ]);
    flag(&mut api, "cert-dir", &folder.join("certs"));
    flag(&mut api, "tls-cert-file", &serving.cert);
    flag(&mut api, "tls-private-key-file", &serving.key);
    flag(&mut api, "service-account-key-file", &sa_public);
    flag(&mut api, "service-account-signing-key-file", &sa_key);
    flag(&mut api, "token-auth-file", &tokens);
    flag(&mut api, "client-ca-file", &ca.cert);

    let mut controllers = Command::new(program(place, "kube-controller-manager"));
    let secure = format!("--secure-port={manager}");
    controllers.args(["--leader-elect=false", "--port=0", "--bind-address=127.0.0.1", &secure]);
    flag(&mut controllers, "cert-dir", &folder.join("certs"));
    flag(&mut controllers, "kubeconfig", &kubeconfig);
    flag(&mut controllers, "service-account-private-key-file", &sa_key);
    flag(&mut controllers, "root-ca-file", &ca.cert);
    flag(&mut controllers, "cluster-signing-cert-file", &ca.cert);
    flag(&mut controllers, "cluster-signing-key-file", &ca.key);

    let api =
        steps.step("kubernetes: launch the API server", || place.spawn(NAME, "kube-apiserver", &mut api))?;
    Ok(Launched { kubectl: Kubectl { kubeconfig, folder }, api, controllers, server, ca })
}

/// Waits for it, starts the controllers, and applies one of each kind that the project's modules use.
pub fn finish(steps: &Steps, place: &mut Place, launched: Launched) -> Result<(), Failure> {
    let Launched { kubectl, api, mut controllers, server, ca } = launched;
    let folder = &kubectl.folder;
    steps.step("kubernetes: wait for the API server", || {
        let log = folder.join("kube-apiserver.log");
        process::until("it was ready", Duration::from_secs(120), Some((&api, &log)), || {
            kubectl.run(&["get", "--raw", "/readyz"]).ok().filter(|said| said == "ok")
        })
    })?;
    steps.step("kubernetes: start the controller manager", || {
        let process = place.spawn(NAME, "kube-controller-manager", &mut controllers)?;
        let log = folder.join("kube-controller-manager.log");
        let what = "it made the first service account";
        process::until(what, Duration::from_secs(120), Some((&process, &log)), || {
            kubectl.run(&["get", "serviceaccount", "default", "--namespace=default"]).ok()
        })
    })?;
    proof::prove(steps, &kubectl)?;
    let facts = json!({
        "endpoint": server, "kubeconfig": kubectl.kubeconfig, "ca": ca.cert, "version": VERSION,
        "kubectl": crate::steps::on_path("kubectl"), "logs": folder,
    });
    place.ready(NAME, facts)
}

/// Waits until nothing of the proof is left in the cluster.
pub fn settled(steps: &Steps, place: &Place) -> Result<(), Failure> {
    let Some(kubeconfig) = place.fact(NAME, "kubeconfig") else { return Ok(()) };
    let kubectl = Kubectl { kubeconfig: kubeconfig.into(), folder: place.data(NAME) };
    steps.step("kubernetes: nothing of the proof is left", || proof::gone(&kubectl))
}

fn flag(command: &mut Command, name: &str, path: &Path) {
    command.arg(format!("--{name}={}", path.display()));
}

/// A kubeconfig; JSON is YAML.
fn config(server: &str, ca: &Pair, token: &str) -> String {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "formwork",
        "clusters": [{ "name": "formwork", "cluster": { "server": server, "certificate-authority": ca.cert } }],
        "users": [{ "name": "admin", "user": { "token": token } }],
        "contexts": [{ "name": "formwork", "context": { "cluster": "formwork", "user": "admin" } }],
    });
    format!("{config:#}\n")
}

/// The client, with nothing of this machine's settings.
struct Kubectl {
    kubeconfig: PathBuf,
    folder: PathBuf,
}

impl Kubectl {
    fn command(&self) -> Command {
        let mut command = Command::new("kubectl");
        command.env_remove("KUBERNETES_SERVICE_HOST").env("HOME", &self.folder);
        command.arg("--cache-dir").arg(self.folder.join("cache"));
        command
    }

    /// As the administrator.
    fn run(&self, args: &[&str]) -> Result<String, Failure> {
        process::output(self.command().env("KUBECONFIG", &self.kubeconfig).args(args))
            .map_err(|e| format!("kubectl {}: {e}", args.join(" ")))
    }
}
