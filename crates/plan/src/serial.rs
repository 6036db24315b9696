//! How the fields of a plan that come from other crates are written in the plan file: modules for `serde(with)`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Addresses, as their text.
pub(crate) mod text {
    use super::*;
    use std::fmt::Display;
    use std::str::FromStr;

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An address that may be absent.
pub(crate) mod optional_text {
    use super::*;
    use std::fmt::Display;
    use std::str::FromStr;

    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(T::to_string).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|t| t.parse().map_err(D::Error::custom)).transpose()
    }
}

/// Several addresses.
pub(crate) mod texts {
    use super::*;
    use std::fmt::Display;
    use std::str::FromStr;

    pub(crate) fn serialize<L, T, S>(list: &L, serializer: S) -> Result<S::Ok, S::Error>
    where
        L: AsRef<[T]>,
        T: Display,
        S: Serializer,
    {
        serializer.collect_seq(list.as_ref().iter().map(T::to_string))
    }

    pub(crate) fn deserialize<'de, L, T, D>(deserializer: D) -> Result<L, D::Error>
    where
        L: FromIterator<T>,
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let list = Vec::<String>::deserialize(deserializer)?;
        list.iter().map(|t| t.parse().map_err(D::Error::custom)).collect()
    }
}

/// A set of addresses.
pub(crate) mod set {
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Display;
    use std::str::FromStr;

    pub(crate) fn serialize<T: Display, S: Serializer>(
        set: &BTreeSet<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(set.iter().map(T::to_string))
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<BTreeSet<T>, D::Error>
    where
        T: FromStr<Err: Display> + Ord,
        D: Deserializer<'de>,
    {
        let list = Vec::<String>::deserialize(deserializer)?;
        list.iter().map(|t| t.parse().map_err(D::Error::custom)).collect()
    }
}

/// What `-target` and `-exclude` name; its kind is told apart, since the text of an instance without a key is that of its
/// resource.
pub(crate) mod patterns {
    use super::*;
    use formwork_addr::{Pattern, Target};

    fn write(pattern: &Pattern) -> (&'static str, String) {
        let kind = match pattern {
            Pattern::Exact(Target::Module(_)) => "module",
            Pattern::Exact(Target::Resource(_)) => "resource",
            Pattern::Exact(Target::Instance(_)) => "instance",
            Pattern::Glob(_) => "pattern",
        };
        (kind, pattern.to_string())
    }

    fn read<E: serde::de::Error>((kind, text): (String, String)) -> Result<Pattern, E> {
        let exact = match kind.as_str() {
            "module" => text.parse().map(Target::Module).map_err(E::custom)?,
            "resource" => text.parse().map(Target::Resource).map_err(E::custom)?,
            "instance" => text.parse().map(Target::Instance).map_err(E::custom)?,
            "pattern" => return Ok(Pattern::Glob(text)),
            _ => return Err(E::custom("an unknown kind of target")),
        };
        Ok(Pattern::Exact(exact))
    }

    pub(crate) fn serialize<S: Serializer>(list: &[Pattern], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(write))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pattern>, D::Error> {
        let list = Vec::<(String, String)>::deserialize(deserializer)?;
        list.into_iter().map(read).collect()
    }
}

/// Addresses of modules, resources and instances.
pub(crate) mod targets {
    use super::*;
    use formwork_addr::{Pattern, Target};

    pub(crate) fn serialize<S: Serializer>(list: &[Target], serializer: S) -> Result<S::Ok, S::Error> {
        let list: Vec<Pattern> = list.iter().cloned().map(Pattern::Exact).collect();
        patterns::serialize(&list, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Target>, D::Error> {
        let exact = |pattern| match pattern {
            Pattern::Exact(target) => Ok(target),
            Pattern::Glob(_) => Err(D::Error::custom("a pattern where an address is expected")),
        };
        patterns::deserialize(deserializer)?.into_iter().map(exact).collect()
    }
}

/// What is being imported, by address.
pub(crate) mod imports {
    use super::*;
    use formwork_addr::{InstanceAddr, Str};
    use std::collections::BTreeMap;

    pub(crate) fn serialize<S: Serializer>(
        map: &BTreeMap<InstanceAddr, Str>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(addr, id)| (addr.to_string(), id)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<InstanceAddr, Str>, D::Error> {
        let map = BTreeMap::<String, Str>::deserialize(deserializer)?;
        map.into_iter().map(|(addr, id)| Ok((addr.parse().map_err(D::Error::custom)?, id))).collect()
    }
}

/// A value that may be absent: an array of one or none, which tells a null from nothing.
pub(crate) mod optional_value {
    use super::*;
    use crate::codec::{Decoded, Encoded};
    use formwork_value::Value;

    pub(crate) fn serialize<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(value.iter().map(Encoded::from))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        Ok(Vec::<Decoded>::deserialize(deserializer)?.pop().map(|v| v.0))
    }
}

/// Values by name.
pub(crate) mod values {
    use super::*;
    use crate::codec::{Decoded, Encoded};
    use formwork_addr::Str;
    use formwork_value::Value;
    use std::collections::BTreeMap;

    pub(crate) fn serialize<S: Serializer>(
        map: &BTreeMap<Str, Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(name, value)| (name, Encoded::from(value))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Str, Value>, D::Error> {
        let map = BTreeMap::<Str, Decoded>::deserialize(deserializer)?;
        Ok(map.into_iter().map(|(name, value)| (name, value.0)).collect())
    }
}

/// Paths into a value.
pub(crate) mod paths {
    use super::*;
    use crate::codec::CodedPath;
    use formwork_value::Path;

    pub(crate) fn serialize<S: Serializer>(paths: &[Path], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(|p| CodedPath(p.clone())))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Path>, D::Error> {
        Ok(Vec::<CodedPath>::deserialize(deserializer)?.into_iter().map(|p| p.0).collect())
    }
}

/// Bytes, in base64.
pub(crate) mod bytes {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A place in a file: number of the file, first byte, one past the last.
pub(crate) mod span {
    use super::*;
    use formwork_diag::{FileId, Span};

    pub(crate) fn serialize<S: Serializer>(span: &Option<Span>, serializer: S) -> Result<S::Ok, S::Error> {
        span.map(|s| (s.file.0, s.start, s.end)).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Span>, D::Error> {
        let span = Option::<(u32, u32, u32)>::deserialize(deserializer)?;
        Ok(span.map(|(file, start, end)| Span { file: FileId(file), start, end }))
    }
}

/// An object of the state. Its attributes are kept as the text that they are, byte for byte.
pub(crate) mod stored {
    use super::*;
    use formwork_addr::{ResourceAddr, Str};
    use formwork_state::{Status, StoredObject};
    use formwork_value::Path;
    use std::sync::Arc;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Stored {
        schema_version: u64,
        attributes: Arc<str>,
        #[serde(default, skip_serializing_if = "Vec::is_empty", with = "super::paths")]
        sensitive: Vec<Path>,
        #[serde(default, skip_serializing_if = "Vec::is_empty", with = "super::bytes")]
        private: Vec<u8>,
        #[serde(default = "none", skip_serializing_if = "is_none", with = "super::texts")]
        dependencies: Arc<[ResourceAddr]>,
        #[serde(default)]
        tainted: bool,
        #[serde(default)]
        create_before_destroy: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<Str>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        extra: Vec<(Str, Arc<str>)>,
    }

    fn none() -> Arc<[ResourceAddr]> {
        Arc::new([])
    }

    fn is_none(list: &Arc<[ResourceAddr]>) -> bool {
        list.is_empty()
    }

    pub(crate) fn serialize<S: Serializer>(
        object: &Option<Arc<StoredObject>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let stored = object.as_deref().map(|object| {
            let StoredObject {
                schema_version,
                attributes,
                sensitive,
                private,
                dependencies,
                status,
                create_before_destroy,
                provider,
                extra,
            } = object.clone();
            let tainted = status == Status::Tainted;
            Stored {
                schema_version,
                attributes,
                sensitive,
                private,
                dependencies,
                tainted,
                create_before_destroy,
                provider,
                extra,
            }
        });
        stored.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<StoredObject>>, D::Error> {
        let stored = Option::<Stored>::deserialize(deserializer)?;
        Ok(stored.map(|stored| {
            Arc::new(StoredObject {
                schema_version: stored.schema_version,
                attributes: stored.attributes,
                sensitive: stored.sensitive,
                private: stored.private,
                dependencies: stored.dependencies,
                status: if stored.tainted { Status::Tainted } else { Status::Ready },
                create_before_destroy: stored.create_before_destroy,
                provider: stored.provider,
                extra: stored.extra,
            })
        }))
    }
}
