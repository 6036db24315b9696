//! Running a program, and telling what it prints as it prints it.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How much of what a program printed is kept for messages, from its end.
const KEPT: usize = 8 * 1024;
/// The longest line that is told as one.
const LINE: usize = 64 * 1024;
/// How long to go on reading when the program has ended: something that it left running may hold the pipe.
const GRACE: Duration = Duration::from_secs(1);

/// How a program ended.
pub(crate) struct Ended {
    pub status: ExitStatus,
    /// The end of what it printed.
    pub printed: String,
}

impl Ended {
    /// In words: how it ended, and what it said last.
    pub fn told(&self) -> String {
        let how = match self.status.code() {
            Some(code) => format!("exit status {code}"),
            None => format!("{}", self.status),
        };
        match self.printed.trim_end() {
            "" => format!("{how}; it printed nothing"),
            printed => format!("{how}. It printed: {printed}"),
        }
    }
}

/// A program and all that it started: ended when this is dropped.
pub(crate) struct Group(pub Child);

impl Group {
    /// Starts it in a group of its own: the terminal's interrupt is for us.
    pub fn spawn(mut command: Command) -> io::Result<Group> {
        command.process_group(0).kill_on_drop(true).spawn().map(Group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            let _ = kill_process_group(pid, Signal::TERM);
        }
    }
}

/// Runs it to its end; both of its streams are one. Dropping the future ends the program.
pub(crate) async fn run(
    mut command: Command,
    input: Option<&[u8]>,
    say: &(dyn Fn(&str) + Send + Sync),
) -> io::Result<Ended> {
    let (reader, writer) = io::pipe()?;
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(writer.try_clone()?).stderr(writer);
    // The command holds the writing end, and is gone after this: else the end of the stream would never come.
    let mut group = Group::spawn(command)?;
    if let (Some(bytes), Some(mut stdin)) = (input, group.0.stdin.take()) {
        // A program that does not read its input to the end says why in its output.
        let _ = stdin.write_all(bytes).await;
    }
    let mut lines = BufReader::new(Receiver::from_owned_fd(reader.into())?);
    let mut printed = Vec::new();
    let mut buffer = Vec::new();
    let status = loop {
        tokio::select! {
            biased;
            read = read_line(&mut lines, &mut buffer) => {
                if read.is_err() || !line(&mut buffer, &mut printed, say) {
                    break group.0.wait().await?;
                }
            }
            status = group.0.wait() => {
                let rest = async {
                    while read_line(&mut lines, &mut buffer).await.is_ok() {
                        if !line(&mut buffer, &mut printed, say) {
                            break;
                        }
                    }
                };
                let _ = timeout(GRACE, rest).await;
                break status?;
            }
        }
    };
    line(&mut buffer, &mut printed, say);
    Ok(Ended { status, printed: String::from_utf8_lossy(&printed).into_owned() })
}

/// Adds to the buffer up to the end of a line, or as much as a line may have; nothing is lost when this is dropped.
async fn read_line(from: &mut BufReader<Receiver>, buffer: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let found = from.fill_buf().await?;
        let end = found.iter().position(|b| *b == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(found.len()).min(LINE.saturating_sub(buffer.len()));
        let (some, over) = (!found.is_empty(), end.is_some_and(|end| end == taken));
        buffer.extend(found.iter().take(taken));
        from.consume(taken);
        if over || !some || buffer.len() >= LINE {
            return Ok(());
        }
    }
}

/// Tells a line; `false` at the end of the stream.
fn line(buffer: &mut Vec<u8>, printed: &mut Vec<u8>, say: &(dyn Fn(&str) + Send + Sync)) -> bool {
    if buffer.is_empty() {
        return false;
    }
    printed.extend_from_slice(buffer);
    let excess = printed.len().saturating_sub(KEPT);
    printed.drain(..excess);
    say(String::from_utf8_lossy(buffer).trim_end_matches(['\n', '\r']));
    buffer.clear();
    true
}
