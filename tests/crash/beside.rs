//! The same kill test on Terraform and on Formwork, side by side: the same configuration on a toy cloud of each one's
//! own, killed from outside by the same rule. Terraform's provider is `tests/toy/oracle/provider.py`.
//!
//! A comparison, not a requirement on somebody else's program: what is asserted is that Formwork lost nothing. It runs
//! where `cargo xtask crash --terraform` says with which Python (`FORMWORK_TOY_ORACLE`), and `terraform` is on `PATH`.

use crate::common;
use crate::scenario::config;
use formwork_testkit::{Terraform, ToyObject, objects};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 30;

/// How long each call takes: long enough to be hit.
const LATENCY: &str = r#"{"times": 0, "latency_ms": 40}"#;

/// What a kill left, after one more plain apply.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    /// Objects that the state does not know.
    orphans: usize,
    /// Objects of a name that another one has, too.
    twins: usize,
    /// The state could not be read.
    unreadable: usize,
    /// The next apply failed.
    stuck: usize,
}

impl Left {
    fn is_clean(&self) -> bool {
        self.orphans + self.twins + self.unreadable + self.stuck == 0
    }
}

/// Terraform's provider, waiting for it. It outlives the kill of Terraform, as a cloud does.
struct Provider {
    child: Child,
    reattach: String,
}

impl Provider {
    fn start(python: &Path, folder: &Path) -> Result<Provider, String> {
        let program = common::repository("tests/toy/oracle/provider.py");
        let mut command = Command::new(python);
        command.arg(&program).arg("--dev").current_dir(folder);
        command.envs([("PYTHONUNBUFFERED", "1"), ("PYTHONDONTWRITEBYTECODE", "1")]).env("TMPDIR", folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut provider = Provider { child, reattach: String::new() };
        for line in std::io::BufReader::new(out).lines().map_while(Result::ok) {
            if let Some((_, value)) = line.split_once("TF_REATTACH_PROVIDERS=") {
                provider.reattach = value.trim_matches('\'').to_owned();
                return Ok(provider);
            }
        }
        Err(format!("{} ended before it said where it is", program.display()))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of the two programs in a folder of its own.
struct Site {
    folder: tempfile::TempDir,
    program: PathBuf,
    provider: Option<Provider>,
}

impl Site {
    fn new(program: &Path, python: Option<&Path>) -> Result<Site, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let things = ["a", "b", "c", "d", "e"];
        let text = config(1, "red", &things, &[("a", "b"), ("c", "d")], 0);
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text))
        };
        write("main.tf", &text)
            .and_then(|()| write("cloud/.faults/slow.json", LATENCY))
            .map_err(|e| e.to_string())?;
        let provider = python.map(|python| Provider::start(python, folder.path())).transpose()?;
        let site = Site { folder, program: program.to_owned(), provider };
        if site.provider.is_some() {
            site.expect(&["init", "-input=false"])?;
        }
        Ok(site)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("TF_") || name.starts_with("FORMWORK_") {
                command.env_remove(&*name);
            }
        }
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.envs([("CHECKPOINT_DISABLE", "1"), ("TF_CLI_CONFIG_FILE", "/dev/null"), ("TF_INPUT", "0")]);
        command.envs(self.provider.as_ref().map(|p| ("TF_REATTACH_PROVIDERS", p.reattach.as_str())));
        command
    }

    fn expect(&self, args: &[&str]) -> Result<(), String> {
        let output = self.command(args).output().map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{args:?}: {}{}", text(&output.stdout), text(&output.stderr))),
        }
    }

    fn objects(&self) -> Result<Vec<ToyObject>, String> {
        objects(&self.folder.path().join("cloud")).map_err(|e| e.to_string())
    }

    fn calls(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("cloud/.calls")).unwrap_or_default();
        log.lines().filter(|line| line.starts_with("create ")).count()
    }

    /// Begins an apply and kills it: as soon as so many calls were made, or as so many objects exist. Whether it was
    /// still there to be killed.
    fn kill(&self, n: usize, at_effect: bool) -> Result<bool, String> {
        let mut command = self.command(&["apply", "-auto-approve", "-input=false"]);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|e| e.to_string())?;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(120) {
            let reached = if at_effect { self.objects()?.len() >= n } else { self.calls() >= n };
            let ended = child.try_wait().map_err(|e| e.to_string())?.is_some();
            if reached || ended {
                let _ = child.kill();
                child.wait().map_err(|e| e.to_string())?;
                return Ok(!ended);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        let _ = child.wait();
        Err("nothing happened within two minutes".into())
    }

    /// One more plain apply; what is wrong then.
    fn look(&self) -> Result<Left, String> {
        // Calls of the killed run have landed by then.
        std::thread::sleep(Duration::from_millis(500));
        let stuck = usize::from(self.expect(&["apply", "-auto-approve", "-input=false"]).is_err());
        let mut left = Left { stuck, ..Left::default() };
        let text = std::fs::read_to_string(self.folder.path().join("terraform.tfstate")).unwrap_or_default();
        let state: Json = match serde_json::from_str(&text) {
            Ok(state) => state,
            Err(_) => {
                left.unreadable = 1;
                Json::Null
            }
        };
        let known: BTreeSet<&str> = state["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|r| r["instances"].as_array().into_iter().flatten())
            .filter_map(|i| i["attributes"]["id"].as_str())
            .collect();
        let objects = self.objects()?;
        left.orphans = objects.iter().filter(|o| !known.contains(o.id.as_str())).count();
        let names: BTreeSet<String> = objects
            .iter()
            .map(|o| format!("{}{:?}", o.kind, ["name", "from", "to"].map(|a| o.attributes.get(a))))
            .collect();
        left.twins = objects.len() - names.len();
        Ok(left)
    }
}

fn round(program: &Path, python: Option<&Path>, round: usize) -> Result<(bool, Left), String> {
    let site = Site::new(program, python)?;
    // The calls and the objects are seven.
    let killed = site.kill(1 + round / 2 % 7, round.is_multiple_of(2))?;
    Ok((killed, site.look()?))
}

#[test]
fn the_same_kills_on_terraform() {
    let Some(python) = std::env::var_os("FORMWORK_TOY_ORACLE").map(PathBuf::from) else {
        eprintln!("skipped: a comparison with terraform, which `cargo xtask crash --terraform` makes");
        return;
    };
    let Some(terraform) = Terraform::find().and(formwork_testkit::on_path("terraform")) else {
        eprintln!("skipped: no terraform of the right version on PATH");
        return;
    };
    let rounds: Vec<usize> = (0..ROUNDS).collect();
    println!("| program    kills  with orphans  orphans  twins  unreadable  next apply fails");
    let mut ours = Vec::new();
    for (name, program, python) in
        [("terraform", terraform, Some(&*python)), ("formwork", common::program(), None)]
    {
        let outcomes = common::parallel(2, &rounds, |n| round(&program, python, *n));
        let outcomes: Vec<_> =
            outcomes.into_iter().map(|o| o.unwrap_or_else(|e| panic!("{name}: {e}"))).collect();
        let killed = outcomes.iter().filter(|(killed, _)| *killed).count();
        let sum = |of: fn(&Left) -> usize| outcomes.iter().map(|(_, left)| of(left)).sum::<usize>();
        println!(
            "| {name:9} {killed:6} {:13} {:8} {:6} {:11} {:17}",
            sum(|l| usize::from(l.orphans > 0)),
            sum(|l| l.orphans),
            sum(|l| l.twins),
            sum(|l| l.unreadable),
            sum(|l| l.stuck)
        );
        assert!(killed >= ROUNDS * 2 / 3, "{name} was killed {killed} times only");
        ours = outcomes;
    }
    let lost: Vec<_> = ours.iter().filter(|(_, left)| !left.is_clean()).collect();
    assert!(lost.is_empty(), "Formwork lost something: {lost:?}");
}
