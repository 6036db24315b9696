//! What an object will be, from what the server says of it now and in dry runs.
//!
//! The plan of an update is the object as it was recorded, with what our apply changes: fields that others change
//! meanwhile are not ours, and must not make the plan and its execution differ.

use crate::shape::{text, to_value, unknown};
use formwork_value::{Kind, Map, Value};
use serde_json::Value as Json;

/// What two dry runs agree on; what they do not, the server chooses anew each time, and is unknown.
pub(crate) fn agreed(one: &Json, other: &Json) -> Value {
    match (one, other) {
        _ if one == other => to_value(one),
        (Json::Object(a), Json::Object(b)) if a.keys().eq(b.keys()) => a
            .iter()
            .zip(b)
            .map(|((key, x), (_, y))| (key.as_str().into(), agreed(x, y)))
            .collect::<Map>()
            .into(),
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            Value::tuple(a.iter().zip(b).map(|(x, y)| agreed(x, y)).collect())
        }
        _ => unknown(),
    }
}

/// The recorded object with the difference that two dry runs make to the live one.
pub(crate) fn rebased(recorded: Option<&Json>, live: Option<&Json>, one: &Json, other: &Json) -> Value {
    if live == Some(one) && one == other {
        return to_value(recorded.unwrap_or(one));
    }
    match (one, other, recorded) {
        (Json::Object(a), Json::Object(b), Some(Json::Object(recorded))) if a.keys().eq(b.keys()) => {
            let live = live.and_then(Json::as_object);
            let mut out = Map::new();
            for ((key, x), (_, y)) in a.iter().zip(b) {
                let before = live.and_then(|l| l.get(key));
                if !recorded.contains_key(key) && before == Some(x) && x == y {
                    // Somebody else's, and newer than the record.
                    continue;
                }
                out.insert(key.as_str().into(), rebased(recorded.get(key), before, x, y));
            }
            for (key, x) in recorded {
                // Somebody else has taken it away since it was recorded.
                if !a.contains_key(key) && live.is_some_and(|l| !l.contains_key(key)) {
                    out.insert(key.as_str().into(), to_value(x));
                }
            }
            out.into()
        }
        (Json::Array(a), Json::Array(b), Some(Json::Array(recorded)))
            if a.len() == b.len()
                && a.len() == recorded.len()
                && live.and_then(Json::as_array).is_some_and(|l| l.len() == a.len()) =>
        {
            let live = live.and_then(Json::as_array);
            let items = a.iter().zip(b).zip(recorded).enumerate();
            let items = items
                .map(|(i, ((x, y), recorded))| rebased(Some(recorded), live.and_then(|l| l.get(i)), x, y));
            Value::tuple(items.collect())
        }
        _ => agreed(one, other),
    }
}

/// The planned object with the server's answer where the plan left something open. Where the manifest speaks, the
/// answer counts in any case.
pub(crate) fn filled(planned: &Value, answer: Option<&Json>, body: Option<&Json>) -> Value {
    let Some(answer) = answer else {
        return if body.is_some() || !planned.is_wholly_known() { Value::NULL } else { planned.clone() };
    };
    match (planned.kind(), answer) {
        (Kind::Unknown(_), _) => to_value(answer),
        (Kind::Object(map), Json::Object(found)) => {
            let body = body.and_then(Json::as_object);
            let items = map.iter().map(|(key, planned)| {
                (key.clone(), filled(planned, found.get(&**key), body.and_then(|b| b.get(&**key))))
            });
            items.collect::<Map>().into()
        }
        (Kind::Tuple(items), Json::Array(found)) if items.len() == found.len() => {
            let body = body.and_then(Json::as_array).filter(|b| b.len() == found.len());
            let items = items.iter().zip(found).enumerate();
            Value::tuple(
                items
                    .map(|(i, (planned, found))| filled(planned, Some(found), body.and_then(|b| b.get(i))))
                    .collect(),
            )
        }
        _ if body.is_some() || !planned.is_wholly_known() => to_value(answer),
        _ => planned.clone(),
    }
}

/// Takes over what is live wherever the manifest says something: for fields that others may change.
pub(crate) fn adopt(body: &mut Json, live: &Json) {
    match (body, live) {
        (Json::Object(body), Json::Object(live)) => {
            for (key, inner) in body.iter_mut() {
                if let Some(live) = live.get(key) {
                    adopt(inner, live);
                }
            }
        }
        (Json::Array(body), Json::Array(live)) if body.len() == live.len() => {
            body.iter_mut().zip(live).for_each(|(inner, live)| adopt(inner, live));
        }
        (Json::Object(_) | Json::Array(_), _) => {}
        (body, live) => *body = live.clone(),
    }
}

/// Makes two dry runs differ where the server allocates something: from a small range, both might agree by chance, and
/// some servers leave the place open in dry runs.
pub(crate) fn unsettle(one: &mut Json, other: &mut Json, body: &Json, live: Option<&Json>) {
    let service = text(body, "/kind") == Some("Service") && text(body, "/apiVersion") == Some("v1");
    let given =
        |pointer: &str| [Some(body), live].into_iter().flatten().any(|o| o.pointer(pointer).is_some());
    let is_type = |name: &str| text(body, "/spec/type") == Some(name);
    // A headless service has no address to choose.
    if !service || text(body, "/spec/clusterIP") == Some("None") {
        return;
    }
    let address = given("/spec/clusterIP") || is_type("ExternalName");
    let health = given("/spec/healthCheckNodePort") || one.pointer("/spec/healthCheckNodePort").is_none();
    for (dry, mark) in [(one, Json::from(0)), (other, Json::Null)] {
        let Some(spec) = dry.get_mut("spec").and_then(Json::as_object_mut) else { return };
        let open = [("clusterIP", address), ("clusterIPs", address), ("healthCheckNodePort", health)];
        for (name, _) in open.into_iter().filter(|(_, settled)| !settled) {
            spec.insert(name.to_owned(), mark.clone());
        }
        for (i, port) in spec.get_mut("ports").and_then(Json::as_array_mut).into_iter().flatten().enumerate()
        {
            let Some(port) = port.as_object_mut() else { continue };
            let wanted = port.contains_key("nodePort") || is_type("NodePort");
            if wanted && !given(&format!("/spec/ports/{i}/nodePort")) {
                port.insert("nodePort".to_owned(), mark.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_others_change_meanwhile_is_not_in_the_plan() {
        let check = |recorded: Json, live: Json, one: Json, other: Json, wanted: Value| {
            assert_eq!(rebased(Some(&recorded), Some(&live), &one, &other), wanted);
        };
        // Our change, while the controller counts its revision up, adds one field and takes another away.
        check(
            json!({ "image": "a", "revision": "1", "gone": 1 }),
            json!({ "image": "a", "revision": "2", "new": 1 }),
            json!({ "image": "b", "revision": "2", "new": 1 }),
            json!({ "image": "b", "revision": "2", "new": 1 }),
            to_value(&json!({ "image": "b", "revision": "1", "gone": 1 })),
        );
        // What our apply removes goes; what it adds comes.
        check(
            json!({ "a": 1 }),
            json!({ "a": 1 }),
            json!({ "b": 1 }),
            json!({ "b": 1 }),
            to_value(&json!({ "b": 1 })),
        );
        // What the server chooses anew each time is unknown.
        let ports = |n: u32| json!({ "ports": [{ "port": 80, "nodePort": n }] });
        let wanted = Value::object([(
            "ports",
            Value::tuple(vec![Value::object([("nodePort", unknown()), ("port", Value::from(80))])]),
        )]);
        check(
            json!({ "ports": [{ "port": 80 }] }),
            json!({ "ports": [{ "port": 80 }] }),
            ports(1),
            ports(2),
            wanted,
        );
    }

    #[test]
    fn answers_fill_what_the_plan_left_open() {
        let planned = Value::object([("ip", unknown()), ("mine", "1".into()), ("theirs", "1".into())]);
        let answer = json!({ "ip": "10.0.0.7", "mine": "2", "theirs": "2", "more": true });
        let found = filled(&planned, Some(&answer), Some(&json!({ "mine": "1" })));
        assert_eq!(found, to_value(&json!({ "ip": "10.0.0.7", "mine": "2", "theirs": "1" })));
    }

    #[test]
    fn allocations_are_unsettled() {
        let body = json!({ "apiVersion": "v1", "kind": "Service", "spec": { "ports": [{ "port": 80 }] } });
        let dry = json!({ "spec": { "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{ "port": 80, "nodePort": 3 }] } });
        let check = |dry: &Json, live: Option<&Json>, open: &[&str]| {
            let (mut one, mut other) = (dry.clone(), dry.clone());
            unsettle(&mut one, &mut other, &body, live);
            let value = agreed(&one, &other);
            for place in ["spec.clusterIP", "spec.clusterIPs", "spec.ports[0].nodePort"] {
                let steps = crate::waiting::parse_place(place).unwrap();
                let at =
                    value.at(&formwork_value::Path(crate::place::path("", &steps).0[1..].to_vec())).unwrap();
                assert_eq!(!at.is_known(), open.contains(&place), "{place}");
            }
        };
        check(&dry, None, &["spec.clusterIP", "spec.clusterIPs", "spec.ports[0].nodePort"]);
        check(&dry, Some(&dry), &[]);
    }
}
