//! Where modules come from: the notations of `source`
//! (<https://developer.hashicorp.com/terraform/language/modules/sources>), in one form. Nothing is fetched here.

use crate::host::shown_host;
use formwork_syntax::Str;
use std::fmt;

/// Where a module comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A path that starts with `./` or `../`.
    Local,
    /// A module of a registry.
    Registry(Published),
    /// Something to fetch.
    Remote(Remote),
}

/// How something is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Getter {
    /// A git repository.
    Git,
    /// A document of a web server.
    Http,
    /// A folder or an archive on this machine.
    File,
}

/// Something to fetch, and the folder in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// How.
    pub getter: Getter,
    /// From where: without the query and the part behind `//`. May hold a password.
    pub url: String,
    /// The folder in what is fetched; empty for all of it.
    pub subdir: String,
    /// What follows the question mark, decoded.
    pub query: Vec<(String, String)>,
}

/// A module of a registry, and the folder in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The registry, perhaps with a port, as it is shown.
    pub host: String,
    /// `NAMESPACE/NAME/PROVIDER`.
    pub path: String,
    /// The folder in what is fetched; empty for all of it.
    pub subdir: String,
}

impl Published {
    /// The whole source, as Terraform lists it.
    pub fn full(&self) -> String {
        match &*self.subdir {
            "" => self.package(),
            subdir => format!("{}//{subdir}", self.package()),
        }
    }

    /// Without the folder behind `//`: what is fetched.
    pub fn package(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }
}

/// Where modules without a host are.
const PUBLIC_REGISTRY: &str = "registry.terraform.io";

/// Why a source is none: what is wrong, and how to mend it. Holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// What is wrong.
    pub detail: String,
    /// How to mend it.
    pub help: String,
}

fn wrong(detail: impl Into<String>, help: impl Into<String>) -> SourceError {
    SourceError { detail: detail.into(), help: help.into() }
}

/// Query parameters that may be shown; any other could be a secret.
const PLAIN: [&str; 4] = ["ref", "depth", "archive", "checksum"];

impl Source {
    /// Reads a source as it is written in a `module` block.
    pub fn parse(text: &str) -> Result<Source, SourceError> {
        if text.starts_with("./") || text.starts_with("../") {
            return Ok(Source::Local);
        }
        if text.trim() != text || text.is_empty() {
            return Err(wrong("The source is empty, or has spaces around it.", "Remove the spaces."));
        }
        if let Some((place, subdir)) = published(text) {
            return Ok(Source::Registry(Published { subdir: clean_subdir(subdir)?, ..place }));
        }
        Remote::parse(text).map(Source::Remote)
    }
}

/// The source with slashes, where it is a path to a folder that is written with backslashes, as on Windows.
pub(crate) fn with_slashes(source: Str) -> Str {
    let path = source.trim_start_matches('.');
    let is_local = matches!(source.len() - path.len(), 1 | 2) && path.starts_with(['/', '\\']);
    if is_local && path.contains('\\') { source.replace('\\', "/").into() } else { source }
}

impl Remote {
    fn parse(text: &str) -> Result<Remote, SourceError> {
        let (forced, rest) = match text.split_once("::") {
            Some((name, rest)) if name.chars().all(|c| c.is_ascii_alphanumeric()) => (Some(name), rest),
            _ => (None, text),
        };
        let getter = match forced {
            None => None,
            Some("git") => Some(Getter::Git),
            Some("file") => Some(Getter::File),
            Some("http" | "https") => Some(Getter::Http),
            Some(other) => {
                return Err(wrong(
                    format!("Modules cannot be fetched with \"{other}::\"."),
                    "Formwork fetches from git repositories (git::…), web servers (https://…) and folders.",
                ));
            }
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, read_query(query)?),
            None => (rest, Vec::new()),
        };
        let (place, subdir) = split_subdir(rest);
        let subdir = clean_subdir(subdir)?;
        let (getter, url) = match detect(place, getter)? {
            Some(found) => found,
            None => return Err(unclear(text)),
        };
        let extra = query
            .iter()
            .find(|(name, value)| value.starts_with('-') && matches!(name.as_str(), "ref" | "depth"));
        if let Some((name, _)) = extra {
            return Err(wrong(
                format!("The value of \"{name}\" starts with a dash."),
                "Name a branch, a tag or a commit.",
            ));
        }
        Ok(Remote { getter, url, subdir, query })
    }

    /// The value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// The whole source in its one form, as Terraform lists it. May hold a password.
    pub fn full(&self) -> String {
        self.written(&self.url, &self.subdir, |_, value| encode(value))
    }

    /// Without the folder behind `//`: what is fetched. May hold a password.
    pub fn package(&self) -> String {
        self.written(&self.url, "", |_, value| encode(value))
    }

    /// [`Remote::package`] for people and for files that are shared: without credentials.
    pub fn shown(&self) -> String {
        self.written(&without_user(&self.url, self.getter), "", |name, value| {
            if PLAIN.contains(&name) { encode(value) } else { "***".into() }
        })
    }

    /// Whether the source holds something that must not be shown.
    pub fn is_secret(&self) -> bool {
        self.package() != self.shown()
    }

    /// What must not appear in any message.
    pub fn secrets(&self) -> Vec<String> {
        let user = authority(&self.url).and_then(|a| a.rsplit_once('@')).map(|(user, _)| user.to_owned());
        let mut found: Vec<String> = if without_user(&self.url, self.getter) == self.url {
            Vec::new()
        } else {
            user.into_iter().collect()
        };
        let password = found.first().and_then(|u| u.split_once(':')).map(|(_, p)| p.to_owned());
        found.extend(password);
        let hidden = self.query.iter().filter(|(name, _)| !PLAIN.contains(&name.as_str()));
        found.extend(hidden.flat_map(|(_, value)| [value.clone(), encode(value)]));
        found.retain(|s| !s.is_empty());
        found
    }

    fn written(&self, url: &str, subdir: &str, value: impl Fn(&str, &str) -> String) -> String {
        let mut out = String::new();
        if self.getter == Getter::Git {
            out.push_str("git::");
        }
        out.push_str(url);
        if !subdir.is_empty() {
            out.push_str("//");
            out.push_str(subdir);
        }
        for (i, (name, text)) in self.query.iter().enumerate() {
            out.push(if i == 0 { '?' } else { '&' });
            out.push_str(name);
            out.push('=');
            out.push_str(&value(name, text));
        }
        out
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// `NAMESPACE/NAME/PROVIDER`, with the name of a host before it perhaps; and the folder behind `//`, as written.
fn published(text: &str) -> Option<(Published, &str)> {
    const HOSTS: [&str; 3] = ["github.com", "bitbucket.org", "gitlab.com"];
    let (place, subdir) = split_subdir(text);
    let name = |part: &&str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        ends(part.chars().next())
            && ends(part.chars().next_back())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    // A name with neither dot nor port is that of a folder, which wants `./` before it.
    let host = |host: &str| {
        let named = host.contains('.') || host.split(':').next() == Some("localhost");
        shown_host(host)
            .filter(|shown| named && !HOSTS.contains(&shown.split(':').next().unwrap_or_default()))
    };
    let parts: Vec<&str> = place.split('/').collect();
    let (host, path) = match parts.as_slice() {
        path if path.len() == 3 => (PUBLIC_REGISTRY.to_owned(), path),
        [name, path @ ..] if path.len() == 3 => (host(name)?, path),
        _ => return None,
    };
    let found = Published { host, path: path.join("/"), subdir: String::new() };
    path.iter().all(name).then_some((found, subdir))
}

/// Parts a path from the folder behind `//`; that of `https://` does not count.
fn split_subdir(text: &str) -> (&str, &str) {
    let from = text.find("://").map_or(0, |at| at + 3);
    match text[from..].find("//") {
        Some(at) => (&text[..from + at], &text[from + at + 2..]),
        None => (text, ""),
    }
}

fn clean_subdir(subdir: &str) -> Result<String, SourceError> {
    let mut parts: Vec<&str> = Vec::new();
    for part in subdir.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(wrong(
                        "The folder behind // leads out of what is fetched.",
                        "Name a folder inside of it.",
                    ));
                }
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// The getter and the full URL of a place.
fn detect(place: &str, forced: Option<Getter>) -> Result<Option<(Getter, String)>, SourceError> {
    if let Some((scheme, rest)) = place.split_once("://") {
        let natural = match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Getter::Http,
            "file" => Getter::File,
            "ssh" | "git" => Getter::Git,
            "git+ssh" => return Ok(Some((Getter::Git, format!("ssh://{rest}")))),
            other => {
                return Err(wrong(
                    format!("Modules cannot be fetched from addresses of the kind \"{other}://\"."),
                    "Formwork fetches from git repositories (git::…), web servers (https://…) and folders.",
                ));
            }
        };
        if rest.is_empty() {
            return Err(wrong(
                "The address has nothing behind its \"://\".",
                "Write the host and the path too.",
            ));
        }
        let getter = match (forced, natural) {
            // A repository in a folder, or behind a web server.
            (Some(Getter::Git), _) => Getter::Git,
            (Some(Getter::Http), Getter::Http) | (Some(Getter::File), Getter::File) | (None, _) => natural,
            _ => {
                return Err(wrong(
                    "What stands before :: does not fit the address behind it.",
                    "Leave it away.",
                ));
            }
        };
        return Ok(Some((getter, place.to_owned())));
    }
    if place.starts_with('/') {
        let getter = forced.unwrap_or(Getter::File);
        return Ok((getter != Getter::Http).then(|| (getter, format!("file://{place}"))));
    }
    if matches!(forced, Some(Getter::Http | Getter::File)) {
        return Ok(None);
    }
    // The notation of scp: user@host:path.
    if let Some((user_host, path)) = place.split_once(':')
        && let Some((user, host)) = user_host.split_once('@')
        && !user.is_empty()
        && !host.is_empty()
        && !host.starts_with('-')
        && !user.starts_with('-')
        && !user_host.contains('/')
        && !path.is_empty()
    {
        return Ok(Some((Getter::Git, format!("ssh://{user_host}/{}", path.trim_start_matches('/')))));
    }
    for host in ["github.com", "bitbucket.org"] {
        let Some(path) = place.strip_prefix(host).and_then(|rest| rest.strip_prefix('/')) else { continue };
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let [owner, name] = parts.as_slice() else {
            return Err(wrong(
                format!("A repository of {host} is written {host}/OWNER/NAME."),
                format!("For a folder in it: {host}/OWNER/NAME//FOLDER"),
            ));
        };
        let name = name.strip_suffix(".git").unwrap_or(name);
        return Ok(Some((Getter::Git, format!("https://{host}/{owner}/{name}.git"))));
    }
    Ok(None)
}

fn unclear(text: &str) -> SourceError {
    let (place, _) = split_subdir(text.split('?').next().unwrap_or_default());
    if let Some(rest) = place.strip_prefix("gitlab.com/") {
        return wrong(
            "There is no short form for gitlab.com.",
            format!("Write source = \"git::https://gitlab.com/{rest}\""),
        );
    }
    wrong(
        "The source does not say where to look.",
        "A folder beside this one is written ./FOLDER, a repository git::https://HOST/PATH, an archive https://HOST/FILE.zip",
    )
}

fn read_query(text: &str) -> Result<Vec<(String, String)>, SourceError> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => Ok((name, value)),
                _ => Err(wrong(
                    "What follows the question mark has a percent sign without two hexadecimal digits behind it.",
                    "Write a percent sign itself as %25.",
                )),
            }
        })
        .collect()
}

/// Without percent signs; `None` where two digits are missing, or what they say is no text.
pub fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            b'+' => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

/// With percent signs, as the value of a query parameter.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b':' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// What stands between `://` and the next slash.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next()
}

/// A URL without name and password. Over SSH a name alone is no secret.
fn without_user(url: &str, getter: Getter) -> String {
    let Some((user, host)) = authority(url).and_then(|a| a.rsplit_once('@')) else { return url.to_owned() };
    if getter == Getter::Git && url.starts_with("ssh://") && !user.contains(':') {
        return url.to_owned();
    }
    url.replacen(&format!("{user}@{host}"), &format!("***@{host}"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The full form, as Terraform 1.11.4 lists it; what is shown, if that is another; or what is wrong.
    fn check(text: &str, expected: &str) {
        let found = match Source::parse(text) {
            Ok(Source::Local) => "local".into(),
            Ok(Source::Registry(p)) => format!("registry {}", p.full()),
            Ok(Source::Remote(r)) if r.is_secret() => format!("{} as {}", r.full(), r.shown()),
            Ok(Source::Remote(r)) => r.full(),
            Err(e) => format!("! {}", e.detail),
        };
        assert!(found.starts_with(expected) && !expected.is_empty(), "{text}: {found}");
    }

    #[test]
    fn sources_have_one_form() {
        check("./a", "local");
        check("../a//b", "local");
        check("hashicorp/consul/aws", "registry registry.terraform.io/hashicorp/consul/aws");
        check("Example.com:8443/a/b/c", "registry example.com:8443/a/b/c");
        check("Café.example/a/b/c", "registry café.example/a/b/c");
        check("xn--caf-dma.example/a/b/c", "registry café.example/a/b/c");
        check("localhost:8443/a/b/c", "registry localhost:8443/a/b/c");
        check("a/b/c//../x", "! The folder behind //");
        check("app.example.com/a/b/c//modules/x", "registry app.example.com/a/b/c//modules/x");
        check("github.com/a/b", "git::https://github.com/a/b.git");
        check("github.com/a/b.git//c/d?ref=v1", "git::https://github.com/a/b.git//c/d?ref=v1");
        check("git@github.com:a/b.git", "git::ssh://git@github.com/a/b.git");
        check("git::git@host.example:a/b.git//x?depth=1", "git::ssh://git@host.example/a/b.git//x?depth=1");
        check("git::https://h/a.git?ref=x%2Fy", "git::https://h/a.git?ref=x/y");
        check("git::ssh://git@h:22/a.git", "git::ssh://git@h:22/a.git");
        check("https://h/a.zip//x/./y", "https://h/a.zip//x/y");
        check("https://h/a?archive=zip", "https://h/a?archive=zip");
        check("/srv/modules/a", "file:///srv/modules/a");
        check("git::/srv/a", "git::file:///srv/a");
        check("file:///srv/a.tgz//b", "file:///srv/a.tgz//b");
    }

    #[test]
    fn what_is_no_source_is_explained() {
        check("modules/a", "! The source does not say");
        check("gitlab.com/a/b", "! There is no short form");
        check("github.com/a", "! A repository of github.com");
        check("s3::https://s3.amazonaws.com/b/k.zip", "! Modules cannot be fetched with \"s3::\"");
        check("git::ext::sh -c x", "! The source does not say");
        check("ext://x", "! Modules cannot be fetched from");
        check("https://h/a.zip//../b", "! The folder behind //");
        check("git::https://h/a?ref=--upload-pack=x", "! The value of \"ref\"");
        check("git::-u@h:x", "! The source does not say");
        check("https://h/a?x=%zz", "! What follows the question mark");
        check(" ./a", "! The source is empty, or has spaces");
    }

    #[test]
    fn credentials_are_not_shown() {
        check("https://u:p%40@h/a.zip", "https://u:p%40@h/a.zip as https://***@h/a.zip");
        check("git::https://tok@h/a?ref=x", "git::https://tok@h/a?ref=x as git::https://***@h/a?ref=x");
        check("git::ssh://u:pw@h/a", "git::ssh://u:pw@h/a as git::ssh://***@h/a");
        check(
            "git::ssh://git@h/a?sshkey=S3",
            "git::ssh://git@h/a?sshkey=S3 as git::ssh://git@h/a?sshkey=***",
        );
        let Ok(Source::Remote(remote)) = Source::parse("https://u:pw@h/a.zip?token=t&ref=x") else {
            panic!()
        };
        assert_eq!(remote.secrets(), ["u:pw", "pw", "t", "t"]);
        assert!(!format!("{remote:?}").contains("pw"));
    }
}
