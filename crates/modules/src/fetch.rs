//! Fetching one thing into a folder.

use crate::archive::Archive;
use crate::http::{self, Answer};
use crate::{git, hash, tree};
use formwork_config::{Getter, Remote, Source};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub detail: String,
    pub help: Option<String>,
    /// That it is about the version that is wanted, not about the source.
    pub about_version: bool,
}

impl Problem {
    pub fn new(detail: impl Into<String>) -> Self {
        Problem { detail: detail.into(), help: None, about_version: false }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn about_version(mut self) -> Self {
        self.about_version = true;
        self
    }

    /// That a file or folder cannot be read, made, written…
    pub fn io(verb: &str, path: &Path, error: &io::Error) -> Self {
        Problem::new(format!("{} cannot be {verb}: {error}.", path.display()))
    }

    /// Without what must not be shown.
    pub fn without(mut self, secrets: &[String]) -> Self {
        for secret in secrets {
            self.detail = self.detail.replace(secret, "***");
            self.help = self.help.map(|h| h.replace(secret, "***"));
        }
        self
    }
}

/// How the programs that fetch are run.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// The line of shell by which the user wants git to run SSH; without one, it is run so that it asks nothing.
    pub ssh: Option<String>,
}

/// What was fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// The commit, of a repository.
    pub commit: Option<String>,
    /// The commit that the same source leads to now, when an older one was wanted and fetched.
    pub newer: Option<String>,
}

/// How often a server may say that the module is elsewhere.
const MAX_HOPS: usize = 5;

/// One thing to fetch.
#[derive(Clone, Copy)]
pub(crate) struct Errand<'a> {
    pub remote: &'a Remote,
    /// The commit that is wanted of a repository.
    pub commit: Option<&'a str>,
    /// An empty folder.
    pub into: &'a Path,
    pub tools: &'a Tools,
}

/// Fetches what an errand names, without the folder behind `//`.
pub(crate) fn fetch(errand: Errand<'_>) -> Result<Fetched, Problem> {
    let mut remote = errand.remote.clone();
    let mut secrets = remote.secrets();
    for _ in 0..MAX_HOPS {
        match once(Errand { remote: &remote, ..errand }).map_err(|p| p.without(&secrets))? {
            Step::Done(fetched) => {
                tree::check_links(errand.into)?;
                return Ok(fetched);
            }
            Step::Elsewhere(next) => remote = next,
        }
        secrets.extend(remote.secrets());
    }
    Err(Problem::new("The server sends from one address to the next, without end."))
}

enum Step {
    Done(Fetched),
    Elsewhere(Remote),
}

fn once(errand: Errand<'_>) -> Result<Step, Problem> {
    let Errand { remote, into, .. } = errand;
    let archive = Archive::of(remote.parameter("archive"), &remote.url)?;
    let done = |()| Step::Done(Fetched::default());
    match remote.getter {
        Getter::Git => {
            if remote.parameter("checksum").is_some() {
                return Err(Problem::new("\"checksum\" is for archives; a repository has commits.")
                    .help("Name the commit: ?ref=COMMIT"));
            }
            git::fetch(errand).map(Step::Done)
        }
        Getter::File => local(remote, archive, into).map(done),
        Getter::Http => match (http::get(remote, archive.is_none())?, archive) {
            (Answer::Document(bytes), Some(archive)) => {
                checked(remote, &bytes)?;
                archive.unpack(&bytes, into).map(done)
            }
            (Answer::Elsewhere(place), _) => elsewhere(remote, &place).map(Step::Elsewhere),
            (Answer::Document(_), None) => {
                Err(Problem::new("The server answers with something that is no archive."))
            }
        },
    }
}

fn checked(remote: &Remote, bytes: &[u8]) -> Result<(), Problem> {
    remote.parameter("checksum").map_or(Ok(()), |wanted| hash::check(bytes, wanted))
}

fn local(remote: &Remote, archive: Option<Archive>, into: &Path) -> Result<(), Problem> {
    let path = remote.url.strip_prefix("file://").unwrap_or(&remote.url);
    let path = PathBuf::from(formwork_config::decode(path).unwrap_or_else(|| path.to_owned()));
    if !path.is_absolute() {
        return Err(Problem::new(format!("\"{}\" is no absolute path.", path.display()))
            .help("An address of a file has three slashes: file:///PATH. Paths relative to the module start with ./ or ../"));
    }
    if path.is_dir() {
        return tree::copy(&path, into);
    }
    let Some(archive) = archive else {
        return Err(Problem::new(format!("{} is neither a folder nor an archive.", path.display()))
            .help("If it is an archive, say of which kind: ?archive=zip"));
    };
    let bytes = fs::read(&path).map_err(|e| Problem::io("read", &path, &e))?;
    checked(remote, &bytes)?;
    archive.unpack(&bytes, into)
}

/// Where a server says that the module is.
fn elsewhere(remote: &Remote, place: &str) -> Result<Remote, Problem> {
    let place = match place {
        rooted if rooted.starts_with('/') => {
            let host = remote.url.split('/').take(3).collect::<Vec<_>>().join("/");
            format!("{host}{rooted}")
        }
        near if near.starts_with("./") => {
            let folder = remote.url.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{}", &near[2..])
        }
        full => full.to_owned(),
    };
    match Source::parse(&place) {
        // A server of the net has no say about the files of this machine.
        Ok(Source::Remote(next)) if next.getter != Getter::File && !next.url.starts_with("file:") => {
            if next.subdir.is_empty() {
                return Ok(next);
            }
            Err(Problem::new(format!("{} leads to a folder of what is at another address.", remote.shown()))
                .help(format!("Use that address itself: {}", next.shown())))
        }
        _ => Err(Problem::new(format!(
            "{} leads to an address that modules are not fetched from.",
            remote.shown()
        ))),
    }
}
