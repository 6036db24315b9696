//! Which modules were fetched, and where they are: the list that `get` and `init` write, in Terraform's form.

use crate::model::ModuleCall;
use crate::source::{Remote, Source};
use formwork_addr::ModulePath;
use formwork_diag::Diagnostic;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Finds the folders of modules that are not at local paths.
pub trait Modules {
    /// The folder of the module that `call` names; `path` leads to it.
    fn folder(&self, path: &ModulePath, call: &ModuleCall) -> Result<Found, Diagnostic>;

    /// Told of each module at a local path.
    fn local(&self, path: &ModulePath, call: &ModuleCall, dir: &Path) {
        let _ = (path, call, dir);
    }
}

/// Where a module is that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its folder.
    pub dir: PathBuf,
    /// The folder of all that was fetched with it: local paths in the module must not lead out of it.
    pub package: PathBuf,
}

impl Found {
    /// A module in a folder that is `subdir` of what was fetched.
    pub fn within(dir: &Path, subdir: &str) -> Found {
        let depth = Path::new(subdir).components().count();
        let package = dir.ancestors().nth(depth).unwrap_or(dir).to_path_buf();
        Found { dir: dir.to_path_buf(), package }
    }
}

/// What the call of a module that is at no local path names; or why it cannot be had.
pub fn remote(call: &ModuleCall) -> Result<Remote, Diagnostic> {
    let d = match Source::parse(&call.source) {
        Ok(Source::Remote(remote)) => return Ok(remote),
        Ok(Source::Registry | Source::Local) => Diagnostic::error(
            "Unsupported module source",
            format!("\"{}\" is a module of a registry, and Formwork does not ask registries.", call.source),
        )
        .help(
            "Name the module's repository or archive: source = \"git::https://HOST/PATH?ref=TAG\". Or put a copy of it \
             beside the configuration, and use a path starting with ./ or ../",
        ),
        Err(e) => Diagnostic::error("Invalid module source", e.detail).help(e.help),
    };
    Err(d.at(call.source_span))
}

/// A problem at the source of a call; without quoting it if that would show credentials.
pub fn placed(d: Diagnostic, remote: &Remote, call: &ModuleCall) -> Diagnostic {
    if remote.is_secret() { d } else { d.at(call.source_span) }
}

/// A module in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The source, in full.
    pub source: String,
    /// The folder, relative to the working directory.
    pub dir: PathBuf,
}

/// The list of modules: `modules.json` in the data folder. Keys are the names of the calls, with dots between; the root has
/// the empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The modules.
    pub modules: BTreeMap<String, ManifestEntry>,
}

/// The key of a module in the list.
pub fn manifest_key(path: &ModulePath) -> String {
    path.0.iter().map(|name| &**name).collect::<Vec<_>>().join(".")
}

impl Manifest {
    /// Reads the list. Entries of a form that we do not know are left away: their modules are fetched again.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let list = json.get("Modules").and_then(Value::as_array).ok_or("it has no list named \"Modules\"")?;
        let entry = |item: &Value| {
            let text = |name| item.get(name).and_then(Value::as_str);
            let entry =
                ManifestEntry { source: text("Source")?.to_owned(), dir: PathBuf::from(text("Dir")?) };
            Some((text("Key")?.to_owned(), entry))
        };
        Ok(Manifest { modules: list.iter().filter_map(entry).collect() })
    }

    /// As it is written to disk.
    pub fn to_json(&self) -> String {
        let list = self.modules.iter().map(|(key, entry)| {
            let mut item = Map::new();
            item.insert("Key".into(), key.as_str().into());
            item.insert("Source".into(), entry.source.as_str().into());
            item.insert("Dir".into(), entry.dir.display().to_string().into());
            Value::Object(item)
        });
        let mut out = Map::new();
        out.insert("Modules".into(), Value::Array(list.collect()));
        Value::Object(out).to_string()
    }
}

/// The list as it was read, for [`crate::load`].
pub(crate) enum Installed {
    /// There is none.
    Absent,
    /// It is there.
    List(Manifest),
    /// It cannot be understood.
    Broken(String),
}

impl Modules for Installed {
    fn folder(&self, path: &ModulePath, call: &ModuleCall) -> Result<Found, Diagnostic> {
        const INIT: &str = "Run formwork init (or formwork get) to fetch the modules of this configuration.";
        let key = manifest_key(path);
        let remote = remote(call)?;
        let missing =
            |detail: String| Err(Diagnostic::error("Module not installed", detail).help(INIT).at(call.span));
        let name = &call.name.name;
        let list = match self {
            Installed::List(list) => list,
            Installed::Absent => {
                return missing(format!(
                    "The module \"{name}\" comes from elsewhere, and was not fetched yet."
                ));
            }
            Installed::Broken(why) => {
                return missing(format!("The list of fetched modules cannot be read: {why}."));
            }
        };
        match list.modules.get(&key) {
            None => missing(format!("The module \"{name}\" comes from elsewhere, and was not fetched yet.")),
            Some(entry) if entry.source != remote.full() => {
                missing(format!("The source of the module \"{name}\" has changed since it was fetched."))
            }
            Some(entry) => Ok(Found::within(&entry.dir, &remote.subdir)),
        }
    }
}
