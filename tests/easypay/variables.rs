//! The example's variables on the components that `state.json` describes. The demo uses it too.

use serde_json::{Map, Value as Json, json};

/// Values for every variable that says where things are; the rest keeps its defaults.
pub fn of(state: &Json) -> Result<Json, String> {
    let fact = |component: &str, key: &str| {
        let fact = &state[component]["facts"][key];
        if fact.is_string() { Ok(fact.clone()) } else { Err(format!("no {key} of {component} is known")) }
    };
    let (mut nodes, mut subnets) = (Map::new(), Vec::<String>::new());
    for host in state["hosts"]["facts"]["hosts"].as_array().into_iter().flatten() {
        let address = host["address"].as_str().unwrap_or_default();
        let network = address.rsplit_once('.').map_or("", |(network, _)| network).to_owned();
        let at = subnets.iter().position(|s| *s == network).unwrap_or_else(|| {
            subnets.push(network);
            subnets.len() - 1
        });
        let node = json!({ "subnet": letter(at), "private_ip": address });
        nodes.insert(format!("node-{}", nodes.len() + 1), node);
    }
    let first: Vec<&str> = subnets.first().map_or("", String::as_str).split('.').collect();
    let vpc = format!("{}.0.0/16", first.get(..2).ok_or("no SSH host is known")?.join("."));
    let subnets: Map<String, Json> =
        subnets.iter().enumerate().map(|(at, s)| (letter(at), json!(format!("{s}.0/24")))).collect();
    Ok(json!({
        "aws_endpoint": fact("cloud", "endpoint")?,
        "region": fact("cloud", "region")?,
        "vpc_cidr_block": vpc,
        "subnets": subnets,
        "nodes": nodes,
        "ssh_user": fact("hosts", "user")?,
        "ssh_private_key_file": fact("hosts", "key")?,
        "ssh_known_hosts_file": fact("hosts", "known_hosts")?,
        "ansible_playbook_binary": fact("ansible", "playbook")?,
        "kubeconfig": fact("kubernetes", "kubeconfig")?,
        "etcd": {
            "endpoints": [fact("etcd", "tls_endpoint")?],
            "cacert_file": fact("etcd", "ca")?,
            "cert_file": fact("etcd", "cert")?,
            "key_file": fact("etcd", "key")?,
        },
    }))
}

/// The short name of a subnet.
fn letter(at: usize) -> String {
    char::from(b'a' + u8::try_from(at % 26).unwrap_or(0)).to_string()
}
