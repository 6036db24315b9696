//! What is said of a run.

use crate::drive::Run;
use crate::event::{HostResult, Status, Task};
use crate::playbook::Counts;
use crate::secrets::Secrets;
use formwork_provider::CallError;
use std::collections::BTreeMap;

/// How many hosts, tasks or lines are named before the rest is only counted.
const MANY: usize = 20;

/// A file's name as short as it can be said from here.
fn short(file: &str) -> String {
    let here = std::env::current_dir().ok().and_then(|d| d.canonicalize().ok());
    let found =
        here.and_then(|here| std::path::Path::new(file).strip_prefix(here).ok().map(|p| p.to_owned()));
    found.map_or_else(|| file.to_owned(), |p| p.display().to_string())
}

/// A task and where it is written.
pub(crate) fn task(task: &Task, secrets: &Secrets) -> String {
    let name = secrets.hide(&task.name);
    match (task.file.as_str(), task.line) {
        ("", _) => format!("\"{name}\""),
        (file, 0) => format!("\"{name}\" ({})", short(file)),
        (file, line) => format!("\"{name}\" ({}:{line})", short(file)),
    }
}

/// A failure in one sentence.
pub(crate) fn failure(result: &HostResult, secrets: &Secrets) -> String {
    let what = if result.status == Status::Unreachable { "unreachable at" } else { "failed at" };
    let message = indented(&secrets.hide(result.message.trim_end()));
    format!("{what} task {}: {message}", task(&result.task, secrets))
}

fn indented(text: &str) -> String {
    text.trim().replace('\n', "\n    ")
}

/// Items, the first of them said and the rest counted.
pub(crate) fn list(items: impl IntoIterator<Item = String>, separator: &str) -> String {
    let items: Vec<String> = items.into_iter().collect();
    let more = items.len().saturating_sub(MANY);
    let mut out = items.into_iter().take(MANY).collect::<Vec<_>>().join(separator);
    if more > 0 {
        out.push_str(&format!("{separator}and {more} more"));
    }
    out
}

/// Why a run was no success, if it was not.
pub(crate) fn verdict(run: &Run, file: &str, secrets: &Secrets) -> Option<CallError> {
    let failures = run.story.failures();
    if run.status.success() && failures.is_empty() && !run.story.touched_nobody() && run.story.stats.is_some()
    {
        return None;
    }
    if !failures.is_empty() {
        let lines = failures.iter().map(|f| format!("  {} {}", f.host, failure(f, secrets)));
        let lines = list(lines, "\n");
        let unreachable = failures.iter().all(|f| f.status == Status::Unreachable);
        let summary = if unreachable { "Host unreachable" } else { "Playbook failed" };
        let detail = format!(
            "{file} did not come to its end on every host:\n\n{lines}\n\nWhat it had done before stays done; the next \
             apply runs it again from its start."
        );
        return Some(CallError::new(summary, detail));
    }
    if run.story.touched_nobody() {
        let plays = list(run.story.unmatched.iter().map(|p| format!("\"{}\"", secrets.hide(p))), ", ");
        let detail = format!(
            "None of the hosts belongs to any play of {file} ({plays}). Compare the plays' `hosts:` with the names and \
             groups of the hosts here, and with limit."
        );
        return Some(CallError::new("Playbook ran on no host", detail));
    }
    let how = match run.status.code() {
        Some(code) => format!("exit code {code}"),
        None => "a signal".to_owned(),
    };
    let said = complaints(run, secrets);
    let task = run.story.task.as_ref().filter(|_| run.story.stats.is_none());
    let at = task.map(|t| format!(" during task {}", self::task(t, secrets))).unwrap_or_default();
    let detail = match said.as_str() {
        "" => format!("Ansible ended with {how}{at} while it ran {file}, and said nothing about it."),
        said => {
            format!("Ansible ended with {how}{at} while it ran {file}, and said:\n\n    {}", indented(said))
        }
    };
    Some(CallError::new("Playbook could not be run", detail))
}

/// The end of what Ansible complained about.
pub(crate) fn complaints(run: &Run, secrets: &Secrets) -> String {
    let text = if run.stderr.trim().is_empty() { &run.stdout } else { &run.stderr };
    let lines: Vec<&str> = text.trim().lines().collect();
    secrets.hide(&lines[lines.len().saturating_sub(MANY)..].join("\n"))
}

/// What a run did, task by task.
pub(crate) fn narrative(run: &Run, secrets: &Secrets) -> String {
    let mut out = String::new();
    for result in &run.story.results {
        let line = match (result.status, result.changed) {
            (Status::Failed, _) if result.ignored => {
                format!("failed (ignored): {}", task(&result.task, secrets))
            }
            (Status::Failed | Status::Unreachable, _) => failure(result, secrets),
            (Status::Ok, true) => format!("changed: {}", task(&result.task, secrets)),
            (Status::Ok, false) => format!("ok: {}", task(&result.task, secrets)),
            (Status::Skipped, _) => continue,
        };
        out.push_str(&format!("{}: {line}\n", result.host));
    }
    for (host, t) in run.story.stats.iter().flatten() {
        out.push_str(&format!(
            "{host}: {} ok, {} changed, {} failed, {} unreachable, {} skipped\n",
            t.ok, t.changed, t.failures, t.unreachable, t.skipped
        ));
    }
    out
}

/// The counts by host.
pub(crate) fn counts(run: &Run) -> BTreeMap<String, Counts> {
    let stats = run.story.stats.iter().flatten();
    stats
        .map(|(host, t)| {
            let counts = Counts {
                ok: t.ok,
                changed: t.changed,
                failed: t.failures,
                unreachable: t.unreachable,
                skipped: t.skipped,
                rescued: t.rescued,
                ignored: t.ignored,
            };
            (host.clone(), counts)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Story;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn run(lines: &[&str], code: i32, stderr: &str) -> Run {
        let mut story = Story::default();
        for line in lines {
            story.add(Story::parse(line).unwrap());
        }
        let status = ExitStatus::from_raw(code << 8);
        Run { story, status, stdout: String::new(), stderr: stderr.into(), began: true }
    }

    #[test]
    fn verdicts_name_host_task_and_place() {
        let check = |lines: &[&str], code: i32, stderr: &str, expected: &[&str]| {
            let error = verdict(&run(lines, code, stderr), "site.yml", &Secrets::default());
            let Some(error) = error else { return assert!(expected.is_empty()) };
            assert_eq!(error.summary, expected[0]);
            for part in &expected[1..] {
                assert!(error.detail.contains(part), "{part:?} in {:?}", error.detail);
            }
        };
        let failed = r#"{"event":"host","host":"h1","status":"failed","task":{"name":"Install","file":"/r/main.yml","line":12},
            "changed":false,"ignored":false,"unchecked":false,"message":"No package\nat all","diffs":[]}"#;
        let stats = |failures: u64| {
            format!(
                r#"{{"event":"stats","hosts":{{"h1":{{"ok":1,"changed":0,"failures":{failures},"unreachable":0,"skipped":0,"rescued":0,"ignored":0}}}}}}"#
            )
        };
        check(&[&stats(0)], 0, "", &[]);
        check(
            &[failed, &stats(1)],
            2,
            "",
            &["Playbook failed", "h1 failed at task \"Install\" (/r/main.yml:12): No package\n    at all"],
        );
        check(&[&failed.replace("failed", "unreachable")], 4, "", &["Host unreachable"]);
        let nobody = [
            r#"{"event":"play","name":"web"}"#,
            r#"{"event":"no_hosts"}"#,
            r#"{"event":"stats","hosts":{}}"#,
        ];
        check(&nobody, 0, "", &["Playbook ran on no host", "\"web\""]);
        check(
            &[],
            4,
            "ERROR! no such file",
            &["Playbook could not be run", "exit code 4", "ERROR! no such file"],
        );
        let begun = r#"{"event":"task","task":{"name":"Wait","file":"/a.yml","line":2}}"#;
        check(&[begun], 9, "", &["Playbook could not be run", "during task \"Wait\" (/a.yml:2)"]);
    }

    #[test]
    fn long_lists_are_cut() {
        let items = (0..25).map(|i| i.to_string());
        assert!(list(items, ", ").ends_with("19, and 5 more"));
    }
}
