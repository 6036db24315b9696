//! What the callback plugin tells.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A task and where it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Task {
    pub name: String,
    /// Absolute.
    pub file: String,
    /// From 1; 0 when not known.
    pub line: u64,
}

/// How a task went on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Ok,
    Failed,
    Unreachable,
    Skipped,
}

/// What a task changes in one file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Diff {
    /// The file's name on the host, if the module tells.
    pub name: String,
    /// A unified diff.
    pub text: String,
}

/// The result of one task on one host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct HostResult {
    pub host: String,
    pub status: Status,
    pub task: Task,
    pub changed: bool,
    /// It failed, and the playbook says that this does not matter.
    pub ignored: bool,
    /// In check mode: the module cannot say what it would do.
    pub unchecked: bool,
    /// Why it failed.
    pub message: String,
    pub diffs: Vec<Diff>,
}

/// How often what happened on one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Tally {
    pub ok: u64,
    pub changed: u64,
    pub failures: u64,
    pub unreachable: u64,
    pub skipped: u64,
    pub rescued: u64,
    pub ignored: u64,
}

/// One line of the plugin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The plugin is loaded, and waits for leave to go on.
    Hello,
    /// The playbook begins.
    Start,
    /// A play begins.
    Play { name: String },
    /// The play's pattern matches none of the hosts.
    NoHosts,
    /// A task begins.
    Task { task: Task },
    /// A task has ended on a host.
    Host(HostResult),
    /// The end.
    Stats { hosts: BTreeMap<String, Tally> },
}

/// Everything that a run told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    /// Results in the order in which they came, skipped ones left out unless they could not be checked.
    pub results: Vec<HostResult>,
    /// Plays that no host belongs to.
    pub unmatched: Vec<String>,
    /// The task that was begun last.
    pub task: Option<Task>,
    /// The counts by host; `None` when the run did not come to its end.
    pub stats: Option<BTreeMap<String, Tally>>,
    play: String,
}

impl Story {
    /// Reads one line; a line that is not an event is an error.
    pub fn parse(line: &str) -> Result<Event, String> {
        serde_json::from_str(line).map_err(|e| e.to_string())
    }

    /// Takes an event in.
    pub fn add(&mut self, event: Event) {
        match event {
            Event::Hello | Event::Start => {}
            Event::Play { name } => self.play = name,
            Event::NoHosts => self.unmatched.push(self.play.clone()),
            Event::Task { task } => self.task = Some(task),
            Event::Host(result) => {
                if result.status != Status::Skipped || result.unchecked {
                    self.results.push(result);
                }
            }
            Event::Stats { hosts } => self.stats = Some(hosts),
        }
    }

    /// The results that made hosts fail. One that a `rescue` section caught is not among them.
    pub fn failures(&self) -> Vec<&HostResult> {
        let failed = |r: &&HostResult| {
            matches!(r.status, Status::Failed | Status::Unreachable)
                && !r.ignored
                && self
                    .stats
                    .as_ref()
                    .and_then(|s| s.get(&r.host))
                    .is_none_or(|t| t.failures > 0 || t.unreachable > 0)
        };
        let mut last: BTreeMap<&str, &HostResult> = BTreeMap::new();
        for result in self.results.iter().filter(failed) {
            last.insert(&result.host, result);
        }
        last.into_values().collect()
    }

    /// Whether no play had a host to run on.
    pub fn touched_nobody(&self) -> bool {
        self.stats.as_ref().is_some_and(BTreeMap::is_empty) && !self.unmatched.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(lines: &[&str]) -> Story {
        let mut story = Story::default();
        for line in lines {
            story.add(Story::parse(line).expect(line));
        }
        story
    }

    fn host(host: &str, status: &str, more: &str) -> String {
        format!(
            r#"{{"event":"host","host":"{host}","status":"{status}","task":{{"name":"t","file":"/a.yml","line":3}},
            "changed":false,"ignored":{},"unchecked":false,"message":"m","diffs":[]}}"#,
            more == "ignored"
        )
        .replace('\n', "")
    }

    #[test]
    fn failures_are_those_that_count() {
        let check = |lines: &[&str], expected: &[&str]| {
            let story = story(lines);
            let found: Vec<_> = story.failures().iter().map(|r| r.host.as_str()).collect();
            assert_eq!(found, expected);
        };
        let stats = |host: &str, failures: u64| {
            format!(
                r#"{{"event":"stats","hosts":{{"{host}":{{"ok":1,"changed":0,"failures":{failures},"unreachable":0,"skipped":0,"rescued":0,"ignored":0}}}}}}"#
            )
        };
        check(&[&host("a", "failed", ""), &stats("a", 1)], &["a"]);
        check(&[&host("a", "failed", "ignored"), &stats("a", 0)], &[]);
        check(&[&host("a", "failed", ""), &stats("a", 0)], &[]); // rescued
        check(&[&host("a", "unreachable", ""), &host("b", "failed", "")], &["a", "b"]); // cut short
        check(&[&host("a", "ok", "")], &[]);
    }

    #[test]
    fn a_pattern_that_matches_nobody_is_noticed() {
        let lines = [
            r#"{"event":"start"}"#,
            r#"{"event":"play","name":"web"}"#,
            r#"{"event":"no_hosts"}"#,
            r#"{"event":"stats","hosts":{}}"#,
        ];
        let story = story(&lines);
        assert!(story.touched_nobody());
        assert_eq!(story.unmatched, ["web"]);
        assert!(Story::parse("PLAY [web]").is_err());
        assert!(Story::parse(r#"{"event":"lunch"}"#).is_err());
    }
}
