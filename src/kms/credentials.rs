//! Whose account, and where: what the block says, then the environment, then the files that AWS's own tools share.

use crate::environment;
use formwork_encryption::{AwsKms, Secret};
use std::path::{Path, PathBuf};

/// An access key.
#[derive(Debug)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: Secret,
    pub token: Option<Secret>,
}

/// Where the service is.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub url: String,
    pub host: String,
    pub path: String,
    pub region: String,
}

fn variable(name: &str) -> Option<String> {
    environment::text(name)
}

fn profile(settings: &AwsKms) -> String {
    let named = settings.profile.clone().or_else(|| variable("AWS_PROFILE"));
    named.unwrap_or_else(|| "default".to_owned())
}

/// Files as given, or as the environment names them, or where they usually are.
fn files(given: &[String], name: &str, usual: &str) -> Vec<PathBuf> {
    if !given.is_empty() {
        return given.iter().map(PathBuf::from).collect();
    }
    let usual = || std::env::home_dir().map(|home| home.join(".aws").join(usual));
    variable(name).map(PathBuf::from).or_else(usual).into_iter().collect()
}

/// The value of a key in a section of files in the form of INI; later files win.
fn lookup(files: &[PathBuf], sections: &[String], key: &str) -> Option<String> {
    files.iter().rev().filter_map(|path| read(path)).find_map(|text| setting(&text, sections, key))
}

fn read(path: &Path) -> Option<String> {
    let path = match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_path_buf(),
    };
    std::fs::read_to_string(path).ok()
}

fn setting(text: &str, sections: &[String], key: &str) -> Option<String> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(header) = trimmed.strip_prefix('[') {
            let name = header.split(']').next().unwrap_or_default().trim();
            inside = sections.iter().any(|s| s == name);
        } else if inside
            && !line.starts_with([' ', '\t', '#', ';'])
            && let Some((name, value)) = trimmed.split_once('=')
            && name.trim() == key
        {
            found = Some(value.trim().to_owned()).filter(|v| !v.is_empty());
        }
    }
    found
}

/// The access key to sign with.
pub fn find(settings: &AwsKms) -> Result<Credentials, String> {
    match (&settings.access_key, &settings.secret_key) {
        (Some(access_key), Some(secret_key)) => {
            return Ok(Credentials {
                access_key: access_key.clone(),
                secret_key: secret_key.clone(),
                token: settings.token.clone(),
            });
        }
        (None, None) => {}
        _ => return Err("access_key and secret_key belong together, and one of them is missing".into()),
    }
    // A profile that is named in the block is meant.
    if settings.profile.is_none()
        && let (Some(access_key), Some(secret)) =
            (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
    {
        let token = variable("AWS_SESSION_TOKEN").map(|t| Secret::from(t.as_str()));
        return Ok(Credentials { access_key, secret_key: Secret::from(secret.as_str()), token });
    }
    let profile = profile(settings);
    let shared = files(&settings.shared_credentials_files, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let config = files(&settings.shared_config_files, "AWS_CONFIG_FILE", "config");
    let look = |key: &str| {
        lookup(&shared, std::slice::from_ref(&profile), key)
            .or_else(|| lookup(&config, &sections(&profile), key))
    };
    match (look("aws_access_key_id"), look("aws_secret_access_key")) {
        (Some(access_key), Some(secret)) => {
            let token = look("aws_session_token").map(|t| Secret::from(t.as_str()));
            Ok(Credentials { access_key, secret_key: Secret::from(secret.as_str()), token })
        }
        _ => Err(format!(
            "there is no access key for AWS: neither access_key and secret_key in the block, nor AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY in the environment, nor the profile \"{profile}\" in the shared files (roles of machines \
             and single sign-on are not supported here; \"aws configure export-credentials --format env\" makes an access \
             key of them)"
        )),
    }
}

fn sections(profile: &str) -> Vec<String> {
    vec![profile.to_owned(), format!("profile {profile}")]
}

/// Where the service is.
pub fn place(settings: &AwsKms) -> Result<Place, String> {
    let config = files(&settings.shared_config_files, "AWS_CONFIG_FILE", "config");
    let region = settings
        .region
        .clone()
        .filter(|r| !r.is_empty())
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .or_else(|| lookup(&config, &sections(&profile(settings)), "region"));
    let Some(region) = region else {
        return Err("no region is set: set region in the block, or AWS_REGION in the environment".into());
    };
    let fit = !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fit {
        return Err("the region that is set cannot be the name of one".into());
    }
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let given = settings
        .endpoint
        .clone()
        .or_else(|| variable("AWS_ENDPOINT_URL_KMS"))
        .or_else(|| variable("AWS_ENDPOINT_URL"));
    let url = given.unwrap_or_else(|| format!("https://kms.{region}.{domain}"));
    split(&url, region)
}

fn split(url: &str, region: String) -> Result<Place, String> {
    let wrong = || "the address of the service is to be of the form https://HOST".to_owned();
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host.is_empty() || host.contains('@') || !["http", "https"].contains(&scheme) || path.contains('?') {
        return Err(wrong());
    }
    let path = if path.is_empty() { "/" } else { path };
    let usual = if scheme == "http" { ":80" } else { ":443" };
    Ok(Place {
        url: format!("{scheme}://{host}{path}"),
        host: host.strip_suffix(usual).unwrap_or(host).to_owned(),
        path: path.to_owned(),
        region,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let check = |url: &str, expected: Option<(&str, &str)>| {
            let place = split(url, "eu-west-1".into()).ok();
            let parts = place.as_ref().map(|p| (p.host.as_str(), p.path.as_str()));
            assert_eq!(parts, expected, "{url}");
        };
        check("https://kms.eu-west-1.amazonaws.com", Some(("kms.eu-west-1.amazonaws.com", "/")));
        check("http://127.0.0.1:5000/a/", Some(("127.0.0.1:5000", "/a/")));
        check("https://h:443/", Some(("h", "/")));
        for wrong in ["h", "ftp://h", "https://", "https://a@h", "https://h/?x"] {
            check(wrong, None);
        }
    }

    #[test]
    fn shared_files_are_read_by_profile() {
        let text = "# all\n[default]\naws_access_key_id = A\n[profile b]\nregion=eu-west-1\nnested =\n  region = no\n[c]\n\
                    aws_access_key_id=\naws_access_key_id = C\n";
        let check = |profile: &str, key: &str, expected: Option<&str>| {
            assert_eq!(setting(text, &sections(profile), key).as_deref(), expected, "{profile} {key}");
        };
        check("default", "aws_access_key_id", Some("A"));
        check("b", "region", Some("eu-west-1"));
        check("c", "aws_access_key_id", Some("C"));
        check("b", "aws_access_key_id", None);
        check("none", "region", None);
    }
}
