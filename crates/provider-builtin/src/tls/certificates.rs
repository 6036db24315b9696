//! `tls_self_signed_cert` and `tls_locally_signed_cert`.

use super::key::Key;
use super::request::{Subject, alternatives};
use super::x509::{self, Certificate};
use super::{failed, pem, read_key};
use crate::time::Moment;
use crate::values::{at_least, with};
use async_trait::async_trait;
use formwork_provider::{
    CallError, Computed, Crud, Cx, Effects, PlanRequest, PlanResponse, Problem, Resource, default_plan,
};
use formwork_value::{Number, Path, Value};

/// Makes a certificate that is signed with its own key.
#[derive(Clone, Resource)]
#[resource(name = "tls_self_signed_cert")]
pub(super) struct SelfSigned {
    /// The private key in PEM that the certificate is for.
    #[attr(replace, sensitive)]
    private_key_pem: String,
    /// Hours that it is valid from now on.
    #[attr(replace)]
    validity_period_hours: i64,
    /// What it may be used for: names of key usages and extended key usages, such as
    /// `digital_signature`, `server_auth` or, for an authority, `cert_signing`.
    #[attr(replace)]
    allowed_uses: Vec<String>,
    /// DNS names that it is for.
    #[attr(replace)]
    dns_names: Option<Vec<String>>,
    /// IP addresses that it is for.
    #[attr(replace)]
    ip_addresses: Option<Vec<String>>,
    /// URIs that it is for.
    #[attr(replace)]
    uris: Option<Vec<String>>,
    /// Hours before its end from which on it is replaced.
    #[attr(default = 0)]
    early_renewal_hours: i64,
    /// Whether it is a certificate authority's.
    #[attr(replace, default = false)]
    is_ca_certificate: bool,
    /// How many authorities may stand between this one and a certificate; any number if unset.
    #[attr(replace)]
    max_path_length: Option<i64>,
    /// Whether it names its key by an identifier. An authority's always does.
    #[attr(replace, default = false)]
    set_subject_key_id: bool,
    /// Whether it names the signing key by the same identifier.
    #[attr(replace, default = false)]
    set_authority_key_id: bool,
    /// Whose certificate it is.
    #[block(list, max = 1)]
    subject: Vec<Subject>,
    /// The certificate in PEM.
    cert_pem: Computed<String>,
    /// Algorithm of the key.
    key_algorithm: Computed<String>,
    /// Whether it has expired, or is about to.
    ready_for_renewal: Computed<bool>,
    /// Time from which it is valid.
    validity_start_time: Computed<String>,
    /// Time until which it is valid.
    validity_end_time: Computed<String>,
    /// Its serial number.
    id: Computed<String>,
}

/// Makes a certificate of a request, signed by an authority whose key is at hand.
#[derive(Clone, Resource)]
#[resource(name = "tls_locally_signed_cert")]
pub(super) struct LocallySigned {
    /// The authority's certificate in PEM.
    #[attr(replace)]
    ca_cert_pem: String,
    /// The authority's private key in PEM.
    #[attr(replace, sensitive)]
    ca_private_key_pem: String,
    /// The request in PEM.
    #[attr(replace)]
    cert_request_pem: String,
    /// Hours that it is valid from now on.
    #[attr(replace)]
    validity_period_hours: i64,
    /// What it may be used for: names of key usages and extended key usages, such as
    /// `digital_signature`, `server_auth` or, for an authority, `cert_signing`.
    #[attr(replace)]
    allowed_uses: Vec<String>,
    /// Hours before its end from which on it is replaced.
    #[attr(default = 0)]
    early_renewal_hours: i64,
    /// Whether it is a certificate authority's.
    #[attr(replace, default = false)]
    is_ca_certificate: bool,
    /// How many authorities may stand between this one and a certificate; any number if unset.
    #[attr(replace)]
    max_path_length: Option<i64>,
    /// Whether it names its key by an identifier. An authority's always does.
    #[attr(replace, default = false)]
    set_subject_key_id: bool,
    /// The certificate in PEM.
    cert_pem: Computed<String>,
    /// Algorithm of the authority's key.
    ca_key_algorithm: Computed<String>,
    /// Whether it has expired, or is about to.
    ready_for_renewal: Computed<bool>,
    /// Time from which it is valid.
    validity_start_time: Computed<String>,
    /// Time until which it is valid.
    validity_end_time: Computed<String>,
    /// Its serial number.
    id: Computed<String>,
}

fn check(config: &Value) -> Vec<Problem> {
    let mut problems: Vec<Problem> = at_least(config, "validity_period_hours", 0).into_iter().collect();
    problems.extend(at_least(config, "early_renewal_hours", 0));
    problems.extend(at_least(config, "max_path_length", 0));
    let known = x509::usages();
    let uses = config.get("allowed_uses").and_then(Value::as_slice).unwrap_or_default();
    for (i, text) in uses.iter().enumerate() {
        if let Some(text) = text.as_str().filter(|text| !known.contains(text)) {
            let detail = format!("\"{text}\" is no use of a certificate. There are: {}.", known.join(", "));
            problems.push(Problem::error(
                Path::root().attr("allowed_uses").index(i),
                "Unknown choice",
                detail,
            ));
        }
    }
    problems
}

/// Whether the time for a new certificate has come.
fn is_due(object: &Value, now: i128) -> bool {
    let end = object.get("validity_end_time").and_then(Value::as_str).and_then(Moment::parse);
    let early =
        object.get("early_renewal_hours").and_then(Value::as_number).and_then(Number::to_i64).unwrap_or(0);
    let due = end.and_then(|end| end.plus_time(early.checked_neg()?, 0, 0));
    matches!((due, Moment::now(now)), (Some(due), Some(now)) if !due.is_after(now))
}

/// A certificate that is due is planned as a new one; any other is not due.
fn plan(
    schema: &formwork_provider::Schema,
    request: &PlanRequest<'_>,
    mut plan: PlanResponse,
    now: i128,
) -> PlanResponse {
    if request.prior.is_some() && plan.replace.is_empty() && is_due(&plan.planned, now) {
        let fresh = default_plan(schema, &PlanRequest { prior: None, ..*request });
        plan = PlanResponse { replace: vec![Path::root().attr("ready_for_renewal")], ..fresh };
    }
    plan.planned = with(plan.planned, "ready_for_renewal", false.into());
    plan
}

/// What the certificates have in common when they are issued.
struct Issued {
    pem: String,
    serial: String,
    from: String,
    until: String,
}

fn issue(
    mut certificate: Certificate<'_>,
    hours: i64,
    now: i128,
    issuer: &[u8],
    key: &Key,
) -> Result<Issued, CallError> {
    let range = || CallError::new("Time out of range", "The certificate would end after the year 9999.");
    certificate.from = Moment::now(now).ok_or_else(range)?;
    certificate.until = certificate.from.plus_time(hours, 0, 0).ok_or_else(range)?;
    certificate.serial = rand::random();
    if certificate.ca && certificate.subject == x509::name(|_| Vec::new()) {
        let detail = "A certificate authority's certificate needs a subject with at least one part (RFC 5280, 4.1.2.6).";
        return Err(CallError::new("Missing subject", detail).on(Path::root().attr("subject")));
    }
    let bytes = certificate.issue(issuer, key).ok_or_else(|| failed("sign the certificate"))?;
    Ok(Issued {
        pem: pem::encode("CERTIFICATE", &bytes),
        serial: u128::from_be_bytes(certificate.serial).to_string(),
        from: certificate.from.rfc3339(),
        until: certificate.until.rfc3339(),
    })
}

macro_rules! certificate {
    ($ty:ty, |$planned:ident, $now:ident| $create:expr) => {
        #[async_trait]
        impl Crud for $ty {
            type Client = ();
            const EFFECTS: Effects = Effects::StateOnly;
            const DRIFTS: bool = true;
            const PLANS: bool = true;

            fn validate(config: &Value) -> Vec<Problem> {
                check(config)
            }

            async fn plan(
                cx: &Cx<'_, ()>,
                request: &PlanRequest<'_>,
                response: PlanResponse,
            ) -> Result<PlanResponse, CallError> {
                let schema = <Self as formwork_provider::Model>::schema();
                Ok(plan(&schema, request, response, cx.now()))
            }

            async fn create(&self, cx: &Cx<'_, ()>) -> Result<Self, CallError> {
                let ($planned, $now) = (self, cx.now());
                let (issued, mut made): (Issued, Self) = $create?;
                made.cert_pem = issued.pem.into();
                made.id = issued.serial.into();
                made.validity_start_time = issued.from.into();
                made.validity_end_time = issued.until.into();
                made.ready_for_renewal = false.into();
                Ok(made)
            }

            async fn read(&self, cx: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
                let mut found = self.clone();
                if is_due(&formwork_provider::Model::to_value(self), cx.now()) {
                    found.ready_for_renewal = true.into();
                }
                Ok(Some(found))
            }

            async fn update(&self, _prior: &Self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
                Ok(self.clone())
            }

            async fn delete(&self, _: &Cx<'_, ()>) -> Result<(), CallError> {
                Ok(())
            }
        }
    };
}

/// A moment to be filled in by [`issue`].
const SOME_TIME: Moment = Moment::EPOCH;

certificate!(SelfSigned, |planned, now| (|| {
    let key = read_key(&planned.private_key_pem, "private_key_pem")?;
    let subject = Subject::name(planned.subject.first());
    let public = key.public().clone();
    let certificate = Certificate {
        subject: subject.clone(),
        alternatives: alternatives(&planned.dns_names, &planned.ip_addresses, &planned.uris)?,
        serial: [0; 16],
        from: SOME_TIME,
        until: SOME_TIME,
        uses: &planned.allowed_uses,
        ca: planned.is_ca_certificate,
        max_path_length: planned.max_path_length,
        set_subject_key_id: planned.set_subject_key_id,
        authority_key_id: planned.set_authority_key_id.then(|| public.key_id()),
        public,
    };
    let issued = issue(certificate, planned.validity_period_hours, now, &subject, &key)?;
    let key_algorithm = key.public().algorithm().into();
    Ok::<_, CallError>((issued, SelfSigned { key_algorithm, ..planned.clone() }))
})());

certificate!(LocallySigned, |planned, now| (|| {
    let unreadable = |name: &str, what: &str| {
        CallError::new(format!("Unreadable {what}"), format!("{name} must be a {what} in PEM."))
            .on(Path::root().attr(name))
    };
    let key = read_key(&planned.ca_private_key_pem, "ca_private_key_pem")?;
    let request = pem::decode(&planned.cert_request_pem)
        .filter(|(label, _)| *label == "CERTIFICATE REQUEST")
        .and_then(|(_, bytes)| x509::read_request(&bytes))
        .ok_or_else(|| unreadable("cert_request_pem", "certificate request"))?;
    let authority = pem::decode(&planned.ca_cert_pem)
        .filter(|(label, _)| *label == "CERTIFICATE")
        .and_then(|(_, bytes)| x509::read_authority(&bytes))
        .ok_or_else(|| unreadable("ca_cert_pem", "certificate"))?;
    if authority.public != *key.public() {
        let detail = "ca_private_key_pem is not the key of the certificate in ca_cert_pem.";
        let error = CallError::new("Key and certificate do not belong together", detail);
        return Err(error.on(Path::root().attr("ca_private_key_pem")));
    }
    let certificate = Certificate {
        // A certificate of the same name would look as if it had signed itself.
        authority_key_id: authority.key_id.filter(|_| authority.subject != request.subject),
        subject: request.subject,
        public: request.public,
        alternatives: request.alternatives,
        serial: [0; 16],
        from: SOME_TIME,
        until: SOME_TIME,
        uses: &planned.allowed_uses,
        ca: planned.is_ca_certificate,
        max_path_length: planned.max_path_length,
        set_subject_key_id: planned.set_subject_key_id,
    };
    let issued = issue(certificate, planned.validity_period_hours, now, &authority.subject, &key)?;
    let ca_key_algorithm = key.public().algorithm().into();
    Ok::<_, CallError>((issued, LocallySigned { ca_key_algorithm, ..planned.clone() }))
})());
