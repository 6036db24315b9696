//! The folder of the components, and the record of what runs.

use super::process::{self, Process};
use crate::Failure;
use crate::steps::{Steps, quietly, target};
use serde_json::{Map, Value, json};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder, held by this run until it ends.
pub struct Place {
    root: PathBuf,
    state: Map<String, Value>,
    _lock: Option<File>,
}

/// The record of one component: `processes`, `undo` (commands that take down what is no process) and `facts`.
pub struct Entry<'a>(pub &'a Value);

impl Entry<'_> {
    /// In the order in which they were started.
    pub fn processes(&self) -> Vec<Process> {
        let list = self.0.get("processes").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Process::from_json).collect()
    }

    fn undo(&self) -> Vec<Vec<String>> {
        let list = self.0.get("undo").and_then(Value::as_array);
        let words = |v: &Value| -> Vec<String> {
            v.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        list.into_iter().flatten().map(words).collect()
    }
}

impl Place {
    /// Opens the folder; `change` waits until no other run works on it.
    pub fn open(change: bool) -> Result<Place, Failure> {
        let root = match std::env::var_os("FORMWORK_COMPONENTS").filter(|v| !v.is_empty()) {
            Some(folder) => std::path::absolute(folder).map_err(|e| e.to_string())?,
            None => target().join("components"),
        };
        let mut place = Place { root, state: Map::new(), _lock: None };
        if change {
            make(&place.root)?;
            let path = place.root.join("lock");
            let lock = File::create(&path).map_err(|e| told(&path, e))?;
            if lock.try_lock().is_err() {
                println!("another run works on {}; waiting for it", place.root.display());
                lock.lock().map_err(|e| told(&path, e))?;
            }
            place._lock = Some(lock);
        }
        let path = place.state_file();
        match std::fs::read(&path) {
            Ok(bytes) => {
                place.state = serde_json::from_slice(&bytes)
                    .map_err(|e| format!("{}: not the JSON that this program wrote: {e}", path.display()))?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(told(&path, e)),
        }
        Ok(place)
    }

    /// Where what runs is recorded.
    pub fn state_file(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// The whole record of what runs.
    pub fn state(&self) -> &Map<String, Value> {
        &self.state
    }

    /// A folder or file that is kept between runs.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where a running component has its data and logs; only its owner can look into it.
    pub fn data(&self, component: &str) -> PathBuf {
        self.root.join("run").join(component)
    }

    /// The same folder, made anew and empty.
    pub fn fresh(&self, component: &str) -> Result<PathBuf, Failure> {
        let folder = self.data(component);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|e| told(&folder, e))?;
        }
        let run = self.root.join("run");
        make(&run)?;
        std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|e| told(&folder, e))?;
        Ok(folder)
    }

    /// The record of a component, if it was started and not stopped since.
    pub fn entry(&self, component: &str) -> Option<Entry<'_>> {
        self.state.get(component).map(Entry)
    }

    /// A fact of a component that runs.
    pub fn fact(&self, component: &str, key: &str) -> Option<&str> {
        self.state.get(component)?.get("facts")?.get(key)?.as_str()
    }

    /// The names of recorded processes that are no more.
    pub fn dead(&self, component: &str) -> Vec<String> {
        let Some(entry) = self.entry(component) else { return Vec::new() };
        entry.processes().into_iter().filter(|p| !p.lives()).map(|p| p.name).collect()
    }

    /// Whether it was started to the end, and all of its processes live.
    pub fn runs(&self, component: &str) -> bool {
        self.state.get(component).is_some_and(|e| e.get("facts").is_some()) && self.dead(component).is_empty()
    }

    /// Starts a process, and records it before anything else can happen.
    pub fn spawn(&mut self, component: &str, name: &str, command: &mut Command) -> Result<Process, Failure> {
        let log = self.data(component).join(format!("{name}.log"));
        let process = process::spawn(name, command, &log)?;
        self.push(component, "processes", process.to_json())?;
        Ok(process)
    }

    /// The same for a process that is killed when it is stopped.
    pub fn spawn_abrupt(
        &mut self,
        component: &str,
        name: &str,
        command: &mut Command,
    ) -> Result<(), Failure> {
        let log = self.data(component).join(format!("{name}.log"));
        let process = process::spawn(name, command, &log)?.abrupt();
        self.push(component, "processes", process.to_json())
    }

    /// Records a command that takes down something that is about to be made.
    pub fn undo_with(&mut self, component: &str, command: &[&str]) -> Result<(), Failure> {
        self.push(component, "undo", json!(command))
    }

    fn push(&mut self, component: &str, list: &str, value: Value) -> Result<(), Failure> {
        let entry = self.state.entry(component).or_insert_with(|| json!({}));
        if let Some(entry) = entry.as_object_mut()
            && let Some(list) = entry.entry(list).or_insert_with(|| json!([])).as_array_mut()
        {
            list.push(value);
        }
        self.save()
    }

    /// Records that a component is ready, and what others need to know about it.
    pub fn ready(&mut self, component: &str, facts: Value) -> Result<(), Failure> {
        let entry = self.state.entry(component).or_insert_with(|| json!({}));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("facts".into(), facts);
        }
        self.save()
    }

    /// Ends what was recorded: the last started first, then what is no process.
    pub fn stop(&mut self, steps: &Steps, component: &str) -> Result<(), Failure> {
        let Some(entry) = self.entry(component) else { return Ok(()) };
        let (processes, undo) = (entry.processes(), entry.undo());
        steps.step(&format!("{component}: stop"), || {
            process::stop(&processes)?;
            for words in undo.iter().rev() {
                let Some((program, args)) = words.split_first() else { continue };
                // Recorded before the thing was made: it may never have been, and then there is nothing to delete.
                let _ = quietly(Command::new(program).args(args));
            }
            Ok(())
        })?;
        self.state.remove(component);
        self.save()
    }

    fn save(&self) -> Result<(), Failure> {
        let path = self.state_file();
        let text = serde_json::to_string_pretty(&self.state).map_err(|e| e.to_string())? + "\n";
        let new = path.with_extension("new");
        write_secret(&new, &text)?;
        std::fs::rename(&new, &path).map_err(|e| told(&path, e))
    }
}

/// Makes a folder with its parents.
pub fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| told(folder, e))
}

/// Writes a file that others can read.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|e| told(path, e))
}

/// Writes a file that only its owner can read.
pub fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    let _ = std::fs::remove_file(path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(text.as_bytes())).map_err(|e| told(path, e))
}

/// An error of the file system, with the path.
pub fn told(path: &Path, e: std::io::Error) -> Failure {
    format!("{}: {e}", path.display())
}
