//! Debian packages: installed where allowed, or only fetched and unpacked.

use super::place::{Place, make, told, write};
use crate::Failure;
use crate::steps::{Steps, on_path, quietly};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release whose packages and sources are fetched, whatever the system is.
pub const SUITE: &str = "bookworm";

const SOURCES: &str = "/etc/apt/sources.list.d/debian.sources";

/// Whether this program may do anything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Sees to it that programs are there. Each is `(program or absolute path, package)`.
pub fn need(steps: &Steps, why: &str, wanted: &[(&str, &str)]) -> Result<(), Failure> {
    let mut packages: Vec<&str> =
        wanted.iter().filter(|(p, _)| !there(p)).map(|(_, package)| *package).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let by_hand = format!("install {list} by hand (Debian: apt-get install {list}) and try again");
    if on_path("apt-get").is_none() {
        return Err(format!("{why} needs {list}, and this system has no apt-get: {by_hand}"));
    }
    let sudo = !is_root();
    if sudo && quietly(Command::new("sudo").args(["-n", "true"])).is_err() {
        return Err(format!("{why} needs {list}, and installing needs root: {by_hand}"));
    }
    let apt = |args: &[&str]| {
        let mut command = if sudo { Command::new("sudo") } else { Command::new("env") };
        if sudo {
            command.args(["-n", "env"]);
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]).args(args);
        quietly(&mut command)
    };
    steps.step(&format!("{why}: install {list}"), || {
        let mut install = vec!["install", "--no-install-recommends"];
        install.extend(&packages);
        if apt(&install).is_ok() {
            return Ok(());
        }
        // The lists may be missing or old.
        apt(&["update"]).and_then(|()| apt(&install)).map_err(|e| format!("{e}\n{by_hand}"))
    })
}

fn there(program: &str) -> bool {
    if program.starts_with('/') { Path::new(program).exists() } else { on_path(program).is_some() }
}

/// Debian's lists with sources, beside the machine's own, which stay untouched.
pub struct Lists {
    options: Vec<String>,
    /// Where the packages come from.
    pub mirror: String,
}

impl Lists {
    /// Fetches the lists into the components' folder.
    pub fn fetch(steps: &Steps, place: &Place) -> Result<Lists, Failure> {
        if on_path("apt-get").is_none() || on_path("dpkg-deb").is_none() {
            return Err(
                "apt-get and dpkg-deb are needed to fetch from Debian, and are not on PATH; run on a Debian \
                        or Ubuntu system, or in a container of one"
                    .into(),
            );
        }
        let folder = place.kept("apt");
        let (lists, cache, parts) = (folder.join("lists"), folder.join("cache"), folder.join("sources"));
        for f in [&lists.join("partial"), &cache.join("archives/partial"), &parts] {
            make(f)?;
        }
        let own = std::fs::read_to_string(SOURCES).unwrap_or_default();
        let text = sources(&own).ok_or_else(|| {
            format!("{SOURCES} names no place that Debian's packages come from, so nothing can be fetched")
        })?;
        write(&parts.join("debian.sources"), &text)?;
        let options = [
            format!("Dir::State::Lists={}", lists.display()),
            format!("Dir::Cache={}", cache.display()),
            "Dir::Etc::sourcelist=/dev/null".to_owned(),
            format!("Dir::Etc::sourceparts={}", parts.display()),
            "APT::Sandbox::User=".to_owned() + if is_root() { "root" } else { "" },
            "Acquire::Retries=3".to_owned(),
        ];
        let lists = Lists {
            options: options.iter().flat_map(|o| ["-o".to_owned(), o.clone()]).collect(),
            mirror: mirror(&text).unwrap_or_default().to_owned(),
        };
        steps.command("fetch Debian's package and source lists", lists.apt().arg("update"))?;
        Ok(lists)
    }

    /// `apt-get` on these lists.
    pub fn apt(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.arg("-q").args(&self.options);
        command
    }

    /// Fetches packages and unpacks them into a folder, without installing (and so starting) anything.
    pub fn unpack(&self, packages: &[&str], folder: &Path) -> Result<(), Failure> {
        let fetched = folder.with_extension("fetched");
        let _ = std::fs::remove_dir_all(&fetched);
        make(&fetched)?;
        quietly(self.apt().arg("download").args(packages).current_dir(&fetched))?;
        make(folder)?;
        for package in files(&fetched, ".deb")? {
            quietly(Command::new("dpkg-deb").arg("--extract").arg(package).arg(folder))?;
        }
        std::fs::remove_dir_all(&fetched).map_err(|e| told(&fetched, e))
    }
}

/// The files of a folder whose names end so.
pub fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| told(folder, e))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    found.retain(|p| p.to_string_lossy().ends_with(ending));
    found.sort();
    Ok(found)
}

/// The machine's sources with source packages; of the release that is wanted, where the machine is on another one.
fn sources(own: &str) -> Option<String> {
    let ours =
        |line: &str| line.strip_prefix("Suites:").is_some_and(|s| s.split_whitespace().any(|s| s == SUITE));
    if own.lines().any(ours) {
        let deb =
            |line: &str| if line == "Types: deb" { "Types: deb deb-src".to_owned() } else { line.to_owned() };
        return Some(own.lines().map(deb).collect::<Vec<_>>().join("\n") + "\n");
    }
    let place = mirror(own)?;
    Some(format!(
        "Types: deb deb-src\nURIs: {place}\nSuites: {SUITE}\nComponents: main\n\
         Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    ))
}

fn mirror(sources: &str) -> Option<&str> {
    sources.lines().find_map(|l| l.strip_prefix("URIs:")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_get_their_source_packages() {
        let own = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n";
        let ready = sources(own).unwrap();
        assert!(ready.starts_with("Types: deb deb-src\nURIs: http://mirror.example/debian\n"));
        assert_eq!(mirror(&ready), Some("http://mirror.example/debian"));
        let other = sources("Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\n").unwrap();
        assert!(other.contains("Suites: bookworm\n"));
        assert_eq!(sources("Types: deb\n"), None);
    }
}
