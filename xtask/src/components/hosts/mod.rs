//! SSH hosts: network namespaces on one bridge, each with its own root file system, host key and sshd.
//!
//! They have the private addresses that `FORMWORK_HOSTS` lists (comma-separated, IPv4), or else the first ones that are
//! free, so that an inventory made of EC2 attributes reaches them. There is no route out of them.

mod image;

use super::certs::token;
use super::place::{Place, make, told, write, write_secret};
use super::process::Process;
use super::{packages, process};
use crate::Failure;
use crate::steps::{Steps, on_path, quietly};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const NAME: &str = "hosts";
/// What comes after `10.20.` in the hosts' addresses: two zones' subnets, as `examples` have them. Where those are in
/// use, it is `10.21.`, and so on.
const ENDINGS: [&str; 3] = ["1.11", "2.11", "1.12"];
const NETWORKS: std::ops::Range<u8> = 20..60;
const ENTER: &str = include_str!("enter.sh");
/// Who may log in besides root; may use sudo, as on Debian's cloud images.
const USER: &str = "admin";

struct Host {
    name: String,
    namespace: String,
    address: Ipv4Addr,
}

/// Whether there is a root file system for them.
pub fn prepared(place: &Place) -> bool {
    image::complete(place) && ["ip", "ssh", "ssh-keygen", "unshare"].into_iter().all(|p| on_path(p).is_some())
}

/// Makes the root file system.
pub fn prepare(steps: &Steps, place: &Place) -> Result<(), Failure> {
    let tools = [("ip", "iproute2"), ("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")];
    packages::need(steps, NAME, &tools)?;
    packages::need(steps, NAME, &[("unshare", "util-linux"), ("mount", "mount")])?;
    if image::complete(place) { Ok(()) } else { image::make_image(steps, place) }
}

/// Starts them, and logs in to each.
pub fn start(steps: &Steps, place: &mut Place) -> Result<(), Failure> {
    if !packages::is_root() {
        return Err("the SSH hosts are network namespaces, and making those needs root".into());
    }
    let hosts = match std::env::var("FORMWORK_HOSTS") {
        Ok(list) => wanted(&list)?,
        Err(_) => usual(in_use)?,
    };
    let folder = place.fresh(NAME)?;
    // Names of their own, so that other runs on this machine are not disturbed. A link's name has 15 letters at most.
    let tag = token(&folder.join("tag"))?[..6].to_owned();
    let hosts: Vec<Host> =
        hosts.into_iter().map(|h| Host { namespace: format!("fw{tag}-{}", h.name), ..h }).collect();
    let key = folder.join("id_ed25519");
    steps.step("hosts: keys", || {
        keygen(&key, "formwork")?;
        for host in &hosts {
            make(&folder.join(&host.name))?;
            keygen(&folder.join(&host.name).join("host_key"), &host.name)?;
        }
        known_hosts(&folder, &hosts)
    })?;
    steps.step(&format!("hosts: {} network namespaces on a bridge", hosts.len()), || {
        network(place, &tag, &hosts)
    })?;
    write(&folder.join("enter.sh"), ENTER)?;
    let public = std::fs::read_to_string(key.with_extension("pub")).map_err(|e| told(&key, e))?;
    steps.step("hosts: start sshd in each", || {
        for host in &hosts {
            write(&folder.join(&host.name).join("authorized_keys"), &public)?;
            // What is recorded only waits for the namespaces' first process, which ends with it.
            place.spawn_abrupt(NAME, &host.name, &mut enter(place, &folder, host))?;
        }
        Ok(())
    })?;
    steps.step("hosts: prove it (log in to each, as root and with sudo)", || {
        let processes = place.entry(NAME).map(|e| e.processes()).unwrap_or_default();
        std::thread::scope(|scope| {
            let pairs = hosts.iter().zip(&processes);
            let logins: Vec<_> = pairs.map(|(h, p)| scope.spawn(|| prove(&folder, h, p))).collect();
            logins
                .into_iter()
                .try_for_each(|login| login.join().unwrap_or_else(|_| Err("a login panicked".into())))
        })
    })?;
    let inventory = folder.join("inventory.json");
    write(&inventory, &format!("{:#}\n", inventory_of(&folder, &hosts)))?;
    let list: Vec<Value> = hosts
        .iter()
        .map(|h| json!({ "name": h.name, "address": h.address.to_string(), "namespace": h.namespace }))
        .collect();
    let facts = json!({
        "hosts": list, "user": "root", "sudo_user": USER, "key": key, "public_key": public.trim(),
        "known_hosts": folder.join("known_hosts"), "inventory": inventory,
    });
    place.ready(NAME, facts)
}

fn prove(folder: &Path, host: &Host, process: &Process) -> Result<(), Failure> {
    let log = folder.join(format!("{}.log", host.name));
    let what = format!("{} let us in at {}", host.name, host.address);
    process::until(&what, Duration::from_secs(30), Some((process, &log)), || {
        ssh(folder, "root", host.address, &["hostname"]).ok().filter(|said| said.trim() == host.name)
    })?;
    ssh(folder, USER, host.address, &["sudo", "-n", "test", "-w", "/etc/shadow"])?;
    let out = ssh(folder, "root", host.address, &["ip route get 192.0.2.1 || echo none"])?;
    if out.trim() == "none" {
        Ok(())
    } else {
        Err(format!("{} has a way out of its network: {out}", host.name))
    }
}

/// The hosts of a list of addresses.
fn wanted(list: &str) -> Result<Vec<Host>, Failure> {
    let mut hosts = Vec::new();
    let mut seen = BTreeSet::new();
    for text in list.split(',').map(str::trim).filter(|t| !t.is_empty()) {
        let address: Ipv4Addr =
            text.parse().map_err(|_| format!("FORMWORK_HOSTS: {text:?} is no IPv4 address"))?;
        if !address.is_private() || matches!(address.octets()[3], 0 | 1 | 255) {
            return Err(format!(
                "FORMWORK_HOSTS: {address} must be a private address, not ending in .0, .1 or .255"
            ));
        }
        if !seen.insert(address) {
            return Err(format!("FORMWORK_HOSTS: {address} is there twice"));
        }
        hosts.push(Host { name: format!("h{}", hosts.len() + 1), namespace: String::new(), address });
    }
    if hosts.is_empty() { Err("FORMWORK_HOSTS lists no address".into()) } else { Ok(hosts) }
}

/// The usual hosts, in the first networks of which none is in use.
fn usual(in_use: impl Fn(Ipv4Addr) -> Result<Option<String>, Failure>) -> Result<Vec<Host>, Failure> {
    let mut found = None;
    for network in NETWORKS {
        let hosts = wanted(&ENDINGS.map(|ending| format!("10.{network}.{ending}")).join(","))?;
        for gateway in gateways(&hosts) {
            found = in_use(gateway)?;
            if found.is_some() {
                break;
            }
        }
        if found.is_none() {
            return Ok(hosts);
        }
    }
    let last = found.unwrap_or_default();
    Err(format!(
        "this machine uses all of the networks that are tried ({last}); choose others with FORMWORK_HOSTS"
    ))
}

/// The route by which this machine already reaches the /24 of an address, other than the default one: what it leads to
/// belongs to somebody else.
fn in_use(gateway: Ipv4Addr) -> Result<Option<String>, Failure> {
    let [a, b, c, _] = gateway.octets();
    let net = format!("{a}.{b}.{c}.0/24");
    let inside = process::output(Command::new("ip").args(["-4", "route", "show", "root", &net]))?;
    let around = process::output(Command::new("ip").args(["-4", "route", "show", "match", &net]))?;
    let mut routes = inside.lines().chain(around.lines()).map(str::trim);
    Ok(routes.find(|l| !l.is_empty() && !l.starts_with("default")).map(|l| format!("{net}: {l}")))
}

fn gateways(hosts: &[Host]) -> BTreeSet<Ipv4Addr> {
    hosts.iter().map(|h| gateway(h.address)).collect()
}

/// The bridge's address in the /24 of a host.
fn gateway(address: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, _] = address.octets();
    Ipv4Addr::new(a, b, c, 1)
}

fn network(place: &mut Place, tag: &str, hosts: &[Host]) -> Result<(), Failure> {
    let bridge = format!("fw{tag}");
    let gateways = gateways(hosts);
    for gateway in &gateways {
        if let Some(route) = in_use(*gateway)? {
            return Err(format!("this machine already uses {route}; choose others with FORMWORK_HOSTS"));
        }
    }
    place.undo_with(NAME, &["ip", "link", "delete", &bridge])?;
    ip(&["link", "add", &bridge, "type", "bridge"])?;
    for gateway in &gateways {
        ip(&["address", "add", &format!("{gateway}/24"), "dev", &bridge])?;
    }
    ip(&["link", "set", &bridge, "up"])?;
    for host in hosts {
        let (n, outside) = (&host.namespace, format!("{bridge}{}", host.name));
        place.undo_with(NAME, &["ip", "netns", "delete", n])?;
        ip(&["netns", "add", n])?;
        ip(&["link", "add", &outside, "type", "veth", "peer", "name", "eth0", "netns", n])?;
        ip(&["link", "set", &outside, "master", &bridge, "up"])?;
        ip(&["-n", n, "address", "add", &format!("{}/24", host.address), "dev", "eth0"])?;
        ip(&["-n", n, "link", "set", "lo", "up"])?;
        ip(&["-n", n, "link", "set", "eth0", "up"])?;
        // Only to the hosts' other networks, which all are on the one bridge.
        for other in gateways.iter().filter(|g| **g != gateway(host.address)) {
            let [a, b, c, _] = other.octets();
            ip(&["-n", n, "route", "add", &format!("{a}.{b}.{c}.0/24"), "dev", "eth0"])?;
        }
    }
    Ok(())
}

fn ip(args: &[&str]) -> Result<(), Failure> {
    quietly(Command::new("ip").args(args)).map_err(|e| {
        format!("ip {}: {e}\nnetwork namespaces need CAP_NET_ADMIN and CAP_SYS_ADMIN (in a container: --privileged)", args.join(" "))
    })
}

/// sshd, alone in namespaces of its own; all of it goes when the recorded process goes.
fn enter(place: &Place, folder: &Path, host: &Host) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &host.namespace]);
    command.args(["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child=KILL"]);
    command.args(["sh", "-eu"]).arg(folder.join("enter.sh"));
    command.arg(&host.name).arg(image::root(place)).arg(folder.join(&host.name)).arg(USER);
    command
}

fn keygen(path: &Path, comment: &str) -> Result<(), Failure> {
    quietly(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path))
}

fn known_hosts(folder: &Path, hosts: &[Host]) -> Result<(), Failure> {
    let mut text = String::new();
    for host in hosts {
        let path = folder.join(&host.name).join("host_key.pub");
        let public = std::fs::read_to_string(&path).map_err(|e| told(&path, e))?;
        let words: Vec<&str> = public.split_whitespace().take(2).collect();
        text += &format!("{} {}\n", host.address, words.join(" "));
    }
    write_secret(&folder.join("known_hosts"), &text)
}

fn options(folder: &Path) -> Vec<String> {
    let known: PathBuf = folder.join("known_hosts");
    [
        format!("UserKnownHostsFile={}", known.display()),
        "StrictHostKeyChecking=yes".into(),
        "IdentitiesOnly=yes".into(),
        "ControlMaster=no".into(),
    ]
    .into_iter()
    .flat_map(|o| ["-o".to_owned(), o])
    .collect()
}

fn ssh(folder: &Path, user: &str, address: Ipv4Addr, words: &[&str]) -> Result<String, Failure> {
    let mut command = Command::new("ssh");
    command.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]).args(options(folder));
    command.arg("-i").arg(folder.join("id_ed25519")).arg(format!("{user}@{address}")).args(words);
    process::output(&mut command)
}

fn inventory_of(folder: &Path, hosts: &[Host]) -> Value {
    let entries: serde_json::Map<String, Value> =
        hosts.iter().map(|h| (h.name.clone(), json!({ "ansible_host": h.address.to_string() }))).collect();
    json!({ "all": { "hosts": entries, "vars": {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": folder.join("id_ed25519"),
        "ansible_ssh_common_args": format!("-F /dev/null {}", options(folder).join(" ")),
        "ansible_python_interpreter": "/usr/bin/python3",
    } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        let check = |list: &str, wrong: &str| {
            assert!(wanted(list).err().is_some_and(|e| e.contains(wrong)), "{list}");
        };
        check("10.1.1.5, moon", "\"moon\" is no IPv4 address");
        check("8.8.8.8", "must be a private address");
        check("10.1.1.1", "not ending in");
        check("10.1.1.5,10.1.1.5", "twice");
        check(" , ", "no address");
        let names: Vec<String> = wanted("10.1.1.5,10.1.2.5").unwrap().into_iter().map(|h| h.name).collect();
        assert_eq!(names, ["h1", "h2"]);
    }

    #[test]
    fn networks_in_use_are_left_alone() {
        let check = |used: &[&str], expected: Option<&str>| {
            let in_use = |gateway: Ipv4Addr| {
                let text = gateway.to_string();
                Ok(used.iter().any(|u| text.starts_with(u)).then_some(text))
            };
            let first = usual(in_use).ok().map(|hosts| hosts[0].address.to_string());
            assert_eq!(first.as_deref(), expected, "{used:?}");
        };
        check(&[], Some("10.20.1.11"));
        check(&["10.20.2.", "10.21.1."], Some("10.22.1.11"));
        check(&["10."], None);
    }
}
