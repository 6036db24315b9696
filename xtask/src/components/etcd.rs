//! One etcd member on loopback, on one port in the clear and on another with TLS and client certificates.

use super::packages::{self, Lists};
use super::place::{Place, make};
use super::{certs, process};
use crate::Failure;
use crate::steps::Steps;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const NAME: &str = "etcd";

fn program(place: &Place, name: &str) -> PathBuf {
    place.kept(NAME).join("root/usr/bin").join(name)
}

/// Whether both programs run.
pub fn prepared(place: &Place) -> bool {
    process::output(Command::new(program(place, "etcd")).arg("--version")).is_ok()
        && process::output(Command::new(program(place, "etcdctl")).arg("version")).is_ok()
}

/// Unpacks Debian's packages; they are not installed, since that would start a service.
pub fn prepare(steps: &Steps, place: &Place) -> Result<(), Failure> {
    packages::need(steps, NAME, &[("openssl", "openssl")])?;
    let lists = Lists::fetch(steps, place)?;
    steps.step("etcd: fetch and unpack etcd-server, etcd-client", || {
        make(&place.kept(NAME))?;
        lists.unpack(&["etcd-server", "etcd-client"], &place.kept(NAME).join("root"))
    })?;
    if prepared(place) {
        return Ok(());
    }
    Err("the etcd of Debian's package does not run here; is the C library older than Debian 12's?".into())
}

/// Starts the member, and writes, reads and deletes a key, in the clear and with TLS.
pub fn start(steps: &Steps, place: &mut Place) -> Result<(), Failure> {
    let folder = place.fresh(NAME)?;
    let [clear, tls, peer] = process::free_ports()?;
    let (url, secure) = (format!("http://127.0.0.1:{clear}"), format!("https://127.0.0.1:{tls}"));
    let peers = format!("http://127.0.0.1:{peer}");
    let (ca, server, client) = steps.step("etcd: certificates", || {
        let ca = certs::authority(&folder, "formwork etcd")?;
        let server = certs::issue(&folder, &ca, "server", "/CN=etcd")?;
        let client = certs::issue(&folder, &ca, "client", "/CN=root")?;
        Ok((ca, server, client))
    })?;
    let mut command = Command::new(program(place, "etcd"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ETCD")) {
        command.env_remove(name);
    }
    command
        .arg("--data-dir")
        .arg(folder.join("data"))
        .args(["--listen-client-urls", &format!("{url},{secure}")])
        .args(["--advertise-client-urls", &format!("{url},{secure}")])
        .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
        .args(["--initial-cluster", &format!("default={peers}"), "--client-cert-auth"])
        .arg("--cert-file")
        .arg(&server.cert)
        .arg("--key-file")
        .arg(&server.key)
        .arg("--trusted-ca-file")
        .arg(&ca.cert);
    let log = folder.join("etcd.log");
    steps.step("etcd: start", || {
        let process = place.spawn(NAME, "etcd", &mut command)?;
        process::until("it was healthy", Duration::from_secs(30), Some((&process, &log)), || {
            process::get(clear, "/health").filter(|body| body.contains("\"true\""))
        })
    })?;
    steps.step("etcd: prove it (a key written, read and deleted; TLS; snapshot)", || {
        let ctl = |args: &[&str]| {
            let mut command = Command::new(program(place, "etcdctl"));
            command
                .env("ETCDCTL_API", "3")
                .args(["--endpoints", if args[0] == "put" { &secure } else { &url }]);
            if args[0] == "put" {
                command.arg("--cacert").arg(&ca.cert).arg("--cert").arg(&client.cert);
                command.arg("--key").arg(&client.key);
            }
            process::output(command.args(args))
        };
        ctl(&["put", "formwork-proof", "written with TLS"])?;
        let read = ctl(&["get", "formwork-proof", "--print-value-only"])?;
        if read.trim() != "written with TLS" {
            return Err(format!("the key that was written reads {:?}", read.trim()));
        }
        let snapshot = folder.join("proof.db");
        ctl(&["snapshot", "save", &snapshot.to_string_lossy()])?;
        ctl(&["snapshot", "status", &snapshot.to_string_lossy()])?;
        let _ = std::fs::remove_file(snapshot);
        ctl(&["del", "formwork-proof"]).map(drop)
    })?;
    let facts = json!({
        "endpoint": url, "tls_endpoint": secure, "ca": ca.cert, "cert": client.cert, "key": client.key,
        "etcdctl": program(place, "etcdctl"), "data_dir": folder.join("data"), "log": log,
    });
    place.ready(NAME, facts)
}
