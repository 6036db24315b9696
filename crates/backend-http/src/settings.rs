//! The arguments of the backend, with what the environment adds.

use formwork_state::{Argument, Expects, Outside, Settings, Wrong};
use serde_json::Value as Json;
use std::time::Duration;

/// What the backend takes, under Terraform's names
/// (<https://developer.hashicorp.com/terraform/language/backend/http>).
pub(crate) const ARGUMENTS: [Argument; 15] = [
    Argument::partly_secret("address", without_secrets),
    Argument::new("update_method", Expects::Text),
    Argument::partly_secret("lock_address", without_secrets),
    Argument::new("lock_method", Expects::Text),
    Argument::partly_secret("unlock_address", without_secrets),
    Argument::new("unlock_method", Expects::Text),
    Argument::new("username", Expects::Text),
    Argument::secret("password"),
    Argument::new("skip_cert_verification", Expects::Switch),
    Argument::new("retry_max", Expects::Number),
    Argument::new("retry_wait_min", Expects::Number),
    Argument::new("retry_wait_max", Expects::Number),
    Argument::new("client_ca_certificate_pem", Expects::Text),
    Argument::new("client_certificate_pem", Expects::Text),
    Argument::secret("client_private_key_pem"),
];

#[derive(Debug)]
pub(crate) struct HttpSettings {
    pub(crate) address: String,
    pub(crate) update_method: String,
    /// Address and method.
    pub(crate) lock: Option<(String, String)>,
    pub(crate) unlock: Option<(String, String)>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) skip_verification: bool,
    pub(crate) retries: u64,
    pub(crate) wait: (Duration, Duration),
    pub(crate) ca: Option<String>,
    /// Certificate and key.
    pub(crate) identity: Option<(String, String)>,
}

impl HttpSettings {
    pub(crate) fn new(settings: &Settings, outside: &dyn Outside) -> Result<HttpSettings, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let get = |name: &str| -> Option<String> {
            let set = settings.get(name).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            set.or_else(|| outside.variable(&format!("TF_HTTP_{}", name.to_uppercase())))
        };
        let mut url = |name: &str| {
            let address = get(name)?;
            match checked(name, &address) {
                Ok(()) => Some(address),
                Err(w) => {
                    wrong.push(w);
                    None
                }
            }
        };
        let (address, lock, unlock) = (url("address"), url("lock_address"), url("unlock_address"));
        if get("address").is_none() {
            wrong.push(Wrong::missing("address", "http", "TF_HTTP_ADDRESS"));
        }
        let method = |name: &str, default: &str| get(name).unwrap_or_else(|| default.into()).to_uppercase();
        let mut number = |name: &str, default: u64| match get(name).map(|text| text.parse()) {
            None => default,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                wrong.push(Wrong::new(name, format!("\"{name}\" is to be a whole number."), String::new()));
                default
            }
        };
        let (retries, least, most) =
            (number("retry_max", 2), number("retry_wait_min", 1), number("retry_wait_max", 30));
        let identity = match (get("client_certificate_pem"), get("client_private_key_pem")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (certificate, _) => {
                let (has, lacks) = if certificate.is_some() {
                    ("client_certificate_pem", "client_private_key_pem")
                } else {
                    ("client_private_key_pem", "client_certificate_pem")
                };
                let problem = format!("\"{has}\" is set, and \"{lacks}\" is not.");
                wrong.push(Wrong::new(lacks, problem, "A client's certificate needs both."));
                None
            }
        };
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let skip = settings.get("skip_cert_verification").and_then(Json::as_bool).unwrap_or(false);
        let lock = lock.map(|address| (address, method("lock_method", "LOCK")));
        // Terraform wants both; the one that is left out can only be the same.
        let unlock = unlock.or_else(|| lock.as_ref().map(|(address, _)| address.clone()));
        Ok(HttpSettings {
            address: address.unwrap_or_default(),
            update_method: method("update_method", "POST"),
            lock,
            unlock: unlock.map(|address| (address, method("unlock_method", "UNLOCK"))),
            username: get("username"),
            password: get("password"),
            skip_verification: skip,
            retries,
            wait: (Duration::from_secs(least), Duration::from_secs(most.max(least))),
            ca: get("client_ca_certificate_pem"),
            identity,
        })
    }
}

fn checked(name: &str, address: &str) -> Result<(), Wrong> {
    let uri: Option<http::Uri> = address.parse().ok();
    let fits = uri.is_some_and(|u| matches!(u.scheme_str(), Some("http" | "https")) && u.host().is_some());
    if fits {
        return Ok(());
    }
    Err(Wrong::new(
        name,
        format!("\"{name}\" is not the address of a web server."),
        "For example: https://state.example.com/network",
    ))
}

/// An address for messages: without a password, and without what follows the question mark.
pub(crate) fn shown(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or(address);
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let host_at = rest.find('/').unwrap_or(rest.len());
            let from = rest[..host_at].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[from..])
        }
        None => address.to_owned(),
    }
}

/// An address as it may be remembered: without the password, and without the values of parameters that let somebody in.
/// The others stay: they may tell one state from another.
fn without_secrets(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    let (path, fragment) = path.split_at(path.find('#').unwrap_or(path.len()));
    let path = match path.split_once('?') {
        Some((path, query)) => {
            let parameters: Vec<&str> = query.split('&').map(without_secret).collect();
            format!("{path}?{}", parameters.join("&"))
        }
        None => path.to_owned(),
    };
    format!("{scheme}://{authority}{path}{fragment}")
}

/// A parameter of an address, without its value if that lets somebody in.
fn without_secret(parameter: &str) -> &str {
    const WHOLE: [&str; 5] = ["auth", "code", "pass", "pwd", "sig"];
    const PARTS: [&str; 11] = [
        "token",
        "secret",
        "passw",
        "apikey",
        "accesskey",
        "privatekey",
        "signature",
        "credential",
        "jwt",
        "session",
        "authorization",
    ];
    let Some((name, _)) = parameter.split_once('=') else { return parameter };
    let bare = name.to_ascii_lowercase().replace(['-', '_', '.'], "");
    let is_secret = WHOLE.contains(&&*bare) || PARTS.iter().any(|part| bare.contains(part));
    if is_secret { name } else { parameter }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_remembered_without_passwords() {
        let check = |address: &str, place: &str| {
            assert_eq!(without_secrets(address), place, "{address}");
            assert_eq!(without_secrets(place), place, "what was remembered is compared as it is");
        };
        check("https://u:p@h:1/a?b=c@d", "https://u@h:1/a?b=c@d");
        check("https://u:p@ss@h", "https://u@h");
        check("https://u@h/a", "https://u@h/a");
        check("https://h/a@b", "https://h/a@b");
        check("https://h/a?state=one&token=hunter2", "https://h/a?state=one&token");
        check("https://h?X-Api-Key=hunter2&key=a#b?token=c", "https://h?X-Api-Key&key=a#b?token=c");
        check("https://u:p@h/?sig=hunter2&design=x", "https://u@h/?sig&design=x");
    }
}
