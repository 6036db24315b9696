//! Objects: what a resource instance is.

use formwork_value::Value;

/// A managed object as it is known: its attributes, and what the provider wants to remember besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// An object value of the schema's type, wholly known, without marks.
    pub value: Value,
    /// Opaque to everyone but the provider.
    pub private: Vec<u8>,
}

impl Object {
    /// An object without private data.
    pub fn new(value: Value) -> Self {
        Object { value, private: Vec::new() }
    }
}
