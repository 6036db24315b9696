//! The whole life of EasyPay on real components with all of the stern cloud's traits on: planned, applied, changed,
//! destroyed; watched all the time.

use crate::canaries::Secrets;
use crate::compare::{compare, empty};
use crate::rights;
use crate::run::{Ran, run};
use crate::site::Site;
use crate::watch::Watch;
use crate::witness;
use crate::world::World;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::Command;

/// The line of the example that is there to be changed, and what it becomes.
const EDIT: (&str, &str) = ("demo: this line changes", "demo: this line has changed");

#[test]
fn planned_applied_changed_and_destroyed() {
    let Some(world) = World::get() else { return };
    life(&world).unwrap_or_else(|e| panic!("{e}"));
}

/// Runs that are watched, and what they printed.
struct Watched<'s, 'w> {
    site: &'s Site<'w>,
    watches: Vec<Watch>,
    printed: Vec<(String, String)>,
}

impl Watched<'_, '_> {
    fn formwork(&mut self, args: &[&str], code: i32) -> Result<String, String> {
        let record = self.site.path(&format!("strace-{}", self.watches.len()));
        let program = Path::new(env!("CARGO_BIN_EXE_formwork"));
        let (command, watch) = Watch::over(&self.site.command(program, args), &record);
        self.watches.push(watch);
        let ran: Ran = run(command, |_| false)?;
        println!("| {:7.1} s  formwork {}", ran.took.as_secs_f64(), args.join(" "));
        let output = ran.expect(code)?;
        self.printed.push((args.join(" "), output.clone()));
        Ok(output)
    }
}

fn life(world: &World) -> Result<(), String> {
    let _alone = world.hosts_alone();
    let site = Site::new(world, "life")?;
    empty(&site)?;
    let on: Json =
        serde_json::from_str(&site.cloud.ask("GET", "/stern/traits", None)?).map_err(|e| e.to_string())?;
    let off: Vec<&String> =
        on.as_object().into_iter().flatten().filter(|(_, t)| t["on"] != true).map(|(name, _)| name).collect();
    assert!(off.is_empty() && on.as_object().is_some_and(|t| t.len() >= 9), "traits that are off: {off:?}");

    let mut watched = Watched { site: &site, watches: Vec::new(), printed: Vec::new() };
    watched.formwork(&["plan", "-input=false"], 0)?;
    empty(&site).map_err(|e| format!("after a plan: {e}"))?;
    watched.formwork(&["apply", "-auto-approve", "-input=false"], 0)?;
    compare(&site)?;
    let (calls, _) = witness::calls(&site.cloud.endpoint, 0)?;
    println!("| {} calls of the cloud so far: {calls:?}", calls.values().sum::<usize>());
    let mut secrets = Secrets::of_components(world)?;
    secrets.learn(&site)?;
    rights::check(&site, &site.file(&site.output("pod_user_kubeconfig")?)?)?;
    hosts(&site)?;
    let snapshot = site.file(&site.output("snapshot")?["path"])?;
    let before = snapshot_status(&site, &snapshot)?;
    watched.formwork(&["plan", "-detailed-exitcode", "-input=false"], 0)?;

    change(&site)?;
    watched.formwork(&["plan", "-detailed-exitcode", "-input=false", "-out=changed"], 2)?;
    only_updates(&site)?;
    watched.formwork(&["apply", "-input=false", "changed"], 0)?;
    compare(&site)?;
    watched.formwork(&["plan", "-detailed-exitcode", "-input=false"], 0)?;
    let after = snapshot_status(&site, &snapshot)?;
    assert!(
        after["revision"].as_u64() >= before["revision"].as_u64(),
        "the snapshot went back from {before} to {after}"
    );

    watched.formwork(&["destroy", "-auto-approve", "-input=false"], 0)?;
    empty(&site)?;
    snapshot_status(&site, &snapshot).map_err(|e| format!("the snapshot did not stay: {e}"))?;

    let hosts = world.hosts();
    let mut contacts = 0;
    for watch in &watched.watches {
        let strangers = watch.strangers(&hosts)?;
        assert!(strangers.is_empty(), "contacted: {}", strangers.join("\n"));
        let told = watch.told(&secrets.all)?;
        assert!(told.is_empty(), "a secret is among the arguments of: {}", told.join("\n"));
        contacts += watch.contacts()?;
    }
    println!("| {contacts} contacts, all of them with loopback and the hosts");
    assert!(contacts > 50, "the watch saw {contacts} contacts only");
    secrets.check(&watched.printed)
}

/// Changes the line that is there for it.
fn change(site: &Site) -> Result<(), String> {
    for entry in std::fs::read_dir(site.dir()).map_err(|e| e.to_string())?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        if name.ends_with(".tf") && text.contains(EDIT.0) {
            return site.replace(&format!("examples/easypay/{name}"), EDIT.0, EDIT.1);
        }
    }
    Err(format!("no line of the example contains {:?}", EDIT.0))
}

/// A change of one line changes objects; it makes none, and takes none away.
fn only_updates(site: &Site) -> Result<(), String> {
    let text = site.formwork(&["show", "-json", "changed"])?.expect(0)?;
    let plan: Json = serde_json::from_str(&text).map_err(|e| format!("show -json: {e}"))?;
    let mut updates = 0;
    for change in plan["resource_changes"].as_array().into_iter().flatten() {
        let actions = &change["change"]["actions"];
        updates += usize::from(*actions == json!(["update"]));
        if ![json!(["update"]), json!(["no-op"]), json!(["read"])].contains(actions) {
            return Err(format!("{} is planned to {actions}", change["address"]));
        }
    }
    if updates > 0 { Ok(()) } else { Err("the changed line changes nothing".into()) }
}

/// Each host has the file that the playbook writes, with its own address in it.
fn hosts(site: &Site) -> Result<(), String> {
    let fact = |key| site.world.fact("hosts", key);
    for address in site.world.hosts() {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", &fact("key")]);
        ssh.args(["-o", &format!("UserKnownHostsFile={}", fact("known_hosts")), &format!("root@{address}")]);
        let output = ssh.arg("cat /etc/easypay/node.json").output().map_err(|e| format!("ssh: {e}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let node: Json = serde_json::from_str(&text).map_err(|e| format!("{address}: {e}: {text}"))?;
        if !node.to_string().contains(&format!("\"{address}\"")) {
            return Err(format!("{address} was told another address: {node}"));
        }
    }
    Ok(())
}

/// What etcd's own tool reads in the snapshot.
fn snapshot_status(site: &Site, path: &Path) -> Result<Json, String> {
    let mut command = Command::new(site.world.fact("etcd", "etcdctl"));
    command.env("ETCDCTL_API", "3").args(["snapshot", "status", "--write-out=json"]).arg(path);
    let output = command.output().map_err(|e| format!("etcdctl: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text)
        .map_err(|e| format!("etcdctl: {e}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
