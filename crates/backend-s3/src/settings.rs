//! The arguments of the backend, with what the environment and the user's AWS files add.

use crate::sign::Credentials;
use formwork_state::{Argument, Expects, Outside, Settings, Wrong};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the backend takes, under Terraform's names
/// (<https://developer.hashicorp.com/terraform/language/backend/s3>).
pub(crate) const ARGUMENTS: [Argument; 27] = [
    Argument::new("bucket", Expects::Text),
    Argument::new("key", Expects::Text),
    Argument::new("region", Expects::Text),
    Argument::new("endpoint", Expects::Text),
    Argument::new("endpoints", Expects::Object(&["s3", "sts", "iam", "sso", "dynamodb"])),
    Argument::new("profile", Expects::Text),
    Argument::new("shared_credentials_file", Expects::Text),
    Argument::new("shared_credentials_files", Expects::Texts),
    Argument::new("shared_config_files", Expects::Texts),
    Argument::secret("access_key"),
    Argument::secret("secret_key"),
    Argument::secret("token"),
    Argument::new("encrypt", Expects::Switch),
    Argument::new("kms_key_id", Expects::Text),
    Argument::new("acl", Expects::Text),
    Argument::new("workspace_key_prefix", Expects::Text),
    Argument::new("use_lockfile", Expects::Switch),
    Argument::new("use_path_style", Expects::Switch),
    Argument::new("force_path_style", Expects::Switch),
    Argument::new("skip_credentials_validation", Expects::Switch),
    Argument::new("skip_region_validation", Expects::Switch),
    Argument::new("skip_requesting_account_id", Expects::Switch),
    Argument::new("skip_metadata_api_check", Expects::Switch),
    Argument::new("skip_s3_checksum", Expects::Switch),
    Argument::new("max_retries", Expects::Number),
    Argument::new("retry_mode", Expects::Text),
    Argument::new("allowed_account_ids", Expects::Texts),
];

pub(crate) struct S3Settings {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) region: String,
    /// `https://host[:port]`, without the bucket.
    pub(crate) endpoint: String,
    pub(crate) path_style: bool,
    pub(crate) credentials: Credentials,
    /// Headers of everything that is written.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) prefix: String,
    pub(crate) locks: bool,
    pub(crate) retries: u64,
}

impl S3Settings {
    pub(crate) fn new(settings: &Settings, outside: &dyn Outside) -> Result<S3Settings, Vec<Wrong>> {
        let text = |name: &str| settings.get(name).and_then(Json::as_str).map(str::to_owned);
        let switch = |name: &str| settings.get(name).and_then(Json::as_bool);
        let any = |names: &[&str]| names.iter().find_map(|name| outside.variable(name));
        let mut wrong = Vec::new();
        let mut need = |name: &str, found: Option<String>, variable: &str| {
            if found.is_none() {
                wrong.push(Wrong::missing(name, "s3", variable));
            }
            found.unwrap_or_default()
        };
        let bucket = need("bucket", text("bucket"), "");
        let key = need("key", text("key"), "");
        let files = Files::new(settings, outside);
        let region = text("region")
            .or_else(|| any(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
            .or_else(|| files.get("region"));
        let region = need("region", region, "AWS_REGION");
        if key.starts_with('/') || key.ends_with('/') {
            let problem = "\"key\" may not begin or end with a slash.";
            wrong.push(Wrong::new("key", problem, "For example: network/terraform.tfstate"));
        }
        let given = |name: &str, variable: &str| text(name).or_else(|| outside.variable(variable));
        let found = match (text("access_key"), text("secret_key")) {
            (Some(key), Some(secret)) => Some(Credentials { key, secret, token: text("token") }),
            _ if text("profile").is_none() => {
                match (any(&["AWS_ACCESS_KEY_ID"]), any(&["AWS_SECRET_ACCESS_KEY"])) {
                    (Some(key), Some(secret)) => {
                        Some(Credentials { key, secret, token: given("token", "AWS_SESSION_TOKEN") })
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        let found = found.or_else(|| {
            Some(Credentials {
                key: files.get("aws_access_key_id")?,
                secret: files.get("aws_secret_access_key")?,
                token: files.get("aws_session_token"),
            })
        });
        if found.is_none() {
            wrong.push(Wrong::new(
                "",
                "No AWS credentials were found for the backend \"s3\".",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile that has them (profile or AWS_PROFILE), or give \
                 access_key and secret_key. Roles and machine identities are not asked for yet: export what they give, as with aws \
                 configure export-credentials --format env.",
            ));
        }
        let endpoint =
            settings.get("endpoints").and_then(|e| e.get("s3")).and_then(Json::as_str).map(str::to_owned);
        let endpoint = endpoint
            .or_else(|| text("endpoint"))
            .or_else(|| any(&["AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL"]));
        let custom = endpoint.is_some();
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.{domain}"));
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        if !(endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
            let problem = format!("The endpoint \"{endpoint}\" is not the address of a web server.");
            wrong.push(Wrong::new("endpoints", problem, "For example: https://storage.example.com"));
        }
        let mut headers = Vec::new();
        match text("kms_key_id") {
            Some(key) => {
                headers.push(("x-amz-server-side-encryption".into(), "aws:kms".into()));
                headers.push(("x-amz-server-side-encryption-aws-kms-key-id".into(), key));
            }
            None if switch("encrypt") == Some(true) => {
                headers.push(("x-amz-server-side-encryption".into(), "AES256".into()));
            }
            None => {}
        }
        headers.extend(text("acl").map(|acl| ("x-amz-acl".into(), acl)));
        let Some(credentials) = found.filter(|_| wrong.is_empty()) else { return Err(wrong) };
        Ok(S3Settings {
            // Names with dots do not fit the certificates of hosts.
            path_style: switch("use_path_style").or(switch("force_path_style")).unwrap_or(custom)
                || bucket.contains('.'),
            bucket,
            key,
            region,
            endpoint,
            credentials,
            headers,
            prefix: text("workspace_key_prefix").unwrap_or_else(|| "env:".into()),
            locks: switch("use_lockfile").unwrap_or(true),
            retries: settings.get("max_retries").and_then(Json::as_u64).unwrap_or(5),
        })
    }
}

/// The profile in the user's AWS files.
struct Files(BTreeMap<String, String>);

impl Files {
    fn new(settings: &Settings, outside: &dyn Outside) -> Files {
        let text = |name: &str| settings.get(name).and_then(Json::as_str).map(str::to_owned);
        let profile =
            text("profile").or_else(|| outside.variable("AWS_PROFILE")).unwrap_or_else(|| "default".into());
        let texts = |name: &str| -> Vec<PathBuf> {
            let list = settings.get(name).and_then(Json::as_array);
            list.into_iter().flatten().filter_map(Json::as_str).map(PathBuf::from).collect()
        };
        let or = |mut paths: Vec<PathBuf>, variable: &str, name: &str| {
            if paths.is_empty() {
                let standard = || Some(outside.home()?.join(".aws").join(name));
                paths.extend(outside.variable(variable).map(PathBuf::from).or_else(standard));
            }
            paths
        };
        let mut own = texts("shared_credentials_files");
        own.extend(text("shared_credentials_file").map(PathBuf::from));
        let mut found = BTreeMap::new();
        for path in or(texts("shared_config_files"), "AWS_CONFIG_FILE", "config") {
            read(&path, &[&format!("profile {profile}"), &profile], &mut found);
        }
        for path in or(own, "AWS_SHARED_CREDENTIALS_FILE", "credentials") {
            read(&path, &[&profile], &mut found);
        }
        Files(found)
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned().filter(|value| !value.is_empty())
    }
}

/// Adds what sections of these names say.
fn read(path: &Path, sections: &[&str], found: &mut BTreeMap<String, String>) {
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let mut within = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            within = sections.contains(&section.trim());
        } else if within
            && !line.starts_with(['#', ';'])
            && let Some((name, value)) = line.split_once('=')
        {
            found.insert(name.trim().into(), value.trim().into());
        }
    }
}
