//! Fetching all modules of a configuration into the data folder.

use crate::accounts::Accounts;
use crate::fetch::{Errand, Problem, Tools, fetch};
use crate::lock::{Entry, Key, LOCK_FILE, Lock};
use crate::registry::Registries;
use crate::{hash, tree};
use formwork_addr::ModulePath;
use formwork_config::{
    Constraints, Files, Found, Loaded, Manifest, ManifestEntry, ModuleCall, Modules, Published, Remote,
    Source, Version, Wanted, load_with, manifest_key, placed, wanted,
};
use formwork_diag::{Diagnostic, has_errors, suggestion};
use std::cell::{OnceCell, RefCell};
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
    /// What is known of the hosts of registries.
    pub accounts: &'a Accounts,
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
        /// The version, of a registry's module.
        version: Option<&'a str>,
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
    let registries = Registries::new(options.accounts);
    let fetching = OnceCell::new();
    let installer = Installer { options, registries, fetching, folder, old, lock, done: RefCell::default() };
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
        for (key, entry) in lock.entries {
            used.entry(key).or_insert(entry);
        }
    }
    let written = (|| {
        // Local modules alone need no list: without one, nothing is written.
        let any = list.values().any(|entry| !is_local(&entry.source));
        if any || list_path.exists() {
            list.insert(String::new(), ManifestEntry { dir: ".".into(), ..ManifestEntry::default() });
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

/// The lock that those who fetch share. Closing the file alone might not give it free: a child that is just being made has
/// it open too.
struct Fetching(fs::File);

impl Drop for Fetching {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

struct Installer<'a> {
    options: &'a Options<'a>,
    registries: Registries<'a>,
    /// Held as long as there are half-fetched folders of ours.
    fetching: OnceCell<Fetching>,
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
    used: BTreeMap<Key, Entry>,
    /// Folders of what was fetched in this run, by source; and where in them a registry says that the module begins.
    packages: BTreeMap<String, (PathBuf, String)>,
    remarks: Vec<Diagnostic>,
}

impl Modules for Installer<'_> {
    fn folder(&self, path: &ModulePath, call: &ModuleCall) -> Result<Found, Diagnostic> {
        let wanted = wanted(call)?;
        let key = manifest_key(path);
        let found = match &wanted {
            Wanted::Remote(remote) => self.remote(&key, remote, call).map(|found| (found, None)),
            Wanted::Published(module, versions) => {
                self.published(&key, module, *versions, call).map(|(found, version)| (found, Some(version)))
            }
        };
        let (found, version) = found.map_err(|p| {
            let d =
                Diagnostic::error("Module cannot be fetched", format!("The module \"{key}\": {}", p.detail));
            let d = match p.help {
                Some(help) => d.help(help),
                None => d,
            };
            match &call.version {
                Some((_, span)) if p.about_version => d.at(*span),
                _ => placed(d, &wanted, call),
            }
        })?;
        let mut done = self.done.borrow_mut();
        let dir = found.dir.clone();
        done.list.insert(key, ManifestEntry { source: wanted.full(), version, dir });
        Ok(found)
    }

    fn local(&self, path: &ModulePath, call: &ModuleCall, dir: &Path) {
        let key = manifest_key(path);
        (self.options.report)(Event::Local { module: &key, dir });
        let (source, dir) = (call.source.to_string(), dir.to_path_buf());
        let entry = ManifestEntry { source, version: None, dir };
        self.done.borrow_mut().list.insert(key, entry);
    }
}

impl Installer<'_> {
    fn remote(&self, key: &str, remote: &Remote, call: &ModuleCall) -> Result<Found, Problem> {
        let report = self.options.report;
        let slot = self.folder.join(key);
        let (package, shown) = (remote.package(), remote.shown());
        if let Some(found) = self.kept(key, remote, &slot) {
            report(Event::Kept { module: key, dir: &found.dir });
            return Ok(found);
        }
        let known = self.done.borrow().packages.get(&package).cloned();
        if let Some((other, _)) = known {
            self.copy(&other, &slot)?;
        } else {
            report(Event::Fetching { module: key, source: &shown, version: None });
            let locked = Key { source: shown, version: None };
            let entry = self.fetch(remote, &locked, &slot, call)?;
            let mut done = self.done.borrow_mut();
            done.used.insert(locked, entry);
            done.packages.insert(package, (slot.clone(), String::new()));
        }
        let dir = inside(&slot, &tree::matching(&slot, &remote.subdir)?)?;
        report(Event::Fetched { module: key, dir: &dir });
        Ok(Found::within(&dir, &remote.subdir))
    }

    /// A module of a registry, and its version: that of the lock if there is one that will do, or the newest.
    fn published(
        &self,
        key: &str,
        module: &Published,
        wanted: Option<&Constraints>,
        call: &ModuleCall,
    ) -> Result<(Found, String), Problem> {
        let report = self.options.report;
        let slot = self.folder.join(key);
        let admitted = |v: &Version| wanted.map_or(!v.is_prerelease(), |w| w.admit(v));
        let locked =
            self.lock.entries.keys().filter(|k| k.source == module.package() && !self.options.update);
        let versions = locked.filter_map(|k| Version::parse(k.version.as_deref()?));
        let version = match versions.filter(admitted).max() {
            Some(version) => version,
            None => self.registries.choose(module, wanted)?,
        };
        let named = Key { source: module.package(), version: Some(version.to_string()) };
        let package = format!("{} {version}", module.package());
        if let Some(dir) = self.kept_version(key, module, &named, &slot) {
            report(Event::Kept { module: key, dir: &dir });
            return Ok((Found::of_registry(key, &dir, &module.subdir), version.to_string()));
        }
        let known = self.done.borrow().packages.get(&package).cloned();
        let begin = if let Some((other, begin)) = known {
            self.copy(&other, &slot)?;
            begin
        } else {
            report(Event::Fetching { module: key, source: &named.source, version: named.version.as_deref() });
            let remote = self.registries.locate(module, &version)?;
            let entry = self.fetch(&remote, &named, &slot, call)?;
            let begin = tree::matching(&slot, &remote.subdir)?;
            let mut done = self.done.borrow_mut();
            done.used.insert(named, entry);
            done.packages.insert(package, (slot.clone(), begin.clone()));
            begin
        };
        let package = below(&slot, &begin);
        let dir = inside(&package, &tree::matching(&package, &module.subdir)?)?;
        report(Event::Fetched { module: key, dir: &dir });
        Ok((Found::of_registry(key, &dir, &module.subdir), version.to_string()))
    }

    /// The folder of a version that is there from an earlier run.
    fn kept_version(&self, key: &str, module: &Published, named: &Key, slot: &Path) -> Option<PathBuf> {
        let listed = self.old.modules.get(key)?;
        let is_it = listed.source == module.full() && listed.version == named.version;
        if self.options.update || !is_it || !listed.dir.starts_with(slot) || !listed.dir.is_dir() {
            return None;
        }
        let locked = self.lock.entries.get(named)?;
        if hash::of_folder(slot).ok()? != locked.hash {
            return None;
        }
        self.done.borrow_mut().used.insert(named.clone(), locked.clone());
        Some(listed.dir.clone())
    }

    /// What another call has fetched.
    fn copy(&self, other: &Path, slot: &Path) -> Result<(), Problem> {
        let fresh = self.fresh()?;
        tree::copy(other, fresh.path())?;
        replace(fresh, slot)
    }

    /// What is there from an earlier run, if it is what is wanted.
    fn kept(&self, key: &str, remote: &Remote, slot: &Path) -> Option<Found> {
        let named = Key { source: remote.shown(), version: None };
        let listed = self.old.modules.get(key)?;
        let again = self.options.update || self.done.borrow().packages.contains_key(&remote.package());
        let dir = below(slot, &tree::matching(slot, &remote.subdir).ok()?);
        if again || listed.source != remote.full() || listed.dir != dir || !dir.is_dir() {
            return None;
        }
        let locked = self.lock.entries.get(&named)?;
        if hash::of_folder(slot).ok()? != locked.hash {
            return None;
        }
        self.done.borrow_mut().used.insert(named, locked.clone());
        Some(Found::within(&dir, &remote.subdir))
    }

    fn fresh(&self) -> Result<tempfile::TempDir, Problem> {
        fs::create_dir_all(&self.folder)
            .and_then(|()| self.sweep())
            .and_then(|()| tempfile::Builder::new().prefix(".fetch-").tempdir_in(&self.folder))
            .map_err(|e| Problem::io("written", &self.folder, &e))
    }

    /// Removes what runs that were killed have left, once. Whoever fetches holds the lock together with the others who do;
    /// when it can be had alone, nobody does, and no folder is in use.
    fn sweep(&self) -> io::Result<()> {
        if self.fetching.get().is_some() {
            return Ok(());
        }
        let lock = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.folder.join(".fetch.lock"))?;
        if lock.try_lock().is_ok() {
            for entry in fs::read_dir(&self.folder)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(".fetch-") {
                    fs::remove_dir_all(entry.path())?;
                }
            }
            lock.unlock()?;
        }
        lock.lock_shared()?;
        let _ = self.fetching.set(Fetching(lock));
        Ok(())
    }

    /// Fetches into the slot, and holds what came against the lock.
    fn fetch(&self, remote: &Remote, named: &Key, slot: &Path, call: &ModuleCall) -> Result<Entry, Problem> {
        let shown = match &named.version {
            Some(version) => format!("{} {version}", named.source),
            None => named.source.clone(),
        };
        let locked = self.lock.entries.get(named).filter(|_| !self.options.update);
        let fresh = self.fresh()?;
        let into = fresh.path().join("package");
        fs::create_dir(&into).map_err(|e| Problem::io("made", &into, &e))?;
        let wanted = locked.and_then(|l| l.commit.as_deref());
        let tools = &self.options.tools;
        let fetched = fetch(Errand { remote, commit: wanted, into: &into, tools })?;
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
            let d = d.help("To take the newer one: formwork get -update");
            let d = if remote.is_secret() { d } else { d.at(call.source_span) };
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
