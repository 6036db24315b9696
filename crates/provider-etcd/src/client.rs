//! Talking to a member.

use crate::expiry;
use crate::proto::{
    AuthenticateRequest, AuthenticateResponse, Empty, SnapshotResponse, StatusResponse, Wire,
};
use crate::settings::Settings;
use formwork_provider::CallError;
use jiff::Timestamp;
use prost::Message;
use std::error::Error;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status, Streaming};

const STATUS: &str = "/etcdserverpb.Maintenance/Status";
const SNAPSHOT: &str = "/etcdserverpb.Maintenance/Snapshot";
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// Room for one message; etcd's pieces are 32 KiB or a little more.
const LARGEST: usize = 64 << 20;

/// A member that has answered.
pub(crate) struct Member {
    pub endpoint: String,
    grpc: Grpc<Channel>,
    token: Option<MetadataValue<Ascii>>,
    /// What it said of itself at first.
    pub status: StatusResponse,
}

/// How a member failed to answer.
enum Silence {
    /// The next one may do better.
    Unreachable(String),
    /// The others will say the same.
    Refused(CallError),
}

/// The first of the members that answers.
pub(crate) async fn first(
    settings: &Settings,
    only: Option<&str>,
    now: Timestamp,
) -> Result<Member, CallError> {
    let endpoints: Vec<&str> = match only {
        Some(only) => vec![only],
        None => settings.endpoints.iter().map(String::as_str).collect(),
    };
    let mut failures = Vec::new();
    for endpoint in endpoints {
        let asked = timeout(settings.dial_timeout, Member::connect(settings, endpoint, now)).await;
        let why = match asked {
            Ok(Ok(member)) => return Ok(member),
            Ok(Err(Silence::Refused(error))) => return Err(error),
            Ok(Err(Silence::Unreachable(why))) => why,
            Err(_) => format!("no answer within {} s (dial_timeout)", settings.dial_timeout.as_secs()),
        };
        failures.push(format!("  {endpoint}: {why}"));
    }
    let detail = format!(
        "No member answered:\n\n{}\n\nDoes etcd run there, and may this machine reach it? Nothing was written.",
        failures.join("\n")
    );
    Err(CallError::new("etcd cannot be reached", detail))
}

impl Member {
    async fn connect(settings: &Settings, endpoint: &str, now: Timestamp) -> Result<Member, Silence> {
        let broken = |error: tonic::transport::Error| Silence::Unreachable(reason(&error));
        let mut to = Endpoint::from_shared(endpoint.to_owned())
            .map_err(broken)?
            .connect_timeout(settings.dial_timeout)
            // A member that vanishes without a word is noticed; etcd does not take pings more often than this.
            .http2_keep_alive_interval(std::time::Duration::from_secs(15))
            .keep_alive_timeout(std::time::Duration::from_secs(10));
        if endpoint.starts_with("https://") {
            let tls = tls(settings, now).await.map_err(Silence::Refused)?;
            to = to.tls_config(tls).map_err(|error| Silence::Refused(unusable(&error)))?;
        }
        let channel = to.connect().await.map_err(broken)?;
        let mut member = Member {
            endpoint: endpoint.to_owned(),
            grpc: Grpc::new(channel).max_decoding_message_size(LARGEST),
            token: None,
            status: StatusResponse::default(),
        };
        member.log_in(settings).await?;
        member.status = member.status().await.map_err(|status| match status.code() {
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded => {
                member.hung_up(settings, &status)
            }
            _ => Silence::Refused(member.refused(settings, &status)),
        })?;
        Ok(member)
    }

    async fn log_in(&mut self, settings: &Settings) -> Result<(), Silence> {
        let Some((name, password)) = &settings.user else { return Ok(()) };
        let request = AuthenticateRequest { name: name.clone(), password: password.clone() };
        let answer: Result<AuthenticateResponse, Status> = self.unary(AUTHENTICATE, request).await;
        let status = match answer {
            Ok(answer) => {
                self.token = answer.token.parse().ok();
                return Ok(());
            }
            Err(status) => status,
        };
        match status.code() {
            // Nobody has to log in there.
            Code::FailedPrecondition if status.message().contains("not enabled") => Ok(()),
            Code::InvalidArgument | Code::Unauthenticated | Code::PermissionDenied => {
                let detail = format!(
                    "{} does not let the user \"{name}\" in with the given password: {}",
                    self.endpoint,
                    said(&status)
                );
                Err(Silence::Refused(CallError::new("etcd refuses the log-in", detail)))
            }
            _ => Err(self.hung_up(settings, &status)),
        }
    }

    /// A connection that ended with the first request. With TLS 1.3 that is how a member refuses our certificate, since
    /// our side of the handshake is done before; its alert is often lost.
    fn hung_up(&self, settings: &Settings, status: &Status) -> Silence {
        let text = plain(status);
        if !self.endpoint.starts_with("https://") {
            return Silence::Unreachable(text);
        }
        Silence::Unreachable(match &settings.identity {
            None => format!(
                "it ended the connection, as it does where it wants a certificate: set cert and key ({text})"
            ),
            Some(_) => format!(
                "it ended the connection, as it does where it does not accept our certificate (cert): is that for \
                 clients, and from the right authority? ({text})"
            ),
        })
    }

    /// How the member is now.
    pub async fn status(&mut self) -> Result<StatusResponse, Status> {
        self.unary(STATUS, Empty {}).await
    }

    /// The pieces of the database as it is now.
    pub async fn snapshot(&mut self, settings: &Settings) -> Result<Streaming<SnapshotResponse>, CallError> {
        let request = self.request(Empty {});
        let begun = async {
            self.grpc.ready().await.map_err(|error| Status::unavailable(reason(&error)))?;
            let path = PathAndQuery::from_static(SNAPSHOT);
            self.grpc.server_streaming(request, path, Wire::new()).await
        };
        match begun.await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(self.refused(settings, &status)),
        }
    }

    async fn unary<M: Message + 'static, A: Message + Default + 'static>(
        &mut self,
        path: &'static str,
        message: M,
    ) -> Result<A, Status> {
        let request = self.request(message);
        self.grpc.ready().await.map_err(|error| Status::unavailable(reason(&error)))?;
        let path = PathAndQuery::from_static(path);
        self.grpc.unary(request, path, Wire::new()).await.map(tonic::Response::into_inner)
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("token", token.clone());
        }
        request
    }

    /// An error that the member answered with.
    pub fn refused(&self, settings: &Settings, status: &Status) -> CallError {
        let (endpoint, said) = (&self.endpoint, said(status));
        let rights = matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated)
            || ["permission denied", "user name is empty"]
                .iter()
                .any(|words| status.message().contains(words));
        if !rights {
            let detail = format!("{endpoint} answered: {said}. Nothing was written.");
            return CallError::new("etcd refuses the snapshot", detail);
        }
        let who = match &settings.user {
            Some((name, _)) => format!("the user \"{name}\""),
            None => "a caller who has not logged in".to_owned(),
        };
        let detail = format!(
            "{endpoint} does not let {who} take a snapshot: {said}. A user with the role root may: set the provider's \
             username and password, or a certificate in that user's name. Nothing was written."
        );
        CallError::new("etcd refuses the snapshot", detail)
    }
}

async fn tls(settings: &Settings, now: Timestamp) -> Result<ClientTlsConfig, CallError> {
    let mut tls = ClientTlsConfig::new();
    tls = match &settings.cacert {
        Some(pem) => tls.ca_certificate(Certificate::from_pem(pem.read().await?)),
        None => tls.with_native_roots(),
    };
    if let Some((cert, key)) = &settings.identity {
        let (cert, key) = (cert.read().await?, key.read().await?);
        if let Some(why) = expiry::problem(&cert, now) {
            let detail = format!(
                "The certificate that the etcd provider is told to show (cert) is not valid: {why}. Members refuse it."
            );
            return Err(CallError::new("Certificate is not valid", detail));
        }
        tls = tls.identity(Identity::from_pem(cert, key));
    }
    Ok(match &settings.server_name {
        Some(name) => tls.domain_name(name),
        None => tls,
    })
}

fn unusable(error: &tonic::transport::Error) -> CallError {
    let detail = format!(
        "The certificates or the key that the etcd provider is given cannot be used: {}. They must be PEM, and the key \
         must be the certificate's.",
        reason(error)
    );
    CallError::new("Certificate or key cannot be used", detail)
}

/// What a member said, or why it could not.
pub(crate) fn said(status: &Status) -> String {
    explained(&plain(status))
}

fn plain(status: &Status) -> String {
    match status.source() {
        Some(source) => cause(source),
        None if status.message().is_empty() => status.code().to_string(),
        None => status.message().to_owned(),
    }
}

/// The cause of an error, and what it means.
fn reason(error: &dyn Error) -> String {
    explained(&cause(error))
}

/// The cause of an error, in the words of whoever knows best.
fn cause(error: &dyn Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let text = deepest.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn explained(text: &str) -> String {
    let lower = text.to_lowercase();
    let meaning = if lower.contains("certificate") && lower.contains("expired") {
        "the member's certificate has expired; it must be renewed there"
    } else if lower.contains("unknownissuer") || lower.contains("badsignature") {
        "the member's certificate does not come from an authority in cacert"
    } else if lower.contains("not valid for name") {
        "the member's certificate is for another name; server_name says which one to expect"
    } else {
        return text.to_owned();
    };
    format!("{meaning} ({text})")
}
