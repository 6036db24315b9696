//! Hosts: the inventory, and whether they answer.

use crate::playbook::{Host, Playbook};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// The group of the hosts that a check keeps to.
pub(crate) const REACHABLE: &str = "formwork_reachable";

/// How long one attempt to reach a host may take.
const KNOCK: Duration = Duration::from_secs(3);

/// All hosts of a playbook.
pub(crate) fn all(playbook: &Playbook) -> Vec<Host> {
    let mut hosts = playbook.hosts.clone();
    if let Some(name) = &playbook.name {
        hosts.push(Host { name: name.clone(), groups: playbook.groups.clone(), ..Host::default() });
    }
    hosts
}

/// A setting of a host as Ansible will see it: extra variables win.
fn setting(playbook: &Playbook, host: &Host, variable: &str, own: Option<String>) -> Option<String> {
    let of =
        |vars: &Option<std::collections::BTreeMap<String, String>>| vars.as_ref()?.get(variable).cloned();
    of(&playbook.extra_vars).or(own).or_else(|| of(&host.vars))
}

/// Where the SSH server of a host is; `None` where nobody but Ansible can tell.
pub(crate) fn endpoint(playbook: &Playbook, host: &Host) -> Option<(String, u16)> {
    let connection = setting(playbook, host, "ansible_connection", None);
    if !matches!(connection.as_deref(), None | Some("ssh" | "smart" | "paramiko" | "paramiko_ssh")) {
        return None;
    }
    let proxied =
        ["ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"].iter().any(|name| {
            setting(playbook, host, name, None)
                .is_some_and(|args| args.contains("Proxy") || args.contains("-J"))
        });
    if proxied {
        return None;
    }
    let address = setting(playbook, host, "ansible_host", host.address.clone()).unwrap_or(host.name.clone());
    let port = setting(playbook, host, "ansible_port", host.port.map(|p| p.to_string()));
    match port {
        None => Some((address, 22)),
        Some(port) => port.parse().ok().map(|port| (address, port)),
    }
}

/// The inventory, in the format of Ansible's `yaml` plugin. `key` is the private key's file; `pinned` a file of the
/// host keys that the configuration gives.
pub(crate) fn inventory(
    playbook: &Playbook,
    key: Option<&Path>,
    pinned: &Path,
    only: Option<&[String]>,
) -> String {
    let (mut hosts, mut groups) = (Map::new(), Map::new());
    for host in all(playbook) {
        for group in host.groups.iter().flatten() {
            let members = groups.entry(group.clone()).or_insert_with(|| json!({ "hosts": {} }));
            members["hosts"][&host.name] = json!({});
        }
        hosts.insert(host.name.clone(), variables(playbook, &host, key, pinned));
    }
    if let Some(only) = only {
        let members: Map<String, Value> = only.iter().map(|name| (name.clone(), json!({}))).collect();
        groups.insert(REACHABLE.into(), json!({ "hosts": members }));
    }
    json!({ "all": { "hosts": hosts, "children": groups } }).to_string()
}

fn variables(playbook: &Playbook, host: &Host, key: Option<&Path>, pinned: &Path) -> Value {
    let mut vars = Map::new();
    for (name, value) in host.vars.iter().flatten() {
        vars.insert(name.clone(), crate::secrets::structured(value).unwrap_or_else(|| value.as_str().into()));
    }
    if let Some(address) = &host.address {
        vars.insert("ansible_host".into(), address.as_str().into());
    }
    if let Some(port) = host.port {
        vars.insert("ansible_port".into(), port.into());
    }
    let own = vars.contains_key("ansible_user");
    if let Some(user) = host.user.as_ref().or(playbook.ssh_user.as_ref().filter(|_| !own)) {
        vars.insert("ansible_user".into(), user.as_str().into());
    }
    if let Some(key) = key {
        vars.entry("ansible_ssh_private_key_file").or_insert_with(|| key.display().to_string().into());
    }
    let known = playbook.known_hosts_file.as_deref();
    let (policy, file) = match (&host.host_key, playbook.host_key_checking.as_str()) {
        (Some(_), _) => ("yes", Some(pinned.display().to_string())),
        (None, "strict") => ("yes", known.map(absolute)),
        (None, "off") => ("no", Some("/dev/null".into())),
        (None, _) => ("accept-new", known.map(absolute)),
    };
    let mut args = format!("-o StrictHostKeyChecking={policy}");
    if let Some(file) = file {
        args.push_str(&format!(" -o UserKnownHostsFile={}", quoted(&file)));
    }
    if let Some(more) = vars.get("ansible_ssh_common_args").and_then(Value::as_str) {
        args = format!("{more} {args}");
    }
    vars.insert("ansible_ssh_common_args".into(), args.into());
    Value::Object(vars)
}

/// The host keys that the configuration gives, as a file of known hosts.
pub(crate) fn known_hosts(playbook: &Playbook) -> String {
    let line = |host: &Host| {
        let key = host.host_key.as_ref()?.trim();
        let (address, port) = endpoint(playbook, host)?;
        Some(if port == 22 { format!("{address} {key}\n") } else { format!("[{address}]:{port} {key}\n") })
    };
    all(playbook).iter().filter_map(line).collect()
}

pub(crate) fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |p| p.display().to_string())
}

/// For Ansible, which splits arguments as a shell does.
fn quoted(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+@%~".contains(&b)) {
        return text.to_owned();
    }
    // ssh takes blanks for separators of several files, unless they are quoted for it, too.
    format!("'\"{}\"'", text.replace('\'', r"'\''"))
}

/// One attempt to reach an SSH server; the error says what happened instead.
async fn knock(address: &str, port: u16) -> Result<(), String> {
    let attempt = async {
        let mut stream = TcpStream::connect((address, port)).await.map_err(|e| match e.kind() {
            std::io::ErrorKind::ConnectionRefused => "the connection is refused".to_owned(),
            _ => e.to_string(),
        })?;
        let mut banner = [0; 4];
        match stream.read_exact(&mut banner).await {
            Ok(_) if &banner == b"SSH-" => Ok(()),
            Ok(_) => Err("something answers that is not an SSH server".to_owned()),
            Err(_) => Err("the connection is closed before the SSH server says anything".to_owned()),
        }
    };
    match timeout(KNOCK, attempt).await {
        Ok(result) => result,
        Err(_) => Err("there is no answer".to_owned()),
    }
}

/// Hosts that do not answer: name, place and why.
pub(crate) type Silent = Vec<(String, String, String)>;

/// Waits until SSH answers on all these hosts, and tells which do not within `patience`; with none, each is tried once.
pub(crate) async fn silent(playbook: &Playbook, patience: Duration) -> Silent {
    let until = Instant::now() + patience;
    let hosts = all(playbook);
    let waits = hosts.iter().map(|host| async move {
        let (address, port) = endpoint(playbook, host)?;
        loop {
            let Err(why) = knock(&address, port).await else { return None };
            if Instant::now() >= until {
                return Some((host.name.clone(), format!("{address}:{port}"), why));
            }
            sleep(Duration::from_secs(1).min(until - Instant::now())).await;
        }
    });
    join_all(waits).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::tests::{host, playbook};

    fn vars(pairs: &[(&str, &str)]) -> Option<std::collections::BTreeMap<String, String>> {
        Some(pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    #[test]
    fn inventories_have_hosts_groups_and_variables() {
        let mut p = playbook("site.yml");
        p.hosts = vec![
            Host {
                address: Some("10.0.0.1".into()),
                port: Some(2222),
                groups: Some(vec!["web".into()]),
                vars: vars(&[("role", "front"), ("ports", "[80,443]"), ("version", "1.20")]),
                ..host("h1")
            },
            Host { user: Some("admin".into()), host_key: Some("ssh-ed25519 AAAA".into()), ..host("h2") },
        ];
        p.ssh_user = Some("root".into());
        p.known_hosts_file = Some("/k h".into());
        let text = inventory(&p, Some(Path::new("/key")), Path::new("/pinned"), Some(&["h2".to_owned()]));
        let found: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({ "all": {
            "hosts": {
                "h1": {
                    "ansible_host": "10.0.0.1", "ansible_port": 2222, "ansible_user": "root",
                    "ansible_ssh_private_key_file": "/key", "role": "front", "ports": [80, 443], "version": "1.20",
                    "ansible_ssh_common_args":
                        "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile='\"/k h\"'",
                },
                "h2": {
                    "ansible_user": "admin", "ansible_ssh_private_key_file": "/key",
                    "ansible_ssh_common_args": "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/pinned",
                },
            },
            "children": {
                "web": { "hosts": { "h1": {} } },
                "formwork_reachable": { "hosts": { "h2": {} } },
            },
        }});
        assert_eq!(found, expected);
        assert_eq!(known_hosts(&p), "h2 ssh-ed25519 AAAA\n");
    }

    #[test]
    fn endpoints() {
        let check = |h: Host, extra: &[(&str, &str)], expected: Option<(&str, u16)>| {
            let mut p = playbook("site.yml");
            p.extra_vars = vars(extra);
            let found = endpoint(&p, &h);
            assert_eq!(found.as_ref().map(|(a, p)| (a.as_str(), *p)), expected);
        };
        check(host("h1"), &[], Some(("h1", 22)));
        check(Host { address: Some("10.0.0.1".into()), ..host("h1") }, &[], Some(("10.0.0.1", 22)));
        check(host("h1"), &[("ansible_host", "::1"), ("ansible_port", "23")], Some(("::1", 23)));
        check(host("h1"), &[("ansible_connection", "local")], None);
        check(host("h1"), &[("ansible_ssh_common_args", "-o ProxyJump=b")], None);
    }

    #[tokio::test]
    async fn only_an_ssh_server_counts_as_an_answer() {
        use tokio::io::AsyncWriteExt;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for banner in ["SSH-2.0-x\r\n", "HTTP/1.1 400\r\n"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(banner.as_bytes()).await.unwrap();
            }
        });
        assert_eq!(knock("127.0.0.1", port).await, Ok(()));
        let why = knock("127.0.0.1", port).await.unwrap_err();
        assert_eq!(why, "something answers that is not an SSH server");
    }
}
