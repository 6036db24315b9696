//! A process that is killed while it takes a snapshot: whatever it left, the next one finds all of it.

use crate::bench::{Bench, Facts, number};
use async_trait::async_trait;
use formwork_provider::{CallError, Object, Operation, Recorder, Recovered};
use formwork_value::json;
use serde_json::json as js;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Records into a file, as the journal does, and dies there if told so.
struct Journal {
    file: PathBuf,
    stop: bool,
}

impl Journal {
    fn read(bench: &Bench, file: &std::path::Path) -> Option<Object> {
        let text = fs::read_to_string(file).ok()?;
        // The last line is whole only with its end.
        let mut parts = text.strip_suffix("\n")?.split('\n');
        let value = json::decode(parts.next()?, &bench.resource.schema().block.ty()).unwrap();
        Some(Object { value, private: parts.next()?.as_bytes().to_vec() })
    }

    fn write(file: &std::path::Path, object: &Object) {
        let private = String::from_utf8(object.private.clone()).unwrap();
        let text = format!("{}\n{private}\n", json::to_string(&object.value).unwrap());
        let mut file = File::create(file).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.sync_all().unwrap();
    }
}

#[async_trait]
impl Recorder for Journal {
    async fn created(&self, object: &Object) -> Result<(), CallError> {
        Journal::write(&self.file, object);
        if self.stop {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// What the killed process runs; by itself it does nothing.
#[tokio::test]
async fn victim() {
    let Ok(task) = std::env::var("FORMWORK_ETCD_VICTIM") else { return };
    let task: serde_json::Value = serde_json::from_str(&task).unwrap();
    let at = |name: &str| PathBuf::from(task[name].as_str().unwrap());
    let bench = Bench::at(&[task["endpoint"].as_str().unwrap()]).await;
    let config = bench.config(task["config"].clone());
    let prior = Journal::read(&bench, &at("prior"));
    let journal = Journal { file: at("journal"), stop: task["stop"] == true };
    bench.apply_with(&config, prior.as_ref(), "t0k3n", &journal).await.unwrap();
    fs::write(at("done"), "").unwrap();
    std::future::pending::<()>().await;
}

enum When {
    Recorded,
    Done,
    After(Duration),
}

struct Kill<'a> {
    facts: &'a Facts,
    bench: Bench,
    /// Where the journal is: not where the snapshot is, so that what is there can be counted.
    desk: tempfile::TempDir,
}

impl Kill<'_> {
    fn desk(&self, name: &str) -> PathBuf {
        self.desk.path().join(name)
    }

    /// Lets the other process take a snapshot, and kills it. How long it was at it.
    fn run(&self, config: &serde_json::Value, prior: Option<&Object>, when: &When) -> Duration {
        for name in ["journal", "prior", "done"] {
            let _ = fs::remove_file(self.desk(name));
        }
        if let Some(prior) = prior {
            Journal::write(&self.desk("prior"), prior);
        }
        let task = js!({ "endpoint": self.facts.get("endpoint"), "config": config, "journal": self.desk("journal"),
            "prior": self.desk("prior"), "done": self.desk("done"), "stop": matches!(when, When::Recorded) });
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "kill::victim", "--nocapture"])
            .env("FORMWORK_ETCD_VICTIM", task.to_string());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let there = |name: &str| {
            fs::read_to_string(self.desk(name)).is_ok_and(|t| name == "done" || t.ends_with('\n'))
        };
        while match when {
            When::Recorded => !there("journal"),
            When::Done => !there("done"),
            When::After(pause) => begun.elapsed() < *pause,
        } {
            assert!(begun.elapsed() < Duration::from_secs(30), "the victim does not get on");
            std::thread::sleep(Duration::from_micros(200));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        begun.elapsed()
    }
}

#[tokio::test]
async fn a_kill_at_any_time_loses_nothing_and_leaves_nothing() {
    let Some(facts) = Facts::find() else { return };
    let bench = Bench::at(&[facts.get("endpoint")]).await;
    let kill = Kill { facts: &facts, bench, desk: tempfile::tempdir().unwrap() };
    let bench = &kill.bench;
    let path = bench.path("a.db");
    let config = js!({ "path": path.display().to_string(), "triggers": { "at": "1" } });
    let wanted = bench.config(config.clone());
    let long = kill.run(&config, None, &When::Done);
    fs::remove_file(&path).unwrap();
    let pauses = (0..25).map(|i| When::After(long * i / 20));
    let (mut absent, mut found) = (0, 0);
    for when in [When::Recorded, When::Done].into_iter().chain(pauses) {
        kill.run(&config, None, &when);
        let recorded = Journal::read(bench, &kill.desk("journal"));
        let there = path.exists();
        assert!(!there || recorded.is_some(), "what is in place is known");
        let object = match bench.recover(Operation::Create, &wanted, "t0k3n", recorded).await {
            Recovered::Absent => {
                assert!(!there && !matches!(when, When::Done));
                absent += 1;
                bench.apply(&wanted, None).await.unwrap()
            }
            Recovered::Found { object, complete } => {
                assert!(there && complete && !matches!(when, When::Recorded));
                found += 1;
                object
            }
        };
        assert_eq!(bench.names(), ["a.db"]);
        assert_eq!(facts.status(&path)["revision"], number(&object, "revision"));
        let read = bench.read(&object).await.unwrap();
        assert_eq!(bench.plan(&wanted, Some(&read), "").await.planned, read.value);
        fs::remove_file(&path).unwrap();
    }
    assert!(absent > 1 && found > 1, "{absent} absent, {found} found");
}

#[tokio::test]
async fn a_kill_while_a_new_snapshot_takes_the_place_of_the_last() {
    let Some(facts) = Facts::find() else { return };
    let bench = Bench::at(&[facts.get("endpoint")]).await;
    let kill = Kill { facts: &facts, bench, desk: tempfile::tempdir().unwrap() };
    let bench = &kill.bench;
    let path = bench.path("a.db");
    let config =
        |at: usize| js!({ "path": path.display().to_string(), "triggers": { "at": at.to_string() } });
    let mut object = bench.apply(&bench.config(config(0)), None).await.unwrap();
    let long = kill.run(&config(1), Some(&object), &When::Done);
    let pauses = (0..20).map(|i| When::After(long * i / 16));
    for (i, when) in [When::Done].into_iter().chain(pauses).enumerate() {
        if i > 0 {
            kill.run(&config(i), Some(&object), &when);
        }
        assert!(facts.status(&path)["revision"].is_i64(), "there is always a whole snapshot");
        let wanted = bench.config(config(i));
        let recovered = bench.recover(Operation::Update, &wanted, "t0k3n", Some(object)).await;
        let Recovered::Found { object: left, .. } = recovered else { panic!("the file is there") };
        assert_eq!(bench.names(), ["a.db"]);
        let read = bench.read(&left).await.unwrap();
        assert_eq!(read.value, left.value);
        object = bench.apply(&bench.config(config(i)), Some(&read)).await.unwrap();
        assert_eq!(bench.names(), ["a.db"]);
    }
}
