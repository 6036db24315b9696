//! What the user's own settings say of the hosts of registries: tokens, and where their services are
//! (<https://developer.hashicorp.com/terraform/cli/config/config-file#credentials>).

use formwork_diag::{Diagnostic, Sources};
use formwork_syntax::{Body, Expr, ExprKind, parse};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// Tokens and services by hosts.
#[derive(Clone, Default)]
pub struct Accounts {
    tokens: BTreeMap<String, String>,
    /// Of hosts that are not asked themselves: the address of `modules.v1`, if they have one.
    services: BTreeMap<String, Option<String>>,
}

/// Tokens are not shown.
impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("hosts", &self.tokens.keys()).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Reads a file of settings (`.terraformrc`, or `credentials.tfrc.json`). One that is not there says nothing, and what
    /// was said before stays. What is wrong is a warning: a file that is for Terraform may hold what we do not know.
    pub fn read(&mut self, path: &Path) -> Option<Diagnostic> {
        let unread = |why: String| {
            let detail = format!("{} is not heeded: {why}.", path.display());
            Some(Diagnostic::warning("Settings cannot be read", detail))
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
            Err(e) => return unread(e.to_string()),
        };
        if path.extension().is_some_and(|e| e == "json") {
            return match serde_json::from_str(&text) {
                Ok(json) => {
                    self.json(&json);
                    None
                }
                // The parser's own words could quote a token.
                Err(e) => unread(format!("line {} is no JSON", e.line())),
            };
        }
        let (body, diagnostics) = parse(Sources::default().add(path.display().to_string(), ""), &text);
        self.body(&body);
        diagnostics
            .first()
            .and_then(|d| unread(format!("{} {}", d.summary, d.detail).trim_end_matches('.').into()))
    }

    fn json(&mut self, json: &Value) {
        let hosts = json.get("credentials").and_then(Value::as_object);
        for (host, settings) in hosts.into_iter().flatten() {
            if let Some(token) = settings.get("token").and_then(Value::as_str) {
                self.tokens.entry(host.to_lowercase()).or_insert_with(|| token.to_owned());
            }
        }
    }

    fn body(&mut self, body: &Body) {
        for block in &body.blocks {
            let [host] = &*block.labels else { continue };
            let host = host.name.to_lowercase();
            match &*block.kind.name {
                "credentials" => {
                    if let Some(token) = block.body.attribute("token").and_then(|a| string(&a.expr)) {
                        self.tokens.entry(host).or_insert(token);
                    }
                }
                "host" => {
                    let Some(services) = block.body.attribute("services") else { continue };
                    let ExprKind::Object(items) = &services.expr.kind else { continue };
                    let own = items.iter().find(|i| string(&i.key).as_deref() == Some("modules.v1"));
                    self.services.entry(host).or_insert_with(|| own.and_then(|i| string(&i.value)));
                }
                _ => {}
            }
        }
    }

    /// Takes a token from a variable of the environment, if it has the name of one: `TF_TOKEN_` and the host, with
    /// underscores for dots and two of them for a hyphen. It counts more than what files say.
    pub fn variable_of(&mut self, name: &str, value: &str) {
        if let Some(host) = name.strip_prefix("TF_TOKEN_") {
            let host = host.replace("__", "-").replace('_', ".").to_lowercase();
            self.tokens.insert(host, value.to_owned());
        }
    }

    /// The name of the variable for a host's token; there is none for a host with a port.
    pub(crate) fn variable(host: &str) -> Option<String> {
        let plain = !host.contains(':');
        plain.then(|| format!("TF_TOKEN_{}", host.replace('-', "__").replace('.', "_")))
    }

    /// The token for a host, whose port is part of its name.
    pub(crate) fn token(&self, host: &str) -> Option<&str> {
        self.tokens.get(host).map(String::as_str)
    }

    /// Where the settings say that a host's registry is; `Some(None)` when they say that it has none.
    pub(crate) fn service(&self, host: &str) -> Option<Option<&str>> {
        self.services.get(host).map(Option::as_deref)
    }
}

fn string(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::String(text) => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_from_files_and_variables() {
        let dir = tempfile::tempdir().unwrap();
        let (rc, json) = (dir.path().join(".terraformrc"), dir.path().join("credentials.tfrc.json"));
        let text = "credentials \"App.example.com\" {\n token = \"file\"\n}\nplugin_cache_dir = \"x\"\n\
                    credentials \"b.example.com\" {\n token = \"rc\"\n}\n\
                    host \"c.example.com\" {\n services = {\n  \"modules.v1\" = \"http://127.0.0.1:1/\"\n }\n}\n";
        fs::write(&rc, text).unwrap();
        fs::write(
            &json,
            r#"{"credentials":{"b.example.com":{"token":"json"},"d.example.com":{"token":"json"}}}"#,
        )
        .unwrap();
        let mut accounts = Accounts::default();
        assert!([&rc, &json, &dir.path().join("none")].into_iter().all(|p| accounts.read(p).is_none()));
        accounts.variable_of("TF_TOKEN_app_example_com", "variable");
        accounts.variable_of("TF_TOKEN_my__host_example", "hyphen");
        for (host, token) in [
            ("app.example.com", Some("variable")),
            ("app.example.com:8443", None),
            ("b.example.com", Some("rc")),
            ("d.example.com", Some("json")),
            ("my-host.example", Some("hyphen")),
            ("other.example", None),
        ] {
            assert_eq!(accounts.token(host), token, "{host}");
        }
        assert_eq!(accounts.service("c.example.com"), Some(Some("http://127.0.0.1:1/")));
        assert_eq!(accounts.service("b.example.com"), None);
        assert!(!format!("{accounts:?}").contains("variable"));
        fs::write(&json, "{\"credentials\": \"se\ncret").unwrap();
        let told = format!("{:?}", accounts.read(&json));
        assert!(told.contains("is no JSON") && !told.contains("cret\""), "{told}");
    }
}
