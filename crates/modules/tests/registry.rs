//! A registry of modules on loopback, over TLS, with a certificate that only this test trusts.

#![allow(clippy::disallowed_methods, reason = "a test is at the edge")]

use formwork_config::DiskFiles;
use formwork_modules::{Accounts, Event, Options, Tools, install};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/registry");
const TOKEN: &str = "t0ken-of-the-test";

/// An answer: the path, the status with headers, and the body; what is in `private/` wants the token.
type Route = (&'static str, &'static str, Vec<u8>);

/// Serves over TLS; gives the port.
fn serve(routes: Vec<Route>) -> u16 {
    let certificate = CertificateDer::from_pem_file(format!("{HERE}/cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{HERE}/key.pem")).unwrap();
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            let mut stream =
                BufReader::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream));
            let mut lines = stream.by_ref().lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            let known = lines
                .take_while(|l| !l.is_empty())
                .any(|l| l.eq_ignore_ascii_case(&format!("authorization: Bearer {TOKEN}")));
            let path = request.split(' ').nth(1).unwrap_or_default();
            let route = routes.iter().find(|(route, ..)| *route == path);
            let (head, body): (&str, &[u8]) = match route {
                Some(_) if path.contains("/private/") && !known => ("401 Unauthorized\r\n", b""),
                Some((_, head, body)) => (head, body),
                None => ("404 Not Found\r\n", b""),
            };
            let head = format!("HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let stream = stream.get_mut();
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    port
}

fn archive(name: &str, content: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    tar.into_inner().and_then(flate2::write::GzEncoder::finish).unwrap()
}

fn versions(all: &[&str]) -> Vec<u8> {
    let all: Vec<_> = all.iter().map(|v| serde_json::json!({ "version": v })).collect();
    serde_json::json!({ "modules": [{ "versions": all }] }).to_string().into_bytes()
}

struct Place(tempfile::TempDir);

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What is told of a root module that calls one module as `m`.
    fn run(&self, call: &str, update: bool, accounts: &Accounts) -> String {
        fs::write(self.path("main.tf"), format!("module \"m\" {{\n  {call}\n}}\n")).unwrap();
        let told = RefCell::new(Vec::new());
        let root = self.path("");
        let data_dir = root.join(".terraform");
        let report = |event: Event<'_>| match event {
            Event::Fetching { source, version, .. } => {
                let source = source.split_once('/').map_or("", |(_, path)| path);
                told.borrow_mut().push(format!("{source} {}", version.unwrap_or("-")));
            }
            Event::Kept { .. } => told.borrow_mut().push("kept".into()),
            _ => {}
        };
        let (tools, report) = (Tools::default(), &report);
        let options = Options { root: &root, data_dir: &data_dir, update, tools, accounts, report };
        let loaded = install(&DiskFiles, &options);
        let mut lines = told.borrow().clone();
        for d in &loaded.diagnostics {
            let at = d.span.map(|s| loaded.sources.text(s));
            lines.push(format!(
                "{d} [{}] {}",
                at.unwrap_or("nowhere"),
                d.help.as_deref().unwrap_or_default()
            ));
        }
        lines.join("\n")
    }
}

/// The program of this test runs itself again, with the variable by which people trust a certificate of their own.
fn trusting(test: &str) -> bool {
    if std::env::var_os("SSL_CERT_FILE").is_some_and(|f| Path::new(&f).starts_with(HERE)) {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("SSL_CERT_FILE", format!("{HERE}/cert.pem"))
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    false
}

#[test]
fn modules_of_registries() {
    if !trusting("modules_of_registries") {
        return;
    }
    let moved = "204 No Content\r\nX-Terraform-Get: ";
    let ok = "200 OK\r\n";
    let at = |place: &str| -> &'static str { format!("{moved}{place}\r\n").leak() };
    let port = serve(vec![
        ("/.well-known/terraform.json", ok, br#"{"modules.v1":"/api/"}"#.to_vec()),
        ("/api/ns/net/p/versions", ok, versions(&["1.0.0", "1.10.0", "1.9.3", "2.0.0-beta.1", "junk"])),
        ("/api/ns/net/p/1.0.0/download", at("/one.tar.gz"), Vec::new()),
        ("/api/ns/net/p/1.9.3/download", at("../../../../../one.tar.gz//top?archive=tar.gz"), Vec::new()),
        ("/api/ns/net/p/1.10.0/download", ok, br#"{"location":"/ten?archive=tgz"}"#.to_vec()),
        ("/api/ns/net/p/2.0.0-beta.1/download", at("/ten?archive=tgz"), Vec::new()),
        ("/api/ns/wild/p/versions", ok, versions(&["1.0.0"])),
        ("/api/ns/wild/p/1.0.0/download", at("/one.tar.gz//*?archive=tar.gz"), Vec::new()),
        ("/api/private/net/p/versions", ok, versions(&["1.0.0"])),
        ("/api/private/net/p/1.0.0/download", at("/ten?archive=tgz"), Vec::new()),
        ("/api/ns/evil/p/versions", ok, versions(&["1.0.0"])),
        ("/api/ns/evil/p/1.0.0/download", at("file:///etc"), Vec::new()),
        ("/api/ns/empty/p/versions", ok, versions(&[])),
        ("/api/ns/page/p/versions", ok, b"<html>".to_vec()),
        ("/api/ns/broken/p/versions", "500 Internal Server Error\r\n", Vec::new()),
        ("/one.tar.gz", ok, archive("top/main.tf", "output \"x\" { value = 1 }\n")),
        ("/ten", ok, archive("main.tf", "output \"x\" { value = 10 }\n")),
    ]);
    let place = Place(tempfile::tempdir().unwrap());
    let nobody = Accounts::default();
    let source = |module: &str| format!("source = \"127.0.0.1:{port}/{module}\"");
    let check = |module: &str, version: &str, expected: &str| {
        let version = if version.is_empty() { String::new() } else { format!("\n  version = \"{version}\"") };
        let told = place.run(&format!("{}{version}", source(module)), false, &nobody);
        assert!(told.contains(expected), "{module} {version}: {told}");
    };
    // The newest that is admitted, by number; one before a release only by its name.
    check("ns/net/p", "", "ns/net/p 1.10.0");
    check("ns/net/p", "", "kept");
    let lock = place.read(".formwork.lock.hcl");
    assert!(lock.contains("version = \"1.10.0\"\n  hash    = \"h1:"), "{lock}");
    let list = place.read(".terraform/modules/modules.json");
    assert!(list.contains(&format!("\"Source\":\"127.0.0.1:{port}/ns/net/p\"")), "{list}");
    assert!(list.contains("\"Version\":\"1.10.0\""), "{list}");
    check("ns/net/p//top", "~> 1.0.0", "ns/net/p 1.0.0");
    check("ns/net/p", "~> 1.9.0", "ns/net/p 1.9.3");
    assert!(place.read(".terraform/modules/modules.json").contains("modules/m/top\""));
    check("ns/net/p", ">= 1.5", "kept");
    check("ns/net/p", "2.0.0-beta.1", "ns/net/p 2.0.0-beta.1");
    check("ns/wild/p", "", "ns/wild/p 1.0.0");

    // The lock holds the version until it is asked for anew; and its content.
    // That version has no files but in a folder, so the module is empty.
    check("ns/net/p", "~> 1.0.0", "ns/net/p 1.0.0");
    check("ns/net/p//top", "1.0.0", "ns/net/p 1.0.0");
    check("ns/net/p//top", "~> 1.0", "kept");
    fs::remove_dir_all(place.path(".terraform")).unwrap();
    check("ns/net/p//top", ">= 1.0.0", "ns/net/p 1.0.0");
    let told = place.run(&source("ns/net/p"), true, &nobody);
    assert_eq!(told, "ns/net/p 1.10.0");
    let lock = place.read(".formwork.lock.hcl");
    let hash = lock.split("h1:").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fs::write(place.path(".formwork.lock.hcl"), lock.replace(&hash, "AAAA")).unwrap();
    check("ns/net/p", "", "is not what it was");
    fs::write(place.path(".formwork.lock.hcl"), lock).unwrap();

    // What is wrong is said where it stands.
    check("ns/net/p", "> 7", "meets \"> 7\". [\"> 7\"] There are: 2.0.0-beta.1, 1.10.0, 1.9.3, 1.0.0.");
    check("ns/net/p", "=> 7", "\"=>\" is not an operator of version constraints. [\"=> 7\"]");
    check("ns/none/p", "", "has no module ns/none/p.");
    check("ns/empty/p", "", "has no version of");
    check("ns/page/p", "", "no list of versions");
    check("ns/broken/p", "", "the server answers 500");
    check("ns/evil/p", "", "an address that modules are not fetched from");
    let told = place.run("source = \"127.0.0.1:1/ns/net/p\"", false, &nobody);
    assert!(told.contains("127.0.0.1:1/.well-known/terraform.json cannot be fetched"), "{told}");
    let bare = serve(vec![("/.well-known/terraform.json", ok, b"{\"providers.v1\":\"/\"}".to_vec())]);
    let told = place.run(&format!("source = \"127.0.0.1:{bare}/ns/net/p\""), false, &nobody);
    assert!(told.contains("it has no service \"modules.v1\""), "{told}");

    // Private modules want the token of the host.
    check("private/net/p", "", "The registry wants a token.");
    let rc = place.path("rc");
    let accounts = |token: &str| {
        fs::write(&rc, format!("credentials \"127.0.0.1:{port}\" {{\n  token = \"{token}\"\n}}\n")).unwrap();
        let mut accounts = Accounts::default();
        assert_eq!(accounts.read(&rc), None);
        accounts
    };
    let told = place.run(&source("private/net/p"), false, &accounts("wr0ng"));
    assert!(told.contains("is not accepted there") && !told.contains("wr0ng"), "{told}");
    assert_eq!(place.run(&source("private/net/p"), false, &accounts(TOKEN)), "private/net/p 1.0.0");
    assert!(!place.read(".formwork.lock.hcl").contains(TOKEN));
}

#[test]
fn strangers_are_not_trusted() {
    let port = serve(Vec::new());
    let place = Place(tempfile::tempdir().unwrap());
    let told = place.run(&format!("source = \"127.0.0.1:{port}/a/b/c\""), false, &Accounts::default());
    assert!(told.contains("SSL_CERT_FILE can name a file"), "{told}");
}
