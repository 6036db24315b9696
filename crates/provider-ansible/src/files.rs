//! The files that a playbook is made of, and whether they changed.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Folders beside a playbook in which Ansible looks for its parts.
const FOLDERS: [&str; 14] = [
    "collections",
    "defaults",
    "files",
    "filter_plugins",
    "group_vars",
    "handlers",
    "host_vars",
    "library",
    "module_utils",
    "playbooks",
    "roles",
    "tasks",
    "templates",
    "vars",
];

/// Digests by name: relative to the playbook's folder, or as the arguments have it.
pub(crate) type Files = BTreeMap<String, String>;

/// What to look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    /// The playbook.
    pub playbook: PathBuf,
    /// Files and folders that the arguments name.
    pub named: Vec<String>,
    /// Names beside the playbook that do not count.
    pub ignore: Vec<String>,
}

/// What there is to look at.
#[derive(Default)]
struct Found {
    /// By name.
    files: BTreeMap<String, PathBuf>,
    folders: Vec<PathBuf>,
    /// Folders, links followed.
    seen: BTreeSet<PathBuf>,
}

impl Parts {
    /// Reads everything. Beside the playbook, only what Ansible would look at counts: YAML files, `ansible.cfg`, and
    /// the folders that have a meaning; state files that lie there, too, do not.
    pub fn digest(&self) -> Result<Files, (PathBuf, io::Error)> {
        let mut out = Files::new();
        for (name, path) in self.found()?.files {
            let digest = digest(&path).map_err(|e| (path, e))?;
            out.insert(name, digest);
        }
        Ok(out)
    }

    /// All files and folders that are looked at, as far as they can be read.
    pub fn paths(&self) -> Vec<String> {
        let Ok(found) = self.found() else { return vec![self.playbook.display().to_string()] };
        let paths = found.files.into_values().chain(found.folders);
        paths.map(|path| path.display().to_string()).collect()
    }

    fn found(&self) -> Result<Found, (PathBuf, io::Error)> {
        let mut out = Found::default();
        let folder = match self.playbook.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let name = self.playbook.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fs::metadata(&self.playbook).map_err(|e| (self.playbook.clone(), e))?;
        out.files.insert(name, self.playbook.clone());
        for entry in entries(&folder)? {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_folder = entry.is_dir();
            let counts = if is_folder {
                FOLDERS.contains(&name.as_str()) || name.ends_with("_plugins")
            } else {
                name == "ansible.cfg" || name.ends_with(".yml") || name.ends_with(".yaml")
            };
            if counts {
                self.walk(&entry, &name, &mut out)?;
            }
        }
        for named in &self.named {
            self.walk(Path::new(named), named, &mut out)?;
        }
        Ok(out)
    }

    fn walk(&self, path: &Path, name: &str, out: &mut Found) -> Result<(), (PathBuf, io::Error)> {
        let last = name.rsplit('/').next().unwrap_or(name);
        let ignored = self
            .ignore
            .iter()
            .map(|i| i.trim_start_matches("./").trim_end_matches('/'))
            .any(|i| name.strip_prefix(i).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        if ignored
            || last == "__pycache__"
            || last == ".git"
            || last.ends_with(".pyc")
            || last.ends_with(".retry")
        {
            return Ok(());
        }
        let fail = |e| (path.to_owned(), e);
        if !path.is_dir() {
            match fs::metadata(path) {
                // A link to nowhere is nothing that Ansible can read.
                Err(e) if e.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_ok() => {}
                Err(e) => return Err(fail(e)),
                Ok(meta) if meta.is_file() => {
                    out.files.insert(name.to_owned(), path.to_owned());
                }
                Ok(_) => {}
            }
            return Ok(());
        }
        // Links may lead in circles.
        if out.seen.insert(path.canonicalize().map_err(fail)?) {
            out.folders.push(path.to_owned());
            for entry in entries(path)? {
                let inner = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.walk(&entry, &format!("{name}/{inner}"), out)?;
            }
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let fail = |e| (folder.to_owned(), e);
    let found: Result<Vec<PathBuf>, io::Error> =
        fs::read_dir(folder).map_err(fail)?.map(|entry| entry.map(|e| e.path())).collect();
    let mut found = found.map_err(fail)?;
    found.sort();
    Ok(found)
}

fn digest(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// One digest for all.
pub(crate) fn checksum(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (name, digest) in files {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(digest.as_bytes());
        hash.update([b'\n']);
    }
    hex(&hash.finalize())
}

/// The names under which something differs.
pub(crate) fn changed(before: &Files, now: &Files) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != now.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ansible_reads_counts_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("site.yml", "- hosts: all");
        write("roles/web/tasks/main.yml", "[]");
        write("roles/web/.hidden", "counts");
        write("terraform.tfstate", "{}");
        write("main.tf", "");
        write("roles/web/__pycache__/x.pyc", "");
        write("group_vars/written.yml", "a: 1");
        std::os::unix::fs::symlink(".", folder.path().join("roles/loop")).unwrap();
        let parts = Parts {
            playbook: folder.path().join("site.yml"),
            ignore: vec!["group_vars/written.yml".into()],
            ..Parts::default()
        };
        let before = parts.digest().unwrap();
        let names: Vec<_> = before.keys().map(String::as_str).collect();
        assert_eq!(names, ["roles/web/.hidden", "roles/web/tasks/main.yml", "site.yml"]);
        write("terraform.tfstate", "{ }");
        write("group_vars/written.yml", "a: 2");
        assert_eq!(checksum(&parts.digest().unwrap()), checksum(&before));
        write("roles/web/tasks/main.yml", "[ ]");
        write("roles/db/tasks/main.yml", "");
        let now = parts.digest().unwrap();
        assert_eq!(changed(&before, &now), ["roles/db/tasks/main.yml", "roles/web/tasks/main.yml"]);
        assert_ne!(checksum(&now), checksum(&before));
    }
}
