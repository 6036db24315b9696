//! Real fetches: local repositories, archives, and a web server on loopback.

use base64::Engine;
use formwork_config::DiskFiles;
use formwork_modules::{Accounts, Event, Options, Tools, install};
use formwork_testkit::Sshd;
use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with a root module in `root`, and whatever the test puts beside it.
struct Place(tempfile::TempDir, Tools);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().expect("a folder"), Tools::default());
        fs::create_dir(place.path("root")).expect("a folder");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().expect("the folder").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A root module that calls one module from `source`.
    fn calls(&self, source: &str) {
        self.write("root/main.tf", &format!("module \"m\" {{\n  source = \"{source}\"\n}}\n"));
    }

    fn git(&self, dir: &str, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(self.path(dir))
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits what is in a repository, which is made if it is not there.
    fn commit(&self, dir: &str) -> String {
        if !self.path(dir).join(".git").exists() {
            self.git(dir, &["init", "-q"]);
        }
        self.git(dir, &["add", "-A"]);
        self.git(dir, &["commit", "-q", "-m", "x"]);
        self.git(dir, &["rev-parse", "HEAD"])
    }

    /// What was told and what was wrong, a line each.
    fn run(&self, update: bool) -> String {
        let told = RefCell::new(Vec::new());
        let root = self.path("root");
        let data_dir = root.join(".terraform");
        let options = Options {
            root: &root,
            data_dir: &data_dir,
            update,
            tools: self.1.clone(),
            accounts: &Accounts::default(),
            report: &|event| {
                told.borrow_mut().push(match event {
                    Event::Local { module, .. } => format!("{module} local"),
                    Event::Kept { module, .. } => format!("{module} kept"),
                    Event::Fetching { .. } => return,
                    Event::Fetched { module, .. } => format!("{module} fetched"),
                });
            },
        };
        let done = install(&DiskFiles, &options);
        let mut lines = told.into_inner();
        lines.extend(
            done.diagnostics.iter().map(|d| format!("{d} {}", d.help.as_deref().unwrap_or_default())),
        );
        lines.join("\n")
    }
}

const MODULE: &str = "output \"x\" { value = 1 }\n";

fn tar_gz(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if let Some(target) = content.strip_prefix("-> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            header.set_link_name(target).expect("a target");
        }
        // The library refuses names that lead out; somebody hostile does not use it.
        header.as_gnu_mut().expect("a GNU header").name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        let body: &[u8] = if content.starts_with("-> ") { b"" } else { content.as_bytes() };
        tar.append(&header, body).expect("an entry");
    }
    tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("an archive")
}

/// A zip archive; what has a long content is deflated.
fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let (content, mode) = match content.strip_prefix("-> ") {
            Some(target) => (target, 0o120_777_u32),
            None => (*content, 0o100_644),
        };
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content.as_bytes()).expect("content");
        let deflated = encoder.finish().expect("content");
        let (method, packed) = if content.len() > 20 { (8u16, &*deflated) } else { (0, content.as_bytes()) };
        let mut common = Vec::new();
        common.extend([20u16, 0, method, 0, 0].iter().flat_map(|n| n.to_le_bytes()));
        let sizes = [crc32fast::hash(content.as_bytes()), packed.len() as u32, content.len() as u32];
        common.extend(sizes.iter().flat_map(|n| n.to_le_bytes()));
        common.extend([name.len() as u16, 0].iter().flat_map(|n| n.to_le_bytes()));
        let at = out.len() as u32;
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(packed);
        list.extend_from_slice(b"PK\x01\x02\x14\x03");
        list.extend_from_slice(&common);
        list.extend([0u16, 0, 0].iter().flat_map(|n| n.to_le_bytes()));
        list.extend([mode << 16, at].iter().flat_map(|n| n.to_le_bytes()));
        list.extend_from_slice(name.as_bytes());
    }
    let at = out.len() as u32;
    out.extend_from_slice(&list);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend([entries.len() as u16; 2].iter().flat_map(|n| n.to_le_bytes()));
    out.extend([list.len() as u32, at].iter().flat_map(|n| n.to_le_bytes()));
    out.extend_from_slice(&[0, 0]);
    out
}

#[test]
fn repositories_are_locked_to_commits() {
    let place = Place::new();
    place.write("repo/sub/main.tf", MODULE);
    place.write("repo/sub/deep/main.tf", MODULE);
    let first = place.commit("repo");
    let url = format!("git::file://{}", place.path("repo").display());
    place.calls(&format!("{url}//sub"));
    assert_eq!(place.run(false), "m fetched");
    assert_eq!(place.run(false), "m kept");
    assert!(place.read("root/.formwork.lock.hcl").contains(&first));
    let list = place.read("root/.terraform/modules/modules.json");
    assert!(list.contains(&format!("\"Source\":\"{url}//sub\"")), "{list}");
    assert!(!place.path("root/.terraform/modules/m/.git").exists());

    // A folder may be named by what it is like.
    place.calls(&format!("{url}//su*/deep"));
    assert_eq!(place.run(false), "m fetched");
    assert_eq!(place.run(false), "m kept");
    let list = place.read("root/.terraform/modules/modules.json");
    assert!(list.contains("modules/m/sub/deep"), "{list}");
    place.calls(&format!("{url}//no*"));
    assert!(place.run(false).contains("no folder for \"no*\""));
    place.calls(&format!("{url}//sub"));
    assert_eq!(place.run(false), "m fetched");

    // The branch goes on; a new checkout still gets what the lock names, and is told.
    place.write("repo/sub/main.tf", "output \"x\" { value = 2 }\n");
    let second = place.commit("repo");
    fs::remove_dir_all(place.path("root/.terraform")).unwrap();
    let told = place.run(false);
    assert!(told.starts_with("m fetched\nModule has a newer commit") && told.contains(&second), "{told}");
    assert_eq!(place.read("root/.terraform/modules/m/sub/main.tf"), MODULE);
    assert_eq!(place.run(true), "m fetched");
    assert!(place.read("root/.formwork.lock.hcl").contains(&second));
    assert!(place.read("root/.terraform/modules/m/sub/main.tf").contains("= 2"));

    // Somebody else's lock: what is here does not fit it.
    let lock = place.read("root/.formwork.lock.hcl");
    place.write("root/.terraform/modules/m/sub/main.tf", "output \"x\" { value = 3 }\n");
    assert_eq!(place.run(false), "m fetched");
    assert_eq!(place.read("root/.formwork.lock.hcl"), lock);

    // A tag, a commit, a branch with a slash, and what is not there.
    place.git("repo", &["tag", "v1", &first]);
    place.git("repo", &["branch", "a/b", &first]);
    for (reference, expected) in
        [("v1", &first), (&*first, &first), (&first[..8], &first), ("a/b", &first), ("main", &second)]
    {
        place.calls(&format!("{url}//sub?ref={reference}"));
        assert_eq!(place.run(false), "m fetched", "{reference}");
        assert!(place.read("root/.formwork.lock.hcl").contains(expected), "{reference}");
    }
    place.calls(&format!("{url}//sub?ref=v9"));
    assert!(place.run(false).contains("Is there such a branch, tag or commit?"));
    place.calls(&format!("{url}//sbu"));
    assert!(place.run(false).ends_with("Did you mean \"sub\"?"));
}

#[test]
fn repositories_are_reached_by_ssh() {
    let Some(sshd) = Sshd::start() else { return };
    let mut place = Place::new();
    let known = format!("[127.0.0.1]:{} {}", sshd.port(), sshd.read("host_key.pub"));
    place.write("known_hosts", &known);
    place.write("strangers", &known.replace("127.0.0.1", "127.0.0.2"));
    let ssh = |hosts: &str| {
        let hosts = place.path(hosts).display().to_string();
        Some(format!(
            "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={hosts}"
        ))
    };
    let (knows, knows_not) = (ssh("known_hosts"), ssh("strangers"));
    place.1.ssh = knows;
    // A submodule beside the repository, and in that one more.
    place.write("below/c.tf", "");
    place.commit("below");
    for (dir, below) in [("lib", "../below"), ("repo", "../lib")] {
        place.write(&format!("{dir}/main.tf"), MODULE);
        place.commit(dir);
        let url = place.path(below.trim_start_matches("../")).display().to_string();
        place.git(dir, &["-c", "protocol.file.allow=always", "submodule", "-q", "add", &url, "sub"]);
        place.git(dir, &["config", "-f", ".gitmodules", "submodule.sub.url", below]);
        place.commit(dir);
    }
    // What the commit names is not the newest any more.
    place.write("below/c.tf", "locals {}");
    place.commit("below");
    let url = format!("git::ssh://{}@127.0.0.1:{}{}", Sshd::USER, sshd.port(), place.path("repo").display());
    let key = |name: &str| base64::engine::general_purpose::STANDARD.encode(sshd.read(name));
    place.calls(&format!("{url}?sshkey={}&depth=1&ref=main", key("key")));
    assert_eq!(place.run(false), "m fetched");
    assert!(place.path("root/.terraform/modules/m/sub/sub/c.tf").exists());
    assert_eq!(place.read("root/.terraform/modules/m/sub/sub/c.tf"), "");
    for path in [".git", "sub/.git", "sub/sub/.git"] {
        assert!(!place.path("root/.terraform/modules/m").join(path).exists(), "{path}");
    }
    let secret = key("key");
    for file in [".formwork.lock.hcl", ".terraform/modules/modules.json"] {
        let text = place.read(&format!("root/{file}"));
        assert_eq!(text.contains(&secret), file.ends_with("json"), "{file}: {text}");
    }
    // Whom the server does not know, and what is no key.
    let check = |place: &Place, key: &str, expected: &str| {
        place.calls(&format!("{url}?sshkey={key}"));
        let told = place.run(true);
        assert!(told.contains(expected) && !told.contains(key), "{told}");
    };
    check(&place, &key("stranger"), "Set up a key for SSH");
    check(&place, "bm8ga2V5", "Set up a key for SSH");
    check(&place, "***", "is not a private key in Base64");
    place.1.ssh = knows_not;
    check(&place, &secret, "The server is not among those whose keys you know");
}

#[test]
fn local_modules_need_nothing() {
    let place = Place::new();
    place.calls("./n");
    place.write("root/n/main.tf", MODULE);
    assert_eq!(place.run(false), "m local");
    assert!(!place.path("root/.terraform").exists() && !place.path("root/.formwork.lock.hcl").exists());
    // A list that Terraform has made stays one that it can use.
    place.write("root/.terraform/modules/modules.json", "{}");
    assert_eq!(place.run(false), "m local");
    assert!(place.read("root/.terraform/modules/modules.json").contains("\"Key\":\"m\""));
}

#[test]
fn modules_in_repositories_stay_in_them() {
    let place = Place::new();
    place.write("repo/a/main.tf", "module \"n\" {\n  source = \"../b\"\n}\n");
    place.write("repo/b/main.tf", "module \"o\" {\n  source = \"../../../x\"\n}\n");
    place.write("root/x/main.tf", MODULE);
    place.commit("repo");
    place.calls(&format!("git::file://{}//a", place.path("repo").display()));
    let told = place.run(false);
    assert!(told.starts_with("m fetched\nm.n local\nModule source leads out of its package"), "{told}");

    std::os::unix::fs::symlink("/etc", place.path("repo/a/link")).unwrap();
    place.write("repo/b/main.tf", MODULE);
    place.commit("repo");
    assert!(place.run(true).contains("The symbolic link a/link leads out"));
}

#[test]
fn archives_are_unpacked_and_checked() {
    let place = Place::new();
    let entries =
        [("top/m/main.tf", MODULE), ("top/m/link.tf", "-> other/a.tf"), ("top/m/other/a.tf", "locals {}\n")];
    let archives = [("a.zip", zip(&entries)), ("a.tar.gz", tar_gz(&entries)), ("b", tar_gz(&entries))];
    for (name, bytes) in &archives {
        fs::write(place.path(name), bytes).unwrap();
        let query = if *name == "b" { "?archive=tgz" } else { "" };
        place.calls(&format!("{}//top/m{query}", place.path(name).display()));
        assert_eq!(place.run(false), "m fetched", "{name}");
        assert_eq!(place.read("root/.terraform/modules/m/top/m/link.tf"), "locals {}\n", "{name}");
    }
    // The same address with other content is told, and taken when that is asked for.
    fs::write(place.path("b"), tar_gz(&[("top/m/main.tf", "locals {}\n")])).unwrap();
    fs::remove_dir_all(place.path("root/.terraform")).unwrap();
    assert!(place.run(false).contains("is not what it was"));
    assert_eq!(place.run(true), "m fetched");

    let zip = place.path("a.zip");
    place.calls(&format!("{}?checksum=sha256:{}", zip.display(), "0".repeat(64)));
    assert!(place.run(false).contains("What was fetched has the sha256 digest"));
    place.write("c.zip", "not a zip");
    place.calls(&place.path("c.zip").display().to_string());
    assert!(place.run(false).contains("The archive cannot be read"));
}

#[test]
fn nothing_is_written_outside() {
    let place = Place::new();
    let hostile: [&[(&str, &str)]; 5] = [
        &[("../evil", "x")],
        &[("a/../../evil", "x")],
        &[("/formwork-evil", "x")],
        &[("l", "-> .."), ("l/evil", "x")],
        &[("l", "-> /etc/passwd")],
    ];
    for entries in hostile {
        for (name, bytes) in [("h.tar.gz", tar_gz(entries)), ("h.zip", zip(entries))] {
            fs::write(place.path(name), bytes).unwrap();
            place.calls(&place.path(name).display().to_string());
            let told = place.run(false);
            assert!(told.contains("Module cannot be fetched"), "{name} {entries:?}: {told}");
        }
    }
    let evil = |dir: &Path| {
        fs::read_dir(dir).unwrap().any(|e| e.unwrap().file_name().to_string_lossy().contains("evil"))
    };
    for dir in ["", "root", "root/.terraform", "root/.terraform/modules"] {
        assert!(!evil(&place.path(dir)), "{dir}");
    }
    assert!(!Path::new("/formwork-evil").exists());
}

/// Answers requests for `path` with what `routes` has; gives the port.
fn serve(routes: Vec<(&'static str, &'static str, Vec<u8>)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
            let request = lines.next().and_then(Result::ok).unwrap_or_default();
            let authorised = lines
                .map_while(Result::ok)
                .take_while(|l| !l.is_empty())
                .any(|l| l.to_lowercase().starts_with("authorization: basic "));
            let path = request.split(' ').nth(1).unwrap_or_default();
            let wanted = if authorised { format!("auth:{path}") } else { path.to_owned() };
            let found = routes.iter().find(|(route, ..)| *route == wanted);
            let (head, body): (&str, &[u8]) =
                found.map_or(("404 Not Found\r\n", b""), |(_, head, body)| (head, body));
            let head = head.replace("PORT", &port.to_string());
            let _ =
                write!(stream, "HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(body);
        }
    });
    port
}

#[test]
fn web_servers_are_asked() {
    let archive = zip(&[("main.tf", MODULE)]);
    let port = serve(vec![
        ("/a.zip", "200 OK\r\n", archive.clone()),
        ("/moved.zip", "302 Found\r\nLocation: /a.zip\r\n", Vec::new()),
        ("/vanity?terraform-get=1", "204 No Content\r\nX-Terraform-Get: /a.zip\r\n", Vec::new()),
        (
            "/page?terraform-get=1",
            "200 OK\r\n",
            b"<meta name=\"terraform-get\" content=\"./a.zip\">".to_vec(),
        ),
        ("/evil?terraform-get=1", "200 OK\r\nX-Terraform-Get: file:///etc\r\n", Vec::new()),
        ("/loop?terraform-get=1", "200 OK\r\nX-Terraform-Get: /loop\r\n", Vec::new()),
        ("auth:/secret.zip?token=t0ken", "200 OK\r\n", archive),
    ]);
    let place = Place::new();
    let check = |rest: &str, expected: &str| {
        place.calls(&format!("http://{rest}").replace("HOST", &format!("127.0.0.1:{port}")));
        let told = place.run(false);
        assert!(told.contains(expected), "{rest}: {told}");
        assert!(!told.contains("pass") && !told.contains("t0ken"), "{rest}: {told}");
    };
    check("HOST/a.zip", "m fetched");
    let list = place.read("root/.terraform/modules/modules.json");
    assert!(list.contains(".terraform/modules/m\""), "{list}");
    check("HOST/moved.zip", "m fetched");
    check("HOST/vanity", "m fetched");
    check("HOST/page", "m fetched");
    check("HOST/evil", "an address that modules are not fetched from");
    check("HOST/loop", "without end");
    check("HOST/none.zip", "404 Not Found");
    check("u:pass@HOST/secret.zip?token=t0ken", "m fetched");
    check("u:pass@HOST/none.zip?token=t0ken", "404 Not Found");
    assert!(!place.read("root/.formwork.lock.hcl").contains("pass"));
    place.calls("http://127.0.0.1:1/a.zip");
    assert!(place.run(false).contains("cannot be fetched"));
}

#[test]
fn what_killed_runs_left_is_removed() {
    let place = Place::new();
    place.write("repo/main.tf", MODULE);
    place.commit("repo");
    place.write("root/.terraform/modules/.fetch-dead/package/main.tf", MODULE);
    let lock = fs::File::create(place.path("root/.terraform/modules/.fetch.lock")).unwrap();
    // Somebody else is fetching: the folder may be theirs.
    lock.lock_shared().unwrap();
    place.calls(&format!("git::file://{}", place.path("repo").display()));
    assert_eq!(place.run(true), "m fetched");
    assert!(place.path("root/.terraform/modules/.fetch-dead").exists());
    lock.unlock().unwrap();
    assert_eq!(place.run(true), "m fetched");
    assert!(!place.path("root/.terraform/modules/.fetch-dead").exists());
}
