//! The private folder of one run.

use crate::host;
use crate::playbook::Playbook;
use formwork_provider::CallError;
use serde_json::{Map, Value};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The callback plugin.
const PLUGIN: &str = include_str!("formwork.py");

/// A folder that nobody else can read, removed when dropped.
pub(crate) struct Workdir(TempDir);

impl Workdir {
    /// Writes everything that a run needs. `only` is what the group of reachable hosts holds.
    pub fn new(playbook: &Playbook, only: Option<&[String]>) -> Result<Self, CallError> {
        Self::write(playbook, only).map_err(|error| {
            let detail =
                format!("The inventory and variables cannot be written to a temporary folder: {error}.");
            CallError::new("Temporary files cannot be written", detail)
        })
    }

    fn write(playbook: &Playbook, only: Option<&[String]>) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("formwork-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        let out = Workdir(folder);
        fs::create_dir(out.plugins())?;
        fs::create_dir(out.control())?;
        out.file("plugins/formwork.py", PLUGIN)?;
        let key = match (&playbook.ssh_private_key, &playbook.ssh_private_key_file) {
            (Some(key), _) => {
                // ssh refuses a key without a newline at its end.
                out.file("key", &format!("{}\n", key.trim_end()))?;
                Some(out.path("key"))
            }
            (None, Some(file)) => Some(expanded(file)),
            (None, None) => None,
        };
        out.file("known_hosts", &host::known_hosts(playbook))?;
        let inventory = host::inventory(playbook, key.as_deref(), &out.path("known_hosts"), only);
        out.file("inventory.json", &inventory)?;
        out.file("variables.json", &variables(playbook))?;
        Ok(out)
    }

    fn file(&self, name: &str, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(name))?;
        file.write_all(text.as_bytes())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where the plugin is.
    pub fn plugins(&self) -> PathBuf {
        self.path("plugins")
    }

    /// Where ssh puts the sockets of its shared connections.
    pub fn control(&self) -> PathBuf {
        self.path("control")
    }

    /// The socket for events.
    pub fn events(&self) -> PathBuf {
        self.path("events")
    }

    /// The inventory.
    pub fn inventory(&self) -> PathBuf {
        self.path("inventory.json")
    }

    /// The extra variables.
    pub fn variables(&self) -> PathBuf {
        self.path("variables.json")
    }

    /// Removes the variables, once Ansible has read them: should this process be killed, they do not stay behind.
    pub fn forget_variables(&self) {
        // Were it to fail, they go with the folder.
        let _ = fs::remove_file(self.variables());
    }
}

/// `~/…` is for Ansible to expand; anything else must not depend on the folder that Ansible runs in.
fn expanded(path: &str) -> PathBuf {
    if path.starts_with('~') { Path::new(path).to_owned() } else { host::absolute(path).into() }
}

fn variables(playbook: &Playbook) -> String {
    let mut out = Map::new();
    if let Some(name) = &playbook.name {
        out.insert("hostname".into(), name.as_str().into());
    }
    for (name, value) in playbook.extra_vars.iter().flatten() {
        let value = crate::secrets::structured(value).unwrap_or_else(|| value.as_str().into());
        out.insert(name.clone(), value);
    }
    Value::Object(out).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::tests::playbook;

    #[test]
    fn nobody_else_can_read_what_is_written() {
        let mut p = playbook("site.yml");
        p.name = Some("h1".into());
        p.extra_vars = Some([("pw".into(), "hunter22".into()), ("l".into(), "[1]".into())].into());
        p.ssh_private_key = Some("KEY".into());
        let dir = Workdir::new(&p, None).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir.0.path()), 0o700);
        assert_eq!(mode(&dir.variables()), 0o600);
        assert_eq!(mode(&dir.path("key")), 0o600);
        assert_eq!(fs::read_to_string(dir.path("key")).unwrap(), "KEY\n");
        let text = fs::read_to_string(dir.variables()).unwrap();
        assert_eq!(text, r#"{"hostname":"h1","l":[1],"pw":"hunter22"}"#);
        dir.forget_variables();
        assert!(!dir.variables().exists());
    }
}
