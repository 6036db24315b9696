//! What exists after an apply, as the components tell it, not Formwork.

use super::site::Site;
use crate::Failure;
use crate::steps::{Steps, cannot, loudly};
use crate::witness::{self, Kubectl};
use std::path::Path;
use std::process::Command;

/// What the created user is meant to do with pods.
const VERBS: [&str; 5] = ["create", "list", "get", "update", "delete"];

/// Asked besides; the answer must be no.
const REFUSED: [(&str, &str); 7] = [
    ("patch", "pods"),
    ("watch", "pods"),
    ("deletecollection", "pods"),
    ("get", "secrets"),
    ("list", "services"),
    ("create", "deployments.apps"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
];

/// Runs the administrator's client, and shows its command line.
fn kubectl(site: &Site, args: &[&str]) -> Result<(), Failure> {
    println!("\n$ kubectl {}", args.join(" "));
    loudly(&mut site.kubectl.command(args))
}

/// The cloud: what was asked of it since the call of that number, and what there is.
pub fn cloud(steps: &Steps, site: &Site, since: u64) -> Result<(), Failure> {
    let endpoint = site.facts.get("cloud", "endpoint")?;
    let (calls, _) = witness::calls(endpoint, since)?;
    steps.announce("the cloud tells: the calls that Formwork made");
    for (action, count) in &calls {
        println!("  {count:5} {action}");
    }
    println!("  {:5} in all", calls.values().sum::<usize>());
    steps.announce("the cloud tells: what there is (asked by boto3)");
    let mut tell = Command::new(site.facts.get("cloud", "python")?);
    tell.current_dir(crate::steps::root().join("xtask/cloud")).env("PYTHONDONTWRITEBYTECODE", "1");
    tell.args(["-m", "stern.tell", endpoint, site.facts.get("cloud", "region")?, "easypay"]);
    loudly(&mut tell)
}

/// The cluster: the objects, and what the created user may do.
pub fn cluster(steps: &Steps, site: &Site) -> Result<(), Failure> {
    let namespace = site.word("namespace")?;
    steps.announce("the API server tells: what there is");
    let kinds =
        "deployments,statefulsets,services,pods,networkpolicies,hpa,secrets,configmaps,roles,rolebindings";
    kubectl(site, &["get", kinds, "--namespace", &namespace])?;
    kubectl(site, &["get", "certificatesigningrequests"])?;
    steps.announce("the API server tells: what the created user may do");
    let kubeconfig = site.folder.join(site.word("pod_user_kubeconfig")?);
    let user = Kubectl::new(&kubeconfig, &site.top);
    let ask = |verb: &str, what: &str, namespace: &str, expected: bool| {
        let words: Vec<&str> = std::iter::once(verb).chain(what.split(' ')).collect();
        let said = user.can(&[&words[..], &["--namespace", namespace]].concat())?;
        let word = if said { "yes" } else { "no" };
        println!("  kubectl auth can-i {verb:16} {what:40} --namespace {namespace:12} {word}");
        if said == expected { Ok(()) } else { Err(format!("the user must not be told {word} here")) }
    };
    VERBS.iter().try_for_each(|verb| ask(verb, "pods", &namespace, true))?;
    REFUSED.iter().try_for_each(|(verb, what)| ask(verb, what, &namespace, false))?;
    ask("create", "pods --subresource=exec", &namespace, false)?;
    VERBS.iter().try_for_each(|verb| ask(verb, "pods", "default", false))
}

/// The hosts: the file that Ansible wrote on each.
pub fn hosts(steps: &Steps, site: &Site) -> Result<(), Failure> {
    steps.announce("the hosts tell: what Ansible left on them");
    let (key, known) = (site.facts.get("hosts", "key")?, site.facts.get("hosts", "known_hosts")?);
    for (_, address) in site.facts.hosts() {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", key]);
        ssh.args(["-o", &format!("UserKnownHostsFile={known}"), &format!("root@{address}")]);
        ssh.args(["hostname; cat /etc/easypay/node.json"]);
        println!("\n$ ssh root@{address} 'hostname; cat /etc/easypay/node.json'");
        loudly(&mut ssh)?;
    }
    Ok(())
}

/// The snapshot, as etcd's own tool reads it.
pub fn snapshot(steps: &Steps, site: &Site) -> Result<(), Failure> {
    steps.announce("etcdctl tells: what is in the snapshot");
    snapshot_at(site, &site.snapshot()?)
}

/// The same for a file.
pub fn snapshot_at(site: &Site, path: &Path) -> Result<(), Failure> {
    let mut command = Command::new(site.facts.get("etcd", "etcdctl")?);
    command.env("ETCDCTL_API", "3").args(["snapshot", "status", "--write-out=table"]).arg(path);
    let output = command.output().map_err(|e| cannot(&command, &e))?;
    println!("\n$ etcdctl snapshot status --write-out=table {}", path.display());
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(format!("etcdctl ended with {}", output.status)) }
}
