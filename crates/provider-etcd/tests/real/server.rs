//! An etcd of the test's own, and a proxy that tampers.

use crate::bench::Facts;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running etcd; it ends with the test.
pub struct Server {
    child: Child,
    _folder: tempfile::TempDir,
    /// Its URL in the clear.
    pub url: String,
    /// Its URL with TLS, where it has certificates.
    pub secure: String,
}

impl Server {
    /// Starts one, with the certificate `server` of an authority where that is given.
    pub fn start(facts: &Facts, authority: Option<&Authority>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (url, peer) =
            (format!("http://127.0.0.1:{}", free_port()), format!("http://127.0.0.1:{}", free_port()));
        let secure = format!("https://127.0.0.1:{}", free_port());
        let listen = if authority.is_some() { format!("{url},{secure}") } else { url.clone() };
        let mut command = Command::new(Path::new(facts.get("etcdctl")).with_file_name("etcd"));
        command.arg("--data-dir").arg(folder.path().join("data")).args([
            "--logger",
            "zap",
            "--log-level",
            "error",
        ]);
        command.args(["--listen-client-urls", &listen, "--advertise-client-urls", &listen]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.arg("--initial-cluster").arg(format!("default={peer}"));
        if let Some(authority) = authority {
            command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(authority.path("ca.crt"));
            command.arg("--cert-file").arg(authority.path("server.crt"));
            command.arg("--key-file").arg(authority.path("server.key"));
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Server { child, _folder: folder, url, secure };
        let began = Instant::now();
        while !Command::new(facts.get("etcdctl"))
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &server.url, "endpoint", "health"])
            .output()
            .unwrap()
            .status
            .success()
        {
            assert!(began.elapsed() < Duration::from_secs(30), "etcd does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Certificates, made by openssl.
pub struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let authority = Authority { folder: tempfile::tempdir().unwrap() };
        authority.openssl(&format!("req -x509 -subj /CN=test -days 2 {NEW_KEY} -keyout ca.key -out ca.crt"));
        authority
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let output =
            Command::new("openssl").current_dir(&self.folder).args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Issues a certificate for loopback from yesterday on, for some days.
    pub fn issue(&self, name: &str, days: i64) -> &Self {
        std::fs::write(
            self.path("ext"),
            "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n",
        )
        .unwrap();
        self.openssl(&format!("req -new -subj /CN={name} {NEW_KEY} -keyout {name}.key -out {name}.csr"));
        self.openssl(&format!(
            "x509 -req -days {days} -CA ca.crt -CAkey ca.key -CAcreateserial -extfile ext -in {name}.csr -out {name}.crt"
        ));
        self
    }
}

const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// What a proxy does to what the server sends.
#[derive(Clone)]
pub enum Tamper {
    /// Cuts the connection after so many bytes.
    Cut(usize),
    /// Sends nothing more after so many bytes.
    Stall(usize),
    /// Puts other bytes in place of these, as often as they come.
    Change(&'static [u8], &'static [u8]),
}

/// Begins a proxy; its URL.
pub fn proxy(to: &str, tamper: Tamper) -> String {
    let to = to.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for inward in listener.incoming().map_while(Result::ok) {
            let (outward, tamper) = (TcpStream::connect(&to).unwrap(), tamper.clone());
            let (mut from, mut into) = (inward.try_clone().unwrap(), outward.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut into));
            std::thread::spawn(move || tampering(outward, inward, &tamper));
        }
    });
    url
}

fn tampering(mut from: TcpStream, mut into: TcpStream, tamper: &Tamper) {
    let (mut sent, mut buffer) = (0, vec![0; 1 << 16]);
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let mut piece = buffer[..n].to_vec();
        match tamper {
            Tamper::Cut(limit) | Tamper::Stall(limit) => piece.truncate(limit.saturating_sub(sent)),
            Tamper::Change(old, new) => {
                for at in 0..piece.len().saturating_sub(old.len()) {
                    if piece[at..].starts_with(old) {
                        piece[at..at + old.len()].copy_from_slice(new);
                    }
                }
            }
        }
        sent += n;
        if into.write_all(&piece).is_err() {
            break;
        }
        if matches!(tamper, Tamper::Cut(limit) if sent >= *limit) {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), into.shutdown(Shutdown::Both));
}
