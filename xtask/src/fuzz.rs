//! Looks for inputs that panic, hang or eat memory, with cargo-fuzz.

#[path = "../../fuzz/src/seeds.rs"]
mod seeds;

use crate::Failure;
use crate::steps::{Steps, clean, on_path, root};
use seeds::{TARGETS, seeds};
use std::path::Path;
use std::process::{Command, Stdio};

/// Longest time for one input, in seconds.
const LONGEST: u32 = 10;

/// Most memory, in all and for one allocation, in megabytes.
const MEMORY: [u32; 2] = [2048, 1024];

/// Longest input in bytes: what is wrong with longer ones is most often wrong with short ones too.
const LENGTH: u32 = 4096;

/// Runs targets one after the other, each for some seconds.
pub fn run(args: &[&str]) -> Result<(), Failure> {
    let mut seconds = 60;
    let mut targets: Vec<&str> = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match *arg {
            "--seconds" => {
                let value = rest.next().ok_or("--seconds needs a number")?;
                seconds =
                    value.parse::<u32>().map_err(|_| format!("--seconds takes a number, not {value:?}"))?;
            }
            target if TARGETS.contains(&target) => targets.push(target),
            other => return Err(format!("there is no target {other:?}; there are {}", TARGETS.join(", "))),
        }
    }
    if targets.is_empty() {
        targets.extend(TARGETS);
    }
    let steps = Steps::new();
    install(&steps)?;
    steps.command("build the targets", &mut cargo_fuzz(&["build"]))?;
    let mut found = Vec::new();
    for target in targets {
        begin_with(target)?;
        match steps.step(&format!("{target}, {seconds} s"), || fuzz(target, seconds)) {
            Ok(inputs) => println!("           {inputs} inputs tried"),
            Err(failure) => found.push(failure),
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\nthe inputs are below fuzz/artifacts; once mended, they belong into fuzz/seeds",
        found.join("\n")
    ))
}

/// A nightly compiler and cargo-fuzz, if they are missing.
fn install(steps: &Steps) -> Result<(), Failure> {
    let nightly = nightly().args(["rustc", "--version"]).output();
    if !nightly.is_ok_and(|output| output.status.success()) {
        let mut rustup = clean(Path::new("rustup"));
        steps.command(
            "install a nightly compiler",
            rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]),
        )?;
    }
    if on_path("cargo-fuzz").is_none() {
        let mut cargo = clean(Path::new("cargo"));
        steps.command("install cargo-fuzz", cargo.args(["install", "cargo-fuzz", "--locked"]))?;
    }
    Ok(())
}

fn nightly() -> Command {
    let mut command = clean(Path::new("rustup"));
    // This program runs under the compiler that it was built with; the fuzzers do not, nor do they share what was built.
    command.env_remove("CARGO_TARGET_DIR").args(["run", "nightly"]);
    command
}

fn cargo_fuzz(args: &[&str]) -> Command {
    let mut command = nightly();
    command.current_dir(root().join("fuzz")).args(["cargo", "fuzz"]).args(args);
    command
}

/// Puts the seeds where the fuzzer looks for them, beside what it found worth keeping in earlier runs.
fn begin_with(target: &str) -> Result<(), Failure> {
    let folder = root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for (i, seed) in seeds(&root(), target).into_iter().enumerate() {
        let path = folder.join(format!("seed-{i}"));
        std::fs::write(&path, seed).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

/// How many inputs were tried; what was found is the failure.
fn fuzz(target: &str, seconds: u32) -> Result<u64, Failure> {
    let [all, one] = MEMORY;
    let mut command = cargo_fuzz(&["run", target, "--"]);
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={LONGEST}"),
        format!("-rss_limit_mb={all}"),
        format!("-malloc_limit_mb={one}"),
        format!("-max_len={LENGTH}"),
        "-print_final_stats=1".into(),
    ]);
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("cargo fuzz: {e}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let lines: Vec<&str> = told.lines().collect();
        return Err(lines[lines.len().saturating_sub(60)..].join("\n"));
    }
    let tried = told.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    tried.and_then(|number| number.trim().parse().ok()).ok_or_else(|| format!("it tells no numbers:\n{told}"))
}
