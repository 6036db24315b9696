//! Provider names, sources, and which configuration a resource uses.

use crate::{Config, Module, ProviderBlock, ProviderRef, ResourceBlock};
use formwork_addr::{InstanceKey, ModulePath};
use formwork_syntax::{Expr, Str};
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
    /// Which of the configurations that `for_each` makes; `None` for a block without it, and for all of them together.
    pub key: Option<Str>,
}

/// The expression that chooses among the configurations that a provider's `for_each` makes.
#[derive(Clone, Copy, Debug)]
pub struct ProviderChoice<'a> {
    /// How many calls above the resource's module it stands: 0 for the resource's own `provider`, 1 for the `providers` of the
    /// call that made the module.
    pub above: usize,
    /// The key.
    pub key: &'a Expr,
}

impl fmt::Display for ProviderKey {
    /// As states write it: `module.x.provider["registry.terraform.io/hashicorp/aws"].west`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.0.is_empty() {
            write!(f, "{}.", self.module)?;
        }
        write!(f, "provider[\"{}\"]", self.source)?;
        if let Some(alias) = &self.alias {
            write!(f, ".{alias}")?;
        }
        match &self.key {
            Some(key) => write!(f, "{}", InstanceKey::Str(key.clone())),
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

    /// The local name by which this module calls a provider; the usual one if it never speaks of it.
    pub fn provider_local(&self, source: &str) -> Str {
        let required =
            self.required_providers.iter().find(|(_, r)| *r.source == *source).map(|(name, _)| name);
        let configured =
            || self.providers.keys().map(|(name, _)| name).find(|n| *self.provider_source(n) == *source);
        let usual = || source.rsplit('/').next().unwrap_or_default().into();
        required.or_else(configured).cloned().unwrap_or_else(usual)
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
        self.key_of(module, local, alias, module.provider_source(local))
    }

    /// `local` is what the module would call `source`; it may mean another one there.
    fn key_of(&self, module: &Module, local: &str, alias: Option<&Str>, source: Str) -> ProviderKey {
        let meant = module.provider_source(local) == source;
        let name = (Str::from(local), alias.cloned());
        let own = ProviderKey {
            module: module.path.clone(),
            local: local.into(),
            source,
            alias: alias.cloned(),
            key: None,
        };
        let Some((call_name, parent)) = module.path.0.split_last() else { return own };
        let Some(parent) = self.modules.get(&ModulePath(parent.to_vec())) else { return own };
        let passed = parent.calls.get(call_name).and_then(|call| call.providers.get(&name)).filter(|_| meant);
        if let Some(passed) = passed {
            return self.provider_key(parent, &passed.name, passed.alias.as_ref());
        }
        if alias.is_some() || (meant && module.providers.contains_key(&name)) {
            return own;
        }
        // What is inherited is the same source, by whatever name the caller knows it.
        self.key_of(parent, &parent.provider_local(&own.source), None, own.source)
    }

    /// Where it is said which of a provider's configurations a resource block of this module uses, when `for_each` makes several.
    pub fn provider_choice<'a>(
        &'a self,
        module: &'a Module,
        block: &'a ResourceBlock,
    ) -> Option<ProviderChoice<'a>> {
        let mut reference = block.provider.as_ref();
        let mut name = match reference {
            Some(r) => (r.name.clone(), r.alias.clone()),
            None => (implied_provider(&block.resource.type_name).into(), None),
        };
        let mut module = module;
        for above in 0.. {
            if let Some(key) = reference.and_then(|r| r.key.as_ref()) {
                return Some(ProviderChoice { above, key });
            }
            let (call, outer) = module.path.0.split_last()?;
            let outer = self.modules.get(&ModulePath(outer.to_vec()))?;
            reference = outer.calls.get(call)?.providers.get(&name);
            match reference {
                Some(passed) => name = (passed.name.clone(), passed.alias.clone()),
                None if name.1.is_some() || module.providers.contains_key(&name) => return None,
                None => name.0 = outer.provider_local(&module.provider_source(&name.0)),
            }
            module = outer;
        }
        None
    }

    /// The block of a provider configuration, where there is one.
    pub fn provider_block(&self, key: &ProviderKey) -> Option<&ProviderBlock> {
        let module = self.module(&key.module)?;
        let block = module.providers.get(&(key.local.clone(), key.alias.clone()))?;
        (module.provider_source(&key.local) == key.source).then_some(block)
    }
}
