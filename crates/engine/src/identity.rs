//! Whose objects an intent is about: what the provider's configuration says of it, and what the provider turned out to reach where
//! the configuration leaves that to the environment.

use crate::provide::ProviderHandle;
use formwork_provider::{Client, Provider};
use formwork_value::{Value, json};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// The field of what was reached, beside the arguments.
const REACHED: &str = "formwork_reached";

/// Facts by name.
pub(crate) type Reached = Map<String, Json>;

/// What a client reaches.
pub(crate) async fn reached(family: &dyn Provider, client: &Client) -> Reached {
    let found = family.reached(client).await;
    match json::to_string(&found).ok().and_then(|text| serde_json::from_str(&text).ok()) {
        Some(Json::Object(found)) => found,
        _ => Reached::new(),
    }
}

/// What an intent says: found out once for each configuration, before its first intent.
pub(crate) async fn whole(family: &dyn Provider, handle: &ProviderHandle) -> Arc<str> {
    let make = async || {
        let reached = reached(family, &handle.client).await;
        if reached.is_empty() {
            return handle.identity.clone();
        }
        let mut fields = split(&handle.identity).0;
        fields.insert(REACHED.into(), reached.into());
        Json::Object(fields).to_string().into()
    };
    handle.whole.get_or_init(make).await.clone()
}

/// The arguments that an intent names, and what was reached with them.
pub(crate) fn split(identity: &str) -> (Map<String, Json>, Reached) {
    let Ok(Json::Object(mut fields)) = serde_json::from_str(identity) else { return Default::default() };
    match fields.remove(REACHED) {
        Some(Json::Object(reached)) => (fields, reached),
        _ => (fields, Reached::new()),
    }
}

/// Whether two say the same of the configuration.
pub(crate) fn same_configuration(a: &str, b: &str) -> bool {
    a == b || split(a).0 == split(b).0
}

/// What is not as it was, for messages. What either does not know is no difference.
pub(crate) fn difference(was: &Reached, is: &Reached) -> Option<String> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    was.iter().find_map(|(name, was)| {
        let is = is.get(name).filter(|is| *is != was)?;
        Some(format!("{name} {}, and today it would be {}", text(was), text(is)))
    })
}

/// A fact as the value of an argument.
pub(crate) fn argument(reached: &Reached, name: &str) -> Option<Value> {
    reached.get(name)?.as_str().map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reached_stands_beside_the_arguments() {
        let identity = r#"{"region":null,"formwork_reached":{"account":"1","region":"a"}}"#;
        let (fields, reached) = split(identity);
        assert_eq!(Json::Object(fields).to_string(), r#"{"region":null}"#);
        assert_eq!(argument(&reached, "region"), Some(Value::from("a")));
        assert!(same_configuration(identity, r#"{"region":null}"#));
        assert!(!same_configuration(identity, r#"{"region":"a"}"#));
        let other = split(r#"{"formwork_reached":{"account":"2"}}"#).1;
        assert_eq!(difference(&reached, &other).as_deref(), Some("account 1, and today it would be 2"));
        // Journals of older versions say nothing.
        assert_eq!(difference(&split("null").1, &other), None);
        assert_eq!(difference(&reached, &Reached::new()), None);
    }
}
