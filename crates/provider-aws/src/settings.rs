//! What the `provider "aws"` block says.

use crate::tags::Tags;
use formwork_provider::{CallError, Nested};
use formwork_value::Path;
use std::collections::BTreeSet;
use std::time::Duration;

/// Amazon Web Services: EC2, load balancers, Elastic IPs. Credentials that the block does not give come from the
/// environment (`AWS_ACCESS_KEY_ID`, …), then the shared configuration files, then a web identity token, a container's
/// role, and at last the role of the EC2 instance this runs on.
#[derive(Clone, Default, Nested)]
pub(crate) struct Arguments {
    /// The region, such as `eu-central-1`. If not set: `AWS_REGION`, `AWS_DEFAULT_REGION`, or the profile's region.
    pub region: Option<String>,
    /// Profile in the shared configuration files. If set, credentials come from it and not from the environment.
    pub profile: Option<String>,
    /// Access key id. Needs `secret_key` beside it.
    pub access_key: Option<String>,
    /// Secret access key. Needs `access_key` beside it.
    #[attr(sensitive)]
    pub secret_key: Option<String>,
    /// Session token of temporary credentials.
    #[attr(sensitive)]
    pub token: Option<String>,
    /// Paths of shared configuration files, instead of `~/.aws/config`. A leading `~/` is the home folder.
    pub shared_config_files: Option<Vec<String>>,
    /// Paths of shared credentials files, instead of `~/.aws/credentials`. A leading `~/` is the home folder.
    pub shared_credentials_files: Option<Vec<String>>,
    /// Accounts that may be worked on, as numbers of twelve digits. Any other is refused before anything is done.
    pub allowed_account_ids: Option<BTreeSet<String>>,
    /// Accounts that may not be worked on, as numbers of twelve digits. Conflicts with `allowed_account_ids`.
    pub forbidden_account_ids: Option<BTreeSet<String>>,
    /// Accepted, and without effect: a call is tried again for up to two minutes as long as that can help and cannot
    /// make anything twice, however often that is.
    pub max_retries: Option<u64>,
    /// Accepted, and without effect; see `max_retries`.
    pub retry_mode: Option<String>,
    /// Accepted, and without effect: credentials are not tried out in advance, the first call shows whether they are
    /// good.
    pub skip_credentials_validation: Option<bool>,
    /// Whether not to ask for the account's number. Attributes that contain it are then incomplete where the answers
    /// that describe an object do not tell it.
    pub skip_requesting_account_id: Option<bool>,
    /// Whether not to ask the EC2 instance this may be running on for credentials.
    pub skip_metadata_api_check: Option<bool>,
    /// Whether to accept a region whose name does not look like one.
    pub skip_region_validation: Option<bool>,
    /// Accepted, and without effect: no resource type of this provider uses S3.
    pub s3_use_path_style: Option<bool>,
    /// Whether to use endpoints that comply with FIPS.
    pub use_fips_endpoint: Option<bool>,
    /// Whether to use endpoints that are reached by IPv4 and IPv6.
    pub use_dualstack_endpoint: Option<bool>,
    /// For how many seconds after an interrupted create its object is looked for before it counts as never made; 15
    /// if not set. It must cover the time that AWS takes to list a new object.
    pub recovery_wait: Option<u64>,
    /// Other addresses for services, such as those of an emulator.
    #[block(set)]
    pub endpoints: Vec<Endpoints>,
    /// Tags for everything that can carry them.
    #[block(list, max = 1)]
    pub default_tags: Vec<DefaultTags>,
    /// Tags that somebody else manages: they are neither shown nor removed.
    #[block(list, max = 1)]
    pub ignore_tags: Vec<IgnoreTags>,
    /// A role to take on, with the credentials that were found.
    #[block(list, max = 1)]
    pub assume_role: Vec<AssumeRole>,
}

/// Addresses of services: URLs such as `http://127.0.0.1:5000`.
#[derive(Clone, Nested)]
pub(crate) struct Endpoints {
    /// EC2, which has the networks and addresses as well.
    pub ec2: Option<String>,
    /// Elastic Load Balancing, unless one of the names below is given.
    pub elb: Option<String>,
    /// The same as `elb`.
    pub elasticloadbalancing: Option<String>,
    /// Elastic Load Balancing, version 2.
    pub elbv2: Option<String>,
    /// The same as `elbv2`.
    pub elasticloadbalancingv2: Option<String>,
    /// The Security Token Service, which tells whose credentials are used.
    pub sts: Option<String>,
}

/// Tags for everything that can carry them. A resource's own tag of the same key counts more.
#[derive(Clone, Nested)]
pub(crate) struct DefaultTags {
    /// Values by key.
    pub tags: Option<Tags>,
}

/// Which tags are somebody else's.
#[derive(Clone, Nested)]
pub(crate) struct IgnoreTags {
    /// Keys.
    pub keys: Option<BTreeSet<String>>,
    /// Beginnings of keys.
    pub key_prefixes: Option<BTreeSet<String>>,
}

/// A role to take on.
#[derive(Clone, Nested)]
pub(crate) struct AssumeRole {
    /// ARN of the role.
    pub role_arn: String,
    /// Name of the session, for the account's logs.
    pub session_name: Option<String>,
    /// The external id that the role's trust policy may ask for.
    pub external_id: Option<String>,
}

/// What resource types need to know of the block.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    /// How long an interrupted create's object is looked for.
    pub recovery_wait: Duration,
    /// Tags for everything.
    pub default_tags: Tags,
    /// Keys of tags that somebody else manages.
    pub ignored_keys: BTreeSet<String>,
    /// Beginnings of such keys.
    pub ignored_prefixes: BTreeSet<String>,
    /// Whether not to ask for the account.
    pub skip_requesting_account_id: bool,
    /// If not empty, the only accounts that may be worked on.
    pub allowed_account_ids: BTreeSet<String>,
    /// Accounts that may not.
    pub forbidden_account_ids: BTreeSet<String>,
}

impl From<&Arguments> for Settings {
    fn from(arguments: &Arguments) -> Self {
        let ignore = arguments.ignore_tags.first();
        Settings {
            recovery_wait: Duration::from_secs(arguments.recovery_wait.unwrap_or(15)),
            default_tags: arguments.default_tags.first().and_then(|d| d.tags.clone()).unwrap_or_default(),
            ignored_keys: ignore.and_then(|i| i.keys.clone()).unwrap_or_default(),
            ignored_prefixes: ignore.and_then(|i| i.key_prefixes.clone()).unwrap_or_default(),
            skip_requesting_account_id: arguments.skip_requesting_account_id == Some(true),
            allowed_account_ids: arguments.allowed_account_ids.clone().unwrap_or_default(),
            forbidden_account_ids: arguments.forbidden_account_ids.clone().unwrap_or_default(),
        }
    }
}

impl Arguments {
    /// What can be seen to be wrong without asking anyone.
    pub fn check(&self) -> Result<(), CallError> {
        let at = |name: &str| Path::root().attr(name);
        let set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        if set(&self.access_key) != set(&self.secret_key) {
            let (there, missing) = if set(&self.access_key) {
                ("access_key", "secret_key")
            } else {
                ("secret_key", "access_key")
            };
            let detail = format!(
                "The argument {there} is set, and {missing} is not. Set both, or neither, so that the credentials \
                 come from the environment or the shared configuration files."
            );
            return Err(CallError::new("Incomplete AWS credentials", detail).on(at(there)));
        }
        if self.allowed_account_ids.is_some() && self.forbidden_account_ids.is_some() {
            let detail =
                "allowed_account_ids and forbidden_account_ids cannot both be set. Keep one of them.";
            let at = at("forbidden_account_ids");
            return Err(CallError::new("Conflicting provider arguments", detail).on(at));
        }
        if let Some(region) = &self.region
            && !region.is_empty()
            && self.skip_region_validation != Some(true)
            && !is_region(region)
        {
            let detail = format!(
                "\"{region}\" does not look like the name of a region, such as \"eu-central-1\". If it is one, set \
                 skip_region_validation = true."
            );
            return Err(CallError::new("Invalid AWS region", detail).on(at("region")));
        }
        for (name, url) in self.endpoints.iter().flat_map(Endpoints::named) {
            if !url.is_empty() && !is_url(url) {
                let detail = format!(
                    "The endpoint {name} is {url:?}, which is no URL. It starts with http:// or https://, then comes a \
                     host, such as http://127.0.0.1:5000."
                );
                return Err(CallError::new("Invalid endpoint", detail).on(at("endpoints")));
            }
        }
        Ok(())
    }

    /// The first address that one of the names gives.
    pub fn endpoint(&self, of: impl Fn(&Endpoints) -> Option<&String>) -> Option<&str> {
        self.endpoints.iter().find_map(of).map(String::as_str).filter(|url| !url.is_empty())
    }
}

impl Endpoints {
    /// Those that are given, with their names.
    fn named(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let all = [
            ("ec2", &self.ec2),
            ("elb", &self.elb),
            ("elasticloadbalancing", &self.elasticloadbalancing),
            ("elbv2", &self.elbv2),
            ("elasticloadbalancingv2", &self.elasticloadbalancingv2),
            ("sts", &self.sts),
        ];
        all.into_iter().filter_map(|(name, url)| Some((name, url.as_ref()?)))
    }
}

/// Whether a text is an address that a service can be called at.
fn is_url(text: &str) -> bool {
    text.parse::<http::Uri>()
        .is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
}

/// Whether a name is made like those of regions: `us-east-1`, `us-gov-west-1`.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., number] => {
            words.len() >= 2
                && words.iter().all(letters)
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_region, is_url};

    #[test]
    fn region_names() {
        let good = ["eu-central-1", "us-gov-west-1", "us-iso-east-1", "ap-southeast-3", "mx-central-1"];
        assert!(good.iter().all(|name| is_region(name)), "{good:?}");
        let bad = ["", "us-east1", "us-east-1a", "us-1", "EU-central-1", "us--1", "us-east-"];
        assert!(!bad.iter().any(|name| is_region(name)), "{bad:?}");
    }

    #[test]
    fn endpoints_are_urls() {
        let good = ["http://127.0.0.1:5000", "https://ec2.example.com", "http://[::1]:80/path"];
        assert!(good.iter().all(|url| is_url(url)), "{good:?}");
        let bad = ["127.0.0.1:5000", "['a', 'b']", "http://", "ftp://x", "localhost"];
        assert!(!bad.iter().any(|url| is_url(url)), "{bad:?}");
    }
}
