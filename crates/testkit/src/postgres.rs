//! A PostgreSQL server of a test's own, on loopback.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    /// `host:port`
    pub address: String,
    child: Child,
    programs: PathBuf,
    _folder: TempDir,
}

/// The newest version that is installed, as Debian has it, or what is on PATH.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().or_else(|| Some(crate::on_path("initdb")?.parent()?.to_path_buf()))
}

/// The server refuses to run as root: somebody else's numbers, for root.
fn somebody() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}

fn command(program: &Path) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    if let Some((user, group)) = somebody() {
        command.uid(user).gid(group);
    }
    command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
    command
}

impl Postgres {
    /// Starts one. Where it is not installed, this says that the test is left out.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("formwork-pg").tempdir_in("/tmp").unwrap();
        if let Some((user, group)) = somebody() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let data = folder.path().join("data");
        let mut init = command(&programs.join("initdb"));
        init.args(["-A", "trust", "-U", "formwork", "-E", "UTF8", "--no-sync", "-D"]).arg(&data);
        let made = init.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = command(&programs.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        server.args(["-c", "fsync=off", "-c", "log_min_messages=fatal"]).stderr(Stdio::null());
        let child = server.stdout(Stdio::null()).spawn().unwrap();
        let started = Postgres { address: format!("127.0.0.1:{port}"), child, programs, _folder: folder };
        let start = Instant::now();
        while !started.sql("SELECT 1").status.success() {
            assert!(start.elapsed() < Duration::from_secs(60), "the server does not answer");
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(started)
    }

    /// How to reach it, at an address that may be a proxy's.
    pub fn connection(address: &str) -> String {
        format!("postgres://formwork@{address}/postgres?sslmode=disable")
    }

    /// Runs SQL by the server's own client; values come one a line.
    pub fn sql(&self, sql: &str) -> std::process::Output {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        psql.arg(Self::connection(&self.address)).stdin(Stdio::null()).output().unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Asked to end at once, it takes its children along.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        let _ = self.child.wait();
    }
}
