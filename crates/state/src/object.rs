//! One stored object as JSON: the same in the snapshot and in the journal.

use crate::{Status, StoredObject, json};
use base64::{Engine, prelude::BASE64_STANDARD};
use formwork_addr::{InstanceKey, ModuleInstance, ModuleStep, ResourceAddr, Str};
use formwork_value::{Path, PathStep, Type, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The field that Terraform 0.11 wrote instead of `attributes`.
pub(crate) const FLAT: &str = "attributes_flat";

/// Text that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// An entry of a resource's `instances`, read but not yet understood.
#[derive(Default)]
pub(crate) struct RawInstance<'a> {
    index_key: Option<&'a RawValue>,
    status: Option<Text<'a>>,
    deposed: Option<Text<'a>>,
    schema_version: Option<u64>,
    attributes: Option<&'a RawValue>,
    sensitive: Option<&'a RawValue>,
    private: Option<Text<'a>>,
    dependencies: Option<Vec<Text<'a>>>,
    create_before_destroy: Option<bool>,
    provider: Option<Text<'a>>,
    extra: Vec<(Text<'a>, &'a RawValue)>,
}

impl<'de: 'a, 'a> Deserialize<'de> for RawInstance<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = RawInstance<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut raw = RawInstance::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "index_key" => raw.index_key = map.next_value()?,
                        "status" => raw.status = map.next_value()?,
                        "deposed" => raw.deposed = map.next_value()?,
                        "schema_version" => raw.schema_version = map.next_value()?,
                        "attributes" => raw.attributes = map.next_value()?,
                        "sensitive_attributes" => raw.sensitive = map.next_value()?,
                        "private" => raw.private = map.next_value()?,
                        "dependencies" => raw.dependencies = map.next_value()?,
                        "create_before_destroy" => raw.create_before_destroy = map.next_value()?,
                        "instance_provider" => raw.provider = map.next_value()?,
                        _ => raw.extra.push((Text(name), map.next_value()?)),
                    }
                }
                Ok(raw)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl RawInstance<'_> {
    /// The key of the instance.
    pub(crate) fn key(&self) -> Result<InstanceKey, String> {
        let Some(raw) = self.index_key else { return Ok(InstanceKey::None) };
        let text = raw.get();
        let key = if text.starts_with('"') {
            serde_json::from_str::<Text<'_>>(text).ok().map(|t| InstanceKey::Str(t.0.into()))
        } else {
            text.parse().ok().map(InstanceKey::Int)
        };
        key.ok_or_else(|| format!("its index_key is {text}, which is neither a whole number nor a string"))
    }

    /// The key of a deposed object.
    pub(crate) fn deposed(&self) -> Option<Str> {
        self.deposed.as_ref().filter(|t| !t.0.is_empty()).map(|t| Str::from(&*t.0))
    }

    /// The object.
    pub(crate) fn object(&self) -> Result<StoredObject, String> {
        let status = match self.status.as_ref().map(|t| &*t.0) {
            None | Some("") => Status::Ready,
            Some("tainted") => Status::Tainted,
            Some(other) => {
                return Err(format!("its status is \"{other}\", and only \"tainted\" is known"));
            }
        };
        let private = match &self.private {
            None => Vec::new(),
            Some(t) => BASE64_STANDARD.decode(&*t.0).map_err(|_| "its private data is not valid base64")?,
        };
        let mut dependencies = Vec::new();
        for Text(text) in self.dependencies.iter().flatten() {
            let address: ResourceAddr = text.parse().map_err(|e| format!("of its dependencies, {e}"))?;
            dependencies.push(address);
        }
        Ok(StoredObject {
            schema_version: self.schema_version.unwrap_or(0),
            attributes: self.attributes.map_or("{}".into(), |raw| json::compacted(raw.get())),
            sensitive: self.sensitive.map_or(Ok(Vec::new()), |raw| paths(raw.get()))?,
            private,
            dependencies: dependencies.into(),
            status,
            create_before_destroy: self.create_before_destroy.unwrap_or(false),
            provider: self.provider.as_ref().filter(|t| !t.0.is_empty()).map(|t| Str::from(&*t.0)),
            extra: self
                .extra
                .iter()
                .map(|(name, raw)| (Str::from(&*name.0), json::compacted(raw.get())))
                .collect(),
        })
    }
}

#[derive(serde::Deserialize)]
struct RawStep<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// Reads `sensitive_attributes`.
fn paths(text: &str) -> Result<Vec<Path>, String> {
    if text == "[]" {
        return Ok(Vec::new());
    }
    let raw: Vec<Vec<RawStep<'_>>> =
        serde_json::from_str(text).map_err(|_| "its sensitive_attributes are not a list of paths")?;
    raw.iter().map(|steps| steps.iter().map(step).collect::<Result<_, _>>().map(Path)).collect()
}

fn step(raw: &RawStep<'_>) -> Result<PathStep, String> {
    let wrong = || "its sensitive_attributes hold a step that is not understood".to_string();
    match &*raw.kind.0 {
        "get_attr" => serde_json::from_str::<Text<'_>>(raw.value.get())
            .map(|t| PathStep::Attr(t.0.into()))
            .map_err(|_| wrong()),
        "index" => formwork_value::json::decode(raw.value.get(), &Type::Dynamic)
            .map(PathStep::Index)
            .map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// Where the fields of an object are written to: indented in a snapshot, compact in a journal.
pub(crate) struct Fields<'a> {
    out: &'a mut String,
    /// Depth of the fields; `None` for compact text.
    depth: Option<usize>,
    first: bool,
}

impl<'a> Fields<'a> {
    /// Opens an object whose fields stand at `depth`.
    pub(crate) fn open(out: &'a mut String, depth: Option<usize>) -> Self {
        out.push('{');
        Fields { out, depth, first: true }
    }

    /// Begins a field; its value is to be appended to what this returns.
    pub(crate) fn field(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        if let Some(depth) = self.depth {
            json::newline(self.out, depth);
        }
        json::string(self.out, name);
        self.out.push_str(if self.depth.is_some() { ": " } else { ":" });
        self.out
    }

    /// A string field.
    pub(crate) fn string(&mut self, name: &str, value: &str) {
        json::string(self.field(name), value);
    }

    /// A field of which the JSON text is given.
    pub(crate) fn json(&mut self, name: &str, text: &str) {
        let depth = self.depth;
        let out = self.field(name);
        match depth {
            Some(depth) => json::indented(out, text, depth),
            None => json::compact(out, text),
        }
    }

    /// A field that is written as it prints.
    pub(crate) fn display(&mut self, name: &str, value: impl fmt::Display) {
        use fmt::Write;
        let _ = write!(self.field(name), "{value}");
    }

    /// Closes the object.
    pub(crate) fn close(self) {
        if let Some(depth) = self.depth
            && !self.first
        {
            json::newline(self.out, depth - 1);
        }
        self.out.push('}');
    }
}

/// Appends an entry of `instances`; with `depth` its fields stand there, without it the text is compact.
pub(crate) fn write(
    out: &mut String,
    depth: Option<usize>,
    key: &InstanceKey,
    deposed: Option<&Str>,
    object: &StoredObject,
) {
    let mut fields = Fields::open(out, depth);
    match key {
        InstanceKey::None => {}
        InstanceKey::Int(i) => fields.display("index_key", i),
        InstanceKey::Str(s) => fields.string("index_key", s),
    }
    if object.status == Status::Tainted {
        fields.string("status", "tainted");
    }
    if let Some(deposed) = deposed {
        fields.string("deposed", deposed);
    }
    fields.display("schema_version", object.schema_version);
    // What Terraform 0.11 wrote, and its successors keep until the provider has upgraded it.
    match object.extra.iter().find(|(name, _)| &**name == FLAT) {
        Some((name, text)) if object.is_flat() => fields.json(name, text),
        _ => fields.json("attributes", &object.attributes),
    }
    if object.sensitive.is_empty() {
        fields.field("sensitive_attributes").push_str("[]");
    } else {
        fields.json("sensitive_attributes", &paths_text(&object.sensitive));
    }
    for (name, text) in object.extra.iter().filter(|(name, _)| &**name != FLAT) {
        fields.json(name, text);
    }
    if !object.private.is_empty() {
        let out = fields.field("private");
        out.push('"');
        BASE64_STANDARD.encode_string(&object.private, out);
        out.push('"');
    }
    if !object.dependencies.is_empty() {
        let mut names: Vec<String> = object.dependencies.iter().map(without_keys).collect();
        names.sort_unstable();
        names.dedup();
        let out = fields.field("dependencies");
        out.push('[');
        for (i, name) in names.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            if let Some(depth) = depth {
                json::newline(out, depth + 1);
            }
            json::string(out, name);
        }
        if let Some(depth) = depth {
            json::newline(out, depth);
        }
        out.push(']');
    }
    if object.create_before_destroy {
        fields.display("create_before_destroy", true);
    }
    if let Some(provider) = &object.provider {
        fields.string("instance_provider", provider);
    }
    fields.close();
}

/// Terraform refuses instance keys in dependencies.
fn without_keys(address: &ResourceAddr) -> String {
    if address.module.steps().iter().all(|s| s.key == InstanceKey::None) {
        return address.to_string();
    }
    let steps: Arc<[ModuleStep]> = address
        .module
        .steps()
        .iter()
        .map(|s| ModuleStep { name: s.name.clone(), key: InstanceKey::None })
        .collect();
    ResourceAddr { module: ModuleInstance::new(steps), resource: address.resource.clone() }.to_string()
}

fn paths_text(paths: &[Path]) -> String {
    let mut out = String::from("[");
    for (i, path) in paths.iter().enumerate() {
        out.push_str(if i > 0 { ",[" } else { "[" });
        for (i, step) in path.0.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            match step {
                PathStep::Attr(name) => {
                    out.push_str("{\"type\":\"get_attr\",\"value\":");
                    json::string(&mut out, name);
                }
                PathStep::Index(key) => {
                    out.push_str("{\"type\":\"index\",\"value\":");
                    out.push_str(&index(key));
                }
            }
            out.push('}');
        }
        out.push(']');
    }
    out.push(']');
    out
}

/// A key with its type. One that cannot be written (nothing makes such) becomes null, which marks the collection.
fn index(key: &Value) -> String {
    formwork_value::json::encode(key, &Type::Dynamic)
        .unwrap_or_else(|_| "{\"value\":null,\"type\":\"dynamic\"}".into())
}
