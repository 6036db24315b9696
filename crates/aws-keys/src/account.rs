//! Whose keys are wanted.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Whose keys are wanted, as blocks say it under the names of AWS's own tools. What is not said is looked for where those
/// tools look.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The region.
    pub region: Option<String>,
    /// Name of an access key.
    pub access_key: Option<String>,
    /// Its secret.
    pub secret_key: Option<String>,
    /// The token of its session.
    pub token: Option<String>,
    /// A profile in the shared files.
    pub profile: Option<String>,
    /// The shared files with settings, instead of the usual one.
    pub config_files: Vec<PathBuf>,
    /// The shared files with keys, instead of the usual one.
    pub credentials_files: Vec<PathBuf>,
    /// A role to take on with the keys that are found.
    pub role: Option<Role>,
    /// A role to take on with a token of somebody else's.
    pub web_role: Option<WebRole>,
    /// Another address of the Security Token Service.
    pub sts_endpoint: Option<String>,
    /// Another region for the Security Token Service.
    pub sts_region: Option<String>,
    /// Whether not to ask the machine for its role.
    pub skip_metadata: bool,
}

/// A role to take on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// Name of the session, for the account's logs.
    pub session_name: Option<String>,
    /// The id that the role's trust policy may ask for.
    pub external_id: Option<String>,
    /// For how many seconds.
    pub seconds: Option<i32>,
    /// A policy (JSON) that narrows what may be done.
    pub policy: Option<String>,
    /// ARNs of such policies.
    pub policy_arns: Vec<String>,
    /// Who takes it on.
    pub source_identity: Option<String>,
    /// Tags of the session.
    pub tags: BTreeMap<String, String>,
    /// Those of them that go on to further roles.
    pub transitive_tag_keys: Vec<String>,
}

/// A role to take on with a token of an identity provider: the runner of a pipeline, mostly.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebRole {
    /// Its ARN; `AWS_ROLE_ARN` if not set.
    pub arn: Option<String>,
    /// Name of the session; `AWS_ROLE_SESSION_NAME` if not set.
    pub session_name: Option<String>,
    /// The token.
    pub token: Option<String>,
    /// The file that has it; `AWS_WEB_IDENTITY_TOKEN_FILE` if neither is set.
    pub token_file: Option<PathBuf>,
    /// For how many seconds.
    pub seconds: Option<i32>,
    /// A policy (JSON) that narrows what may be done.
    pub policy: Option<String>,
    /// ARNs of such policies.
    pub policy_arns: Vec<String>,
}

/// A key to sign with.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The token of its session.
    pub token: Option<String>,
    /// Until when it is good, in seconds since 1970; `None`: for as long as nobody takes it away.
    pub until: Option<i64>,
}

/// The seconds of a duration in Go's form: `1h30m`.
pub fn seconds(text: &str) -> Option<i32> {
    let mut rest = text.trim();
    let mut all: i32 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i32 = rest[..digits].parse().ok()?;
        let unit = match rest[digits..].chars().next()? {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        all = all.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (all > 0).then_some(all)
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account { region, access_key, profile, role, .. } = self;
        f.debug_struct("Account")
            .field("region", region)
            .field("access_key", access_key)
            .field("profile", profile)
            .field("role", role)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WebRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebRole").field("arn", &self.arn).finish_non_exhaustive()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("until", &self.until).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds() {
        let check = |text: &str, expected: Option<i32>| assert_eq!(seconds(text), expected, "{text}");
        check("1h", Some(3600));
        check("1h30m5s", Some(5405));
        check("900s", Some(900));
        ["", "0s", "1", "h", "1d", "1h-5m", "99999999999s", "9999999h"]
            .iter()
            .for_each(|text| check(text, None));
    }

    #[test]
    fn secrets_are_not_shown() {
        let account = Account {
            secret_key: Some("hush".into()),
            token: Some("hush".into()),
            web_role: Some(WebRole { token: Some("hush".into()), ..WebRole::default() }),
            ..Account::default()
        };
        let key = Key { id: "a".into(), secret: "hush".into(), token: Some("hush".into()), until: None };
        let shown = format!("{account:?} {:?} {key:?}", account.web_role);
        assert!(!shown.contains("hush"), "{shown}");
    }
}
