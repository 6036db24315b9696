//! The Key Management Service of AWS, as far as encryption needs it: two calls, signed here, over the program's own HTTP
//! client. The SDK is not needed for them, so a build without the AWS family has them too.

mod credentials;
mod sign;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credentials::{Credentials, Place};
use formwork_encryption::{AwsKms, DataKey, Kms, Secret};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// The service, reached over the network.
#[derive(Debug, Default)]
pub struct Service;

/// No answer is longer.
const MAX_ANSWER: u64 = 1 << 20;

impl Kms for Service {
    fn generate(&self, settings: &AwsKms) -> Result<DataKey, String> {
        let asked = json!({ "KeyId": settings.kms_key_id, "KeySpec": settings.key_spec });
        let answer = call(settings, "GenerateDataKey", &asked)?;
        let blob = bytes(&answer, "CiphertextBlob")?;
        Ok(DataKey { plaintext: Secret::from(bytes(&answer, "Plaintext")?), blob })
    }

    fn decrypt(&self, settings: &AwsKms, blob: &[u8]) -> Result<Secret, String> {
        let asked = json!({ "KeyId": settings.kms_key_id, "CiphertextBlob": STANDARD.encode(blob) });
        let answer = call(settings, "Decrypt", &asked)?;
        bytes(&answer, "Plaintext").map(Secret::from)
    }
}

fn bytes(answer: &Json, name: &str) -> Result<Vec<u8>, String> {
    let text = answer.get(name).and_then(Json::as_str);
    let bytes = text.and_then(|text| STANDARD.decode(text).ok());
    bytes.ok_or_else(|| format!("the service's answer has no {name}"))
}

/// A failed call, and whether trying again can help.
struct Failed {
    why: String,
    passing: bool,
}

fn call(settings: &AwsKms, action: &str, asked: &Json) -> Result<Json, String> {
    let credentials = credentials::find(settings)?;
    let place = credentials::place(settings)?;
    let agent = agent();
    let tries = settings.max_retries.unwrap_or(5);
    let mut pause = Duration::from_millis(100);
    for _ in 0..tries {
        match once(&agent, &credentials, &place, action, asked) {
            Err(failed) if failed.passing => std::thread::sleep(pause),
            other => return other.map_err(|f| f.why),
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    once(&agent, &credentials, &place, action, asked).map_err(|f| f.why)
}

fn once(
    agent: &Agent,
    credentials: &Credentials,
    place: &Place,
    action: &str,
    asked: &Json,
) -> Result<Json, Failed> {
    let lasting = |why: String| Failed { why, passing: false };
    let body = asked.to_string();
    let target = format!("TrentService.{action}");
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let signed = sign::request(&sign::Request {
        host: &place.host,
        path: &place.path,
        region: &place.region,
        service: "kms",
        target: &target,
        time: &time,
        body: body.as_bytes(),
        access_key: &credentials.access_key,
        secret_key: credentials.secret_key.expose(),
        token: credentials.token.as_ref().map(|t| String::from_utf8_lossy(t.expose()).into_owned()),
    });
    let mut request = agent.post(&place.url);
    for (name, value) in &signed {
        // The client sets the host by itself.
        if *name != "host" {
            request = request.header(*name, value);
        }
    }
    let mut response = request.send(body.as_bytes()).map_err(|e| Failed {
        why: format!("the Key Management Service at {} cannot be reached: {e}", place.host),
        passing: true,
    })?;
    let status = response.status().as_u16();
    let mut text = String::new();
    let mut reader = response.body_mut().as_reader().take(MAX_ANSWER);
    let read = reader.read_to_string(&mut text);
    read.map_err(|e| Failed { why: format!("the service's answer cannot be read: {e}"), passing: true })?;
    let answer: Json = serde_json::from_str(&text).unwrap_or(Json::Null);
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    let kind = answer.get("__type").and_then(Json::as_str).unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or(kind);
    let words = ["message", "Message"].iter().find_map(|n| answer.get(n)?.as_str()).unwrap_or_default();
    let said = [kind, words].iter().filter(|w| !w.is_empty()).copied().collect::<Vec<_>>().join(": ");
    let said = if said.is_empty() { format!("HTTP status {status}") } else { said };
    if status >= 500 || kind.contains("Throttling") {
        return Err(Failed { why: format!("{action} failed: {said}"), passing: true });
    }
    Err(lasting(format!("{action} was refused: {}", said.trim_end_matches('.'))))
}

fn agent() -> Agent {
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(crypto)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_recv_body(Some(Duration::from_secs(30)))
        .user_agent("formwork")
        .build()
        .new_agent()
}
