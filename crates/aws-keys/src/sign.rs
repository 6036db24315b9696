//! Signatures of requests, version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use crate::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 as hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // Keys of any length are taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Text as it stands in addresses; slashes stay in paths.
pub fn encode(text: &str, path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(b as char),
            b'/' if path => out.push('/'),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// `20260102T030405Z`, of seconds since 1970.
pub fn stamp(unix: i64) -> String {
    let (days, rest) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    // Years that begin in March have their odd day last (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms).
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day = z.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// A request that is to be signed. Headers have small letters, and are sorted; host and date are among them.
pub struct Request<'a> {
    /// `GET`, …
    pub method: &'a str,
    /// The path, encoded.
    pub path: &'a str,
    /// The query, encoded and sorted.
    pub query: &'a str,
    /// Names and values.
    pub headers: &'a [(String, String)],
    /// SHA-256 of the body.
    pub body_sha256: &'a str,
}

/// The header `Authorization` of a request at the time `stamp`.
pub fn authorization(request: &Request<'_>, key: &Key, region: &str, service: &str, stamp: &str) -> String {
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| &**name).collect();
    let names = names.join(";");
    let headers: String =
        request.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{names}\n{}",
        request.method, request.path, request.query, request.body_sha256
    );
    let date = &stamp[..8];
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let mut secret = format!("AWS4{}", key.secret).into_bytes();
    for part in [date, region, service, "aws4_request"] {
        secret = hmac(&secret, part);
    }
    let signature = hex(&hmac(&secret, &text));
    format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", key.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_stamps() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(1_440_938_160), "20150830T123600Z");
        assert_eq!(stamp(1_709_251_199), "20240229T235959Z");
    }

    /// From the documentation of Amazon S3, "Signature Calculations for the Authorization Header: Examples", GET Object.
    #[test]
    fn signs_as_amazons_example() {
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("x-amz-date", "20130524T000000Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request {
            method: "GET",
            path: "/test.txt",
            query: "",
            headers: &headers,
            body_sha256: &sha256(b""),
        };
        let key = Key {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: None,
            until: None,
        };
        let found = authorization(&request, &key, "us-east-1", "s3", "20130524T000000Z");
        assert!(
            found.ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{found}"
        );
    }

    /// Computed with botocore for the same requests: an independent implementation.
    #[test]
    fn signs_as_the_sdk_does() {
        let check = |token: Option<&str>, signature: &str| {
            let mut headers = vec![
                ("content-type", "application/x-amz-json-1.1"),
                ("host", "kms.eu-west-1.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
            ];
            headers.extend(token.map(|token| ("x-amz-security-token", token)));
            headers.push(("x-amz-target", "TrentService.Decrypt"));
            let headers: Vec<(String, String)> =
                headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let body_sha256 = sha256(b"{\"KeyId\":\"alias/a\"}");
            let request = Request {
                method: "POST",
                path: "/",
                query: "",
                headers: &headers,
                body_sha256: &body_sha256,
            };
            let key = Key {
                id: "AKIDEXAMPLE".into(),
                secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
                token: None,
                until: None,
            };
            let found = authorization(&request, &key, "eu-west-1", "kms", "20150830T123600Z");
            assert!(found.ends_with(&format!("Signature={signature}")), "{found}");
        };
        check(None, "074e2e69de2fc5e9aa479f37b1f064cc2cd84970b6d1d6177072191a6d40b735");
        check(Some("tok"), "8f2d6f0a9672e4c10ba839c3401f3f63f7653183ca5e630751a843191644ede1");
    }
}
