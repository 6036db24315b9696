//! Until when a certificate is valid (RFC 5280, 4.1): a member that refuses an expired one often just hangs up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// Why the first certificate of a PEM text is not valid now; `None` if it is, or if nobody can tell.
pub(crate) fn problem(pem: &[u8], now: Timestamp) -> Option<String> {
    let (from, until) = validity(pem)?;
    if now > until {
        Some(format!("it expired at {until}"))
    } else if now < from {
        Some(format!("it is not valid before {from}"))
    } else {
        None
    }
}

fn validity(pem: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let der = STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()?;
    let (_, certificate, _) = element(&der)?;
    let (_, signed, _) = element(certificate)?;
    // Version, unless it is 1; serial number; algorithm; issuer.
    let (first, _, mut rest) = element(signed)?;
    for _ in 0..if first == 0xa0 { 3 } else { 2 } {
        (_, _, rest) = element(rest)?;
    }
    let (_, validity, _) = element(rest)?;
    let (from, until);
    (from, rest) = time(validity)?;
    (until, _) = time(rest)?;
    Some((from, until))
}

/// Tag and content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], mut rest) = der.split_first_chunk::<2>()?;
    let mut len = usize::from(first);
    if first >= 0x80 {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
        len = digits
            .iter()
            .try_fold(0_usize, |len, digit| len.checked_mul(256)?.checked_add((*digit).into()))?;
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, text, rest) = element(der)?;
    let mut text = std::str::from_utf8(text).ok()?.to_owned();
    if tag == 0x17 {
        // Two digits of the year: up to 49 they are this century's.
        text.insert_str(0, if text.as_str() < "5" { "20" } else { "19" });
    }
    let civil = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some((civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(), rest))
}

#[cfg(test)]
mod tests {
    use super::problem;

    /// Made by `openssl req -x509 -newkey ed25519 -days 1`.
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIBMjCB5aADAgECAhQry1KCkFFxLzfiifJvikRKQngyPTAFBgMrZXAwDzENMAsG\nA1UEAwwEdGVzdDAeFw0yNjExMjIxNzQ1NThaFw0yNjExMjMxNzQ1NThaMA8xDTAL\nBgNVBAMMBHRlc3QwKjAFBgMrZXADIQAlRu2GvTECdvqubOjneBuDyno23LVFOhBP\nM+S9p0tjfqNTMFEwHQYDVR0OBBYEFHVVlyy5mNFmgMY3fZxftkN3vSgvMB8GA1Ud\nIwQYMBaAFHVVlyy5mNFmgMY3fZxftkN3vSgvMA8GA1UdEwEB/wQFMAMBAf8wBQYD\nK2VwA0EAY5U3Uh9iyq3JIyMwgUgnJtJ//MPqmOcAGKRow730F+R5Xkfgbl6n0sQp\nOnT+tDQrfHSU7g2FUxJQcQXUh8iEBg==\n-----END CERTIFICATE-----\n";

    #[test]
    fn a_certificate_has_its_time() {
        let at = |text: &str| problem(PEM.as_bytes(), text.parse().unwrap());
        assert_eq!(at("2026-11-22T20:45:58Z"), None);
        assert_eq!(
            at("2001-01-01T00:00:00Z").as_deref(),
            Some("it is not valid before 2026-11-22T17:45:58Z")
        );
        assert_eq!(at("2049-01-01T00:00:00Z").as_deref(), Some("it expired at 2026-11-23T17:45:58Z"));
        assert_eq!(
            problem(&PEM.as_bytes()[..PEM.len() - 120], "2049-01-01T00:00:00Z".parse().unwrap()),
            None
        );
    }
}
