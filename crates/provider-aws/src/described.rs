//! Types that one Describe call lists many of, and waiting for what still uses an object that is to go.

use crate::client::{Aws, Context};
use crate::error::{Failed, IN_USE, Operation, failed, is};
use crate::tags::by_token;
use async_trait::async_trait;
use aws_sdk_ec2::types::Filter;
use formwork_provider::{CallError, Crud, Retry};
use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

/// A type of which one call lists many. `read` is [`one`] then, `read_many` is [`many`], and `PAGE` is [`PAGE`].
#[async_trait]
pub(crate) trait Described: Crud<Client = Aws> {
    /// What the call lists.
    type Found: Send + Sync;

    /// Lists those of these ids that there are. It filters, as asking for ids fails for all if one is not there.
    async fn describe(ids: Vec<String>, cx: &Context<'_>) -> Result<Vec<Self::Found>, CallError>;

    /// The id of one that was listed.
    fn found_id(found: &Self::Found) -> Option<&str>;

    /// `self`, with what was found in it. `None` if what was found counts as gone.
    async fn filled(&self, found: &Self::Found, cx: &Context<'_>) -> Result<Option<Self>, CallError>;
}

/// A type that EC2 lists by filters. Where creates put the token on it, `find` is [`found`].
#[async_trait]
pub(crate) trait Filtered: Described {
    /// Lists those that a filter lets through.
    async fn filtered(filter: Filter, cx: &Context<'_>) -> Result<Vec<Self::Found>, CallError>;
}

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

/// How many ids one filter takes, with room to spare.
pub(crate) const PAGE: usize = 100;

/// What is there under an id.
pub(crate) async fn listed<T: Described>(id: &str, cx: &Context<'_>) -> Result<Option<T::Found>, CallError> {
    let found = T::describe(vec![id.to_owned()], cx).await?;
    Ok(found.into_iter().find(|found| T::found_id(found) == Some(id)))
}

/// Reads one object.
pub(crate) async fn one<T: Described>(prior: &T, cx: &Context<'_>) -> Result<Option<T>, CallError> {
    let Some(id) = prior.id() else { return Ok(None) };
    match listed::<T>(&id, cx).await? {
        Some(found) => prior.filled(&found, cx).await,
        None => Ok(None),
    }
}

/// Reads many objects.
pub(crate) async fn many<T: Described>(priors: &[T], cx: &Context<'_>) -> Vec<Result<Option<T>, CallError>> {
    let ids: Vec<String> = priors.iter().filter_map(T::id).collect();
    if ids.is_empty() {
        return priors.iter().map(|_| Ok(None)).collect();
    }
    let found = match T::describe(ids, cx).await {
        Ok(found) => found,
        Err(error) => return priors.iter().map(|_| Err(error.clone())).collect(),
    };
    let by_id: HashMap<&str, &T::Found> =
        found.iter().filter_map(|found| Some((T::found_id(found)?, found))).collect();
    let mut out = Vec::with_capacity(priors.len());
    for prior in priors {
        out.push(match prior.id().and_then(|id| by_id.get(id.as_str()).copied()) {
            Some(found) => prior.filled(found, cx).await,
            None => Ok(None),
        });
    }
    out
}

/// What an interrupted create left: the object that carries its token.
pub(crate) async fn found<T: Filtered>(wanted: &T, cx: &Context<'_>) -> Result<Option<T>, CallError> {
    if cx.token.is_empty() {
        return Ok(None);
    }
    for found in T::filtered(by_token(cx), cx).await? {
        if let Some(object) = wanted.filled(&found, cx).await? {
            return Ok(Some(object));
        }
    }
    Ok(None)
}

/// How long something may be in use by what is just going away, unless the resource says otherwise.
pub(crate) const LINGERING: Duration = Duration::from_secs(10 * 60);

/// [`delete_within`] ten minutes.
pub(crate) async fn delete<T, E: Operation, F>(
    cx: &Context<'_>,
    what: &str,
    absent: &[&str],
    call: impl Fn() -> F,
) -> Result<(), CallError>
where
    F: Future<Output = Result<T, Failed<E>>>,
{
    delete_within(cx, what, LINGERING, absent, call).await
}

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
