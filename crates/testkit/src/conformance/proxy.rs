//! A proxy that does to a connection what bad networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut in the middle of what the client sends next.
    CutRequest,
    /// What the client sends next arrives; the connection is cut before the answer does.
    LoseAnswer,
    /// What the client sends next arrives; the answer is an HTTP status 500.
    Answer500,
    /// The next answer takes this long.
    Slow(Duration),
    /// What the client sends next that says `COMMIT` arrives, and has its effect; from then on nobody gets through.
    CommitThenGone,
    /// Nobody gets through.
    Gone,
    /// From now on the server does not see the conditions of requests (`If-Match`, `If-None-Match`).
    DropConditions,
}

/// Listens on loopback, and hands on to a server.
pub struct Proxy {
    /// `host:port`
    pub address: String,
    armed: Arc<Mutex<Option<Fault>>>,
}

impl Proxy {
    /// In front of a server at `host:port`.
    pub fn start(server: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let armed = Arc::new(Mutex::new(None));
        let (server, faults) = (server.to_owned(), armed.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if *faults.lock().unwrap() == Some(Fault::Gone) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let (one, other) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (up, down) = (faults.clone(), faults.clone());
                std::thread::spawn(move || requests(client, server, &up));
                std::thread::spawn(move || answers(other, one, &down));
            }
        });
        Proxy { address, armed }
    }

    /// The fault happens next.
    pub fn strike(&self, fault: Fault) {
        *self.armed.lock().unwrap() = Some(fault);
    }

    /// Whether the fault has happened.
    pub fn struck(&self) -> bool {
        self.armed.lock().unwrap().is_none()
    }

    /// Nothing happens any more.
    pub fn heal(&self) {
        *self.armed.lock().unwrap() = None;
    }
}

fn take(armed: &Mutex<Option<Fault>>, wanted: impl Fn(Fault) -> bool) -> Option<Fault> {
    let mut armed = armed.lock().unwrap();
    if armed.is_some_and(wanted) { armed.take() } else { None }
}

fn close(a: &TcpStream, b: &TcpStream) {
    let _ = a.shutdown(Shutdown::Both);
    let _ = b.shutdown(Shutdown::Both);
}

fn requests(mut client: TcpStream, mut server: TcpStream, armed: &Mutex<Option<Fault>>) {
    let mut buffer = [0; 1 << 16];
    while let Ok(n @ 1..) = client.read(&mut buffer) {
        if take(armed, |f| f == Fault::CutRequest).is_some() {
            let _ = server.write_all(&buffer[..n / 2]);
            break;
        }
        if *armed.lock().unwrap() == Some(Fault::Gone) {
            break;
        }
        if *armed.lock().unwrap() == Some(Fault::DropConditions) {
            for name in [&b"if-match:"[..], b"if-none-match:"] {
                while let Some(at) =
                    buffer[..n].windows(name.len()).position(|w| w.eq_ignore_ascii_case(name))
                {
                    buffer[at] = b'x';
                }
            }
        }
        let commits = buffer[..n].windows(6).any(|word| word == b"COMMIT")
            && take(armed, |f| f == Fault::CommitThenGone).is_some();
        if commits {
            *armed.lock().unwrap() = Some(Fault::Gone);
        }
        if server.write_all(&buffer[..n]).is_err() {
            break;
        }
        if commits {
            std::thread::sleep(Duration::from_millis(500));
            break;
        }
    }
    close(&client, &server);
}

fn answers(mut server: TcpStream, mut client: TcpStream, armed: &Mutex<Option<Fault>>) {
    let mut buffer = [0; 1 << 16];
    while let Ok(n @ 1..) = server.read(&mut buffer) {
        if *armed.lock().unwrap() == Some(Fault::Gone) {
            // Until the other side is closed, too.
            continue;
        }
        match take(armed, |f| !matches!(f, Fault::CutRequest | Fault::CommitThenGone | Fault::DropConditions))
        {
            Some(Fault::LoseAnswer) => break,
            Some(Fault::Answer500) => {
                let _ = client.write_all(
                    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
                break;
            }
            Some(Fault::Slow(by)) => std::thread::sleep(by),
            _ => {}
        }
        if client.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    close(&client, &server);
}
