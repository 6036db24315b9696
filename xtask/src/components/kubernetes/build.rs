//! The server from Debian's source package, which has all of its dependencies vendored.

use crate::Failure;
use crate::components::packages::{Lists, files, need};
use crate::components::place::{Place, make, told};
use crate::steps::{Steps, quietly};
use std::path::Path;
use std::process::Command;

/// What is built.
pub const PROGRAMS: [&str; 2] = ["kube-apiserver", "kube-controller-manager"];

/// Debian's newer copy of the library that crashes the server under Go 1.18 and later.
const REFLECT2: &str = "github.com/modern-go/reflect2";
const GOCODE: &str = "/usr/share/gocode/src";

/// Fetches, mends, builds; keeps the two programs and nothing else.
pub fn build(steps: &Steps, place: &Place) -> Result<(), Failure> {
    let newer = format!("{GOCODE}/{REFLECT2}");
    need(
        steps,
        "kubernetes",
        &[
            ("/usr/lib/go-1.19/bin/go", "golang-go"),
            (&newer, "golang-github-modern-go-reflect2-dev"),
            ("rsync", "rsync"),
            ("jq", "jq"),
            ("make", "make"),
            ("gcc", "gcc"),
        ],
    )?;
    let lists = Lists::fetch(steps, place)?;
    let work = place.kept("kubernetes/build");
    let tree = work.join("tree");
    if work.exists() {
        std::fs::remove_dir_all(&work).map_err(|e| told(&work, e))?;
    }
    make(&tree)?;
    let mut source = lists.apt();
    source.args(["source", "--download-only", "kubernetes"]).current_dir(&work);
    steps.command("kubernetes: fetch the source package", &mut source)?;
    steps.step("kubernetes: unpack it, with a newer reflect2", || {
        let found = files(&work, ".orig.tar.gz")?;
        let archive = found.first().ok_or("the source package has no .orig.tar.gz")?;
        quietly(
            Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&tree).arg("--strip-components=1"),
        )?;
        let old = tree.join("vendor").join(REFLECT2);
        std::fs::remove_dir_all(&old).map_err(|e| told(&old, e))?;
        quietly(Command::new("cp").args(["-rL", &newer]).arg(&old))
    })?;
    for (program, minutes) in PROGRAMS.iter().zip(["4 minutes", "2 more"]) {
        let mut make = make_program(&work, &tree, program);
        steps.command(&format!("kubernetes: build {program} (about {minutes} on two cores)"), &mut make)?;
    }
    steps.step("kubernetes: keep the programs, delete the rest", || {
        let bin = place.kept("kubernetes/bin");
        make(&bin)?;
        for program in PROGRAMS {
            let built = tree.join("_output/local/bin").join(platform()).join(program);
            std::fs::copy(&built, bin.join(program)).map_err(|e| told(&built, e))?;
        }
        // Go makes its caches read-only.
        quietly(Command::new("chmod").args(["-R", "u+w"]).arg(&work))?;
        std::fs::remove_dir_all(&work).map_err(|e| told(&work, e))
    })
}

fn platform() -> &'static str {
    if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" }
}

fn make_program(work: &Path, tree: &Path, program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("nice");
    command.current_dir(tree).args(["make", &format!("WHAT=cmd/{program}")]);
    for (name, value) in [
        ("PATH", format!("/usr/lib/go-1.19/bin:{path}").as_str()),
        ("GO111MODULE", "off"),
        ("GOPROXY", "off"),
        ("GOFLAGS", ""),
        ("GOTOOLCHAIN", "local"),
        ("KUBE_GIT_VERSION", super::VERSION),
        ("KUBE_GIT_COMMIT", "x"),
        ("KUBE_GIT_TREE_STATE", "clean"),
    ] {
        command.env(name, value);
    }
    command.env("GOCACHE", work.join("cache")).env("GOPATH", work.join("path"));
    command.env_remove("GOROOT").env_remove("GOBIN").env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    command
}
