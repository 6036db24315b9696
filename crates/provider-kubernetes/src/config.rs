//! The provider block, and the connection that it describes.

use crate::Defaults;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use formwork_provider::{CallError, Model, Nested, Resource};
use formwork_value::{Path, Value};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Reaches a Kubernetes cluster.
///
/// The cluster is named by `host`, or by a context of a kubeconfig file; what stands here counts before what the file
/// says. Nothing is asked of the cluster before an object of it is planned or read.
#[derive(Clone, Debug, Resource)]
#[resource(name = "kubernetes")]
pub(crate) struct Arguments {
    /// Address of the API server, such as `https://10.0.0.1:6443`.
    pub host: Option<String>,
    /// User name for basic authentication.
    pub username: Option<String>,
    /// Password for basic authentication.
    #[attr(sensitive)]
    pub password: Option<String>,
    /// Whether to accept any certificate of the server.
    pub insecure: Option<bool>,
    /// Name that the server's certificate must be for, if not the one in its address.
    pub tls_server_name: Option<String>,
    /// Client certificate, in PEM.
    pub client_certificate: Option<String>,
    /// Private key of the client certificate, in PEM.
    #[attr(sensitive)]
    pub client_key: Option<String>,
    /// Certificates of the authorities that may have signed the server's certificate, in PEM.
    pub cluster_ca_certificate: Option<String>,
    /// Path of a kubeconfig file. It is read when the cluster is first needed, so it may be made by the same apply.
    pub config_path: Option<String>,
    /// Paths of kubeconfig files, merged; what an earlier one says counts.
    pub config_paths: Option<Vec<String>>,
    /// Context of the kubeconfig file, if not its current one.
    pub config_context: Option<String>,
    /// User of the kubeconfig file, in place of the context's.
    pub config_context_auth_info: Option<String>,
    /// Cluster of the kubeconfig file, in place of the context's.
    pub config_context_cluster: Option<String>,
    /// Bearer token.
    #[attr(sensitive)]
    pub token: Option<String>,
    /// Address of a proxy. Proxies are not supported: setting it is an error.
    pub proxy_url: Option<String>,
    /// Annotations to leave out of what is read, as regular expressions for their names. Those in a manifest stay.
    pub ignore_annotations: Option<Vec<String>>,
    /// Labels to leave out of what is read, as regular expressions for their names. Those in a manifest stay.
    pub ignore_labels: Option<Vec<String>>,
    /// A program that prints credentials (`ExecCredential`), run when the cluster is first needed.
    #[block(list, max = 1)]
    pub exec: Vec<Exec>,
    /// Switches of older provider versions. They have no effect.
    #[block(list, max = 1)]
    pub experiments: Vec<Experiments>,
}

/// A program that prints credentials.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Exec {
    /// Version of the `ExecCredential` that it prints, such as `client.authentication.k8s.io/v1`.
    pub api_version: String,
    /// The program: a path, or a name that is looked for on the `PATH`.
    pub command: String,
    /// Its arguments.
    pub args: Option<Vec<String>>,
    /// Variables to add to its environment.
    #[attr(sensitive)]
    pub env: Option<BTreeMap<String, String>>,
}

/// Switches of older provider versions.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Experiments {
    /// Has no effect: `kubernetes_manifest` is always there.
    pub manifest_resource: Option<bool>,
}

/// Reads the provider block.
pub(crate) fn read(config: &Value) -> Result<Arguments, CallError> {
    Arguments::from_value(config)
        .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))
}

/// A connection that can be made.
pub(crate) struct Access {
    /// For the client.
    pub config: kube::Config,
    /// The client certificate, in PEM.
    pub certificate: Option<Vec<u8>>,
}

impl Arguments {
    /// The kubeconfig files to read.
    fn files(&self, defaults: &Defaults) -> Vec<PathBuf> {
        let named: Vec<PathBuf> = match (&self.config_path, &self.config_paths) {
            (Some(path), _) => vec![path.into()],
            (None, Some(paths)) if !paths.is_empty() => paths.iter().map(PathBuf::from).collect(),
            _ if self.host.is_none() => defaults.config_paths.clone(),
            _ => Vec::new(),
        };
        let home = |path: PathBuf| match (path.strip_prefix("~"), &defaults.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path,
        };
        named.into_iter().map(home).collect()
    }

    /// Puts file and arguments together. Reads files, and may run a program: not for a thread that must not block.
    pub fn access(&self, defaults: &Defaults) -> Result<Access, CallError> {
        if self.proxy_url.is_some() {
            let detail = "proxy_url is set, but this provider cannot use a proxy. Take it out, and reach the server directly \
                          or through a tunnel.";
            return Err(wrong("proxy_url", "Proxies are not supported", detail));
        }
        let files = self.files(defaults);
        let mut config = match (self.kubeconfig(&files)?, &self.host) {
            (Some(config), _) => config,
            (None, Some(host)) => kube::Config::new(self.address(host)?),
            (None, None) => {
                let detail = "Neither host nor config_path is set, so the cluster is not named. Set host to the address of \
                              the API server, or config_path to a kubeconfig file, in the provider block; the environment \
                              variable KUBE_CONFIG_PATH can name the file, too.";
                return Err(wrong("host", "Cluster is not named", detail));
            }
        };
        if let Some(host) = &self.host {
            config.cluster_url = self.address(host)?;
        }
        if let Some(pem) = &self.cluster_ca_certificate {
            config.root_cert = Some(certificates("cluster_ca_certificate", pem)?);
        }
        if let Some(insecure) = self.insecure {
            config.accept_invalid_certs = insecure;
        }
        if let Some(name) = &self.tls_server_name {
            config.tls_server_name = Some(name.clone());
        }
        self.credentials(&mut config)?;
        config.connect_timeout = Some(Duration::from_secs(10));
        config.read_timeout = Some(Duration::from_secs(75));
        config.reset_reader_on_write = true;
        // Calls are tried again above, where the call's place under the limit can be given up meanwhile.
        config.default_retry = false;
        let auth = &config.auth_info;
        let certificate = match (&auth.client_certificate_data, &auth.client_certificate) {
            (Some(data), _) => STANDARD.decode(data).ok(),
            (None, Some(path)) => std::fs::read(path).ok(),
            _ => None,
        };
        Ok(Access { config, certificate })
    }

    /// What the kubeconfig files say; `None` without files.
    fn kubeconfig(&self, files: &[PathBuf]) -> Result<Option<kube::Config>, CallError> {
        let mut merged: Option<Kubeconfig> = None;
        for file in files {
            let unreadable = |error: KubeconfigError| {
                let detail = format!(
                    "The kubeconfig file {} cannot be used: {}. Check config_path; ~ stands for the home folder, and other \
                     paths are relative to the folder in which Formwork runs.",
                    file.display(),
                    chain(&error)
                );
                wrong("config_path", "Kubeconfig cannot be read", detail)
            };
            let read = Kubeconfig::read_from(file).map_err(unreadable)?;
            merged = Some(match merged {
                Some(before) => before.merge(read).map_err(unreadable)?,
                None => read,
            });
        }
        let Some(merged) = merged else { return Ok(None) };
        let proxies: Vec<http::Uri> = merged
            .clusters
            .iter()
            .filter_map(|c| c.cluster.as_ref()?.proxy_url.as_ref()?.parse().ok())
            .collect();
        let mut loaded = load(merged, self).map_err(|error| {
            let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
            let detail = format!(
                "The kubeconfig {} does not describe a cluster to reach: {}. Check config_context, and what the file says of \
                 it.",
                names.join(", "),
                chain(&error)
            );
            wrong("config_context", "Kubeconfig cannot be used", detail)
        })?;
        if loaded.proxy_url.as_ref().is_some_and(|url| proxies.contains(url)) {
            let detail = "The kubeconfig's cluster has a proxy-url, but this provider cannot use a proxy.";
            return Err(wrong("config_path", "Proxies are not supported", detail));
        }
        // The loader looks for proxies in the environment as well.
        loaded.proxy_url = None;
        Ok(Some(loaded))
    }

    fn address(&self, host: &str) -> Result<http::Uri, CallError> {
        let secure = self.cluster_ca_certificate.is_some()
            || self.client_certificate.is_some()
            || self.insecure == Some(true);
        let text = match host.contains("://") {
            true => host.to_owned(),
            false if secure => format!("https://{host}"),
            false => format!("http://{host}"),
        };
        let parsed = text.parse::<http::Uri>().ok();
        parsed
            .filter(|uri| {
                uri.host().is_some() && ["http", "https"].contains(&uri.scheme_str().unwrap_or_default())
            })
            .ok_or_else(|| {
                let detail =
                    format!("host is \"{host}\"; it must be an address such as \"https://10.0.0.1:6443\".");
                wrong("host", "Malformed address", detail)
            })
    }

    /// Puts the block's credentials in place of the file's.
    fn credentials(&self, config: &mut kube::Config) -> Result<(), CallError> {
        let mut new = json!({});
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            new["username"] = username.as_str().into();
            new["password"] = password.as_str().into();
        }
        if let Some(token) = &self.token {
            new["token"] = token.as_str().into();
        }
        if let Some(pem) = &self.client_certificate {
            certificates("client_certificate", pem)?;
            new["client-certificate-data"] = STANDARD.encode(pem).into();
        }
        if let Some(pem) = &self.client_key {
            new["client-key-data"] = STANDARD.encode(pem).into();
        }
        if let Some(exec) = self.exec.first() {
            let env: Vec<Json> = exec
                .env
                .iter()
                .flatten()
                .map(|(name, value)| json!({ "name": name, "value": value }))
                .collect();
            new["exec"] = json!({
                "apiVersion": exec.api_version,
                "command": exec.command,
                "args": exec.args.clone().unwrap_or_default(),
                "env": env,
                "interactiveMode": "Never",
                "provideClusterInfo": false,
            });
        }
        if new.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(());
        }
        let unusable = |_| {
            let detail = "The credentials in the provider block cannot be put together with those of the kubeconfig file.";
            CallError::new("Credentials cannot be used", detail)
        };
        let mut all = serde_json::to_value(&config.auth_info).map_err(unusable)?;
        // The client prefers passwords to tokens, and tokens to programs: what is set here must win.
        for old in ["username", "password", "token", "tokenFile", "exec", "auth-provider"] {
            if new.get("client-certificate-data").is_none()
                && let Some(all) = all.as_object_mut()
            {
                all.remove(old);
            }
        }
        if let (Some(all), Json::Object(new)) = (all.as_object_mut(), new) {
            all.extend(new);
        }
        config.auth_info = serde_json::from_value(all).map_err(unusable)?;
        Ok(())
    }
}

/// Resolves a kubeconfig. The loader is asynchronous in name only.
fn load(kubeconfig: Kubeconfig, arguments: &Arguments) -> Result<kube::Config, KubeconfigError> {
    let options = KubeConfigOptions {
        context: arguments.config_context.clone(),
        cluster: arguments.config_context_cluster.clone(),
        user: arguments.config_context_auth_info.clone(),
    };
    tokio::runtime::Handle::current().block_on(kube::Config::from_custom_kubeconfig(kubeconfig, &options))
}

/// The certificates in a PEM text, in DER.
fn certificates(argument: &str, pem: &str) -> Result<Vec<Vec<u8>>, CallError> {
    let found = crate::x509::from_pem(pem.as_bytes());
    if found.is_empty() {
        let detail = format!(
            "{argument} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----. If the text is base64 of \
             that, as in a kubeconfig file, decode it with base64decode()."
        );
        return Err(wrong(argument, "Malformed certificate", detail));
    }
    Ok(found)
}

fn wrong(argument: &str, summary: &str, detail: impl Into<String>) -> CallError {
    CallError::new(summary, detail).on(Path::root().attr(argument))
}

/// An error with its causes, each once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use formwork_provider::Model;

    fn arguments(set: &[(&str, &str)]) -> Arguments {
        let block = Arguments::schema().block;
        let empty = block
            .attributes
            .iter()
            .map(|(name, a)| (name.clone(), Value::null(a.ty.clone())))
            .chain(block.blocks.iter().map(|(name, b)| (name.clone(), Value::null(b.ty()))));
        let mut all: formwork_value::Map = empty.collect();
        all.extend(set.iter().map(|(name, text)| ((*name).into(), Value::string(*text))));
        Arguments::from_value(&all.into()).unwrap()
    }

    fn access(set: &[(&str, &str)]) -> Result<Access, CallError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let arguments = arguments(set);
        std::thread::scope(|s| {
            let handle = runtime.handle().clone();
            s.spawn(move || {
                let _guard = handle.enter();
                arguments.access(&Defaults::default())
            })
            .join()
            .unwrap()
        })
    }

    #[test]
    fn addresses() {
        let check = |set: &[(&str, &str)], address: &str| {
            assert_eq!(access(set).unwrap().config.cluster_url.to_string(), address);
        };
        check(&[("host", "https://10.0.0.1:6443/")], "https://10.0.0.1:6443/");
        check(&[("host", "10.0.0.1:6443")], "http://10.0.0.1:6443/");
        let refused = |set: &[(&str, &str)], on: &str| {
            let error = access(set).err().unwrap();
            assert_eq!(error.path.first_attr(), Some(on), "{}", error.detail);
            assert!(error.no_effect && error.retry == formwork_provider::Retry::Never);
        };
        refused(&[], "host");
        refused(&[("host", "https://")], "host");
        refused(&[("host", "https://x"), ("cluster_ca_certificate", "LS0t")], "cluster_ca_certificate");
        refused(&[("config_path", "/nowhere/config")], "config_path");
        refused(&[("host", "https://x"), ("proxy_url", "http://p")], "proxy_url");
    }

    #[test]
    fn a_token_of_the_block_counts_before_the_file() {
        let folder = std::env::temp_dir().join(format!("fw-kube-{}", std::process::id()));
        let file = folder.with_extension("config");
        let text = json!({
            "clusters": [{ "name": "c", "cluster": { "server": "https://10.9.9.9:1", "insecure-skip-tls-verify": true } }],
            "users": [{ "name": "u", "user": { "username": "a", "password": "b" } }],
            "contexts": [{ "name": "x", "context": { "cluster": "c", "user": "u" } }],
            "current-context": "x",
        });
        std::fs::write(&file, text.to_string()).unwrap();
        let access = access(&[("config_path", file.to_str().unwrap()), ("token", "t0ken")]).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(access.config.cluster_url.to_string(), "https://10.9.9.9:1/");
        assert!(access.config.accept_invalid_certs);
        assert_eq!(access.config.auth_info.username, None);
        assert!(access.config.auth_info.token.is_some());
    }
}
