//! Who gives out keys that stand nowhere, as far as a run can tell: a machine's metadata service, and single sign-on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const TOKEN: &str = "a token of the second version";
const BEARER: &str = "what a login in the browser left behind";

/// A web server that is both, until the process ends.
pub struct Givers {
    address: String,
    given: Arc<Mutex<Vec<&'static str>>>,
}

impl Givers {
    pub fn start() -> Givers {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let given = Arc::new(Mutex::new(Vec::new()));
        let log = given.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = log.clone();
                std::thread::spawn(move || serve(stream, &log));
            }
        });
        Givers { address, given }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Who gave a key so far.
    pub fn given(&self) -> Vec<&'static str> {
        self.given.lock().expect("the log").clone()
    }

    /// What `aws sso login` leaves in a home folder for the session "company", and the profile that uses it. The file is
    /// called by the SHA-1 of the session's name.
    pub fn logged_in() -> [(&'static str, String); 2] {
        [
            (
                ".aws/config",
                "[profile work]\nsso_session = company\nsso_account_id = 123456789012\nsso_role_name = states\nregion = \
                 eu-west-1\n[sso-session company]\nsso_region = eu-west-1\nsso_start_url = https://company.invalid/start\n"
                    .to_owned(),
            ),
            (
                ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json",
                format!(
                    r#"{{"startUrl": "https://company.invalid/start", "region": "eu-west-1", "accessToken": "{BEARER}", "expiresAt": "2999-01-01T00:00:00Z"}}"#
                ),
            ),
        ]
    }
}

fn serve(stream: TcpStream, given: &Mutex<Vec<&'static str>>) {
    let Ok(mut out) = stream.try_clone() else { return };
    let mut input = BufReader::new(stream);
    while let Some(lines) = request(&mut input) {
        let has = |header: &str| lines.iter().any(|line| line.eq_ignore_ascii_case(header));
        let (method, target) = lines[0].split_once(' ').unwrap_or_default();
        let path = target.split([' ', '?']).next().unwrap_or_default();
        let metadata = "/latest/meta-data/iam/security-credentials";
        let with_token = has(&format!("x-aws-ec2-metadata-token: {TOKEN}"));
        let (status, body) = match (method, path) {
            ("PUT", "/latest/api/token") => (200, TOKEN.to_owned()),
            ("GET", _) if path.starts_with("/latest/") && !with_token => (401, String::new()),
            ("GET", path) if path.trim_end_matches('/') == metadata => (200, "states".to_owned()),
            ("GET", path) if path == format!("{metadata}/states") => {
                given.lock().expect("the log").push("machine");
                let key = r#"{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAMACHINE", "SecretAccessKey": "s", "Token": "t", "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2999-01-01T00:00:00Z"}"#;
                (200, key.to_owned())
            }
            ("GET", "/federation/credentials") if has(&format!("x-amz-sso_bearer_token: {BEARER}")) => {
                given.lock().expect("the log").push("sign-on");
                let key = r#"{"roleCredentials": {"accessKeyId": "ASIASIGNON", "secretAccessKey": "s", "sessionToken": "t", "expiration": 32472144000000}}"#;
                (200, key.to_owned())
            }
            _ => (404, String::new()),
        };
        let head = format!(
            "HTTP/1.1 {status} x\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if out.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// The lines of a request's head; its body is read and forgotten.
fn request(input: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let length = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    input.read_exact(&mut body).ok()?;
    Some(lines).filter(|lines| !lines.is_empty())
}
