//! What exists, from the components' own mouths: the objects of a stern cloud and of a cluster. The demo uses it too.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the API server lists the kinds that the modules use; namespaces last, since they outlive what is in them.
const LISTS: [&str; 16] = [
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/api/v1/services",
    "/api/v1/configmaps",
    "/api/v1/secrets",
    "/api/v1/serviceaccounts",
    "/api/v1/persistentvolumeclaims",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/autoscaling/v1/horizontalpodautoscalers",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    "/api/v1/namespaces",
];

/// Something that exists. `kind` and `id` say which one it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its type in the cloud as the provider calls it, or its kind in the cluster.
    pub kind: String,
    /// Its id in the cloud; in the cluster `namespace/name`, or `name`.
    pub id: String,
    /// What a person calls it.
    pub name: String,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() || self.id.ends_with(&self.name) {
            write!(f, "{} {}", self.kind, self.id)
        } else {
            write!(f, "{} {} ({})", self.kind, self.id, self.name)
        }
    }
}

/// One request to a server on loopback; the body of an answer 200.
pub fn http(method: &str, endpoint: &str, path: &str, body: Option<&str>) -> Result<String, String> {
    let place = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let failed = |e: &dyn fmt::Display| format!("{method} {endpoint}{path}: {e}");
    let mut stream = TcpStream::connect(place).map_err(|e| failed(&e))?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(|e| failed(&e))?;
    let body = body.unwrap_or_default();
    let kind = if body.starts_with(['{', '[']) { "application/json" } else { "text/plain" };
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {place}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    write!(stream, "{head}{body}").map_err(|e| failed(&e))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|e| failed(&e))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed(&"no HTTP answer"))?;
    if head.split_whitespace().nth(1) == Some("200") { Ok(body.to_owned()) } else { Err(failed(&answer)) }
}

/// Everything in a stern cloud that somebody made.
pub fn cloud(endpoint: &str) -> Result<Vec<Object>, String> {
    let list: Json = serde_json::from_str(&http("GET", endpoint, "/stern/objects", None)?)
        .map_err(|e| format!("/stern/objects: {e}"))?;
    let text = |o: &Json, key: &str| o[key].as_str().unwrap_or_default().to_owned();
    let object = |o: &Json| Object { kind: text(o, "type"), id: text(o, "id"), name: text(o, "name") };
    Ok(list.as_array().into_iter().flatten().map(object).collect())
}

/// How often each call was made since the call of that number, and the number of the last one.
pub fn calls(endpoint: &str, since: u64) -> Result<(BTreeMap<String, usize>, u64), String> {
    let text = http("GET", endpoint, &format!("/stern/log?since={since}"), None)?;
    let (mut counts, mut last) = (BTreeMap::new(), since);
    for line in text.lines() {
        let entry: Json = serde_json::from_str(line).map_err(|e| format!("/stern/log: {e}"))?;
        *counts.entry(entry["action"].as_str().unwrap_or("?").to_owned()).or_default() += 1;
        last = entry["n"].as_u64().unwrap_or(last);
    }
    Ok((counts, last))
}

/// The client of a cluster, with nothing of this machine's settings.
#[derive(Clone)]
pub struct Kubectl {
    kubeconfig: PathBuf,
    home: PathBuf,
    proxy: Arc<Mutex<Option<Proxy>>>,
}

/// A client that stays, and passes on what it is asked without a secret: a process for each question costs much more.
struct Proxy {
    process: Child,
    address: String,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Kubectl {
    /// `home` is where it may keep its cache.
    pub fn new(kubeconfig: &Path, home: &Path) -> Kubectl {
        let proxy = Arc::default();
        Kubectl { kubeconfig: kubeconfig.to_owned(), home: home.to_owned(), proxy }
    }

    /// The command.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.env_remove("KUBERNETES_SERVICE_HOST").env("HOME", &self.home);
        command.env("KUBECONFIG", &self.kubeconfig).arg("--cache-dir").arg(self.home.join("kubectl-cache"));
        command.args(args).stdin(Stdio::null());
        command
    }

    /// What it prints, or what it complains about.
    #[allow(dead_code, reason = "the demo has no use for it")]
    pub fn run(&self, args: &[&str]) -> Result<String, String> {
        let output = self.command(args).output().map_err(|e| format!("kubectl cannot be run: {e}"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!("kubectl {}: {}\n{said}{complaint}", args.join(" "), output.status))
    }

    /// Whether it may do that: `kubectl auth can-i` says yes or no, and fails when it says no.
    pub fn can(&self, args: &[&str]) -> Result<bool, String> {
        let args = [&["auth", "can-i"], args].concat();
        let output = self.command(&args).output().map_err(|e| format!("kubectl cannot be run: {e}"))?;
        match String::from_utf8_lossy(&output.stdout).split_whitespace().next() {
            Some("yes") => Ok(true),
            Some("no") => Ok(false),
            _ => {
                let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(format!("kubectl {} says neither yes nor no: {complaint}", args.join(" ")))
            }
        }
    }

    /// Where the cluster answers without a secret, on loopback.
    fn address(&self) -> Result<String, String> {
        let mut proxy = self.proxy.lock().map_err(|e| e.to_string())?;
        if let Some(proxy) = &*proxy {
            return Ok(proxy.address.clone());
        }
        let mut command = self.command(&["proxy", "--port=0", "--address=127.0.0.1"]);
        let mut process =
            command.stdout(Stdio::piped()).spawn().map_err(|e| format!("kubectl cannot be run: {e}"))?;
        let mut line = String::new();
        if let Some(out) = &mut process.stdout {
            BufReader::new(out).read_line(&mut line).map_err(|e| format!("kubectl proxy: {e}"))?;
        }
        let place = line.trim().strip_prefix("Starting to serve on ").map(str::to_owned);
        let started = Proxy { process, address: place.unwrap_or_default() };
        if started.address.is_empty() {
            return Err(format!("kubectl proxy does not say where it serves: {line:?}"));
        }
        let address = started.address.clone();
        *proxy = Some(started);
        Ok(address)
    }

    /// Everything in the cluster, of the kinds that the modules use, that the field manager `Terraform` has written
    /// (requests for certificates carry none: their names are enough).
    pub fn objects(&self) -> Result<Vec<Object>, String> {
        let address = self.address()?;
        let mut found = Vec::new();
        for list in LISTS {
            let text = match http("GET", &address, list, None) {
                Ok(text) => text,
                // Not every server has every kind.
                Err(e) if e.contains(" 404 Not Found") => continue,
                Err(e) => return Err(e),
            };
            let list: Json = serde_json::from_str(&text).map_err(|e| format!("{list}: {e}"))?;
            let kind = list["kind"].as_str().unwrap_or_default().trim_end_matches("List").to_owned();
            for item in list["items"].as_array().into_iter().flatten() {
                let meta = &item["metadata"];
                let mut managers = meta["managedFields"].as_array().into_iter().flatten();
                if kind == "CertificateSigningRequest" || managers.any(|m| m["manager"] == "Terraform") {
                    let name = meta["name"].as_str().unwrap_or_default().to_owned();
                    let id = match meta["namespace"].as_str() {
                        Some(namespace) => format!("{namespace}/{name}"),
                        None => name.clone(),
                    };
                    found.push(Object { kind: kind.clone(), id, name });
                }
            }
        }
        Ok(found)
    }
}
