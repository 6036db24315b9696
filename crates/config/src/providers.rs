//! Provider names, sources, and which configuration a resource uses.

use crate::{Config, Module, ProviderRef, ResourceBlock};
use formwork_addr::ModulePath;
use formwork_syntax::Str;
use std::fmt;

/// A provider configuration: the module whose block (or whose lack of one) it is, its source, and alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderKey {
    /// The module that holds the configuration.
    pub module: ModulePath,
    /// The local name there.
    pub local: Str,
    /// The source address.
    pub source: Str,
    /// The alias.
    pub alias: Option<Str>,
}

impl fmt::Display for ProviderKey {
    /// As states write it: `module.x.provider["registry.terraform.io/hashicorp/aws"].west`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.0.is_empty() {
            write!(f, "{}.", self.module)?;
        }
        write!(f, "provider[\"{}\"]", self.source)?;
        match &self.alias {
            Some(alias) => write!(f, ".{alias}"),
            None => Ok(()),
        }
    }
}

/// The local provider name that a resource type implies: what stands before its first underscore.
pub fn implied_provider(type_name: &str) -> &str {
    type_name.split('_').next().unwrap_or(type_name)
}

/// A source address made complete: `hashicorp/aws` to `registry.terraform.io/hashicorp/aws`.
pub fn normalise_source(source: &str) -> Result<Str, String> {
    let parts: Vec<&str> = source.split('/').collect();
    let plain = |s: &&str| {
        !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
    };
    if !parts.iter().all(plain) {
        return Err(format!(
            "\"{source}\" has an empty part, or characters that source addresses do not have"
        ));
    }
    match parts.as_slice() {
        [name] => Ok(format!("registry.terraform.io/hashicorp/{}", name.to_lowercase()).into()),
        [namespace, name] => Ok(format!("registry.terraform.io/{namespace}/{name}").to_lowercase().into()),
        [_, _, _] => Ok(source.to_lowercase().into()),
        _ => Err(format!("\"{source}\" has too many parts; the form is HOST/NAMESPACE/NAME")),
    }
}

impl Module {
    /// The source address that a local provider name stands for here.
    pub fn provider_source(&self, local: &str) -> Str {
        match self.required_providers.get(local) {
            Some(requirement) => requirement.source.clone(),
            None if local == "terraform" => "terraform.io/builtin/terraform".into(),
            None => format!("registry.terraform.io/hashicorp/{}", local.to_lowercase()).into(),
        }
    }
}

impl Config {
    /// The provider configuration that a resource block of this module uses.
    pub fn provider_of(&self, module: &Module, block: &ResourceBlock) -> ProviderKey {
        match &block.provider {
            Some(ProviderRef { name, alias, .. }) => self.provider_key(module, name, alias.as_ref()),
            None => self.provider_key(module, implied_provider(&block.resource.type_name), None),
        }
    }

    /// The provider configuration that a name means in a module: its own, one passed by the caller, or the default
    /// one of the nearest caller that has any.
    pub fn provider_key(&self, module: &Module, local: &str, alias: Option<&Str>) -> ProviderKey {
        let own = ProviderKey {
            module: module.path.clone(),
            local: local.into(),
            source: module.provider_source(local),
            alias: alias.cloned(),
        };
        let Some((call_name, parent)) = module.path.0.split_last() else { return own };
        let Some(parent) = self.modules.get(&ModulePath(parent.to_vec())) else { return own };
        let passed =
            parent.calls.get(call_name).and_then(|c| c.providers.get(&(Str::from(local), alias.cloned())));
        if let Some(passed) = passed {
            return self.provider_key(parent, &passed.name, passed.alias.as_ref());
        }
        if alias.is_some() || module.providers.contains_key(&(Str::from(local), None)) {
            return own;
        }
        // Inherited: the caller may know the same source by another local name.
        let outer = parent
            .required_providers
            .iter()
            .find(|(_, r)| r.source == own.source)
            .map_or_else(|| Str::from(local), |(name, _)| name.clone());
        self.provider_key(parent, &outer, None)
    }
}
