//! Fetching all modules of a configuration into the data folder.

use crate::fetch::{Problem, Tools, fetch};
use crate::lock::{Entry, LOCK_FILE, Lock};
use crate::{hash, tree};
use formwork_addr::ModulePath;
use formwork_config::{
    Files, Found, Loaded, Manifest, ManifestEntry, ModuleCall, Modules, Remote, Source, load_with,
    manifest_key, placed, remote,
};
use formwork_diag::{Diagnostic, has_errors, suggestion};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What to fetch, and where to.
pub struct Options<'a> {
    /// The folder of the root module.
    pub root: &'a Path,
    /// The folder for what is remembered between runs.
    pub data_dir: &'a Path,
    /// Fetch everything again, whatever the lock says.
    pub update: bool,
    /// How programs are run.
    pub tools: Tools,
    /// Told of each module.
    pub report: &'a dyn Fn(Event<'_>),
}

/// What becomes of a module; no text in it holds credentials.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// It is at a local path.
    Local {
        /// The names of the calls.
        module: &'a str,
        /// Its folder.
        dir: &'a Path,
    },
    /// It was fetched before.
    Kept {
        /// The names of the calls.
        module: &'a str,
        /// Its folder.
        dir: &'a Path,
    },
    /// It is about to be fetched.
    Fetching {
        /// The names of the calls.
        module: &'a str,
        /// From where.
        source: &'a str,
    },
    /// It was fetched.
    Fetched {
        /// The names of the calls.
        module: &'a str,
        /// Its folder.
        dir: &'a Path,
    },
}

/// Reads the configuration in the root folder, and fetches every module in it that is not at a local path. What is wrong is
/// among the diagnostics of the configuration.
pub fn install(files: &dyn Files, options: &Options<'_>) -> Loaded {
    let mut early = Loaded::default();
    let lock_path = options.root.join(LOCK_FILE);
    let lock = match Lock::read(&lock_path, &mut early.sources) {
        Ok(lock) => lock,
        Err(diagnostics) => {
            return Loaded { diagnostics, ..early };
        }
    };
    let folder = options.data_dir.join("modules");
    let list_path = folder.join("modules.json");
    // A list that cannot be read is made again.
    let old = fs::read(&list_path).ok().and_then(|bytes| Manifest::parse(&bytes).ok()).unwrap_or_default();
    let installer = Installer { options, folder, old, lock, done: RefCell::default() };
    let mut loaded = load_with(options.root, files, &installer);
    let Installer { old, lock, done, .. } = installer;
    let Done { mut list, mut used, remarks, .. } = done.into_inner();
    loaded.diagnostics.extend(remarks);
    if has_errors(&loaded.diagnostics) {
        // What was not reached stays as it was.
        let unreached = old.modules.into_iter().filter(|(key, _)| !key.is_empty());
        for (key, entry) in unreached {
            list.entry(key).or_insert(entry);
        }
        for (source, entry) in lock.entries {
            used.entry(source).or_insert(entry);
        }
    }
    let written = (|| {
        // Local modules alone need no list: without one, nothing is written.
        let any = list.values().any(|entry| !is_local(&entry.source));
        if any || list_path.exists() {
            list.insert(String::new(), ManifestEntry { source: String::new(), dir: ".".into() });
            write_list(&list_path, &Manifest { modules: list })?;
        }
        Lock { entries: used }.write(&lock_path)
    })();
    if let Err(e) = written {
        loaded.diagnostics.push(Diagnostic::error(
            "List of modules cannot be written",
            format!("What was fetched could not be recorded: {e}."),
        ));
    }
    loaded
}

fn is_local(source: &str) -> bool {
    matches!(Source::parse(source), Ok(Source::Local))
}

/// Sources may hold passwords, which only the owner may then read.
fn write_list(path: &Path, list: &Manifest) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, list.to_json().as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let is_secret =
            |source: &str| matches!(Source::parse(source), Ok(Source::Remote(r)) if r.is_secret());
        let mode = if list.modules.values().any(|e| is_secret(&e.source)) { 0o600 } else { 0o644 };
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    }
    file.persist(path)?;
    Ok(())
}

struct Installer<'a> {
    options: &'a Options<'a>,
    /// Where modules are fetched to.
    folder: PathBuf,
    old: Manifest,
    lock: Lock,
    done: RefCell<Done>,
}

#[derive(Default)]
struct Done {
    list: BTreeMap<String, ManifestEntry>,
    /// Of the lock, what is still of use.
    used: BTreeMap<String, Entry>,
    /// Folders of what was fetched in this run, by source.
    packages: BTreeMap<String, PathBuf>,
    remarks: Vec<Diagnostic>,
}

impl Modules for Installer<'_> {
    fn folder(&self, path: &ModulePath, call: &ModuleCall) -> Result<Found, Diagnostic> {
        let remote = remote(call)?;
        let key = manifest_key(path);
        let found = self.one(&key, &remote, call).map_err(|p| {
            let d =
                Diagnostic::error("Module cannot be fetched", format!("The module \"{key}\": {}", p.detail));
            let d = match p.help {
                Some(help) => d.help(help),
                None => d,
            };
            placed(d, &remote, call)
        })?;
        let mut done = self.done.borrow_mut();
        done.list.insert(key, ManifestEntry { source: remote.full(), dir: found.dir.clone() });
        Ok(found)
    }

    fn local(&self, path: &ModulePath, call: &ModuleCall, dir: &Path) {
        let key = manifest_key(path);
        (self.options.report)(Event::Local { module: &key, dir });
        let entry = ManifestEntry { source: call.source.to_string(), dir: dir.to_path_buf() };
        self.done.borrow_mut().list.insert(key, entry);
    }
}

impl Installer<'_> {
    fn one(&self, key: &str, remote: &Remote, call: &ModuleCall) -> Result<Found, Problem> {
        let report = self.options.report;
        let slot = self.folder.join(key);
        let (package, shown) = (remote.package(), remote.shown());
        if let Some(found) = self.kept(key, remote, &slot) {
            report(Event::Kept { module: key, dir: &found.dir });
            return Ok(found);
        }
        let known = self.done.borrow().packages.get(&package).cloned();
        if let Some(other) = known {
            let fresh = self.fresh()?;
            tree::copy(&other, fresh.path())?;
            replace(fresh, &slot)?;
        } else {
            report(Event::Fetching { module: key, source: &shown });
            let entry = self.fetch(remote, &shown, &slot, call)?;
            let mut done = self.done.borrow_mut();
            done.used.insert(shown, entry);
            done.packages.insert(package, slot.clone());
        }
        let dir = inside(&slot, &remote.subdir)?;
        report(Event::Fetched { module: key, dir: &dir });
        Ok(Found::within(&dir, &remote.subdir))
    }

    /// What is there from an earlier run, if it is what is wanted.
    fn kept(&self, key: &str, remote: &Remote, slot: &Path) -> Option<Found> {
        let shown = remote.shown();
        let listed = self.old.modules.get(key)?;
        let again = self.options.update || self.done.borrow().packages.contains_key(&remote.package());
        let dir = below(slot, &remote.subdir);
        if again || listed.source != remote.full() || listed.dir != dir || !dir.is_dir() {
            return None;
        }
        let locked = self.lock.entries.get(&shown)?;
        if hash::of_folder(slot).ok()? != locked.hash {
            return None;
        }
        self.done.borrow_mut().used.insert(shown, locked.clone());
        Some(Found::within(&dir, &remote.subdir))
    }

    fn fresh(&self) -> Result<tempfile::TempDir, Problem> {
        fs::create_dir_all(&self.folder)
            .and_then(|()| tempfile::Builder::new().prefix(".fetch-").tempdir_in(&self.folder))
            .map_err(|e| Problem::io("written", &self.folder, &e))
    }

    /// Fetches into the slot, and holds what came against the lock.
    fn fetch(&self, remote: &Remote, shown: &str, slot: &Path, call: &ModuleCall) -> Result<Entry, Problem> {
        let locked = self.lock.entries.get(shown).filter(|_| !self.options.update);
        let fresh = self.fresh()?;
        let into = fresh.path().join("package");
        fs::create_dir(&into).map_err(|e| Problem::io("made", &into, &e))?;
        let wanted = locked.and_then(|l| l.commit.as_deref());
        let fetched = fetch(remote, wanted, &into, &self.options.tools)?;
        let hash = hash::of_folder(&into)?;
        if let Some(locked) = locked.filter(|l| l.hash != hash) {
            return Err(Problem::new(format!(
                "{shown} is not what it was: its content has the digest {hash}, and {LOCK_FILE} has {}.",
                locked.hash
            ))
            .help("If you trust the new content, take it with formwork get -update, and look at what changes in the plan."));
        }
        if let (Some(newer), Some(commit)) = (&fetched.newer, &fetched.commit) {
            let d = Diagnostic::warning(
                "Module has a newer commit",
                format!(
                    "{shown} is at commit {newer} now; commit {commit} was fetched, as {LOCK_FILE} says."
                ),
            );
            let d = placed(d.help("To take the newer one: formwork get -update"), remote, call);
            self.done.borrow_mut().remarks.push(d);
        }
        if slot.exists() {
            fs::remove_dir_all(slot).map_err(|e| Problem::io("removed", slot, &e))?;
        }
        fs::rename(&into, slot).map_err(|e| Problem::io("written", slot, &e))?;
        Ok(Entry { commit: fetched.commit, hash })
    }
}

/// Puts a new folder where an old one may be.
fn replace(fresh: tempfile::TempDir, slot: &Path) -> Result<(), Problem> {
    if slot.exists() {
        fs::remove_dir_all(slot).map_err(|e| Problem::io("removed", slot, &e))?;
    }
    let fresh = fresh.keep();
    fs::rename(&fresh, slot).map_err(|e| Problem::io("written", slot, &e))
}

/// A folder below another; joining an empty name would leave a slash at the end.
fn below(slot: &Path, subdir: &str) -> PathBuf {
    if subdir.is_empty() { slot.to_path_buf() } else { slot.join(subdir) }
}

/// The folder of the module in what was fetched.
fn inside(slot: &Path, subdir: &str) -> Result<PathBuf, Problem> {
    let dir = below(slot, subdir);
    if dir.is_dir() {
        return Ok(dir);
    }
    let problem = Problem::new(format!("What was fetched has no folder \"{subdir}\"."));
    let all = tree::walk(slot).unwrap_or_default();
    let folders: Vec<String> =
        all.iter().filter(|(_, kind)| kind.is_dir()).map(|(path, _)| path.display().to_string()).collect();
    Err(match suggestion(subdir, folders.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("Did you mean \"{near}\"?")),
        None => problem.help("The part of the source behind // names a folder in the repository or archive."),
    })
}
