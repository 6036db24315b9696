//! Failed calls: what the server or the connection said, for people, without secrets.

use crate::config::chain;
use crate::place::{locate, path};
use formwork_provider::{CallError, Retry};
use formwork_value::Path;
use kube::core::Status;
use serde_json::Value as Json;
use std::error::Error;
use std::io::ErrorKind;

/// Why a call failed.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The server said no.
    Refused(Box<Status>),
    /// Anything else, ready to be shown.
    Call(CallError),
}

impl Failure {
    /// A failure of the client.
    pub fn of(error: kube::Error, address: &str) -> Self {
        match error {
            kube::Error::Api(status) => Failure::Refused(status),
            error => Failure::Call(connection(&error, address)),
        }
    }

    /// What the server said.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Failure::Refused(status) => Some(status),
            Failure::Call(_) => None,
        }
    }

    /// Whether there is no such thing.
    pub fn not_found(&self) -> bool {
        self.status().is_some_and(|s| s.code == 404)
    }
}

/// What a call was about.
pub(crate) struct Asked<'a> {
    /// What was tried: `apply`, `read`, `delete`.
    pub verb: &'a str,
    /// The object: `Deployment "shop/web"`.
    pub object: &'a str,
    /// The server's address.
    pub address: &'a str,
    /// What was sent, if anything.
    pub body: Option<&'a Json>,
    /// What is known of the client's certificate.
    pub certificate: Option<String>,
}

/// A connection that failed.
fn connection(error: &kube::Error, address: &str) -> CallError {
    let said = chain(error);
    let how = "The address comes from host, or from the kubeconfig file, in the provider block.";
    let never = |summary: &str, detail: String| CallError::new(summary, detail);
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    let mut kind = None;
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            kind = Some(io.kind());
        }
        source = cause.source();
    }
    let unreachable = "Cluster cannot be reached";
    if said.contains("UnknownIssuer") || said.contains("invalid peer certificate") {
        let why = if said.contains("UnknownIssuer") {
            "it was signed by an authority that is not known here"
        } else if said.contains("Expired") {
            "it has expired"
        } else if said.contains("NotValidForName") {
            "it is for another name"
        } else {
            "it is not valid"
        };
        let detail = format!(
            "The certificate of the server at {address} cannot be trusted, because {why} ({said}). Set cluster_ca_certificate to \
             the cluster's authority, or tls_server_name to the name that the certificate is for."
        );
        return never("Server's certificate is not trusted", detail);
    }
    if said.contains("received fatal alert") {
        let detail = format!(
            "The server at {address} broke off the TLS handshake: {said}. Check client_certificate and client_key: whether they \
             belong to this cluster, and have not expired."
        );
        return never("Credentials refused", detail);
    }
    if let kube::Error::Auth(_) = error {
        let detail = format!("The credentials for the server at {address} cannot be had: {said}.");
        return never("Credentials cannot be used", detail);
    }
    match kind {
        Some(ErrorKind::ConnectionRefused) => {
            never(unreachable, format!("Nothing listens at {address} (connection refused). {how}"))
        }
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable) => {
            never(unreachable, format!("No route leads to {address}. {how}"))
        }
        _ if said.contains("dns error") || said.contains("failed to lookup address") => {
            never(unreachable, format!("The name in {address} cannot be resolved: {said}. {how}"))
        }
        _ if said.contains("client error (Connect)") => {
            never(unreachable, format!("The server at {address} cannot be reached: {said}. {how}"))
        }
        _ => {
            let detail = format!("The call to the server at {address} was cut short: {said}.");
            CallError::uncertain("Call to the cluster failed", detail)
        }
    }
}

/// What the server's refusal means.
pub(crate) fn explain(failure: Failure, asked: &Asked<'_>) -> CallError {
    let status = match failure {
        Failure::Call(error) => return error,
        Failure::Refused(status) => status,
    };
    let Asked { verb, object, address, .. } = asked;
    let said = hidden(&tidy(&status.message), asked.body);
    let refused = |summary: &str, detail: String| CallError::new(summary, detail);
    if status.message.starts_with("admission webhook") && status.message.contains("denied the request") {
        let detail = format!(
            "An admission webhook of the cluster does not allow this {object}: {said}. It is a rule of the cluster, not of \
             Kubernetes: change the manifest so that it is kept, or ask whoever runs the webhook."
        );
        return refused("Admission webhook refused the object", detail);
    }
    match status.code {
        401 => {
            let certificate = asked.certificate.as_ref().map(|what| format!(" {what}")).unwrap_or_default();
            let detail = format!(
                "The server at {address} does not accept the credentials (401 Unauthorized).{certificate} Check token, \
                 client_certificate and client_key, or the user of the kubeconfig's context."
            );
            refused("Credentials refused", detail)
        }
        403 if status.message.contains(" cannot ") => {
            let detail = format!(
                "The server does not let this user {verb} {object}: {said}. A Role or ClusterRole with that verb on that \
                 resource, bound to the user, allows it."
            );
            refused("Permission denied", detail)
        }
        404 if missing_namespace(&status).is_some() => {
            let namespace = missing_namespace(&status).unwrap_or_default();
            let detail = format!(
                "{object} belongs into the namespace \"{namespace}\", which does not exist. Create it first; if this configuration \
                 does, refer to it, as in namespace = kubernetes_manifest.NAME.manifest.metadata.name, or with depends_on."
            );
            refused("Namespace does not exist", detail).on(manifest(&["metadata", "namespace"]))
        }
        404 => refused("Object does not exist", format!("The server knows no {object}: {said}.")),
        409 if !conflicts(&status).is_empty() => {
            let fields: Vec<String> = conflicts(&status)
                .iter()
                .map(|c| format!("  {} belongs to \"{}\"", c.field.trim_start_matches('.'), c.manager))
                .collect();
            let place = conflicts(&status).first().map(|c| place(asked.body, &c.field));
            let detail = format!(
                "Others set these fields of {object}, to other values:\n\n{}\n\nTake the fields out of the manifest to leave them to \
                 their owners, or take them over with force_conflicts = true in a field_manager block.",
                fields.join("\n")
            );
            refused("Fields belong to others", detail).on(place.unwrap_or_else(|| manifest(&[])))
        }
        409 if status.reason == "AlreadyExists" => exists(object),
        409 => CallError {
            retry: Retry::Transient,
            ..refused("Object is changing", format!("{object}: {said}."))
        },
        422 => invalid(&status, asked),
        429 => CallError {
            retry: Retry::Throttled,
            ..refused(
                "Too many requests",
                format!("The server at {address} is being asked too often: {said}."),
            )
        },
        500 if status.message.starts_with("failed to ") => unfit(&status.message, &said, asked),
        500.. => CallError::uncertain(
            "Server cannot answer",
            format!("The server at {address} could not {verb} {object} (HTTP {}): {said}.", status.code),
        ),
        _ => unfit(&status.message, &said, asked),
    }
}

/// An object that stands where one is to be made.
pub(crate) fn exists(object: &str) -> CallError {
    let detail = format!(
        "The cluster has a {object} already, and this configuration did not make it. Give the new one another name; or \
         delete the old one, if nobody needs it."
    );
    CallError::new("Object exists already", detail).on(manifest(&["metadata", "name"]))
}

/// A manifest that does not fit the server's schema: the message begins with a place.
fn unfit(message: &str, said: &str, asked: &Asked<'_>) -> CallError {
    // `failed to create typed patch object (ns/name; v1, Kind=X): .spec.foo: field not declared in schema`
    let found = message
        .split(": ")
        .map(|part| part.trim_start_matches("errors:").trim())
        .find(|part| part.starts_with('.') && !part.contains(' '));
    let is = found.zip(asked.body).and_then(|(field, body)| {
        let (steps, whole) = locate(body, field);
        crate::place::at(body, &steps).filter(|_| whole)
    });
    let mend = if message.contains("omits key field \"") {
        let field = message.split("omits key field \"").nth(1).and_then(|rest| rest.split('"').next());
        format!(
            " The server tells the elements of this list apart by {0}: set {0} in each of them.",
            field.unwrap_or_default()
        )
    } else if message.contains(": expected ") {
        match is {
            Some(Json::Number(_) | Json::Bool(_)) if message.contains(": expected string") => {
                " It is not a string in the manifest: write it in quotes, or with tostring.".to_owned()
            }
            Some(Json::String(_)) if message.contains(": expected numeric") => {
                " It is a string in the manifest: write it without quotes, or with tonumber.".to_owned()
            }
            Some(value) => format!(" In the manifest it is {}.", kind_of(value)),
            None => String::new(),
        }
    } else {
        String::new()
    };
    let detail = format!("The server does not accept this manifest of {}: {said}.{mend}", asked.object);
    let at = found.map_or_else(|| manifest(&[]), |field| place(asked.body, field));
    CallError::new("Manifest refused by the server", detail).on(at)
}

fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// A manifest with values that are not allowed.
fn invalid(status: &Status, asked: &Asked<'_>) -> CallError {
    let causes = status.details.as_ref().map(|d| d.causes.as_slice()).unwrap_or_default();
    let lines: Vec<String> = causes
        .iter()
        .map(|c| format!("  {}: {}", c.field, hidden(&without_value(&c.message), asked.body)))
        .collect();
    let detail = match lines.is_empty() {
        true => {
            let said = hidden(&tidy(&without_value(&status.message)), asked.body);
            format!("The server does not accept this {}: {said}.", asked.object)
        }
        false => format!("The server does not accept this {}:\n\n{}", asked.object, lines.join("\n")),
    };
    let at = causes.first().map_or_else(|| manifest(&[]), |cause| place(asked.body, &cause.field));
    CallError::new("Manifest refused by the server", detail).on(at)
}

fn manifest(names: &[&str]) -> Path {
    names.iter().fold(Path::root().attr("manifest"), |path, name| path.attr(*name))
}

/// A field that the server names, as a path into `manifest`: as far as the manifest goes.
pub(crate) fn place(body: Option<&Json>, field: &str) -> Path {
    let steps = body.map(|body| locate(body, field).0).unwrap_or_default();
    path("manifest", &steps)
}

/// A field that another manager holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Conflict {
    /// Where, as the server says it.
    pub field: String,
    /// Who.
    pub manager: String,
    /// Whether it was set by a plain write, not by another's apply.
    pub written: bool,
}

/// The fields that others hold.
pub(crate) fn conflicts(status: &Status) -> Vec<Conflict> {
    let causes = status.details.iter().flat_map(|d| &d.causes);
    causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| {
            let quoted = cause.message.split('"').nth(1).unwrap_or("somebody else");
            Conflict {
                field: cause.field.clone(),
                manager: quoted.to_owned(),
                written: cause.message.contains(" using "),
            }
        })
        .collect()
}

/// The namespace that a 404 is about.
pub(crate) fn missing_namespace(status: &Status) -> Option<String> {
    let details = status.details.as_ref()?;
    (status.code == 404 && details.kind == "namespaces").then(|| details.name.clone())
}

/// Whether the server says that this object cannot be changed so, only made anew; the reason.
pub(crate) fn immutable(status: &Status) -> Option<(String, String)> {
    let forbids = |text: &str| {
        text.contains("immutable")
            || text.contains("may not change once set")
            || text.contains("may not be changed")
            || text.contains("cannot change roleRef")
            || text.contains("pod updates may not change")
            || (text.contains("updates to") && text.contains("forbidden"))
    };
    if status.code != 422 {
        return None;
    }
    let causes = status.details.iter().flat_map(|d| &d.causes);
    let cause = causes.into_iter().find(|cause| forbids(&cause.message))?;
    Some((cause.field.clone(), without_value(&cause.message)))
}

/// The message of a validation error without the value that it quotes, which may be secret.
pub(crate) fn without_value(message: &str) -> String {
    let message = without_difference(message);
    for lead in ["Invalid value: ", "Unsupported value: ", "Duplicate value: ", "Too long: ", "Not found: "] {
        let Some(start) = message.find(lead) else { continue };
        let after = &message[start + lead.len()..];
        let reason = after.get(value_len(after)..).unwrap_or_default();
        let reason = reason.strip_prefix(": ").unwrap_or(reason);
        let name = lead.trim_end_matches(": ");
        let head = &message[..start];
        return if reason.is_empty() { format!("{head}{name}") } else { format!("{head}{name}: {reason}") };
    }
    message.to_owned()
}

/// The message without the difference, in Go's notation, that some validations put under their first line.
fn without_difference(message: &str) -> &str {
    let is_dump = |line: &str| line.trim_end().ends_with('{') && !line.contains(' ');
    let dump = message
        .match_indices('\n')
        .find(|(at, _)| message[at + 1..].lines().next().is_some_and(|l| is_dump(l.trim())));
    dump.map_or(message, |(at, _)| message[..at].trim_end())
}

/// How long the value is that a text begins with, as Go prints it: a quoted text, or brackets around more.
fn value_len(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0usize, None, false);
    for (at, c) in text.char_indices() {
        match (quoted, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(quote), _) if c == quote => {
                quoted = None;
                if depth == 0 {
                    return at + c.len_utf8();
                }
            }
            (Some(_), _) => {}
            (None, '"' | '`') => quoted = Some(c),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '}' | ']' | ')') => depth = depth.saturating_sub(1),
            (None, ':') if depth == 0 && text[at..].starts_with(": ") => return at,
            _ => {}
        }
    }
    text.len()
}

/// The message without the pieces of the request that decoders quote, which may be secret.
fn tidy(message: &str) -> String {
    let quotes = [", error found in #", ", got &", ", got *", ", got \""];
    let cut = quotes.iter().filter_map(|quote| message.find(quote)).min().unwrap_or(message.len());
    message[..cut].trim().trim_end_matches('.').to_owned()
}

/// The message without anything that a Secret holds.
fn hidden(message: &str, body: Option<&Json>) -> String {
    let Some(body) = body.filter(|b| b.get("kind").and_then(Json::as_str) == Some("Secret")) else {
        return message.to_owned();
    };
    let fields = ["data", "stringData"].into_iter().filter_map(|f| body.get(f)?.as_object());
    let values = fields.flat_map(|map| map.values()).filter_map(Json::as_str).filter(|v| v.len() > 2);
    values.fold(message.to_owned(), |text, value| text.replace(value, "(sensitive value)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_left_out() {
        let check = |message: &str, wanted: &str| assert_eq!(without_value(message), wanted);
        check("Invalid value: \"a \\\" b: c\": must be x", "Invalid value: must be x");
        check(
            "Invalid value: map[string]string{\"a\":\"hunter2\"}: `selector` does not match",
            "Invalid value: `selector` does not match",
        );
        check("Invalid value: -1: must be positive", "Invalid value: must be positive");
        check(
            "Unsupported value: \"Foo\": supported values: \"A\", \"B\"",
            "Unsupported value: supported values: \"A\", \"B\"",
        );
        check("Required value", "Required value");
        check("Duplicate value: \"secret\"", "Duplicate value");
        check(
            "Forbidden: pod updates may not change fields\n  core.PodSpec{\n- \tEnv: \"hunter2\",\n  }\n",
            "Forbidden: pod updates may not change fields",
        );
    }

    fn status(json: Json) -> Box<Status> {
        Box::new(serde_json::from_value(json).unwrap())
    }

    fn explained(body: Json, answer: Json) -> CallError {
        let asked = Asked {
            verb: "apply",
            object: "Thing \"a/b\"",
            address: "https://x",
            body: Some(&body),
            certificate: None,
        };
        explain(Failure::Refused(status(answer)), &asked)
    }

    #[test]
    fn refusals_point_into_the_manifest() {
        let body = json!({ "kind": "Thing", "spec": { "ports": [{ "port": "x" }], "foo": 1 } });
        let check = |answer: Json, at: &str| {
            let error = explained(body.clone(), answer);
            assert_eq!(error.path.to_string(), at, "{}", error.detail);
            assert!(error.no_effect && error.retry == Retry::Never);
        };
        check(
            json!({ "code": 422, "reason": "Invalid", "message": "m", "details": { "causes": [
                { "reason": "FieldValueInvalid", "message": "Invalid value: \"x\": no", "field": "spec.ports[0].port" }] } }),
            ".manifest.spec.ports[0].port",
        );
        check(
            json!({ "code": 500, "message": "failed to create typed patch object: .spec.foo: field not declared in schema" }),
            ".manifest.spec.foo",
        );
        check(json!({ "code": 400, "reason": "BadRequest", "message": "nonsense" }), ".manifest");
    }

    #[test]
    fn what_can_be_tried_again() {
        let check = |code: u16, message: &str, retry: Retry, no_effect: bool| {
            let error = explained(json!({}), json!({ "code": code, "message": message }));
            assert_eq!((error.retry, error.no_effect), (retry, no_effect), "{code} {message}");
        };
        check(429, "slow down", Retry::Throttled, true);
        check(503, "etcd is away", Retry::Transient, false);
        check(500, "etcdserver: leader changed", Retry::Transient, false);
        check(403, "User \"x\" cannot create resource", Retry::Never, true);
    }

    #[test]
    fn what_is_expected_and_what_there_is() {
        let body = json!({ "kind": "ConfigMap", "data": { "n": 4711, "s": "1", "l": ["hunter"] } });
        let check = |said: &str, wanted: &str| {
            let message = format!("failed to create typed patch object: {said}");
            let detail = explained(body.clone(), json!({ "code": 500, "message": message })).detail;
            assert!(
                detail.contains(wanted) && !detail.contains("hunter") && !detail.contains("4711"),
                "{detail}"
            );
        };
        check(".data.n: expected string, got &value.valueUnstructured{Value:4711}", "write it in quotes");
        check(".data.s: expected numeric (int or float), got *value.valueUnstructured", "with tonumber");
        check(".data.l: expected map, got &{[hunter]}", "expected map. In the manifest it is a list.");
        check(
            ".spec.ports: element 0: associative list with keys has an element that omits key field \"protocol\"",
            "set protocol in each",
        );
    }

    #[test]
    fn no_message_holds_a_secret() {
        let body = json!({ "kind": "Secret", "data": { "p": "hunter-two!" } });
        for message in [
            ".data.p: expected map, got &value.valueUnstructured{Value:\"hunter-two!\"}",
            ".data.q: expected string, got &value.valueUnstructured{Value:[hunter]}",
            "admission webhook \"w\" denied the request: hunter-two! is weak",
            "v1.Secret.Data: base64Codec: invalid input, error found in #10 byte of ...|hunter-two!|...",
        ] {
            let error = explained(body.clone(), json!({ "code": 400, "message": message }));
            assert!(!error.detail.contains("hunter"), "{}", error.detail);
        }
    }

    #[test]
    fn owners_of_fields() {
        let status = status(json!({ "code": 409, "reason": "Conflict", "details": { "causes": [
            { "reason": "FieldManagerConflict", "field": ".spec.replicas",
              "message": "conflict with \"kubectl-edit\" using apps/v1 at 2026-01-01T00:00:00Z" },
            { "reason": "FieldManagerConflict", "field": ".data.a", "message": "conflict with \"flux\"" }] } }));
        let found: Vec<(String, bool)> =
            conflicts(&status).into_iter().map(|c| (c.manager, c.written)).collect();
        assert_eq!(found, [("kubectl-edit".into(), true), ("flux".into(), false)]);
    }
}
