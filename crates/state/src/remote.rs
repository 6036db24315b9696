//! Kinds of backends, as `backend` blocks name them, and what their arguments are.

use crate::{Backend, Cipher, StateError};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of a `backend` block. What is not set is not there.
pub type Settings = BTreeMap<String, Json>;

/// What an argument expects.
#[derive(Clone, Copy, Debug)]
pub enum Expects {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// A boolean.
    Switch,
    /// A list of strings.
    Texts,
    /// An object of strings, which may have these names.
    Object(&'static [&'static str]),
    /// Strings by any names.
    Map,
    /// An object with these arguments.
    Nested(&'static [Argument]),
}

/// An argument of a kind of backend.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it expects.
    pub expects: Expects,
    /// Whether its value is for nobody's eyes.
    pub secret: bool,
    /// What of a secret may be remembered, to tell one place from another.
    pub place: fn(&str) -> String,
}

impl Argument {
    /// An argument whose value may be seen.
    pub const fn new(name: &'static str, expects: Expects) -> Self {
        Argument { name, expects, secret: false, place: str::to_owned }
    }

    /// A text that is for nobody's eyes.
    pub const fn secret(name: &'static str) -> Self {
        Argument { name, expects: Expects::Text, secret: true, place: |_| String::new() }
    }

    /// An object that is for nobody's eyes.
    pub const fn secret_object(name: &'static str, arguments: &'static [Argument]) -> Self {
        Argument { name, expects: Expects::Nested(arguments), secret: true, place: |_| String::new() }
    }

    /// A text that is for nobody's eyes but for what `place` leaves of it.
    pub const fn partly_secret(name: &'static str, place: fn(&str) -> String) -> Self {
        Argument { name, expects: Expects::Text, secret: true, place }
    }
}

impl Argument {
    /// Whether something in this value is for nobody's eyes.
    pub fn hides(&self, value: &str) -> bool {
        self.secret && (self.place)(value) != value
    }
}

/// What is wrong with an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which; empty for all of them together.
    pub argument: String,
    /// What is wrong, as a sentence.
    pub problem: String,
    /// How to mend it, as a sentence.
    pub help: String,
}

impl Wrong {
    /// Something that is wrong with an argument.
    pub fn new(argument: &str, problem: impl Into<String>, help: impl Into<String>) -> Self {
        Wrong { argument: argument.into(), problem: problem.into(), help: help.into() }
    }

    /// Something that is needed and not there.
    pub fn missing(argument: &str, kind: &str, variable: &str) -> Self {
        let or =
            if variable.is_empty() { String::new() } else { format!(", in the environment as {variable}") };
        Wrong::new(
            argument,
            format!("The backend \"{kind}\" needs \"{argument}\"."),
            format!(
                "Set it in the backend block{or}, or with formwork init -backend-config='{argument}=VALUE'."
            ),
        )
    }
}

/// What backends ask of the program: they read neither environment nor clock themselves.
pub trait Outside: Send + Sync {
    /// A variable of the environment that is not empty.
    fn variable(&self, name: &str) -> Option<String>;

    /// The user's home directory.
    fn home(&self) -> Option<PathBuf>;

    /// Seconds since 1970 in UTC.
    fn unix_time(&self) -> i64;
}

/// A kind of backend.
pub trait Kind: Send + Sync {
    /// Its name in `backend` blocks.
    fn name(&self) -> &'static str;

    /// What it takes.
    fn arguments(&self) -> &'static [Argument];

    /// One with these arguments, which [`checked`] has seen. Nothing is asked of any server yet.
    fn configure(
        &self,
        settings: &Settings,
        outside: &Arc<dyn Outside>,
    ) -> Result<Arc<dyn Remote>, Vec<Wrong>>;
}

/// A backend that was configured: the states of all workspaces.
pub trait Remote: Send + Sync {
    /// The state of a workspace, whether there is one or not; stored as `cipher` says.
    fn state(&self, workspace: &str, cipher: Arc<dyn Cipher>) -> Result<Box<dyn Backend>, StateError>;

    /// The workspaces that have a state, the default one always among them; `None` if it holds one state only.
    fn workspaces(&self) -> Result<Option<Vec<String>>, StateError>;

    /// Makes a workspace known that has no state yet.
    fn create(&self, workspace: &str) -> Result<(), StateError>;

    /// Removes the state of a workspace and all that belongs to it. Nobody may be at work on it.
    fn delete(&self, workspace: &str) -> Result<(), StateError>;
}

/// All kinds of backends that a program has, besides `local`.
#[derive(Clone)]
pub struct Kinds {
    kinds: Vec<Arc<dyn Kind>>,
    outside: Arc<dyn Outside>,
}

impl Kinds {
    /// These, in this world.
    pub fn new(kinds: Vec<Arc<dyn Kind>>, outside: Arc<dyn Outside>) -> Self {
        Kinds { kinds, outside }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.iter().map(|kind| kind.name())
    }

    /// The arguments of a kind; `None` if there is no such kind.
    pub fn arguments(&self, kind: &str) -> Option<&'static [Argument]> {
        self.kinds.iter().find(|k| k.name() == kind).map(|k| k.arguments())
    }

    /// A backend of this kind; `None` if there is no such kind.
    pub fn configure(&self, kind: &str, settings: &Settings) -> Option<Result<Arc<dyn Remote>, Vec<Wrong>>> {
        let kind = self.kinds.iter().find(|k| k.name() == kind)?;
        Some(match checked(kind.name(), kind.arguments(), settings) {
            Ok(settings) => kind.configure(&settings, &self.outside),
            Err(wrong) => Err(wrong),
        })
    }
}

/// The settings, each in the form that its argument expects; nulls are left out.
pub fn checked(kind: &str, arguments: &[Argument], settings: &Settings) -> Result<Settings, Vec<Wrong>> {
    let mut out = Settings::new();
    let mut wrong = Vec::new();
    for (name, value) in settings {
        let Some(argument) = arguments.iter().find(|a| a.name == name) else {
            let names: Vec<&str> = arguments.iter().map(|a| a.name).collect();
            wrong.push(Wrong::new(
                name,
                format!("The backend \"{kind}\" has no argument \"{name}\"."),
                format!("It has {}.", names.join(", ")),
            ));
            continue;
        };
        match fitting(argument.expects, value) {
            Ok(Some(value)) => {
                out.insert(name.clone(), value);
            }
            Ok(None) => {}
            Err(what) => wrong.push(Wrong::new(name, format!("\"{name}\" is to be {what}."), String::new())),
        }
    }
    if wrong.is_empty() { Ok(out) } else { Err(wrong) }
}

/// The value as it is expected; the error says what is.
fn fitting(expects: Expects, value: &Json) -> Result<Option<Json>, String> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(yes) => Some(yes.to_string()),
        _ => None,
    };
    if value.is_null() {
        return Ok(None);
    }
    let found = match expects {
        Expects::Text => text(value).map(Json::String).ok_or("a string")?,
        Expects::Number => {
            let number = text(value).and_then(|t| t.trim().parse::<u64>().ok());
            number.map(Json::from).ok_or("a whole number that is not negative")?
        }
        Expects::Switch => match text(value).as_deref() {
            Some("true" | "1") => Json::Bool(true),
            Some("false" | "0") => Json::Bool(false),
            _ => return Err("true or false".into()),
        },
        Expects::Texts => {
            let items = value.as_array().ok_or("a list of strings")?;
            let texts: Option<Vec<Json>> = items.iter().map(|i| text(i).map(Json::String)).collect();
            Json::Array(texts.ok_or("a list of strings")?)
        }
        Expects::Map => {
            let fields = value.as_object().ok_or("an object of strings")?;
            let texts = fields.iter().map(|(name, v)| Some((name.clone(), Json::String(text(v)?))));
            Json::Object(texts.collect::<Option<_>>().ok_or("an object of strings")?)
        }
        Expects::Nested(arguments) => {
            let names = || arguments.iter().map(|a| a.name).collect::<Vec<_>>().join(", ");
            let wanted = || format!("an object; it may have {}", names());
            let mut out = serde_json::Map::new();
            for (name, value) in value.as_object().ok_or_else(wanted)? {
                let argument = arguments.iter().find(|a| a.name == name).ok_or_else(wanted)?;
                let value = fitting(argument.expects, value)
                    .map_err(|what| format!("an object in which {name} is {what}"))?;
                out.extend(value.map(|value| (name.clone(), value)));
            }
            Json::Object(out)
        }
        Expects::Object(names) => {
            let wanted = || format!("an object; it may have {}", names.join(", "));
            let fields = value.as_object().ok_or_else(wanted)?;
            let mut out = serde_json::Map::new();
            for (name, value) in fields.iter().filter(|(_, v)| !v.is_null()) {
                if !names.contains(&name.as_str()) {
                    return Err(wanted());
                }
                out.insert(name.clone(), Json::String(text(value).ok_or_else(wanted)?));
            }
            Json::Object(out)
        }
    };
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_take_the_form_that_is_expected() {
        const ARGUMENTS: [Argument; 5] = [
            Argument::new("a", Expects::Text),
            Argument::new("n", Expects::Number),
            Argument::new("s", Expects::Switch),
            Argument::new("o", Expects::Object(&["s3"])),
            Argument::secret_object(
                "r",
                &[Argument::new("arn", Expects::Text), Argument::new("tags", Expects::Map)],
            ),
        ];
        let check = |given: Json, expected: Result<Json, &str>| {
            let given: Settings = given.as_object().unwrap().clone().into_iter().collect();
            let found = checked("k", &ARGUMENTS, &given);
            match expected {
                Ok(expected) => assert_eq!(json!(found.unwrap()), expected),
                Err(problem) => assert_eq!(found.unwrap_err()[0].problem, problem),
            }
        };
        check(json!({"a": 1, "n": "5", "s": "true"}), Ok(json!({"a": "1", "n": 5, "s": true})));
        check(json!({"a": null, "o": {"s3": "x"}}), Ok(json!({"o": {"s3": "x"}})));
        check(json!({"n": "-1"}), Err("\"n\" is to be a whole number that is not negative."));
        check(json!({"s": "maybe"}), Err("\"s\" is to be true or false."));
        check(json!({"o": {"x": "y"}}), Err("\"o\" is to be an object; it may have s3."));
        check(
            json!({"r": {"arn": "a", "tags": {"b": 1}}}),
            Ok(json!({"r": {"arn": "a", "tags": {"b": "1"}}})),
        );
        check(json!({"r": {"arn": []}}), Err("\"r\" is to be an object in which arn is a string."));
        check(json!({"r": {"x": 1}}), Err("\"r\" is to be an object; it may have arn, tags."));
        check(json!({"b": 1}), Err("The backend \"k\" has no argument \"b\"."));
    }
}
