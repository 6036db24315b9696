//! `tls_private_key`, `tls_cert_request`, `tls_self_signed_cert`, `tls_locally_signed_cert`, and the data source
//! `tls_public_key`.
//!
//! The arithmetic is AWS-LC's (and, for the curve P-224, which AWS-LC does not offer, RustCrypto's). The documents
//! around it are written here, since they are to be what Go's library makes of the same arguments.

mod certificates;
mod curve;
mod der;
mod key;
mod pem;
mod private_key;
mod public;
mod request;
mod x509;

use crate::fresh::fresh;
use formwork_provider::{
    CallError, CrudResource, DataSource, EphemeralResource, LookupSource, ManagedResource,
};
use formwork_value::Path;
use std::sync::Arc;

pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        CrudResource::<request::CertRequest>::new(),
        CrudResource::<certificates::LocallySigned>::new(),
        CrudResource::<private_key::PrivateKey>::new(),
        CrudResource::<certificates::SelfSigned>::new(),
    ]
}

pub(crate) fn data_sources() -> Vec<Arc<dyn DataSource>> {
    vec![LookupSource::<private_key::PublicKey>::new()]
}

pub(crate) fn ephemeral_resources() -> Vec<Arc<dyn EphemeralResource>> {
    vec![fresh(CrudResource::<private_key::PrivateKey>::new(), &["id", "openssh_comment"])]
}

/// The key in an attribute.
fn read_key(text: &str, attribute: &str) -> Result<key::Key, CallError> {
    key::Key::from_pem(text).ok_or_else(|| {
        let detail = format!(
            "{attribute} must be an RSA, ECDSA or Ed25519 key in PEM (PKCS#1, SEC 1 or PKCS#8), not encrypted."
        );
        CallError::new("Unreadable key", detail).on(Path::root().attr(attribute))
    })
}

/// A failure of the cryptographic library.
fn failed(what: &str) -> CallError {
    CallError::new("Cryptographic operation failed", format!("The cryptographic library refused to {what}."))
}

#[cfg(test)]
mod tests;
