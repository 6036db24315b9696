//! The arguments of the backend, with what the environment and the user's AWS files add.

use formwork_aws_keys::{Account, Keys, Role, WebRole, World, seconds};
use formwork_state::{Argument, Expects, Settings, Wrong};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::sync::Arc;

/// What the backend takes, under Terraform's names
/// (<https://developer.hashicorp.com/terraform/language/backend/s3>).
pub(crate) const ARGUMENTS: [Argument; 30] = [
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
    Argument::new("assume_role", Expects::Nested(&ROLE)),
    Argument::secret_object("assume_role_with_web_identity", &WEB_ROLE),
    Argument::new("sts_region", Expects::Text),
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

/// What says which role is to be taken on.
const ROLE: [Argument; 9] = [
    Argument::new("role_arn", Expects::Text),
    Argument::new("session_name", Expects::Text),
    Argument::new("external_id", Expects::Text),
    Argument::new("duration", Expects::Text),
    Argument::new("policy", Expects::Text),
    Argument::new("policy_arns", Expects::Texts),
    Argument::new("source_identity", Expects::Text),
    Argument::new("tags", Expects::Map),
    Argument::new("transitive_tag_keys", Expects::Texts),
];

/// What says which role is to be taken on with a token of somebody else's.
const WEB_ROLE: [Argument; 7] = [
    Argument::new("role_arn", Expects::Text),
    Argument::new("session_name", Expects::Text),
    Argument::new("web_identity_token", Expects::Text),
    Argument::new("web_identity_token_file", Expects::Text),
    Argument::new("duration", Expects::Text),
    Argument::new("policy", Expects::Text),
    Argument::new("policy_arns", Expects::Texts),
];

pub(crate) struct S3Settings {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) region: String,
    /// `https://host[:port]`, without the bucket.
    pub(crate) endpoint: String,
    pub(crate) path_style: bool,
    pub(crate) keys: Keys,
    /// Headers of everything that is written.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) prefix: String,
    pub(crate) locks: bool,
    pub(crate) retries: u64,
}

impl S3Settings {
    pub(crate) fn new(settings: &Settings, world: &Arc<dyn World>) -> Result<S3Settings, Vec<Wrong>> {
        let text = |name: &str| settings.get(name).and_then(Json::as_str).map(str::to_owned);
        let switch = |name: &str| settings.get(name).and_then(Json::as_bool);
        let any = |names: &[&str]| names.iter().find_map(|name| world.variable(name));
        let (mut wrong, mut wrong_durations) = (Vec::new(), Vec::new());
        let mut need = |name: &str, found: Option<String>, variable: &str| {
            if found.is_none() {
                wrong.push(Wrong::missing(name, "s3", variable));
            }
            found.unwrap_or_default()
        };
        let bucket = need("bucket", text("bucket"), "");
        let key = need("key", text("key"), "");
        let keys = Keys::new(account(settings, &mut wrong_durations), world.clone());
        let region = need("region", keys.region(), "AWS_REGION");
        if key.starts_with('/') || key.ends_with('/') {
            let problem = "\"key\" may not begin or end with a slash.";
            wrong.push(Wrong::new("key", problem, "For example: network/terraform.tfstate"));
        }
        wrong.append(&mut wrong_durations);
        if text("access_key").is_some() != text("secret_key").is_some() {
            let problem = "\"access_key\" and \"secret_key\" belong together, and one of them is missing.";
            wrong.push(Wrong::new(
                "access_key",
                problem,
                "Give both, or neither: keys are found in the environment, too.",
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
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(S3Settings {
            // Names with dots do not fit the certificates of hosts.
            path_style: switch("use_path_style").or(switch("force_path_style")).unwrap_or(custom)
                || bucket.contains('.'),
            bucket,
            key,
            region,
            endpoint,
            keys,
            headers,
            prefix: text("workspace_key_prefix").unwrap_or_else(|| "env:".into()),
            locks: switch("use_lockfile").unwrap_or(true),
            retries: settings.get("max_retries").and_then(Json::as_u64).unwrap_or(5),
        })
    }
}

/// Whose keys are meant.
fn account(settings: &Settings, wrong: &mut Vec<Wrong>) -> Account {
    let text_of = |of: &Json, name: &str| of.get(name).and_then(Json::as_str).map(str::to_owned);
    let texts_of = |of: Option<&Json>| -> Vec<String> {
        let list = of.and_then(Json::as_array).into_iter().flatten();
        list.filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let text = |name: &str| settings.get(name).and_then(Json::as_str).map(str::to_owned);
    let paths = |name: &str| texts_of(settings.get(name)).into_iter().map(PathBuf::from);
    let mut seconds_of = |argument: &str, of: &Json| {
        let duration = text_of(of, "duration")?;
        let found = seconds(&duration);
        if found.is_none() {
            let problem = format!("The duration \"{duration}\" in \"{argument}\" is none.");
            wrong.push(Wrong::new(argument, problem, "For example: 1h30m"));
        }
        found
    };
    let role = settings.get("assume_role").map(|of| Role {
        arn: text_of(of, "role_arn").unwrap_or_default(),
        session_name: text_of(of, "session_name"),
        external_id: text_of(of, "external_id"),
        seconds: seconds_of("assume_role", of),
        policy: text_of(of, "policy"),
        policy_arns: texts_of(of.get("policy_arns")),
        source_identity: text_of(of, "source_identity"),
        tags: of
            .get("tags")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        transitive_tag_keys: texts_of(of.get("transitive_tag_keys")),
    });
    let web_role = settings.get("assume_role_with_web_identity").map(|of| WebRole {
        arn: text_of(of, "role_arn"),
        session_name: text_of(of, "session_name"),
        token: text_of(of, "web_identity_token"),
        token_file: text_of(of, "web_identity_token_file").map(PathBuf::from),
        seconds: seconds_of("assume_role_with_web_identity", of),
        policy: text_of(of, "policy"),
        policy_arns: texts_of(of.get("policy_arns")),
    });
    if role.as_ref().is_some_and(|role| role.arn.is_empty()) {
        wrong.push(Wrong::new(
            "assume_role",
            "\"assume_role\" has no \"role_arn\".",
            "Set it to the ARN of the role.",
        ));
    }
    let mut credentials_files: Vec<PathBuf> = paths("shared_credentials_files").collect();
    credentials_files.extend(text("shared_credentials_file").map(PathBuf::from));
    Account {
        region: text("region"),
        access_key: text("access_key"),
        secret_key: text("secret_key"),
        token: text("token"),
        profile: text("profile"),
        config_files: paths("shared_config_files").collect(),
        credentials_files,
        role,
        web_role,
        sts_endpoint: settings.get("endpoints").and_then(|e| text_of(e, "sts")),
        sts_region: text("sts_region"),
        skip_metadata: settings.get("skip_metadata_api_check").and_then(Json::as_bool) == Some(true),
    }
}
