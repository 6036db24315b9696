//! What runs where, for whoever uses the components.

use super::place::Place;
use crate::Failure;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// What was true of the components when they were looked at.
#[derive(Clone, PartialEq)]
pub struct Facts {
    state: Map<String, Value>,
    /// The file that holds it all.
    pub file: PathBuf,
}

impl Facts {
    /// As the place records it.
    pub(super) fn of(place: &Place) -> Facts {
        Facts { state: place.state().clone(), file: place.state_file() }
    }

    /// A fact that is text.
    pub fn get(&self, component: &str, key: &str) -> Result<&str, Failure> {
        let fact = self.value(component, key).and_then(Value::as_str);
        fact.ok_or_else(|| format!("{} tells no {key} of {component}", self.file.display()))
    }

    /// The SSH hosts: names and addresses.
    pub fn hosts(&self) -> Vec<(String, String)> {
        let list = self.value("hosts", "hosts").and_then(Value::as_array);
        let text = |host: &Value, key: &str| host[key].as_str().unwrap_or_default().to_owned();
        list.into_iter().flatten().map(|h| (text(h, "name"), text(h, "address"))).collect()
    }

    fn value(&self, component: &str, key: &str) -> Option<&Value> {
        self.state.get(component)?.get("facts")?.get(key)
    }
}
