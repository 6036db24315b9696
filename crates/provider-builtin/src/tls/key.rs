//! Private keys: made, read, written, and signing.

use super::curve::Curve;
use super::der::{self, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE};
use super::pem;
use super::public::{Public, ssh_string};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use p224::ecdsa::signature::hazmat::PrehashSigner;
use sha2::{Digest, Sha256};

/// A private key.
pub(super) struct Key {
    /// The key as its own algorithm writes it: RSAPrivateKey (RFC 8017), ECPrivateKey (RFC 5915), CurvePrivateKey
    /// (RFC 8410).
    inner: Vec<u8>,
    public: Public,
    signer: Signer,
}

enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    P224(p224::ecdsa::SigningKey),
    Ed25519 { pair: Ed25519KeyPair, seed: Vec<u8> },
}

impl Key {
    /// A new RSA key; `None` for a size that cannot be made.
    pub(super) fn rsa(bits: i64) -> Option<Self> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return None,
        };
        let pair = RsaKeyPair::generate(size).ok()?;
        let document: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        Key::from_pkcs8(document.as_ref())
    }

    /// A new ECDSA key.
    pub(super) fn ec(curve: Curve) -> Option<Self> {
        match curve.signing().0 {
            Some(algorithm) => {
                let document = EcdsaKeyPair::generate(algorithm).ok()?.to_pkcs8v1().ok()?;
                Key::from_pkcs8(document.as_ref())
            }
            None => loop {
                // Not every number of that size is a key; nearly every one is.
                let scalar: [u8; 28] = rand::random();
                if let Some(key) = Key::from_scalar(curve, &scalar) {
                    return Some(key);
                }
            },
        }
    }

    /// A new Ed25519 key.
    pub(super) fn ed25519() -> Option<Self> {
        Key::from_pkcs8(Ed25519KeyPair::generate().ok()?.to_pkcs8v1().ok()?.as_ref())
    }

    /// Reads the first block of a PEM text.
    pub(super) fn from_pem(text: &str) -> Option<Self> {
        let (label, bytes) = pem::decode(text)?;
        match label {
            "RSA PRIVATE KEY" => Key::from_pkcs1(bytes),
            "EC PRIVATE KEY" => Key::from_sec1(&bytes, None),
            "PRIVATE KEY" => Key::from_pkcs8(&bytes),
            _ => None,
        }
    }

    /// PKCS#8 (RFC 5208).
    fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        let mut reader = der::only(bytes, SEQUENCE)?.inside();
        reader.expect(INTEGER)?;
        let mut algorithm = reader.expect(SEQUENCE)?.inside();
        let id = algorithm.expect(OID)?;
        let inner = reader.expect(OCTET_STRING)?.content;
        if id.whole == der::oid(&[1, 2, 840, 113549, 1, 1, 1]) {
            Key::from_pkcs1(inner.to_vec())
        } else if id.whole == der::oid(&[1, 2, 840, 10045, 2, 1]) {
            let curve = algorithm.expect(OID)?;
            Key::from_sec1(inner, Curve::ALL.into_iter().find(|c| c.oid() == curve.whole))
        } else if id.whole == der::oid(&[1, 3, 101, 112]) {
            Key::from_seed(der::only(inner, OCTET_STRING)?.content)
        } else {
            None
        }
    }

    fn from_pkcs1(inner: Vec<u8>) -> Option<Self> {
        let pair = RsaKeyPair::from_der(&inner).ok()?;
        let mut reader = der::only(&inner, SEQUENCE)?.inside();
        reader.expect(INTEGER)?;
        let modulus = reader.expect(INTEGER)?.content.to_vec();
        let exponent = reader.expect(INTEGER)?.content.to_vec();
        Some(Key { public: Public::Rsa { modulus, exponent }, inner, signer: Signer::Rsa(pair) })
    }

    fn from_sec1(bytes: &[u8], curve: Option<Curve>) -> Option<Self> {
        let mut reader = der::only(bytes, SEQUENCE)?.inside();
        reader.expect(INTEGER)?;
        let scalar = reader.expect(OCTET_STRING)?.content;
        let named = reader.expect(0xa0).and_then(|parameters| {
            let id = der::only(parameters.content, OID)?;
            Curve::ALL.into_iter().find(|c| c.oid() == id.whole)
        });
        Key::from_scalar(curve.or(named)?, scalar)
    }

    fn from_scalar(curve: Curve, scalar: &[u8]) -> Option<Self> {
        let (point, signer) = match curve.signing().0 {
            Some(algorithm) => {
                let bare = ec_private_key(curve, scalar, None, true);
                let pair = EcdsaKeyPair::from_private_key_der(algorithm, &bare).ok()?;
                (pair.public_key().as_ref().to_vec(), Signer::Ec(pair))
            }
            None => {
                let key = p224::ecdsa::SigningKey::from_slice(scalar).ok()?;
                (key.verifying_key().to_encoded_point(false).as_bytes().to_vec(), Signer::P224(key))
            }
        };
        let inner = ec_private_key(curve, scalar, Some(&point), true);
        Some(Key { inner, public: Public::Ec { curve, point }, signer })
    }

    fn from_seed(seed: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = Public::Ed25519(pair.public_key().as_ref().to_vec());
        let inner = der::value(OCTET_STRING, seed);
        Some(Key { inner, public, signer: Signer::Ed25519 { pair, seed: seed.to_vec() } })
    }

    pub(super) fn public(&self) -> &Public {
        &self.public
    }

    /// In the form of its algorithm; Ed25519 has none but PKCS#8.
    pub(super) fn pem(&self) -> String {
        match &self.public {
            Public::Rsa { .. } => pem::encode("RSA PRIVATE KEY", &self.inner),
            Public::Ec { .. } => pem::encode("EC PRIVATE KEY", &self.inner),
            Public::Ed25519(_) => self.pkcs8_pem(),
        }
    }

    /// As PKCS#8.
    pub(super) fn pkcs8_pem(&self) -> String {
        let mut public = Reader(&[]);
        let spki = self.public.der();
        if let Some(item) = der::only(&spki, SEQUENCE) {
            public = item.inside();
        }
        let algorithm = public.expect(SEQUENCE).map(|a| a.whole).unwrap_or_default();
        let inner = match (&self.public, self.scalar()) {
            // The curve is named outside already.
            (Public::Ec { curve, point }, Some(scalar)) => ec_private_key(*curve, scalar, Some(point), false),
            _ => self.inner.clone(),
        };
        let document = [&der::integer(&[0])[..], algorithm, &der::value(OCTET_STRING, &inner)];
        pem::encode("PRIVATE KEY", &der::sequence(&document))
    }

    fn scalar(&self) -> Option<&[u8]> {
        let mut reader = der::only(&self.inner, SEQUENCE)?.inside();
        reader.expect(INTEGER)?;
        reader.expect(OCTET_STRING).map(|s| s.content)
    }

    /// As OpenSSH keeps it, without a passphrase (OpenSSH's PROTOCOL.key); empty where SSH has none.
    pub(super) fn openssh(&self, comment: &str) -> String {
        let Some((name, blob)) = self.public.ssh() else { return String::new() };
        let check: [u8; 4] = rand::random();
        let mut secret = [check, check].concat();
        ssh_string(&mut secret, name.as_bytes());
        match (&self.public, &self.signer) {
            (Public::Ed25519(public), Signer::Ed25519 { seed, .. }) => {
                ssh_string(&mut secret, public);
                ssh_string(&mut secret, &[&seed[..], public].concat());
            }
            (Public::Ec { curve, point }, _) => {
                ssh_string(&mut secret, curve.ssh().map_or("", |(_, name)| name).as_bytes());
                ssh_string(&mut secret, point);
                ssh_string(&mut secret, &der::unsigned(self.scalar().unwrap_or_default()));
            }
            _ => {
                // RSAPrivateKey: version, n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p; SSH: n, e, d, 1/q, p, q.
                let mut reader = der::only(&self.inner, SEQUENCE).map_or(Reader(&[]), der::Item::inside);
                let numbers: Vec<&[u8]> =
                    std::iter::from_fn(|| reader.expect(INTEGER)).map(|i| i.content).collect();
                for index in [1, 2, 3, 8, 4, 5] {
                    ssh_string(&mut secret, numbers.get(index).copied().unwrap_or_default());
                }
            }
        }
        ssh_string(&mut secret, comment.as_bytes());
        secret.extend((1..).take((8 - secret.len() % 8) % 8));
        let mut out = b"openssh-key-v1\0".to_vec();
        ssh_string(&mut out, b"none");
        ssh_string(&mut out, b"none");
        ssh_string(&mut out, b"");
        out.extend(1u32.to_be_bytes());
        ssh_string(&mut out, &blob);
        ssh_string(&mut out, &secret);
        pem::encode("OPENSSH PRIVATE KEY", &out)
    }

    /// Signs, and says by which algorithm (an AlgorithmIdentifier): those that Go chooses.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.signer {
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Signer::Ec(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Signer::P224(key) => {
                let signature: p224::ecdsa::Signature = key.sign_prehash(&Sha256::digest(message)).ok()?;
                Some(signature.to_der().as_bytes().to_vec())
            }
            Signer::Ed25519 { pair, .. } => Some(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The AlgorithmIdentifier of its signatures.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match &self.public {
            Public::Rsa { .. } => {
                der::sequence(&[&der::oid(&[1, 2, 840, 113549, 1, 1, 11]), &der::value(5, &[])])
            }
            Public::Ec { curve, .. } => der::sequence(&[&curve.signing().1]),
            Public::Ed25519(_) => der::sequence(&[&der::oid(&[1, 3, 101, 112])]),
        }
    }
}

/// ECPrivateKey (RFC 5915, 3).
fn ec_private_key(curve: Curve, scalar: &[u8], point: Option<&[u8]>, named: bool) -> Vec<u8> {
    let mut parts = vec![der::integer(&[1]), der::value(OCTET_STRING, scalar)];
    if named {
        parts.push(der::value(0xa0, &curve.oid()));
    }
    if let Some(point) = point {
        parts.push(der::value(0xa1, &der::bits(point)));
    }
    der::sequence(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}
