//! `tls_cert_request`, and what it shares with certificates.

use super::{failed, pem, read_key, x509};
use crate::values::hex;
use async_trait::async_trait;
use formwork_provider::{CallError, Computed, Crud, Cx, Effects, Nested, Resource};
use formwork_value::Path;
use sha1::{Digest, Sha1};

/// Whose certificate it is.
#[derive(Clone, Nested)]
pub(super) struct Subject {
    /// Distinguished name `CN`.
    #[attr(replace)]
    common_name: Option<String>,
    /// Distinguished name `O`.
    #[attr(replace)]
    organization: Option<String>,
    /// Distinguished name `OU`.
    #[attr(replace)]
    organizational_unit: Option<String>,
    /// Distinguished name `STREET`.
    #[attr(replace)]
    street_address: Option<Vec<String>>,
    /// Distinguished name `L`.
    #[attr(replace)]
    locality: Option<String>,
    /// Distinguished name `ST`.
    #[attr(replace)]
    province: Option<String>,
    /// Distinguished name `C`.
    #[attr(replace)]
    country: Option<String>,
    /// Distinguished name `PC`.
    #[attr(replace)]
    postal_code: Option<String>,
    /// Distinguished name `SERIALNUMBER`.
    #[attr(replace)]
    serial_number: Option<String>,
    /// Address of electronic mail.
    #[attr(replace)]
    email_address: Option<String>,
}

impl Subject {
    /// The distinguished name of a subject, if there is one.
    pub(super) fn name(subject: Option<&Subject>) -> Vec<u8> {
        x509::name(|part| {
            let Some(s) = subject else { return Vec::new() };
            let one = match part {
                "common_name" => &s.common_name,
                "organization" => &s.organization,
                "organizational_unit" => &s.organizational_unit,
                "locality" => &s.locality,
                "province" => &s.province,
                "country" => &s.country,
                "postal_code" => &s.postal_code,
                "serial_number" => &s.serial_number,
                "email_address" => &s.email_address,
                _ => return s.street_address.iter().flatten().map(String::as_str).collect(),
            };
            one.iter().map(String::as_str).filter(|t| !t.is_empty()).collect()
        })
    }
}

/// General names of the three kinds that can be given.
pub(super) fn alternatives(
    dns: &Option<Vec<String>>,
    ips: &Option<Vec<String>>,
    uris: &Option<Vec<String>>,
) -> Result<Vec<u8>, CallError> {
    let list = |names: &Option<Vec<String>>| names.clone().unwrap_or_default();
    let (dns, ips, uris) = (list(dns), list(ips), list(uris));
    for (name, items) in [("dns_names", &dns), ("uris", &uris)] {
        if let Some(text) = items.iter().find(|text| !text.is_ascii()) {
            let detail = format!("{name} can hold ASCII characters only; there is \"{text}\".");
            return Err(CallError::new("Malformed name", detail).on(Path::root().attr(name)));
        }
    }
    x509::alternatives(&dns, &ips, &uris).ok_or_else(|| {
        let wrong = ips.iter().find(|ip| ip.parse::<std::net::IpAddr>().is_err());
        let detail = format!("\"{}\" is not an IP address.", wrong.map_or("", String::as_str));
        CallError::new("Malformed name", detail).on(Path::root().attr("ip_addresses"))
    })
}

/// Makes a certificate request (CSR).
#[derive(Clone, Resource)]
#[resource(name = "tls_cert_request")]
pub(super) struct CertRequest {
    /// The private key in PEM that the certificate is to be for.
    #[attr(replace, sensitive)]
    private_key_pem: String,
    /// DNS names that the certificate is to be for.
    #[attr(replace)]
    dns_names: Option<Vec<String>>,
    /// IP addresses that the certificate is to be for.
    #[attr(replace)]
    ip_addresses: Option<Vec<String>>,
    /// URIs that the certificate is to be for.
    #[attr(replace)]
    uris: Option<Vec<String>>,
    /// Whose certificate it is to be.
    #[block(list, max = 1)]
    subject: Vec<Subject>,
    /// Algorithm of the key.
    key_algorithm: Computed<String>,
    /// The request in PEM.
    cert_request_pem: Computed<String>,
    /// SHA-1 of the request, in hexadecimal digits.
    id: Computed<String>,
}

#[async_trait]
impl Crud for CertRequest {
    type Client = ();
    const EFFECTS: Effects = Effects::StateOnly;

    async fn create(&self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        let key = read_key(&self.private_key_pem, "private_key_pem")?;
        let names = alternatives(&self.dns_names, &self.ip_addresses, &self.uris)?;
        let bytes = x509::request(&Subject::name(self.subject.first()), &names, &key)
            .ok_or_else(|| failed("sign the request"))?;
        Ok(CertRequest {
            key_algorithm: key.public().algorithm().into(),
            cert_request_pem: pem::encode("CERTIFICATE REQUEST", &bytes).into(),
            id: hex(Sha1::digest(&bytes)).into(),
            ..self.clone()
        })
    }

    async fn read(&self, _: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
        Ok(Some(self.clone()))
    }

    async fn update(&self, _prior: &Self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        Ok(self.clone())
    }

    async fn delete(&self, _: &Cx<'_, ()>) -> Result<(), CallError> {
        Ok(())
    }
}
