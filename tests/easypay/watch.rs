//! A watch over a program and all that it starts: whom they contact, and what is in their arguments.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A record of what `strace` saw.
pub struct Watch {
    record: PathBuf,
}

impl Watch {
    /// The same command, watched; the record is appended to nothing.
    pub fn over(command: &Command, record: &Path) -> (Command, Watch) {
        let mut watched = Command::new("strace");
        watched.args(["--follow-forks", "--seccomp-bpf", "--quiet=all", "--string-limit=65536"]);
        watched.args(["--signal=none", "--trace=connect,sendto,sendmsg,sendmmsg,execve", "--output"]);
        watched.arg(record).arg("--").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => watched.env(name, value),
                None => watched.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            watched.current_dir(folder);
        }
        (watched, Watch { record: record.to_owned() })
    }

    /// The calls that name an address which is neither loopback nor one of these.
    pub fn strangers(&self, allowed: &[String]) -> Result<Vec<String>, String> {
        let text = self.text()?;
        let allowed: Vec<IpAddr> = allowed.iter().filter_map(|a| a.parse().ok()).collect();
        let mut found = Vec::new();
        for line in text.lines().filter(|l| l.contains("sa_family=AF_INET") && !l.contains("execve(")) {
            let addresses = addresses(line);
            if addresses.is_empty() || addresses.iter().any(|a| !own(*a) && !allowed.contains(a)) {
                found.push(line.chars().take(300).collect());
            }
        }
        Ok(found)
    }

    /// How many calls named an address at all: a watch that saw none has not watched.
    pub fn contacts(&self) -> Result<usize, String> {
        Ok(self.text()?.lines().filter(|l| !l.contains("execve(") && !addresses(l).is_empty()).count())
    }

    /// The programs that were started with one of these texts among their arguments.
    pub fn told(&self, secrets: &[String]) -> Result<Vec<String>, String> {
        let text = self.text()?;
        let starts = text.lines().filter(|l| l.contains("execve("));
        let told = starts.filter(|l| secrets.iter().any(|s| l.contains(s.as_str())));
        // The program's name will do: the line has the secret in it.
        Ok(told.map(|l| l.split(", [").next().unwrap_or_default().to_owned()).collect())
    }

    fn text(&self) -> Result<String, String> {
        let bytes = std::fs::read(&self.record).map_err(|e| format!("{}: {e}", self.record.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The addresses in a line: `inet_addr("127.0.0.1")`, `inet_pton(AF_INET6, "::1", …)`.
fn addresses(line: &str) -> Vec<IpAddr> {
    let after = |mark: &'static str| {
        line.match_indices(mark).filter_map(move |(at, _)| {
            line[at + mark.len()..].split('"').next().and_then(|text| text.parse().ok())
        })
    };
    after("inet_addr(\"").chain(after("inet_pton(AF_INET6, \"")).collect()
}

fn own(address: IpAddr) -> bool {
    address.to_canonical().is_loopback() || address.is_unspecified()
}

#[test]
fn addresses_are_found_and_judged() {
    let check = |line: &str, strangers: usize| {
        let folder = tempfile::tempdir().expect("a folder");
        let watch = Watch { record: folder.path().join("record") };
        std::fs::write(&watch.record, line).expect("the record");
        assert_eq!(watch.strangers(&["10.20.1.11".into()]).map(|s| s.len()), Ok(strangers), "{line}");
    };
    check(
        r#"1 connect(3, {sa_family=AF_INET, sin_port=htons(22), sin_addr=inet_addr("10.20.1.11")}, 16) = 0"#,
        0,
    );
    check(
        r#"1 connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.20.1.12")}, 16) = 0"#,
        1,
    );
    check(r#"1 sendto(3, "x", 1, 0, {sa_family=AF_INET, sin_addr=inet_addr("198.51.100.7")}, 16) = 1"#, 1);
    check(
        r#"1 connect(4, {sa_family=AF_INET6, sin6_port=htons(1), inet_pton(AF_INET6, "::1", &sin6_addr)}, 28)"#,
        0,
    );
    check(
        r#"1 connect(4, {sa_family=AF_INET6, inet_pton(AF_INET6, "::ffff:127.0.0.1", &sin6_addr)}, 28)"#,
        0,
    );
    check(r#"1 connect(4, {sa_family=AF_INET6, inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)}, 28)"#, 1);
    check(r#"1 connect(4, {sa_family=AF_UNIX, sun_path="/run/x"}, 28) = 0"#, 0);
}

#[test]
fn a_planted_contact_and_a_planted_argument_are_seen() {
    let Some(world) = crate::world::World::get() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // In a network of its own without a way out: nothing is really contacted.
    let mut planted = Command::new("unshare");
    planted.args(["--net", &world.fact("cloud", "python"), "-c"]);
    planted.arg(
        "import socket\nfor kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):\n    try:\n        \
         socket.socket(socket.AF_INET, kind).connect(('192.0.2.1', 53))\n    except OSError:\n        pass\n\
         # planted-canary",
    );
    let (mut watched, watch) = Watch::over(&planted, &folder.path().join("record"));
    let status = watched.status().expect("strace runs");
    assert!(status.success(), "{status}");
    let strangers = watch.strangers(&[]).expect("the record");
    assert_eq!(strangers.iter().filter(|s| s.contains("192.0.2.1")).count(), 2, "{strangers:?}");
    assert!(!watch.told(&["planted-canary".into()]).expect("the record").is_empty());
}
