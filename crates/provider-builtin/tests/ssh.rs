//! Provisioners on a machine that is reached by SSH: a server of the test's own, on loopback. What becomes of files there
//! was recorded from Terraform 1.11.4, run against the same server.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may")]

use formwork_provider::{Block, Provisioner, Provisioning, connection_schema};
use formwork_testkit::Sshd;
use formwork_value::{Map, Type, Value};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Given<'a> = &'a [(&'a str, Value)];

const KEY: &str = "it shows another host key than the one that the connection block names.";
const NOT_LET_IN: &str = "the user, the key or the password is not accepted there.";

fn provisioner(name: &str) -> Arc<dyn Provisioner> {
    let mut all = formwork_provider_builtin::providers().into_iter().flat_map(|p| p.provisioners());
    all.find(|p| p.name() == name).expect("the provisioner")
}

/// An object of a schema: what is not given is null.
fn object(schema: &Block, given: Given<'_>) -> Value {
    let mut attributes: Map =
        schema.attributes.iter().map(|(name, a)| (name.clone(), Value::null(a.ty.clone()))).collect();
    attributes.extend(given.iter().map(|(name, value)| ((*name).into(), value.clone())));
    Value::from(attributes)
}

fn words(words: &[&str]) -> Value {
    Value::list(Type::String, words.iter().map(|w| Value::string(*w)).collect())
}

/// How to reach the server, with more that is said or said otherwise.
fn connection(sshd: &Sshd, more: Given<'_>) -> Value {
    let mut given = vec![
        ("host", Value::string("127.0.0.1")),
        ("port", Value::from(i64::from(sshd.port()))),
        ("user", Value::string(Sshd::USER)),
        ("agent", Value::from(false)),
        ("timeout", Value::string("20s")),
        ("private_key", Value::string(sshd.read("key"))),
        ("host_key", Value::string(sshd.read("host_key.pub"))),
    ];
    given.extend(more.iter().cloned());
    object(connection_schema(), &given)
}

/// Runs one; gives what was said, and the message when it failed.
async fn run(name: &str, given: Given<'_>, connection: &Value) -> (Vec<String>, String) {
    let provisioner = provisioner(name);
    let config = object(provisioner.schema(), given);
    let said = Mutex::new(Vec::new());
    let say = |line: &str| said.lock().expect("lines").push(line.to_owned());
    let what = Provisioning { config: &config, connection: Some(connection), say: &say };
    let outcome = match provisioner.run(&what).await {
        Ok(()) => String::new(),
        Err(error) => format!("{}: {}", error.summary, error.detail),
    };
    (said.into_inner().expect("lines"), outcome)
}

async fn run_lines(lines: &[&str], connection: &Value) -> (Vec<String>, String) {
    run("remote-exec", &[("inline", words(lines))], connection).await
}

/// All that is in a folder: path, mode, and size of files.
fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a folder").map(|e| e.expect("an entry").path()) {
            let meta = fs::symlink_metadata(&entry).expect("an entry");
            let name = entry.strip_prefix(folder).expect("within").display().to_string();
            let mode = meta.permissions().mode() & 0o7777;
            match meta.is_dir() {
                true => {
                    found.push(format!("{name}/ {mode:o}"));
                    open.push(entry);
                }
                false => found.push(format!("{name} {mode:o} {}", meta.len())),
            }
        }
    }
    found.sort();
    found
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|l| (*l).to_owned()).collect()
}

#[tokio::test]
async fn scripts_run_there() {
    let Some(sshd) = Sshd::start() else { return };
    let here = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        fs::write(here.path().join(name), text).expect("a script");
        Value::string(here.path().join(name).display().to_string())
    };
    let (one, two) = (file("one", "echo one; pwd"), file("two", "#!/bin/cat\nas it is\n"));
    let check = async |given: Given<'_>, lines: &[&str], outcome: &str| {
        let (said, found) = run("remote-exec", given, &connection(&sshd, &[])).await;
        assert_eq!((&said[2..], found.as_str()), (owned(lines).as_slice(), outcome));
    };
    let home = sshd.home().display().to_string();
    // One script: what a line sets, the next one knows.
    let lines = words(&["x=1", "", "cd /", "echo $x $(pwd); echo bad >&2"]);
    check(&[("inline", lines)], &["1 /", "bad"], "").await;
    check(&[("script", one.clone())], &["one", &home], "").await;
    let both = Value::list(Type::String, vec![two, one.clone()]);
    check(&[("scripts", both)], &["#!/bin/cat", "as it is", "one", &home], "").await;
    check(
        &[("inline", words(&["echo no", "exit 3", "echo never"]))],
        &["no"],
        "remote-exec provisioner error: the script failed on the machine with exit status 3. It printed: no.",
    )
    .await;
    // As ssh ends when it has lost the connection, which it has not.
    check(
        &[("inline", words(&["exit 255"]))],
        &[],
        "remote-exec provisioner error: the script failed on the machine with exit status 255; it printed nothing.",
    )
    .await;
    // The failing one is the last.
    let failing = Value::list(Type::String, vec![file("bad", "exit 4"), one]);
    let (said, outcome) = run("remote-exec", &[("scripts", failing)], &connection(&sshd, &[])).await;
    assert!(
        said.len() == 2 && outcome.contains("/bad failed on the machine with exit status 4"),
        "{outcome}"
    );
    // Where scripts go, and that nothing of them stays.
    let path = [("script_path", Value::string(format!("{home}/my script %RAND%.sh")))];
    let (said, outcome) = run_lines(&["echo $0"], &connection(&sshd, &path)).await;
    assert_eq!(outcome, "");
    assert!(said[2].starts_with(&format!("{home}/my script ")) && !said[2].contains('%'), "{said:?}");
    assert_eq!(listing(&sshd.home()), [] as [String; 0]);
}

#[tokio::test]
async fn files_are_put_as_terraform_puts_them() {
    let Some(sshd) = Sshd::start() else { return };
    let here = tempfile::tempdir().expect("a folder");
    let at = |name: &str| here.path().join(name);
    for folder in ["foo/sub", "foo/.hid", "empty", "ring"] {
        fs::create_dir_all(at(folder)).expect("a folder");
    }
    let files = [("one", "one\n"), ("sp ace", "sp\n"), ("foo/a", "a\n"), ("foo/.hid/h", "h\n")];
    for (name, text) in files.into_iter().chain([("foo/sub/s", "s\n")]) {
        fs::write(at(name), text).expect("a file");
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o700)).expect("its mode");
    }
    fs::write(at("big"), vec![7; 3_000_000]).expect("a file");
    symlink("..", at("ring/round")).expect("a link");
    symlink("../foo/a", at("ring/a")).expect("a link");
    let home = sshd.home();
    let check = async |source: &str, to: &str, there: &[&str], outcome: &str| {
        fs::remove_dir_all(&home).expect("the home goes");
        fs::create_dir_all(home.join("dir")).expect("a folder");
        fs::write(home.join("old"), "older and longer").expect("a file");
        fs::set_permissions(home.join("old"), fs::Permissions::from_mode(0o640)).expect("its mode");
        let given = match source.strip_prefix("= ") {
            Some(text) => ("content", Value::string(text)),
            None => ("source", Value::string(format!("{}/{source}", here.path().display()))),
        };
        let given = [given, ("destination", Value::string(to))];
        let (_, found) = run("file", &given, &connection(&sshd, &[])).await;
        let mut expected = owned(there);
        expected.push("dir/ 755".to_owned());
        if !there.iter().any(|t| t.starts_with("old ")) {
            expected.push("old 640 16".to_owned());
        }
        expected.sort();
        let found = found.replace(&here.path().display().to_string(), "HERE");
        assert_eq!((listing(&home), found.as_str()), (expected, outcome), "{source} to {to}");
    };
    check("one", "new", &["new 644 4"], "").await;
    check("one", "dir/new", &["dir/new 644 4"], "").await;
    check("one", "dir/", &["dir/dir 644 4"], "").await;
    check("one", "fresh/", &["fresh 644 4"], "").await;
    check("one", "old", &["old 640 4"], "").await;
    let cannot = |why: &str| format!("Upload failed: HERE/one cannot be put to {why}.");
    check("one", "dir", &[], &cannot("dir on the machine: ./dir: Is a directory")).await;
    // Terraform makes a file "none".
    check("one", "none/x", &[], &cannot("none/x on the machine: none: No such file or directory")).await;
    check("sp ace", "it's $HOME", &["it's $HOME 644 3"], "").await;
    check("big", "big", &["big 644 3000000"], "").await;
    check("= hello", "c", &["c 644 5"], "").await;
    check("= hello", "dir/", &["dir/dir 644 5"], "").await;
    let folders = [("foo", "dir", "dir/foo", 0), ("foo/", "dir", "dir", 1), ("foo/", "dir/", "dir", 1)];
    let new = [("foo", "n", "n", 0), ("foo", "n/", "n", 0), ("foo/", "n", "n", 0)];
    for (source, to, prefix, skip) in folders.into_iter().chain(new) {
        let all = ["/ 755", "/.hid/ 755", "/.hid/h 644 2", "/a 644 2", "/sub/ 755", "/sub/s 644 2"];
        let all = all.map(|name| format!("{prefix}{name}"));
        check(source, to, &all[skip..].iter().map(String::as_str).collect::<Vec<_>>(), "").await;
    }
    check("empty", "n", &["n/ 755"], "").await;
    let why = "HERE/none cannot be read: No such file or directory (os error 2).";
    check("none", "n", &[], &format!("File cannot be read: {why}")).await;
    // Links are followed, but not in circles.
    fs::remove_file(at("ring/round")).expect("the link goes");
    check("ring/", "n", &["n/ 755", "n/a 644 2"], "").await;
    symlink(".", at("ring/round")).expect("a link");
    let why = "HERE/ring/round cannot be read: it is a link to a folder that it is in.";
    check("ring/", "n", &["n/ 755", "n/a 644 2", "n/round/ 755"], &format!("File cannot be read: {why}"))
        .await;
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let Some(sshd) = Sshd::start() else { return };
    let check = async |more: Given<'_>, expected: &str| {
        let time = if expected.is_empty() { "60s" } else { "1s" };
        let more = [more, &[("timeout", Value::string(time))]].concat();
        let (_, outcome) = run_lines(&["true"], &connection(&sshd, &more)).await;
        let found = outcome.replace(&sshd.port().to_string(), "PORT");
        let start = "Machine cannot be reached: deploy@127.0.0.1:PORT did not let us in within 1 s: ";
        assert_eq!(found.strip_prefix(start).unwrap_or(&found), expected);
    };
    let (file, text) = (|name: &str| Value::string(sshd.read(name)), |text: &str| Value::string(text));
    let no = || Value::null(Type::String);
    check(&[("host_key", file("stranger.pub"))], KEY).await;
    check(&[("private_key", file("stranger"))], NOT_LET_IN).await;
    check(&[("private_key", no())], NOT_LET_IN).await;
    let key = |why: &str| format!("Invalid connection: The value of private_key is {why}.");
    check(&[("private_key", text("no key"))], &key("no private key that OpenSSH can read")).await;
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "secret", "-f"]).arg(sshd.path("locked"));
    assert!(keygen.status().is_ok_and(|s| s.success()));
    let locked = "protected by a passphrase; give it decrypted, or let an agent hold it";
    check(&[("private_key", file("locked"))], &key(locked)).await;
    // Passwords, right and wrong.
    let password = |text: &str| [("private_key", no()), ("password", Value::string(text))];
    check(&password(Sshd::PASSWORD), "").await;
    check(&password("wrong"), NOT_LET_IN).await;
    // By way of a bastion, which is the same machine.
    let bastion = [("bastion_host", text("127.0.0.1")), ("bastion_port", i64::from(sshd.port()).into())];
    let by = |more: &[(&'static str, Value)]| [&bastion[..], more].concat();
    check(&by(&[]), "").await;
    check(&by(&[("bastion_user", text("root")), ("bastion_private_key", file("key"))]), "").await;
    let key = [("bastion_host_key", file("host_key.pub"))];
    check(&by(&[&password(Sshd::PASSWORD)[..], &key].concat()), "").await;
    check(&by(&[("bastion_host_key", file("stranger.pub"))]), KEY).await;
    check(&by(&[("bastion_private_key", file("stranger"))]), NOT_LET_IN).await;
}

#[tokio::test]
async fn a_host_key_may_be_signed() {
    let Some(sshd) = Sshd::start() else { return };
    let mut keygen = Command::new("ssh-keygen");
    keygen.arg("-q").arg("-s").arg(sshd.path("stranger")).args(["-h", "-I", "id", "-n", "127.0.0.1"]);
    assert!(keygen.arg(sshd.path("host_key.pub")).status().is_ok_and(|s| s.success()));
    let Some(signed) = Sshd::with_certificate(&sshd) else { return };
    let check = async |key: &str, fine: bool| {
        let more = [
            ("host_key", Value::string(sshd.read(key))),
            ("timeout", Value::string(if fine { "60s" } else { "1s" })),
        ];
        let (_, outcome) = run_lines(&["true"], &connection(&signed, &more)).await;
        assert_eq!(outcome.is_empty(), fine, "{key}: {outcome}");
    };
    check("stranger.pub", true).await;
    check("key.pub", false).await;
}

#[tokio::test]
async fn time_is_bounded() {
    // Somebody who takes the call and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = i64::from(silent.local_addr().expect("an address").port());
    let check = async |port: i64, timeout: &str, at_most: u64, why: &str| {
        let host = [("host", Value::string("127.0.0.1")), ("port", Value::from(port))];
        let given = [&host[..], &[("timeout", Value::string(timeout))]].concat();
        let begun = Instant::now();
        let (_, outcome) = run_lines(&["true"], &object(connection_schema(), &given)).await;
        assert!(outcome.contains(why), "{outcome}");
        assert!(begun.elapsed() < Duration::from_secs(at_most), "{:?}", begun.elapsed());
    };
    check(1, "2500ms", 15, "ssh said: ssh: connect to host 127.0.0.1 port 1: Connection refused").await;
    check(port, "1s", 15, "within 1 s: ").await;
}

#[tokio::test]
async fn a_machine_may_go_away() {
    let Some(mut sshd) = Sshd::start() else { return };
    let connection = connection(&sshd, &[]);
    let mark = sshd.home().join("begun");
    let line = format!("echo begun; touch {}; sleep 60", mark.display());
    let lines = [line.as_str()];
    let work = run_lines(&lines, &connection);
    let end = async {
        while !mark.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sshd.stop();
    };
    let begun = Instant::now();
    let ((said, outcome), ()) = tokio::join!(work, end);
    assert!(said.contains(&"begun".to_owned()), "{said:?}");
    assert!(outcome.starts_with("Connection lost: The connection to deploy@127.0.0.1:"), "{outcome}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn lines_are_bounded() {
    let Some(sshd) = Sshd::start() else { return };
    let line = "head -c 300000 /dev/zero | tr '\\0' x; echo; printf 'last\\r\\n'";
    let (said, outcome) = run_lines(&[line], &connection(&sshd, &[])).await;
    assert_eq!(outcome, "");
    let lengths: Vec<usize> = said.iter().skip(2).map(String::len).collect();
    assert_eq!(lengths, [65536, 65536, 65536, 65536, 37856, 4]);
}

#[test]
fn nothing_to_run_is_no_element() {
    let remote = provisioner("remote-exec");
    let list = Value::list(Type::String, vec![Value::string("a"), Value::null(Type::String)]);
    for name in ["inline", "scripts"] {
        let config = object(remote.schema(), &[(name, list.clone())]);
        assert_eq!(remote.validate(&config).len(), 1, "{name}");
    }
}
