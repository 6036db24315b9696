//! Snapshots that succeed.

use crate::bench::{Bench, Facts, number, text};
use crate::server::Server;
use formwork_value::Value;
use serde_json::json as js;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const PREFIX: &str = "formwork-test/snapshots/";

/// Compares an object with what other programs say of its file.
fn compare(facts: &Facts, bench: &Bench, object: &formwork_provider::Object) {
    let path = bench.path("a.db");
    let said = facts.status(&path);
    assert_eq!(said["revision"], number(object, "revision"));
    assert_eq!(said["totalKey"], number(object, "total_keys"));
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len() as i64, number(object, "size_bytes"));
    let database = bench.folder.path().with_extension("database");
    fs::write(&database, &bytes[..bytes.len() - 32]).unwrap();
    let sum = Command::new("sha256sum").arg(&database).output().unwrap().stdout;
    fs::remove_file(&database).unwrap();
    assert_eq!(String::from_utf8(sum).unwrap().split(' ').next(), Some(text(object, "sha256")));
    let restored = bench.folder.path().with_extension("restored");
    let arguments = ["snapshot", "restore", path.to_str().unwrap(), "--data-dir", restored.to_str().unwrap()];
    facts.etcdctl("127.0.0.1:1", &arguments);
    assert!(restored.join("member/snap/db").is_file());
    fs::remove_dir_all(&restored).unwrap();
}

#[tokio::test]
async fn a_snapshot_is_what_etcdctl_would_have_saved() {
    let Some(facts) = Facts::find() else { return };
    let url = facts.get("endpoint");
    facts.etcdctl(url, &["put", &format!("{PREFIX}one"), "1"]);
    let bench = Bench::at(&["http://127.0.0.1:1", url]).await;
    let config = bench.config(js!({ "triggers": { "at": "1" } }));
    let made = bench.apply(&config, None).await.unwrap();
    compare(&facts, &bench, &made);
    assert_eq!(bench.names(), ["a.db"]);
    assert_eq!(fs::metadata(bench.path("a.db")).unwrap().permissions().mode() & 0o777, 0o600);
    let status: serde_json::Value =
        serde_json::from_str(&facts.etcdctl(url, &["endpoint", "status", "-w", "json"])).unwrap();
    let header = &status[0]["Status"]["header"];
    assert_eq!(text(&made, "member_id"), format!("{:x}", header["member_id"].as_u64().unwrap()));
    assert_eq!(text(&made, "cluster_id"), format!("{:x}", header["cluster_id"].as_u64().unwrap()));
    assert_eq!(text(&made, "etcd_version"), status[0]["Status"]["version"]);
    assert_eq!(bench.told.created.lock().unwrap().len(), 1);

    // Nothing to do; then a trigger changes.
    let read = bench.read(&made).await.unwrap();
    assert_eq!(
        (&read.value, &bench.plan(&config, Some(&read), "").await.planned),
        (&made.value, &made.value)
    );
    facts.etcdctl(url, &["put", &format!("{PREFIX}one"), "2"]);
    let config = bench.config(js!({ "triggers": { "at": "2" } }));
    let again = bench.apply(&config, Some(&read)).await.unwrap();
    compare(&facts, &bench, &again);
    assert!(number(&again, "revision") > number(&made, "revision"));
    assert_eq!(bench.names(), ["a.db"]);

    // Destroying keeps the file, unless told otherwise.
    bench.delete(&again).await.unwrap();
    assert_eq!(bench.names(), ["a.db"]);
    let config = bench.config(js!({ "triggers": { "at": "2" }, "delete_on_destroy": true }));
    let told = bench.apply(&config, Some(&again)).await.unwrap();
    assert_eq!(told.value.get("sha256"), again.value.get("sha256"), "that alone takes no new snapshot");
    bench.delete(&told).await.unwrap();
    assert_eq!(bench.names(), [""; 0]);
    facts.etcdctl(url, &["del", "--prefix", PREFIX]);
}

#[tokio::test]
async fn with_tls_and_a_client_certificate() {
    let Some(facts) = Facts::find() else { return };
    let read = |name: &str| fs::read_to_string(facts.get(name)).unwrap();
    let bench = Bench::new(js!({
        "endpoints": [facts.get("tls_endpoint")],
        "cacert_file": facts.get("ca"), "cert": read("cert"), "key_file": facts.get("key"),
    }))
    .await;
    let made = bench.apply(&bench.config(js!({})), None).await.unwrap();
    compare(&facts, &bench, &made);
}

#[tokio::test]
async fn a_large_database_and_one_whose_last_change_was_compacted_away() {
    let Some(facts) = Facts::find() else { return };
    let server = Server::start(&facts, None);
    let bench = Bench::at(&[&server.url]).await;
    let empty = bench.apply(&bench.config(js!({})), None).await.unwrap();
    assert_eq!(number(&empty, "revision"), 1);
    // One etcdctl for all: each `put` of its own would take minutes.
    let value = "v".repeat(700);
    for round in 0..30 {
        let puts: String = (0..100).map(|i| format!("put key-{round}-{i} {value}\n")).collect();
        let mut command = Command::new(facts.get("etcdctl"));
        command.env("ETCDCTL_API", "3").args(["--endpoints", &server.url, "txn"]);
        let mut child =
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), format!("\n{puts}\n\n").as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success());
    }
    let config = bench.config(js!({ "triggers": { "at": "large" } }));
    let large = bench.apply(&config, Some(&empty)).await.unwrap();
    compare(&facts, &bench, &large);
    assert!(number(&large, "total_keys") > 3000 && number(&large, "size_bytes") > 2_000_000);
    assert!(bench.told.progress.lock().unwrap().iter().any(|what| what.contains(" MiB")));

    facts.etcdctl(&server.url, &["del", "--prefix", "key-"]);
    let status: serde_json::Value =
        serde_json::from_str(&facts.etcdctl(&server.url, &["endpoint", "status", "-w", "json"])).unwrap();
    let revision = status[0]["Status"]["header"]["revision"].as_i64().unwrap();
    facts.etcdctl(&server.url, &["compact", "--physical", &revision.to_string()]);
    let config = bench.config(js!({ "triggers": { "at": "compacted" } }));
    let compacted = bench.apply(&config, Some(&large)).await.unwrap();
    assert_eq!(number(&compacted, "revision"), revision);
}

#[tokio::test]
async fn a_user_logs_in_and_others_are_refused() {
    let Some(facts) = Facts::find() else { return };
    let server = Server::start(&facts, None);
    let user = |password: &str| js!({ "endpoints": [server.url], "username": "root", "password": password });
    // Where nobody has to log in, a password does no harm.
    let bench = Bench::new(user("canary-1")).await;
    bench.apply(&bench.config(js!({})), None).await.unwrap();

    facts.etcdctl(&server.url, &["user", "add", "root:canary-1"]);
    facts.etcdctl(&server.url, &["user", "grant-role", "root", "root"]);
    facts.etcdctl(&server.url, &["user", "add", "guest:canary-2"]);
    facts.etcdctl(&server.url, &["auth", "enable"]);
    let config = |bench: &Bench| bench.config(js!({ "path": bench.path("b.db").display().to_string() }));
    assert_eq!(number(&bench.apply(&config(&bench), None).await.unwrap(), "revision"), 1);
    for (arguments, summary, what) in [
        (user("canary-3"), "etcd refuses the log-in", "\"root\""),
        (js!({ "endpoints": [server.url] }), "etcd refuses the snapshot", "has not logged in"),
        (
            js!({ "endpoints": [server.url], "username": "guest", "password": "canary-2" }),
            "etcd refuses the snapshot",
            "\"guest\"",
        ),
    ] {
        let bench = Bench::new(arguments).await;
        let refused = bench.apply(&config(&bench), None).await.unwrap_err();
        assert_eq!((refused.summary.as_str(), refused.no_effect), (summary, true), "{}", refused.detail);
        assert!(refused.detail.contains(what) && !refused.detail.contains("canary"), "{}", refused.detail);
        assert_eq!(bench.names(), [""; 0]);
    }
}

#[tokio::test]
async fn a_file_that_took_its_place_is_kept() {
    let Some(facts) = Facts::find() else { return };
    let bench = Bench::at(&[facts.get("endpoint")]).await;
    let config = bench.config(js!({}));
    let made = bench.apply(&config, None).await.unwrap();
    fs::write(bench.path("a.db"), "somebody's notes").unwrap();
    let drifted = bench.read(&made).await.unwrap();
    let new = bench.apply(&config, Some(&drifted)).await.unwrap();
    compare(&facts, &bench, &new);
    let names = bench.names();
    assert!(names.len() == 2 && names[1].starts_with("a.db.kept-"), "{names:?}");
    assert_eq!(fs::read_to_string(bench.path(&names[1])).unwrap(), "somebody's notes");
    let read = bench.read(&new).await.unwrap();
    assert_eq!(bench.plan(&config, Some(&read), "").await.planned, new.value);
    let missing = Value::null(formwork_value::Type::String);
    assert_eq!(new.value.get("endpoint"), Some(&missing));
}

#[tokio::test]
async fn a_snapshot_that_was_forgotten_there_is_kept() {
    let Some(facts) = Facts::find() else { return };
    let bench = Bench::at(&[facts.get("endpoint")]).await;
    let config = bench.config(js!({}));
    let first = bench.apply(&config, None).await.unwrap();
    let old = fs::read(bench.path("a.db")).unwrap();
    bench.delete(&first).await.unwrap();
    let second = bench.apply(&config, None).await.unwrap();
    compare(&facts, &bench, &second);
    let names = bench.names();
    assert!(names.len() == 2 && names[1].starts_with("a.db.kept-"), "{names:?}");
    assert_eq!(fs::read(bench.path(&names[1])).unwrap(), old);
}
