//! A web server for states, by Terraform's HTTP protocol: each path is a state. Like the well-known ones, it refuses whoever
//! writes with another lock than the one that is held.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Document {
    text: Option<Vec<u8>>,
    /// All that it ever was.
    written: Vec<Vec<u8>>,
    lock: Option<Vec<u8>>,
    /// Where everything but reading is sent on to, with success there whatever is sent.
    login: bool,
}

type Documents = Arc<Mutex<HashMap<String, Document>>>;
/// How long requests of each method wait for their effect.
type Delays = Arc<Mutex<HashMap<String, Duration>>>;

/// The server, until the process ends.
pub struct HttpStore {
    /// `host:port`
    pub address: String,
    documents: Documents,
    log: Arc<Mutex<Vec<String>>>,
    delays: Delays,
}

impl HttpStore {
    /// Starts it on loopback.
    pub fn start() -> HttpStore {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (documents, log) = (Documents::default(), Arc::new(Mutex::new(Vec::new())));
        let delays = Delays::default();
        let (served, logged, delayed) = (documents.clone(), log.clone(), delays.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (documents, log, delays) = (served.clone(), logged.clone(), delayed.clone());
                std::thread::spawn(move || serve(stream, &documents, &log, &delays));
            }
        });
        HttpStore { address, documents, log, delays }
    }

    /// The address of a state.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// What is stored under a name.
    pub fn text(&self, name: &str) -> Option<String> {
        let documents = self.documents.lock().unwrap();
        let text = documents.get(&format!("/{name}"))?.text.clone()?;
        Some(String::from_utf8(text).unwrap())
    }

    /// Everything that was ever stored under a name, oldest first.
    pub fn written(&self, name: &str) -> Vec<String> {
        let documents = self.documents.lock().unwrap();
        let written = documents.get(&format!("/{name}")).map(|d| d.written.clone()).unwrap_or_default();
        written.into_iter().map(|text| String::from_utf8(text).unwrap()).collect()
    }

    /// Puts a document there.
    pub fn put(&self, name: &str, text: &str) {
        self.documents.lock().unwrap().entry(format!("/{name}")).or_default().text = Some(text.into());
    }

    /// From now on everything but reading is sent on to a login, which greets everybody.
    pub fn ask_to_sign_in(&self, name: &str) {
        self.documents.lock().unwrap().entry(format!("/{name}")).or_default().login = true;
    }

    /// Whether somebody holds the lock of a state.
    pub fn is_locked(&self, name: &str) -> bool {
        let documents = self.documents.lock().unwrap();
        documents.get(&format!("/{name}")).is_some_and(|d| d.lock.is_some())
    }

    /// From now on requests of this method take so long.
    pub fn slow(&self, method: &str, delay: Duration) {
        self.delays.lock().unwrap().insert(method.into(), delay);
    }

    /// All requests so far: method and path.
    pub fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, documents: &Documents, log: &Mutex<Vec<String>>, delays: &Delays) {
    let mut out = stream.try_clone().unwrap();
    let mut input = BufReader::new(stream);
    while let Some((method, target, body)) = request(&mut input) {
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        log.lock().unwrap().push(format!("{method} {path}"));
        let delay = delays.lock().unwrap().get(&method).copied();
        std::thread::sleep(delay.unwrap_or_default());
        let (status, answer) = answer(documents, &method, path, query, body);
        let location = if status == 302 { "Location: /login\r\n" } else { "" };
        let head = format!("HTTP/1.1 {status} x\r\n{location}Content-Length: {}\r\n\r\n", answer.len());
        if out.write_all(head.as_bytes()).and_then(|()| out.write_all(&answer)).is_err() {
            return;
        }
    }
}

/// A whole request; one that is cut off has no effect.
fn request(input: &mut BufReader<TcpStream>) -> Option<(String, String, Vec<u8>)> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        input.read_line(&mut header).ok().filter(|n| *n > 0)?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some((method, target, body))
}

fn id(lock: &[u8]) -> String {
    let info: serde_json::Value = serde_json::from_slice(lock).unwrap_or_default();
    info["ID"].as_str().unwrap_or_default().to_owned()
}

fn answer(documents: &Documents, method: &str, path: &str, query: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
    let mut documents = documents.lock().unwrap();
    let document = documents.entry(path.to_owned()).or_default();
    match method {
        "GET" if path == "/login" => (200, b"Welcome!".to_vec()),
        method if document.login && method != "GET" => (302, Vec::new()),
        "GET" => document.text.clone().map_or((404, Vec::new()), |text| (200, text)),
        "POST" | "PUT" => {
            let given = query.split('&').find_map(|pair| pair.strip_prefix("ID=")).unwrap_or_default();
            match &document.lock {
                Some(lock) if id(lock) != given => (423, lock.clone()),
                None if !given.is_empty() => (409, Vec::new()),
                _ => {
                    document.written.push(body.clone());
                    document.text = Some(body);
                    (200, Vec::new())
                }
            }
        }
        "DELETE" => {
            document.text = None;
            (200, Vec::new())
        }
        "LOCK" => match &document.lock {
            Some(lock) => (423, lock.clone()),
            None => {
                document.lock = Some(body);
                (200, Vec::new())
            }
        },
        "UNLOCK" => match &document.lock {
            None => (409, Vec::new()),
            Some(lock) if id(lock) != id(&body) => (409, lock.clone()),
            Some(_) => {
                document.lock = None;
                (200, Vec::new())
            }
        },
        _ => (405, Vec::new()),
    }
}
