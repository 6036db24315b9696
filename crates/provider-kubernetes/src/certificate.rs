//! `kubernetes_certificate_signing_request_v1`: a certificate from the cluster.

use crate::cluster::Cluster;
use crate::failure::{Asked, Failure, explain};
use crate::shape::text;
use crate::target::segment;
use crate::x509;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use formwork_provider::{CallError, Computed, Crud, Cx, Nested, Problem, Resource, Retry};
use formwork_value::{Path, Value};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const PATH: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// A certificate that the cluster signs: a request for it, its approval, and the certificate itself.
///
/// The cluster forgets requests after a while. As long as the certificate is valid, that changes nothing here; when it has
/// ended, a new one is planned. Whatever changes, a new request is made.
#[derive(Clone, Resource)]
#[resource(name = "kubernetes_certificate_signing_request_v1")]
pub(crate) struct Request {
    /// Whether to approve the request. If not, somebody else has to, within five minutes.
    #[attr(replace, default = true)]
    auto_approve: bool,
    /// The signed certificate, in PEM.
    certificate: Computed<String>,
    /// Name of the request, and what it is labelled with.
    #[block(list, min = 1, max = 1)]
    metadata: Vec<Metadata>,
    /// What is asked for.
    #[block(list, min = 1, max = 1)]
    spec: Vec<Spec>,
    /// Name of the request.
    id: Computed<String>,
}

/// Name of a request, and what it is labelled with.
#[derive(Clone, Nested)]
struct Metadata {
    /// Its annotations.
    #[attr(replace)]
    annotations: Option<BTreeMap<String, String>>,
    /// Beginning of a name that is made up when `name` is not set.
    #[attr(replace)]
    generate_name: Option<String>,
    /// Its labels.
    #[attr(replace)]
    labels: Option<BTreeMap<String, String>>,
    /// Its name, unique in the cluster.
    #[attr(replace, optional)]
    name: Computed<String>,
    /// A number that the server counts up with changes of what is asked for.
    generation: Computed<i64>,
    /// A text that the server changes with every change.
    resource_version: Computed<String>,
    /// The server's identifier of the request.
    uid: Computed<String>,
}

/// What is asked for.
#[derive(Clone, Nested)]
struct Spec {
    /// The request, in PEM, as `tls_cert_request` makes it.
    #[attr(replace)]
    request: String,
    /// Who is to sign, such as `kubernetes.io/kube-apiserver-client`.
    #[attr(replace)]
    signer_name: String,
    /// What the certificate may be used for, such as `client auth`.
    #[attr(replace)]
    usages: Option<BTreeSet<String>>,
    /// For how many seconds the certificate should be valid, at least 600. Signers may shorten it; servers before 1.22
    /// do not know it.
    #[attr(replace)]
    expiration_seconds: Option<i64>,
}

impl Request {
    fn metadata(&self) -> Option<&Metadata> {
        self.metadata.first()
    }

    fn known_name(&self) -> Option<&str> {
        self.metadata()?.name.get().map(String::as_str).or(self.id.get().map(String::as_str))
    }

    /// The name to give: one that is made up is the same for each try of one attempt.
    fn name(&self, token: &str) -> String {
        if let Some(name) = self.known_name() {
            return name.to_owned();
        }
        let prefix = self.metadata().and_then(|m| m.generate_name.as_deref()).unwrap_or("csr-");
        let made: String = token.chars().filter(char::is_ascii_alphanumeric).take(10).collect();
        format!("{prefix}{}", made.to_ascii_lowercase())
    }

    fn body(&self, name: &str) -> Json {
        let (metadata, spec) = (self.metadata(), self.spec.first());
        crate::shape::prune(json!({
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {
                "name": name,
                "labels": metadata.and_then(|m| m.labels.as_ref()),
                "annotations": metadata.and_then(|m| m.annotations.as_ref()),
            },
            "spec": spec.map(|spec| json!({
                "request": STANDARD.encode(&spec.request),
                "signerName": spec.signer_name,
                "usages": spec.usages,
                "expirationSeconds": spec.expiration_seconds,
            })),
        }))
    }

    /// With what the server says.
    fn seen(&self, object: &Json) -> Self {
        let mut seen = self.clone();
        seen.id = text(object, "/metadata/name").map(str::to_owned).into();
        if let Some(metadata) = seen.metadata.first_mut() {
            metadata.name = seen.id.clone();
            metadata.generation =
                object.pointer("/metadata/generation").and_then(Json::as_i64).or(Some(0)).into();
            metadata.resource_version = text(object, "/metadata/resourceVersion").map(str::to_owned).into();
            metadata.uid = text(object, "/metadata/uid").map(str::to_owned).into();
        }
        if let Some(pem) = issued(object) {
            seen.certificate = pem.into();
        }
        seen
    }

    async fn get(&self, cx: &Cx<'_, Cluster>, name: &str) -> Result<Option<Json>, CallError> {
        match cx.client.get(&format!("{PATH}/{}", segment(name))).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.not_found() => Ok(None),
            Err(failure) => Err(explained(cx, name, "read", failure, None)),
        }
    }

    /// The server's object, unless it is another one of the same name.
    async fn own(&self, cx: &Cx<'_, Cluster>) -> Result<Option<Json>, CallError> {
        let Some(name) = self.known_name() else { return Ok(None) };
        let uid = self.metadata().and_then(|m| m.uid.get());
        let found = self.get(cx, name).await?;
        Ok(found.filter(|object| uid.is_none_or(|uid| text(object, "/metadata/uid") == Some(uid))))
    }

    /// Whether an object is the one that this asks for: nobody else has the key that the request is signed with.
    fn is(&self, object: &Json) -> bool {
        let wanted = self.body("");
        let same = |pointer: &str| object.pointer(pointer) == wanted.pointer(pointer);
        same("/spec/request") && same("/spec/signerName")
    }

    /// Whether the recorded certificate is still good.
    fn valid(&self, now: i128) -> bool {
        let until = self.certificate.get().and_then(|pem| x509::not_after(pem.as_bytes()));
        let now = Timestamp::from_nanosecond(now).ok();
        until.zip(now).is_some_and(|(until, now)| until > now)
    }
}

/// The certificate, once it is there.
fn issued(object: &Json) -> Option<String> {
    let text = text(object, "/status/certificate").filter(|t| !t.is_empty())?;
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

/// A condition of the request: its reason and message.
fn condition<'j>(object: &'j Json, ty: &str) -> Option<(&'j str, &'j str)> {
    let all = object.pointer("/status/conditions").and_then(Json::as_array)?;
    let found = all.iter().find(|c| text(c, "/type") == Some(ty))?;
    Some((text(found, "/reason").unwrap_or_default(), text(found, "/message").unwrap_or_default()))
}

fn explained(
    cx: &Cx<'_, Cluster>,
    name: &str,
    verb: &str,
    failure: Failure,
    body: Option<&Json>,
) -> CallError {
    let object = format!("CertificateSigningRequest \"{name}\"");
    let error = explain(
        failure,
        &Asked {
            verb,
            object: &object,
            address: cx.client.address(),
            body,
            certificate: cx.client.certificate(cx.now()),
        },
    );
    // Its places are those of a manifest, which there is none of here.
    error.on(Path::root())
}

fn request(method: http::Method, path: &str, body: &Json) -> Result<http::Request<Vec<u8>>, CallError> {
    http::Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .map_err(|_| {
            CallError::new("Malformed name", "The name cannot be part of an address of the API server.")
        })
}

#[async_trait]
impl Crud for Request {
    type Client = Cluster;
    const PATIENCE: Duration = Duration::from_secs(5 * 60);
    const QUIET: Duration = Duration::from_secs(5);

    fn validate(config: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let first = |block: &str| config.get(block).and_then(Value::as_slice).and_then(<[Value]>::first);
        let field = |block: &str, name: &str| first(block).and_then(|b| b.get(name));
        let at = |block: &str, name: &str| Path::root().attr(block).index(0).attr(name);
        let set = |name: &str| field("metadata", name).is_some_and(|v| !v.is_null());
        if set("name") && set("generate_name") {
            let detail =
                "name and generate_name are both set; only one of them can say what the request is called.";
            problems.push(Problem::error(at("metadata", "generate_name"), "Conflicting arguments", detail));
        }
        if let Some(text) = field("spec", "request").and_then(Value::as_str)
            && !text.contains("-----BEGIN")
        {
            let detail = "request must be a certificate request in PEM, which begins with -----BEGIN CERTIFICATE REQUEST-----; it is \
                          put into base64 here.";
            problems.push(Problem::error(at("spec", "request"), "Malformed request", detail));
        }
        if let Some(seconds) = field("spec", "expiration_seconds").and_then(Value::as_number)
            && seconds.to_i64().is_none_or(|s| s < 600)
        {
            let detail = format!("expiration_seconds is {seconds}; it must be at least 600.");
            problems.push(Problem::error(at("spec", "expiration_seconds"), "Number out of range", detail));
        }
        problems
    }

    async fn create(&self, cx: &Cx<'_, Cluster>) -> Result<Self, CallError> {
        let name = self.name(cx.token);
        let body = self.body(&name);
        let made = cx.client.send(request(http::Method::POST, PATH, &body)?).await;
        let object = made.map_err(|failure| explained(cx, &name, "create", failure, Some(&body)))?;
        Ok(self.seen(&object))
    }

    async fn finish(&self, created: &Self, cx: &Cx<'_, Cluster>) -> Result<(), CallError> {
        let Some(name) = created.known_name().filter(|_| self.auto_approve) else { return Ok(()) };
        let Some(mut object) = self.get(cx, name).await? else { return Ok(()) };
        if condition(&object, "Approved").is_some() {
            return Ok(());
        }
        let approval = json!({
            "type": "Approved",
            "status": "True",
            "reason": "FormworkAutoApprove",
            "message": "Approved by the configuration that made it (auto_approve)",
        });
        match object.pointer_mut("/status/conditions").and_then(Json::as_array_mut) {
            Some(conditions) => conditions.push(approval),
            None => object["status"]["conditions"] = json!([approval]),
        }
        let path = format!("{PATH}/{}/approval", segment(name));
        let approved = cx.client.send(request(http::Method::PUT, &path, &object)?).await;
        approved.map_err(|failure| explained(cx, name, "approve", failure, None)).map(|_| ())
    }

    async fn ready(&self, cx: &Cx<'_, Cluster>) -> Result<bool, CallError> {
        let Some(name) = self.known_name() else { return Ok(true) };
        let Some(object) = self.get(cx, name).await? else { return Ok(self.certificate.get().is_some()) };
        for ty in ["Denied", "Failed"] {
            if let Some((reason, message)) = condition(&object, ty) {
                let detail = format!(
                    "The cluster will not sign the certificate request \"{name}\" ({ty}): {reason}: {message}. Check its signer_name, \
                     usages and subject."
                );
                let error = CallError::new("Certificate request failed", detail);
                return Err(CallError { no_effect: false, retry: Retry::Never, ..error });
            }
        }
        Ok(issued(&object).is_some())
    }

    async fn read(&self, cx: &Cx<'_, Cluster>) -> Result<Option<Self>, CallError> {
        if self.known_name().is_none() {
            return Ok(None);
        }
        Ok(match self.own(cx).await? {
            Some(object) if issued(&object).is_none() || self.seen(&object).valid(cx.now()) => {
                Some(self.seen(&object))
            }
            None if self.valid(cx.now()) => Some(self.clone()),
            _ => None,
        })
    }

    async fn present(&self, cx: &Cx<'_, Cluster>) -> Result<bool, CallError> {
        Ok(self.own(cx).await?.is_some())
    }

    async fn delete(&self, cx: &Cx<'_, Cluster>) -> Result<(), CallError> {
        let Some(name) = self.known_name() else { return Ok(()) };
        let uid = self.metadata().and_then(|m| m.uid.get());
        let options = crate::shape::prune(json!({ "preconditions": uid.map(|uid| json!({ "uid": uid })) }));
        let path = format!("{PATH}/{}", segment(name));
        match cx.client.send(request(http::Method::DELETE, &path, &options)?).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.not_found() => Ok(()),
            // Another of the same name: ours has gone.
            Err(failure) if failure.status().is_some_and(|s| s.message.contains("UID in precondition")) => {
                Ok(())
            }
            Err(failure) => Err(explained(cx, name, "delete", failure, None)),
        }
    }

    async fn find(&self, cx: &Cx<'_, Cluster>) -> Result<Option<Self>, CallError> {
        let found = self.get(cx, &self.name(cx.token)).await?;
        Ok(found.filter(|object| self.is(object)).map(|object| self.seen(&object)))
    }

    async fn import(id: &str, cx: &Cx<'_, Cluster>) -> Result<Self, CallError> {
        let nothing = || {
            let detail = format!("The server knows no certificate request \"{id}\".");
            CallError::new("Nothing to import", detail)
        };
        let path = format!("{PATH}/{}", segment(id));
        let object = match cx.client.get(&path).await {
            Err(failure) if failure.not_found() => return Err(nothing()),
            found => found.map_err(|failure| explained(cx, id, "read", failure, None))?,
        };
        let map = |pointer: &str| -> Option<BTreeMap<String, String>> {
            let all = object.pointer(pointer)?.as_object()?;
            Some(all.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect())
        };
        let usages = object.pointer("/spec/usages").and_then(Json::as_array);
        let asked = text(&object, "/spec/request").and_then(|t| STANDARD.decode(t).ok());
        let imported = Request {
            auto_approve: true,
            certificate: Computed::Null,
            metadata: vec![Metadata {
                annotations: map("/metadata/annotations"),
                generate_name: None,
                labels: map("/metadata/labels"),
                name: id.into(),
                generation: Computed::Null,
                resource_version: Computed::Null,
                uid: Computed::Null,
            }],
            spec: vec![Spec {
                request: String::from_utf8(asked.unwrap_or_default()).unwrap_or_default(),
                signer_name: text(&object, "/spec/signerName").unwrap_or_default().to_owned(),
                usages: usages.map(|all| all.iter().filter_map(|u| Some(u.as_str()?.to_owned())).collect()),
                expiration_seconds: object.pointer("/spec/expirationSeconds").and_then(Json::as_i64),
            }],
            id: id.into(),
        };
        Ok(imported.seen(&object))
    }
}
