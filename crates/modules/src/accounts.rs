//! What the user's own settings say of the hosts of registries: tokens, and where their services are
//! (<https://developer.hashicorp.com/terraform/cli/config/config-file#credentials>).

use crate::fetch::Problem;
use crate::helper::Helper;
use formwork_config::ascii_host;
use formwork_diag::{Diagnostic, Sources};
use formwork_syntax::{Body, Expr, ExprKind, parse};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Tokens and services by hosts, whose names are those of the net.
#[derive(Clone, Default)]
pub struct Accounts {
    tokens: BTreeMap<String, String>,
    /// Of hosts that are not asked themselves: the address of `modules.v1`, if they have one.
    services: BTreeMap<String, Option<String>>,
    /// Who knows the tokens of hosts that neither files nor variables name.
    helper: Option<Helper>,
    /// Where that program may be.
    programs: Vec<PathBuf>,
    /// What it has answered.
    helped: RefCell<BTreeMap<String, Option<String>>>,
}

/// Tokens are not shown.
impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("hosts", &self.tokens.keys()).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Nothing is known yet. A `credentials_helper` will be looked for in these folders.
    pub fn new(programs: Vec<PathBuf>) -> Self {
        Accounts { programs, ..Accounts::default() }
    }

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
        let members = |name: &str| json.get(name).and_then(Value::as_object).into_iter().flatten();
        for (host, settings) in members("credentials") {
            if let Some(token) = settings.get("token").and_then(Value::as_str) {
                self.add_token(host, token.to_owned());
            }
        }
        for (host, settings) in members("host") {
            if let Some(services) = settings.get("services").and_then(Value::as_object) {
                let own = services.get("modules.v1").and_then(Value::as_str);
                self.add_service(host, own.map(str::to_owned));
            }
        }
        for (name, settings) in members("credentials_helper") {
            let args = settings.get("args").and_then(Value::as_array).into_iter().flatten();
            self.add_helper(name, args.filter_map(|a| a.as_str().map(str::to_owned)).collect());
        }
    }

    fn body(&mut self, body: &Body) {
        for block in &body.blocks {
            let [label] = &*block.labels else { continue };
            let label = &*label.name;
            match &*block.kind.name {
                "credentials" => {
                    if let Some(token) = block.body.attribute("token").and_then(|a| string(&a.expr)) {
                        self.add_token(label, token);
                    }
                }
                "host" => {
                    let Some(services) = block.body.attribute("services") else { continue };
                    let ExprKind::Object(items) = &services.expr.kind else { continue };
                    let own = items.iter().find(|i| string(&i.key).as_deref() == Some("modules.v1"));
                    self.add_service(label, own.and_then(|i| string(&i.value)));
                }
                "credentials_helper" => {
                    let args = match block.body.attribute("args").map(|a| &a.expr.kind) {
                        Some(ExprKind::Tuple(items)) => items.iter().filter_map(string).collect(),
                        _ => Vec::new(),
                    };
                    self.add_helper(label, args);
                }
                _ => {}
            }
        }
    }

    fn add_token(&mut self, host: &str, token: String) {
        if let Some(host) = ascii_host(host) {
            self.tokens.entry(host).or_insert(token);
        }
    }

    fn add_service(&mut self, host: &str, place: Option<String>) {
        if let Some(host) = ascii_host(host) {
            self.services.entry(host).or_insert(place);
        }
    }

    fn add_helper(&mut self, name: &str, args: Vec<String>) {
        // It is the end of a file's name, and leads nowhere else.
        if !name.is_empty() && !name.contains(['/', '\\']) {
            self.helper.get_or_insert(Helper { name: name.to_owned(), args });
        }
    }

    /// Takes a token from a variable of the environment, if it has the name of one: `TF_TOKEN_` and the host, with
    /// underscores for dots and two of them for a hyphen. It counts more than what files say.
    pub fn variable_of(&mut self, name: &str, value: &str) {
        if let Some(host) = name.strip_prefix("TF_TOKEN_")
            && let Some(host) = ascii_host(&host.replace("__", "-").replace('_', "."))
        {
            self.tokens.insert(host, value.to_owned());
        }
    }

    /// The name of the variable for a host's token; there is none for a host with a port.
    pub(crate) fn variable(host: &str) -> Option<String> {
        let plain = !host.contains(':');
        plain.then(|| format!("TF_TOKEN_{}", host.replace('-', "__").replace('.', "_")))
    }

    /// The token for a host, whose port is part of its name.
    pub(crate) fn token(&self, host: &str) -> Result<Option<String>, Problem> {
        if let Some(token) = self.tokens.get(host) {
            return Ok(Some(token.clone()));
        }
        let Some(helper) = &self.helper else { return Ok(None) };
        if let Some(known) = self.helped.borrow().get(host) {
            return Ok(known.clone());
        }
        let token = helper.token(&self.programs, host)?;
        self.helped.borrow_mut().insert(host.to_owned(), token.clone());
        Ok(token)
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
                    credentials \"домен.example\" {\n token = \"rc\"\n}\n\
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
        accounts.variable_of("TF_TOKEN_xn____caf__dma_example", "variable");
        for (host, token) in [
            ("app.example.com", Some("variable")),
            ("app.example.com:8443", None),
            ("b.example.com", Some("rc")),
            ("d.example.com", Some("json")),
            ("my-host.example", Some("hyphen")),
            ("xn--caf-dma.example", Some("variable")),
            ("xn--d1acufc.example", Some("rc")),
            ("other.example", None),
        ] {
            assert_eq!(accounts.token(host).unwrap().as_deref(), token, "{host}");
        }
        assert_eq!(accounts.service("c.example.com"), Some(Some("http://127.0.0.1:1/")));
        assert_eq!(accounts.service("b.example.com"), None);
        assert!(!format!("{accounts:?}").contains("variable"));
        fs::write(&json, "{\"credentials\": \"se\ncret").unwrap();
        let told = format!("{:?}", accounts.read(&json));
        assert!(told.contains("is no JSON") && !told.contains("cret\""), "{told}");
    }
    /// A program that answers in its own way for each host, and writes down what it was asked.
    #[cfg(unix)]
    #[test]
    fn a_helper_is_asked_for_what_nobody_else_knows() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\necho \"$@\" >> \"$0.log\"\ncase \"$4\" in\n\
                      good.example) echo '{\"token\":\"t0ken\"}';;\n none.example) echo '{}';;\n\
                      broken.example) echo 't0ken';;\n *) exit 3;;\nesac\n";
        let older = dir.path().join("terraform-credentials-vault_v1.9.0");
        let newer = dir.path().join("terraform-credentials-vault_v1.10.0");
        for (path, text) in [(&older, "#!/bin/sh\nexit 1\n"), (&newer, script)] {
            fs::write(path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let rc = dir.path().join("rc");
        let rcs = [
            (
                rc.clone(),
                "credentials_helper \"vault\" {\n args = [\"-p\", \"a b\"]\n}\ncredentials \"own.example\" {\n token = \"own\"\n}\n",
            ),
            (
                rc.with_extension("json"),
                r#"{"credentials_helper": {"vault": {"args": ["-p", "a b"]}}, "credentials": {"own.example": {"token": "own"}}}"#,
            ),
        ];
        for (path, text) in rcs {
            fs::write(&path, text).unwrap();
            let mut accounts = Accounts::new(vec![dir.path().join("none"), dir.path().to_owned()]);
            assert_eq!(accounts.read(&path), None);
            for _ in 0..2 {
                assert_eq!(accounts.token("good.example"), Ok(Some("t0ken".into())));
            }
            assert_eq!(accounts.token("none.example"), Ok(None));
            assert_eq!(accounts.token("own.example"), Ok(Some("own".into())));
            let log = newer.with_file_name("terraform-credentials-vault_v1.10.0.log");
            assert_eq!(
                fs::read_to_string(&log).unwrap(),
                "-p a b get good.example\n-p a b get none.example\n"
            );
            fs::remove_file(&log).unwrap();
            let wrong = |host: &str| accounts.token(host).unwrap_err().detail;
            assert!(
                wrong("broken.example")
                    .ends_with("gives no token for broken.example: its answer is no JSON.")
            );
            assert!(!wrong("broken.example").contains("t0ken"));
            assert!(wrong("bad.example").contains("it ended with exit status: 3"));
            fs::remove_file(&log).unwrap();
        }
        let mut nowhere = Accounts::new(vec![dir.path().join("none")]);
        nowhere.read(&rc);
        let problem = nowhere.token("x.example").unwrap_err();
        assert!(problem.detail.contains("there is no program terraform-credentials-vault"), "{problem:?}");
        assert!(problem.help.is_some_and(|h| h.contains("none")));
    }
}
