//! Snapshots that fail: with a clear error, without a trace, and with what was there as it was.

use crate::bench::{Bench, Facts};
use crate::server::{Authority, Server, Tamper, proxy};
use serde_json::json as js;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Takes a first snapshot from `url`, and then one from `from`, which must fail.
async fn second_fails(facts: &Facts, from: &str, timeout: u64) -> formwork_provider::CallError {
    let bench = Bench::at(&[facts.get("endpoint")]).await;
    let first = bench.apply(&bench.config(js!({})), None).await.unwrap();
    let before = fs::read(bench.path("a.db")).unwrap();
    let config = bench.config(js!({ "endpoint": from, "timeout": timeout, "triggers": { "at": "2" } }));
    let error = bench.apply(&config, Some(&first)).await.unwrap_err();
    assert_eq!(bench.names(), ["a.db"], "{}", error.detail);
    assert_eq!(fs::read(bench.path("a.db")).unwrap(), before);
    assert!(error.no_effect);
    // A new object is not made either.
    let config = bench.config(js!({ "path": bench.path("b.db").display().to_string(), "endpoint": from,
        "timeout": timeout }));
    assert_eq!(bench.apply(&config, None).await.unwrap_err().summary, error.summary);
    assert_eq!(bench.names(), ["a.db"]);
    error
}

#[tokio::test]
async fn a_stream_that_is_cut_or_stands_still() {
    let Some(facts) = Facts::find() else { return };
    for limit in [1_000, 50_000, 200_000] {
        let error = second_fails(&facts, &proxy(facts.get("endpoint"), Tamper::Cut(limit)), 60).await;
        assert_eq!(error.summary, "Snapshot was cut short", "{limit}: {}", error.detail);
    }
    let error = second_fails(&facts, &proxy(facts.get("endpoint"), Tamper::Stall(50_000)), 2).await;
    assert_eq!(error.summary, "Snapshot took too long");
    assert!(error.detail.contains("2 s (timeout)"), "{}", error.detail);
}

#[tokio::test]
async fn content_that_changes_on_the_way() {
    let Some(facts) = Facts::find() else { return };
    let key = "formwork-test/tampered";
    facts.etcdctl(facts.get("endpoint"), &["put", key, "as-it-was-written"]);
    let tamper = Tamper::Change(b"as-it-was-written", b"as-it-was-wr1tten");
    let error = second_fails(&facts, &proxy(facts.get("endpoint"), tamper), 60).await;
    assert_eq!(error.summary, "Snapshot is damaged");
    assert!(error.detail.contains("hash"), "{}", error.detail);
    facts.etcdctl(facts.get("endpoint"), &["del", key]);
}

#[tokio::test]
async fn nobody_answers() {
    let Some(facts) = Facts::find() else { return };
    let begun = Instant::now();
    let error = second_fails(&facts, "http://127.0.0.1:1", 60).await;
    assert_eq!(error.summary, "etcd cannot be reached");
    assert!(error.detail.contains("  http://127.0.0.1:1: Connection refused\n"), "{}", error.detail);
    assert!(begun.elapsed() < Duration::from_secs(10));
    // One that takes the call and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let bench = Bench::new(js!({ "endpoints": [url, "http://127.0.0.1:1"], "dial_timeout": 1 })).await;
    let error = bench.apply(&bench.config(js!({})), None).await.unwrap_err();
    assert!(error.detail.contains(&format!("  {url}: no answer within 1 s")), "{}", error.detail);
    assert!(error.detail.contains("http://127.0.0.1:1: Connection refused"), "{}", error.detail);
}

#[tokio::test]
async fn certificates_that_are_not_good() {
    let Some(facts) = Facts::find() else { return };
    let authority = Authority::new();
    authority.issue("server", 1).issue("good", 1).issue("late", -1);
    let other = Authority::new();
    other.issue("good", 1).issue("server", 1);
    let server = Server::start(&facts, Some(&authority));
    let late = Authority::new();
    late.issue("server", -1).issue("good", 1);
    let late_server = Server::start(&facts, Some(&late));
    let arguments = |server: &Server, ca: &Authority, with: Option<(&Authority, &str)>| {
        let file = |a: &Authority, name: &str| a.path(name).display().to_string();
        let mut arguments = js!({ "endpoints": [server.secure], "cacert_file": file(ca, "ca.crt") });
        if let Some((a, name)) = with {
            arguments["cert_file"] = file(a, &format!("{name}.crt")).into();
            arguments["key_file"] = file(a, &format!("{name}.key")).into();
        }
        arguments
    };
    let bench = Bench::new(arguments(&server, &authority, Some((&authority, "good")))).await;
    bench.apply(&bench.config(js!({})), None).await.unwrap();
    for (arguments, what) in [
        (arguments(&late_server, &late, Some((&late, "good"))), "the member's certificate has expired"),
        (arguments(&server, &other, Some((&authority, "good"))), "does not come from an authority in cacert"),
        (arguments(&server, &authority, Some((&other, "good"))), "does not accept our certificate"),
        (arguments(&server, &authority, None), "set cert and key"),
    ] {
        let bench = Bench::new(arguments).await;
        let error = bench.apply(&bench.config(js!({})), None).await.unwrap_err();
        assert_eq!(error.summary, "etcd cannot be reached", "{}", error.detail);
        assert!(error.detail.contains(what), "{what}: {}", error.detail);
        assert_eq!(bench.names(), [""; 0]);
    }
    let bench = Bench::new(arguments(&server, &authority, Some((&authority, "late")))).await;
    let error = bench.apply(&bench.config(js!({})), None).await.unwrap_err();
    assert_eq!(error.summary, "Certificate is not valid");
    assert!(error.detail.contains("it expired at 20"), "{}", error.detail);
    // A key that is not the certificate's.
    let mut wrong = arguments(&server, &authority, Some((&authority, "good")));
    wrong["key_file"] = other.path("good.key").display().to_string().into();
    let bench = Bench::new(wrong).await;
    let error = bench.apply(&bench.config(js!({})), None).await.unwrap_err();
    assert_eq!(error.summary, "Certificate or key cannot be used", "{}", error.detail);
}

/// A small file system in memory; it is gone after the test.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "formwork-test"]).arg(folder.path());
        let mounted = command.output().is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: a file system that can be filled needs root");
        }
        mounted.then_some(Mount(folder))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_disk_that_is_full() {
    let Some(facts) = Facts::find() else { return };
    let Some(mount) = Mount::new("64m") else { return };
    let bench = Bench::at(&[facts.get("endpoint")]).await;
    let path = mount.0.path().join("a.db");
    let config =
        |at: &str| bench.config(js!({ "path": path.display().to_string(), "triggers": { "at": at } }));
    let made = bench.apply(&config("1"), None).await.unwrap();
    let before = fs::read(&path).unwrap();
    // All but 100 KiB is taken by something else.
    let free = rustix_free(mount.0.path());
    fs::write(mount.0.path().join("filler"), vec![0_u8; free - 100 * 1024]).unwrap();
    let error = bench.apply(&config("2"), Some(&made)).await.unwrap_err();
    assert_eq!((error.summary.as_str(), error.no_effect), ("The disk is full", true), "{}", error.detail);
    assert!(error.detail.contains(&path.display().to_string()), "{}", error.detail);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(mount.0.path()).unwrap().count(), 2);
    fs::remove_file(mount.0.path().join("filler")).unwrap();
    bench.apply(&config("2"), Some(&made)).await.unwrap();
}

fn rustix_free(path: &std::path::Path) -> usize {
    let stat = rustix::fs::statvfs(path).unwrap();
    usize::try_from(stat.f_bavail * stat.f_frsize).unwrap()
}
