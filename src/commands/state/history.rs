//! `state history` and `state restore`

use super::edit::{self, Place};
use crate::commands::options::{Shown, switch_parser};
use crate::context::Context;
use clap::Args;
use formwork_diag::Diagnostic;
use jiff::Timestamp;

/// List the last versions of the state
///
/// As many as FORMWORK_STATE_HISTORY says (10 when it is not set, 0 for none) are kept in a folder beside the state.
#[derive(Debug, Args)]
pub struct History {
    #[command(flatten)]
    shown: Shown,
}

/// Make an earlier version of the state the current one
///
/// It becomes the next version, so nothing of the history is lost; where the state file is gone, it is the version that it
/// was. What exists is not touched: the next plan compares the two.
#[derive(Debug, Args)]
pub struct Restore {
    /// Only say what would be done.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = switch_parser(), hide_default_value = true, value_name = "BOOL")]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
    /// The version, as formwork state history lists it.
    serial: u64,
}

/// Only beside files are earlier versions kept by us.
fn kept_here(cx: &Context, named: bool) -> Result<(), Diagnostic> {
    if named || !cx.is_remote() {
        return Ok(());
    }
    let kind = &cx.kept().kind;
    let d = Diagnostic::error(
        "No history is kept here",
        format!(
            "The state is in the backend \"{kind}\", and Formwork keeps earlier versions of states in files only."
        ),
    );
    Err(d.help("Use what the store itself has (versions of a bucket's objects, backups of a database), and put an earlier state in \
                place with formwork state push -force."))
}

impl History {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> Result<(), Diagnostic> {
        self.shown.look.set(cx);
        kept_here(cx, self.shown.state.is_some())?;
        let versions = cx.local(self.shown.state.as_deref()).history()?;
        // One that cannot be read is what somebody looks for an earlier one for.
        let current = cx.peek(self.shown.state.as_deref()).ok().map(|opened| opened.state);
        let mut rows = Vec::new();
        for version in &versions {
            let state = version.read();
            let is_current = state.as_ref().is_ok_and(|s| current.as_ref() == Some(s));
            let instances = state.ok().map(|s| s.instances().count());
            let written = Timestamp::try_from(version.written)
                .map_or_else(|_| String::new(), |t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            rows.push((version.serial, written, instances, is_current));
        }
        if self.shown.json {
            let rows: Vec<serde_json::Value> = rows
                .into_iter()
                .map(|(serial, written, instances, is_current)| {
                    serde_json::json!({
                        "serial": serial, "written": written, "resource_instances": instances, "current": is_current
                    })
                })
                .collect();
            let document = serde_json::json!({ "format_version": "1.0", "versions": rows });
            cx.screen.line(&document.to_string());
            return Ok(());
        }
        if rows.is_empty() {
            cx.screen.line("No earlier versions of the state are kept here.");
        }
        for (serial, written, instances, is_current) in rows {
            let what = match instances {
                Some(1) => "1 resource instance".to_owned(),
                Some(n) => format!("{n} resource instances"),
                None => "damaged".to_owned(),
            };
            let mark = if is_current { " (current)" } else { "" };
            cx.screen.line(&format!("{serial}  {written}  {what}{mark}"));
        }
        Ok(())
    }
}

impl Restore {
    /// Runs the command.
    pub fn run(self, cx: &mut Context) -> Result<(), Diagnostic> {
        self.place.look.set(cx);
        kept_here(cx, self.place.state.is_some())?;
        let versions = cx.local(self.place.state.as_deref()).history()?;
        let Some(version) = versions.iter().find(|v| v.serial == self.serial) else {
            return Err(Diagnostic::error(
                "No such version of the state",
                format!("Version {} of the state is not kept here.", self.serial),
            )
            .help("The command \"state history\" lists those that are."));
        };
        let state = version.read()?;
        let count = state.instances().count();
        if self.dry_run {
            cx.screen.line(&format!(
                "Would restore version {}, which has {count} resource instance(s).",
                self.serial
            ));
            return Ok(());
        }
        let place = cx.local(self.place.state.as_deref());
        if cx
            .opening("state restore", self.place.locking.lock(), |options| place.put_back(version, options))?
        {
            cx.screen.line(&format!(
                "Put version {} back, with {count} resource instance(s): the state file was damaged.",
                self.serial
            ));
            return Ok(());
        }
        let mut session = self.place.begin(cx, "state restore")?;
        edit::settled(session.pending(), |_| true)?;
        let as_version = if session.state().lineage.is_empty() {
            // The file is gone: it is the same state again, and not a new one that nobody's plans are of.
            session.replace(&state)?;
            String::new()
        } else {
            session.fold(&state)?;
            format!(" as version {}", session.state().serial)
        };
        session.close()?;
        cx.screen.line(&format!(
            "Restored version {}{as_version}, with {count} resource instance(s).",
            self.serial
        ));
        Ok(())
    }
}
