//! Another machine, reached by the system's OpenSSH.

use super::process::{self, Ended};
use super::{flag, text};
use formwork_provider::{CallError, Provisioning};
use formwork_value::{Number, Value};
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// The name that ssh is given for the machine: host keys are looked up under it.
const NAME: &str = "machine";
const BASTION: &str = "bastion";
/// How ssh itself exits when there is no connection.
const NO_CONNECTION: i32 = 255;
const PAUSE: Duration = Duration::from_secs(2);

/// A machine with everything that ssh needs to reach it, in a folder that nobody else can read.
pub(super) struct Machine {
    folder: TempDir,
    options: Vec<String>,
    askpass: Option<PathBuf>,
    limit: Duration,
    /// For people: `user@host:port`.
    shown: String,
    /// Where scripts go, as the configuration says.
    pub script_path: Option<String>,
}

/// One end of a connection: the machine, or the bastion on the way to it.
struct Hop<'a> {
    name: &'static str,
    host: &'a str,
    port: i64,
    user: &'a str,
    key: Option<&'a str>,
    certificate: Option<&'a str>,
    password: Option<&'a str>,
    host_key: Option<&'a str>,
}

fn invalid(detail: impl Into<String>) -> CallError {
    CallError::new("Invalid connection", detail)
}

impl Machine {
    /// From a `connection` block.
    pub fn new(what: &Provisioning<'_>) -> Result<Machine, CallError> {
        let Some(c) = what.connection else {
            return Err(invalid("There is no connection block, so nothing says how to reach the machine."));
        };
        match text(c, "type") {
            None | Some("ssh") => {}
            Some("winrm") => {
                return Err(invalid("WinRM is not supported: machines are reached by SSH only."));
            }
            Some(other) => {
                return Err(invalid(format!("\"{other}\" is no type of connection: there is ssh.")));
            }
        }
        if text(c, "target_platform").is_some_and(|p| p != "unix") {
            return Err(invalid("Only machines with target_platform = \"unix\" are supported."));
        }
        if text(c, "proxy_host").is_some() {
            return Err(invalid("Proxies are not supported: go by way of a bastion_host."));
        }
        let number = |name: &str| c.get(name).and_then(Value::as_number).and_then(Number::to_i64);
        let user = text(c, "user").unwrap_or("root");
        let Some(host) = text(c, "host") else { return Err(invalid("The host is empty.")) };
        let target = Hop {
            name: NAME,
            host,
            port: number("port").filter(|p| *p > 0).unwrap_or(22),
            user,
            key: text(c, "private_key"),
            certificate: text(c, "certificate"),
            password: text(c, "password"),
            host_key: text(c, "host_key"),
        };
        let bastion = text(c, "bastion_host").map(|host| Hop {
            name: BASTION,
            host,
            port: number("bastion_port").filter(|p| *p > 0).unwrap_or(22),
            user: text(c, "bastion_user").unwrap_or(user),
            key: text(c, "bastion_private_key").or(target.key),
            certificate: text(c, "bastion_certificate"),
            password: text(c, "bastion_password").or(target.password),
            host_key: text(c, "bastion_host_key"),
        });
        let limit = match text(c, "timeout") {
            None => Duration::from_secs(300),
            Some(text) => duration(text).ok_or_else(|| {
                invalid(format!(
                    "The timeout \"{text}\" is not a duration such as \"30s\", \"5m\" or \"1h30m\"."
                ))
            })?,
        };
        let shown = format!("{user}@{host}:{}", target.port);
        let agent = (flag(c, "agent"), text(c, "agent_identity"));
        let made = || -> io::Result<Machine> {
            let folder = tempfile::Builder::new()
                .prefix("formwork-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()?;
            let mut machine = Machine {
                folder,
                options: Vec::new(),
                askpass: None,
                limit,
                shown,
                script_path: text(c, "script_path").map(str::to_owned),
            };
            let mut options = machine.hop(&target, agent)?;
            if let Some(bastion) = &bastion {
                options.push(format!("ProxyCommand={}", machine.way(bastion, agent)?));
            }
            machine.options = options;
            machine.askpass = machine.ask(&target)?;
            Ok(machine)
        };
        made().map_err(|error| {
            CallError::new(
                "Temporary files cannot be written",
                format!("The keys of the connection: {error}."),
            )
        })
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// The options of ssh for one hop. The user's own configuration of ssh plays no part, as with Terraform.
    fn hop(&self, hop: &Hop<'_>, (agent, identity): (Option<bool>, Option<&str>)) -> io::Result<Vec<String>> {
        let mut options = vec![
            format!("HostName={}", hop.host),
            format!("HostKeyAlias={}", hop.name),
            format!("Port={}", hop.port),
            format!("User={}", hop.user),
            "LogLevel=ERROR".to_owned(),
            "ConnectTimeout=15".to_owned(),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
        ];
        match hop.host_key {
            Some(key) => {
                let line = format!("{} {}\n", hop.name, key.trim());
                let path = self.file(&format!("{}.known_hosts", hop.name), &line, 0o600)?;
                options.push(format!("UserKnownHostsFile={}", path.display()));
                options.push("StrictHostKeyChecking=yes".to_owned());
            }
            None => {
                options.push("UserKnownHostsFile=/dev/null".to_owned());
                options.push("StrictHostKeyChecking=no".to_owned());
            }
        }
        if let Some(key) = hop.key {
            // ssh refuses a key without a newline at its end.
            let path = self.file(&format!("{}.key", hop.name), &format!("{}\n", key.trim_end()), 0o600)?;
            options.push(format!("IdentityFile={}", path.display()));
        }
        if let Some(certificate) = hop.certificate {
            let path =
                self.file(&format!("{}.cert", hop.name), &format!("{}\n", certificate.trim_end()), 0o600)?;
            options.push(format!("CertificateFile={}", path.display()));
        }
        match (agent, identity) {
            (Some(false), _) => options.push("IdentityAgent=none".to_owned()),
            (_, Some(identity)) => options.push(format!("IdentityFile={identity}")),
            _ => {}
        }
        if hop.password.is_some() {
            options.push("NumberOfPasswordPrompts=1".to_owned());
        } else {
            options.push("BatchMode=yes".to_owned());
        }
        Ok(options)
    }

    /// The program that gives ssh the password: no command line and no environment ever holds it.
    fn ask(&self, hop: &Hop<'_>) -> io::Result<Option<PathBuf>> {
        let Some(password) = hop.password else { return Ok(None) };
        let secret = self.file(&format!("{}.password", hop.name), &format!("{password}\n"), 0o600)?;
        let script = format!("#!/bin/sh\nexec cat {}\n", quoted(&secret.display().to_string()));
        self.file(&format!("{}.askpass", hop.name), &script, 0o700).map(Some)
    }

    /// The command that leads through a bastion.
    fn way(&self, bastion: &Hop<'_>, agent: (Option<bool>, Option<&str>)) -> io::Result<String> {
        let mut words = Vec::new();
        if let Some(askpass) = self.ask(bastion)? {
            words.extend(["env".to_owned(), format!("SSH_ASKPASS={}", askpass.display())]);
            words.push("SSH_ASKPASS_REQUIRE=force".to_owned());
        }
        words.extend(["ssh", "-F", "none"].map(str::to_owned));
        for option in self.hop(bastion, agent)? {
            words.extend(["-o".to_owned(), option]);
        }
        words.extend(["-W", "[%h]:%p", BASTION].map(str::to_owned));
        // A percent sign in a value is not one of ssh's own.
        let words: Vec<String> = words
            .iter()
            .map(|w| if w == "[%h]:%p" { quoted(w) } else { quoted(&w.replace('%', "%%")) })
            .collect();
        Ok(words.join(" "))
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.args(["-F", "none"]);
        for option in &self.options {
            command.args(["-o", option]);
        }
        if let Some(askpass) = &self.askpass {
            command.env("SSH_ASKPASS", askpass).env("SSH_ASKPASS_REQUIRE", "force");
        }
        command
    }

    /// Waits until the machine answers.
    pub async fn connect(&self, what: &Provisioning<'_>) -> Result<(), CallError> {
        (what.say)(&format!("Connecting to {} by SSH...", self.shown));
        let begun = Instant::now();
        loop {
            let mut command = self.program("ssh");
            command.args([NAME, "exit 0"]);
            let ended = process::run(command, None, &|_| {}).await.map_err(cannot_start)?;
            if ended.status.code() != Some(NO_CONNECTION) {
                (what.say)("Connected!");
                return Ok(());
            }
            if begun.elapsed() + PAUSE >= self.limit {
                let said = ended.printed.trim();
                return Err(CallError::new(
                    "Machine cannot be reached",
                    format!(
                        "{} did not let us in within {} s. ssh said: {}",
                        self.shown,
                        self.limit.as_secs(),
                        if said.is_empty() { "nothing" } else { said }
                    ),
                ));
            }
            sleep(PAUSE).await;
        }
    }

    /// Runs a command there.
    pub async fn run(
        &self,
        line: &str,
        input: Option<&[u8]>,
        say: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Ended, CallError> {
        let mut command = self.program("ssh");
        command.args([NAME, line]);
        process::run(command, input, say).await.map_err(cannot_start)
    }

    /// Copies files and folders there.
    pub async fn copy(&self, from: &[String], to: &str) -> Result<(), CallError> {
        let mut command = self.program("scp");
        command.args(["-O", "-q", "-r", "--"]);
        for from in from {
            // What is before a colon would be taken for a machine.
            command.arg(if from.starts_with('/') { from.clone() } else { format!("./{from}") });
        }
        command.arg(format!("{NAME}:{}", quoted(to)));
        let ended = process::run(command, None, &|_| {}).await.map_err(cannot_start)?;
        match ended.status.success() {
            true => Ok(()),
            false => {
                let detail = format!("scp of {} to {to} failed with {}.", from.join(", "), ended.told());
                Err(CallError::new("Upload failed", detail))
            }
        }
    }

    /// A file with this text, to be copied.
    pub fn hold(&self, text: &str) -> Result<PathBuf, CallError> {
        self.file("content", text, 0o600).map_err(|error| {
            CallError::new("Temporary files cannot be written", format!("The content to upload: {error}."))
        })
    }
}

fn cannot_start(error: io::Error) -> CallError {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such program. Install OpenSSH's client".to_owned(),
        _ => error.to_string(),
    };
    CallError::new("ssh cannot be started", format!("The program ssh cannot be started: {why}."))
}

/// A word as a shell takes it whole.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A duration as Go writes it: numbers with units, one after the other.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest == "0" {
        return Some(total);
    }
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let (seconds, length) = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)]
            .iter()
            .find(|(name, _)| unit.starts_with(name))
            .map(|(name, seconds)| (*seconds, name.len()))?;
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &unit[length..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::{duration, quoted};
    use std::time::Duration;

    #[test]
    fn durations_are_those_of_go() {
        let check = |text: &str, seconds: Option<f64>| {
            assert_eq!(duration(text), seconds.map(Duration::from_secs_f64), "{text}");
        };
        check("5m", Some(300.0));
        check("1h30m", Some(5400.0));
        check("1.5s", Some(1.5));
        check("200ms", Some(0.2));
        check("0", Some(0.0));
        check("5", None);
        check("m", None);
        check("", None);
        check("99999999999999999999h", None);
    }

    #[test]
    fn words_stay_whole() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
