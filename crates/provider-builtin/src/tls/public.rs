//! Public keys.

use super::curve::Curve;
use super::{der, pem};
use crate::values::hex;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use md5::Md5;
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// A public key.
#[derive(Clone, PartialEq)]
pub(super) enum Public {
    /// Modulus and exponent, most significant byte first.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// A point, uncompressed.
    Ec { curve: Curve, point: Vec<u8> },
    /// 32 bytes.
    Ed25519(Vec<u8>),
}

impl Public {
    /// As HashiCorp names it.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Public::Rsa { .. } => "RSA",
            Public::Ec { .. } => "ECDSA",
            Public::Ed25519(_) => "ED25519",
        }
    }

    /// The key alone, as certificates have it in their bit string.
    fn bare(&self) -> Vec<u8> {
        match self {
            Public::Rsa { modulus, exponent } => {
                der::sequence(&[&der::integer(modulus), &der::integer(exponent)])
            }
            Public::Ec { point, .. } => point.clone(),
            Public::Ed25519(bytes) => bytes.clone(),
        }
    }

    /// SubjectPublicKeyInfo (RFC 5280, 4.1).
    pub(super) fn der(&self) -> Vec<u8> {
        let algorithm = match self {
            Public::Rsa { .. } => {
                der::sequence(&[&der::oid(&[1, 2, 840, 113549, 1, 1, 1]), &der::value(5, &[])])
            }
            Public::Ec { curve, .. } => der::sequence(&[&der::oid(&[1, 2, 840, 10045, 2, 1]), &curve.oid()]),
            Public::Ed25519(_) => der::sequence(&[&der::oid(&[1, 3, 101, 112])]),
        };
        der::sequence(&[&algorithm, &der::bits(&self.bare())])
    }

    pub(super) fn pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.der())
    }

    /// The identifier that certificates give the key: as HashiCorp, who wraps Ed25519 keys once more.
    pub(super) fn key_id(&self) -> Vec<u8> {
        let bytes = match self {
            Public::Ed25519(bytes) => der::value(der::OCTET_STRING, bytes),
            _ => self.bare(),
        };
        Sha1::digest(bytes).to_vec()
    }

    /// The key as SSH has it (RFC 4253, 6.6; RFC 5656; RFC 8709). SSH does not know P-224.
    pub(super) fn ssh(&self) -> Option<(&'static str, Vec<u8>)> {
        let mut out = Vec::new();
        let name = match self {
            Public::Rsa { .. } => "ssh-rsa",
            Public::Ec { curve, .. } => curve.ssh()?.0,
            Public::Ed25519(_) => "ssh-ed25519",
        };
        ssh_string(&mut out, name.as_bytes());
        match self {
            Public::Rsa { modulus, exponent } => {
                ssh_string(&mut out, &der::unsigned(exponent));
                ssh_string(&mut out, &der::unsigned(modulus));
            }
            Public::Ec { curve, point } => {
                ssh_string(&mut out, curve.ssh()?.1.as_bytes());
                ssh_string(&mut out, point);
            }
            Public::Ed25519(bytes) => ssh_string(&mut out, bytes),
        }
        Some((name, out))
    }

    /// Reads what [`Public::ssh`] wrote.
    pub(super) fn from_ssh(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let name = read_ssh_string(&mut rest)?;
        let key = match name {
            b"ssh-rsa" => {
                let exponent = read_ssh_string(&mut rest)?.to_vec();
                Public::Rsa { modulus: read_ssh_string(&mut rest)?.to_vec(), exponent }
            }
            b"ssh-ed25519" => Public::Ed25519(read_ssh_string(&mut rest)?.to_vec()),
            _ => {
                let curve =
                    Curve::ALL.into_iter().find(|c| c.ssh().is_some_and(|(n, _)| n.as_bytes() == name))?;
                read_ssh_string(&mut rest)?;
                Public::Ec { curve, point: read_ssh_string(&mut rest)?.to_vec() }
            }
        };
        rest.is_empty().then_some(key)
    }

    /// A line for `authorized_keys`; empty where SSH has none.
    pub(super) fn openssh(&self, comment: &str) -> String {
        let Some((name, blob)) = self.ssh() else { return String::new() };
        let comment = if comment.is_empty() { String::new() } else { format!(" {comment}") };
        format!("{name} {}{comment}\n", STANDARD.encode(blob))
    }

    /// MD5 over the SSH key, in pairs of hexadecimal digits.
    pub(super) fn fingerprint_md5(&self) -> String {
        let Some((_, blob)) = self.ssh() else { return String::new() };
        Md5::digest(blob).iter().map(|b| hex([*b])).collect::<Vec<_>>().join(":")
    }

    /// SHA-256 over the SSH key, in base64.
    pub(super) fn fingerprint_sha256(&self) -> String {
        let Some((_, blob)) = self.ssh() else { return String::new() };
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
    }
}

/// Appends a string with its length.
pub(super) fn ssh_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

/// Takes a string with its length.
pub(super) fn read_ssh_string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (bytes, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some(bytes)
}
