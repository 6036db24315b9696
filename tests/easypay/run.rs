//! Running a program to its end, or to the line at which it is to be killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// No command of these tests takes longer.
const LIMIT: Duration = Duration::from_secs(600);

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What was run.
    pub line: String,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output and standard error, as they came.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// The output, or an error that holds it if the exit code is another.
    pub fn expect(self, code: i32) -> Result<String, String> {
        if self.code == Some(code) {
            return Ok(self.output);
        }
        let ended = self.code.map_or("a signal".into(), |c| format!("exit code {c}"));
        Err(format!("{}: {ended} instead of {code}:\n{}", self.line, self.output))
    }

    /// Whether it was killed, as was wanted.
    pub fn killed(&self) -> bool {
        self.code.is_none()
    }
}

/// Runs it; `kill_at` sees each line as it comes, and kills it with SIGKILL by answering yes.
pub fn run(mut command: Command, mut kill_at: impl FnMut(&str) -> bool) -> Result<Ran, String> {
    let words = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>();
    let line = format!("formwork {}", words.join(" "));
    let failed = |e: &dyn std::fmt::Display| format!("{line}: {e}");
    let (reader, writer) = std::io::pipe().map_err(|e| failed(&e))?;
    command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(|e| failed(&e))?).stderr(writer);
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|e| failed(&e))?;
    // It holds our ends of the pipe, and reading would wait for them.
    drop(command);
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    let mut output = String::new();
    let mut ended = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(said) => {
                if ended.is_none() && kill_at(&said) {
                    child.kill().map_err(|e| failed(&e))?;
                }
                output.push_str(&said);
                output.push('\n');
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // What a killed program has left running may hold the pipe open: that is not waited for long.
        if ended.is_none() && child.try_wait().map_err(|e| failed(&e))?.is_some() {
            ended = Some(Instant::now());
        }
        if ended.is_some_and(|e| e.elapsed() > Duration::from_secs(2)) {
            break;
        }
        if begun.elapsed() > LIMIT {
            child.kill().map_err(|e| failed(&e))?;
            child.wait().map_err(|e| failed(&e))?;
            return Err(failed(&format!("did not end within {} s:\n{output}", LIMIT.as_secs())));
        }
    }
    let status = child.wait().map_err(|e| failed(&e))?;
    Ok(Ran { line, code: status.code(), output, took: begun.elapsed() })
}
