//! Checksums of a content.

use crate::values::hex;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};

pub(super) struct Digests {
    pub(super) md5: String,
    pub(super) sha1: String,
    pub(super) sha256: String,
    pub(super) base64sha256: String,
    pub(super) sha512: String,
    pub(super) base64sha512: String,
}

impl Digests {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let (sha256, sha512) = (Sha256::digest(bytes), Sha512::digest(bytes));
        Digests {
            md5: hex(Md5::digest(bytes)),
            sha1: hex(Sha1::digest(bytes)),
            sha256: hex(sha256),
            base64sha256: STANDARD.encode(sha256),
            sha512: hex(sha512),
            base64sha512: STANDARD.encode(sha512),
        }
    }
}
