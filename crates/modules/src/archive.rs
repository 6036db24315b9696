//! Archives: which kind it is, and unpacking.

use crate::fetch::Problem;
use crate::tree::Unpacker;
use crate::zip;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Archive {
    Zip,
    Tar,
    TarGz,
    TarBz2,
    TarXz,
}

/// File endings; those that contain others come first.
const ENDINGS: [(&str, Archive); 8] = [
    ("tar.gz", Archive::TarGz),
    ("tgz", Archive::TarGz),
    ("tar.bz2", Archive::TarBz2),
    ("tbz2", Archive::TarBz2),
    ("tar.xz", Archive::TarXz),
    ("txz", Archive::TarXz),
    ("tar", Archive::Tar),
    ("zip", Archive::Zip),
];

impl Archive {
    /// By the value of the parameter `archive`, or the end of the file's name; `None` when it is no archive.
    pub fn of(parameter: Option<&str>, name: &str) -> Result<Option<Archive>, Problem> {
        let named = |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.'));
        match parameter {
            None => Ok(ENDINGS.iter().find(|(ending, _)| named(ending)).map(|(_, archive)| *archive)),
            Some("false" | "0") => Ok(None),
            Some(kind) => match ENDINGS.iter().find(|(ending, _)| *ending == kind) {
                Some((_, archive)) => Ok(Some(*archive)),
                None => Err(Problem::new(format!("\"archive={kind}\" is no kind of archive."))
                    .help("There are zip, tar, tar.gz, tar.bz2 and tar.xz.")),
            },
        }
    }

    /// Unpacks it into a folder.
    pub fn unpack(self, bytes: &[u8], into: &Path) -> Result<(), Problem> {
        let mut out = Unpacker::new(into);
        match self {
            Archive::Zip => zip::unpack(bytes, &mut out)?,
            Archive::Tar => tar(bytes, &mut out)?,
            Archive::TarGz => tar(flate2::read::MultiGzDecoder::new(bytes), &mut out)?,
            Archive::TarBz2 => tar(Cursor::new(expanded("bzip2", bytes)?), &mut out)?,
            Archive::TarXz => tar(Cursor::new(expanded("xz", bytes)?), &mut out)?,
        }
        out.finish()
    }
}

fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::new(format!("The archive cannot be read: {error}."))
}

fn tar(from: impl Read, out: &mut Unpacker) -> Result<(), Problem> {
    let mut archive = tar::Archive::new(from);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            out.dir(&name)?;
        } else if kind.is_symlink() {
            let target = entry.link_name().map_err(broken)?;
            out.link(&name, &target.unwrap_or_default())?;
        } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            let mode = entry.header().mode().ok();
            out.file(&name, mode, &mut entry)?;
        } else if kind.is_hard_link() {
            return Err(Problem::new(format!(
                "The archive has a hard link ({}), which is not unpacked.",
                name.display()
            ))
            .help("Pack the module with tar --hard-dereference."));
        }
        // What remains (devices, headers for all entries) is no part of a module.
    }
    Ok(())
}

/// What a program of the system makes of compressed bytes.
fn expanded(program: &str, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let child = Command::new(program)
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|e| {
        Problem::new(format!(
            "The archive is unpacked with the program \"{program}\", which cannot be run: {e}."
        ))
        .help(format!("Install {program}, or use an archive of another kind, such as .tar.gz or .zip."))
    })?;
    let output = std::thread::scope(|scope| {
        if let Some(mut stdin) = child.stdin.take() {
            // What stops reading says why by its exit code.
            scope.spawn(move || stdin.write_all(bytes));
        }
        let mut output = Vec::new();
        let read = match child.stdout.take() {
            // The unpacker's limit counts files; this one keeps the memory.
            Some(stdout) => stdout.take(1 << 30).read_to_end(&mut output).map(|_| ()),
            None => Ok(()),
        };
        read.and_then(|()| child.wait()).map(|status| (status, output))
    });
    match output {
        Ok((status, output)) if status.success() => Ok(output),
        Ok(_) => Err(Problem::new(format!("The archive cannot be read: {program} failed on it."))),
        Err(e) => Err(broken(e)),
    }
}
