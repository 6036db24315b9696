//! What the environment says.

use crate::args::Environment;
use crate::providers;
use formwork_aws_keys::{Account, Key};
use formwork_diag::Diagnostic;
use formwork_modules::Accounts;
use formwork_state::Outside;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The process's environment.
#[derive(Clone, Copy, Debug)]
pub struct Real;

impl Environment for Real {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|v| !v.is_empty())
    }
}

impl Outside for Real {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name)
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir()
    }

    fn unix_time(&self) -> i64 {
        jiff::Timestamp::now().as_second()
    }
}

impl formwork_aws_keys::World for Real {
    fn variable(&self, name: &str) -> Option<String> {
        Outside::variable(self, name)
    }

    fn home(&self) -> Option<PathBuf> {
        Outside::home(self)
    }

    fn unix_time(&self) -> i64 {
        Outside::unix_time(self)
    }

    fn ask(&self, account: &Account) -> Option<Result<Key, String>> {
        providers::ask_for_keys(account)
    }
}

/// Whether what was interrupted in another account, region or cluster is to be looked for where providers lead today.
pub fn settle_here() -> bool {
    switch("FORMWORK_RECOVER_HERE").unwrap_or(false)
}

/// A switch of the environment: anything but `0` and `false` turns it on.
fn switch(name: &str) -> Option<bool> {
    Real.get(name).map(|v| !matches!(v.as_str(), "0" | "false" | "FALSE" | "False" | "f" | "F"))
}

/// `TF_INPUT`: whether to ask for what is missing.
pub fn input() -> bool {
    switch("TF_INPUT").unwrap_or(true)
}

/// `TF_IN_AUTOMATION`: leave out advice on what to type next.
pub fn automation() -> bool {
    Real.get("TF_IN_AUTOMATION").is_some()
}

/// How many snapshots are kept when nobody says otherwise.
const HISTORY: usize = 10;

/// `FORMWORK_STATE_HISTORY`: how many of the last snapshots are kept beside the state; 0 for none.
pub fn state_history() -> usize {
    Real.get("FORMWORK_STATE_HISTORY").and_then(|v| v.trim().parse().ok()).unwrap_or(HISTORY)
}

/// `TF_ENCRYPTION`: what is laid over the block `encryption`.
pub fn encryption() -> Option<String> {
    Real.get(crate::encryption::VARIABLE).filter(|text| !text.trim().is_empty())
}

/// A variable by its name; one that is empty is as good as none.
pub fn text(name: &str) -> Option<String> {
    Real.get(name)
}

/// `NO_COLOR`: <https://no-color.org>. `TERM=dumb` means the same.
pub fn colour() -> bool {
    Real.get("NO_COLOR").is_none() && Real.get("TERM").as_deref() != Some("dumb")
}

/// `TF_LOG`: whether events are logged on standard error.
pub fn log() -> bool {
    Real.get("TF_LOG")
        .is_some_and(|l| matches!(l.to_ascii_uppercase().as_str(), "INFO" | "DEBUG" | "TRACE" | "JSON" | "1"))
}

/// `KUBE_CONFIG_PATH`, or `KUBE_CONFIG_PATHS` with colons between: kubeconfig files for provider blocks that name none,
/// as with HashiCorp's provider.
pub fn kubeconfigs() -> Vec<PathBuf> {
    let several = || Real.get("KUBE_CONFIG_PATHS").map(|paths| std::env::split_paths(&paths).collect());
    Real.get("KUBE_CONFIG_PATH").map(|path| vec![path.into()]).or_else(several).unwrap_or_default()
}

/// A variable that a provider says it goes by.
pub fn provider_setting(name: &str) -> Option<String> {
    Real.get(name)
}

/// `TF_DATA_DIR`: the folder for what is remembered between runs.
pub fn data_dir() -> PathBuf {
    Real.get("TF_DATA_DIR").unwrap_or_else(|| ".terraform".to_owned()).into()
}

/// The line of shell by which the user wants git to run SSH: `GIT_SSH_COMMAND`, or the program that `GIT_SSH` names.
pub fn git_ssh() -> Option<String> {
    let program = || Real.get("GIT_SSH").map(|path| format!("'{}'", path.replace('\'', "'\\''")));
    Real.get("GIT_SSH_COMMAND").or_else(program)
}

/// What the user's settings say of the hosts of registries, as Terraform reads them: the file that `TF_CLI_CONFIG_FILE`
/// names, or else `~/.terraformrc` and the files in `~/.terraform.d`; what `login` has stored; variables `TF_TOKEN_…`.
pub fn accounts() -> (Accounts, Vec<Diagnostic>) {
    let home = Real.get("HOME").map(PathBuf::from);
    let folder = home.as_ref().map(|home| home.join(".terraform.d"));
    let mut files: Vec<PathBuf> = Vec::new();
    match Real.get("TF_CLI_CONFIG_FILE").or_else(|| Real.get("TERRAFORM_CONFIG")) {
        Some(own) => files.push(own.into()),
        None => {
            files.extend(home.map(|home| home.join(".terraformrc")));
            let entries = folder.as_ref().and_then(|folder| std::fs::read_dir(folder).ok());
            let mut found: Vec<PathBuf> =
                entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
            found.retain(|path| {
                let name = path.to_string_lossy();
                name.ends_with(".tfrc") || name.ends_with(".tfrc.json")
            });
            found.sort();
            files.extend(found);
        }
    }
    let plugins = folder.as_ref().map(|folder| folder.join("plugins"));
    let platform = plugins.as_ref().map(|folder| folder.join(platform()));
    let stored = folder.map(|folder| folder.join("credentials.tfrc.json"));
    files.extend(stored.filter(|path| !files.contains(path)));
    let mut accounts = Accounts::new(plugins.into_iter().chain(platform).collect());
    let remarks = files.iter().filter_map(|path| accounts.read(path)).collect();
    let variables =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    for (name, value) in variables.filter(|(_, value)| !value.is_empty()) {
        accounts.variable_of(&name, &value);
    }
    (accounts, remarks)
}

/// This kind of machine by the names that Go has, as in `linux_amd64`.
pub fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("{system}_{machine}")
}

/// The file with the name of the workspace that was last selected here: Terraform's name for it.
pub fn workspace_file() -> PathBuf {
    data_dir().join("environment")
}

/// The workspace that was last selected here, if any was; the error says why that is not known.
fn selected() -> Result<Option<String>, String> {
    match std::fs::read_to_string(workspace_file()) {
        // Only a write that was cut short leaves it so: it is not a choice of the default one.
        Ok(text) if text.trim().is_empty() => Err("it is empty".to_owned()),
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

/// The current workspace: `TF_WORKSPACE`, else what was last selected here. Without a name where that is not known: see
/// [`workspace_unknown`].
pub fn workspace() -> String {
    Real.get("TF_WORKSPACE")
        .or_else(|| selected().unwrap_or_else(|_| Some(String::new())))
        .unwrap_or_else(|| "default".to_owned())
}

/// Why it is not known which workspace is the current one.
pub fn workspace_unknown() -> Option<Diagnostic> {
    let why = Real.get("TF_WORKSPACE").is_none().then(selected)?.err()?;
    let d = Diagnostic::error(
        "The current workspace is not known",
        format!(
            "The file {}, which names it, cannot be used: {why}. Another workspace than the one that was selected has another \
             state.",
            workspace_file().display()
        ),
    );
    Some(d.help(
        "Select it again with formwork workspace select NAME; formwork workspace list shows which there are.",
    ))
}

/// Why the current workspace's name cannot be one: it names a folder, and must not lead out of where the states are.
pub fn workspace_problem() -> Option<Diagnostic> {
    let name = workspace();
    if is_workspace_name(&name) || workspace_unknown().is_some() {
        return None;
    }
    let from = match Real.get("TF_WORKSPACE") {
        Some(_) => "TF_WORKSPACE".to_owned(),
        None => workspace_file().display().to_string(),
    };
    let d = Diagnostic::error(
        "Invalid workspace name",
        format!(
            "The name {name:?}, from {from}, cannot be one of a workspace: the state is in a folder of that name."
        ),
    );
    Some(d.help(
        "Use letters, digits and any of -_.~$&+=:@ (what needs no escaping in a URL), but not only one or two dots.",
    ))
}

/// As Terraform has it, which asks whether escaping it as a segment of a URL's path changes it; and no folder above.
pub fn is_workspace_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~$&+=:@".contains(&b);
    !matches!(name, "" | "." | "..") && name.bytes().all(is_plain)
}

/// `TF_VAR_name`: the names with their values.
pub fn variables() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(k, v)| {
            let name = k.to_str()?.strip_prefix("TF_VAR_")?.to_owned();
            Some((name, v.into_string().ok()?))
        })
        .filter(|(name, _)| !name.is_empty())
        .collect();
    found.sort();
    found
}

/// Who runs this, as `user@host`, or only the host where the user's name is not known.
pub fn who() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match Real.get("USER").or_else(|| Real.get("LOGNAME")).or_else(user) {
        Some(user) => format!("{user}@{host}"),
        None => host,
    }
}

/// The user by the list of users, for who has no such variable: jobs of pipelines mostly.
fn user() -> Option<String> {
    let id = rustix::process::geteuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.split(':').nth(2) == Some(&id))?;
    line.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_names_stay_where_the_states_are() {
        for name in ["default", "a.b", "..a", "a:b@$&+=~", "v1_2-3"] {
            assert!(is_workspace_name(name), "{name}");
        }
        for name in
            ["", ".", "..", "../../evil", "a/b", "a b", "é", "x;y", "x,y", "it's", "a!", "a*", "a\\b", "a\0"]
        {
            assert!(!is_workspace_name(name), "{name}");
        }
    }
}
