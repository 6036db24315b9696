//! Stored objects to values and back.

use crate::provide::TypeInfo;
use formwork_addr::{InstanceAddr, ResourceAddr};
use formwork_diag::Diagnostic;
use formwork_provider::Object;
use formwork_state::{Status, StoredObject};
use formwork_value::{Marks, Value, json};
use std::sync::Arc;

/// An object as it is now.
#[derive(Debug)]
pub(crate) struct Refreshed {
    /// As it is stored, or will be.
    pub stored: Arc<StoredObject>,
    /// Its attributes, without marks.
    pub object: Object,
    /// Its attributes, with marks.
    pub marked: Value,
    /// It differs from what was stored: the object as stored before.
    pub drifted_from: Option<Value>,
}

/// Reads a stored object by its type's schema; older schema versions are lifted first.
pub(crate) fn decode(
    addr: &InstanceAddr,
    info: &TypeInfo,
    stored: &StoredObject,
) -> Result<Object, Diagnostic> {
    let current = info.schema.version;
    let value = if stored.schema_version > current {
        return Err(Diagnostic::error(
            "State is newer than this program",
            format!(
                "The object was stored under version {} of its schema; this Formwork knows version {current}.",
                stored.schema_version
            ),
        )
        .help("Use the version of the program that wrote the state, or a later one.")
        .about(addr));
    } else if stored.schema_version < current {
        let lifted = serde_json::from_str(&stored.attributes)
            .map_err(|e| e.to_string())
            .and_then(|raw| match info.managed() {
                Some(r) => r.upgrade(stored.schema_version, raw),
                None => Ok(raw),
            })
            .map_err(|e| unreadable(addr, &e))?;
        json::decode(&lifted.to_string(), &info.ty)
    } else {
        json::decode(&stored.attributes, &info.ty)
    };
    let value = value.map_err(|e| unreadable(addr, &e))?;
    Ok(Object { value, private: stored.private.clone() })
}

fn unreadable(addr: &InstanceAddr, reason: &str) -> Diagnostic {
    Diagnostic::error(
        "Stored object cannot be read",
        format!("The attributes in the state do not fit the resource type's schema: {reason}."),
    )
    .help(
        "Was the state edited, or written by another version of the provider? The object was left as it is.",
    )
    .about(addr)
}

/// With the marks that were stored and those of the schema.
pub(crate) fn marked(info: &TypeInfo, stored: &StoredObject, value: &Value) -> Value {
    let paths: Vec<_> = stored.sensitive.iter().map(|p| (p.clone(), Marks::SENSITIVE)).collect();
    info.mark(value.clone().mark_paths(&paths))
}

/// A value with marks as an object to store.
pub(crate) fn encode(
    info: &TypeInfo,
    marked: Value,
    private: Vec<u8>,
    dependencies: Arc<[ResourceAddr]>,
    status: Status,
    create_before_destroy: bool,
) -> Result<StoredObject, String> {
    let (value, paths) = info.mark(marked).unmark_paths();
    let attributes = json::encode(&value, &info.ty)?;
    Ok(StoredObject {
        schema_version: info.schema.version,
        attributes: attributes.into(),
        sensitive: paths.into_iter().map(|(path, _)| path).collect(),
        private,
        dependencies,
        status,
        create_before_destroy,
        ..empty()
    })
}

fn empty() -> StoredObject {
    StoredObject {
        schema_version: 0,
        attributes: "{}".into(),
        sensitive: Vec::new(),
        private: Vec::new(),
        dependencies: Arc::from([]),
        status: Status::Ready,
        create_before_destroy: false,
        provider: None,
        extra: Default::default(),
    }
}
