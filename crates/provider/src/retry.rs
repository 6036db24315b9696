//! Trying again.

use crate::{Call, CallError, Retry};
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// How long a failing call is tried again.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// How long a call is tried again that does not even get there: most likely the address is wrong.
const UNREACHED: Duration = Duration::from_secs(10);

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// A call under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// Growing pauses, with jitter so that many waiters do not come back together.
pub(crate) struct Backoff {
    next: Duration,
    until: Instant,
}

impl Backoff {
    /// Pauses for as long as `patience` lasts, whatever happens between them.
    pub(crate) fn new(patience: Duration) -> Self {
        Backoff { next: FIRST, until: Instant::now() + patience }
    }

    /// Pauses; `false`, at once, when patience is at its end.
    pub(crate) async fn wait(&mut self) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        tokio::time::sleep(self.next.mul_f64(rand::random_range(0.5..1.0)).min(left)).await;
        self.next = (self.next * 2).min(LONGEST);
        true
    }
}

/// Whether a failed call should be made again. A throttled call had no effect; after a passing failure nobody knows.
pub(crate) fn worth_it(error: &CallError, repeatable: bool) -> bool {
    match error.retry {
        Retry::Never => false,
        Retry::Throttled | Retry::Unreached => true,
        Retry::Transient => repeatable || error.no_effect,
    }
}

/// How long such a call is tried again.
pub(crate) fn patience(error: &CallError) -> Duration {
    if error.retry == Retry::Unreached { UNREACHED } else { PATIENCE }
}

/// Takes note of how the other side bears the calls.
pub(crate) fn told(call: &Call<'_>, error: Option<&CallError>) {
    match error.map(|e| e.retry) {
        None => call.slot.tell(false),
        Some(Retry::Throttled) => call.slot.tell(true),
        // It says nothing about how many there are.
        Some(_) => {}
    }
}

/// Calls, and calls again while that can help. Pauses hold no place under the limit, and a provider that is asked too often
/// is asked less from then on. A call that is not `repeatable` is made again only when it certainly had no effect.
pub async fn retry<'f, T: 'f>(
    call: &Call<'_>,
    repeatable: bool,
    attempt: impl Fn() -> Pending<'f, T>,
) -> Result<T, CallError> {
    let mut backoff = None;
    loop {
        let result = attempt().await;
        told(call, result.as_ref().err());
        match result {
            Err(error) if worth_it(&error, repeatable) => {
                let backoff = backoff.get_or_insert_with(|| Backoff::new(patience(&error)));
                if !call.slot.released(backoff.wait()).await || !call.recorder.may_go_on() {
                    return Err(error);
                }
            }
            result => return result,
        }
    }
}
