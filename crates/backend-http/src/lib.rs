//! State on a web server, by Terraform's HTTP protocol
//! (<https://developer.hashicorp.com/terraform/language/backend/http>): one document, read and replaced as a whole.
//!
//! The protocol has neither append nor expiry. So the whole state is written before and after each group of operations; the
//! intents that are not settled travel in it, in a field that Terraform passes over. A lock stays when its owner is
//! killed, until somebody frees it by force.

mod client;
mod settings;

use client::{Answer, Client};
use formwork_state::store::{Attempt, Codec, Fold, Group, Store, Stored, Writer};
use formwork_state::{
    Argument, Backend, Cipher, Kind, LockInfo, Outside, Remote, Settings, StateError, StoreBackend, Wrong,
};
use settings::{ARGUMENTS, HttpSettings, shown};
use std::sync::Arc;

/// The kind of backend, for programs.
pub fn kind() -> Arc<dyn Kind> {
    Arc::new(Http)
}

struct Http;

impl Kind for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn arguments(&self) -> &'static [Argument] {
        &ARGUMENTS
    }

    fn configure(
        &self,
        settings: &Settings,
        outside: &Arc<dyn Outside>,
    ) -> Result<Arc<dyn Remote>, Vec<Wrong>> {
        let settings = HttpSettings::new(settings, &**outside)?;
        let client = Client::new(&settings).map_err(|wrong| vec![wrong])?;
        Ok(Arc::new(Server(Arc::new(Document { client, settings }))))
    }
}

/// The server: it holds one state.
struct Server(Arc<Document>);

/// Help for who has a workspace selected that there cannot be.
fn no_workspaces(place: String) -> StateError {
    StateError::Store {
        action: "find the workspace",
        place,
        problem: "the backend \"http\" holds one state, and has no workspaces".into(),
        help: "Go back with formwork workspace select default (or unset TF_WORKSPACE), and give each state an address of its \
               own; or use a backend that has workspaces, such as s3 or pg."
            .into(),
        safe: String::new(),
    }
}

impl Remote for Server {
    fn state(&self, workspace: &str, cipher: Arc<dyn Cipher>) -> Result<Box<dyn Backend>, StateError> {
        if workspace == "default" {
            let codec = Codec::new(self.0.place(), cipher);
            Ok(Box::new(StoreBackend::new(DocumentStore { document: self.0.clone(), codec })))
        } else {
            Err(no_workspaces(self.0.place()))
        }
    }

    fn workspaces(&self) -> Result<Option<Vec<String>>, StateError> {
        Ok(None)
    }

    fn create(&self, _: &str) -> Result<(), StateError> {
        Err(no_workspaces(self.0.place()))
    }

    fn delete(&self, _: &str) -> Result<(), StateError> {
        Err(no_workspaces(self.0.place()))
    }
}

/// The one document.
struct Document {
    client: Client,
    settings: HttpSettings,
}

/// What can be said when nothing was changed yet.
const UNCHANGED: &str = "Nothing was changed.";

impl Document {
    fn place(&self) -> String {
        shown(&self.settings.address)
    }

    fn error(&self, action: &'static str, problem: String, safe: &str) -> StateError {
        let help = "Look whether the server is well and can be reached from here, then run again.".into();
        StateError::Store { action, place: self.place(), problem, help, safe: safe.into() }
    }

    fn refused(&self, action: &'static str, answer: &Answer, safe: &str) -> StateError {
        let mut problem = format!("the server answers {}", status(answer.status));
        if let Some(location) = &answer.location {
            problem.push_str(&format!(", which leads to {}", shown(location)));
        }
        let help = match answer.status {
            300..=399 => {
                "What is written is not sent on, since that may lose it: name the place itself in address, lock_address and \
                 unlock_address; or sign in, if it leads to a login."
            }
            401 | 403 => "Check username and password (TF_HTTP_USERNAME and TF_HTTP_PASSWORD).",
            404 | 405 => {
                "Check the addresses, and which methods the server knows (update_method, lock_method, unlock_method)."
            }
            413 => {
                "The server takes no document of that size: raise its limit, or use a backend that does not rewrite the whole \
                    state, such as pg."
            }
            _ => "Look whether the server is well; its log may say more. Then run again.",
        };
        StateError::Store { action, place: self.place(), problem, help: help.into(), safe: safe.into() }
    }

    /// The document that the server has.
    fn read(&self, codec: &Codec) -> Result<Option<Stored>, StateError> {
        let action = "read the state";
        let answer = self.client.send("GET", &self.settings.address, None);
        let answer = answer.map_err(|problem| self.error(action, problem, UNCHANGED))?;
        match answer.status {
            200 => codec.document_from_bytes(&answer.body),
            204 | 404 => Ok(None),
            _ => Err(self.refused(action, &answer, UNCHANGED)),
        }
    }

    /// Replaces the document.
    fn write(&self, lock: Option<&LockInfo>, document: &[u8]) -> Result<(), StateError> {
        const MAYBE: &str = "The server may have the new state or the last one.";
        let action = "write the state";
        let mut url = self.settings.address.clone();
        if let Some(info) = lock {
            // As Terraform does, so that servers can refuse whoever has lost the lock.
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str("ID=");
            url.push_str(&info.id);
        }
        let answer = self.client.send(&self.settings.update_method, &url, Some(document));
        let answer = answer.map_err(|problem| self.error(action, problem, MAYBE))?;
        match answer.status {
            200..=299 => Ok(()),
            409 | 412 | 423 => {
                let whose = LockInfo::from_json(&answer.body).map(|info| format!(" (it is locked {info})"));
                Err(StateError::Superseded {
                    place: self.place(),
                    problem: format!(
                        "the server refuses to have it written with this run's lock{}",
                        whose.unwrap_or_default()
                    ),
                })
            }
            500..=599 => Err(self.refused(action, &answer, MAYBE)),
            _ => Err(self.refused(action, &answer, "The server has the last state.")),
        }
    }

    /// The inner error is the owner.
    fn lock(&self, info: &LockInfo) -> Result<Result<(), Option<LockInfo>>, StateError> {
        let Some((address, method)) = &self.settings.lock else { return Ok(Ok(())) };
        let action = "lock the state";
        let answer = self.client.send(method, address, Some(info.to_json().as_bytes()));
        let answer = answer.map_err(|problem| self.error(action, problem, UNCHANGED))?;
        match answer.status {
            200..=299 => Ok(Ok(())),
            409 | 423 => {
                let owner = LockInfo::from_json(&answer.body);
                // The answer to an earlier try was lost on its way.
                let ours = answer.uncertain && owner.as_ref().is_some_and(|o| o.id == info.id);
                // Not every server says whose lock it is. It may well be this one then, which needs its ID to be freed.
                let owner = owner.or_else(|| answer.uncertain.then(|| info.clone()));
                Ok(if ours { Ok(()) } else { Err(owner) })
            }
            _ => Err(self.refused(action, &answer, UNCHANGED)),
        }
    }

    fn unlock(&self, info: &LockInfo) -> Result<(), StateError> {
        let Some((address, method)) = &self.settings.unlock else { return Ok(()) };
        let action = "unlock the state";
        let safe = format!("If it stays locked: formwork force-unlock {}", info.id);
        let answer = self.client.send(method, address, Some(info.to_json().as_bytes()));
        let answer = answer.map_err(|problem| self.error(action, problem, &safe))?;
        match answer.status {
            200..=299 => Ok(()),
            // The answer to an earlier try was lost on its way.
            404 | 409 if answer.uncertain => Ok(()),
            409 | 423 => {
                let owner = LockInfo::from_json(&answer.body);
                let owner = owner.map_or_else(|| "by somebody else".into(), |owner| owner.to_string());
                let problem = format!("it is locked {owner}");
                let help = "Is that the ID of the lock? Whoever finds the state locked is told it.".into();
                let place = self.place();
                Err(StateError::Store { action, place, problem, help, safe: String::new() })
            }
            _ => Err(self.refused(action, &answer, &safe)),
        }
    }
}

fn status(code: u16) -> String {
    match http::StatusCode::from_u16(code).ok().and_then(|s| s.canonical_reason()) {
        Some(reason) => format!("{code} {reason}"),
        None => code.to_string(),
    }
}

struct DocumentStore {
    document: Arc<Document>,
    codec: Codec,
}

impl DocumentStore {
    fn writer(&self, lock: Option<LockInfo>) -> Box<dyn Writer> {
        Box::new(DocumentWriter { document: self.document.clone(), codec: self.codec.clone(), lock })
    }
}

impl Store for DocumentStore {
    fn place(&self) -> String {
        self.document.place()
    }

    fn lock_help(&self) -> String {
        "Wait until that run has finished, or let this one wait with -lock-timeout=5m. If its owner is gone (killed, or its \
         machine lost), the lock stays: free it with formwork force-unlock and the lock's ID."
            .into()
    }

    fn try_lock(&self, info: &LockInfo) -> Result<Attempt, StateError> {
        Ok(match self.document.lock(info)? {
            Ok(()) => {
                Attempt::Taken(self.writer(self.document.settings.lock.is_some().then(|| info.clone())))
            }
            Err(owner) => Attempt::Held(owner),
        })
    }

    fn unlocked(&self, _: &LockInfo) -> Result<Box<dyn Writer>, StateError> {
        Ok(self.writer(None))
    }

    fn peek(&self) -> Result<Option<Stored>, StateError> {
        self.document.read(&self.codec)
    }

    /// The protocol has no question for it: whoever can take the lock knows that nobody had it.
    fn holder(&self) -> Result<Option<Option<LockInfo>>, StateError> {
        let info = LockInfo {
            id: "00000000-0000-0000-0000-000000000000".into(),
            operation: "look at the lock".into(),
            path: self.document.place(),
            ..LockInfo::default()
        };
        match self.document.lock(&info)? {
            Ok(()) => self.document.unlock(&info).map(|()| None),
            Err(owner) => Ok(Some(owner)),
        }
    }

    fn force_unlock(&self, id: &str) -> Result<(), StateError> {
        if self.document.settings.unlock.is_none() {
            return Err(StateError::Store {
                action: "unlock the state",
                place: self.document.place(),
                problem: "this backend is configured without locks".into(),
                help: "Locks need \"lock_address\" and \"unlock_address\".".into(),
                safe: String::new(),
            });
        }
        self.document.unlock(&LockInfo { id: id.into(), ..LockInfo::default() })
    }
}

struct DocumentWriter {
    document: Arc<Document>,
    codec: Codec,
    /// Who we are, as long as we hold the lock.
    lock: Option<LockInfo>,
}

impl Writer for DocumentWriter {
    fn read(&mut self) -> Result<Option<Stored>, StateError> {
        self.document.read(&self.codec)
    }

    fn append(&mut self, group: &Group<'_>) -> Result<(), StateError> {
        let document = self.codec.document_to_bytes(group.state, group.pending())?;
        self.document.write(self.lock.as_ref(), &document)
    }

    fn fold(&mut self, fold: &Fold<'_>) -> Result<(), StateError> {
        let document = self.codec.document_to_bytes(fold.state, fold.pending())?;
        self.document.write(self.lock.as_ref(), &document)
    }

    fn release(&mut self) -> Result<(), StateError> {
        match self.lock.take() {
            Some(info) => self.document.unlock(&info),
            None => Ok(()),
        }
    }

    fn rewrites(&self) -> bool {
        true
    }
}
