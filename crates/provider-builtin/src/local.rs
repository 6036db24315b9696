//! `local_file` and `local_sensitive_file`, as resources and data sources.

mod digests;
mod disk;

use crate::values::{exactly_one, is_set};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digests::Digests;
use formwork_provider::{
    CallError, Computed, Crud, CrudResource, Cx, DataSource, Lookup, LookupSource, ManagedResource, Problem,
    Resource,
};
use formwork_value::{Path, Value};
use std::sync::Arc;

pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![CrudResource::<LocalFile>::new(), CrudResource::<LocalSensitiveFile>::new()]
}

pub(crate) fn data_sources() -> Vec<Arc<dyn DataSource>> {
    vec![LookupSource::<ReadFile>::new(), LookupSource::<ReadSensitiveFile>::new()]
}

/// A file with the given content. Missing parent directories are created; a file that stands there is overwritten.
#[derive(Clone, Resource)]
#[resource(name = "local_file")]
struct LocalFile {
    /// Path of the file.
    #[attr(replace)]
    filename: String,
    /// The content, as text. Exactly one of `content`, `sensitive_content`, `content_base64` and `source` is needed.
    #[attr(replace)]
    content: Option<String>,
    /// The content, as text that is never shown.
    #[attr(replace, sensitive, deprecated = "Use the local_sensitive_file resource instead.")]
    sensitive_content: Option<String>,
    /// The content, in base64.
    #[attr(replace)]
    content_base64: Option<String>,
    /// Path of a file to copy.
    #[attr(replace)]
    source: Option<String>,
    /// Permissions of the file before the umask, in octal digits.
    #[attr(replace, default = "0777")]
    file_permission: String,
    /// Permissions of directories that are created, before the umask, in octal digits.
    #[attr(replace, default = "0777")]
    directory_permission: String,
    /// MD5 of the content, in hexadecimal digits.
    content_md5: Computed<String>,
    /// SHA-1 of the content, in hexadecimal digits.
    content_sha1: Computed<String>,
    /// SHA-256 of the content, in hexadecimal digits.
    content_sha256: Computed<String>,
    /// SHA-256 of the content, in base64.
    content_base64sha256: Computed<String>,
    /// SHA-512 of the content, in hexadecimal digits.
    content_sha512: Computed<String>,
    /// SHA-512 of the content, in base64.
    content_base64sha512: Computed<String>,
    /// SHA-1 of the content, in hexadecimal digits.
    id: Computed<String>,
}

/// A file with content that is never shown. Missing parent directories are created; a file that stands there is
/// overwritten.
#[derive(Clone, Resource)]
#[resource(name = "local_sensitive_file")]
struct LocalSensitiveFile {
    /// Path of the file.
    #[attr(replace)]
    filename: String,
    /// The content, as text. Exactly one of `content`, `content_base64` and `source` is needed.
    #[attr(replace, sensitive)]
    content: Option<String>,
    /// The content, in base64.
    #[attr(replace, sensitive)]
    content_base64: Option<String>,
    /// Path of a file to copy.
    #[attr(replace)]
    source: Option<String>,
    /// Permissions of the file before the umask, in octal digits.
    #[attr(replace, default = "0700")]
    file_permission: String,
    /// Permissions of directories that are created, before the umask, in octal digits.
    #[attr(replace, default = "0700")]
    directory_permission: String,
    /// MD5 of the content, in hexadecimal digits.
    content_md5: Computed<String>,
    /// SHA-1 of the content, in hexadecimal digits.
    content_sha1: Computed<String>,
    /// SHA-256 of the content, in hexadecimal digits.
    content_sha256: Computed<String>,
    /// SHA-256 of the content, in base64.
    content_base64sha256: Computed<String>,
    /// SHA-512 of the content, in hexadecimal digits.
    content_sha512: Computed<String>,
    /// SHA-512 of the content, in base64.
    content_base64sha512: Computed<String>,
    /// SHA-1 of the content, in hexadecimal digits.
    id: Computed<String>,
}

/// Reads a file.
#[derive(Clone, Resource)]
#[resource(name = "local_file")]
struct ReadFile {
    /// Path of the file.
    filename: String,
    /// The content, as text; what is not UTF-8 is replaced.
    content: Computed<String>,
    /// The content, in base64.
    content_base64: Computed<String>,
    /// MD5 of the content, in hexadecimal digits.
    content_md5: Computed<String>,
    /// SHA-1 of the content, in hexadecimal digits.
    content_sha1: Computed<String>,
    /// SHA-256 of the content, in hexadecimal digits.
    content_sha256: Computed<String>,
    /// SHA-256 of the content, in base64.
    content_base64sha256: Computed<String>,
    /// SHA-512 of the content, in hexadecimal digits.
    content_sha512: Computed<String>,
    /// SHA-512 of the content, in base64.
    content_base64sha512: Computed<String>,
    /// SHA-1 of the content, in hexadecimal digits.
    id: Computed<String>,
}

/// Reads a file whose content is never shown.
#[derive(Clone, Resource)]
#[resource(name = "local_sensitive_file")]
struct ReadSensitiveFile {
    /// Path of the file.
    filename: String,
    /// The content, as text; what is not UTF-8 is replaced.
    #[attr(sensitive)]
    content: Computed<String>,
    /// The content, in base64.
    #[attr(sensitive)]
    content_base64: Computed<String>,
    /// MD5 of the content, in hexadecimal digits.
    content_md5: Computed<String>,
    /// SHA-1 of the content, in hexadecimal digits.
    content_sha1: Computed<String>,
    /// SHA-256 of the content, in hexadecimal digits.
    content_sha256: Computed<String>,
    /// SHA-256 of the content, in base64.
    content_base64sha256: Computed<String>,
    /// SHA-512 of the content, in hexadecimal digits.
    content_sha512: Computed<String>,
    /// SHA-512 of the content, in base64.
    content_base64sha512: Computed<String>,
    /// SHA-1 of the content, in hexadecimal digits.
    id: Computed<String>,
}

/// Fills in what is computed from the content.
macro_rules! with_digests {
    ($object:expr, $bytes:expr) => {{
        let (mut object, digests) = ($object, Digests::of($bytes));
        object.content_md5 = digests.md5.into();
        object.content_sha1 = digests.sha1.as_str().into();
        object.content_sha256 = digests.sha256.into();
        object.content_base64sha256 = digests.base64sha256.into();
        object.content_sha512 = digests.sha512.into();
        object.content_base64sha512 = digests.base64sha512.into();
        object.id = digests.sha1.into();
        object
    }};
}

/// The content that one of the arguments gives.
fn content(text: Option<&str>, base64: Option<&str>, source: Option<&str>) -> Result<Vec<u8>, CallError> {
    match (text, base64, source) {
        (Some(text), _, _) => Ok(text.as_bytes().to_vec()),
        (_, Some(base64), _) => STANDARD.decode(base64).map_err(|_| {
            let detail = "content_base64 is not base64 with padding (RFC 4648, 4).";
            CallError::new("Malformed base64", detail).on(Path::root().attr("content_base64"))
        }),
        (_, _, Some(source)) => disk::read(source).map_err(|error| {
            let detail = format!("The file \"{source}\" cannot be read: {error}.");
            CallError::new("Source file cannot be read", detail).on(Path::root().attr("source"))
        }),
        _ => Ok(Vec::new()),
    }
}

/// Whether a configured permission is three or four octal digits.
fn permission(config: &Value, name: &str) -> Option<Problem> {
    let text = config.get(name)?.as_str()?;
    if disk::mode(text).is_some() {
        return None;
    }
    let detail = format!("{name} must be three or four octal digits, such as \"0644\"; it is \"{text}\".");
    Some(Problem::error(Path::root().attr(name), "Malformed permission", detail))
}

fn check(config: &Value, contents: &[&str]) -> Vec<Problem> {
    let mut problems = exactly_one(config, contents);
    problems.extend(permission(config, "file_permission"));
    problems.extend(permission(config, "directory_permission"));
    if is_set(config, "filename") == Some(true) && config.get("filename").and_then(Value::as_str) == Some("")
    {
        let detail = "filename is the empty string.";
        problems.push(Problem::error(Path::root().attr("filename"), "Missing argument", detail));
    }
    problems
}

macro_rules! file {
    ($ty:ty, $contents:expr, |$planned:ident| $bytes:expr) => {
        impl $ty {
            fn bytes(&self) -> Result<Vec<u8>, CallError> {
                let $planned = self;
                $bytes
            }
        }

        #[async_trait]
        impl Crud for $ty {
            type Client = ();
            const IDEMPOTENT: bool = true;
            // An interrupted write has happened or not by the time that anyone asks.
            const QUIET: std::time::Duration = std::time::Duration::ZERO;

            fn validate(config: &Value) -> Vec<Problem> {
                check(config, &$contents)
            }

            async fn create(&self, cx: &Cx<'_, ()>) -> Result<Self, CallError> {
                let bytes = self.bytes()?;
                disk::write(
                    &self.filename,
                    &bytes,
                    &self.file_permission,
                    &self.directory_permission,
                    cx.token,
                )?;
                Ok(with_digests!(self.clone(), &bytes))
            }

            async fn read(&self, _: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
                let found = disk::present(&self.filename)?.map(|bytes| with_digests!(self.clone(), &bytes));
                Ok(found.filter(|found| found.id == self.id))
            }

            async fn update(&self, _prior: &Self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
                Ok(self.clone())
            }

            async fn delete(&self, _: &Cx<'_, ()>) -> Result<(), CallError> {
                disk::remove(&self.filename)
            }

            async fn find(&self, cx: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
                disk::sweep(&self.filename, cx.token);
                let wanted = self.bytes()?;
                let found = disk::present(&self.filename)?.filter(|found| *found == wanted);
                Ok(found.map(|bytes| with_digests!(self.clone(), &bytes)))
            }
        }
    };
}

file!(LocalFile, ["content", "sensitive_content", "content_base64", "source"], |planned| {
    let text = planned.content.as_deref().or(planned.sensitive_content.as_deref());
    content(text, planned.content_base64.as_deref(), planned.source.as_deref())
});

file!(LocalSensitiveFile, ["content", "content_base64", "source"], |planned| {
    content(planned.content.as_deref(), planned.content_base64.as_deref(), planned.source.as_deref())
});

macro_rules! reading {
    ($ty:ty) => {
        #[async_trait]
        impl Lookup for $ty {
            type Client = ();

            fn files(config: &Value) -> Vec<String> {
                config.get("filename").and_then(Value::as_str).map(str::to_owned).into_iter().collect()
            }

            async fn lookup(&self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
                let bytes = disk::read(&self.filename).map_err(|error| {
                    let detail = format!("The file \"{}\" cannot be read: {error}.", self.filename);
                    CallError::new("File cannot be read", detail).on(Path::root().attr("filename"))
                })?;
                let mut found = with_digests!(self.clone(), &bytes);
                found.content_base64 = STANDARD.encode(&bytes).into();
                found.content = String::from_utf8_lossy(&bytes).into_owned().into();
                Ok(found)
            }
        }
    };
}

reading!(ReadFile);
reading!(ReadSensitiveFile);
