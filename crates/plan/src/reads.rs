//! What a plan was made from, so that it can be told later whether that is still so.
//!
//! A plan stays good while everything that it read is as it was; what it did not read may change. Objects are compared
//! by digests of their meaning, so the order of keys and white space in a state file do not count.

use crate::{Action, Mode, Plan, serial};
use formwork_addr::{InstanceAddr, ResourceAddr, ResourceMode, Str, Target};
use formwork_state::{ResourceInstance, ResourceState, State};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// What planning looked at, by address. The values are in the state that it was made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Managed instances that were there, at the addresses that they had before any move.
    pub instances: BTreeSet<InstanceAddr>,
    /// Instances that were planned without there being one.
    pub absent: BTreeSet<InstanceAddr>,
    /// Resources and modules, without keys, of which the whole set of instances counts.
    pub sets: BTreeSet<Target>,
    /// Outputs of the root module that were compared with what the state has.
    pub outputs: BTreeSet<Str>,
    /// Environment variables that decide whose objects are meant.
    pub environment: BTreeSet<String>,
    /// Files that data sources read.
    pub files: BTreeSet<String>,
    /// Data that is to be asked for again, since nothing else tells whether it is what it was.
    pub asked: BTreeSet<InstanceAddr>,
}

/// What a saved plan read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reads {
    /// Digests of the managed instances that were there.
    #[serde(with = "serial::imports")]
    instances: BTreeMap<InstanceAddr, Str>,
    /// Instances that were planned without there being one.
    #[serde(with = "serial::set")]
    absent: BTreeSet<InstanceAddr>,
    /// Of these, any instance counts.
    #[serde(with = "serial::targets")]
    sets: Vec<Target>,
    /// Instances that were not read, and depend on something that goes.
    #[serde(with = "serial::set")]
    dependents: BTreeSet<InstanceAddr>,
    /// Data that planning dropped from the state.
    #[serde(with = "serial::set")]
    dropped: BTreeSet<InstanceAddr>,
    /// Digests of outputs of the root module; `None` where there was none.
    outputs: BTreeMap<Str, Option<String>>,
    /// Digests of files that expressions and data sources read.
    files: BTreeMap<String, String>,
    /// Files that were looked for, and whether they were there.
    present: BTreeMap<String, bool>,
    /// The files below folders that patterns matched: by folder and pattern.
    lists: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Digests of environment variables; `None` for what was not set.
    environment: BTreeMap<String, Option<String>>,
    /// Data that is to be asked for again; as it was, it is in the state that comes with the plan.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "serial::set")]
    asked: BTreeSet<InstanceAddr>,
}

/// How something that was read is no longer what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is something else now.
    Changed,
    /// It is no longer there.
    Gone,
    /// It is there now.
    Appeared,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::Changed => "has changed",
            How::Gone => "is gone",
            How::Appeared => "is there now, and was not when the plan was made",
        })
    }
}

/// A short digest of bytes: for comparing, not for proving.
pub fn digest(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    sum.iter().take(16).fold(String::with_capacity(32), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn how(before: Option<&String>, now: Option<&String>) -> Option<How> {
    match (before, now) {
        (Some(_), None) => Some(How::Gone),
        (None, Some(_)) => Some(How::Appeared),
        (Some(a), Some(b)) if a != b => Some(How::Changed),
        _ => None,
    }
}

/// How deep JSON is looked into; below, it is compared as it is written.
const DEPTH: usize = 100;

/// JSON text with its keys in order and without white space; numbers stay as they are written.
fn canonical(text: &str, depth: usize, out: &mut String) {
    use serde_json::value::RawValue;
    if depth > DEPTH {
        out.push_str(text);
    } else if let Ok(map) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) {
        out.push('{');
        for (key, value) in map {
            let _ = write!(out, "{key:?}:");
            canonical(value.get(), depth + 1, out);
            out.push(',');
        }
        out.push('}');
    } else if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) {
        out.push('[');
        for value in list {
            canonical(value.get(), depth + 1, out);
            out.push(',');
        }
        out.push(']');
    } else if let Ok(string) = serde_json::from_str::<String>(text) {
        // The same character can be escaped in several ways.
        let _ = write!(out, "{string:?}");
    } else {
        out.push_str(text.trim());
    }
}

/// What an instance is, in short.
fn fingerprint(resource: &ResourceState, instance: &ResourceInstance) -> Str {
    let mut text = String::new();
    let current = instance.current.iter().map(|o| ("", o));
    for (key, object) in current.chain(instance.deposed.iter().map(|(k, o)| (&**k, o))) {
        let mut dependencies: Vec<String> = object.dependencies.iter().map(ToString::to_string).collect();
        dependencies.sort();
        let mut sensitive: Vec<String> = object.sensitive.iter().map(|p| format!("{p:?}")).collect();
        sensitive.sort();
        let _ = write!(
            text,
            "{key:?} {} {} {:?} {} {dependencies:?} {sensitive:?} {:?} ",
            resource.provider_of(object),
            object.schema_version,
            object.status,
            object.create_before_destroy,
            object.private
        );
        canonical(&object.attributes, 0, &mut text);
        text.push('\n');
    }
    digest(text.as_bytes()).into()
}

fn managed(addr: &InstanceAddr) -> bool {
    addr.resource.resource.mode == ResourceMode::Managed
}

/// Resources of which the plan removes something, as states record dependencies.
fn going(plan: &Plan) -> BTreeSet<ResourceAddr> {
    let goes = |action| matches!(action, Action::Delete | Action::Replace(_));
    plan.changes.iter().filter(|c| goes(c.action)).map(|c| c.addr.resource.without_keys()).collect()
}

/// What an instance depends on and goes.
fn leans_on<'a>(instance: &'a ResourceInstance, going: &BTreeSet<ResourceAddr>) -> Option<&'a ResourceAddr> {
    let objects = instance.current.iter().chain(instance.deposed.values());
    objects.flat_map(|o| o.dependencies.iter()).find(|d| going.contains(&d.without_keys()))
}

impl Reads {
    /// What a plan read of `state`, from which it was made; `refreshed` came out of it.
    pub fn new(seen: &Seen, plan: &Plan, state: &State, refreshed: &State) -> Self {
        let going = going(plan);
        let mut reads = Reads {
            absent: seen.absent.clone(),
            sets: seen.sets.iter().cloned().collect(),
            outputs: seen.outputs.iter().map(|n| (n.clone(), output(state, n))).collect(),
            asked: seen.asked.clone(),
            ..Reads::default()
        };
        for (addr, resource, instance) in state.instances() {
            if !managed(&addr) {
                if refreshed.instance(&addr).is_none() {
                    reads.dropped.insert(addr);
                }
            } else if seen.instances.contains(&addr) {
                let digest = fingerprint(resource, instance);
                reads.instances.insert(addr, digest);
            } else if leans_on(instance, &going).is_some() {
                reads.dependents.insert(addr);
            }
        }
        reads
    }

    /// Adds a file that was read.
    pub fn file(&mut self, path: &str, contents: &[u8]) {
        self.files.insert(path.to_owned(), digest(contents));
    }

    /// Adds a file that an expression looked for.
    pub fn looked_for(&mut self, path: &str, there: bool) {
        self.present.insert(path.to_owned(), there);
    }

    /// Adds what an expression found below a folder with a pattern.
    pub fn list(&mut self, folder: &str, pattern: &str, files: Vec<String>) {
        self.lists.entry(folder.to_owned()).or_default().insert(pattern.to_owned(), files);
    }

    /// Adds an environment variable.
    pub fn variable(&mut self, name: &str, value: Option<&str>) {
        self.environment.insert(name.to_owned(), value.map(|v| digest(v.as_bytes())));
    }

    /// Data that is to be asked for again before the plan is applied.
    pub fn asked(&self) -> &BTreeSet<InstanceAddr> {
        &self.asked
    }

    /// Files that were looked for, and whether they were there.
    pub fn present(&self) -> &BTreeMap<String, bool> {
        &self.present
    }

    /// What was found below folders: by folder and pattern.
    pub fn lists(&self) -> &BTreeMap<String, BTreeMap<String, Vec<String>>> {
        &self.lists
    }

    /// What of the state is no longer as it was read, each as the end of a list's line. `refreshed` came with the plan:
    /// what another run has recorded of the world, and the plan had found, too, is no change.
    pub fn changed_state(&self, plan: &Plan, refreshed: &State, now: &State) -> Vec<String> {
        let mut changes = Vec::new();
        let moved: BTreeMap<&InstanceAddr, &InstanceAddr> = moves(plan).collect();
        for (addr, before) in &self.instances {
            let present = now.instance(addr).zip(now.resources.get(&addr.resource));
            let found = present.map(|(i, r)| fingerprint(r, i));
            let known = || {
                let new = moved.get(addr).copied().unwrap_or(addr);
                let resource = refreshed.resources.get(&new.resource);
                refreshed.instance(new).zip(resource).map(|(i, r)| fingerprint(r, i))
            };
            match found {
                None => changes.push(format!("{addr} {}", How::Gone)),
                Some(found) if found != *before && known() != Some(found.clone()) => {
                    changes.push(format!("{addr} {}", How::Changed));
                }
                Some(_) => {}
            }
        }
        let going = going(plan);
        for (addr, _, instance) in now.instances() {
            if !managed(&addr) || self.instances.contains_key(&addr) {
                continue;
            }
            if self.counts(plan, &addr) {
                changes.push(format!("{addr} {}", How::Appeared));
            } else if let Some(needed) =
                leans_on(instance, &going).filter(|_| !self.dependents.contains(&addr))
            {
                changes.push(format!("{addr} depends now on {needed}, which the plan removes"));
            }
        }
        for (name, before) in &self.outputs {
            if let Some(how) = how(before.as_ref(), output(now, name).as_ref()) {
                changes.push(format!("the output \"{name}\" {how}"));
            }
        }
        changes
    }

    /// Whether an instance that was not there would have been planned for.
    fn counts(&self, plan: &Plan, addr: &InstanceAddr) -> bool {
        if self.absent.contains(addr) {
            return true;
        }
        plan.selects(addr) && (plan.mode == Mode::Destroy || self.sets.iter().any(|s| s.contains(addr)))
    }

    /// What of the files is no longer as it was read. `look` gives the contents of a file, or `None`, and `list` the
    /// files below a folder that a pattern matches.
    pub fn changed_files(
        &self,
        look: impl Fn(&str) -> Option<Vec<u8>>,
        list: impl Fn(&str, &str) -> Vec<String>,
    ) -> Vec<String> {
        let mut changes = BTreeSet::new();
        let mut note = |path: &str, how: How| changes.insert(format!("the file {path} {how}"));
        for (path, before) in &self.files {
            if let Some(how) = how(Some(before), look(path).map(|b| digest(&b)).as_ref()) {
                note(path, how);
            }
        }
        for (path, before) in self.present.iter().filter(|(path, _)| !self.files.contains_key(*path)) {
            match (before, look(path).is_some()) {
                (true, false) => _ = note(path, How::Gone),
                (false, true) => _ = note(path, How::Appeared),
                _ => {}
            }
        }
        for (folder, patterns) in &self.lists {
            for (pattern, before) in patterns {
                let now = list(folder, pattern);
                let added = now.iter().filter(|f| !before.contains(f)).map(|f| (f, How::Appeared));
                let gone = before.iter().filter(|f| !now.contains(f)).map(|f| (f, How::Gone));
                for (file, how) in added.chain(gone) {
                    note(&format!("{}/{file}", folder.trim_end_matches('/')), how);
                }
            }
        }
        changes.into_iter().collect()
    }

    /// What of the environment is no longer as it was read.
    pub fn changed_environment(&self, get: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let mut changes = Vec::new();
        for (name, before) in &self.environment {
            let now = get(name).map(|v| digest(v.as_bytes()));
            let how = match how(before.as_ref(), now.as_ref()) {
                Some(How::Changed) => "has another value",
                Some(How::Gone) => "is no longer set",
                Some(How::Appeared) => "is set now, and was not when the plan was made",
                None => continue,
            };
            changes.push(format!("the environment variable {name} {how}"));
        }
        changes
    }

    /// The state to apply the plan to: what is there `now`, with what the plan found of what it read.
    pub fn merge(&self, plan: &Plan, refreshed: State, now: &State) -> State {
        if plan.prior_lineage == now.lineage && plan.prior_serial == now.serial {
            return refreshed;
        }
        let mut merged = now.clone();
        let moved: BTreeMap<&InstanceAddr, &InstanceAddr> = moves(plan).collect();
        for (from, to) in &moved {
            merged.rename(from, to);
        }
        for addr in self.instances.keys() {
            let addr = moved.get(addr).copied().unwrap_or(addr);
            put(&mut merged, &refreshed, addr);
        }
        for (addr, ..) in refreshed.instances().filter(|(addr, ..)| !managed(addr)) {
            put(&mut merged, &refreshed, &addr);
        }
        for addr in &self.dropped {
            put(&mut merged, &refreshed, addr);
        }
        merged
    }

    /// Whether the plan compared this output with what the state had.
    pub fn read_output(&self, name: &str) -> bool {
        self.outputs.contains_key(name)
    }
}

/// Old and new addresses of what the plan moves.
fn moves(plan: &Plan) -> impl Iterator<Item = (&InstanceAddr, &InstanceAddr)> {
    let current = plan.changes.iter().filter(|c| c.deposed.is_none());
    current.filter_map(|c| c.previous_addr.as_ref().map(|from| (from, &c.addr)))
}

fn output(state: &State, name: &Str) -> Option<String> {
    let output = state.outputs.get(name)?;
    let value =
        formwork_value::json::to_string(&output.value).unwrap_or_else(|_| format!("{:?}", output.value));
    Some(digest(format!("{} {} {value}", output.sensitive, output.value.ty()).as_bytes()))
}

/// Makes an instance as it is in another state, which may be: not there.
fn put(state: &mut State, from: &State, addr: &InstanceAddr) {
    if let Some(resource) = state.resources.get_mut(&addr.resource) {
        resource.instances.remove(&addr.key);
        if resource.instances.is_empty() {
            state.resources.remove(&addr.resource);
        }
    }
    if let (Some(instance), Some(resource)) = (from.instance(addr), from.resources.get(&addr.resource)) {
        let target = state.resources.entry(addr.resource.clone()).or_default();
        target.provider = resource.provider.clone();
        target.instances.insert(addr.key.clone(), instance.clone());
    }
}

#[cfg(test)]
pub(crate) mod tests;
