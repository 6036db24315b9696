//! Time and memory of one run.
//!
//! The kernel tells the peak memory only of all children together, so each run gets a process of its own to be
//! the child of: this program calls itself.

use crate::Failure;
use crate::steps::clean;
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
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
    /// Largest resident set.
    pub kilobytes: u64,
    /// It took too long, and was ended.
    pub cut: bool,
}

/// Runs a program in a folder. Fails when it fails, but not when it takes too long.
pub fn measure(program: &Path, args: &[&str], folder: &Path, limit: Duration) -> Result<Measured, Failure> {
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut helper = Command::new(me);
    helper.current_dir(folder).arg(MEASURE).arg(limit.as_secs().to_string()).arg(program).args(args);
    let output = helper.output().map_err(|e| e.to_string())?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("{}: {}", program.display(), String::from_utf8_lossy(&output.stderr)))?;
    if told["ok"] != true {
        let what = format!("{} {}", program.display(), args.join(" "));
        return Err(format!(
            "{what} failed in {}:\n{}",
            folder.display(),
            told["error"].as_str().unwrap_or("")
        ));
    }
    Ok(Measured {
        seconds: told["seconds"].as_f64().unwrap_or_default(),
        kilobytes: told["kilobytes"].as_u64().unwrap_or_default(),
        cut: told["cut"] == true,
    })
}

/// In the process made for it: runs `<limit> <program> <args>`, and prints what it cost as JSON.
pub fn measure_here(args: &[&str]) -> ExitCode {
    let told = match args {
        [limit, program, args @ ..] => {
            let limit = Duration::from_secs(limit.parse().unwrap_or(120));
            run(limit, program, args).unwrap_or_else(|e| json!({ "ok": false, "error": e }))
        }
        _ => json!({ "ok": false, "error": "nothing to measure" }),
    };
    println!("{told}");
    ExitCode::SUCCESS
}

fn run(limit: Duration, program: &str, args: &[&str]) -> Result<serde_json::Value, Failure> {
    let mut errors = std::env::temp_dir();
    errors.push(format!("formwork-bench-{}.txt", std::process::id()));
    let file = std::fs::File::create(&errors).map_err(|e| e.to_string())?;
    let mut command = clean(Path::new(program));
    // In a folder with a file of that name, it is what the program reads.
    let input = std::fs::File::open(INPUT).map_or_else(|_| Stdio::null(), Stdio::from);
    command.args(args).stdin(input).stdout(Stdio::null()).stderr(file);
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let mut pause = Duration::from_micros(200);
    let (mut cut, mut ok) = (false, false);
    loop {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            ok = status.success();
            break;
        }
        if begun.elapsed() > limit {
            cut = true;
            child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
            break;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(1));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| e.to_string())?;
    let error = std::fs::read_to_string(&errors).unwrap_or_default();
    let _ = std::fs::remove_file(&errors);
    Ok(json!({
        "ok": ok || cut,
        "error": error,
        "seconds": seconds,
        "kilobytes": usage.max_rss(),
        "cut": cut,
    }))
}
