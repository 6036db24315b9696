//! What a plan tells of a run: the playbook in check mode, on the hosts that answer.

use crate::drive::{Job, run};
use crate::event::{HostResult, Status};
use crate::host::{self, Silent};
use crate::playbook::{HOW, Playbook};
use crate::report;
use crate::secrets::Secrets;
use formwork_provider::Call;
use formwork_value::{Path, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// The first argument of a run that is not known yet.
pub(crate) fn unknown(config: &Value) -> Option<Path> {
    fn inside(value: &Value, at: Path) -> Option<Path> {
        if value.is_wholly_known() {
            return None;
        }
        if !value.is_known() {
            return Some(at);
        }
        value.steps().into_iter().find_map(|(step, inner)| {
            let mut at = at.clone();
            at.0.push(step);
            inside(inner, at)
        })
    }
    let arguments = config.as_map()?.iter().filter(|(name, _)| !HOW.contains(&&***name));
    arguments.into_iter().find_map(|(name, value)| inside(value, Path::root().attr(name.clone())))
}

/// Runs it in check mode, and tells by host what it would do. That it cannot be checked is never an error.
pub(crate) async fn preview(call: &Call<'_>, playbook: &Playbook, binary: &str) -> Vec<String> {
    let secrets = Secrets::of(playbook);
    let hosts = host::all(playbook);
    let silent = match playbook.wait_for {
        0 => Silent::new(),
        _ => call.slot.released(host::silent(playbook, Duration::ZERO)).await,
    };
    let not_checked = |(host, place, why): &(String, String, String)| {
        format!("{host}: not checked, because SSH does not answer at {place}: {why}")
    };
    let mut notes: Vec<String> = silent.iter().map(not_checked).collect();
    if !hosts.is_empty() && silent.len() == hosts.len() {
        return notes;
    }
    let answering = hosts.iter().map(|h| &h.name).filter(|name| silent.iter().all(|(s, ..)| s != *name));
    let job = Job {
        playbook,
        file: &playbook.playbook,
        binary,
        check: true,
        diff: true,
        only: (!silent.is_empty()).then(|| answering.cloned().collect()),
        first: None,
        recorder: call.recorder,
        secrets: &secrets,
    };
    let found =
        match run(&job, playbook.timeouts.as_ref().and_then(|t| crate::resource::limit(t.update.as_deref())))
            .await
        {
            Ok(run) => run,
            Err(broken) => {
                notes.push(format!("not checked, because of this: {}", broken.error.detail));
                return notes;
            }
        };
    if found.story.failures().is_empty()
        && let Some(error) = report::verdict(&found, &playbook.playbook, &secrets)
    {
        notes.push(format!("not checked, because of this: {}", error.detail));
        return notes;
    }
    let mut by_host: BTreeMap<&str, Vec<&HostResult>> = BTreeMap::new();
    for name in found.story.stats.iter().flatten().map(|(name, _)| name) {
        by_host.entry(name).or_default();
    }
    for result in &found.story.results {
        by_host.entry(&result.host).or_default().push(result);
    }
    let failures = found.story.failures();
    for (name, results) in by_host {
        let failed = failures.iter().find(|f| f.host == name).copied();
        notes.extend(told(name, &results, failed, playbook.diff_mode, &secrets));
    }
    notes
}

/// What is said of one host.
fn told(
    name: &str,
    results: &[&HostResult],
    failed: Option<&HostResult>,
    diffs: bool,
    secrets: &Secrets,
) -> Vec<String> {
    if let Some(failed) = failed.filter(|f| f.status == Status::Unreachable) {
        let why = secrets.hide(failed.message.trim());
        return vec![format!("{name}: not checked, because Ansible cannot reach it: {why}")];
    }
    let mut out = Vec::new();
    let changes: Vec<&&HostResult> = results.iter().filter(|r| r.changed && r.status == Status::Ok).collect();
    let unchecked: Vec<&&HostResult> = results.iter().filter(|r| r.unchecked).collect();
    if changes.is_empty() {
        let far = if failed.is_some() { ", as far as it was checked" } else { "" };
        out.push(format!("{name}: would change nothing{far}"));
    } else {
        let tasks =
            changes.iter().map(|r| format!("{}{}", report::task(&r.task, secrets), extent(r, secrets)));
        out.push(format!("{name}: would change {}", report::list(tasks, ", ")));
    }
    if diffs {
        let text: String =
            changes.iter().flat_map(|r| &r.diffs).map(|d| d.text.trim_end().to_owned() + "\n").collect();
        out.extend(text.lines().map(|line| format!("    {}", secrets.hide(line))));
    }
    if !unchecked.is_empty() {
        let tasks = report::list(unchecked.iter().map(|r| report::task(&r.task, secrets)), ", ");
        out.push(format!("{name}: not checked, because these tasks cannot tell what they would do: {tasks}"));
    }
    if let Some(failed) = failed {
        let failure = report::failure(failed, secrets);
        out.push(format!(
            "{name}: not checked to the end, because in check mode it {failure} (it may need what an earlier task would \
             have done)"
        ));
    }
    out
}

/// Which files change, and by how many lines.
fn extent(result: &HostResult, secrets: &Secrets) -> String {
    let of = |diff: &crate::event::Diff| {
        let count = |sign: char, head: &str| {
            diff.text.lines().filter(|l| l.starts_with(sign) && !l.starts_with(head)).count()
        };
        let (more, fewer) = (count('+', "+++ "), count('-', "--- "));
        let name = secrets.hide(&diff.name);
        let name = name.split(" (").next().unwrap_or_default().trim();
        if more + fewer == 0 { None } else { Some(format!(" {name} +{more} -{fewer}").replace("  ", " ")) }
    };
    report::list(result.diffs.iter().filter_map(of), ",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Diff, Task};

    fn result(status: Status, name: &str, changed: bool) -> HostResult {
        HostResult {
            host: "h1".into(),
            status,
            task: Task { name: name.into(), file: "/s.yml".into(), line: 5 },
            changed,
            ignored: false,
            unchecked: false,
            message: "boom".into(),
            diffs: Vec::new(),
        }
    }

    #[test]
    fn hosts_are_told_of() {
        let check = |results: &[HostResult], failed: Option<usize>, diffs: bool, expected: &[&str]| {
            let results: Vec<&HostResult> = results.iter().collect();
            let failed = failed.map(|i| results[i]);
            assert_eq!(told("h1", &results, failed, diffs, &Secrets::default()), expected);
        };
        check(&[result(Status::Ok, "a", false)], None, false, &["h1: would change nothing"]);
        let mut change = result(Status::Ok, "motd", true);
        let text = "--- before: /etc/motd\n+++ after: /etc/motd\n@@ -1 +1,2 @@\n-a\n+b\n+c\n";
        change.diffs = vec![Diff { name: "/etc/motd".into(), text: text.into() }];
        let line = "h1: would change \"motd\" (/s.yml:5) /etc/motd +2 -1";
        check(std::slice::from_ref(&change), None, false, &[line]);
        let shown = ["--- before: /etc/motd", "+++ after: /etc/motd", "@@ -1 +1,2 @@", "-a", "+b", "+c"];
        let shown: Vec<String> = shown.iter().map(|l| format!("    {l}")).collect();
        let all: Vec<&str> = std::iter::once(line).chain(shown.iter().map(String::as_str)).collect();
        check(&[change.clone()], None, true, &all);
        let mut command = result(Status::Skipped, "make", true);
        command.unchecked = true;
        let cannot =
            "h1: not checked, because these tasks cannot tell what they would do: \"make\" (/s.yml:5)";
        check(&[change, command], None, false, &[line, cannot]);
        let failed = [result(Status::Failed, "x", false)];
        let expected = [
            "h1: would change nothing, as far as it was checked",
            "h1: not checked to the end, because in check mode it failed at task \"x\" (/s.yml:5): boom (it may need \
             what an earlier task would have done)",
        ];
        check(&failed, Some(0), false, &expected);
    }
}
