//! Documents of web servers.

use crate::fetch::Problem;
use formwork_config::Remote;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, ResponseExt};

/// No module's archive is larger.
const MAX_BYTES: u64 = 1 << 30;

/// What a server answers: the archive, or where the module really is.
pub(crate) enum Answer {
    Document(Vec<u8>),
    Elsewhere(String),
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
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(Duration::from_secs(600)))
        .user_agent("formwork")
        .build()
        .new_agent()
}

/// Fetches a document. With `ask`, the server is asked for the place of a module instead
/// (<https://developer.hashicorp.com/terraform/language/modules/sources#http-urls>).
pub(crate) fn get(remote: &Remote, ask: bool) -> Result<Answer, Problem> {
    let mut url = remote.url.clone();
    let own = remote
        .query
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "archive" | "checksum" | "ref" | "depth"));
    let mut query: Vec<String> =
        own.map(|(name, value)| format!("{name}={}", formwork_config::encode(value))).collect();
    if ask {
        query.push("terraform-get=1".into());
    }
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query.join("&"));
    }
    let failed = |why: String| failed(&remote.shown(), why);
    let mut response = agent().get(&url).call().map_err(|e| unreached(&remote.shown(), &e))?;
    let status = response.status().as_u16();
    if !(200..300).contains(&status) {
        let problem = failed(format!("the server answers {}", response.status()));
        return Err(match status {
            401 | 403 => problem.help("The server wants to know who asks. Formwork asks for no passwords: put the archive where it may be read, or use git over SSH."),
            404 => problem.help("Is the address right?"),
            _ => problem,
        });
    }
    let header = response.headers().get("x-terraform-get").and_then(|h| h.to_str().ok()).map(str::to_owned);
    if ask && let Some(place) = header {
        return Ok(Answer::Elsewhere(place));
    }
    let mut bytes = Vec::new();
    let mut body = response.body_mut().as_reader().take(MAX_BYTES + 1);
    body.read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(failed("it is too large for a module".into()));
    }
    if !ask {
        return Ok(Answer::Document(bytes));
    }
    match meta(&String::from_utf8_lossy(&bytes)) {
        Some(place) => Ok(Answer::Elsewhere(place)),
        None => Err(Problem::new(format!(
            "{} is no archive by its name, and the server does not say where the module is.",
            remote.shown()
        ))
        .help("If it is an archive, say of which kind with ?archive=zip. If it is a git repository, write git:: before the address.")),
    }
}

/// What a registry answers.
pub(crate) struct Page {
    pub status: u16,
    /// Where the server says that the module is.
    pub location: Option<String>,
    pub body: Vec<u8>,
    /// Where it was in the end, when the server sent us on.
    pub url: String,
}

/// No list of versions is larger.
const MAX_PAGE: u64 = 32 << 20;

/// Fetches a page, whatever its status is. A token is not handed on to another host.
pub(crate) fn page(url: &str, token: Option<&str>) -> Result<Page, Problem> {
    let mut request = agent().get(url).header("Accept", "application/json");
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut response = request.call().map_err(|e| unreached(url, &e))?;
    let mut body = Vec::new();
    let mut reader = response.body_mut().as_reader().take(MAX_PAGE + 1);
    reader.read_to_end(&mut body).map_err(|e| failed(url, e.to_string()))?;
    if body.len() as u64 > MAX_PAGE {
        return Err(failed(url, "it is too large".into()));
    }
    let location = response.headers().get("x-terraform-get").and_then(|h| h.to_str().ok());
    Ok(Page {
        status: response.status().as_u16(),
        location: location.map(str::to_owned),
        url: response.get_uri().to_string(),
        body,
    })
}

fn failed(shown: &str, why: String) -> Problem {
    Problem::new(format!("{shown} cannot be fetched: {why}."))
}

fn unreached(shown: &str, error: &ureq::Error) -> Problem {
    let why = error.to_string();
    let problem = failed(shown, why.clone());
    if !why.contains("certificate") {
        return problem;
    }
    problem.help("This machine does not trust the server. SSL_CERT_FILE can name a file with the certificates of those who vouch for it.")
}

/// The content of `<meta name="terraform-get" content="…">`.
fn meta(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    lower.match_indices("<meta").find_map(|(at, _)| {
        let end = at + lower[at..].find('>')?;
        let tag = &html[at..end];
        (attribute(tag, "name")? == "terraform-get").then(|| attribute(tag, "content")).flatten()
    })
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let at = lower.find(&format!(" {name}=\""))? + name.len() + 3;
    let rest = &tag[at..];
    Some(rest[..rest.find('"')?].replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_say_where_modules_are() {
        let check =
            |html: &str, expected: Option<&str>| assert_eq!(meta(html).as_deref(), expected, "{html}");
        check(
            "<head><META name=\"terraform-get\" content=\"git::https://h/a?x=1&amp;y=2\"/>",
            Some("git::https://h/a?x=1&y=2"),
        );
        check(
            "<meta name=\"go-import\" content=\"x\"><meta content=\"y\" name=\"terraform-get\">",
            Some("y"),
        );
        check("<meta name=\"terraform-get\">", None);
        check("<meta name=\"terraform-get\" content=\"x", None);
        check("nothing", None);
    }
}
