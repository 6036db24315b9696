//! `rsadecrypt`.
//!
//! The arithmetic is that of the textbook and takes a time that depends on the key: there is nobody here to measure it.

use super::encoding::decode_base64;
use super::*;
use base64::Engine;
use dashu_int::UBig;
use dashu_int::fast_div::ConstDivisor;

library![rsadecrypt];

/// The string that was encrypted with RSA (PKCS #1, version 1.5): from Base64, with a private key in PEM without a
/// passphrase.
#[function(example = r#"rsadecrypt(file("cipher.txt"), file("key.pem"))"#, gives = r#""message""#)]
fn rsadecrypt(ciphertext: &str, privatekey: &str) -> Result<String, FnError> {
    let cipher = decode_base64(ciphertext)?;
    let key = Key::from_pem(privatekey).map_err(|m| FnError::arg(1, m))?;
    let plain = key
        .decrypt(&cipher)
        .ok_or_else(|| FnError::new("it was not encrypted for this key, or it is damaged"))?;
    String::from_utf8(plain).map_err(|_| FnError::new("what was encrypted is not text in UTF-8"))
}

/// The part of a private key that decrypts.
struct Key {
    modulus: UBig,
    exponent: UBig,
}

impl Key {
    fn from_pem(text: &str) -> Result<Key, String> {
        let wrong = |why: &str| format!("it is not a private RSA key in PEM: {why}");
        let (_, rest) = text.split_once("-----BEGIN ").ok_or_else(|| wrong("there is no BEGIN line"))?;
        let (label, rest) =
            rest.split_once("-----").ok_or_else(|| wrong("its BEGIN line is not complete"))?;
        let (body, _) = rest
            .split_once(&format!("-----END {label}-----"))
            .ok_or_else(|| wrong("there is no END line for its BEGIN line"))?;
        if label == "ENCRYPTED PRIVATE KEY" || body.contains("ENCRYPTED") {
            return Err("the key is protected by a passphrase; it must be stored without one".into());
        }
        let compact: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(compact)
            .map_err(|_| wrong("what is between its lines is not Base64"))?;
        let key = match label {
            "RSA PRIVATE KEY" => pkcs1(&bytes),
            "PRIVATE KEY" => pkcs8(&bytes),
            "OPENSSH PRIVATE KEY" => openssh(&bytes)?,
            _ => return Err(wrong(&format!("it is a {label}"))),
        };
        key.filter(|key| key.modulus > UBig::ONE).ok_or_else(|| wrong("its content is of another kind"))
    }

    /// What was encrypted, without the padding (RFC 8017, section 7.2.2).
    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let cipher = UBig::from_be_bytes(cipher);
        if cipher >= self.modulus {
            return None;
        }
        let ring = ConstDivisor::new(self.modulus.clone());
        let plain = ring.reduce(cipher).pow(&self.exponent).residue().to_be_bytes();
        let size = self.modulus.to_be_bytes().len();
        // The leading zero is not in the number.
        if plain.len() + 1 != size || plain.first() != Some(&2) {
            return None;
        }
        let end = plain.iter().position(|b| *b == 0).filter(|end| *end > 8)?;
        Some(plain[end + 1..].to_vec())
    }
}

/// `RSAPrivateKey` (RFC 8017, appendix A.1.2): version, modulus, public exponent, private exponent, …
fn pkcs1(bytes: &[u8]) -> Option<Key> {
    let (content, _) = element(bytes, 0x30)?;
    let (_, rest) = element(content, 0x02)?;
    let (modulus, rest) = element(rest, 0x02)?;
    let (_, rest) = element(rest, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    Some(Key { modulus: UBig::from_be_bytes(modulus), exponent: UBig::from_be_bytes(exponent) })
}

/// `PrivateKeyInfo` (RFC 5208): version, algorithm, an octet string with the key.
fn pkcs8(bytes: &[u8]) -> Option<Key> {
    let (content, _) = element(bytes, 0x30)?;
    let (_, rest) = element(content, 0x02)?;
    let (_, rest) = element(rest, 0x30)?;
    let (key, _) = element(rest, 0x04)?;
    pkcs1(key)
}

/// The content of a DER element with this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        _ => {
            let (digits, rest) =
                rest.split_at_checked(usize::from(first & 0x7f)).filter(|(d, _)| d.len() <= 4)?;
            (digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)), rest)
        }
    };
    rest.split_at_checked(length)
}

/// OpenSSH's own format (`PROTOCOL.key` in its sources). `None` if it is damaged or not RSA.
fn openssh(bytes: &[u8]) -> Result<Option<Key>, String> {
    let Some(bytes) = bytes.strip_prefix(b"openssh-key-v1\0") else { return Ok(None) };
    let Some((cipher, rest)) = ssh_string(bytes) else { return Ok(None) };
    if cipher != b"none" {
        return Err("the key is protected by a passphrase; it must be stored without one".into());
    }
    let read = || {
        let (_kdf, rest) = ssh_string(rest)?;
        let (_options, rest) = ssh_string(rest)?;
        let (_public, rest) = ssh_string(rest.get(4..)?)?;
        let (private, _) = ssh_string(rest)?;
        let (kind, rest) = ssh_string(private.get(8..)?)?;
        if kind != b"ssh-rsa" {
            return None;
        }
        let (modulus, rest) = ssh_string(rest)?;
        let (_public_exponent, rest) = ssh_string(rest)?;
        let (exponent, _) = ssh_string(rest)?;
        Some(Key { modulus: UBig::from_be_bytes(modulus), exponent: UBig::from_be_bytes(exponent) })
    };
    Ok(read())
}

/// Bytes with their length in front, and what follows them.
fn ssh_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}
