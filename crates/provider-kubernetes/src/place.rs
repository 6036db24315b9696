//! Places in an object, as the server names them: `spec.ports[0].port`, `.metadata.labels.app`, `data[a.b]`,
//! `.spec.containers[name="web"].image`.

use formwork_value::{Path, Value};
use serde_json::Value as Json;

/// One step into an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// A field, or a key of a map.
    Key(String),
    /// An element of a list.
    Index(usize),
}

/// Follows a place into an object as far as it goes; whether that was to the end.
///
/// Names may hold dots themselves, so at each object the longest name that fits counts.
pub(crate) fn locate(root: &Json, place: &str) -> (Vec<Step>, bool) {
    let (mut at, mut steps, mut rest) = (root, Vec::new(), place.trim());
    loop {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return (steps, true);
        }
        let found = match at {
            Json::Object(map) => match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
                Some((key, after)) => {
                    let key = key.trim_matches(['"', '\'']);
                    map.get(key).map(|inner| (Step::Key(key.to_owned()), inner, after))
                }
                None => {
                    let fits = |key: &str| {
                        rest.strip_prefix(key)
                            .is_some_and(|after| after.is_empty() || after.starts_with(['.', '[', ':']))
                    };
                    let longest = map.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len());
                    longest.map(|(key, inner)| (Step::Key(key.clone()), inner, &rest[key.len()..]))
                }
            },
            Json::Array(items) => {
                rest.strip_prefix('[').and_then(|r| r.split_once(']')).and_then(|(key, after)| {
                    let index = element(items, key)?;
                    Some((Step::Index(index), items.get(index)?, after))
                })
            }
            _ => None,
        };
        let Some((step, inner, after)) = found else { return (steps, false) };
        steps.push(step);
        (at, rest) = (inner, after);
    }
}

/// Finds the element that `3`, `name="web"`, `port=80,protocol="TCP"` or `="x"` means.
fn element(items: &[Json], key: &str) -> Option<usize> {
    if let Ok(index) = key.parse() {
        return Some(index);
    }
    if let Some(value) = key.strip_prefix('=') {
        let wanted: Json = serde_json::from_str(value).ok()?;
        return items.iter().position(|item| *item == wanted);
    }
    let pairs: Option<Vec<(&str, Json)>> = key
        .split(',')
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name, serde_json::from_str(value).ok()?))
        })
        .collect();
    let pairs = pairs?;
    items.iter().position(|item| pairs.iter().all(|(name, value)| item.get(*name) == Some(value)))
}

/// The value at a place.
pub(crate) fn at<'j>(root: &'j Json, steps: &[Step]) -> Option<&'j Json> {
    steps.iter().try_fold(root, |at, step| match step {
        Step::Key(key) => at.get(key),
        Step::Index(index) => at.get(index),
    })
}

/// The value at a place, to change it.
pub(crate) fn at_mut<'j>(root: &'j mut Json, steps: &[Step]) -> Option<&'j mut Json> {
    steps.iter().try_fold(root, |at, step| match step {
        Step::Key(key) => at.get_mut(key),
        Step::Index(index) => at.get_mut(index),
    })
}

/// The place as a path under an attribute.
pub(crate) fn path(attribute: &str, steps: &[Step]) -> Path {
    let name = |key: &str| {
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    steps.iter().fold(Path::root().attr(attribute), |path, step| match step {
        Step::Key(key) if name(key) => path.attr(key.as_str()),
        Step::Key(key) => path.index(key.as_str()),
        Step::Index(index) => path.index(*index),
    })
}

/// The first value that is not known yet.
pub(crate) fn unknown(value: &Value, at: &Path) -> Option<Path> {
    if !value.is_known() {
        return Some(at.clone());
    }
    value.steps().into_iter().find_map(|(step, inner)| {
        let mut path = at.clone();
        path.0.push(step);
        unknown(inner, &path)
    })
}

/// A path as a reader knows it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string().trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places() {
        let object = json!({
            "metadata": { "labels": { "app": "x", "app.kubernetes.io/name": "y" } },
            "data": { "a.b": "1" },
            "spec": { "containers": [{ "name": "a" }, { "name": "web", "ports": [{ "port": 80, "protocol": "TCP" }] }] },
        });
        let check = |place: &str, wanted: &str, whole: bool| {
            let (steps, end) = locate(&object, place);
            assert_eq!((shown(&path("m", &steps)).as_str(), end), (wanted, whole), "{place}");
        };
        check(".metadata.labels.app", "m.metadata.labels.app", true);
        check(
            "metadata.labels.app.kubernetes.io/name",
            "m.metadata.labels[\"app.kubernetes.io/name\"]",
            true,
        );
        check("data[a.b]", "m.data[\"a.b\"]", true);
        check("spec.containers[1].name", "m.spec.containers[1].name", true);
        check(".spec.containers[name=\"web\"].image", "m.spec.containers[1]", false);
        let port = ".spec.containers[name=\"web\"].ports[port=80,protocol=\"TCP\"].port";
        check(port, "m.spec.containers[1].ports[0].port", true);
        check("spec.containers[7].name", "m.spec.containers", false);
        check("status.x", "m", false);
    }
}
