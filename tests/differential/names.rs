//! Ids of the toy cloud, told by the names of their objects; and what happens to the cloud behind the engines' backs.

use formwork_testkit::{ToyObject, objects};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Every object that was ever seen: its id, and `thing a`, `thing a (2)` for the second of this name.
#[derive(Default)]
pub struct Names {
    by_id: BTreeMap<String, String>,
    /// In the order in which they were seen.
    ids: Vec<String>,
}

/// The lines of the cloud's log, as words.
fn log(folder: &Path) -> Vec<Vec<String>> {
    let log = std::fs::read_to_string(folder.join("cloud/.calls")).unwrap_or_default();
    log.lines().map(|l| l.split(' ').map(str::to_owned).collect()).collect()
}

fn kind(object: &ToyObject) -> &str {
    object.kind.trim_start_matches("toy_")
}

impl Names {
    /// Looks for new objects, in the order in which they were made.
    pub fn look(&mut self, folder: &Path) -> Result<(), String> {
        let mut found = objects(&folder.join("cloud")).map_err(|e| e.to_string())?;
        let made: Vec<String> =
            log(folder).into_iter().filter(|w| w[0] == "create").map(|w| w[2].clone()).collect();
        found.sort_by_key(|o| made.iter().position(|id| *id == o.id));
        for object in found {
            if self.by_id.contains_key(&object.id) {
                continue;
            }
            let name = match object.attributes.get("name").and_then(Json::as_str) {
                Some(name) => format!("{} {name}", kind(&object)),
                None => {
                    let end = |end: &str| {
                        let id = object.attributes.get(end).and_then(Json::as_str).unwrap_or_default();
                        self.by_id.get(id).map_or(id, |n| n.trim_start_matches("thing ")).to_owned()
                    };
                    format!("{} {}-to-{}", kind(&object), end("from"), end("to"))
                }
            };
            let before =
                self.by_id.values().filter(|n| **n == name || n.starts_with(&format!("{name} ("))).count();
            let name = if before == 0 { name } else { format!("{name} ({})", before + 1) };
            self.by_id.insert(object.id.clone(), name);
            self.ids.push(object.id);
        }
        Ok(())
    }

    /// A text with ids replaced by names.
    pub fn rename(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in &self.by_id {
            if text.contains(id.as_str()) {
                text = text.replace(id.as_str(), &format!("<{name}>"));
            }
        }
        text
    }

    /// The same for all texts in a document.
    pub fn rename_all(&self, json: &mut Json) {
        match json {
            Json::String(text) => *text = self.rename(text),
            Json::Array(items) => items.iter_mut().for_each(|i| self.rename_all(i)),
            Json::Object(map) => map.values_mut().for_each(|v| self.rename_all(v)),
            _ => {}
        }
    }

    /// The id of the last object of this name; what is no name is an id.
    fn id<'a>(&'a self, name: &'a str) -> &'a str {
        let named = |id: &&String| {
            self.by_id[*id].split_once(' ').is_some_and(|(_, n)| n.split(" (").next() == Some(name))
        };
        self.ids.iter().rev().find(named).map_or(name, String::as_str)
    }

    /// A text with `@name@` replaced by ids.
    pub fn ids_in(&self, text: &str) -> String {
        let parts: Vec<&str> = text.split('@').collect();
        if parts.len() < 3 || parts.len().is_multiple_of(2) {
            return text.to_owned();
        }
        parts.iter().enumerate().map(|(i, p)| if i % 2 == 1 { self.id(p) } else { p }).collect()
    }

    /// Calls that change something, each with the object's name.
    pub fn calls(&self, folder: &Path) -> Vec<String> {
        let changes =
            log(folder).into_iter().filter(|w| ["create", "update", "delete"].contains(&w[0].as_str()));
        changes
            .map(|w| match self.by_id.get(&w[2]) {
                Some(name) => format!("{} {name}", w[0]),
                None => format!("{} {}", w[0], w[1]),
            })
            .collect()
    }

    /// All objects, by name, with what they have.
    pub fn objects(&self, folder: &Path) -> Result<Json, String> {
        let mut facts = BTreeMap::new();
        for object in objects(&folder.join("cloud")).map_err(|e| e.to_string())? {
            let name = self.by_id.get(&object.id).cloned().unwrap_or_default();
            let mut attributes = Json::Object(object.attributes);
            self.rename_all(&mut attributes);
            if let Some(map) = attributes.as_object_mut() {
                map.retain(|k, v| !v.is_null() && *v != json!([]) && k != "id");
            }
            facts.insert(name, attributes);
        }
        Ok(json!(facts))
    }

    /// Changes the cloud behind the engine's back.
    pub fn change(
        &mut self,
        folder: &Path,
        verb: &str,
        object: &str,
        attributes: &Map<String, Json>,
    ) -> Result<(), String> {
        self.look(folder)?;
        let id = self.id(object).to_owned();
        let path = folder.join("cloud").join(format!("{id}.json"));
        let told = |e: std::io::Error| format!("{object}: {e}");
        if verb == "delete" {
            return std::fs::remove_file(path).map_err(told);
        }
        let mut file = if verb == "make" {
            let kind = format!("toy_{}", id.split('-').next().unwrap_or_default());
            json!({ "id": id, "type": kind, "token": "none", "attributes": { "id": id } })
        } else {
            let text = std::fs::read_to_string(&path).map_err(told)?;
            serde_json::from_str(&text).map_err(|e| e.to_string())?
        };
        for (name, value) in attributes {
            file["attributes"][name] = value.clone();
        }
        let file: ToyObject = serde_json::from_value(file).map_err(|e| format!("{object}: {e}"))?;
        file.write(&folder.join("cloud")).map_err(told)?;
        self.look(folder)
    }
}
