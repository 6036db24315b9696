//! Keys for what speaks to AWS without its SDK: found as the provider finds its own, roles taken on with them.

use crate::client::{credentials, profile_files, timeouts};
use crate::error::causes;
use crate::settings::Arguments;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use formwork_aws_keys::{Account, Key, Role, WebRole};
use std::error::Error;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The region of the Security Token Service when none is said: roles are the same in all of a partition.
const USUAL: &str = "us-east-1";

/// A key of this account; waits for whoever gives it out. The error is a sentence without its end.
pub fn ask(account: &Account) -> Result<Key, String> {
    // The caller may be on a thread that must not wait.
    let asked = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|e| format!("nothing can be asked for: {e}"))?.block_on(key(account))
        });
        thread.join()
    });
    asked.unwrap_or_else(|_| Err("asking for a key ended in a panic".into()))
}

async fn key(account: &Account) -> Result<Key, String> {
    if let Some(role) = &account.web_role {
        let key = with_token(&service(account, None).await, role).await?;
        return match &account.role {
            Some(further) => taken_on(&service(account, Some(known(&key))).await, further).await,
            None => Ok(key),
        };
    }
    let region = account.region.clone().unwrap_or_else(|| USUAL.into());
    let arguments = arguments(account);
    let provider = credentials(&arguments, &profile_files(&arguments), &region).await;
    match &account.role {
        Some(role) => taken_on(&service(account, Some(provider)).await, role).await,
        None => match provider.provide_credentials().await {
            Ok(found) => Ok(Key {
                id: found.access_key_id().into(),
                secret: found.secret_access_key().into(),
                token: found.session_token().map(str::to_owned),
                until: found.expiry().and_then(unix),
            }),
            Err(e) => Err(format!("nobody gave one out: {}", told(&e))),
        },
    }
}

fn arguments(account: &Account) -> Arguments {
    let texts = |paths: &[PathBuf]| -> Option<Vec<String>> {
        let texts: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        Some(texts).filter(|texts| !texts.is_empty())
    };
    Arguments {
        region: account.region.clone(),
        profile: account.profile.clone(),
        access_key: account.access_key.clone(),
        secret_key: account.secret_key.clone(),
        token: account.token.clone(),
        shared_config_files: texts(&account.config_files),
        shared_credentials_files: texts(&account.credentials_files),
        skip_metadata_api_check: Some(account.skip_metadata),
        ..Arguments::default()
    }
}

fn known(key: &Key) -> SharedCredentialsProvider {
    let Key { id, secret, token, .. } = key;
    SharedCredentialsProvider::new(Credentials::new(id, secret, token.clone(), None, "web identity"))
}

/// The Security Token Service, asked with these keys.
async fn service(account: &Account, keys: Option<SharedCredentialsProvider>) -> aws_sdk_sts::Client {
    let region = account.sts_region.clone().or_else(|| account.region.clone());
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.unwrap_or_else(|| USUAL.into())))
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts());
    let config = match keys {
        Some(keys) => config.credentials_provider(keys),
        None => config.no_credentials(),
    };
    let config = match &account.sts_endpoint {
        Some(url) if url.contains("://") => config.endpoint_url(url),
        Some(host) => config.endpoint_url(format!("https://{host}")),
        None => config,
    };
    aws_sdk_sts::Client::new(&config.load().await)
}

async fn taken_on(sts: &aws_sdk_sts::Client, role: &Role) -> Result<Key, String> {
    let tags: Result<Vec<Tag>, _> =
        role.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let asked = sts
        .assume_role()
        .role_arn(&role.arn)
        .role_session_name(role.session_name.as_deref().unwrap_or("formwork"))
        .set_external_id(role.external_id.clone())
        .set_duration_seconds(role.seconds)
        .set_policy(role.policy.clone())
        .set_policy_arns(policies(&role.policy_arns))
        .set_source_identity(role.source_identity.clone())
        .set_tags(some(tags.map_err(|e| e.to_string())?))
        .set_transitive_tag_keys(some(role.transitive_tag_keys.clone()));
    let answer = asked.send().await;
    let answer = answer.map_err(|e| format!("the role {} cannot be taken on: {}", role.arn, told(&e)))?;
    given(answer.credentials.as_ref())
}

async fn with_token(sts: &aws_sdk_sts::Client, role: &WebRole) -> Result<Key, String> {
    let Some(arn) = &role.arn else {
        return Err("no role is named: set role_arn in assume_role_with_web_identity, or AWS_ROLE_ARN".into());
    };
    let token = match (&role.token, &role.token_file) {
        (Some(token), _) => token.clone(),
        (None, Some(path)) => std::fs::read_to_string(path).map_err(|e| {
            format!("the token of the identity provider cannot be read: {}: {e}", path.display())
        })?,
        (None, None) => {
            return Err(
                "there is no token: set web_identity_token_file in assume_role_with_web_identity, or \
                        AWS_WEB_IDENTITY_TOKEN_FILE"
                    .into(),
            );
        }
    };
    let asked = sts
        .assume_role_with_web_identity()
        .role_arn(arn)
        .role_session_name(role.session_name.as_deref().unwrap_or("formwork"))
        .web_identity_token(token.trim())
        .set_duration_seconds(role.seconds)
        .set_policy(role.policy.clone())
        .set_policy_arns(policies(&role.policy_arns));
    let answer = asked.send().await;
    let answer = answer.map_err(|e| format!("the role {arn} cannot be taken on: {}", told(&e)))?;
    given(answer.credentials.as_ref())
}

fn some<T>(all: Vec<T>) -> Option<Vec<T>> {
    Some(all).filter(|all| !all.is_empty())
}

fn policies(arns: &[String]) -> Option<Vec<PolicyDescriptorType>> {
    some(arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build()).collect())
}

fn given(found: Option<&aws_sdk_sts::types::Credentials>) -> Result<Key, String> {
    let found = found.ok_or("the Security Token Service gave no key with the role")?;
    Ok(Key {
        id: found.access_key_id.clone(),
        secret: found.secret_access_key.clone(),
        token: Some(found.session_token.clone()),
        until: Some(found.expiration.secs()),
    })
}

fn unix(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Why it failed, in one line. Texts that may quote a request, and what is secret in it, are left out.
fn told(error: &(dyn Error + 'static)) -> String {
    let text = causes(error).unwrap_or_else(|| error.to_string());
    text.trim_end_matches('.').to_owned()
}
