//! A folder to run the program in.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output and standard error, as they came.
    pub output: String,
}

impl Ran {
    /// The output, or an error that holds it if the exit code is another.
    pub fn expect(self, code: i32) -> Result<String, String> {
        if self.code == Some(code) {
            return Ok(self.output);
        }
        let ended = match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, signal) => format!("signal {signal:?}"),
        };
        Err(format!("{ended} instead of {code}:\n{}", self.output))
    }
}

/// A temporary folder, and the program under test.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
    program: PathBuf,
}

/// No command of a test takes longer.
const LIMIT: Duration = Duration::from_secs(120);

impl Sandbox {
    /// An empty folder; `program` is what `formwork` means in it.
    pub fn new(program: &Path) -> io::Result<Self> {
        let root = tempfile::Builder::new().prefix("formwork-test-").tempdir()?;
        std::fs::create_dir(root.path().join("bin"))?;
        std::fs::create_dir(root.path().join("work"))?;
        std::os::unix::fs::symlink(program, root.path().join("bin/formwork"))?;
        Ok(Sandbox { root, program: program.to_owned() })
    }

    /// One whose folder holds a copy of another's.
    pub fn copy_of(other: &Sandbox) -> io::Result<Self> {
        let copy = Sandbox::new(&other.program)?;
        copy_dir(&other.dir(), &copy.dir())?;
        Ok(copy)
    }

    /// The folder that commands run in.
    pub fn dir(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Writes a file, and the folders that it needs.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.dir().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)
    }

    /// Runs the program.
    pub fn formwork(&self, args: &[&str]) -> io::Result<Ran> {
        self.formwork_with(args, &[])
    }

    /// Runs the program with environment variables.
    pub fn formwork_with(&self, args: &[&str], env: &[(&str, &str)]) -> io::Result<Ran> {
        let mut command = Command::new(&self.program);
        command.args(args);
        self.run(command, env)
    }

    /// Runs a line of shell, in which `formwork` is the program.
    pub fn shell(&self, line: &str) -> io::Result<Ran> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(line);
        self.run(command, &[])
    }

    fn run(&self, mut command: Command, env: &[(&str, &str)]) -> io::Result<Ran> {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("TF_") || name.starts_with("FORMWORK_") {
                command.env_remove(&*name);
            }
        }
        let bin = self.root.path().join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)));
        let (mut reader, writer) = io::pipe()?;
        command
            .current_dir(self.dir())
            .env("PATH", path.map_err(io::Error::other)?)
            .env("HOME", self.root.path())
            .env_remove("CI")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut child = command.spawn()?;
        // It holds our ends of the pipe, and reading would wait for them.
        drop(command);
        let output = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        });
        let begun = Instant::now();
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if begun.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the command did not end"));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        };
        let bytes = output.join().map_err(|_| io::Error::other("reading the output failed"))??;
        use std::os::unix::process::ExitStatusExt;
        Ok(Ran {
            code: status.code(),
            signal: status.signal(),
            output: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

/// Copies a folder with everything in it.
pub fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
