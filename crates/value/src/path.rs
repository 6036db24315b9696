//! Paths into a value.

use crate::{Str, Value};
use std::fmt;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq)]
pub enum PathStep {
    /// An attribute of an object.
    Attr(Str),
    /// An element of a list, tuple (a number), map (a string) or set (the element itself).
    Index(Value),
}

/// Steps from a value to something inside it; empty for the value itself.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Path(pub Vec<PathStep>);

impl Path {
    /// The empty path.
    pub fn root() -> Self {
        Path(Vec::new())
    }

    /// With an attribute step added.
    #[must_use]
    pub fn attr(&self, name: impl Into<Str>) -> Self {
        let mut steps = self.0.clone();
        steps.push(PathStep::Attr(name.into()));
        Path(steps)
    }

    /// With an index step added.
    #[must_use]
    pub fn index(&self, key: impl Into<Value>) -> Self {
        let mut steps = self.0.clone();
        steps.push(PathStep::Index(key.into()));
        Path(steps)
    }

    /// Name of the first attribute, when the path starts with one.
    pub fn first_attr(&self) -> Option<&str> {
        match self.0.first() {
            Some(PathStep::Attr(name)) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    /// As in `.tags["a"][0].b`, with the leading dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                PathStep::Attr(name) => write!(f, ".{name}")?,
                PathStep::Index(key) => match (key.as_str(), key.as_number()) {
                    (Some(s), _) => write!(f, "[{:?}]", s)?,
                    (_, Some(n)) => write!(f, "[{n}]")?,
                    _ => f.write_str("[...]")?,
                },
            }
        }
        Ok(())
    }
}
