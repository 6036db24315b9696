//! Waiting: for what is throttled, for what was changed to be seen, and for what still uses an object that is to go.

use crate::client::Context;
use crate::error::{Failed, IN_USE, Operation, failed, is};
use formwork_provider::{CallError, Retry};
use std::pin::Pin;
use std::time::Duration;

/// Makes a call again while it is throttled. A read that takes several calls gets through by this where it could not
/// by being tried again as a whole, which would ask too often anew.
pub(crate) async fn calm<T, F>(cx: &Context<'_>, call: impl Fn() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let mut pause = Duration::from_millis(300);
    for _ in 0..7 {
        match call().await {
            Err(error) if error.retry == Retry::Throttled => cx.sleep(pause).await,
            result => return result,
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    call().await
}

/// Waits, for up to a minute, until what was changed is seen: what comes next must not read what was before. That it is
/// never seen is no error here, as the object is read and compared with the plan afterwards.
pub(crate) async fn until<'f>(
    cx: &Context<'_>,
    seen: impl Fn() -> Pin<Box<dyn Future<Output = Result<bool, CallError>> + Send + 'f>>,
) -> Result<(), CallError> {
    let mut pause = Duration::from_millis(250);
    for _ in 0..9 {
        if seen().await? {
            return Ok(());
        }
        cx.sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(15));
    }
    Ok(())
}

/// How long something may be in use by what is just going away, unless the resource says otherwise.
pub(crate) const LINGERING: Duration = Duration::from_secs(10 * 60);

/// Deletes. What is gone already is fine: `absent` are the codes that say so. As long as something uses the object it
/// is tried again, for up to `patience`, as what was deleted before goes away slowly: network interfaces of load
/// balancers, for example.
pub(crate) async fn delete_within<T, E: Operation, F>(
    cx: &Context<'_>,
    what: &str,
    patience: Duration,
    absent: &[&str],
    call: impl Fn() -> F,
) -> Result<(), CallError>
where
    F: Future<Output = Result<T, Failed<E>>>,
{
    let (mut pause, mut left) = (Duration::from_millis(500), patience);
    loop {
        let error = match call().await {
            Ok(_) => return Ok(()),
            Err(error) if is(&error, absent) => return Ok(()),
            Err(error) => error,
        };
        if !is(&error, &IN_USE) {
            return Err(failed(what, error));
        }
        if left.is_zero() {
            let mut error = failed(what, error);
            error.detail.push_str(&format!(
                " It was tried again for {} minutes. Something that this run does not delete uses it: find that in the \
                 AWS console, and remove it there or add it to the configuration.",
                patience.as_secs().div_ceil(60)
            ));
            return Err(error);
        }
        cx.sleep(pause.min(left)).await;
        left = left.saturating_sub(pause);
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}
