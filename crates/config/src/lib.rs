//! Blocks to modules: the configuration.
//!
//! [`load`] reads a root module and everything it calls; expressions stay expressions. Values of root module
//! variables are gathered by [`resolve_variables`]. Nothing here knows schemas or evaluates resources.

mod alone;
mod backend;
mod blocks;
mod check;
mod clashes;
mod conditions;
mod constant;
mod early;
mod encryption;
mod escape;
mod files;
mod host;
mod imports;
mod labels;
pub mod language;
mod load;
mod manifest;
mod meta;
mod model;
mod moves;
mod native_json;
mod overrides;
mod providers;
mod provisioners;
mod resources;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod variables;
mod version;
mod written;

pub use backend::backend_arguments;
pub use check::only_plans_refuse;
pub use clashes::{Clashes, Ends};
pub use constant::{Nothing, const_eval};
pub use early::{Early, OwnNames};
pub use encryption::{ComponentBlock, EncryptionBlock, TargetBlock, encryption_text};
pub use files::{DiskFiles, Files, MANIFEST, MemoryFiles};
pub use host::{ascii_host, shown_host};
pub use load::{
    Loaded, has_configuration, load, load_backend, load_root, load_structure, load_with,
    load_without_lost_imports, mentions,
};
pub use manifest::{Found, Manifest, ManifestEntry, Modules, Wanted, manifest_key, placed, wanted};
pub use model::{
    BackendBlock, Check, Condition, Config, Connection, IgnoreChanges, Import, ImportTarget, Lifecycle,
    Local, Module, ModuleCall, Moved, OnFailure, Output, ProviderBlock, ProviderRef, ProviderRequirement,
    Provisioner, Removed, Repetition, ResourceBlock, Validation, Variable, When,
};
pub use native_json::repeated_keys;
pub use overrides::without_effect;
pub use providers::{ProviderChoice, ProviderKey, implied_provider, normalise_source};
pub use source::{Getter, Published, Remote, Source, SourceError, decode, encode};
pub use variables::{Given, GivenValue, Origin, Resolved, resolve_variables, variable_file};
pub use version::{Constraints, Version};
