//! Certificates and certificate requests (RFC 5280, RFC 2986).

use super::der::{self, BIT_STRING, INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use super::key::Key;
use super::public::Public;
use crate::time::Moment;
use std::net::IpAddr;

/// Parts of a distinguished name, in the order in which Go writes them.
const NAME_PARTS: [(&str, &[u32]); 10] = [
    ("country", &[2, 5, 4, 6]),
    ("organization", &[2, 5, 4, 10]),
    ("organizational_unit", &[2, 5, 4, 11]),
    ("locality", &[2, 5, 4, 7]),
    ("province", &[2, 5, 4, 8]),
    ("street_address", &[2, 5, 4, 9]),
    ("postal_code", &[2, 5, 4, 17]),
    ("common_name", &[2, 5, 4, 3]),
    ("serial_number", &[2, 5, 4, 5]),
    ("email_address", &[1, 2, 840, 113549, 1, 9, 1]),
];

/// Key usages, by their bit (RFC 5280, 4.2.1.3).
const KEY_USAGES: [&str; 9] = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "cert_signing",
    "crl_signing",
    "encipher_only",
    "decipher_only",
];

/// Extended key usages (RFC 5280, 4.2.1.12, and what Go knows besides).
const EXTENDED_USAGES: [(&str, &[u32]); 14] = [
    ("any_extended", &[2, 5, 29, 37, 0]),
    ("server_auth", &[1, 3, 6, 1, 5, 5, 7, 3, 1]),
    ("client_auth", &[1, 3, 6, 1, 5, 5, 7, 3, 2]),
    ("code_signing", &[1, 3, 6, 1, 5, 5, 7, 3, 3]),
    ("email_protection", &[1, 3, 6, 1, 5, 5, 7, 3, 4]),
    ("ipsec_end_system", &[1, 3, 6, 1, 5, 5, 7, 3, 5]),
    ("ipsec_tunnel", &[1, 3, 6, 1, 5, 5, 7, 3, 6]),
    ("ipsec_user", &[1, 3, 6, 1, 5, 5, 7, 3, 7]),
    ("timestamping", &[1, 3, 6, 1, 5, 5, 7, 3, 8]),
    ("ocsp_signing", &[1, 3, 6, 1, 5, 5, 7, 3, 9]),
    ("microsoft_server_gated_crypto", &[1, 3, 6, 1, 4, 1, 311, 10, 3, 3]),
    ("netscape_server_gated_crypto", &[2, 16, 840, 1, 113730, 4, 1]),
    ("microsoft_commercial_code_signing", &[1, 3, 6, 1, 4, 1, 311, 2, 1, 22]),
    ("microsoft_kernel_code_signing", &[1, 3, 6, 1, 4, 1, 311, 61, 1, 1]),
];

/// Every usage that can be allowed.
pub(super) fn usages() -> Vec<&'static str> {
    let mut names = KEY_USAGES.to_vec();
    names.extend(EXTENDED_USAGES.iter().map(|(name, _)| *name));
    names.sort_unstable();
    names
}

/// A distinguished name of parts and their values.
pub(super) fn name<'a>(values: impl Fn(&str) -> Vec<&'a str>) -> Vec<u8> {
    let mut sets = Vec::new();
    for (part, id) in NAME_PARTS {
        let mut entries: Vec<Vec<u8>> = values(part)
            .into_iter()
            .map(|text| {
                let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
                let tag = match part {
                    "email_address" if text.is_ascii() => 0x16,
                    _ if text.chars().all(printable) => 0x13,
                    _ => 0x0c,
                };
                der::sequence(&[&der::oid(id), &der::value(tag, text.as_bytes())])
            })
            .collect();
        if !entries.is_empty() {
            // DER orders the elements of a set.
            entries.sort();
            sets.push(der::group(SET, &entries.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        }
    }
    der::sequence(&sets.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The empty name.
fn is_empty(name: &[u8]) -> bool {
    name == der::sequence(&[])
}

/// General names (RFC 5280, 4.2.1.6), in Go's order; `None` if an address is not one.
pub(super) fn alternatives(dns: &[String], ips: &[String], uris: &[String]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    dns.iter().for_each(|name| out.extend(der::value(0x82, name.as_bytes())));
    for ip in ips {
        match ip.parse().ok()? {
            IpAddr::V4(ip) => out.extend(der::value(0x87, &ip.octets())),
            IpAddr::V6(ip) => out.extend(der::value(0x87, &ip.octets())),
        }
    }
    uris.iter().for_each(|uri| out.extend(der::value(0x86, uri.as_bytes())));
    Some(out)
}

fn extension(id: u32, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { der::value(0x01, &[0xff]) } else { Vec::new() };
    der::sequence(&[&der::oid(&[2, 5, 29, id]), &critical, &der::value(OCTET_STRING, value)])
}

fn alternatives_extension(subject: &[u8], names: &[u8]) -> Vec<u8> {
    extension(17, is_empty(subject), &der::value(SEQUENCE, names))
}

fn signed(key: &Key, body: &[u8]) -> Option<Vec<u8>> {
    let signature = key.sign(body)?;
    Some(der::sequence(&[body, &key.signature_algorithm(), &der::bits(&signature)]))
}

/// What a certificate says.
pub(super) struct Certificate<'a> {
    pub(super) subject: Vec<u8>,
    pub(super) public: Public,
    /// General names, one after the other.
    pub(super) alternatives: Vec<u8>,
    pub(super) serial: [u8; 16],
    pub(super) from: Moment,
    pub(super) until: Moment,
    pub(super) uses: &'a [String],
    pub(super) ca: bool,
    pub(super) max_path_length: Option<i64>,
    pub(super) set_subject_key_id: bool,
    pub(super) authority_key_id: Option<Vec<u8>>,
}

impl Certificate<'_> {
    /// Issues it.
    pub(super) fn issue(&self, issuer: &[u8], key: &Key) -> Option<Vec<u8>> {
        let validity = der::sequence(&[&time(self.from), &time(self.until)]);
        let body = der::sequence(&[
            &der::value(0xa0, &der::integer(&[2])),
            &der::integer(&self.serial),
            &key.signature_algorithm(),
            issuer,
            &validity,
            &self.subject,
            &self.public.der(),
            &der::value(0xa3, &der::sequence(&[&self.extensions()])),
        ]);
        signed(key, &body)
    }

    fn extensions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let asked = |name: &str| self.uses.iter().any(|u| u == name);
        let bits: Vec<usize> = (0..KEY_USAGES.len()).filter(|i| asked(KEY_USAGES[*i])).collect();
        if let Some(last) = bits.last() {
            let mut bytes = vec![0u8; last / 8 + 1];
            bits.iter().for_each(|i| bytes[i / 8] |= 0x80 >> (i % 8));
            let unused = 7 - (last % 8) as u8;
            out.extend(extension(15, true, &der::group(BIT_STRING, &[&[unused], &bytes])));
        }
        let extended = self.uses.iter().filter_map(|u| EXTENDED_USAGES.iter().find(|(name, _)| name == u));
        let extended: Vec<u8> = extended.flat_map(|(_, id)| der::oid(id)).collect();
        if !extended.is_empty() {
            out.extend(extension(37, false, &der::value(SEQUENCE, &extended)));
        }
        let mut constraints = Vec::new();
        if self.ca {
            constraints.extend(der::value(0x01, &[0xff]));
            if let Some(length) = self.max_path_length.and_then(|n| u64::try_from(n).ok()) {
                constraints.extend(der::integer(&length.to_be_bytes()));
            }
        }
        out.extend(extension(19, true, &der::value(SEQUENCE, &constraints)));
        if self.ca || self.set_subject_key_id {
            out.extend(extension(14, false, &der::value(OCTET_STRING, &self.public.key_id())));
        }
        if let Some(id) = &self.authority_key_id {
            out.extend(extension(35, false, &der::sequence(&[&der::value(0x80, id)])));
        }
        if !self.alternatives.is_empty() {
            out.extend(alternatives_extension(&self.subject, &self.alternatives));
        }
        out
    }
}

/// UTCTime until 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5).
fn time(moment: Moment) -> Vec<u8> {
    let civil = moment.civil;
    if (1950..2050).contains(&civil.year()) {
        der::value(0x17, civil.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        der::value(0x18, civil.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    }
}

/// A certificate request.
pub(super) fn request(subject: &[u8], alternatives: &[u8], key: &Key) -> Option<Vec<u8>> {
    let attributes = if alternatives.is_empty() {
        Vec::new()
    } else {
        let extensions = der::sequence(&[&alternatives_extension(subject, alternatives)]);
        der::sequence(&[&der::oid(&[1, 2, 840, 113549, 1, 9, 14]), &der::value(SET, &extensions)])
    };
    let body =
        der::sequence(&[&der::integer(&[0]), subject, &key.public().der(), &der::value(0xa0, &attributes)]);
    signed(key, &body)
}

/// What a request asks for.
pub(super) struct Request {
    pub(super) subject: Vec<u8>,
    pub(super) public: Public,
    pub(super) alternatives: Vec<u8>,
}

/// Reads a request.
pub(super) fn read_request(bytes: &[u8]) -> Option<Request> {
    let mut body = der::only(bytes, SEQUENCE)?.inside().expect(SEQUENCE)?.inside();
    body.expect(INTEGER)?;
    let subject = body.expect(SEQUENCE)?.whole.to_vec();
    let public = read_public(body.expect(SEQUENCE)?.whole)?;
    let mut names = Vec::new();
    let mut attributes = body.expect(0xa0).map_or(der::Reader(&[]), der::Item::inside);
    while let Some(attribute) = attributes.expect(SEQUENCE) {
        let mut parts = attribute.inside();
        if parts.expect(OID)?.whole == der::oid(&[1, 2, 840, 113549, 1, 9, 14]) {
            let extensions = parts.expect(SET)?.inside().expect(SEQUENCE)?;
            if let Some(value) = find_extension(extensions, 17) {
                let mut reader = der::only(value, SEQUENCE)?.inside();
                let items: Vec<_> = std::iter::from_fn(|| reader.next()).collect();
                for tag in [0x82, 0x87, 0x86] {
                    items.iter().filter(|i| i.tag == tag).for_each(|i| names.extend(i.whole));
                }
            }
        }
    }
    Some(Request { subject, public, alternatives: names })
}

/// What is needed of a certificate authority's own certificate.
pub(super) struct Authority {
    pub(super) subject: Vec<u8>,
    pub(super) public: Public,
    pub(super) key_id: Option<Vec<u8>>,
}

/// Reads a certificate.
pub(super) fn read_authority(bytes: &[u8]) -> Option<Authority> {
    let mut body = der::only(bytes, SEQUENCE)?.inside().expect(SEQUENCE)?.inside();
    body.expect(0xa0);
    body.expect(INTEGER)?;
    // Signature algorithm, issuer, validity.
    (0..3).try_for_each(|_| body.expect(SEQUENCE).map(drop))?;
    let subject = body.expect(SEQUENCE)?.whole.to_vec();
    let public = read_public(body.expect(SEQUENCE)?.whole)?;
    // Unique identifiers, which nobody uses.
    body.expect(0x81);
    body.expect(0x82);
    let extensions = body.expect(0xa3).and_then(|e| der::only(e.content, SEQUENCE));
    let key_id = extensions
        .and_then(|e| find_extension(e, 14))
        .and_then(|value| Some(der::only(value, OCTET_STRING)?.content.to_vec()));
    Some(Authority { subject, public, key_id })
}

/// The value of an extension.
fn find_extension(extensions: der::Item<'_>, id: u32) -> Option<&[u8]> {
    let mut reader = extensions.inside();
    while let Some(extension) = reader.expect(SEQUENCE) {
        let mut parts = extension.inside();
        if parts.expect(OID)?.whole == der::oid(&[2, 5, 29, id]) {
            parts.expect(0x01);
            return Some(parts.expect(OCTET_STRING)?.content);
        }
    }
    None
}

/// Reads SubjectPublicKeyInfo.
fn read_public(bytes: &[u8]) -> Option<Public> {
    use super::curve::Curve;
    let mut reader = der::only(bytes, SEQUENCE)?.inside();
    let mut algorithm = reader.expect(SEQUENCE)?.inside();
    let id = algorithm.expect(OID)?.whole;
    let key = reader.expect(BIT_STRING)?.bits()?;
    if id == der::oid(&[1, 2, 840, 113549, 1, 1, 1]) {
        let mut numbers = der::only(key, SEQUENCE)?.inside();
        let modulus = numbers.expect(INTEGER)?.content.to_vec();
        Some(Public::Rsa { modulus, exponent: numbers.expect(INTEGER)?.content.to_vec() })
    } else if id == der::oid(&[1, 2, 840, 10045, 2, 1]) {
        let named = algorithm.expect(OID)?.whole;
        let curve = Curve::ALL.into_iter().find(|c| c.oid() == named)?;
        Some(Public::Ec { curve, point: key.to_vec() })
    } else if id == der::oid(&[1, 3, 101, 112]) {
        Some(Public::Ed25519(key.to_vec()))
    } else {
        None
    }
}
