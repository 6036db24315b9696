//! What was told to `init` about the backend, as Terraform remembers it: `terraform.tfstate` in the data folder.

use crate::environment;
use crate::kept::{Kept, LOCAL};
use formwork_diag::Diagnostic;
use formwork_state::{Argument, COMPATIBLE_VERSION, Settings};
use serde_json::{Value as Json, json};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The backend that was used last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Its kind.
    pub kind: String,
    /// All of its arguments.
    pub settings: Settings,
    /// Those that were in the block, without the values of secrets; `None` when Terraform wrote this.
    block: Option<Settings>,
}

fn path() -> PathBuf {
    environment::data_dir().join("terraform.tfstate")
}

fn object(json: Option<&Json>) -> Option<Settings> {
    let fields = json?.as_object()?;
    Some(fields.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), set(v))).collect())
}

/// What is set of a value: Terraform remembers arguments within objects as null when they are not.
fn set(value: &Json) -> Json {
    match value {
        Json::Object(_) => object(Some(value)).map_or(Json::Null, |fields| fields.into_iter().collect()),
        other => other.clone(),
    }
}

/// Reads it; `None` if there is nothing.
pub fn read() -> Result<Option<Memory>, Diagnostic> {
    let path = path();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(&path, &e.to_string())),
    };
    let json: Json = serde_json::from_str(&text).map_err(|_| unreadable(&path, "it is not JSON"))?;
    let Some(kind) = json["backend"]["type"].as_str() else { return Ok(None) };
    Ok(Some(Memory {
        kind: kind.into(),
        settings: object(json["backend"].get("config")).unwrap_or_default(),
        block: object(json["backend"].get("formwork_block")),
    }))
}

fn unreadable(path: &Path, why: &str) -> Diagnostic {
    Diagnostic::error(
        "The backend that was used last is not known",
        format!("{} cannot be read: {why}.", path.display()),
    )
    .help("Remove the file and run formwork init, with the same -backend-config as before, if there was any.")
}

/// The block as it is remembered: of secrets, only that they are there, and which place they mean.
fn bare(block: &Settings, arguments: &[Argument]) -> Settings {
    block.iter().map(|(name, value)| (name.clone(), place(name, value, arguments))).collect()
}

/// What of an argument's value may be remembered.
fn place(name: &str, value: &Json, arguments: &[Argument]) -> Json {
    match arguments.iter().find(|a| a.name == name && a.secret) {
        Some(argument) => (argument.place)(value.as_str().unwrap_or_default()).into(),
        None => value.clone(),
    }
}

/// Remembers a backend; the secrets of the block are left out. `None`, and files here without arguments, forget what was
/// there.
pub fn write(now: Option<(&str, &Settings, &Settings)>, arguments: &[Argument]) -> io::Result<()> {
    let path = path();
    let usual = |settings: &Settings| settings.values().all(Json::is_null);
    let Some((kind, settings, block)) = now.filter(|(kind, settings, _)| *kind != LOCAL || !usual(settings))
    else {
        return match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        };
    };
    let is_secret = |name: &str, value: &Json| place(name, value, arguments) != *value;
    let kept: Settings = settings
        .iter()
        .filter(|(name, value)| !(is_secret(name, value) && block.contains_key(*name)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let document = json!({
        "version": 3,
        "terraform_version": COMPATIBLE_VERSION,
        "backend": { "type": kind, "config": kept, "hash": 0, "formwork_block": bare(block, arguments) },
    });
    put(&path, &format!("{document:#}\n"), 0o600)
}

/// Puts a text into a file of the data folder, as a whole or not at all, whatever happens meanwhile. `mode` is that of the
/// file.
pub fn put(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = PathBuf::from(name);
    let write = || {
        let _ = std::fs::remove_file(&temporary);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

impl Memory {
    /// Whether it is what holds without a `backend` block.
    pub fn is_usual(&self) -> bool {
        let Memory { kind, settings, .. } = self.clone();
        Kept { kind, settings, remote: None, remember: false }.is_usual() && self.kind == LOCAL
    }

    /// Whether an argument leads to the same place as the one that was used last.
    pub fn leads_to(&self, name: &str, value: &Json, arguments: &[Argument]) -> bool {
        let is_secret = arguments.iter().any(|a| a.name == name && a.secret);
        let now = place(name, value, arguments);
        match (self.settings.get(name), self.block.as_ref().and_then(|b| b.get(name))) {
            (Some(before), _) => place(name, before, arguments) == now,
            (None, Some(before)) if is_secret => {
                place(name, before, arguments) == now || before.as_str() == Some("")
            }
            (None, _) => is_secret,
        }
    }

    /// What is remembered of an argument that was in the block and is secret in part.
    pub fn remembered_place(&self, name: &str) -> Option<Json> {
        let before = self.block.as_ref()?.get(name)?;
        before.as_str().filter(|text| !text.is_empty()).map(Json::from)
    }

    /// The arguments of the block, with those that were given to `init` alone; the error says how the block has changed.
    pub fn merged(&self, kind: &str, block: &Settings, arguments: &[Argument]) -> Result<Settings, String> {
        if self.kind != kind {
            return Err(format!(
                "The state was last in the backend \"{}\", and the configuration says \"{kind}\" now.",
                self.kind
            ));
        }
        let differs = |before: &Settings, name: &str| before.get(name) != block.get(name);
        let bare = bare(block, arguments);
        let changed: Option<&String> = match &self.block {
            Some(before) => {
                let names = before.keys().chain(bare.keys());
                // Older versions remembered nothing of a secret, or more of it than is remembered now.
                let is_other = |name: &String| match (before.get(name), bare.get(name)) {
                    (Some(Json::String(was)), Some(_)) if was.is_empty() => false,
                    (Some(was), Some(is)) => place(name, was, arguments) != *is,
                    (was, is) => was != is,
                };
                { names }.find(|name| is_other(name))
            }
            None => block.keys().find(|name| differs(&self.settings, name)),
        };
        if let Some(name) = changed {
            return Err(format!(
                "The argument \"{name}\" of the backend \"{kind}\" is another one than when it was last used here."
            ));
        }
        // What is not in the block any more was noticed above.
        let mut merged = self.settings.clone();
        merged.extend(block.clone());
        Ok(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formwork_state::Expects;

    const ARGUMENTS: [Argument; 3] =
        [Argument::new("key", Expects::Text), Argument::new("bucket", Expects::Text), Argument::secret("pw")];

    fn settings(json: Json) -> Settings {
        object(Some(&json)).unwrap()
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_keeps_nothing_beside_it() {
        let folder = std::env::temp_dir().join(format!("formwork-memory-{}", std::process::id()));
        let path = folder.join("data").join("environment");
        for text in ["dev", "production"] {
            put(&path, text, 0o644).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        // What cannot be written leaves what there was.
        std::fs::create_dir(folder.join("data").join("environment.tmp")).unwrap();
        put(&path, "lost", 0o644).unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "production");
        std::fs::remove_dir(folder.join("data").join("environment.tmp")).unwrap();
        assert_eq!(std::fs::read_dir(folder.join("data")).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_an_older_version_remembered_of_a_secret_is_compared_as_now() {
        let arguments = [Argument::partly_secret("at", |text| text.split('?').next().unwrap().to_owned())];
        let memory = Memory {
            kind: "k".into(),
            settings: Settings::new(),
            block: Some(settings(json!({"at": "host?token=x"}))),
        };
        assert!(memory.merged("k", &settings(json!({"at": "host?token=y"})), &arguments).is_ok());
        assert!(memory.merged("k", &settings(json!({"at": "other?token=x"})), &arguments).is_err());
        assert!(memory.leads_to("at", &json!("host?token=y"), &arguments));
        assert!(!memory.leads_to("at", &json!("other?token=x"), &arguments));
    }

    #[test]
    fn what_is_not_set_is_nothing() {
        let remembered =
            settings(json!({"endpoints": {"s3": "a", "iam": null}, "key": null, "names": ["x"]}));
        assert_eq!(remembered, settings(json!({"endpoints": {"s3": "a"}, "names": ["x"]})));
    }

    #[test]
    fn what_init_was_told_is_added_to_the_block() {
        let block = settings(json!({"key": "a", "pw": "x"}));
        let memory = Memory {
            kind: "s3".into(),
            settings: settings(json!({"key": "a", "bucket": "b"})),
            block: Some(bare(&block, &ARGUMENTS)),
        };
        let merged = |block: Json| memory.merged("s3", &settings(block), &ARGUMENTS);
        assert_eq!(
            merged(json!({"key": "a", "pw": "y"})),
            Ok(settings(json!({"key": "a", "bucket": "b", "pw": "y"})))
        );
        for other in [
            json!({"key": "b", "pw": "x"}),
            json!({"key": "a"}),
            json!({"key": "a", "pw": "x", "bucket": "c"}),
        ] {
            assert!(merged(other).is_err());
        }
        assert!(memory.merged("pg", &block, &ARGUMENTS).is_err());
        assert!(!format!("{:?}", memory.block).contains('x'));
    }

    #[test]
    fn what_terraform_remembers_is_compared_argument_by_argument() {
        let memory =
            Memory { kind: "s3".into(), settings: settings(json!({"key": "a", "bucket": "b"})), block: None };
        let merged = |block: Json| memory.merged("s3", &settings(block), &ARGUMENTS);
        assert_eq!(merged(json!({"key": "a"})), Ok(settings(json!({"key": "a", "bucket": "b"}))));
        assert!(merged(json!({"key": "b"})).is_err());
    }
}
