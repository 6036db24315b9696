//! Where configuration files come from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Where the list of fetched modules is, unless the data folder is another.
pub const MANIFEST: &str = ".terraform/modules/modules.json";

/// A place with files.
pub trait Files: Send + Sync {
    /// The names of the files in a folder.
    fn read_dir(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// The content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The list of modules that were fetched ([`crate::Manifest`]).
    fn manifest(&self) -> io::Result<Vec<u8>> {
        self.read(Path::new(MANIFEST))
    }
}

/// The disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskFiles;

impl Files for DiskFiles {
    fn read_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if !entry.path().is_dir()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// Files held in memory: those of a saved plan, and those of tests.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(pub BTreeMap<PathBuf, Vec<u8>>);

impl Files for MemoryFiles {
    fn read_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        let names: Vec<String> = self
            .0
            .keys()
            .filter(|p| p.parent().unwrap_or(Path::new("")) == dir)
            .filter_map(|p| Some(p.file_name()?.to_str()?.to_owned()))
            .collect();
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names) }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
