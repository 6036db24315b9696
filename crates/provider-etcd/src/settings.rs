//! What the `provider "etcd"` block says.

use formwork_provider::{CallError, FromValue, Nested};
use formwork_value::{Path, Value};
use std::time::Duration;

/// Takes snapshots of etcd, whose members are reached by gRPC at their client URLs. Nothing is called before a snapshot is
/// taken.
#[derive(Clone, Nested)]
pub(crate) struct Arguments {
    /// Client URLs of the members, such as `https://10.0.0.11:2379`; `http://127.0.0.1:2379` if not set. They are asked
    /// in this order, and the first that answers is used.
    pub endpoints: Option<Vec<String>>,
    /// Certificates, in PEM, of the authorities that the members' certificates may come from. Without them and without
    /// `cacert_file`, those that this machine trusts.
    pub cacert: Option<String>,
    /// Path of a file with what `cacert` holds. Conflicts with `cacert`.
    pub cacert_file: Option<String>,
    /// Certificate to show to the members, in PEM. Needs `key` or `key_file` beside it.
    pub cert: Option<String>,
    /// Path of a file with what `cert` holds. Conflicts with `cert`.
    pub cert_file: Option<String>,
    /// Private key of the certificate, in PEM.
    #[attr(sensitive)]
    pub key: Option<String>,
    /// Path of a file with what `key` holds. Conflicts with `key`.
    pub key_file: Option<String>,
    /// User to log in as. Snapshots need one with the role `root`. Not needed where the certificate says who we are, or
    /// where etcd asks nobody.
    pub username: Option<String>,
    /// The user's password.
    #[attr(sensitive)]
    pub password: Option<String>,
    /// For how many seconds a member may keep us waiting before the next one is tried; 5 if not set.
    pub dial_timeout: Option<u64>,
    /// Name that the members' certificates must have, where it is not the one in the URL.
    pub server_name: Option<String>,
}

/// PEM text, or the file that it is in.
#[derive(Clone)]
pub(crate) enum Pem {
    Text(String),
    File(String),
}

impl Pem {
    fn of(text: Option<String>, file: Option<String>, name: &str) -> Result<Option<Pem>, CallError> {
        match (text, file) {
            (Some(_), Some(_)) => {
                let detail = format!("Both {name} and {name}_file are set. One of them is enough.");
                Err(CallError::new("Conflicting arguments", detail).on(Path::root().attr(name)))
            }
            (Some(text), None) => Ok(Some(Pem::Text(text))),
            (None, file) => Ok(file.map(Pem::File)),
        }
    }

    /// The text. Files are read late, since an apply may write them.
    pub async fn read(&self) -> Result<Vec<u8>, CallError> {
        match self {
            Pem::Text(text) => Ok(text.clone().into_bytes()),
            Pem::File(path) => tokio::fs::read(path).await.map_err(|error| {
                let detail = format!(
                    "The file \"{path}\", which the etcd provider is told to use, cannot be read: {error}."
                );
                CallError::new("Certificate or key cannot be read", detail)
            }),
        }
    }
}

/// The checked configuration.
pub(crate) struct Settings {
    pub endpoints: Vec<String>,
    pub cacert: Option<Pem>,
    /// Certificate and key.
    pub identity: Option<(Pem, Pem)>,
    /// Name and password.
    pub user: Option<(String, String)>,
    pub dial_timeout: Duration,
    pub server_name: Option<String>,
}

impl Settings {
    pub fn of(config: &Value) -> Result<Self, CallError> {
        let arguments = Arguments::from_value(config)
            .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))?;
        let endpoints = arguments.endpoints.unwrap_or_else(|| vec!["http://127.0.0.1:2379".into()]);
        if endpoints.is_empty() {
            let detail = "endpoints is an empty list. Name at least one member, or leave it out.";
            return Err(CallError::new("Missing argument", detail).on(Path::root().attr("endpoints")));
        }
        for endpoint in &endpoints {
            check_endpoint(endpoint).map_err(|detail| malformed(detail, "endpoints"))?;
        }
        let cert = Pem::of(arguments.cert, arguments.cert_file, "cert")?;
        let key = Pem::of(arguments.key, arguments.key_file, "key")?;
        let (identity, missing) = match (cert, key) {
            (Some(cert), Some(key)) => (Some((cert, key)), None),
            (None, None) => (None, None),
            (Some(_), None) => (None, Some("key")),
            (None, Some(_)) => (None, Some("cert")),
        };
        if let Some(missing) = missing {
            let detail = format!(
                "A certificate is shown together with its private key; {missing} (or {missing}_file) is not set."
            );
            return Err(CallError::new("Missing argument", detail).on(Path::root().attr(missing)));
        }
        let user = match (arguments.username, arguments.password) {
            (Some(name), Some(password)) => Some((name, password)),
            (None, None) => None,
            (name, _) => {
                let missing = if name.is_some() { "password" } else { "username" };
                let detail = format!("To log in, username and password are needed; {missing} is not set.");
                return Err(CallError::new("Missing argument", detail).on(Path::root().attr(missing)));
            }
        };
        let dial_timeout = Duration::from_secs(arguments.dial_timeout.unwrap_or(5).max(1));
        Ok(Settings {
            endpoints,
            cacert: Pem::of(arguments.cacert, arguments.cacert_file, "cacert")?,
            identity,
            user,
            dial_timeout,
            server_name: arguments.server_name,
        })
    }
}

fn malformed(detail: String, name: &str) -> CallError {
    CallError::new("Malformed endpoint", detail).on(Path::root().attr(name))
}

/// Whether a text is the client URL of a member.
pub(crate) fn check_endpoint(endpoint: &str) -> Result<(), String> {
    let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    match rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)) {
        // It may hold a password: it is not repeated.
        Some(rest) if rest.contains('@') => {
            Err("An endpoint names a user. Use the provider's arguments username and password.".into())
        }
        Some(rest) if !rest.is_empty() && !rest.contains('/') => Ok(()),
        _ => Err(format!(
            "An endpoint is http:// or https:// and a host with its port, such as https://10.0.0.11:2379; it is \
             \"{endpoint}\"."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::check_endpoint;

    #[test]
    fn endpoints() {
        for good in ["http://127.0.0.1:2379", "https://etcd.example:2379/", "https://[::1]:2379"] {
            assert_eq!(check_endpoint(good), Ok(()), "{good}");
        }
        for bad in ["127.0.0.1:2379", "ftp://x:1", "http://", "http://a/b", ""] {
            assert!(check_endpoint(bad).is_err_and(|why| why.contains(&format!("\"{bad}\""))), "{bad}");
        }
        assert!(check_endpoint("https://root:hunter2@h:1").is_err_and(|why| !why.contains("hunter2")));
    }
}
