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
mod tags;

use crate::client::Context;
use formwork_provider::{CallError, CrudResource, ManagedResource};
use std::pin::Pin;
use std::sync::Arc;

/// The types of this family.
pub(crate) fn resources() -> Vec<Arc<dyn ManagedResource>> {
    vec![
        CrudResource::<balancer::Balancer>::new(),
        CrudResource::<group::TargetGroup>::new(),
        CrudResource::<attachment::Attachment>::new(),
        CrudResource::<listener::Listener>::new(),
    ]
}

/// How many ARNs one call takes: DescribeLoadBalancers, DescribeTags.
const PAGE: usize = 20;

/// A list that was asked for; nothing if one of what was named is not there.
type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<Option<Vec<T>>, CallError>> + Send + 'a>>;

/// Lists those of these ARNs that there are. If one of them is not there they are asked for one by one, as there is no
/// filter.
async fn those<T>(
    arns: Vec<String>,
    cx: &Context<'_>,
    ask: for<'a> fn(Vec<String>, &'a Context<'a>) -> Asked<'a, T>,
) -> Result<Vec<T>, CallError> {
    let one = arns.len() == 1;
    match ask(arns.clone(), cx).await? {
        Some(found) => return Ok(found),
        None if one => return Ok(Vec::new()),
        None => {}
    }
    let mut found = Vec::new();
    for arn in arns {
        found.extend(ask(vec![arn], cx).await?.unwrap_or_default());
    }
    Ok(found)
}

/// The part of an ARN that CloudWatch's dimensions have, after `start`: `app/web/50dc6c495c0c9188`.
fn suffix(arn: &str, start: &str) -> String {
    arn.split_once(start).map(|(_, end)| end.to_owned()).unwrap_or_default()
}

/// A number, as AWS takes it.
fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
