//! Files and folders put on another machine, by the protocol of `scp` and with what Terraform makes of it: files come out
//! as 0644 and folders as 0755, whatever they are here, less what the machine's umask takes away.

use super::machine::{Machine, quoted};
use super::process::Group;
use formwork_provider::CallError;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};

/// How much of what the other side says is kept for messages.
const KEPT: u64 = 4096;

/// What is put there.
pub(super) enum Source<'a> {
    /// A file with this text.
    Content(&'a str),
    /// A file or a folder. With a slash at its end: what is in the folder.
    Path(&'a str),
}

/// What went wrong while it was sent.
enum Broken {
    /// The other side has said so.
    There(String),
    /// The connection is gone; why, ssh says.
    Connection,
    /// It cannot be read here.
    Here(PathBuf, String),
}

impl Broken {
    fn here(path: &Path) -> impl Fn(io::Error) -> Broken + '_ {
        |error| Broken::Here(path.to_owned(), error.to_string())
    }
}

/// Puts it there.
pub(super) async fn upload(machine: &Machine, source: &Source<'_>, to: &str) -> Result<(), CallError> {
    let (line, name) = match source {
        Source::Path(path) if is_folder(path).await? => {
            if path.ends_with('/') {
                let made = machine.run(&format!("mkdir -p -- {}", quoted(to)), None, &|_| {}).await?;
                if !made.status.success() {
                    let detail = format!("The folder {to} could not be made: {}.", made.told());
                    return Err(CallError::new("Upload failed", detail));
                }
            }
            (format!("scp -r -t -- {}", quoted(to)), None)
        }
        _ => {
            let (folder, name) = place(to);
            // Without a folder of that name, scp would make a file of it; but for Terraform, DIR/ is the file DIR then.
            let must = if to.ends_with('/') { "" } else { "-d " };
            (format!("scp {must}-t -- {}", quoted(folder)), Some(name))
        }
    };
    let told = |detail: String| CallError::new("Upload failed", detail);
    let (status, said, sent) = converse(machine, &line, source, name).await?;
    let what = match source {
        Source::Content(_) => "The content",
        Source::Path(path) => path,
    };
    let cannot = |why: &str| told(format!("{what} cannot be put to {to} on the machine: {why}."));
    match sent {
        Err(Broken::Here(path, why)) => {
            let detail = format!("{} cannot be read: {why}.", path.display());
            Err(CallError::new("File cannot be read", detail))
        }
        Err(Broken::There(why)) => Err(cannot(why.trim_start_matches("scp: "))),
        Ok(()) if status.success() => Ok(()),
        _ => Err(match (said.trim().trim_end_matches('.'), status.code()) {
            ("", Some(code)) => cannot(&format!("the program scp there ended with exit status {code}")),
            ("", None) => cannot(&format!("ssh ended with {status}")),
            (said, _) => cannot(said),
        }),
    }
}

async fn is_folder(path: &str) -> Result<bool, CallError> {
    let found = fs::metadata(path)
        .await
        .map_err(|error| CallError::new("File cannot be read", format!("{path} cannot be read: {error}.")))?;
    Ok(found.is_dir())
}

/// The folder that a file goes to, and its name there: for `DIR/`, the name is `DIR` too, as with Terraform.
fn place(to: &str) -> (&str, &str) {
    let folder = match to.rfind('/') {
        None => ".",
        Some(0) => "/",
        Some(end) => &to[..end],
    };
    let name = to.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    (folder, name)
}

/// Starts the other side, sends everything, and waits for its end. Gives how it ended and what was said beside the protocol.
async fn converse(
    machine: &Machine,
    line: &str,
    source: &Source<'_>,
    name: Option<&str>,
) -> Result<(ExitStatus, String, Result<(), Broken>), CallError> {
    let mut command = machine.command(line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(command).map_err(super::machine::cannot_start)?;
    let child = &mut group.0;
    let (Some(to), Some(from), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(CallError::new("ssh cannot be started", "Its streams are closed."));
    };
    let mut sender = Sender { to, from: BufReader::new(from) };
    let work = async {
        let sent = sender.everything(source, name).await;
        // Closes the stream, and so ends the other side.
        drop(sender);
        sent
    };
    let (sent, said) = tokio::join!(work, last_words(errors));
    let status = child.wait().await.map_err(super::machine::cannot_start)?;
    Ok((status, said, sent))
}

/// The beginning of what is said; the rest is read and forgotten.
async fn last_words(mut from: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let _ = (&mut from).take(KEPT).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

struct Sender {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Sender {
    async fn everything(&mut self, source: &Source<'_>, name: Option<&str>) -> Result<(), Broken> {
        self.heard().await?;
        match source {
            Source::Content(text) => {
                let bytes = text.as_bytes();
                self.file(Path::new("the content"), name.unwrap_or_default(), bytes.len() as u64, bytes).await
            }
            Source::Path(path) => {
                let path = Path::new(path);
                let here = fs::metadata(path).await.map_err(Broken::here(path))?;
                match name {
                    Some(name) => self.read_file(path, name, &here).await,
                    None if path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                        let mut within = Vec::new();
                        self.entries(path, &mut within).await
                    }
                    None => {
                        let whole = fs::canonicalize(path).await.map_err(Broken::here(path))?;
                        let own = path.file_name().or(whole.file_name()).unwrap_or_default();
                        let own = own.to_owned();
                        self.folder(path, &name_of(path, &own)?, &mut Vec::new()).await
                    }
                }
            }
        }
    }

    async fn folder(&mut self, path: &Path, name: &str, within: &mut Vec<PathBuf>) -> Result<(), Broken> {
        self.say(format!("D0755 0 {name}\n").as_bytes()).await?;
        self.heard().await?;
        self.entries(path, within).await?;
        self.say(b"E\n").await?;
        self.heard().await
    }

    /// All that is in a folder, in order of names. Links are followed; `within` are the folders that we came through.
    async fn entries(&mut self, path: &Path, within: &mut Vec<PathBuf>) -> Result<(), Broken> {
        let whole = fs::canonicalize(path).await.map_err(Broken::here(path))?;
        if within.contains(&whole) {
            return Err(Broken::Here(path.to_owned(), "it is a link to a folder that it is in".to_owned()));
        }
        within.push(whole);
        let mut names = Vec::new();
        let mut reader = fs::read_dir(path).await.map_err(Broken::here(path))?;
        while let Some(entry) = reader.next_entry().await.map_err(Broken::here(path))? {
            names.push(entry.file_name());
        }
        names.sort();
        for name in names {
            let path = path.join(&name);
            let name = name_of(&path, &name)?;
            let here = fs::metadata(&path).await.map_err(Broken::here(&path))?;
            match here.is_dir() {
                true => Box::pin(self.folder(&path, &name, within)).await?,
                false => self.read_file(&path, &name, &here).await?,
            }
        }
        within.pop();
        Ok(())
    }

    async fn read_file(&mut self, path: &Path, name: &str, here: &Metadata) -> Result<(), Broken> {
        if !here.is_file() {
            return Err(Broken::Here(path.to_owned(), "it is neither a file nor a folder".to_owned()));
        }
        let file = fs::File::open(path).await.map_err(Broken::here(path))?;
        self.file(path, name, here.len(), file).await
    }

    async fn file(
        &mut self,
        path: &Path,
        name: &str,
        size: u64,
        bytes: impl AsyncRead + Unpin,
    ) -> Result<(), Broken> {
        self.say(format!("C0644 {size} {name}\n").as_bytes()).await?;
        self.heard().await?;
        let mut bytes = bytes.take(size);
        let mut left = size;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let read = bytes.read(&mut buffer).await.map_err(Broken::here(path))?;
            if read == 0 {
                return Err(Broken::Here(path.to_owned(), "it became shorter meanwhile".to_owned()));
            }
            self.say(buffer.get(..read).unwrap_or_default()).await?;
            left -= read as u64;
        }
        self.say(b"\0").await?;
        self.heard().await
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        // The other side may have said why it listens no more.
        if self.to.write_all(bytes).await.is_err() || self.to.flush().await.is_err() {
            return Err(self.heard().await.err().unwrap_or(Broken::Connection));
        }
        Ok(())
    }

    /// Waits for the other side's answer: a zero, or a one or two and why not.
    async fn heard(&mut self) -> Result<(), Broken> {
        match self.from.read_u8().await {
            Ok(0) => Ok(()),
            Ok(code) => {
                let mut line = if code > 2 { vec![code] } else { Vec::new() };
                let _ = (&mut self.from).take(KEPT).read_until(b'\n', &mut line).await;
                Err(Broken::There(String::from_utf8_lossy(&line).trim().trim_end_matches('.').to_owned()))
            }
            Err(_) => Err(Broken::Connection),
        }
    }
}

/// A name as the protocol can tell it.
fn name_of(path: &Path, name: &std::ffi::OsStr) -> Result<String, Broken> {
    let plain = name.to_str().filter(|n| !n.contains('\n'));
    plain.map(str::to_owned).ok_or_else(|| {
        Broken::Here(path.to_owned(), "its name is no text, or has more than one line".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn places_are_those_of_terraform() {
        let check = |to: &str, folder: &str, name: &str| assert_eq!(place(to), (folder, name), "{to}");
        check("/a/b", "/a", "b");
        check("/a/b/", "/a/b", "b");
        check("/b", "/", "b");
        check("b", ".", "b");
        check("~/b", "~", "b");
    }
}
