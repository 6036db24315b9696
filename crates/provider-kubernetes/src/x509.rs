//! As much of X.509 as it takes to find out when a certificate ends (RFC 5280, section 4.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// The certificates in a PEM text, in DER. What is no certificate is passed over.
pub(crate) fn from_pem(pem: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(pem);
    let mut found = Vec::new();
    for part in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let Some((body, _)) = part.split_once("-----END CERTIFICATE-----") else { continue };
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        found.extend(STANDARD.decode(body));
    }
    found
}

/// When the first certificate in a PEM text ends.
pub(crate) fn not_after(pem: &[u8]) -> Option<Timestamp> {
    let der = from_pem(pem).into_iter().next()?;
    let (_, certificate, _) = element(&der)?;
    let (_, mut rest, _) = element(certificate)?;
    // The version is optional, and the only element with this tag.
    let (tag, _, after) = element(rest)?;
    if tag == 0xa0 {
        rest = after;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (_, _, end) = element(validity)?;
    let (tag, text, _) = element(end)?;
    time(tag, text)
}

/// UTCTime (two digits of the year, from 1950) or GeneralizedTime.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let full = match tag {
        0x17 => {
            let century = if text.get(..2)? >= "50" { "19" } else { "20" };
            format!("{century}{text}")
        }
        0x18 => text.to_owned(),
        _ => return None,
    };
    let part = |range: std::ops::Range<usize>| full.get(range);
    let (date, clock) =
        ((part(0..4)?, part(4..6)?, part(6..8)?), (part(8..10)?, part(10..12)?, part(12..14)?));
    format!("{}-{}-{}T{}:{}:{}Z", date.0, date.1, date.2, clock.0, clock.1, clock.2).parse().ok()
}

/// Takes one DER element off: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut len = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(count)?;
        len = bytes.iter().fold(0, |len, b| (len << 8) | usize::from(*b));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(len)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        let check = |tag, text: &str, wanted: Option<&str>| {
            assert_eq!(time(tag, text.as_bytes()).map(|t| t.to_string()).as_deref(), wanted, "{text}");
        };
        check(0x17, "270131235959Z", Some("2027-01-31T23:59:59Z"));
        check(0x17, "990131235959Z", Some("1999-01-31T23:59:59Z"));
        check(0x18, "21000101000000Z", Some("2100-01-01T00:00:00Z"));
        check(0x17, "2701Z", None);
        assert_eq!(not_after(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"), None);
    }
}
