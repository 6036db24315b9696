//! What becomes of failed calls, against a server that fails in one way each.

use super::*;
use crate::trace::Trace;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_ec2::config::{BehaviorVersion, Builder, Credentials, Region, retry::RetryConfig};
use std::io::{Read, Write};
use std::net::TcpListener;

/// A server on loopback that answers once, or hangs up if there is no answer.
fn server(answer: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            if let Some(answer) = answer {
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    url
}

fn http(status: u16, kind: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         x-amzn-requestid: r-1\r\n\r\n{body}"
    ))
}

fn refusal(status: u16, code: &str) -> Option<String> {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>Something is wrong</Message></Error></Errors></Response>"
    );
    http(status, "text/xml", &body)
}

#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded_no_source()))
    }
}

async fn ask(url: &str, keys: bool) -> CallError {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .retry_config(RetryConfig::disabled())
        .interceptor(Trace);
    let config = if keys {
        config.credentials_provider(Credentials::new("a", "hunter2", None, None, "test"))
    } else {
        config.credentials_provider(Nothing)
    };
    let client = aws_sdk_ec2::Client::from_conf(config.build());
    let error = client.describe_vpcs().send().await.expect_err("it fails");
    failed("VPCs could not be listed", error)
}

fn check(error: &CallError, retry: Retry, no_effect: bool, says: &[&str]) {
    assert_eq!((error.retry, error.no_effect), (retry, no_effect), "{}", error.detail);
    for part in says {
        assert!(error.detail.contains(part), "\"{part}\" in: {}", error.detail);
    }
    assert!(!error.detail.contains("hunter2"));
}

#[tokio::test]
async fn refusals_are_told_in_the_services_words() {
    let of = async |status, code| ask(&server(refusal(status, code)), true).await;
    let says = ["AWS says: Something is wrong (InvalidVpcID.NotFound", "request r-1"];
    check(&of(400, "InvalidVpcID.NotFound").await, Retry::Never, true, &says);
    check(&of(503, "RequestLimitExceeded").await, Retry::Throttled, true, &[]);
    check(&of(500, "InternalError").await, Retry::Transient, false, &[]);
    check(&of(500, "InsufficientInstanceCapacity").await, Retry::Never, true, &[]);
    check(
        &of(403, "UnauthorizedOperation").await,
        Retry::Never,
        true,
        &["add it to the user's or role's policies"],
    );
    check(&of(401, "AuthFailure").await, Retry::Never, true, &["check access_key"]);
    check(&of(400, "RequestExpired").await, Retry::Never, true, &["clock"]);
}

#[tokio::test]
async fn what_is_no_answer_of_aws_is_told_so() {
    let page = http(500, "text/html", "<!doctype html>\n<title>500 Internal Server Error</title>");
    check(&ask(&server(page), true).await, Retry::Never, false, &["does not know this action"]);
    let page = http(404, "text/html", "<html>Not here</html>");
    check(&ask(&server(page), true).await, Retry::Never, true, &["status 404", "AWS_ENDPOINT_URL"]);
    let page = http(502, "text/html", "<html>Bad gateway</html>");
    check(&ask(&server(page), true).await, Retry::Transient, false, &["status 502"]);
}

#[tokio::test]
async fn broken_connections_name_the_endpoint() {
    let url = server(None);
    check(&ask(&url, true).await, Retry::Transient, false, &[&format!("not answered by {url}")]);
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let says = [
        &format!("No connection to the endpoint {url}")[..],
        "made: client error (Connect): tcp",
        "refused",
        "endpoints block",
    ];
    check(&ask(&url, true).await, Retry::Unreached, true, &says);
    // Whoever listens there speaks no TLS.
    let url = server(http(400, "text/plain", "what?")).replace("http:", "https:");
    let says = [&format!("No connection to the endpoint {url}")[..], "TLS", "https"];
    check(&ask(&url, true).await, Retry::Unreached, true, &says);
}

#[tokio::test]
async fn missing_credentials_are_told_with_their_places() {
    let error = ask("http://127.0.0.1:1", false).await;
    check(&error, Retry::Never, true, &["No credentials were found", "AWS_ACCESS_KEY_ID", "access_key"]);
}
