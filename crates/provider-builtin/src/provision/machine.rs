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
use tokio::time::{Instant, sleep, timeout};

/// What ssh calls the machine; its address is an option.
const NAME: &str = "machine";
const BASTION: &str = "bastion";
/// How ssh itself exits when there is no connection.
const NO_CONNECTION: i32 = 255;
const PAUSE: Duration = Duration::from_secs(2);
const ONE_TRY: Duration = Duration::from_secs(15);

/// A machine with everything that ssh needs to reach it, in a folder that nobody else can read.
pub(super) struct Machine {
    folder: TempDir,
    options: Vec<String>,
    askpass: Option<PathBuf>,
    /// The private keys, and the arguments that gave them.
    keys: Vec<(&'static str, PathBuf)>,
    limit: Duration,
    /// For people: `user@host:port`.
    pub shown: String,
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

impl Ended {
    /// Whether ssh itself failed, or what ran there ended as ssh does then.
    pub fn lost(&self) -> bool {
        self.status.code() == Some(NO_CONNECTION)
    }
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
                keys: Vec::new(),
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
    fn hop(
        &mut self,
        hop: &Hop<'_>,
        (agent, identity): (Option<bool>, Option<&str>),
    ) -> io::Result<Vec<String>> {
        let mut options = vec![
            format!("HostName={}", hop.host),
            format!("Port={}", hop.port),
            format!("User={}", hop.user),
            "LogLevel=ERROR".to_owned(),
            format!("ConnectTimeout={}", self.limit.as_secs().clamp(5, 15)),
            // A machine that says nothing for two minutes is gone.
            "ServerAliveInterval=15".to_owned(),
            "ServerAliveCountMax=8".to_owned(),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
        ];
        match hop.host_key {
            Some(key) => {
                // The key is the machine's own, or that of the authority that has signed it.
                let lines = format!("* {0}\n@cert-authority * {0}\n", key.trim());
                let path = self.file(&format!("{}.known_hosts", hop.name), &lines, 0o600)?;
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
            self.keys.push((if hop.name == NAME { "private_key" } else { "bastion_private_key" }, path));
        } else if identity.is_none() {
            // Not those in the folder .ssh: another user would find others there.
            options.push("IdentityFile=none".to_owned());
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
    fn way(&mut self, bastion: &Hop<'_>, agent: (Option<bool>, Option<&str>)) -> io::Result<String> {
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

    /// ssh, and a line for the shell there.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-F", "none"]);
        for option in &self.options {
            command.args(["-o", option]);
        }
        if let Some(askpass) = &self.askpass {
            command.env("SSH_ASKPASS", askpass).env("SSH_ASKPASS_REQUIRE", "force");
        }
        command.args([NAME, line]);
        command
    }

    /// Waits until the machine answers.
    pub async fn connect(&self, what: &Provisioning<'_>) -> Result<(), CallError> {
        self.try_keys().await?;
        (what.say)(&format!("Connecting to {} by SSH...", self.shown));
        let end = Instant::now() + self.limit;
        let mut said = String::new();
        loop {
            // At least one whole try, however short the time is.
            let left = end.saturating_duration_since(Instant::now()).max(ONE_TRY);
            if let Ok(ended) = timeout(left, process::run(self.command("exit 0"), None, &|_| {})).await {
                let ended = ended.map_err(cannot_start)?;
                if !ended.lost() {
                    (what.say)("Connected!");
                    return Ok(());
                }
                said = ended.printed;
            }
            if Instant::now() + PAUSE >= end {
                let seconds = self.limit.as_secs_f64();
                let detail =
                    format!("{} did not let us in within {seconds} s: {}", self.shown, self.why(&said));
                return Err(CallError::new("Machine cannot be reached", detail));
            }
            sleep(PAUSE).await;
        }
    }

    /// Refuses keys that no waiting makes good.
    async fn try_keys(&self) -> Result<(), CallError> {
        for (argument, path) in &self.keys {
            let mut command = Command::new("ssh-keygen");
            command.args(["-y", "-P", "", "-f"]).arg(path);
            // Where the program is missing, ssh says what it thinks of the key.
            let Ok(ended) = process::run(command, None, &|_| {}).await else { return Ok(()) };
            if !ended.status.success() {
                let why = match ended.printed.contains("passphrase") {
                    true => "is protected by a passphrase; give it decrypted, or let an agent hold it",
                    false => "is no private key that OpenSSH can read",
                };
                return Err(invalid(format!("The value of {argument} {why}.")));
            }
        }
        Ok(())
    }

    /// In our words, what ssh said when it found no way; in its own, if they are others.
    fn why(&self, said: &str) -> String {
        if said.contains("Host key verification failed") {
            "it shows another host key than the one that the connection block names.".to_owned()
        } else if said.contains("Permission denied") {
            "the user, the key or the password is not accepted there.".to_owned()
        } else if said.trim().is_empty() {
            "there was no answer.".to_owned()
        } else {
            format!("ssh said: {}", said.trim())
        }
    }

    /// Runs a command there.
    pub async fn run(
        &self,
        line: &str,
        input: Option<&[u8]>,
        say: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Ended, CallError> {
        process::run(self.command(line), input, say).await.map_err(cannot_start)
    }
}

pub(super) fn cannot_start(error: io::Error) -> CallError {
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
