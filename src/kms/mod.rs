//! The Key Management Service of AWS, as far as encryption needs it: two calls, signed here, over the program's own HTTP
//! client. The SDK is not needed for them, so a build without the AWS family has them too.

mod place;

use crate::environment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formwork_aws_keys::{Account, Key, Keys, sign};
use formwork_encryption::{AwsKms, DataKey, Kms, Secret};
use place::Place;
use serde_json::{Value as Json, json};
use std::io::Read;
use std::path::PathBuf;
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
    let keys = Keys::new(account(settings), Arc::new(environment::Real));
    let place = place::place(settings, keys.region())?;
    let key = keys.get()?;
    let agent = agent();
    let tries = settings.max_retries.unwrap_or(5);
    let mut pause = Duration::from_millis(100);
    for _ in 0..tries {
        match once(&agent, &key, &place, action, asked) {
            Err(failed) if failed.passing => std::thread::sleep(pause),
            other => return other.map_err(|f| f.why),
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    once(&agent, &key, &place, action, asked).map_err(|f| f.why)
}

/// Whose keys are meant.
fn account(settings: &AwsKms) -> Account {
    let text = |secret: &Option<Secret>| {
        secret.as_ref().map(|secret| String::from_utf8_lossy(secret.expose()).into_owned())
    };
    let paths = |paths: &[String]| paths.iter().map(PathBuf::from).collect();
    Account {
        region: settings.region.clone(),
        access_key: settings.access_key.clone(),
        secret_key: text(&settings.secret_key),
        token: text(&settings.token),
        profile: settings.profile.clone(),
        config_files: paths(&settings.shared_config_files),
        credentials_files: paths(&settings.shared_credentials_files),
        role: settings.role.clone(),
        web_role: settings.web_role.clone(),
        sts_endpoint: settings.sts_endpoint.clone(),
        sts_region: settings.sts_region.clone(),
        skip_metadata: settings.skip_metadata,
    }
}

fn once(agent: &Agent, key: &Key, place: &Place, action: &str, asked: &Json) -> Result<Json, Failed> {
    let lasting = |why: String| Failed { why, passing: false };
    let body = asked.to_string();
    let target = format!("TrentService.{action}");
    let stamp = sign::stamp(formwork_aws_keys::World::unix_time(&environment::Real));
    let body_sha256 = sign::sha256(body.as_bytes());
    let mut headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("host", place.host.clone()),
        ("x-amz-date", stamp.clone()),
    ];
    headers.extend(key.token.clone().map(|token| ("x-amz-security-token", token)));
    headers.push(("x-amz-target", target));
    let headers: Vec<(String, String)> =
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let signed = sign::Request {
        method: "POST",
        path: &place.path,
        query: "",
        headers: &headers,
        body_sha256: &body_sha256,
    };
    let authorization = sign::authorization(&signed, key, &place.region, "kms", &stamp);
    let mut request = agent.post(&place.url);
    // The client sets the host by itself.
    for (name, value) in headers.iter().filter(|(name, _)| name != "host") {
        request = request.header(name, value);
    }
    request = request.header("authorization", authorization);
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
