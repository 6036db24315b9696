//! Signatures of requests: AWS's "Signature Version 4"
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// A request to sign: a POST without a query.
pub struct Request<'a> {
    /// The host, with a port that is not the usual one.
    pub host: &'a str,
    /// The path.
    pub path: &'a str,
    /// The region.
    pub region: &'a str,
    /// The service's name.
    pub service: &'a str,
    /// The value of `X-Amz-Target`.
    pub target: &'a str,
    /// The time, as `20150830T123600Z`.
    pub time: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The name of the access key.
    pub access_key: &'a str,
    /// Its secret.
    pub secret_key: &'a [u8],
    /// The session's token.
    pub token: Option<String>,
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// All headers of the request, the signature among them.
pub fn request(r: &Request<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("host", r.host.to_owned()),
        ("x-amz-date", r.time.to_owned()),
    ];
    headers.extend(r.token.clone().map(|token| ("x-amz-security-token", token)));
    headers.push(("x-amz-target", r.target.to_owned()));
    let signed = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!("POST\n{}\n\n{lines}\n{signed}\n{}", r.path, hex(&Sha256::digest(r.body)));
    let day = r.time.get(..8).unwrap_or(r.time);
    let scope = format!("{day}/{}/{}/aws4_request", r.region, r.service);
    let text =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", r.time, hex(&Sha256::digest(canonical.as_bytes())));
    let key = [b"AWS4", r.secret_key].concat();
    let key = [day, r.region, r.service, "aws4_request"].iter().fold(key, |key, part| hmac(&key, part));
    let signature = hex(&hmac(&key, &text));
    headers.push((
        "authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
            r.access_key
        ),
    ));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with botocore for the same request: an independent implementation.
    #[test]
    fn signs_as_the_sdk_does() {
        let check = |token: Option<&str>, signed: &str, signature: &str| {
            let headers = request(&Request {
                host: "kms.eu-west-1.amazonaws.com",
                path: "/",
                region: "eu-west-1",
                service: "kms",
                target: "TrentService.Decrypt",
                time: "20150830T123600Z",
                body: b"{\"KeyId\":\"alias/a\"}",
                access_key: "AKIDEXAMPLE",
                secret_key: b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                token: token.map(str::to_owned),
            });
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/kms/aws4_request, SignedHeaders={signed}, \
                 Signature={signature}"
            );
            assert_eq!(headers.last().map(|(_, value)| value), Some(&expected));
        };
        check(
            None,
            "content-type;host;x-amz-date;x-amz-target",
            "074e2e69de2fc5e9aa479f37b1f064cc2cd84970b6d1d6177072191a6d40b735",
        );
        check(
            Some("tok"),
            "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
            "8f2d6f0a9672e4c10ba839c3401f3f63f7653183ca5e630751a843191644ede1",
        );
    }
}
