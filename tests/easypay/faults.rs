//! What goes wrong in the world: each time a clear error that names the resource, file and line, exit code 1, a state
//! that has all that was done until then, and a next apply that goes on.

use crate::compare::compare;
use crate::site::Site;
use crate::world::World;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that goes wrong, and how it is mended.
struct Fault {
    name: &'static str,
    /// Makes it go wrong.
    harm: fn(&mut Site) -> Result<(), String>,
    /// Puts it right.
    mend: fn(&mut Site) -> Result<(), String>,
    /// What the message must name.
    says: &'static [&'static str],
    /// Types of which something was made before, and is in the state.
    done: &'static [&'static str],
}

/// A port of loopback where nobody listens: it is the system's to give, and given to nobody.
const NOBODY: &str = "127.0.0.1:1";

/// Each is tried on a site of its own.
fn check(fault: &Fault) {
    let Some(world) = World::get() else { return };
    let tried = || -> Result<(), String> {
        let mut site = Site::quick(&world, "fault")?;
        (fault.harm)(&mut site)?;
        let ran = site.formwork(&["apply", "-auto-approve", "-input=false"])?;
        println!("| {}: exit code {:?} after {:.1} s", fault.name, ran.code, ran.took.as_secs_f64());
        let output = ran.expect(1)?;
        // Lines are wrapped where the terminal would wrap them.
        let flat = output.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in fault.says {
            if !flat.contains(words) {
                return Err(format!("the message does not say {words:?}:\n{output}"));
            }
        }
        if !output.contains(".tf:") {
            return Err(format!("the message names no file and line:\n{output}"));
        }
        let state = site.state()?;
        for kind in fault.done {
            let resources = state["resources"].as_array();
            if !resources.into_iter().flatten().any(|r| r["mode"] == "managed" && r["type"] == *kind) {
                return Err(format!("no {kind} is in the state, though some were made before:\n{output}"));
            }
        }
        (fault.mend)(&mut site)?;
        site.apply().map_err(|e| format!("the next apply: {e}"))?;
        compare(&site)?;
        site.settled()
    };
    tried().unwrap_or_else(|e| panic!("{}: {e}", fault.name));
}

#[test]
fn the_cloud_cannot_be_reached() {
    check(&Fault {
        name: "unreachable AWS endpoint",
        harm: |site| site.set("aws_endpoint", json!(format!("http://{NOBODY}"))),
        mend: |site| {
            let endpoint = site.cloud.endpoint.clone();
            site.set("aws_endpoint", json!(endpoint))
        },
        says: &["data.aws_", NOBODY],
        done: &[],
    });
}

#[test]
fn the_api_server_cannot_be_reached() {
    check(&Fault {
        name: "unreachable API server",
        harm: |site| {
            kubeconfig(site, |config| {
                config["clusters"][0]["cluster"]["server"] = json!(format!("https://{NOBODY}"))
            })
        },
        mend: real_kubeconfig,
        says: &["kubernetes_", NOBODY],
        done: &[],
    });
}

#[test]
fn etcd_cannot_be_reached() {
    check(&Fault {
        name: "unreachable etcd",
        harm: |site| {
            let mut etcd = real_etcd(site)?;
            etcd["endpoints"] = json!([format!("https://{NOBODY}")]);
            site.set("etcd", etcd)
        },
        mend: |site| {
            let etcd = real_etcd(site)?;
            site.set("etcd", etcd)
        },
        says: &["module.backup.etcd_snapshot.this", NOBODY],
        done: &["aws_instance", "ansible_playbook", "kubernetes_manifest"],
    });
}

#[test]
fn a_permission_is_refused() {
    check(&Fault {
        name: "refused permission",
        // From now on signatures and policies are checked, and this user may look, and not create load balancers.
        harm: |site| limited_user(site),
        mend: |site| site.cloud.ask("POST", "/moto-api/reset-auth", Some("1000000000")).map(drop),
        says: &["module.load_balancer.aws_lb.this", "not authorized"],
        done: &["aws_vpc", "aws_subnet"],
    });
}

#[test]
fn a_playbook_fails() {
    const TASK: &str = "- name: Say which node this is\n";
    check(&Fault {
        name: "failing playbook",
        harm: |site| {
            let failing =
                format!("- name: Fall over\n  ansible.builtin.command: \"false\"\n  tags: quick\n\n{TASK}");
            site.replace("ansible/roles/base/tasks/main.yml", TASK, &failing)
        },
        mend: |site| {
            site.replace("ansible/roles/base/tasks/main.yml", "command: \"false\"", "command: \"true\"")
        },
        says: &["module.configure.ansible_playbook.this", "Fall over", "tasks/main.yml:"],
        done: &["aws_instance"],
    });
}

#[test]
fn a_host_never_answers() {
    check(&Fault {
        name: "silent host",
        harm: |site| {
            let mut nodes = crate::variables::of(&site.world.state)?["nodes"].take();
            let silent = silent(site.world);
            nodes["node-1"]["private_ip"] = json!(silent);
            site.set("ssh_wait_seconds", json!(5))?;
            site.set("nodes", nodes)
        },
        mend: |site| {
            let nodes = crate::variables::of(&site.world.state)?["nodes"].take();
            site.set("nodes", nodes)
        },
        says: &["module.configure.ansible_playbook.this", ".99"],
        done: &["aws_instance"],
    });
}

#[test]
fn the_server_rejects_a_manifest() {
    check(&Fault {
        name: "rejected manifest",
        harm: |site| {
            // Not known before the namespace is there: the plan cannot ask the server yet.
            site.write(
                "rejected.tf",
                "resource \"kubernetes_manifest\" \"rejected\" {\n  manifest = {\n    apiVersion = \"v1\"\n    \
                 kind = \"Service\"\n    metadata = { name = \"rejected\", namespace = module.app.namespace }\n    \
                 spec = { ports = [{ port = 99999, protocol = \"TCP\" }] }\n  }\n}\n",
            )
        },
        mend: |site| site.remove("rejected.tf"),
        says: &["kubernetes_manifest.rejected", "rejected.tf:", "99999"],
        done: &["aws_instance", "ansible_playbook", "kubernetes_manifest"],
    });
}

#[test]
fn the_disk_is_full() {
    check(&Fault {
        name: "full disk under the snapshot",
        harm: |site| {
            let out = site.dir().join("full");
            std::fs::create_dir(&out).map_err(|e| e.to_string())?;
            command("mount", &["-t", "tmpfs", "-o", "size=64k", "full"], &out)?;
            // The same folder for both files: the kubeconfig still has room.
            site.set("out", json!("./full"))
        },
        mend: |site| {
            let out = site.dir().join("full");
            command("mount", &["-o", "remount,size=256m"], &out)
        },
        says: &["module.backup.etcd_snapshot.this", "disk is full"],
        done: &["aws_instance", "kubernetes_manifest"],
    });
}

#[test]
fn a_certificate_has_expired() {
    check(&Fault {
        name: "expired certificate",
        harm: |site| {
            let (cert, key) = expired(site)?;
            let mut etcd = real_etcd(site)?;
            (etcd["cert_file"], etcd["key_file"]) = (json!(cert), json!(key));
            site.set("etcd", etcd)
        },
        mend: |site| {
            let etcd = real_etcd(site)?;
            site.set("etcd", etcd)
        },
        says: &["module.backup.etcd_snapshot.this", "expired"],
        done: &["aws_instance", "kubernetes_manifest"],
    });
}

/// An address in the hosts' network that nobody has.
fn silent(world: &World) -> String {
    let first = world.hosts().into_iter().next().unwrap_or_default();
    first.rsplit_once('.').map_or_else(String::new, |(network, _)| format!("{network}.99"))
}

fn real_etcd(site: &Site) -> Result<serde_json::Value, String> {
    Ok(crate::variables::of(&site.world.state)?["etcd"].take())
}

/// Points the site at a changed copy of the administrator's kubeconfig.
fn kubeconfig(site: &mut Site, change: fn(&mut serde_json::Value)) -> Result<(), String> {
    let path = site.world.fact("kubernetes", "kubeconfig");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    let mut config = serde_json::from_str(&text).map_err(|e| format!("{path}: {e}"))?;
    change(&mut config);
    let copy = site.path("kubeconfig");
    std::fs::write(&copy, config.to_string()).map_err(|e| e.to_string())?;
    site.set("kubeconfig", json!(copy))
}

fn real_kubeconfig(site: &mut Site) -> Result<(), String> {
    let path = site.world.fact("kubernetes", "kubeconfig");
    site.set("kubeconfig", json!(path))
}

/// Makes a user in the site's cloud who may do everything but make load balancers, and turns the checks on.
fn limited_user(site: &mut Site) -> Result<(), String> {
    const MAKE: &str = r#"
import json, sys, boto3
iam = boto3.client("iam", endpoint_url=sys.argv[1], region_name="us-east-1",
                   aws_access_key_id="test", aws_secret_access_key="test")
iam.create_user(UserName="limited")
iam.put_user_policy(UserName="limited", PolicyName="limited", PolicyDocument=json.dumps({
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "elasticloadbalancing:CreateLoadBalancer", "Resource": "*"},
    ],
}))
key = iam.create_access_key(UserName="limited")["AccessKey"]
print(key["AccessKeyId"], key["SecretAccessKey"])
"#;
    let mut python = Command::new(site.world.fact("cloud", "python"));
    let output = python.args(["-c", MAKE, &site.cloud.endpoint]).output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (id, secret) = said
        .trim()
        .split_once(' ')
        .ok_or_else(|| format!("the user cannot be made: {}", String::from_utf8_lossy(&output.stderr)))?;
    site.credentials = (id.to_owned(), secret.to_owned());
    site.cloud.ask("POST", "/moto-api/reset-auth", Some("0")).map(drop)
}

/// A client certificate of etcd's authority that ended yesterday.
fn expired(site: &Site) -> Result<(PathBuf, PathBuf), String> {
    let ca = PathBuf::from(site.world.fact("etcd", "ca"));
    let folder = site.path("expired");
    std::fs::create_dir(&folder).map_err(|e| e.to_string())?;
    let openssl = |args: &[&str]| command("openssl", args, Path::new("")).map(drop);
    let text = |name: &str| folder.join(name).display().to_string();
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=root"];
    openssl(&[&["req", "-new"], &ec[..], &["-keyout", &text("key"), "-out", &text("csr")]].concat())?;
    let (cert, key) = (ca.display().to_string(), ca.with_extension("key").display().to_string());
    openssl(&[
        "x509",
        "-req",
        "-days",
        "-1",
        "-in",
        &text("csr"),
        "-CA",
        &cert,
        "-CAkey",
        &key,
        "-set_serial",
        "77",
        "-out",
        &text("crt"),
    ])?;
    Ok((folder.join("crt"), folder.join("key")))
}

/// Runs a command with a path as its last argument, unless that is empty.
fn command(program: &str, args: &[&str], last: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(args);
    if last != Path::new("") {
        command.arg(last);
    }
    let output = command.output().map_err(|e| format!("{program}: {e}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {}: {complaint}", output.status)) }
}
