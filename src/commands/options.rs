//! Flags that several commands have.

use crate::context::{Context, Lock};
use crate::environment;
use clap::Args;
use clap::builder::{TypedValueParser, ValueParser};
use formwork_addr::{InstanceAddr, Pattern, ResourceMode};
use formwork_diag::Diagnostic;
use formwork_engine::PlanOptions;
use formwork_plan::Mode;
use std::path::PathBuf;
use std::time::Duration;

/// A switch as Go's flags have it: `-x`, `-x=true`, `-x=0`.
fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("a switch is true or false".into()),
    }
}

/// The parser of a switch.
pub fn switch_parser() -> ValueParser {
    ValueParser::new(clap::builder::StringValueParser::new().try_map(|s| switch(&s)))
}

/// A span of time as Go writes it: `300ms`, `10s`, `1h30m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    const WRONG: &str = "a time is written as 300ms, 10s, 5m or 1h30m";
    let mut rest = text;
    let mut total = Duration::ZERO;
    if rest == "0" {
        return Ok(total);
    }
    if rest.is_empty() {
        return Err(WRONG.into());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(WRONG)?;
        let number: f64 = rest[..digits].parse().map_err(|_| WRONG)?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let seconds = match &rest[..end] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(WRONG.into()),
        };
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| WRONG)?;
        rest = &rest[end..];
    }
    Ok(total)
}

/// How many calls may be under way when nobody says otherwise.
const PARALLELISM: u32 = 10;

/// A number of calls; 0 is the default.
fn parallelism(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Ok(PARALLELISM),
        Ok(n @ 1..=10_000) => Ok(n),
        _ => Err("the number of calls at once is from 1 to 10000, or 0 for the default".into()),
    }
}

/// What all commands have that plan.
#[derive(Debug, Default, Args)]
pub struct Common {
    /// Tell everything as lines of JSON, for programs.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    pub json: bool,
    /// What to plan.
    #[command(flatten)]
    pub planning: Planning,
    /// Show instances that change alike once, with their number.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    pub fold: bool,
    /// Values of variables.
    #[command(flatten)]
    pub variables: Variables,
    /// Where the state is.
    #[command(flatten)]
    pub state: StateFlags,
    /// How text looks.
    #[command(flatten)]
    pub look: Look,
}

impl Common {
    /// Obeys what decides how everything after it is told.
    pub fn begin(&self, cx: &mut Context) {
        self.look.set(cx);
        cx.screen.fold = self.fold;
        if self.json {
            cx.screen.json = true;
            cx.screen.print(&crate::ui::stream::version());
        }
    }
}

/// How text looks.
#[derive(Debug, Default, Args)]
pub struct Look {
    /// Without colours.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub no_color: bool,
    /// Show warnings by their summaries only, unless there are errors.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    pub compact_warnings: bool,
}

impl Look {
    /// Obeys the flags.
    pub fn set(&self, cx: &mut Context) {
        cx.no_colour(self.no_color);
        cx.screen.compact = self.compact_warnings;
    }
}

/// Which state is looked at, and how it is shown.
#[derive(Debug, Args)]
pub struct Shown {
    /// The state file.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// As JSON.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    pub json: bool,
    /// How text looks.
    #[command(flatten)]
    pub look: Look,
}

/// What scripts for Terraform may say, and means nothing here.
#[derive(Debug, Args)]
pub struct Ignored {
    /// For remote states of other versions; means nothing here.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = switch_parser(), value_name = "BOOL")]
    ignore_remote_version: bool,
}

/// Values for variables; see [`crate::variables::Flag`] for their order.
#[derive(Debug, Default, Args)]
pub struct Variables {
    /// Set a variable of the root module. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub var: Vec<String>,
    /// Read values of variables from a file. May be given several times; later ones win.
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<String>,
    /// Ask for variables that have no value.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch_parser(),
          value_name = "BOOL")]
    pub input: Option<bool>,
}

impl Variables {
    /// Whether questions are allowed.
    pub fn ask(&self) -> bool {
        self.input.unwrap_or_else(environment::input)
    }
}

/// Where the state is, and how it is locked.
#[derive(Debug, Default, Args)]
pub struct StateFlags {
    /// The state file. [default: terraform.tfstate, or that of the current workspace]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Write the state to another file than it was read from.
    #[arg(long, value_name = "FILE")]
    pub state_out: Option<PathBuf>,
    /// Where the previous state is kept: "-" for nowhere. [default: the state file with .backup behind]
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
    /// Lock the state.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true",
          value_parser = switch_parser(), value_name = "BOOL")]
    pub lock: bool,
    /// How long to wait for the lock.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub lock_timeout: Duration,
}

impl StateFlags {
    /// What the lock flags say.
    pub fn lock(&self) -> Lock {
        Lock { take: self.lock, timeout: self.lock_timeout }
    }
}

/// What to plan.
#[derive(Debug, Default, Args)]
pub struct Planning {
    /// Read the objects that exist before planning.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true",
          value_parser = switch_parser(), value_name = "BOOL")]
    pub refresh: bool,
    /// Only this resource or module, and what it depends on; a * stands for any characters. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<String>,
    /// The addresses in this file, one on a line, as with -target. Lines that begin with # are comments. Without any address, that
    /// is an error: otherwise everything would be planned.
    #[arg(long, value_name = "FILE")]
    pub target_file: Vec<PathBuf>,
    /// Everything but this resource or module and what depends on it; a * stands for any characters. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<String>,
    /// The addresses in this file, one on a line, as with -exclude. Lines that begin with # are comments. It may be empty.
    #[arg(long, value_name = "FILE")]
    pub exclude_file: Vec<PathBuf>,
    /// Replace this resource instance even if nothing changed. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub replace: Vec<String>,
    /// Let what depends on an unknown count, for_each or provider configuration wait for a later plan. Without it, that is an
    /// error.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true",
          value_parser = switch_parser(), value_name = "BOOL")]
    pub allow_deferral: bool,
    /// How many calls may be under way at once; 0 for the default.
    #[arg(long, value_name = "N", default_value = "10", value_parser = parallelism)]
    pub parallelism: u32,
}

impl Planning {
    /// With addresses parsed.
    pub fn options(&self, mode: Mode) -> Result<PlanOptions, Vec<Diagnostic>> {
        let mut diags = Vec::new();
        let targets = selection("-target", &self.target, &self.target_file, &mut diags);
        if diags.is_empty() && targets.is_empty() && self.selects() {
            diags.push(nothing_selected(&self.target_file));
        }
        let excludes = selection("-exclude", &self.exclude, &self.exclude_file, &mut diags);
        if self.selects() && self.leaves_out() {
            diags.push(
                Diagnostic::error(
                    "Incompatible command line options",
                    "-target and -target-file choose what is planned, -exclude and -exclude-file what is not: they cannot be \
                     used together.",
                )
                .help("Name what to plan with -target, or what to leave out with -exclude."),
            );
        }
        let mut replace = Vec::new();
        for text in &self.replace {
            match text.parse::<InstanceAddr>() {
                Ok(addr) if addr.resource.resource.mode == ResourceMode::Managed => replace.push(addr),
                Ok(addr) => diags.push(
                    Diagnostic::error(
                        "Invalid force-replace address",
                        format!("{addr} is only read, so -replace has nothing to replace there."),
                    )
                    .help("Name an instance of a managed resource. What is read is read anew by every plan."),
                ),
                Err(e) => diags.push(
                    Diagnostic::error("Invalid force-replace address", format!("The address given with -replace: {e}."))
                        .help("Write the address of one resource instance as plans show it, such as 'aws_eip.b[0]'."),
                ),
            }
        }
        if mode == Mode::RefreshOnly && !self.refresh {
            diags.push(Diagnostic::error(
                "Incompatible refresh options",
                "-refresh-only asks for what -refresh=false forbids.",
            ));
        }
        if mode != Mode::Normal && !replace.is_empty() {
            diags.push(Diagnostic::error(
                "Incompatible command line options",
                "-replace only makes sense when the configuration is applied, not with -destroy or -refresh-only.",
            ));
        }
        if diags.is_empty() {
            let defer = self.allow_deferral;
            Ok(PlanOptions { mode, refresh: self.refresh, targets, excludes, replace, defer, note: false })
        } else {
            Err(diags)
        }
    }
}

impl Planning {
    fn selects(&self) -> bool {
        !self.target.is_empty() || !self.target_file.is_empty()
    }

    fn leaves_out(&self) -> bool {
        !self.exclude.is_empty() || !self.exclude_file.is_empty()
    }

    /// Whether anything is given that shapes a plan, which a saved plan has already.
    pub fn shapes_a_plan(&self) -> bool {
        self.selects() || self.leaves_out() || !self.replace.is_empty()
    }
}

/// The addresses and patterns that a flag gives, and those in the files of another.
fn selection(flag: &str, given: &[String], files: &[PathBuf], diags: &mut Vec<Diagnostic>) -> Vec<Pattern> {
    let mut found = Vec::new();
    let mut add = |text: &str, place: &str, diags: &mut Vec<Diagnostic>| {
        match text.parse() {
        Ok(pattern) => found.push(pattern),
        Err(e) => diags.push(
            Diagnostic::error("Invalid target", format!("The address given with {place}: {e}."))
                .help("Write an address as plans show it, such as 'module.a.aws_eip.b[0]', or a pattern such as 'module.*.aws_eip.b[*]'."),
        ),
    }
    };
    for text in given {
        add(text, flag, diags);
    }
    for path in files {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) => {
                diags.push(
                    Diagnostic::error(
                        "Addresses cannot be read",
                        format!("Could not read {}, given with {flag}-file: {e}.", path.display()),
                    )
                    .help("Name a text file with one address on a line."),
                );
                continue;
            }
        };
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                add(line, &format!("{flag}-file, in {} at line {}", path.display(), number + 1), diags);
            }
        }
    }
    found
}

/// That files which are to say what is planned say nothing. No targets mean everything, which nobody meant who gave a list.
fn nothing_selected(files: &[PathBuf]) -> Diagnostic {
    let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    Diagnostic::error(
        "No targets",
        format!("There is no address in {}, given with -target-file.", names.join(", ")),
    )
    .help("Write at least one address there, or leave -target-file out to plan everything.")
}

/// The mode that `-destroy` and `-refresh-only` choose.
pub fn mode(destroy: bool, refresh_only: bool) -> Result<Mode, Diagnostic> {
    match (destroy, refresh_only) {
        (false, false) => Ok(Mode::Normal),
        (true, false) => Ok(Mode::Destroy),
        (false, true) => Ok(Mode::RefreshOnly),
        (true, true) => Err(Diagnostic::error(
            "Incompatible plan mode options",
            "-destroy and -refresh-only cannot be used together: each asks for a different kind of plan.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_parallelism_is_the_default() {
        assert_eq!(parallelism("0"), Ok(10));
        assert_eq!(parallelism("3"), Ok(3));
        assert!(parallelism("-1").is_err() && parallelism("x").is_err());
    }

    #[test]
    fn reads_gos_durations() {
        let check = |text: &str, ms: u64| assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        check("0s", 0);
        check("0", 0);
        check("300ms", 300);
        check("1h30m", 5_400_000);
        check("1.5s", 1500);
        for wrong in ["", "5", "s", "5x", "-1s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
