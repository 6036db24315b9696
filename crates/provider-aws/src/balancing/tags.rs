//! Tags in Elastic Load Balancing, which has calls of its own for them.

use super::{PAGE, those};
use crate::client::Context;
use crate::error::{absent, failed, lagging};
use crate::tags::{TOKEN, Tags, difference, of_new};
use aws_sdk_elasticloadbalancingv2::types::{Tag, TagDescription};
use formwork_provider::CallError;
use std::collections::BTreeMap;

/// The codes that say that a balancer, group or listener is not there.
pub(super) const GONE: [&str; 3] = ["LoadBalancerNotFound", "TargetGroupNotFound", "ListenerNotFound"];

/// The tags of a new object.
pub(super) fn new(own: &Option<Tags>, cx: &Context<'_>) -> Vec<Tag> {
    tags(&of_new(own, cx))
}

fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Whether this attempt made what has these tags.
pub(super) fn ours(tags: &Tags, cx: &Context<'_>) -> bool {
    !cx.token.is_empty() && tags.get(TOKEN).is_some_and(|token| token == cx.token)
}

/// Objects with their tags. One that goes meanwhile is left out.
pub(super) async fn with<T>(
    objects: Vec<T>,
    arn: fn(&T) -> Option<&str>,
    cx: &Context<'_>,
) -> Result<Vec<(T, Tags)>, CallError> {
    let arns: Vec<String> = objects.iter().filter_map(arn).map(str::to_owned).collect();
    let mut found: Vec<TagDescription> = Vec::new();
    for page in arns.chunks(PAGE) {
        found.extend(those(page.to_vec(), |arns| described(arns, cx)).await?);
    }
    let tags = |of: &TagDescription| -> Tags {
        let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
        of.tags().iter().filter_map(pair).collect()
    };
    let mut by_arn: BTreeMap<&str, Tags> =
        found.iter().filter_map(|of| Some((of.resource_arn()?, tags(of)))).collect();
    let tagged = |object: T| {
        let tags = by_arn.remove(arn(&object)?)?;
        Some((object, tags))
    };
    Ok(objects.into_iter().filter_map(tagged).collect())
}

async fn described(arns: Vec<String>, cx: &Context<'_>) -> Result<Option<Vec<TagDescription>>, CallError> {
    let answer = cx.client.elb.describe_tags().set_resource_arns(Some(arns)).send().await;
    let answer = absent(answer, &GONE).map_err(|e| failed("Tags could not be read", e))?;
    Ok(answer.map(|answer| answer.tag_descriptions.unwrap_or_default()))
}

/// Brings the tags of an object from `before` to `after`.
pub(crate) async fn update(
    arn: &str,
    before: &Tags,
    after: &Tags,
    cx: &Context<'_>,
) -> Result<(), CallError> {
    const WHAT: &str = "The tags could not be changed";
    let (gone, new) = difference(before, after);
    if !gone.is_empty() {
        let call = cx.client.elb.remove_tags().resource_arns(arn).set_tag_keys(Some(gone));
        call.send().await.map_err(|e| lagging(WHAT, e))?;
    }
    if !new.is_empty() {
        let call = cx.client.elb.add_tags().resource_arns(arn).set_tags(Some(tags(&new)));
        call.send().await.map_err(|e| lagging(WHAT, e))?;
    }
    Ok(())
}
