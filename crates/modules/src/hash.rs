//! Digests: of what was fetched as a whole, and of single files.

use crate::fetch::Problem;
use crate::tree::walk;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};
use std::fs;
use std::path::Path;

/// The digest of a folder: SHA-256 of a list with a line `SHA-256  NAME` for each file, sorted by name, in Base64 behind
/// `h1:`. It is that of Go's module checksums (<https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash#Hash1>), with the targets
/// of symbolic links in place of what they lead to.
pub(crate) fn of_folder(root: &Path) -> Result<String, Problem> {
    let all = walk(root).map_err(|e| Problem::io("read", root, &e))?;
    let mut lines: Vec<(String, String)> = Vec::new();
    for (path, kind) in all {
        let full = root.join(&path);
        let content = if kind.is_symlink() {
            fs::read_link(&full).map(|target| target.display().to_string().into_bytes())
        } else if kind.is_file() {
            fs::read(&full)
        } else {
            continue;
        };
        let content = content.map_err(|e| Problem::io("read", &full, &e))?;
        let name: Vec<String> =
            path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
        lines.push((name.join("/"), hex(&Sha256::digest(content))));
    }
    lines.sort();
    let mut whole = Sha256::new();
    for (name, digest) in lines {
        whole.update(format!("{digest}  {name}\n"));
    }
    Ok(format!("h1:{}", STANDARD.encode(whole.finalize())))
}

/// Checks what the parameter `checksum` says of a file: `sha256:HEX`, or the digits alone.
pub(crate) fn check(content: &[u8], wanted: &str) -> Result<(), Problem> {
    let (kind, digits) = match wanted.split_once(':') {
        Some((kind, digits)) => (kind, digits),
        None => match wanted.len() {
            32 => ("md5", wanted),
            40 => ("sha1", wanted),
            64 => ("sha256", wanted),
            128 => ("sha512", wanted),
            _ => ("", wanted),
        },
    };
    let found = match kind {
        "md5" => hex(&md5::Md5::digest(content)),
        "sha1" => hex(&sha1::Sha1::digest(content)),
        "sha256" => hex(&Sha256::digest(content)),
        "sha512" => hex(&Sha512::digest(content)),
        _ => {
            return Err(Problem::new("The value of \"checksum\" is not a digest.")
                .help("Write checksum=sha256:DIGITS; md5, sha1 and sha512 can be had too."));
        }
    };
    if found.eq_ignore_ascii_case(digits) {
        return Ok(());
    }
    Err(Problem::new(format!(
        "What was fetched has the {kind} digest {found}, but the source says that it is {digits}."
    ))
    .help("Somebody has changed the file, or the digest in the source is wrong."))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
