//! Load balancers, their listeners and target groups.

mod action;
mod attachment;
mod attributes;
mod balancer;
mod balancer_change;
mod check;
mod group;
mod group_change;
mod listener;
pub(crate) mod tags;

use crate::client::Context;
use crate::resource::{AwsType, Place, place, resource};
use formwork_provider::{CallError, CrudResource, ManagedResource};
use std::sync::Arc;

/// The types of this family.
pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        resource::<balancer::Balancer>(),
        resource::<group::TargetGroup>(),
        CrudResource::<attachment::Attachment>::new(),
        resource::<listener::Listener>(),
    ]
}

/// How many ARNs one call takes: DescribeLoadBalancers, DescribeTags.
const PAGE: usize = 20;

/// Lists those of these ARNs that there are, by `ask`, which gives nothing if one of them is not there. They are asked for
/// one by one then, as there is no filter.
async fn those<T, F>(arns: Vec<String>, ask: impl Fn(Vec<String>) -> F) -> Result<Vec<T>, CallError>
where
    F: Future<Output = Result<Option<Vec<T>>, CallError>>,
{
    let one = arns.len() == 1;
    match ask(arns.clone()).await? {
        Some(found) => return Ok(found),
        None if one => return Ok(Vec::new()),
        None => {}
    }
    let mut found = Vec::new();
    for arn in arns {
        found.extend(ask(vec![arn]).await?.unwrap_or_default());
    }
    Ok(found)
}

/// What an earlier try of this attempt made already. That the object's place is somebody else's is an error: `taken`.
async fn made_before<T: AwsType>(
    wanted: &T,
    cx: &Context<'_>,
    taken: impl FnOnce() -> CallError,
) -> Result<Option<T>, CallError> {
    match place(wanted, cx).await? {
        Place::Made(made) => Ok(Some(made)),
        Place::Taken => Err(taken()),
        Place::Free => Ok(None),
    }
}

/// The part of an ARN that CloudWatch's dimensions have, after `start`: `app/web/50dc6c495c0c9188`.
fn suffix(arn: &str, start: &str) -> String {
    arn.split_once(start).map(|(_, end)| end.to_owned()).unwrap_or_default()
}

/// A number, as AWS takes it.
fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
