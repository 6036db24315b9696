//! An SSH server of a test's own, on loopback.

use std::fs;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// [`Sshd::PASSWORD`], as `shadow` has it.
const SHADOW: &str =
    "$6$formwork$WnLQLsLwqZpvD9qPJrYEKLM6htsM0bcNM0LSlC3AuOtztYV56m2b8cYhN4GeOyUk1Y6E9gGphurvgbqphI3bc.";

/// Runs in namespaces of its own, so that nothing of the machine changes: its users' homes are in the test's folder `$1`.
/// sshd is that of the system unpacked in `$2`, with that system's libraries if it is not this one; its port is `$3`.
const ENTER: &str = r#"set -eu
own=$1 system=$2 port=$3
mount --make-rprivate /
mount --bind "$own/passwd" /etc/passwd
mount --bind "$own/shadow" /etc/shadow
mount -t tmpfs run /run
mkdir /run/sshd
set -- -D -e -f /dev/null -h "$own/host_key" -p "$port" -o ListenAddress=127.0.0.1 -o "AuthorizedKeysFile=$own/key.pub" \
    -o StrictModes=no -o UsePAM=no -o PermitRootLogin=yes -o UseDNS=no -o MaxStartups=100 -o PidFile=none \
    -o "SetEnv=PATH=$PATH"
test ! -e "$own/host_key-cert.pub" || set -- "$@" -o "HostCertificate=$own/host_key-cert.pub"
test -n "$system" || exec /usr/sbin/sshd "$@"
loader=$(ls "$system"/usr/lib*/ld-linux*.so.* | head -n 1)
libraries=$(ls -d "$system"/usr/lib/*-linux-gnu* | head -n 1)
exec "$loader" --library-path "$libraries" "$system/usr/sbin/sshd" -r "$@"
"#;

/// A running server; it ends, with all sessions on it, when this is dropped.
#[derive(Debug)]
pub struct Sshd {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Sshd {
    /// Who may log in, with the key or the password.
    pub const USER: &str = "deploy";
    /// The password.
    pub const PASSWORD: &str = "correct-horse";

    /// Starts one. The program is this machine's, or that of the system below the folder that `FORMWORK_SSHD_ROOT` names;
    /// where there is none, or where we may not make namespaces, this says that the test is left out.
    pub fn start() -> Option<Self> {
        Self::start_as(None)
    }

    /// One with the keys of another, and with the certificate of its host key (`host_key-cert.pub`).
    pub fn with_certificate(other: &Sshd) -> Option<Self> {
        Self::start_as(Some(other))
    }

    fn start_as(keys: Option<&Sshd>) -> Option<Self> {
        let system = std::env::var("FORMWORK_SSHD_ROOT").unwrap_or_default();
        if !Path::new(&system).join("usr/sbin/sshd").is_file() && !Path::new("/usr/sbin/sshd").is_file() {
            eprintln!(
                "skipped: there is no /usr/sbin/sshd; name a system that has it with FORMWORK_SSHD_ROOT"
            );
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: an SSH server of the test's own needs root");
            return None;
        }
        let mut tries = 0;
        loop {
            match Self::begin(&system, keys) {
                Ok(sshd) => return Some(sshd),
                // Somebody else may have taken the port meanwhile.
                Err(e) if tries == 3 => panic!("sshd does not start: {e}"),
                Err(_) => tries += 1,
            }
        }
    }

    fn begin(system: &str, keys: Option<&Sshd>) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("formwork-sshd-").tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let names = ["host_key", "key", "stranger"];
        if let Some(other) = keys {
            let public = names.map(|n| format!("{n}.pub"));
            for name in
                names.into_iter().chain(public.iter().map(String::as_str)).chain(["host_key-cert.pub"])
            {
                fs::copy(other.path(name), at(name))?;
            }
        }
        for name in names.into_iter().filter(|_| keys.is_none()) {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(at(name))
                .status()?;
            if !made.success() {
                return Err(io::Error::other("ssh-keygen failed"));
            }
        }
        fs::create_dir(at("home"))?;
        let home = at("home").display().to_string();
        let user = Self::USER;
        let passwd = format!(
            "root:x:0:0::{home}:/bin/sh\n{user}:x:0:0::{home}:/bin/sh\nsshd:x:74:74::/run/sshd:/bin/false\n"
        );
        fs::write(at("passwd"), passwd)?;
        let mut shadow =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(at("shadow"))?;
        io::Write::write_all(
            &mut shadow,
            format!("root:*:1::::::\n{user}:{SHADOW}:1::::::\nsshd:*:1::::::\n").as_bytes(),
        )?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", ENTER, "sh"])
            .arg(folder.path())
            .args([system, &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("log"))?)
            .spawn()?;
        let mut sshd = Sshd { folder, child, port };
        let begun = Instant::now();
        while !sshd.answers() {
            if sshd.child.try_wait()?.is_some() || begun.elapsed() > Duration::from_secs(20) {
                return Err(io::Error::other(sshd.read("log")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(sshd)
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut banner = [0; 4];
        stream.read_exact(&mut banner).is_ok() && banner == *b"SSH-"
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A file in its folder: `key` lets in and `stranger` does not, `host_key` is its own, each with `.pub`; `log`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of such a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The users' home.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Ends it, with all that runs in its sessions, as when a machine loses its power.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}
