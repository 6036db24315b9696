//! Folders of what was fetched: written, copied and checked so that nothing in them leads out.

use crate::fetch::Problem;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// An archive may not grow to more than this: no module is so large, but a small hostile file can be.
const MAX_BYTES: u64 = 2 << 30;
const MAX_FILES: usize = 200_000;

/// Writes the entries of an archive below a folder, and nowhere else.
pub(crate) struct Unpacker {
    root: PathBuf,
    bytes: u64,
    files: usize,
    /// Links are made last, so that nothing is written through one.
    links: Vec<(PathBuf, PathBuf)>,
}

impl Unpacker {
    pub fn new(root: &Path) -> Self {
        Unpacker { root: root.to_path_buf(), bytes: 0, files: 0, links: Vec::new() }
    }

    /// The path of an entry on disk; none for the archive's own root.
    fn place(&mut self, name: &Path) -> Result<Option<PathBuf>, Problem> {
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(Problem::new("The archive has too many files for a module."));
        }
        let mut path = self.root.clone();
        for part in name.components() {
            match part {
                Component::CurDir => {}
                Component::Normal(part) => path.push(part),
                _ => {
                    return Err(Problem::new(format!(
                        "The archive has an entry named {name:?}, which leads out of the folder that it is unpacked in."
                    ))
                    .help("Do not use this archive: it was made to overwrite other files."));
                }
            }
        }
        Ok(Some(path).filter(|p| *p != self.root))
    }

    pub fn dir(&mut self, name: &Path) -> Result<(), Problem> {
        match self.place(name)? {
            Some(path) => fs::create_dir_all(&path).map_err(|e| Problem::io("made", &path, &e)),
            None => Ok(()),
        }
    }

    pub fn file(&mut self, name: &Path, mode: Option<u32>, content: &mut dyn Read) -> Result<(), Problem> {
        let Some(path) = self.place(name)? else { return Ok(()) };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Problem::io("made", parent, &e))?;
        }
        let mut file = File::create(&path).map_err(|e| Problem::io("written", &path, &e))?;
        let left = MAX_BYTES - self.bytes;
        let written = io::copy(&mut content.take(left + 1), &mut file)
            .map_err(|e| Problem::new(format!("The archive's entry {name:?} cannot be unpacked: {e}.")))?;
        if written > left {
            return Err(Problem::new("The archive's content is too large for a module."));
        }
        self.bytes += written;
        if mode.is_some_and(|m| m & 0o111 != 0) {
            executable(&path).map_err(|e| Problem::io("made executable", &path, &e))?;
        }
        Ok(())
    }

    pub fn link(&mut self, name: &Path, target: &Path) -> Result<(), Problem> {
        if let Some(path) = self.place(name)? {
            self.links.push((path, target.to_path_buf()));
        }
        Ok(())
    }

    /// Makes the links, and checks them.
    pub fn finish(self) -> Result<(), Problem> {
        for (path, target) in &self.links {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|e| Problem::io("made", parent, &e))?;
            }
            symlink(target, path).map_err(|e| Problem::io("made", path, &e))?;
        }
        check_links(&self.root)
    }
}

#[cfg(unix)]
fn executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_mode(permissions.mode() | ((permissions.mode() & 0o444) >> 2));
    fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn executable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "symbolic links are not supported here"))
}

/// Everything below a folder, links not followed: paths relative to it, sorted.
pub(crate) fn walk(root: &Path) -> io::Result<Vec<(PathBuf, fs::FileType)>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(root.join(&below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(path.clone());
            }
            found.push((path, kind));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// The one folder that a path with `*` in its names stands for; a path without is as it is.
pub(crate) fn matching(root: &Path, pattern: &str) -> Result<String, Problem> {
    if !pattern.contains('*') {
        return Ok(pattern.to_owned());
    }
    let fits = |path: &Path| {
        let names: Vec<String> =
            path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
        let wanted: Vec<&str> = pattern.split('/').collect();
        names.len() == wanted.len() && names.iter().zip(wanted).all(|(name, wanted)| is_like(name, wanted))
    };
    let all = walk(root).map_err(|e| Problem::io("read", root, &e))?;
    let mut found = all.iter().filter(|(path, kind)| kind.is_dir() && fits(path));
    match (found.next(), found.next()) {
        (Some((path, _)), None) => Ok(path.to_string_lossy().into_owned()),
        (first, _) => Err(Problem::new(format!(
            "What was fetched has {} for \"{pattern}\", where the module should be.",
            if first.is_some() { "more than one folder" } else { "no folder" }
        ))),
    }
}

/// Whether a name is like a pattern, in which `*` is any text.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return name == pattern };
    name.strip_prefix(start).is_some_and(|left| {
        left.char_indices().map(|(at, _)| at).chain([left.len()]).any(|at| is_like(&left[at..], rest))
    })
}

/// Refuses symbolic links that lead out of the folder, or nowhere.
pub(crate) fn check_links(root: &Path) -> Result<(), Problem> {
    let all = walk(root).map_err(|e| Problem::io("read", root, &e))?;
    let inside = root.canonicalize().map_err(|e| Problem::io("read", root, &e))?;
    for (path, _) in all.iter().filter(|(_, kind)| kind.is_symlink()) {
        let leads_inside = root.join(path).canonicalize().is_ok_and(|target| target.starts_with(&inside));
        if !leads_inside {
            return Err(Problem::new(format!(
                "The symbolic link {} leads out of what was fetched, or to nothing.",
                path.display()
            ))
            .help("A module must hold all that it needs: put the file itself into it."));
        }
    }
    Ok(())
}

/// Copies a folder; what belongs to git and to other runs is left out.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    fs::create_dir_all(to).map_err(|e| Problem::io("made", to, &e))?;
    let entries = fs::read_dir(from).map_err(|e| Problem::io("read", from, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Problem::io("read", from, &e))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let done = match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                if !matches!(entry.file_name().to_str(), Some(".git" | ".terraform")) {
                    copy(&source, &target)?;
                }
                Ok(())
            }
            Ok(kind) if kind.is_symlink() => fs::read_link(&source).and_then(|link| symlink(&link, &target)),
            Ok(kind) if kind.is_file() => fs::copy(&source, &target).map(|_| ()),
            // Sockets and the like are no part of a module.
            Ok(_) => Ok(()),
            Err(e) => Err(e),
        };
        done.map_err(|e| Problem::io("copied", &source, &e))?;
    }
    Ok(())
}
