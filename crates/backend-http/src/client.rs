//! Requests to the server, tried again where that is safe.

use crate::settings::HttpSettings;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use formwork_state::Wrong;
use http::{Method, Request};
use md5::{Digest, Md5};
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// No state is larger.
const MAX_BYTES: u64 = 4 << 30;

/// How often reading is sent on to another place.
const REDIRECTIONS: u32 = 10;

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Where a redirection leads.
    pub(crate) location: Option<String>,
    /// How many times the request was sent before without an answer that settled it: it may have had its effect already.
    pub(crate) uncertain: bool,
}

pub(crate) struct Client {
    agent: Agent,
    authorization: Option<String>,
    retries: u64,
    wait: (Duration, Duration),
}

impl Client {
    pub(crate) fn new(settings: &HttpSettings) -> Result<Client, Wrong> {
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::PlatformVerifier)
            .disable_verification(settings.skip_verification)
            .unversioned_rustls_crypto_provider(crypto);
        if let Some(pem) = &settings.ca {
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates("client_ca_certificate_pem", pem)?));
        }
        if let Some((certificate, key)) = &settings.identity {
            let key = PrivateKey::from_pem(key.as_bytes())
                .map_err(|_| wrong_pem("client_private_key_pem", "private key"))?;
            let chain = certificates("client_certificate_pem", certificate)?;
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            // A write that is sent on would be made a GET, whose success says nothing.
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(300)))
            .timeout_recv_body(Some(Duration::from_secs(600)))
            .user_agent("formwork")
            .build()
            .new_agent();
        let authorization = settings.username.as_ref().map(|name| {
            let password = settings.password.as_deref().unwrap_or_default();
            format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
        });
        Ok(Client { agent, authorization, retries: settings.retries, wait: settings.wait })
    }

    /// Sends a request, again after failures that may pass. The error says what went wrong in the end.
    pub(crate) fn send(&self, method: &str, url: &str, body: Option<&[u8]>) -> Result<Answer, String> {
        let mut tries = 0;
        let mut pause = self.wait.0;
        loop {
            let outcome = self.once(method, url, body);
            let passing = match &outcome {
                Ok(answer) => answer.status == 429 || (answer.status >= 500 && answer.status != 501),
                Err(_) => true,
            };
            if !passing || tries >= self.retries {
                return outcome.map(|answer| Answer { uncertain: tries > 0, ..answer });
            }
            tries += 1;
            std::thread::sleep(pause);
            pause = (pause * 2).min(self.wait.1);
        }
    }

    fn once(&self, method: &str, url: &str, body: Option<&[u8]>) -> Result<Answer, String> {
        let name = Method::from_bytes(method.as_bytes()).map_err(|e| e.to_string())?;
        let mut request = Request::builder().method(name).uri(url);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let response = match body {
            Some(body) => {
                request = request
                    .header("Content-Type", "application/json")
                    .header("Content-MD5", BASE64_STANDARD.encode(Md5::digest(body)));
                request.body(body).map_err(|e| e.to_string()).map(|r| self.agent.run(r))
            }
            None if method == "GET" => request.body(()).map_err(|e| e.to_string()).map(|r| {
                let follows = self.agent.configure_request(r).max_redirects(REDIRECTIONS).build();
                self.agent.run(follows)
            }),
            None => request.body(()).map_err(|e| e.to_string()).map(|r| self.agent.run(r)),
        };
        let mut response = response?.map_err(|e| e.to_string())?;
        let location = response.headers().get("location").and_then(|h| h.to_str().ok()).map(str::to_owned);
        let sum = response.headers().get("content-md5").and_then(|h| h.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        let reader = response.body_mut().with_config().limit(MAX_BYTES).reader();
        { reader }.read_to_end(&mut bytes).map_err(|e| format!("the answer broke off: {e}"))?;
        if sum.is_some_and(|sum| sum != BASE64_STANDARD.encode(Md5::digest(&bytes))) {
            return Err("the answer is not what the server sent: its checksum differs".into());
        }
        Ok(Answer { status: response.status().as_u16(), body: bytes, location, uncertain: false })
    }
}

fn certificates(argument: &str, pem: &str) -> Result<Vec<Certificate<'static>>, Wrong> {
    let items = parse_pem(pem.as_bytes()).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = items.collect();
    if found.is_empty() { Err(wrong_pem(argument, "certificate")) } else { Ok(found) }
}

fn wrong_pem(argument: &str, what: &str) -> Wrong {
    Wrong::new(
        argument,
        format!("\"{argument}\" has no {what} in PEM form."),
        "Give the text of the file, as with file(\"NAME.pem\"), not its name.",
    )
}
