//! Objects of a bucket: read, written under a condition, removed, listed.

use crate::settings::S3Settings;
use formwork_aws_keys::Key;
use formwork_aws_keys::sign::{self, Request, encode, sha256};
use formwork_state::{Outside, StateError};
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// No object is larger.
const MAX_BYTES: u64 = 5 << 30;

/// Under which condition an object is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum If<'a> {
    /// There is none yet.
    Absent,
    /// The one that is there has this tag.
    Tag(&'a str),
}

/// An object.
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tag: String,
    /// Seconds since it was written, by the server's own clock.
    pub(crate) age: i64,
}

/// What became of a write.
pub(crate) enum Put {
    /// It has this tag now.
    Written(String),
    /// The condition does not hold.
    Refused,
}

pub(crate) struct Bucket {
    pub(crate) settings: Arc<S3Settings>,
    /// How often a request is sent again.
    retries: u64,
    agent: Agent,
    outside: Arc<dyn Outside>,
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
    /// It was sent before without an answer that settled it.
    uncertain: bool,
}

/// Why there is no answer.
struct Unsent {
    problem: String,
    /// There is no key to sign with.
    keyless: bool,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Bucket {
    pub(crate) fn new(settings: S3Settings, outside: Arc<dyn Outside>) -> Bucket {
        let retries = settings.retries;
        Bucket::within(Arc::new(settings), retries, outside, None)
    }

    /// The same bucket, for what is worth nothing when it comes late: one try, with an answer or without one within seconds.
    pub(crate) fn hasty(&self) -> Bucket {
        Bucket::within(self.settings.clone(), 0, self.outside.clone(), Some(Duration::from_secs(8)))
    }

    fn within(
        settings: Arc<S3Settings>,
        retries: u64,
        outside: Arc<dyn Outside>,
        all: Option<Duration>,
    ) -> Bucket {
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(crypto);
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_secs(120)))
            .timeout_recv_body(Some(Duration::from_secs(600)))
            .timeout_global(all)
            .user_agent("formwork")
            .build()
            .new_agent();
        Bucket { settings, retries, agent, outside }
    }

    /// This machine's clock, in milliseconds: it goes on while the machine sleeps.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.outside.unix_time()).unwrap_or(0).saturating_mul(1_000)
    }

    /// How messages call an object.
    pub(crate) fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.settings.bucket)
    }

    fn error(
        &self,
        action: &'static str,
        key: &str,
        problem: String,
        status: Option<u16>,
        safe: &str,
    ) -> StateError {
        let help = match status {
            Some(403) => {
                "The credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on the bucket; and the \
                 clock of this machine has to be right."
            }
            Some(404) => "Create the bucket first, or check its name, the region and the endpoint.",
            Some(301 | 307) => "The bucket is in another region: check \"region\".",
            Some(400 | 501) => {
                "The store may not know conditional writes (If-None-Match, If-Match), which keep two runs apart."
            }
            _ => "Look whether the store is well and can be reached from here, then run again.",
        };
        StateError::Store { action, place: self.place(key), problem, help: help.into(), safe: safe.into() }
    }

    fn unsent(&self, action: &'static str, key: &str, why: Unsent, safe: &str) -> StateError {
        let mut error = self.error(action, key, why.problem, None, safe);
        if why.keyless
            && let StateError::Store { help, .. } = &mut error
        {
            *help = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile (profile or AWS_PROFILE), give access_key and \
                     secret_key, or a role: assume_role = { role_arn = \"…\" }."
                .into();
        }
        error
    }

    fn refused(&self, action: &'static str, key: &str, answer: &Answer, safe: &str) -> StateError {
        let text = String::from_utf8_lossy(&answer.body);
        let code = element(&text, "Code").unwrap_or_default();
        let message = element(&text, "Message").unwrap_or_default();
        let problem = format!("the store answers {} {code} {message}", answer.status);
        let problem = problem.trim_end().trim_end_matches('.').to_owned();
        self.error(action, key, problem, Some(answer.status), safe)
    }

    /// Sends a request, again after failures that may pass. The error says what went wrong in the end.
    fn send(
        &self,
        method: &str,
        key: &str,
        query: &str,
        own: &[(String, String)],
        body: &[u8],
    ) -> Result<Answer, Unsent> {
        let signer = self.settings.keys.get().map_err(|problem| Unsent { problem, keyless: true })?;
        let mut tries = 0;
        let mut pause = Duration::from_millis(200);
        let mut uncertain = false;
        loop {
            let outcome = self.once(&signer, method, key, query, own, body);
            let passing = match &outcome {
                // 409: another conditional request on the same object was under way.
                Ok(answer) => matches!(answer.status, 409 | 429 | 500 | 502..=599),
                Err(_) => true,
            };
            if !passing || tries >= self.retries {
                let answer = outcome.map(|answer| Answer { uncertain, ..answer });
                return answer.map_err(|problem| Unsent { problem, keyless: false });
            }
            uncertain = true;
            tries += 1;
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    fn once(
        &self,
        signer: &Key,
        method: &str,
        key: &str,
        query: &str,
        own: &[(String, String)],
        body: &[u8],
    ) -> Result<Answer, String> {
        let settings = &self.settings;
        let (scheme, host) = settings.endpoint.split_once("://").unwrap_or(("https", &settings.endpoint));
        let (host, base) = host.split_once('/').map_or((host, String::new()), |(h, b)| (h, format!("/{b}")));
        let (host, path) = if settings.path_style {
            (host.to_owned(), format!("{base}/{}/{}", settings.bucket, encode(key, true)))
        } else {
            (format!("{}.{host}", settings.bucket), format!("{base}/{}", encode(key, true)))
        };
        let stamp = sign::stamp(self.outside.unix_time());
        let body_sha256 = sha256(body);
        let mut headers = vec![
            ("host".to_owned(), host.clone()),
            ("x-amz-content-sha256".to_owned(), body_sha256.clone()),
            ("x-amz-date".to_owned(), stamp.clone()),
        ];
        headers.extend(signer.token.iter().map(|t| ("x-amz-security-token".to_owned(), t.clone())));
        headers.extend(own.iter().cloned());
        headers.sort();
        let signed = Request { method, path: &path, query, headers: &headers, body_sha256: &body_sha256 };
        let authorization = sign::authorization(&signed, signer, &settings.region, "s3", &stamp);
        let url = if query.is_empty() {
            format!("{scheme}://{host}{path}")
        } else {
            format!("{scheme}://{host}{path}?{query}")
        };
        let mut request =
            http::Request::builder().method(method).uri(url).header("authorization", authorization);
        for (name, value) in headers.iter().filter(|(name, _)| name != "host") {
            request = request.header(name, value);
        }
        let response = match method {
            "PUT" => request.body(body).map_err(|e| e.to_string()).map(|r| self.agent.run(r)),
            _ => request.body(()).map_err(|e| e.to_string()).map(|r| self.agent.run(r)),
        };
        let mut response = response?.map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        let reader = response.body_mut().with_config().limit(MAX_BYTES).reader();
        { reader }.read_to_end(&mut bytes).map_err(|e| format!("the answer broke off: {e}"))?;
        let status = response.status().as_u16();
        Ok(Answer { status, headers: response.headers().clone(), body: bytes, uncertain: false })
    }

    /// Reads an object; `None` if there is none.
    pub(crate) fn get(&self, action: &'static str, key: &str) -> Result<Option<Object>, StateError> {
        let answer = self.send("GET", key, "", &[], &[]);
        let answer = answer.map_err(|why| self.unsent(action, key, why, "Nothing was changed."))?;
        let no_bucket =
            String::from_utf8_lossy(&answer.body[..answer.body.len().min(2000)]).contains("NoSuchBucket");
        match answer.status {
            200 => {
                let time = |name| answer.header(name).and_then(http_date);
                let age = match (time("date"), time("last-modified")) {
                    (Some(now), Some(then)) => now - then,
                    _ => 0,
                };
                let tag = answer.header("etag").unwrap_or_default().to_owned();
                Ok(Some(Object { tag, age, bytes: answer.body }))
            }
            404 if !no_bucket => Ok(None),
            _ => Err(self.refused(action, key, &answer, "Nothing was changed.")),
        }
    }

    /// Writes an object if the condition holds. That an earlier try had its effect, and only its answer was lost, is found out.
    pub(crate) fn put(
        &self,
        action: &'static str,
        key: &str,
        condition: Option<If<'_>>,
        bytes: &[u8],
    ) -> Result<Put, StateError> {
        const MAYBE: &str = "The store has either the new object or the last one.";
        let mut headers = self.settings.headers.clone();
        headers.push(("content-type".into(), "application/json".into()));
        match condition {
            Some(If::Absent) => headers.push(("if-none-match".into(), "*".into())),
            Some(If::Tag(tag)) => headers.push(("if-match".into(), tag.into())),
            None => {}
        }
        let answer = self.send("PUT", key, "", &headers, bytes);
        let answer = answer.map_err(|why| self.unsent(action, key, why, MAYBE))?;
        match answer.status {
            200 => Ok(Put::Written(answer.header("etag").unwrap_or_default().to_owned())),
            404 if matches!(condition, Some(If::Tag(_))) => Ok(Put::Refused),
            409 | 412 if !answer.uncertain => Ok(Put::Refused),
            409 | 412 => match self.get(action, key)? {
                Some(there) if there.bytes == bytes => Ok(Put::Written(there.tag)),
                _ => Ok(Put::Refused),
            },
            _ => Err(self.refused(action, key, &answer, MAYBE)),
        }
    }

    /// Removes an object if it still has this tag, where the store knows such a condition; whether it had.
    pub(crate) fn delete_this(&self, action: &'static str, key: &str, tag: &str) -> Result<bool, StateError> {
        let headers = [("if-match".to_owned(), tag.to_owned())];
        let answer = self.send("DELETE", key, "", &headers, &[]);
        let answer = answer.map_err(|why| self.unsent(action, key, why, ""))?;
        match answer.status {
            200 | 204 | 404 => Ok(true),
            412 => Ok(false),
            400 | 501 => self.delete(action, key).map(|()| true),
            _ => Err(self.refused(action, key, &answer, "")),
        }
    }

    /// Removes an object; that there is none is fine.
    pub(crate) fn delete(&self, action: &'static str, key: &str) -> Result<(), StateError> {
        let answer = self.send("DELETE", key, "", &[], &[]);
        let answer = answer.map_err(|why| self.unsent(action, key, why, ""))?;
        match answer.status {
            200 | 204 | 404 => Ok(()),
            _ => Err(self.refused(action, key, &answer, "")),
        }
    }

    /// The keys that begin so.
    pub(crate) fn list(&self, action: &'static str, prefix: &str) -> Result<Vec<String>, StateError> {
        let mut keys = Vec::new();
        let mut more: Option<String> = None;
        loop {
            let token =
                more.map_or_else(String::new, |t| format!("continuation-token={}&", encode(&t, false)));
            let query = format!("{token}list-type=2&prefix={}", encode(prefix, false));
            let answer = self.send("GET", "", &query, &[], &[]);
            let answer = answer.map_err(|why| self.unsent(action, prefix, why, ""))?;
            if answer.status != 200 {
                return Err(self.refused(action, prefix, &answer, ""));
            }
            let text = String::from_utf8_lossy(&answer.body);
            let mut rest = &*text;
            while let Some(at) = rest.find("<Key>") {
                rest = &rest[at + 5..];
                let end = rest.find("</Key>").unwrap_or(rest.len());
                keys.push(plain(&rest[..end]));
            }
            match element(&text, "NextContinuationToken") {
                Some(token) => more = Some(token),
                None => return Ok(keys),
            }
        }
    }
}

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let end = xml[start..].find("</")? + start;
    Some(plain(&xml[start..end]))
}

fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&")
}

/// Seconds since 1970 of a date as HTTP has it: `Wed, 21 Oct 2015 07:28:00 GMT`.
fn http_date(text: &str) -> Option<i64> {
    let mut words = text.split([' ', ':', '-']).skip(1).filter(|w| !w.is_empty());
    let number = |word: Option<&str>| word.and_then(|w| w.parse::<i64>().ok());
    let day = number(words.next())?;
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = words.next()?;
    let month = names.iter().position(|n| *n == name)? as i64 + 1;
    let year = number(words.next())?;
    let (hour, minute, second) = (number(words.next())?, number(words.next())?, number(words.next())?);
    // Days since 1970, with years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day
        - 1
        - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_stamps_are_each_others_inverse() {
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Sun, 30 Aug 2015 12:36:00 GMT"), Some(1_440_938_160));
        assert_eq!(http_date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(http_date("yesterday"), None);
    }

    #[test]
    fn elements_are_found() {
        let xml = "<Error><Code>NoSuchBucket</Code><Message>a &amp; b</Message></Error>";
        assert_eq!(element(xml, "Code").as_deref(), Some("NoSuchBucket"));
        assert_eq!(element(xml, "Message").as_deref(), Some("a & b"));
        assert_eq!(element(xml, "Key"), None);
    }
}
