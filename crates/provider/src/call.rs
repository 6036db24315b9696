//! What a provider is given with each call, and how calls fail.

use crate::limit::{Place, Throttle};
use crate::{Client, Object};
use async_trait::async_trait;
use formwork_diag::Severity;
use formwork_value::{Path, Str, Value};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A problem with one value, before anyone knows where it stands in a file.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// Where in the object.
    pub path: Path,
    /// What is wrong, in fixed words.
    pub summary: String,
    /// The particulars.
    pub detail: String,
}

impl Problem {
    /// An error at a path.
    pub fn error(path: Path, summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem { severity: Severity::Error, path, summary: summary.into(), detail: detail.into() }
    }
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will fail again.
    Never,
    /// The other side could not be reached: for a moment, or because the address is wrong.
    Unreached,
    /// We asked too often.
    Throttled,
    /// Something passing; the call may or may not have had its effect.
    Transient,
}

/// A call that failed.
#[derive(Clone, Debug)]
pub struct CallError {
    /// What failed, in fixed words.
    pub summary: String,
    /// What the other side said, and what to do about it.
    pub detail: String,
    /// The attribute that it is about.
    pub path: Path,
    /// Whether trying again can help.
    pub retry: Retry,
    /// For create and update: what exists now all the same. A created object in it is recorded as tainted.
    pub partial: Option<Object>,
    /// Nothing can have happened: the request never reached the other side, or was refused as a whole. `false` leaves
    /// the intent open, for `recover` to settle.
    pub no_effect: bool,
}

impl CallError {
    /// A failure that was certainly without effect and that trying again does not help.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        CallError {
            summary: summary.into(),
            detail: detail.into(),
            path: Path::root(),
            retry: Retry::Never,
            partial: None,
            no_effect: true,
        }
    }

    /// A failure after which nobody knows whether the effect happened.
    pub fn uncertain(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        CallError { no_effect: false, retry: Retry::Transient, ..Self::new(summary, detail) }
    }

    /// Says which attribute it is about.
    #[must_use]
    pub fn on(mut self, path: Path) -> Self {
        self.path = path;
        self
    }
}

/// What an interrupted operation was going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Make a new object.
    Create,
    /// Change an object in place.
    Update,
    /// Remove an object.
    Delete,
}

/// An operation that was begun, as the journal tells, and whose outcome nobody recorded.
#[derive(Clone, Debug)]
pub struct Interrupted {
    /// What it was.
    pub operation: Operation,
    /// The token that the call was given.
    pub token: Str,
    /// The arguments that were sent: an object of the schema's type; what was unknown then is null.
    pub arguments: Value,
    /// The object before it, for update and delete; for a create, what was recorded of the new one, if anything.
    pub prior: Option<Object>,
}

/// Records that an object exists before anything else happens to it.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// To be called by `create` as soon as the new object's identity is known. It is durable when this returns.
    async fn created(&self, object: &Object) -> Result<(), CallError>;

    /// Whether a failed call may be made again, and what it seems to have left be tidied up. Not when the state may belong to
    /// another run by now, which has found out what there is, and has gone on from there.
    fn may_go_on(&self) -> bool {
        true
    }

    /// Takes a word on how a long call gets on, for the screen. It holds no secrets, and may be dropped.
    fn progress(&self, _what: &str) {}
}

/// The time: nanoseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i128 + Send + Sync>;

/// The right to have one call under way. Waiting for readiness must not hold it: see [`Slot::released`].
#[derive(Debug)]
pub struct Slot {
    limit: Arc<Semaphore>,
    /// What the provider bears, if there is such a limit.
    throttle: Option<Arc<Throttle>>,
    held: tokio::sync::Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    place: Option<Place>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Slot {
    /// Waits for a place under `limit`.
    pub async fn acquire(limit: Arc<Semaphore>) -> Self {
        Self::within(limit, None).await
    }

    /// Waits for a place among the calls of a provider, and then for one under `limit`: who waits for a provider that has
    /// enough to do keeps nobody else from beginning.
    pub async fn acquire_of(limit: Arc<Semaphore>, throttle: Arc<Throttle>) -> Self {
        Self::within(limit, Some(throttle)).await
    }

    async fn within(limit: Arc<Semaphore>, throttle: Option<Arc<Throttle>>) -> Self {
        let held = Self::enter(&limit, throttle.as_ref()).await;
        Slot { limit, throttle, held: tokio::sync::Mutex::new(Some(held)) }
    }

    async fn enter(limit: &Arc<Semaphore>, throttle: Option<&Arc<Throttle>>) -> Held {
        let place = match throttle {
            Some(throttle) => Some(throttle.enter().await),
            None => None,
        };
        Held { place, _permit: limit.clone().acquire_owned().await.ok() }
    }

    /// Gives the place up while `wait` runs, and takes one again afterwards.
    pub async fn released<T>(&self, wait: impl Future<Output = T>) -> T {
        // Who waits inside of a wait has no place to give up.
        let Ok(mut held) = self.held.try_lock() else { return wait.await };
        *held = None;
        let result = wait.await;
        *held = Some(Self::enter(&self.limit, self.throttle.as_ref()).await);
        result
    }

    /// The other side said how it bears the calls: `refused` when it is asked too often.
    pub fn tell(&self, refused: bool) {
        let Ok(mut held) = self.held.try_lock() else { return };
        let Some(place) = held.as_mut().and_then(|h| h.place.as_mut()) else { return };
        if refused {
            place.refused();
        } else {
            place.went_well();
        }
    }
}

/// What a provider is given with each call.
pub struct Call<'a> {
    /// What [`crate::Provider::configure`] made.
    pub client: &'a Client,
    /// Random, one for each attempt, journalled before the call. Empty for reads and plans.
    pub token: &'a str,
    /// Where `create` records the new object's identity.
    pub recorder: &'a dyn Recorder,
    /// The call's place under the limit.
    pub slot: &'a Slot,
    /// The time.
    pub clock: &'a Clock,
    /// For reads of data sources: which block it is for, as `module.name` or `name[0]`. Else empty.
    pub about: &'a str,
}
