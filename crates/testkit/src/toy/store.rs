//! The folder.

use super::fault::{Disturbance, Fault};
use formwork_provider::CallError;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What a link holds.
const LINK_ENDS: [&str; 2] = ["from", "to"];

/// An object of the toy cloud, as its file holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToyObject {
    /// Its identity, and the name of its file.
    pub id: String,
    /// The resource type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The token of the last call that changed it.
    pub token: String,
    /// The attributes, `id` included.
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

impl ToyObject {
    /// Puts the object into a folder, behind everybody's back.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        Store { folder: folder.to_owned() }.put(&self.id, Some(self))
    }
}

/// All objects in a folder, effects that are on their way excluded, in the order of their ids.
pub fn objects(folder: &Path) -> io::Result<Vec<ToyObject>> {
    let mut found = Vec::new();
    for path in json_files(folder)? {
        found.push(serde_json::from_slice(&fs::read(&path)?)?);
    }
    Ok(found)
}

fn json_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|e| e == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A call that changes something.
pub(crate) struct Change<'a> {
    pub kind: &'a str,
    pub id: &'a str,
    /// For faults by name.
    pub name: &'a str,
    pub create: bool,
    /// The object afterwards; `None` deletes it.
    pub next: Option<&'a ToyObject>,
}

impl Change<'_> {
    /// Its name in the log and in faults.
    pub fn operation(&self) -> &'static str {
        match (self.create, self.next) {
            (true, _) => "create",
            (false, Some(_)) => "update",
            (false, None) => "delete",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Late {
    /// Milliseconds since the epoch.
    at: u64,
    object: Option<ToyObject>,
}

/// A folder of objects. Every call holds the folder's lock while it looks or changes, so that each is atomic.
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    pub fn open(folder: PathBuf) -> Result<Self, CallError> {
        fs::create_dir_all(&folder).map_err(|e| broken(&folder, &e))?;
        Ok(Store { folder })
    }

    fn locked<T>(&self, f: impl FnOnce() -> io::Result<T>) -> Result<T, CallError> {
        let run = || {
            let lock = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(self.folder.join(".lock"))?;
            lock.lock()?;
            f()
        };
        run().map_err(|e| broken(&self.folder, &e))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// One line in the log.
    pub fn log(&self, operation: &str, kind: &str, id: &str, token: &str) -> Result<(), CallError> {
        self.locked(|| {
            let mut log = OpenOptions::new().create(true).append(true).open(self.folder.join(".calls"))?;
            writeln!(log, "{operation} {kind} {id} {}", if token.is_empty() { "-" } else { token })
        })
    }

    /// How many changing calls are borne at once, if that is limited.
    pub fn at_once(&self) -> Result<Option<usize>, CallError> {
        match fs::read_to_string(self.folder.join(".at-once")) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(_) => Ok(None),
        }
    }

    /// What disturbs this call. Counts it for every fault that is about such calls.
    pub fn disturb(&self, operation: &str, kind: &str, name: &str) -> Result<Disturbance, CallError> {
        let folder = self.folder.join(".faults");
        if !folder.exists() {
            return Ok(Disturbance::default());
        }
        self.locked(|| {
            let mut all = Disturbance::default();
            for path in json_files(&folder)? {
                let fault: Fault = serde_json::from_slice(&fs::read(&path)?)?;
                if !fault.matches(operation, kind, name) {
                    continue;
                }
                let counter = path.with_extension("seen");
                let seen = fs::read_to_string(&counter).ok().and_then(|t| t.parse().ok()).unwrap_or(0u64) + 1;
                fs::write(&counter, seen.to_string())?;
                if fault.strikes(seen) {
                    all.add(&fault);
                }
            }
            Ok(all)
        })
    }

    /// The object of this id.
    pub fn get(&self, now: u64, id: &str) -> Result<Option<ToyObject>, CallError> {
        self.locked(|| {
            self.land(now)?;
            self.load(id)
        })
    }

    /// All objects.
    pub fn all(&self, now: u64) -> Result<Vec<ToyObject>, CallError> {
        self.locked(|| {
            self.land(now)?;
            objects(&self.folder)
        })
    }

    /// Does it now.
    pub fn carry_out(&self, now: u64, change: &Change<'_>) -> Result<(), CallError> {
        self.checked(now, change, |store| store.put(change.id, change.next))
    }

    /// Lets it happen at `at`.
    pub fn schedule(&self, now: u64, at: u64, change: &Change<'_>) -> Result<(), CallError> {
        self.checked(now, change, |store| {
            let folder = store.folder.join(".late");
            fs::create_dir_all(&folder)?;
            let late = Late { at, object: change.next.cloned() };
            replace(&folder.join(format!("{}.json", change.id)), &serde_json::to_vec(&late)?)
        })
    }

    fn checked(
        &self,
        now: u64,
        change: &Change<'_>,
        f: impl FnOnce(&Self) -> io::Result<()>,
    ) -> Result<(), CallError> {
        self.locked(|| {
            self.land(now)?;
            if let Some(refusal) = self.refusal(change)? {
                return Ok(Err(refusal));
            }
            f(self).map(Ok)
        })?
    }

    /// Why the cloud refuses a change.
    fn refusal(&self, change: &Change<'_>) -> io::Result<Option<CallError>> {
        let Some(next) = change.next else { return self.held(change.id) };
        if !change.create && self.load(change.id)?.is_none() {
            return Ok(Some(CallError::new("NotFound", format!("There is no object {}.", change.id))));
        }
        if change.kind == "toy_link" {
            for end in LINK_ENDS {
                let id = next.attributes.get(end).and_then(|v| v.as_str()).unwrap_or_default();
                if !valid_id(id) || self.load(id)?.is_none() {
                    let detail = format!("{end:?} is {id:?}, but there is no such object.");
                    return Ok(Some(CallError::new("NotFound", detail)));
                }
            }
        }
        Ok(None)
    }

    /// Why an object cannot go: a link ends at it.
    fn held(&self, id: &str) -> io::Result<Option<CallError>> {
        let links = match fs::read_dir(self.ends(id)) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut links: Vec<_> =
            links.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        links.sort();
        for link in links {
            // It may be gone, or end elsewhere by now.
            let Some(object) = self.load(&link)? else { continue };
            if let Some(end) = LINK_ENDS.iter().find(|end| object.attributes.get(**end) == Some(&id.into())) {
                let detail = format!("{id} is still {end:?} of the link {link}.");
                return Ok(Some(CallError::new("DependencyViolation", detail)));
            }
        }
        Ok(None)
    }

    /// The folder that names the links which ever ended at an object, so that not all objects are read when one goes.
    fn ends(&self, id: &str) -> PathBuf {
        self.folder.join(".ends").join(id)
    }

    fn load(&self, id: &str) -> io::Result<Option<ToyObject>> {
        match fs::read(self.path(id)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn put(&self, id: &str, object: Option<&ToyObject>) -> io::Result<()> {
        match object {
            Some(object) => {
                let ends = LINK_ENDS.iter().filter(|_| object.kind == "toy_link");
                for end in ends.filter_map(|end| object.attributes.get(*end)?.as_str()) {
                    fs::create_dir_all(self.ends(end))?;
                    File::create(self.ends(end).join(id))?;
                }
                let mut text = serde_json::to_vec_pretty(object)?;
                text.push(b'\n');
                replace(&self.path(id), &text)
            }
            None => match fs::remove_file(self.path(id)) {
                Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            },
        }
    }

    /// Effects whose time has come.
    fn land(&self, now: u64) -> io::Result<()> {
        for path in json_files(&self.folder.join(".late"))? {
            let late: Late = serde_json::from_slice(&fs::read(&path)?)?;
            if late.at <= now {
                let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                self.put(&id, late.object.as_ref())?;
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// Whether it can be an object's identity (and so a file's name).
pub(crate) fn valid_id(id: &str) -> bool {
    !id.is_empty()
        && !id.starts_with('.')
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    File::create(&temporary)?.write_all(text)?;
    fs::rename(temporary, path)
}

fn broken(folder: &Path, e: &io::Error) -> CallError {
    CallError::new("Toy cloud is broken", format!("{}: {e}", folder.display()))
}
