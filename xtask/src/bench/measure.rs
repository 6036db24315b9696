//! Time and memory of one run.
//!
//! The kernel tells the peak memory only of all children together, so each run gets a process of its own to be
//! the child of: this program calls itself.

use crate::Failure;
use crate::steps::clean;
use nix::sys::resource::{UsageWho, getrusage};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::json;
use std::ffi::OsString;
use std::io::{PipeReader, Read as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The chore that does the measuring.
pub const MEASURE: &str = "__measure";

/// The file that is the standard input of programs that are measured in its folder.
pub const INPUT: &str = "input";

/// What a run cost.
#[derive(Clone, Debug)]
pub struct Measured {
    /// From start to end.
    pub seconds: f64,
    /// From start to the first byte of output; only where that was asked for.
    pub first: Option<f64>,
    /// Largest resident set.
    pub kilobytes: u64,
    /// It took too long, and was ended.
    pub cut: bool,
}

/// A program, and how it is run.
pub struct Subject<'a> {
    /// The program.
    pub program: &'a Path,
    /// Where it runs.
    pub folder: &'a Path,
    /// After that time it is ended.
    pub limit: Duration,
    /// What it finds in its environment.
    pub env: &'a [(&'static str, OsString)],
}

impl Subject<'_> {
    /// Runs it. Fails when it fails, but not when it takes too long.
    pub fn measure(&self, args: &[&str]) -> Result<Measured, Failure> {
        self.run("whole", args)
    }

    /// Runs it, and reads what it prints, to see when that begins.
    pub fn measure_first(&self, args: &[&str]) -> Result<Measured, Failure> {
        self.run("first", args)
    }

    fn run(&self, how: &str, args: &[&str]) -> Result<Measured, Failure> {
        let me = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut helper = clean(&me);
        helper.current_dir(self.folder).envs(self.env.iter().map(|(k, v)| (k, v)));
        helper.arg(MEASURE).arg(how).arg(self.limit.as_secs().to_string()).arg(self.program).args(args);
        let output = helper.output().map_err(|e| e.to_string())?;
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|_| {
            format!("{}: {}", self.program.display(), String::from_utf8_lossy(&output.stderr))
        })?;
        if told["ok"] != true {
            let what = format!("{} {}", self.program.display(), args.join(" "));
            return Err(format!(
                "{what} failed in {}:\n{}",
                self.folder.display(),
                told["error"].as_str().unwrap_or("")
            ));
        }
        Ok(Measured {
            seconds: told["seconds"].as_f64().unwrap_or_default(),
            first: told["first"].as_f64(),
            kilobytes: told["kilobytes"].as_u64().unwrap_or_default(),
            cut: told["cut"] == true,
        })
    }
}

/// In the process made for it: runs `<whole|first> <limit> <program> <args>`, and prints what it cost as JSON.
pub fn measure_here(args: &[&str]) -> ExitCode {
    let told = match args {
        [how, limit, program, args @ ..] => {
            let limit = Duration::from_secs(limit.parse().unwrap_or(120));
            run(*how == "first", limit, program, args).unwrap_or_else(|e| json!({ "ok": false, "error": e }))
        }
        _ => json!({ "ok": false, "error": "nothing to measure" }),
    };
    println!("{told}");
    ExitCode::SUCCESS
}

/// Reads to the end, and gives the time at which the first byte came.
fn watch(mut output: PipeReader) -> JoinHandle<Option<Instant>> {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        let mut first = None;
        while output.read(&mut buffer).is_ok_and(|n| n > 0) {
            first.get_or_insert_with(Instant::now);
        }
        first
    })
}

fn run(first: bool, limit: Duration, program: &str, args: &[&str]) -> Result<serde_json::Value, Failure> {
    let mut errors = std::env::temp_dir();
    errors.push(format!("formwork-bench-{}.txt", std::process::id()));
    let file = std::fs::File::create(&errors).map_err(|e| e.to_string())?;
    // The environment was cleaned for this process already.
    let mut command = Command::new(program);
    // In a folder with a file of that name, it is what the program reads.
    let input = std::fs::File::open(INPUT).map_or_else(|_| Stdio::null(), Stdio::from);
    command.args(args).stdin(input).stdout(Stdio::null()).stderr(file);
    let mut watcher = None;
    if first {
        // What is seen first may come by either way.
        let (reader, writer) = std::io::pipe().map_err(|e| e.to_string())?;
        command.stdout(writer.try_clone().map_err(|e| e.to_string())?).stderr(writer);
        watcher = Some(watch(reader));
    }
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    // Its ends of the pipe would keep the reader waiting.
    drop(command);
    let (ended, waiting) = mpsc::channel::<()>();
    let reaper = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).map_err(|e| e.to_string())?;
    let cutter = std::thread::spawn(move || {
        let late = waiting.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        late && pidfd_send_signal(reaper, Signal::KILL).is_ok()
    });
    let status = child.wait().map_err(|e| e.to_string())?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(ended);
    let cut = cutter.join().unwrap_or(false);
    let at = watcher.and_then(|w| w.join().ok().flatten());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| e.to_string())?;
    let error = std::fs::read_to_string(&errors).unwrap_or_default();
    let _ = std::fs::remove_file(&errors);
    Ok(json!({
        "ok": status.success() || cut,
        "error": error,
        "seconds": seconds,
        "first": at.map(|at| at.duration_since(begun).as_secs_f64()),
        "kilobytes": usage.max_rss(),
        "cut": cut,
    }))
}
