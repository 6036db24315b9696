//! The resource type's data, and what can be said of it without running anything.

use formwork_provider::{Computed, Nested, Problem, Resource};
use formwork_value::{Path, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A playbook that is run against hosts: when it is created, and again when its arguments, its triggers or its files
/// change. A plan runs it in check mode on the hosts that answer already, and tells what it would do to each.
///
/// A run cannot be undone: destroying forgets it, unless `destroy_playbook` says how. A run that was interrupted, or
/// failed, is run again from its start by the next apply.
#[derive(Clone, Debug, Resource)]
#[resource(name = "ansible_playbook", version = 1)]
pub(crate) struct Playbook {
    /// Path of the playbook.
    pub playbook: String,
    /// Name of a host to run it on, besides those of `hosts`; the playbook sees it as `hostname`.
    pub name: Option<String>,
    /// Groups that the host `name` belongs to.
    pub groups: Option<Vec<String>>,
    /// A host to run it on.
    #[block(list)]
    pub hosts: Vec<Host>,
    /// Inventory files to use besides.
    pub extra_inventory_files: Option<Vec<String>>,
    /// User to log in as, where a host does not name its own.
    pub ssh_user: Option<String>,
    /// Path of the private key to log in with.
    pub ssh_private_key_file: Option<String>,
    /// The private key to log in with. It is on disk, readable to nobody else, only while the playbook runs.
    #[attr(sensitive)]
    pub ssh_private_key: Option<String>,
    /// What to do about host keys that are not known: `accept-new` (take the key of a host that was never seen, refuse
    /// one that changed), `strict` (refuse both) or `off` (take any, and remember none). A host with a `host_key` must
    /// show exactly that.
    #[attr(default = "accept-new")]
    pub host_key_checking: String,
    /// File of known host keys, in place of the user's own.
    pub known_hosts_file: Option<String>,
    /// How many seconds to wait, before a run, until SSH answers on all hosts. 0 does not look at all.
    #[attr(default = 300)]
    pub wait_for: i64,
    /// Any values: when they change, the playbook is run again.
    pub triggers: Option<BTreeMap<String, String>>,
    /// Whether to run it at every apply. With `false`, it runs when something has changed.
    #[attr(default = true)]
    pub replayable: bool,
    /// Whether a plan runs it in check mode. Tasks marked `check_mode: false` really run then.
    #[attr(default = true)]
    pub preview: bool,
    /// Variables, which win over all others. A value that is a list or object in JSON (`jsonencode`) is handed over as
    /// such, anything else as text. No message shows these values.
    pub extra_vars: Option<BTreeMap<String, String>>,
    /// Files of variables.
    pub var_files: Option<Vec<String>>,
    /// Encrypted files of variables.
    pub vault_files: Option<Vec<String>>,
    /// Path of the file that holds the password of the vault files.
    pub vault_password_file: Option<String>,
    /// ID of the vaults.
    pub vault_id: Option<String>,
    /// Folders of roles, besides the `roles` beside the playbook.
    pub roles_path: Option<Vec<String>>,
    /// Tags of the plays and tasks to run.
    pub tags: Option<Vec<String>>,
    /// Patterns of the hosts to keep to.
    pub limit: Option<Vec<String>>,
    /// Whether apply, too, only checks what would change.
    #[attr(default = false)]
    pub check_mode: bool,
    /// Whether to show what changes inside files. Nothing is shown of tasks marked `no_log`, but what templates write
    /// may be secret without being marked.
    #[attr(default = false)]
    pub diff_mode: bool,
    /// Whether handlers run even after a task has failed.
    #[attr(default = false)]
    pub force_handlers: bool,
    /// How much Ansible says about itself, from 0 to 6.
    #[attr(default = 0)]
    pub verbosity: i64,
    /// Whether a failing playbook counts as a success.
    #[attr(default = false)]
    pub ignore_playbook_failure: bool,
    /// A playbook to run on the same hosts when this is destroyed or replaced.
    pub destroy_playbook: Option<String>,
    /// The `ansible-playbook` program, in place of the provider's.
    pub ansible_playbook_binary: Option<String>,
    /// Files and folders beside the playbook that do not count when it is found out whether the playbook changed,
    /// such as files that this configuration writes itself.
    pub checksum_ignore: Option<Vec<String>>,
    /// How long runs may take.
    #[block(single)]
    pub timeouts: Option<Timeouts>,
    /// Identifier of the object.
    pub id: Computed<String>,
    /// SHA-256 over the playbook, what stands beside it (roles, templates, files, variables), and the files that the
    /// arguments name, as they were last run.
    #[attr(volatile)]
    pub checksum: Computed<String>,
    /// What the last run did, by host.
    #[attr(volatile)]
    pub stats: Computed<BTreeMap<String, Counts>>,
    /// What the last run did, task by task.
    #[attr(volatile)]
    pub ansible_playbook_stdout: Computed<String>,
    /// What Ansible complained about in the last run.
    #[attr(volatile)]
    pub ansible_playbook_stderr: Computed<String>,
}

/// A host.
#[derive(Clone, Debug, Default, Nested)]
pub(crate) struct Host {
    /// Its name in the inventory.
    pub name: String,
    /// Where to reach it, if not by its name.
    pub address: Option<String>,
    /// The port of its SSH server, if not 22.
    pub port: Option<i64>,
    /// User to log in as.
    pub user: Option<String>,
    /// Groups that it belongs to.
    pub groups: Option<Vec<String>>,
    /// Its variables. No message shows these values.
    pub vars: Option<BTreeMap<String, String>>,
    /// Its public key, as `ssh-ed25519 AAAA…`: no other key is taken.
    pub host_key: Option<String>,
}

/// How often what happened on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Nested)]
pub(crate) struct Counts {
    /// Tasks that went well, changed or not.
    pub ok: u64,
    /// Tasks that changed something.
    pub changed: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// Tasks for which the host could not be reached.
    pub unreachable: u64,
    /// Tasks that were left out.
    pub skipped: u64,
    /// Failures that a `rescue` section caught.
    pub rescued: u64,
    /// Failures that the playbook says do not matter.
    pub ignored: u64,
}

/// How long runs may take, as `30s`, `10m` or `1h30m`. Without a limit, as long as they need.
#[derive(Clone, Debug, Default, Nested)]
pub(crate) struct Timeouts {
    /// The first run.
    pub create: Option<String>,
    /// Further runs.
    pub update: Option<String>,
    /// The run of `destroy_playbook`.
    pub delete: Option<String>,
}

/// Attributes that say how to run, not what: their change alone runs nothing.
pub(crate) const HOW: [&str; 10] = [
    "ansible_playbook_binary",
    "destroy_playbook",
    "diff_mode",
    "ignore_playbook_failure",
    "preview",
    "replayable",
    "timeouts",
    "vault_password_file",
    "verbosity",
    "wait_for",
];

/// Attributes that a run gives.
pub(crate) const RESULTS: [&str; 4] =
    ["ansible_playbook_stderr", "ansible_playbook_stdout", "checksum", "stats"];

/// Reads `1h30m`, `10m`, `30s`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (0u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let n: u64 = rest[..digits].parse().ok()?;
        let mut unit = rest[digits..].chars();
        let factor = match unit.next()? {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(n.checked_mul(factor)?)?;
        rest = unit.as_str();
    }
    (total > 0).then(|| Duration::from_secs(total))
}

/// Checks a configuration in which values may be unknown.
pub(crate) fn validate(config: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut fail = |path: Path, summary: &str, detail: String| {
        problems.push(Problem::error(path, summary, detail));
    };
    let root = Path::root();
    let at = |name: &str| config.get(name).filter(|v| v.is_known() && !v.is_null());
    if let Some(policy) = at("host_key_checking").and_then(Value::as_str)
        && !["accept-new", "strict", "off"].contains(&policy)
    {
        let detail =
            format!("host_key_checking is \"{policy}\"; it can be \"accept-new\", \"strict\" or \"off\".");
        fail(root.attr("host_key_checking"), "Unknown host key policy", detail);
    }
    for (name, least, most) in [("verbosity", 0, 6), ("wait_for", 0, 86_400)] {
        if let Some(number) = at(name).and_then(Value::as_number)
            && !number.to_i64().is_some_and(|n| (least..=most).contains(&n))
        {
            let detail = format!("{name} is {number}; it must be a whole number from {least} to {most}.");
            fail(root.attr(name), "Number out of range", detail);
        }
    }
    if at("ssh_private_key").is_some() && at("ssh_private_key_file").is_some() {
        let detail = "Both ssh_private_key and ssh_private_key_file are set: only one key can be used.";
        fail(root.attr("ssh_private_key"), "Conflicting arguments", detail.into());
    }
    if at("vault_files").is_some_and(|v| v.len() != Some(0))
        && config.get("vault_password_file").is_some_and(Value::is_null)
    {
        let detail = "vault_files are encrypted, and there is no vault_password_file to open them with.";
        fail(root.attr("vault_files"), "Missing vault password", detail.into());
    }
    for name in ["create", "update", "delete"] {
        let text = at("timeouts").and_then(|t| t.get(name)).and_then(Value::as_str);
        if let Some(text) = text.filter(|t| duration(t).is_none()) {
            let detail =
                format!("timeouts.{name} is \"{text}\"; write a time such as \"30s\", \"10m\" or \"1h30m\".");
            fail(root.attr("timeouts").attr(name), "Malformed duration", detail);
        }
    }
    hosts(config, &mut fail);
    problems
}

fn hosts(config: &Value, fail: &mut dyn FnMut(Path, &str, String)) {
    let root = Path::root();
    let mut seen = BTreeSet::new();
    let name = config.get("name").filter(|n| !n.is_null());
    if let Some(name) = name.and_then(Value::as_str) {
        if let Some(why) = unfit(name) {
            fail(root.attr("name"), "Malformed host name", format!("The host name \"{name}\" {why}."));
        }
        seen.insert(name);
    }
    let hosts = config.get("hosts").and_then(Value::as_slice);
    let none = |name: &str| config.get(name).is_none_or(|v| v.is_null() || v.len() == Some(0));
    if name.is_none() && config.get("hosts").is_some_and(Value::is_known) && none("hosts") {
        if none("extra_inventory_files") {
            let detail = "There is neither a hosts block, nor a name, nor an extra inventory file, so there is \
                nothing to run the playbook on. Add a hosts block for each host.";
            fail(root, "No hosts", detail.into());
        }
        return;
    }
    for (i, host) in hosts.unwrap_or_default().iter().enumerate() {
        let at = root.attr("hosts").index(i);
        if let Some(name) = host.get("name").and_then(Value::as_str) {
            if let Some(why) = unfit(name) {
                fail(at.attr("name"), "Malformed host name", format!("The host name \"{name}\" {why}."));
            }
            if !seen.insert(name) {
                let detail =
                    format!("Two hosts have the name \"{name}\"; Ansible would see only one of them.");
                fail(at.attr("name"), "Duplicate host name", detail);
            }
        }
        if let Some(port) = host.get("port").and_then(Value::as_number)
            && !port.to_i64().is_some_and(|p| (1..=65_535).contains(&p))
        {
            let detail = format!("The port is {port}; it must be a whole number from 1 to 65535.");
            fail(at.attr("port"), "Number out of range", detail);
        }
        for group in host.get("groups").and_then(Value::as_slice).unwrap_or_default() {
            if let Some(group) = group.as_str()
                && let Some(why) = unfit(group)
            {
                let detail = format!("The group name \"{group}\" {why}.");
                fail(at.attr("groups"), "Malformed group name", detail);
            }
        }
    }
}

/// Why a text cannot be the name of a host or group: it would be taken for a pattern.
fn unfit(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.starts_with(['!', '&', '~', '-', '@']) {
        Some("begins with a sign that means something else in patterns of hosts")
    } else if name.contains(|c: char| c.is_whitespace() || ",;*?[]{}\"'\\".contains(c)) {
        Some("has a blank or a sign that means something else in patterns of hosts")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formwork_provider::Model;
    use formwork_value::{Map, Type};

    /// A configuration in which only these are set.
    fn config(set: &[(&str, Value)]) -> Value {
        let schema = Playbook::schema();
        let null = |ty: Type| Value::null(ty);
        let mut map: Map =
            schema.block.attributes.iter().map(|(k, a)| (k.clone(), null(a.ty.clone()))).collect();
        map.insert("hosts".into(), Value::list(Host::block().ty(), Vec::new()));
        map.insert("timeouts".into(), Value::null(Timeouts::block().ty()));
        for (name, value) in set {
            map.insert((*name).into(), value.clone());
        }
        Value::from(map)
    }

    fn named(names: &[&str]) -> Value {
        use formwork_provider::ToValue;
        let host = |n: &&str| Host { name: n.to_string(), ..Host::default() }.to_value();
        Value::list(Host::block().ty(), names.iter().map(host).collect())
    }

    #[test]
    fn configurations_are_checked() {
        let check = |set: &[(&str, Value)], expected: &[&str]| {
            let found: Vec<String> = validate(&config(set)).into_iter().map(|p| p.summary).collect();
            assert_eq!(found, expected);
        };
        check(&[("name", "h1".into())], &[]);
        check(&[], &["No hosts"]);
        check(&[("hosts", Value::unknown(Type::list(Host::block().ty())))], &[]);
        check(&[("hosts", named(&["a", "b"]))], &[]);
        check(&[("hosts", named(&["a", "a"]))], &["Duplicate host name"]);
        check(&[("hosts", named(&["a"])), ("name", "a".into())], &["Duplicate host name"]);
        check(&[("hosts", named(&["!a", "b,c", ""]))], &["Malformed host name"; 3]);
        check(&[("name", "a".into()), ("verbosity", 7.into())], &["Number out of range"]);
        check(&[("name", "a".into()), ("verbosity", Value::unknown(Type::Number))], &[]);
        check(&[("name", "a".into()), ("host_key_checking", "no".into())], &["Unknown host key policy"]);
        let files = Value::list(Type::String, vec!["v.yml".into()]);
        check(&[("name", "a".into()), ("vault_files", files)], &["Missing vault password"]);
    }

    #[test]
    fn durations() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(duration(text).map(|d| d.as_secs()), seconds, "{text}");
        };
        check("30s", Some(30));
        check("1h30m", Some(5400));
        for wrong in ["", "5", "m", "1d", "0s", "1.5h", "99999999999999999999h", "9999999999999999h"] {
            check(wrong, None);
        }
    }
}
