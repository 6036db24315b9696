//! Holds the state against the cloud's and the cluster's own lists.

use crate::site::Site;
use crate::witness::Object;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// One object in the state.
struct Known {
    address: String,
    object: Object,
}

/// Fails for an orphan, a duplicate, something lost, and an object that is tainted or deposed in the state.
pub fn compare(site: &Site) -> Result<(), String> {
    let known = known(&site.state()?)?;
    let exists = [site.in_cloud()?, site.in_cluster()?].concat();
    let same = |a: &Object, b: &Object| a.kind == b.kind && a.id == b.id;
    let mut seen = BTreeSet::new();
    for object in &exists {
        if !seen.insert((&object.kind, &object.id)) {
            return Err(format!("{object} is listed twice"));
        }
        if known.iter().any(|k| same(&k.object, object)) {
            continue;
        }
        let twin = exists.iter().find(|o| {
            !o.name.is_empty() && o.kind == object.kind && o.name == object.name && !same(o, object)
        });
        return Err(match twin {
            Some(twin) => format!("duplicate: {object} is not in the state, and {twin} is like it"),
            None => format!("orphan: {object} exists, and is not in the state"),
        });
    }
    for Known { address, object } in &known {
        if !exists.iter().any(|o| same(o, object)) {
            return Err(format!("lost: {address} ({object}) is in the state, and does not exist"));
        }
    }
    leftovers(site)
}

/// Fails unless cloud and cluster have nothing of the site.
pub fn empty(site: &Site) -> Result<(), String> {
    let left = [site.in_cloud()?, site.in_cluster()?].concat();
    let lines: Vec<String> = left.iter().map(Object::to_string).collect();
    if !left.is_empty() {
        return Err(format!("still there:\n  {}", lines.join("\n  ")));
    }
    let state = site.state()?;
    let managed = known(&state)?;
    match managed.first() {
        None => Ok(()),
        Some(known) => Err(format!("{} is still in the state", known.address)),
    }
}

/// What the state knows in the cloud and the cluster.
fn known(state: &Json) -> Result<Vec<Known>, String> {
    let mut all = Vec::new();
    for resource in state["resources"].as_array().into_iter().flatten() {
        if resource["mode"] != "managed" {
            continue;
        }
        let text = |key: &str| resource[key].as_str().unwrap_or_default();
        let kind = text("type");
        let module = resource["module"].as_str().map_or(String::new(), |m| format!("{m}."));
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let key = instance.get("index_key").map_or(String::new(), |k| format!("[{k}]"));
            let address = format!("{module}{kind}.{}{key}", text("name"));
            if !instance["deposed"].is_null() || !instance["status"].is_null() {
                return Err(format!("{address} is deposed or tainted in the state"));
            }
            if let Some(object) = object(kind, &instance["attributes"])? {
                all.push(Known { address, object });
            }
        }
    }
    Ok(all)
}

/// The object that such attributes describe, if it is one that cloud or cluster list.
fn object(kind: &str, attributes: &Json) -> Result<Option<Object>, String> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let of = |kind: &str, id: String| Object { kind: kind.to_owned(), id, name: String::new() };
    Ok(Some(match kind {
        "aws_lb_target_group_attachment" => {
            let [group, target] = ["target_group_arn", "target_id"].map(|a| text(&attributes[a]));
            of(kind, format!("{group}|{target}|{}", attributes["port"]))
        }
        "kubernetes_manifest" => {
            // A value of any type is kept with its type.
            let manifest = attributes["manifest"].get("value").unwrap_or(&attributes["manifest"]);
            let meta = &manifest["metadata"];
            let name = text(&meta["name"]);
            let id = meta["namespace"].as_str().map_or(name.clone(), |n| format!("{n}/{name}"));
            of(manifest["kind"].as_str().ok_or("a manifest in the state has no kind")?, id)
        }
        "kubernetes_certificate_signing_request_v1" => {
            of("CertificateSigningRequest", text(&attributes["metadata"][0]["name"]))
        }
        _ if kind.starts_with("aws_") => of(kind, text(&attributes["id"])),
        _ => return Ok(None),
    }))
}

/// Nothing half done may stay beside the state and the snapshot.
fn leftovers(site: &Site) -> Result<(), String> {
    for folder in [site.dir(), site.out()] {
        let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for name in entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()) {
            let state = name.contains("tfstate")
                && !["terraform.tfstate", "terraform.tfstate.backup", ".terraform.tfstate.history"]
                    .contains(&name.as_str());
            if state || name.ends_with(".part") || name.contains("journal") || name.contains(".tmp") {
                return Err(format!("{name} was left behind in {}", folder.display()));
            }
        }
    }
    Ok(())
}
