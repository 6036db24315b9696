//! Tags: the resource's own, the provider's defaults, what others manage, and the token of the attempt.

use crate::balancing;
use crate::client::Context;
use crate::error::lagging;
use crate::settings::Settings;
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use formwork_provider::{CallError, Computed, FromValue, Model, PlanResponse};
use formwork_value::{Type, Value};
use std::collections::BTreeMap;

/// Values by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// The key of the tag that says which attempt made an object.
pub(crate) const TOKEN: &str = "formwork:token";

impl Settings {
    /// The default tags, under the resource's own.
    pub fn all_tags(&self, own: &Option<Tags>) -> Tags {
        let mut all = self.default_tags.clone();
        all.extend(own.iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        all
    }

    /// Whether a tag that is there is none of ours to show or to remove.
    fn hides(&self, key: &str) -> bool {
        key == TOKEN
            || key.starts_with("aws:")
            || self.ignored_keys.contains(key)
            || self.ignored_prefixes.iter().any(|prefix| key.starts_with(prefix))
    }

    /// `tags` and `tags_all` of an object that carries `found`, if its own tags were `own`.
    ///
    /// What the configuration itself says stays visible, though it be the same as a default or to be ignored: an
    /// object must be read as it was planned.
    pub fn split(&self, own: &Option<Tags>, found: Tags) -> (Option<Tags>, Tags) {
        let says = |key: &str| own.as_ref().is_some_and(|own| own.contains_key(key));
        let mut all = found;
        all.retain(|key, _| says(key) || self.default_tags.contains_key(key) || !self.hides(key));
        let mut tags = all.clone();
        tags.retain(|key, value| says(key) || self.default_tags.get(key) != Some(value));
        // An empty map and none are told apart by the configuration only.
        let tags = if tags.is_empty() && own.is_none() { None } else { Some(tags) };
        (tags, all)
    }
}

/// The tags of a new object: its own, the default ones, and the attempt's token.
pub(crate) fn of_new(own: &Option<Tags>, cx: &Context<'_>) -> Tags {
    let mut tags = cx.client.settings.all_tags(own);
    if !cx.token.is_empty() {
        tags.insert(TOKEN.to_owned(), cx.token.to_owned());
    }
    tags
}

/// The tags that a planned object is to have.
pub(crate) fn planned_all(object: &impl Model, cx: &Context<'_>) -> Tags {
    cx.client.settings.all_tags(&field(object, "tags"))
}

/// The tags that an object has, as it was read.
pub(crate) fn all(object: &impl Model, cx: &Context<'_>) -> Tags {
    field(object, "tags_all").unwrap_or_else(|| planned_all(object, cx))
}

fn field(object: &impl Model, name: &str) -> Option<Tags> {
    Computed::from_value(object.to_value().get(name)?).ok()?.get().cloned()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// The tags of a new object, as EC2's calls take them.
pub(crate) fn specification(kind: ResourceType, own: &Option<Tags>, cx: &Context<'_>) -> TagSpecification {
    let tags = of_new(own, cx).iter().map(|(key, value)| tag(key, value)).collect();
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()
}

/// `tags` and `tags_all` of an object that carries `found`, if its own tags were `own`.
pub(crate) fn seen(cx: &Context<'_>, own: &Option<Tags>, found: &[Tag]) -> (Option<Tags>, Tags) {
    let found =
        found.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())));
    cx.client.settings.split(own, found.collect())
}

/// What is to be removed and what is to be set, to come from one set of tags to another.
pub(crate) fn difference(before: &Tags, after: &Tags) -> (Vec<String>, Tags) {
    let gone = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    let new = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
    (gone, new.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Brings the tags of an object from `before` to `after`, by as few calls as that takes.
pub(crate) async fn update(cx: &Context<'_>, id: &str, before: &Tags, after: &Tags) -> Result<(), CallError> {
    if id.contains(":elasticloadbalancing:") {
        return balancing::tags::update(id, before, after, cx).await;
    }
    let what = format!("The tags of {id} could not be changed");
    let (gone, new) = difference(before, after);
    if !gone.is_empty() {
        // Without a value, so that the tag goes whatever it says by now.
        let gone = gone.iter().map(|key| Tag::builder().key(key).build()).collect();
        let call = cx.client.ec2.delete_tags().resources(id).set_tags(Some(gone));
        call.send().await.map_err(|e| lagging(&what, e))?;
    }
    if !new.is_empty() {
        let new = new.iter().map(|(key, value)| tag(key, value)).collect();
        let call = cx.client.ec2.create_tags().resources(id).set_tags(Some(new));
        call.send().await.map_err(|e| lagging(&what, e))?;
    }
    Ok(())
}

/// The filter that finds what this attempt made.
pub(crate) fn by_token(cx: &Context<'_>) -> Filter {
    filter(format!("tag:{TOKEN}"), [cx.token])
}

/// A filter of EC2's lists.
pub(crate) fn filter<S: Into<String>>(
    name: impl Into<String>,
    values: impl IntoIterator<Item = S>,
) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// Plans `tags_all`: the default tags and the resource's own, as far as those are known.
pub(crate) fn plan_tags(cx: &Context<'_>, plan: PlanResponse) -> PlanResponse {
    let all = planned(&cx.client.settings, plan.planned.get("tags").unwrap_or(&Value::NULL));
    crate::planned::with(plan, "tags_all", all)
}

fn planned(settings: &Settings, own: &Value) -> Value {
    if !own.is_known() {
        return Value::unknown(Type::map(Type::String));
    }
    let mut all: formwork_value::Map = settings
        .default_tags
        .iter()
        .map(|(key, value)| (key.as_str().into(), Value::string(value.as_str())))
        .collect();
    all.extend(own.as_map().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    Value::map(Type::String, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn settings() -> Settings {
        Settings {
            default_tags: tags(&[("team", "pay"), ("env", "test")]),
            ignored_keys: ["cost".to_owned()].into(),
            ignored_prefixes: ["kubernetes.io/".to_owned()].into(),
            ..Settings::default()
        }
    }

    #[test]
    fn own_tags_cover_defaults() {
        let own = Some(tags(&[("env", "prod")]));
        assert_eq!(settings().all_tags(&own), tags(&[("env", "prod"), ("team", "pay")]));
        assert_eq!(settings().all_tags(&None), settings().default_tags);
    }

    #[test]
    fn what_is_found_is_split_as_it_was_configured() {
        let check = |own: Option<&[(&str, &str)]>, found: &[(&str, &str)], wanted: (Option<&[_]>, &[_])| {
            let (own, found) = (own.map(tags), tags(found));
            assert_eq!(settings().split(&own, found), (wanted.0.map(tags), tags(wanted.1)), "{own:?}");
        };
        let defaults = [("env", "test"), ("team", "pay")];
        // Only defaults: `tags` is as the configuration had it, null or empty.
        check(None, &defaults, (None, &defaults));
        check(Some(&[]), &defaults, (Some(&[]), &defaults));
        // A default that the configuration repeats stays in `tags`; one that was changed shows as drift.
        check(Some(&[("env", "test")]), &defaults, (Some(&[("env", "test")]), &defaults));
        let drifted = [("env", "prod"), ("team", "pay")];
        check(None, &drifted, (Some(&[("env", "prod")]), &drifted));
        // AWS's own tags, the token and what others manage are not shown.
        let others =
            [("aws:x", "1"), (TOKEN, "t"), ("cost", "1"), ("kubernetes.io/role", "1"), ("env", "test")];
        check(None, &others, (None, &[("env", "test")]));
        // Unless the configuration says them.
        check(Some(&[("cost", "1")]), &[("cost", "1")], (Some(&[("cost", "1")]), &[("cost", "1")]));
    }

    #[test]
    fn only_differences_are_sent() {
        let (gone, new) = difference(&tags(&[("a", "1"), ("b", "1")]), &tags(&[("b", "2"), ("c", "1")]));
        assert_eq!((gone, new), (vec!["a".to_owned()], tags(&[("b", "2"), ("c", "1")])));
        assert_eq!(difference(&tags(&[("a", "1")]), &tags(&[("a", "1")])), (vec![], tags(&[])));
    }

    #[test]
    fn all_tags_are_planned_as_far_as_known() {
        let own =
            Value::map(Type::String, [("id".into(), Value::unknown(Type::String))].into_iter().collect());
        let all = planned(&settings(), &own);
        assert_eq!(all.get("env"), Some(&Value::string("test")));
        assert!(all.get("id").is_some_and(|id| !id.is_known()));
        assert!(!planned(&settings(), &Value::unknown(Type::map(Type::String))).is_known());
        assert_eq!(planned(&settings(), &Value::NULL).len(), Some(2));
    }
}
