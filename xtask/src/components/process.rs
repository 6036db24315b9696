//! Processes that outlive this program: started, recognised, ended by their recorded id.

use super::place::told;
use crate::Failure;
use crate::steps::cannot;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A process as it is recorded. `began` (clock ticks since boot, field 22 of `/proc/<pid>/stat`) tells it from a later
/// process that got the same number.
#[derive(Debug)]
pub struct Process {
    /// What it is, in words.
    pub name: String,
    /// Its id.
    pub pid: i32,
    began: u64,
    /// Whether it has nothing to put in order, and is killed at once.
    abrupt: bool,
}

impl Process {
    /// As it was recorded.
    pub fn from_json(value: &Value) -> Option<Process> {
        Some(Process {
            name: value.get("name")?.as_str()?.to_owned(),
            pid: i32::try_from(value.get("pid")?.as_i64()?).ok()?,
            began: value.get("began")?.as_u64()?,
            abrupt: value.get("abrupt").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// As it is recorded.
    pub fn to_json(&self) -> Value {
        json!({ "name": self.name, "pid": self.pid, "began": self.began, "abrupt": self.abrupt })
    }

    /// The same, killed at once when it is stopped.
    pub fn abrupt(self) -> Process {
        Process { abrupt: true, ..self }
    }

    /// Whether it is still there (and no zombie).
    pub fn lives(&self) -> bool {
        began(self.pid) == Some(self.began)
    }

    fn signal(&self, signal: Signal) {
        // Looked at right before, so that no other process is hit.
        if self.lives()
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            let _ = kill_process(pid, signal);
        }
    }
}

/// When a living process began.
fn began(pid: i32) -> Option<u64> {
    parse_began(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_began(stat: &str) -> Option<u64> {
    // The name, in brackets, may contain anything: count from its end.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") { None } else { fields.get(19)?.parse().ok() }
}

/// Starts a process in a process group of its own; what it prints goes to `log`.
pub fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Process, Failure> {
    let out = File::create(log).map_err(|e| told(log, e))?;
    let err = out.try_clone().map_err(|e| told(log, e))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    let child = command.spawn().map_err(|e| cannot(command, &e))?;
    let pid = i32::try_from(child.id()).map_err(|e| e.to_string())?;
    let began = began(pid).ok_or_else(|| format!("{name} ended at once; it said:\n{}", tail(log)))?;
    Ok(Process { name: name.to_owned(), pid, began, abrupt: false })
}

/// Ends processes, the last one first; what does not go is killed.
pub fn stop(processes: &[Process]) -> Result<(), Failure> {
    for process in processes.iter().rev() {
        process.signal(if process.abrupt { Signal::KILL } else { Signal::TERM });
        if !gone(process, GRACE) {
            process.signal(Signal::KILL);
            if !gone(process, GRACE) {
                return Err(format!("{} (process {}) does not end", process.name, process.pid));
            }
        }
    }
    Ok(())
}

fn gone(process: &Process, limit: Duration) -> bool {
    let begun = Instant::now();
    while process.lives() {
        if begun.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Asks until the answer is something, the process is dead, or the time is over.
pub fn until<T>(
    what: &str,
    limit: Duration,
    watched: Option<(&Process, &Path)>,
    mut ask: impl FnMut() -> Option<T>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if let Some((process, log)) = watched
            && !process.lives()
        {
            return Err(format!("{} ended before {what}; its last lines:\n{}", process.name, tail(log)));
        }
        if begun.elapsed() > limit {
            let said = watched.map_or(String::new(), |(p, l)| {
                format!("; the last lines of {} ({}):\n{}", p.name, l.display(), tail(l))
            });
            return Err(format!("waited {} s in vain: {what}{said}", limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The end of a log.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// Different ports of the loopback address that nobody listens on.
pub fn free_ports<const N: usize>() -> Result<[u16; N], Failure> {
    // Held until all are known, so that they differ.
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|e| format!("no free port: {e}"))?;
        *port = listener.local_addr().map_err(|e| e.to_string())?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// The body that a server on loopback answers with, if it answers 200.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    (head.split_whitespace().nth(1) == Some("200")).then(|| body.to_owned())
}

/// What a command prints, as text; what it complains about if it fails.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| cannot(command, &e))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(out);
    }
    Err(format!("{}\n{out}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_found_behind_an_odd_name() {
        let fields = "S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        assert_eq!(parse_began(&format!("12 (a) b ( c) {fields}")), Some(777));
        assert_eq!(parse_began(&format!("12 (x) {}", fields.replacen('S', "Z", 1))), None);
    }

    #[test]
    fn a_process_is_ended_by_its_record() {
        let folder = std::env::temp_dir().join(format!("formwork-process-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let process = spawn("sleep", Command::new("sleep").arg("600"), &folder.join("log")).unwrap();
        let known = Process::from_json(&process.to_json()).unwrap();
        assert!(known.lives());
        let other = Process { began: known.began + 1, name: String::new(), ..known };
        assert!(!other.lives(), "the number alone does not make it the same process");
        stop(&[known]).unwrap();
        assert!(!process.lives());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
