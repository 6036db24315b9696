//! How failed AWS calls are told, and whether trying again can help.

use crate::trace::Unreachable;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use formwork_provider::{CallError, Retry};
use std::error::Error;
use std::io;

/// What the SDK gives for a failed call.
pub(crate) type Failed<E> = SdkError<E, HttpResponse>;

/// The errors of the SDK's operations.
pub(crate) trait Operation: ProvideErrorMetadata + Error + Send + Sync + 'static {}
impl<E: ProvideErrorMetadata + Error + Send + Sync + 'static> Operation for E {}

const THROTTLED: [&str; 10] = [
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "EC2ThrottledException",
    "SlowDown",
    "PriorRequestNotComplete",
];
const REFUSED: [&str; 13] = [
    "AuthFailure",
    "UnauthorizedOperation",
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "OptInRequired",
];
/// What keeps an object from being deleted while others use it, or while those are still going away.
pub(crate) const IN_USE: [&str; 8] = [
    "DependencyViolation",
    "InvalidIPAddress.InUse",
    "InvalidNetworkInterface.InUse",
    "ResourceInUse",
    "InvalidGroup.InUse",
    "InUse",
    "VolumeInUse",
    "Gateway.NotAttachedYet",
];

/// The error's code, if the service gave one.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &Failed<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// Whether the error has one of these codes.
pub(crate) fn is<E: ProvideErrorMetadata>(error: &Failed<E>, codes: &[&str]) -> bool {
    code(error).is_some_and(|code| codes.contains(&code))
}

/// The result, or `None` if the error says that it is not there.
pub(crate) fn absent<T, E: ProvideErrorMetadata>(
    result: Result<T, Failed<E>>,
    codes: &[&str],
) -> Result<Option<T>, Failed<E>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is(&error, codes) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A failed call on an object that was just made: that AWS does not know it yet is passing. `what` is as in [`failed`].
pub(crate) fn lagging<E: Operation>(what: &str, error: Failed<E>) -> CallError {
    let unknown = code(&error).is_some_and(|code| code.ends_with("NotFound") || code.ends_with(".Unknown"));
    let told = failed(what, error);
    if unknown { CallError { retry: Retry::Transient, ..told } } else { told }
}

/// Something that was just made is not listed yet.
pub(crate) fn not_yet(what: &str, id: &str) -> CallError {
    let detail = format!("AWS does not list {id}, though it was just made.");
    CallError { retry: Retry::Transient, ..CallError::new(what, detail) }
}

/// A failed call, told. `what` is what did not work: "The VPC could not be created".
pub(crate) fn failed<E: Operation>(what: &str, error: Failed<E>) -> CallError {
    match &error {
        SdkError::ServiceError(service) if service.err().code().is_some() => {
            refused(what, service.err().meta(), service.raw().status().as_u16())
        }
        SdkError::ServiceError(service) => unreadable(what, service.raw(), &error),
        SdkError::ResponseError(response) => unreadable(what, response.raw(), &error),
        _ => unanswered(what, &error),
    }
}

/// The service says no.
fn refused(what: &str, meta: &aws_smithy_types::error::ErrorMetadata, status: u16) -> CallError {
    let code = meta.code().unwrap_or("no code");
    let message = meta.message().unwrap_or("no message").trim().trim_end_matches('.');
    let request = meta.extra("aws_request_id").map(|id| format!(", request {id}")).unwrap_or_default();
    let mut detail = format!("AWS says: {message} ({code}{request}).");
    if REFUSED.contains(&code) {
        detail.push(' ');
        detail.push_str(remedy(code));
    }
    let (retry, no_effect) = match code {
        code if THROTTLED.contains(&code) => (Retry::Throttled, true),
        code if code.starts_with("Insufficient") => (Retry::Never, true),
        "RequestTimeout" | "RequestTimeoutException" => (Retry::Transient, false),
        _ if status == 429 => (Retry::Throttled, true),
        _ if status >= 500 => (Retry::Transient, false),
        _ => (Retry::Never, true),
    };
    CallError { retry, no_effect, ..CallError::new(what, detail) }
}

/// What to do about a refusal of the caller.
fn remedy(code: &str) -> &'static str {
    match code {
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
            "The credentials are known and lack this permission: add it to the user's or role's policies, or use \
             others."
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            "The credentials have expired, or this machine's clock is wrong: get new ones (such as by `aws sso login`), \
             or set the clock."
        }
        "SignatureDoesNotMatch" | "IncompleteSignature" => {
            "The secret key does not belong to the access key, or this machine's clock is wrong: check secret_key or \
             AWS_SECRET_ACCESS_KEY."
        }
        "OptInRequired" => "Enable the region or the service for the account.",
        _ => {
            "The credentials are not known there: check access_key and token, or AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN \
             and AWS_PROFILE, and that they belong to this region and endpoint."
        }
    }
}

/// An answer came, and is none of the service's.
fn unreadable(what: &str, response: &HttpResponse, error: &(dyn Error + 'static)) -> CallError {
    let status = response.status().as_u16();
    let body = response.body().bytes().unwrap_or_default();
    let start = String::from_utf8_lossy(&body[..body.len().min(200)]).trim_start().to_ascii_lowercase();
    let page = start.starts_with("<!doctype html") || start.starts_with("<html");
    if status == 500 && page {
        let detail = "The endpoint answered with status 500 and a web page: it does not know this action, or broke \
                      down over it. AWS itself does not answer so; an emulator does. Check the provider's endpoints \
                      block.";
        return CallError { no_effect: false, ..CallError::new(what, detail) };
    }
    let (retry, no_effect) = match status {
        429 => (Retry::Throttled, true),
        200..=399 | 500.. => (Retry::Transient, false),
        _ => (Retry::Never, true),
    };
    let detail = format!(
        "The endpoint answered with status {status}, and not as AWS does{}. Check that the address in the provider's \
         endpoints block, or in AWS_ENDPOINT_URL, is that of the service.",
        causes(error).map(|why| format!(" ({why})")).unwrap_or_default()
    );
    CallError { retry, no_effect, ..CallError::new(what, detail) }
}

/// No answer came.
fn unanswered<E: Operation>(what: &str, error: &Failed<E>) -> CallError {
    if let Some(credentials) = find::<CredentialsError>(error) {
        return no_credentials(what, credentials);
    }
    let why = causes(error).unwrap_or_else(|| "no reason is told".into());
    let endpoint = find::<Unreachable>(error).map(|u| u.endpoint.as_str());
    if never_reached(error, &why) {
        let endpoint = endpoint.map_or_else(|| "the endpoint".into(), |url| format!("the endpoint {url}"));
        let detail = format!(
            "No connection to {endpoint} could be made: {why}. Check the network and the region; another address is \
             set in the provider's endpoints block, or by AWS_ENDPOINT_URL."
        );
        return CallError { retry: Retry::Unreached, ..CallError::new(what, detail) };
    }
    match error {
        SdkError::ConstructionFailure(_) => {
            CallError::new(what, format!("The request could not be made: {why}."))
        }
        _ => {
            let endpoint = endpoint.map(|url| format!(" by {url}")).unwrap_or_default();
            let detail = format!(
                "The request was not answered{endpoint}: {why}. Whether it was carried out is found out by the next run."
            );
            CallError::uncertain(what, detail)
        }
    }
}

fn no_credentials(what: &str, error: &CredentialsError) -> CallError {
    let why = causes(error).unwrap_or_else(|| error.to_string());
    let detail = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            "No credentials were found: not in the provider block (access_key, secret_key), the environment \
             (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), the shared configuration files (profile, AWS_PROFILE), a web \
             identity token, a container's role, or the role of an EC2 instance. Give them in one of these ways."
                .to_owned()
        }
        _ => format!(
            "The credentials could not be got: {}. Check the provider block, AWS_PROFILE and the profile.",
            why.trim_end_matches('.')
        ),
    };
    CallError::new(what, detail)
}

/// Whether the request certainly never left: nobody listens there, there is no such host, or TLS cannot be agreed on.
fn never_reached<E: Operation>(error: &Failed<E>, why: &str) -> bool {
    let refused = find::<io::Error>(error).is_some_and(|error| {
        use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
        matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable)
    });
    refused
        || ["dns error", "tcp connect error", "client error (Connect)", "HTTP connect timeout"]
            .iter()
            .any(|sign| why.contains(sign))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The reasons behind an error, from the outside in, each once.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> Option<String> {
    let mut told: Vec<String> = Vec::new();
    for cause in chain(error).skip(1).filter(|cause| !cause.is::<Unreachable>()) {
        let text = cause.to_string();
        let empty = [
            "io error",
            "timeout",
            "other",
            "user error",
            "dispatch failure",
            "connector error",
            "unhandled error",
        ];
        // Some errors tell the whole request, and what is secret in it.
        let request = text.contains("SdkBody");
        if !request
            && !text.is_empty()
            && !empty.contains(&text.as_str())
            && !told.iter().any(|t| t.contains(&text))
        {
            told.push(text);
        }
    }
    (!told.is_empty()).then(|| told.join(": "))
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
