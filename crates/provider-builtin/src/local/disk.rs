//! Files: written whole or not at all.

use formwork_provider::CallError;
use formwork_value::Path as ValuePath;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A permission of three or four octal digits.
pub(super) fn mode(text: &str) -> Option<u32> {
    let digits = matches!(text.len(), 3 | 4) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    digits.then(|| u32::from_str_radix(text, 8).ok()).flatten()
}

pub(super) fn read(path: &str) -> io::Result<Vec<u8>> {
    fs::read(path)
}

fn failed(path: &str, what: &str, error: &io::Error) -> CallError {
    let mut failure =
        CallError::new("File operation failed", format!("The file \"{path}\" cannot be {what}: {error}."));
    failure.path = ValuePath::root().attr("filename");
    failure
}

/// The content of a file, or `None` if there is none.
pub(super) fn present(path: &str) -> Result<Option<Vec<u8>>, CallError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failed(path, "read", &error)),
    }
}

/// Removes a file; that there is none is fine.
pub(super) fn remove(path: &str) -> Result<(), CallError> {
    match fs::remove_file(path) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(failed(path, "removed", &error))
        }
        _ => Ok(()),
    }
}

/// Writes a file by way of another beside it. What is there and is not a plain file (a device, a pipe) is written to;
/// a symbolic link is followed.
pub(super) fn write(
    path: &str,
    bytes: &[u8],
    permission: &str,
    directories: &str,
    token: &str,
) -> Result<(), CallError> {
    let fail = |error: io::Error| failed(path, "written", &error);
    let invalid =
        || io::Error::new(ErrorKind::InvalidInput, "its permission is not three or four octal digits");
    let mode_of = |text: &str| mode(text).ok_or_else(|| fail(invalid()));
    let (permission, directories) = (mode_of(permission)?, mode_of(directories)?);
    // Where there is a link, its target is written.
    let target = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    if let Some(parent) = target.parent().filter(|p| !p.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(directories).create(parent).map_err(fail)?;
    }
    match fs::metadata(&target) {
        Ok(found) if !found.is_file() => {
            return OpenOptions::new()
                .write(true)
                .open(&target)
                .and_then(|mut f| f.write_all(bytes))
                .map_err(fail);
        }
        _ => {}
    }
    let beside = beside(&target, token);
    let written = replace(&beside, &target, bytes, permission);
    if written.is_err() {
        // Nothing was put in place; the failure itself is what matters.
        let _ = fs::remove_file(&beside);
    }
    // Whether the name was put in place before the failure is for `find` to say.
    written.map_err(|error| CallError { no_effect: false, ..fail(error) })
}

fn replace(beside: &Path, target: &Path, bytes: &[u8], permission: u32) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(permission).open(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, target)?;
    // The name is durable only when its directory is.
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// Removes what an interrupted [`write`] may have left beside the file.
pub(super) fn sweep(path: &str, token: &str) {
    let target = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    // It is usually not there; if it cannot be removed, it does no harm.
    let _ = fs::remove_file(beside(&target, token));
}

/// The name under which a file is written before it is put in place: one for each attempt.
fn beside(target: &Path, token: &str) -> PathBuf {
    let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let token: String = token.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    target.with_file_name(format!(".{name}.{token}.tmp"))
}
