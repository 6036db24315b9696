//! The hosts' root file system: a small Debian with sshd and Python, and packages that can be installed offline.

use crate::Failure;
use crate::components::packages::{self, Lists};
use crate::components::place::{Place, make, told, write};
use crate::steps::{Steps, quietly};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Changing it makes the image anew.
const RECIPE: &str = "bookworm 2";
const INCLUDE: &str = "openssh-server,python3,python3-apt,sudo,iproute2";
/// Offered by a package repository inside the image, as the hosts have no way out.
const OFFLINE: [&str; 6] = ["curl", "jq", "chrony", "ca-certificates", "docker.io", "haproxy"];

/// The file system that all hosts share, read-only.
pub fn root(place: &Place) -> PathBuf {
    place.kept("hosts/base")
}

fn mark(place: &Place) -> PathBuf {
    place.kept("hosts/complete")
}

/// Whether it was made to the end.
pub fn complete(place: &Place) -> bool {
    std::fs::read_to_string(mark(place)).is_ok_and(|t| t == RECIPE)
}

/// Makes it.
pub fn make_image(steps: &Steps, place: &Place) -> Result<(), Failure> {
    if !packages::is_root() {
        return Err("the SSH hosts' root file system is made by debootstrap, which needs root".into());
    }
    packages::need(steps, "hosts", &[("debootstrap", "debootstrap")])?;
    let lists = Lists::fetch(steps, place)?;
    let base = root(place);
    if base.exists() {
        // Not through `/proc` and the like, should a mount be left in it.
        quietly(Command::new("rm").args(["-rf", "--one-file-system"]).arg(&base))?;
    }
    make(&place.kept("hosts"))?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", &format!("--include={INCLUDE}"), packages::SUITE]);
    debootstrap.arg(&base).arg(&lists.mirror).env("DEBIAN_FRONTEND", "noninteractive");
    steps.command("hosts: root file system (debootstrap, about a minute)", &mut debootstrap)?;
    steps.step(&format!("hosts: packages to install offline ({})", OFFLINE.join(", ")), || offline(&base))?;
    steps.step("hosts: finish the root file system", || {
        // Nothing starts by itself when it is installed: there is no init.
        let policy = base.join("usr/sbin/policy-rc.d");
        write(&policy, "#!/bin/sh\nexit 101\n")?;
        quietly(Command::new("chmod").arg("755").arg(policy))?;
        quietly(chroot(&base).args(["useradd", "--create-home", "--shell", "/bin/bash", super::USER]))?;
        // Without PAM an account with no password counts as locked; `*` only bars passwords.
        quietly(chroot(&base).args(["usermod", "--password", "*", super::USER]))?;
        write(&base.join("etc/sudoers.d/admin"), &format!("{} ALL=(ALL) NOPASSWD: ALL\n", super::USER))?;
        quietly(chroot(&base).args(["sh", "-c", "rm -f /etc/ssh/ssh_host_*; chown -R admin: /home/admin"]))?;
        write(&mark(place), RECIPE)
    })
}

/// Fetches packages with what they depend on, and makes them the image's only repository.
fn offline(base: &Path) -> Result<(), Failure> {
    let folder = base.join("opt/packages");
    make(&folder)?;
    let resolv = base.join("etc/resolv.conf");
    std::fs::copy("/etc/resolv.conf", &resolv).map_err(|e| told(&resolv, e))?;
    quietly(chroot(base).args(["apt-get", "-q", "update"]))?;
    let mut fetch = chroot(base);
    fetch
        .args(["apt-get", "-q", "-y", "--no-install-recommends", "--download-only", "install"])
        .args(OFFLINE);
    quietly(&mut fetch)?;
    let mut index = String::new();
    for package in packages::files(&base.join("var/cache/apt/archives"), ".deb")? {
        let file = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let moved = folder.join(&file);
        std::fs::rename(&package, &moved).map_err(|e| told(&package, e))?;
        let control = run(Command::new("dpkg-deb").arg("--field").arg(&moved))?;
        let sum = run(Command::new("sha256sum").arg(&moved))?;
        let size = moved.metadata().map_err(|e| told(&moved, e))?.len();
        let sum = sum.split_whitespace().next().unwrap_or_default();
        index += &format!("{}\nFilename: ./{file}\nSize: {size}\nSHA256: {sum}\n\n", control.trim_end());
    }
    write(&folder.join("Packages"), &index)?;
    write(&base.join("etc/apt/sources.list"), "deb [trusted=yes] file:/opt/packages ./\n")?;
    quietly(chroot(base).args(["sh", "-c", "rm -rf /var/lib/apt/lists/* && apt-get -q update"]))
}

fn run(command: &mut Command) -> Result<String, Failure> {
    crate::components::process::output(command)
}

fn chroot(base: &Path) -> Command {
    let mut command = Command::new("chroot");
    command.arg(base).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}
