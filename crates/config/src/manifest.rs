//! Which modules were fetched, and where they are: the list that `get` and `init` write, in Terraform's form.

use crate::model::ModuleCall;
use crate::source::{Published, Remote, Source};
use crate::version::{Constraints, Version};
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

    /// A module of a registry, which chooses where in what is fetched the module begins: all of it is in `modules/KEY`.
    pub fn of_registry(key: &str, dir: &Path, subdir: &str) -> Found {
        let slot = Path::new("modules").join(key);
        match dir.ancestors().filter(|a| a.ends_with(&slot)).last() {
            Some(package) => Found { dir: dir.to_path_buf(), package: package.to_path_buf() },
            None => Found::within(dir, subdir),
        }
    }
}

/// What the call of a module that is at no local path names.
pub enum Wanted<'a> {
    /// Something to fetch.
    Remote(Remote),
    /// A module of a registry, in one of these versions.
    Published(Published, Option<&'a Constraints>),
}

impl Wanted<'_> {
    /// The whole source in its one form, as it is listed. May hold a password.
    pub fn full(&self) -> String {
        match self {
            Wanted::Remote(remote) => remote.full(),
            Wanted::Published(published, _) => published.full(),
        }
    }

    /// Whether the source holds something that must not be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Wanted::Remote(remote) if remote.is_secret())
    }
}

/// What a call names; or why that cannot be had.
pub fn wanted(call: &ModuleCall) -> Result<Wanted<'_>, Diagnostic> {
    let e = match Source::parse(&call.source) {
        Ok(Source::Remote(remote)) => return Ok(Wanted::Remote(remote)),
        Ok(Source::Registry(published)) => {
            return Ok(Wanted::Published(published, call.version.as_ref().map(|(c, _)| c)));
        }
        Ok(Source::Local) => {
            return Err(Diagnostic::error("Invalid module source", "This is a folder; nothing is fetched.")
                .at(call.source_span));
        }
        Err(e) => e,
    };
    Err(Diagnostic::error("Invalid module source", e.detail).help(e.help).at(call.source_span))
}

/// A problem at the source of a call; without quoting it if that would show credentials.
pub fn placed(d: Diagnostic, wanted: &Wanted<'_>, call: &ModuleCall) -> Diagnostic {
    if wanted.is_secret() { d } else { d.at(call.source_span) }
}

/// A module in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The source, in full.
    pub source: String,
    /// The version, of a registry's module.
    pub version: Option<String>,
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
            let version = text("Version").filter(|v| !v.is_empty()).map(str::to_owned);
            let dir = PathBuf::from(text("Dir")?);
            let entry = ManifestEntry { source: text("Source")?.to_owned(), version, dir };
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
            if let Some(version) = &entry.version {
                item.insert("Version".into(), version.as_str().into());
            }
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
        let wanted = wanted(call)?;
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
            Some(entry) if entry.source != wanted.full() => {
                missing(format!("The source of the module \"{name}\" has changed since it was fetched."))
            }
            Some(entry) => match &wanted {
                Wanted::Remote(remote) => Ok(Found::within(&entry.dir, &remote.subdir)),
                Wanted::Published(published, constraints) => {
                    let version = entry.version.as_deref().and_then(Version::parse);
                    if constraints.is_some_and(|c| !version.is_some_and(|v| c.admit(&v))) {
                        return missing(format!(
                            "The version of the module \"{name}\" that was fetched is not one that is wanted now."
                        ));
                    }
                    Ok(Found::of_registry(&key, &entry.dir, &published.subdir))
                }
            },
        }
    }
}
