//! Provider configurations that nobody wrote: in which module Terraform's JSON has them.

use super::Writer;
use formwork_addr::ModulePath;
use formwork_config::{Module, ProviderKey, ResourceBlock, implied_provider};

impl Writer<'_> {
    /// The provider configuration that a resource block uses.
    pub(super) fn provider_of(&self, module: &Module, block: &ResourceBlock) -> ProviderKey {
        self.placed(module, self.config.provider_of(module, block))
    }

    /// A provider configuration, in the module where it is told. One without a block is that of the outermost caller up to
    /// which all speak of the provider.
    pub(super) fn placed(&self, user: &Module, key: ProviderKey) -> ProviderKey {
        if key.alias.is_some() || self.config.provider_block(&key).is_some() {
            return key;
        }
        let mut at = user;
        while let Some((_, outer)) = at.path.0.split_last()
            && let Some(parent) = self.config.module(&ModulePath(outer.to_vec()))
            && speaks_of(parent, &key.source)
        {
            at = parent;
        }
        ProviderKey { module: at.path.clone(), local: at.provider_local(&key.source), ..key }
    }
}

/// Whether a module requires, configures or uses a provider.
fn speaks_of(module: &Module, source: &str) -> bool {
    let of = |local: &str| *module.provider_source(local) == *source;
    let used = |block: &ResourceBlock| match &block.provider {
        Some(named) => of(&named.name),
        None => of(implied_provider(&block.resource.type_name)),
    };
    module.required_providers.values().any(|r| *r.source == *source)
        || module.providers.keys().any(|(local, _)| of(local))
        || module.resources.values().any(|block| used(block))
}
