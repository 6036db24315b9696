//! Where the service is: what the block says, then the environment.

use crate::environment;
use formwork_encryption::AwsKms;

/// Where the service is.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub url: String,
    pub host: String,
    pub path: String,
    pub region: String,
}

/// Where the service is.
pub fn place(settings: &AwsKms, region: Option<String>) -> Result<Place, String> {
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
        .or_else(|| environment::text("AWS_ENDPOINT_URL_KMS"))
        .or_else(|| environment::text("AWS_ENDPOINT_URL"));
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
}
