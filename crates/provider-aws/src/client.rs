//! The connection to AWS that the provider block describes.

use crate::error::failed;
use crate::settings::{Arguments, Settings};
use crate::trace::Trace;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use formwork_provider::CallError;
use formwork_value::Path;
use std::time::Duration;
use tokio::sync::OnceCell;

/// What resource types are given.
pub(crate) struct Aws {
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// Elastic Load Balancing, version 2.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// The Security Token Service.
    pub sts: aws_sdk_sts::Client,
    /// The region's name.
    pub region: String,
    /// What else the block says.
    pub settings: Settings,
    account: OnceCell<String>,
    known: OnceCell<Option<String>>,
}

/// What the functions of a resource type are given.
pub(crate) type Context<'a> = formwork_provider::Cx<'a, Aws>;

impl Aws {
    /// The account's number; empty if it is not to be asked for. Asks at the first call only.
    pub async fn account(&self) -> Result<String, CallError> {
        if self.settings.skip_requesting_account_id {
            return Ok(String::new());
        }
        let ask = async || {
            let answer = self.sts.get_caller_identity().send().await;
            let identity = answer.map_err(|e| failed("The AWS account could not be determined", e))?;
            Ok(identity.account.unwrap_or_default())
        };
        self.account.get_or_try_init(ask).await.cloned()
    }

    /// The account's number, if it can be had. Who cannot be reached is not asked again.
    pub async fn account_if_known(&self) -> Option<String> {
        let found = self.known.get_or_init(async || self.account().await.ok()).await;
        found.clone().filter(|account| !account.is_empty())
    }

    /// The ARN of a resource in this region, such as `vpc/vpc-1` of the service `ec2`.
    pub fn arn(&self, service: &str, account: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{account}:{resource}", partition(&self.region), self.region)
    }

    async fn check_account(&self) -> Result<(), CallError> {
        let Settings { allowed_account_ids: allowed, forbidden_account_ids: forbidden, .. } = &self.settings;
        if allowed.is_empty() && forbidden.is_empty() {
            return Ok(());
        }
        let account = self.account().await?;
        let (name, refused) = if forbidden.contains(&account) {
            ("forbidden_account_ids", true)
        } else {
            ("allowed_account_ids", !allowed.is_empty() && !allowed.contains(&account))
        };
        if !refused {
            return Ok(());
        }
        let found = if account.is_empty() {
            "The account is not known, as skip_requesting_account_id is set".to_owned()
        } else {
            format!("The credentials belong to the account {account}")
        };
        let detail =
            format!("{found}, and {name} does not admit that. Use other credentials, or change {name}.");
        Err(CallError::new("AWS account not allowed", detail).on(Path::root().attr(name)))
    }
}

/// The partition that a region belongs to: the second part of ARNs.
fn partition(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        r if r.starts_with("us-iso-") => "aws-iso",
        r if r.starts_with("us-isob-") => "aws-iso-b",
        _ => "aws",
    }
}

/// Makes the clients. Asks nobody, unless accounts are allowed or forbidden.
pub(crate) async fn connect(arguments: Arguments) -> Result<Aws, CallError> {
    arguments.check()?;
    let files = profile_files(&arguments);
    let region = region(&arguments, &files).await?;
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.clone()))
        .credentials_provider(credentials(&arguments, &files, &region).await)
        .profile_files(files)
        // The framework tries again: it knows which calls may be repeated.
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(timeouts());
    let config = match &arguments.profile {
        Some(profile) => config.profile_name(profile),
        None => config,
    };
    let config = match arguments.use_fips_endpoint {
        Some(use_it) => config.use_fips(use_it),
        None => config,
    };
    let config = match arguments.use_dualstack_endpoint {
        Some(use_it) => config.use_dual_stack(use_it),
        None => config,
    };
    let aws = clients(&arguments, assume(&arguments, config.load().await).await, region);
    aws.check_account().await?;
    Ok(aws)
}

fn clients(arguments: &Arguments, config: SdkConfig, region: String) -> Aws {
    use {aws_sdk_ec2 as ec2, aws_sdk_elasticloadbalancingv2 as elb, aws_sdk_sts as sts};
    let mut for_ec2 = ec2::config::Builder::from(&config).interceptor(Trace);
    let mut for_elb = elb::config::Builder::from(&config).interceptor(Trace);
    let mut for_sts = sts::config::Builder::from(&config).interceptor(Trace);
    if let Some(url) = arguments.endpoint(|e| e.ec2.as_ref()) {
        for_ec2 = for_ec2.endpoint_url(url);
    }
    let balancing = arguments
        .endpoint(|e| e.elbv2.as_ref().or(e.elasticloadbalancingv2.as_ref()))
        .or_else(|| arguments.endpoint(|e| e.elb.as_ref().or(e.elasticloadbalancing.as_ref())));
    if let Some(url) = balancing {
        for_elb = for_elb.endpoint_url(url);
    }
    if let Some(url) = arguments.endpoint(|e| e.sts.as_ref()) {
        for_sts = for_sts.endpoint_url(url);
    }
    Aws {
        ec2: ec2::Client::from_conf(for_ec2.build()),
        elb: elb::Client::from_conf(for_elb.build()),
        sts: sts::Client::from_conf(for_sts.build()),
        region,
        settings: Settings::from(arguments),
        account: OnceCell::new(),
        known: OnceCell::new(),
    }
}

pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(60))
        .build()
}

/// The files that profiles are read from.
pub(crate) fn profile_files(arguments: &Arguments) -> EnvConfigFiles {
    let mut files = EnvConfigFiles::builder();
    match &arguments.shared_config_files {
        Some(paths) => {
            for path in paths {
                files = files.with_file(EnvConfigFileKind::Config, path);
            }
        }
        None => files = files.include_default_config_file(true),
    }
    match &arguments.shared_credentials_files {
        Some(paths) => {
            for path in paths {
                files = files.with_file(EnvConfigFileKind::Credentials, path);
            }
        }
        None => files = files.include_default_credentials_file(true),
    }
    files.build()
}

async fn region(arguments: &Arguments, files: &EnvConfigFiles) -> Result<String, CallError> {
    if let Some(region) = arguments.region.as_deref().filter(|region| !region.is_empty()) {
        return Ok(region.to_owned());
    }
    let mut of_profile = ProfileFileRegionProvider::builder().profile_files(files.clone());
    if let Some(profile) = &arguments.profile {
        of_profile = of_profile.profile_name(profile);
    }
    let found = match EnvironmentVariableRegionProvider::new().region().await {
        Some(region) => Some(region),
        None => of_profile.build().region().await,
    };
    found.map(|region| region.to_string()).ok_or_else(|| {
        let detail = "No region is set. Set the argument region in the provider block, AWS_REGION in the environment, or \
                      region in the profile that is used.";
        CallError::new("Missing AWS region", detail).on(Path::root().attr("region"))
    })
}

/// Where credentials come from: the block, or what is usual with AWS. Nothing is read or asked before the first call.
pub(crate) async fn credentials(
    arguments: &Arguments,
    files: &EnvConfigFiles,
    region: &str,
) -> SharedCredentialsProvider {
    if let (Some(access), Some(secret)) = (&arguments.access_key, &arguments.secret_key)
        && !access.is_empty()
    {
        let token = arguments.token.clone().filter(|token| !token.is_empty());
        return SharedCredentialsProvider::new(Credentials::new(
            access,
            secret,
            token,
            None,
            "provider block",
        ));
    }
    let config = ProviderConfig::without_region().with_region(Some(Region::new(region.to_owned())));
    let mut profile =
        ProfileFileCredentialsProvider::builder().configure(&config).profile_files(files.clone());
    if let Some(name) = &arguments.profile {
        profile = profile.profile_name(name);
        return SharedCredentialsProvider::new(profile.build());
    }
    let chain =
        CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
            .or_else("Profile", profile.build())
            .or_else(
                "WebIdentityToken",
                WebIdentityTokenCredentialsProvider::builder().configure(&config).build(),
            )
            .or_else(
                "Container",
                aws_config::ecs::EcsCredentialsProvider::builder().configure(&config).build(),
            );
    if arguments.skip_metadata_api_check == Some(true) {
        return SharedCredentialsProvider::new(chain);
    }
    let instance = ImdsCredentialsProvider::builder().configure(&config).build();
    SharedCredentialsProvider::new(chain.or_else("Instance", instance))
}

/// The configuration with the role's credentials, if one is to be taken on.
async fn assume(arguments: &Arguments, config: SdkConfig) -> SdkConfig {
    let Some(wanted) = arguments.assume_role.first() else { return config };
    let session = wanted.session_name.as_deref().unwrap_or("formwork");
    let mut role = AssumeRoleProvider::builder(&wanted.role_arn).session_name(session);
    if let Some(id) = &wanted.external_id {
        role = role.external_id(id);
    }
    let mut sts = config.to_builder();
    sts.set_endpoint_url(
        arguments
            .endpoint(|e| e.sts.as_ref())
            .map(str::to_owned)
            .or(config.endpoint_url().map(str::to_owned)),
    );
    let provider = role.configure(&sts.build()).build().await;
    config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
}

#[cfg(test)]
mod tests {
    use super::partition;

    #[test]
    fn partitions() {
        let check = |region, wanted| assert_eq!(partition(region), wanted, "{region}");
        check("us-east-1", "aws");
        check("cn-north-1", "aws-cn");
        check("us-gov-west-1", "aws-us-gov");
    }
}
