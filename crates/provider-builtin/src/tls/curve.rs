//! Elliptic curves of ECDSA keys.

use super::der;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaSigningAlgorithm,
};

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P224,
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const ALL: [Curve; 4] = [Curve::P224, Curve::P256, Curve::P384, Curve::P521];

    /// As HashiCorp names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Curve::P224 => "P224",
            Curve::P256 => "P256",
            Curve::P384 => "P384",
            Curve::P521 => "P521",
        }
    }

    /// RFC 5480, 2.1.1.1.
    pub(super) fn oid(self) -> Vec<u8> {
        match self {
            Curve::P224 => der::oid(&[1, 3, 132, 0, 33]),
            Curve::P256 => der::oid(&[1, 2, 840, 10045, 3, 1, 7]),
            Curve::P384 => der::oid(&[1, 3, 132, 0, 34]),
            Curve::P521 => der::oid(&[1, 3, 132, 0, 35]),
        }
    }

    /// Names of the key type and of the curve in SSH.
    pub(super) fn ssh(self) -> Option<(&'static str, &'static str)> {
        match self {
            Curve::P224 => None,
            Curve::P256 => Some(("ecdsa-sha2-nistp256", "nistp256")),
            Curve::P384 => Some(("ecdsa-sha2-nistp384", "nistp384")),
            Curve::P521 => Some(("ecdsa-sha2-nistp521", "nistp521")),
        }
    }

    /// How it signs, and the signature algorithm's identifier (RFC 5758, 3.2). P-224 is not AWS-LC's.
    pub(super) fn signing(self) -> (Option<&'static EcdsaSigningAlgorithm>, Vec<u8>) {
        let oid = |last| der::oid(&[1, 2, 840, 10045, 4, 3, last]);
        match self {
            Curve::P224 => (None, oid(2)),
            Curve::P256 => (Some(&ECDSA_P256_SHA256_ASN1_SIGNING), oid(2)),
            Curve::P384 => (Some(&ECDSA_P384_SHA384_ASN1_SIGNING), oid(3)),
            Curve::P521 => (Some(&ECDSA_P521_SHA512_ASN1_SIGNING), oid(4)),
        }
    }
}
