//! The configured provider: the connection, and what was learnt of the cluster.

use crate::Defaults;
use crate::config::Arguments;
use crate::failure::Failure;
use crate::shape::Ignored;
use crate::x509;
use formwork_provider::{Call, CallError, Retry};
use formwork_value::Path;
use jiff::Timestamp;
use kube::core::{ApiResource, GroupVersionKind, gvk::GroupVersion};
use kube::discovery::{Scope, pinned_kind};
use regex::Regex;
use serde_json::Value as Json;
use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// A configured provider.
pub(crate) struct Cluster {
    arguments: Arguments,
    defaults: Defaults,
    /// What to leave out of what is read.
    pub ignored: Ignored,
    connection: OnceCell<Connection>,
    kinds: Mutex<HashMap<(String, String), Kind>>,
    memory: Mutex<Memory>,
}

struct Connection {
    client: kube::Client,
    address: String,
    /// The end of the authority's certificate, which is its signature, in hexadecimal digits.
    authority: Option<String>,
    /// When the client's certificate ends, if there is one.
    until: Option<Timestamp>,
}

/// What earlier calls of this run tell later ones.
#[derive(Default)]
struct Memory {
    /// Objects that are in the state: they were read.
    managed: HashSet<String>,
    /// Objects whose update the server refused, so that they are planned anew, with the reason.
    replaced: HashMap<String, String>,
}

/// A kind of objects as the server offers it.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// Group, version and the name in addresses.
    pub resource: ApiResource,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// The calling thread never leaves these half written.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn patterns(argument: &str, texts: Option<&[String]>) -> Result<Vec<Regex>, CallError> {
    let compile = |text: &String| {
        Regex::new(text).map_err(|_| {
            let detail = format!("{argument} has \"{text}\", which is not a regular expression.");
            CallError::new("Malformed regular expression", detail).on(Path::root().attr(argument))
        })
    };
    texts.unwrap_or_default().iter().map(compile).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Cluster {
    /// Does not call out.
    pub fn new(arguments: Arguments, defaults: Defaults) -> Result<Self, CallError> {
        let ignored = Ignored {
            annotations: patterns("ignore_annotations", arguments.ignore_annotations.as_deref())?,
            labels: patterns("ignore_labels", arguments.ignore_labels.as_deref())?,
        };
        Ok(Cluster {
            arguments,
            defaults,
            ignored,
            connection: OnceCell::new(),
            kinds: Mutex::default(),
            memory: Mutex::default(),
        })
    }

    /// The configured provider that a call brings.
    pub fn of<'a>(call: &Call<'a>) -> Result<&'a Cluster, CallError> {
        (**call.client).downcast_ref().ok_or_else(|| {
            let detail = "A Kubernetes type was called with another provider's client.";
            CallError::new("Provider and resource type do not belong together", detail)
        })
    }

    async fn connection(&self) -> Result<&Connection, CallError> {
        self.connection
            .get_or_try_init(|| async {
                let (arguments, defaults) = (self.arguments.clone(), self.defaults.clone());
                // Reads files, and may run a program for credentials.
                let made = tokio::task::spawn_blocking(move || {
                    let access = arguments.access(&defaults)?;
                    let address = access.config.cluster_url.to_string().trim_end_matches('/').to_owned();
                    let last = access.config.root_cert.as_ref().and_then(|all| all.last());
                    let authority = last.map(|der| hexadecimal(&der[der.len().saturating_sub(16)..]));
                    let until = access.certificate.as_deref().and_then(x509::not_after);
                    let client = kube::Client::try_from(access.config).map_err(|error| {
                        let detail = format!(
                            "The credentials or certificates for the server at {address} cannot be used: {}.",
                            crate::config::chain(&error)
                        );
                        CallError::new("Credentials cannot be used", detail)
                    })?;
                    Ok(Connection { client, address, authority, until })
                });
                made.await.unwrap_or_else(|_| {
                    Err(CallError::new("Cluster cannot be reached", "Making the connection was cut short."))
                })
            })
            .await
    }

    /// What tells the certificate authority of the cluster from others, if one is given: the end of its certificate.
    pub async fn authority(&self) -> Option<String> {
        self.connection().await.ok()?.authority.clone()
    }

    /// The server's address, for messages.
    pub fn address(&self) -> &str {
        self.connection.get().map_or("", |c| &c.address)
    }

    /// What the client's certificate has to do with a refusal.
    pub fn certificate(&self, now: i128) -> Option<String> {
        let until = self.connection.get()?.until?;
        let now = Timestamp::from_nanosecond(now).ok()?;
        (until < now).then(|| format!("The client certificate expired at {until}."))
    }

    /// Makes one call.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Json, Failure> {
        let connection = self.connection().await.map_err(Failure::Call)?;
        let sent = connection.client.request(request).await;
        sent.map_err(|error| Failure::of(error, &connection.address))
    }

    /// Reads a document of the server.
    pub async fn get(&self, path: &str) -> Result<Json, Failure> {
        let request = http::Request::get(path).body(Vec::new());
        self.send(request.map_err(|_| malformed(path))?).await
    }

    /// The kind, if the server offers it.
    pub async fn kind(&self, api_version: &str, kind: &str) -> Result<Option<Kind>, Failure> {
        let key = (api_version.to_owned(), kind.to_owned());
        if let Some(kind) = locked(&self.kinds).get(&key) {
            return Ok(Some(kind.clone()));
        }
        let version: GroupVersion = api_version.parse().map_err(|_| malformed(api_version))?;
        let connection = self.connection().await.map_err(Failure::Call)?;
        let gvk = GroupVersionKind::gvk(&version.group, &version.version, kind);
        match pinned_kind(&connection.client, &gvk).await {
            Ok((resource, capabilities)) => {
                let found = Kind { resource, namespaced: capabilities.scope == Scope::Namespaced };
                locked(&self.kinds).insert(key, found.clone());
                Ok(Some(found))
            }
            Err(kube::Error::Discovery(_)) => Ok(None),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(Failure::of(error, &connection.address)),
        }
    }

    /// Forgets a kind, whose definition may be gone.
    pub fn forget_kind(&self, api_version: &str, kind: &str) {
        locked(&self.kinds).remove(&(api_version.to_owned(), kind.to_owned()));
    }

    /// Notes that the state has this object.
    pub fn set_managed(&self, key: &str) {
        locked(&self.memory).managed.insert(key.to_owned());
    }

    /// Whether the state is known to have this object.
    pub fn is_managed(&self, key: &str) -> bool {
        locked(&self.memory).managed.contains(key)
    }

    /// Notes why an object has to be made anew.
    pub fn set_replaced(&self, key: &str, why: String) {
        locked(&self.memory).replaced.insert(key.to_owned(), why);
    }

    /// Why an object has to be made anew.
    pub fn replaced(&self, key: &str) -> Option<String> {
        locked(&self.memory).replaced.get(key).cloned()
    }
}

fn malformed(what: &str) -> Failure {
    let detail = format!("\"{what}\" cannot be part of an address of the API server.");
    Failure::Call(CallError::new("Malformed name", detail))
}

/// Growing pauses.
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
    left: Duration,
}

impl Pauses {
    /// Pauses of at most `longest` that together take `patience`.
    pub fn new(longest: Duration, patience: Duration) -> Self {
        Pauses { next: Duration::from_millis(200), longest, left: patience }
    }

    /// Pauses, without a place under the limit; `false`, at once, when patience is at its end.
    pub async fn wait(&mut self, call: &Call<'_>) -> bool {
        if self.left.is_zero() {
            return false;
        }
        // With jitter, so that many waiters do not come back together.
        let pause = self.next.mul_f64(rand::random_range(0.7..1.0)).min(self.left);
        self.left -= pause;
        self.next = (self.next * 2).min(self.longest);
        call.slot.released(tokio::time::sleep(pause)).await;
        true
    }
}

/// A call under way.
pub(crate) type Pending<'f, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'f>>;

/// Calls, and calls again while that can help. Everything here may be repeated: reads, applies, deletions.
pub(crate) async fn patiently<'f, T>(
    call: &Call<'_>,
    attempt: impl Fn() -> Pending<'f, T>,
) -> Result<T, CallError> {
    let mut pauses = Pauses::new(Duration::from_secs(10), Duration::from_secs(120));
    loop {
        let result = attempt().await;
        match &result {
            Ok(_) => call.slot.tell(false),
            Err(error) if error.retry == Retry::Throttled => call.slot.tell(true),
            Err(_) => {}
        }
        match result {
            Err(error) if error.retry != Retry::Never => {
                if !pauses.wait(call).await {
                    return Err(error);
                }
            }
            result => return result,
        }
    }
}
