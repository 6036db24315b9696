//! What was measured, and what was wanted.

use super::measure::Measured;
use std::fmt::Write as _;
use std::time::Duration;

/// What is wanted of a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target {
    /// How many times faster than Terraform it has to be.
    pub faster: f64,
    /// Whether a quarter of Terraform's memory has to be enough.
    pub quarter: bool,
}

/// Plans, empty ones included.
pub const PLAN: Target = Target { faster: 50.0, quarter: true };
/// What changes something.
pub const APPLY: Target = Target { faster: 100.0, quarter: true };

/// The time after which something has to be seen, in seconds.
pub const FIRST: f64 = 0.2;

/// One row of the table.
pub struct Row {
    /// The case.
    pub case: &'static str,
    /// The step.
    pub what: &'static str,
    /// What is wanted.
    pub target: Target,
    /// What it cost here.
    pub ours: Measured,
    /// What it cost Terraform.
    pub theirs: Option<Measured>,
}

impl Row {
    /// How many times faster it is; `None` where nobody was asked.
    fn faster(&self) -> Option<f64> {
        self.theirs.as_ref().map(|theirs| theirs.seconds / self.ours.seconds)
    }

    /// Whether it is as wanted; `None` where that cannot be said.
    fn verdict(&self) -> Option<Result<(), String>> {
        let (faster, theirs) = (self.faster()?, self.theirs.as_ref()?);
        let mut missed = Vec::new();
        if faster < self.target.faster {
            // What was cut may have taken any time.
            if theirs.cut {
                return None;
            }
            missed.push(format!("{:.0} times", self.target.faster));
        }
        if self.target.quarter && self.ours.kilobytes * 4 > theirs.kilobytes {
            missed.push(format!("{:.0} MB", theirs.kilobytes as f64 / 4096.0));
        }
        Some(if missed.is_empty() { Ok(()) } else { Err(missed.join(", ")) })
    }
}

/// Something that was wanted of all of it.
pub struct Wanted {
    /// What, with the numbers.
    pub what: String,
    /// Whether it is so.
    pub holds: bool,
}

fn time(m: &Measured) -> String {
    match m.seconds {
        s if m.cut => format!("> {s:.0} s"),
        s if s < 0.01 => format!("{:.1} ms", s * 1000.0),
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s => format!("{s:.2} s"),
    }
}

fn memory(m: &Measured) -> String {
    format!("{:.0} MB", m.kilobytes as f64 / 1024.0)
}

/// The rows and what was wanted, in Markdown.
pub fn render(rows: &[Row], wanted: &[Wanted], version: &Measured, limit: Duration) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "`formwork version`: {:.1} ms, {} (median of 20). {cores} cores; plans of Formwork are medians of 5 runs, its applies and destroys \
         of 3 where there are not more than 10,000 instances, the first rows of it medians of 5, of Terraform of 3; all else is one \
         run; runs are cut after {} s.\n\n",
        version.seconds * 1000.0,
        memory(version),
        limit.as_secs()
    );
    text.push_str(
        "| case | step | Terraform | Formwork | times faster | Terraform, peak | Formwork, peak | wanted |\n\
         |---|---|--:|--:|--:|--:|--:|---|\n",
    );
    for row in rows {
        let (theirs, faster, their_memory) = match (&row.theirs, row.faster()) {
            (Some(m), Some(faster)) => {
                let more = if m.cut { "> " } else { "" };
                (time(m), format!("{more}{faster:.0}"), memory(m))
            }
            _ => ("–".into(), "–".into(), "–".into()),
        };
        let verdict = match row.verdict() {
            None => "–".into(),
            Some(Ok(())) => "PASS".into(),
            Some(Err(missed)) => format!("MISS: {missed}"),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {theirs} | {} | {faster} | {their_memory} | {} | {verdict} |",
            row.case,
            row.what,
            time(&row.ours),
            memory(&row.ours)
        );
    }
    text.push('\n');
    for Wanted { what, holds } in wanted {
        let _ = writeln!(text, "- {}: {what}", if *holds { "PASS" } else { "MISS" });
    }
    text
}
